"""Replies of OpenAI's API about files and uploads, for the suite that every provider must pass."""

from __future__ import annotations

from typing import Any

from jackfield.errors import NotFoundError
from jackfield_jobs.files import ContentRequest, DeleteFileRequest, FileRequest, ListFilesRequest, UploadFileRequest
from jackfield_jobs.sources import FileSource
from jackfield_jobs.uploads import CancelUploadRequest, CompleteUploadRequest, CreateUploadRequest, UploadPartRequest
from jackfield_testkit.conformance import Refusal, Sample

LINE = b'{"custom_id": "1", "method": "POST", "url": "/v1/embeddings", "body": {"input": "x"}}\n'
FILE = {
    "id": "file-abc",
    "object": "file",
    "bytes": 86,
    "created_at": 1_750_000_000,
    "expires_at": 1_752_592_000,
    "filename": "a.jsonl",
    "purpose": "batch",
    "status": "processed",
    "status_details": None,
}
UPLOAD = {
    "id": "upload_abc",
    "object": "upload",
    "bytes": 86,
    "created_at": 1_750_000_000,
    "filename": "a.jsonl",
    "purpose": "batch",
    "status": "pending",
    "expires_at": 1_750_003_600,
}
CONTENT = b"\x00\xff bytes of any kind {\n"


def file_samples() -> list[Sample]:
    """One of each operation of files and uploads."""
    source = FileSource(LINE, "a.jsonl")
    content: dict[str, Any] = {
        "reply": CONTENT,
        "content_type": "application/octet-stream",
        "headers": {"content-length": str(len(CONTENT))},
    }
    other = {**FILE, "id": "file-def", "status": "error", "status_details": "line 1 is no JSON"}
    listed = {"object": "list", "data": [FILE, other], "first_id": "file-abc", "last_id": "file-def", "has_more": True}
    told = {"file.id": "file-abc", "file.size": 86, "file.purpose": "batch", "file.expires": 1_752_592_000.0}
    return [
        Sample(
            name="file-upload",
            request=UploadFileRequest(source=source, purpose="batch", expires_after=3600),
            reply=FILE,
            says={**told, "id": "file-abc"},
        ),
        Sample(
            name="file", request=FileRequest(file="file-abc"), reply=FILE, says={**told, "file.status": "processed"}
        ),
        Sample(
            name="files",
            request=ListFilesRequest(purpose="batch", order="asc", limit=2, after="file-aaa"),
            reply=listed,
            says={"items": lambda items: [one.failed for one in items] == [False, True], "next": "file-def"},
        ),
        Sample(
            name="file-delete",
            request=DeleteFileRequest(file="file-abc"),
            reply={"id": "file-abc", "object": "file", "deleted": True},
            says={"deleted": True, "id": "file-abc"},
        ),
        Sample(
            name="file-content",
            request=ContentRequest(file="file-abc", limit=1000),
            **content,
            says={"content": CONTENT, "size": len(CONTENT)},
        ),
        Sample(
            name="file-stream",
            request=ContentRequest(file="file-abc"),
            headers=content["headers"],
            stream=CONTENT,
            stream_type="application/octet-stream",
            says={"content": None, "size": len(CONTENT)},
        ),
        Sample(
            name="upload",
            request=CreateUploadRequest(
                name="a.jsonl", purpose="batch", size=86, media_type="text/jsonl", expires_after=3600
            ),
            reply=UPLOAD,
            says={"upload.id": "upload_abc", "upload.status": "pending", "upload.expires": 1_750_003_600.0},
        ),
        Sample(
            name="upload-part",
            request=UploadPartRequest(upload="upload_abc", source=source, start=2, stop=9),
            reply={"id": "part_abc", "object": "upload.part", "created_at": 1_750_000_000, "upload_id": "upload_abc"},
            says={"part": "part_abc"},
        ),
        Sample(
            name="upload-complete",
            request=CompleteUploadRequest(upload="upload_abc", parts=["part_a", "part_b"], md5="0" * 32),
            reply={**UPLOAD, "status": "completed", "file": FILE},
            says={"upload.status": "completed", "upload.file.id": "file-abc"},
        ),
        Sample(
            name="upload-cancel",
            request=CancelUploadRequest(upload="upload_abc"),
            reply={**UPLOAD, "status": "cancelled"},
            says={"upload.status": "cancelled"},
        ),
    ]


FILE_REFUSALS = [
    Refusal(
        name="file-missing",
        status=404,
        error=NotFoundError,
        reply={
            "error": {
                "message": "No such File object: fake_id",
                "type": "invalid_request_error",
                "param": "id",
                "code": None,
            },
            "detail": {"message": "No such File object: fake_id", "code": None},
        },
        says={"message": "No such File object: fake_id"},
    )
]

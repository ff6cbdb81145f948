"""Recorded files and uploads, and the examples of the API's description: each is read, and says what it says."""

import gzip
import json

import pytest
from any_chats import faults, validator
from exchanges import Outcome, any_call, asked
from openai_forms import form_of
from wire_folder import beside

from jackfield.errors import NotFoundError
from jackfield.http import HttpResponse
from jackfield_jobs.files import ContentRequest, DeleteFileRequest, FileRequest, ListFilesRequest, UploadFileRequest
from jackfield_jobs.uploads import CancelUploadRequest, CompleteUploadRequest, CreateUploadRequest, UploadPartRequest
from jackfield_openai import OpenAIProvider, OpenAISettings
from jackfield_openai.testing.forms import read_form

PROVIDER = OpenAIProvider("openai", OpenAISettings(api_key="k"))
LINE = b'{"custom_id": "1", "method": "POST", "url": "/v1/embeddings", "body": {"input": "x"}}\n'
KINDS = {
    ("POST", "/files"): UploadFileRequest(source=LINE, purpose="batch"),
    ("GET", "/files"): ListFilesRequest(),
    ("GET", "/files/{id}"): FileRequest(file="file-1"),
    ("DELETE", "/files/{id}"): DeleteFileRequest(file="file-1"),
    ("GET", "/files/{id}/content"): ContentRequest(file="file-1", limit=1_000_000),
    ("POST", "/uploads"): CreateUploadRequest(name="a.jsonl", purpose="batch", size=9),
    ("POST", "/uploads/{id}/parts"): UploadPartRequest(upload="upload_1", source=LINE),
    ("POST", "/uploads/{id}/complete"): CompleteUploadRequest(upload="upload_1", parts=["part_1"]),
    ("POST", "/uploads/{id}/cancel"): CancelUploadRequest(upload="upload_1"),
}


def outcome(request, body, status=200, headers=None):
    """What a reply comes to."""
    head = HttpResponse(status, headers or {"content-type": "application/json"})
    exchange = PROVIDER.open(any_call(request))
    next(exchange)
    with pytest.raises(StopIteration) as stop:
        exchange.send(head)
    return Outcome(stop.value.value, [body], request)


def said_by(response):
    """The chief fact of a response: a file, an upload, a part."""
    found = getattr(response, "file", None) or getattr(response, "upload", None)
    return found.id if found is not None else response.part if hasattr(response, "part") else response.id


def check(request, payload, found):
    """See that a response says what its payload says."""
    assert found.error is None, found.error
    response = found.response
    assert response.raw == payload
    if isinstance(request, ListFilesRequest):
        assert [one.id for one in response.items] == [one["id"] for one in payload["data"]]
        assert [one.size for one in response.items] == [one["bytes"] for one in payload["data"]]
        return
    assert said_by(response) == payload["id"]
    if payload["object"] == "file" and "bytes" in payload:
        file = response.file
        told = (file.name, file.size, file.purpose, file.created, file.status, file.expires)
        names = ("filename", "bytes", "purpose", "created_at", "status", "expires_at")
        assert told == tuple(payload.get(name) for name in names)
    if payload["object"] == "upload":
        upload = response.upload
        told = (upload.name, upload.size, upload.purpose, upload.status, upload.expires)
        assert told == tuple(payload[name] for name in ("filename", "bytes", "purpose", "status", "expires_at"))
        assert (upload.file and upload.file.id) == payload.get("file", {}).get("id")


@pytest.fixture(scope="module")
def rows():
    with gzip.open(beside("recordings.jsonl.gz"), "rt", encoding="utf-8") as file:
        found = [row for row in map(json.loads, file) if (row["method"], row["endpoint"]) in KINDS]
    assert len(found) > 40
    return found


def test_every_recording_is_read(rows):
    for row in rows:
        request, body = KINDS[row["method"], row["endpoint"]], row["response_body"].encode()
        headers = {name: value for name, value in row["response_headers"].items() if name.lower() != "content-length"}
        if row["status"] >= 400:
            error = PROVIDER.error(HttpResponse(row["status"], headers, body))
            assert type(error) is NotFoundError
            assert error.message == json.loads(body)["error"]["message"]
            continue
        found = outcome(request, body, row["status"], headers)
        if isinstance(request, ContentRequest):
            assert found.response.content == body
        else:
            check(request, json.loads(body), found)


def test_recorded_forms_are_what_the_fake_reads(rows):
    forms = [row for row in rows if row["request_body_kind"] == "text"]
    assert len(forms) >= 8
    for row in forms:
        kind = {name.lower(): value for name, value in row["request_headers"].items()}["content-type"]
        body = row["request_body"].replace("\r\n", "\n").replace("\n", "\r\n").strip().encode() + b"\r\n"
        form = read_form(kind, body)
        told = json.loads(row["response_body"])
        assert form.text("purpose") == told["purpose"]
        assert form.file("file").filename == told["filename"]


def test_every_example_is_read():
    count = 0
    for group in ("files.json", "uploads.json"):
        for example in json.loads(beside("openai", "examples", group).read_text(encoding="utf-8")):
            place = example["path"].replace("{file_id}", "{id}").replace("{upload_id}", "{id}")
            request, payload = KINDS[example["method"], place], example["response"]
            if payload is None:
                assert isinstance(request, ContentRequest)
                continue
            check(request, payload, outcome(request, json.dumps(payload).encode()))
            count += 1
    assert count == 8


def test_other_hosts_have_other_words():
    theirs = {
        "id": "or_file_1",
        "type": "file",
        "created_at": "2025-01-01T00:00:00Z",
        "filename": "a.pdf",
        "mime_type": "application/pdf",
        "size_bytes": 1024,
    }
    file = outcome(KINDS["GET", "/files/{id}"], json.dumps(theirs).encode()).response.file
    assert (file.id, file.size, file.created, file.pending) == ("or_file_1", 1024, 1_735_689_600.0, False)
    for date in ("yesterday", 10**400, True):
        wrong = json.dumps({**theirs, "created_at": date}).encode()
        assert outcome(KINDS["GET", "/files/{id}"], wrong).response.created is None
    naive = json.dumps({**theirs, "created_at": "2025-01-01T00:00:00"}).encode()
    assert outcome(KINDS["GET", "/files/{id}"], naive).response.created == 1_735_689_600.0
    gone = outcome(KINDS["DELETE", "/files/{id}"], b'{"id": "or_file_1", "type": "file_deleted"}').response
    assert (gone.id, gone.deleted) == ("or_file_1", True)
    page = {"data": [theirs], "has_more": True, "last_id": None}
    assert outcome(KINDS["GET", "/files"], json.dumps(page).encode()).response.next == "or_file_1"


# --- what is sent, against the description


def sent(request):
    return asked(PROVIDER, any_call(request))


def valid(schema, body):
    found = list(faults(validator("openai", schema).iter_errors(body)))
    assert not found, found


@pytest.mark.parametrize(
    ("purpose", "name"),
    [
        ("batch", "a.jsonl"),
        ("assistants", "a.pdf"),
        ("user_data", None),
        ("vision", "ä.png"),
        ("fine-tune", None),
        ("evals", None),
    ],
)
@pytest.mark.parametrize("expires", [None, 3600, 2_592_000])
def test_forms_are_what_the_description_asks_for(purpose, name, expires):
    from jackfield_jobs.sources import FileSource

    content = b'{"messages": [{}]}' if purpose == "fine-tune" else LINE
    request = UploadFileRequest(source=FileSource(content, name), purpose=purpose, expires_after=expires)
    texts, *_, file = form_of(sent(request))
    body = {"purpose": texts.pop("purpose"), "file": file.decode()}
    if expires is not None:
        body["expires_after"] = {
            "anchor": texts.pop("expires_after[anchor]"),
            "seconds": int(texts.pop("expires_after[seconds]")),
        }
    assert texts == {}
    valid("CreateFileRequest", body)


def test_bodies_of_uploads_are_what_the_description_asks_for():
    create = CreateUploadRequest(name="a.jsonl", purpose="fine-tune", size=9, expires_after=3600)
    valid("CreateUploadRequest", json.loads(sent(create).body))
    assert json.loads(sent(create).body)["mime_type"] == "text/jsonl"
    texts, _, _, data = form_of(sent(UploadPartRequest(upload="upload_1", source=LINE, start=2, stop=5)), "data")
    assert texts == {}
    valid("AddUploadPartRequest", {"data": data.decode()})
    assert data == LINE[2:5]
    for md5 in (None, "0" * 32):
        complete = CompleteUploadRequest(upload="upload_1", parts=["part_2", "part_1"], md5=md5)
        valid("CompleteUploadRequest", json.loads(sent(complete).body))
    assert json.loads(sent(complete).body)["part_ids"] == ["part_2", "part_1"]
    assert sent(CancelUploadRequest(upload="upload_1")).body == b""


def test_queries_are_what_the_description_asks_for():
    request = sent(ListFilesRequest(purpose="batch", order="asc", limit=5, after="file-1"))
    assert request.path == "/files?purpose=batch&order=asc&limit=5&after=file-1"
    assert sent(ListFilesRequest()).path == "/files"

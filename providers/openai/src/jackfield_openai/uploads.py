"""The exchanges of uploads in parts: how OpenAI is asked for them, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jackfield.call import Call
from jackfield.errors import BadRequestError
from jackfield.http import HttpRequest
from jackfield.provider import Exchange, serves
from jackfield.types import Event
from jackfield_jobs.multipart import Form, form_fields
from jackfield_jobs.sources import media_type_of
from jackfield_jobs.uploads import (
    CancelUploadRequest,
    CompleteUploadRequest,
    CreateUploadRequest,
    PartAdded,
    PartedUpload,
    UploadPartRequest,
    UploadTold,
)
from jackfield_wire_openai.models import part_of_path
from jackfield_wire_openai.reading import fact

from .checks import check_file, default_name
from .files import FileExchanges, malformed, read_file, telling
from .lists import number

__all__ = ["UploadExchanges"]

BYTES: Final = "application/octet-stream"
LARGEST_PART: Final = 64 * 1024 * 1024


class UploadExchanges(FileExchanges):
    """The exchanges of a provider for uploads in parts, beside those for files."""

    @serves(CreateUploadRequest.operation)
    def create_upload(self, call: Call[CreateUploadRequest]) -> Exchange[Event]:
        """POST /uploads."""
        fields = self.fields(call)
        purpose, size, source = (fields.take(name) for name in ("purpose", "size", "source"))
        name = fields.take("name") or default_name(purpose)
        if self.checks(fields.take("check")):
            check_file(purpose, name, size, source, in_parts=True)
        kind = fields.take("media_type") or media_type_of(name)
        body = {"filename": name, "purpose": purpose, "bytes": size, "mime_type": kind}
        body |= self.expiry(fields.take("expires_after"))
        body |= self.own_fields(call, fields.take("extra_body"))
        fields.report_rest()
        head = yield self.post("/uploads", body)
        return telling(head, _told)

    @serves(UploadPartRequest.operation)
    def upload_part(self, call: Call[UploadPartRequest]) -> Exchange[Event]:
        """POST /uploads/{upload_id}/parts, as a form."""
        fields = self.fields(call)
        source, start, stop = (fields.take(name) for name in ("source", "start", "stop"))
        progress, _ = fields.take("progress"), fields.take("drop")
        path = self._path(fields.take("upload"), "parts")
        stop = source.size if stop is None else stop
        if not 0 <= start < stop <= source.size:
            raise BadRequestError(f"start: expected a part of {source.size} bytes, got those from {start} to {stop}")
        if stop - start > LARGEST_PART and self.checks(None):
            raise BadRequestError(f"stop: a part has at most {LARGEST_PART} bytes, and this one {stop - start}")
        values = self.own_fields(call, fields.take("extra_body"))
        fields.report_rest()
        form = Form([*form_fields(values)], "data", "part", BYTES, source, start, stop, progress=progress)
        head = yield self.form_request(path, form)
        return telling(head, _part)

    @serves(CompleteUploadRequest.operation)
    def complete_upload(self, call: Call[CompleteUploadRequest]) -> Exchange[Event]:
        """POST /uploads/{upload_id}/complete."""
        fields = self.fields(call)
        path = self._path(fields.take("upload"), "complete")
        body: dict[str, Any] = {"part_ids": list(fields.take("parts"))}
        if (md5 := fields.take("md5")) is not None:
            body["md5"] = md5
        fields.take("source")  # whose checksum was taken, or is not wanted
        body |= self.own_fields(call, fields.take("extra_body"))
        fields.report_rest()
        head = yield self.post(path, body)
        return telling(head, _told)

    @serves(CancelUploadRequest.operation)
    def cancel_upload(self, call: Call[CancelUploadRequest]) -> Exchange[Event]:
        """POST /uploads/{upload_id}/cancel."""
        self.report_all(call, "upload")
        head = yield HttpRequest("POST", self._path(call.request.upload, "cancel"), {"accept": "application/json"})
        return telling(head, _told)

    @staticmethod
    def _path(upload: str, step: str) -> str:
        return f"/uploads/{part_of_path(upload, field='upload')}/{step}"


def _told(payload: Mapping[str, Any]) -> Iterator[Event]:
    name, file = fact(payload, "id", str), fact(payload, "file", dict)
    if not name:
        raise malformed("an upload", payload)
    yield UploadTold(
        PartedUpload(
            name,
            fact(payload, "filename", str),
            fact(payload, "bytes", int),
            fact(payload, "purpose", str),
            fact(payload, "status", str),
            number(payload, "created_at"),
            number(payload, "expires_at"),
            None if file is None else read_file(file),
            raw=payload,
        )
    )


def _part(payload: Mapping[str, Any]) -> Iterator[Event]:
    name = fact(payload, "id", str)
    if not name:
        raise malformed("a part of an upload", payload)
    yield PartAdded(name, fact(payload, "upload_id", str))

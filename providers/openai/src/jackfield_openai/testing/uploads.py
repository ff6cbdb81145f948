"""The uploads of the fake: files that come in parts."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, Final

from attrs import asdict, define, field

from .base import Asked, FakeReply, Room, refused, told
from .files import PURPOSES, wrong_expiry

__all__ = ["FakeUpload", "FakeUploads"]

HOUR: Final = 3600.0
LARGEST: Final = 8 * 1024**3
LARGEST_PART: Final = 64 * 1024**2


@define
class FakeUpload:
    """An upload that the fake keeps; times are in seconds since 1970.

    Attributes:
        id: its id.
        name: the name of the file that it is to be.
        purpose: what that is for.
        size: how many bytes it is to have.
        created: when it began.
        status: "pending", "completed" or "cancelled"; one whose hour has passed is shown as "expired".
        parts: the parts that have come, by id.
        expires_after: seconds after which the file goes.
        file: the id of the file that it has become.
    """

    id: str
    name: str
    purpose: str
    size: int
    created: float
    status: str = "pending"
    parts: dict[str, bytes] = field(factory=dict, repr=False)
    expires_after: float | None = None
    file: str | None = None


class FakeUploads(Room):
    """POST of /uploads and of what is below it.

    Attributes:
        kept: the uploads, by id.
    """

    name = "uploads"

    def __init__(self, fake: Any) -> None:
        """Have no upload yet."""
        super().__init__(fake)
        self.kept: dict[str, FakeUpload] = {}

    def answer(self, asked: Asked) -> FakeReply | None:
        """Answer what is asked of uploads."""
        match asked.method, asked.steps:
            case "POST", ("uploads",):
                return self._create(asked.json())
            case "POST", ("uploads", named, ("parts" | "complete" | "cancel") as what):
                return self._go_on(named, what, asked)
        return None

    def shown(self, upload: FakeUpload) -> dict[str, Any]:
        """An upload as the API tells of it."""
        told_of: dict[str, Any] = {
            "id": upload.id,
            "object": "upload",
            "bytes": upload.size,
            "created_at": int(upload.created),
            "filename": upload.name,
            "purpose": upload.purpose,
            "status": self._status(upload),
            "expires_at": int(upload.created + HOUR),
        }
        if upload.file is not None and (file := self.fake.files.find(upload.file)) is not None:
            told_of["file"] = self.fake.files.shown(file)
        return told_of

    def _create(self, body: dict[str, Any]) -> FakeReply:
        size = body.get("bytes")
        for name, kind in (("filename", str), ("purpose", str), ("bytes", int), ("mime_type", str)):
            if type(body.get(name)) is not kind:
                return refused(
                    400, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
                )
        if body["purpose"] not in PURPOSES:
            return refused(400, f"Invalid value: {body['purpose']!r}.", param="purpose", code="invalid_value")
        if not isinstance(size, int) or not 0 < size <= LARGEST:
            return refused(400, f"Invalid 'bytes': {size!r}", param="bytes")
        expiry = body.get("expires_after") or {}
        if (wrong := wrong_expiry(expiry.get("anchor"), expiry.get("seconds"))) is not None:
            return wrong
        made = FakeUpload(self.fake.made("upload_"), body["filename"], body["purpose"], size, self.fake.now)
        made.expires_after = expiry.get("seconds")
        self.kept[made.id] = made
        return told(self.shown(made))

    def _go_on(self, named: str, what: str, asked: Asked) -> FakeReply:
        upload = self.kept.get(named)
        if upload is None:
            return refused(404, f"No such Upload object: {named}", param="upload_id")
        status = self._status(upload)
        if status != "pending":
            return refused(400, f"The upload {named} is {status}.", param="upload_id", code=f"upload_{status}")
        if what == "cancel":
            upload.status, upload.parts = "cancelled", {}
            return told(self.shown(upload))
        return self._part(upload, asked) if what == "parts" else self._complete(upload, asked.json())

    def _part(self, upload: FakeUpload, asked: Asked) -> FakeReply:
        data = asked.form().file("data")
        if data is None or not data.content:
            return refused(400, "'data' is a required property", param="data")
        if len(data.content) > LARGEST_PART:
            return refused(413, f"The part is larger than {LARGEST_PART} bytes.", param="data")
        named = self.fake.made("part_")
        upload.parts[named] = data.content
        made = {"id": named, "object": "upload.part", "created_at": int(self.fake.now), "upload_id": upload.id}
        return told(made)

    def _complete(self, upload: FakeUpload, body: dict[str, Any]) -> FakeReply:
        ids = body.get("part_ids")
        if not isinstance(ids, list) or not ids:
            return refused(400, "Missing required parameter: 'part_ids'.", param="part_ids")
        if unknown := [named for named in ids if named not in upload.parts]:
            return refused(400, f"No such part: {unknown[0]}", param="part_ids")
        content = b"".join(upload.parts[named] for named in ids)
        if len(content) != upload.size:
            return refused(400, f"Expected {upload.size} bytes, got {len(content)}.", param="bytes")
        if (md5 := body.get("md5")) is not None and md5 != hashlib.md5(content, usedforsecurity=False).hexdigest():
            return refused(400, "The md5 checksum does not match.", param="md5", code="checksum_mismatch")
        made = self.fake.files.add(upload.name, content, upload.purpose, expires_after=upload.expires_after)
        upload.status, upload.parts, upload.file = "completed", {}, made.id
        return told(self.shown(upload))

    def _status(self, upload: FakeUpload) -> str:
        late = upload.status == "pending" and upload.created + HOUR <= self.fake.now
        return "expired" if late else upload.status

    def dump(self) -> Any:
        """The uploads, with the bytes of their parts as base64."""
        return [
            {
                **asdict(upload),
                "parts": {named: base64.b64encode(part).decode() for named, part in upload.parts.items()},
            }
            for upload in self.kept.values()
        ]

    def load(self, state: Any) -> None:
        """Go on with a state."""
        for upload in state:
            parts = {named: base64.b64decode(part) for named, part in upload["parts"].items()}
            self.kept[upload["id"]] = FakeUpload(**{**upload, "parts": parts})

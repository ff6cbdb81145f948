"""Uploads in parts: what is asked and what is answered, in words of no provider; and what is kept to go on with one."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Self

from attrs import define, field, frozen

from jackfield.errors import BadRequestError
from jackfield.operations import Operation, Request, Response
from jackfield.types import Event

from .files import StoredFile, as_source, folded, named, text, time_span
from .multipart import Progress
from .sources import FileSource

__all__ = ["CancelUploadRequest", "CompleteUploadRequest", "CreateUploadRequest", "PartAdded", "PartedUpload"]
__all__ += ["PartResponse", "UnfinishedUpload", "UploadPartRequest", "UploadResponse", "UploadTold"]


@frozen
class PartedUpload:
    """An upload in parts, as a service tells of it; None is what it does not say. Times are in seconds since 1970.

    Attributes:
        id: the service's id of it.
        name: the name of the file that it is to be.
        size: how many bytes that is to have.
        purpose: what it is for, in the service's word.
        status: how it stands, in the service's word: "pending", "completed", "cancelled", "expired".
        created: when it began.
        expires: until when it must be complete.
        file: what it has become.
    """

    id: str
    name: str | None = None
    size: int | None = None
    purpose: str | None = None
    status: str | None = None
    created: float | None = None
    expires: float | None = None
    file: StoredFile | None = None
    raw: Any = field(default=None, eq=False, repr=False)


@frozen(repr=False)
class UploadTold(Event):
    """An upload that a reply tells of."""

    upload: PartedUpload


@frozen(repr=False)
class PartAdded(Event):
    """A part has come, and has this id."""

    part: str
    upload: str | None = None


@frozen(kw_only=True, repr=False)
class UploadResponse(Response):
    """An upload in parts; `id` is that of the upload."""

    upload: PartedUpload | None = None


@frozen(kw_only=True, repr=False)
class PartResponse(Response):
    """A part of an upload, by its id."""

    part: str | None = None


def _told(name: str, *, repeatable: bool) -> Operation[Event, UploadResponse]:
    return folded(name, UploadResponse, UploadTold, lambda told: {"upload": told.upload}, repeatable=repeatable)


def _size(_: object, __: object, value: Any) -> None:
    if type(value) is not int or value < 1:
        raise BadRequestError(f"size: expected how many bytes the file has, at least 1, got {value!r}")


def _parts(value: Any) -> tuple[str, ...]:
    found = (value,) if isinstance(value, str) else tuple(value)
    if not found or not all(isinstance(part, str) and part for part in found):
        raise BadRequestError(f"parts: expected the ids of the parts, in order, got {value!r}")
    return found


@frozen(kw_only=True)
class CreateUploadRequest(Request[Event, UploadResponse]):
    """A request to begin an upload in parts.

    Attributes:
        name: the name of the file.
        purpose: what it is for, in the service's word.
        size: how many bytes it will have.
        media_type: what kind of bytes; as the name tells, unless given.
        expires_after: seconds, or a `timedelta`, after which the service is to forget the file.
        check: as in `UploadFileRequest`; the lines of a file are looked at where there is a `source`.
        source: the file, where it is at hand.
    """

    operation: ClassVar[Operation[Any, Any]] = _told("uploads.create", repeatable=False)

    name: str | None = None
    purpose: str = field(validator=text)
    size: int = field(validator=_size)
    media_type: str | None = None
    expires_after: float | None = field(default=None, converter=time_span)
    check: bool | None = None
    source: FileSource | None = None


@frozen(kw_only=True)
class UploadPartRequest(Request[Event, PartResponse]):
    """A request to take one part of an upload.

    A part whose id nobody names at the end is no part of the file, and so one can be sent twice.

    Attributes:
        upload: the id of the upload.
        source: the file.
        start: the first byte of the part.
        stop: the byte behind its last; None for the end of the file.
        drop: whether the upload is of no use any more when the program stops in the middle, and is to be cancelled.
        progress: is told how many of the part's bytes have been sent; in a thread under an `AsyncClient`.
    """

    operation: ClassVar[Operation[Any, Any]] = folded(
        "uploads.part", PartResponse, PartAdded, lambda told: {"part": told.part}
    )

    upload: str = field(validator=named)
    source: FileSource = field(converter=as_source)
    start: int = 0
    stop: int | None = None
    drop: bool = False
    progress: Progress | None = field(default=None, eq=False, repr=False)


@frozen(kw_only=True)
class CompleteUploadRequest(Request[Event, UploadResponse]):
    """A request to make a file of the parts.

    Attributes:
        upload: the id of the upload.
        parts: the ids of the parts, in order.
        md5: the checksum of the file, in hexadecimal.
        source: the file, of which the checksum is taken where none is given.
    """

    operation: ClassVar[Operation[Any, Any]] = _told("uploads.complete", repeatable=False)

    upload: str = field(validator=named)
    parts: tuple[str, ...] = field(converter=_parts)
    md5: str | None = None
    source: FileSource | None = None


@frozen(kw_only=True)
class CancelUploadRequest(Request[Event, UploadResponse]):
    """A request to give an upload up."""

    operation: ClassVar[Operation[Any, Any]] = _told("uploads.cancel", repeatable=True)

    upload: str = field(validator=named)


@define
class UnfinishedUpload:
    """How far an upload in parts has come, by which another attempt sends the missing parts alone.

    It is filled in while the upload goes on. `dump()` and `load(text)` take it through a file.

    Attributes:
        upload: the id of the upload; None before there is one.
        parts: the ids of the parts that have come, by their number from 0.
        part_size: how many bytes a part has.
        size: how many bytes the file has.
    """

    upload: str | None = None
    parts: dict[int, str] = field(factory=dict)
    part_size: int | None = None
    size: int | None = None

    def dump(self) -> str:
        """As text of JSON."""
        parts = {str(number): part for number, part in self.parts.items()}
        return json.dumps({"upload": self.upload, "parts": parts, "part_size": self.part_size, "size": self.size})

    @classmethod
    def load(cls, text: str) -> Self:
        """From what `dump` gave.

        Raises:
            BadRequestError: it is something else.
        """
        try:
            told = json.loads(text)
            upload, part_size, size = (told[name] for name in ("upload", "part_size", "size"))
            parts = {int(number): part for number, part in told["parts"].items()}
            texts = [*parts.values(), *([] if upload is None else [upload])]
            numbers = [number for number in (part_size, size) if number is not None]
            if not all(isinstance(one, str) and one for one in texts) or not all(type(one) is int for one in numbers):
                raise ValueError(text)
            return cls(upload, parts, part_size, size)
        except (ValueError, LookupError, TypeError, AttributeError):
            raise BadRequestError("resume: expected the text that UnfinishedUpload.dump() gave") from None

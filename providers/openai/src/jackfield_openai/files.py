"""The exchanges of files: how OpenAI is asked for them, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from jackfield.call import Call
from jackfield.errors import LimitExceededError, MalformedReplyError, TruncatedStreamError
from jackfield.http import HttpRequest, HttpResponse
from jackfield.provider import Exchange, JsonReply, serves
from jackfield.types import Event, Start
from jackfield_jobs.files import (
    ContentDelta,
    ContentFinished,
    ContentRequest,
    ContentStarted,
    DeleteFileRequest,
    FileDeleted,
    FileRequest,
    FileTold,
    ListFilesRequest,
    PageEnded,
    StoredFile,
    UploadFileRequest,
)
from jackfield_jobs.multipart import Form, form_fields
from jackfield_jobs.sources import media_type_of
from jackfield_wire_openai.errors import in_band_error, said
from jackfield_wire_openai.headers import rate_limit, request_id
from jackfield_wire_openai.models import part_of_path
from jackfield_wire_openai.provider import WireProvider
from jackfield_wire_openai.reading import fact, objects

from .checks import check_expiry, check_file, default_name
from .lists import number, query

__all__ = ["FileExchanges", "malformed", "read_file", "telling"]

SIZES: Final = ("bytes", "size_bytes")  # the second in the words of OpenRouter and Anthropic

Read = Callable[[Mapping[str, Any]], Iterable[Event]]


class FileExchanges(WireProvider):
    """The exchanges of a provider for files."""

    @serves(UploadFileRequest.operation)
    def upload_file(self, call: Call[UploadFileRequest]) -> Exchange[Event]:
        """POST /files, as a form."""
        fields = self.fields(call)
        source, purpose = fields.take("source"), fields.take("purpose")
        name = source.name or default_name(purpose)
        if self.checks(fields.take("check")):
            check_file(purpose, name, source.size, source, in_parts=False)
        values = {"purpose": purpose, **self.expiry(fields.take("expires_after"))}
        progress = fields.take("progress")
        values |= self.own_fields(call, fields.take("extra_body"))
        fields.report_rest()
        kind = source.media_type or media_type_of(name)
        form = Form([*form_fields(values)], "file", name, kind, source, progress=progress)
        head = yield self.form_request("/files", form)
        return telling(head, lambda payload: [FileTold(read_file(payload))])

    @serves(ListFilesRequest.operation)
    def list_files(self, call: Call[ListFilesRequest]) -> Exchange[Event]:
        """GET /files, a page of them."""
        taken = ("purpose", "order", "limit", "after")
        self.report_all(call, *taken)
        head = yield self.get(query("/files", **{name: getattr(call.request, name) for name in taken}))
        return telling(head, _page)

    @serves(FileRequest.operation)
    def file(self, call: Call[FileRequest]) -> Exchange[Event]:
        """GET /files/{file_id}."""
        self.report_all(call, "file", "wait")
        request = self.get(f"/files/{part_of_path(call.request.file, field='file')}")
        head = yield HttpRequest(request.method, request.path, request.headers, after=call.request.wait)
        return telling(head, lambda payload: [FileTold(read_file(payload))])

    @serves(DeleteFileRequest.operation)
    def delete_file(self, call: Call[DeleteFileRequest]) -> Exchange[Event]:
        """DELETE /files/{file_id}."""
        self.report_all(call, "file")
        path = f"/files/{part_of_path(call.request.file, field='file')}"
        head = yield HttpRequest("DELETE", path, {"accept": "application/json"})
        return telling(head, _deleted)

    @serves(ContentRequest.operation)
    def file_content(self, call: Call[ContentRequest]) -> Exchange[Event]:
        """GET /files/{file_id}/content."""
        self.report_all(call, "file", "limit", "to", "progress")
        path = f"/files/{part_of_path(call.request.file, field='file')}/content"
        # as it is: the announced size is then that of the file
        head = yield HttpRequest("GET", path, {"accept": "*/*", "accept-encoding": "identity"})
        return _Content(head, call.request.limit)

    def checks(self, wanted: bool | None) -> bool:  # noqa: FBT001 - the field of a request
        """Whether to look at a file before it is sent: other hosts than OpenAI may take what it does not."""
        return (self.at_home or self.endpoint.loopback) if wanted is None else wanted

    def expiry(self, seconds: float | None) -> dict[str, Any]:
        """The field that says when a file goes, if it does."""
        check_expiry(seconds)
        return {} if seconds is None else {"expires_after": {"anchor": "created_at", "seconds": int(seconds)}}

    def own_fields(self, call: Call[Any], extra: Mapping[str, Any] | None) -> dict[str, Any]:
        """What a request says to this service alone."""
        return {**call.request.options.get(self.plugin, {}), **(extra or {})}

    def form_request(self, path: str, form: Form) -> HttpRequest:
        """A POST of a form."""
        return HttpRequest("POST", path, {"content-type": form.content_type, "accept": "application/json"}, form)


def telling(head: HttpResponse, read: Read) -> JsonReply[Event]:
    """A decoder of a reply that is one object, of which `read` makes the events.

    Raises:
        JackfieldError: while reading: the reply is an error, or no object.
    """

    def events(payload: Any) -> Iterator[Event]:
        if not isinstance(payload, Mapping):
            raise malformed("an object", payload, head)
        if payload.get("error") and "id" not in payload:
            raise in_band_error(payload, head)
        headers = head.headers
        yield Start(
            id=fact(payload, "id", str),
            created=_moment(payload, "created_at"),
            request_id=request_id(headers),
            rate_limit=rate_limit(headers),
            raw=payload,
        )
        yield from read(payload)

    return JsonReply(head, events)


def malformed(what: str, payload: Any, head: HttpResponse | None = None) -> MalformedReplyError:
    """The error for a reply that is not what it should be."""
    status = None if head is None else head.status
    return MalformedReplyError(f"the reply is not {what}: {said(payload)}", status=status, body=payload)


def read_file(payload: Mapping[str, Any]) -> StoredFile:
    """A file, as a reply tells of it.

    Raises:
        MalformedReplyError: it has no id.
    """
    name = fact(payload, "id", str)
    if not name:
        raise malformed("a file", payload)
    return StoredFile(
        name,
        fact(payload, "filename", str),
        next((size for key in SIZES if (size := fact(payload, key, int)) is not None), None),
        fact(payload, "purpose", str),
        _moment(payload, "created_at"),
        _moment(payload, "expires_at"),
        fact(payload, "status", str),
        fact(payload, "status_details", str),
        raw=payload,
    )


def _page(payload: Mapping[str, Any]) -> Iterator[Event]:
    if "data" not in payload:
        raise malformed("a list of files", payload)
    items = objects(payload, "data")
    yield from (FileTold(read_file(item)) for item in items)
    more = payload.get("has_more") is True and bool(items)
    yield PageEnded((fact(payload, "last_id", str) or items[-1]["id"]) if more else None)


def _deleted(payload: Mapping[str, Any]) -> Iterator[Event]:
    name, deleted = fact(payload, "id", str), fact(payload, "deleted", bool)
    if name is None and deleted is None:
        raise malformed("of a file that is gone", payload)
    yield FileDeleted(name or "", deleted is not False)


@define(eq=False)
class _Content:
    """A decoder of bytes that are nobody's business: they pass, and are counted."""

    _head: HttpResponse
    _limit: int | None
    done: bool = field(default=False, init=False)
    _size: int = field(default=0, init=False)
    _kept: list[bytes] = field(factory=list, init=False)

    @property
    def _announced(self) -> int | None:
        """How many bytes there are, where that is said of the bytes as they are."""
        length, encoding = (self._head.headers.get(name, "") for name in ("content-length", "content-encoding"))
        return int(length) if length.isascii() and length.isdecimal() and encoding in {"", "identity"} else None

    def feed(self, data: bytes, /) -> Iterable[Event]:
        """Take the next bytes.

        Raises:
            LimitExceededError: there are more than were asked for, or announced.
        """
        before = () if self._size else self._begin()
        self._size += len(data)
        announced = self._announced
        if self._limit is not None and max(self._size, announced or 0) > self._limit:
            raise LimitExceededError(f"the file is larger than the limit of {self._limit} bytes; a limit can be given")
        if announced is not None and self._size > announced:
            raise LimitExceededError(f"{announced} bytes were announced, and more come")
        if self._limit is None:
            return (*before, ContentDelta(data))
        # in one piece, so that nothing has been delivered of a reply that breaks off, and it can be asked for again
        self._kept.append(data)
        return ()

    def end(self) -> Iterable[Event]:
        """See that all has come.

        Raises:
            TruncatedStreamError: it has not.
        """
        announced = self._announced
        if announced is not None and self._size < announced:
            raise TruncatedStreamError(f"{announced} bytes were announced, and {self._size} have come")
        if not self._size or self._limit is not None:
            yield from self._begin()
        if self._kept:
            yield ContentDelta(b"".join(self._kept))
        yield ContentFinished(self._size)

    def _begin(self) -> tuple[Event, ...]:
        headers = self._head.headers
        start = Start(request_id=request_id(headers), rate_limit=rate_limit(headers))
        return start, ContentStarted(self._announced, self._head.content_type or None)


def _moment(holder: Mapping[str, Any], name: str) -> float | None:
    """A time in seconds since 1970; some hosts write a date."""
    date = fact(holder, name, str)
    if date is None:
        return number(holder, name)
    from datetime import UTC, datetime  # OpenAI writes none

    try:
        found = datetime.fromisoformat(date)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()

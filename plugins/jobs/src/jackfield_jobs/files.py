"""Files that a service keeps: what is asked of them and what is answered, in words of no provider."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, TypeAlias, TypeVar

from attrs import field, frozen

from jackfield.errors import BadRequestError
from jackfield.operations import Operation, Request, Response, ResponseFold
from jackfield.types import Event

from .multipart import Progress
from .sources import FileLike, FileSource

__all__ = [
    "ContentDelta",
    "ContentFinished",
    "ContentRequest",
    "ContentResponse",
    "ContentStarted",
    "DeleteFileRequest",
]
__all__ += ["DeleteFileResponse", "FileDeleted", "FileRequest", "FileResponse", "FileTold", "FilesPage"]
__all__ += ["ListFilesRequest", "OpenRequest", "OpenResponse", "Order", "PageEnded", "SourceOpened", "StoredFile"]
__all__ += ["UploadFileRequest", "as_source", "folded", "named", "text", "time_span"]

R = TypeVar("R", bound=Response)
Order: TypeAlias = Literal["asc", "desc"]

# that a service is not done with a file yet, in the words of several
UNFINISHED: Final = frozenset({"uploaded", "uploading", "pending", "processing", "running", "in_progress"})
FAILED: Final = frozenset({"error", "failed", "deleted"})


# --- checks of fields


def named(_: object, attribute: Any, value: Any) -> None:
    """Check the id of something that a service keeps."""
    if not isinstance(value, str) or not value:
        raise BadRequestError(f"{attribute.name}: expected an id, as 'file-...', got {value!r}")


def time_span(value: float | timedelta | None) -> float | None:
    """Convert a length of time to seconds."""
    found: Any = value.total_seconds() if isinstance(value, timedelta) else value
    if found is not None and (isinstance(found, bool) or not isinstance(found, int | float) or not found > 0):
        raise BadRequestError(f"expires_after: expected seconds above 0, or a timedelta, got {value!r}")
    return found


def text(_: object, attribute: Any, value: Any) -> None:
    """Check a text that must say something."""
    if not isinstance(value, str) or not value:
        raise BadRequestError(f"{attribute.name}: expected text, got {value!r}")


def _order(_: object, __: object, value: Any) -> None:
    if value is not None and value not in {"asc", "desc"}:
        raise BadRequestError(f"order: expected 'asc' (the oldest first) or 'desc', got {value!r}")


def _count(_: object, attribute: Any, value: Any) -> None:
    if value is not None and (type(value) is not int or value < 1):
        raise BadRequestError(f"{attribute.name}: expected a whole number of at least 1, got {value!r}")


def _target(value: str | os.PathLike[str] | None) -> Path | None:
    given: Any = value
    if given is None:
        return None
    if not isinstance(given, str | os.PathLike) or not os.fspath(given):
        raise BadRequestError(f"to: expected the path of a file, got {given!r}")
    return Path(given)


def as_source(value: FileLike) -> FileSource:
    """Convert what can be uploaded to a source."""
    return FileSource.of(value)


# --- what a reply says


@frozen
class StoredFile:
    """A file that a service keeps; None is what the service does not say. Times are in seconds since 1970.

    Attributes:
        id: the service's id of it.
        name: its name.
        size: how many bytes it has.
        purpose: what it is for, in the service's word.
        created: when it came.
        expires: when the service forgets it.
        status: how far the service is with it, in its own word: "uploaded", "processed", "error".
        details: what the service found wrong with it.
    """

    id: str
    name: str | None = None
    size: int | None = None
    purpose: str | None = None
    created: float | None = None
    expires: float | None = None
    status: str | None = None
    details: str | None = None
    raw: Any = field(default=None, eq=False, repr=False)

    @property
    def pending(self) -> bool:
        """Whether the service says that it is not done with it yet."""
        return self.status in UNFINISHED

    @property
    def failed(self) -> bool:
        """Whether the service says that it cannot use it."""
        return self.status in FAILED


@frozen(repr=False)
class FileTold(Event):
    """A file that a reply tells of."""

    file: StoredFile


@frozen(repr=False)
class PageEnded(Event):
    """A page of a list is over; the next is asked for with `next` as `after`, and there is none where that is None."""

    next: str | None = None


@frozen(repr=False)
class FileDeleted(Event):
    """A file is gone, where `deleted` is not False."""

    id: str
    deleted: bool = True


@frozen(repr=False)
class ContentStarted(Event):
    """The content of a file begins: how many bytes are announced, and of what kind."""

    size: int | None = None
    media_type: str | None = None


@frozen(repr=False)
class ContentDelta(Event):
    """More bytes of a file."""

    data: bytes = field(repr=False)


@frozen(repr=False)
class ContentFinished(Event):
    """The content of a file is complete: how many bytes it had, and where they were written, if they were."""

    size: int
    path: Path | None = None


@frozen(kw_only=True, repr=False)
class FileResponse(Response):
    """A file that a service keeps; `id` is that of the file."""

    file: StoredFile | None = None


@frozen(kw_only=True, repr=False)
class FilesPage(Response):
    """One page of a list of files, and what asks for the next one, as `after`."""

    items: tuple[StoredFile, ...] = ()
    next: str | None = None


@frozen(kw_only=True, repr=False)
class DeleteFileResponse(Response):
    """A file is gone, where `deleted` is not False; `id` is that of the file."""

    deleted: bool | None = None


@frozen(kw_only=True, repr=False)
class ContentResponse(Response):
    """The content of a file.

    Attributes:
        size: how many bytes it has.
        media_type: what the service says that it is.
        content: its bytes, where they were asked for as a whole.
        path: the file that they were written to, where they were.
    """

    size: int = 0
    media_type: str | None = None
    content: bytes | None = field(default=None, repr=False)
    path: Path | None = None


# --- how events become a response


def folded(
    name: str, response: type[R], kind: type[Event], read: Callable[[Any], dict[str, Any]], *, repeatable: bool = True
) -> Operation[Event, R]:
    """An operation without a model whose reply is one event of this class; `read` makes the response's fields of it."""

    class Fold(ResponseFold):
        told: Any = None

        def add(self, event: Event) -> None:
            if not self.took(event) and isinstance(event, kind):
                self.told = event

        def response(self) -> R:
            return response(**{**self.facts(), **({} if self.told is None else read(self.told))})

        def missing(self) -> str | None:
            return "no answer has arrived" if self.told is None else None

    return Operation(name, Fold, repeatable=repeatable, of_model=False)


class _PageFold(ResponseFold):
    """Collects the files of a page."""

    def __init__(self, request: Any) -> None:
        super().__init__(request)
        self._items: list[StoredFile] = []
        self._end: PageEnded | None = None

    def add(self, event: Event) -> None:
        if self.took(event):
            return
        if isinstance(event, FileTold):
            self._items.append(event.file)
        elif isinstance(event, PageEnded):
            self._end = event

    def response(self) -> FilesPage:
        return FilesPage(items=tuple(self._items), next=None if self._end is None else self._end.next, **self.facts())

    def missing(self) -> str | None:
        return "the end of the page has not arrived" if self._end is None else None


class _ContentFold(ResponseFold):
    """Counts the bytes of a file; keeps them only where they were asked for as a whole."""

    def __init__(self, request: ContentRequest) -> None:
        super().__init__(request)
        self._kept: list[bytes] | None = None if request.limit is None else []
        self._begin = ContentStarted()
        self._size = 0
        self._end: ContentFinished | None = None

    def add(self, event: Event) -> None:
        if self.took(event):
            return
        if isinstance(event, ContentDelta):
            self._size += len(event.data)
            if self._kept is not None:
                self._kept.append(event.data)
        elif isinstance(event, ContentStarted):
            self._begin = event
        elif isinstance(event, ContentFinished):
            self._end = event

    def response(self) -> ContentResponse:
        content = None if self._kept is None else b"".join(self._kept)
        size, path = (self._size, None) if self._end is None else (self._end.size, self._end.path)
        return ContentResponse(size=size, media_type=self._begin.media_type, content=content, path=path, **self.facts())

    def missing(self) -> str | None:
        return "the content has not ended" if self._end is None else None


# --- what is asked


@frozen(kw_only=True)
class UploadFileRequest(Request[Event, FileResponse]):
    """A request to keep a file.

    Attributes:
        source: the file: a path, bytes, a binary stream, or a `FileSource`, which can have a name of its own.
        purpose: what it is for, in the service's word.
        expires_after: seconds, or a `timedelta`, after which the service is to forget it.
        check: whether to look at purpose, size and first lines before anything is sent; None is where the provider
            knows what its service takes.
        progress: is told how many bytes have been sent, and of how many; in a thread under an `AsyncClient`.

    Raises:
        BadRequestError: names the field and the value.
    """

    operation: ClassVar[Operation[Any, Any]] = folded(
        "files.upload", FileResponse, FileTold, lambda told: {"file": told.file}, repeatable=False
    )

    source: FileSource = field(converter=as_source)
    purpose: str = field(validator=text)
    expires_after: float | None = field(default=None, converter=time_span)
    check: bool | None = None
    progress: Progress | None = field(default=None, eq=False, repr=False)


@frozen(kw_only=True)
class ListFilesRequest(Request[Event, FilesPage]):
    """A request for one page of the files that there are.

    Attributes:
        purpose: only those that are for this.
        order: "desc", the newest first, or "asc".
        limit: how many to a page.
        after: the id of the last one of the page before.
    """

    operation: ClassVar[Operation[Any, Any]] = Operation("files.list", _PageFold, of_model=False)

    purpose: str | None = None
    order: Order | None = field(default=None, validator=_order)
    limit: int | None = field(default=None, validator=_count)
    after: str | None = None


@frozen(kw_only=True)
class FileRequest(Request[Event, FileResponse]):
    """A request for what there is to say of a file; `wait` delays it by so many seconds."""

    operation: ClassVar[Operation[Any, Any]] = folded(
        "files.get", FileResponse, FileTold, lambda told: {"file": told.file}
    )

    file: str = field(validator=named)
    wait: float = 0.0


@frozen(kw_only=True)
class DeleteFileRequest(Request[Event, DeleteFileResponse]):
    """A request to forget a file."""

    operation: ClassVar[Operation[Any, Any]] = folded(
        "files.delete", DeleteFileResponse, FileDeleted, lambda told: {"deleted": told.deleted}
    )

    file: str = field(validator=named)


@frozen(kw_only=True)
class ContentRequest(Request[Event, ContentResponse]):
    """A request for the bytes of a file.

    They come as events, and are kept only where there is a `limit`.

    Attributes:
        file: the id of the file.
        limit: how many bytes to keep, at most, in the response's `content`; None keeps none of them.
        to: the path of the file to write them to, by `jackfield_jobs.transfers.Storing`.
        progress: is told how many bytes have been written, and of how many.
    """

    operation: ClassVar[Operation[Any, Any]] = Operation("files.content", _ContentFold, of_model=False)

    file: str = field(validator=named)
    limit: int | None = field(default=None, validator=_count)
    to: Path | None = field(default=None, converter=_target)
    progress: Progress | None = field(default=None, eq=False, repr=False)


@frozen(repr=False)
class SourceOpened(Event):
    """A source is open, and has so many bytes."""

    size: int


@frozen(kw_only=True, repr=False)
class OpenResponse(Response):
    """A source is open, and has so many bytes."""

    size: int = 0


@frozen(kw_only=True)
class OpenRequest(Request[Event, OpenResponse]):
    """A request of a program to itself, to look at a source where that holds nobody up; see `transfers.Preparing`."""

    operation: ClassVar[Operation[Any, Any]] = folded(
        "files.open", OpenResponse, SourceOpened, lambda told: {"size": told.size}
    )

    source: FileSource

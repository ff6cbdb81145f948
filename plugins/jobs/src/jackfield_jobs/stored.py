"""The accessor of files: `client.provider(name).files`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from attrs import frozen

from jackfield import AsyncClient, Client
from jackfield.errors import BadRequestError
from jackfield.types import Event

from .asking import Asking, Items, Polling, paged, streamed, waited
from .files import ContentDelta, ContentRequest, DeleteFileRequest, FileRequest, ListFilesRequest, Order, StoredFile
from .multipart import Progress
from .sending import Sending
from .sources import FileLike, FileSource
from .transfers import Preparing, Storing
from .uploads import (
    CancelUploadRequest,
    CompleteUploadRequest,
    CreateUploadRequest,
    UnfinishedUpload,
    UploadPartRequest,
)

__all__ = ["Files", "Parting", "Uploads", "transferring"]

MB: Final = 1024 * 1024
HELD: Final = 64 * MB


def transferring(client: Client | AsyncClient) -> Asking:
    """Calls of a client in which files are read and written where that holds nobody up."""
    return Asking(client.with_options(middleware=[Preparing(), Storing()]))


@frozen
class Parting:
    """When a service takes a file in parts, in bytes.

    Attributes:
        above: the largest file that is sent in one piece.
        size: how large a part is, and at most.
    """

    above: int = 512 * MB
    size: int = 64 * MB


class Files:
    """The files of an account. With an `AsyncClient` each method is awaited, but `list` and `stream`.

    Uploads and downloads take the time that they need as long as something moves; `timeout` is a bound in seconds for
    all of it. `progress` is told how many bytes have passed, and of how many, or None where that is not known; under an
    `AsyncClient` that of an upload is told in a thread.
    """

    def __init__(self, client: Client | AsyncClient, name: str, parting: Parting | None = None) -> None:
        """Ask by this client, and under this provider's name. Without `parting` a file is sent in one piece."""
        self._client = client
        self._name = name
        self._parting = parting

    def upload(
        self,
        source: FileLike,
        *,
        purpose: str,
        name: str | None = None,
        media_type: str | None = None,
        expires_after: float | timedelta | None = None,
        progress: Progress | None = None,
        check: bool | None = None,
        in_parts: bool | None = None,
        part_size: int | None = None,
        resume: UnfinishedUpload | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Have a file kept: a `FileResponse`, whose `id` is the file's.

        A file that is larger than the service takes in one piece goes in parts. What is wrong with it is an error
        before anything is sent.

        Args:
            source: a path, bytes, or a binary stream, which is read from where it stands.
            purpose: what it is for, in the service's word.
            name: the name that it is to have; its own, unless given.
            media_type: what kind of bytes it has; as its name tells, unless given.
            expires_after: seconds, or a `timedelta`, after which the service is to forget it.
            progress: is told how many bytes have been sent, and of how many.
            check: whether to look at purpose, size and first lines first; unless given, where the provider knows what
                its service takes.
            in_parts: whether to send it in parts; by its size, unless given.
            part_size: how many bytes a part is to have.
            resume: what is filled in as the parts go, and sends those that are missing when it is given again. The
                upload is then not given up where it fails.
            timeout: the longest that it may take, in seconds; for each part, where it goes in parts.

        Raises:
            BadRequestError: the file cannot be read, changes meanwhile, or is nothing for this purpose.
            JackfieldError: see `jackfield.errors`.
        """
        self._check_parts(in_parts, part_size, resume)
        found = FileSource.of(source, name, media_type)
        sending = Sending(self._asking, self._name, found, purpose, expires_after, check, progress, timeout)

        async def upload() -> Any:
            try:
                return await self._uploaded(sending, part_size, resume, in_parts=in_parts)
            finally:
                if found is not source:
                    found.close()

        return self._asking.finished(upload())

    async def _uploaded(
        self, sending: Sending, part_size: int | None, resume: UnfinishedUpload | None, *, in_parts: bool | None
    ) -> Any:
        await sending.open()
        if not self._parts_wanted(sending.source, resume, wanted=in_parts):
            return await sending.whole()
        state = UnfinishedUpload() if resume is None else resume
        return await sending.in_parts(state, self._part_size(part_size, state), keep=resume is not None)

    def list(
        self, *, purpose: str | None = None, order: Order | None = None, limit: int | None = None
    ) -> Items[StoredFile]:
        """The files that there are, fetched page by page as they are read.

        Args:
            purpose: only those that are for this.
            order: "desc", the newest first, or "asc".
            limit: how many to a page.
        """
        request = ListFilesRequest(model=self._name, purpose=purpose, order=order, limit=limit)
        return paged(Asking(self._client), request)

    def get(self, file: str, *, timeout: float | None = None) -> Any:
        """What there is to say of a file: a `FileResponse`.

        Raises:
            JackfieldError: see `jackfield.errors`; `NotFoundError` where there is none of this id.
        """
        return self._client.call(FileRequest(model=self._name, file=file), timeout=timeout)

    def delete(self, file: str, *, timeout: float | None = None) -> Any:
        """Have a file forgotten: a `DeleteFileResponse`.

        Raises:
            JackfieldError: see `jackfield.errors`; `NotFoundError` where there is none of this id.
        """
        return self._client.call(DeleteFileRequest(model=self._name, file=file), timeout=timeout)

    def download(
        self, file: str, to: str | os.PathLike[str], *, progress: Progress | None = None, timeout: float | None = None
    ) -> Any:
        """Write the content of a file to a path: a `ContentResponse`, without the content.

        It is written to a file beside it, which takes its place at the end: a download that breaks off leaves what was
        there before.

        Raises:
            BadRequestError: the path cannot be written.
            JackfieldError: see `jackfield.errors`.
        """
        if to is None:
            raise BadRequestError("to: expected the path of a file, got None")
        request = ContentRequest(model=self._name, file=file, to=to, progress=progress)
        return self._asking.finished(self._asking.read(request, timeout=timeout))

    def content(self, file: str, *, limit: int = HELD, timeout: float | None = None) -> Any:
        """The content of a file as bytes.

        Raises:
            LimitExceededError: it has more bytes than the limit, which is 64 MiB unless given.
            JackfieldError: see `jackfield.errors`.
        """

        async def content() -> bytes:
            response = await self._asking.read(
                ContentRequest(model=self._name, file=file, limit=limit), timeout=timeout
            )
            found: bytes = response.content
            return found

        return self._asking.finished(content())

    def stream(self, file: str, *, timeout: float | None = None) -> Items[bytes]:
        """The content of a file, piece by piece as it comes. Leave it early by `with`, or by `close()`."""
        request = ContentRequest(model=self._name, file=file)
        return streamed(self._asking, request, _data, timeout=timeout)

    def wait(
        self,
        file: str,
        *,
        polling: Polling | None = None,
        timeout: float | None = None,
        progress: Callable[[StoredFile], object] | None = None,
    ) -> Any:
        """Wait until the service is done with a file: a `FileResponse`.

        Args:
            file: the id of the file.
            polling: how often to look.
            timeout: seconds to wait, in all; None for as long as it takes.
            progress: is shown the file at each look.

        Raises:
            BadRequestError: the service cannot use the file; the message says why, where that is known.
            DeadlineError: it was not done in time.
            JackfieldError: see `jackfield.errors`.
        """
        tell = None if progress is None else (lambda response: progress(response.file))

        async def wait() -> Any:
            request, asking = FileRequest(model=self._name, file=file), Asking(self._client)
            response = await waited(
                asking, request, lambda told: not told.file.pending, polling=polling, timeout=timeout, progress=tell
            )
            if response.file.failed:
                why = response.file.details or f"its status is {response.file.status!r}"
                raise BadRequestError(f"the service cannot use the file {file!r}: {why}", body=response.file.raw)
            return response

        return self._asking.finished(wait())

    @cached_property
    def _asking(self) -> Asking:
        return transferring(self._client)

    def _parts_wanted(self, source: FileSource, resume: object, *, wanted: bool | None) -> bool:
        if self._parting is None:
            return False
        if wanted is not None:
            return wanted
        return resume is not None or source.size > self._parting.above

    def _check_parts(self, wanted: Any, part_size: Any, resume: Any) -> None:
        if wanted is not None and not isinstance(wanted, bool):
            raise BadRequestError(f"in_parts: expected True, False or None, got {wanted!r:.200}")
        if resume is not None and not isinstance(resume, UnfinishedUpload):
            raise BadRequestError(f"resume: expected an UnfinishedUpload, got {resume!r:.200}")
        if self._parting is None:
            if wanted or resume is not None:
                raise BadRequestError("in_parts: the service takes files in one piece alone")
        elif part_size is not None:
            self._checked(part_size, self._parting.size)

    def _part_size(self, wanted: int | None, state: UnfinishedUpload) -> int:
        most = self._parting.size if self._parting is not None else 0
        given = state.part_size if wanted is None else wanted
        return most if given is None else self._checked(given, most)

    @staticmethod
    def _checked(size: Any, most: int) -> int:
        if type(size) is not int or not 0 < size <= most:
            raise BadRequestError(f"part_size: expected a number of bytes from 1 to {most}, got {size!r:.200}")
        return size


def _data(event: Event) -> bytes | None:
    return event.data if isinstance(event, ContentDelta) else None


class Uploads:
    """Uploads in parts, step by step, which `Files.upload` takes by itself. With an `AsyncClient` each is awaited.

    `timeout` is a bound in seconds for all of a step; without one, a part takes the time that it needs.
    """

    def __init__(self, client: Client | AsyncClient, name: str) -> None:
        """Ask by this client, and under this provider's name."""
        self._client = client
        self._name = name

    def create(
        self,
        name: str,
        *,
        purpose: str,
        size: int,
        media_type: str | None = None,
        expires_after: float | timedelta | None = None,
        check: bool | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Begin an upload of a file of this name and size: an `UploadResponse`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        request = CreateUploadRequest(
            model=self._name,
            name=name,
            purpose=purpose,
            size=size,
            media_type=media_type,
            expires_after=expires_after,
            check=check,
        )
        return self._client.call(request, timeout=timeout)

    def part(
        self,
        upload: str,
        source: FileLike,
        *,
        start: int = 0,
        stop: int | None = None,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Send a part: all of a source, or its bytes from one place to another. Gives a `PartResponse`.

        Raises:
            BadRequestError: the source cannot be read, or has not so many bytes.
            JackfieldError: see `jackfield.errors`.
        """
        found = FileSource.of(source)
        request = UploadPartRequest(
            model=self._name, upload=upload, source=found, start=start, stop=stop, progress=progress
        )

        async def part() -> Any:
            try:
                return await self._asking.read(request, timeout=timeout)
            finally:
                if found is not source:
                    found.close()

        return self._asking.finished(part())

    def complete(
        self, upload: str, parts: Sequence[str], *, md5: str | None = None, timeout: float | None = None
    ) -> Any:
        """Have a file made of the parts, in this order: an `UploadResponse`, whose `upload.file` it is.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        request = CompleteUploadRequest(model=self._name, upload=upload, parts=parts, md5=md5)
        return self._client.call(request, timeout=timeout)

    def cancel(self, upload: str, *, timeout: float | None = None) -> Any:
        """Give an upload up: an `UploadResponse`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self._client.call(CancelUploadRequest(model=self._name, upload=upload), timeout=timeout)

    @cached_property
    def _asking(self) -> Asking:
        return transferring(self._client)

"""What happens to files around a call: they are looked at, read and written where that holds no event loop up."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

import attrs
from attrs import define, field

from jackfield.call import Call
from jackfield.errors import BadRequestError
from jackfield.middleware import Proceed, Slot
from jackfield.runtime import Lock
from jackfield.types import Event, Start

from .files import ContentDelta, ContentFinished, ContentRequest, ContentStarted, OpenRequest, SourceOpened
from .multipart import ProgressError
from .sources import FileSource
from .uploads import CancelUploadRequest, CompleteUploadRequest, UploadPartRequest

__all__ = ["Preparing", "Storing"]

WRITE: Final = 1024 * 1024
CLOSING: Final = 5.0  # seconds for giving up an upload when the program stops


class Preparing:
    """Opens what is to be uploaded, outside of all attempts.

    An upload has no bound on the time to the first event: that comes when all is sent. Those on silence hold.
    """

    slot = Slot.PREPARE

    async def __call__(self, call: Call[Any], proceed: Proceed) -> AsyncGenerator[Event, None]:
        """Look at the request's source first."""
        request = call.request
        source = getattr(request, "source", None)
        if isinstance(source, FileSource):
            await call.runtime.run(source.open)
            call = call.evolve(timeouts=attrs.evolve(call.timeouts, first=None))
        if isinstance(request, OpenRequest):
            yield Start()
            yield SourceOpened(request.source.size)
            return
        if isinstance(request, CompleteUploadRequest) and request.source is not None and request.md5 is None:
            md5 = await call.runtime.run(_checksum, request.source)
            call = call.evolve(request=attrs.evolve(request, md5=md5))
        try:
            async for event in proceed(call):
                yield event
        except ProgressError as error:
            raise error.raised or error from None
        except Exception:
            raise
        except BaseException:
            if isinstance(request, UploadPartRequest) and request.drop:
                await call.runtime.finish(lambda: _dropped(call, request), CLOSING, apart=True)
            raise


async def _dropped(call: Call[Any], part: UploadPartRequest) -> None:
    ending = call.evolve(deadline=call.runtime.now() + CLOSING)
    with suppress(Exception):  # it is forgotten by itself, later
        await ending.ask(CancelUploadRequest(model=part.model, upload=part.upload))


def _checksum(source: FileSource) -> str:
    found = hashlib.md5(usedforsecurity=False)
    for piece in source.pieces():
        found.update(piece)
    return found.hexdigest()


class Storing:
    """Writes the content of a file that has a `to`: beside it first, and in its place when all is there.

    It stands within each attempt, so that nothing has been delivered of one that breaks off: it can be made again.
    """

    slot = Slot.ATTEMPT

    async def __call__(self, call: Call[Any], proceed: Proceed) -> AsyncGenerator[Event, None]:
        """Keep the content back, and write it."""
        request = call.request
        if not isinstance(request, ContentRequest) or request.to is None:
            async for event in proceed(call):
                yield event
            return
        tell = request.progress
        target = _Target(request.to, f"{int(call.runtime.random() * 2**64):016x}")
        total: int | None = None
        early: list[Event] = []  # nothing is delivered of what may break off
        try:
            await call.runtime.run(target.begin)
            async for event in proceed(call):
                if isinstance(event, ContentDelta):
                    if target.take(event.data):
                        await call.runtime.run(target.flush)
                    if tell is not None:
                        tell(target.size, total)
                    continue
                if isinstance(event, ContentStarted):
                    total = event.size
                if isinstance(event, ContentFinished):
                    await call.runtime.run(target.end)
                    early.append(attrs.evolve(event, path=target.path))
                else:
                    early.append(event)
            for event in early:
                yield event
        finally:
            target.drop()


@define(eq=False)
class _Target:
    """A file that is being written, under another name until it is whole.

    A thread may be at work on it when its call is cancelled, and so there is a lock, and an end that stays.
    """

    path: Path
    _mark: str
    size: int = 0
    _real: Path = field(init=False)
    _file: IO[bytes] | None = None
    _held: list[bytes] = field(factory=list)
    _waiting: int = 0
    _over: bool = False
    _lock: Any = field(factory=Lock)

    @property
    def _beside(self) -> Path:
        return self._real.with_name(f".{self._real.name[:40]}.{self._mark}.part")

    def begin(self) -> None:
        """Open it.

        Raises:
            BadRequestError: it cannot be written.
        """
        with self._lock, self._named():
            if self.path.is_dir():
                raise BadRequestError(f"to: {os.fspath(self.path)!r} is a folder: name the file")
            if self.path.exists() and not self.path.is_file():  # a new file would take the place of a device
                raise BadRequestError(f"to: {os.fspath(self.path)!r} is no file, but a pipe or a device: use `stream`")
            self._real = self.path.resolve()  # a link stays, and what it leads to is written
            if not self._over:
                self._file = self._beside.open("xb")

    def take(self, data: bytes) -> bool:
        """Take bytes; whether there are enough to be written."""
        self._held.append(data)
        self._waiting += len(data)
        self.size += len(data)
        return self._waiting >= WRITE

    def flush(self) -> None:
        """Write what was taken."""
        with self._lock, self._named():
            self._write()

    def end(self) -> None:
        """Put it in its place."""
        with self._lock, self._named():
            self._write()
            if self._file is not None:
                self._file.close()
                self._beside.replace(self._real)
                self._file = None

    def drop(self) -> None:
        """Leave nothing of a file that is not whole."""
        with self._lock:
            self._over = True
            file, self._file = self._file, None
            if file is not None:
                try:
                    file.close()
                finally:
                    self._beside.unlink(missing_ok=True)

    def _write(self) -> None:
        held, self._held, self._waiting = self._held, [], 0
        if self._file is not None:
            self._file.writelines(held)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # ValueError: a NUL in a path
            why = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise BadRequestError(f"to: {os.fspath(self.path)!r} cannot be written: {why}") from None

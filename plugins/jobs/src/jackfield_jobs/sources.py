"""What is uploaded: the bytes of a path, of a stream or of a value, which can be read from the beginning any time.

Nothing is looked at before it is needed, and nothing of a file is kept but its beginning.
"""

from __future__ import annotations

import io
import os
import stat
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, Protocol, Self, TypeAlias, cast

from jackfield.errors import BadRequestError
from jackfield.runtime import Lock

__all__ = ["FileLike", "FileSource", "media_type_of"]

FileLike: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | FileSource"
"""A path, bytes, or a binary stream, which is read from where it stands."""

PIECE: Final = 256 * 1024
HEAD: Final = 64 * 1024
LARGEST_PIECE: Final = 1024 * 1024
# what the standard library does not know everywhere; those of a system would differ from machine to machine
TYPES: Final = {".jsonl": "text/jsonl", ".md": "text/markdown", ".parquet": "application/vnd.apache.parquet"}


class _Opened(Protocol):
    """Bytes whose number is known."""

    size: int

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """Those from one place to another, as far as there are any."""


def media_type_of(name: str) -> str:
    """What kind of bytes a file has, as far as its name tells."""
    import mimetypes  # who lists files never needs it

    guess = TYPES.get(Path(name).suffix.lower()) or mimetypes.MimeTypes().guess_type(name)[0]
    return guess or "application/octet-stream"


class FileSource:
    """The bytes of a file that is to be sent.

    A path is read anew each time, and must be the same file then. A stream is read from where it stands; one that
    cannot go back is copied to a temporary file at first.

    Attributes:
        name: the name that the file is to have; None where nothing gives it one.
        media_type: what kind of bytes it has, where that was said.

    Raises:
        BadRequestError: it is none of these.
    """

    def __init__(self, source: FileLike, name: str | None = None, media_type: str | None = None) -> None:
        """Take a source, under the name that the file is to have; without one, under its own, where it has one."""
        texts: dict[str, Any] = {"name": name, "media_type": media_type}
        for label, value in texts.items():
            if value is not None and not (isinstance(value, str) and value):
                raise BadRequestError(f"{label}: expected text, got {value!r}")
        if media_type is not None and not all(" " <= char <= "~" for char in media_type):
            raise BadRequestError(f"media_type: {media_type!r} has characters that no header can carry")
        self.name = name
        self._source: Any = source
        self.media_type = media_type
        self._opened: _Opened | None = None
        self._head = b""
        self._lock = Lock()
        self._close: Any = None
        if isinstance(source, str | os.PathLike):
            self._label = repr(os.fspath(source))
            self.name = name or Path(source).name or None
        elif isinstance(source, bytes | bytearray | memoryview):
            self._label = "the bytes object"
            self._opened = _Bytes(source)
            self._head = b"".join(self._opened.pieces(0, HEAD))
        elif callable(getattr(source, "read", None)):
            own: Any = getattr(source, "name", None)  # of a descriptor a number, of standard input "<stdin>"
            own = own if isinstance(own, str) and not own.startswith("<") else None
            self._label = repr(own) if own else "the stream"
            self.name = name or (Path(own).name if own else None) or None
        else:
            what = "a path, bytes or a stream that was opened with 'rb'"
            raise BadRequestError(f"source: expected {what}, got an object of type {type(source).__name__}")

    @classmethod
    def of(cls, source: FileLike, name: str | None = None, media_type: str | None = None) -> FileSource:
        """A source of this; where it is one already, that one."""
        if not isinstance(source, FileSource):
            return cls(source, name, media_type)
        if name is not None or media_type is not None:
            raise BadRequestError("source: a FileSource has a name and a media type of its own: give them to it")
        return source

    @property
    def held(self) -> bool:
        """Whether it is in memory already, so that nothing of it needs to be read from elsewhere."""
        return isinstance(self._opened, _Bytes)

    @property
    def size(self) -> int:
        """How many bytes it has; see `open`."""
        return self.open().size

    @property
    def head(self) -> bytes:
        """Its first 64 KiB; see `open`."""
        self.open()
        return self._head

    @property
    def label(self) -> str:
        """What errors call it: never its content."""
        return self._label

    def open(self) -> _Opened:
        """Look at it, which may block: that a file is there, and how large it is. A stream may be copied.

        Raises:
            BadRequestError: it cannot be read, or is empty.
        """
        with self._lock:
            if self._opened is None:
                try:
                    opened = self._open()
                    head = b"".join(opened.pieces(0, min(HEAD, opened.size)))
                except (OSError, ValueError) as error:  # ValueError: a closed stream, or a NUL in a path
                    raise self._unreadable(error) from None
                self._opened, self._head = opened, head
            if not self._opened.size:
                raise BadRequestError(f"source: {self._label} is empty")
            return self._opened

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Its bytes from one place to another, in pieces of a megabyte at most.

        Raises:
            BadRequestError: it cannot be read, or is not what it was when it was opened.
        """
        opened = self.open()
        stop = opened.size if stop is None else stop
        left = stop - start
        try:
            for piece in opened.pieces(start, stop):
                left -= len(piece)
                yield piece
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None
        if left:
            raise BadRequestError(f"source: {self._label} became shorter while it was sent: {left} bytes are missing")

    def close(self) -> None:
        """Let go of a copy that was made of it."""
        if self._close is not None:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __deepcopy__(self, _: object) -> FileSource:
        return self  # it stands for something that is elsewhere

    def __repr__(self) -> str:
        return f"FileSource({self._label}, name={self.name!r})"

    def _unreadable(self, error: Exception) -> BadRequestError:
        if isinstance(error, FileNotFoundError):
            return BadRequestError(f"source: there is no file {self._label}")
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return BadRequestError(f"source: {self._label} cannot be read: {why}")

    def _open(self) -> _Opened:
        if isinstance(self._source, str | os.PathLike):
            path = os.fspath(self._source)
            found = os.stat(path)  # noqa: PTH116 - a path may be no text that a Path takes
            if stat.S_ISDIR(found.st_mode):
                raise BadRequestError(f"source: {self._label} is a folder: name a file in it")
            if stat.S_ISREG(found.st_mode):
                return _File(path, self._label)
            with open(path, "rb") as pipe:  # noqa: PTH123 - as above
                return self._copy(pipe)
        stream = self._source
        if isinstance(stream, io.TextIOBase):
            raise BadRequestError(f"source: {self._label} is a stream of text: open it with 'rb'")
        seekable = getattr(stream, "seekable", None)
        return _Stream(stream, self._label) if seekable is not None and seekable() else self._copy(stream)

    def _copy(self, stream: IO[bytes]) -> _Opened:
        import tempfile  # hardly any source is copied

        copy = cast("IO[bytes]", tempfile.TemporaryFile(prefix="jackfield-"))  # noqa: SIM115 - it is read later
        self._close = weakref.finalize(self, copy.close)
        while piece := _read(stream, LARGEST_PIECE, self._label):
            copy.write(piece)
        copy.seek(0)
        return _Stream(copy, self._label)


def _read(stream: IO[bytes], size: int, label: str) -> bytes:
    piece: Any = stream.read(size)
    if not isinstance(piece, bytes | bytearray | memoryview):
        kind = "text" if isinstance(piece, str) else type(piece).__name__
        raise BadRequestError(f"source: {label} gives {kind}, not bytes: open it with 'rb', and so that it blocks")
    return bytes(piece)


class _Bytes:
    def __init__(self, content: bytes | bytearray | memoryview) -> None:
        view = memoryview(content)
        self._view = view.cast("B") if view.c_contiguous else memoryview(bytes(view))
        self.size = len(self._view)

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        for at in range(start, min(stop, self.size), PIECE):
            yield bytes(self._view[at : min(at + PIECE, stop)])


class _Stream:
    """A stream that can go back. Several may read it by turns, as the attempts of a call do."""

    def __init__(self, stream: IO[bytes], label: str) -> None:
        self._stream = stream
        self._label = label
        self._lock = Lock()
        self._begin = stream.tell()
        self.size = max(stream.seek(0, os.SEEK_END) - self._begin, 0)
        stream.seek(self._begin)

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        at = start
        while at < stop:
            with self._lock:
                self._stream.seek(self._begin + at)
                piece = _read(self._stream, min(PIECE, stop - at), self._label)
            if not piece:
                return
            at += len(piece)
            yield piece


class _File:
    """A file by its path, which must not change as long as it is sent."""

    def __init__(self, path: str, label: str) -> None:
        self._path = path
        self._label = label
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a path may be no text that a Path takes
            self._seen = self._look(file)
        self.size = self._seen[0]

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        with open(self._path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
            self._compare(file)
            file.seek(start)
            at = start
            while at < stop and (piece := file.read(min(PIECE, stop - at))):
                at += len(piece)
                if at >= stop:
                    self._compare(file)  # before the other side has all of it
                yield piece

    def _compare(self, file: IO[bytes]) -> None:
        found = self._look(file)
        if found != self._seen:
            size = f": it had {self._seen[0]} bytes and has {found[0]}" if found[0] != self._seen[0] else ""
            raise BadRequestError(f"source: {self._label} has changed since the upload began{size}")

    @staticmethod
    def _look(file: IO[bytes]) -> tuple[int, ...]:
        found = os.fstat(file.fileno())
        return found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev

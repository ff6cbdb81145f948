"""Decodes replies of JSON, one value a line, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Generic, TypeVar

from jackfield.errors import LimitExceededError, MalformedReplyError, TruncatedStreamError
from jackfield.http import read_json
from jackfield.types import Event

__all__ = ["JsonLines"]

E = TypeVar("E", bound=Event)

MAX_LINE: Final = 32 * 1024 * 1024
BOM: Final = b"\xef\xbb\xbf"


class JsonLines(Generic[E]):
    """A decoder for JSON lines; `read` turns each value into events. Empty lines are left out."""

    done = False

    def __init__(self, read: Callable[[object], Iterable[E]], limit: int = MAX_LINE) -> None:
        """Read values by this function; no line may have more bytes than the limit."""
        self._read = read
        self._limit = limit
        self._pieces: list[bytes] = []  # of a line whose end has not come
        self._held = 0
        self._number = 0

    def feed(self, data: bytes, /) -> Iterator[E]:
        """Take the next bytes.

        Raises:
            MalformedReplyError: a line is not JSON.
            LimitExceededError: a line is too long.
        """
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            line = b"".join((*self._pieces, data[start:end]))
            self._pieces, self._held, start = [], 0, end + 1
            yield from self._line(line)
        if start < len(data):
            self._pieces.append(data[start:])
            self._held += len(data) - start
        if self._held > self._limit:
            raise LimitExceededError(f"line {self._number + 1} of the reply is longer than {self._limit} bytes")

    def end(self) -> Iterator[E]:
        """The bytes have ended: the last line, which needs no end of its own.

        Raises:
            TruncatedStreamError: it is half a line.
        """
        line = b"".join(self._pieces)
        self._pieces = []
        try:
            read_json(line if line.strip() else b"0")
        except MalformedReplyError as error:
            raise TruncatedStreamError(f"the reply ended inside line {self._number + 1}: {error.message}") from None
        yield from self._line(line)

    def _line(self, line: bytes) -> Iterator[E]:
        self._number += 1
        line = line.removeprefix(BOM) if self._number == 1 else line
        if not line.strip():
            return
        try:
            value = read_json(line, "line")
        except MalformedReplyError as error:
            raise MalformedReplyError(f"line {self._number} of the reply: {error.message}") from None
        yield from self._read(value)

"""A push decoder for server-sent events: bytes in, events out, bounded and linear in time.

Follows the parsing rules of the WHATWG HTML standard, section 9.2, with two departures that model providers need:
invalid UTF-8 is an error, not a replacement character, and an event that the end of the bytes cuts off is handed
over by `end`, since some servers leave out the last blank line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from .errors import LimitExceededError, MalformedReplyError

__all__ = ["ServerSentEvent", "SseDecoder"]

MAX_EVENT: Final = 8 * 1024 * 1024
MAX_STRAY: Final = 64 * 1024
FIELDS: Final = (b"", b"id", b"retry")


@frozen
class ServerSentEvent:
    """One event: its data lines joined by newlines, and its type ("message" where none was sent)."""

    data: str
    event: str = "message"


class SseDecoder:
    """Takes bytes as they come, cut anywhere, and gives the events that they complete.

    `max_event` bounds one line, and the lines of data of one event together, in bytes.
    """

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self._max_event = max_event
        self._line = bytearray()  # a line that has not ended
        self._data: list[bytes] = []
        self._size = 0  # bytes of the lines behind _data
        self._event = ""
        self._stray = bytearray()
        self._begun = False
        self._after_cr = False

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Take more bytes. The events must be used up before the next bytes are fed.

        Raises:
            LimitExceededError: an event outgrew `max_event`. Events before it are given first.
            MalformedReplyError: an event is not UTF-8. Events before it are given first.
        """
        if not chunk:
            return
        if b"\r" in chunk or self._after_cr:
            chunk = self._newlines(chunk)
        lines = chunk.split(b"\n")
        last = lines.pop()
        if lines and self._line:
            lines[0] = bytes(self._line) + lines[0]
            self._line.clear()
        for line in lines:
            if (event := self._take(line)) is not None:
                yield event
        if last:
            self._line += last
            self._bound(len(self._line))

    @property
    def stray(self) -> str:
        """The lines since the last event that belong to none, within bounds: some servers write an error so."""
        return self._stray.decode(errors="replace")

    def end(self) -> Iterator[ServerSentEvent]:
        """The bytes have ended: give the event that was not closed by a blank line, if there is one."""
        return self.feed(b"\n\n")

    def _newlines(self, chunk: bytes) -> bytes:
        # CR, LF and CRLF all end a line, and a CRLF can be cut in two: its LF is then dropped from the next chunk
        if self._after_cr:
            chunk = chunk.removeprefix(b"\n")
        self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _bound(self, more: int) -> None:
        if self._size + more > self._max_event:
            raise LimitExceededError(f"an event of the stream is larger than {self._max_event} bytes")

    def _take(self, line: bytes) -> ServerSentEvent | None:
        size = len(line)
        self._bound(size)
        if not self._begun:
            self._begun = True
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += size
        elif name == b"event":
            self._event = self._text(value)
        elif name not in FIELDS and len(self._stray) + size < MAX_STRAY:
            self._stray += line + b"\n"
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        data, self._data, self._size = self._data, [], 0
        kind, self._event = self._event, ""
        if not data:
            return None
        self._stray.clear()
        return ServerSentEvent(self._text(b"\n".join(data)), kind or "message")

    @staticmethod
    def _text(value: bytes) -> str:
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise MalformedReplyError(f"the stream is not UTF-8 ({error.reason}): {value[:80]!r}") from None

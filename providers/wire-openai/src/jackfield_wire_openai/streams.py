"""Decodes streams of JSON chunks, whatever the chunks are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Generic, Protocol, TypeVar

from jackfield.errors import MalformedReplyError, TruncatedStreamError
from jackfield.http import HttpResponse, read_json
from jackfield.provider import Decoder, JsonReply
from jackfield.sse import ServerSentEvent, SseDecoder
from jackfield.types import Event

from .errors import in_band_error

__all__ = ["JsonStream", "Reader", "decoder"]

E = TypeVar("E", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)

DONE: Final = "[DONE]"
MAX_BARE: Final = 1024 * 1024


class Reader(Protocol[E_co]):
    """Turns the payloads of one reply into events, in order."""

    def whole(self, payload: Any, /) -> Iterator[E_co]:
        """The events of a reply that came as one document."""
        ...

    def chunk(self, payload: Any, /) -> Iterator[E_co]:
        """The events of one chunk."""
        ...

    def end(self) -> Iterator[E_co]:
        """The reply has ended: what was held back."""
        ...


def decoder(head: HttpResponse, reader: Reader[E], *, streaming: bool, needs_done: bool = False) -> Decoder[E]:
    """The decoder for a reply with this head.

    Some servers stream when they were not asked to, and the other way round: what came decides.
    """
    streamed = {"text/event-stream": True, "application/json": False}.get(head.content_type, streaming)
    return JsonStream(head, reader, needs_done=needs_done) if streamed else JsonReply(head, reader.whole)


class JsonStream(Generic[E]):
    """Decodes a stream of chunks.

    An error is raised wherever it stands: as an event of its own, in a chunk, or bare behind the last event. The
    marker `[DONE]` ends the reading; where it `needs_done`, a stream that ends without it is truncated.
    """

    def __init__(self, head: HttpResponse, reader: Reader[E], *, needs_done: bool = False) -> None:
        """Begin a reply with this head."""
        self.done = False
        self._head = head
        self._reader = reader
        self._needs_done = needs_done
        self._events = SseDecoder()
        self._bare: bytearray | None = bytearray()  # what came, until the first event shows that it is a stream

    def feed(self, data: bytes) -> Iterator[E]:
        """Take the next bytes.

        Raises:
            JackfieldError: a chunk is malformed, or an error.
        """
        if self._bare is not None and len(self._bare) < MAX_BARE:
            self._bare += data
        yield from self._read(self._events.feed(data))

    def end(self) -> Iterator[E]:
        """The bytes have ended: what is left.

        Raises:
            JackfieldError: the bytes ended inside an event, held none, or ended in an error.
        """
        try:
            yield from self._read(self._events.end())
        except MalformedReplyError as error:
            raise TruncatedStreamError(f"the reply ended inside an event: {error.message}") from None
        if self._bare is not None:
            yield from self._document(bytes(self._bare))
        elif not self.done:
            self._look_behind()
            if self._needs_done:
                raise TruncatedStreamError(f"the stream ended without {DONE}, which this provider always sends")
            yield from self._reader.end()

    def _document(self, data: bytes) -> Iterator[E]:
        if not data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            raise TruncatedStreamError(f"the reply holds no event: {data[:200]!r}")
        # not a stream at all, whatever its head says: a document, most often an error
        yield from self._reader.whole(read_json(data))

    def _look_behind(self) -> None:
        # a server that fails in the middle may write its error as it would without a stream
        payload = _perhaps_json(self._events.stray)
        if isinstance(payload, dict) and payload.get("error"):
            raise in_band_error(payload, self._head)

    def _read(self, events: Iterable[ServerSentEvent]) -> Iterator[E]:
        for event in events:
            self._bare = None
            data = event.data.strip()
            if event.event == "error":
                raise in_band_error(_perhaps_json(data), self._head)
            if data == DONE:
                self.done = True
                yield from self._reader.end()
                return
            if data:
                yield from self._reader.chunk(read_json(data, "chunk"))


def _perhaps_json(text: str) -> Any:
    try:
        return read_json(text)
    except MalformedReplyError:
        return text

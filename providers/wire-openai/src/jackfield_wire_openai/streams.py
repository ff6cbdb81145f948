"""Decodes streams of JSON chunks, whatever the chunks are of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Generic, Protocol, TypeVar

from jackfield.errors import JackfieldError, LimitExceededError, MalformedReplyError, TruncatedStreamError
from jackfield.http import HttpResponse, read_json
from jackfield.provider import Decoder, JsonReply
from jackfield.sse import ServerSentEvent, SseDecoder
from jackfield.types import Event

from .errors import in_band_error, quoted

__all__ = ["JsonStream", "Reader", "decoder"]

E = TypeVar("E", bound=Event)
E_co = TypeVar("E_co", bound=Event, covariant=True)

DONE: Final = "[DONE]"
MAX_BARE: Final = 1024 * 1024
MAX_QUOTED: Final = 200
BOM: Final = b"\xef\xbb\xbf"
FIRST: Final = (b"data:", b"event:", b"id:", b"retry:", b":")  # what a stream of events begins with
MAX_FIRST: Final = 16
MAX_QUIET: Final = 16 * 1024 * 1024  # so much may come without an event: comments that keep the connection alive


class Reader(Protocol[E_co]):
    """Turns the payloads of one reply into events, in order.

    One whose replies say themselves that they are over has a `done` that is true then: nothing more is read.
    """

    def whole(self, payload: Any, /) -> Iterator[E_co]:
        """The events of a reply that came as one document."""
        ...

    def chunk(self, payload: Any, /) -> Iterable[E_co]:
        """The events of one chunk."""
        ...

    def end(self) -> Iterator[E_co]:
        """The reply has ended: what was held back."""
        ...

    def broken(self) -> Iterator[E_co]:
        """The reply ended in an error: what of it is known all the same."""
        ...


def decoder(head: HttpResponse, reader: Reader[E], *, streaming: bool, needs_done: bool = False) -> Decoder[E]:
    """The decoder for a reply with this head.

    Some servers stream when they were not asked to, and the other way round: what came decides.
    """
    if head.content_type == "text/event-stream":
        return JsonStream(head, reader, needs_done=needs_done)
    return _Sniffed(
        head, reader, streaming=streaming and head.content_type != "application/json", needs_done=needs_done
    )


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
        self._quiet = 0  # bytes since the last event

    def feed(self, data: bytes) -> Iterator[E]:
        """Take the next bytes.

        Raises:
            JackfieldError: a chunk is malformed, or an error.
        """
        if self._bare is not None and len(self._bare) < MAX_BARE:
            self._bare += data
        self._quiet += len(data)
        yield from self._kept(self._read(self._events.feed(data)))
        if self._quiet > MAX_QUIET:
            raise LimitExceededError(f"the stream has sent more than {MAX_QUIET} bytes without an event")

    def end(self) -> Iterator[E]:
        """The bytes have ended: what is left.

        Raises:
            JackfieldError: the bytes ended inside an event, held none, or ended in an error.
        """
        yield from self._kept(self._rest())

    def _kept(self, events: Iterator[E]) -> Iterator[E]:
        try:
            yield from events
        except JackfieldError:
            yield from self._reader.broken()
            raise

    def _rest(self) -> Iterator[E]:
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
        if not data.removeprefix(BOM).lstrip().startswith(b"{"):
            shown = quoted(data.decode("latin-1"), MAX_QUOTED).encode("latin-1")
            raise TruncatedStreamError(f"the reply holds no event: {shown!r}")
        # not a stream at all, whatever its head says: a document, most often an error
        yield from self._reader.whole(read_json(data))

    def _look_behind(self) -> None:
        # a server that fails in the middle may write its error as it would without a stream
        payload = _perhaps_json(self._events.stray)
        if isinstance(payload, dict) and payload.get("error"):
            raise in_band_error(payload, self._head)

    def _read(self, events: Iterable[ServerSentEvent]) -> Iterator[E]:
        for event in events:
            self._bare, self._quiet = None, 0
            data = event.data.strip()
            if event.event == "error":
                raise in_band_error(_perhaps_json(data), self._head)
            if data == DONE:
                self.done = True
                yield from self._reader.end()
                return
            if data:
                yield from self._reader.chunk(read_json(data, "chunk"))
                if getattr(self._reader, "done", False):
                    self.done = True
                    yield from self._reader.end()
                    return


class _Sniffed(Generic[E]):
    """Decodes a reply whose head does not say that it is a stream: its first byte tells, or else what was asked for."""

    def __init__(self, head: HttpResponse, reader: Reader[E], *, streaming: bool, needs_done: bool) -> None:
        self._document: Decoder[E] = JsonReply(head, reader.whole)
        self._stream: Decoder[E] = JsonStream(head, reader, needs_done=needs_done)
        self._unknown = self._stream if streaming else self._document
        self._chosen: Decoder[E] | None = None
        self._blank = b""
        self._quiet = 0  # bytes of white space

    @property
    def done(self) -> bool:
        return self._chosen is not None and self._chosen.done

    def feed(self, data: bytes) -> Iterable[E]:
        if self._chosen is None:
            data, self._blank = self._blank + data, b""
            self._chosen = self._choice(data)
            if self._chosen is None:
                self._quiet += len(data)
                if self._quiet > MAX_QUIET:
                    raise LimitExceededError(f"the reply has begun with more than {MAX_QUIET} bytes of white space")
                self._blank = data[-MAX_FIRST:] if not data.strip() else data
                return ()
        return self._chosen.feed(data)

    def end(self) -> Iterator[E]:
        chosen = self._chosen or self._unknown
        if self._chosen is None:
            yield from chosen.feed(self._blank)
        yield from chosen.end()

    def _choice(self, data: bytes) -> Decoder[E] | None:
        begun = data.removeprefix(BOM).lstrip()[:MAX_FIRST]
        if begun.startswith((b"{", b"[")):
            return self._document
        if begun.startswith(FIRST):
            return self._stream
        if any(first.startswith(begun) for first in FIRST) or BOM.startswith(data):
            return None  # too little has come
        return self._unknown


def _perhaps_json(text: str) -> Any:
    try:
        return read_json(text)
    except MalformedReplyError:
        return text

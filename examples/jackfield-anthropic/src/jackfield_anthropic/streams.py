"""Decodes a reply to a chat: a stream of server-sent events, or one document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import define, field

from jackfield.errors import JackfieldError, MalformedReplyError, TruncatedStreamError
from jackfield.http import HttpResponse, read_json
from jackfield.provider import Decoder, JsonReply
from jackfield.sse import ServerSentEvent, SseDecoder
from jackfield.types import ChatEvent

from .replies import MessageReader

__all__ = ["decoder"]

STREAM, DOCUMENT = "text/event-stream", "application/json"


def decoder(head: HttpResponse, *, streaming: bool) -> Decoder[ChatEvent]:
    """The decoder for a reply with this head, which says what it is; where it does not, what was asked for counts."""
    reader = MessageReader(head)
    if head.content_type == STREAM or (streaming and head.content_type != DOCUMENT):
        return _MessageStream(reader)
    return JsonReply(head, reader.whole)


@define(eq=False)
class _MessageStream:
    """Decodes a stream, which is whole when its `message_stop` has come."""

    _reader: MessageReader
    _events: SseDecoder = field(factory=SseDecoder)

    @property
    def done(self) -> bool:
        """Whether the message has stopped."""
        return self._reader.done

    def feed(self, data: bytes, /) -> Iterator[ChatEvent]:
        """Take the next bytes.

        Raises:
            JackfieldError: an event is malformed, or an error. Events before it are given first.
        """
        yield from self._kept(self._read(self._events.feed(data)))

    def end(self) -> Iterator[ChatEvent]:
        """The bytes have ended.

        Raises:
            TruncatedStreamError: the message has not stopped.
            JackfieldError: it ended in an error.
        """
        yield from self._kept(self._rest())

    def _kept(self, events: Iterator[ChatEvent]) -> Iterator[ChatEvent]:
        try:
            yield from events
        except JackfieldError:
            yield from self._reader.broken()
            raise

    def _rest(self) -> Iterator[ChatEvent]:
        try:
            yield from self._read(self._events.end())
        except MalformedReplyError as error:
            raise TruncatedStreamError(f"the reply ended inside an event: {error.message}") from None
        if not self.done:
            yield from self._look_behind()
            raise TruncatedStreamError("the stream ended without message_stop")

    def _look_behind(self) -> Iterator[ChatEvent]:
        # what fails in front of the service may write its error as it would without a stream
        try:
            payload = read_json(self._events.stray)
        except MalformedReplyError:
            return
        if isinstance(payload, dict) and payload.get("type") == "error":
            yield from self._reader.event(payload)

    def _read(self, events: Iterable[ServerSentEvent]) -> Iterator[ChatEvent]:
        for event in events:
            if event.data.strip() and not self.done:  # what follows the end is not of this reply
                yield from self._reader.event(read_json(event.data, "event"))

"""The exchange of a chat over the Responses API, at once or in the background."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Final

import attrs
from attrs import define, field

from jackfield.errors import JackfieldError, MalformedReplyError
from jackfield.http import HttpRequest, HttpResponse, read_json
from jackfield.provider import Decoder, Exchange, HttpProvider, retry_after
from jackfield.types import ChatEvent

from ..destination import Destination
from ..models import part_of_path
from ..reading import fact
from ..streams import decoder
from .replies import PENDING, ResponseReader
from .requests import responses_body

__all__ = ["PATH", "responses_exchange"]

PATH: Final = "/responses"
# seconds before a reply in the background is asked for, which grow with each time
FIRST_WAIT: Final = 1.0
GROWTH: Final = 1.5
LONGEST_WAIT: Final = 10.0


def responses_exchange(provider: HttpProvider, to: Destination) -> Exchange[ChatEvent]:
    """POST /responses, streamed or not; in the background, GET /responses/{id} until it is over."""
    streaming = to.call.streaming
    body = responses_body(to, stream=streaming)
    accept = "text/event-stream" if streaming else "application/json"
    # a stream in the background begins at once, like any
    polled = body.get("background") is True and not streaming
    head = yield provider.post(PATH, body, accept=accept, read=polled)
    if polled:
        head = yield from _waited(provider, head)
    found: Decoder[ChatEvent] = decoder(head, ResponseReader(head), streaming=streaming)
    return _Read(found, head.body or b"") if polled else found


def _waited(provider: HttpProvider, head: HttpResponse) -> Generator[HttpRequest, HttpResponse, HttpResponse]:
    """The reply that is over at last."""
    wait = FIRST_WAIT
    while (name := _pending(head)) is not None:
        request = attrs.evolve(provider.get(f"{PATH}/{part_of_path(name, field='id')}"), read=True)
        try:
            head = yield attrs.evolve(request, after=max(wait, min(retry_after(head.headers) or 0.0, LONGEST_WAIT)))
        except JackfieldError as error:
            error.add_note(f"the provider goes on in the background, with the response {name!r}")
            raise
        wait = min(wait * GROWTH, LONGEST_WAIT)
    return head


def _pending(head: HttpResponse) -> str | None:
    """The id of a reply that is not over; None of any other, and of what cannot be read, which the decoder tells."""
    try:
        payload = read_json(head.body or b"")
    except MalformedReplyError:
        return None
    if isinstance(payload, Mapping) and fact(payload, "status", str) in PENDING:
        return fact(payload, "id", str) or None
    return None


@define(eq=False)
class _Read:
    """Decodes a reply whose body was read already."""

    _decoder: Decoder[ChatEvent]
    _body: bytes
    done: bool = field(default=False, init=False)

    def feed(self, _: bytes, /) -> Iterable[ChatEvent]:
        return ()

    def end(self) -> Iterator[ChatEvent]:
        yield from self._decoder.feed(self._body)
        if not self._decoder.done:
            yield from self._decoder.end()

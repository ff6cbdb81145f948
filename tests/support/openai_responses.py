"""Chats over the Responses API, made short: what is sent, and what a reply is read as."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from exchanges import JSON, SSE, Outcome, chat_call, decoder
from openai_chats import Wire, sent as sent_to
from responses_told import CALL, begun, event, whole as response

from jackfield.call import Call
from jackfield.operations import CHAT, ChatRequest, Notice
from jackfield.provider import Exchange, serves
from jackfield.types import ChatEvent
from jackfield_wire_openai.destination import Destination
from jackfield_wire_openai.profiles import rule_for
from jackfield_wire_openai.responses.exchange import responses_exchange


class ResponsesWire(Wire):
    """A provider that is nothing but this wire, at a host."""

    @serves(CHAT)
    def chat(self, call: Call[ChatRequest]) -> Exchange[ChatEvent]:
        rule = rule_for(self.endpoint.host, call.target.model, self.rules)
        return responses_exchange(self, Destination(call, self.fields(call), self.profile, rule))


OFFICIAL = ResponsesWire("api.openai.com")
LOCAL = ResponsesWire("127.0.0.1")


def sent(provider: Wire = OFFICIAL, **fields: Any) -> tuple[dict[str, Any], list[Notice]]:
    """The body of a request with these fields, after a round through JSON, and what is noted of it."""
    return sent_to(provider, **fields)


def body(provider: Wire = OFFICIAL, **fields: Any) -> dict[str, Any]:
    """The body of a request with these fields."""
    return sent(provider, **fields)[0]


def items(*messages: Any, provider: Wire = OFFICIAL, **fields: Any) -> list[Any]:
    """The items that these messages become."""
    found: list[Any] = body(provider, messages=messages, **fields)["input"]
    return found


def streamed(*events: dict[str, Any], headers: dict[str, str] = SSE, streaming: bool = True) -> Outcome:
    """What a stream of these events comes to."""
    data = b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)
    return Outcome(decoder(OFFICIAL, chat_call(streaming=streaming), headers), [data])


def whole(payload: Any, headers: dict[str, str] = JSON, streaming: bool = False) -> Outcome:
    """What a whole response comes to."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Outcome(decoder(OFFICIAL, chat_call(streaming=streaming), headers), [data])


def good(outcome: Outcome) -> Any:
    """The response of a reply that ended well."""
    assert outcome.error is None
    return outcome.response


def completed(*wires: Any, **more: Any) -> dict[str, Any]:
    """The event that ends a response of these items."""
    return event("completed", response=response(*wires, **more))


def ended(*events: dict[str, Any], items: Iterable[Any] = ()) -> Any:
    """What a stream of these events comes to, which ends well."""
    return good(streamed(*begun(), *events, completed(*items)))


def calling(*pieces: str, done: str | None = None, **item: Any) -> list[dict[str, Any]]:
    """The events of a call in pieces, without the last of them."""
    place = {"item_id": "fc_1"}
    events = [event("output_item.added", 0, item={**CALL, "arguments": "", **item})]
    events += [event("function_call_arguments.delta", 0, **place, delta=piece) for piece in pieces]
    last = event("function_call_arguments.done", 0, **place, arguments=done)
    return events if done is None else [*events, last]

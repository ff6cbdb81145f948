"""Chats over OpenAI's wire, made short: what is sent, and what a reply is read as."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from exchanges import JSON, SSE, Outcome, asked, chat_call, decoder, lines

from jackfield.call import Call
from jackfield.operations import CHAT, ChatRequest, ChatResponse, Notice
from jackfield.provider import Endpoint, Exchange, HttpProvider, serves
from jackfield.types import ChatEvent
from jackfield_wire_openai.chat_replies import ChatReader
from jackfield_wire_openai.destination import Destination
from jackfield_wire_openai.profiles import ModelRule, Profile, profile_of, rule_for
from jackfield_wire_openai.requests import chat_body
from jackfield_wire_openai.streams import decoder as of_wire


class Wire(HttpProvider):
    """A provider that is nothing but the wire, at a host."""

    def __init__(self, host: str, profile: Profile | None = None, rules: Iterable[ModelRule] = ()) -> None:
        super().__init__("p", Endpoint.parse(f"https://{host}/v1"))
        self.profile = profile_of(host, profile)
        self.rules = tuple(rules)

    @serves(CHAT)
    def chat(self, call: Call[ChatRequest]) -> Exchange[ChatEvent]:
        rule = rule_for(self.endpoint.host, call.target.model, self.rules)
        to = Destination(call, self.fields(call), self.profile, rule)
        head = yield self.post("/chat/completions", chat_body(to, stream=call.streaming))
        needs_done = bool(self.profile.needs_done)
        return of_wire(head, ChatReader(head), streaming=call.streaming, needs_done=needs_done)


OFFICIAL = Wire("api.openai.com")
OPENROUTER = Wire("openrouter.ai")
LOCAL = Wire("127.0.0.1")
PROVIDER = OFFICIAL


def sent(
    provider: Wire = OFFICIAL, *, streaming: bool = False, to: str = "m", **fields: Any
) -> tuple[dict[str, Any], list[Notice]]:
    """The body of a chat with these fields, after a round through JSON, and what is noted of it."""
    request = ChatRequest(**{"messages": "x", **fields})
    call = chat_call(request, streaming=streaming, model=to)
    call = call.evolve(unsupported=request.unsupported or "error")
    found = json.loads(asked(provider, call).body)
    return found, list(call.ledger.sealed(ChatResponse()).warnings)


def body(provider: Wire = OFFICIAL, **fields: Any) -> dict[str, Any]:
    """The body of a chat with these fields."""
    return sent(provider, **fields)[0]


def chunk(delta=None, finish=None, index=0, **more):
    return {"id": "c1", "choices": [{"index": index, "delta": delta or {}, "finish_reason": finish}], **more}


def reply(message, finish="stop", **more):
    return {"id": "c1", "choices": [{"index": 0, "message": message, "finish_reason": finish}], **more}


def streamed(*payloads, done=True, headers=SSE, streaming=True):
    data = payloads[0] if payloads and isinstance(payloads[0], bytes) else lines(*payloads, done=done)
    return Outcome(decoder(PROVIDER, chat_call(streaming=streaming), headers), [data])


def whole(payload, headers=JSON, streaming=False):
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Outcome(decoder(PROVIDER, chat_call(streaming=streaming), headers), [data])


def good(outcome):
    assert outcome.error is None
    return outcome.response


def piece(index=None, call_id=None, name=None, arguments=None, **more):
    wire = {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}
    function = {key: value for key, value in wire["function"].items() if value is not None}
    return {key: value for key, value in {**wire, "function": function}.items() if value is not None} | more

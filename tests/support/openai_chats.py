"""Replies in OpenAI's words, made short, and what the OpenAI provider makes of them."""

from __future__ import annotations

import json

from exchanges import JSON, SSE, Outcome, chat_call, decoder, lines

from jackfield.provider import Secret
from jackfield_openai import OpenAIProvider, OpenAISettings

PROVIDER = OpenAIProvider("openai", OpenAISettings(api_key=Secret("sk-test")))


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

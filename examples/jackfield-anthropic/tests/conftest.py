"""What the tests share: fixtures of the wire, a provider without a network, and ways to decode what it gets."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings

import jackfield as jf
from jackfield.http import HttpResponse
from jackfield.operations import CHAT
from jackfield.provider import Secret
from jackfield_anthropic import AnthropicProvider, AnthropicSettings

WIRE = Path(__file__).parent / "wire"
HEADERS = {
    "request-id": "req_011",
    "date": "Sat, 28 Nov 2026 12:00:00 GMT",
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2026-11-28T12:00:02Z",
}

settings.register_profile("anthropic", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("anthropic")


def provider(**given):
    return AnthropicProvider("anthropic", AnthropicSettings(**{"api_key": Secret("sk-ant-test"), **given}))


def call_of(messages="Hello", *, streaming=False, model="claude-sonnet-4-6", unsupported="error", **fields):
    request = jf.ChatRequest(messages=messages, **fields)
    target = jf.Target("anthropic", model)
    return jf.Call(CHAT, request, target, runtime=None, streaming=streaming, unsupported=unsupported)


def asked(*args, settings=None, **fields):
    """The request that a chat sends, and the call, whose ledger knows what was noted."""
    call = call_of(*args, **fields)
    return next(provider(**(settings or {})).chat(call)), call


def body(*args, **fields):
    """The body that a chat sends."""
    request, _ = asked(*args, **fields)
    return json.loads(request.body)


def sent(message, **fields):
    """The wire of an assistant's turn that is sent back between two of the user."""
    found = body([jf.Message("user", "Go on."), message, jf.Message("user", "And?")], **fields)["messages"]
    return found[1]["content"]


def notices(*args, unsupported="drop", **fields):
    """What is noted of a chat, by kind and field."""
    _, call = asked(*args, unsupported=unsupported, **fields)
    return {(notice.kind, notice.field) for notice in call.ledger.notices if notice.kind != "note"}


def decoder(*, streaming=True, kind=None, status=200):
    """The decoder that the provider gives for a reply with the usual head."""
    exchange = provider().chat(call_of(streaming=streaming))
    next(exchange)
    kind = kind or ("text/event-stream" if streaming else "application/json")
    try:
        exchange.send(HttpResponse(status, {**HEADERS, "content-type": kind}))
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the provider asked for more")


def decoded(data, sizes=(), **given):
    """The events of these bytes, cut into pieces of these sizes and a rest, and the error that ended them."""
    found, events, error = decoder(**given), [], None
    try:
        for size in (*sizes, len(data)):
            if data and not found.done:
                piece, data = data[:size], data[size:]
                events += found.feed(piece)
        if not found.done:
            for event in found.end():
                events.append(event)
    except jf.JackfieldError as caught:
        error = caught
    return events, error


def folded(events):
    fold = CHAT.fold(jf.ChatRequest(messages="x"))
    for event in events:
        fold.add(event)
    return fold.response()


def readme_blocks(path):
    return re.findall(r"^```(\w+)\n(.*?)^```$", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def kit():
    functions = (provider, call_of, asked, body, sent, notices, decoder, decoded, folded, readme_blocks)
    return SimpleNamespace(**{one.__name__: one for one in functions}, wire=WIRE, headers=HEADERS)

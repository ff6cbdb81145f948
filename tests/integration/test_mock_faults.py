"""Each fault of the mock raises what the same thing raises when a server does it, over the real engine."""

import json

import pytest
from faces import COLOURS, run
from scripted import CLOSE, HOLD, RESET, Scripted, completion, delta, event, part, reply, stream_head

from jackfield.errors import JackfieldError
from jackfield_mock import Fault, MockProvider, Reply

LIMIT = {"error": {"message": "slow down", "type": "mock", "code": "slow"}}
HALF = '{"choices":[{"index":0,"delta":{"content":"Hel'
WHOLE = completion("Hello there")
ONE = [stream_head(), event(delta("Hello "))]
UNFINISHED = reply(WHOLE)[:-9]  # its length promises more


def status(code, **headers):
    return [reply(json.dumps(LIMIT), status=code, headers={"x-request-id": "req-mock-1", **headers})]


# the fault, what a server does in a stream, what it does in a whole reply
CASES = {
    "429": (
        Fault(kind="status", status=429, code="slow", message="slow down", retry_after=2),
        *[status(429, **{"retry-after": "2"})] * 2,
    ),
    "400": (Fault(kind="status", status=400, code="slow", message="slow down"), *[status(400)] * 2),
    "503": (Fault(kind="status", status=503, code="slow", message="slow down"), *[status(503)] * 2),
    "reset": (Fault(kind="reset"), [*ONE, 0.1, RESET], [UNFINISHED, 0.1, RESET]),
    "truncated": (Fault(kind="truncated"), [*ONE, part(b"")], [UNFINISHED, CLOSE]),
    "error": (
        Fault(kind="error", status=502, code="502", message="slow down"),
        [*ONE, event({"error": {"code": 502, "message": "slow down"}}), part(b"")],
        [reply(json.dumps({"error": {"code": 502, "message": "slow down"}}))],
    ),
    "malformed": (Fault(kind="malformed"), [*ONE, event(HALF), part(b"")], [reply(HALF)]),
    "empty": (Fault(kind="empty"), [stream_head(), part(b"")], [reply(b"")]),
    "stall": (Fault(kind="stall"), [stream_head(), HOLD], [HOLD]),
    "stall within": (Fault(kind="stall", after=1), [*ONE, HOLD], [UNFINISHED, HOLD]),
}


def outcome(colour, *, streaming, timeout=None, **options):
    """The error, and the state of the stream."""

    async def body(client):
        stream = client.stream("x") if streaming else None
        with pytest.raises(JackfieldError) as caught:
            if stream is None:
                await client.chat("x", timeout=timeout)
            else:
                async with stream:
                    async for _ in stream:
                        pass
        return caught.value, stream and stream.state

    return run(colour, body, **options)


def facts(error, state):
    partial = error.partial and (error.partial.text, error.partial.finish)
    return type(error), error.status, error.code, error.retryable, error.retry_after, partial, state


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streaming", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_what_a_server_would_have_done(case, streaming, colour):
    fault, streamed, whole = CASES[case]
    mock = MockProvider(Reply(pieces=["Hello ", "there"], fault=fault))
    stalls = fault.kind == "stall"
    bounds = {"streaming": streaming, "timeout": 0.5 if stalls and not streaming else None}
    timeouts = {"silence": 0.5} if stalls else {}
    config = {"default": "mock", "timeouts": timeouts}
    played, state = outcome(colour, config=config, plugins=mock.plugins(), **bounds)
    with Scripted(streamed if streaming else whole) as server:
        provider = {"plugin": "openai", "base_url": server.url}
        config = {"default": "real:m", "timeouts": timeouts, "providers": {"real": provider}}
        real, real_state = outcome(colour, config=config, **bounds)
    assert facts(played, state) == facts(real, real_state)
    if fault.kind == "status":
        assert played.request_id == real.request_id
        assert played.body == real.body


@pytest.mark.parametrize("streaming", [True, False], ids=["stream", "whole"])
def test_a_refused_connection_is_what_a_closed_port_gives(streaming):
    mock = MockProvider(Reply("x", fault=Fault(kind="refused")))
    played = outcome("sync", streaming=streaming, config={"default": "mock"}, plugins=mock.plugins())
    with Scripted([]) as server:
        url = server.url
    config = {"default": "real:m", "providers": {"real": {"plugin": "openai", "base_url": url}}}
    assert facts(*played) == facts(*outcome("sync", streaming=streaming, config=config))

"""The engine against a real server on loopback: every fault is a typed error, every limit holds."""

import gzip
import time

import pytest
from faces import COLOURS, run
from lines import chat, lines, options
from scripted import CLOSE, HOLD, RESET, Scripted, part, reply, stream_head

from jackfield.errors import (
    AuthenticationError,
    ConnectionFailedError,
    DeadlineError,
    LimitExceededError,
    MalformedReplyError,
    ReadTimeoutError,
    ServerError,
    StreamInterruptedError,
    TruncatedStreamError,
)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ([CLOSE], ConnectionFailedError),
        ([RESET], ConnectionFailedError),
        ([b"HTTP/1.1 200 OK\r\nconte", CLOSE], ConnectionFailedError),
        ([b"not http at all\r\n\r\n", CLOSE], ConnectionFailedError),
        ([*lines("a"), CLOSE], StreamInterruptedError),
        ([*lines("a"), RESET], StreamInterruptedError),
        ([*lines("a"), b"zz\r\n", CLOSE], StreamInterruptedError),
        ([*lines("a"), part(b"")], TruncatedStreamError),
        ([reply('{"text": "hi"}')[:-3], CLOSE], StreamInterruptedError),
        ([reply("")], MalformedReplyError),
        ([reply("<html>")], MalformedReplyError),
        ([reply("[" * 100_000)], MalformedReplyError),
        ([reply('"' + "x" * 1_000_001 + '"')], LimitExceededError),
        ([reply("nope", 500)], ServerError),
        ([reply("who?", 401)], AuthenticationError),
        ([reply("{}", headers={"content-encoding": "br"})], MalformedReplyError),
        ([reply(gzip.compress(b"{}")[:-4], headers={"content-encoding": "gzip"})], TruncatedStreamError),
        ([reply(b"junk", headers={"content-encoding": "gzip"})], MalformedReplyError),
    ],
)
def test_faults_are_typed_errors_and_leave_nothing_open(colour, steps, error):
    async def body(client):
        for ask in (client.chat, _streamed(client)):
            with pytest.raises(error) as caught:
                await ask("x")
            assert type(caught.value) is error
            assert caught.value.provider == "fake"
            if error in {ConnectionFailedError, StreamInterruptedError}:
                assert server.settled(0)

    with Scripted(steps) as server:
        run(colour, body, **options(server))
        assert server.settled(0)


def _streamed(client):
    async def ask(text):
        async for _ in client.stream(text):
            pass

    return ask


@pytest.mark.parametrize("colour", COLOURS)
def test_nobody_listens(colour):
    with Scripted([]) as server:
        pass
    with pytest.raises(ConnectionFailedError) as caught:
        chat(colour, server)
    assert caught.value.retryable


@pytest.mark.parametrize("colour", COLOURS)
def test_the_partial_reply_is_kept(colour):
    with Scripted([*lines("a", "b"), RESET]) as server, pytest.raises(StreamInterruptedError) as caught:
        chat(colour, server)
    assert caught.value.partial.text in {"a", "ab"}
    assert caught.value.partial.finish is None


@pytest.mark.parametrize("colour", COLOURS)
def test_a_deadline_holds_against_a_server_that_drips(colour):
    async def body(client):
        begun = time.monotonic()
        with pytest.raises(DeadlineError) as caught:
            await client.chat("x", timeout=0.25)
        assert time.monotonic() - begun < 2.5
        return caught.value

    with Scripted([stream_head(), *[step for _ in range(100) for step in (part(b"a\n"), 0.05)]]) as server:
        error = run(colour, body, **options(server))
        assert server.settled(0)
    assert error.partial.text.startswith("a")


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("steps", "limits", "says"),
    [
        ([HOLD], {"first": 0.1}, "first event took too long"),
        ([stream_head(), *[step for _ in range(100) for step in (part(b"a"), 0.03)]], {"first": 0.1}, "first event"),
        ([*lines("a"), HOLD], {"silence": 0.1}, "nothing was received for 0.1 s"),
    ],
)
def test_the_limits_of_a_stream(colour, steps, limits, says):
    async def body(client):
        with pytest.raises(ReadTimeoutError, match=says):
            async for _ in client.stream("x"):
                pass

    with Scripted(steps) as server:
        run(colour, body, **options(server, timeouts=limits))
        assert server.settled(0)

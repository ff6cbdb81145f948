"""Retries against a real server on loopback that fails as it is told, in every colour."""

import itertools

import pytest
from again import asked
from faces import COLOURS, run
from scripted import CLOSE, HOLD, RESET, Scripted, completion, delta, event, part, reply, stream_head

from jackfield.errors import ConnectionFailedError
from jackfield_retry import Retry, RetrySettings

BUSY = [reply('{"error": {"message": "busy"}}', 503, headers={"retry-after-ms": "5"})]
FAULTS = {
    "busy": BUSY,
    "closed": [CLOSE],
    "reset": [RESET],
    "half a head": [b"HTTP/1.1 200 OK\r\nconte", CLOSE],
    "no event": [stream_head(), RESET],
}


def answer(request):
    if b'"stream":true' in request:
        return [stream_head(), *map(event, (delta("Hi"), delta(finish="stop"), "[DONE]")), part(b"")]
    return [reply(completion("Hi"))]


def configured(server):
    return {"default": "real:m", "providers": {"real": {"plugin": "openai", "base_url": server.url}}}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streaming", [False, True], ids=["unary", "stream"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_gets_through(colour, streaming, fault):
    numbers = itertools.count()
    retry = Retry(RetrySettings(backoff=0.01))
    with Scripted(lambda request: FAULTS[fault] if next(numbers) < 2 else answer(request)) as server:
        options = {"config": configured(server), "middleware": [retry]}
        said = run(colour, lambda client: asked(client, streaming, "x"), **options)
        assert (said.text, said.attempts, len(server.requests)) == ("Hi", 3, 3)
        assert server.settled(0)


@pytest.mark.parametrize("colour", COLOURS)
def test_nobody_listens(colour):
    with Scripted([]) as server:
        pass
    with pytest.raises(ConnectionFailedError) as caught:
        retry = Retry(RetrySettings(backoff=0.01))
        run(colour, lambda client: client.chat("x"), config=configured(server), middleware=[retry])
    assert caught.value.sent is False
    assert "3 attempts were made" in caught.value.__notes__[0]


@pytest.mark.parametrize("colour", COLOURS)
def test_silence_is_borne_once_more(colour):
    numbers = itertools.count()
    retry = Retry(RetrySettings(backoff=0.01))
    with Scripted(lambda request: [HOLD] if next(numbers) < 1 else answer(request)) as server:
        options = {"config": {**configured(server), "timeouts": {"first": 0.2}}, "middleware": [retry]}
        said = run(colour, lambda client: asked(client, True, "x"), **options)
        assert (said.attempts, retry.tokens("real").left) == (2, 500)

"""What is recorded of calls to a server that nobody here wrote."""

import pytest
from faces import COLOURS, run
from llama import MODEL, config, deaf_port

from jackfield.errors import ConnectionFailedError, ContextLengthError
from jackfield.types import TextDelta
from jackfield_logging import Sink, logged
from jackfield_logging.reading import Filter, Reader

SAME = {"temperature": 0, "seed": 1, "max_output_tokens": 8}
TALK = [{"role": "user", "content": "Hello, me@example.org"}]

pytestmark = pytest.mark.parametrize("colour", COLOURS)


@pytest.fixture
def recorded(colour, tmp_path):
    """Runs a body, and gives the records that the journal then has, those of attempts included."""

    def ran(url, body, **settings):
        path = tmp_path / "calls.db"
        middleware = logged(sinks=[Sink(kind="journal", path=str(path))], **settings)
        run(colour, body, config=config(url), middleware=middleware)
        return [record for _, record in Reader(path).latest(Filter(attempts=True), 100)]

    return ran


@pytest.mark.parametrize("streaming", [False, True])
def test_a_chat(server, recorded, streaming):
    usage = []

    async def body(client):
        if not streaming:
            reply = await client.chat(TALK, **SAME)
        else:
            async with client.stream(TALK, **SAME) as stream:
                async for _ in stream:
                    pass
            reply = stream.response
        usage.append(reply.usage)
        usage.append(reply.text)

    attempt, call = recorded(server, body, content=True)
    assert (call["provider"], call["model"], call["answered_model"], call["finish"]) == (
        "workstation",
        MODEL,
        MODEL,
        "length",
    )
    assert (call["input_tokens"], call["output_tokens"]) == (usage[0].input_tokens, usage[0].output_tokens)
    assert 0 < call["first_event"] <= call["duration"]
    assert call["response_id"] == attempt["response_id"]
    assert call["content"]["messages"] == [{"role": "user", "content": "Hello, [email]"}]
    assert call["content"]["text"][:5] == usage[1][:5]


def test_a_stream_that_is_left(server, recorded):
    async def body(client):
        async with client.stream(TALK, temperature=0, max_output_tokens=200) as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    break

    assert [(one["record"], one["outcome"]) for one in recorded(server, body)] == [
        ("call", "closed"),
        ("attempt", "closed"),
    ]


def test_the_other_operations(embedding_server, recorded):
    async def body(client):
        await client.embed(["one", "two"])
        await client.models()
        await client.complete("Once upon a time", **SAME)

    calls = [one for one in recorded(embedding_server, body, content=True) if one["record"] == "call"]
    assert [(one["operation"], one["outcome"]) for one in calls] == [
        ("embed", "complete"),
        ("models", "complete"),
        ("complete", "complete"),
    ]
    assert calls[0]["content"] == {"input": ["one", "two"]}
    assert calls[2]["content"]["prompt"] == ["Once upon a time"]


def test_errors(small_server, recorded):
    async def body(client):
        with pytest.raises(ContextLengthError):
            await client.chat("word " * 2_000)

    attempt, call = recorded(small_server, body)
    assert (call["error"], call["status"], call["retryable"]) == ("ContextLengthError", 400, False)
    assert call["error_message"] == attempt["error_message"]


def test_nobody_there(recorded):
    async def body(client):
        with pytest.raises(ConnectionFailedError):
            await client.chat("x")

    with deaf_port() as port:
        _, call = recorded(f"http://127.0.0.1:{port}/v1", body)
    assert (call["error"], call["retryable"], "status" in call) == ("ConnectionFailedError", True, False)

"""Chats from one end to the other: a client, a server on loopback, and the tables of profiles in the configuration."""

import json

import pytest
from faces import COLOURS, run
from scripted import Scripted, completion, delta, event, part, reply, stream_head

from jackfield import Client
from jackfield.errors import ConfigurationError, JackfieldError, ServerError, TruncatedStreamError, UnsupportedError
from jackfield.types import Reasoning, Text, Usage

MESSAGE = {
    "role": "assistant",
    "content": "a",
    "reasoning": "hm",
    "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s", "index": 0}],
}
ANSWER = json.dumps({"id": "c1", "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}]})
STREAM = [
    stream_head({"x-request-id": "req_1"}),
    event({"id": "c1", "choices": [{"index": 0, "delta": {**MESSAGE, "content": ""}}]}),
    event({"id": "c1", "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}),
    event("[DONE]"),
    part(b""),
]


def config(server, **more):
    return {"default": "near:m", "providers": {"near": {"plugin": "openai", "base_url": server.url, **more}}}


def body_of(request):
    return json.loads(request.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("colour", COLOURS)
def test_a_turn_goes_back_as_it_came_whole_and_streamed(colour):
    async def body(client):
        first = await client.chat("x")
        async with client.stream("x") as stream:
            async for _ in stream:
                pass
            assert stream.response.message == first.message
            assert stream.response.request_id == "req_1"
        await client.chat([{"role": "user", "content": "x"}, first.message, {"role": "user", "content": "y"}])
        return first

    def answer(request):
        return STREAM if b'"stream":true' in request else [reply(ANSWER)]

    with Scripted(answer) as server:
        first = run(colour, body, config=config(server))
        sent = [body_of(request) for request in server.requests]
    assert first.message.parts == (Reasoning("hm", "s", extra={"index": 0}), Text("a"))
    assert sent[0] == {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    assert sent[1] == {**sent[0], "stream": True, "stream_options": {"include_usage": True}}
    assert sent[2]["messages"][1] == {name: MESSAGE[name] for name in ("role", "content", "reasoning_details")}


@pytest.mark.parametrize("colour", COLOURS)
def test_what_was_left_out_or_rewritten_is_in_the_response(colour):
    async def body(client):
        turns = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "x"}]
        return await client.chat(turns, reasoning_budget=5, unsupported="drop")

    with Scripted([reply(completion())]) as server:
        response = run(colour, body, config=config(server))
        (request,) = server.requests
    assert body_of(request)["messages"][0]["role"] == "system"
    assert [(notice.kind, notice.field) for notice in response.warnings] == [
        ("rewritten", "messages[0].role"),
        ("unsupported", "reasoning_budget"),
    ]


@pytest.mark.parametrize("colour", COLOURS)
def test_what_is_refused_is_refused_before_anything_is_sent(colour):
    async def body(client):
        with pytest.raises(UnsupportedError, match="reasoning_budget: the host has no such parameter"):
            await client.chat("x", reasoning_budget=5)

    with Scripted([reply(completion())]) as server:
        run(colour, body, config=config(server))
        assert not server.requests


PROFILES = """
default = "near:o9-mini"

[providers.near]
plugin = "openai"
base_url = "{url}"
profile = {{ developer = true, max_tokens = "max_completion_tokens", thoughts = ["reasoning"], needs_done = true }}

[[providers.near.models]]
match = "o9*"
refuses = ["temperature"]
efforts = ["low"]
"""


@pytest.mark.parametrize("colour", COLOURS)
def test_the_configuration_says_what_a_host_and_its_models_take(colour, tmp_path):
    async def body(client):
        turns = [{"role": "developer", "content": "x"}]
        await client.chat(turns, max_output_tokens=5, reasoning_effort="low")
        with pytest.raises(UnsupportedError, match="temperature: model 'o9-mini' refuses it"):
            await client.chat("x", temperature=0.5)
        with pytest.raises(UnsupportedError, match="takes one of low, not 'high'"):
            await client.chat("x", reasoning_effort="high")
        with pytest.raises(TruncatedStreamError, match="ended without \\[DONE\\]"):
            async with client.stream("x") as stream:
                async for _ in stream:
                    pass

    def answer(request):
        if b'"stream":true' in request:
            return [stream_head(), event(delta("a", "stop")), part(b"")]
        return [reply(completion())]

    with Scripted(answer) as server:
        (tmp_path / "jackfield.toml").write_text(PROFILES.format(url=server.url))
        run(colour, body, config=tmp_path / "jackfield.toml")
        sent = body_of(server.requests[0])
    assert sent == {
        "model": "o9-mini",
        "messages": [{"role": "developer", "content": "x"}],
        "max_completion_tokens": 5,
        "reasoning_effort": "low",
    }


@pytest.mark.parametrize(
    "more",
    [
        {"profile": {"develloper": True}},
        {"profile": {"developer": "yes"}},
        {"profile": "openai"},
        {"models": [{"refuses": ["temperature"]}]},
        {"models": [{"match": "o9*", "refuses": "temperature"}]},
        {"models": {"match": "o9*"}},
        {"models": [{"match": "o9*", "refuses": ["temperatures"]}]},
        {"profile": {"cache": "maybe"}},
        {"profile": {"thoughts": ["dreams"]}},
    ],
)
def test_a_mistake_in_a_table_names_it(more):
    (key,) = more
    with pytest.raises(ConfigurationError, match=f"providers.near.{key}"):
        Client({"default": "near:m", "providers": {"near": {"plugin": "openai", **more}}}).chat("x")


@pytest.mark.parametrize("colour", COLOURS)
def test_a_bare_error_inside_a_stream_keeps_its_message_and_what_had_arrived(colour):
    async def body(client):
        with pytest.raises(ServerError, match="Down") as caught:
            async with client.stream("x") as stream:
                async for _ in stream:
                    pass
        assert caught.value.partial.text == "a"

    bare = part(b'{"error": {"code": 502, "message": "Down."}}')
    with Scripted([stream_head(), event(delta("a")), bare, part(b"")]) as server:
        run(colour, body, config=config(server))


FAILED = {"error": {"code": 502, "message": "Down."}, "usage": {"prompt_tokens": 3, "completion_tokens": 5}}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streaming", [False, True])
def test_what_a_reply_cost_that_failed_is_a_part_of_what_had_arrived(colour, streaming):
    async def body(client):
        with pytest.raises(ServerError, match="Down") as caught:
            if streaming:
                async with client.stream("x") as stream:
                    async for _ in stream:
                        pass
            else:
                await client.chat("x")
        assert caught.value.partial.usage == Usage(3, 5)

    steps = [stream_head(), event(FAILED), part(b"")] if streaming else [reply(json.dumps(FAILED))]
    with Scripted(steps) as server:
        run(colour, body, config=config(server))


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("status", [200, 401])
def test_no_half_of_the_key_is_in_an_error_that_quotes_it(colour, status):
    """However much of what the server says is quoted."""
    key = "sk-0123456789abcdefghij"

    async def body(client):
        with pytest.raises(JackfieldError) as caught:
            await client.chat("x")
        said.append(str(caught.value))
        assert key[:4] not in repr(vars(caught.value))

    said = []
    for place in range(500 - len(key) - 12, 501, 4):
        text = json.dumps({"message": "a " * (place // 2) + "Wrong key: " + key + " b" * 50})
        with Scripted([reply(text, status)]) as server:
            run(colour, body, config=config(server, api_key=key))
    assert any("***" in one for one in said)
    assert any("***" not in one for one in said)

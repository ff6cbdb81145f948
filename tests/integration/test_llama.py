"""The whole way, against a server that nobody here wrote: llama.cpp, with a tiny model."""

import gc

import pytest
from faces import COLOURS, run
from llama import MODEL, config, deaf_port

import jackfield as jf
from jackfield.errors import ConnectionFailedError, ContextLengthError, NotFoundError
from jackfield.types import Finished, Start, TextDelta, UsageReported

SAME = {"temperature": 0, "seed": 1}
WEATHER = jf.Tool(
    "get_weather",
    "The weather of a city",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)

pytestmark = pytest.mark.parametrize("colour", COLOURS)


def read(stream):
    async def events():
        async with stream:
            return [event async for event in stream]

    return events()


def test_a_whole_reply(server, colour):
    async def body(client):
        reply = await client.chat("Hello", **SAME)
        assert reply.text
        assert reply.finish == jf.Finish("stop", "stop")
        assert (reply.provider, reply.model) == ("workstation", MODEL)
        assert reply.usage.input_tokens > 0
        assert reply.usage.output_tokens > 0
        assert reply.raw["object"] == "chat.completion"
        assert "timings" in reply.raw

    run(colour, body, config=config(server))


def test_a_stream(server, colour):
    async def body(client):
        stream = client.stream("Tell me a story about Cairo", **SAME)
        events = await read(stream)
        assert isinstance(events[0], Start)
        assert [type(event) for event in events[-2:]] == [Finished, UsageReported]
        assert {type(event) for event in events[1:-2]} == {TextDelta}
        assert len(events) > 10
        assert stream.state == "complete"
        assert stream.response.text == "".join(event.text for event in events if isinstance(event, TextDelta))

    run(colour, body, config=config(server))


@pytest.mark.parametrize("prompt", ["Hello", "Count to five", "Tell me a story about Cairo"])
def test_streamed_or_not_the_text_is_the_same(server, colour, prompt):
    async def body(client):
        whole = await client.chat(prompt, **SAME)
        stream = client.stream(prompt, **SAME)
        await read(stream)
        assert stream.response.text == whole.text
        assert stream.response.finish == whole.finish
        assert stream.response.usage.output_tokens == whole.usage.output_tokens

    run(colour, body, config=config(server))


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_call_there_and_back(server, colour, streamed):
    async def body(client):
        asked = "Call the tool for Paris"
        if streamed:
            stream = client.stream(asked, tools=[WEATHER], **SAME)
            await read(stream)
            reply = stream.response
        else:
            reply = await client.chat(asked, tools=[WEATHER], **SAME)
        assert reply.finish.unified == "tool_calls"
        (call,) = reply.tool_calls
        assert (call.name, call.complete) == ("get_weather", True)
        assert call.id
        assert list(call.parsed) == ["city"]
        result = jf.Message("tool", jf.ToolResult(call.id, "sunny"))
        conversation = [jf.Message("user", asked), reply.message, result]
        after = await client.chat(conversation, tools=[WEATHER], max_output_tokens=40, **SAME)
        assert after.usage.input_tokens > reply.usage.input_tokens

    run(colour, body, config=config(server))


@pytest.mark.parametrize("streamed", [False, True])
def test_several_choices(server, colour, streamed):
    async def body(client):
        if streamed:
            stream = client.stream("Hello", n=2, **SAME)
            await read(stream)
            reply = stream.response
        else:
            reply = await client.chat("Hello", n=2, **SAME)
        assert [choice.index for choice in reply.choices] == [0, 1]
        for choice in reply.choices:
            assert choice.message.text
            assert choice.finish.unified == "stop"

    run(colour, body, config=config(server))


def test_stop_ends_the_text(server, colour):
    async def body(client):
        whole = await client.chat("Count to five", **SAME)
        middle = whole.text[len(whole.text) // 2]
        cut = await client.chat("Count to five", stop=middle, **SAME)
        assert cut.text == whole.text.partition(middle)[0]
        assert cut.finish.unified == "stop"

    run(colour, body, config=config(server))


def test_a_limit_of_tokens(server, colour):
    async def body(client):
        reply = await client.chat("Tell me a story about Cairo", max_output_tokens=3, **SAME)
        assert reply.finish == jf.Finish("length", "length")
        assert reply.usage.output_tokens == 3

    run(colour, body, config=config(server))


def test_no_message_at_all_is_sent_as_it_is(server, colour):
    async def body(client):
        reply = await client.chat([], max_output_tokens=5)
        assert reply.finish.unified in ("stop", "length")

    run(colour, body, config=config(server))


@pytest.mark.parametrize("streamed", [False, True])
def test_a_context_that_is_too_long(small_server, colour, streamed):
    async def body(client):
        asked = read(client.stream("Hello " * 2000)) if streamed else client.chat("Hello " * 2000)
        with pytest.raises(ContextLengthError) as caught:
            await asked
        error = caught.value
        assert error.status == 400
        assert not error.retryable
        assert (error.provider, error.model, error.operation) == ("workstation", MODEL, "chat")
        assert error.body["error"]["type"] == "exceed_context_size_error"
        assert (await client.chat("Hello", max_output_tokens=5)).text

    run(colour, body, config=config(small_server))


def test_an_unknown_path(server, colour):
    async def body(client):
        with pytest.raises(NotFoundError) as caught:
            await client.chat("Hello")
        assert caught.value.status == 404
        assert not caught.value.retryable

    run(colour, body, config=config(f"{server}/nowhere"))


def test_nobody_listens(colour):
    async def body(client):
        with pytest.raises(ConnectionFailedError) as caught:
            await client.chat("Hello")
        assert caught.value.retryable
        assert caught.value.status is None

    with deaf_port() as port:
        run(colour, body, config=config(f"http://127.0.0.1:{port}/v1"))


def test_leaving_a_stream_early_leaves_the_client_well(server, colour):
    async def body(client):
        for _ in range(3):
            async with client.stream("Tell me a story about Cairo", **SAME) as stream:
                async for event in stream:
                    if isinstance(event, TextDelta):
                        break
            assert stream.state == "closed"
            with pytest.raises(jf.StreamStateError):
                stream.response  # noqa: B018 - reading it is the test
        gc.collect()
        assert (await client.chat("Hello", **SAME)).text

    run(colour, body, config=config(server))

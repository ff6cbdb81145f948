"""Chats over both of OpenAI's APIs, against a server that nobody here wrote: llama.cpp, with a tiny model."""

import pytest
from faces import COLOURS, run
from llama import MODEL, config

import jackfield as jf
from jackfield.errors import ContextLengthError, UnsupportedError
from jackfield.types import Finished, Start, TextDelta, ToolCallDelta, UsageReported

SAME = {"temperature": 0}
WEATHER = jf.Tool(
    "get_weather",
    "The weather of a city",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
NUMBER = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
APIS = {"chat": "chat.completion", "responses": "response"}

pytestmark = [pytest.mark.parametrize("colour", COLOURS), pytest.mark.parametrize("api", APIS)]


def over(api, url):
    """The configuration of a client whose chats go over this API."""
    found = config(url)
    found["providers"]["workstation"]["api"] = api
    return found


async def told(client, streamed, *args, **fields):
    """The response, read at once or as a stream."""
    if not streamed:
        return await client.chat(*args, **fields)
    async with client.stream(*args, **fields) as stream:
        async for _ in stream:
            pass
    return stream.response


def test_a_whole_reply(server, colour, api):
    async def body(client):
        reply = await client.chat("Hello", **SAME)
        assert reply.text == "Hi there! What can I do for you?"
        assert reply.finish.unified == "stop"
        assert (reply.provider, reply.model) == ("workstation", MODEL)
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (50, 11)
        assert reply.raw["object"] == APIS[api]

    run(colour, body, config=over(api, server))


def test_a_stream(server, colour, api):
    async def body(client):
        whole = await client.chat("Tell me a story about Cairo", **SAME)
        async with client.stream("Tell me a story about Cairo", **SAME) as stream:
            events = [event async for event in stream]
        assert isinstance(events[0], Start)
        texts = [event.text for event in events if isinstance(event, TextDelta)]
        assert len(texts) > 10
        assert "".join(texts) == stream.response.text == whole.text
        assert [type(event) for event in events if isinstance(event, Finished | UsageReported)] == [
            Finished,
            UsageReported,
        ]
        assert stream.response.usage.output_tokens == whole.usage.output_tokens

    run(colour, body, config=over(api, server))


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_call_there_and_back(server, colour, api, streamed):
    async def body(client):
        asked = "Call the tool for Paris"
        reply = await told(client, streamed, asked, tools=[WEATHER], **SAME)
        assert reply.finish.unified == "tool_calls"
        (call,) = reply.tool_calls
        assert (call.name, call.complete, list(call.parsed)) == ("get_weather", True, ["city"])
        assert call.id
        result = jf.Message("tool", jf.ToolResult(call.id, "sunny"))
        conversation = [jf.Message("user", asked), reply.message, result]
        after = await told(client, streamed, conversation, tools=[WEATHER], max_output_tokens=40, **SAME)
        assert after.usage.input_tokens > reply.usage.input_tokens

    run(colour, body, config=over(api, server))


def test_pieces_of_a_call(server, colour, api):
    async def body(client):
        async with client.stream("Call the tool for Paris", tools=[WEATHER], **SAME) as stream:
            pieces = [event async for event in stream if isinstance(event, ToolCallDelta)]
        assert len(pieces) > 5
        assert "".join(piece.arguments for piece in pieces) == stream.response.tool_calls[0].arguments

    run(colour, body, config=over(api, server))


@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_in_a_form(server, colour, api, streamed):
    # over its newer API this server looks for the form where the older one has it
    older = {"type": "json_schema", "json_schema": {"name": "n", "schema": NUMBER}}
    form = {"response_format": NUMBER} if api == "chat" else {"extra_body": {"response_format": older}}

    async def body(client):
        reply = await told(client, streamed, "Hello", max_output_tokens=40, **form, **SAME)
        assert list(reply.parsed) == ["a"]
        assert type(reply.parsed["a"]) is int

    run(colour, body, config=over(api, server))


def test_a_conversation_moves_between_the_two(server, colour, api):
    other = {"openai": {"api": "responses" if api == "chat" else "chat"}}

    async def body(client):
        turns = [jf.Message("system", "Be brief."), jf.Message("user", "Hello")]
        first = await client.chat(turns, **SAME)
        turns.append(first.message)
        second = await client.chat([*turns, jf.Message("user", "And you?")], options=other, **SAME)
        assert second.raw["object"] == APIS[other["openai"]["api"]]
        turns += [jf.Message("user", "And you?"), second.message, jf.Message("user", "Bye")]
        third = await client.chat(turns, **SAME)
        assert third.raw["object"] == APIS[api]
        assert first.usage.input_tokens < second.usage.input_tokens < third.usage.input_tokens

    run(colour, body, config=over(api, server))


@pytest.mark.parametrize("streamed", [False, True])
def test_a_context_that_is_too_long(small_server, colour, api, streamed):
    async def body(client):
        with pytest.raises(ContextLengthError) as caught:
            await told(client, streamed, "Hello " * 2000)
        assert caught.value.status == 400

    run(colour, body, config=over(api, small_server))


def test_leaving_a_stream_early_leaves_the_client_well(server, colour, api):
    async def body(client):
        for _ in range(3):
            async with client.stream("Tell me a story about Cairo", **SAME) as stream:
                async for event in stream:
                    if isinstance(event, TextDelta):
                        break
            assert stream.state == "closed"
        assert (await client.chat("Hello", **SAME)).text

    run(colour, body, config=over(api, server))


def test_what_one_of_them_has_no_parameter_for(server, colour, api):
    async def body(client):
        if api == "chat":
            assert (await client.chat("Hello", seed=1, max_output_tokens=5)).text
            return
        with pytest.raises(UnsupportedError, match="seed: the Responses API has no such parameter"):
            await client.chat("Hello", seed=1)

    run(colour, body, config=over(api, server))

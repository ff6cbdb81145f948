"""Chats from one end to the other: a client, a server on loopback, and all that a reply of OpenRouter's can hold."""

import json

import pytest
from faces import COLOURS, run
from scripted import Scripted, completion, event, part, reply, stream_head

from jackfield import Client
from jackfield.errors import ServerError, UnsupportedError
from jackfield.operations import CompleteRequest
from jackfield.types import (
    Audio,
    CacheMark,
    Citation,
    File,
    Image,
    JsonSchema,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    Usage,
)
from jackfield_openrouter import ChatOptions, CompleteOptions, EmbedOptions, ProviderPreferences, Served, served

PNG = "data:image/png;base64,AAAA"
DETAILS = [
    {"type": "reasoning.text", "text": "hm", "signature": "s", "id": "r1", "format": "anthropic-claude-v1", "index": 0},
    {"type": "reasoning.encrypted", "data": "AAAA", "id": "r2", "format": "openai-responses-v1", "index": 1},
    {"type": "reasoning.summary", "summary": "so", "format": "openai-responses-v1", "index": 2},
]  # fmt: skip
CITED = {"type": "url_citation", "url_citation": {"url": "https://example.org", "title": "t", "start_index": 0}}
PARSED = {"type": "file", "file": {"hash": "h", "name": "a.pdf", "content": [{"type": "text", "text": "x"}]}}
CALL = {"id": "c", "index": 0, "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
MESSAGE = {
    "role": "assistant",
    "content": "a",
    "refusal": None,
    "reasoning": "hm",
    "reasoning_details": DETAILS,
    "annotations": [CITED, PARSED],
    "images": [{"type": "image_url", "image_url": {"url": PNG}}],
    "tool_calls": [CALL],
}
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "cost": 0.05,
    "is_byok": True,
    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2, "audio_tokens": 1, "video_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3, "image_tokens": 1},
    "cost_details": {
        "upstream_inference_cost": 1.5,
        "upstream_inference_prompt_cost": 1.0,
        "upstream_inference_completions_cost": 0.5,
    },
    "server_tool_use_details": {"web_search_requests": 2},
}
FACTS = {"id": "gen-1", "model": "anthropic/claude-sonnet-4.5", "provider": "Amazon Bedrock", "service_tier": "flex"}
FINISH = {"finish_reason": "tool_calls", "native_finish_reason": "tool_use"}
WHOLE = {**FACTS, "choices": [{"index": 0, "message": MESSAGE, **FINISH}], "usage": USAGE}
HOW = Served(
    generation_id="gen-1",
    provider="Amazon Bedrock",
    model="anthropic/claude-sonnet-4.5",
    native_finish_reasons={0: "tool_use"},
    service_tier="flex",
    is_byok=True,
    cost=0.05,
    upstream_cost=1.5,
    upstream_prompt_cost=1.0,
    upstream_completions_cost=0.5,
    image_tokens=1,
    video_tokens=0,
    server_tools={"web_search_requests": 2},
)


def streamed():
    def chunk(delta, **more):
        choice = {"index": 0, "delta": delta, "finish_reason": None, "native_finish_reason": None, **more}
        return event({**FACTS, "object": "chat.completion.chunk", "choices": [choice]})

    yield stream_head({"x-generation-id": "gen-1"})
    yield part(b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n")
    for detail in DETAILS:
        yield chunk({"role": "assistant", "content": "", "reasoning_details": [detail]})
    yield chunk({"content": "a"})
    yield chunk({"tool_calls": [{**CALL, "function": {"name": "add", "arguments": ""}}]})
    yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":1}'}}]})
    yield chunk({"images": MESSAGE["images"], "annotations": MESSAGE["annotations"]})
    yield chunk({"content": ""}, **FINISH)
    yield event({**FACTS, "choices": [], "usage": USAGE})
    yield event("[DONE]")
    yield part(b"")


def answer(request):
    # OpenRouter keeps a waiting connection open with white space
    return streamed() if b'"stream":true' in request else [reply("\n         \n" + json.dumps(WHOLE))]


def config(server, **more):
    table = {"base_url": server.url, "api_key": "sk-or-v1-0", **more}
    return {"default": "openrouter:anthropic/claude-sonnet-4.5", "providers": {"openrouter": table}}


def body_of(request):
    return json.loads(request.partition(b"\r\n\r\n")[2])


async def read(client, *args, **kwargs):
    async with client.stream(*args, **kwargs) as stream:
        async for _ in stream:
            pass
        return stream.response


@pytest.mark.parametrize("colour", COLOURS)
def test_all_that_a_reply_holds_comes_whole_and_streamed_and_goes_back(colour):
    async def body(client):
        whole, stream = await client.chat("x"), await read(client, "x")
        for turn in (whole.message, stream.message):
            await client.chat([Message("user", "x"), turn, Message("tool", ToolResult("c", "2"))])
        return whole, stream

    with Scripted(answer) as server:
        whole, stream = run(colour, body, config=config(server))
        sent = [body_of(request) for request in server.requests]
    assert whole.message == stream.message
    assert whole.message.parts == (
        Reasoning("hm", "s", id="r1", format="anthropic-claude-v1", extra={"index": 0}),
        Reasoning(encrypted="AAAA", id="r2", format="openai-responses-v1", extra={"index": 1}),
        Reasoning("so", summary=True, format="openai-responses-v1", extra={"index": 2}),
        Text("a"),
        *whole.message.parts[4:],
    )
    assert {type(part): part for part in whole.message.parts[4:]} == {
        ToolCall: ToolCall("c", "add", '{"a":1}'),
        Image: Image(PNG),
    }
    assert whole.message.annotations == (Citation("https://example.org", "t", start=0), Unknown(PARSED))
    assert whole.usage == stream.usage == Usage(10, 5, 3, 4, 2, 1, None, 0.05)
    assert served(whole) == served(stream) == HOW
    for request in sent[2:]:
        back = request["messages"][1]
        assert back["reasoning_details"] == DETAILS
        assert "reasoning" not in back
        assert (back["annotations"], back["images"]) == (MESSAGE["annotations"], MESSAGE["images"])
        assert back["tool_calls"] == [{key: CALL[key] for key in ("id", "type", "function")}]


@pytest.mark.parametrize("colour", COLOURS)
def test_what_a_user_can_say_reaches_the_wire(colour):
    question = Message(
        "user",
        [
            Text("Look.", cache=CacheMark("1h")),
            Image(PNG),
            Audio("AAAA", "wav"),
            File("data:application/pdf;base64,AAAA", "a.pdf"),
            Unknown({"type": "video_url", "video_url": {"url": "https://example.org/a.mp4"}}),
        ],
    )

    async def body(client):
        await client.chat(
            [question],
            response_format=JsonSchema({"type": "object"}, "answer", strict=True),
            options=ChatOptions(provider=ProviderPreferences(require_parameters=True)).as_options(),
            service_tier="flex",
            top_k=5,
        )

    with Scripted(answer) as server:
        run(colour, body, config=config(server))
        (request,) = server.requests
    assert b"/v1/chat/completions" in request
    assert body_of(request) == {
        "model": "anthropic/claude-sonnet-4.5",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                    {"type": "image_url", "image_url": {"url": PNG}},
                    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
                    {"type": "video_url", "video_url": {"url": "https://example.org/a.mp4"}},
                ],
            }
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
        },
        "service_tier": "flex",
        "top_k": 5,
        "provider": {"require_parameters": True},
    }


def test_two_variables_in_a_file_are_configuration_enough(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENROUTER_API_KEY", "OPENROUTER_BASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    with Scripted([reply(completion("Hi"))]) as server:
        (tmp_path / ".env.local").write_text(f"OPENROUTER_API_KEY=sk-or-v1-1\nOPENROUTER_BASE_URL={server.url}\n")
        with Client() as client:
            response = client.chat("x")
        (request,) = server.requests
    assert (response.text, response.provider, body_of(request)["model"]) == ("Hi", "openrouter", "openrouter/auto")
    assert b"authorization: bearer sk-or-v1-1" in request.lower()


@pytest.mark.parametrize("colour", COLOURS)
def test_an_application_names_itself_or_does_not(colour):
    async def body(client):
        await client.chat("x")

    heads = []
    for named in ({}, {"referer": "https://example.org", "title": "A title", "categories": ["cli-agent"]}):
        with Scripted([reply(completion())]) as server:
            run(colour, body, config=config(server, **named))
            heads.append(server.requests[0].partition(b"\r\n\r\n")[0].lower())
    assert not any(name in heads[0] for name in (b"http-referer", b"x-openrouter", b"x-title"))
    for line in (
        b"http-referer: https://example.org",
        b"x-openrouter-title: a title",
        b"x-openrouter-categories: cli-agent",
    ):
        assert line in heads[1]
    assert all(b"authorization: bearer sk-or-v1-0" in head for head in heads)


NAMES = [
    "openai/gpt-4o:nitro",
    "meta-llama/llama-4-scout:free",
    "@preset/brief",
    "openai/gpt-4o@preset/brief",
    "~anthropic/claude-sonnet-latest",
    "openrouter/free",
]


@pytest.mark.parametrize("name", NAMES)
def test_variants_and_presets_are_part_of_a_models_name(name):
    async def body(client):
        await client.chat("x", model=f"openrouter:{name}")

    with Scripted([reply(completion())]) as server:
        run("sync", body, config=config(server))
        assert body_of(server.requests[0])["model"] == name


@pytest.mark.parametrize("colour", COLOURS)
def test_completions_and_embeddings_tell_how_they_were_served_too(colour):
    facts = {"id": "gen-3", "provider": "P", "usage": {"prompt_tokens": 1, "cost": 0.5, "is_byok": False}}
    choice = {"index": 0, "text": "there", "finish_reason": "stop", "native_finish_reason": "STOP"}

    def answer(request):
        if b"/embeddings" in request:
            return [reply(json.dumps({**facts, "data": [{"index": 0, "embedding": [0.5, 1.0]}]}))]
        if b'"stream":true' in request:
            return [stream_head(), event({**facts, "choices": [choice]}), event("[DONE]"), part(b"")]
        return [reply("\n  \n" + json.dumps({**facts, "choices": [choice]}))]

    async def body(client):
        options = CompleteOptions(models=("a/b",), min_p=0.5).as_options()
        whole = await client.complete("Hello", options=options)
        streamed = await read(client, CompleteRequest(prompt="Hello", options=options))
        return whole, streamed, await client.embed("x", options=EmbedOptions(input_type="search_query").as_options())

    with Scripted(answer) as server:
        whole, streamed, embedded = run(colour, body, config=config(server))
        sent = [body_of(request) for request in server.requests]
    assert whole.text == streamed.text == "there"
    how = Served("gen-3", "P", None, {0: "STOP"}, is_byok=False, cost=0.5)
    assert served(whole) == served(streamed) == how
    assert served(embedded) == Served("gen-3", "P", is_byok=False, cost=0.5)
    model = "anthropic/claude-sonnet-4.5"
    wanted = {"model": model, "prompt": "Hello", "models": ["a/b"], "min_p": 0.5}
    assert sent[0] == wanted
    assert sent[1] == {**wanted, "stream": True, "stream_options": {"include_usage": True}}
    assert (sent[2]["model"], sent[2]["input_type"]) == (model, "search_query")


@pytest.mark.parametrize("colour", COLOURS)
def test_what_would_be_ignored_is_refused_before_anything_is_sent(colour):
    async def body(client):
        with pytest.raises(UnsupportedError, match="temperature: model 'openai/o1' refuses it"):
            await client.chat("x", model="openrouter:openai/o1", temperature=0.5)

    with Scripted(answer) as server:
        run(colour, body, config=config(server))
        assert not server.requests


@pytest.mark.parametrize("colour", COLOURS)
def test_an_error_behind_the_first_token_brings_what_had_come(colour):
    failed = {
        **FACTS,
        "error": {"code": 502, "message": "Upstream broke", "metadata": {"provider_name": "Nebius"}},
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
    }

    async def body(client):
        with pytest.raises(ServerError) as caught:
            await read(client, "x")
        return caught.value

    chunk = {**FACTS, "choices": [{"index": 0, "delta": {"content": "half"}}]}
    with Scripted([stream_head(), event(chunk), event(failed), part(b"")]) as server:
        error = run(colour, body, config=config(server))
    assert (error.status, error.partial.text, served(error.partial).provider) == (502, "half", "Amazon Bedrock")


def test_of_a_reply_that_says_nothing_nothing_is_invented():
    async def body(client):
        return await client.chat("x")

    with Scripted([reply(completion(), headers={"x-generation-id": "gen-2"})]) as server:
        response = run("sync", body, config=config(server))
    assert served(response) == Served(generation_id="gen-2", model="m")

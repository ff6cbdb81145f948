"""Completions, embeddings and models, against a server that nobody here wrote: llama.cpp, with a tiny model."""

import math

import pytest
from faces import COLOURS, run
from llama import MODEL, config

import jackfield as jf
from jackfield.errors import ContextLengthError, NotFoundError, UnsupportedError
from jackfield.types import Finished, LogprobsDelta, Start, TextDelta, UsageReported

SAME = {"temperature": 0, "seed": 1}

pytestmark = pytest.mark.parametrize("colour", COLOURS)


def test_a_completion(server, colour):
    async def body(client):
        reply = await client.complete("Once upon a time", max_output_tokens=5, logprobs=2, **SAME)
        assert reply.text
        assert reply.finish == jf.Finish("length", "length")
        assert (reply.provider, reply.model) == ("workstation", MODEL)
        assert (reply.usage.input_tokens, reply.usage.output_tokens) == (4, 5)
        tokens = reply.logprobs.content
        assert "".join(token.token for token in tokens) == reply.text
        assert all(token.logprob <= 0 and len(token.top) == 2 for token in tokens)
        assert reply.raw["object"] == "text_completion"

    run(colour, body, config=config(server))


def test_a_stream_says_what_the_whole_reply_says(server, colour):
    # what the server still knows of a prompt it reckons in another order, and so to other last digits
    afresh = {"cache_prompt": False}
    request = jf.CompleteRequest(prompt="Once upon a time", max_output_tokens=12, logprobs=1, extra_body=afresh, **SAME)

    async def body(client):
        whole = await client.call(request)
        async with client.stream(request) as stream:
            events = [event async for event in stream]
        assert stream.response.text == whole.text
        assert stream.response.logprobs == whole.logprobs
        assert stream.response.usage.output_tokens == whole.usage.output_tokens
        assert isinstance(events[0], Start)
        assert [type(event) for event in events[-2:]] == [Finished, UsageReported]
        assert {type(event) for event in events[1:-2]} == {TextDelta, LogprobsDelta}

    run(colour, body, config=config(server))


@pytest.mark.parametrize(
    ("prompt", "more", "count"),
    [("Hello", {"n": 2}, 2), (["Hello", "Hi"], {}, 2), ([1, 2, 3], {}, 1), ("def f():", {"suffix": "return 1"}, 1)],
)
def test_prompts_and_choices(server, colour, prompt, more, count):
    async def body(client):
        reply = await client.complete(prompt, max_output_tokens=3, **more, **SAME)
        assert [choice.index for choice in reply.choices] == list(range(count))
        assert all(choice.finish is not None for choice in reply.choices)

    run(colour, body, config=config(server))


def test_leaving_a_completion_early_leaves_the_client_well(server, colour):
    async def body(client):
        for _ in range(3):
            async with client.stream(jf.CompleteRequest(prompt="Once upon a time", **SAME)) as stream:
                async for event in stream:
                    if isinstance(event, TextDelta):
                        break
            assert stream.state == "closed"
        assert (await client.complete("Hello", max_output_tokens=3)).finish is not None

    run(colour, body, config=config(server))


def test_a_context_that_is_too_long(small_server, colour):
    async def body(client):
        with pytest.raises(ContextLengthError) as caught:
            await client.complete("Hello " * 2000)
        assert (caught.value.status, caught.value.operation) == (400, "complete")

    run(colour, body, config=config(small_server))


@pytest.mark.parametrize(("form", "kind"), [("base64", "f"), ("float", "d")])
def test_embeddings(embedding_server, colour, form, kind):
    async def body(client):
        options = {"openai": {"encoding_format": form}}
        reply = await client.embed(["Hello", "Tell me a story", "Hello"], options=options)
        assert [(vector.typecode, len(vector)) for vector in reply.vectors] == [(kind, 128)] * 3
        first, second, third = reply.vectors
        assert all(abs(math.hypot(*vector) - 1) < 1e-3 for vector in reply.vectors)
        assert max(abs(a - b) for a, b in zip(first, third, strict=True)) < 1e-3
        assert max(abs(a - b) for a, b in zip(first, second, strict=True)) > 1e-2
        assert reply.usage.input_tokens > 3
        if form == "base64":  # which is asked for where nothing else is
            plain = await client.embed(["Hello", "Tell me a story", "Hello"])
            assert plain.vectors[0].typecode == "f"

    run(colour, body, config=config(embedding_server))


def test_embeddings_of_a_server_that_gives_none(server, colour):
    async def body(client):
        with pytest.raises(UnsupportedError, match="does not support embeddings") as caught:
            await client.embed("Hello")
        assert not caught.value.retryable

    run(colour, body, config=config(server))


def test_models(server, colour):
    async def body(client):
        (model,) = await client.models()
        assert (model.id, model.owner) == (MODEL, "llamacpp")
        assert model.context_length > 0
        with pytest.raises(NotFoundError) as caught:  # this server has no page for one model
            await client.model()
        assert (caught.value.status, caught.value.operation) == (404, "model")

    run(colour, body, config=config(server))

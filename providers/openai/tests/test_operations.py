"""Completions, embeddings and models the whole way, against a server on loopback, in every colour."""

import json
import os
import struct
from array import array
from base64 import b64encode

import pytest
from faces import COLOURS, run
from scripted import CLOSE, HOLD, Scripted, event, part, reply, stream_head

import jackfield as jf
from jackfield.errors import (
    NotFoundError,
    QuotaError,
    RateLimitError,
    StreamInterruptedError,
    TruncatedStreamError,
    UnsupportedError,
)
from jackfield.types import Finished, RateLimit, TextDelta, Usage

ENGINE = os.environ.get("JACKFIELD_TEST_ENGINE", "auto")
LIMITS = {
    "x-request-id": "req_1",
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-reset-requests": "1m0.5s",
}

pytestmark = pytest.mark.parametrize("colour", COLOURS)


def options(server, **settings):
    near = {"plugin": "openai", "base_url": server.url, **settings}
    return {"config": {"default": "near:m", "engine": ENGINE, "providers": {"near": near}}}


def received(server, number=-1):
    """The method, the path, the headers and the body of a request that came."""
    head, _, body = server.requests[number].partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = dict(line.lower().split(": ", 1) for line in rest)
    return method, path, headers, json.loads(body) if body else None


def said(payload, **more):
    return [reply(json.dumps(payload), headers=LIMITS, **more)]


def chunk(text="", finish=None, index=0, **more):
    choice = {"text": text, "index": index, "logprobs": None, "finish_reason": finish}
    return event({"id": "c1", "created": 5, "model": "m-1", "choices": [choice], **more})


COMPLETION = {
    "id": "c1",
    "created": 5,
    "model": "m-1",
    "choices": [{"text": " there", "index": 0, "logprobs": None, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2},
}


def test_a_completion(colour):
    async def body(client):
        return await client.complete("Hi", max_output_tokens=9, echo=False, options={"openai": {"min_p": 0.1}})

    with Scripted(said(COMPLETION)) as server:
        found = run(colour, body, **options(server))
        method, path, headers, sent = received(server)
    assert (method, path, headers["accept"]) == ("POST", "/v1/completions", "application/json")
    assert sent == {"model": "m", "prompt": "Hi", "max_tokens": 9, "echo": False, "min_p": 0.1}
    assert (found.text, found.finish, found.usage) == (" there", jf.Finish("stop", "stop"), Usage(1, 2))
    assert (found.provider, found.model, found.id, found.created) == ("near", "m-1", "c1", 5)
    assert (found.request_id, found.rate_limit) == ("req_1", RateLimit(60, 59, 60.5))
    assert found.raw == COMPLETION


def test_a_completion_as_a_stream(colour):
    answer = [stream_head(LIMITS), chunk("a"), chunk("b", index=1), chunk("A", "stop"), chunk("B", "length", 1)]
    answer += [event({"choices": [], "usage": {"prompt_tokens": 1}}), event("[DONE]"), part(b"")]

    async def body(client):
        stream = client.stream(jf.CompleteRequest(prompt=["x", "y"], logprobs=0))
        async with stream:
            events = [one async for one in stream]
        return events, stream.response

    with Scripted(answer) as server:
        events, response = run(colour, body, **options(server))
        _, _, headers, sent = received(server)
    assert headers["accept"] == "text/event-stream"
    assert sent == {
        "model": "m", "prompt": ["x", "y"], "logprobs": 0, "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    assert [(one.text, one.choice) for one in events if isinstance(one, TextDelta)] == [
        ("a", 0), ("b", 1), ("A", 0), ("B", 1),
    ]  # fmt: skip
    assert [one.choice for one in events if isinstance(one, Finished)] == [0, 1]
    assert [one.text for one in response.choices] == ["aA", "bB"]
    assert (response.usage, response.rate_limit.requests_remaining) == (Usage(1), 59)


@pytest.mark.parametrize("last", [[event("[DONE]"), part(b"")], [part(b"")]])
def test_a_completion_that_ends_early(colour, last):
    async def body(client):
        with pytest.raises(TruncatedStreamError) as caught:
            await client.call(jf.CompleteRequest(prompt="x"))
        return caught.value

    with Scripted([stream_head(), chunk("a"), *last]) as server:
        error = run(colour, body, **options(server))
    assert (error.partial.text, error.operation, error.model, error.retryable) == ("a", "complete", "m", True)


def test_a_completion_whose_connection_is_lost(colour):
    async def body(client):
        with pytest.raises(StreamInterruptedError) as caught:
            await client.complete("x")
        return caught.value

    with Scripted([stream_head(), chunk("a"), CLOSE]) as server:
        assert run(colour, body, **options(server)).partial.text == "a"


def test_a_stream_that_is_left_early_gives_its_connection_up(colour):
    async def body(client):
        async with client.stream(jf.CompleteRequest(prompt="x")) as stream:
            async for one in stream:
                if isinstance(one, TextDelta):
                    break
        assert stream.state == "closed"
        return server.settled(0)

    with Scripted([stream_head(), chunk("a"), HOLD]) as server:
        assert run(colour, body, **options(server))


def packed(*numbers):
    return b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def test_embeddings(colour):
    data = [{"index": 1, "embedding": packed(2, 3)}, {"index": 0, "embedding": packed(0.5, 1)}]

    async def body(client):
        return await client.embed(["a", "b"], dimensions=2, user="u")

    with Scripted(said({"data": data, "model": "e", "usage": {"prompt_tokens": 2, "total_tokens": 2}})) as server:
        found = run(colour, body, **options(server))
        method, path, _, sent = received(server)
    assert (method, path) == ("POST", "/v1/embeddings")
    assert sent == {"model": "m", "input": ["a", "b"], "dimensions": 2, "user": "u", "encoding_format": "base64"}
    assert found.vectors == (array("f", [0.5, 1]), array("f", [2, 3]))
    assert (found.usage, found.model, found.request_id) == (Usage(2), "e", "req_1")
    assert found.rate_limit == RateLimit(60, 59, 60.5)


def test_embeddings_of_a_host_that_cannot_pack_them(colour):
    async def body(client):
        return await client.embed("a")

    with Scripted(said({"data": [{"embedding": [0.1, 0.2]}]})) as server:
        found = run(colour, body, **options(server, profile={"base64": False}))
        assert received(server)[3] == {"model": "m", "input": "a"}
    assert found.vector == array("d", [0.1, 0.2])


def test_embeddings_cannot_be_fewer_than_the_texts(colour):
    async def body(client):
        with pytest.raises(TruncatedStreamError, match="no vector has arrived for input 1") as caught:
            await client.embed(["a", "b"])
        return caught.value

    with Scripted(said({"data": [{"embedding": packed(1)}]})) as server:
        assert run(colour, body, **options(server)).partial.vectors == (array("f", [1]),)


def test_every_operation_can_be_read_event_by_event(colour):
    async def body(client):
        found = []
        for request in (jf.EmbedRequest(input="a"), jf.ModelsRequest(), jf.ModelRequest()):
            async with client.stream(request) as stream:
                found.append(([type(one).__name__ async for one in stream], stream.response))
        return found

    def answer(request):
        if b"/embeddings " in request:
            return said({"data": [{"embedding": packed(1)}], "usage": {"prompt_tokens": 1}})
        return said({"data": [{"id": "a"}]} if b"/models " in request else {"id": "a"})

    with Scripted(answer) as server:
        (embedded, vectors), (listed, models), (one, model) = run(colour, body, **options(server))
        assert "stream" not in received(server, 0)[3]
    assert embedded == ["Start", "Embedded", "UsageReported"]
    assert listed == one == ["Start", "ModelListed"]
    assert (vectors.vector, models.models, model.info) == (array("f", [1]), (jf.ModelInfo("a"),), jf.ModelInfo("a"))


def test_models(colour):
    async def body(client):
        return await client.models(), await client.models("near"), await client.models(provider="near")

    with Scripted(said({"data": [{"id": "b"}, {"id": "a", "owned_by": "me"}]})) as server:
        for found in run(colour, body, **options(server)):
            assert [model.id for model in found] == ["b", "a"]
            assert found["a"].owner == "me"
            assert (found.provider, found.request_id) == ("near", "req_1")
        assert received(server)[:2] == ("GET", "/v1/models")
        assert received(server)[3] is None


@pytest.mark.parametrize(
    ("name", "path"),
    [("near:a/b c?d#é", "a%2Fb%20c%3Fd%23%C3%A9"), ("near:ft:x:y", "ft%3Ax%3Ay"), (None, "m"), ("near:..", "%2E%2E")],
)
def test_a_model(colour, name, path):
    async def body(client):
        return await client.model(name)

    with Scripted(said({"id": "a", "created": 7, "owned_by": "me"})) as server:
        found = run(colour, body, **options(server))
        assert received(server)[:2] == ("GET", f"/v1/models/{path}")
    assert found.info == jf.ModelInfo("a", None, "me", 7)


def test_a_body_for_a_request_that_has_none(colour):
    async def body(client):
        with pytest.raises(UnsupportedError, match="extra_body: the request has no body"):
            await client.models(extra_body={"a": 1})
        found = await client.models(extra_body={"a": 1}, unsupported="drop", extra_headers={"X-A": "b"})
        return found.warnings

    with Scripted(said({"data": []})) as server:
        (notice,) = run(colour, body, **options(server))
        assert received(server)[2]["x-a"] == "b"
        assert len(server.requests) == 1
    assert (notice.kind, notice.field) == ("unsupported", "extra_body")


ASKED = {
    "complete": lambda client: client.complete("x"),
    "embed": lambda client: client.embed("x"),
    "models": lambda client: client.models(),
    "model": lambda client: client.model(),
}
QUOTA = {
    "error": {
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "type": "invalid_request_error",
        "param": None,
        "code": "quota_exceeded",
    }
}


@pytest.mark.parametrize("operation", ASKED)
def test_refusals(colour, operation):
    refusals = [
        (429, QUOTA, QuotaError),
        (429, {"error": {"message": "Slow.", "code": "rate_limit_exceeded"}}, RateLimitError),
        (404, {"error": {"message": "None.", "code": "model_not_found"}}, NotFoundError),
    ]

    async def body(client):
        errors = []
        for _ in refusals:
            with pytest.raises(jf.JackfieldError) as caught:
                await ASKED[operation](client)
            errors.append(caught.value)
        return errors

    def answer(_):
        status, payload, _ = refusals[len(server.requests) - 1]
        return [reply(json.dumps(payload), status, headers={"retry-after-ms": "250", **LIMITS})]

    with Scripted(answer) as server:
        errors = run(colour, body, **options(server))
    for error, (status, payload, cls) in zip(errors, refusals, strict=True):
        assert (type(error), error.status, error.body) == (cls, status, payload)
        assert (error.operation, error.provider, error.request_id) == (operation, "near", "req_1")
        assert error.retry_after == 0.25
    assert [error.retryable for error in errors] == [False, True, False]


def test_the_headers_of_an_instance_go_with_every_request(colour):
    async def body(client):
        for ask in ASKED.values():
            await ask(client)

    def answer(request):
        if b"/embeddings" in request:
            return said({"data": [{"embedding": [1.0]}]})
        return said(
            {"data": []} if b"/models " in request else COMPLETION if b"/completions" in request else {"id": "a"}
        )

    settings = {"organization": "org-1", "project": "proj_1", "headers": {"X-Team": "blue"}, "api_key": "sk-1"}
    with Scripted(answer) as server:
        run(colour, body, **options(server, **settings))
        assert len(server.requests) == 4
        for number in range(4):
            headers = received(server, number)[2]
            assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "proj_1")
            assert (headers["x-team"], headers["authorization"]) == ("blue", "bearer sk-1")

"""The fake OpenRouter: what is documented of the service, seen through the provider, in process and on loopback."""

import json
import time

import jsonschema
import pytest
import yaml
from faces import COLOURS, run
from wire_folder import beside

import jackfield as jf
from jackfield.errors import (
    ContentFilterError,
    NotFoundError,
    QuotaError,
    RateLimitError,
    ReadTimeoutError,
    ServerError,
)
from jackfield.http import HttpRequest
from jackfield_openrouter import failure, served
from jackfield_openrouter.testing import FakeModel, FakeOpenRouter, Scene, serve
from jackfield_testkit import FunctionNetwork

MODEL = "openrouter:openai/gpt-4o-mini"


def options(fake):
    config = {"default": MODEL, "providers": {"openrouter": {"api_key": "sk-or-test"}}}
    return {"config": config, "transport": FunctionNetwork(fake)}


def on_loopback(url, **more):
    provider = {"api_key": "sk-or-test", "base_url": url}
    return {"config": {"default": MODEL, "providers": {"openrouter": provider}, **more}}


async def whole(client, streamed, **more):
    """The same reply, by a stream or in one piece."""
    if not streamed:
        return await client.chat("Hello", **more)
    async with client.stream("Hello", **more) as stream:
        async for _ in stream:
            pass
        return stream.response


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streamed", [True, False])
def test_a_reply_says_who_served_it_and_what_it_cost(colour, streamed):
    fake = FakeOpenRouter(Scene(text="One two three.", reasoning="Hm.", native_finish="end_turn"))

    async def body(client):
        reply = await whole(client, streamed)
        assert (reply.text, reply.reasoning, reply.finish.unified) == ("One two three.", "Hm.", "stop")
        (thought,) = (part for part in reply.message.parts if isinstance(part, jf.Reasoning))
        assert thought.signature == "signed-gen-fake-1"
        told = served(reply)
        assert (told.generation_id, told.provider, told.native_finish_reasons) == (
            "gen-fake-1", "OpenAI", {0: "end_turn"},
        )  # fmt: skip
        assert reply.usage.cost == told.cost == fake.generations["gen-fake-1"]["total_cost"] == fake.spent > 0

    run(colour, body, **options(fake))
    assert fake.generations["gen-fake-1"]["streamed"] is streamed
    assert [request.path for request in fake.requests] == ["/api/v1/chat/completions"]


@pytest.mark.parametrize("streamed", [True, False])
def test_a_fallback_is_chosen_and_named(streamed):
    fake = FakeOpenRouter()
    fake.down = {"openai/gpt-4o-mini"}

    async def body(client):
        reply = await whole(client, streamed, options={"openrouter": {"models": ["anthropic/claude-sonnet-4:nitro"]}})
        assert (reply.model, served(reply).provider) == ("anthropic/claude-sonnet-4", "Anthropic")
        with pytest.raises(NotFoundError) as caught:
            await whole(client, streamed)
        assert failure(caught.value).availability.requested_models == ("openai/gpt-4o-mini",)

    run("sync", body, **options(fake))


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize(("code", "after"), [(502, 2), ("server_error", 2), (502, 0)])
def test_an_error_inside_a_reply(streamed, code, after):
    fake = FakeOpenRouter(Scene(text="One two three.", code=code, after=after, metadata={"provider_name": "X"}))

    async def body(client):
        with pytest.raises(ServerError) as caught:
            await whole(client, streamed)
        assert failure(caught.value).provider == "X"
        assert caught.value.retryable
        partial = caught.value.partial
        if streamed and after:
            assert partial.text == "One two"
        elif after:
            assert partial.text == "One two three."

    run("sync", body, **options(fake))


def test_what_is_refused_before_anybody_is_asked():
    fake = FakeOpenRouter()

    async def body(client):
        fake.flagged = ("Hello",)
        with pytest.raises(ContentFilterError) as moderated:
            await client.chat("Hello there")
        assert failure(moderated.value).reasons == ("Hello",)
        fake.flagged, fake.limit = (), 1
        await client.chat("Hello")
        with pytest.raises(RateLimitError) as limited:
            await client.chat("Hello")
        assert (limited.value.code, limited.value.retry_after) == ("429", 20.0)
        fake.limit, fake.credits = None, 0.0
        with pytest.raises(QuotaError):
            await client.chat("Hello")
        fake.credits = 1.0
        fake.then(Scene(status=503, headers={"retry-after": "4"}))
        with pytest.raises(ServerError) as down:
            await client.chat("Hello")
        assert down.value.retry_after == 4.0

    run("sync", body, **options(fake))


def test_the_other_operations():
    fake = FakeOpenRouter(Scene(text="in a far land"), models=[FakeModel("openai/gpt-4o-mini"), FakeModel("x/small")])

    async def body(client):
        assert (await client.complete("Once", model=MODEL)).text == "in a far land"
        vectors = (await client.embed(["a", "b"], model="openrouter:openai/text-embedding-3-small")).vectors
        assert [len(vector) for vector in vectors] == [8, 8]
        assert [model.id for model in await client.models("openrouter")] == ["openai/gpt-4o-mini", "x/small"]
        assert (await client.model("openrouter:x/small")).info.id == "x/small"

    run("sync", body, **options(fake))


@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/embeddings"])
def test_a_body_that_asks_for_nothing_is_refused(path):
    assert FakeOpenRouter().reply(HttpRequest("POST", f"/api/v1{path}", {}, b"{}")).status == 400


def test_a_completion_fails_as_a_chat_does():
    client = jf.Client(**options(FakeOpenRouter(Scene(code=502))))
    with pytest.raises(ServerError):
        client.complete("Once", model=MODEL)


def get(fake, path):
    reply = fake.reply(HttpRequest("GET", f"/api/v1{path}"))
    return reply.status, json.loads(reply.body)


def test_the_account_and_what_was_generated():
    fake = FakeOpenRouter()
    jf.Client(**options(fake)).chat("Hello")
    assert get(fake, "/credits")[1]["data"] == {"total_credits": 10.0, "total_usage": fake.spent}
    assert get(fake, "/key")[1]["data"]["usage"] == fake.spent
    assert get(fake, "/generation?id=gen-fake-1")[1]["data"]["model"] == "openai/gpt-4o-mini"
    assert get(fake, "/generation?id=gen-none")[0] == 404
    assert get(fake, "/models/openai/o1/endpoints")[1]["data"]["endpoints"][0]["provider_name"] == "OpenAI"
    assert get(fake, "/models/openai/none/endpoints")[0] == 404
    assert get(fake, "/nothing")[0] == 404


def test_its_replies_fit_the_description():
    path = beside("openrouter", "openapi.yaml")
    described = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    fake = FakeOpenRouter(Scene(text="Yes.", reasoning="Hm."), Scene(tool_calls=(("f", "{}"),)))
    for _ in range(2):
        jf.Client(**options(fake)).chat("Hello")
    body = json.dumps({"model": "openai/o1", "messages": [{"role": "user", "content": "x"}]}).encode()
    fake.then(Scene(text="Yes.", reasoning="Hm."), Scene(tool_calls=(("f", "{}"),)))
    for _ in range(2):
        reply = fake.reply(HttpRequest("POST", "/api/v1/chat/completions", {}, body))
        schema = {"$ref": "#/components/schemas/ChatResult", "components": described["components"]}
        payload = json.loads(reply.body)
        payload["system_fingerprint"] = None  # required there, and absent from many recordings
        jsonschema.Draft202012Validator(schema).validate(payload)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streamed", [True, False])
def test_on_loopback_a_reply_comes_behind_signs_of_life(colour, streamed):
    fake = FakeOpenRouter(Scene(text="At last.", waits=8, wait=0.2))

    async def body(client):
        begun = time.monotonic()
        assert (await whole(client, streamed)).text == "At last."
        assert time.monotonic() - begun >= 1.6

    with serve(fake) as url:
        # the bound on the first event holds until the first sign of life, the one on silence from then on
        run(colour, body, **on_loopback(url, timeouts={"first": 1.2, "silence": 1.2}))


@pytest.mark.parametrize("colour", COLOURS)
def test_on_loopback_a_stall_without_signs_of_life_is_a_timeout(colour):
    fake = FakeOpenRouter(Scene(waits=2, wait=0.05, stall=True))

    async def body(client):
        with pytest.raises(ReadTimeoutError, match=r"nothing was received for 0\.3 s"):
            await whole(client, streamed=True)

    with serve(fake) as url:
        run(colour, body, **on_loopback(url, timeouts={"silence": 0.3}))


@pytest.mark.parametrize("colour", COLOURS)
def test_on_loopback_it_is_noted_who_hangs_up(colour):
    fake = FakeOpenRouter(Scene(waits=100, wait=0.02))

    async def body(client):
        with pytest.raises(jf.JackfieldError):
            async with client.stream("Hello", timeout=0.3) as stream:
                async for _ in stream:
                    pass

    with serve(fake) as url:
        run(colour, body, **on_loopback(url))
        until = time.monotonic() + 5
        while not fake.generations["gen-fake-1"]["cancelled"] and time.monotonic() < until:
            time.sleep(0.01)
    assert fake.generations["gen-fake-1"]["cancelled"]

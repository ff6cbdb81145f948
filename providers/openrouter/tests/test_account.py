"""What OpenRouter has beside the core's operations, by its accessor and by requests, in both kinds of client."""

import gzip
import json

import pytest
from exchanges import any_call
from faces import COLOURS, run
from wire_folder import beside

import jackfield as jf
from jackfield import Secret
from jackfield.errors import (
    AuthenticationError,
    BadRequestError,
    JackfieldError,
    MalformedReplyError,
    NotFoundError,
    UnsupportedError,
)
from jackfield.http import HttpResponse
from jackfield_openrouter import (
    CreditsRequest,
    EndpointsRequest,
    GenerationRequest,
    KeyRequest,
    OffersRequest,
    OpenRouterAccount,
    OpenRouterProvider,
    OpenRouterSettings,
    Prices,
    served,
)
from jackfield_openrouter.testing import FakeOpenRouter
from jackfield_testkit import FunctionNetwork

PROVIDER = OpenRouterProvider("openrouter", OpenRouterSettings(Secret("sk-or-1")))
CONFIG = {"default": "openrouter:openai/gpt-4o-mini", "providers": {"openrouter": {"api_key": "sk-or-test"}}}


@pytest.mark.parametrize("colour", COLOURS)
def test_the_account_of_a_fake(colour):
    fake = FakeOpenRouter()

    async def body(client):
        face = client.inner if colour == "sync" else client
        account = face.provider("openrouter", OpenRouterAccount)
        reply = await client.chat("Hello")

        async def of(given):
            return await given if colour != "sync" else given

        credits_, key = await of(account.credits()), await of(account.key())
        assert (credits_.total, credits_.used, credits_.remaining) == (10.0, fake.spent, 10.0 - fake.spent)
        assert (key.used, key.limit, key.is_free_tier) == (fake.spent, None, False)
        told = await of(account.generation(served(reply).generation_id))
        assert (told.id, told.model, told.served_by) == ("gen-fake-1", "openai/gpt-4o-mini", "OpenAI")
        assert (told.cost, told.streamed, told.cancelled) == (fake.spent, False, False)
        offers = await of(account.offers())
        assert [offer.id for offer in offers] == list(fake.models)
        assert offers.offers[1].prices == Prices(prompt=3e-6, completion=15e-6)
        found = await of(account.endpoints("openai/o1"))
        assert (found.offer.id, [one.provider for one in found.endpoints]) == ("openai/o1", ["OpenAI"])
        with pytest.raises(NotFoundError, match="gen-none not found"):
            await of(account.generation("gen-none"))

    run(colour, body, config=CONFIG, transport=FunctionNetwork(fake))


def answered(request, payload, status=200, model=""):
    """The response that a payload comes to; the request's path."""
    call = any_call(request, model=model)
    exchange = PROVIDER.open(call)
    path = next(exchange).path
    if status != 200:
        raise PROVIDER.error(HttpResponse(status, {}, json.dumps(payload).encode()))
    try:
        exchange.send(HttpResponse(200, {"content-type": "application/json"}))
    except StopIteration as stop:
        decoder = stop.value
    decoder.feed(json.dumps(payload).encode())
    fold = request.operation.fold(request)
    for event in decoder.end():
        fold.add(event)
    assert fold.missing() is None
    return fold.response(), path


def test_every_recorded_answer_is_read():
    seen = set()
    with gzip.open(beside("recordings.jsonl.gz"), "rt", encoding="utf-8") as rows:
        for row in map(json.loads, rows):
            if row["host"] != "openrouter.ai" or row["endpoint"] not in ("/generation", "/models"):
                continue
            seen.add((row["endpoint"], row["status"]))
            payload = json.loads(row["response_body"])
            if row["endpoint"] == "/models":
                response, path = answered(OffersRequest(), payload)
                assert path == "/models"
                assert [(offer.id, offer.context_length) for offer in response] == [
                    (item["id"], item["context_length"]) for item in payload["data"]
                ]
                for offer, item in zip(response, payload["data"], strict=True):
                    assert offer.raw == item
                    assert offer.parameters == set(item["supported_parameters"])
                    assert offer.prices.prompt == max(float(item["pricing"]["prompt"]), 0)
                continue
            name = (row["query"] if isinstance(row["query"], str) else "").removeprefix("id=") or "gen-1"
            try:
                response, path = answered(GenerationRequest(generation=name), payload, row["status"])
            except NotFoundError:
                assert row["status"] == 404
                continue
            assert path == f"/generation?id={name}"
            data = payload["data"]
            assert (response.id, response.model, response.cost) == (data["id"], data["model"], data["total_cost"])
            assert response.latency == data["latency"] / 1000
            assert response.prompt_tokens == data["native_tokens_prompt"]
    assert seen == {("/models", 200), ("/generation", 200), ("/generation", 404)}


EXAMPLES = {
    "getCredits": CreditsRequest(),
    "getCurrentKey": KeyRequest(),
    "getGeneration": GenerationRequest(generation="gen-1"),
    "listEndpoints": EndpointsRequest(),
    "getModels": OffersRequest(),
}


def test_every_example_of_the_description_is_read():
    seen = set()
    for row in json.loads(beside("openrouter", "examples.json").read_text(encoding="utf-8")):
        request = EXAMPLES.get(row["operation"])
        if request is None or not isinstance(row.get("response"), dict):  # a list of models can be had as RSS, too
            continue
        status = int(row["status"])
        seen.add((row["operation"], status))
        try:
            answered(request, row["response"], status, model="openai/gpt-4")
        except JackfieldError as error:
            assert status >= 400, (row["operation"], error)
    assert {name for name, status in seen if status == 200} == set(EXAMPLES)


def test_prices_that_depend_on_who_serves_are_none():
    item = {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "nonsense", "request": True, "image": 0}}
    response, _ = answered(OffersRequest(), {"data": [item, {"name": "nameless"}]})
    assert [offer.prices for offer in response] == [Prices(image=0.0)]
    assert not response.offers[0].prices.free


@pytest.mark.parametrize("payload", [{}, [], {"data": None}, {"data": "x"}, 5, None])
@pytest.mark.parametrize("request_", EXAMPLES.values(), ids=EXAMPLES)
def test_what_is_no_answer_is_a_malformed_reply(request_, payload):
    with pytest.raises(MalformedReplyError, match="data: expected"):
        answered(request_, payload, model="openai/gpt-4")


@pytest.mark.parametrize("data", [{}, {"total_credits": "x", "total_usage": 1}, {"total_credits": 10**400}])
def test_no_credits_are_made_up(data):
    with pytest.raises(MalformedReplyError, match="expected the numbers total_credits and total_usage"):
        answered(CreditsRequest(), {"data": data})


def test_what_a_key_has_used_is_not_made_up():
    assert answered(KeyRequest(), {"data": {"usage": "x", "limit": 10**400}})[0].used is None


@pytest.mark.parametrize(
    ("request_", "model"), [(GenerationRequest(generation="gen-\ud800"), ""), (EndpointsRequest(), "a/\ud800")]
)
def test_half_a_character_is_a_bad_request(request_, model):
    with pytest.raises(BadRequestError, match="has half a character"):
        next(PROVIDER.open(any_call(request_, model=model)))


def test_an_error_inside_an_answer():
    with pytest.raises(AuthenticationError, match=r"No\."):
        answered(CreditsRequest(), {"error": {"code": 401, "message": "No."}})


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("openai/gpt-4", "/models/openai/gpt-4/endpoints"),
        ("x/y:free", "/models/x/y:free/endpoints"),
        ("~x/y-latest", "/models/~x/y-latest/endpoints"),
        ("x/a/../b c", "/models/x/a%2F..%2Fb%20c/endpoints"),
    ],
)
def test_a_model_is_two_parts_of_a_path(model, path):
    assert next(PROVIDER.open(any_call(EndpointsRequest(), model=model))).path == path


@pytest.mark.parametrize("model", ["gpt-4", "/x", "x/", "../..", "./x"])
def test_a_model_without_an_author(model):
    with pytest.raises(BadRequestError, match="expected 'author/slug'"):
        next(PROVIDER.open(any_call(EndpointsRequest(), model=model)))


@pytest.mark.parametrize("name", ["", None, 5])
def test_a_generation_needs_an_id(name):
    with pytest.raises(BadRequestError, match="generation: expected the id"):
        GenerationRequest(generation=name)


def test_fields_that_have_no_place_are_reported():
    client = jf.Client(CONFIG, transport=FunctionNetwork(FakeOpenRouter()))
    with pytest.raises(UnsupportedError, match="extra_body: the request has no body"):
        client.call(CreditsRequest(model="openrouter", extra_body={"a": 1}))

"""Chats over the Responses API from one end to the other: who chooses it, and replies that come in their own time."""

import gzip
import itertools
import json

import pytest

pytest.importorskip("jackfield_testkit")

from exchanges import Outcome, asked, chat_call, decoder
from faces import COLOURS, run
from responses_told import CALL, HEAD, THOUGHT, begun, event, message, spoken, text_of, told, whole
from scripted import Scripted, reply
from wire_folder import beside

from jackfield import Secret
from jackfield.errors import (
    BadRequestError,
    ConfigurationError,
    DeadlineError,
    MalformedReplyError,
    NotFoundError,
    ServerError,
)
from jackfield.http import HttpResponse
from jackfield.operations import ChatRequest
from jackfield.types import Finish, Message, Text, ToolResult
from jackfield_openai import OpenAIProvider, OpenAISettings
from jackfield_openai.azure import AzureProvider, AzureSettings
from jackfield_testkit import Answer, Simulation
from jackfield_wire_openai.responses.reading_requests import read_responses_request

KEY = "sk-test"
RESOURCE = "https://resource.openai.azure.com"
HELLO = whole(message("msg_1", spoken("Hi, you")))
CHAT = {"id": "c1", "choices": [{"index": 0, "message": {"content": "Hi, you"}, "finish_reason": "stop"}]}
JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
BEHIND = {"openai": {"background": True}}


def answered(request):
    """What each of the two APIs answers."""
    return Answer(headers=JSON, body=json.dumps(HELLO if request.path.endswith("/responses") else CHAT).encode())


def client_of(simulation, **settings):
    provider = {"plugin": "openai", "api_key": KEY, **settings}
    return simulation.client({"default": "openai:m", "providers": {"openai": provider}})


def paths(simulation):
    return [f"{asked.request.method} {asked.request.path}" for asked in simulation.requests]


OWN = [{"match": "o9*", "api": "responses"}, {"match": "o8*", "api": "chat"}]


@pytest.mark.parametrize(
    ("settings", "model", "option", "api"),
    [
        ({}, "gpt-5", None, "chat"),
        ({"api": "responses"}, "gpt-5", None, "responses"),
        ({"api": "chat"}, "gpt-5", "responses", "responses"),
        ({"api": "responses"}, "gpt-5", "chat", "chat"),
        ({}, "gpt-5-pro-2025-10-06", None, "responses"),
        ({}, "o3-deep-research", None, "responses"),
        ({}, "ft:o1-pro", None, "responses"),
        ({"api": "chat"}, "o1-pro", None, "chat"),
        ({"models": OWN}, "o9-mini", None, "responses"),
        ({"models": OWN, "api": "responses"}, "o8-mini", None, "chat"),
        ({"models": OWN, "api": "responses"}, "o8-mini", "responses", "responses"),
        ({"base_url": "http://127.0.0.1:8080/v1"}, "o1-pro", None, "chat"),
    ],
)
def test_the_request_the_model_and_the_instance_say_over_which_api(settings, model, option, api):
    simulation = Simulation(answered)
    options = {} if option is None else {"openai": {"api": option}}
    found = simulation.run(client_of(simulation, **settings).chat("x", model=f"openai:{model}", options=options))
    assert paths(simulation) == [f"POST /v1/{'responses' if api == 'responses' else 'chat/completions'}"]
    assert found.text == "Hi, you"
    assert found.finish.unified == "stop"
    assert b'"api"' not in simulation.requests[0].request.body


def test_an_api_that_there_is_not():
    simulation = Simulation(answered)
    with pytest.raises(BadRequestError, match="options.openai.api: expected one of chat, responses, got 'assistants'"):
        simulation.run(client_of(simulation).chat("x", options={"openai": {"api": "assistants"}}))
    with pytest.raises(ConfigurationError, match="providers.openai.api"):
        simulation.run(client_of(simulation, api="assistants").chat("x"))
    with pytest.raises(ConfigurationError, match="api: expected one of chat, responses, got 'x'"):
        simulation.run(client_of(simulation, models=[{"match": "m", "api": "x"}]).chat("x"))
    assert not simulation.requests


@pytest.mark.parametrize("colour", COLOURS)
def test_a_turn_goes_back_as_it_came_whole_and_streamed(colour):
    payload = whole(THOUGHT, CALL)
    stream = told(*begun(), event("completed", response=payload))

    def answer(request):
        return (
            [reply(stream, kind=SSE["content-type"])] if b'"stream":true' in request else [reply(json.dumps(payload))]
        )

    async def body(client):
        first = await client.chat("x")
        async with client.stream("x") as stream:
            async for _ in stream:
                pass
        assert stream.response.message == first.message
        turns = [Message("user", "x"), first.message, Message("tool", ToolResult("call_1", "rain"))]
        await client.chat(turns, options={"openai": {"store": False}})

    with Scripted(answer) as server:
        settings = {"plugin": "openai", "base_url": server.url, "api": "responses"}
        run(colour, body, config={"default": "near:m", "providers": {"near": settings}})
        last = json.loads(server.requests[-1].partition(b"\r\n\r\n")[2])
    assert last == {
        "model": "m",
        "input": [
            {"role": "user", "content": "x"},
            THOUGHT,
            CALL,
            {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
        ],
        "store": False,
    }


def test_a_provider_with_paths_of_its_own_has_them_for_this_api_too():
    class Elsewhere(OpenAIProvider):
        def post(self, path, body, **more):
            return super().post(f"/deployments{path}?api-version=1", body, **more)

        def get(self, path):
            return super().get(f"/deployments{path}?api-version=1")

    provider = Elsewhere("openai", OpenAISettings(api_key=Secret(KEY), api="responses"))
    exchange = provider.open(chat_call(ChatRequest(messages="x", options=BEHIND)))
    first = next(exchange)
    second = exchange.send(HttpResponse(200, JSON, json.dumps({"id": "resp_1", "status": "queued"}).encode()))
    assert [one.path for one in (first, second)] == [
        "/deployments/responses?api-version=1",
        "/deployments/responses/resp_1?api-version=1",
    ]


# --- in the background


def pending(status="in_progress", **headers):
    body = {**HEAD, "status": status, "background": True, "output": [], "usage": None, "error": None}
    return Answer(headers={**JSON, **headers}, body=json.dumps(body).encode())


def ready(payload=HELLO):
    return Answer(headers=JSON, body=json.dumps(payload).encode())


def behind(*answers, **fields):
    simulation = Simulation([*answers])
    client = client_of(simulation, api="responses")
    return simulation, lambda: simulation.run(client.chat("x", options=BEHIND, **fields))


def test_a_reply_in_the_background_is_asked_for_until_it_is_there():
    simulation, ask = behind(pending("queued"), *[pending()] * 7, ready())
    found = ask()
    assert (found.text, found.id, found.finish) == ("Hi, you", "resp_1", Finish("stop", "completed"))
    assert found.raw == HELLO
    assert paths(simulation) == ["POST /v1/responses", *["GET /v1/responses/resp_1"] * 8]
    assert json.loads(simulation.requests[0].request.body)["background"] is True
    times = [asked.at for asked in simulation.requests]
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits == [1.0, 1.5, 2.25, 3.375, 5.0625, 7.59375, 10.0, 10.0]
    assert not simulation.open


def test_a_reply_that_is_there_at_once_is_asked_for_once():
    simulation, ask = behind(ready())
    assert ask().text == "Hi, you"
    assert paths(simulation) == ["POST /v1/responses"]


def test_a_service_may_say_how_long_to_wait():
    simulation, ask = behind(pending(**{"retry-after": "4"}), pending(**{"retry-after": "4000"}), ready())
    ask()
    assert [asked.at for asked in simulation.requests] == [0.0, 4.0, 14.0]


def test_a_reply_that_fails_in_the_background():
    failed = whole(status="failed", error={"code": "server_error", "message": "It failed."}, usage=None)
    _, ask = behind(pending(), ready(failed))
    with pytest.raises(ServerError, match="It failed"):
        ask()
    cut = whole(
        message("msg_1", spoken("Hi,")), status="incomplete", incomplete_details={"reason": "max_output_tokens"}
    )
    _, ask = behind(pending(), ready(cut))
    assert ask().finish == Finish("length", "max_output_tokens")
    _, ask = behind(pending(), ready(whole(status="cancelled")))
    assert ask().finish == Finish("error", "cancelled")


def test_an_error_while_it_is_waited_for_says_what_goes_on():
    gone = Answer(404, JSON, json.dumps({"error": {"message": "Gone.", "code": None}}).encode())
    _, ask = behind(pending(), gone)
    with pytest.raises(NotFoundError) as caught:
        ask()
    assert caught.value.sent
    assert "the provider goes on in the background, with the response 'resp_1'" in caught.value.__notes__


def test_a_reply_without_an_id_cannot_be_waited_for():
    body = {"object": "response", "status": "queued", "output": []}
    _, ask = behind(ready(body))
    with pytest.raises(MalformedReplyError, match="its status is 'queued' still"):
        ask()
    _, ask = behind(Answer(headers=JSON, body=b"<html>"))
    with pytest.raises(MalformedReplyError, match="the reply is not JSON"):
        ask()


def test_an_id_leads_nowhere_else():
    odd = json.dumps({**HEAD, "id": "../models?x#y", "status": "queued", "output": []}).encode()
    simulation, ask = behind(Answer(headers=JSON, body=odd), ready())
    ask()
    assert paths(simulation)[1] == "GET /v1/responses/..%2Fmodels%3Fx%23y"


def test_a_deadline_ends_the_waiting():
    simulation = Simulation([pending()] * 100)
    settings = {"plugin": "openai", "api_key": KEY, "api": "responses"}
    config = {"default": "openai:m", "providers": {"openai": settings}, "timeouts": {"total": 20}}
    client = simulation.client(config)
    with pytest.raises(DeadlineError):
        simulation.run(client.chat("x", options=BEHIND))
    assert simulation.now == 20
    assert not simulation.open


def test_a_reply_in_the_background_may_come_as_a_stream():
    events = told(*begun(), *text_of("msg_1", "Hi,", " you"), event("completed", response=HELLO))
    _, ask = behind(Answer(headers=SSE, body=events))
    assert ask().text == "Hi, you"
    _, ask = behind(pending(), Answer(headers=SSE, body=events))
    assert ask().text == "Hi, you"


def test_a_stream_in_the_background_is_a_stream():
    queued = event("queued", response=whole(status="queued", usage=None))
    events = told(queued, *begun(), *text_of("msg_1", "Hi,", " you"), event("completed", response=HELLO))
    simulation = Simulation([Answer(headers=SSE, body=events)])
    client = client_of(simulation, api="responses")

    async def main():
        async with client.stream("x", options=BEHIND) as stream:
            return [one async for one in stream], stream.response

    given, found = simulation.run(main())
    assert found.message.parts == (Text("Hi, you"),)
    assert len(given) > 4
    body = json.loads(simulation.requests[0].request.body)
    assert (body["background"], body["stream"]) == (True, True)
    assert paths(simulation) == ["POST /v1/responses"]


@pytest.mark.parametrize("colour", COLOURS)
def test_every_client_waits(colour):
    answers = [json.dumps({**HELLO, "status": "queued", "output": []}), json.dumps(HELLO)]

    async def body(client):
        return await client.chat("x", options=BEHIND)

    with Scripted(lambda _: [reply(answers.pop(0))]) as server:
        settings = {"plugin": "openai", "base_url": server.url, "api": "responses"}
        found = run(colour, body, config={"default": "near:m", "providers": {"near": settings}})
        lines = [request.split(b"\r\n")[0] for request in server.requests]
    assert found.text == "Hi, you"
    assert lines == [b"POST /v1/responses HTTP/1.1", b"GET /v1/responses/resp_1 HTTP/1.1"]


# --- at Azure

PLACES = [({}, "/v1/responses"), ({"api_version": "2025-04-01-preview"}, "/responses?api-version=2025-04-01-preview")]


@pytest.mark.parametrize(("settings", "path"), PLACES)
def test_azure_has_paths_of_its_own(settings, path):
    provider = AzureProvider(
        "azure", AzureSettings(api_key=Secret(KEY), base_url=RESOURCE, api="responses", **settings)
    )
    exchange = provider.open(chat_call(ChatRequest(messages="x", options={"azure": {"background": True}})))
    first = next(exchange)
    second = exchange.send(HttpResponse(200, JSON, json.dumps({"id": "resp_1", "status": "queued"}).encode()))
    assert f"{provider.endpoint.path}{first.path}" == f"/openai{path}"
    assert f"{provider.endpoint.path}{second.path}" == f"/openai{path}".replace("responses", "responses/resp_1")


def test_a_deployment_is_known_by_its_model():
    settings = AzureSettings(
        api_key=Secret(KEY), base_url=RESOURCE, deployments={"gpt-5-pro": "ours", "gpt-5": "other"}
    )
    provider = AzureProvider("azure", settings)
    for model, path in (("gpt-5-pro", "/responses"), ("ours", "/responses"), ("gpt-5", "/chat/completions")):
        assert asked(provider, chat_call(model=model)).path == path


def test_recorded_responses_of_azure_decode_where_they_were_asked_for():
    with gzip.open(beside("recordings.jsonl.gz"), "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["provider"] == "azure" and "responses" in row["endpoint"]]
    assert len(rows) > 10
    for row in rows:
        settings = {"api_version": row["query"].partition("=")[2]} if row["query"] else {}
        provider = AzureProvider(
            "azure", AzureSettings(api_key=Secret(KEY), base_url=RESOURCE, api="responses", **settings)
        )
        body = row["request_body"] if row["request_body_kind"] == "json" else {"input": "x"}
        request, streaming = read_responses_request(body, "azure")
        call = chat_call(request, streaming=streaming, model=request.model or "m")
        path, _, query = asked(provider, call).path.partition("?")
        assert (provider.endpoint.path + path, query) == (row["url_path"], row["query"] or ""), row["id"]
        outcome = Outcome(decoder(provider, call, row["response_headers"]), [row["response_body"].encode()])
        assert outcome.error is None, row["id"]
        assert outcome.response.message.parts, row["id"]

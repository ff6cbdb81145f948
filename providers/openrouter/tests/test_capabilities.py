"""What a model supports is looked up before anything is sent, once an hour, and only where a request needs to know."""

import json

import pytest
from faces import COLOURS, run
from hypothesis import given, strategies as st

import jackfield as jf
from jackfield.errors import BadRequestError, UnsupportedError, UnsupportedWarning
from jackfield.http import HttpResponse
from jackfield_openrouter.testing import FakeModel, FakeOpenRouter
from jackfield_testkit import Answer, FunctionNetwork, Simulation

PLAIN = FakeModel("acme/plain", parameters=("max_tokens", "temperature"))
ABLE = FakeModel(
    "acme/able",
    modalities=("text", "image"),
    parameters=("max_tokens", "tools", "tool_choice", "structured_outputs", "reasoning", "min_p", "top_k"),
)
TOOL = jf.Tool("f", "does f", {"type": "object", "properties": {}})
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
IMAGE = jf.Message("user", [jf.Text("What is this?"), jf.Image("https://example.com/a.png")])
PROVIDER = {"api_key": "sk-or-test"}


def options(network, **more):
    config = {"default": "openrouter:acme/plain", "providers": {"openrouter": {**PROVIDER, **more}}}
    return {"config": config, "transport": FunctionNetwork(network)}


def fake():
    return FakeOpenRouter(models=[PLAIN, ABLE])


def asked(service):
    return [request.path.removeprefix("/api/v1") for request in service.requests]


WANTED = {
    "tools": ({"tools": [TOOL]}, "tools"),
    "schema": ({"response_format": SCHEMA}, "response_format"),
    "effort": ({"reasoning_effort": "low"}, "reasoning_effort"),
    "budget": ({"reasoning_budget": 100}, "reasoning_budget"),
    "top_k": ({"top_k": 3}, "top_k"),
    "option": ({"options": {"openrouter": {"min_p": 0.1}}}, "options.openrouter.min_p"),
    "reasoning": ({"options": {"openrouter": {"reasoning": {"effort": "low"}}}}, "options.openrouter.reasoning"),
}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("wanted", "named"), WANTED.values(), ids=WANTED)
def test_what_a_model_does_not_support_is_reported_before_it_is_sent(colour, wanted, named):
    service = fake()

    async def body(client):
        with pytest.raises(UnsupportedError, match=rf"{named}: model 'acme/plain' supports no"):
            await client.chat("Hello", **wanted)
        assert asked(service) == ["/models"]
        reply = await client.chat("Hello", model="openrouter:acme/able:nitro", **wanted)
        assert reply.warnings == ()
        left = await client.chat("Hello", unsupported="drop", **wanted)
        assert [notice.field for notice in left.warnings] == [named]
        assert asked(service) == ["/models", "/chat/completions", "/chat/completions"]
        sent, bare = (json.loads(request.body) for request in list(service.requests)[1:])
        assert set(sent) - set(bare) == set(sent) - {"model", "messages"}

    run(colour, body, **options(service))


def test_a_request_that_needs_nothing_asks_for_no_list():
    service = fake()
    jf.Client(**options(service)).chat("Hello", max_output_tokens=5)
    assert asked(service) == ["/chat/completions"]


@pytest.mark.parametrize("streamed", [True, False])
def test_pictures_that_a_model_does_not_take(streamed):
    service = fake()
    client = jf.Client(**options(service))
    with pytest.raises(
        UnsupportedError, match=r"messages\[0\]\.parts\[1\]: model 'acme/plain' takes text, and no image"
    ):
        client.chat(IMAGE)
    with pytest.warns(UnsupportedWarning):
        reply = client.chat(IMAGE, unsupported="warn")
    assert [notice.field for notice in reply.warnings] == ["messages[0].parts[1]"]
    assert json.loads(service.requests[-1].body)["messages"] == [{"role": "user", "content": "What is this?"}]
    if streamed:
        with client.stream(IMAGE, model="openrouter:acme/able") as stream:
            assert "".join(stream.text)
    else:
        client.chat(IMAGE, model="openrouter:acme/able")
    assert json.loads(service.requests[-1].body)["messages"][0]["content"][1]["type"] == "image_url"


@pytest.mark.parametrize(
    "wanted",
    [
        {"tools": []},
        {"tool_choice": "none"},
        {"reasoning_effort": "none"},
        {"response_format": "text"},
        {"options": {"openrouter": {"reasoning": {"effort": "none"}}}},
        {"options": {"openrouter": {"reasoning": {"enabled": False}}}},
    ],
)
def test_what_says_that_nothing_is_needed_needs_nothing(wanted):
    service = fake()
    assert jf.Client(**options(service)).chat("Hello", **wanted).text
    assert asked(service) == ["/chat/completions"]


def test_a_model_that_knows_json_may_know_no_schema():
    service = FakeOpenRouter(models=[FakeModel("acme/plain", parameters=("response_format",))])
    client = jf.Client(**options(service))
    assert client.chat("Hello", response_format="json").warnings == ()
    with pytest.raises(UnsupportedError, match="response_format: model 'acme/plain' supports no JSON Schema"):
        client.chat("Hello", response_format=SCHEMA)


def test_what_a_model_gives_is_looked_at_too():
    service = fake()
    client = jf.Client(**options(service))
    asks = {"options": {"openrouter": {"modalities": ["image", "text"]}}}
    with pytest.raises(UnsupportedError, match=r"modalities: model 'acme/plain' gives text, and no image"):
        client.chat("Draw.", **asks)
    client.chat("Draw.", unsupported="drop", **asks)
    assert "modalities" not in json.loads(service.requests[-1].body)


def test_a_picture_that_a_tool_gave_back():
    service = fake()
    client = jf.Client(**options(service))
    call = jf.ToolCall("c1", "f", "{}")
    result = jf.ToolResult("c1", [jf.Text("See."), jf.Image("https://example.com/a.png")])
    turns = [jf.Message("user", "Go."), jf.Message("assistant", [call]), jf.Message("tool", [result])]
    with pytest.raises(UnsupportedError, match=r"messages\[2\]\.parts\[0\]\.parts\[1\]: model 'acme/plain' takes text"):
        client.chat(turns)


@pytest.mark.parametrize("wanted", [{"top_p": 0.5}, {"options": {"openrouter": {"top_k": 3}}}])
def test_completions_are_held_against_the_list_too(wanted):
    service = fake()
    with pytest.raises(UnsupportedError, match=r"top_.: model 'acme/plain' supports no"):
        jf.Client(**options(service)).complete("Once", model="openrouter:acme/plain", **wanted)


def test_a_wrong_option_is_told_before_anything_is_sent():
    service = fake()
    with pytest.raises(BadRequestError, match=r"options\.openrouter\.min_q"):
        jf.Client(**options(service)).chat("Hello", tools=[TOOL], options={"openrouter": {"min_q": 1}})
    assert asked(service) == []


def test_a_price_beyond_all_numbers_is_none():
    service = fake()

    def answer(request):
        if request.path.endswith("/models"):
            offer = {"id": "acme/plain", "pricing": {"prompt": 10**400, "completion": "1e999"}}
            return HttpResponse(200, {}, json.dumps({"data": [offer]}).encode())
        return service(request)

    assert jf.Client(**options(answer)).chat("Hello", temperature=0.1).warnings == ()


def test_of_a_model_that_stands_in_no_list_nothing_is_said():
    service = fake()
    service.models["openrouter/auto"] = FakeModel("openrouter/auto", parameters=())
    client = jf.Client(**options(service))
    assert client.chat("Hello", model="openrouter:openrouter/auto", tools=[TOOL]).warnings == ()


def test_the_list_is_kept_for_an_hour():
    service = fake()
    simulation = Simulation(lambda request: Answer(200, *_parts(service(request))))
    client = simulation.client(config={"default": "openrouter:acme/able", "providers": {"openrouter": PROVIDER}})
    for wait, lists in ((0, 1), (3500, 1), (200, 2)):
        simulation.run(_after(client, wait))
        assert asked(service).count("/models") == lists


def test_a_list_that_could_not_be_had_is_asked_for_again_after_a_minute():
    service, gone = fake(), [True]

    def answer(request):
        if request.path.endswith("/models") and gone:
            service.requests.append(request)
            return Answer(503)
        return Answer(200, *_parts(service(request)))

    simulation = Simulation(answer)
    client = simulation.client(config={"default": "openrouter:acme/able", "providers": {"openrouter": PROVIDER}})
    for wait, lists in ((0, 1), (50, 1), (20, 2)):
        simulation.run(_after(client, wait))
        assert asked(service).count("/models") == lists
    gone.clear()
    simulation.run(_after(client, 70))
    with pytest.raises(UnsupportedError, match="seed"):
        simulation.run(client.chat("Hello", seed=1))


async def _after(client, seconds):
    await client._dispatcher.runtime.sleep(seconds)  # the clock of the simulation
    await client.chat("Hello", tools=[TOOL])


def _parts(response):
    return response.headers, response.body


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"error": {"code": 500, "message": "No."}}', b'{"data": [1, {"id": 2}]}']
)
@pytest.mark.parametrize("status", [200, 500, 401])
def test_a_list_that_cannot_be_had_keeps_no_call_from_going_on(body, status):
    service, lists = fake(), []

    def answer(request):
        if request.path.endswith("/models"):
            lists.append(request)
            return HttpResponse(status, {"content-type": "application/json"}, body)
        return service(request)

    client = jf.Client(**options(answer))
    first, second = (client.chat("Hello", tools=[TOOL]) for _ in range(2))
    assert first.text == second.text
    assert len(lists) == 1
    for reply in (first, second):  # also while the list is not asked for again
        told = [notice.message for notice in reply.warnings if notice.kind == "note"]
        if b"data" in body and status == 200:
            assert told == []
        else:
            assert "what the model supports was not looked at" in told[0]


def test_it_can_be_switched_off_and_is_done_elsewhere_only_when_asked():
    service = fake()
    jf.Client(**options(service, check_models=False)).chat("Hello", tools=[TOOL])
    jf.Client(**options(service, base_url="http://127.0.0.1:1/api/v1")).chat("Hello", tools=[TOOL])
    assert asked(service) == ["/chat/completions"] * 2
    client = jf.Client(**options(service, base_url="http://127.0.0.1:1/api/v1", check_models=True))
    with pytest.raises(UnsupportedError):
        client.chat("Hello", tools=[TOOL])


NAMES = st.sampled_from(["id", "data", "pricing", "architecture", "prompt", "supported_parameters"])
LEAVES = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)))
def test_whatever_the_list_is_the_call_goes_on(listed):
    service = fake()

    def answer(request):
        if request.path.endswith("/models"):
            return HttpResponse(200, {}, json.dumps({"data": [{"id": "acme/plain"}, listed]}).encode())
        return service(request)

    assert jf.Client(**options(answer)).chat("Hello", tools=[TOOL]).text

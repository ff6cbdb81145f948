"""Moderations at OpenAI, and at Mistral: what is sent, what a reply is read as, and every recording of them."""

import gzip
import json
import os
import warnings

import attrs
import pytest
from any_chats import validator
from exchanges import JSON, Outcome, any_call, asked, single
from faces import COLOURS, run
from hypothesis import given, strategies as st
from scripted import Scripted, reply
from wire_folder import beside

import jackfield as jf
from jackfield import Secret
from jackfield.errors import (
    AuthenticationError,
    BadRequestError,
    MalformedReplyError,
    RateLimitError,
    TruncatedStreamError,
    UnsupportedError,
    UnsupportedWarning,
)
from jackfield.http import HttpResponse
from jackfield.provider import JsonReply
from jackfield.types import Audio, CacheMark, Image, Message, Start, Text, Unknown, Usage, UsageReported
from jackfield_jobs.moderations import ModerateRequest, Moderation
from jackfield_openai import OpenAIAccount, OpenAIProvider, OpenAISettings, hosts
from jackfield_openai.moderations import ModerationReader
from jackfield_testkit import Simulation
from jackfield_wire_openai.errors import read_error

ENGINE = os.environ.get("JACKFIELD_TEST_ENGINE", "auto")
ADDRESS = "https://example.com/a.png"
OPENAI = OpenAIProvider("openai", OpenAISettings(api_key=Secret("sk-1")))
MISTRAL = hosts.mistral.jackfield_provider("mistral", hosts.mistral.jackfield_settings()(api_key=Secret("k")))
NAMES = ("harassment", "sexual", "violence")


def result(flagged=False, **more):
    categories = {name: flagged and name == "violence" for name in NAMES}
    scores = {name: 0.9 if applies else 1e-6 for name, applies in categories.items()}
    applied = {name: ["text"] for name in NAMES}
    whole = {"flagged": flagged, "categories": categories, "category_scores": scores}
    return {**whole, "category_applied_input_types": applied, **more}


def payload(*results, **more):
    return {"id": "modr-1", "model": "omni-moderation-latest", "results": [*results], **more}


def sent(request, provider=OPENAI, **more):
    request = request if isinstance(request, ModerateRequest) else ModerateRequest(input=request)
    call = any_call(request, model="m", unsupported=request.unsupported or "error", **more)
    found = asked(provider, call)
    return found.path, json.loads(found.body), call.ledger.notices


def read(document, expected=None, headers=JSON, status=200):
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    request = ModerateRequest(input=["x"] * (expected or 1))
    reading = JsonReply(HttpResponse(status, headers), ModerationReader(HttpResponse(status, headers), expected).whole)
    return Outcome(reading, [data], request)


# --- what is sent -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "body"),
    [
        ("a", "a"),
        ("", ""),
        (["a"], "a"),
        (["a", "b"], ["a", "b"]),
        (Text("a"), [{"type": "text", "text": "a"}]),
        (["a", Image(ADDRESS)], [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": ADDRESS}}]),
        (Unknown({"type": "video", "x": 1}), [{"type": "video", "x": 1}]),
        (Text("a", extra={"lang": "en"}), [{"type": "text", "text": "a", "lang": "en"}]),
    ],
)
def test_inputs(given_, body):
    assert sent(given_) == ("/moderations", {"model": "m", "input": body}, ())


def test_options_and_fields_beside():
    request = ModerateRequest(input="a", options={"openai": {"user": "u"}, "mock": {}}, extra_body={"x": 0})
    assert sent(request)[1] == {"model": "m", "input": "a", "user": "u", "x": 0}
    with pytest.raises(BadRequestError, match=r"options\.openai\.input: this is set already"):
        sent(ModerateRequest(input="a", options={"openai": {"input": "b"}}))


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (Image(ADDRESS, "low"), "input[1].detail"),
        (Text("a", cache=CacheMark()), "input[1].cache"),
        (Audio("QQ==", "wav"), "input[1]"),
    ],
)
def test_what_the_host_does_not_judge_is_reported(part, name):
    with pytest.raises(UnsupportedError) as caught:
        sent(["a", part])
    assert caught.value.message.startswith(f"{name}: ")
    with pytest.warns(UnsupportedWarning):
        _, body, notices = sent(ModerateRequest(input=["a", part], unsupported="warn"))
    assert [(notice.kind, notice.field) for notice in notices] == [("unsupported", name)]
    assert len(body["input"]) == (1 if isinstance(part, Audio) else 2)


def test_nothing_to_judge_is_an_error_whatever_may_be_left_out():
    with pytest.raises(UnsupportedError, match="input: there is nothing in it that the host judges"):
        sent(ModerateRequest(input=Audio("QQ==", "wav"), unsupported="drop"))


def test_a_conversation_goes_where_the_host_judges_one():
    turns = [Message("user", "Hi"), Message("assistant", "Hello")]
    path, body, _ = sent(turns, MISTRAL)
    wire = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert (path, body) == ("/chat/moderations", {"model": "m", "input": wire})
    assert sent(["Hi", "Hello"], MISTRAL)[0] == "/moderations"
    for unsupported in ("error", "drop"):
        with pytest.raises(UnsupportedError, match="input: the host judges texts and pictures, and no messages"):
            sent(ModerateRequest(input=turns, unsupported=unsupported))


def test_a_callers_values_are_not_changed():
    raw = {"type": "image_url", "image_url": {"url": ADDRESS}}
    before = json.dumps(raw)
    sent([Unknown(raw), Text("a", extra={"x": {}})])
    assert json.dumps(raw) == before


text = st.text(max_size=9)
parts = st.builds(Text, text) | st.just(Image(ADDRESS)) | st.just(Image("data:image/png;base64,QQ=="))


@given(text | st.lists(text, min_size=1, max_size=4) | parts | st.lists(parts | text, min_size=1, max_size=4))
def test_every_body_is_what_the_description_asks_for(value):
    _, body, _ = sent(value)
    assert [error.message for error in validator("openai", "CreateModerationRequest").iter_errors(body)] == []


# --- what a reply is read as --------------------------------------------------------------------------------


def test_a_reply():
    headers = {**JSON, "x-request-id": "req_1", "x-ratelimit-remaining-requests": "9"}
    found = read(payload(result(), result(flagged=True)), 2, headers)
    assert found.error is None
    start, first, second = found.events
    assert isinstance(start, Start)
    assert (start.id, start.model, start.request_id) == ("modr-1", "omni-moderation-latest", "req_1")
    assert start.rate_limit.requests_remaining == 9
    assert start.raw == payload(result(), result(flagged=True))
    assert (first.flagged, second.flagged) == (False, True)
    assert second.found == ("violence",)
    assert second.scores["violence"] == 0.9
    assert second.applied_to == dict.fromkeys(NAMES, ("text",))
    assert found.response.flagged
    assert found.response.usage is None


def test_where_the_host_says_no_verdict_the_categories_tell():
    items = [{"categories": {"pii": False}, "category_scores": {"pii": 0.1}}, {"categories": {"pii": True}}]
    found = read({"id": "1", "model": "m", "results": items, "usage": {"prompt_tokens": 13}}, 2)
    assert [one.flagged for one in found.response.results] == [False, True]
    assert found.response.usage == Usage(13)
    assert found.response.results[1].scores == {}


def test_what_the_host_says_counts_before_the_categories():
    assert [one.flagged for one in read(payload(result(flagged=True, categories={}))).response.results] == [True]
    assert not read(payload(result(categories={"hate": True}))).response.flagged


def test_what_is_of_another_kind_stays_in_the_raw_reply():
    odd = result(categories={"illicit": None, "hate": False}, category_scores={"illicit": None, "hate": 0, "x": "1"})
    odd["category_applied_input_types"] = {"hate": ["text", 5], "illicit": None}
    found = read(payload(odd)).response.results[0]
    assert (found.categories, found.scores, found.applied_to) == ({"hate": False}, {"hate": 0}, {"hate": ("text",)})


@pytest.mark.parametrize(
    ("document", "error", "message"),
    [
        ([], MalformedReplyError, "expected an object, got list"),
        (payload(), MalformedReplyError, "the reply has no results"),
        (payload(None), MalformedReplyError, "results: expected objects"),
        ({"results": {"a": 1}}, MalformedReplyError, "results: expected a list"),
        (payload(result(), result()), MalformedReplyError, "results: 2 of them for 1 inputs"),
        (payload({}), MalformedReplyError, r"results\[0\]: expected flagged or categories"),
        (payload({"flagged": "no", "categories": {"a": "no"}}), MalformedReplyError, "expected flagged or categories"),
        ({"error": {"message": "slow down", "code": 429}}, RateLimitError, "slow down"),
        (b"<html>", MalformedReplyError, "JSON"),
    ],
)
def test_a_reply_that_is_none(document, error, message):
    found = read(document, 1)
    assert type(found.error) is error
    assert found.error.args[0]
    with pytest.raises(error, match=message):
        raise found.error


def test_an_input_of_which_nothing_is_said_is_no_judgement():
    found = read(payload(result()), 3)
    assert isinstance(found.error, TruncatedStreamError)
    assert "nothing has arrived about input 1, 2" in str(found.error)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=4),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["results", "flagged", "categories", "category_scores", "id", "usage",
                                         "category_applied_input_types", "error"]), inner, max_size=4)))  # fmt: skip
def test_whatever_comes_is_a_reply_or_an_error_of_ours(value):
    found = read(json.dumps(value).encode(), 1)
    assert found.error is None or isinstance(found.error, jf.JackfieldError), found.error


# --- recordings and examples --------------------------------------------------------------------------------


def rows():
    with gzip.open(beside("recordings.jsonl.gz"), "rt", encoding="utf-8") as file:
        found = [row for row in map(json.loads, file) if row["endpoint"] in ("/moderations", "/chat/moderations")]
    assert len(found) >= 19
    return found


def as_ours(value):
    """A recorded input as one of ours."""
    if isinstance(value, str):
        return value
    if all(isinstance(one, str) for one in value):
        return value
    if all("role" in one for one in value):
        return [Message(one["role"], one["content"]) for one in value]
    return [Text(one["text"]) if one["type"] == "text" else Image(one["image_url"]["url"]) for one in value]


def test_every_recording_decodes_whole_and_byte_by_byte():
    for row in rows():
        document = json.loads(row["response_body"])
        if row["status"] >= 300:
            refusal = read_error(HttpResponse(row["status"], row["response_headers"], row["response_body"].encode()))
            assert isinstance(refusal, AuthenticationError)
            continue
        expected = len(document["results"])
        head = HttpResponse(row["status"], row["response_headers"])
        request = ModerateRequest(input=["x"] * expected)
        data = row["response_body"].encode()
        whole, cut = (
            Outcome(JsonReply(head, ModerationReader(head, expected).whole), chunks, request)
            for chunks in ([data], single(data))
        )
        assert whole.error is None, row["id"]
        assert whole.facts() == cut.facts()
        assert whole.response.id == document["id"]
        assert whole.response.model == document["model"]
        for one, item in zip(whole.response.results, document["results"], strict=True):
            assert one.categories == item["categories"]
            assert one.scores == item["category_scores"]
            assert one.flagged == item.get("flagged", any(item["categories"].values()))
            kinds = item.get("category_applied_input_types", {})
            assert {name: [*value] for name, value in one.applied_to.items()} == kinds
        assert (whole.response.usage is None) == ("usage" not in document)


def test_every_recorded_request_is_what_we_would_send():
    count = 0
    for row in rows():
        if row["request_body_kind"] != "json":
            continue
        count += 1
        recorded = row["request_body"]
        provider = MISTRAL if "mistral" in row["host"] else OPENAI
        path, body, notices = sent(as_ours(recorded["input"]), provider)
        assert path == row["endpoint"]
        wanted = recorded["input"]
        assert body["input"] == (
            wanted[0] if isinstance(wanted, list) and len(wanted) == 1 and isinstance(wanted[0], str) else wanted
        )
        assert not notices
        assert {*recorded} <= {*body}
    assert count >= 15


def test_every_example_of_the_description_decodes():
    examples = json.loads(beside("openai", "examples", "moderations.json").read_text(encoding="utf-8"))
    for example in examples:
        ours = ModerateRequest(input=as_ours(example["request"]["json"]["input"]))
        assert sent(ours)[1]["input"] == example["request"]["json"]["input"]
        found = read(example["response"], ours.expected)
        assert found.error is None
        assert found.response.results[0].found[0] == "violence"
    assert len(examples) >= 2


# --- through a client ---------------------------------------------------------------------------------------


def near(server, **more):
    provider = {"plugin": "openai", "base_url": server.url}
    return {"config": {"default": "near:m", "engine": ENGINE, "providers": {"near": provider}, **more}}


@pytest.mark.parametrize("colour", COLOURS)
def test_the_accessor(colour):
    async def body(client):
        found = (
            client.provider("near", OpenAIAccount) if colour != "sync" else client.inner.provider("near", OpenAIAccount)
        )
        answers = [found.moderate(["a", "b"]), found.moderate("a", "text-moderation-stable", extra_body={"x": 1})]
        return [one if colour == "sync" else await one for one in answers]

    left = [[reply(json.dumps(payload(result(), result(flagged=True))))], [reply(json.dumps(payload(result())))]]
    with Scripted(lambda _: left.pop(0)) as server:
        two, one = run(colour, body, **near(server))
        requests = [request.partition(b"\r\n\r\n") for request in server.requests]
    assert [one.flagged for one in two.results] == [False, True]
    assert (two.flagged, one.flagged, two.provider, two.model) == (True, False, "near", "omni-moderation-latest")
    assert [json.loads(sent_) for _, _, sent_ in requests] == [
        {"model": "omni-moderation-latest", "input": ["a", "b"]},
        {"model": "text-moderation-stable", "input": "a", "x": 1},
    ]
    assert all(head.startswith(b"POST /v1/moderations ") for head, _, _ in requests)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_stream_of_it(colour):
    async def body(client):
        async with client.stream(ModerateRequest(input=["a", "b"], model="near")) as stream:
            return [event async for event in stream]

    document = payload(result(), result(flagged=True), usage={"prompt_tokens": 2})
    with Scripted([reply(json.dumps(document))]) as server:
        events = run(colour, body, **near(server))
    assert [type(event) for event in events] == [Start, Moderation, Moderation, UsageReported]


def test_at_another_host_by_its_own_name():
    document = {"id": "1", "model": "mistral-moderation-2603", "results": [{"categories": {"pii": True}}]}
    config = {"default": "mistral", "providers": {"mistral": {"api_key": "k"}}}
    simulation = Simulation(HttpResponse(200, JSON, json.dumps(document).encode()))
    client = simulation.client(config)
    found = simulation.run(client.provider("mistral").moderate("a"))
    assert (found.flagged, found.results[0].found) == (True, ("pii",))
    request = simulation.requests[0].request
    assert json.loads(request.body) == {"model": "mistral-moderation-latest", "input": "a"}
    assert request.path == "/v1/moderations"


def test_caches_and_retries_serve_it():
    pytest.importorskip("jackfield_cache")
    pytest.importorskip("jackfield_retry")
    left = [[reply('{"error": {"message": "busy"}}', 503, headers={"retry-after": "0"})]]
    left += [[reply(json.dumps(payload(result(flagged=True))))]]
    with Scripted(lambda _: left.pop(0)) as server:
        options = near(server, middleware=[{"use": "cache"}, {"use": "retry", "backoff": 0.01}])
        with jf.Client(options["config"]) as client:
            first, second = (client.provider("near").moderate("a") for _ in range(2))
    assert (first.attempts, first.cached, second.cached) == (2, False, True)
    assert second.results == first.results
    assert dict(second.results[0].applied_to) == dict.fromkeys(NAMES, ("text",))


def test_a_model_where_none_is_named():
    assert OPENAI.default_models["moderate"] == "omni-moderation-latest"
    assert MISTRAL.default_models["moderate"] == "mistral-moderation-latest"
    assert "moderate" in OPENAI.operations & MISTRAL.operations
    assert (
        "moderate"
        not in hosts.groq.jackfield_provider("groq", hosts.groq.jackfield_settings()(api_key=Secret("k"))).operations
    )
    own = OpenAISettings(api_key=Secret("k"), default_models={"moderate": "mine"})
    assert OpenAIProvider("openai", own).default_models["moderate"] == "mine"


def test_a_field_that_the_wire_does_not_know_is_reported():
    @attrs.frozen(kw_only=True)
    class Younger(ModerateRequest):
        strict: bool | None = None

    with pytest.raises(UnsupportedError, match="strict: the host has no such parameter"):
        sent(Younger(input="a", strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert "strict" not in sent(Younger(input="a", strict=True, unsupported="warn"))[1]

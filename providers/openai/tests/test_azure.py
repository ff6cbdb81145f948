"""Azure OpenAI: where a request goes, what opens the door, and what becomes of what only Azure says."""

import collections
import functools
import gzip
import itertools
import json
import re

import anyio
import anyio.lowlevel
import pytest
from exchanges import JSON, SSE, Outcome, any_call, asked, chat_call, decoder, lines
from faces import run
from hypothesis import given, strategies as st
from scripted import Scripted, completion, reply as scripted_reply
from wire_folder import beside

from jackfield import Client, Secret
from jackfield.config import load
from jackfield.errors import (
    AuthenticationError,
    ConfigurationError,
    ContentFilterError,
    NotFoundError,
    RateLimitError,
    TruncatedStreamError,
    UnsupportedError,
)
from jackfield.http import HttpResponse
from jackfield.instances import Instances
from jackfield.operations import ChatRequest, ChatResponse, CompleteRequest, EmbedRequest, ModelRequest, ModelsRequest
from jackfield.registry import Registry
from jackfield_openai.azure import AzureProvider, AzureSettings
from jackfield_openai.filters import FilterResults, filter_results

RESOURCE = "https://resource.openai.azure.com"
VERSION = "2024-10-21"
KEY = Secret("a-key")


def azure(base_url=RESOURCE, api_version=None, **settings):
    return AzureProvider("azure", AzureSettings(api_key=KEY, base_url=base_url, api_version=api_version, **settings))


def place(provider, request, model="mine"):
    """Where a request goes, without the origin, and what its body says of the model."""
    sent = asked(provider, any_call(request, model=model))
    found = provider.endpoint.addressed(sent)
    return found.path, json.loads(sent.body)["model"] if sent.body else None


# --- paths

CHAT, TEXT, EMBED = ChatRequest(messages="x"), CompleteRequest(prompt="x"), EmbedRequest(input="x")
CLASSIC = "/openai/deployments/mine"
ASKED = f"?api-version={VERSION}"
PLACES = [
    (RESOURCE, VERSION, CHAT, f"{CLASSIC}/chat/completions{ASKED}"),
    (f"{RESOURCE}/", VERSION, TEXT, f"{CLASSIC}/completions{ASKED}"),
    (f"{RESOURCE}/openai", VERSION, EMBED, f"{CLASSIC}/embeddings{ASKED}"),
    (RESOURCE, VERSION, ModelsRequest(), f"/openai/models{ASKED}"),
    (RESOURCE, VERSION, ModelRequest(model="mine"), f"/openai/models/mine{ASKED}"),
    ("https://gateway.example/team", VERSION, CHAT, f"/team{CLASSIC}/chat/completions{ASKED}"),
    (f"{RESOURCE}/openai/deployments/one", VERSION, CHAT, f"/openai/deployments/one/chat/completions{ASKED}"),
    (f"{RESOURCE}/openai/deployments/one/", VERSION, ModelsRequest(), f"/openai/models{ASKED}"),
    (RESOURCE, None, CHAT, "/openai/v1/chat/completions"),
    (f"{RESOURCE}/openai", None, CHAT, "/openai/v1/chat/completions"),
    (f"{RESOURCE}/openai/v1/", None, EMBED, "/openai/v1/embeddings"),
    (f"{RESOURCE}/openai/v1", VERSION, CHAT, "/openai/v1/chat/completions"),
    (f"{RESOURCE}/openai/v1", "preview", CHAT, "/openai/v1/chat/completions?api-version=preview"),
    (RESOURCE, "preview", CHAT, "/openai/v1/chat/completions?api-version=preview"),
    ("https://r.services.ai.azure.com/models", None, CHAT, "/models/chat/completions?api-version=2024-05-01-preview"),
    ("https://r.services.ai.azure.com/models", VERSION, EMBED, f"/models/embeddings{ASKED}"),
]


@pytest.mark.parametrize(("base_url", "version", "request_", "expected"), PLACES)
def test_where_a_request_goes(base_url, version, request_, expected):
    path, model = place(azure(base_url, version), request_)
    assert path == expected
    assert model in ("mine", None)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (None, "/openai/v1/responses"),
        (VERSION, f"/openai/responses{ASKED}"),
        ("preview", "/openai/v1/responses?api-version=preview"),
    ],
)
def test_the_newer_api_is_the_resources_own(version, expected):
    provider = azure(api_version=version, deployments={"o3": "team-a"}, api="responses")
    assert place(provider, CHAT, "o3") == (expected, "team-a")
    older = ChatRequest(messages="x", options={"azure": {"api": "chat"}})
    assert place(provider, older, "o3")[0].partition("?")[0].endswith("/chat/completions")


@pytest.mark.parametrize("model", ["gpt-5-codex", "team-a"])
def test_the_api_is_that_of_the_model_that_is_deployed(model):
    provider = azure(deployments={"gpt-5-codex": "team-a"})
    assert place(provider, CHAT, model) == ("/openai/v1/responses", "team-a")
    assert place(azure(), CHAT, "team-a")[0] == "/openai/v1/chat/completions"


def test_a_name_of_a_deployment_stays_one_part_of_the_path():
    assert place(azure(api_version=VERSION), CHAT, "a/../b?c")[0] == (
        f"/openai/deployments/a%2F..%2Fb%3Fc/chat/completions{ASKED}"
    )


def test_a_deployment_has_the_name_that_the_settings_say():
    provider = azure(api_version=VERSION, deployments={"o3": "team-a"})
    assert place(provider, CHAT, "o3") == (f"/openai/deployments/team-a/chat/completions{ASKED}", "team-a")
    assert place(azure(deployments={"o3": "team-a"}), CHAT, "o3") == ("/openai/v1/chat/completions", "team-a")
    assert place(provider, CHAT, "other")[1] == "other"


@pytest.mark.parametrize("model", ["o3", "team-a"])
def test_what_is_known_of_a_model_holds_for_its_deployment(model):
    request = ChatRequest(messages="x", temperature=0.5)
    with pytest.raises(UnsupportedError, match="temperature: model 'team-a' refuses it"):
        asked(azure(deployments={"o3": "team-a"}), chat_call(request, model=model))
    assert asked(azure(), chat_call(request, model="team-a"))


def test_paths_of_deployments_need_a_version():
    with pytest.raises(ConfigurationError, match=r"providers.azure.api_version: missing"):
        azure(f"{RESOURCE}/openai/deployments/one")


# --- what older versions and models by others take


@pytest.mark.parametrize(
    ("version", "model", "limit", "usage"),
    [
        (VERSION, "mine", "max_completion_tokens", True),
        (None, "mine", "max_completion_tokens", True),
        ("2024-02-01", "mine", "max_tokens", False),
        (VERSION, "DeepSeek-V3-0324", "max_tokens", True),
        (None, "grok-4", "max_tokens", True),
        ("2024-02-01", "o3-mini", "max_completion_tokens", False),
    ],
)
def test_what_a_body_says(version, model, limit, usage):
    request = ChatRequest(messages="x", max_output_tokens=5)
    body = json.loads(asked(azure(api_version=version), chat_call(request, model=model, streaming=True)).body)
    assert body[limit] == 5
    assert ("stream_options" in body) is usage


def test_the_models_of_foundry_have_the_older_name_of_the_limit():
    body = asked(azure(f"{RESOURCE}/models"), chat_call(ChatRequest(messages="x", max_output_tokens=5))).body
    assert json.loads(body)["max_tokens"] == 5


def test_a_profile_of_ones_own_counts_first():
    config = {"base_url": RESOURCE, "api_key": "k", "api_version": "2024-02-01"}
    config["profile"] = {"max_tokens": "max_completion_tokens"}
    for model in ("mine", "grok-4"):
        found = asked(made({"providers": {"azure": config}}), chat_call(
            ChatRequest(messages="x", max_output_tokens=5), model=model)).body  # fmt: skip
        assert json.loads(found)["max_completion_tokens"] == 5


# --- keys and tokens


def made(config=None, name="azure"):
    loaded = load(config)
    return Instances(loaded, Registry(allow=loaded.allow_plugins)).provider(name)


@pytest.fixture
def clean(tmp_path, monkeypatch):
    for name in ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_AD_TOKEN", "OPENAI_API_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_variables_that_azures_users_have(clean, monkeypatch):
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "a-key")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", f"{RESOURCE}/")
    monkeypatch.setenv("OPENAI_API_VERSION", VERSION)
    provider = made()
    credential = provider.endpoint.credential
    assert (credential.header, credential.prefix, credential.resolve().reveal()) == ("api-key", "", "a-key")
    assert place(provider, CHAT)[0] == f"{CLASSIC}/chat/completions{ASKED}"
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "a-token")
    credential = made().endpoint.credential
    assert (credential.header, credential.prefix, credential.resolve().reveal()) == (
        "authorization", "Bearer ", "a-token",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "providers.azure.base_url: missing; set it, or AZURE_OPENAI_ENDPOINT in the environment"),
        (
            {"AZURE_OPENAI_ENDPOINT": RESOURCE},
            "providers.azure.api_key: missing; set it, or AZURE_OPENAI_API_KEY in the environment",
        ),
        ({"AZURE_OPENAI_ENDPOINT": "resource"}, "AZURE_OPENAI_ENDPOINT in the environment: providers.azure.base_url"),
    ],
)
def test_what_is_missing_is_named(clean, monkeypatch, variables, message):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        made()


def test_a_key_goes_to_no_resource_that_a_found_file_names(clean, monkeypatch):
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "a-key")
    monkeypatch.setenv("XDG_STATE_HOME", str(clean / "state"))
    file = clean / "jackfield.toml"
    file.write_text('[providers.azure]\nbase_url = "https://another.openai.azure.com"\n')
    with pytest.raises(ConfigurationError, match="would be sent to https://another.openai.azure.com"):
        made()
    assert made(str(file)).endpoint.host == "another.openai.azure.com"


def test_a_gateway_may_do_without_a_key():
    settings = AzureSettings(base_url="http://127.0.0.1:1/apim", api_version=VERSION)
    assert AzureProvider("azure", settings).endpoint.credential is None


@pytest.mark.parametrize("host", ["r.openai.azure.us", "r.services.ai.azure.com", "r.cognitiveservices.azure.com"])
def test_every_resource_wants_one(host):
    with pytest.raises(ConfigurationError, match="api_key: missing"):
        AzureProvider("azure", AzureSettings(base_url=f"https://{host}"))


@pytest.mark.parametrize("token", [5, ["a"]])
def test_what_is_no_token(token):
    with pytest.raises(ConfigurationError, match="providers.azure.token: expected text, or a function"):
        azure(token=token)


def bearer(request):
    return re.search(rb"(?im)^(?:authorization|api-key): (.+)\r$", request)[1].decode()


@pytest.fixture
def resource():
    """A resource on this machine, which takes whoever comes."""
    with Scripted([scripted_reply(completion("Hi"))]) as server:
        yield server


def talking(resource, **settings):
    """What a client is made of that calls this resource."""
    base_url = f"{resource.url.removesuffix('/v1')}/openai/v1"
    return {"config": {"default": "azure:mine", "providers": {"azure": {"base_url": base_url, **settings}}}}


async def twice(client):
    return [(await client.chat("Hello")).text for _ in range(2)]


def counting():
    counted = itertools.count(1)
    return lambda: f"token-{next(counted)}"


def counting_slowly():
    give = counting()

    async def ask():
        await anyio.lowlevel.checkpoint()
        return give()

    return ask


ASKED_FOR = [
    ("sync", counting),
    ("asyncio", counting),
    ("trio", counting),
    ("asyncio", counting_slowly),
    ("trio", counting_slowly),
    ("asyncio", lambda: functools.partial(counting_slowly())),
]


@pytest.mark.parametrize(("colour", "make"), ASKED_FOR)
def test_a_function_is_asked_for_a_token_before_each_attempt(colour, make, resource):
    assert run(colour, twice, **talking(resource, token=make())) == ["Hi", "Hi"]
    assert [bearer(request) for request in resource.requests] == ["Bearer token-1", "Bearer token-2"]


def test_a_function_may_give_a_secret(resource):
    assert run("sync", twice, **talking(resource, token=lambda: Secret("told")))
    assert bearer(resource.requests[0]) == "Bearer told"


def test_a_coroutine_function_is_for_async_clients(resource):
    with Client(**talking(resource, token=counting_slowly())) as client, pytest.raises(Exception, match="await"):
        client.chat("Hello")
    assert resource.requests == []


@pytest.mark.parametrize("token", ["", "a\nb", "a b"])
def test_a_token_that_no_header_can_carry_is_not_sent(token, resource):
    with Client(**talking(resource, token=lambda: token)) as client:
        with pytest.raises(ConfigurationError, match="token: ") as caught:
            client.chat("Hello")
    assert "a b" not in str(caught.value)
    assert resource.requests == []


def test_a_key_goes_in_a_header_of_its_own(resource):
    run("sync", twice, **talking(resource, api_key="a-key"))
    assert bearer(resource.requests[0]) == "a-key"
    assert b"authorization:" not in resource.requests[0].lower()


def test_a_token_is_in_no_repr():
    provider = azure(token=Secret("a-token"))
    assert "a-token" not in repr(provider.endpoint) + repr(AzureSettings(token="a-token"))


# --- what only Azure says

SAFE = {"hate": {"filtered": False, "severity": "safe"}}
HATE = {"hate": {"filtered": True, "severity": "high"}}
PROMPT = {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}]}


def test_the_results_of_its_filters_are_kept_whole():
    payload = {
        "id": "c1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi"},
                "finish_reason": "stop",
                "content_filter_results": SAFE,
            }
        ],
        **PROMPT,
    }
    outcome = Outcome(decoder(azure(), chat_call(), JSON), [json.dumps(payload).encode()])
    assert outcome.error is None
    assert [event.raw for event in outcome.events if event.raw is not None] == [payload]


def test_the_results_of_its_filters_are_kept_in_a_stream():
    first = {"id": "", "model": "", "created": 0, "choices": [], **PROMPT}
    text = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": None, "content_filter_results": SAFE}
    late = {"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 1}}  # of the later filter
    end = {"index": 0, "delta": {}, "finish_reason": "content_filter", "content_filter_results": HATE}
    chunks = [first, *({"id": "c1", "choices": [one]} for one in (text, late, end))]
    outcome = Outcome(decoder(azure(), chat_call(streaming=True), SSE), [lines(*chunks)])
    assert outcome.error is None
    assert outcome.response.text == "Hi"
    assert outcome.response.finish.unified == "content_filter"
    assert [event.raw for event in outcome.events if event.raw is not None] == chunks


def test_the_results_of_its_filters_are_read_in_one_place():
    choice = {"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop", "content_filter_results": SAFE}
    payload = {"id": "c1", "choices": [choice, {**choice, "index": 1, "content_filter_results": HATE}], **PROMPT}
    found = filter_results(Outcome(decoder(azure(), chat_call(), JSON), [json.dumps(payload).encode()]).response)
    assert found == FilterResults(SAFE, {0: SAFE, 1: HATE})
    assert found.filtered == {"hate"}


def test_of_a_stream_what_was_filtered_counts():
    first = {"id": "", "choices": [], **PROMPT}
    said = [
        {"index": 0, "delta": {"content": "Hi"}, "content_filter_results": results}
        for results in (SAFE, HATE, {**SAFE, "sexual": SAFE["hate"]}, {}, None)
    ]
    chunks = [first, *({"id": "c1", "choices": [one]} for one in (*said, {"index": 0, "finish_reason": "stop"}))]
    outcome = Outcome(decoder(azure(), chat_call(streaming=True), SSE), [lines(*chunks)])
    assert filter_results(outcome.response) == FilterResults(SAFE, {0: {**HATE, "sexual": SAFE["hate"]}})


@pytest.mark.parametrize("streaming", [False, True])
def test_the_results_of_its_filters_are_read_from_replies_of_the_responses_api(streaming):
    filters = [
        {"blocked": False, "source_type": "prompt", "content_filter_results": SAFE},
        {"blocked": True, "source_type": "completion", "content_filter_results": HATE},
        {"blocked": False, "source_type": "completion", "content_filter_results": SAFE},
    ]
    part = {"type": "output_text", "text": "Hi", "annotations": []}
    response = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "content": [part]}],
        "content_filters": filters,
    }
    payload = {"type": "response.completed", "response": response} if streaming else response
    body = lines(payload) if streaming else json.dumps(payload).encode()
    call = chat_call(streaming=streaming)
    outcome = Outcome(decoder(azure(api="responses"), call, SSE if streaming else JSON), [body])
    assert outcome.response.text == "Hi"
    found = filter_results(outcome.response)
    assert found == FilterResults(SAFE, {0: HATE})
    assert found.filtered == {"hate"}


KEYS = ["choices", "index", "content_filter_results", "hate", "filtered", "prompt_filter_results"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
)


@given(VALUES)
def test_results_of_whatever_form_are_no_error(raw):
    assert isinstance(filter_results(ChatResponse(raw=raw)).filtered, frozenset)


FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": HATE},
    }
}
REFUSED = [
    (400, FILTERED, ContentFilterError, "content_filter"),
    (404, {"error": {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}}, NotFoundError,
     "DeploymentNotFound"),
    (404, {"error": {"code": "404", "message": "Resource not found"}}, NotFoundError, "404"),
    (401, {"error": {"code": "401", "message": "Access denied due to invalid subscription key."}}, AuthenticationError,
     "401"),
    (401, {"statusCode": 401, "message": "Unauthorized."}, AuthenticationError, None),
    (429, {"error": {"code": "429", "message": "Requests have exceeded call rate limit."}}, RateLimitError, "429"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "code"), REFUSED)
def test_its_refusals_have_types(status, body, kind, code):
    head = {**JSON, "retry-after-ms": "1500", "retry-after": "2", "apim-request-id": "a-1"}
    error = azure().error(HttpResponse(status, head, json.dumps(body).encode()))
    assert (type(error), error.status, error.code) == (kind, status, code)
    assert error.retry_after == 1.5
    assert error.request_id == "a-1"
    assert error.body == body


def test_a_refusal_reaches_the_exchange_and_ends_it():
    exchange = azure().open(chat_call())
    next(exchange)
    with pytest.raises(NotFoundError):
        exchange.throw(NotFoundError("gone"))
    with pytest.raises(StopIteration):
        next(exchange)


# --- recordings


@pytest.fixture(scope="module")
def rows():
    with gzip.open(beside("recordings.jsonl.gz"), "rt", encoding="utf-8") as file:
        return [row for row in map(json.loads, file) if row["provider"] == "azure"]


def path_of(row):
    return re.sub("^//", "/", row["url_path"])


def of_row(row):
    """The provider and the model with which a user would have sent a recorded request."""
    origin, path = "https://resource.openai.azure.com", path_of(row)
    version = row["query"].removeprefix("api-version=") or None
    if found := re.match("/openai/deployments/([^/]+)/", path):
        return azure(origin, version or VERSION), found[1]
    base = re.sub("/(chat/completions|embeddings|responses)$", "", path)
    body = row["request_body"] if row["request_body_kind"] == "json" else {}
    return azure(origin + base, version), body.get("model", "m")


def test_every_recorded_request_would_go_where_it_went(rows):
    seen = 0
    for row in rows:
        if row["url_path"] == "/chat/completions":
            continue  # by somebody who had forgotten the rest of the path, which was its error
        provider, model = of_row(row)
        embeds = row["endpoint"].endswith("/embeddings")
        newer = ChatRequest(messages="x", options={"azure": {"api": "responses"}})
        request = EMBED if embeds else newer if path_of(row).endswith("/responses") else CHAT
        path = place(provider, request, model)[0]
        assert path.partition("?")[0] == re.sub("^//", "/", row["url_path"]), row["id"]
        assert not row["query"] or path.endswith(f"?{row['query']}"), row["id"]
        seen += 1
    assert seen > 55


def test_every_recorded_reply_decodes(rows):
    outcomes = collections.Counter()
    for row in rows:
        provider, model = of_row(row)
        if row["status"] >= 300:
            error = provider.error(HttpResponse(row["status"], row["response_headers"], row["response_body"].encode()))
            assert type(error) is NotFoundError
            outcomes["refused"] += 1
            continue
        newer = path_of(row).endswith("/responses")
        asked_for = ChatRequest(messages="x", options={"azure": {"api": "responses"}}) if newer else CHAT
        call, streaming = any_call(asked_for, model=model, streaming=row["streaming"]), row["streaming"]
        if row["endpoint"].endswith("/embeddings"):
            texts = row["request_body"]["input"]
            call = any_call(EmbedRequest(input=texts), model=model)
        outcome = Outcome(
            decoder(provider, call, row["response_headers"]), [row["response_body"].encode()], call.request
        )
        raws = [event.raw for event in outcome.events if event.raw is not None]
        assert sum("prompt_filter_results" in raw for raw in raws) == row["response_body"].count(
            '"prompt_filter_results"'
        ), row["id"]
        if newer:
            assert outcome.error is None, (row["id"], outcome.error)
            outcomes["newer"] += 1
            continue
        if row["streaming"] and '"finish_reason":"' not in row["response_body"].replace(" ", ""):
            assert isinstance(outcome.error, TruncatedStreamError), row["id"]
            outcomes["truncated"] += 1
            continue
        assert outcome.error is None, (row["id"], outcome.error)
        results = filter_results(outcome.response)
        stated = re.search(r'"prompt_filter_results".{1,80}"content_filter_results"\s*:\s*\{\s*"', row["response_body"])
        assert bool(results.prompt) == bool(stated), row["id"]
        assert not results.filtered, row["id"]
        outcomes["stream" if streaming else "whole"] += 1
    assert outcomes["whole"] > 30
    assert outcomes["stream"] > 4
    assert outcomes["newer"] > 12
    assert outcomes["refused"] == 2

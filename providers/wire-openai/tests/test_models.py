"""Models: where one is asked for, and what hosts say of theirs."""

import json

import pytest
from exchanges import JSON
from hypothesis import given, strategies as st
from operations import LIST, ONE, good, whole

from jackfield.errors import AuthenticationError, JackfieldError, MalformedReplyError, NotFoundError
from jackfield.types import ModelInfo, ModelListed, Start
from jackfield_wire_openai.models import model_path


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gpt-4.1", "/models/gpt-4.1"),
        ("openai/gpt-4.1", "/models/openai%2Fgpt-4.1"),
        ("ft:gpt-4o-mini:acme:suffix:abc", "/models/ft%3Agpt-4o-mini%3Aacme%3Asuffix%3Aabc"),
        ("a b?c#d&e%f", "/models/a%20b%3Fc%23d%26e%25f"),
        ("é", "/models/%C3%A9"),
        ("..", "/models/%2E%2E"),
        (".", "/models/%2E"),
        ("../files", "/models/..%2Ffiles"),
        ("a\r\nb", "/models/a%0D%0Ab"),
    ],
)
def test_the_name_of_a_model_is_one_part_of_the_path(model, path):
    assert model_path(model) == path


ENTRIES = {
    "OpenAI": (
        {"id": "gpt-4", "object": "model", "created": 1687882411, "owned_by": "openai"},
        ModelInfo("gpt-4", None, "openai", 1687882411),
    ),
    "OpenAI, an engine": (
        {"object": "engine", "id": "ada", "ready": True, "owner": "openai", "created": None},
        ModelInfo("ada", None, "openai"),
    ),
    "DeepSeek": ({"id": "deepseek-chat", "owned_by": "deepseek"}, ModelInfo("deepseek-chat", None, "deepseek")),
    "Perplexity": ({"id": "sonar", "created": 0, "owned_by": "x"}, ModelInfo("sonar", None, "x", 0)),
    "OpenRouter": (
        {
            "id": "anthropic/claude-sonnet-4",
            "name": "Anthropic: Claude Sonnet 4",
            "created": 1747930371,
            "context_length": 1000000,
            "top_provider": {"context_length": 200000, "max_completion_tokens": 64000},
        },
        ModelInfo("anthropic/claude-sonnet-4", "Anthropic: Claude Sonnet 4", None, 1747930371, 1000000, 64000),
    ),
    "OpenRouter, where only its provider is known": (
        {"id": "a/b", "context_length": None, "top_provider": {"context_length": 5}},
        ModelInfo("a/b", context_length=5),
    ),
    "vLLM": ({"id": "m", "owned_by": "vllm", "max_model_len": 4096}, ModelInfo("m", None, "vllm", None, 4096)),
    "Groq": (
        {"id": "m", "owned_by": "Meta", "context_window": 8192, "max_completion_tokens": 4096},
        ModelInfo("m", None, "Meta", None, 8192, 4096),
    ),
    "llama.cpp": ({"id": "m", "meta": {"n_ctx": 512, "n_ctx_train": 2048}}, ModelInfo("m", context_length=512)),
    "llama.cpp, older": ({"id": "m", "meta": {"n_ctx_train": 2048}}, ModelInfo("m", context_length=2048)),
    "Together": (
        {"id": "m", "display_name": "M", "organization": "X", "context_length": 7},
        ModelInfo("m", "M", "X", None, 7),
    ),
    "a name and no id": ({"name": "llama3"}, ModelInfo("llama3", "llama3")),
    "a name alone": ("m", ModelInfo("m")),
    "facts of other kinds": (
        {
            "id": "m",
            "name": 5,
            "owned_by": [],
            "created": "today",
            "context_length": "8k",
            "top_provider": 5,
            "meta": [],
        },
        ModelInfo("m"),
    ),
}


@pytest.mark.parametrize(("entry", "expected"), ENTRIES.values(), ids=ENTRIES)
def test_what_hosts_say_of_a_model(entry, expected):
    found = good(whole({"data": [entry]}, LIST))
    assert list(found) == [expected]
    assert found.models[0].raw == entry
    if isinstance(entry, dict):
        assert good(whole(entry, ONE)).info == expected
        assert good(whole({"data": entry}, ONE)).info == expected


@pytest.mark.parametrize("wrap", [lambda items: {"data": items}, lambda items: {"models": items}, lambda items: items])
def test_a_list_in_its_forms(wrap):
    payload = wrap([{"id": "b"}, {"object": "model"}, {"id": ""}, {"id": 5}, None, 7, {"id": "a"}])
    outcome = whole(payload, LIST, {**JSON, "x-request-id": "r1"})
    found = good(outcome)
    assert [model.id for model in found] == ["b", "a"]  # in the provider's order, those without a name left out
    assert found["a"].id == "a"
    assert found.raw == payload
    assert found.request_id == "r1"
    assert [type(event) for event in outcome.events] == [Start, ModelListed, ModelListed]
    with pytest.raises(NotFoundError):
        found["c"]


@pytest.mark.parametrize("payload", [{"data": []}, {"object": "list", "data": None}, []])
def test_a_host_may_have_no_models(payload):
    assert len(good(whole(payload, LIST))) == 0


@pytest.mark.parametrize(
    "payload", [{}, {"object": "list"}, {"data": {"id": "a"}}, {"data": "x"}, "x", 5, None, b"", b"<"]
)
def test_what_is_no_list(payload):
    assert type(whole(payload, LIST).error) is MalformedReplyError


@pytest.mark.parametrize("payload", [{}, {"object": "model"}, {"id": 5}, [], ["a"], "a", None, {"data": []}])
def test_what_is_no_model(payload):
    assert type(whole(payload, ONE).error) is MalformedReplyError


def test_an_error_inside():
    payload = {"error": {"message": "No.", "code": "invalid_api_key"}}
    for request in (LIST, ONE):
        error = whole(payload, request).error
        assert (type(error), error.message) == (AuthenticationError, "No.")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "models", "id", "name", "created", "top_provider", "context_length", "error"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(anything)
def test_any_json_gives_models_or_an_error_of_ours(payload):
    for request in (LIST, ONE):
        outcome = whole(json.dumps(payload).encode(), request)
        assert outcome.error is None or isinstance(outcome.error, JackfieldError), outcome.error

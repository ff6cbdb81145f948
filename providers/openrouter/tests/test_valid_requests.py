"""Bodies that hypothesis makes, against OpenRouter's API description; where that is narrower, a waiver says so."""

import json
import types
from collections.abc import Mapping
from typing import Literal, Union, get_args, get_origin

import attrs
import pytest
from any_chats import faults, nothing_is_null, requests, validator
from exchanges import any_call, asked
from exhaustive import examples
from hypothesis import HealthCheck, given, settings, strategies as st
from openrouter import PROVIDER

from jackfield.errors import BadRequestError
from jackfield.operations import ChatRequest, EmbedRequest
from jackfield.types import Message, Reasoning, Refusal, Text, ToolCall
from jackfield_openrouter import ChatOptions, EmbedOptions, ProviderPreferences
from jackfield_openrouter.plugins import PLUGINS, STOPS

MODELS = ["openai/gpt-4o", "openai/o1:nitro", "anthropic/claude-sonnet-4.5", "@preset/brief", "mistralai/x@preset/y"]
SLOW = settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])

# --- every option there is, as its class has it

FREE = {
    "trace": {"trace_id": "t", "own": [1]},
    "image_config": {"aspect_ratio": "16:9"},
    "prompt_cache_options": {"mode": "explicit"},
    "prediction": {"type": "content", "content": "x"},
    "usage": {"include": True},
    "stream_options": {"include_usage": True},
    "parameters": {"max_results": 2},
}
BOUNDS = {"min_p": 1, "top_a": 1, "min_coding_score": 1, "repetition_penalty": 2}
# other names of fields, which contradict them
TWICE = ("max_tokens", "max_completion_tokens", "top_k")


def values(kind, name):
    """Values of an option of this kind, within every bound that one may have."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return st.one_of([values(one, name) for one in inner if one is not types.NoneType])
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return st.lists(values(inner[0], name), min_size=1, max_size=2)
    if origin is Mapping or kind is Mapping:
        return st.just(FREE.get(name, {"x": "y"}))
    if attrs.has(kind):
        return tables(kind)
    whole = st.integers(0 if name in BOUNDS else 1, BOUNDS.get(name, 8))
    return {bool: st.booleans(), str: st.text(min_size=1, max_size=8), int: whole, float: st.floats(0, 1)}[kind]


def tables(cls, *without):
    """Tables that say any of what a class has; what has no default is said, and so is what tells kinds apart."""
    attrs.resolve_types(cls)
    fields = {field.name: field for field in attrs.fields(cls) if field.name not in without}
    always = [name for name, field in fields.items() if field.default is not None]
    strategies = {name: values(field.type, name) for name, field in fields.items()}
    required = {name: strategies.pop(name) for name in always}
    return st.fixed_dictionaries(required, optional=strategies).map(of_one_mind)


def of_one_mind(table):
    return {key: one for key, one in table.items() if key != "max_tokens" or "effort" not in table}


chat_options = tables(ChatOptions, *TWICE)


# --- what OpenRouter takes beside its description, shown by recordings or said by its documentation


def prices_may_be_numbers(body):
    """The description has texts, and recorded requests numbers."""
    prices = body.get("provider", {}).get("max_price", {})
    prices.update({name: str(price) for name, price in prices.items()})


def turns_may_hold_calls_of_custom_tools(body):
    """The description has functions alone; a custom tool is OpenAI's."""
    for turn in body["messages"]:
        if "tool_calls" in turn:
            turn["tool_calls"] = [call for call in turn["tool_calls"] if call["type"] != "custom"]
    tools = body.get("tools")
    if tools and not (tools := [tool for tool in tools if tool["type"] != "custom"]):
        del body["tools"]
    elif tools:
        body["tools"] = tools


def refusals_may_stand_among_the_content(body):
    """The description has them beside it alone."""
    for turn in body["messages"]:
        if isinstance(turn.get("content"), list):
            turn["content"] = [part for part in turn["content"] if part["type"] != "refusal"]


def thoughts_may_be_of_a_form_that_is_not_listed(body):
    """Recorded replies have forms that the description does not list, and they must go back."""
    for turn in body["messages"]:
        for detail in turn.get("reasoning_details", ()):
            detail.pop("format", None)


WAIVERS = (
    prices_may_be_numbers,
    turns_may_hold_calls_of_custom_tools,
    refusals_may_stand_among_the_content,
    thoughts_may_be_of_a_form_that_is_not_listed,
)


@st.composite
def chats(draw):
    """A request and its options, of which none contradicts the other."""
    request = draw(requests())
    options = draw(chat_options)
    if request.reasoning_effort is not None and "reasoning" in options:
        options["reasoning"] = {k: v for k, v in options["reasoning"].items() if k not in ("effort", "max_tokens")}
    return attrs.evolve(request, options={"openrouter": options})


def body_of(request, *, streaming=False, model="openai/gpt-4o"):
    call = any_call(request, streaming=streaming, model=model, unsupported="drop")
    return json.loads(asked(PROVIDER, call).body)


@given(chats(), st.booleans(), st.sampled_from(MODELS))
@SLOW
def test_bodies_of_chats_are_what_the_description_asks_for(request, streaming, model):
    found = body_of(request, streaming=streaming, model=model)
    assert found["model"] == model
    for waive in WAIVERS:
        waive(found)
    assert not list(faults(validator("openrouter", "ChatRequest").iter_errors(found)))


@given(chats(), st.booleans())
@SLOW
def test_every_option_is_sent_as_it_was_said(request, streaming):
    found = body_of(request, streaming=streaming)
    options = dict(request.options["openrouter"])
    if not streaming:
        options.pop("debug", None)
    else:
        options.pop("stream_options", None)
    if request.reasoning_effort is not None and "reasoning" in options:
        options["reasoning"] = {"effort": request.reasoning_effort, **options["reasoning"]}
    assert {name: found.get(name) for name in options} == options


@given(chats())
@SLOW
def test_nothing_that_is_sent_is_null_but_the_content_of_a_turn_that_has_none(request):
    found = body_of(request)
    for turn in found["messages"]:
        if turn["content"] is None:
            turn["content"] = ""
    assert nothing_is_null(found)


@given(chats(), st.booleans())
@SLOW
def test_the_same_request_gives_the_same_bytes_in_whatever_order_its_options_stand(request, streaming):
    options = request.options["openrouter"]
    other = attrs.evolve(request, options={"openrouter": dict(reversed(options.items()))})
    first, second = (
        asked(PROVIDER, any_call(one, streaming=streaming, model="m", unsupported="drop")) for one in (request, other)
    )
    assert first == second
    assert request.options["openrouter"] == options


@given(tables(EmbedOptions), st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3))
@SLOW
def test_bodies_of_embeddings_are_sent_as_they_were_said(options, texts):
    found = body_of(EmbedRequest(input=texts, dimensions=8, user="u", options={"openrouter": options}))
    expected = {"input": texts if len(texts) > 1 else texts[0], "dimensions": 8, "user": "u", **options}
    assert {name: found[name] for name in expected} == expected
    if "provider" in found:
        prices_may_be_numbers(found)
        check = validator("openrouter", "ProviderPreferences")
        assert not list(faults(check.iter_errors(found["provider"])))


def test_the_classes_name_all_that_the_description_has():
    described = validator("openrouter", "ChatRequest").schema["components"]["schemas"]
    fields = {one.name for cls in (ChatRequest, ChatOptions) for one in attrs.fields(cls)}
    assert described["ChatRequest"]["properties"].keys() - fields == {"stream"}
    preferences = {one.name for one in attrs.fields(ProviderPreferences)}
    assert described["ProviderPreferences"]["properties"].keys() == preferences
    for name, cls in PLUGINS.items():
        (schema,) = [one for one in described.values() if one.get("properties", {}).get("id", {}).get("enum") == [name]]
        assert schema["properties"].keys() == {one.name for one in attrs.fields(cls)}
    for name, cls in STOPS.items():
        (schema,) = [
            one
            for one in described.values()
            if "StopServerTools" in one.get("title", "")
            or one.get("properties", {}).get("type", {}).get("enum") == [name]
        ]
        assert schema["properties"].keys() == {one.name for one in attrs.fields(cls)}


CALL = ToolCall("c", "grep", "x", custom=True)
NEEDED = {
    prices_may_be_numbers: {"options": {"openrouter": {"provider": {"max_price": {"prompt": 0.3}}}}},
    turns_may_hold_calls_of_custom_tools: {"messages": [Message("assistant", [Text("x"), CALL])]},
    refusals_may_stand_among_the_content: {
        "messages": [Message("assistant", [Text("a"), Refusal("No.", extra={"x": 1})])]
    },
    thoughts_may_be_of_a_form_that_is_not_listed: {
        "messages": [Message("assistant", [Text("a"), Reasoning("hm", format="some-form-v1")])]
    },
}


@pytest.mark.parametrize("waive", WAIVERS)
def test_each_waiver_is_needed(waive):
    found, check = body_of(ChatRequest(**{"messages": "x", **NEEDED[waive]})), validator("openrouter", "ChatRequest")
    assert list(faults(check.iter_errors(found)))
    waive(found)
    assert not list(faults(check.iter_errors(found)))


@pytest.mark.parametrize(
    "bad",
    [
        {"provider": {"sort": "speed"}},
        {"provider": {"odd": 1}},
        {"plugins": [{"id": "wbe"}]},
        {"modalities": ["smell"]},
        {"session_id": "x" * 300},
        {"cache_control": {"type": "forever"}},
        {"stop_server_tools_when": []},
        {"stop_server_tools_when": [{"type": "max_cost"}]},
    ],
)
def test_what_the_description_refuses_is_refused_here_too(bad):
    turn = {"role": "user", "content": "x"}
    assert list(validator("openrouter", "ChatRequest").iter_errors({"messages": [turn], **bad}))
    (name,) = bad
    with pytest.raises(BadRequestError, match=f"options.openrouter.{name}"):
        body_of(ChatRequest(messages="x", options={"openrouter": bad}))

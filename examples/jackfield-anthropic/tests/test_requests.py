"""Every field of a request is sent or reported; nothing of the caller's is changed."""

import copy
import json

import attrs
import pytest
from hypothesis import given, strategies as st

import jackfield as jf
from jackfield.errors import BadRequestError, UnsupportedError
from jackfield.operations import Notice
from jackfield.types import CacheMark, ForcedTool, JsonSchema, Tool, Unknown

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
WEATHER = Tool("get_weather", "The weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
PLAIN = {"type": "object", "properties": {}}

SENT = [
    ({"temperature": 0}, {"temperature": 0}),
    ({"temperature": 1.0}, {"temperature": 1.0}),
    ({"top_p": 0.5}, {"top_p": 0.5}),
    ({"top_k": 0}, {"top_k": 0}),
    ({"stop": ["END", "\n\n"]}, {"stop_sequences": ["END", "\n\n"]}),
    ({"max_output_tokens": 7}, {"max_tokens": 7}),
    ({"user": "u-1"}, {"metadata": {"user_id": "u-1"}}),
    ({"service_tier": "standard_only"}, {"service_tier": "standard_only"}),
    ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
    ({"reasoning_effort": "high"}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
    (
        {"reasoning_budget": 2000, "max_output_tokens": 2001},
        {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 2001},
    ),
    ({"reasoning_budget": 0}, {"thinking": {"type": "disabled"}}),
    (
        {"reasoning_budget": 1024, "reasoning_effort": "low"},
        {
            "max_tokens": 4096 + 1024,
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "output_config": {"effort": "low"},
        },
    ),
    (
        {"response_format": JsonSchema(SCHEMA, strict=True)},
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    ),
    (
        {"response_format": JsonSchema(SCHEMA, description="A number."), "reasoning_effort": "max"},
        {
            "thinking": {"type": "adaptive"},
            "output_config": {
                "effort": "max",
                "format": {"type": "json_schema", "schema": {"description": "A number.", **SCHEMA}},
            },
        },
    ),
    ({"response_format": Unknown({"type": "grammar"})}, {"output_config": {"format": {"type": "grammar"}}}),
    ({"tools": [Tool("now")]}, {"tools": [{"name": "now", "input_schema": PLAIN}]}),
    (
        {"tools": [attrs.evolve(WEATHER, strict=True, cache=CacheMark("1h"), extra={"defer_loading": True})]},
        {
            "tools": [
                {
                    "name": "get_weather",
                    "description": "The weather.",
                    "input_schema": WEATHER.parameters,
                    "strict": True,
                    "cache_control": {"type": "ephemeral", "ttl": "1h"},
                    "defer_loading": True,
                }
            ]
        },
    ),
    (
        {"tools": [Unknown({"type": "web_search_20250305", "name": "web_search"})]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    ),
    ({"extra_body": {"inference_geo": "us"}}, {"inference_geo": "us"}),
    (
        {"options": {"anthropic": {"thinking": {"type": "adaptive", "display": "summarized"}, "speed": None}}},
        {"thinking": {"type": "adaptive", "display": "summarized"}},
    ),
    (
        {
            "reasoning_effort": "medium",
            "user": "u",
            "options": {"anthropic": {"thinking": {"type": "adaptive"}, "output_config": {"task_budget": 9}}},
            "extra_body": {"metadata": {"more": 1}},
        },
        {
            "output_config": {"effort": "medium", "task_budget": 9},
            "metadata": {"user_id": "u", "more": 1},
            "thinking": {"type": "adaptive"},
        },
    ),
    ({"options": {"anthropic": {"max_tokens": 5}}}, {"max_tokens": 5}),
    ({"options": {"openai": {"store": True}}}, {}),
    # what the API does anyway
    ({"n": 1}, {}),
    ({"logprobs": False}, {}),
    ({"response_format": "text"}, {}),
    ({"stop": []}, {}),
    ({"metadata": {}}, {}),
    ({"tool_choice": "auto", "parallel_tool_calls": False}, {}),
]


@pytest.mark.parametrize(("fields", "wire"), SENT, ids=lambda value: "-".join(value))
def test_what_is_sent(kit, fields, wire):
    base = {"model": "claude-sonnet-4-6", "max_tokens": 4096, "messages": [{"role": "user", "content": "Hello"}]}
    before = copy.deepcopy(fields)
    assert kit.body(**fields) == base | wire
    assert fields == before
    assert kit.notices(unsupported="error", **fields) == set()


REPORTED = [
    ("temperature", {"temperature": 1.5}),
    ("frequency_penalty", {"frequency_penalty": 0.0}),
    ("presence_penalty", {"presence_penalty": 1}),
    ("seed", {"seed": 1}),
    ("n", {"n": 2}),
    ("logit_bias", {"logit_bias": {"5": 1}}),
    ("logprobs", {"logprobs": True}),
    ("top_logprobs", {"top_logprobs": 3}),
    ("response_format", {"response_format": "json"}),
    ("metadata", {"metadata": {"a": "b"}}),
    ("service_tier", {"service_tier": "flex"}),
    ("reasoning_effort", {"reasoning_effort": "minimal"}),
    ("reasoning_effort", {"reasoning_effort": "high", "model": "claude-haiku-4-5"}),
    ("reasoning_effort", {"reasoning_effort": "high", "model": "claude-3-7-sonnet-latest"}),
    ("tools[0].extra.function", {"tools": [attrs.evolve(WEATHER, extra={"function": {"x": 1}})]}),
    ("tools[0].cache.ttl", {"tools": [attrs.evolve(WEATHER, cache=CacheMark("2h"))]}),
]


@pytest.mark.parametrize(("field", "fields"), REPORTED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_reported(kit, field, fields):
    with pytest.raises(UnsupportedError, match=f"^{field.replace('[', '.').replace(']', '.')}: "):
        kit.body(**fields)
    assert kit.notices(**fields) == {("unsupported", field)}
    left = kit.body(unsupported="drop", **fields)
    assert left.keys() <= {"model", "max_tokens", "messages", "tools"}


def test_no_field_of_a_request_is_left_out_of_these_tests():
    named = {name for fields, _ in SENT for name in fields} | {name for _, fields in REPORTED for name in fields}
    elsewhere = {"model", "messages", "extra_headers", "unsupported"}
    assert {field.name for field in attrs.fields(jf.ChatRequest)} == named - {"model"} | elsewhere


def test_a_limit_that_is_filled_in_is_told(kit):
    request, call = kit.asked(settings={"max_output_tokens": 99})
    assert json.loads(request.body)["max_tokens"] == 99
    (notice,) = call.ledger.notices
    assert notice == Notice("note", "max_output_tokens", "99 was sent: the API wants a limit, and none is set")
    _, call = kit.asked(max_output_tokens=5)
    assert call.ledger.notices == ()


def test_a_model_that_knows_efforts_but_chooses_no_budget_gets_the_effort_alone(kit):
    sent = kit.body(reasoning_effort="low", model="claude-opus-4-5-20251101")
    assert (sent["output_config"], "thinking" in sent) == ({"effort": "low"}, False)


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("claude-3-5-haiku-latest", False),
        ("claude-haiku-4-5-20251001", False),
        ("claude-sonnet-4-20250514", False),
        ("claude-sonnet-4-5", False),
        ("claude-opus-4-1", False),
        ("claude-opus-4-20250514", False),
        ("claude-opus-4-5", True),
        ("claude-sonnet-4-6", True),
        ("claude-opus-4-8", True),
        ("claude-sonnet-5", True),
        ("some-other-model", True),
    ],
)
def test_models_from_before_efforts_are_known(kit, model, takes):
    sent = kit.body(reasoning_effort="low", model=model, unsupported="drop")
    assert ("output_config" in sent) is takes


def test_a_form_that_is_not_strict_is_told(kit):
    fields = {"response_format": JsonSchema(SCHEMA, strict=False)}
    assert kit.notices(unsupported="error", **fields) == {("rewritten", "response_format.strict")}


@pytest.mark.parametrize(
    ("choice", "parallel", "wire"),
    [
        ("auto", None, {"type": "auto"}),
        ("required", None, {"type": "any"}),
        ("required", False, {"type": "any", "disable_parallel_tool_use": True}),
        ("none", False, {"type": "none"}),
        (ForcedTool("get_weather"), True, {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": False}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (Unknown({"type": "novel"}), None, {"type": "novel"}),
    ],
)
def test_tool_choices(kit, choice, parallel, wire):
    sent = kit.body(tools=[WEATHER], tool_choice=choice, parallel_tool_calls=parallel)
    assert sent["tool_choice"] == wire


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tool_choice": "required"}, "tool_choice: 'required' needs tools"),
        ({"reasoning_budget": 500, "max_output_tokens": 500}, "reasoning_budget: expected less than max_output_tokens"),
        ({"reasoning_budget": 9, "reasoning_effort": "none"}, "reasoning_budget: 9 tokens contradict"),
        ({"temperature": 0, "extra_body": {"temperature": 1}}, "extra_body.temperature: this is set already"),
        ({"max_output_tokens": 3, "extra_body": {"max_tokens": 4}}, "extra_body.max_tokens: this is set already"),
        ({"user": "a", "extra_body": {"metadata": {"user_id": "b"}}}, "extra_body.metadata.user_id: this is set"),
        ({"reasoning_budget": 9, "options": {"anthropic": {"thinking": {}}}}, "options.anthropic.thinking: this is"),
        ({"options": {"anthropic": {"stream": True}}}, "options.anthropic.stream: this is no option"),
        ({"extra_body": {"stream": True}}, "extra_body.stream: this is no option"),
        ({"options": {"anthropic": {"beta": 5}}}, "options.anthropic.beta: expected a list of names"),
        ({"options": {"anthropic": {"beta": ["a,b"]}}}, "options.anthropic.beta: expected a list of names"),
        ({"temperature": 1, "extra_body": {"x": float("nan")}}, "cannot be written as JSON"),
        (
            {"max_output_tokens": 9, "options": {"anthropic": {"thinking": {"type": "enabled", "budget_tokens": 9}}}},
            "thinking.budget_tokens: expected less",
        ),
    ],
)
def test_contradictions_are_errors_that_name_them(kit, fields, message):
    with pytest.raises(BadRequestError) as caught:
        kit.body(**fields)
    assert caught.value.message.startswith(message) or message in caught.value.message


def test_headers(kit):
    request, _ = kit.asked()
    assert (request.method, request.path, request.headers["accept"]) == ("POST", "/v1/messages", "application/json")
    assert "anthropic-beta" not in request.headers
    assert kit.provider().endpoint.headers == {"anthropic-version": "2023-06-01"}
    request, _ = kit.asked(streaming=True)
    assert request.headers["accept"] == "text/event-stream"
    assert json.loads(request.body)["stream"] is True
    options = {"anthropic": {"beta": ["b", "c"]}}
    request, _ = kit.asked(settings={"beta": ("a", "b")}, options=options)
    assert request.headers["anthropic-beta"] == "a,b,c"
    request, _ = kit.asked(options={"anthropic": {"beta": "files-api-2025-04-14"}})
    assert request.headers["anthropic-beta"] == "files-api-2025-04-14"
    assert b"beta" not in request.body


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.text(max_size=9), json_values, max_size=4),
    st.lists(st.sampled_from([WEATHER, Tool("now"), Unknown({"type": "x"})]), max_size=3),
    st.none() | st.integers(0, 3000),
)
def test_the_same_request_has_the_same_bytes_and_is_not_changed(extra, tools, budget):
    from jackfield.http import write_json
    from jackfield.operations import CHAT
    from jackfield.provider import Fields
    from jackfield_anthropic.requests import chat_body
    from jackfield_anthropic.settings import AnthropicSettings, Outgoing

    request = jf.ChatRequest(messages="Hi", tools=tools, reasoning_budget=budget, options={"anthropic": {"x": extra}})

    def write():
        call = jf.Call(CHAT, request, jf.Target("anthropic", "claude"), runtime=None)
        to = Outgoing(call, Fields(call, ("options", "model")), AnthropicSettings())
        return write_json(chat_body(to, stream=False))

    before = copy.deepcopy(request)
    assert write() == write()
    assert request == before

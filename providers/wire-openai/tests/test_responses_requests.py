"""What is sent over the Responses API: each field and part of ours goes somewhere, or is reported."""

import copy

import pytest
from openai_responses import ResponsesWire, body, sent

from jackfield.errors import BadRequestError, UnsupportedError
from jackfield.types import ForcedTool, JsonSchema, Tool

F = Tool("f", "Does.", {"type": "object"}, strict=True)
USER = {"role": "user", "content": "x"}
OPENROUTER = ResponsesWire("openrouter.ai")
SCHEMA = {"type": "object", "properties": {}}

FIELDS = {
    "temperature": (0, {"temperature": 0}),
    "top_p": (0.5, {"top_p": 0.5}),
    "max_output_tokens": (20, {"max_output_tokens": 20}),
    "logprobs": (True, {"include": ["message.output_text.logprobs"]}),
    "top_logprobs": (0, {"top_logprobs": 0}),
    "metadata": ({"a": "b"}, {"metadata": {"a": "b"}}),
    "user": ("u", {"user": "u"}),
    "service_tier": ("flex", {"service_tier": "flex"}),
    "reasoning_effort": ("low", {"reasoning": {"effort": "low"}}),
    "n": (1, {}),
    "stop": ([], {}),
    "tools": ([], {}),
    "tool_choice": ("auto", {}),
    "extra_body": ({"new": 1}, {"new": 1}),
}


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_has_its_place(name):
    value, wire = FIELDS[name]
    assert body(**{name: value}) == {"model": "m", "input": [USER], **wire}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frequency_penalty", 0), ("presence_penalty", 1), ("stop", "x"), ("seed", 0), ("n", 2), ("top_k", 5),
        ("logit_bias", {"1": 1}), ("reasoning_budget", 5),
    ],
)  # fmt: skip
def test_what_the_api_has_no_parameter_for_is_reported(name, value):
    with pytest.raises(UnsupportedError, match=f"{name}: the Responses API"):
        body(**{name: value})
    found, notices = sent(**{name: value}, unsupported="drop")
    assert found == {"model": "m", "input": [USER]}
    assert [(one.kind, one.field) for one in notices] == [("unsupported", name)]


def test_openrouter_takes_more():
    more = {"top_k": 5, "frequency_penalty": 0.5, "presence_penalty": 0}
    found = body(OPENROUTER, **more, reasoning_budget=10)
    assert found == {"model": "m", "input": [USER], **more, "reasoning": {"max_tokens": 10}}
    with pytest.raises(UnsupportedError, match="reasoning_effort: the host takes an effort or a budget"):
        body(OPENROUTER, reasoning_effort="low", reasoning_budget=10)


def test_what_a_model_refuses_is_reported():
    with pytest.raises(UnsupportedError, match="temperature: model 'o3' refuses it"):
        body(temperature=0.5, to="o3")
    with pytest.raises(UnsupportedError, match="reasoning_effort: model 'o3' takes one of low, medium, high"):
        body(reasoning_effort="none", to="o3")


OPTIONS = {
    "as they are": ({"store": False, "truncation": "auto", "none": None}, {"store": False, "truncation": "auto"}),
    "by the names of a chat": (
        {"verbosity": "low", "max_completion_tokens": 20, "reasoning_effort": "high"},
        {"text": {"verbosity": "low"}, "max_output_tokens": 20, "reasoning": {"effort": "high"}},
    ),
    "usage": ({"stream_options": {"include_usage": True}}, {}),
    "padding": (
        {"stream_options": {"include_usage": True, "include_obfuscation": False}},
        {"stream_options": {"include_obfuscation": False}},
    ),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options(case):
    options, wire = OPTIONS[case]
    before = copy.deepcopy(options)
    assert body(options={"openai": options}) == {"model": "m", "input": [USER], **wire}
    assert options == before


def test_options_and_fields_are_joined_where_they_do_not_contradict():
    options = {"reasoning": {"summary": "auto"}, "text": {"verbosity": "low"}, "include": ["x"]}
    found = body(
        options={"openai": options}, reasoning_effort="low", response_format="json", logprobs=True, extra_body={"a": 1}
    )
    assert found["reasoning"] == {"effort": "low", "summary": "auto"}
    assert found["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    assert found["include"] == ["x", "message.output_text.logprobs"]
    assert options == {"reasoning": {"summary": "auto"}, "text": {"verbosity": "low"}, "include": ["x"]}


@pytest.mark.parametrize(
    ("options", "fields", "says"),
    [
        ({"stream": True}, {}, "options.openai.stream: this is no option"),
        ({"temperature": 1}, {"temperature": 0}, "options.openai.temperature: this is set already"),
        ({"reasoning": {"effort": "low"}}, {"reasoning_effort": "high"}, "openai.reasoning.effort: this is set"),
        ({"text": {"format": {}}}, {"response_format": "json"}, "options.openai.text.format: this is set already"),
        ({"max_tokens": 5}, {"max_output_tokens": 6}, "options.openai.max_tokens: this is set already"),
        ({"include": "x"}, {}, "options.openai.include: expected a list of texts, got 'x'"),
        ({}, {"extra_body": {"stream": True}}, "extra_body.stream: this is no option"),
        ({}, {"extra_body": {"input": []}}, "extra_body.input: this is set already"),
        ({}, {"tool_choice": "required"}, "tool_choice: 'required' needs tools"),
    ],
)
def test_what_contradicts_is_an_error(options, fields, says):
    with pytest.raises(BadRequestError, match=says):
        body(options={"openai": options}, **fields)


def test_a_stream_is_asked_for():
    assert sent(streaming=True)[0] == {"model": "m", "input": [USER], "stream": True}


# --- tools and formats

WIRE_F = {"type": "function", "name": "f", "description": "Does.", "parameters": {"type": "object"}, "strict": True}
CUSTOM = {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "a"}}
CHATS_CUSTOM = {
    "type": "custom",
    "custom": {"name": "c", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "a"}}},
}


@pytest.mark.parametrize(
    ("tool", "wire"),
    [
        (F, WIRE_F),
        (Tool("f"), {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}),
        (
            Tool("f", parameters={}, extra={"defer_loading": True, "function": {"x": 1}}),
            {"type": "function", "name": "f", "parameters": {}, "strict": False, "defer_loading": True, "x": 1},
        ),
        (WIRE_F, WIRE_F),
        ({"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}},
         {"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}),
        ({"type": "web_search"}, {"type": "web_search"}),
        (CUSTOM, CUSTOM),
        (CHATS_CUSTOM, CUSTOM),
    ],
)  # fmt: skip
def test_tools(tool, wire):
    assert body(tools=[tool])["tools"] == [wire]


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        ("none", "none"),
        ("required", "required"),
        (ForcedTool("f"), {"type": "function", "name": "f"}),
        (ForcedTool("c"), {"type": "custom", "name": "c"}),
        ({"type": "function", "function": {"name": "f"}}, {"type": "function", "name": "f"}),
        ({"type": "function", "name": "f"}, {"type": "function", "name": "f"}),
        ({"type": "custom", "custom": {"name": "c"}}, {"type": "custom", "name": "c"}),
        ({"type": "web_search"}, {"type": "web_search"}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ),
    ],
)
def test_choices_of_tools(choice, wire):
    assert body(tools=[F, CHATS_CUSTOM], tool_choice=choice, parallel_tool_calls=False)["tool_choice"] == wire


@pytest.mark.parametrize(
    ("form", "wire"),
    [
        ("text", {"type": "text"}),
        ("json", {"type": "json_object"}),
        (JsonSchema(SCHEMA), {"type": "json_schema", "name": "response", "schema": SCHEMA}),
        (
            JsonSchema(SCHEMA, "n", strict=False, description="d"),
            {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": False, "description": "d"},
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "x": 1}},
            {"type": "json_schema", "name": "n", "schema": SCHEMA, "x": 1},
        ),
        (
            {"type": "json_schema", "name": "n", "schema": SCHEMA},
            {"type": "json_schema", "name": "n", "schema": SCHEMA},
        ),
        ({"type": "grammar"}, {"type": "grammar"}),
    ],
)
def test_formats(form, wire):
    assert body(response_format=form)["text"] == {"format": wire}

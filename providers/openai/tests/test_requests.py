"""What is sent: every field or an error, nothing that is unset, the same bytes for the same request."""

import copy
import functools
import json
import os
from pathlib import Path

import attrs
import pytest
from exchanges import asked, chat_call
from hypothesis import HealthCheck, given, settings, strategies as st

from jackfield.errors import BadRequestError, UnsupportedError
from jackfield.operations import ChatRequest
from jackfield.provider import Secret
from jackfield.types import ForcedTool, Message, Reasoning, Refusal, Text, Tool, ToolCall, ToolResult, Unknown
from jackfield_openai import OpenAIProvider, OpenAISettings
from jackfield_wire_openai.requests import chat_body

WIRE = Path(os.environ.get("JACKFIELD_WIRE") or Path(__file__).parents[4] / "shared" / "wire")
OFFICIAL = OpenAIProvider("openai", OpenAISettings(api_key=Secret("sk-test")))
LOCAL = OpenAIProvider("local", OpenAISettings(base_url="http://127.0.0.1:8080/v1"))
ADD = Tool("add", "Adds", {"type": "object", "properties": {"a": {"type": "integer"}}}, strict=True)
USER = {"role": "user", "content": "x"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def body(provider=OFFICIAL, *, streaming=False, **fields):
    request = ChatRequest(**{"messages": "x", **fields})
    return json.loads(asked(provider, chat_call(request, streaming=streaming)).body)


def test_the_least_request():
    request = asked(OFFICIAL, chat_call("x", model="gpt-x"))
    assert (request.method, request.path, request.read, request.after) == ("POST", "/chat/completions", False, 0.0)
    assert request.headers == {"content-type": "application/json", "accept": "application/json"}
    assert request.body == b'{"model":"gpt-x","messages":[{"role":"user","content":"x"}]}'


def test_a_stream_asks_for_its_usage_unless_told_not_to():
    request = asked(OFFICIAL, chat_call("x", streaming=True))
    assert request.headers["accept"] == "text/event-stream"
    sent = json.loads(request.body)
    assert (sent["stream"], sent["stream_options"]) == (True, {"include_usage": True})
    quiet = OpenAIProvider("q", OpenAISettings(base_url="http://127.0.0.1/v1", stream_usage=False))
    assert "stream_options" not in body(quiet, streaming=True)
    assert "stream" not in body()


# one row for each field of a request: what is given, and what of it is in the body
FIELDS = {
    "messages": ({"messages": [Message("user", "x")]}, {"messages": [USER]}),
    "model": ({"model": "openai:other"}, {"model": "m"}),  # the call's target has it
    "tools": (
        {"tools": [ADD]},
        {
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "add",
                        "description": "Adds",
                        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
                        "strict": True,
                    },
                }
            ]
        },
    ),
    "tool_choice": (
        {"tools": [ADD], "tool_choice": ForcedTool("add")},
        {"tool_choice": {"type": "function", "function": {"name": "add"}}},
    ),
    "parallel_tool_calls": ({"tools": [ADD], "parallel_tool_calls": False}, {"parallel_tool_calls": False}),
    "temperature": ({"temperature": 0}, {"temperature": 0}),
    "top_p": ({"top_p": 0.0}, {"top_p": 0.0}),
    "max_output_tokens": ({"max_output_tokens": 9}, {"max_completion_tokens": 9}),
    "stop": ({"stop": "END"}, {"stop": ["END"]}),
    "seed": ({"seed": 0}, {"seed": 0}),
    "n": ({"n": 1}, {"n": 1}),
    "options": ({"options": {"openai": {"store": False, "user": ""}}}, {"store": False, "user": ""}),
}


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(ChatRequest)])
def test_every_field_of_a_request_is_sent(name):
    given_, expected = FIELDS[name]
    assert name in given_
    sent = body(**given_)
    assert {key: sent[key] for key in expected} == expected


def nothing_is_null(value):
    if isinstance(value, dict):
        return all(v is not None and nothing_is_null(v) for v in value.values())
    return not isinstance(value, list) or all(item is not None and nothing_is_null(item) for item in value)


def test_what_is_unset_is_not_sent():
    unset = {field.name: None for field in attrs.fields(ChatRequest) if field.default is None}
    assert len(unset) == 10
    assert set(body(**unset)) == {"model", "messages"}
    assert nothing_is_null(body(**unset, streaming=True))


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"top_p": 0},
        {"seed": 0},
        {"options": {"openai": {"logprobs": False, "top_logprobs": 0, "metadata": {}, "user": ""}}},
    ],
)
def test_falsy_is_not_absent(fields):
    sent = body(**fields)
    for name, value in (fields.get("options", {}).get("openai") or fields).items():
        assert sent[name] == value
        assert type(sent[name]) is type(value)


@pytest.mark.parametrize("name", ["stop", "tools"])
def test_an_empty_list_says_that_there_is_none(name):
    assert body(**{name: []}) == body()


@pytest.mark.parametrize("value", [True, False, None])
def test_whether_to_stream_is_no_option(value):
    with pytest.raises(BadRequestError, match="options.openai.stream: this is no option; call `stream` or `chat`"):
        body(options={"openai": {"stream": value}})


def test_an_option_that_is_none_is_not_sent():
    assert body(options={"openai": {"store": None}}) == body()


@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens"])
def test_a_limit_has_one_name(key):
    with pytest.raises(BadRequestError, match=f"options.openai.{key}: this is set already"):
        body(max_output_tokens=5, options={"openai": {key: 6}})
    assert body(options={"openai": {key: 6}})[key] == 6


def test_what_is_asked_of_a_stream_can_be_an_option():
    options = {"openai": {"stream_options": {"include_obfuscation": False}}}
    assert body(options=options, streaming=True)["stream_options"] == {"include_obfuscation": False}


def test_a_tool_sends_what_it_has_and_no_more():
    assert body(tools=[Tool("f")])["tools"] == [{"type": "function", "function": {"name": "f"}}]
    function = {"name": "f", "description": "", "parameters": {}, "strict": False}
    assert body(tools=[Tool("f", "", {}, strict=False)])["tools"] == [{"type": "function", "function": function}]


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
def test_a_tool_choice_is_sent_beside_tools(choice):
    assert body(tools=[ADD], tool_choice=choice)["tool_choice"] == choice


@pytest.mark.parametrize("tools", [None, []])
@pytest.mark.parametrize("choice", ["auto", "none", None])
def test_without_tools_what_says_nothing_is_left_out(tools, choice):
    sent = body(tools=tools, tool_choice=choice, parallel_tool_calls=True)
    assert not {"tool_choice", "parallel_tool_calls"} & sent.keys()


@pytest.mark.parametrize("choice", ["required", ForcedTool("add")])
def test_without_tools_a_choice_that_needs_them_is_refused(choice):
    with pytest.raises(BadRequestError, match="tool_choice: .* needs tools, and the request has none"):
        body(tool_choice=choice)


def test_the_name_of_the_limit_depends_on_who_reads_it():
    official, local = body(OFFICIAL, max_output_tokens=7), body(LOCAL, max_output_tokens=7)
    assert (official.get("max_completion_tokens"), official.get("max_tokens")) == (7, None)
    assert (local.get("max_completion_tokens"), local.get("max_tokens")) == (None, 7)


@pytest.mark.parametrize("key", ["model", "messages", "temperature", "stop"])
def test_an_option_that_contradicts_a_field_is_refused(key):
    with pytest.raises(BadRequestError, match=f"options.openai.{key}: this is set already"):
        body(temperature=1, stop="x", options={"openai": {key: 1}})


def test_an_option_stands_in_for_a_field_that_is_not_set():
    assert body(options={"openai": {"temperature": 5}})["temperature"] == 5


def test_options_of_other_plugins_are_left_alone():
    assert body(options={"openrouter": {"provider": {}}, "cache": {"ttl": 1}}) == body()


MESSAGES = {
    "text": (Message("user", "x"), [USER]),
    "a name": (Message("user", "x", "Ann"), [{**USER, "name": "Ann"}]),
    "roles": (Message("developer", "x"), [{"role": "developer", "content": "x"}]),
    "no parts": (Message("user", ()), [{"role": "user", "content": ""}]),
    "several texts": (
        Message("system", [Text("a"), Text("b")]),
        [{"role": "system", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
    ),
    "a part that only the provider knows": (
        Message("user", [Text("x"), Unknown(IMAGE)]),
        [{"role": "user", "content": [{"type": "text", "text": "x"}, IMAGE]}],
    ),
    "that part alone": (Message("user", Unknown(IMAGE)), [{"role": "user", "content": [IMAGE]}]),
    "the assistant": (Message("assistant", "x"), [{"role": "assistant", "content": "x"}]),
    "the assistant said nothing": (Message("assistant", ""), [{"role": "assistant", "content": ""}]),
    "tool calls and no text": (
        Message("assistant", [ToolCall("c1", "f", ""), ToolCall("c2", "g", '{"a": 1}')]),
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}},
                    {"id": "c2", "type": "function", "function": {"name": "g", "arguments": '{"a": 1}'}},
                ],
            }
        ],
    ),
    "tool calls beside empty text": (
        Message("assistant", [Text(""), ToolCall("c1", "f", "{}")]),
        [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            }
        ],
    ),
    "tool calls beside text": (
        Message("assistant", [Text("I add."), ToolCall("c1", "f", "{}")]),
        [
            {
                "role": "assistant",
                "content": "I add.",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            }
        ],
    ),
    "a refusal": (
        Message("assistant", [Refusal("N"), Refusal("o.")]),
        [{"role": "assistant", "content": None, "refusal": "No."}],
    ),
    "reasoning that nobody signed": (
        Message("assistant", [Reasoning("hm"), Text("x")]),
        [{"role": "assistant", "content": "x"}],
    ),
    "several tool results": (
        Message("tool", [ToolResult("c1", "4"), ToolResult("c2", "")]),
        [
            {"role": "tool", "tool_call_id": "c1", "content": "4"},
            {"role": "tool", "tool_call_id": "c2", "content": ""},
        ],
    ),
}


@pytest.mark.parametrize(("message", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_messages(message, expected):
    assert body(messages=[message])["messages"] == expected


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (Message("tool", "x"), r"messages\[1\]: a tool's turn holds results of tools only, not Text"),
        (Message("user", ToolResult("c", "x")), r"messages\[1\]: the turn of role 'user' cannot hold a ToolResult"),
        (Message("assistant", ToolResult("c", "x")), "role 'assistant' cannot hold a ToolResult"),
        (Message("user", ToolCall("c", "f", "")), "role 'user' cannot hold a ToolCall"),
        (Message("system", Reasoning("x")), "role 'system' cannot hold a Reasoning"),
        (Message("developer", Refusal("x")), "role 'developer' cannot hold a Refusal"),
    ],
)
def test_what_this_wire_cannot_carry_is_an_error_and_not_dropped(message, says):
    with pytest.raises(UnsupportedError, match=says):
        body(messages=[Message("user", "x"), message])


def test_what_json_cannot_carry_is_a_bad_request():
    with pytest.raises(BadRequestError, match="cannot be written as JSON"):
        body(options={"openai": {"x": {1, 2}}})


# What follows is made by hypothesis, within what OpenAI's description allows.

words = st.text(max_size=8)
identifiers = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
texts = words.map(Text)
calls = st.builds(ToolCall, identifiers, identifiers, st.sampled_from(["", "{}", '{"a": 1}', '{"a"']))
names = st.none() | identifiers
messages = st.one_of(
    st.builds(Message, st.sampled_from(["system", "developer"]), st.lists(texts, max_size=3), names),
    st.builds(Message, st.just("user"), st.lists(texts | st.just(Unknown(IMAGE)), max_size=3), names),
    st.builds(
        Message,
        st.just("assistant"),
        st.lists(texts | calls | words.map(Refusal) | words.map(Reasoning), max_size=4),
        names,
    ),
    st.builds(Message, st.just("tool"), st.lists(st.builds(ToolResult, identifiers, words), min_size=1, max_size=3)),
)
tools = st.builds(
    Tool,
    identifiers,
    st.none() | words,
    st.none() | st.just({"type": "object", "properties": {"a": {"type": ["integer", "null"]}}}),
    strict=st.none() | st.booleans(),
)
optional = {
    "temperature": st.floats(0, 2) | st.integers(0, 2),
    "top_p": st.floats(0, 1),
    "max_output_tokens": st.integers(1, 10**6),
    "stop": st.lists(words, min_size=1, max_size=4) | words,
    "seed": st.integers(-(2**63), 2**63 - 1),
    "n": st.integers(1, 128),
    "parallel_tool_calls": st.booleans(),
    "options": st.just({"openai": {"store": False, "metadata": {"a": "b"}}, "other": {"x": object}}),
}


@st.composite
def requests(draw):
    fields = draw(st.fixed_dictionaries({"messages": st.lists(messages, min_size=1, max_size=4)}, optional=optional))
    if draw(st.booleans()):
        fields["tools"] = draw(st.lists(tools, min_size=1, max_size=3))
        choices = st.sampled_from(["auto", "none", "required", ForcedTool(fields["tools"][0].name)])
        fields["tool_choice"] = draw(st.none() | choices)
    return ChatRequest(**fields)


@given(requests(), st.booleans())
def test_the_same_request_gives_the_same_bytes_and_is_not_changed(request, streaming):
    before = copy.deepcopy(request)
    call = chat_call(request, streaming=streaming)
    first = asked(OFFICIAL, call)
    assert first == asked(OFFICIAL, call) == asked(OFFICIAL, chat_call(before, streaming=streaming))
    assert request == before


@given(requests(), st.booleans())
def test_nothing_that_is_sent_is_null_but_the_content_of_a_turn_that_has_none(request, official):
    sent = chat_body(request, "m", official=official, stream={})
    for message in sent["messages"]:
        if message["content"] is None:
            assert message["role"] == "assistant"
            assert message.get("tool_calls") or message.get("refusal")
            message["content"] = ""
        elif not message["content"]:
            assert not message.get("tool_calls")
    assert nothing_is_null(sent)


@functools.cache
def validator():
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema and PyYAML")
    yaml = pytest.importorskip("yaml", reason="needs jsonschema and PyYAML")
    path = WIRE / "openai" / "openapi.yaml"
    if not path.exists():
        pytest.skip("OpenAI's API description is not beside the project (../shared/wire, or JACKFIELD_WIRE)")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    schemas = yaml.load(path.read_bytes(), loader)["components"]["schemas"]
    schema = {"$ref": "#/components/schemas/CreateChatCompletionRequest", "components": {"schemas": schemas}}
    return jsonschema.Draft202012Validator(schema)


@given(requests(), st.booleans())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_bodies_are_what_openais_description_asks_for(request, streaming):
    check = validator()
    sent = json.loads(asked(OFFICIAL, chat_call(request, streaming=streaming)).body)
    errors = [f"{'/'.join(map(str, error.path))}: {error.message[:300]}" for error in check.iter_errors(sent)]
    assert not errors


@pytest.mark.parametrize("bad", [{"messages": []}, {"n": 0}, {"messages": [{"role": "bot"}]}, {"stop": 5}])
def test_the_description_would_notice(bad):
    assert list(validator().iter_errors({"model": "m", "messages": [USER], **bad}))


def test_a_call_that_broke_off_is_not_sent_back():
    message = Message("assistant", ToolCall("c1", "f", '{"half', complete=False))
    with pytest.raises(BadRequestError, match=r"messages\[0\]: the call of tool 'f' is incomplete"):
        body(messages=[message])


def test_a_tools_turn_without_a_result_is_refused():
    with pytest.raises(BadRequestError, match=r"messages\[0\]: a tool's turn without a result"):
        body(messages=[Message("tool", ())])

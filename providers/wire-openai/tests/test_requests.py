"""What is sent: every field or a report, nothing that is unset, nothing twice."""

import json

import attrs
import pytest
from exchanges import asked, chat_call
from openai_chats import LOCAL, OFFICIAL, OPENROUTER, Wire, body, sent

from jackfield.errors import BadRequestError, UnsupportedError, UnsupportedWarning
from jackfield.operations import ChatRequest
from jackfield.types import ForcedTool, JsonSchema, Message, Tool, ToolCall, Unknown
from jackfield_wire_openai.profiles import Profile

ADD = Tool("add", "Adds", {"type": "object", "properties": {"a": {"type": "integer"}}}, strict=True)
USER = {"role": "user", "content": "x"}


def test_the_least_request():
    request = asked(OFFICIAL, chat_call("x", model="gpt-x"))
    assert (request.method, request.path, request.read, request.after) == ("POST", "/chat/completions", False, 0.0)
    assert request.headers == {"content-type": "application/json", "accept": "application/json"}
    assert request.body == b'{"model":"gpt-x","messages":[{"role":"user","content":"x"}]}'


def test_a_stream_asks_for_its_usage_unless_told_not_to():
    request = body(streaming=True)
    assert (request["stream"], request["stream_options"]) == (True, {"include_usage": True})
    assert "stream_options" not in body(Wire("127.0.0.1", Profile(stream_usage=False)), streaming=True)
    assert not {"stream", "stream_options"} & body().keys()


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
    "response_format": ({"response_format": "json"}, {"response_format": {"type": "json_object"}}),
    "temperature": ({"temperature": 0}, {"temperature": 0}),
    "top_p": ({"top_p": 0.0}, {"top_p": 0.0}),
    "max_output_tokens": ({"max_output_tokens": 9}, {"max_completion_tokens": 9}),
    "stop": ({"stop": "END"}, {"stop": ["END"]}),
    "seed": ({"seed": 0}, {"seed": 0}),
    "n": ({"n": 1}, {"n": 1}),
    "frequency_penalty": ({"frequency_penalty": 0}, {"frequency_penalty": 0}),
    "presence_penalty": ({"presence_penalty": -2}, {"presence_penalty": -2}),
    "logprobs": ({"logprobs": False}, {"logprobs": False}),
    "top_logprobs": ({"top_logprobs": 0}, {"top_logprobs": 0}),
    "logit_bias": ({"logit_bias": {"50256": -100}}, {"logit_bias": {"50256": -100}}),
    "reasoning_effort": ({"reasoning_effort": "none"}, {"reasoning_effort": "none"}),
    "metadata": ({"metadata": {}}, {"metadata": {}}),
    "user": ({"user": ""}, {"user": ""}),
    "service_tier": ({"service_tier": "flex"}, {"service_tier": "flex"}),
    "extra_body": ({"extra_body": {"verbosity": "low", "x": None}}, {"verbosity": "low", "x": None}),
    "options": ({"options": {"openai": {"store": False, "user": ""}}}, {"store": False, "user": ""}),
}


# what this wire has no word for
REPORTED = {"top_k": 5, "reasoning_budget": 100}
# what the core and the provider's base see to
ELSEWHERE = {"extra_headers", "unsupported"}


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(ChatRequest)])
def test_every_field_of_a_request_is_sent_or_reported(name):
    if name in REPORTED:
        with pytest.raises(UnsupportedError, match=f"^{name}: the host has no such parameter; with unsupported="):
            body(**{name: REPORTED[name]})
        with pytest.warns(UnsupportedWarning, match=name):
            left, notices = sent(**{name: REPORTED[name]}, unsupported="warn")
        assert left == body()
        assert [(notice.kind, notice.field) for notice in notices] == [("unsupported", name)]
        assert sent(**{name: REPORTED[name]}, unsupported="drop") == (left, notices)
    elif name not in ELSEWHERE:
        given_, expected = FIELDS[name]
        assert name in given_
        found = body(**given_)
        assert {key: found[key] for key in expected} == expected


def test_other_hosts_take_what_openai_has_no_word_for():
    assert body(LOCAL, top_k=5)["top_k"] == 5
    assert body(OPENROUTER, reasoning_budget=100)["reasoning"] == {"max_tokens": 100}
    with pytest.raises(UnsupportedError, match="reasoning_budget"):
        body(LOCAL, reasoning_budget=100)


def test_a_budget_and_an_effort_are_one_too_many():
    both = {"reasoning_budget": 100, "reasoning_effort": "low"}
    with pytest.raises(UnsupportedError, match="reasoning_effort: the host takes an effort or a budget"):
        body(OPENROUTER, **both)
    found, notices = sent(OPENROUTER, **both, unsupported="drop")
    assert found == body(OPENROUTER, reasoning_budget=100)
    assert [notice.field for notice in notices] == ["reasoning_effort"]


def test_what_is_said_of_reasoning_stands_in_one_place():
    own = {"openai": {"reasoning": {"exclude": True}}}
    assert body(OPENROUTER, reasoning_effort="low") == {**body(OPENROUTER), "reasoning_effort": "low"}
    found = body(OPENROUTER, reasoning_effort="low", options=own)
    assert found == {**body(OPENROUTER), "reasoning": {"effort": "low", "exclude": True}}
    found = body(OPENROUTER, reasoning_budget=9, extra_body={"reasoning": {"exclude": True}})
    assert found == {**body(OPENROUTER), "reasoning": {"max_tokens": 9, "exclude": True}}
    found = body(OPENROUTER, options=own, extra_body={"reasoning": {"effort": "low"}})
    assert found["reasoning"] == {"exclude": True, "effort": "low"}
    assert own == {"openai": {"reasoning": {"exclude": True}}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"reasoning_effort": "low", "options": {"openai": {"reasoning": {"effort": "high"}}}}, "reasoning.effort"),
        ({"reasoning_budget": 9, "options": {"openai": {"reasoning": {"effort": "high"}}}}, "not both"),
        ({"options": {"openai": {"reasoning": {"effort": "high", "max_tokens": 9}}}}, "not both"),
        (
            {"reasoning_budget": 9, "options": {"openai": {"reasoning_effort": "high"}}},
            "reasoning, reasoning_effort: the host takes one",
        ),
        ({"reasoning_effort": "low", "extra_body": {"reasoning": 5}}, "the host takes one of them"),
    ],
)
def test_reasoning_that_contradicts_itself_is_refused(fields, message):
    with pytest.raises(BadRequestError, match=message):
        body(OPENROUTER, **fields)


def test_other_hosts_may_take_an_effort_and_more():
    more = {"options": {"openai": {"reasoning": {"summary": "auto"}}}}
    found = body(LOCAL, reasoning_effort="low", **more)
    assert found == {**body(LOCAL), "reasoning_effort": "low", "reasoning": {"summary": "auto"}}


def test_a_host_that_gives_one_choice_is_asked_for_one():
    one = Wire("openrouter.ai", Profile(choices=False))
    assert body(one, n=1)["n"] == 1
    assert body(OPENROUTER, n=2)["n"] == 2
    with pytest.raises(UnsupportedError, match="n: the host gives one choice"):
        body(one, n=2)
    found, notices = sent(one, n=2, unsupported="drop")
    assert found == body(one)
    assert [notice.field for notice in notices] == ["n"]


@attrs.frozen(kw_only=True)
class Younger(ChatRequest):
    """A request with a field that is younger than this wire."""

    mood: str | None = None


def test_a_field_that_is_younger_than_the_wire_is_reported():
    with pytest.raises(UnsupportedError, match="mood: the host has no such parameter"):
        asked(OFFICIAL, chat_call(Younger(messages="x", mood="gay")))


def nothing_is_null(value):
    if isinstance(value, dict):
        return all(v is not None and nothing_is_null(v) for v in value.values())
    return not isinstance(value, list) or all(item is not None and nothing_is_null(item) for item in value)


def test_what_is_unset_is_not_sent():
    unset = {field.name: None for field in attrs.fields(ChatRequest) if field.default is None}
    assert len(unset) > 20
    assert set(body(**unset)) == {"model", "messages"}
    assert nothing_is_null(body(**unset, streaming=True))


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"top_p": 0},
        {"seed": 0},
        {"options": {"openai": {"store": False, "prompt_cache_key": "", "prediction": {}}}},
    ],
)
def test_falsy_is_not_absent(fields):
    found = body(**fields)
    for name, value in (fields.get("options", {}).get("openai") or fields).items():
        assert found[name] == value
        assert type(found[name]) is type(value)


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
    expected = {"include_obfuscation": False, "include_usage": True}
    assert body(options=options, streaming=True)["stream_options"] == expected
    assert body(options=options)["stream_options"] == {"include_obfuscation": False}
    silent = {"openai": {"stream_options": {"include_usage": False}}}
    assert body(options=silent, streaming=True)["stream_options"] == {"include_usage": False}


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
    found = body(tools=tools, tool_choice=choice, parallel_tool_calls=True)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & found.keys()


@pytest.mark.parametrize("choice", ["required", ForcedTool("add")])
def test_without_tools_a_choice_that_needs_them_is_refused(choice):
    with pytest.raises(BadRequestError, match="tool_choice: .* needs tools, and the request has none"):
        body(tool_choice=choice)


WIRED = [{"type": "function", "function": {"name": "add"}}, {"type": "custom", "custom": {"name": "grep"}}]


@pytest.mark.parametrize("tools", [None, []])
@pytest.mark.parametrize("beside", [{"extra_body": {"tools": WIRED}}, {"options": {"openai": {"tools": WIRED}}}])
def test_what_is_said_of_tools_is_sent_also_where_they_stand_beside_our_fields(beside, tools):
    for choice, expected in (
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        (ForcedTool("add"), {"type": "function", "function": {"name": "add"}}),
        (ForcedTool("grep"), {"type": "custom", "custom": {"name": "grep"}}),
        (None, None),
    ):
        found = body(**beside, tools=tools, tool_choice=choice, parallel_tool_calls=False)
        assert (found["tools"], found["parallel_tool_calls"]) == (WIRED, False)
        assert found.get("tool_choice") == expected


@pytest.mark.parametrize("tools", [None, [], "x", 5])
def test_tools_beside_our_fields_that_are_none_or_no_list(tools):
    found = body(extra_body={"tools": tools}, tool_choice="auto")
    assert found["tools"] == tools
    assert ("tool_choice" in found) is bool(tools)


def test_the_name_of_the_limit_depends_on_who_reads_it():
    official, local = body(OFFICIAL, max_output_tokens=7), body(LOCAL, max_output_tokens=7)
    assert (official.get("max_completion_tokens"), official.get("max_tokens")) == (7, None)
    assert (local.get("max_completion_tokens"), local.get("max_tokens")) == (None, 7)


@pytest.mark.parametrize("key", ["model", "messages", "temperature", "stop"])
def test_an_option_that_contradicts_a_field_is_refused(key):
    with pytest.raises(BadRequestError, match=f"options.openai.{key}: this is set already"):
        body(temperature=1, stop="x", options={"openai": {key: 1}})


@pytest.mark.parametrize("key", ["model", "messages", "temperature", "stream_options", "max_tokens", "store"])
def test_a_field_beside_ours_never_overwrites_one(key):
    fields = {"temperature": 1, "max_output_tokens": 5, "options": {"openai": {"store": True}}, "streaming": True}
    with pytest.raises(BadRequestError, match=f"extra_body.{key}: this is set already"):
        body(**fields, extra_body={key: 1})


def test_a_field_beside_ours_goes_as_it_is():
    assert body(extra_body={"grammar": None, "x": [None]}) == {**body(), "grammar": None, "x": [None]}


def test_an_option_stands_in_for_a_field_that_is_not_set():
    assert body(options={"openai": {"temperature": 5}})["temperature"] == 5


def test_options_of_other_plugins_are_left_alone():
    assert body(options={"openrouter": {"provider": {}}, "cache": {"ttl": 1}}) == body()


FORMATS = {
    "text": ("text", {"type": "text"}),
    "json": ("json", {"type": "json_object"}),
    "a schema": (
        JsonSchema({"type": "object"}, "answer", strict=False, description=""),
        {
            "type": "json_schema",
            "json_schema": {"name": "answer", "description": "", "schema": {"type": "object"}, "strict": False},
        },
    ),
    "a schema and no more": (
        {"type": "object"},
        {"type": "json_schema", "json_schema": {"name": "response", "schema": {"type": "object"}}},
    ),
    "one of the host's own": ({"type": "grammar", "grammar": "x"}, {"type": "grammar", "grammar": "x"}),
}


@pytest.mark.parametrize(("given_", "expected"), FORMATS.values(), ids=FORMATS)
def test_response_formats(given_, expected):
    assert body(response_format=given_)["response_format"] == expected


CUSTOM = {"type": "custom", "custom": {"name": "grep"}}


def test_tools_of_the_hosts_own_and_choices_of_them():
    assert body(tools=[CUSTOM])["tools"] == [CUSTOM]
    assert body(tools=[ADD, CUSTOM], tool_choice=ForcedTool("grep"))["tool_choice"] == CUSTOM
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}
    assert body(tools=[ADD], tool_choice=allowed)["tool_choice"] == allowed
    assert body(tools=[ADD], tool_choice="any")["tool_choice"] == "required"
    assert body(tools=[Unknown({"type": "openrouter:web_search"})])["tools"] == [{"type": "openrouter:web_search"}]


def test_what_is_said_of_a_tool_beyond_our_words_goes_back_to_its_place():
    wire = {
        "type": "function",
        "name": "f",
        "function": {"name": "f", "parameters": {}, "required": ["a"]},
        "cache_control": {"type": "ephemeral", "ttl": "5m"},
    }
    assert body(LOCAL, tools=[wire])["tools"] == [wire]


@pytest.mark.parametrize(
    ("where", "extra"), [("extra.type", {"type": "x"}), ("extra.function.name", {"function": {"name": "g"}})]
)
def test_what_is_beyond_our_words_contradicts_none(where, extra):
    with pytest.raises(BadRequestError, match=rf"tools\[0\].{where}: this is set already"):
        body(tools=[Tool("f", extra=extra)])


def test_a_callers_values_are_not_changed():
    schema = {"type": "object"}
    options = {"openai": {"stream_options": {}, "metadata": {}}}
    marked = [{"role": "user", "content": [{"type": "text", "text": "x"}], "cache_control": {"type": "ephemeral"}}]
    before = json.dumps([schema, options, marked])
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    body(LOCAL, messages=marked, tools=[tool], options=options, streaming=True)
    assert json.dumps([schema, options, marked]) == before


def test_what_json_cannot_carry_is_a_bad_request():
    with pytest.raises(BadRequestError, match="cannot be written as JSON"):
        body(options={"openai": {"x": {1, 2}}})


def test_a_prefilled_answer_is_the_last_turn():
    turns = [USER, {"role": "assistant", "content": "The answer is", "prefix": True}]
    assert body(LOCAL, messages=turns)["messages"] == turns


def test_a_call_that_broke_off_is_not_sent_back():
    message = Message("assistant", ToolCall("c1", "f", '{"half', complete=False))
    with pytest.raises(BadRequestError, match=r"messages\[0\].parts\[0\]: the call of tool 'f' is incomplete"):
        body(messages=[message])


def test_a_tools_turn_without_a_result_is_refused():
    with pytest.raises(BadRequestError, match=r"messages\[0\]: a tool's turn without a result"):
        body(messages=[Message("tool", ())])


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("extra_body", {"stream": True}, "extra_body.stream: this is no option"),
        ("options", {"openai": {"stream_options": 5}}, "options.openai.stream_options: expected an object, got 5"),
    ],
)
def test_a_stream_is_asked_for_in_one_way_only(field, value, says):
    with pytest.raises(BadRequestError, match=says):
        asked(LOCAL, chat_call(ChatRequest(messages="x", **{field: value}), streaming=True))

"""What people write as a chat, and what becomes of it."""

import copy

import pytest
from hypothesis import given, strategies as st

from jackfield.errors import BadRequestError
from jackfield.operations import ChatRequest
from jackfield.types import (
    CacheMark,
    ForcedTool,
    Image,
    Message,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Unknown,
)

CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Hello", [Message("user", "Hello")]),
        ("", [Message("user", "")]),
        (Message("user", "Hello"), [Message("user", "Hello")]),
        ({"role": "user", "content": "Hello"}, [Message("user", "Hello")]),
        ([{"role": "system", "content": "a"}, Message("user", "b")], [Message("system", "a"), Message("user", "b")]),
        (
            ({"role": role, "content": ""} for role in ("developer", "user")),
            [Message("developer", ""), Message("user", "")],
        ),
        ({"role": "user", "content": "Hi", "name": "Ann"}, [Message("user", "Hi", "Ann")]),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, IMAGE]},
            [Message("user", [Text("a"), Image("https://example.com/a.png")])],
        ),
        ({"role": "user", "content": [Text("a"), Unknown(IMAGE)]}, [Message("user", [Text("a"), Unknown(IMAGE)])]),
        (
            {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
            [Message("user", Text("a", cache=CacheMark()))],
        ),
        (
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            [Message("assistant", ToolCall("c1", "add", '{"a":1}'))],
        ),
        (
            {"role": "assistant", "tool_calls": [ToolCall("c1", "f", "")]},
            [Message("assistant", ToolCall("c1", "f", ""))],
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": None}}]},
            [Message("assistant", ToolCall("c1", "f", ""))],
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f"}}]},
            [Message("assistant", ToolCall("c1", "f", ""))],
        ),
        ({"role": "assistant", "content": None}, [Message("assistant", ())]),
        ({"role": "assistant", "content": "", "tool_calls": []}, [Message("assistant", "")]),
        ({"role": "assistant", "content": None, "refusal": "No."}, [Message("assistant", Refusal("No."))]),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
            [Message("assistant", Refusal("No."))],
        ),
        (
            {"role": "assistant", "content": "4", "reasoning": "2 and 2"},
            [Message("assistant", [Reasoning("2 and 2", format="reasoning"), Text("4")])],
        ),
        (
            {"role": "assistant", "content": "4", "reasoning_content": "2 and 2"},
            [Message("assistant", [Reasoning("2 and 2", format="reasoning_content"), Text("4")])],
        ),
        ({"role": "tool", "tool_call_id": "c1", "content": "4"}, [Message("tool", ToolResult("c1", "4"))]),
        ({"role": "tool", "tool_call_id": "", "content": ""}, [Message("tool", ToolResult("", ""))]),
        (
            {
                "role": "tool",
                "tool_call_id": "c1",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            },
            [Message("tool", ToolResult("c1", [Text("a"), Text("b")]))],
        ),
    ],
)
def test_what_people_write_becomes_messages(written, expected):
    assert ChatRequest(messages=written).messages == tuple(expected)


A_CALL = 'expected {"id": ..., "function": {"name": ..., "arguments": ...}}'
A_TOOL = (
    "expected a Tool, a function, or a dictionary of type 'function' with 'name', 'description', 'parameters' and "
    "'strict' under 'function'"
)

BAD = {
    "messages of a number": ({"messages": 5}, "messages: expected a string, a message or several, got int"),
    "messages of None": ({"messages": None}, "messages: expected a string, a message or several, got NoneType"),
    "a list of strings": ({"messages": ["Hello"]}, "messages[0]: expected a Message or a dictionary, got str"),
    "bytes": ({"messages": b"Hi"}, "messages[0]: expected a Message or a dictionary, got int"),
    "no role": (
        {"messages": {"content": "x"}},
        "messages[0].role: expected one of system, developer, user, assistant, tool, got None",
    ),
    "an unknown role": (
        {"messages": ["", {"role": "bot"}][1:]},
        "messages[0].role: expected one of system, developer, user, assistant, tool, got 'bot'",
    ),
    "a role in capitals": (
        {"messages": [Message("user", "x"), {"role": "User", "content": "x"}]},
        "messages[1].role: expected one of system, developer, user, assistant, tool, got 'User'",
    ),
    "a role that is a list": (
        {"messages": {"role": []}},
        "messages[0].role: expected one of system, developer, user, assistant, tool, got []",
    ),
    "a misspelled field": (
        {"messages": {"role": "user", "contents": "x"}},
        "messages[0]: unknown field 'contents'; did you mean 'content'?",
    ),
    "content that is a number": (
        {"messages": {"role": "user", "content": 5}},
        "messages[0].content: expected text or a list of parts, got int",
    ),
    "content that is false": (
        {"messages": {"role": "user", "content": False}},
        "messages[0].content: expected text or a list of parts, got bool",
    ),
    "a part that is text": (
        {"messages": {"role": "user", "content": ["x"]}},
        "messages[0].content[0]: expected a part or a dictionary, got str",
    ),
    "a part that is None": (
        {"messages": {"role": "user", "content": [Text("x"), None]}},
        "messages[0].content[1]: expected a part or a dictionary, got NoneType",
    ),
    "a tool's turn without an id": (
        {"messages": {"role": "tool", "content": "4"}},
        "messages[0].tool_call_id: expected the id of a tool call, got None",
    ),
    "a tool's turn with a number as id": (
        {"messages": {"role": "tool", "content": "4", "tool_call_id": 0}},
        "messages[0].tool_call_id: expected the id of a tool call, got 0",
    ),
    "a tool call without a function": (
        {"messages": {"role": "assistant", "tool_calls": [CALL, {"id": "c2"}]}},
        f"messages[0].tool_calls[1]: {A_CALL}, got {{'id': 'c2'}}",
    ),
    "a tool call without an id": (
        {"messages": {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": ""}}]}},
        f"messages[0].tool_calls[0]: {A_CALL}, got {{'function': {{'name': 'f', 'arguments': ''}}}}",
    ),
    "arguments that are not text": (
        {"messages": {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {}}}]}},
        f"messages[0].tool_calls[0]: {A_CALL}, got {{'id': 'c', 'function': {{'name': 'f', 'arguments': {{}}}}}}",
    ),
    "tools of a string": (
        {"tools": ["add"]},
        "tools[0]: expected a Tool, a function, or a dictionary in OpenAI's shape, got 'add'",
    ),
    "a tool without its type": (
        {"tools": [Tool("add"), {"name": "add"}]},
        f"tools[1]: {A_TOOL}, got {{'name': 'add'}}",
    ),
    "a tool with a misspelled field": (
        {"tools": [{"type": "function", "function": {"name": "add", "params": {}}}]},
        "tools[0].function: unknown field 'params'; did you mean 'parameters'?",
    ),
    "an unknown tool choice": (
        {"tool_choice": "sometimes"},
        "tool_choice: expected 'auto', 'none', 'required' or ForcedTool(name), got 'sometimes'",
    ),
    "a tool choice that is false": (
        {"tool_choice": False},
        "tool_choice: expected 'auto', 'none', 'required' or ForcedTool(name), got False",
    ),
    "a tool choice without a name": (
        {"tool_choice": {"type": "function"}},
        "tool_choice: expected 'auto', 'none', 'required' or ForcedTool(name), got {'type': 'function'}",
    ),
    "too hot": ({"temperature": 2.1}, "temperature: expected a number from 0 to 2, got 2.1"),
    "too cold": ({"temperature": -1}, "temperature: expected a number from 0 to 2, got -1"),
    "a temperature as text": ({"temperature": "0"}, "temperature: expected a number from 0 to 2, got '0'"),
    "a temperature of false": ({"temperature": False}, "temperature: expected a number from 0 to 2, got False"),
    "no number": ({"temperature": float("nan")}, "temperature: expected a number from 0 to 2, got nan"),
    "more than all": ({"top_p": 1.5}, "top_p: expected a number from 0 to 1, got 1.5"),
    "no tokens": ({"max_output_tokens": 0}, "max_output_tokens: expected a whole number of at least 1, got 0"),
    "half a token": ({"max_output_tokens": 1.5}, "max_output_tokens: expected a whole number of at least 1, got 1.5"),
    "tokens as text": ({"max_output_tokens": "9"}, "max_output_tokens: expected a whole number of at least 1, got '9'"),
    "tokens of true": (
        {"max_output_tokens": True},
        "max_output_tokens: expected a whole number of at least 1, got True",
    ),
    "no choice": ({"n": 0}, "n: expected a whole number of at least 1, got 0"),
    "a model": ({"model": 5}, "model: expected 'provider:model' or an alias, got 5"),
    "a stop": ({"stop": 5}, "stop: expected a text or several, got 5"),
    "items of stop": ({"stop": ["x", 5]}, "stop: expected a text or several, got ['x', 5]"),
    "a seed as text": ({"seed": "1"}, "seed: expected a whole number, got '1'"),
    "a seed of true": ({"seed": True}, "seed: expected a whole number, got True"),
    "parallel calls as text": (
        {"parallel_tool_calls": "yes"},
        "parallel_tool_calls: expected true or false, got 'yes'",
    ),
    "options as a list": ({"options": [1]}, "options: expected a dictionary for each plugin, by its name, got [1]"),
    "options of a plugin": (
        {"options": {"openai": 5}},
        "options: expected a dictionary for each plugin, by its name, got {'openai': 5}",
    ),
}


@pytest.mark.parametrize(("fields", "message"), BAD.values(), ids=BAD)
def test_a_bad_request_names_the_field_the_value_and_what_would_be_right(fields, message):
    with pytest.raises(BadRequestError) as caught:
        ChatRequest(**{"messages": "x", **fields})
    assert caught.value.message == message


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"temperature": 2},
        {"top_p": 0},
        {"top_p": 1},
        {"seed": 0},
        {"seed": -1},
        {"parallel_tool_calls": False},
        {"tools": ()},
        {"stop": ()},
        {"n": 1},
        {"max_output_tokens": 1},
        {"model": ""},
    ],
)
def test_falsy_is_not_absent(fields):
    request = ChatRequest(messages="x", **fields)
    for name, value in fields.items():
        assert getattr(request, name) == value
        assert getattr(request, name) is not None


def test_what_is_not_set_is_none():
    request = ChatRequest(messages="x")
    unset = {"model", "tools", "tool_choice", "parallel_tool_calls", "temperature", "top_p"}
    unset |= {"max_output_tokens", "stop", "seed", "n"}
    assert {name: getattr(request, name) for name in unset} == dict.fromkeys(unset)
    assert request.options == {}


@pytest.mark.parametrize(
    ("written", "expected"), [(None, None), ("END", ("END",)), (["a", "b"], ("a", "b")), ([], ()), ("", ("",))]
)
def test_stop_is_one_text_or_several(written, expected):
    assert ChatRequest(messages="x", stop=written).stop == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, None),
        ([], ()),
        ([Tool("add", "Adds", {"type": "object"})], (Tool("add", "Adds", {"type": "object"}),)),
        ([{"type": "function", "function": {"name": "add"}}], (Tool("add"),)),
        (
            [{"type": "function", "function": {"name": "f", "description": "", "parameters": {}, "strict": False}}],
            (Tool("f", "", {}, strict=False),),
        ),
    ],
)
def test_tools_are_ours_or_openai_shaped(written, expected):
    assert ChatRequest(messages="x", tools=written).tools == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        (ForcedTool("add"), ForcedTool("add")),
        ({"type": "function", "function": {"name": "add"}}, ForcedTool("add")),
    ],
)
def test_a_tool_choice_is_ours_or_openai_shaped(written, expected):
    assert ChatRequest(messages="x", tool_choice=written).tool_choice == expected


def test_the_callers_own_values_are_not_changed():
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "a"}, copy.deepcopy(IMAGE)]},
        {"role": "assistant", "content": None, "tool_calls": [copy.deepcopy(CALL)]},
        {"role": "tool", "tool_call_id": "c1", "content": "4"},
    ]
    tools = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
    before = copy.deepcopy((messages, tools))
    request = ChatRequest(messages=messages, tools=tools)
    assert (messages, tools) == before
    messages.clear()
    assert len(request.messages) == 3


def test_a_turn_of_the_assistant_goes_back_as_it_came():
    turn = Message("assistant", [Reasoning("hm"), Text("I add."), ToolCall("c1", "add", "{}")])
    assert ChatRequest(messages=["", turn][1:]).messages == (turn,)
    assert (turn.text, turn.tool_calls) == ("I add.", (ToolCall("c1", "add", "{}"),))


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool"])},
        optional={"content": json_like, "tool_call_id": st.text(max_size=3)},
    )
)
def test_a_dictionary_becomes_a_message_or_a_bad_request_that_names_it(written):
    before = copy.deepcopy(written)
    try:
        message = ChatRequest(messages=[written]).messages[0]
    except BadRequestError as error:
        assert error.message.startswith("messages[0]")
    else:
        assert message.role == written["role"]
    assert written == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Message("bot", "x"),
            "message.role: expected one of system, developer, user, assistant, tool, got 'bot'",
        ),
        (lambda: Message("user", [5]), "message.parts: expected text or parts of a message, got 5"),
        (lambda: Message("user", None), "message.parts: expected text or parts of a message, got None"),
    ],
)
def test_our_own_messages_are_looked_at_too(make, message):
    with pytest.raises(BadRequestError) as caught:
        make()
    assert caught.value.message == message


OTHERS = {
    "a name": {"messages": {"role": "user", "content": "x", "name": 5}},
    "a refusal": {"messages": {"role": "assistant", "refusal": 5}},
    "reasoning": {"messages": {"role": "assistant", "content": "x", "reasoning": 5}},
    "tool calls": {"messages": {"role": "assistant", "tool_calls": 5}},
    "the call's id in a user's turn": {"messages": {"role": "user", "content": "x", "tool_call_id": "c1"}},
    "tools": {"tools": 5},
    "a tool's description": {"tools": [{"type": "function", "function": {"name": "f", "description": 5}}]},
}


@pytest.mark.parametrize("fields", OTHERS.values(), ids=OTHERS)
def test_every_field_is_looked_at(fields):
    with pytest.raises(BadRequestError):
        ChatRequest(**{"messages": "x", **fields})


def test_a_tool_may_leave_its_type_out():
    function = {"name": "f", "parameters": {}}
    assert ChatRequest(messages="x", tools=[{"function": function}]).tools == (Tool("f", None, {}),)


def test_an_empty_custom_part_beside_a_function_is_nothing():
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}, "custom": {"name": "", "input": ""}}
    (message,) = ChatRequest(messages=[{"role": "assistant", "tool_calls": [call]}]).messages
    assert message.tool_calls == (ToolCall("c", "f", "{}", extra={"custom": {"name": "", "input": ""}}),)

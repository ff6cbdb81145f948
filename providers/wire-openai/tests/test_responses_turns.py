"""Turns over the Responses API: what they become, what goes back as it came, and what moves to another wire."""

import copy

import pytest
from openai_chats import OFFICIAL as CHAT, sent as sent_as_chat
from openai_responses import LOCAL, OFFICIAL, ResponsesWire, body, items, sent

from jackfield.errors import BadRequestError, UnsupportedError
from jackfield.types import (
    Audio,
    CacheMark,
    Citation,
    File,
    Image,
    Message,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from jackfield_wire_openai.profiles import ModelRule

OPENROUTER = ResponsesWire("openrouter.ai")
USER = {"role": "user", "content": "x"}
THINKER = "gpt-5"

CALL = ToolCall("c1", "f", '{"a":1}')


@pytest.mark.parametrize(
    ("message", "wires"),
    [
        (Message("system", "a"), [{"role": "system", "content": "a"}]),
        (Message("developer", "a"), [{"role": "developer", "content": "a"}]),
        (Message("user", ()), [{"role": "user", "content": ""}]),
        (
            Message("user", (Text("a"), Image("u", "low"), File("QQ==", "n"), File(id="i"))),
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "a"},
                        {"type": "input_image", "image_url": "u", "detail": "low"},
                        {"type": "input_file", "file_data": "QQ==", "filename": "n"},
                        {"type": "input_file", "file_id": "i"},
                    ],
                }
            ],
        ),
        (
            Message("user", (Unknown({"type": "image_url", "image_url": {"url": "u"}}), Unknown({"type": "new"}))),
            [{"role": "user", "content": [{"type": "input_image", "image_url": "u"}, {"type": "new"}]}],
        ),
        (
            Message("user", (Text("a"), Unknown({"type": "item_reference", "id": "i"}), Text("b"))),
            [USER | {"content": "a"}, {"type": "item_reference", "id": "i"}, USER | {"content": "b"}],
        ),
        (Message("user", "a", extra={"x": 1}), [{"role": "user", "content": "a", "x": 1}]),
        (Message("assistant", "a"), [{"type": "message", "role": "assistant", "content": "a"}]),
        (
            Message("assistant", (Text("a"), Text("b"), CALL)),
            [
                {"type": "message", "role": "assistant", "content": "a"},
                {"type": "message", "role": "assistant", "content": "b"},
                {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
            ],
        ),
        (
            Message("assistant", (Unknown({"type": "web_search_call", "id": "w"}), Unknown({"type": "output_new"}))),
            [
                {"type": "web_search_call", "id": "w"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_new"}]},
            ],
        ),
        (
            Message("assistant", (Text("a", extra={"x": 1}),)),
            [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a", "x": 1}]}],
        ),
        (
            Message("assistant", (ToolCall("c1", "f", "a b", custom=True),)),
            [{"type": "custom_tool_call", "call_id": "c1", "name": "f", "input": "a b"}],
        ),
        (
            Message("tool", (ToolResult("c1", "a"), ToolResult("c2", (Text("a"), Image("u"))), ToolResult("c3", ()))),
            [
                {"type": "function_call_output", "call_id": "c1", "output": "a"},
                {
                    "type": "function_call_output",
                    "call_id": "c2",
                    "output": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "u"}],
                },
                {"type": "function_call_output", "call_id": "c3", "output": ""},
            ],
        ),
    ],
)
def test_turns(message, wires):
    assert items(message) == wires


def test_the_result_of_a_custom_call_is_one_too():
    call, result = ToolCall("c1", "f", "", custom=True), ToolResult("c1", "a")
    assert items(Message("assistant", call), Message("tool", result))[1]["type"] == "custom_tool_call_output"
    # the call may be known to the service alone
    result = ToolResult("c1", "a", extra={"item": {"type": "custom_tool_call_output"}})
    found = body(messages=[Message("tool", result)], options={"openai": {"previous_response_id": "r"}})
    assert found["previous_response_id"] == "r"
    assert found["input"] == [{"type": "custom_tool_call_output", "call_id": "c1", "output": "a"}]


def test_calls_of_the_older_kind_are_told_by_their_name():
    call = ToolCall("", "f", "{}", extra={"type": "function_call"})
    found = items(Message("assistant", call), Message("tool", ToolResult("", "a")))
    assert [one["call_id"] for one in found] == ["f", "f"]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (Message("user", "a", name="n"), "messages[0].name"),
        (Message("user", Audio("QQ==", "wav")), "messages[0].parts[0]"),
        (Message("user", CALL), "messages[0].parts[0]"),
        (Message("assistant", Image("u")), "messages[0].parts[0]"),
        (Message("assistant", Audio(id="a")), "messages[0].parts[0]"),
        (Message("assistant", "a", cache=CacheMark()), "messages[0].cache"),
        (Message("assistant", Text("a", cache=CacheMark())), "messages[0].parts[0].cache"),
        (Message("assistant", Text("a"), extra={"item": {}}), None),
        (Message("tool", (Text("a"), ToolResult("c", "b"))), "messages[0].parts[0]"),
        (Message("tool", ToolResult("c", (), cache=CacheMark())), "messages[0].parts[0].cache"),
        (Message("user", Text("a", cache=CacheMark("1h"))), "messages[0].parts[0].cache.ttl"),
    ],
)
def test_what_a_turn_cannot_hold_is_reported(message, field):
    if field is None:
        assert items(message) == [{"type": "message", "role": "assistant", "content": "a"}]
        return
    with pytest.raises(UnsupportedError) as caught:
        items(message)
    assert caught.value.message.startswith(f"{field}: ")
    _, notices = sent(messages=[message], unsupported="drop")
    assert field in [one.field for one in notices]


def test_what_is_no_turn_is_an_error():
    with pytest.raises(BadRequestError, match="a tool's turn without a result"):
        items(Message("tool", ()))
    with pytest.raises(BadRequestError, match="the call of tool 'f' is incomplete"):
        items(Message("assistant", ToolCall("c", "f", "", complete=False)))


@pytest.mark.parametrize("host", [OFFICIAL, LOCAL, OPENROUTER])
def test_marks_for_the_cache_of_the_prompt(host):
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    (turn,) = items(Message("user", (Text("a", cache=CacheMark()), Text("b"))), provider=host)
    assert turn["content"] == [{"type": "input_text", "text": "a", **mark}, {"type": "input_text", "text": "b"}]
    (turn,) = items(Message("user", (Text("a"), Text("b")), cache=CacheMark()), provider=host)
    assert [mark.items() <= part.items() for part in turn["content"]] == [False, True]
    part = Unknown({"type": "input_text", "text": "a"})
    (result,) = items(Message("tool", ToolResult("c", part), cache=CacheMark()), provider=host)
    assert result["output"] == [{"type": "input_text", "text": "a", **mark}]
    assert part.raw == {"type": "input_text", "text": "a"}


def test_what_only_another_host_wants_back_is_left_out_and_noted():
    message = Message("assistant", ToolCall("c", "f", "", extra={"extra_content": {"a": 1}, "function": {"b": 1}}))
    found, notices = sent(messages=[message])
    assert found["input"] == [{"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}]
    where = "messages[0].parts[0].extra"
    assert {one.field for one in notices} == {f"{where}.extra_content", f"{where}.function"}
    failed = Message("tool", ToolResult("c", "a", is_error=True), extra={"x": 1})
    _, notices = sent(messages=[failed])
    assert {one.field for one in notices} == {"messages[0].parts[0].is_error", "messages[0].extra.x"}


# --- what came over this API goes back over it alone

LAYOUT = {"type": "message", "id": "m1", "status": "completed", "phase": "commentary"}
THOUGHT = Reasoning("a", None, "e", summary=True, id="r1", format="responses", extra={"item": {"status": "completed"}})
MORE = Reasoning("b", summary=True, id="r1", format="responses")
CITED = Citation("u", "t", None, 0, 1, extra={"x": 1})
WIRE_THOUGHT = {
    "type": "reasoning",
    "id": "r1",
    "status": "completed",
    "encrypted_content": "e",
    "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
}


def turn(*parts, layout, annotations=()):
    return Message("assistant", parts, annotations=annotations, extra={"message_items": layout})


def test_a_turn_goes_back_as_it_came():
    entries = [{"type": "output_text", "annotations": 1}, {"type": "refusal"}]
    layout = [{**LAYOUT, "content": entries}, {**LAYOUT, "id": "m2", "content": [{"type": "output_text"}]}]
    call = ToolCall("c1", "f", "{}", extra={"item": {"id": "f1"}})
    parts = (THOUGHT, MORE, Text("a"), Refusal("No."), call, Text("b"))
    message = turn(*parts, layout=layout, annotations=(CITED,))
    remark = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1, "x": 1}
    before = copy.deepcopy(message)
    assert items(message) == [
        WIRE_THOUGHT,
        {
            **LAYOUT,
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "a", "annotations": [remark]},
                {"type": "refusal", "refusal": "No."},
            ],
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "id": "f1"},
        {**LAYOUT, "id": "m2", "role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
    ]
    assert message == before


def test_a_turn_that_was_changed_is_sent_for_what_it_is():
    layout = [{**LAYOUT, "content": [{"type": "output_text", "annotations": 1}]}]
    found, notices = sent(messages=[turn(Text("a"), Text("b"), layout=layout, annotations=(CITED,))])
    assert found["input"] == [
        {"type": "message", "role": "assistant", "content": "a"},
        {"type": "message", "role": "assistant", "content": "b"},
    ]
    assert {one.field for one in notices} == {"messages[0].extra.message_items", "messages[0].annotations"}
    for odd in ("x", [{}], [{"content": "x"}], [{"content": ["x"]}]):
        found, notices = sent(messages=[turn(Text("a"), layout=odd)])
        assert found["input"] == [{"type": "message", "role": "assistant", "content": "a"}]
        assert "messages[0].extra.message_items" in {one.field for one in notices}


def test_a_refusal_from_elsewhere_is_sent_as_text():
    found, notices = sent(messages=[Message("assistant", Refusal("No."))])
    assert found["input"] == [{"type": "message", "role": "assistant", "content": "No."}]
    assert [(one.kind, one.field) for one in notices] == [("rewritten", "messages[0].parts[0]")]


@pytest.mark.parametrize(
    "thought",
    [Reasoning("a"), Reasoning("a", format="reasoning"), Reasoning("a", None, "e", format="openai-responses-v1")],
)
def test_thoughts_from_elsewhere_stay_where_they_are(thought):
    found, notices = sent(messages=[Message("assistant", (thought, Text("a")))])
    assert found["input"] == [{"type": "message", "role": "assistant", "content": "a"}]
    assert [(one.kind, one.field) for one in notices] == [("unsupported", "messages[0].parts[0]")]


def test_two_thoughts_are_told_apart():
    nameless = Reasoning("", None, "x", format="responses", extra={"item": {}})
    second = Reasoning("c", id="r2", format="responses", extra={"part": {"x": 1}})
    assert items(Message("assistant", (THOUGHT, MORE, nameless, nameless, second))) == [
        WIRE_THOUGHT,
        {"type": "reasoning", "summary": [], "encrypted_content": "x"},
        {"type": "reasoning", "summary": [], "encrypted_content": "x"},
        {"type": "reasoning", "summary": [], "id": "r2", "content": [{"type": "reasoning_text", "text": "c", "x": 1}]},
    ]


def test_a_service_that_keeps_nothing_gets_no_thought_that_it_cannot_know():
    bare = Reasoning("", id="r1", format="responses", extra={"item": {}})
    read = Reasoning("a", id="r2", format="responses", extra={"item": {}})
    message = Message("assistant", (bare, THOUGHT, read))
    assert len(items(message)) == 3
    found, notices = sent(messages=[message], options={"openai": {"store": False}})
    assert [one.get("id") for one in found["input"]] == ["r1", "r2"]
    assert found["input"][0]["encrypted_content"] == "e"
    assert [(one.kind, one.field) for one in notices] == [("unsupported", "messages[0]")]


def test_a_model_that_thinks_and_keeps_nothing_is_asked_for_its_thoughts():
    stateless = {"openai": {"store": False}}
    assert body(to=THINKER, options=stateless)["include"] == ["reasoning.encrypted_content"]
    assert "include" not in body(to=THINKER)
    assert "include" not in body(to="gpt-4.1", options=stateless)
    assert "include" not in body(LOCAL, to="o9", options=stateless)
    known = ResponsesWire("127.0.0.1", rules=[ModelRule(match="o9*", efforts=("low",))])
    asked = {"openai": {"store": False, "include": ["x", "reasoning.encrypted_content"]}}
    assert body(known, to="o9", options=asked)["include"] == ["x", "reasoning.encrypted_content"]
    assert body(known, to="o9", options=stateless)["include"] == ["reasoning.encrypted_content"]


def test_a_conversation_can_move_to_a_chat():
    layout = [{**LAYOUT, "content": [{"type": "output_text"}]}]
    call = ToolCall("c1", "f", "{}", extra={"item": {"id": "f1"}})
    search = Unknown({"type": "web_search_call", "id": "w"})
    result = ToolResult("c1", "r", extra={"item": {"id": "o1"}})
    messages = [turn(THOUGHT, search, Text("a"), call, layout=layout), Message("tool", result)]
    for host in (CHAT, OPENROUTER):
        found, notices = sent_as_chat(CHAT if host is CHAT else type(CHAT)("openrouter.ai"), messages=messages)
        assert found["messages"] == [
            {
                "role": "assistant",
                "content": "a",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "r"},
        ]
        assert {one.field for one in notices} == {
            "messages[0].parts[0]",
            "messages[0].parts[1]",
            "messages[0].parts[3].extra.item",
            "messages[0].extra.message_items",
            "messages[1].parts[0].extra.item",
        }

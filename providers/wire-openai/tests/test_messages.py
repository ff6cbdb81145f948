"""Turns of a conversation as they are sent: each part in its place, or reported."""

import attrs
import pytest
from openai_chats import LOCAL, OFFICIAL, OPENROUTER, Wire, body, good, reply, sent, whole

from jackfield.errors import BadRequestError, UnsupportedError, UnsupportedWarning
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
from jackfield_wire_openai.profiles import Profile

USER = {"role": "user", "content": "x"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def turns(*messages, to=OFFICIAL):
    return body(to, messages=list(messages))["messages"]


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
    "several tool results": (
        Message("tool", [ToolResult("c1", "4"), ToolResult("c2", "")]),
        [{"role": "tool", "tool_call_id": "c1", "content": "4"}, {"role": "tool", "tool_call_id": "c2", "content": ""}],
    ),
    "custom calls": (
        Message("assistant", [Text("x"), ToolCall("c1", "grep", "a b", custom=True)]),
        [
            {
                "role": "assistant",
                "content": "x",
                "tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "grep", "input": "a b"}}],
            }
        ],
    ),
    "a tool result of several parts": (
        Message("tool", ToolResult("c1", [Text("4"), Text("")])),
        [{"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": t} for t in ("4", "")]}],
    ),
    "pictures, sound and files": (
        Message(
            "user",
            [Image("https://example.com/a.png", "low"), Audio("QQ==", "wav"), File(id="f"), File("QQ==", "a.pdf")],
        ),
        [
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
                    {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "wav"}},
                    {"type": "file", "file": {"file_id": "f"}},
                    {"type": "file", "file": {"file_data": "QQ==", "filename": "a.pdf"}},
                ],
            }
        ],
    ),
    "sound that the model made": (
        Message("assistant", Audio("QQ==", id="audio_1", transcript="Hi")),
        [{"role": "assistant", "content": None, "audio": {"id": "audio_1"}}],
    ),
}


@pytest.mark.parametrize(("message", "expected"), MESSAGES.values(), ids=MESSAGES)
def test_messages(message, expected):
    assert turns(message) == expected


def test_turns_of_the_system_stay_where_they_are_also_several_in_the_middle():
    roles = ["system", "user", "system", "assistant", "system", "user"]
    for to in (OFFICIAL, LOCAL):
        sent_turns = turns(*(Message(role, str(index)) for index, role in enumerate(roles)), to=to)
        assert [(turn["role"], turn["content"]) for turn in sent_turns] == [(r, str(i)) for i, r in enumerate(roles)]


WRONG = [
    (Message("tool", "x"), r"messages\[1\].parts\[0\]: a tool's turn holds results of tools only, not Text"),
    (Message("user", ToolResult("c", "x")), r"parts\[0\]: the turn of role 'user' cannot hold a ToolResult"),
    (Message("assistant", ToolResult("c", "x")), "role 'assistant' cannot hold a ToolResult"),
    (Message("user", ToolCall("c", "f", "")), "role 'user' cannot hold a ToolCall"),
    (Message("system", Reasoning("x")), "role 'system' cannot hold a Reasoning"),
    (Message("developer", Refusal("x")), "role 'developer' cannot hold a Refusal"),
    (Message("user", Audio()), "role 'user' cannot hold a Audio"),
    (Message("assistant", Image("data:x")), "the host takes no Image in a turn of role 'assistant'"),
    (Message("system", Image("data:x")), "the host takes no Image in a turn of role 'system'"),
    (Message("tool", ToolResult("c", Image("data:x"))), r"parts\[0\].parts\[0\]: the host takes no Image .* 'tool'"),
]


@pytest.mark.parametrize(("message", "says"), WRONG)
def test_what_this_wire_cannot_carry_is_reported(message, says):
    both = [Message("user", "x"), message]
    with pytest.raises(UnsupportedError, match=says):
        body(messages=both)
    with pytest.warns(UnsupportedWarning, match=says.replace(": ", " is left out: ")):
        left, notices = sent(messages=both, unsupported="warn")
    assert left["messages"][0] == USER
    assert [notice.kind for notice in notices] == ["unsupported"]
    assert sent(messages=both, unsupported="drop") == (left, notices)


def test_a_refusal_that_says_more_stays_a_part_of_the_content():
    part = {"type": "refusal", "refusal": "No.", "x": 1}
    assert turns({"role": "assistant", "content": [part]}) == [{"role": "assistant", "content": [part]}]


def test_other_hosts_may_take_pictures_anywhere():
    assert turns(Message("tool", ToolResult("c", Unknown(IMAGE))), to=LOCAL)[0]["content"] == [IMAGE]
    assert turns(Message("tool", ToolResult("c", Image(IMAGE["image_url"]["url"]))), to=LOCAL)[0]["content"] == [IMAGE]
    made = turns(Message("assistant", [Text("x"), Image(IMAGE["image_url"]["url"])]), to=OPENROUTER)
    assert made == [{"role": "assistant", "content": "x", "images": [IMAGE]}]


def test_what_was_said_of_a_turn_beyond_our_words_goes_back_to_its_place():
    wires = [
        {"role": "user", "content": [{"type": "text", "text": "x", "y": 1}], "z": {"a": None}},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"index": 1, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}", "parsed": 1}}
            ],
            "annotations": [],
        },
        {"role": "tool", "tool_call_id": "c", "content": "x", "name": "f", "is_error": False},
    ]
    assert turns(*wires) == wires


@pytest.mark.parametrize("extra", [{"role": "x"}, {"content": "y"}])
def test_what_is_beyond_our_words_contradicts_none(extra):
    with pytest.raises(BadRequestError, match=r"messages\[0\].extra.(role|content): this is set already"):
        turns(Message("user", "x", extra=extra))


# marks for the prompt cache

MARK = {"type": "ephemeral"}


def test_marks_for_the_prompt_cache_stand_where_they_were_put():
    wires = [
        {"role": "user", "content": "x", "cache_control": {**MARK, "ttl": "5m"}},
        {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": MARK}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}, "cache_control": MARK}
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": "x", "cache_control": MARK},
    ]
    assert turns(*wires, to=OPENROUTER) == wires
    marked = Message("tool", [ToolResult("a", "1"), ToolResult("b", "2")], cache=CacheMark())
    assert ["cache_control" in wire for wire in turns(marked, to=OPENROUTER)] == [False, True]
    assert turns(Message("tool", ToolResult("a", "1", cache=CacheMark())), to=OPENROUTER)[0]["cache_control"] == MARK


def test_openai_marks_parts_by_a_field_of_its_own():
    point = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    expected = [{"role": "user", "content": [{"type": "text", "text": "x", **point}]}]
    assert turns(Message("user", Text("x", cache=CacheMark()))) == expected
    assert turns(Message("user", "x", cache=CacheMark())) == expected
    image = Unknown(IMAGE)
    assert turns(Message("user", [Text("x"), image], cache=CacheMark()))[0]["content"][-1] == {**IMAGE, **point}
    assert image.raw == IMAGE
    assert "prompt_cache_breakpoint" not in IMAGE


@pytest.mark.parametrize(
    ("message", "model", "where"),
    [
        (Message("user", Text("x", cache=CacheMark())), "gpt-4o", r"messages\[0\].parts\[0\].cache"),
        (Message("user", "x", cache=CacheMark()), "o3", r"messages\[0\].cache"),
        (Message("user", (), cache=CacheMark()), "m", r"messages\[0\].cache"),
        (Message("user", "x", cache=CacheMark("1h")), "m", r"messages\[0\].cache.ttl"),
        (Message("assistant", ToolCall("c", "f", "", cache=CacheMark())), "m", r"parts\[0\].cache"),
        (Message("user", Unknown("?"), cache=CacheMark()), "m", r"messages\[0\].cache"),
    ],
)
def test_a_mark_that_openai_cannot_carry_is_reported(message, model, where):
    with pytest.raises(UnsupportedError, match=where):
        body(messages=[message], to=model)
    assert sent(messages=[message], to=model, unsupported="drop")[1][0].kind == "unsupported"


def test_a_host_without_marks_is_told_none():
    with pytest.raises(UnsupportedError, match="cache"):
        body(Wire("127.0.0.1", Profile(cache="no")), messages=[Message("user", "x", cache=CacheMark())])


# what comes back from a reply

CITED = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "content": "c", "start_index": 0,
         "end_index": 2, "favicon": "f"}}  # fmt: skip
PARSED = {"type": "file", "file": {"hash": "h", "content": [{"type": "text", "text": "x"}]}}


def test_remarks_and_pictures_and_signatures_of_a_reply_go_back_to_who_wants_them():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"google": 1}}
    picture = {**IMAGE, "index": 0}
    wire = {
        "role": "assistant",
        "content": "x",
        "tool_calls": [call],
        "images": [picture],
        "annotations": [CITED, PARSED],
        "extra_content": {"google": {"thought_signature": "s"}},
        "thought_signature": "s",
    }
    message = good(whole(reply(wire))).message
    assert message.annotations == (Citation("u", "t", "c", 0, 2, extra={"favicon": "f"}), Unknown(PARSED))
    assert turns(message, to=OPENROUTER) == [wire]


def test_a_conversation_that_moved_to_openai_works_and_notes_what_stayed_behind():
    wire = {"content": "x", "annotations": [CITED], "thought_signature": "s", "reasoning": "hm"}
    message = good(whole(reply(wire))).message
    found, notices = sent(messages=[message])
    assert found["messages"] == [{"role": "assistant", "content": "x"}]
    assert {(notice.kind, notice.field) for notice in notices} == {
        ("unsupported", "messages[0].annotations"),
        ("unsupported", "messages[0].parts[0]"),
        ("unsupported", "messages[0].extra.thought_signature"),
    }


def test_that_a_tool_failed_is_for_the_result_itself_to_say():
    found, notices = sent(messages=[Message("tool", ToolResult("c", "no such city", is_error=True))])
    assert found["messages"] == [{"role": "tool", "tool_call_id": "c", "content": "no such city"}]
    assert [(notice.kind, notice.field) for notice in notices] == [("unsupported", "messages[0].parts[0].is_error")]


def test_a_call_of_the_older_kind_and_its_result_go_back_as_they_came():
    function = {"name": "f", "arguments": "{}"}
    message = good(whole(reply({"content": None, "function_call": function}, "function_call"))).message
    assert message.tool_calls == (ToolCall("", "f", "{}", extra={"type": "function_call"}),)
    assert turns(message, Message("tool", ToolResult("", "4"))) == [
        {"role": "assistant", "content": None, "function_call": function},
        {"role": "function", "name": "f", "content": "4"},
    ]


def legacy(name, **more):
    return ToolCall("", name, "{}", extra={"type": "function_call", **more})


def test_each_result_of_a_call_of_the_older_kind_bears_its_own_calls_name():
    """They have no ids: the last call before a result is the one that it answers."""
    turns_ = [
        turn
        for name in "fgf"
        for turn in (Message("assistant", legacy(name)), Message("tool", ToolResult("", f"of {name}")))
    ]
    found = [(turn["name"], turn["content"]) for turn in turns(*turns_) if turn["role"] == "function"]
    assert found == [("f", "of f"), ("g", "of g"), ("f", "of f")]
    newer = [Message("assistant", ToolCall("", "h", "{}")), Message("tool", ToolResult("", "of h"))]
    assert turns(*turns_, *newer)[-1] == {"role": "tool", "tool_call_id": "", "content": "of h"}


SECONDS = {
    "two sounds": (
        [Audio(id="a"), Audio("QQ==", id="b")],
        {"audio": {"id": "a"}},
        r"parts\[1\]: the turn of role 'assistant' holds one Audio",
    ),
    "two calls of the older kind": (
        [legacy("f"), legacy("g")],
        {"function_call": {"name": "f", "arguments": "{}"}},
        r"parts\[1\]: a turn holds one call of the older kind",
    ),
    "a mark behind a sound": (
        [Audio(id="a", cache=CacheMark())],
        {"audio": {"id": "a"}},
        r"parts\[0\].cache: the wire has no place",
    ),
    "a mark behind a call of the older kind": (
        [attrs.evolve(legacy("f"), cache=CacheMark())],
        {"function_call": {"name": "f", "arguments": "{}"}},
        r"parts\[0\].cache: the wire has no place",
    ),
}


@pytest.mark.parametrize("to", [OFFICIAL, OPENROUTER])
@pytest.mark.parametrize(("parts", "left", "says"), SECONDS.values(), ids=SECONDS)
def test_what_a_turn_has_one_place_for_is_reported_the_second_time(parts, left, says, to):
    message = Message("assistant", parts)
    with pytest.raises(UnsupportedError, match=says):
        turns(message, to=to)
    found, notices = sent(to, messages=[message], unsupported="drop")
    assert found["messages"] == [{"role": "assistant", "content": None, **left}]
    assert [notice.kind for notice in notices] == ["unsupported"]


def test_what_is_said_of_sounds_and_calls_of_the_older_kind_goes_with_them():
    message = Message("assistant", [Audio(id="a", extra={"x": 1}), Audio(id="a", extra={"x": 1}), legacy("f", y=2)])
    (turn,) = turns(message)
    assert turn["audio"] == {"id": "a", "x": 1}
    assert turn["function_call"] == {"name": "f", "arguments": "{}", "y": 2}


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("tool_calls", [{"id": "c", "function": {"name": "f", "arguments": "{}"}}], "ToolCall"),
        ("refusal", "No.", "Refusal"),
        ("reasoning", "hm", "Reasoning"),
        ("reasoning_content", "hm", "Reasoning"),
    ],
)
def test_what_a_tools_turn_cannot_hold_is_reported(key, value, kind):
    turn = {"role": "tool", "tool_call_id": "c", "content": "4"}
    with pytest.raises(UnsupportedError, match=f"a tool's turn holds results of tools only, not {kind}"):
        turns({**turn, key: value})
    found, notices = sent(messages=[{**turn, key: value}], unsupported="drop")
    assert found["messages"] == [turn]
    assert [notice.kind for notice in notices] == ["unsupported"]
    assert turns({**turn, key: None}) == [turn]


def test_a_tools_turn_sends_what_is_said_of_it_and_of_its_results():
    message = Message(
        "tool",
        [ToolResult("a", "1", extra={"x": 1}), ToolResult("b", "2"), Text("?")],
        "Ann",
        extra={"y": 2},
        cache=CacheMark(),
    )
    found, notices = sent(OPENROUTER, messages=[message], unsupported="drop")
    both = {"role": "tool", "name": "Ann", "y": 2}
    assert found["messages"] == [
        {**both, "tool_call_id": "a", "content": "1", "x": 1},
        {**both, "tool_call_id": "b", "content": "2", "cache_control": MARK},
    ]
    assert [notice.field for notice in notices] == ["messages[0].parts[2]"]


def test_a_name_that_is_not_the_calls_is_reported_where_the_calls_must_stand():
    message = Message("tool", ToolResult("", "4"), "Ann")
    with pytest.raises(UnsupportedError, match=r"messages\[1\].name: the result of a call of the older kind"):
        turns(Message("assistant", legacy("f")), message)
    found, _ = sent(messages=[Message("assistant", legacy("f")), message], unsupported="drop")
    assert found["messages"][1] == {"role": "function", "name": "f", "content": "4"}

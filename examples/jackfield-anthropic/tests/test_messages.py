"""A conversation in the words of the wire: instructions first, two speakers, results of tools before what follows."""

import copy
import json

import pytest

import jackfield as jf
from jackfield.errors import BadRequestError, UnsupportedError
from jackfield.types import (
    Audio,
    CacheMark,
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

MARK = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
PNG = Image.of(b"\x89PNG", "image/png")
PNG_SOURCE = {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}
CALL = ToolCall("toolu_1", "get_weather", '{"city": "Bern"}')
USE = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Bern"}}
THOUGHT = "anthropic-claude-v1"


def text(said, **more):
    return {"type": "text", "text": said, **more}


def user(content):
    return {"role": "user", "content": content}


@pytest.mark.parametrize(
    ("messages", "system"),
    [
        ([Message("system", "Be brief.")], "Be brief."),
        ([Message("system", "Be brief."), Message("developer", "And kind.")], [text("Be brief."), text("And kind.")]),
        ([Message("system", [Text("Long.", cache=CacheMark("1h"))])], [text("Long.", **HOUR)]),
        ([Message("system", [Text("a"), Text("")], cache=CacheMark())], [text("a", **MARK)]),
    ],
)
def test_leading_instructions_stand_before_the_conversation(kit, messages, system):
    sent = kit.body([*messages, Message("user", "Hello")])
    assert (sent["system"], sent["messages"]) == (system, [user("Hello")])


def test_later_instructions_are_reported_or_stand_where_they_are(kit):
    messages = [Message("user", "a"), Message("developer", "Be brief."), Message("assistant", "b")]
    with pytest.raises(UnsupportedError, match=r"messages\[1\]\.role: .*'developer'.*beginning"):
        kit.body(messages)
    assert kit.body(messages, unsupported="drop")["messages"][1] == user("Be brief.")
    assert kit.notices(messages) == {("unsupported", "messages[1].role")}
    request, _ = kit.asked(messages, settings={"system_turns": True})
    assert json.loads(request.body)["messages"][1] == {"role": "system", "content": "Be brief."}


def test_results_of_tools_come_first_in_one_turn_of_the_user(kit):
    messages = [
        Message("user", "?"),
        Message("assistant", [Text("I look."), CALL, ToolCall("toolu_2", "now", "")]),
        Message("tool", [ToolResult("toolu_1", "5 °C")]),
        Message("tool", [ToolResult("toolu_2", [Text("12:00"), PNG], is_error=True)]),
        Message("user", "Go on."),
        Message("assistant", "Yes."),
        Message("user", [Text("First."), ToolResult("toolu_3", [])]),
    ]
    before = copy.deepcopy(messages)
    assert kit.body(messages)["messages"] == [
        user("?"),
        {
            "role": "assistant",
            "content": [text("I look."), USE, {"type": "tool_use", "id": "toolu_2", "name": "now", "input": {}}],
        },
        user(
            [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "5 °C"},
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_2",
                    "content": [text("12:00"), {"type": "image", "source": PNG_SOURCE}],
                    "is_error": True,
                },
                text("Go on."),
            ]
        ),
        {"role": "assistant", "content": "Yes."},
        user([{"type": "tool_result", "tool_use_id": "toolu_3"}, text("First.")]),
    ]
    assert messages == before


def test_turns_of_the_user_without_results_stay_apart(kit):
    turns = kit.body([Message("user", "a"), Message("user", "b"), Message("assistant", "c"), Message("assistant", "d")])
    assert [turn["content"] for turn in turns["messages"]] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Text("Hi", cache=CacheMark()), text("Hi", **MARK)),
        (PNG, {"type": "image", "source": PNG_SOURCE}),
        (
            Image("https://example.org/a.png", "auto", cache=CacheMark("5m")),
            {
                "type": "image",
                "source": {"type": "url", "url": "https://example.org/a.png"},
                "cache_control": {"type": "ephemeral", "ttl": "5m"},
            },
        ),
        (
            File.of(b"%PDF-1.7", "application/pdf", "a.pdf"),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjc="},
                "title": "a.pdf",
            },
        ),
        (
            File("JVBERi0xLjc=", "A.PDF", extra={"citations": {"enabled": True}}),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjc="},
                "title": "A.PDF",
                "citations": {"enabled": True},
            },
        ),
        (
            File.of("grün".encode(), "text/markdown", "a.md"),
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "grün"},
                "title": "a.md",
            },
        ),
        (
            File("data:text/plain,gr%C3%BCn%2C%20blau"),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "grün, blau"}},
        ),
        (
            File("https://example.org/a.pdf"),
            {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}},
        ),
        (File(id="file_1"), {"type": "document", "source": {"type": "file", "file_id": "file_1"}}),
        (File.of(b"\x89PNG", "image/png", "a.png"), {"type": "image", "source": PNG_SOURCE}),
        (Unknown({"type": "search_result", "x": [1]}), {"type": "search_result", "x": [1]}),
        (Unknown("odd"), "odd"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_parts_of_the_user(kit, part, block):
    (turn,) = kit.body([Message("user", [part, Text("?")])])["messages"]
    assert turn["content"] == [block, text("?")]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (Message("user", [Text("a"), Audio("AAA", "mp3")]), "messages[0].parts[1]"),
        (Message("user", [Text("a"), CALL]), "messages[0].parts[1]"),
        (Message("user", [Text("a"), Reasoning("hm", "sig", format=THOUGHT)]), "messages[0].parts[1]"),
        (Message("assistant", [Text("a"), PNG]), "messages[0].parts[1]"),
        (Message("assistant", [Text("a"), ToolResult("x", "y")]), "messages[0].parts[1]"),
        (Message("system", [Text("a"), PNG]), "messages[0].parts[1]"),
        (Message("user", [Text("a"), File("data:audio/wav;base64,AA==")]), "messages[0].parts[1]"),
        (Message("user", [Text("a"), File("data:application/pdf,AA")]), "messages[0].parts[1]"),
        (Message("tool", [ToolResult("x", [Text("a"), Audio("AAA", "mp3")])]), "messages[0].parts[0].parts[1]"),
        (Message("user", "a", name="Ann"), "messages[0].name"),
        (Message("user", [Image("https://example.org/a", "high")]), "messages[0].parts[0].detail"),
        (Message("user", [Text("a", extra={"x": 1})]), "messages[0].parts[0].extra.x"),
        (Message("user", [Text("a"), Text("", cache=CacheMark())]), "messages[0].parts[1].cache"),
        (Message("user", [Text("a", cache=CacheMark("9m"))]), "messages[0].parts[0].cache.ttl"),
        (Message("user", [Unknown("odd")], cache=CacheMark()), "messages[0].cache"),
        (
            Message("assistant", [Text("a"), Reasoning("hm", "sig", format=THOUGHT, cache=CacheMark())]),
            "messages[0].parts[1].cache",
        ),
    ],
)
def test_what_cannot_be_carried_is_reported_where_it_stands(kit, message, field):
    messages = [message, Message("user", "?")]
    with pytest.raises(UnsupportedError) as caught:
        kit.body(messages)
    assert caught.value.message.startswith(f"{field}: ")
    assert kit.notices(messages) == {("unsupported", field)}
    kit.body(messages, unsupported="drop")


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (ToolCall("t", "f", "[1]"), "parts[0].arguments: expected the arguments of tool 'f' as a JSON object, got"),
        (ToolCall("t", "f", '{"a"'), "parts[0].arguments: expected the arguments of tool 'f' as a JSON object"),
        (ToolCall("t", "f", "ls -l", custom=True), "parts[0].arguments: expected the arguments of tool 'f'"),
        (ToolCall("t", "f", "{}", complete=False), "parts[0]: the call of tool 'f' is incomplete"),
        (ToolCall("t", "f", '{"a": 1e999}'), "cannot be written as JSON"),
        (Image("data:image/png,AA"), "parts[0].url: expected an address or"),
        (File(), "parts[0]: expected the data of a file or its id"),
        (File("AAAA", "a.docx"), "parts[0].data: expected 'data:<media type>;base64,<data>', or a filename"),
        (File("data:text/plain;base64,####"), "parts[0].data: expected text in UTF-8, in base64"),
        (File("data:text/plain,%FF"), "parts[0].data: expected text in UTF-8"),
    ],
)
def test_what_is_wrong_is_an_error_that_names_it(kit, part, message):
    role = "assistant" if isinstance(part, ToolCall) else "user"
    with pytest.raises(BadRequestError) as caught:
        kit.body([Message(role, [part])])
    assert message in caught.value.message


def test_marks_of_turns_stand_behind_their_last_block(kit):
    raw = {"type": "search_result"}
    messages = [
        Message("user", "a", cache=CacheMark("1h")),
        Message("assistant", [Text("b"), CALL, Reasoning("hm", "sig", format=THOUGHT)], cache=CacheMark()),
        Message("tool", [ToolResult("toolu_1", "5", cache=CacheMark("1h"))], cache=CacheMark()),
        Message("user", [Unknown(raw)], cache=CacheMark()),
    ]
    first, second, third = kit.body(messages)["messages"]
    assert first["content"] == [text("a", **HOUR)]
    assert second["content"][1] == USE | MARK
    assert [block["cache_control"] for block in third["content"]] == [HOUR["cache_control"], MARK["cache_control"]]
    assert raw == {"type": "search_result"}


def test_only_signed_thoughts_of_claude_go_back(kit):
    signed = Reasoning("hm", "sig", format=THOUGHT, id="r", extra={"index": 0})
    both = Reasoning("hm", "sig", "AAAA", format=THOUGHT)
    sealed = Reasoning(encrypted="AAAA", format=THOUGHT)
    others = [
        Reasoning("hm", format=THOUGHT),
        Reasoning("hm", "sig"),
        Reasoning("hm", format="reasoning_content"),
        Reasoning(encrypted="x", format="openai-responses-v1"),
    ]
    messages = [Message("user", "?"), Message("assistant", [signed, sealed, both, *others, Text("a")])]
    assert kit.body(messages)["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "AAAA"},
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        text("a"),
    ]
    left = {("unsupported", f"messages[1].parts[{index}]") for index in range(3, 7)}
    assert kit.notices(messages, unsupported="error") == left
    assert [turn["role"] for turn in kit.body([Message("user", "?"), Message("assistant", others)])["messages"]] == [
        "user"
    ]


def test_a_conversation_that_began_elsewhere_goes_on(kit):
    call = ToolCall("call_1", "f", "", extra={"thought_signature": "x"})
    messages = [
        Message("user", "?"),
        Message("assistant", [Refusal("No."), call], extra={"reasoning_details": []}),
        Message("tool", [ToolResult("call_1", "5")]),
    ]
    assert kit.body(messages)["messages"][1]["content"] == [
        text("No."),
        {"type": "tool_use", "id": "call_1", "name": "f", "input": {}},
    ]
    assert kit.notices(messages, unsupported="error") == {
        ("rewritten", "messages[1].parts[0]"),
        ("unsupported", "messages[1].parts[1].extra.thought_signature"),
        ("unsupported", "messages[1].extra.reasoning_details"),
    }


def test_an_empty_turn_of_the_user_is_sent_as_it_is(kit):
    assert kit.body([Message("user", "")])["messages"] == [user("")]
    assert kit.body([])["messages"] == []
    assert jf.Message("user", "").parts == (Text(""),)

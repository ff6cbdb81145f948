"""A conversation goes into JSON and comes back, equal."""

import json

import pytest
from hypothesis import given, strategies as st

import jackfield as jf
from jackfield.errors import BadRequestError
from jackfield.types import CacheMark, Citation, Refusal, Unknown

texts = st.text(max_size=8)
maybe = st.none() | texts
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
common = {
    "cache": st.none() | st.builds(CacheMark, st.sampled_from([None, "5m", "1h"])),
    "extra": st.none() | st.dictionaries(texts, json_like, max_size=2),
}
simple = (
    st.builds(jf.Text, texts, **common)
    | st.builds(jf.Image, texts, maybe, **common)
    | st.builds(jf.Audio, maybe, maybe, maybe, maybe, st.none() | st.floats(0, 1e9), **common)
    | st.builds(jf.File, maybe, maybe, maybe, **common)
    | st.builds(jf.Reasoning, texts, maybe, maybe, st.booleans(), maybe, maybe, **common)
    | st.builds(Refusal, texts, **common)
    | st.builds(jf.ToolCall, texts, texts, texts, st.booleans(), st.booleans(), **common)
    | st.builds(Unknown, json_like)
)
parts = simple | st.builds(jf.ToolResult, texts, st.lists(simple, max_size=2), st.booleans(), **common)
remarks = st.builds(Citation, texts, maybe, maybe, st.none() | st.integers()) | st.builds(Unknown, json_like)
messages = st.builds(
    jf.Message,
    st.sampled_from(["system", "developer", "user", "assistant", "tool"]),
    st.lists(parts, max_size=3),
    maybe,
    annotations=st.lists(remarks, max_size=2).map(tuple),
    **common,
)


@given(st.lists(messages, max_size=3))
def test_nothing_of_a_conversation_is_lost(conversation):
    saved = json.loads(json.dumps(jf.dump_messages(conversation)))
    assert jf.load_messages(saved) == tuple(conversation)


def test_what_was_saved_is_plain_to_read():
    conversation = [
        jf.Message("user", "What is 2 and 2?"),
        jf.Message("assistant", [jf.Reasoning("hm", signature="s"), jf.ToolCall("c1", "add", "{}")]),
        jf.Message("tool", jf.ToolResult("c1", "4")),
    ]
    assert jf.dump_messages(conversation) == [
        {"role": "user", "parts": [{"type": "text", "text": "What is 2 and 2?"}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "text": "hm", "signature": "s"},
                {"type": "tool_call", "id": "c1", "name": "add", "arguments": "{}"},
            ],
        },
        {"role": "tool", "parts": [{"type": "tool_result", "call_id": "c1", "parts": [{"type": "text", "text": "4"}]}]},
    ]


WRONG = {
    "text": ("abc", "messages[0]"),
    "an object": ({"role": "user"}, "messages[0]"),
    "a message without parts": ([{"role": "user"}], "messages[0].parts"),
    "an unknown role": ([{"role": "bot", "parts": []}], "messages[0].role"),
    "an unknown part": ([{"role": "user", "parts": [{"type": "smell", "text": "x"}]}], "messages[0].parts[0]"),
    "a part without type": ([{"role": "user", "parts": [{"text": "x"}]}], "messages[0].parts[0]"),
    "a number as text": ([{"role": "user", "parts": [{"type": "text", "text": 5}]}], "messages[0].parts[0].text"),
    "a key too many": ([{"role": "user", "parts": [], "mood": "good"}], "messages[0]"),
    "nothing": (None, "messages"),
}


@pytest.mark.parametrize(("data", "place"), WRONG.values(), ids=WRONG)
def test_what_is_no_saved_conversation_is_told_with_its_place(data, place):
    with pytest.raises(BadRequestError, match="these are no saved messages") as caught:
        jf.load_messages(data)
    assert place in caught.value.message


@given(json_like)
def test_anything_else_is_a_bad_request(data):
    try:
        jf.load_messages(data)
    except BadRequestError:
        pass
    else:
        assert data in ([], {}, "")

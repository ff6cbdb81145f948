"""Reasoning: in every form that a reply has it in, told apart, given once, and sent back as it came."""

import json

import pytest
from hypothesis import given, strategies as st
from openai_chats import LOCAL, OFFICIAL, OPENROUTER, Wire, chunk, good, reply, sent, streamed, whole

from jackfield.errors import BadRequestError, UnsupportedError
from jackfield.types import CacheMark, Message, Reasoning, ReasoningDelta, Text
from jackfield_wire_openai.profiles import Profile

MISTRAL = Wire("api.mistral.ai")
DATABRICKS = Wire("workspace.azuredatabricks.net")
CLAUDE = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
GPT = {"format": "openai-responses-v1"}
GEMINI = {"format": "google-gemini-v1", "index": 0}
A = {"type": "text", "text": "a"}


def thoughts(outcome):
    return [part for part in good(outcome).message.parts if isinstance(part, Reasoning)]


def both(message, *deltas):
    """The thoughts of a reply, and of the stream that says the same: of these deltas, or of one."""
    unary = thoughts(whole(reply(message)))
    assert thoughts(streamed(*map(chunk, deltas or [message]), chunk(finish="stop"))) == unary
    return unary


def back(message, to):
    """What of a reply's message goes back to a host."""
    wire, _ = sent(to, messages=[good(whole(reply(message))).message])
    return wire["messages"][0]


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_plain_thoughts_go_back_under_their_name(name):
    message = {"role": "assistant", "content": "a", name: "hm. "}
    assert both(message, {name: "h"}, {name: "m. "}, {"content": "a"}) == [Reasoning("hm. ", format=name)]
    assert back(message, OPENROUTER) == message
    assert back(message, LOCAL) == message


def test_thoughts_that_are_interrupted_stay_one_where_the_wire_does_not_part_them():
    outcome = streamed(chunk({"reasoning": "a"}), chunk({"content": "b"}), chunk({"reasoning": "c"}, "stop"))
    kinds = [type(event).__name__ for event in outcome.events]
    assert kinds == ["Start", "ReasoningDelta", "TextDelta", "ReasoningDelta", "Finished"]
    assert good(outcome).message.parts == (Reasoning("ac", format="reasoning"), Text("b"))


DETAILS = {
    "signed": [{**CLAUDE, "text": "hm", "signature": "s"}],
    "encrypted, bound to a call": [{"type": "reasoning.encrypted", "data": "x", "id": "tool_1", **GEMINI}],
    "several": [
        {"type": "reasoning.encrypted", "data": "x", "id": "rs_1", "index": 0, **GPT},
        {"type": "reasoning.summary", "summary": "**One**", "index": 1, **GPT},
        {"type": "reasoning.encrypted", "data": "y", "id": "rs_2", "index": 2, **GPT},
        {"type": "reasoning.summary", "summary": "**Two**", "index": 3, **GPT},
    ],
    "one index for two": [
        {"type": "reasoning.summary", "summary": "s", "index": 0, **GPT},
        {"type": "reasoning.encrypted", "data": "x", "id": "rs_1", "index": 0, **GPT},
    ],
    "thought, then signed": [
        {"type": "reasoning.text", "text": "hm", **GEMINI},
        {"type": "reasoning.encrypted", "data": "x", **GEMINI},
    ],
    "nothing but a text": [{"type": "reasoning.text", "text": "hm"}],
    "of a kind to come": [{"type": "reasoning.dream", "text": "hm", "depth": [1, 2], "index": 5}],
    "text and data": [{"type": "reasoning.encrypted", "text": "hm", "data": "x"}],
    "a form that is a word of ours": [{"type": "reasoning.text", "text": "hm", "format": "thinking"}],
}


@pytest.mark.parametrize("details", DETAILS.values(), ids=DETAILS)
def test_details_go_back_in_order_with_all_that_they_held(details):
    message = {"role": "assistant", "content": "a", "reasoning_details": details}
    found = both(message, *({"reasoning_details": [one]} for one in details), {"content": "a"})
    assert len(found) == len(details)
    assert back(message, OPENROUTER) == message


def test_the_pieces_of_details_become_whole_ones():
    pieces = [
        {**CLAUDE, "text": "h", "signature": ""},
        {**CLAUDE, "text": "m"},
        {**CLAUDE, "text": "", "signature": ""},
        {**CLAUDE, "signature": "s"},
    ]
    stream = streamed(*(chunk({"reasoning_details": [one]}) for one in pieces), chunk({"content": "a"}, "stop"))
    expected = Reasoning("hm", "s", format="anthropic-claude-v1", extra={"index": 0})
    assert thoughts(stream) == [expected] == both({"reasoning_details": [{**CLAUDE, "text": "hm", "signature": "s"}]})


def test_details_with_ids_of_their_own_are_told_apart():
    pieces = [{"type": "reasoning.summary", "summary": name, "id": name, "index": 0} for name in ("a", "b", "b")]
    found = thoughts(streamed(*(chunk({"reasoning_details": [one]}) for one in pieces), chunk(finish="stop")))
    assert [(one.id, one.text) for one in found] == [("a", "a"), ("b", "bb")]


def test_encrypted_thoughts_that_come_twice_are_kept_once():
    piece = {"type": "reasoning.encrypted", "data": "x", "id": "rs_1", "index": 0, **GPT}
    found = thoughts(streamed(*[chunk({"reasoning_details": [piece]})] * 2, chunk(finish="stop")))
    assert [(one.id, one.encrypted) for one in found] == [("rs_1", "x")]


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_what_is_said_twice_is_given_once(name):
    said = {name: "hm", "reasoning_details": [{**CLAUDE, "text": "hm", "signature": "s"}]}
    assert [one.text for one in both({"content": "a", **said}, said, {"content": "a"})] == ["hm"]
    hidden = {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.encrypted", "data": "x", **GPT}]}
    assert [(one.text, one.encrypted) for one in both(hidden)] == [("hm", None), ("", "x")]


def test_both_plain_names_say_the_same():
    assert both({"reasoning": "hm", "reasoning_content": "hm"}) == [Reasoning("hm", format="reasoning_content")]


def test_thoughts_among_the_content():
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "closed": True}
    message = {"role": "assistant", "content": [thought, A]}
    pieces = [{"type": "thinking", "thinking": [{"type": "text", "text": text}]} for text in "hm"]
    last = {"type": "thinking", "thinking": [], "closed": True}
    stream = streamed(*(chunk({"content": [one]}) for one in pieces), chunk({"content": "a"}, "stop"))
    assert thoughts(stream) == [Reasoning("hm", format="thinking")]
    assert both(message) == [Reasoning("hm", format="thinking", extra={"closed": True})]
    assert back(message, MISTRAL) == message
    assert good(streamed(chunk({"content": [last]}), chunk({"content": "a"}, "stop"))).text == "a"


@pytest.mark.parametrize(("closed", "count"), [({"closed": True}, 2), ({}, 1)])
def test_a_thought_that_is_closed_is_over(closed, count):
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": text}], **closed} for text in "hm"]
    assert len(both({"content": [*parts, A]}, *({"content": [part]} for part in parts), {"content": "a"})) == count
    split = [parts[0], A, parts[1]]
    assert len(both({"content": split}, *({"content": [part]} for part in split))) == 2


def test_summaries_among_the_content():
    inner = {"type": "summary_text", "text": "hm", "signature": "s"}
    message = {"role": "assistant", "content": [{"type": "reasoning", "summary": [inner]}, A]}
    assert both(message) == [Reasoning("hm", "s", format="summary")]
    assert back(message, DATABRICKS) == message


def test_a_thought_among_the_content_keeps_its_signature():
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}], "signature": "s"}
    message = {"role": "assistant", "content": [thought, A]}
    assert both(message) == [Reasoning("hm", "s", format="thinking")]
    assert back(message, MISTRAL) == message


@pytest.mark.parametrize("between", ["a", [A]])
def test_text_between_two_thoughts_tells_them_apart(between):
    first, second = ([{"type": "thinking", "thinking": [{"type": "text", "text": text}]}] for text in ("h", "m"))
    stream = streamed(chunk({"content": first}), chunk({"content": between}), chunk({"content": second}, "stop"))
    assert thoughts(stream) == [Reasoning("h", format="thinking"), Reasoning("m", format="thinking")]


@pytest.mark.parametrize("part", [{"type": "thinking", "thinking": "hm"}, {"type": "reasoning", "summary": "hm"}])
def test_a_thought_that_is_a_bare_text(part):
    assert [one.text for one in both({"content": [part, A]})] == ["hm"]


ANY = [
    {"reasoning": "hm"},
    {"reasoning_content": "hm"},
    {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, A]},
    *({"reasoning_details": details} for details in DETAILS.values()),
]


@pytest.mark.parametrize("said", ANY)
def test_openai_has_no_place_for_thoughts_and_the_conversation_works_without(said):
    message = good(whole(reply({"role": "assistant", "content": "a", **said}))).message
    wire, notices = sent(OFFICIAL, messages=[message])
    assert wire["messages"] == [{"role": "assistant", "content": "a"}]
    count = sum(isinstance(part, Reasoning) for part in message.parts)
    assert [(notice.kind, notice.message) for notice in notices] == [
        ("unsupported", "the host has no place for reasoning of this form")
    ] * count


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (OPENROUTER, {"content": "a", "reasoning": "hm"}),
        (LOCAL, {"content": "a", "reasoning_content": "hm"}),
        (MISTRAL, {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, A]}),
        (OFFICIAL, {"content": "a"}),
        (Wire("127.0.0.1", Profile(thoughts=(), plain_thought="")), {"content": "a"}),
    ],
)
def test_a_thought_that_does_not_say_where_it_comes_from(to, expected):
    wire, _ = sent(to, messages=[Message("assistant", [Reasoning("hm"), Text("a")])])
    assert wire["messages"] == [{"role": "assistant", **expected}]


def test_a_thought_that_nobody_signed_is_not_sent_back_where_it_must_be_signed():
    half = [{**CLAUDE, "text": "hm"}, {**CLAUDE, "index": 1, "text": "so", "signature": "s"}]
    message = good(whole(reply({"content": "a", "reasoning_details": half}))).message
    wire, notices = sent(OPENROUTER, messages=[message])
    assert wire["messages"][0]["reasoning_details"] == half[1:]
    assert [notice.field for notice in notices] == ["messages[0].parts[0]"]


@pytest.mark.parametrize("details", [5, "x", {}, [], [5, None], [{}], [{"index": {}}], [{**CLAUDE, "text": ""}]])
def test_details_of_any_shape_do_no_harm(details):
    for outcome in (
        whole(reply({"content": "a", "reasoning_details": details})),
        streamed(chunk({"content": "a", "reasoning_details": details}, "stop")),
    ):
        assert good(outcome).text == "a"
        assert not thoughts(outcome)


STRANGE = [
    {"type": 5, "text": ["x"], "index": "0"},
    {"type": "reasoning.tool", "tool": {"name": "search"}, "index": 0},
    {"type": "reasoning.nothing"},
    {"type": "reasoning.text", "text": None, "depth": [1]},
    {"type": "reasoning.text", "text": {"a": 1}, "index": 0},
    {"type": "reasoning.summary", "summary": "s", "text": "t"},
    {"type": "reasoning.text", "text": "t", "summary": ""},
    {"text": "t"},
    {"data": "x"},
    {"text": "t", "index": 0},
    {"tool": "search"},
]


@pytest.mark.parametrize("detail", STRANGE)
def test_details_of_a_form_that_nobody_knows_go_back_as_they_came(detail):
    details = [detail, {**detail, "index": 7}]
    message = {"role": "assistant", "content": "a", "reasoning_details": details}
    assert len(both(message)) == 2
    both(message, *({"reasoning_details": [one]} for one in details), {"content": "a"})
    expected = [{name: value for name, value in one.items() if value not in (None, "")} for one in details]
    assert back(message, OPENROUTER)["reasoning_details"] == expected
    assert "reasoning_details" not in back(message, OFFICIAL)


REFERENCE = {"type": "reference", "reference_ids": [1]}
T = {"type": "text", "text": "hm"}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([{"type": "thinking", "thinking": [T, REFERENCE, T]}], [[T | {"text": "hmhm"}], [REFERENCE]]),
        ([{"type": "thinking", "thinking": [REFERENCE, None, 5]}], [[REFERENCE], [5]]),
        ([{"type": "thinking", "thinking": [T | {"x": 1}]}], [[T | {"x": 1}]]),
        ([{"type": "thinking", "thinking": [T]}, {"type": "thinking", "thinking": [REFERENCE]}], [[T], [REFERENCE]]),
    ],
)
def test_pieces_of_a_thought_that_have_no_word_of_ours_go_back_as_thoughts_of_their_own(parts, expected):
    message = {"role": "assistant", "content": [*parts, A]}
    both(message, *({"content": [part]} for part in parts), {"content": "a"})
    assert back(message, MISTRAL)["content"] == [*({"type": "thinking", "thinking": one} for one in expected), A]
    assert back(message, OFFICIAL)["content"] == "a"


def test_summaries_with_signatures_of_their_own_stay_apart():
    inner = [{"type": "summary_text", "text": text, "signature": text} for text in "xy"]
    message = {"role": "assistant", "content": [{"type": "reasoning", "summary": inner}, A]}
    assert back(message, DATABRICKS)["content"] == [*({"type": "reasoning", "summary": [one]} for one in inner), A]


def test_the_end_of_a_thought_may_come_alone():
    pieces = [{"type": "thinking", "thinking": [T]}, {"type": "thinking", "thinking": [], "closed": True}]
    stream = streamed(*(chunk({"content": [one]}) for one in [*pieces, *pieces, A]), chunk(finish="stop"))
    assert thoughts(stream) == [Reasoning("hm", format="thinking", extra={"closed": True})] * 2


def test_what_a_thought_says_beside_its_text_and_extra_contradict_each_other_never():
    thought = Reasoning("hm", format="thinking", extra={"thinking": [REFERENCE]})
    found, _ = sent(MISTRAL, messages=[Message("assistant", [thought, Text("a")])])
    assert found["messages"][0]["content"] == [{"type": "thinking", "thinking": [T, REFERENCE]}, A]
    signed = Reasoning("", "s", format="summary", extra={"summary": [REFERENCE]})
    sent(DATABRICKS, messages=[Message("assistant", [signed])])
    assert REFERENCE == {"type": "reference", "reference_ids": [1]}
    with pytest.raises(BadRequestError, match="thinking: this is set already"):
        sent(MISTRAL, messages=[Message("assistant", Reasoning("hm", format="thinking", extra={"thinking": 5}))])


FULL = {"signature": "s", "encrypted": "e", "summary": True, "id": "i", "extra": {"x": 1}}


@pytest.mark.parametrize(
    ("to", "form", "carried"),
    [
        (LOCAL, "reasoning", ()),
        (OPENROUTER, "reasoning_content", ()),
        (MISTRAL, "thinking", ("signature", "extra")),
        (DATABRICKS, "summary", ("signature", "summary", "extra")),
        (OPENROUTER, "some-form-v1", FULL),
    ],
)
def test_what_a_form_of_thoughts_cannot_hold_is_noted(to, form, carried):
    for name, value in FULL.items():
        message = Message("assistant", [Reasoning("hm", format=form, **{name: value}), Text("a")])
        found, notices = sent(to, messages=[message])
        bare, _ = sent(to, messages=[Message("assistant", [Reasoning("hm", format=form), Text("a")])])
        assert [(notice.kind, notice.field) for notice in notices] == (
            [] if name in carried else [("unsupported", f"messages[0].parts[0].{name}")]
        )
        assert (found == bare) is (name not in carried or (form, name) == ("summary", "summary")), name


@pytest.mark.parametrize("form", ["reasoning", "some-form-v1", None])
@pytest.mark.parametrize("to", [OPENROUTER, OFFICIAL])
def test_a_mark_behind_a_thought_is_reported_where_it_has_no_place(to, form):
    messages = [Message("assistant", [Reasoning("hm", format=form, cache=CacheMark()), Text("a")])]
    with pytest.raises(UnsupportedError, match=r"messages\[0\].parts\[0\].cache: the wire has no place"):
        sent(to, messages=messages)
    notices = sent(to, messages=messages, unsupported="drop")[1]
    assert "messages[0].parts[0].cache" in [notice.field for notice in notices]


def test_a_mark_behind_a_thought_among_the_content_is_sent():
    thought = Reasoning("hm", format="thinking", cache=CacheMark())
    marking = Wire("127.0.0.1", Profile(thoughts=("thinking",)))
    found, _ = sent(marking, messages=[Message("assistant", [thought, Text("a")])])
    assert found["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}


def test_details_whose_index_is_no_number():
    piece = {"type": "reasoning.text", "text": "h", "index": {"a": []}}
    assert [one.text for one in thoughts(streamed(*[chunk({"reasoning_details": [piece]}, "stop")]))] == ["h"]


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)


@given(st.lists(st.tuples(st.sampled_from(["text", "summary", "data"]), texts, st.integers(1, 4)), max_size=5))
def test_details_whole_and_in_pieces_come_to_the_same(blocks):
    details = []
    deltas = []
    for index, (name, text, size) in enumerate(blocks):
        kind = {"data": "encrypted"}.get(name, name)
        base = {"type": f"reasoning.{kind}", "index": index, "format": "unknown"}
        details.append({**base, name: text})
        size = len(text) if name == "data" else size  # noqa: PLW2901
        deltas += [{"reasoning_details": [{**base, name: text[i : i + size]}]} for i in range(0, len(text), size)]
    message = {"role": "assistant", "content": "a", "reasoning_details": details}
    both(message, *deltas, {"content": "a"})
    assert back(message, OPENROUTER).get("reasoning_details", []) == json.loads(json.dumps(details))


def test_the_events_of_thoughts_say_which_they_are_of():
    outcome = streamed(
        chunk({"reasoning": "a", "reasoning_details": [{**CLAUDE, "text": "a"}]}),
        chunk({"reasoning_details": [{**CLAUDE, "index": 1, "text": "b", "signature": "s"}]}),
        chunk({"content": "c"}, "stop"),
    )
    form = "anthropic-claude-v1"
    assert outcome.events[1:3] == [
        ReasoningDelta("a", block=0, format=form, extra={"index": 0}),
        ReasoningDelta("b", block=1, signature="s", format=form, extra={"index": 1}),
    ]

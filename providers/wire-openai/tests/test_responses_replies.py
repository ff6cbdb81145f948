"""Responses that are odd in every way that was seen or can be thought of, whole and streamed."""

import pytest
from openai_responses import calling, completed, ended, good, streamed, whole
from responses_told import CALL, CITED, SEARCH, begun, event, message, spoken, text_of, whole as response

from jackfield.errors import MalformedReplyError
from jackfield.types import (
    Annotated,
    Audio,
    Citation,
    Finish,
    Image,
    LogprobsDelta,
    Reasoning,
    Text,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Unknown,
    Unrecognized,
)

HELLO = message("msg_1", spoken("Hi, you"))


# --- what is said once, twice, or in another place


@pytest.mark.parametrize(
    "events",
    [
        text_of("msg_1", "Hi,", " you"),
        [one for one in text_of("msg_1", "Hi, you") if "delta" not in one],
        text_of("msg_1", "Hi,")[:3],
        [],
        [event("output_item.done", 0, item=HELLO)],
        [event("output_text.delta", 0, item_id="msg_1", content_index=0, delta="")],
        [event("output_text.done", 0, item_id="msg_1", content_index=0, text="Hi, you")],
        [event("content_part.done", 0, item_id="msg_1", content_index=0, part=spoken("Hi, you"))],
        [event("output_text.delta", delta="Hi,"), event("output_text.delta", delta=" you")],
        [event("output_text.delta", 0, item_id="another name", content_index=1, delta="Hi,")],
    ],
    ids=["whole", "no delta", "no done", "at last", "item", "empty", "text", "part", "nameless", "other places"],
)
def test_text_is_given_once_wherever_it_is_told(events):
    outcome = streamed(*begun(), *events, completed(HELLO))
    reply = good(outcome)
    assert reply.message.parts == (Text("Hi, you"),)
    assert reply.finish == Finish("stop", "completed")
    assert all(one.text for one in outcome.events if isinstance(one, TextDelta))
    assert reply.message.extra["message_items"][0]["id"] == "msg_1"


def test_a_reply_that_keeps_nothing_does_not_tell_its_items_again():
    reply = ended(*text_of("msg_1", "Hi, you"), event("output_item.added", 1, item=SEARCH))
    assert reply.message.parts == (Text("Hi, you"), Unknown(SEARCH))


@pytest.mark.parametrize("known", [True, False])
def test_items_that_bear_another_name_each_time(known):
    events = [one if "item_id" not in one else one | {"item_id": f"x{number}"}
              for number, one in enumerate(text_of("msg_1", "Hi,", " you"))]  # fmt: skip
    assert ended(*events, items=[message("y", spoken("Hi, you"))] if known else []).text == "Hi, you"


def test_items_without_a_place_are_told_apart_by_their_names():
    first, second = text_of("msg_1", "a", "b"), text_of("msg_2", "c", "d")
    mixed = [one for pair in zip(first, second, strict=True) for one in pair]
    for one in mixed:
        del one["output_index"]
    reply = ended(*mixed, items=[message("msg_1", spoken("ab")), message("msg_2", spoken("cd"))])
    assert reply.message.parts == (Text("ab"), Text("cd"))


def test_several_texts_of_a_message():
    place = {"item_id": "msg_1"}
    both = message("msg_1", spoken("a"), spoken("b"))
    events = [
        event("output_text.delta", 0, **place, content_index=0, delta="a"),
        event("output_text.delta", 0, **place, content_index=1, delta="b"),
    ]
    assert ended(*events, items=[both]).message.parts == (Text("a"), Text("b"))
    assert good(whole(response(both))).message.parts == (Text("a"), Text("b"))


@pytest.mark.parametrize("later", ["annotation", "part", "item"])
def test_remarks_are_given_once(later):
    events = text_of("msg_1", "Hi, you", annotations=[CITED, CITED])
    kept = {"annotation": 9, "part": 3, "item": 3}[later]
    del events[kept + (later == "item") : -1]
    outcome = streamed(*begun(), *events, completed(message("msg_1", spoken("Hi, you", CITED, CITED))))
    assert good(outcome).annotations == (Citation("https://a.example/", "A", None, 0, 3),) * 2
    assert sum(isinstance(one, Annotated) for one in outcome.events) == 2


def test_log_probabilities_come_with_the_text_or_behind_it():
    token = {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": [{"token": "Ho", "logprob": -1}]}
    read = TokenLogprob("Hi", -0.5, b"Hi", (TokenLogprob("Ho", -1),))
    part = {**spoken("Hi"), "logprobs": [token]}
    place = {"item_id": "msg_1", "content_index": 0}
    for events in (
        [event("output_text.delta", 0, **place, delta="Hi", logprobs=[token])],
        [event("output_text.delta", 0, **place, delta="Hi", logprobs=[]),
         event("output_text.done", 0, **place, text="Hi", logprobs=[token])],
        [],
    ):  # fmt: skip
        outcome = streamed(*begun(), *events, completed(message("msg_1", part)))
        assert good(outcome).logprobs.content == (read,)
        assert sum(isinstance(one, LogprobsDelta) for one in outcome.events) == 1


# --- calls


@pytest.mark.parametrize(
    "events",
    [
        calling('{"city":', '"Bath"}'),
        calling('{"city":', done=CALL["arguments"]),
        calling(done=CALL["arguments"]),
        calling("", done=""),
        calling('{"city": "Bath"}  '),
        calling(name="", call_id=None),
        [],
    ],
    ids=["pieces", "part", "no delta", "empty", "other spaces", "nameless at first", "at last"],
)
def test_a_call_is_given_once(events):
    outcome = streamed(*begun(), *events, completed(CALL))
    (call,) = good(outcome).tool_calls
    assert (call.id, call.name, call.parsed, call.complete) == ("call_1", "weather", {"city": "Bath"}, True)
    assert call.extra == {"item": {"id": "fc_1", "status": "completed"}}
    deltas = [one for one in outcome.events if isinstance(one, ToolCallDelta)]
    assert [one.name for one in deltas if one.name] == ["weather"]
    assert [one.id for one in deltas if one.id] == ["call_1"]
    assert outcome.response.finish == Finish("tool_calls", "completed")


@pytest.mark.parametrize("arguments", [None, "", {"city": "Bath"}])
def test_arguments_that_are_none_or_were_read_already(arguments):
    item = {**CALL, "arguments": arguments}
    for outcome in (whole(response(item)), streamed(*begun(), completed(item))):
        (call,) = good(outcome).tool_calls
        assert call.arguments == ('{"city":"Bath"}' if arguments else "")


def test_pieces_that_came_to_something_else_are_no_call():
    outcome = streamed(*begun(), *calling('{"city":"Ba'), event("function_call_arguments.delta", 0, delta='rcelona"}'),
                       completed(CALL))  # fmt: skip
    assert isinstance(outcome.error, MalformedReplyError)
    assert not any(call.complete for call in outcome.response.tool_calls)


def test_a_call_without_a_name_is_no_call():
    for outcome in (whole(response({**CALL, "name": None})), streamed(*begun(), completed({**CALL, "name": ""}))):
        assert isinstance(outcome.error, MalformedReplyError)
        assert "call 0 has no name" in outcome.error.message


def test_a_custom_call():
    item = {"type": "custom_tool_call", "id": "ct_1", "call_id": "call_1", "name": "grep", "input": "a\nb"}
    place = {"item_id": "ct_1"}
    events = [
        event("output_item.added", 0, item={**item, "input": ""}),
        event("custom_tool_call_input.delta", 0, **place, delta="a\n"),
        event("custom_tool_call_input.done", 0, **place, input="a\nb"),
        event("output_item.done", 0, item=item),
    ]
    expected = ToolCall("call_1", "grep", "a\nb", custom=True, extra={"item": {"id": "ct_1"}})
    assert good(whole(response(item))).tool_calls == (expected,)
    assert ended(*events, items=[item]).tool_calls == (expected,)


def test_calls_side_by_side():
    second = {**CALL, "id": "fc_2", "call_id": "call_2", "name": "time"}
    events = [
        *calling(),
        event("output_item.added", 1, item={**second, "arguments": ""}),
        event("function_call_arguments.delta", 1, item_id="fc_2", delta='{"a"'),
        event("function_call_arguments.delta", 0, item_id="fc_1", delta='{"b"'),
        event("function_call_arguments.delta", 1, item_id="fc_2", delta=":1}"),
        event("function_call_arguments.delta", 0, item_id="fc_1", delta=":2}"),
    ]
    reply = ended(*events, items=[{**CALL, "arguments": '{"b":2}'}, {**second, "arguments": '{"a":1}'}])
    assert [(call.id, call.arguments) for call in reply.tool_calls] == [("call_1", '{"b":2}'), ("call_2", '{"a":1}')]


# --- thoughts, sound, and what has no word of ours


def test_the_encryption_of_a_thought_is_that_of_the_whole_item():
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "early"}
    done = {**item, "encrypted_content": "late"}
    events = [event("output_item.added", 0, item=item), event("output_item.done", 0, item=done)]
    reply = ended(*events, items=[{**item, "encrypted_content": "later"}])
    expected = Reasoning("", None, "late", id="rs_1", format="responses", extra={"item": {}})
    assert reply.message.parts == (expected,)
    assert good(whole(response(done))).message.parts == (expected,)


def test_thoughts_in_full_and_summed_up():
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "a"}],
        "content": [{"type": "reasoning_text", "text": "bc"}, {"type": "other", "text": "d"}],
        "status": "completed",
    }
    place = {"item_id": "rs_1"}
    events = [
        event("output_item.added", 0, item={**item, "summary": [], "content": []}),
        event("reasoning_summary_text.delta", 0, **place, summary_index=0, delta="a"),
        event("reasoning_text.delta", 0, **place, content_index=0, delta="b"),
        event("reasoning_text.delta", 0, **place, content_index=0, delta="c"),
        event("reasoning_text.done", 0, **place, content_index=0, text="bc"),
    ]
    expected = (
        Reasoning("a", summary=True, id="rs_1", format="responses", extra={"item": {"status": "completed"}}),
        Reasoning("bc", id="rs_1", format="responses"),
        Reasoning("d", id="rs_1", format="responses", extra={"part": {"type": "other"}}),
    )
    assert good(whole(response(item))).message.parts == expected
    assert ended(*events, items=[item]).message.parts == expected


def test_sound_and_what_it_says():
    events = [event("audio.delta", delta="QUE="), event("audio.transcript.delta", delta="Hi"), event("audio.done")]
    assert ended(*events).message.parts == (Audio("QUE=", transcript="Hi"),)


def test_what_has_no_word_of_ours_is_a_part_as_it_came():
    picture = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "QQ=="}
    sketch = message("msg_1", {"type": "sketch", "lines": []}, spoken(""), spoken("a"))
    events = [
        event("image_generation_call.in_progress", 0, item_id="ig_1"),
        event("image_generation_call.partial_image", 0, item_id="ig_1", partial_image_b64="QQ=="),
        event("dream.delta", 0, delta="zzz"),
        event("output_item.done", 0, item=picture),
    ]
    expected = (Unknown(picture), Unknown({"type": "sketch", "lines": []}), Text(""), Text("a"))
    assert good(whole(response(picture, sketch))).message.parts == expected
    outcome = streamed(*begun(), *events, completed(picture, sketch))
    assert good(outcome).message.parts == expected
    assert [one.raw["type"] for one in outcome.events if isinstance(one, Unrecognized)] == [
        "response.in_progress",
        *(one["type"] for one in events[:3]),
    ]
    assert not any(isinstance(part, Image) for part in expected)


def test_a_character_that_was_cut_in_two_is_made_whole():
    half, rest = "\ud83d", "\ude00"
    place = {"item_id": "msg_1", "content_index": 0}
    events = [
        event("output_text.delta", 0, **place, delta=f"a{half}"),
        event("output_text.delta", 0, **place, delta=rest),
    ]
    assert ended(*events, items=[message("msg_1", spoken("a😀"))]).text == "a😀"
    cut = calling(f'{{"a":"{half}', f'{rest}"}}', done='{"a":"😀"}')
    assert ended(*cut, items=[{**CALL, "arguments": '{"a":"😀"}'}]).tool_calls[0].arguments == '{"a":"😀"}'
    lone = [event("output_text.delta", 0, **place, delta=f"a{half}")]
    assert ended(*lone, items=[message("msg_1", spoken("a"))]).text == f"a{half}"


def test_a_thought_that_is_told_late_stands_before_the_calls_that_it_led_to():
    summary = [{"type": "summary_text", "text": "Where?"}]
    thought = {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "gAAA"}
    events = [
        event("output_item.added", 0, item={**thought, "summary": [], "encrypted_content": None}),
        event("output_item.added", 1, item={**CALL, "arguments": ""}),
        event("output_item.done", 1, item=CALL),
    ]
    late = event("output_item.done", 0, item=thought)
    expected = good(whole(response(thought, CALL))).message.parts
    for more in ([], [late]):
        found = good(streamed(*begun(), *events, *more, completed(thought, CALL)))
        assert found.message.parts == expected

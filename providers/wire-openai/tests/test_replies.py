"""Replies as events: the shapes that servers really send, and what becomes of a reply that breaks off."""

import json

import pytest
from exchanges import JSON, SSE, Outcome, chat_call, decoder, lines, single
from openai_chats import LOCAL, PROVIDER, body, chunk, good, piece, reply, streamed, whole

from jackfield.errors import JackfieldError, MalformedReplyError, ServerError, TruncatedStreamError
from jackfield.http import HttpResponse
from jackfield.types import (
    Finish,
    Finished,
    Image,
    PartAdded,
    Refusal,
    Start,
    Text,
    TextDelta,
    ToolCall,
    Unknown,
    Unrecognized,
    Usage,
    UsageReported,
)
from jackfield_wire_openai.chat_replies import ChatReader
from jackfield_wire_openai.streams import decoder as of_wire

STOP = Finished(Finish("stop", "stop"))
USAGE = {"prompt_tokens": 3, "completion_tokens": 5}


# the shape of a stream


def test_the_events_of_a_stream_in_order():
    usage = {"id": "c1", "choices": [], "usage": USAGE}
    role = chunk({"role": "assistant", "content": ""}, model="m", created=1)
    payloads = [role, chunk({"content": "Hi"}), chunk(finish="stop"), usage]
    outcome = streamed(*payloads)
    start = Start(id="c1", model="m", created=1)
    assert outcome.events == [start, TextDelta("Hi"), STOP, UsageReported(Usage(3, 5))]
    assert [event.raw for event in outcome.events] == payloads
    assert good(outcome).raw == tuple(payloads)


@pytest.mark.parametrize("choices", [[], None])
def test_chunks_without_choices_are_kept_and_do_no_harm(choices):
    debug = {"id": "c1", "choices": choices, "debug": {"x": 1}}
    outcome = streamed(
        debug, chunk({"content": "a"}), debug, chunk(finish="stop"), {"choices": choices, "usage": USAGE}
    )
    assert outcome.events == [Start(id="c1"), TextDelta("a"), Unrecognized(), STOP, UsageReported(Usage(3, 5))]
    assert outcome.events[0].raw == outcome.events[2].raw == debug


@pytest.mark.parametrize(
    "last",
    [
        [chunk(finish="stop", usage=USAGE)],
        [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE}]}],
        [chunk(usage=USAGE), chunk(finish="stop")],
        [chunk(finish="stop"), {"choices": [], "usage": USAGE}],
        [chunk(finish="stop"), chunk(finish="stop", usage=USAGE)],
        [chunk(finish="stop", usage=None), chunk(usage=USAGE)],
    ],
    ids=["beside", "in the choice", "early", "alone", "beside a second finish", "beside a choice that goes on"],
)
@pytest.mark.parametrize("done", [True, False])
def test_usage_is_found_wherever_it_is_put(last, done):
    outcome = streamed(chunk({"content": "a"}), *last, done=done)
    assert good(outcome).usage == Usage(3, 5)
    kinds = [type(event) for event in outcome.events if type(event) is not Unrecognized]
    assert kinds == [Start, TextDelta, Finished, UsageReported]


def test_what_is_said_of_a_reply_may_come_in_a_later_chunk():
    empty = {"id": "", "model": "", "created": 0, "choices": [], "prompt_filter_results": [{}]}
    later = {**chunk({"role": "", "content": None}), "model": "m", "created": 5}
    outcome = streamed(empty, later, chunk({"content": "a"}, "stop"))
    assert outcome.events[0] == Start(id="c1", model="m", created=5)
    assert [event.raw for event in outcome.events[:2]] == [empty, later]


def test_the_start_waits_for_content():
    reading = decoder(PROVIDER, chat_call(streaming=True), SSE)
    assert list(reading.feed(lines(chunk({"role": "assistant"}), chunk({"content": ""}), done=False))) == []
    assert [type(event) for event in reading.feed(lines(chunk({"content": "a"})))] == [Start, Unrecognized, TextDelta]


def test_choices_are_told_apart_by_their_index():
    pieces = [({"content": "a"}, 0), ({"content": "x"}, 1), ({"content": "b"}, 0), ({"content": "y"}, 1)]
    ends = [chunk(finish="length", index=1), chunk(finish="stop", index=0)]
    outcome = streamed(*(chunk(delta, index=index) for delta, index in pieces), *ends, {"choices": [], "usage": USAGE})
    found = [(choice.index, choice.message.text, choice.finish.unified) for choice in good(outcome).choices]
    assert found == [(0, "ab", "stop"), (1, "xy", "length")]
    half = streamed(*(chunk(delta, index=index) for delta, index in pieces), ends[0])
    assert "choice 0 has no finish reason" in str(half.error)


@pytest.mark.parametrize("numbers", [({"index": 0}, {"index": 1}), ({}, {}), ({"index": None}, {"index": None})])
def test_choices_of_a_whole_reply_may_come_without_numbers(numbers):
    texts = [{"message": {"content": text}, "finish_reason": "stop"} for text in "ab"]
    choices = [text | number for text, number in zip(texts, numbers, strict=True)]
    assert [choice.message.text for choice in good(whole({"choices": choices})).choices] == ["a", "b"]


@pytest.mark.parametrize("numbers", [(0, 0), (1, 1), (None, 0), (1, None), (0, 1, 0)])
def test_two_choices_of_one_number_are_not_made_one(numbers):
    texts = [{"message": {"content": f"{number}"}, "finish_reason": "stop", "index": number} for number in numbers]
    for outcome in (whole({"choices": texts}), streamed({"choices": texts})):
        assert isinstance(outcome.error, MalformedReplyError)
        assert "choices: two have one index" in outcome.error.message
        assert outcome.response.text == ""


def test_pieces_of_one_choice_may_come_in_one_chunk():
    pieces = [{"index": 0, "delta": {"content": text}} for text in "ab"]
    assert good(streamed({"choices": pieces}, chunk(finish="stop"))).text == "ab"


def test_choices_of_a_chunk_may_come_without_numbers():
    pieces = [{"delta": {"content": text}, "finish_reason": "stop"} for text in "ab"]
    assert [choice.message.text for choice in good(streamed({"choices": pieces})).choices] == ["a", "b"]


@pytest.mark.parametrize("newline", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_any_newline_and_a_byte_order_mark_however_the_bytes_are_cut(newline, bom):
    text = "日\u2028\u0085\v\U0001f600"
    payloads = [json.dumps(payload, ensure_ascii=False) for payload in (chunk({"content": text}), chunk(finish="stop"))]
    data = bom + lines(": OPENROUTER PROCESSING", *payloads).replace(b"\n", newline.encode()).replace(b"data: :", b":")
    one = Outcome(decoder(PROVIDER, chat_call(streaming=True), SSE), single(data))
    assert good(one).text == text
    assert one.facts() == streamed(data).facts()


def test_comments_alone_are_a_truncated_reply():
    error = streamed(b": OPENROUTER PROCESSING\n\n" * 3).error
    assert isinstance(error, TruncatedStreamError)
    assert "OPENROUTER PROCESSING" in str(error)


@pytest.mark.parametrize(
    "marker", [b"", b"data: [DONE]\n\n", b"data: [DONE] \n\n", b"data:[DONE]", b"data: [DONE]\r\n"]
)
def test_the_marker_of_the_end_may_be_absent_after_a_finish(marker):
    outcome = streamed(lines(chunk({"content": "a"}), chunk(finish="stop", usage=USAGE), done=False) + marker)
    assert good(outcome).text == "a"


def test_the_marker_stops_the_reading():
    reading = decoder(PROVIDER, chat_call(streaming=True), SSE)
    events = list(reading.feed(lines(chunk({"content": "a"}, "stop")) + lines(chunk({"content": "late"}))))
    assert reading.done
    assert events == [Start(id="c1"), TextDelta("a"), STOP]


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("reason", [None, "", 0, False])
def test_a_clean_end_without_a_finish_reason_is_a_truncation_and_no_stop(done, reason):
    outcome = streamed(chunk({"content": "a"}), chunk(finish=reason), done=done)
    assert isinstance(outcome.error, TruncatedStreamError)
    assert (outcome.response.text, outcome.response.finish) == ("a", None)


@pytest.mark.parametrize(
    ("reason", "unified"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("function_call", "tool_calls"),
     ("error", "error"), ("end_turn", "stop"), ("eos_token", "other"), ("", "other"), (None, "other")],
)  # fmt: skip
def test_the_finish_reason_is_kept_in_the_providers_word(reason, unified):
    assert good(whole(reply({"content": "a"}, reason))).finish == Finish(unified, reason)
    if reason:
        assert good(streamed(chunk({"content": "a"}, reason))).finish == Finish(unified, reason)


DOCUMENT = reply({"role": "assistant", "content": "a"}, usage=USAGE)
STREAM = lines(chunk({"content": "a"}), chunk(finish="stop"), {"choices": [], "usage": USAGE})


@pytest.mark.parametrize("headers", [JSON, SSE, {}, {"content-type": "text/plain"}])
def test_a_stream_that_is_answered_with_a_document(headers):
    outcome = whole(b"\xef\xbb\xbf \n" * (headers != {}) + json.dumps(DOCUMENT).encode(), headers, streaming=True)
    assert (good(outcome).text, outcome.response.usage) == ("a", Usage(3, 5))


def test_a_document_that_is_answered_with_a_stream():
    assert good(streamed(STREAM, streaming=False)).text == "a"


@pytest.mark.parametrize("done", [True, False])
def test_a_document_inside_an_event(done):
    outcome = streamed(DOCUMENT, done=done)
    assert (good(outcome).text, outcome.response.finish) == ("a", Finish("stop", "stop"))


@pytest.mark.parametrize("body", [b"", b"<html>504</html>", b"upstream connect error", b"\n\n"])
def test_what_is_no_stream_at_all_is_a_typed_error_that_quotes_it(body):
    error = streamed(body).error
    assert isinstance(error, TruncatedStreamError)
    assert repr(body) in str(error)
    assert isinstance(whole(body).error, MalformedReplyError)


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": None}, {"message": "no Route"}, {"detail": "gone"}])
def test_a_document_without_choices_is_an_error_that_quotes_it(body):
    error = whole(body).error
    assert isinstance(error, MalformedReplyError)
    assert error.retryable
    assert error.body == body
    assert all(said in error.message for said in body.values() if isinstance(said, str))


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_json_inside_a_stream_is_malformed(constant):
    outcome = streamed(chunk({"content": "a"}), f'{{"choices": [], "x": {constant}}}')
    assert isinstance(outcome.error, MalformedReplyError)
    assert outcome.response.text == "a"


# errors inside a reply


@pytest.mark.parametrize("finish", ["error", None])
def test_an_error_inside_a_stream_keeps_its_code_and_what_had_arrived(finish):
    error = {"code": 502, "message": "Down.", "metadata": {"provider_name": "X"}}
    outcome = streamed(chunk({"content": "a"}), chunk({"content": "b"}, finish, error=error), done=False)
    assert isinstance(outcome.error, ServerError)
    assert (outcome.error.status, outcome.error.code, outcome.error.message) == (502, "502", "Down. (X)")
    assert outcome.error.body["error"] == error
    assert (outcome.response.text, outcome.response.finish) == ("ab", None)


DOWN = {"error": {"code": 502, "message": "Down."}}


@pytest.mark.parametrize("arrived", [[], [chunk({"content": "a"})]])
@pytest.mark.parametrize(
    "last",
    [
        lines({**DOWN, "usage": USAGE}, done=False),
        lines({**chunk({"content": ""}, "error"), **DOWN, "usage": USAGE}),
        lines({**chunk(), "usage": USAGE}, DOWN),
        lines({"choices": [{"index": 0, "delta": {}, **DOWN}], "usage": USAGE}),
        lines({"choices": [{"index": 0, "delta": {}, **DOWN, "usage": USAGE}]}),
        lines({**chunk(), "usage": USAGE}, done=False) + b"event: error\ndata: Down.\n\n",
        lines({**chunk(), "usage": USAGE}, done=False) + json.dumps(DOWN).encode(),
        lines({**chunk(), "usage": USAGE}, done=False) + b"data: {\n\n",
        lines({**chunk(), "usage": USAGE}, done=False) + b'data: {"choices": 5}\n\n',
        lines({**chunk(), "usage": USAGE}, done=False) + b"data: {",
        lines({**chunk(), "usage": USAGE}, done=False),
    ],
)
def test_usage_beside_an_error_or_before_it_is_a_part_of_what_had_arrived(last, arrived):
    outcome = streamed(lines(*arrived, done=False) + last)
    assert isinstance(outcome.error, JackfieldError)
    assert (outcome.response.usage, outcome.response.text) == (Usage(3, 5), "a" * len(arrived))
    assert [type(event).__name__ for event in outcome.events].count("UsageReported") == 1
    assert not [event for event in outcome.events if isinstance(event, Finished)]


@pytest.mark.parametrize("error", [DOWN, {"choices": [{"message": {"content": "a"}, **DOWN}]}, {"choices": [5]}])
def test_usage_beside_an_error_in_a_document_is_a_part_of_what_had_arrived(error):
    outcome = whole({**error, "usage": USAGE})
    assert isinstance(outcome.error, JackfieldError)
    assert outcome.response.usage == Usage(3, 5)


def test_usage_where_the_marker_of_the_end_is_missing_is_a_part_of_what_had_arrived():
    head = HttpResponse(200, SSE)
    reader = ChatReader(head)
    reading = of_wire(head, reader, streaming=True, needs_done=True)
    outcome = Outcome(reading, [lines(chunk({"content": "a"}), {**chunk(), "usage": USAGE}, done=False)])
    assert isinstance(outcome.error, TruncatedStreamError)
    assert outcome.response.usage == Usage(3, 5)


@pytest.mark.parametrize("streaming", [True, False])
def test_an_error_inside_a_choice_keeps_what_had_arrived(streaming):
    text = {"content": "a", "tool_calls": [piece(0, "a", "f", "{}")]}
    payload = chunk(text) if streaming else reply(text, None)
    payload["choices"][0]["error"] = {"code": 502, "message": "Down."}
    outcome = streamed(payload) if streaming else whole(payload)
    assert (type(outcome.error), outcome.error.status) == (ServerError, 502)
    assert outcome.response.text == "a"
    assert not outcome.response.tool_calls[0].complete


@pytest.mark.parametrize(
    ("data", "message"),
    [('{"error": {"message": "Down."}}', "Down."), ('{"message": "Down."}', "Down."), ("Down.", "Down."), ("{", "{")],
)
def test_an_event_that_calls_itself_an_error_is_one(data, message):
    outcome = streamed(lines(chunk({"content": "a"}), done=False) + f"event: error\ndata: {data}\n\n".encode())
    assert (type(outcome.error), outcome.error.message) == (ServerError, message)


BARE = [
    b'{"error": {"code": 502, "message": "Down."}}',
    b'{\n  "error": {\n    "code": 502, "message": "Down."\n  }\n}\n',
]


@pytest.mark.parametrize("bare", BARE)
@pytest.mark.parametrize("before", [b"", b": comment\n", b"\n"])
def test_a_bare_error_behind_the_events_keeps_its_message(bare, before):
    outcome = streamed(lines(chunk({"content": "a"}), done=False) + before + bare)
    assert (type(outcome.error), outcome.error.status, outcome.error.message) == (ServerError, 502, "Down.")
    assert outcome.response.text == "a"


def test_what_else_stands_behind_the_events_is_no_error():
    for bare in (b"<html>", b'{"x": 1}', b"[1]", b"{"):
        outcome = streamed(lines(chunk({"content": "a"}, "stop"), done=False) + bare)
        assert good(outcome).text == "a"
        assert isinstance(streamed(lines(chunk({"content": "a"}), done=False) + bare).error, TruncatedStreamError)


def test_events_before_an_error_are_given_first():
    reading = decoder(PROVIDER, chat_call(streaming=True), SSE)
    seen = []
    bad = {"choices": [*chunk({"content": "b"})["choices"], {"index": 1, "delta": 5}]}
    with pytest.raises(MalformedReplyError, match="delta: expected an object, got int"):
        seen.extend(reading.feed(lines(chunk({"content": "a"}), bad)))
    assert seen == [Start(id="c1"), TextDelta("a"), TextDelta("b")]


# content

A = {"type": "text", "text": "a"}
PICTURE = {"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}, "index": 0}
IMAGE = Image("data:x", "low", extra={"index": 0})


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": "a", "reasoning": None, "reasoning_content": ""}, (Text("a"),)),
        ({"content": [A, {"type": "output_text", "text": "b"}]}, (Text("ab"),)),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, (Refusal("No."),)),
        ({"content": [A, PICTURE]}, (Text("a"), IMAGE)),
        ({"content": [A, {"type": "reference", "ids": [1]}]}, (Text("a"), Unknown({"type": "reference", "ids": [1]}))),
        ({"content": [A, None, {}, "", {"type": "text"}, {"type": "output_text", "text": None}]}, (Text("a"),)),
        ({"content": [A, "b"]}, (Text("ab"),)),
        ({"content": "a", "images": [PICTURE, 5, {"image_url": "x"}]}, (Text("a"), IMAGE)),
        ({"content": {"title": "é"}}, (Text('{"title":"é"}'),)),
    ],
)  # fmt: skip
def test_content_in_every_shape(message, parts):
    assert good(whole(reply(message))).message.parts == parts
    assert good(streamed(chunk(message), chunk(finish="stop"))).message.parts == parts


UNREADABLE = [
    5,
    [A],
    {"type": 5, "text": "b"},
    {"type": "text", "text": 5},
    {"type": "text", "text": None, "value": "b"},
    {"type": "refusal", "refusal": {"why": "No."}},
    {"type": "image_url", "image_url": 5},
    {"type": "thinking", "thinking": 5},
    {"type": "thinking", "thinking": {"text": "hm"}},
    {"type": "reasoning", "text": "hm"},
    {"text": ["b"]},
]


@pytest.mark.parametrize("part", UNREADABLE)
def test_a_part_that_cannot_be_read_is_kept_and_goes_back_as_it_came(part):
    for outcome in (
        whole(reply({"content": [A, part, A]})),
        streamed(chunk({"content": [A]}), chunk({"content": [part, A]}), chunk(finish="stop")),
    ):
        message = good(outcome).message
        assert message.parts == (Text("aa"), Unknown(part))
        assert outcome.events[2] == PartAdded(Unknown(part))
        assert body(LOCAL, messages=[message])["messages"][0]["content"] == [{"type": "text", "text": "aa"}, part]


def test_the_signature_of_a_part_of_text_is_kept():
    signed = {**A, "thought_signature": "s"}
    message = good(whole(reply({"content": [signed]}))).message
    assert message.parts == (Text("a"),)
    assert message.extra == {"thought_signature": "s"}


@pytest.mark.parametrize("content", [None, "", []])
def test_a_refusal_is_an_outcome_and_no_empty_text(content):
    for outcome in (
        whole(reply({"content": content, "refusal": "No."})),
        streamed(chunk({"refusal": "N"}), chunk({"refusal": "o.", "content": content}), chunk(finish="stop")),
    ):
        response = good(outcome)
        assert (response.text, response.refusal, len(response.message.parts)) == ("", "No.", 1)


def test_a_content_filter_is_an_outcome_and_no_empty_text():
    response = good(whole(reply({"content": None}, "content_filter")))
    assert (response.text, response.finish) == ("", Finish("content_filter", "content_filter"))


def test_a_message_beside_a_delta_does_not_repeat_its_text():
    last = {"choices": [{"index": 0, "delta": {}, "message": {"content": "ab"}, "finish_reason": "stop"}]}
    assert good(streamed(chunk({"content": "a"}), chunk({"content": "b"}), last)).text == "ab"


@pytest.mark.parametrize("empty", [None, {}, []])
@pytest.mark.parametrize(("full", "other"), [("delta", "message"), ("message", "delta")])
def test_of_a_message_and_a_delta_either_may_be_empty(full, other, empty):
    choice = {"index": 0, full: {"content": "a"}, other: empty, "finish_reason": "stop"}
    for outcome in (whole({"choices": [choice]}), streamed({"choices": [choice]})):
        assert good(outcome).text == "a"


def test_beside_a_message_nobody_looks_at_what_else_is_there():
    choice = {"index": 0, "message": {"content": "a"}, "delta": "x", "finish_reason": "stop"}
    assert good(whole({"choices": [choice]})).text == "a"
    choice = {"index": 0, "delta": {"content": "a"}, "message": "x", "finish_reason": "stop"}
    assert good(streamed({"choices": [choice]})).text == "a"


@pytest.mark.parametrize("empty", [{}, {"delta": None}, {"delta": {}}])
def test_a_message_behind_the_pieces_is_what_they_come_to(empty):
    last = {"choices": [{"index": 0, **empty, "message": {"content": "ab"}, "finish_reason": "stop"}]}
    assert good(streamed(chunk({"content": "a"}), chunk({"content": "b"}), last)).text == "ab"
    pieces = [{"choices": [{"index": 0, **empty, "message": {"content": text}}]} for text in "ab"]
    assert good(streamed(*pieces, chunk(finish="stop"))).text == "ab"


def test_what_has_no_word_of_ours_survives_in_raw():
    payload = reply({"content": "a", "channel": "final", "parsed": {"x": 1}}, timings={"x": 1})
    outcome = whole(payload)
    assert good(outcome).raw == payload
    assert outcome.events == [Start(id="c1"), TextDelta("a"), STOP]
    odd = chunk({"name": "assistant"}, x=5)
    assert good(streamed(odd, chunk({"content": "a"}, "stop"))).raw[0] == odd


@pytest.mark.parametrize("text", ["\U0001f600", "a\U0001f600\U0001f600b", "\U0001f600\n"])
@pytest.mark.parametrize("name", ["content", "refusal", "reasoning"])
def test_a_character_that_is_cut_into_two_surrogates_is_made_whole(name, text):
    units = text.encode("utf-16-le")
    halves = [chr(int.from_bytes(units[i : i + 2], "little")) for i in range(0, len(units), 2)]
    outcome = streamed(*(chunk({name: half}) for half in halves), chunk(finish="stop"))
    (part,) = good(outcome).message.parts
    assert part.text == text
    assert all(event.text.encode() for event in outcome.events if getattr(event, "text", None))


def test_characters_of_several_choices_and_calls_are_not_mixed_up():
    high, low = "\ud83d", "\ude00"
    deltas = [chunk({"content": half}, index=index) for half in (high, low) for index in (0, 1)]
    outcome = streamed(*deltas, chunk(finish="stop"), chunk(finish="stop", index=1))
    assert [choice.message.text for choice in good(outcome).choices] == ["\U0001f600"] * 2
    pieces = [piece(0, "a", "f", high), piece(1, "b", "g", high), piece(0, None, None, low), piece(1, None, None, low)]
    outcome = streamed(*(chunk({"tool_calls": [one]}) for one in pieces), chunk(finish="tool_calls"))
    calls = [(call.id, call.name, call.arguments) for call in good(outcome).tool_calls]
    assert calls == [("a", "f", "\U0001f600"), ("b", "g", "\U0001f600")]


def test_half_a_character_that_nothing_follows_is_given_as_it_came():
    assert good(streamed(chunk({"content": "\ud83d"}), chunk({"content": "b"}, "stop"))).text == "\ud83db"
    for outcome in (
        streamed(chunk({"content": "a\ud83d"}), chunk(finish="stop")),
        whole(reply({"content": "a\ud83d"})),
    ):
        assert good(outcome).text == "a\ud83d"
    signed = {"type": "reasoning.text", "text": "\ud83d", "signature": "s", "id": "r"}
    (thought,) = good(whole(reply({"reasoning_details": [signed]}))).message.parts
    assert (thought.text, thought.signature, thought.id) == ("\ud83d", "s", "r")
    call = piece(0, "a", "f", "\ud83d")
    assert good(streamed(chunk({"tool_calls": [call]}, "stop"))).tool_calls == (ToolCall("a", "f", "\ud83d"),)


@pytest.mark.parametrize("cuts", [("<think", ">hm</", "think>a"), ("<think>hm</think>a",)])
def test_tags_in_a_text_are_text_however_they_are_cut(cuts):
    text = "".join(cuts)
    pieces = [chunk({"content": one}) for one in cuts]
    for outcome in (streamed(*pieces, chunk(finish="stop")), whole(reply({"content": text}))):
        assert good(outcome).message.parts == (Text(text),)

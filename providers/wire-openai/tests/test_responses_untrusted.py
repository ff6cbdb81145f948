"""Responses that nobody should send, and streams that tell one in every way: the same response, or an error of ours."""

import contextlib
import json
from itertools import pairwise

from exchanges import SSE, Outcome, chat_call, decoder
from hypothesis import given, settings, strategies as st
from openai_responses import LOCAL, OFFICIAL, sent, whole
from responses_told import begun, event, message, spoken, told, whole as response

from jackfield.errors import BadRequestError, JackfieldError, TruncatedStreamError
from jackfield.types import Finished
from jackfield_wire_openai.responses.reading_requests import read_responses_request

words = st.text(max_size=6)
names = st.from_regex(r"[a-z]{1,4}", fullmatch=True)
remarks = st.lists(st.sampled_from([{"type": "url_citation", "url": "u"}, {"type": "file_path"}]), max_size=2)
parts = st.builds(lambda text, remarks: spoken(text, *remarks), words, remarks) | st.builds(
    lambda text: {"type": "refusal", "refusal": text}, words.filter(bool)
)
some_words = st.lists(words.filter(bool), min_size=1, max_size=2)
thoughts = st.fixed_dictionaries(
    {
        "type": st.just("reasoning"),
        "summary": st.just([]) | some_words.map(lambda texts: listed("summary_text", texts)),
    },
    optional={
        "content": some_words.map(lambda texts: listed("reasoning_text", texts)),
        "encrypted_content": words.filter(bool),
        "status": st.just("completed"),
    },
)
calls = st.builds(
    lambda kind, name, text: {"type": kind[0], "call_id": f"call_{name}", "name": name, kind[1]: text},
    st.sampled_from([("function_call", "arguments"), ("custom_tool_call", "input")]),
    names,
    words,
)
# a turn has one refusal, so that a response with more of them does not keep them apart
messages = st.lists(parts, min_size=1, max_size=3).map(lambda parts: message("", *parts))
others = st.sampled_from([{"type": "web_search_call", "status": "completed"}, {"type": "dream", "x": None}])


def listed(kind, texts):
    return [{"type": kind, "text": text} for text in texts]


@st.composite
def items(draw):
    found = draw(st.lists(messages | thoughts | calls | others, max_size=4))
    return [{**item, "id": f"item_{number}"} for number, item in enumerate(found)]


def pieces_of(draw, text):
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=2)))
    return [text[start:stop] for start, stop in pairwise([0, *places, len(text)])]


THOUGHTS = (("summary", "reasoning_summary_text", "summary_index"), ("content", "reasoning_text", "content_index"))
TEXTS = {"output_text": ("output_text", "text"), "refusal": ("refusal", "refusal")}


def events_of(draw, item, index):
    """An item in pieces; whatever the end says again may be left out."""
    place = {"output_index": index, "item_id": item["id"]}
    yield event(
        "output_item.added", index, item={**item, **{name: [] for name in ("content", "summary") if name in item}}
    )
    for number, part in enumerate(item.get("content", ()) if item["type"] == "message" else ()):
        name, field = TEXTS[part["type"]]
        at = {**place, "content_index": number}
        for piece in pieces_of(draw, part[field]):
            yield event(f"{name}.delta", **at, delta=piece)
        for one in part.get("annotations", ()):
            yield event("output_text.annotation.added", **at, annotation=one)
        yield event(f"{name}.done", **at, **{field: part[field]})
        yield event("content_part.done", **at, part=part)
    for of, name, at in (
        ("summary", "reasoning_summary_text", "summary_index"),
        ("content", "reasoning_text", "content_index"),
    ):
        for number, part in enumerate(item.get(of, ()) if item["type"] == "reasoning" else ()):
            for piece in pieces_of(draw, part["text"]):
                yield event(f"{name}.delta", **place, **{at: number}, delta=piece)
            yield event(f"{name}.done", **place, **{at: number}, text=part["text"])
    for kind, name, field in (
        ("function_call", "function_call_arguments", "arguments"),
        ("custom_tool_call", "custom_tool_call_input", "input"),
    ):
        if item["type"] == kind:
            for piece in pieces_of(draw, item[field]):
                yield event(f"{name}.delta", **place, delta=piece)
            yield event(f"{name}.done", **place, **{field: item[field]})
    yield event("output_item.done", index, item=item)


@st.composite
def both_forms(draw):
    """A whole response, and a stream that says the same: of what is said twice, some is left out."""
    found = draw(items())
    last = response(*found)
    events = []
    for index, item in enumerate(found):
        told_ = list(events_of(draw, item, index))
        # what follows of an item must not come before all of the one before it
        kept = ("delta", "part", "annotation")  # a part that is empty is told by nothing else
        events += [told_[0], *(one for one in told_[1:-1] if draw(st.booleans()) or one.keys() & {*kept}), told_[-1]]
    again = draw(st.booleans())
    return last, [*begun(), *events, event("completed", response=last if again else {**last, "output": []})]


def stream(chunks):
    return Outcome(decoder(OFFICIAL, chat_call(streaming=True), SSE), chunks)


@given(both_forms(), st.lists(st.integers(0, 5000), max_size=6))
@settings(deadline=None)
def test_a_response_and_its_stream_come_to_the_same(forms, places):
    document, events = forms
    unary, data = whole(document), told(*events)
    assert unary.error is None
    outcome = stream([data])
    assert outcome.error is None
    assert outcome.response == unary.response
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    assert outcome.facts() == stream([data[start:stop] for start, stop in pairwise(edges)]).facts()


@given(both_forms())
@settings(deadline=None)
def test_a_stream_without_its_end_is_truncated_and_no_call_of_it_complete(forms):
    outcome = stream([told(*forms[1][:-1])])
    assert isinstance(outcome.error, TruncatedStreamError)
    assert not any(isinstance(one, Finished) for one in outcome.events)
    assert not any(call.complete for call in outcome.response.tool_calls)


@given(items())
@settings(deadline=None)
def test_what_came_goes_back(items):
    found = whole(response(*items)).response.message
    refusals = [part for item in items for part in item.get("content", ()) if part["type"] == "refusal"]
    body, notices = sent(messages=[found])
    if len(refusals) > 1:
        return  # a turn has one, and what is said of the others is noted
    assert not notices
    assert body["input"] == [{key: value for key, value in item.items() if value is not None or item["type"] == "dream"}
                             for item in items]  # fmt: skip


# --- anything at all

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    ["type", "id", "item_id", "output_index", "content_index", "summary_index", "item", "part", "delta", "text",
     "content", "summary", "annotations", "annotation", "logprobs", "arguments", "input", "call_id", "name", "role",
     "output", "response", "status", "error", "incomplete_details", "reason", "usage", "encrypted_content",
     "refusal", "code"]
)  # fmt: skip
kinds = st.sampled_from(
    ["message", "reasoning", "function_call", "custom_tool_call", "output_text", "refusal", "summary_text", "error",
     "response.completed", "response.failed", "response.output_text.delta", "response.output_item.added",
     "response.output_item.done", "response.function_call_arguments.delta", "response.content_part.done",
     "response.reasoning_summary_text.delta", "response.output_text.annotation.added", "function_call_output",
     "input_text", "input_image", "completed", "incomplete", "assistant", "user"]
)  # fmt: skip
nearly = st.recursive(
    json_values | kinds,
    lambda inner: st.dictionaries(keys, inner, max_size=6) | st.lists(inner, max_size=3),
    max_leaves=20,
)


@given(st.lists(nearly, max_size=6))
@settings(deadline=None)
def test_only_errors_of_ours_come_of_any_stream(payloads):
    data = b"".join(b"data: %s\n\n" % json.dumps(payload).encode() for payload in payloads)
    outcome = stream([data])
    assert outcome.error is None or isinstance(outcome.error, JackfieldError)
    assert outcome.facts() == stream([data[:7], data[7:]]).facts()


@given(st.dictionaries(keys, nearly, max_size=6))
@settings(deadline=None)
def test_only_errors_of_ours_come_of_any_document(payload):
    outcome = whole(payload)
    assert outcome.error is None or isinstance(outcome.error, JackfieldError)


@given(nearly, st.dictionaries(keys, nearly, max_size=4))
@settings(deadline=None)
def test_any_request_is_read_or_is_a_typed_error(value, more):
    try:
        request, _ = read_responses_request({**more, "input": value})
    except BadRequestError as error:
        assert ":" in error.message
        return
    with contextlib.suppress(BadRequestError):
        sent(LOCAL, messages=request.messages, unsupported="drop")


def test_long_streams_cost_what_they_weigh():
    count = 20_000
    place = {"item_id": "m", "content_index": 0}
    events = [event("output_text.delta", 0, **place, delta="x" * 10)] * count
    text = "x" * 10 * count
    done = [event("output_text.done", 0, **place, text=text), event("content_part.done", 0, **place, part=spoken(text))]
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    calls = [
        event("output_item.done", index, item={**call, "id": f"f{index}", "call_id": f"c{index}"})
        for index in range(1, 2000)
    ]
    outcome = stream([told(*events, *done, *calls, event("completed", response=response(message("m", spoken(text)))))])
    assert outcome.error is None
    assert len(outcome.response.text) == 10 * count
    assert len(outcome.response.tool_calls) == 1999

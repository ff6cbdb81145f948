"""Replies that nobody should send: whatever comes, the same events for every cut, and only errors of ours."""

import json
from itertools import pairwise

import pytest
from exchanges import SSE, Outcome, chat_call, decoder, lines, single
from hypothesis import given, strategies as st
from openai_chats import PROVIDER, chunk, good, reply, streamed, whole

from jackfield.errors import JackfieldError, MalformedReplyError, TruncatedStreamError
from jackfield.types import Finished, Usage


def stream(chunks):
    return Outcome(decoder(PROVIDER, chat_call(streaming=True), SSE), chunks)


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


# replies that are good, whole and as a stream

words = st.text(max_size=6)
identifiers = st.from_regex(r"[a-z]{1,4}", fullmatch=True)
whole_calls = st.builds(
    lambda call_id, name, arguments: {"id": call_id, "function": {"name": name, "arguments": arguments}},
    identifiers,
    identifiers,
    words,
)
whole_messages = st.fixed_dictionaries(
    {"role": st.just("assistant")},
    optional={
        "reasoning": words,
        "content": st.none() | words,
        "refusal": st.none() | words,
        "tool_calls": st.lists(whole_calls, max_size=3, unique_by=lambda call: call["id"]),
    },
)
usages = st.none() | st.fixed_dictionaries(
    {"prompt_tokens": st.integers(0, 9), "completion_tokens": st.integers(0, 9)},
    optional={"prompt_tokens_details": st.none() | st.just({"cached_tokens": 1}), "cost": st.floats(0, 1)},
)
reasons = st.sampled_from(["stop", "length", "tool_calls", "content_filter", "new_reason"])
replies = st.builds(
    lambda messages, reason, usage: {
        "id": "c1",
        "model": "m",
        "created": 5,
        "choices": [
            {"index": index, "message": message, "finish_reason": reason} for index, message in enumerate(messages)
        ],
        "usage": usage,
    },
    st.lists(whole_messages, min_size=1, max_size=3),
    reasons,
    usages,
)


@st.composite
def both_forms(draw):
    """A whole reply, and the chunks that say the same."""
    document = draw(replies)
    head = {name: document[name] for name in ("id", "model", "created")}
    tracks = []
    for choice in document["choices"]:
        message, index = choice["message"], choice["index"]
        deltas = [{"role": "assistant", "content": ""}]
        for name in ("reasoning", "content", "refusal"):
            text = message.get(name) or ""
            place = draw(st.integers(0, len(text)))
            deltas += [{name: text[:place]}, {name: text[place:]}]
        for number, call in enumerate(message.get("tool_calls") or ()):
            arguments = call["function"]["arguments"]
            place = draw(st.integers(0, len(arguments)))
            first = {**call, "function": {**call["function"], "arguments": arguments[:place]}}
            deltas.append({"tool_calls": [{"index": number, **first}]})
            deltas.append({"tool_calls": [{"index": number, "function": {"arguments": arguments[place:]}}]})
        chunks = [{**head, "choices": [{"index": index, "delta": delta, "finish_reason": None}]} for delta in deltas]
        chunks.append({**head, "choices": [{"index": index, "delta": {}, "finish_reason": choice["finish_reason"]}]})
        tracks.append(chunks)
    order = draw(st.permutations([index for index, track in enumerate(tracks) for _ in track]))
    chunks = [tracks[index].pop(0) for index in order]
    return document, [*chunks, {**head, "choices": [], "usage": document["usage"]}]


@given(both_forms(), st.lists(st.integers(0, 5000), max_size=8))
def test_a_reply_and_its_stream_come_to_the_same_response(forms, places):
    document, chunks = forms
    unary, outcome = whole(document), stream([lines(*chunks)])
    assert good(unary) == good(outcome)
    assert outcome.facts() == stream(cut(lines(*chunks), places)).facts()


@given(both_forms())
def test_the_grammar_of_events_holds(forms):
    for outcome in (whole(forms[0]), stream([lines(*forms[1])])):
        names = [type(event).__name__ for event in outcome.events]
        assert names[0] == "Start"
        assert names.count("Start") == 1
        assert names.count("Finished") == len(forms[0]["choices"])
        assert names.count("UsageReported") == (names[-1] == "UsageReported") == (forms[0]["usage"] is not None)
        assert all(event.text for event in outcome.events if hasattr(event, "text"))


EXAMPLE = lines(
    chunk({"role": "assistant", "content": ""}, model="m"),
    chunk({"content": "日本"}),
    chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
    chunk(finish="tool_calls"),
    {"choices": [], "usage": {"prompt_tokens": 1}},
)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_stream_that_ends_anywhere_is_truncated_or_has_all_that_it_needs(newline):
    data = EXAMPLE.replace(b"\n", newline.encode())
    finished = data.index(b'"finish_reason": "tool_calls"')
    complete = 0
    for end in range(len(data) + 1):
        outcome = stream([data[:end]])
        (call,) = outcome.response.tool_calls or [None]
        if outcome.error is None:
            complete += 1
            assert end > finished
            assert data[:end].rstrip().endswith((b"}", b"[DONE]", b"data:", b"data", b"dat", b"da", b"d"))
            assert call.complete
            assert outcome.response.text == "日本"
        else:
            assert type(outcome.error) is TruncatedStreamError, (end, outcome.error)
            assert call is None or call.complete is any(isinstance(event, Finished) for event in outcome.events)
    assert complete < 40


def test_a_document_that_ends_anywhere_is_an_error():
    data = json.dumps(reply({"content": "日本"}), ensure_ascii=False).encode()
    for streaming in (False, True):
        for end in range(len(data)):
            assert isinstance(whole(data[:end], streaming=streaming).error, JackfieldError)
        assert good(whole(data, streaming=streaming)).text == "日本"
    for end in range(1, len(data)):
        assert isinstance(whole(data[:end], SSE, streaming=True).error, JackfieldError)


# shapes that are wrong


def broken(**fields):
    """A chunk whose choice, delta, call or function is spoiled at one place."""
    function = {"name": "f", "arguments": "{}"}
    call = {"index": 0, "id": "a", "function": function}
    delta = {"content": "x", "tool_calls": [call]}
    choice = {"index": 0, "delta": delta, "message": delta, "finish_reason": "tool_calls"}
    payload = {"id": "c1", "model": "m", "created": 5, "choices": [choice], "usage": {"prompt_tokens": 1}}
    for holder in (function, call, delta, choice, payload):
        holder.update({name: value for name, value in fields.items() if name in holder})
    return payload


UNREADABLE = {
    "choices: expected a list, got dict": {"choices": {"0": {}}},
    "choices: expected a list, got str": {"choices": "x"},
    "choices: expected objects, got NoneType": {"choices": [None]},
    "choices: expected objects, got list": {"choices": [[]]},
    "index: expected a whole number, got str": {"index": "0"},
    "index: expected a whole number, got float": {"index": 0.5},
    "index: expected a whole number, got bool": {"index": True},
    "an object, got list": {"delta": [1], "message": [1]},
    "an object, got str": {"delta": "x", "message": "x"},
    "content: expected text, got int": {"content": 5},
    "tool_calls: expected a list, got dict": {"tool_calls": {"0": {}}},
    "tool_calls: expected objects, got str": {"tool_calls": ["x"]},
    "function: expected an object, got str": {"function": "x"},
    "name: expected text, got list": {"name": ["f"]},
    "arguments: expected text, got list": {"arguments": ["x"]},
    "id: expected text, got int": {"tool_calls": [{"id": 5, "function": {}}]},
    "refusal: expected text, got dict": {"delta": {"refusal": {"a": 1}}, "message": {"refusal": {"a": 1}}},
}


@pytest.mark.parametrize(("message", "fields"), UNREADABLE.items(), ids=UNREADABLE)
def test_what_carries_the_reply_must_have_its_kind(message, fields):
    for outcome in (whole(broken(**fields)), streamed(broken(**fields))):
        assert isinstance(outcome.error, MalformedReplyError)
        assert message in outcome.error.message


HARMLESS = [
    {"id": 5},
    {"model": ["m"]},
    {"created": "today"},
    {"created": True},
    {"usage": "x"},
    {"usage": []},
    {"usage": [1]},
    {"usage": {"prompt_tokens": "a", "cost": {"total_cost": "1"}}},
    {"usage": {"prompt_tokens": True, "prompt_tokens_details": [], "completion_tokens_details": "x"}},
]


@pytest.mark.parametrize("fields", HARMLESS)
def test_what_is_only_said_of_a_reply_may_have_any_kind(fields):
    payload = broken() | fields
    for outcome in (whole(payload), streamed(payload)):
        assert good(outcome).text == "x"
        assert outcome.response.usage in (None, Usage(), Usage(1))
        assert outcome.events[1].raw == payload


EMPTY = [{"tool_calls": {}}, {"tool_calls": []}, {"delta": [], "message": []}, {"content": {}}, {"arguments": []}]


@pytest.mark.parametrize("fields", EMPTY)
def test_what_is_empty_is_nothing_whatever_its_kind(fields):
    for outcome in (whole(broken(**fields)), streamed(broken(**fields))):
        assert good(outcome).finish.raw == "tool_calls"


@pytest.mark.parametrize("reason", [5, True, ["stop"], {"type": "stop"}])
def test_a_finish_reason_that_is_no_text_ends_the_choice_and_stays_in_raw(reason):
    for outcome in (whole(broken(finish_reason=reason)), streamed(broken(finish_reason=reason))):
        assert (good(outcome).finish.unified, outcome.response.finish.raw) == ("other", None)
        assert outcome.response.raw["choices"][0]["finish_reason"] == reason


NAMES = ["id", "model", "created", "object", "choices", "index", "delta", "message", "finish_reason", "content", "type"]
NAMES += ["text", "thinking", "summary", "reasoning", "reasoning_content", "refusal", "tool_calls", "function", "name"]
NAMES += ["reasoning_details", "signature", "data", "format", "images", "image_url", "url", "audio", "transcript"]
NAMES += [
    "annotations",
    "url_citation",
    "logprobs",
    "token",
    "bytes",
    "top_logprobs",
    "function_call",
    "input",
    "extra_content",
]
NAMES += ["arguments", "custom", "usage", "prompt_tokens", "prompt_tokens_details", "cost", "error", "code", "x"]
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4)
scalars |= st.sampled_from(["thinking", "text", "reasoning", "error", "stop"])
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)


@st.composite
def shaped(draw):
    """Something like a chunk, with anything at all where a value belongs."""
    maybe = lambda good: st.one_of(good, good, good, anything)  # noqa: E731
    some = lambda fields: maybe(st.fixed_dictionaries({}, optional=fields))  # noqa: E731
    text = maybe(words)
    call = some({"index": maybe(st.integers(0, 2)), "id": text, "function": some({"name": text, "arguments": text})})
    thoughts = maybe(st.lists(some({"text": text}), max_size=2))
    kinds = st.sampled_from(["text", "thinking", "reasoning"])
    part = some({"type": kinds, "text": text, "thinking": thoughts, "summary": thoughts})
    detail = some({"type": text, "text": text, "summary": text, "data": text, "signature": text, "index": anything})
    token = some({"token": text, "logprob": anything, "bytes": anything, "top_logprobs": anything})
    picture = some({"type": text, "image_url": some({"url": text, "detail": text})})
    message = some({
        "content": maybe(text | st.lists(part, max_size=2)),
        "reasoning": text,
        "refusal": text,
        "tool_calls": maybe(st.lists(call, max_size=3)),
        "reasoning_details": maybe(st.lists(detail, max_size=3)),
        "function_call": some({"name": text, "arguments": text}),
        "images": maybe(st.lists(picture, max_size=2)),
        "audio": some({"id": text, "data": text, "transcript": text, "expires_at": anything}),
        "annotations": maybe(st.lists(some({"type": text, "url_citation": some({"url": text})}), max_size=2)),
        "extra_content": anything,
    })  # fmt: skip
    choice = some({
        "index": maybe(st.integers(0, 2)),
        "delta": message,
        "message": message,
        "finish_reason": maybe(st.none() | reasons),
        "usage": anything,
        "logprobs": some({"content": maybe(st.lists(token, max_size=2)), "reasoning_content": anything}),
    })  # fmt: skip
    fields = {"id": text, "choices": maybe(st.lists(choice, max_size=3)), "usage": maybe(usages), "error": anything}
    return draw(some(fields))


@given(st.lists(shaped(), max_size=4), st.lists(st.integers(0, 3000), max_size=6))
def test_any_json_gives_events_or_an_error_of_ours_the_same_for_every_cut(payloads, places):
    data = lines(*payloads)
    outcome = stream([data])
    assert outcome.error is None or isinstance(outcome.error, JackfieldError), outcome.error
    assert outcome.facts() == stream(cut(data, places)).facts()
    for payload in payloads:
        for streaming in (False, True):
            error = whole(payload, streaming=streaming).error
            assert error is None or isinstance(error, JackfieldError), error


SCRAPS = [
    b"data: ",
    b"event: error\n",
    b"\n",
    b"\r",
    b"\n\n",
    b"{",
    b"}",
    b"[DONE]",
    b"\xff",
    b"\xef\xbb\xbf",
    b":",
    b"<",
    EXAMPLE,
]


@given(
    st.lists(st.sampled_from(SCRAPS) | st.binary(max_size=8), max_size=12), st.lists(st.integers(0, 3000), max_size=6)
)
def test_any_bytes_give_events_or_an_error_of_ours_the_same_for_every_cut(scraps, places):
    data = b"".join(scraps)
    outcome = stream([data])
    assert outcome.error is None or isinstance(outcome.error, JackfieldError), outcome.error
    assert outcome.facts() == stream(cut(data, places)).facts() == stream(single(data)).facts()
    error = whole(data).error
    assert error is None or isinstance(error, JackfieldError), error


@pytest.mark.parametrize("depth", [100, 900, 100_000])
@pytest.mark.parametrize("name", ["choices", "content", "arguments", "error", "x"])
def test_nesting_without_end_is_an_error_of_ours(depth, name):
    nested = f'{{"{name}": ' + '{"a":' * depth + "1" + "}" * depth + "}"
    for text in (nested, f'{{"choices": [{{"message": {nested}, "delta": {nested}}}]}}'):
        for outcome in (streamed(lines(text)), whole(text.encode())):
            assert outcome.error is None or isinstance(outcome.error, JackfieldError), type(outcome.error)

"""A reply is the same whether it was streamed or not, however its bytes were cut, and goes back as it came."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import jackfield as jf
from jackfield.errors import MalformedReplyError, OverloadedError, TruncatedStreamError
from jackfield.types import (
    Citation,
    Finish,
    Finished,
    RateLimit,
    Reasoning,
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

WIRE = Path(__file__).parent / "wire"
PAIRS = sorted(file.stem for file in WIRE.glob("*.sse") if (WIRE / f"{file.stem}.json").exists())
THOUGHT = "anthropic-claude-v1"


def read(name):
    return (WIRE / name).read_bytes()


@pytest.fixture
def reply(kit):
    def reply(name):
        events, error = kit.decoded(read(f"{name}.sse"))
        assert error is None
        return kit.folded(events)

    return reply


def test_there_are_pairs():
    assert len(PAIRS) == 13


@pytest.mark.parametrize("name", PAIRS)
def test_a_stream_and_a_document_come_to_the_same(kit, name):
    streamed, wrong = kit.decoded(read(f"{name}.sse"))
    whole, error = kit.decoded(read(f"{name}.json"), streaming=False)
    assert (wrong, error) == (None, None)
    assert kit.folded(streamed) == kit.folded(whole)
    assert kit.folded(whole).id == json.loads(read(f"{name}.json"))["id"]


@pytest.mark.parametrize("name", PAIRS)
def test_what_comes_decides_not_what_was_asked_for(kit, name):
    whole, _ = kit.decoded(read(f"{name}.json"), streaming=False)
    assert kit.decoded(read(f"{name}.json"), streaming=True, kind="application/json") == (whole, None)
    streamed, _ = kit.decoded(read(f"{name}.sse"))
    assert kit.decoded(read(f"{name}.sse"), streaming=False, kind="text/event-stream") == (streamed, None)
    assert kit.decoded(read(f"{name}.sse"), streaming=True, kind="text/plain") == (streamed, None)


# what was cut or refused has tests of its own
@pytest.mark.parametrize("name", [name for name in PAIRS if name not in ("cut_tool", "refusal", "refused_at_once")])
def test_a_reply_goes_back_as_it_came(kit, reply, name):
    wire = json.loads(read(f"{name}.json"))
    content = wire["content"]
    for block in content:
        if block.get("caller") == {"type": "direct"}:
            del block["caller"]  # which is what it is without one
        block.pop("citations", None) if not block.get("citations") else None
    only = content[0]["text"] if len(content) == 1 and content[0].keys() == {"type", "text"} else content
    assert kit.sent(reply(name).message) == only


@pytest.mark.parametrize("name", ["text", "cached", "unknown", "error_in_stream"])
def test_every_cut_gives_the_same_events(kit, name):
    data = read(f"{name}.sse")
    whole, error = kit.decoded(data)
    for cut in range(1, len(data)):
        events, wrong = kit.decoded(data, [cut])
        assert events == whole, cut
        assert type(wrong) is type(error), cut


@pytest.mark.parametrize("name", PAIRS)
@given(sizes=st.lists(st.integers(1, 80), max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_number_of_cuts_gives_the_same_events(kit, name, sizes):
    data = read(f"{name}.sse")
    assert kit.decoded(data, sizes) == kit.decoded(data)


@pytest.mark.parametrize("name", PAIRS)
def test_truncation_anywhere_is_an_error(kit, name):
    data = read(f"{name}.sse")
    whole, _ = kit.decoded(data)
    end = data.rindex(b"}") + 1  # message_stop is whole here, also without the blank line
    for cut in range(len(data)):
        events, error = kit.decoded(data[:cut])
        if cut >= end:
            assert (events, error) == (whole, None)
        else:
            assert type(error) is TruncatedStreamError, cut
            assert error.retryable
            told = [event for event in events if not isinstance(event, UsageReported)]
            assert told == [event for event in whole if not isinstance(event, UsageReported)][: len(told)]


def test_a_text_with_its_head(kit, reply):
    found = reply("text")
    assert (found.text, found.finish) == ("Grüß Gott! It is 5 °C in Zürich. 🌨️", Finish("stop", "end_turn"))
    assert (found.id, found.model, found.request_id) == ("msg_text", "claude-haiku-4-5-20251001", "req_011")
    assert found.rate_limit == RateLimit(50, 49, 2.0)
    assert found.usage == Usage(input_tokens=25, output_tokens=17, cached_tokens=0, cache_write_tokens=0)
    assert found.message.parts == (Text(found.text),)


def test_input_includes_what_the_cache_had_or_took(reply):
    found = reply("cached")
    assert found.usage == Usage(2177, 4, cached_tokens=2048, cache_write_tokens=120)
    assert found.finish == Finish("length", "max_tokens")


def test_thoughts_keep_their_signatures_and_their_places(reply):
    found = reply("thinking")
    first, text, second, call = found.message.parts
    assert first.text == found.reasoning == "27 * 453: 27 * 400 is 10800,\nand 27 * 53 is 1431."
    assert (first.format, first.signature[:4], text) == (THOUGHT, "EqQB", Text("27 * 453 = 12231."))
    assert second == Reasoning("", "EqMBCkYIChgCKkDzbW9yZQ==", format=THOUGHT)
    assert call == ToolCall("toolu_t", "check", '{"n": 12231}')
    assert found.usage.reasoning_tokens == 40
    sealed, _, *texts = reply("redacted").message.parts
    assert (sealed.text, sealed.encrypted[:4], sealed.signature) == ("", "EmwK", None)
    assert texts == [Text("Based on that,"), Text(" here it is.")]


def test_calls_of_tools(reply):
    found = reply("parallel")
    assert [call.parsed for call in found.tool_calls] == [{}, {"location": "Bern"}, {"location": "Basel"}]
    caller = {"caller": {"type": "code_execution_20250825", "tool_id": "srvtoolu_9"}}
    assert [call.extra for call in found.tool_calls] == [None, None, caller]
    assert found.finish == Finish("tool_calls", "tool_use")
    assert reply("tools").tool_calls[0].arguments == '{"location": "Zürich, CH", "days": [1, 2.5], "exact": true}'


def test_a_call_that_a_limit_cut_is_incomplete_and_does_not_go_back(kit, reply):
    message = reply("cut_tool").message
    assert message.tool_calls[0].complete is False
    with pytest.raises(jf.JackfieldError, match=r"messages\[1\]\.parts\[0\].*'write' is incomplete"):
        kit.sent(message)


def test_citations_are_remarks_on_the_text_that_they_came_with(reply):
    found = reply("citations")
    web, search, page, char = found.annotations
    assert isinstance(web, Citation)
    assert (web.url, web.title, web.text) == (
        "https://example.org/shannon",
        "Shannon",
        "Claude Shannon was born on April 30, 1916",
    )
    assert found.text[web.start : web.end] == "He was born on April 30, 1916"
    assert (search.url, search.title, found.text[search.start : search.end]) == (
        "https://example.org/kb/7",
        None,
        "Petoskey",
    )
    assert isinstance(page, Unknown)
    assert page.raw["citation"]["type"] == "page_location"
    assert char.raw["block"] == 4
    kinds = [type(part).__name__ for part in found.message.parts]
    assert kinds == ["Text", "Unknown", "Unknown", "Text", "Text", "Text", "Text"]
    assert found.message.parts[1].raw["input"] == {"query": "Claude Shannon birth date"}


def test_citations_without_their_text_are_left_out_and_told(kit, reply):
    message = reply("citations").message
    short = jf.Message("assistant", message.parts[:1], annotations=message.annotations)
    assert kit.sent(short) == "I will search."
    conversation = [jf.Message("user", "?"), short]
    left = {("unsupported", f"messages[1].annotations[{index}]") for index in range(4)}
    assert kit.notices(conversation, unsupported="error") == left
    foreign = [Citation("https://example.org", start=0, end=3), Unknown({"type": "file_citation"})]
    other = [jf.Message("user", "?"), jf.Message("assistant", "Yes", annotations=foreign)]
    assert len(kit.notices(other, unsupported="error")) == 2


def test_a_refusal_is_told_with_its_explanation(kit, reply):
    found = reply("refusal")
    assert found.finish == Finish("content_filter", "refusal")
    assert found.message.parts == (Text("Well, to"), Refusal("This request was declined by policy."))
    assert found.refusal == "This request was declined by policy."
    assert kit.sent(found.message) == [
        {"type": "text", "text": "Well, to"},
        {"type": "text", "text": "This request was declined by policy."},
    ]
    conversation = [jf.Message("user", "?"), found.message]
    assert kit.notices(conversation, unsupported="error") == {("rewritten", "messages[1].parts[1]")}


def test_a_turn_without_content_does_not_go_back(kit, reply):
    found = reply("refused_at_once")
    assert (found.message.parts, found.finish.unified) == ((), "content_filter")
    conversation = [jf.Message("user", "?"), found.message, jf.Message("user", "Then tell a joke.")]
    assert [turn["role"] for turn in kit.body(conversation)["messages"]] == ["user", "user"]
    assert kit.notices(conversation, unsupported="error") == {("unsupported", "messages[1]")}


@pytest.mark.parametrize(
    ("name", "unified", "raw"),
    [
        ("pause", "other", "pause_turn"),
        ("unknown", "other", "out_of_ideas"),
        ("stop_sequence", "stop", "stop_sequence"),
    ],
)
def test_finishes(reply, name, unified, raw):
    assert reply(name).finish == Finish(unified, raw)


def test_a_window_that_is_full_is_a_limit(kit):
    wire = json.loads(read("text.json"))
    wire["stop_reason"] = "model_context_window_exceeded"
    events, _ = kit.decoded(json.dumps(wire).encode(), streaming=False)
    assert kit.folded(events).finish == Finish("length", "model_context_window_exceeded")


def test_what_there_is_no_word_for_is_kept(kit, reply):
    found = reply("unknown")
    compaction, hologram, text = found.message.parts
    assert compaction.raw["content"] == "They spoke of the weather."
    assert (hologram, text) == (Unknown({"type": "hologram", "shape": {"points": [0, 1]}}), Text("There."))
    events, _ = kit.decoded(read("unknown.sse"))
    kinds = [event.raw.get("type") for event in events if isinstance(event, Unrecognized)]
    assert "weather_report" in kinds
    # every payload but a ping is the raw of one event
    payloads = [json.loads(line[6:]) for line in read("unknown.sse").splitlines() if line.startswith(b"data: ")]
    assert [event.raw for event in events if event.raw is not None] == payloads


def test_an_error_in_the_stream_ends_it_with_what_is_known(kit):
    events, error = kit.decoded(read("error_in_stream.sse"))
    assert type(error) is OverloadedError
    assert (error.retryable, error.status, error.code, error.message) == (True, None, "overloaded_error", "Overloaded")
    assert error.request_id == "req_011"
    assert [type(event) for event in events] == [Start, Unrecognized, TextDelta, UsageReported]
    assert events[-1].usage == Usage(2177, 1, cached_tokens=2048, cache_write_tokens=120)


def test_an_error_without_a_stream_around_it_is_found(kit):
    bare = b'{"type": "error", "error": {"type": "api_error", "message": "Internal server error"}}'
    for data in (bare, read("text.sse")[:400].rpartition(b"event:")[0] + bare):
        _, error = kit.decoded(data)
        assert (type(error).__name__, error.message) == ("ServerError", "Internal server error")
    _, error = kit.decoded(b"<html>Bad gateway</html>")
    assert type(error) is TruncatedStreamError


def test_pings_and_what_follows_the_end_say_nothing(kit):
    events, _ = kit.decoded(read("text.sse"))
    assert not any(event.raw == {"type": "ping"} for event in events)
    assert kit.decoded(read("text.sse") + read("tools.sse")) == (events, None)
    assert kit.decoded(b": hello\n\ndata: \n\n" + read("text.sse")) == (events, None)


def test_usage_behind_the_finish_counts(kit):
    data = read("text.sse")
    more = b'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":{"output_tokens":18}}\n\n'
    again = b'data: {"type":"message_delta","delta":{"stop_reason":"refusal"}}\n\n'
    end = data.rindex(b"event: message_stop")
    events, error = kit.decoded(data[:end] + more + again + data[end:])
    assert error is None
    assert kit.folded(events).usage.output_tokens == 18
    assert sum(isinstance(event, Finished) for event in events) == 1


def test_no_finish_is_invented(kit):
    data = read("text.sse").replace(b'"stop_reason": "end_turn"', b'"stop_reason": null')
    events, error = kit.decoded(data)
    assert error is None
    assert not any(isinstance(event, Finished) for event in events)


def test_a_block_that_is_not_closed_is_closed_by_the_finish(kit, reply):
    events = [part for part in read("tools.sse").split(b"\n\n") if b"content_block_stop" not in part]
    found, error = kit.decoded(b"\n\n".join(events))
    assert error is None
    assert kit.folded(found) == reply("tools")


def test_the_use_of_a_tool_of_the_server_that_was_cut_stays_as_it_began(kit):
    data = read("pause.sse").replace(b'Claude Shannon birth date\\"}"', b'Claude"')
    assert data != read("pause.sse")
    events, error = kit.decoded(data)
    assert error is None
    assert kit.folded(events).message.parts[1].raw["input"] == {}


def test_a_citation_of_an_odd_shape_is_kept_as_it_is(kit):
    odd = {"type": "web_search_result_location", "url": 7}
    wire = {"content": [{"type": "text", "text": "a", "citations": [odd, 5]}], "stop_reason": "end_turn"}
    events, _ = kit.decoded(json.dumps(wire).encode(), streaming=False)
    raws = [remark.raw for remark in kit.folded(events).annotations]
    assert raws == [{"type": "citations_delta", "block": 0, "citation": one} for one in (odd, 5)]
    assert kit.sent(kit.folded(events).message)[0]["citations"] == [odd, 5]


def delta(block, index=0):
    return json.dumps({"type": "content_block_delta", "index": index, "delta": block})


BEGUN = '{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}'


@pytest.mark.parametrize(
    ("payloads", "message"),
    [
        (["[1]"], "expected an object, got list"),
        (["{nonsense"], "not JSON"),
        ([delta({"type": "text_delta", "text": "x"})], "block 0 is not open"),
        ([BEGUN, BEGUN], "block 0 is open already"),
        ([BEGUN, delta({"type": "text_delta", "text": 7})], "text: expected str, got int"),
        ([BEGUN, delta("text")], "delta: expected dict, got str"),
        (['{"type": "content_block_stop"}'], "content_block_stop: index is missing"),
        (['{"type": "content_block_start", "index": 0, "content_block": null}'], "expected an object, got NoneType"),
        (
            ['{"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t"}}'],
            "expected an id and a name, got 't' and None",
        ),
        (['{"type": "message_start", "message": {}}'] * 2, "the reply has begun already"),
    ],
)
def test_a_malformed_stream_is_an_error(kit, payloads, message):
    data = "".join(f"data: {payload}\n\n" for payload in payloads).encode()
    _, error = kit.decoded(data)
    assert type(error) is MalformedReplyError
    assert message in error.message


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "empty"),
        (b"[]", "expected an object, got list"),
        (b"{}", "the reply has no content"),
        (b'{"content": {}}', "content: expected list, got dict"),
        (b'{"content": ["Hello"]}', r"content[0]: expected an object, got str"),
    ],
)
def test_a_malformed_document_is_an_error(kit, document, message):
    _, error = kit.decoded(document, streaming=False)
    assert type(error) is MalformedReplyError
    assert message in error.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KINDS = ("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta")
words = st.sampled_from(["text", "thinking", "tool_use", "text_delta", "input_json_delta", "signature_delta", "other"])
shapes = st.fixed_dictionaries(
    {"type": words}, optional=dict.fromkeys(("text", "id", "name", "input", "partial_json", "data"), json_values)
)
payloads = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS) | st.text(max_size=5)},
    optional={
        "index": st.integers(0, 2) | json_values,
        "content_block": shapes | json_values,
        "delta": shapes | json_values,
        "message": json_values,
        "usage": json_values,
    },
)


@given(st.lists(payloads, max_size=12))
def test_whatever_a_server_sends_is_events_or_one_of_our_errors(payloads):
    from jackfield.http import HttpResponse
    from jackfield_anthropic.replies import MessageReader

    reader = MessageReader(HttpResponse(200))
    try:
        for payload in payloads:
            list(reader.event(payload))
    except jf.JackfieldError:
        pass
    list(reader.broken())

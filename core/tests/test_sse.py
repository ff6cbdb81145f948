"""The decoder of event streams: the same events however the bytes are cut, within bounds, in linear work."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from jackfield.errors import LimitExceededError, MalformedReplyError
from jackfield.sse import ServerSentEvent, SseDecoder


def decode(*chunks, end=True, max_event=8 * 1024 * 1024):
    decoder = SseDecoder(max_event)
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return events + (list(decoder.end()) if end else [])


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


def reference(data):
    """The standard's rules, applied to the whole text at once."""
    text = data.decode().removeprefix("\ufeff")
    events, kind, lines = [], "", []
    for line in [*re.split("\r\n|\r|\n", text), ""]:
        if not line:
            if lines:
                events.append(ServerSentEvent("\n".join(lines), kind or "message"))
            kind, lines = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            lines.append(value)
        elif name == "event":
            kind = value
    return events


ODD = ["\u2028", "\u2029", "\u0085", "\v", "\f", "\x1c", "\x00", "é", "日", "\U0001f600", "\ufeff", " ", ":", "{}"]
texts = st.lists(st.sampled_from([*ODD, "a", "data", "[DONE]"]), max_size=6).map("".join)
names = st.sampled_from(["data", "event", "id", "retry", "", "date", "Data", " data", "dat\u00e4"])
lines = st.one_of(
    st.just(""),
    st.builds(str.__add__, names, st.one_of(st.just(""), texts.map(lambda text: ":" + text), texts.map(": {}".format))),
)
streams = st.builds(
    lambda bom, pairs, rest: (bom + "".join(line + end for line, end in pairs) + rest).encode(),
    st.sampled_from(["", "", "\ufeff"]),
    st.lists(st.tuples(lines, st.sampled_from(["\n", "\r", "\r\n"])), max_size=25),
    lines,
)


@given(streams)
def test_whole_streams_decode_as_the_standard_says(data):
    assert decode(data) == reference(data)


@given(streams, st.lists(st.integers(0, 2000), max_size=12))
def test_every_cut_gives_the_same_events(data, places):
    assert decode(*cut(data, places)) == decode(data) == decode(*(data[i : i + 1] for i in range(len(data))))


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_any_bytes_give_the_same_events_and_the_same_error_for_every_cut(noise, places):
    def outcome(chunks):
        decoder, seen = SseDecoder(), []
        try:
            for chunk in chunks:
                seen += decoder.feed(chunk)
            seen += decoder.end()
        except MalformedReplyError as error:
            return seen, error.message
        return seen, None

    data = b"data: one\n\ndata:" + noise + b"\n\ndata: last\n\n"
    whole = outcome([data])
    assert whole == outcome([data[i : i + 1] for i in range(len(data))])
    assert whole[0][0].data == "one"


EXAMPLES = {
    "one event": (b"data: a\n\n", ["a"]),
    "several lines of data": (b"data: a\ndata\ndata:b\n\n", ["a\n\nb"]),
    "one space is removed": (b"data:  a \n\n", [" a "]),
    "comments": (b": OPENROUTER PROCESSING\n\n:\n\ndata: a\n\n", ["a"]),
    "a comment inside an event": (b"data: a\n: x\ndata: b\n\n", ["a\nb"]),
    "no data, no event": (b"event: ping\n\nid: 4\n\nretry: 10\n\n", []),
    "byte-order mark": (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
    "byte-order mark only at the start": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", ["a"]),
    "CR": (b"data: a\r\rdata: b\r\r", ["a", "b"]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
    "mixed": (b"data: a\r\n\ndata: b\r\r\ndata: c\n\r", ["a", "b", "c"]),
    "not newlines": ("data: a\u2028b\u0085c\vd\fe\n\n".encode(), ["a\u2028b\u0085c\vd\fe"]),
    "data that is empty": (b"data\n\ndata:\n\n", ["", ""]),
    "colon in data": (b'data: {"a": "b: c"}\n\n', ['{"a": "b: c"}']),
    "nothing": (b"", []),
    "nothing but newlines": (b"\r\n\n\r", []),
}


@pytest.mark.parametrize(("data", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_examples(data, expected):
    assert [event.data for event in decode(data, end=False)] == expected
    assert [event.data for event in decode(*(data[i : i + 1] for i in range(len(data))))] == expected


def test_the_type_of_an_event_lasts_for_one_event():
    assert decode(b"event: error\ndata: a\n\ndata: b\n\nevent: x\n\ndata: c\n\n") == [
        ServerSentEvent("a", "error"),
        ServerSentEvent("b", "message"),
        ServerSentEvent("c", "message"),
    ]


@pytest.mark.parametrize("tail", [b"data: a", b"data: a\n", b"data: a\r", b"data: a\r\n", b"data: a\nevent"])
def test_end_gives_the_event_that_no_blank_line_closed(tail):
    assert decode(tail, end=False) == []
    assert [event.data for event in decode(tail)] == ["a"]


def test_end_twice_gives_nothing_more():
    decoder = SseDecoder()
    assert not list(decoder.feed(b"data: a"))
    assert [event.data for event in decoder.end()] == ["a"]
    assert not list(decoder.end())


def test_an_event_is_given_as_soon_as_its_blank_line_ends():
    decoder = SseDecoder()
    assert not list(decoder.feed(b"data: a\r\n"))
    assert [event.data for event in decoder.feed(b"\r")] == ["a"]  # whether or not a LF follows
    assert not list(decoder.feed(b"\n"))


@pytest.mark.parametrize("bad", [b"data: \xff\n\n", b"data: \xe6\x97\n\n", b"event: \xff\ndata: a\n\n"])
def test_bytes_that_are_not_utf8_are_a_typed_error(bad):
    with pytest.raises(MalformedReplyError, match="not UTF-8"):
        decode(bad)


def test_a_code_point_that_the_end_cuts_is_a_typed_error():
    with pytest.raises(MalformedReplyError, match="not UTF-8"):
        decode("data: 日".encode()[:-1])


def test_what_came_before_an_error_is_given_first():
    seen = []
    with pytest.raises(MalformedReplyError):
        seen.extend(event.data for event in SseDecoder().feed(b"data: good\n\ndata: \xff\n\n"))
    assert seen == ["good"]


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize(
    "data",
    [
        b"data: " + b"x" * 2000,
        b"x" * 2000,
        b": " + b"x" * 2000,
        b"data\n" * 500,
        b"data: x\n" * 500,
        b"event: " + b"x" * 2000 + b"\n",
    ],
    ids=[
        "a line of data",
        "a line without a field",
        "a comment",
        "empty lines of data",
        "tiny lines of data",
        "a type",
    ],
)
def test_what_outgrows_the_limit_is_refused(data, step):
    chunks = [data[i : i + step] for i in range(0, len(data), step)]
    with pytest.raises(LimitExceededError, match="larger than 1000 bytes"):
        decode(*chunks, max_event=1000)


@given(st.integers(85, 105), st.integers(0, 3), st.lists(st.integers(0, 400), max_size=5))
def test_the_limit_is_the_same_for_every_cut(length, more, places):
    def refused(chunks):
        try:
            decode(*chunks, max_event=100)
        except LimitExceededError:
            return True
        return False

    data = b"data:" + b"x" * length + b"\n" + b"data\n" * more + b"\n"
    assert refused(cut(data, places)) == refused([data]) == (5 + length + 4 * more > 100)


def test_the_limit_is_for_one_event_and_not_for_the_stream():
    data = b"data: " + b"x" * 900 + b"\n\n: " + b"x" * 900 + b"\n"
    assert len(decode(data * 50, max_event=1000)) == 50


def test_the_decoder_holds_no_more_than_the_limit():
    decoder = SseDecoder(1000)
    with pytest.raises(LimitExceededError):
        while True:
            list(decoder.feed(b"data: xx\n"))
            assert sum(map(len, decoder._data)) + len(decoder._line) <= 1000


class Counted(bytearray):
    """Counts the bytes that are copied out of it or looked at."""

    work = 0

    def __bytes__(self):
        Counted.work += len(self)
        return bytes(memoryview(self))

    def __iadd__(self, other):
        Counted.work += len(other)
        return super().__iadd__(other)

    def _refused(self, *_):
        raise AssertionError("a search through what is held makes the work quadratic")

    __contains__ = find = index = split = partition = replace = decode = _refused


def test_bytes_one_at_a_time_are_linear_work():
    size = 200_000
    Counted.work = 0
    decoder = SseDecoder()
    decoder._line = Counted()
    data = b"data: " + b"x" * size + b"\n\n"
    events = [event for i in range(len(data)) for event in decoder.feed(data[i : i + 1])]
    assert len(events[0].data) == size
    assert Counted.work <= 3 * len(data)


# what stands in a stream and belongs to no event


@given(st.lists(st.integers(0, 200), max_size=6))
def test_lines_that_belong_to_no_event_are_kept_until_the_next(places):
    decoder = SseDecoder()
    bare = '{\n  "error": "é"\n}\n'
    data = f"id: 1\n: comment\nretry: 5\nold\ndata: x\n\n: comment\n{bare}\n\n".encode()
    for chunk in cut(data, places):
        list(decoder.feed(chunk))
    assert list(decoder.end()) == []
    assert decoder.stray == bare


def test_a_line_that_the_end_cuts_off_is_kept_too():
    decoder = SseDecoder()
    assert list(decoder.feed(b'data: x\n\n{"error": 1}')) == [ServerSentEvent("x")]
    assert (decoder.stray, list(decoder.end()), decoder.stray) == ("", [], '{"error": 1}\n')


def test_what_belongs_to_no_event_is_kept_within_bounds():
    decoder = SseDecoder()
    for _ in range(300):
        assert not list(decoder.feed(b"x" * 1000 + b"\n"))
    assert 0 < len(decoder.stray) <= 64 * 1024
    list(decoder.feed(b"\xff\n"))
    assert decoder.stray.endswith("\ufffd\n")

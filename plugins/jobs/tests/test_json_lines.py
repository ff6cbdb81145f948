"""Lines of JSON, however they are cut, and what is none."""

import itertools
import json

import pytest
from attrs import frozen
from hypothesis import given, strategies as st

from jackfield.errors import LimitExceededError, MalformedReplyError, TruncatedStreamError
from jackfield.types import Event
from jackfield_jobs.json_lines import JsonLines

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@frozen
class Read(Event):
    value: object = None


def decoded(chunks, **more):
    decoder, found = JsonLines(lambda value: [Read(value)], **more), []
    for chunk in chunks:
        found += decoder.feed(chunk)
    found += decoder.end()
    return [event.value for event in found]


def cut(data, places):
    edges = sorted({0, *(place % (len(data) + 1) for place in places), len(data)})
    return [data[one:other] for one, other in itertools.pairwise(edges)]


@given(
    st.lists(values, max_size=5),
    st.lists(st.integers(0, 10_000)),
    st.booleans(),
    st.sampled_from([b"\n", b"\r\n", b"\n\n"]),
)
def test_every_cut_gives_the_same_values(items, places, ended, end):
    data = end.join(json.dumps(item).encode() for item in items) + (end if ended else b"")
    assert decoded(cut(data, places)) == items


def test_a_mark_at_the_beginning_and_lines_that_are_empty_are_nothing():
    assert decoded([b"\xef\xbb\xbf1\n  \n\n2"]) == [1, 2]
    assert decoded([]) == []


@given(st.integers(1, 14))
def test_half_a_line_is_a_truncation_and_what_came_before_it_is_read(place):
    line = json.dumps({"a": "bcdefgh"}).encode()
    decoder = JsonLines(lambda value: [Read(value)])
    assert [event.value for event in decoder.feed(line + b"\n" + line[:place])] == [{"a": "bcdefgh"}]
    with pytest.raises(TruncatedStreamError, match="the reply ended inside line 2"):
        list(decoder.end())


def test_a_line_that_is_none_is_named():
    with pytest.raises(MalformedReplyError, match="line 2 of the reply: the line is not JSON"):
        decoded([b"1\nnonsense\n3\n"])


def test_a_line_without_an_end_is_bounded():
    with pytest.raises(LimitExceededError, match="line 2 of the reply is longer than 100 bytes"):
        decoded([b"1\n", *[b"x" * 60] * 2], limit=100)
    assert decoded([b"1\n" * 500], limit=100) == [1] * 500

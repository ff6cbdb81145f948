"""HTTP as values, and JSON that is exact in both directions."""

import copy
import json

import attrs
import pytest
from hypothesis import given, strategies as st

from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.http import HttpRequest, HttpResponse, read_json, write_json
from jackfield.provider import retry_after

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=20
)


@given(documents)
def test_what_is_written_is_read_back(value):
    assert read_json(write_json(value)) == value


@given(documents)
def test_the_same_value_gives_the_same_bytes_and_is_not_changed(value):
    before = copy.deepcopy(value)
    assert write_json(value) == write_json(copy.deepcopy(value)) == write_json(value)
    assert value == before


def test_json_is_compact_keeps_its_order_and_is_not_escaped():
    assert write_json({"b": [1, 2.5, True, None], "a": "日\u2028"}) == '{"b":[1,2.5,true,null],"a":"日\u2028"}'.encode()


@pytest.mark.parametrize("data", [b"\xef\xbb\xbf{}", "\ufeff{}", b" \r\n\t{} \n", "{}"])
def test_a_byte_order_mark_and_white_space_around_are_no_matter(data):
    assert read_json(data) == {}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "JSONDecodeError"),
        (b"{", "JSONDecodeError"),
        (b"{} {}", "Extra data"),
        (b"[1,]", "JSONDecodeError"),
        (b"{'a': 1}", "JSONDecodeError"),
        (b"<html>", "'<html>'"),
        (b"NaN", "NaN is not JSON"),
        (b'{"a": [Infinity]}', "Infinity is not JSON"),
        (b"-Infinity", "-Infinity is not JSON"),
        (b'"\xff"', "UnicodeDecodeError"),
        ('{"a": 1}'.encode("utf-16"), "UnicodeDecodeError"),
        (b"\x0b{}", "JSONDecodeError"),
        ("\u00a0{}", "JSONDecodeError"),
        (b'"a\nb"', "Invalid control character"),
        (b"1" * 100_000, "ValueError"),
        (b"[" * 100_000, "RecursionError"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "RecursionError"),
    ],
    ids=range(17),
)
def test_what_is_not_json_is_a_typed_error_that_quotes_a_little_of_it(data, says):
    with pytest.raises(MalformedReplyError) as caught:
        read_json(data, "chunk")
    assert caught.value.message.startswith("the chunk is not JSON (")
    assert says in caught.value.message
    assert len(caught.value.message) < 500


@given(st.binary(max_size=40))
def test_any_bytes_are_json_or_a_typed_error(data):
    try:
        read_json(data)
    except MalformedReplyError:
        pass
    else:
        json.loads(data)


def test_whole_numbers_stay_exact():
    number = 2**4000 + 1
    assert read_json(str(number)) == number
    assert write_json(number) == str(number).encode()


def deep(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def ring():
    value = {}
    value["self"] = value
    return value


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: float("nan"), "JSON compliant"),
        (lambda: {"a": [float("inf")]}, "JSON compliant"),
        (lambda: -float("inf"), "JSON compliant"),
        (lambda: deep(100_000), "recursion"),
        (ring, "Circular"),
        (lambda: {"a": b"x"}, "bytes is not JSON serializable"),
        (lambda: {1, 2}, "set is not JSON serializable"),
        (lambda: {("a",): 1}, "keys must be"),
        (lambda: {"a": "\ud800"}, "surrogates not allowed"),
        (lambda: {"\udfff": 1}, "surrogates not allowed"),
        (lambda: 10**5000, "digits"),
    ],
    ids=range(11),
)
def test_what_json_cannot_carry_is_a_bad_request(make, says):
    with pytest.raises(BadRequestError) as caught:
        write_json(make())
    assert caught.value.message.startswith("the request cannot be written as JSON: ")
    assert says in caught.value.message


def test_half_a_surrogate_pair_that_was_escaped_is_read_as_it_came():
    assert read_json(b'"\\ud83d\\ude00"') == "\U0001f600"
    assert read_json(b'"\\ud83d"') == "\ud83d"


@pytest.mark.parametrize("make", [lambda headers: HttpRequest("GET", "/", headers), lambda h: HttpResponse(200, h)])
def test_headers_are_a_copy_with_names_in_lower_case(make):
    headers = {"X-Request-ID": "Abc", "Content-Type": "text/plain"}
    value = make(headers)
    assert value.headers == {"x-request-id": "Abc", "content-type": "text/plain"}
    assert headers == {"X-Request-ID": "Abc", "Content-Type": "text/plain"}
    headers["late"] = "x"
    assert "late" not in value.headers


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("application/json", "application/json"),
        ("Application/JSON; charset=utf-8", "application/json"),
        (" text/event-stream ;x", "text/event-stream"),
        ("", ""),
        (None, ""),
    ],
)
def test_the_content_type_is_the_media_type_alone(header, expected):
    headers = {} if header is None else {"Content-Type": header}
    assert HttpResponse(200, headers).content_type == expected


def test_values_are_frozen_and_show_neither_body_nor_request_headers():
    request = HttpRequest("POST", "/chat", {"authorization": "Bearer hidden"}, b"a prompt")
    response = HttpResponse(200, {}, b"an answer")
    assert "hidden" not in repr(request)
    assert "a prompt" not in repr(request)
    assert "an answer" not in repr(response)
    for value in (request, response):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            value.body = b""
    assert (request.read, request.after, response.body) == (False, 0.0, b"an answer")
    assert HttpResponse(204).body is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"x-ms-retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
        ({"retry-after": "Wed, 99 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 -0000", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "tomorrow", "date": "today"}, None),
    ],
)
def test_how_long_to_wait(headers, seconds):
    assert retry_after(headers) == seconds

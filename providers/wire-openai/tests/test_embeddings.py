"""Embeddings: what is sent, and which vectors come out of whatever a server makes of them."""

import json
import math
import struct
import sys
from array import array
from base64 import b64encode

import attrs
import pytest
from exchanges import JSON, Outcome, single
from hypothesis import given, strategies as st
from operations import INPUT, body_of, destination, good, reading, whole

from jackfield.errors import (
    BadRequestError,
    JackfieldError,
    MalformedReplyError,
    RateLimitError,
    TruncatedStreamError,
    UnsupportedError,
)
from jackfield.operations import EmbedRequest
from jackfield.types import Embedded, RateLimit, Start, Usage, UsageReported
from jackfield_wire_openai.embeddings import embedding_body, read_embed_request, unpacked
from jackfield_wire_openai.profiles import Profile

# --- requests -----------------------------------------------------------------------------------------------

# one row for each field of a request: what is given, and what of it is in the body
FIELDS = {
    "input": ({"input": "a"}, {"input": "a"}),
    "model": ({"model": "openai:other"}, {"model": "m"}),  # the call's target has it
    "dimensions": ({"dimensions": 1}, {"dimensions": 1}),
    "user": ({"user": ""}, {"user": ""}),
    "options": ({"options": {"openai": {"input_type": "query"}, "mock": {}}}, {"input_type": "query"}),
    "extra_body": ({"extra_body": {"truncation": False}}, {"truncation": False}),
}
ELSEWHERE = {"extra_headers", "unsupported"}  # the core sees to both


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(EmbedRequest)])
def test_every_field_of_a_request_is_sent(name):
    if name in ELSEWHERE:
        return
    given_, expected = FIELDS[name]
    assert name in given_
    base = {"model": "m", "input": "x", "encoding_format": "base64"}
    assert body_of(EmbedRequest(**{"input": "x", **given_})) == {**base, **expected}


def test_a_field_that_this_wire_does_not_know_is_reported():
    @attrs.frozen(kw_only=True)
    class Younger(EmbedRequest):
        task: str | None = None

    with pytest.raises(UnsupportedError, match="task: the host has no such parameter"):
        body_of(Younger(input="x", task="t"))
    to = destination(Younger(input="x", task="t"), unsupported="drop")
    assert "task" not in embedding_body(to)


@pytest.mark.parametrize(
    ("inputs", "sent"),
    [("", ""), (["a"], "a"), (["a", "b"], ["a", "b"]), ([1, 2], [1, 2]), ([[1, 2]], [1, 2]), ([[1], [2]], [[1], [2]])],
)
def test_inputs(inputs, sent):
    assert body_of(EmbedRequest(input=inputs))["input"] == sent


@pytest.mark.parametrize("options", [{"encoding_format": "float"}, {"encoding_format": "base64"}])
def test_an_option_names_the_form_of_the_vectors(options):
    assert body_of(EmbedRequest(input="x", options={"openai": options})) == {"model": "m", "input": "x", **options}


def test_a_form_that_is_null_is_not_sent():
    asked = EmbedRequest(input="x", options={"openai": {"encoding_format": None}})
    assert body_of(asked) == {"model": "m", "input": "x", "encoding_format": "base64"}
    assert body_of(asked, profile=Profile(base64=False)) == {"model": "m", "input": "x"}


def test_a_host_that_cannot_pack_is_not_asked_to():
    assert body_of(INPUT, profile=Profile(base64=False)) == {"model": "m", "input": "x"}


@pytest.mark.parametrize("option", ["output_dtype", "embed_dtype", "endianness"])
def test_numbers_of_another_kind_are_not_packed(option):
    asked = {"openai": {option: "int8"}}
    assert body_of(EmbedRequest(input="x", options=asked)) == {"model": "m", "input": "x", option: "int8"}
    with pytest.raises(BadRequestError, match=f"{option}: with it, packed numbers cannot be told apart"):
        body_of(EmbedRequest(input="x", options=asked, extra_body={"encoding_format": "base64"}))
    assert body_of(EmbedRequest(input="x", options={"openai": {option: "float"}}))["encoding_format"] == "base64"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"options": {"openai": {"input": "y"}}}, "options.openai.input: this is set already"),
        ({"dimensions": 1, "options": {"openai": {"dimensions": 2}}}, "options.openai.dimensions: this is set already"),
        ({"extra_body": {"model": "y"}}, "extra_body.model: this is set already"),
    ],
)
def test_a_request_that_contradicts_itself(fields, message):
    with pytest.raises(BadRequestError, match=message):
        body_of(EmbedRequest(input="x", **fields))


def test_a_request_is_read_back():
    body = {
        "model": "m",
        "input": [[1], [2, 3]],
        "dimensions": 3,
        "user": "u",
        "encoding_format": "float",
        "x": {"y": 1},
    }
    request = read_embed_request({**body, "z": None})
    assert request.input == ((1,), (2, 3))
    assert request.options == {"openai": {"encoding_format": "float", "x": {"y": 1}}}
    assert body_of(request) == body


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "input: missing"),
        ({"input": {"a": 1}}, "input: expected a text, several, or tokens"),
        ({"input": b"ab"}, "input: expected a text, several, or tokens"),
        ({"input": [b"ab"]}, "input: expected a text, several, or tokens"),
        ({"input": []}, "input: expected a text, several, or tokens"),
        ({"input": "x", "dimensions": -42}, "dimensions: expected a whole number of at least 1, got -42"),
        ({"input": "x", "user": 5}, "user: expected text"),
    ],
)
def test_a_body_that_is_no_request(body, message):
    with pytest.raises(BadRequestError, match=message):
        read_embed_request(body)


# --- vectors ------------------------------------------------------------------------------------------------

TWO = EmbedRequest(input=["a", "b"])
FLOATS = [0.5, -0.25, 3.0]


def packed(numbers, kind="f"):
    return b64encode(struct.pack(f"<{len(numbers)}{kind}", *numbers)).decode()


def reply(*vectors, **more):
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 2, "total_tokens": 2}, **more}


def vectors(payload, request=INPUT, **more):
    return good(whole(payload, request, **more)).vectors


def test_packed_vectors_are_compact():
    found = good(whole(reply(packed(FLOATS)), INPUT))
    assert found.vectors == (array("f", FLOATS),)
    assert found.vector.typecode == "f"
    assert (found.model, found.usage) == ("m", Usage(2))


def test_decimal_numbers_lose_nothing():
    numbers = [0.1, -1 / 3, 5, 1e-300]
    (vector,) = vectors(reply(numbers))
    assert (vector.typecode, vector.tolist()) == ("d", numbers)


def test_both_forms_in_one_reply():
    assert [vector.typecode for vector in vectors(reply(packed(FLOATS), FLOATS), TWO)] == ["f", "d"]


def test_the_numbers_are_little_endian_whatever_the_machine(monkeypatch):
    other = {"little": "big", "big": "little"}[sys.byteorder]
    straight, swapped = unpacked(packed(FLOATS)), array("f", FLOATS)
    swapped.byteswap()
    monkeypatch.setattr(sys, "byteorder", other)
    assert straight == array("f", FLOATS)
    turned = array("f", FLOATS) if other == "little" else swapped
    assert unpacked(packed(FLOATS)).tobytes() == turned.tobytes()


def test_the_order_is_that_of_the_index():
    document = reply(packed([1]), packed([2]))
    document["data"].reverse()
    outcome = whole(document, TWO)
    assert [vector[0] for vector in good(outcome).vectors] == [1, 2]
    assert [type(event) for event in outcome.events] == [Start, Embedded, Embedded, UsageReported]


def test_without_an_index_the_order_is_that_of_the_list():
    document = reply(packed([1]), packed([2]))
    for item in document["data"]:
        del item["index"]
    assert [vector[0] for vector in vectors(document, TWO)] == [1, 2]


@pytest.mark.parametrize(
    ("indexes", "message"),
    [
        ([0, 0], "data: two vectors for input 0"),
        ([1, None], "data: two vectors for input 1"),
        ([0, 2], "data: a vector for input 2, and there are 2 inputs"),
        ([-1, 0], "data: a vector for input -1, and there are 2 inputs"),
        ([0, 1, 2], "data: a vector for input 2, and there are 2 inputs"),
        (["0", "1"], "index: expected a whole number, got str"),
    ],
)
def test_a_vector_that_nobody_asked_for_goes_to_no_text(indexes, message):
    document = reply(*(packed([1]) for _ in indexes))
    for item, index in zip(document["data"], indexes, strict=True):
        item["index"] = index
    error = whole(document, TWO).error
    assert type(error) is MalformedReplyError
    assert message in error.message


def test_a_text_without_a_vector():
    error = whole(reply(packed([1])), TWO).error
    assert type(error) is TruncatedStreamError
    assert "no vector has arrived for input 1" in error.message


def test_vectors_of_tokens_are_refused_with_advice():
    for vector in ([FLOATS, FLOATS], [FLOATS]):
        error = whole(reply(vector), INPUT).error
        assert type(error) is MalformedReplyError
        assert f"data[0].embedding: expected one vector, got {len(vector)}, one for each token" in error.message
        assert "the server must be told to pool them (llama.cpp: --pooling mean" in error.message


def test_base64_with_white_space_or_without_padding():
    text = packed([1.5])
    assert text.endswith("==")
    for odd in (text[:3] + "\n" + text[3:], f" {text}\r\n", text.rstrip("="), "\n".join(text)):
        assert unpacked(odd) == array("f", [1.5])


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ("", "0 bytes are no vector"),
        ("AAAAAA==" * 2, "not base64"),
        ("AAAA", "3 bytes are no vector: expected a multiple of 4"),
        ("AAAAAAA=", "5 bytes are no vector"),
        ("A", "not base64"),
        ("????", "not base64"),
        ("é", "not base64"),
        ([], "expected numbers or base64, got list"),
        (None, "expected numbers or base64, got NoneType"),
        ({"float": [1]}, "expected numbers or base64, got dict"),
        (5, "expected numbers or base64, got int"),
        (["a"], "expected numbers"),
        ([None], "expected numbers"),
        ([1, [2]], "expected numbers"),
        ([10**400], "expected numbers"),
        (packed([1, math.nan]), "data[0].embedding[1]: expected a number, got nan"),
        (packed([-math.inf]), "data[0].embedding[0]: expected a number, got -inf"),
    ],
)
def test_what_is_no_vector(vector, message):
    error = whole(reply(vector), INPUT).error
    assert type(error) is MalformedReplyError
    assert message in error.message


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_decimal_numbers_that_are_none(number):
    error = whole(b'{"data": [{"embedding": [1, %s]}]}' % number.encode(), INPUT).error
    assert type(error) is MalformedReplyError


def test_the_largest_numbers_are_numbers():
    largest = struct.unpack("<f", b"\xff\xff\x7f\x7f")[0]
    assert unpacked(packed([largest, -largest])) == array("f", [largest, -largest])
    assert vectors(reply([1.7e308, 1.7e308]))[0].tolist() == [1.7e308, 1.7e308]


def test_numbers_of_64_bits_that_were_packed_for_numbers_of_32_bits():
    """Seen at vLLM: nothing in the reply says so, and read as 32 bits it is a vector of twice the length."""
    halves = [struct.unpack("<e", struct.pack("<e", math.sin(number) / 30))[0] for number in range(4096)]
    singles = [struct.unpack("<f", struct.pack("<f", math.sin(number) / 30))[0] for number in range(4096)]
    for numbers in (halves, singles):
        assert unpacked(packed(numbers, "d")) == array("d", numbers)
        assert unpacked(packed(numbers)) == array("f", numbers)
        assert vectors(reply(packed(numbers, "d"))) == (array("d", numbers),)
    # where the length was asked for, it tells, also of vectors that are too short for the bits to tell
    asked = EmbedRequest(input="x", dimensions=3)
    assert vectors(reply(packed(FLOATS, "d")), asked) == (array("d", FLOATS),)
    assert vectors(reply(packed(FLOATS)), asked) == (array("f", FLOATS),)
    assert vectors(reply(packed(FLOATS + FLOATS)), asked)[0].typecode in "fd"


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=200))
def test_what_was_packed_comes_out(numbers):
    sparse = sum(1 for number in numbers if number) * 2 <= len(numbers)
    found = unpacked(packed(numbers), dimensions=None if not sparse and len(numbers) < 64 else len(numbers))
    assert found.tobytes() == array("f", numbers).tobytes()


@pytest.mark.parametrize("zeros", [64, 1536])
def test_an_empty_meaning_is_still_a_vector(zeros):
    assert unpacked(packed([0.0] * zeros)) == array("f", [0.0] * zeros)
    powers = [0.03125, 0.1] * (zeros // 2)  # of which every other has 24 bits of zeros
    assert unpacked(packed(powers)) == array("f", powers)
    one_hot = [0.0] * zeros
    one_hot[1] = 1.0
    assert unpacked(packed(one_hot)) == array("f", one_hot)


def test_a_large_reply():
    row = [math.sin(number) for number in range(1536)]
    request = EmbedRequest(input=[str(number) for number in range(256)])
    document = json.dumps(reply(*([packed(row)] * 256))).encode()
    chunks = (document[at : at + 65536] for at in range(0, len(document), 65536))
    found = good(Outcome(reading(request, JSON), chunks, request)).vectors
    assert len(found) == 256
    assert set(map(bytes, found)) == {array("f", row).tobytes()}


# --- the rest of a reply ------------------------------------------------------------------------------------


def test_what_is_said_of_a_reply():
    headers = {**JSON, "x-request-id": "r1", "x-ratelimit-remaining-tokens": "9"}
    document = reply(FLOATS, id="gen-1", created=5, usage={"prompt_tokens": 2, "total_tokens": 2, "cost": 1e-7})
    found = good(whole(document, INPUT, headers))
    assert (found.id, found.created, found.request_id) == ("gen-1", 5, "r1")
    assert found.rate_limit == RateLimit(None, None, None, None, 9)
    assert found.usage == Usage(2, cost=1e-7)
    assert found.raw == document


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"total_tokens": 18}, Usage(18)),  # Voyage: there is nothing in the total but the input
        ({"prompt_tokens": 5, "total_tokens": 5, "completion_tokens": 0}, Usage(5, 0)),
        ({"total_tokens": "18"}, Usage()),
        (None, None),
        ({}, None),
        ("x", None),
    ],
)
def test_usage(usage, expected):
    assert good(whole(reply(FLOATS, usage=usage), INPUT)).usage == expected


def test_an_error_inside():
    error = whole({"error": {"message": "Slow.", "code": 429}}, INPUT).error
    assert (type(error), error.message) == (RateLimitError, "Slow.")
    assert whole({"object": "error", "message": "Bad.", "code": 400}, INPUT).error.message == "Bad."


@pytest.mark.parametrize("payload", [{}, {"data": []}, {"data": None}, {"data": {}}])
def test_a_reply_without_vectors(payload):
    error = whole(payload, INPUT).error
    assert (type(error), error.retryable, error.body) == (MalformedReplyError, True, payload)


@pytest.mark.parametrize("payload", [[], 5, "x", {"data": "x"}, {"data": [5]}, {"data": [[1.0]]}, b"", b"<html>"])
def test_a_reply_that_cannot_be_one(payload):
    assert type(whole(payload, INPUT).error) is MalformedReplyError


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "index", "embedding", "usage", "error", "id"]), inner, max_size=4)
    ),
    max_leaves=12,
)
items = st.lists(st.fixed_dictionaries({"embedding": anything}, optional={"index": anything}), max_size=3)


@given(anything | st.fixed_dictionaries({"data": items}, optional={"usage": anything, "id": anything}))
def test_any_json_gives_vectors_or_an_error_of_ours(payload):
    outcome = whole(payload, INPUT)
    assert outcome.error is None or isinstance(outcome.error, JackfieldError), outcome.error
    data = json.dumps(payload).encode()
    assert Outcome(reading(INPUT, JSON), single(data), INPUT).facts()[:2] == outcome.facts()[:2]

"""The key: every difference counts, and what is the same has the same."""

from array import array
from enum import Enum
from types import MappingProxyType

import pytest
from attrs import evolve, fields, frozen
from fakes import Player, hello, playing
from hypothesis import given, strategies as st

import jackfield as jf
from jackfield.operations import CHAT, Request
from jackfield_cache._key import NotCanonicalError, canonical, key_of

KEYS = st.one_of(st.text(max_size=3), st.integers(), st.booleans(), st.none(), st.binary(max_size=2))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(KEYS, inner)),
    max_leaves=12,
)


def exact(value):
    """A value with its types, so that equality is exact."""
    if isinstance(value, dict):
        pairs = ((exact(key), exact(item)) for key, item in value.items())
        return ("dict", tuple(pairs))
    if isinstance(value, list):
        return ("list", tuple(map(exact, value)))
    return (type(value).__name__, repr(value))


@given(VALUES, VALUES)
def test_values_have_the_same_form_exactly_where_they_are_the_same(one, other):
    assert (canonical(one) == canonical(other)) == (exact(one) == exact(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (0.0, -0.0),
        (1, "1"),
        ("a", b"a"),
        (None, "None"),
        (b"\x01\x00", array("B", [1, 0])),
        (array("f", [1.0]), array("d", [1.0])),
        ([], {}),
        ([], ""),
        (["a", "b"], ["ab"]),
        (["a,", "b"], ["a", ",b"]),
        ({"a": 1}, [["a", 1]]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1: "x"}, {"1": "x"}),
        ({"a": {"b": 1}}, {"a": {}, "b": 1}),
        ("\ud83d\ude00", "\U0001f600"),
        (jf.Text("x"), jf.Refusal("x")),
        (jf.Text("x"), {"text": "x"}),
        ({1, 2}, [1, 2]),
        ("\u00e9", "e\u0301"),
    ],
)
def test_these_differ(one, other):
    assert canonical(one) != canonical(other)


def test_these_are_the_same():
    assert canonical(MappingProxyType({"a": 1})) == canonical({"a": 1})
    assert canonical(("x", 1)) == canonical(["x", 1])
    assert canonical({"x", "y", "z"}) == canonical(frozenset({"z", "y", "x"}))
    assert canonical(Enum("Word", {"A": "a"}, type=str).A) == canonical("a")


@pytest.mark.parametrize("value", [object(), {"a": [object()]}, lambda: None, 1j, jf.Secret("k"), type])
def test_what_has_no_form_is_refused(value):
    with pytest.raises(NotCanonicalError):
        canonical(value)


class Spy:
    slot = jf.Slot.PREPARE

    async def __call__(self, call, proceed):
        self.call = call
        async for event in proceed(call):
            yield event


def called(**options):
    """The call of a chat, as a middleware sees it."""
    spy = Spy()
    with jf.Client(middleware=[spy], **playing(Player(hello()))) as client:
        client.chat(**options)
    return spy.call


def key(identity="i", namespace=("", ""), **options):
    return key_of(called(**{"messages": "x", **options}), identity, namespace)[0]


OTHER_VALUES = {
    "temperature": 0.5,
    "top_p": 0.5,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "max_output_tokens": 5,
    "stop": "x",
    "seed": 5,
    "n": 2,
    "logit_bias": {"5": 1},
    "user": "u",
    "messages": "y",
    "tools": [jf.Tool("t")],
    "tool_choice": "none",
    "parallel_tool_calls": False,
    "response_format": "json",
    "top_k": 5,
    "logprobs": True,
    "top_logprobs": 5,
    "reasoning_effort": "low",
    "reasoning_budget": 5,
    "metadata": {"a": "b"},
    "service_tier": "flex",
    "extra_headers": {"x-a": "b"},
    "extra_body": {"a": "b"},
    "options": {"openai": {"store": True}},
    "unsupported": "drop",
}


@pytest.mark.parametrize("field", [field.name for field in fields(jf.ChatRequest) if field.name != "model"])
def test_every_field_of_a_request_counts(field):
    assert key(**{field: OTHER_VALUES[field]}) != key()


def test_what_is_beside_the_request_counts():
    keys = {
        key(),
        key(identity="j"),
        key(namespace=("a", "")),
        key(namespace=("", "a")),
        key_of(evolve(called(messages="x"), operation=evolve(CHAT, name="other")), "i", ("", ""))[0],
    }
    assert len(keys) == 5


def test_texts_may_be_of_a_type_of_their_own():
    tenant = Enum("Tenant", {"A": "a"}, type=str).A
    assert key(namespace=(tenant, "")) == key(namespace=("a", ""))
    assert key(unsupported=Enum("Word", {"WARN": "warn"}, type=str).WARN) == key(unsupported="warn")
    assert key(user=Enum("User", {"A": "a"}, type=str).A) == key(user=Enum("User", {"A": "a"}, type=str).A) != key()


def test_what_is_left_out_does_not_count():
    assert key(options={"cache": {"ttl": 5}}) == key(options={}) == key()
    assert key(unsupported="error") == key()
    assert len(key()) == 64


def test_the_type_that_a_schema_was_made_of_does_not_count():
    def made(kind):
        return key(response_format=jf.JsonSchema({"type": "object"}, kind=kind))

    assert made(dict) == made(None) != key()


def test_the_order_of_properties_counts():
    def made(*names):
        schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
        return key(response_format=jf.JsonSchema(schema))

    assert made("reason", "answer") != made("answer", "reason")
    assert made("reason", "answer") == made("reason", "answer")


def test_keys_of_different_types_have_a_key():
    assert key(extra_body={"a": 1, 2: "b"}) == key(extra_body={"a": 1, 2: "b"}) != key(extra_body={2: "b", "a": 1})


def test_a_new_field_is_never_forgotten():
    @frozen(kw_only=True)
    class Newer(jf.ChatRequest):
        mood: str | None = None

    def with_mood(mood):
        call = called(messages="x")
        return key_of(evolve(call, request=Newer(messages="x", mood=mood)), "i", ("", ""))[0]

    assert len({with_mood(None), with_mood("a"), with_mood("b")}) == 3


def test_a_request_that_has_no_form_is_refused():
    loop = {}
    loop["a"] = loop
    for extra in (loop, {"a": object()}, {"a": {"b": [lambda: None]}}):
        with pytest.raises(NotCanonicalError):
            key(extra_body=extra)


def test_a_request_of_one_field_has_a_key():
    @frozen(kw_only=True)
    class Small(Request):
        operation = CHAT
        model: str | None = None

    assert canonical(Small()) != canonical(Small(extra_body={}))

"""JSON read into types, and written again."""

import json
import math
import re
import typing
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal
from uuid import UUID

import attrs
import pytest
from exhaustive import examples
from hypothesis import given, settings, strategies as st
from kinds import (
    KINDS,
    Account,
    Address,
    Box,
    Branch,
    Color,
    Film,
    Json,
    Leaf,
    Many,
    Mixed,
    Moments,
    Name,
    Person,
    Point,
    Private,
    Size,
    TypeAliasType,
    kinds,
    values,
)

from jackfield.endpoint import Secret
from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield_schema import dump, json_schema, read_as, read_response, response_schema

A_VALUE = "expected a value of JSON or of a class with fields"
HOME = Address("High Street")
ANN = {"name": "Ann", "age": 3, "home": {"street": "High Street"}}
ID = UUID("12345678123456781234567812345678")
MOMENTS = Moments(
    datetime(2026, 1, 2, 3, 4, tzinfo=UTC), date(2026, 1, 2), time(3, 4), ID, Decimal("1.50"), Path("a/b"), b"\x00\xff"
)
WRITTEN = {
    "at": "2026-01-02T03:04:00+00:00",
    "on": "2026-01-02",
    "when": "03:04:00",
    "id": str(ID),
    "price": "1.50",
    "file": "a/b",
    "data": "AP8=",
}
MANY = Many(("a",), {1, 2}, frozenset({Name("n")}), (1, "b"), (), {Color.RED: [Point(1.0)]}, {"x": [None]}, 1.5, True)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (str, "", ""),
        (int, 0, 0),
        (int, 10**400, 10**400),
        (int, 5.0, 5),
        (float, 5, 5.0),
        (float, -0.5, -0.5),
        (bool, False, False),
        (None, None, None),
        (Any, {"a": [1, None]}, {"a": [1, None]}),
        (Name, "n", "n"),
        (int | str, "5", "5"),
        (str | int, 5, 5),
        (float | int, 5, 5),
        (float | int, 5.5, 5.5),
        (bool | int, 1, 1),
        (int | None, None, None),
        (Color, "red", Color.RED),
        (Size, 2, Size.LARGE),
        (Mixed, 2, Mixed.TWO),
        (Mixed, True, Mixed.TRUE),
        (Mixed, None, Mixed.NOTHING),
        (Mixed, 0.5, Mixed.HALF),
        (Mixed, "1", Mixed.TEXT),
        (Literal[1, True], True, True),
        (Literal[Color.BLUE, "x"], "blue", Color.BLUE),
        (list, [1, "a"], [1, "a"]),
        (tuple, [1, "a"], (1, "a")),
        (getattr(typing, "Tuple"), [1, "a"], (1, "a")),  # noqa: B009 - the old name itself
        (tuple[int, ...], [], ()),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[()], [], ()),
        (set[int], [2, 1, 2], {1, 2}),
        (dict[str, int], {"": 0}, {"": 0}),
        (dict[date, int], {"2026-01-02": 0}, {date(2026, 1, 2): 0}),
        (date | datetime, "2026-01-02", date(2026, 1, 2)),
        (datetime | date, "2026-01-02", date(2026, 1, 2)),
        (datetime | date, "2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5)),  # noqa: DTZ001
        (datetime, "2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (Decimal, "-1.5E+3", Decimal(-1500)),
        (bytes, "", b""),
        (Address, {"street": "x"}, Address("x")),
        (Address | str, "x", "x"),
        (list[Address | None], [None, {"street": "x", "city": "y"}], [None, Address("x", "y")]),
        (Person, ANN, Person("Ann", 3, Address("High Street"))),
        (Person, ANN | {"friends": [ANN]}, Person("Ann", 3, HOME, friends=[Person("Ann", 3, HOME)])),
        (Private, {"key": 1, "made_by": {}}, Private(key=1, made_by={})),
        (Film, {"title": "a", "rating": 1}, {"title": "a", "rating": 1.0}),
        (Point, {"x": 1}, Point(1.0)),
        (Box[int], {"item": 1, "inner": {"item": 2}}, Box(1, (), Box(2))),
        (Branch | Leaf, {"kind": "leaf", "size": 1}, Leaf("leaf", 1)),
        (Moments, WRITTEN, MOMENTS),
        (Json, {"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        (Annotated[int, "a count"], 1, 1),
    ],
)
def test_a_value_is_read(kind, value, expected):
    read = read_as(value, kind)
    assert read == expected
    assert type(read) is type(expected)


def test_what_a_dataclass_is_given_and_does_not_keep_is_read_and_not_written():
    account = read_as({"cents": 1, "bonus": 2, "owner": "Ann", "label": "old"}, Account)
    assert (account, account.given) == (Account(1, 2, "Ann"), (2, "old", None))
    assert dump(account) == {"cents": 1, "owner": "Ann", "size": 1}
    assert read_as({"cents": 1, "bonus": 2, "label": None}, Account).given == (2, "new", None)
    with pytest.raises(MalformedReplyError, match=r"^Account: bonus: missing; expected a whole number$"):
        read_as({"cents": 1}, Account)
    with pytest.raises(MalformedReplyError, match=r"^Account: label: expected a text, got 5$"):
        read_as({"cents": 1, "bonus": 2, "label": 5}, Account)


def test_null_stands_for_a_field_that_a_strict_schema_cannot_leave_out():
    assert read_as({"street": "x", "city": None}, Address) == Address("x")
    assert read_as(ANN | {"friends": None, "born": None}, Person) == read_as(ANN, Person)
    assert read_as({"title": "a", "rating": 1, "year": None}, Film) == {"title": "a", "rating": 1.0}


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (str, 5, "str: expected a text, got 5"),
        (str, None, "str: expected a text, got None"),
        (int, "5", "int: expected a whole number, got '5'"),
        (int, True, "int: expected a whole number, got True"),
        (int, 5.5, "int: expected a whole number, got 5.5"),
        (int, math.inf, "int: expected a whole number, got inf"),
        (int, math.nan, "int: expected a whole number, got nan"),
        (float, "5", "float: expected a number, got '5'"),
        (float, True, "float: expected a number, got True"),
        (float, math.nan, "float: expected a number, got nan"),
        (bool, 1, "bool: expected true or false, got 1"),
        (None, 0, "None: expected null, got 0"),
        (int | None, "x", "int | None: expected a whole number or null, got 'x'"),
        (Color, "green", 'Color: expected one of "red", "blue", got \'green\''),
        (Color, [], 'Color: expected one of "red", "blue", got []'),
        (Size, True, "Size: expected one of 1, 2, got True"),
        (Literal[1], True, "Literal[1]: expected one of 1, got True"),
        (Literal[True], 1, "Literal[True]: expected one of true, got 1"),
        (list[int], "12", "list[int]: expected a list, got '12'"),
        (list[int], {}, "list[int]: expected a list, got {}"),
        (list[int], [1, "2"], "list[int]: [1]: expected a whole number, got '2'"),
        (tuple[int, str], [1], "tuple[int, str]: expected a list of 2, got [1]"),
        (tuple[int, str], "ab", "tuple[int, str]: expected a list of 2, got 'ab'"),
        (tuple[int, str], [1, 2], "tuple[int, str]: [1]: expected a text, got 2"),
        (set[list[int]], [[1]], "set[list[int]]: set cannot be made of it: TypeError: unhashable type: 'list'"),
        (dict[str, int], [], "dict[str, int]: expected an object, got []"),
        (dict[str, int], {"a b": "x"}, "dict[str, int]: ['a b']: expected a whole number, got 'x'"),
        (dict[date, int], {"x": 1}, "dict[date, int]: x: expected a date, got 'x'"),
        (datetime, "2026-01-02", "datetime: expected a date and time, got '2026-01-02'"),
        (datetime, 5, "datetime: expected a date and time, got 5"),
        (UUID, "x", "UUID: expected a UUID, got 'x'"),
        (Decimal, "1_0", "Decimal: expected a decimal number as a text, got '1_0'"),
        (Decimal, 1.5, "Decimal: expected a decimal number as a text, got 1.5"),
        (bytes, "AP8", "bytes: expected bytes in base64, got 'AP8'"),
        (Path, None, "Path: expected a path, got None"),
        (Address, [], "Address: expected an object, got []"),
        (Address, {}, "Address: street: missing; expected a text"),
        (Address, {"street": "x", "city": 5}, "Address: city: expected a text, got 5"),
        (Address, {"street": None}, "Address: street: expected a text, got None"),
        (Address, {"street": "x", "zip": 1}, "Address: zip: no such field; Address has street, city"),
        (Private, {"_key": 1}, "Private: _key: no such field; Private has key, made, made_by"),
        (
            Person,
            ANN | {"secret": "x"},
            "Person: secret: no such field; Person has name, age, home, color, friends, born",
        ),
        (Film, {"title": "a"}, "Film: rating: missing; expected a number"),
        (
            Person,
            ANN | {"friends": [ANN, ANN | {"home": {"street": 1}}]},
            "Person: friends[1].home.street: expected a text, got 1",
        ),
        (Box[int], {"item": 1, "inner": {"item": "x"}}, "Box[int]: inner.item: expected a whole number, got 'x'"),
        (Branch | Leaf, 5, "Branch | Leaf: expected an object, got 5"),
        (
            Branch | Leaf,
            {"left": {"kind": "leaf", "size": 1}, "right": {"kind": "leaf", "size": "big"}},
            "Branch | Leaf: right.size: expected a whole number, got 'big'",
        ),
        (str, ["x" * 500], "str: expected a text, got ['" + 27 * "x" + "..." + 28 * "x" + "']"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(kind, value, message):
    with pytest.raises(MalformedReplyError) as caught:
        read_as(value, kind)
    assert str(caught.value) == message


def test_a_class_may_refuse_its_values():
    @attrs.frozen
    class Even:
        number: int = attrs.field()

        @number.validator
        def _check(self, _, value):
            if value % 2:
                raise ValueError("it is odd")

    assert read_as([{"number": 2}], list[Even]) == [Even(2)]
    with pytest.raises(
        MalformedReplyError, match=r"Even\]: \[0\]: Even cannot be made of it: ValueError: it is odd$"
    ) as caught:
        read_as([{"number": 1}], list[Even])
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("kind", [complex, Secret, list[Secret]])
def test_a_type_that_has_no_schema_is_not_read(kind):
    with pytest.raises(BadRequestError, match="has no JSON Schema"):
        read_as(["x"], kind)


def test_a_deep_value_is_an_error_and_not_a_crash():
    deep = None
    for _ in range(50_000):
        deep = [deep]
    with pytest.raises(MalformedReplyError, match="Json: it is nested too deeply"):
        read_as(deep, Json)
    with pytest.raises(BadRequestError, match="list cannot be written as JSON"):
        dump(deep)


Nested = TypeAliasType("Nested", lambda: list[Nested] | tuple[Nested, ...] | int)


@pytest.mark.parametrize(
    ("kind", "leaf", "around", "message"),
    [
        (Branch, {"kind": "leaf", "size": "x"}, lambda one: {"left": one, "right": one}, "size: expected a whole"),
        (
            Branch,
            {"kind": "leaf", "size": 1},
            lambda one: {"left": one, "right": one, "kind": "?"},
            "kind: expected one",
        ),
        (Nested, "x", lambda one: [one, one], "expected a list or a whole number, got 'x'"),
    ],
)
def test_each_part_of_a_value_is_tried_once_with_each_type(kind, leaf, around, message):
    # what is tried anew in each branch of each level would not end
    value = leaf
    for _ in range(60):
        value = around(value)
    with pytest.raises(MalformedReplyError, match=message):
        read_as(value, kind)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (5, 5),
        (1.5, 1.5),
        ("a", "a"),
        (Color.RED, "red"),
        (Size.LARGE, 2),
        (type("Text", (str,), {})("a"), "a"),
        (type("Number", (int,), {})(5), 5),
        ([1, (2, 3)], [1, [2, 3]]),
        ({"b", "a", "c"}, ["a", "b", "c"]),
        (frozenset({10, 9}), [10, 9]),
        ({Color.RED: 1, date(2026, 1, 2): 2}, {"red": 1, "2026-01-02": 2}),
        (MOMENTS, WRITTEN),
        (PurePosixPath("a"), "a"),
        (datetime(2026, 1, 2), "2026-01-02T00:00:00"),  # noqa: DTZ001
        (Point(1.0), {"x": 1.0, "y": 0.5}),
        (Private(key=1), {"key": 1, "made": [], "made_by": {"a": 1}}),
        (Box(Box(1)), {"item": {"item": 1, "others": [], "inner": None}, "others": [], "inner": None}),
    ],
)
def test_a_value_is_written(value, expected):
    written = dump(value)
    assert written == expected
    assert type(written) is type(expected)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object, f"type cannot be written as JSON: {A_VALUE}, got <class 'object'>"),
        ([{"a": 1j}], f"list cannot be written as JSON: [0].a: {A_VALUE}, got 1j"),
        ({1: 2}, "dict cannot be written as JSON: [1]: expected a text as key, got 1"),
        (Address(math.nan), "Address cannot be written as JSON: street: JSON has no nan"),
        ([Decimal("Infinity")], "list cannot be written as JSON: [0]: JSON has no Infinity"),
        (Address(Secret("sk-1")), f"Address cannot be written as JSON: street: {A_VALUE}, got Secret('***')"),
    ],

)  # fmt: skip
def test_what_json_cannot_carry_is_named_with_its_place(value, message):
    with pytest.raises(BadRequestError) as caught:
        dump(value)
    assert str(caught.value) == message


def test_a_value_that_holds_itself_is_an_error():
    own = []
    own.append(own)
    with pytest.raises(BadRequestError, match="list cannot be written as JSON"):
        dump(own)


# --- what fits the schema is read, and what was read fits the schema --------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def validator(schema):
    return pytest.importorskip("jsonschema").Draft202012Validator(schema)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@settings(max_examples=examples(15))
@given(data=st.data())
def test_what_fits_the_schema_is_read_and_written_again(kind, data):
    schema = json_schema(kind)
    value = data.draw(values(schema))
    validator(schema).validate(value)
    read = read_as(json.loads(json.dumps(value)), kind)
    written = dump(read)
    validator(schema).validate(written)
    assert read_as(written, kind) == read


@pytest.mark.parametrize("kind", KINDS, ids=str)
@settings(max_examples=examples(15))
@given(data=st.data())
def test_what_was_asked_for_in_a_reply_is_read(kind, data):
    name, schema, _ = response_schema(kind)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name)
    assert schema["type"] == "object"
    value = data.draw(values(schema))
    validator(schema).validate(value)
    read = read_response(json.dumps(value), kind)
    assert read_as(dump(read), kind) == read


@pytest.mark.parametrize("kind", KINDS, ids=str)
@settings(max_examples=examples(15))
@given(data=st.data())
def test_anything_else_is_refused_or_fits(kind, data):
    schema = json_schema(kind)
    value = data.draw(ANYTHING | values(schema).flatmap(mutations))
    try:
        read = read_as(value, kind)
        written = dump(read)
    except (MalformedReplyError, BadRequestError):
        return
    validator(schema).validate(written)


@settings(max_examples=examples(200))
@given(data=st.data(), kind=kinds())
def test_types_of_every_composition_are_asked_for_read_and_written_again(data, kind):
    _, asked, _ = response_schema(kind)
    value = data.draw(values(asked))
    validator(asked).validate(value)
    read = read_response(json.dumps(value), kind)
    written = dump(read)
    validator(json_schema(kind)).validate(written)
    assert read_as(written, kind) == read
    whole = asked.get("properties", {}).keys() == {"value"}
    assert read_response(json.dumps({"value": written} if whole else written), kind) == read
    try:
        other = read_response(json.dumps(data.draw(mutations(value))), kind)
    except MalformedReplyError:
        return
    validator(json_schema(kind)).validate(dump(other))


def mutations(value):
    """A value with one part of it put in another's place."""
    if isinstance(value, list) and value:
        return st.integers(0, len(value) - 1).flatmap(
            lambda index: mutations(value[index]).map(lambda one: [*value[:index], one, *value[index + 1 :]])
        )
    if isinstance(value, dict) and value:
        return st.sampled_from(sorted(value)).flatmap(
            lambda key: (
                mutations(value[key]).map(lambda one: value | {key: one})
                | st.just({other: one for other, one in value.items() if other != key})
                | ANYTHING.map(lambda one: value | {f"{key}x": one})
            )
        )
    return ANYTHING


# --- replies ----------------------------------------------------------------------------------------------------


@dataclass
class Loose:
    table: dict[str, int]


@pytest.mark.parametrize(
    ("kind", "name", "strict", "wrapped"),
    [
        (Address, "Address", True, False),
        (Box[int], "Box_int", True, False),
        (Loose, "Loose", False, False),
        (dict[str, int], "dict_str_int", False, False),
        (list[int], "list_int", True, True),
        (int | None, "int_None", True, True),
        (Literal["Ä", "b"], "Literal_b", True, True),
        (Branch | Leaf, "Branch_Leaf", True, True),
        (Any, "Any", False, True),
        (Color, "Color", True, True),
        (tuple[int, str], "tuple_int_str", False, True),
        (Literal["x" * 100], "Literal_" + 56 * "x", True, True),
    ],
)
def test_a_type_is_asked_for_as_an_object(kind, name, strict, wrapped):
    named, schema, is_strict = response_schema(kind)
    assert (named, is_strict) == (name, strict)
    assert schema["type"] == "object"
    assert (list(schema.get("properties", ())) == ["value"]) is wrapped


def test_what_was_wrapped_is_unwrapped():
    assert response_schema(list[Address])[1] == {
        "type": "object",
        "properties": {"value": {"type": "array", "items": {"$ref": "#/$defs/Address"}}},
        "required": ["value"],
        "additionalProperties": False,
        "$defs": {"Address": json_schema(Address, strict=True)},
    }
    assert read_response('{"value": [{"street": "x", "city": null}]}', list[Address]) == [Address("x")]
    assert read_response('\ufeff {"street": "x"}\n', Address) == Address("x")


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", int, "the reply is not JSON"),
        ("Sure! {}", int, "the reply is not JSON"),
        ('{"value": NaN}', float, "NaN is not JSON"),
        ("5", int, "^the reply is not int: expected an object, got 5$"),
        ('{"value": "5"}', int, "^the reply is not int: value: expected a whole number, got '5'$"),
        ('{"values": 5}', int, "^the reply is not int: values: no such field; the reply has value$"),
        ('{"street": 5}', Address, "^the reply is not Address: street: expected a text, got 5$"),
        ('{"value": ' + "[" * 100_000, list, "the reply is not JSON"),
    ],
)
def test_a_reply_that_does_not_fit_is_an_error(text, kind, message):
    with pytest.raises(MalformedReplyError, match=message):
        read_response(text, kind)

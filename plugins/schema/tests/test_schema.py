"""Types as JSON Schema."""

import subprocess
import sys
import typing
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
    Set as AbstractSet,
)
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum, Flag
from pathlib import Path, PurePath
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypedDict, TypeVar
from uuid import UUID

import attrs
import pytest
from kinds import (
    KINDS,
    Account,
    Address,
    Both,
    Box,
    Color,
    Film,
    Json,
    Labelled,
    Mixed,
    Mood,
    Name,
    Person,
    Point,
    Private,
    Size,
)

from jackfield.endpoint import Secret
from jackfield.errors import BadRequestError
from jackfield_schema import json_schema

STRING, INTEGER, NULL = {"type": "string"}, {"type": "integer"}, {"type": "null"}
BOUND = TypeVar("BOUND", bound=int)
FREE = TypeVar("FREE")
OF_SOME = TypeVar("OF_SOME", str, int)
HERE = Address("here")


def an_object(required, **properties):
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (str, STRING),
        (int, INTEGER),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, NULL),
        (type(None), NULL),
        (Any, {}),
        (object, {}),
        (BOUND, INTEGER),
        (FREE, {}),
        (OF_SOME, {"anyOf": [STRING, INTEGER]}),
        (datetime, {"type": "string", "format": "date-time"}),
        (date, {"type": "string", "format": "date"}),
        (time, {"type": "string", "format": "time"}),
        (UUID, {"type": "string", "format": "uuid"}),
        (Path, STRING),
        (PurePath, STRING),
        (Name, STRING),
        (list, {"type": "array", "items": {}}),
        (list[int], {"type": "array", "items": INTEGER}),
        (Sequence[int], {"type": "array", "items": INTEGER}),
        (MutableSequence[int], {"type": "array", "items": INTEGER}),
        (Collection[int], {"type": "array", "items": INTEGER}),
        (Iterable[int], {"type": "array", "items": INTEGER}),
        (tuple, {"type": "array", "items": {}}),
        # the older names, which bring no types of items along
        *[(getattr(typing, one), {"type": "array", "items": {}}) for one in ("List", "Tuple", "Sequence", "Iterable")],
        *[(getattr(typing, one), {"type": "object", "additionalProperties": True}) for one in ("Dict", "Mapping")],
        *[
            (getattr(typing, one), {"type": "array", "items": {}, "uniqueItems": True})
            for one in ("Set", "AbstractSet")
        ],
        (tuple[int, ...], {"type": "array", "items": INTEGER}),
        (set[int], {"type": "array", "items": INTEGER, "uniqueItems": True}),
        (frozenset[int], {"type": "array", "items": INTEGER, "uniqueItems": True}),
        (MutableSet[int], {"type": "array", "items": INTEGER, "uniqueItems": True}),
        (AbstractSet[int], {"type": "array", "items": INTEGER, "uniqueItems": True}),
        (
            tuple[int, str],
            {"type": "array", "prefixItems": [INTEGER, STRING], "items": False, "minItems": 2, "maxItems": 2},
        ),
        (tuple[()], {"type": "array", "items": False, "minItems": 0, "maxItems": 0}),
        (dict, {"type": "object", "additionalProperties": True}),
        (dict[str, int], {"type": "object", "additionalProperties": INTEGER}),
        (Mapping[Name, int], {"type": "object", "additionalProperties": INTEGER}),
        (
            MutableMapping[date, int],
            {"type": "object", "propertyNames": {"type": "string", "format": "date"}, "additionalProperties": INTEGER},
        ),
        (int | None, {"anyOf": [INTEGER, NULL]}),
        (str | int, {"anyOf": [STRING, INTEGER]}),
        (float | int, {"anyOf": [INTEGER, {"type": "number"}]}),
        (Literal["a"], {"type": "string", "enum": ["a"]}),
        (Literal["a", 1, True], {"type": ["string", "integer", "boolean"], "enum": ["a", 1, True]}),
        (Literal[Color.RED, "x"], {"type": "string", "enum": ["red", "x"]}),
        (Color, {"type": "string", "enum": ["red", "blue"], "description": "What it looks like."}),
        (Size, {"type": "integer", "enum": [1, 2]}),
        (Mood, {"type": "string", "enum": ["good", "bad"]}),
        (Mixed, {"type": ["integer", "boolean", "null", "number", "string"], "enum": [2, True, None, 0.5, "1"]}),
        (Annotated[int, "a count", object(), "of things"], {"type": "integer", "description": "a count of things"}),
        (Annotated[int, object()], INTEGER),
        (list[Annotated[int, "a count"]], {"type": "array", "items": {"type": "integer", "description": "a count"}}),
    ],
)
def test_a_type_has_a_schema(kind, expected):
    assert json_schema(kind) == expected


def test_decimals_and_bytes_are_texts_with_a_pattern():
    assert json_schema(Decimal) == {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,9})?$"}
    assert json_schema(bytes)["contentEncoding"] == "base64"


def test_an_attrs_class_with_what_its_docstring_says():
    assert json_schema(Address) == {
        "type": "object",
        "description": "Where somebody lives.",
        "properties": {
            "street": {"type": "string", "description": "the street, with its number."},
            "city": {"type": "string", "description": "the city.", "default": "Bath"},
        },
        "required": ["street"],
        "additionalProperties": False,
    }


def test_a_dataclass_with_what_is_given_and_not_kept():
    """An `InitVar` is asked for, and a `ClassVar` is not."""
    assert json_schema(Account) == an_object(
        ["cents", "bonus"],
        cents=INTEGER | {"description": "how much there is."},
        bonus=INTEGER | {"description": "what is added once."},
        owner=STRING | {"default": "nobody"},
        size={"default": 1},
        label=STRING | {"description": "a label", "default": "new"},
        notes={"default": None},
    ) | {"description": "Somebody's money."}


def test_a_recursive_dataclass_with_nested_classes():
    person = {
        "type": "object",
        "description": "Somebody.",
        "properties": {
            "name": {"type": "string", "description": "the full name"},
            "age": {"anyOf": [INTEGER, NULL]},
            "home": {"$ref": "#/$defs/Address", "description": "the main one"},
            "color": {
                "type": "string",
                "enum": ["red", "blue"],
                "description": "What it looks like.",
                "default": "red",
            },
            "friends": {"type": "array", "items": {"$ref": "#/$defs/Person"}, "default": []},
            "born": {"anyOf": [{"type": "string", "format": "date"}, NULL], "default": None},
        },
        "required": ["name", "age", "home"],
        "additionalProperties": False,
    }
    assert json_schema(Person) == {**person, "$defs": {"Person": person, "Address": json_schema(Address)}}


def test_names_in_json_are_those_of_the_initializer():
    assert json_schema(Private) == an_object(
        ["key"],
        key=INTEGER,
        made={"type": "array", "items": INTEGER, "default": []},
        made_by={"type": "object", "additionalProperties": INTEGER},
    )


def test_typed_dictionaries_know_what_must_be_there():
    film = json_schema(Film)
    assert film["required"] == ["title", "rating"]
    assert list(film["properties"]) == ["title", "year", "rating", "tags"]
    assert film["properties"]["tags"]["description"] == "what it is about"
    assert film["description"] == "A movie, and more."
    Loose = TypedDict("Loose", {"in-reply-to": str}, total=False)
    assert json_schema(Loose) == an_object([], **{"in-reply-to": STRING})


def test_a_named_tuple_is_an_object():
    assert json_schema(Point) == an_object(["x"], x={"type": "number"}, y={"type": "number", "default": 0.5})


def test_generic_classes():
    inner = {"anyOf": [{"$ref": "#/$defs/Box_str"}, NULL], "default": None}
    others = {"type": "array", "items": STRING, "default": []}
    box = an_object(["item"], item=STRING, others=others, inner=inner)
    assert json_schema(Box[str]) == {**box, "$defs": {"Box_str": box}}
    assert json_schema(Box)["properties"]["item"] == {}
    labelled = json_schema(Labelled[str])["properties"]
    assert labelled["item"] == INTEGER
    assert labelled["label"] == {"anyOf": [STRING, NULL], "default": None}
    assert json_schema(Both[int, str]) == an_object(
        ["one", "other"],
        one={"type": "object", "additionalProperties": INTEGER},
        other={"type": "array", "items": STRING},
    )


def test_a_generic_base_that_is_generic_again():
    @attrs.frozen(kw_only=True)
    class Listed(Box[list[FREE]], Generic[FREE]):
        more: FREE

    properties = json_schema(Listed[int])["properties"]
    assert properties["item"] == {"type": "array", "items": INTEGER}
    assert properties["more"] == INTEGER


def test_a_name_for_a_type_may_be_made_of_itself():
    reference = {"$ref": "#/$defs/Json"}
    options = [{"type": "boolean"}, INTEGER, STRING, {"type": "array", "items": reference}]
    body = {"anyOf": [*options, {"type": "object", "additionalProperties": reference}, NULL]}
    assert json_schema(Json) == {**body, "$defs": {"Json": body}}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the statement is new in Python 3.12")
def test_the_statement_that_names_a_type():
    names = {}
    exec("type Row[T] = list[T] | None\ntype Tree = int | Row[Tree]", names)
    schema = json_schema(names["Tree"])
    assert schema["anyOf"] == [INTEGER, {"$ref": "#/$defs/Row_Tree"}]
    items = {"type": "array", "items": {"$ref": "#/$defs/Tree"}}
    assert schema["$defs"]["Row_Tree"] == {"anyOf": [items, NULL]}


def test_classes_of_one_name_are_kept_apart():
    def make(kind):
        class Same(NamedTuple):
            it: kind

        return Same

    one, two = make(int), make(str)
    schema = json_schema(tuple[one, two, one])
    assert [item["$ref"] for item in schema["prefixItems"]] == ["#/$defs/Same", "#/$defs/Same2", "#/$defs/Same"]
    assert schema["$defs"] == {"Same": an_object(["it"], it=INTEGER), "Same2": an_object(["it"], it=STRING)}


def test_the_text_on_a_type_goes_before_the_docstring():
    @dataclass
    class Spoken:
        """Says.

        Attributes:
            one: from the docstring
            two: from the docstring
            color: from the docstring
        """

        one: Annotated[int, "from the type"]
        two: int
        color: Color

    texts = {key: one["description"] for key, one in json_schema(Spoken)["properties"].items()}
    assert texts == {"one": "from the type", "two": "from the docstring", "color": "from the docstring"}


@pytest.mark.parametrize(
    ("doc", "expected"),
    [
        (None, {}),
        ("", {}),
        ("One.", {"description": "One."}),
        ("One\n    and more.\n\n    Two.", {"description": "One and more."}),
        ("\n    Attributes:\n        x: alone\n", {"description": None, "x": "alone"}),
        ("One.\n    Attributes:\n        x: at once", {"description": "One.", "x": "at once"}),
        (
            "One.\n\n    Attributes:\n        x (int): typed\n          on\n\n          and on\n    End.",
            {"x": "typed on and on"},
        ),
        ("One.\n\n    Attributes:\n        x:\n            below", {"x": "below"}),
        ("One.\n\n    Attributes:\n        no entry here\n        x: later", {"x": "later"}),
        ("One.\n\n    Notes:\n        x: a note", {"x": None}),
        ("One.\n\n    Attributes:\n        y: another", {"x": None}),
    ],
)
def test_docstrings_are_read_as_google_writes_them(doc, expected):
    @attrs.frozen
    class Documented:
        x: int

    Documented.__doc__ = doc
    schema = json_schema(Documented)
    found = {"description": schema.get("description"), "x": schema["properties"]["x"].get("description")}
    assert expected.items() <= found.items()


def test_inherited_fields_keep_their_texts():
    @attrs.frozen
    class House(Address):
        """A house.

        Attributes:
            city: the town.
        """

        rooms: int = 1

    properties = json_schema(House)["properties"]
    assert properties["street"]["description"] == "the street, with its number."
    assert properties["city"]["description"] == "the town."


def test_a_default_that_json_cannot_carry_is_left_out():
    @dataclass
    class Odd:
        it: Any = field(default=object())
        made: list[int] = field(default_factory=lambda: [1])
        address: Address = HERE
        moment: datetime = datetime(2026, 1, 2, 3, 4)  # noqa: DTZ001

    assert json_schema(Odd)["properties"] == {
        "it": {},
        "made": {"type": "array", "items": INTEGER},
        "address": {"$ref": "#/$defs/Address", "default": {"street": "here", "city": "Bath"}},
        "moment": {"type": "string", "format": "date-time", "default": "2026-01-02T03:04:00"},
    }


class Bits(Flag):
    A = 1


class Empty(Enum):
    pass


class Odd(Enum):
    PAIR = (1, 2)


@attrs.frozen
class Holder:
    items: list[dict[str, complex]]


@attrs.frozen
class Lost:
    it: "Nowhere"  # noqa: F821


MORE = "tuple[int, *tuple[str, ...]]"
WORDS = (
    "texts, numbers, true and false, None, dates, lists, dictionaries, Literal, Enum, unions and classes with fields"
)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (complex, f"complex: complex has no JSON Schema; {WORDS} have one"),
        (Holder, f"Holder.items[][]: complex has no JSON Schema; {WORDS} have one"),
        (list[Holder], f"Holder.items[][]: complex has no JSON Schema; {WORDS} have one"),
        (tuple[int, Bits], f"tuple[int, Bits][1]: Bits has no JSON Schema; {WORDS} have one"),
        (Empty, f"Empty: Empty has no JSON Schema; {WORDS} have one"),
        (Odd, f"Odd: Odd has no JSON Schema; {WORDS} have one"),
        (tuple[int, *tuple[str, ...]], f"{MORE}[1]: *tuple[str, ...] has no JSON Schema; {WORDS} have one"),
        (Literal[b"x"], f"Literal[b'x']: Literal[b'x'] has no JSON Schema; {WORDS} have one"),
        (Callable[[], int], f"Callable[[], int]: Callable[[], int] has no JSON Schema; {WORDS} have one"),
        (Secret, f"Secret: Secret has no JSON Schema; {WORDS} have one"),
        ("Address", f"Address: Address has no JSON Schema; {WORDS} have one"),
        ([], f"[]: [] has no JSON Schema; {WORDS} have one"),
        (dict[int, str], "dict[int, str]: a key of a JSON object is a text, and these would be a whole number"),
        (
            dict[Literal["a", 1], str],
            "dict[Literal['a', 1], str]: a key of a JSON object is a text, and these would be one of \"a\", 1",
        ),
        (Lost, "Lost: its type hints cannot be read: NameError: name 'Nowhere' is not defined"),
    ],
    ids=str,
)
def test_a_type_without_a_schema_is_named_with_its_place(kind, message):
    with pytest.raises(BadRequestError) as caught:
        json_schema(kind)
    assert str(caught.value) == message


def test_a_schema_can_be_given_for_a_type_that_has_none():
    @attrs.frozen
    class Settings:
        key: Secret
        """A key."""
        other: Secret | None = None

    known = {Secret: {"type": "string", "format": "password"}}
    secret = known[Secret]
    expected = an_object(["key"], key=secret, other={"anyOf": [secret, NULL], "default": None})
    assert json_schema(Settings, known=known) == expected
    assert known == {Secret: {"type": "string", "format": "password"}}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_schema_is_one_and_the_same_each_time(kind):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json_schema(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    schema.clear()
    assert json_schema(kind) == json_schema(kind)


def test_nothing_of_it_is_imported_before_it_is_needed():
    code = (
        "import sys, jackfield, jackfield.client, jackfield.operations\n"
        "assert 'jackfield_schema' not in sys.modules\n"
        "import jackfield_schema\n"
        "assert jackfield_schema.json_schema(int) == {'type': 'integer'}\n"
        "assert not {'pydantic', 'msgspec'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

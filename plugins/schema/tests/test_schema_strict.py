"""Strict schemas, as OpenAI's structured outputs want them."""

from typing import Annotated, Any, Literal

import attrs
import pytest
from kinds import KINDS, Address, Box, Branch, Color, Film, Leaf, Many, Moments, Person, Point, Private

from jackfield.errors import BadRequestError
from jackfield_schema import fits_strict, json_schema, response_schema

STRING, INTEGER, NULL = {"type": "string"}, {"type": "integer"}, {"type": "null"}
# what the service accepts, by its documentation
ALLOWED = {"$defs", "$ref", "additionalProperties", "anyOf", "description", "enum", "format", "items", "pattern"}
ALLOWED |= {"properties", "required", "type"}
FORMATS = {"date", "date-time", "time", "uuid"}


def check(schema, root=None):
    """Every rule of the service, on every part of a schema."""
    if root is None:
        assert schema["type"] == "object"
        assert "anyOf" not in schema
    root = root or schema
    assert schema.keys() <= ALLOWED
    if "$ref" in schema:
        assert schema.keys() == {"$ref"}
        assert schema["$ref"].removeprefix("#/$defs/") in root["$defs"]
        return
    assert schema.keys() & {"type", "anyOf"}
    assert schema.get("format", "date") in FORMATS
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])
    if schema.get("type") == "array":
        check(schema["items"], root)
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()), *schema.get("$defs", {}).values()]
    for part in parts:
        check(part, root)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_strict_schema_keeps_every_rule(kind):
    _, schema, strict = response_schema(kind)
    if strict:
        check(schema)
    if fits_strict(kind):
        assert json_schema(kind, strict=True) == schema


def test_most_types_have_one():
    assert {
        kind for kind in (Address, Person, Private, Film, Point, Box[str], Branch, Moments) if fits_strict(kind)
    } == {Address, Person, Film, Point, Box[str], Branch, Moments}


def test_a_field_that_can_be_left_out_can_be_null():
    @attrs.frozen
    class Settings:
        """Some.

        Attributes:
            size: how much
        """

        name: str
        size: int = 3
        color: Color = Color.RED
        tags: list[str] = attrs.field(factory=list)
        other: Annotated[str | None, "whatever"] = None
        way: Literal["a"] | None = None
        nothing: None = None

    assert json_schema(Settings, strict=True) == {
        "type": "object",
        "description": "Some.",
        "properties": {
            "name": STRING,
            "size": {"anyOf": [INTEGER, NULL], "description": "how much"},
            "color": {
                "anyOf": [{"type": "string", "enum": ["red", "blue"]}, NULL],
                "description": "What it looks like.",
            },
            "tags": {"anyOf": [{"type": "array", "items": STRING}, NULL]},
            "other": {"anyOf": [STRING, NULL], "description": "whatever"},
            "way": {"anyOf": [{"type": "string", "enum": ["a"]}, NULL]},
            "nothing": NULL,
        },
        "required": ["name", "size", "color", "tags", "other", "way", "nothing"],
        "additionalProperties": False,
    }


def test_a_reference_with_a_text_is_written_out():
    properties = json_schema(Person, strict=True)["properties"]
    home = json_schema(Address, strict=True)
    assert properties["home"] == {**home, "description": "the main one"}
    assert properties["friends"]["anyOf"][0] == {"type": "array", "items": {"$ref": "#/$defs/Person"}}


def test_a_class_that_is_made_of_itself_is_not_written_out_for_ever():
    schema = json_schema(Tree, strict=True)
    check(schema)
    inner = schema["properties"]["trees"]["items"]
    assert inner["description"] == "a smaller one"
    assert inner["properties"]["trees"]["items"] == {
        "anyOf": [{"$ref": "#/$defs/Tree"}],
        "description": "a smaller one",
    }


@attrs.frozen
class Tree:
    trees: "list[Annotated[Tree, 'a smaller one']]"


@attrs.frozen
class Holder:
    trees: list[Tree]
    table: list[dict[str, int]]


NOT_STRICT = "cannot be strict: a strict schema has no Any, no dictionary and no tuple with a type for each place"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Many, f"Many.place[] {NOT_STRICT}"),
        (Private, f"Private.made_by {NOT_STRICT}"),
        (Holder, f"Holder.table[] {NOT_STRICT}"),
        (Box[Any], f"Box[Any].item {NOT_STRICT}"),
        (dict[str, int], f"dict[str, int] {NOT_STRICT}"),
        (list[int], "list[int]: a strict schema is an object at the top"),
        (Leaf | Branch, "Leaf | Branch: a strict schema is an object at the top"),
        (Any, "Any: a strict schema is an object at the top"),
    ],
    ids=str,
)
def test_what_cannot_be_strict_is_named_with_its_place(kind, message):
    with pytest.raises(BadRequestError) as caught:
        json_schema(kind, strict=True)
    assert str(caught.value) == message
    assert fits_strict(kind) is False


def test_what_is_deep_inside_is_named_by_its_class():
    with pytest.raises(BadRequestError, match=r"^Private\.made_by cannot be strict"):
        json_schema(Box[list[Private]], strict=True)


def test_a_type_without_a_schema_is_an_error_and_not_merely_not_strict():
    for ask in (fits_strict, response_schema):
        with pytest.raises(BadRequestError, match="complex has no JSON Schema"):
            ask(list[complex])

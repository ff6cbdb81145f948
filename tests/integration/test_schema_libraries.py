"""Types of pydantic and msgspec, alone and inside our own: their libraries do the work."""

import sys
from datetime import date
from typing import Annotated, Any, Literal

import attrs
import pytest

from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.types import Tool
from jackfield_schema import dump, fits_strict, json_schema, read_as, read_response, response_schema

pydantic = pytest.importorskip("pydantic")
msgspec = pytest.importorskip("msgspec")


class Part(pydantic.BaseModel):
    """A part."""

    size: int = 3
    parts: list["Part"] = []
    on: date | None = pydantic.Field(default=None, description="when", alias="day")
    mode: Literal["a", 1] = 1


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]


class Owner(pydantic.BaseModel):
    pet: Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]
    first: Cat = pydantic.Field(description="the first")


class Loose(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")


class Numbers(pydantic.RootModel[list[int]]):
    pass


class Node(msgspec.Struct):
    """A node."""

    size: int = 3
    nodes: list["Node"] = []
    day: date | None = None


class Leaf(msgspec.Struct, tag=True):
    size: int


class Twig(msgspec.Struct, tag=True, forbid_unknown_fields=True):
    leaves: list[Leaf]


class Tree(msgspec.Struct):
    top: Leaf | Twig


@attrs.frozen
class Both:
    part: Part
    node: Node
    other: Part | None = None


def check(schema, root=None):
    root = root or schema
    assert not schema.keys() & {"default", "title", "oneOf", "discriminator", "const"} - {"const"}
    if "$ref" in schema:
        assert schema.keys() == {"$ref"}
        assert schema["$ref"].removeprefix("#/$defs/") in root["$defs"]
        return
    assert schema.keys() & {"type", "anyOf"}
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])
    for part in [
        *schema.get("properties", {}).values(),
        *schema.get("anyOf", ()),
        *schema.get("$defs", {}).values(),
        *([schema["items"]] if "items" in schema else []),
    ]:
        check(part, root)


@pytest.mark.parametrize("kind", [Part, Owner, Numbers, Node, Tree, Both, list[Part], Cat | Leaf], ids=str)
def test_the_schema_is_the_library_s_own_and_can_be_strict(kind):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(json_schema(kind))
    _, schema, strict = response_schema(kind)
    assert strict
    check(schema)


def test_a_model_that_is_not_recursive_is_described_as_pydantic_does():
    assert json_schema(Cat) == Cat.model_json_schema()
    assert json_schema(Numbers) == Numbers.model_json_schema()


def test_definitions_have_one_name_each():
    schema = json_schema(Both)
    assert schema["$defs"].keys() == {"Part.Part", "Node.Node"}
    assert schema["properties"]["part"] == {"$ref": "#/$defs/Part.Part"}
    assert schema["properties"]["other"] == {
        "anyOf": [{"$ref": "#/$defs/Part.Part"}, {"type": "null"}],
        "default": None,
    }
    assert "A node." in str(schema["$defs"]["Node.Node"])


def test_a_value_must_be_given_where_the_library_would_refuse_null():
    assert json_schema(Part, strict=True)["properties"]["size"] == {"type": "integer"}
    own = json_schema(Both, strict=True)
    assert own["required"] == ["part", "node", "other"]
    assert own["$defs"]["Part.Part"]["properties"]["size"] == {"type": "integer"}


def test_what_their_classes_leave_open_cannot_be_strict():
    assert not fits_strict(Loose)
    assert not fits_strict(pydantic.create_model("Table", table=dict[str, int]))
    assert not fits_strict(pydantic.create_model("Pair", pair=tuple[int, str]))
    with pytest.raises(BadRequestError, match=r"^Wide\.any cannot be strict"):
        json_schema(pydantic.create_model("Wide", any=(Any, ...)), strict=True)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (
            Part,
            {"size": 1, "parts": [{"size": 2, "parts": [], "day": None, "mode": "a"}], "day": "2026-01-02", "mode": 1},
        ),
        (Owner, {"pet": {"kind": "dog"}, "first": {"kind": "cat"}}),
        (Numbers, [1, 2]),
        (Node, {"size": 1, "nodes": [{"size": 2, "nodes": [], "day": None}], "day": "2026-01-02"}),
        (Tree, {"top": {"type": "Twig", "leaves": [{"type": "Leaf", "size": 1}]}}),
        (
            Both,
            {
                "part": {"size": 1, "parts": [], "day": None, "mode": 1},
                "node": {"size": 1, "nodes": [], "day": None},
                "other": None,
            },
        ),
        (dict[str, Node], {"a": {"size": 1, "nodes": [], "day": None}}),
    ],
)
def test_a_value_is_read_and_written(kind, value):
    read = read_as(value, kind)
    assert dump(read) == value
    assert read_as(dump(read), kind) == read


def test_what_is_read_is_of_the_class():
    both = read_as({"part": {"day": "2026-01-02"}, "node": {"size": 1}}, Both)
    assert both == Both(Part(day=date(2026, 1, 2)), Node(1))
    assert read_response('{"value": [1]}', Numbers) == Numbers([1])


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Part, {"size": "x"}, r"^Part: size: Input should be a valid integer.*, got 'x'$"),
        (Part, [], r"^Part: Input should be an object"),
        (Both, {"part": {"parts": [{"size": []}]}, "node": {}}, r"^Both: part\.parts\[0\]\.size: Input should be"),
        (Node, {"size": "5"}, r"^Node: Expected `int`, got `str` - at `\$\.size`$"),
        (Both, {"part": {}, "node": 5}, r"^Both: node: Expected `object`, got `int`$"),
        (Tree, {"top": {"type": "Root"}}, r"^Tree: Invalid value 'Root' - at `\$\.top\.type`$"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(kind, value, message):
    with pytest.raises(MalformedReplyError, match=message) as caught:
        read_as(value, kind)
    assert type(caught.value.__cause__).__module__.partition(".")[0] in {"pydantic_core", "msgspec"}


def test_what_they_cannot_describe_or_write_is_our_error():
    class Odd(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        it: Any

    class Queer(msgspec.Struct):
        it: complex

    described = pydantic.create_model("Described", __config__={"arbitrary_types_allowed": True}, it=(type(sys), ...))
    for kind in (described, Queer):
        with pytest.raises(BadRequestError, match="has no JSON Schema"):
            json_schema(kind)
    for value in (Odd(it=object()), Queer(1j)):
        with pytest.raises(BadRequestError, match="cannot be written as JSON"):
            dump(value)


def test_a_function_may_take_them():
    def build(part: Part, nodes: list[Node]) -> None:
        """Build it."""

    tool = Tool.from_function(build, strict=True)
    check(tool.parameters)
    assert tool.parameters["$defs"].keys() == {"Part.Part", "Node.Node"}

"""Types of every sort that has a JSON Schema, and a way to make values that fit a schema."""

from __future__ import annotations

import dataclasses
import enum
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
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path, PurePath
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Required,
    TypedDict,
    TypeVar,
    Union,
)
from uuid import UUID

import attrs
from hypothesis import strategies as st

T = TypeVar("T")
U = TypeVar("U")
Name = NewType("Name", str)


class TypeAliasType:
    """What `type Name = ...` makes since Python 3.12: the value is found when it is asked for."""

    __type_params__ = ()

    def __init__(self, name: str, find: Callable[[], Any]) -> None:
        self.__name__ = name
        self.find = find

    @property
    def __value__(self) -> Any:
        return self.find()

    def __repr__(self) -> str:
        return self.__name__

    def __call__(self) -> None:
        """Only because `Union` takes what can be called."""

    def __or__(self, other: Any) -> Any:
        return Union[self, other]  # noqa: UP007


Json = TypeAliasType("Json", lambda: bool | int | str | list[Json] | dict[str, Json] | None)


class Color(enum.Enum):
    """What it looks like.

    And more.
    """

    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Mood(enum.StrEnum):
    GOOD = enum.auto()
    BAD = enum.auto()


class Mixed(enum.Enum):
    TWO = 2
    TRUE = True
    NOTHING = None
    HALF = 0.5
    TEXT = "1"


@attrs.frozen
class Address:
    """Where somebody lives.

    More of it.

    Attributes:
        street: the street,
            with its number.
        city (str): the city.

    Raises:
        ValueError: never.
    """

    street: str
    city: str = "Bath"


@dataclasses.dataclass
class Person:
    """Somebody."""

    name: Annotated[str, "the full name"]
    age: int | None
    home: Annotated[Address, "the main one"]
    color: Color = Color.RED
    friends: list[Person] = dataclasses.field(default_factory=list)
    born: date | None = None
    secret: str = dataclasses.field(default="x", init=False)


@attrs.define(kw_only=True)
class Private:
    _key: int
    _made: list[int] = attrs.field(factory=list)
    made_by: dict[str, int] = attrs.field(factory=lambda: {"a": 1})
    total: int = attrs.field(init=False, default=0)


@dataclasses.dataclass
class Account:
    """Somebody's money.

    Attributes:
        cents: how much there is.
        bonus: what is added once.
        label: what it is called at first.
    """

    cents: int
    bonus: dataclasses.InitVar[int]
    owner: Final[str] = "nobody"
    size: Final = 1
    label: dataclasses.InitVar[Annotated[str, "a label"]] = "new"
    notes: dataclasses.InitVar[Any] = None
    count: ClassVar[int] = 0

    def __post_init__(self, bonus: int, label: str, notes: Any) -> None:
        self.given = (bonus, label, notes)


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Film(Movie, total=False):
    """A movie, and more."""

    rating: Required[float]
    tags: Annotated[list[str], "what it is about"]


class Point(NamedTuple):
    x: float
    y: float = 0.5


@attrs.frozen
class Box(Generic[T]):
    item: T
    others: tuple[T, ...] = ()
    inner: Box[T] | None = None


@attrs.frozen
class Labelled(Box[int], Generic[U]):
    label: U | None = None


@dataclasses.dataclass
class Both(Generic[T, U]):
    one: Mapping[str, T]
    other: list[U]


@attrs.frozen
class Leaf:
    kind: Literal["leaf"]
    size: int


@attrs.frozen
class Branch:
    left: Branch | Leaf
    right: Branch | Leaf
    kind: Literal["branch"] = "branch"


@attrs.frozen
class Moments:
    at: datetime
    on: date
    when: time
    id: UUID
    price: Decimal
    file: Path
    data: bytes


@attrs.frozen
class Many:
    texts: Sequence[str]
    numbers: set[int]
    names: frozenset[Name]
    place: tuple[int, str]
    nothing: tuple[()]
    table: dict[Color, list[Point]]
    any: Any
    thing: object
    choice: Literal["a", 1, True] | None


KINDS: tuple[Any, ...] = (
    str, int, float, bool, None, Any, Name, Color, Size, Mood, Mixed, Address, Person, Private, Movie, Film, Point,
    Box, Box[str], Labelled[str], Both[int, Address], Branch, Branch | Leaf, Moments, Many, Json,
    list, dict, tuple, list[int], list[Address | None], dict[str, Person], dict[Name, dict[str, float]],
    tuple[int, ...], tuple[int, str, Point], tuple[()], int | str, float | int, Address | list[Address] | str,
    Literal["a"], Literal["a", 1], Literal[Color.RED, "x"], Annotated[int, "a number"], date | datetime,
    list[Annotated[Color, "a color"]],
)  # fmt: skip


# what a type may be made of: every plain one, each sort of class, and the older names without what they hold
ATOMS: tuple[Any, ...] = (
    str, int, float, bool, None, Any, object, datetime, date, time, UUID, Decimal, Path, PurePath, bytes,
    Name, Color, Size, Mood, Mixed, Literal["a"], Literal["a", 1, True], Literal[Color.RED, "x"],
    Address, Person, Private, Film, Point, Box, Leaf, Json, list, tuple, dict,
    *(getattr(typing, name) for name in ("List", "Tuple", "Dict", "Sequence", "Iterable", "Mapping")),
)  # fmt: skip
KEYS: tuple[Any, ...] = (str, Name, Color, Mood, date, datetime, time, UUID, Decimal, Path, bytes, Literal["a", "b"])
LISTS: tuple[Any, ...] = (list, MutableSequence, Sequence, Collection, Iterable)
SETS: tuple[Any, ...] = (set, MutableSet, frozenset, AbstractSet)
TABLES: tuple[Any, ...] = (dict, Mapping, MutableMapping)


def _around(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(lambda made, item: made[item], st.sampled_from(LISTS), inner),
        st.builds(lambda made, key, item: made[key, item], st.sampled_from(TABLES), st.sampled_from(KEYS), inner),
        inner.map(lambda item: tuple[item, ...]),
        st.lists(inner, max_size=3).map(lambda items: tuple[tuple(items)]),
        st.lists(inner | st.none(), min_size=2, max_size=3).map(lambda options: Union[tuple(options)]),  # noqa: UP007
        inner.map(lambda item: Annotated[item, "a text"]),
        inner.map(lambda item: Box[item]),
        inner.map(lambda item: Both[item, int]),
    )


def kinds() -> st.SearchStrategy[Any]:
    """Types that have a JSON Schema, composed of the others in every way."""
    sets = st.builds(lambda made, item: made[item], st.sampled_from(SETS), st.sampled_from([*KEYS, int, Mixed]))
    return st.recursive(st.sampled_from(ATOMS) | sets, _around, max_leaves=4)


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit a schema of ours."""
    definitions: dict[str, Any] = {}
    for name, body in schema.get("$defs", {}).items():
        definitions[f"#/$defs/{name}"] = st.deferred(lambda body=body: _values(body, definitions))
    return _values(schema, definitions)


def _values(schema: Any, definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    if schema is True or not schema.keys() & {"$ref", "enum", "anyOf", "type"}:
        return ANYTHING
    if "$ref" in schema:
        strategy: st.SearchStrategy[Any] = definitions[schema["$ref"]]
        return strategy
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of([_values(one, definitions) for one in reversed(schema["anyOf"])])
    return MADE[schema["type"]](schema, definitions)


def _texts(schema: dict[str, Any], _: Any) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        return st.from_regex(schema["pattern"].removesuffix("$") + r"\Z")
    return WRITTEN.get(schema.get("format"), st.text(max_size=10))


def _lists(schema: dict[str, Any], definitions: Any) -> st.SearchStrategy[list[Any]]:
    if schema["items"] is False:
        return st.tuples(*(_values(one, definitions) for one in schema.get("prefixItems", ()))).map(list)
    return st.lists(
        _values(schema["items"], definitions), max_size=3, unique_by=repr if schema.get("uniqueItems") else None
    )


def _objects(schema: dict[str, Any], definitions: Any) -> st.SearchStrategy[dict[str, Any]]:
    if schema["additionalProperties"] is not False:
        keys = _values({"type": "string"} | schema.get("propertyNames", {}), definitions)
        return st.dictionaries(keys, _values(schema["additionalProperties"], definitions), max_size=3)
    made = {key: _values(one, definitions) for key, one in schema["properties"].items()}
    required = {key: made.pop(key) for key in schema.get("required", ())}
    return st.fixed_dictionaries(required, optional=made)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
WRITTEN: dict[Any, st.SearchStrategy[str]] = {
    "date": st.dates().map(date.isoformat),
    "date-time": st.datetimes().map(datetime.isoformat),
    "time": st.times().map(time.isoformat),
    "uuid": st.uuids().map(str),
}
MADE: dict[str, Callable[[Any, Any], st.SearchStrategy[Any]]] = {
    "string": _texts,
    "integer": lambda *_: st.integers(),
    "number": lambda *_: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
    "boolean": lambda *_: st.booleans(),
    "null": lambda *_: st.none(),
    "array": _lists,
    "object": _objects,
}

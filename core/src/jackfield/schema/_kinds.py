"""From a Python type to what its JSON looks like."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Mapping,
    MutableMapping,
    MutableSequence,
    MutableSet,
    Sequence,
)
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum, Flag
from functools import lru_cache
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NewType, TypeVar, Union, get_args, get_origin
from uuid import UUID

from ..errors import BadRequestError
from ._foreign import Foreign, foreign_of
from ._members import Member, described, members_of, named, substituted
from ._shapes import (
    NAMES,
    Alias,
    Book,
    Choice,
    Described,
    Fields,
    Fixed,
    Items,
    Object,
    OneOf,
    Opaque,
    Reading,
    Scalar,
    Shape,
    Table,
)

__all__ = ["fields_of", "shape"]

DECIMAL: Final = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
BASE64: Final = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
LISTS: Final[dict[Any, Any]] = {
    list: list,
    MutableSequence: list,
    tuple: tuple,
    Sequence: tuple,
    Collection: tuple,
    Iterable: tuple,
    set: set,
    MutableSet: set,
    frozenset: frozenset,
    AbstractSet: frozenset,
}
TABLES: Final = (dict, Mapping, MutableMapping)


class Borrowed(Shape):
    """A class of pydantic or msgspec."""

    def __init__(self, foreign: Foreign, where: str) -> None:
        self.foreign = foreign
        self.where = where

    def words(self) -> str:
        return "an object"

    def schema(self, book: Book) -> dict[str, Any]:
        try:
            return book.borrow(self.foreign.kind, self.foreign.schema)
        except TypeError as error:
            raise BadRequestError(f"{self.where}: {named(self.foreign.kind)} has no JSON Schema: {error}") from error

    def read(self, value: Any, reading: Reading) -> Any:
        return self.foreign.read(value)


def shape(kind: Any, where: str) -> Shape:
    """What JSON looks like for a type. `where` is what errors call the place that it stands in."""
    for find in (_wrapped, _choice, _builtin, _class):
        found = find(kind, where)
        if found is not None:
            return found
    return Opaque(kind, where)


def _wrapped(kind: Any, where: str) -> Shape | None:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        inner = shape(args[0], where)
        text = " ".join(one for one in args[1:] if isinstance(one, str))
        return Described(inner, text) if text else inner
    if isinstance(kind, NewType):
        return shape(kind.__supertype__, where)
    if isinstance(kind, TypeVar):
        return shape(Any if kind.__bound__ is None else kind.__bound__, where)
    if origin in {Union, UnionType}:
        options = [shape(one, where) for one in args]
        # a whole number is a number too: the narrower type goes first
        return OneOf(tuple(sorted(options, key=lambda option: option is SCALARS[float])))
    if type(origin or kind).__name__ == "TypeAliasType":
        return _alias(kind)
    return None


def _alias(kind: Any) -> Alias:
    origin = get_origin(kind) or kind
    bound = dict(zip(origin.__type_params__, get_args(kind), strict=False))
    return Alias(kind, lambda: shape(substituted(origin.__value__, bound), named(kind)))


def _choice(kind: Any, where: str) -> Shape | None:
    text = None
    if get_origin(kind) is Literal:
        values = get_args(kind)
    elif isinstance(kind, type) and issubclass(kind, Enum) and not issubclass(kind, Flag):
        values = tuple(kind)
        text = described(kind.__dict__.get("__doc__"))[0]
    else:
        return None
    plain = [value.value if isinstance(value, Enum) else value for value in values]
    if not plain or not all(type(value) in NAMES for value in plain):
        return Opaque(kind, where)
    return Choice({(isinstance(one, bool), one): value for one, value in zip(plain, values, strict=True)}, text)


def _builtin(kind: Any, where: str) -> Shape | None:
    origin, args = get_origin(kind), get_args(kind)
    base = NoneType if kind is None else origin or kind
    if base is Any or base is object:
        return Shape()
    if not isinstance(base, type):
        return None
    if base is tuple and origin and args[-1:] != (Ellipsis,):
        return Fixed(tuple(shape(one, f"{where}[{index}]") for index, one in enumerate(args)))
    if base in LISTS:
        return Items(shape(args[0] if args else Any, f"{where}[]"), LISTS[base])
    if base in TABLES:
        key, item = args or (str, Any)
        return Table(shape(key, where), shape(item, f"{where}[]"), where)
    return SCALARS.get(base)


def _class(kind: Any, where: str) -> Shape | None:
    cls = get_origin(kind) or kind
    if not isinstance(cls, type):
        return None
    if foreign := foreign_of(kind):
        return Borrowed(foreign, where)
    fields = members_of(cls)
    return None if fields is None else _object(kind, repr(kind))


@lru_cache(maxsize=512)
def _object(kind: Any, _text: str) -> Object:
    # the text keeps unions apart that are equal but for their order
    cls = get_origin(kind) or kind
    bound = dict(zip(getattr(cls, "__parameters__", ()), get_args(kind), strict=False))
    doc = cls.__dict__.get("__doc__") or ""
    # dataclasses and named tuples without a docstring are given their signature as one
    text = None if doc.startswith(f"{cls.__name__}(") else described(doc)[0]
    make = dict if issubclass(cls, dict) else cls
    title = named(kind)
    return Object(title, make, lambda: fields_of(title, members_of(cls) or (), bound), kind, text)


def fields_of(title: str, members: Iterable[Member], bound: Mapping[Any, Any]) -> Fields:
    """The shape of each member, by its key; `bound` says what type variables stand for."""
    return {one.key: (one, shape(substituted(one.kind, bound), f"{title}.{one.key}")) for one in members}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _integer(value: Any) -> int:
    # JSON has one kind of number, and 5.0 is a whole one
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) != value:
        raise TypeError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError
    return float(value)


def _exactly(kind: type[Any]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError
        return value

    return check


def _moment(value: Any) -> datetime:
    if "T" not in _text(value).upper() and " " not in value:
        raise ValueError  # a date alone
    return datetime.fromisoformat(value)


def _decimal(value: Any) -> Decimal:
    if not re.fullmatch(DECIMAL, _text(value)):
        raise ValueError
    return Decimal(value)


def _string(**more: str) -> dict[str, str]:
    return {"type": "string", **more}


SCALARS: Final[dict[Any, Scalar]] = {
    NoneType: Scalar("null", {"type": "null"}, _exactly(NoneType)),
    bool: Scalar("true or false", {"type": "boolean"}, _exactly(bool)),
    int: Scalar("a whole number", {"type": "integer"}, _integer),
    float: Scalar("a number", {"type": "number"}, _number),
    str: Scalar("a text", _string(), _text),
    datetime: Scalar("a date and time as ISO 8601 writes it", _string(format="date-time"), _moment),
    date: Scalar(
        "a date as ISO 8601 writes it", _string(format="date"), lambda value: date.fromisoformat(_text(value))
    ),
    time: Scalar(
        "a time as ISO 8601 writes it", _string(format="time"), lambda value: time.fromisoformat(_text(value))
    ),
    UUID: Scalar("a UUID", _string(format="uuid"), lambda value: UUID(_text(value))),
    Decimal: Scalar("a decimal number as a text", _string(pattern=DECIMAL), _decimal),
    Path: Scalar("a path", _string(), lambda value: Path(_text(value))),
    PurePath: Scalar("a path", _string(), lambda value: PurePath(_text(value))),
    bytes: Scalar(
        "bytes in base64",
        _string(contentEncoding="base64", pattern=BASE64),
        lambda value: base64.b64decode(_text(value), validate=True),
    ),
}

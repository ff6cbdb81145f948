"""What JSON looks like for a Python type: its schema, and how a value is read. One place for both, so they agree."""

from __future__ import annotations

import re
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
from contextlib import suppress
from enum import Enum, Flag
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NewType, TypeVar, Union, get_args, get_origin

from attrs import NOTHING, define, evolve, field, frozen

from jackfield.errors import BadRequestError
from jackfield.http import write_json

from ._members import Member, described, members_of, named, substituted
from ._plain import SCALARS, Misfit, dump, foreign_read, foreign_schema, inside, library_of, unexpected

Json = dict[str, Any]
REF: Final = "#/$defs/"
NAMES: Final = {str: "string", bool: "boolean", int: "integer", float: "number", NoneType: "null"}
BARE_TUPLE: Final = typing.Tuple  # noqa: UP006 - the name itself
OTHERWISE: Final = ("expected one of", "missing", "no such field")
LISTS: Final[Mapping[Any, Any]] = {
    **dict.fromkeys((list, MutableSequence), list),
    **dict.fromkeys((tuple, Sequence, Collection, Iterable), tuple),
    **dict.fromkeys((set, MutableSet), set),
    **dict.fromkeys((frozenset, AbstractSet), frozenset),
}


@define
class Book:
    """The definitions of one schema.

    Attributes:
        known: schemas for types that have none of their own.
        bodies: the definitions, by name.
        names: what each type is called.
        foreign: the names that another library wrote.
    """

    known: Mapping[Any, Mapping[str, Any]]
    bodies: dict[str, Json] = field(factory=dict)
    names: dict[Any, str] = field(factory=dict)
    foreign: set[str] = field(factory=set)

    def refer(self, kind: Any, find: Callable[[], Shape]) -> Json:
        """A reference to the definition of a type, which is written when it is first asked for."""
        if kind not in self.names:
            name = self._name(kind)  # the body may refer to itself
            self.bodies[name] = find().schema(self)
        return {"$ref": REF + self.names[kind]}

    def borrow(self, kind: Any, library: Any) -> Json:
        """The same for a class of another library, which brings definitions of its own."""
        if kind not in self.names:
            name = self._name(kind)
            body = foreign_schema(library, kind, f"{REF}{name}.")
            added = {f"{name}.{inner}": one for inner, one in body.pop("$defs", {}).items()} | {name: body}
            self.bodies |= added
            self.foreign |= added.keys()
            self.names[kind] = body.get("$ref", name).removeprefix(REF)
        return {"$ref": REF + self.names[kind]}

    def _name(self, kind: Any) -> str:
        """A name that is not taken yet and that a reference can hold."""
        first = re.sub(r"\W+", "_", named(kind), flags=re.ASCII).strip("_") or "value"
        names = (f"{first}{number or ''}" for number in (0, *range(2, len(self.bodies) + 3)))
        self.names[kind] = name = next(name for name in names if name not in self.bodies)
        self.bodies[name] = {}
        return name


# what became of each part of a value and each type of a union, by their ids, so that each is tried once
Tried = dict[tuple[int, int], tuple[Any, Misfit | None]]


@frozen(eq=False)
class Shape:
    """What JSON looks like for one type.

    Attributes:
        words: what is expected, for an error.
        schema: writes the JSON Schema.
        read: makes the Python value, or raises a Misfit.
        annotated: whether the schema has a text for the model that the author put on the type.
    """

    words: str
    schema: Callable[[Book], Json]
    read: Callable[[Any, Tried], Any]
    annotated: bool = False


def shape(kind: Any, where: str) -> Shape:
    """The shape of a type. `where` is what errors call the place that it stands in."""
    for find in (_wrapped, _choice, _builtin, _class):
        found = find(kind, where)
        if found is not None:
            return found

    def refuse(*_: Any) -> Any:
        raise BadRequestError(
            f"{where}: {named(kind)} has no JSON Schema; texts, numbers, true and false, None, dates, lists, "
            "dictionaries, Literal, Enum, unions and classes with fields have one"
        )

    def schema(book: Book) -> Json:
        return next((dict(body) for one, body in book.known.items() if one is kind), None) or refuse()

    return Shape(named(kind), schema, refuse)


# --- types around types ---------------------------------------------------------------------------------------


def _wrapped(kind: Any, where: str) -> Shape | None:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Annotated:
        inner, text = shape(args[0], where), " ".join(one for one in args[1:] if isinstance(one, str))
        more = {"description": text} if text else {}
        return evolve(
            inner, schema=lambda book: {**inner.schema(book), **more}, annotated=bool(text) or inner.annotated
        )
    if isinstance(kind, NewType):
        return shape(kind.__supertype__, where)
    if isinstance(kind, TypeVar):
        return shape(kind.__bound__ or Union[kind.__constraints__ or (Any,)], where)  # noqa: UP007 - of a list
    if origin in {Union, UnionType}:
        # a whole number is a number too: the narrower type goes first
        return _union([shape(one, where) for one in sorted(args, key=lambda one: one is float)])
    return _alias(kind) if type(origin or kind).__name__ == "TypeAliasType" else None


@lru_cache(maxsize=512)
def _alias(kind: Any) -> Shape:
    alias = get_origin(kind) or kind
    bound = dict(zip(alias.__type_params__, get_args(kind), strict=False))
    return _late(kind, named(kind), lambda: shape(substituted(alias.__value__, bound), named(kind)))


def _late(kind: Any, words: str, find: Callable[[], Shape]) -> Shape:
    """A type with a name, which may be made of itself."""
    find = cache(find)
    return Shape(words, lambda book: book.refer(kind, find), lambda value, tried: find().read(value, tried))


def _union(options: Sequence[Shape]) -> Shape:
    words = " or ".join(dict.fromkeys(option.words for option in options))

    def read(value: Any, tried: Tried) -> Any:
        failures = []
        for option in options:
            key = id(option), id(value)
            if key not in tried:
                try:
                    tried[key] = option.read(value, tried), None
                except Misfit as error:
                    tried[key] = None, error
            found, failure = tried[key]
            if failure is None:
                return found
            failures.append(failure)
        # what fits deepest was meant; a wrong tag or a missing field says that it was not
        nearest = max(failures, key=lambda error: (len(error.path), not error.text.startswith(OTHERWISE)))
        raise nearest if nearest.path else unexpected(words, value)

    return Shape(words, lambda book: {"anyOf": [option.schema(book) for option in options]}, read)


# --- plain values ---------------------------------------------------------------------------------------------


def _choice(kind: Any, _: str) -> Shape | None:
    if get_origin(kind) is Literal:
        values, text = get_args(kind), None
    elif isinstance(kind, type) and issubclass(kind, Enum) and not issubclass(kind, Flag):
        values, text = tuple(kind), described(kind)[0]
    else:
        return None
    plain = [value.value if isinstance(value, Enum) else value for value in values]
    if not plain or not all(type(value) in NAMES for value in plain):
        return None
    types = list(dict.fromkeys(NAMES[type(value)] for value in plain))
    body = {"type": types[0] if len(types) == 1 else types, "enum": plain} | ({"description": text} if text else {})
    words = f"one of {', '.join(write_json(value).decode() for value in plain)}"
    # true is not 1
    found = {(isinstance(one, bool), one): value for one, value in zip(plain, values, strict=True)}

    def read(value: Any, _: Tried) -> Any:
        if type(value) not in NAMES or (isinstance(value, bool), value) not in found:
            raise unexpected(words, value)
        return found[isinstance(value, bool), value]

    return Shape(words, lambda _: dict(body), read)


def _scalar(kind: Any) -> Shape | None:
    if kind not in SCALARS:
        return Shape("anything", lambda _: {}, lambda value, _: value) if kind is object else None
    words, body, convert, _ = SCALARS[kind]

    def read(value: Any, _: Tried) -> Any:
        try:
            return convert(value)
        except (TypeError, ValueError, ArithmeticError):
            raise unexpected(words, value) from None

    return Shape(words, lambda _: dict(body), read)


# --- lists and tables -----------------------------------------------------------------------------------------


def _builtin(kind: Any, where: str) -> Shape | None:
    origin, args = get_origin(kind), get_args(kind)
    base = NoneType if kind is None else object if kind is Any else origin or kind
    if not isinstance(base, type) or getattr(kind, "__unpacked__", False):
        return None
    # the bare name has an origin too, and no items like the type of an empty tuple
    if base is tuple and origin and kind is not BARE_TUPLE and args[-1:] != (Ellipsis,):
        return _fixed([shape(one, f"{where}[{index}]") for index, one in enumerate(args)])
    if base in LISTS:
        return _items(shape(args[0] if args else Any, f"{where}[]"), LISTS[base])
    if base in {dict, Mapping, MutableMapping}:
        key, item = args or (str, Any)
        return _table(shape(key, where), shape(item, f"{where}[]"), where)
    return _scalar(base)


def _items(item: Shape, make: Any) -> Shape:
    unique = {"uniqueItems": True} if make in {set, frozenset} else {}

    def read(value: Any, tried: Tried) -> Any:
        items = enumerate(_of(list, "a list", value))
        return _made(make, [inside(index, item.read, one, tried) for index, one in items])

    return Shape("a list", lambda book: {"type": "array", "items": item.schema(book), **unique}, read)


def _fixed(items: Sequence[Shape]) -> Shape:
    words, count = f"a list of {len(items)}", len(items)

    def schema(book: Book) -> Json:
        places = {"prefixItems": [item.schema(book) for item in items]} if items else {}
        return {"type": "array", **places, "items": False, "minItems": count, "maxItems": count}

    def read(value: Any, tried: Tried) -> Any:
        if len(_of(list, words, value)) != count:
            raise unexpected(words, value)
        return tuple(inside(index, items[index].read, one, tried) for index, one in enumerate(value))

    return Shape(words, schema, read)


def _table(key: Shape, item: Shape, where: str) -> Shape:
    def schema(book: Book) -> Json:
        keys = key.schema(book)
        if keys.get("type") != "string":
            raise BadRequestError(f"{where}: a key of a JSON object is a text, and these would be {key.words}")
        names = {} if keys == {"type": "string"} else {"propertyNames": keys}
        return {"type": "object", **names, "additionalProperties": item.schema(book) or True}

    def read(value: Any, tried: Tried) -> Any:
        pairs = _of(dict, "an object", value).items()
        return {inside(name, key.read, name, tried): inside(name, item.read, one, tried) for name, one in pairs}

    return Shape("an object", schema, read)


def _of(kind: type[Any], words: str, value: Any) -> Any:
    if not isinstance(value, kind):
        raise unexpected(words, value)
    return value


def _made(make: Any, *values: Any, **fields: Any) -> Any:
    try:
        return make(*values, **fields)
    except Exception as error:  # a class may check its values and raise what it likes
        raise Misfit(f"{named(make)} cannot be made of it: {type(error).__name__}: {error}") from error


# --- classes --------------------------------------------------------------------------------------------------


def _class(kind: Any, _: str) -> Shape | None:
    cls = get_origin(kind) or kind
    if library := library_of(kind):
        return Shape(
            "an object", lambda book: book.borrow(kind, library), lambda value, _: foreign_read(library, kind, value)
        )
    return _own_class(kind) if isinstance(cls, type) and members_of(cls) is not None else None


@lru_cache(maxsize=512)
def _own_class(kind: Any) -> Shape:
    cls: Any = get_origin(kind) or kind
    bound = dict(zip(getattr(cls, "__parameters__", ()), get_args(kind), strict=False))
    make = dict if issubclass(cls, dict) else cls
    return _late(
        kind, "an object", lambda: members_shape(named(kind), members_of(cls) or (), make, bound, described(cls)[0])
    )


def members_shape(
    title: str, members: Iterable[Member], make: Any, bound: Mapping[Any, Any] | None = None, text: str | None = None
) -> Shape:
    """The shape of an object with these members; `bound` says what type variables stand for."""
    fields = {one.key: (one, shape(substituted(one.kind, bound or {}), f"{title}.{one.key}")) for one in members}

    def schema(book: Book) -> Json:
        required = [member.key for member, _ in fields.values() if member.required]
        return {
            "type": "object",
            **({"description": text} if text else {}),
            "properties": {key: _property(*fields[key], book) for key in fields},
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    def read(value: Any, tried: Tried) -> Any:
        for key in _of(dict, "an object", value):
            if key not in fields:
                raise Misfit(f"no such field; {title} has {', '.join(fields) or 'none'}", key)
        made = {}
        for key, (member, inner) in fields.items():
            if key in value:
                try:
                    made[key] = inside(key, inner.read, value[key], tried)
                except Misfit:
                    # a strict schema cannot leave a field out, and has null for that
                    if value[key] is not None or member.required:
                        raise
            elif member.required:
                raise Misfit(f"missing; expected {inner.words}", key)
        return _made(make, **made)

    return Shape("an object", schema, read)


def _property(member: Member, inner: Shape, book: Book) -> Json:
    body = inner.schema(book)
    if member.description and not inner.annotated:
        body["description"] = member.description
    if member.default is not NOTHING:
        # where JSON cannot carry it, the field can be left out all the same
        with suppress(BadRequestError):
            body["default"] = dump(member.default)
    return body

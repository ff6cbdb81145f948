"""What JSON looks like for a Python type: its schema, and how a value is read. One place for both, so they agree."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from types import NoneType
from typing import Any, Final, TypeAlias

from attrs import NOTHING, Factory, define, frozen

from ..errors import BadRequestError
from ..http import write_json
from ._members import Member, named
from ._misfit import Misfit, inside, shown
from ._plain import dump

__all__ = [
    "NAMES",
    "Alias",
    "Book",
    "Choice",
    "Described",
    "Fixed",
    "Items",
    "Object",
    "OneOf",
    "Opaque",
    "Reading",
    "Scalar",
    "Shape",
    "Table",
]

NAMES: Final = {str: "string", bool: "boolean", int: "integer", float: "number", NoneType: "null"}


class Book:
    """The definitions of one schema, by name.

    Attributes:
        bodies: what each name stands for.
        foreign: the names that another library wrote.
        known: schemas for types that have none of their own.
    """

    def __init__(self, known: Mapping[Any, Mapping[str, Any]]) -> None:
        self.bodies: dict[str, dict[str, Any]] = {}
        self.foreign: set[str] = set()
        self.known = known
        self._names: dict[Any, str] = {}

    def refer(self, kind: Any, write: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A reference to the definition of a type; the first one has it written."""
        if kind not in self._names:
            self._names[kind] = name = self.free(named(kind))
            self.bodies[name] = {}  # the name is taken while the body, which may refer to it, is written
            self.bodies[name] = write()
        return {"$ref": f"#/$defs/{self._names[kind]}"}

    def borrow(self, kind: Any, write: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        """The same for a type of another library, which brings definitions of its own."""
        if kind not in self._names:
            body = write("")
            if self.bodies.keys() & body.get("$defs", {}).keys():
                body = write(f"{self.free(named(kind))}.")
            inner = body.pop("$defs", {})
            self.bodies |= inner
            if body.keys() == {"$ref"}:
                name = body["$ref"].removeprefix("#/$defs/")
            else:
                name = self.free(named(kind))
                self.bodies[name] = body
            self.foreign |= {name, *inner}
            self._names[kind] = name
        return {"$ref": f"#/$defs/{self._names[kind]}"}

    def free(self, name: str) -> str:
        """A name like this one that is not taken and that a reference can hold."""
        name = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "value"
        number = 1
        while (free := name if number == 1 else f"{name}{number}") in self.bodies:
            number += 1
        return free


@define
class Reading:
    """A value that is being read.

    Attributes:
        null_is_absent: whether a null may stand for a field that was left out.
        tried: what became of the parts of it that several types were tried on, so that each is tried once.
    """

    null_is_absent: bool = False
    tried: dict[tuple[int, int], Any] = Factory(dict)


class Shape:
    """What JSON looks like for one type; as it stands, anything."""

    def words(self) -> str:
        """What is expected, in an error."""
        return "anything"

    def schema(self, book: Book) -> dict[str, Any]:
        """The JSON Schema."""
        return {}

    def read(self, value: Any, reading: Reading) -> Any:
        """The Python value. A Misfit is raised where there is none."""
        return value


Fields: TypeAlias = Mapping[str, tuple[Member, Shape]]


@frozen
class Scalar(Shape):
    """A text, a number, or something that is written as one."""

    expected: str
    body: Mapping[str, Any]
    convert: Callable[[Any], Any]

    def words(self) -> str:
        return self.expected

    def schema(self, book: Book) -> dict[str, Any]:
        return dict(self.body)

    def read(self, value: Any, reading: Reading) -> Any:
        try:
            return self.convert(value)
        except (TypeError, ValueError, ArithmeticError):
            raise Misfit(f"expected {self.words()}, got {shown(value)}") from None


@frozen
class Choice(Shape):
    """One of several plain values: a Literal or an Enum."""

    values: Mapping[tuple[bool, Any], Any]
    description: str | None = None

    def words(self) -> str:
        return f"one of {', '.join(write_json(plain).decode() for _, plain in self.values)}"

    def schema(self, book: Book) -> dict[str, Any]:
        plain = [value for _, value in self.values]
        types = list(dict.fromkeys(NAMES[type(value)] for value in plain))
        body = {"type": types[0] if len(types) == 1 else types, "enum": plain}
        return body | ({"description": self.description} if self.description else {})

    def read(self, value: Any, reading: Reading) -> Any:
        # true is not 1
        found = self.values.get((isinstance(value, bool), value), NOTHING) if type(value) in NAMES else NOTHING
        if found is NOTHING:
            raise Misfit(f"expected {self.words()}, got {shown(value)}")
        return found


@frozen
class Items(Shape):
    """A list of any length."""

    item: Shape
    make: Callable[[list[Any]], Any]

    def words(self) -> str:
        return "a list"

    def schema(self, book: Book) -> dict[str, Any]:
        unique = {"uniqueItems": True} if self.make in {set, frozenset} else {}
        return {"type": "array", "items": self.item.schema(book)} | unique

    def read(self, value: Any, reading: Reading) -> Any:
        if not isinstance(value, list):
            raise Misfit(f"expected a list, got {shown(value)}")
        items = [inside(index, self.item.read, one, reading) for index, one in enumerate(value)]
        try:
            return self.make(items)
        except TypeError as error:
            raise Misfit(f"a set cannot hold these: {error}") from error


@frozen
class Fixed(Shape):
    """A list in which each place has its own type."""

    items: tuple[Shape, ...]

    def words(self) -> str:
        return f"a list of {len(self.items)}"

    def schema(self, book: Book) -> dict[str, Any]:
        count = len(self.items)
        body: dict[str, Any] = {"prefixItems": [item.schema(book) for item in self.items]} if count else {}
        return {"type": "array", **body, "items": False, "minItems": count, "maxItems": count}

    def read(self, value: Any, reading: Reading) -> Any:
        if not isinstance(value, list) or len(value) != len(self.items):
            raise Misfit(f"expected {self.words()}, got {shown(value)}")
        pairs = enumerate(zip(self.items, value, strict=True))
        return tuple(inside(index, item.read, one, reading) for index, (item, one) in pairs)


@frozen
class Table(Shape):
    """An object with any keys."""

    key: Shape
    item: Shape
    where: str

    def words(self) -> str:
        return "an object"

    def schema(self, book: Book) -> dict[str, Any]:
        keys = self.key.schema(book)
        if keys.get("type") != "string":
            raise BadRequestError(f"{self.where}: a key of a JSON object is a text, and these are {self.key.words()}")
        names = {} if keys == {"type": "string"} else {"propertyNames": keys}
        return {"type": "object", **names, "additionalProperties": self.item.schema(book) or True}

    def read(self, value: Any, reading: Reading) -> Any:
        if not isinstance(value, dict):
            raise Misfit(f"expected an object, got {shown(value)}")
        return {
            inside(key, self.key.read, key, reading): inside(key, self.item.read, one, reading)
            for key, one in value.items()
        }


@frozen
class OneOf(Shape):
    """A union: the first type that fits is taken."""

    options: tuple[Shape, ...]

    def words(self) -> str:
        return " or ".join(dict.fromkeys(option.words() for option in self.options))

    def schema(self, book: Book) -> dict[str, Any]:
        return {"anyOf": [option.schema(book) for option in self.options]}

    def read(self, value: Any, reading: Reading) -> Any:
        failures = []
        for option in self.options:
            try:
                return self._once(option, value, reading)
            except Misfit as error:
                failures.append(error)
        deepest = max(failures, key=lambda error: len(error.path))
        raise deepest if deepest.path else Misfit(f"expected {self.words()}, got {shown(value)}")

    @staticmethod
    def _once(option: Shape, value: Any, reading: Reading) -> Any:
        if not isinstance(value, dict | list):
            return option.read(value, reading)
        key = id(option), id(value)
        if key not in reading.tried:
            try:
                reading.tried[key] = option.read(value, reading), None
            except Misfit as error:
                reading.tried[key] = None, (error.text, *error.path)
        read, failure = reading.tried[key]
        if failure:
            raise Misfit(*failure)
        return read


@frozen
class Described(Shape):
    """A type with a text for the model."""

    inner: Shape
    description: str

    def words(self) -> str:
        return self.inner.words()

    def schema(self, book: Book) -> dict[str, Any]:
        return {**self.inner.schema(book), "description": self.description}

    def read(self, value: Any, reading: Reading) -> Any:
        return self.inner.read(value, reading)


class Alias(Shape):
    """A type that was given a name, and may be made of itself."""

    def __init__(self, kind: Any, find: Callable[[], Shape]) -> None:
        self.kind = kind
        self._find = find

    def words(self) -> str:
        return named(self.kind)

    @cached_property
    def inner(self) -> Shape:
        """What the name stands for."""
        return self._find()

    def schema(self, book: Book) -> dict[str, Any]:
        return book.refer(self.kind, lambda: self.inner.schema(book))

    def read(self, value: Any, reading: Reading) -> Any:
        return self.inner.read(value, reading)


class Opaque(Shape):
    """A type that has no JSON of its own."""

    def __init__(self, kind: Any, where: str) -> None:
        self.kind = kind
        self.where = where

    def words(self) -> str:
        return named(self.kind)

    def schema(self, book: Book) -> dict[str, Any]:
        for kind, body in book.known.items():
            if kind is self.kind:
                return dict(body)
        raise self._error()

    def read(self, value: Any, reading: Reading) -> Any:
        raise self._error()

    def _error(self) -> BadRequestError:
        return BadRequestError(
            f"{self.where}: {self.words()} has no JSON Schema; texts, numbers, true and false, None, dates, lists, "
            "dictionaries, Literal, Enum, unions and classes with fields have one"
        )


class Object(Shape):
    """A class with fields, or the parameters of a function."""

    def __init__(
        self,
        title: str,
        make: Callable[..., Any],
        find: Callable[[], Fields],
        kind: Any = None,
        text: str | None = None,
    ) -> None:
        self.title = title
        self.make = make
        self.kind = kind
        self.text = text
        self._find = find

    def words(self) -> str:
        return "an object"

    @cached_property
    def fields(self) -> Fields:
        """Each field with its shape, by its key. They are found late: a class may be made of itself."""
        return self._find()

    def schema(self, book: Book) -> dict[str, Any]:
        return self._body(book) if self.kind is None else book.refer(self.kind, lambda: self._body(book))

    def _body(self, book: Book) -> dict[str, Any]:
        text = {"description": self.text} if self.text else {}
        required = [key for key, (member, _) in self.fields.items() if member.required]
        return {
            "type": "object",
            **text,
            "properties": {key: _property(member, inner, book) for key, (member, inner) in self.fields.items()},
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    def read(self, value: Any, reading: Reading) -> Any:
        if not isinstance(value, dict):
            raise Misfit(f"expected an object, got {shown(value)}")
        unknown = next((key for key in value if key not in self.fields), None)
        if unknown is not None:
            raise Misfit(f"no such field; {self.title} has {', '.join(self.fields) or 'none'}", unknown)
        made = {}
        for key, (member, inner) in self.fields.items():
            if key in value:
                try:
                    made[key] = inner.read(value[key], reading)
                except Misfit as error:
                    if value[key] is None and reading.null_is_absent and not member.required:
                        continue
                    error.path.append(key)
                    raise
            elif member.required:
                raise Misfit(f"missing; expected {inner.words()}", key)
        try:
            return self.make(**made)
        except Exception as error:  # a class may check its values and raise what it likes
            raise Misfit(f"{self.title} cannot be made: {type(error).__name__}: {error}") from error


def _property(member: Member, inner: Shape, book: Book) -> dict[str, Any]:
    body = inner.schema(book)
    if member.description and not isinstance(inner, Described):
        body["description"] = member.description
    if member.default is not NOTHING:
        # where JSON cannot carry it, the field can be left out all the same
        with suppress(BadRequestError):
            body["default"] = dump(member.default)
    return body

"""Events as plain JSON, and back. Only classes that an operation names for its events can come out of it.

Events of one class that follow one another are a run: the names of the class and of its fields in one text, and a list
of each one's values. Their raw payloads are beside them, each a text of its own.

A scalar stands for itself. Everything else is a list that begins with a tag:

    ["j", value]  plain JSON, as it is            ["l", [...]]  a list       ["t", [...]]  a tuple
    ["d", [[key, value], ...]]  a dictionary      ["b", base64]  bytes       ["a", typecode, size, base64]  an array
    ["@", names, [value, ...]]  an instance of an attrs class                ["f", text]  a float that is no number
"""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import repeat
from math import isfinite
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

import attrs
from msgspec import Raw

from jackfield.types import Event, Start, UsageReported

from ._classes import classes, getting, is_frozen
from ._json import SAFE, dumps, is_json, loads, written

__all__ = ["TAGGED", "UNSTORABLE", "Codec", "NotStorableError", "Row", "Script", "Template", "codec_for", "made"]

MUTABLE: Final = frozenset({"j", "l", "d", "a"})
TAGGED: Final = b"~"  # no JSON begins with it: what follows is no payload, but stands for one

Row: TypeAlias = Sequence[Any] | Raw
"""The values of an event, as they are or written already."""
Maker: TypeAlias = Callable[[], Any]
Item: TypeAlias = Event | tuple[Callable[..., Event], tuple[tuple[str, Maker], ...]]
Template: TypeAlias = tuple[Item, ...]
"""The events of a reply that can be given again and again: an event that nobody can change is there once, and of the
others there is what makes them of the rest, and what makes that anew."""


class NotStorableError(Exception):
    """A reply holds something that cannot be kept, or an entry something that cannot be read."""


UNSTORABLE: Final = (NotStorableError, RecursionError, TypeError, ValueError, OverflowError)
"""What is raised where something cannot be kept."""


class Script(NamedTuple):
    """The events of a reply, as they are kept.

    Attributes:
        runs: those of one class that follow one another: what class and fields are called, and each one's values.
        raws: the JSON of each one's raw payload, empty where it has none; nothing at all where none of them has.
    """

    runs: Sequence[tuple[str, Sequence[Row]]]
    raws: Sequence[bytes]


class _Shape(NamedTuple):
    """What is to be known of a class: its name and those of its fields, as one text and apart, and how to read them."""

    kind: type[Any]
    names: str
    fields: Sequence[str]
    get: Callable[[Any], tuple[Any, ...]]
    frozen: bool


class Codec:
    """Writes and reads the events of one operation.

    Raises:
        NotStorableError: two of the classes have the same name.
    """

    def __init__(self, events: Any) -> None:
        """Look at the union of the events' classes."""
        self._by_name: dict[str, _Shape] = {}
        self._by_class: dict[type[Any], _Shape] = {}
        for kind in classes(events, set()):
            if kind.__name__ in self._by_name:
                raise NotStorableError(f"two classes are called {kind.__name__}")
            self._by_name[kind.__name__] = self._by_class[kind] = _shape(kind)

    def names(self, kind: type[Any]) -> str:
        """What events of this class and their fields are called.

        Raises:
            NotStorableError: the operation does not name the class.
        """
        shape = self._by_class.get(kind)
        if shape is None:
            raise NotStorableError(f"a {kind.__qualname__} cannot be kept")
        return shape.names

    def row(self, event: Event) -> Row:
        """The values of an event as they are now, its raw payload aside: written, where any of them can be changed.

        Raises:
            NotStorableError: it holds something that cannot be kept. So may any other of `UNSTORABLE` say.
        """
        row = self._by_class[type(event)].get(event)
        return row if SAFE.issuperset(map(type, row)) else written(list(map(self._tagged, row)))

    def raw(self, value: Any) -> bytes:
        """A raw payload as it is now.

        Raises:
            NotStorableError: it holds something that cannot be kept. So may any other of `UNSTORABLE` say.
        """
        return dumps(value) if is_json(value) else TAGGED + dumps(self._tagged(value))

    def template(self, script: Script) -> Template:
        """The events of a reply as a hit gives them: the start says that it is cached, and nothing was charged.

        Raises:
            NotStorableError: one is no event of this operation.
        """
        raws = iter(script.raws or repeat(b""))
        try:
            items = tuple(
                self._item(shape.kind, dict(zip(names, row, strict=True)), next(raws))
                for told, rows in script.runs
                for shape, names in [self._named(told)]
                for row in rows
            )
            if not items or (script.raws and len(items) != len(script.raws)):
                raise NotStorableError("no events, or payloads of none")
        except NotStorableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a damaged entry leads to, it is a miss
            raise NotStorableError(f"{type(error).__name__}: {error}") from None
        return items

    def _named(self, told: str) -> tuple[_Shape, Sequence[str]]:
        """The class that is told, and the names of the fields whose values follow."""
        name, _, names = told.partition(" ")
        shape = self._by_name[name]
        return shape, shape.fields if told == shape.names else names.split(" ")

    def _item(self, kind: type[Any], told: dict[str, Any], raw: bytes) -> Item:
        if not issubclass(kind, Event):
            raise NotStorableError(f"{kind.__name__} is no event")
        fields = told
        makers: list[tuple[str, Maker]] = []
        if not SAFE.issuperset(map(type, told.values())):
            changing = {name for name, value in told.items() if type(value) is list and self._changes(value)}
            makers += ((name, self._maker(told[name])) for name in changing)
            fields = {name: self._value(value) for name, value in told.items() if name not in changing}
        if raw:
            tagged = raw.startswith(TAGGED)
            makers.append(("raw", partial(self._value, loads(raw[1:])) if tagged else partial(loads, raw)))
        if issubclass(kind, Start):
            fields["cached"] = True
        elif issubclass(kind, UsageReported):
            if "usage" in fields:
                fields["usage"] = attrs.evolve(fields["usage"], cost=0.0)
            makers = [(name, partial(_uncharged, make) if name == "usage" else make) for name, make in makers]
        item = (partial(kind, **fields), tuple(makers))
        event = made(item)
        return item if makers else event

    def _maker(self, value: Any) -> Maker:
        if value[0] == "j":
            return partial(loads, dumps(value[1]))
        return partial(self._value, value)

    def _tagged(self, value: Any) -> Any:
        kind = type(value)
        if kind in SAFE or (kind is float and isfinite(value)):
            return value
        if (shape := self._by_class.get(kind)) is not None:
            names, row = shape.names, shape.get(value)
            if isinstance(value, Event):  # one inside of another has its payload with it
                names, row = f"{names} raw", (*row, value.raw)
            return ["@", names, row if SAFE.issuperset(map(type, row)) else list(map(self._tagged, row))]
        if kind is dict or kind is list:
            return ["j", value] if is_json(value) else self._tagged_items(value, kind)
        return self._tagged_odd(value, kind)

    def _tagged_odd(self, value: Any, kind: type[Any]) -> Any:
        if kind is float:
            return ["f", repr(value)]
        if kind is tuple:
            return ["t", [self._tagged(item) for item in value]]
        if kind is bytes:
            return ["b", b64encode(value).decode()]
        if kind is array:
            return ["a", value.typecode, value.itemsize, b64encode(_little(value).tobytes()).decode()]
        raise NotStorableError(f"a {kind.__qualname__} cannot be kept")

    def _tagged_items(self, value: Any, kind: type[Any]) -> Any:
        if kind is list:
            return ["l", [self._tagged(item) for item in value]]
        return ["d", [[self._tagged(key), self._tagged(item)] for key, item in value.items()]]

    def _changes(self, tagged: Any) -> bool:
        """Whether what this stands for can be changed by whoever has it."""
        if type(tagged) is not list:
            return False
        match tagged:
            case ["t", items]:
                return any(map(self._changes, items))
            case ["@", told, row]:
                plain = SAFE.issuperset(map(type, row))
                return not self._named(told)[0].frozen or (not plain and any(map(self._changes, row)))
        return tagged[0] in MUTABLE

    def _value(self, tagged: Any) -> Any:  # noqa: PLR0911 - one for each tag
        if type(tagged) is not list:
            if type(tagged) is dict:
                raise NotStorableError("a table without a tag")
            return tagged
        match tagged:
            case ["j", value]:
                return loads(dumps(value))  # what comes of the same line twice shares nothing
            case ["t", items]:
                return tuple(self._value(item) for item in items)
            case ["l", items]:
                return [self._value(item) for item in items]
            case ["d", pairs]:
                return {self._value(key): self._value(item) for key, item in pairs}
            case ["f", text]:
                return float(text)
            case ["b", text]:
                return b64decode(text, validate=True)
            case ["a", typecode, size, text]:
                return _array(typecode, size, text)
            case ["@", told, row]:
                shape, names = self._named(told)
                values = row if SAFE.issuperset(map(type, row)) else map(self._value, row)
                return shape.kind(**dict(zip(names, values, strict=True)))
        raise NotStorableError("an unknown tag")


@lru_cache(maxsize=256)
def codec_for(events: Any) -> Codec | None:
    """The codec of an operation's events; None where it names none, or none that can be kept."""
    if events is None:
        return None
    try:
        return Codec(events)
    except NotStorableError:
        return None


def made(item: Item) -> Event:
    """The event of one item of a template."""
    if isinstance(item, Event):
        return item
    build, makers = item
    return build(**{name: make() for name, make in makers})


def _uncharged(make: Maker) -> Any:
    return attrs.evolve(make(), cost=0.0)


def _little(numbers: Any) -> Any:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers


def _array(typecode: str, size: int, text: str) -> Any:
    numbers = array(typecode)
    if numbers.itemsize != size or typecode == "u":
        raise NotStorableError("an array of another machine")
    numbers.frombytes(b64decode(text, validate=True))
    return _little(numbers)


def _shape(kind: type[Any]) -> _Shape:
    # the raw payload of an event is looked at by itself
    raw = "raw" if issubclass(kind, Event) else None
    fields = [field for field in attrs.fields(kind) if field.init and field.name != raw]
    aliases = [field.alias for field in fields]
    get = getting(attrgetter, [field.name for field in fields])
    return _Shape(kind, " ".join((kind.__name__, *aliases)), aliases, get, is_frozen(kind))

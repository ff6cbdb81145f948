"""Events as lines of JSON, and back. Only classes that an operation names for its events can come out of it.

A scalar stands for itself. Everything else is a list that begins with a tag:

    ["j", value]  plain JSON, as it is            ["l", [...]]  a list       ["t", [...]]  a tuple
    ["d", [[key, value], ...]]  a dictionary      ["b", base64]  bytes       ["a", typecode, size, base64]  an array
    ["@", name, {field: value}]  an instance of an attrs class
"""

from __future__ import annotations

import json
import sys
import typing
from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, Final, TypeAlias

import attrs
from attrs import frozen

from jackfield.types import Event, Start, UsageReported

__all__ = ["Codec", "NotStorableError", "Template", "codec_for", "made"]

PLAIN: Final = frozenset({str, int, float, bool, type(None)})
FROZEN: Final = attrs.make_class("_Frozen", (), frozen=True).__setattr__  # how a frozen class refuses to be changed
MUTABLE: Final = frozenset({"j", "l", "d", "a"})

Maker: TypeAlias = Callable[[], Any]
Item: TypeAlias = Event | tuple[type[Any], dict[str, Any], tuple[tuple[str, Maker], ...]]
Template: TypeAlias = tuple[Item, ...]
"""The events of a reply that can be given again and again: an event that nobody can change is there once, and of the
others their class, what cannot be changed of them, and what makes the rest anew."""

_dumps = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode
_loads = json.JSONDecoder().decode
_scan = json.JSONDecoder().raw_decode


class NotStorableError(Exception):
    """A reply holds something that cannot be kept, or an entry something that cannot be read."""


@frozen
class _Shape:
    """What is to be known of a class: its name, and how its fields are read, called and made."""

    kind: type[Any]
    get: Callable[[Any], tuple[Any, ...]]
    names: tuple[str, ...]
    defaults: tuple[Any, ...]
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
        for kind in _classes(events, set()):
            if kind.__name__ in self._by_name:
                raise NotStorableError(f"two classes are called {kind.__name__}")
            self._by_name[kind.__name__] = self._by_class[kind] = _shape(kind)

    def line(self, event: Any) -> str:
        """One event as a line.

        Raises:
            NotStorableError: it holds something that cannot be kept.
        """
        try:
            return _dumps(self._tagged(event)[1:])
        except (RecursionError, TypeError, ValueError, OverflowError) as error:
            raise NotStorableError(f"{type(event).__name__}: {error}") from None

    def event(self, line: str) -> Event:
        """The event of a line, as it was.

        Raises:
            NotStorableError: it is no event of this operation.
        """
        return made(self._item(line))

    def template(self, lines: Iterable[str]) -> Template:
        """The events of a reply as a hit gives them: the start says that it is cached, and nothing was charged.

        Raises:
            NotStorableError: one is no event of this operation.
        """
        return tuple(map(_as_hit, map(self._item, lines)))

    def _item(self, line: str) -> Item:
        try:
            name, fields = _loads(line)
            shape = self._by_name[name]
            if not issubclass(shape.kind, Event):
                raise NotStorableError(f"{name} is no event")
            makers = tuple((key, self._maker(value)) for key, value in fields.items() if self._changes(value))
            fixed = {key: self._value(value) for key, value in fields.items() if not self._changes(value)}
            item = (shape.kind, fixed, makers)
            event = made(item)
        except NotStorableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a damaged line leads to, it is a miss
            raise NotStorableError(f"{type(error).__name__}: {error}") from None
        return item if makers else event

    def _maker(self, value: Any) -> Maker:
        if value[0] == "j":
            return partial(_read_again, _dumps(value[1]))
        return partial(self._value, value)

    def _tagged(self, value: Any) -> Any:
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind is dict or kind is list:
            return ["j", value] if _is_json(value) else self._tagged_items(value, kind)
        if kind is tuple:
            return ["t", [self._tagged(item) for item in value]]
        if kind is bytes:
            return ["b", b64encode(value).decode()]
        if kind is array:
            return ["a", value.typecode, value.itemsize, b64encode(_little(value).tobytes()).decode()]
        shape = self._by_class.get(kind)
        if shape is None:
            raise NotStorableError(f"a {kind.__qualname__} cannot be kept")
        told = zip(shape.names, shape.get(value), shape.defaults, strict=True)
        fields = {name: self._tagged(item) for name, item, default in told if item is not default}
        return ["@", kind.__name__, fields]

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
            case ["@", name, fields]:
                return not self._by_name[name].frozen or any(map(self._changes, fields.values()))
        return tagged[0] in MUTABLE

    def _value(self, tagged: Any) -> Any:  # noqa: PLR0911 - one for each tag
        if type(tagged) is not list:
            if type(tagged) is dict:
                raise NotStorableError("a table without a tag")
            return tagged
        match tagged:
            case ["j", value]:
                return _loads(_dumps(value))  # what comes of the same line twice shares nothing
            case ["t", items]:
                return tuple(self._value(item) for item in items)
            case ["l", items]:
                return [self._value(item) for item in items]
            case ["d", pairs]:
                return {self._value(key): self._value(item) for key, item in pairs}
            case ["b", text]:
                return b64decode(text, validate=True)
            case ["a", typecode, size, text]:
                return _array(typecode, size, text)
            case ["@", name, fields]:
                shape = self._by_name[name]
                return shape.kind(**{key: self._value(item) for key, item in fields.items()})
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


def _read_again(text: str) -> Any:
    """The value of JSON that was written here, and so needs no look at what is around it."""
    return _scan(text, 0)[0]


def made(item: Item) -> Event:
    """The event of one item of a template."""
    if isinstance(item, Event):
        return item
    kind, fixed, makers = item
    event: Event = kind(**fixed, **{name: make() for name, make in makers})
    return event


def _as_hit(item: Item) -> Item:
    kind = type(item) if isinstance(item, Event) else item[0]
    if issubclass(kind, Start):
        changes: dict[str, Any] = {"cached": True}
    elif issubclass(kind, UsageReported):
        usage = item.usage if isinstance(item, UsageReported) else item[1]["usage"]  # type: ignore[index]
        changes = {"usage": attrs.evolve(usage, cost=0.0)}
    else:
        return item
    if isinstance(item, Event):
        return attrs.evolve(item, **changes)
    return kind, {**item[1], **changes}, item[2]


def _is_json(value: Any) -> bool:
    """Whether a list or a dictionary comes back from JSON as it is."""
    if type(value) is dict:
        for key in value:
            if type(key) is not str:
                return False
        value = value.values()
    elif type(value) is not list:
        return False
    for item in value:  # noqa: SIM110 - a generator would take twice as long, for every event that is kept
        if type(item) not in PLAIN and not _is_json(item):
            return False
    return True


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
    fields = [field for field in attrs.fields(kind) if field.init]
    names = [field.name for field in fields]
    get = attrgetter(*names) if len(names) > 1 else lambda value: tuple(getattr(value, name) for name in names)
    aliases, defaults = tuple(field.alias for field in fields), tuple(field.default for field in fields)
    return _Shape(kind, get, aliases, defaults, kind.__setattr__ is FROZEN)


def _classes(kind: Any, seen: set[Any]) -> Iterator[type[Any]]:
    """The attrs classes that a type names, and those that their fields name."""
    if isinstance(kind, type) and attrs.has(kind):
        if kind not in seen:
            seen.add(kind)
            yield kind
            for field in attrs.fields(kind):
                yield from _classes(_hints(kind).get(field.name), seen)
        return
    for inner in typing.get_args(kind):
        yield from _classes(inner, seen)


def _hints(kind: type[Any]) -> Mapping[str, Any]:
    """The types of the fields, each by itself: one that cannot be evaluated leaves the others as they are."""
    known = vars(sys.modules[kind.__module__])
    found: dict[str, Any] = {}
    for field in attrs.fields(kind):
        one: Any = SimpleNamespace(__annotations__={field.name: field.type})
        # a class of a function's own; or, before Python 3.12, `array[float]`
        with suppress(NameError, TypeError):
            found |= typing.get_type_hints(one, globalns=known)
    return found

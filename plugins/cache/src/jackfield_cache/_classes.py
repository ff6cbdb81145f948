"""The attrs classes that requests and events are made of, and what can be changed of them."""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, Final

import attrs

__all__ = ["classes", "getting", "is_frozen"]

FROZEN: Final = attrs.make_class("_Frozen", (), frozen=True).__setattr__  # how a frozen class refuses to be changed


def is_frozen(kind: type[Any]) -> bool:
    """Whether the fields of an attrs class stay as they are."""
    return kind.__setattr__ is FROZEN


def getting(getter: Callable[..., Callable[[Any], Any]], of: Sequence[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """An `attrgetter` or an `itemgetter` that gives a tuple, however many it gets."""
    if len(of) > 1:
        return getter(*of)
    if not of:
        return lambda _: ()
    one = getter(*of)
    return lambda value: (one(value),)


def classes(kind: Any, seen: set[Any]) -> Iterator[type[Any]]:
    """The attrs classes that a type names, and those that their fields name."""
    if isinstance(kind, type) and attrs.has(kind):
        if kind not in seen:
            seen.add(kind)
            yield kind
            for field in attrs.fields(kind):
                yield from classes(_hints(kind).get(field.name), seen)
        return
    for inner in typing.get_args(kind):
        yield from classes(inner, seen)


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

"""Checks of the fields of requests. Each raises a BadRequestError that names the field, the value and what is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..errors import BadRequestError

__all__ = ["a", "headers", "mapping_of_numbers", "number", "one_of", "options", "stop", "whole"]


def _wrong(name: str, what: str, value: object) -> BadRequestError:
    shown = repr(value)
    return BadRequestError(f"{name}: expected {what}, got {shown if len(shown) < 200 else shown[:200] + '...'}")


def _checked(fits: Callable[[Any], bool], what: str) -> Any:
    def check(_: object, attribute: Any, value: object) -> None:
        if value is not None and not fits(value):
            raise _wrong(attribute.name, what, value)

    return check


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(low: float, high: float, what: str) -> Any:
    """A number within bounds."""
    return _checked(lambda value: _is_number(value) and low <= value <= high, what)


def whole(low: int | None = None) -> Any:
    """A whole number, with a lower bound or none."""
    what = "a whole number" + ("" if low is None else f" of at least {low}")
    return _checked(lambda value: type(value) is int and (low is None or value >= low), what)


def a(kind: type[Any], what: str) -> Any:
    """An instance of a type."""
    return _checked(lambda value: isinstance(value, kind), what)


def one_of(*words: str) -> Any:
    """One of several words."""
    return _checked(words.__contains__, f"one of {', '.join(words)}")


def _are_numbers(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_number, value.values()))


mapping_of_numbers: Any = _checked(_are_numbers, "a number for each token")
"""Numbers by name."""


def options(_: object, __: object, value: object) -> None:
    """A table for each plugin."""
    if not isinstance(value, Mapping) or not all(isinstance(item, Mapping) for item in value.values()):
        raise _wrong("options", "a dictionary for each plugin, by its name", value)


def headers(_: object, attribute: Any, value: object) -> None:
    """Names and values of headers; none is quoted in the error, since it may be a secret."""
    if value is None:
        return
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for pair in value.items() for item in pair):
        raise BadRequestError(f"{attribute.name}: expected a dictionary of texts")
    for name, text in value.items():
        if not name or not all("!" <= char <= "~" and char != ":" for char in name):
            raise BadRequestError(f"{attribute.name}: {name!r} is no name of a header")
        if not all(" " <= char <= "~" or char == "\t" for char in text):
            raise BadRequestError(f"{attribute.name}.{name}: the value has characters that no header can carry")


def stop(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Convert one text, or several, to a tuple of them."""
    if value is None:
        return None
    found = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not all(isinstance(text, str) for text in found):
        raise _wrong("stop", "a text or several", value)
    return found

"""Checks of values that stand in the options of a request, and how they are written on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from jackfield.errors import ConfigurationError

__all__ = ["on_the_wire", "within"]


def within(low: float, high: float | None = None) -> Any:
    """Check that a number is within bounds; what is no number is left to the type.

    Raises:
        ConfigurationError: it is not.
    """
    what = f"a number of at least {low}" if high is None else f"a number from {low} to {high}"

    def check(_: object, attribute: Any, value: object) -> None:
        if isinstance(value, int | float) and not (low <= value and (high is None or value <= high)):
            raise ConfigurationError(f"{attribute.name}: expected {what}, got {value!r}")

    return check


def on_the_wire(value: Any) -> Any:
    """A value of an option in the words of JSON; what is None is not there."""
    if attrs.has(type(value)):
        named = ((one.name, getattr(value, one.name)) for one in attrs.fields(type(value)))
        return {name: on_the_wire(inner) for name, inner in named if inner is not None}
    if isinstance(value, list | tuple):
        return [on_the_wire(item) for item in value]
    return {key: on_the_wire(item) for key, item in value.items()} if isinstance(value, Mapping) else value

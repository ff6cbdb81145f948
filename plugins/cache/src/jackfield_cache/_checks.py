"""Checks of settings."""

from __future__ import annotations

from typing import Any

from attrs import Attribute

from jackfield.errors import ConfigurationError

__all__ = ["positive", "seconds"]


def positive(_: object, attribute: Attribute[Any], value: Any) -> None:
    """Check that a value is a whole number above 0.

    Raises:
        ConfigurationError: it is not.
    """
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{attribute.name}: expected a whole number above 0, got {value!r}")


def seconds(_: object, attribute: Attribute[Any], value: Any) -> None:
    """Check that a value is a number of seconds above 0.

    Raises:
        ConfigurationError: it is not.
    """
    if not is_seconds(value):
        raise ConfigurationError(f"{attribute.name}: expected seconds above 0, or inf for no end, got {value!r}")


def is_seconds(value: Any) -> bool:
    """Whether this is a number of seconds above 0."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0

"""Checks of the fields of requests: each raises a BadRequestError that names the field, the value and what is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jackfield.errors import BadRequestError

__all__ = ["is_id", "is_notes", "within"]


def is_id(what: str) -> Any:
    """An id; `what` says of what, and how one looks."""

    def check(_: object, attribute: Any, value: object) -> None:
        if not isinstance(value, str) or not value.strip():
            raise BadRequestError(f"{attribute.name}: expected {what}, got {value!r:.200}")

    return check


def within(low: int, high: int) -> Any:
    """A whole number within bounds, where it is set."""

    def check(_: object, attribute: Any, value: object) -> None:
        if value is not None and not (type(value) is int and low <= value <= high):
            raise BadRequestError(f"{attribute.name}: expected a whole number from {low} to {high}, got {value!r:.200}")

    return check


def is_notes(_: object, attribute: Any, value: Any) -> None:
    """A text for each name, where it is set."""
    if value is not None and not (
        isinstance(value, Mapping) and all(isinstance(item, str) for pair in value.items() for item in pair)
    ):
        raise BadRequestError(f"{attribute.name}: expected a dictionary of texts, got {value!r:.200}")

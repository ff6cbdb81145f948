"""Two ways to look at what a server sent: strictly, for what carries the reply; leniently, for what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from jackfield.errors import MalformedReplyError

__all__ = ["fact", "field"]

K = TypeVar("K")


def fact(holder: Mapping[str, Any], name: str, kind: type[K]) -> K | None:
    """A field of this kind; None where it is another, which stays in `raw`."""
    value = holder.get(name)
    return value if type(value) is kind else None


def field(holder: Mapping[str, Any], name: str, kind: type[K]) -> K | None:
    """A field of this kind; None where it is null or missing.

    Raises:
        MalformedReplyError: it is of another kind.
    """
    value = holder.get(name)
    if value is None or type(value) is kind:
        return value
    raise MalformedReplyError(f"{name}: expected {kind.__name__}, got {type(value).__name__}")

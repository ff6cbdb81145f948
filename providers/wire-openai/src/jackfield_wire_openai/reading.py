"""Two ways of looking at a field of what a server sent, none of which trusts it to have any shape.

`field` is for what carries the reply: of another kind than it must be, it makes the reply malformed. `fact` is for
what is said about the reply: of another kind, it is left in `raw`, and the reply is good without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from jackfield.errors import MalformedReplyError

__all__ = ["fact", "field", "objects", "texts", "written"]

K = TypeVar("K")

KINDS: Final[Mapping[type, str]] = {str: "text", int: "a whole number", list: "a list", dict: "an object"}


def field(holder: Mapping[str, Any], name: str, kind: type[K]) -> K | None:
    """A field that carries the reply; None where it is empty.

    Raises:
        MalformedReplyError: it is of another kind.
    """
    value = holder.get(name)
    if type(value) is kind:
        return value
    if not value:
        return None  # null, and what stands for it: PHP writes an empty object as []
    raise MalformedReplyError(f"{name}: expected {KINDS[kind]}, got {type(value).__name__}")


def fact(holder: Mapping[str, Any], name: str, *kinds: type) -> Any:
    """A field that is said about the reply; None where it is of none of these kinds."""
    value = holder.get(name)
    return value if type(value) in kinds else None


def texts(holder: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The texts of a list that is said about the reply; what is none is left out."""
    return tuple(item for item in fact(holder, name, list) or () if isinstance(item, str))


def objects(holder: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A field that is a list of objects; empty where it is empty.

    Raises:
        MalformedReplyError: it is none.
    """
    items = field(holder, name, list) or []
    for item in items:
        if type(item) is not dict:
            raise MalformedReplyError(f"{name}: expected objects, got {type(item).__name__}")
    return items


def written(holder: Mapping[str, Any], name: str) -> str:
    """A field of text. Some servers parse the JSON in it before they send it: that is written again.

    Raises:
        MalformedReplyError: it is neither text nor an object.
    """
    if type(value := holder.get(name)) is not dict:
        return field(holder, name, str) or ""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise MalformedReplyError(f"{name}: too deep") from None

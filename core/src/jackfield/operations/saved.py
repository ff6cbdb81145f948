"""Conversations as JSON, to be kept and taken up again. Nothing that a message holds is lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import attrs

from .. import types as t
from ..errors import BadRequestError

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["dump_messages", "load_messages"]


def dump_messages(messages: Iterable[t.Message]) -> list[dict[str, Any]]:
    """Messages as values that JSON can carry; `load_messages` reads them back, equal."""
    return cast("list[dict[str, Any]]", _converter().unstructure(list(messages), list[t.Message]))


def load_messages(data: Iterable[Mapping[str, Any]]) -> tuple[t.Message, ...]:
    """Messages from what `dump_messages` gave.

    Raises:
        BadRequestError: names the place, and what is wrong there.
    """
    try:
        return _converter().structure(data, tuple[t.Message, ...])
    except BadRequestError as error:
        raise BadRequestError(f"saved {error.message}") from None
    except Exception as error:  # noqa: BLE001 - cattrs raises groups of whatever went wrong
        from cattrs import transform_error

        told = "; ".join(transform_error(error, path="messages"))
        raise BadRequestError(f"these are no saved messages: {told[:500]}") from None


@cache
def _converter() -> Converter:
    from cattrs import Converter  # importing it takes longer than a call, and few programs save conversations
    from cattrs.strategies import configure_tagged_union

    converter = Converter(omit_if_default=True, forbid_extra_keys=True)
    converter.register_structure_hook(str, _text)
    for kind in (t.Content, t.ToolResult, t.Message):
        attrs.resolve_types(kind)
    for union in (t.Part, t.Citation | t.Unknown):
        configure_tagged_union(union, converter, tag_generator=_tag, tag_name="type")
    return converter


def _tag(kind: type[Any]) -> str:
    return {"ToolCall": "tool_call", "ToolResult": "tool_result"}.get(kind.__name__, kind.__name__.lower())


def _text(value: object, _: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value

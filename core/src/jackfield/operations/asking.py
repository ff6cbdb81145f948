"""Reads tools, tool choices and response formats from what people write."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, cast

from ..errors import BadRequestError
from ..typed import schemas
from ..types import ForcedTool, JsonSchema, ResponseFormat, Tool, ToolChoice, Unknown
from .messages import items, no_typo, read_cache, rest

__all__ = ["ResponseFormatLike", "ToolChoiceLike", "ToolLike", "read_response_format", "read_tool_choice", "read_tools"]

ToolLike: TypeAlias = Tool | Unknown | Mapping[str, Any] | Callable[..., Any]
ToolChoiceLike: TypeAlias = ToolChoice | Mapping[str, Any] | None
ResponseFormatLike: TypeAlias = ResponseFormat | Mapping[str, Any] | type[Any] | None

FUNCTION: Final[Mapping[str, Any]] = {
    "name": str,
    "description": str | None,
    "parameters": Mapping | None,
    "strict": bool | None,
}
SCHEMA_WORDS: Final = frozenset({"type", "properties", "anyOf", "oneOf", "allOf", "$ref", "$defs", "enum", "const"})
JSON_TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")


def read_tools(value: Iterable[ToolLike] | None) -> tuple[Tool | Unknown, ...] | None:
    """Turn tools, ours, OpenAI-shaped or Python functions, into ours; None stays None.

    Raises:
        BadRequestError: names the tool and what would be right.
    """
    if value is None:
        return None
    return tuple(_tool(item, f"tools[{index}]") for index, item in enumerate(items(value, "tools")))


def _tool(value: Any, where: str) -> Tool | Unknown:
    if isinstance(value, Tool | Unknown):
        return value
    if inspect.isroutine(value):
        return Tool.from_function(value)
    kind = value.get("type", "function") if isinstance(value, Mapping) else None  # some hosts let it be left out
    if isinstance(kind, str):
        if kind != "function":
            return Unknown(dict(value))  # a tool that the provider runs, or one of a kind of its own
        function: Any = value.get("function")
        if isinstance(function, Mapping) and all(isinstance(function.get(key), FUNCTION[key]) for key in FUNCTION):
            no_typo(function, FUNCTION, f"{where}.function")
            cache, taken = read_cache(value)
            extra = rest(value, "type", "function", *taken) or {}
            if others := rest(function, *FUNCTION):
                extra["function"] = others
            facts: Any = {key: function.get(key) for key in FUNCTION}
            return Tool(**facts, cache=cache, extra=extra or None)
    raise BadRequestError(
        f"{where}: expected a Tool, a function, or a dictionary of type 'function' with 'name', 'description', "
        f"'parameters' and 'strict' under 'function', got {value!r}"
    )


def read_tool_choice(value: ToolChoiceLike) -> ToolChoice | None:
    """Turn a tool choice, ours or OpenAI-shaped, into ours.

    Raises:
        BadRequestError: it is neither.
    """
    match value:
        case None | "auto" | "none" | "required" | ForcedTool() | Unknown():
            return value
        case {"type": "function", "function": {"name": str(name)}} | {"type": "tool", "name": str(name)}:
            return ForcedTool(name)
        case {"type": str(kind)} if kind != "function":
            return Unknown(dict(value))
    if cast("object", value) == "any":  # what some hosts call it
        return "required"
    raise BadRequestError(f"tool_choice: expected 'auto', 'none', 'required' or ForcedTool(name), got {value!r}")


def read_response_format(value: ResponseFormatLike) -> ResponseFormat | None:
    """Turn a response format into ours: a word, a schema, an OpenAI-shaped dictionary or a Python type.

    Raises:
        BadRequestError: it is none of these, or a type that has no JSON Schema.
    """
    if value is None or value in ("text", "json") or isinstance(value, JsonSchema | Unknown):
        return value
    given: Any = value
    if isinstance(given, str):
        found = _format({"type": given}) if given == "json_object" else None
    elif isinstance(given, Mapping):
        found = _format(given)
    else:
        name, schema, strict = schemas().response_schema(given)
        found = JsonSchema(schema, name, strict, kind=given)
    if found is None:
        raise BadRequestError(
            f"response_format: expected 'text', 'json', a JSON Schema or a Python type, got {value!r}"
        )
    return found


def _format(value: Mapping[str, Any]) -> ResponseFormat | None:
    words: dict[Any, ResponseFormat] = {"text": "text", "json_object": "json"}
    kind = value.get("type")
    if isinstance(kind, str) and kind in words:
        return words[kind]
    if kind == "json_schema":
        inner = value.get("json_schema")
        if isinstance(inner, Mapping) and isinstance(inner.get("schema"), Mapping):
            known = {key: item for key, item in inner.items() if item is not None}
            if known.keys() <= {"name", "schema", "strict", "description"}:
                return JsonSchema(**known)
        return Unknown(dict(value))
    if isinstance(kind, list) or kind in JSON_TYPES or (kind is None and value.keys() & SCHEMA_WORDS):
        return JsonSchema(value)
    return Unknown(dict(value)) if isinstance(kind, str) else None

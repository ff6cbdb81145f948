"""Reads what people write: messages, tools, tool choices and response formats, ours or in OpenAI's shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, cast

from ..doors import schemas, shapes
from ..errors import BadRequestError
from ..types import ForcedTool, JsonSchema, Message, ResponseFormat, Tool, ToolChoice, Unknown

__all__ = ["MessageLike", "MessagesLike", "ResponseFormatLike", "ToolChoiceLike", "ToolLike", "read_messages"]
__all__ += ["read_response_format", "read_tool_choice", "read_tools"]

MessageLike: TypeAlias = Message | Mapping[str, Any]
MessagesLike: TypeAlias = str | MessageLike | Iterable[MessageLike]
ToolLike: TypeAlias = Tool | Unknown | Mapping[str, Any] | Callable[..., Any]
ToolChoiceLike: TypeAlias = ToolChoice | Mapping[str, Any] | None
ResponseFormatLike: TypeAlias = ResponseFormat | Mapping[str, Any] | type[Any] | None

SCHEMA_WORDS: Final = frozenset({"type", "properties", "anyOf", "oneOf", "allOf", "$ref", "$defs", "enum", "const"})
JSON_TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")
PLAIN: Final = ("system", "developer", "user", "assistant")


def read_messages(value: MessagesLike) -> tuple[Message, ...]:
    """Turn a string, one message or several into our messages.

    Raises:
        BadRequestError: names the message, the field and what would be right.
        PluginError: a dictionary holds more than a role and a text, and nobody is installed who reads that.
    """
    if isinstance(value, str):
        return (Message("user", value),)
    if isinstance(value, Message | Mapping):
        value = (value,)
    if not isinstance(value, Iterable):
        raise BadRequestError(f"messages: expected a string, a message or several, got {type(value).__name__}")
    # none at all is passed on: some servers answer to it, and those that do not say so
    return tuple([_message(item, index) for index, item in enumerate(value)])


def _message(value: Any, index: int) -> Message:
    if isinstance(value, Message):
        return value
    if type(value) is dict or isinstance(value, Mapping):
        role, text = value.get("role"), value.get("content")
        if len(value) == 2 and isinstance(text, str) and role in PLAIN:
            return Message(role, text)
        return shapes().message(value, f"messages[{index}]")
    raise BadRequestError(f"messages[{index}]: expected a Message or a dictionary, got {type(value).__name__}")


def read_tools(value: Iterable[ToolLike] | None) -> tuple[Tool | Unknown, ...] | None:
    """Turn tools, ours, OpenAI-shaped or Python functions, into ours; None stays None.

    Raises:
        BadRequestError: names the tool and what would be right.
    """
    if value is None:
        return None
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise BadRequestError(f"tools: expected a list, got {value!r}")
    return tuple(_tool(item, f"tools[{index}]") for index, item in enumerate(value))


def _tool(value: Any, where: str) -> Tool | Unknown:
    if isinstance(value, Tool | Unknown):
        return value
    if callable(value):
        return Tool.from_function(value)
    if isinstance(value, Mapping):
        return shapes().tool(value, where)
    raise BadRequestError(f"{where}: expected a Tool, a function, or a dictionary in OpenAI's shape, got {value!r}")


def read_tool_choice(value: ToolChoiceLike) -> ToolChoice | None:
    """Turn a tool choice, ours or OpenAI-shaped, into ours.

    Raises:
        BadRequestError: it is neither.
    """
    if value is None or value in ("auto", "none", "required") or isinstance(value, ForcedTool | Unknown):
        return value
    if cast("object", value) == "any":  # what some hosts call it
        return "required"
    found = shapes().tool_choice(value) if isinstance(value, Mapping) else None
    if found is None:
        raise BadRequestError(f"tool_choice: expected 'auto', 'none', 'required' or ForcedTool(name), got {value!r}")
    return found


def read_response_format(value: ResponseFormatLike) -> ResponseFormat | None:
    """Turn a response format into ours: a word, a schema, an OpenAI-shaped dictionary or a Python type.

    Raises:
        BadRequestError: it is none of these, or a type that has no JSON Schema.
    """
    if value is None or value in ("text", "json") or isinstance(value, JsonSchema | Unknown):
        return value
    if cast("object", value) == "json_object":  # OpenAI's word for it
        return "json"
    if not isinstance(value, str | Mapping):
        name, schema, strict = schemas().response_schema(value)
        return JsonSchema(schema, name, strict, kind=value)
    found = _format(value) if isinstance(value, Mapping) else None
    if found is None:
        expected = "'text', 'json', a JSON Schema or a Python type"
        raise BadRequestError(f"response_format: expected {expected}, got {value!r}")
    return found


def _format(value: Mapping[str, Any]) -> ResponseFormat | None:
    kind = value.get("type")
    if isinstance(kind, list) or kind in JSON_TYPES or (kind is None and value.keys() & SCHEMA_WORDS):
        return JsonSchema(value)
    return shapes().response_format(value)

"""Reads messages and tools from what people write: strings, our own types, or OpenAI-shaped dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, cast, get_args

from ..errors import BadRequestError
from ..types import (
    ForcedTool,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
)

__all__ = ["MessagesLike", "ToolChoiceLike", "ToolLike", "read_messages", "read_tool_choice", "read_tools"]

MessageLike: TypeAlias = Message | Mapping[str, Any]
MessagesLike: TypeAlias = str | MessageLike | Iterable[MessageLike]
ToolLike: TypeAlias = Tool | Mapping[str, Any] | Callable[..., Any]
ToolChoiceLike: TypeAlias = ToolChoice | Mapping[str, Any] | None

ROLES = get_args(Role)
MESSAGE_KEYS = {
    "role",
    "content",
    "name",
    "tool_calls",
    "tool_call_id",
    "refusal",
    "reasoning",
    "reasoning_content",
}


def read_messages(value: MessagesLike) -> tuple[Message, ...]:
    """Turn a string, one message or several into our messages.

    Raises:
        BadRequestError: names the message, the field and what would be right.
    """
    if isinstance(value, str):
        return (Message("user", value),)
    if isinstance(value, Message | Mapping):
        value = (value,)
    if not isinstance(value, Iterable):
        raise BadRequestError(f"messages: expected a string, a message or several, got {type(value).__name__}")
    # none at all is passed on: some servers answer to it, and those that do not say so
    return tuple(_message(item, f"messages[{index}]") for index, item in enumerate(value))


def _message(value: object, where: str) -> Message:
    if isinstance(value, Message):
        return value
    if not isinstance(value, Mapping):
        raise BadRequestError(f"{where}: expected a Message or a dictionary, got {type(value).__name__}")
    role = cast("Role", value.get("role"))
    if role not in ROLES:
        raise BadRequestError(f"{where}.role: expected one of {', '.join(ROLES)}, got {role!r}")
    if unknown := sorted(str(key) for key in value.keys() - MESSAGE_KEYS):
        raise BadRequestError(
            f"{where}: unknown field {unknown[0]!r}; what only one provider knows belongs into `options`"
        )
    content = value.get("content")
    if role == "tool":
        call_id = value.get("tool_call_id")
        if not isinstance(call_id, str):
            raise BadRequestError(f"{where}.tool_call_id: expected the id of a tool call, got {call_id!r}")
        return Message(role, ToolResult(call_id, _plain(content, f"{where}.content")), _text(value, "name", where))
    if value.get("tool_call_id") is not None:
        raise BadRequestError(f"{where}.tool_call_id: only a tool's turn has one, and this is of role {role!r}")
    parts: list[Part] = []
    if reasoning := _text(value, "reasoning", where) or _text(value, "reasoning_content", where):
        parts.append(Reasoning(reasoning))
    parts += _content(content, f"{where}.content")
    if refusal := _text(value, "refusal", where):
        parts.append(Refusal(refusal))
    calls = _items(value.get("tool_calls"), f"{where}.tool_calls")
    parts += (_tool_call(call, f"{where}.tool_calls[{index}]") for index, call in enumerate(calls))
    return Message(role, parts, _text(value, "name", where))


def _text(value: Mapping[str, Any], name: str, where: str) -> str | None:
    text = value.get(name)
    if text is not None and not isinstance(text, str):
        raise BadRequestError(f"{where}.{name}: expected text, got {text!r}")
    return text


def _items(value: object, where: str) -> Iterable[object]:
    if value is None:
        return ()
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise BadRequestError(f"{where}: expected a list, got {value!r}")
    return value


def _content(content: object, where: str) -> list[Part]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)]
    if not isinstance(content, Iterable):
        raise BadRequestError(f"{where}: expected text or a list of parts, got {type(content).__name__}")
    return [_part(item, f"{where}[{index}]") for index, item in enumerate(content)]


def _part(item: object, where: str) -> Part:
    if isinstance(item, Part):
        return item
    if not isinstance(item, Mapping):
        raise BadRequestError(f"{where}: expected a part or a dictionary, got {type(item).__name__}")
    match item:
        case {"type": "text", "text": str(text), **rest} if not rest:
            return Text(text)
        case {"type": "refusal", "refusal": str(text), **rest} if not rest:
            return Refusal(text)
    return Unknown(dict(item))


def _plain(content: object, where: str) -> str:
    if isinstance(content, str):
        return content
    parts = _content(content, where)
    if not all(isinstance(part, Text) for part in parts):
        raise BadRequestError(f"{where}: the result of a tool is text")
    return "".join(part.text for part in parts if isinstance(part, Text))


def _tool_call(value: object, where: str) -> ToolCall:
    match value:
        case ToolCall():
            return value
        case {"id": str(call_id), "function": {"name": str(name), "arguments": str(arguments)}}:
            return ToolCall(call_id, name, arguments)
        case {"id": str(call_id), "function": {"name": str(name), **rest}} if rest.get("arguments") is None:
            return ToolCall(call_id, name, "")
    raise BadRequestError(
        f'{where}: expected {{"id": ..., "function": {{"name": ..., "arguments": ...}}}}, got {value!r}'
    )


def read_tools(value: Iterable[ToolLike] | None) -> tuple[Tool, ...] | None:
    """Turn tools, ours, OpenAI-shaped or functions, into ours; None stays None."""
    if value is None:
        return None
    return tuple(_tool(item, f"tools[{index}]") for index, item in enumerate(_items(value, "tools")))


def _tool(value: object, where: str) -> Tool:
    match value:
        case Tool():
            return value
        case {"type": "function", "function": {"name": str(name), **rest}}:
            kinds = {"description": str, "parameters": Mapping, "strict": bool}
            if all(key in kinds and isinstance(item, kinds[key] | None) for key, item in rest.items()):
                return Tool(name, **cast("dict[str, Any]", rest))
        case _ if callable(value):
            return Tool.from_function(value)
    raise BadRequestError(
        f"{where}: expected a Tool, a function, or a dictionary of type 'function' with 'name', 'description', "
        f"'parameters' and 'strict' under 'function', got {value!r}"
    )


def read_tool_choice(value: ToolChoiceLike) -> ToolChoice | None:
    """Turn a tool choice, ours or OpenAI-shaped, into ours."""
    match value:
        case None | "auto" | "none" | "required" | ForcedTool():
            return value
        case {"type": "function", "function": {"name": str(name)}}:
            return ForcedTool(name)
    raise BadRequestError(f"tool_choice: expected 'auto', 'none', 'required' or ForcedTool(name), got {value!r}")

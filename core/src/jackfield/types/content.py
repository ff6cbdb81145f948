"""What a conversation is made of: messages and their parts, and tools."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeAlias, get_args

from attrs import field, frozen

from ..errors import BadRequestError, MalformedReplyError

__all__ = [
    "ForcedTool",
    "Message",
    "Part",
    "Reasoning",
    "Refusal",
    "Role",
    "Text",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "ToolResult",
    "Unknown",
]

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]


@frozen
class Text:
    """Plain text."""

    text: str


@frozen
class Reasoning:
    """What a model thought before it answered."""

    text: str


@frozen
class Refusal:
    """A model's explanation of why it does not answer."""

    text: str


@frozen
class ToolCall:
    """A model's wish that a tool be run.

    `arguments` is the text as the model wrote it. `complete` is False where the reply broke off, or was cut by a
    limit, a filter or an error: such a call must not be run.
    """

    id: str
    name: str
    arguments: str
    complete: bool = True

    @property
    def parsed(self) -> dict[str, Any]:
        """The arguments as a dictionary; a tool without parameters may send none.

        Raises:
            MalformedReplyError: the call is incomplete, or its arguments are not a JSON object.
        """
        if not self.complete:
            raise MalformedReplyError(f"tool call {self.name!r} is incomplete: the reply broke off inside it")
        if not self.arguments.strip():
            return {}
        try:
            value = json.loads(self.arguments)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise MalformedReplyError(f"arguments of tool call {self.name!r} are not a JSON object")
        return value


@frozen
class ToolResult:
    """What a tool gave back, for the call with this id."""

    call_id: str
    content: str


@frozen
class Unknown:
    """A part that this version has no word for, kept as it came."""

    raw: Any


Part: TypeAlias = Text | Reasoning | Refusal | ToolCall | ToolResult | Unknown


def _parts(content: str | Part | Iterable[Part]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    parts = tuple(content) if isinstance(content, Iterable) else (content,)
    for part in parts:
        if not isinstance(part, Part):
            raise BadRequestError(f"message.parts: expected text or parts of a message, got {part!r}")
    return parts


def _role(_: object, __: object, value: object) -> None:
    if value not in get_args(Role):
        raise BadRequestError(f"message.role: expected one of {', '.join(get_args(Role))}, got {value!r}")


@frozen
class Message:
    """One turn. `Message("user", "Hello")` is short for one `Text` part."""

    role: Role = field(validator=_role)
    parts: tuple[Part, ...] = field(converter=_parts)
    name: str | None = None

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))


@frozen
class Tool:
    """A function that the model may ask for. `parameters` is a JSON Schema of an object."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None

    @classmethod
    def from_function(
        cls,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        strict: bool | None = None,
    ) -> Tool:
        """A tool for a function, described by its type hints and its docstring.

        Args:
            function: plain or async; a method must be bound.
            name: in place of the function's own.
            description: in place of the first paragraph of the docstring.
            strict: whether the provider must hold the model to the parameters; None leaves that to the provider.

        Raises:
            BadRequestError: names the parameter that a model cannot give, or that cannot be strict.
        """
        from ..schema import function_schema

        own, text, parameters = function_schema(function, strict=bool(strict))
        if name is None and not own.isidentifier():
            raise BadRequestError(f"tool: {own} has no name of its own, so give it one")
        return cls(name or own, text if description is None else description, parameters, strict)


@frozen
class ForcedTool:
    """A tool choice: the model must call the tool of this name."""

    name: str


ToolChoice: TypeAlias = Literal["auto", "none", "required"] | ForcedTool

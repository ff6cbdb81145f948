"""Our requests in OpenAI's words. What is None is not sent; the caller's values are never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jackfield.errors import BadRequestError, UnsupportedError
from jackfield.operations import ChatRequest
from jackfield.types import (
    ForcedTool,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Unknown,
)

__all__ = ["chat_body"]

SAME_NAME = ("temperature", "top_p", "seed", "n")
# two names of one thing, of which a request may have one
TWINS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


def chat_body(request: ChatRequest, model: str, *, official: bool, stream: Mapping[str, Any]) -> dict[str, Any]:
    """The body of POST /chat/completions.

    Args:
        request: the request.
        model: the model's name.
        official: whether OpenAI itself will read it, which has replaced `max_tokens`.
        stream: the fields that make the reply a stream; none where it is not to be one.

    Raises:
        UnsupportedError: names the part that this wire cannot carry.
        BadRequestError: the request contradicts itself.
    """
    messages = [wire for index, message in enumerate(request.messages) for wire in _message(message, index)]
    body: dict[str, Any] = {"model": model, "messages": messages}
    for name in SAME_NAME:
        if (value := getattr(request, name)) is not None:
            body[name] = value
    if request.max_output_tokens is not None:
        body["max_completion_tokens" if official else "max_tokens"] = request.max_output_tokens
    if request.stop:  # none is what an empty list says, and the API refuses that
        body["stop"] = list(request.stop)
    _add_tools(body, request)
    for key, value in request.options.get("openai", {}).items():
        if key == "stream":
            raise BadRequestError("options.openai.stream: this is no option; call `stream` or `chat`")
        if key in body or TWINS.get(key) in body:
            raise BadRequestError(f"options.openai.{key}: this is set already, by a field of the request itself")
        if value is not None:
            body[key] = value
    return {**stream, **body}


def _add_tools(body: dict[str, Any], request: ChatRequest) -> None:
    if request.tools:
        body["tools"] = [tool.raw if isinstance(tool, Unknown) else _tool(tool) for tool in request.tools]
    choice = request.tool_choice
    if not request.tools:
        # the API refuses both where there are no tools; without any, only these two choices say nothing
        if choice not in (None, "auto", "none"):
            raise BadRequestError(f"tool_choice: {choice!r} needs tools, and the request has none")
        return
    if isinstance(choice, ForcedTool):
        body["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    elif isinstance(choice, Unknown):
        body["tool_choice"] = choice.raw
    elif choice is not None:
        body["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = request.parallel_tool_calls


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    for name in ("description", "parameters", "strict"):
        if (value := getattr(tool, name)) is not None:
            function[name] = value
    return {"type": "function", "function": function}


def _message(message: Message, index: int) -> Iterator[dict[str, Any]]:
    where = f"messages[{index}]"
    name = {} if message.name is None else {"name": message.name}
    for call in message.tool_calls:
        if not call.complete:
            raise BadRequestError(f"{where}: the call of tool {call.name!r} is incomplete: its reply broke off")
    if message.role == "tool":
        if not message.parts:
            raise BadRequestError(f"{where}: a tool's turn without a result")
        for part in message.parts:
            if not isinstance(part, ToolResult):
                raise UnsupportedError(f"{where}: a tool's turn holds results of tools only, not {type(part).__name__}")
            yield {"role": "tool", "tool_call_id": part.call_id, "content": _content(part.parts), **name}
        return
    wire: dict[str, Any] = {"role": message.role, "content": _content(message.parts)}
    if message.role == "assistant":
        _add_assistant(wire, message)
    for part in message.parts:
        if isinstance(part, ToolResult) or (
            message.role != "assistant" and isinstance(part, ToolCall | Reasoning | Refusal)
        ):
            raise UnsupportedError(f"{where}: the turn of role {message.role!r} cannot hold a {type(part).__name__}")
    yield {**wire, **name}


def _content(parts: tuple[Part, ...]) -> str | list[Any]:
    content = [part for part in parts if isinstance(part, Text | Image | Unknown)]
    if all(isinstance(part, Text) for part in content) and len(content) < 2:
        return "".join(part.text for part in content if isinstance(part, Text))
    return [_part(part) for part in content]


def _part(part: Text | Image | Unknown) -> Any:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image():
            return {"type": "image_url", "image_url": {"url": part.url}}
    return part.raw


def _add_assistant(wire: dict[str, Any], message: Message) -> None:
    # reasoning that nobody signed is not sent back: this wire has no place for it
    refusal = "".join(part.text for part in message.parts if isinstance(part, Refusal))
    if refusal:
        wire["refusal"] = refusal
    if message.tool_calls:
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if not wire["content"] and (refusal or message.tool_calls):
        # "" is refused beside tool calls, null is refused where there is nothing else
        wire["content"] = None

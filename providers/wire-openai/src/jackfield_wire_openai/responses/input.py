"""Our messages as the items of a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jackfield.errors import BadRequestError
from jackfield.types import Message, ToolCall, ToolResult, Unknown

from ..destination import Destination, put
from ..messages import known
from .contents import content, mark, short
from .items import INSTRUCTIONS, ITEM, LAYOUT, is_item
from .turns import assistants_items

__all__ = ["input_items"]


def input_items(messages: tuple[Message, ...], to: Destination) -> dict[str, Any]:
    """The items of a request, and the instructions beside them, where these were read apart.

    Raises:
        UnsupportedError: a part cannot be carried, and the caller does not allow that it is left out.
        BadRequestError: a message contradicts itself.
    """
    calls: dict[str, ToolCall] = {}  # by id, of which the last one is answered
    beside: dict[str, Any] = {}
    items: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if message.name is not None:
            to.report(f"{where}.name", "the Responses API has no names of speakers")
        calls |= {call.id: call for call in message.tool_calls}
        if index == 0 and (message.extra or {}).get(LAYOUT) == INSTRUCTIONS:
            beside[INSTRUCTIONS] = message.text
        elif message.role == "tool":
            items += _results(message, where, to, calls)
        elif message.role == "assistant":
            items += assistants_items(message, where, to)
        else:
            items += _said(message, where, to)
    return {"input": items, **beside}


def _said(message: Message, where: str, to: Destination) -> Iterator[dict[str, Any]]:
    """A turn of the user's or the system's; items that stand among its parts are items of their own."""
    extra = dict(message.extra or {})
    layout = extra.pop(LAYOUT, None)
    said = layout[0] if isinstance(layout, list) and layout and isinstance(layout[0], Mapping) else {}
    role, runs = to.role(message.role, where), _runs(message, where, to)
    if message.annotations:
        to.leave_out(f"{where}.annotations", "the host has no place for remarks on a text that is not the model's")
    for number, (parts, item) in enumerate(runs):
        if parts or (item is None and number == 0):
            wire: dict[str, Any] = {"role": role, "content": parts}
            mark(wire, message.cache if item is None else None, where, to)
            wire["content"] = short(wire["content"])
            put(wire, known(extra, where, to, (ITEM,)), f"{where}.extra")
            put(wire, said, f"{where}.extra.{LAYOUT}")
            yield wire
        if item is not None:
            yield item


def _runs(message: Message, where: str, to: Destination) -> list[tuple[list[Any], Any]]:
    """The parts of a turn up to each item among them."""
    runs: list[tuple[list[Any], Any]] = []
    parts: list[Any] = []
    for index, part in enumerate(message.parts):
        if isinstance(part, Unknown) and is_item(part.raw):
            runs.append((parts, part.raw))
            parts = []
        elif (wire := content(part, f"{where}.parts[{index}]", message.role, to)) is not None:
            parts.append(wire)
    return [*runs, (parts, None)]


def _results(message: Message, where: str, to: Destination, calls: Mapping[str, ToolCall]) -> Iterator[dict[str, Any]]:
    if not message.parts:
        raise BadRequestError(f"{where}: a tool's turn without a result")
    last = max((index for index, part in enumerate(message.parts) if isinstance(part, ToolResult)), default=0)
    for key in message.extra or ():
        to.leave_out(f"{where}.extra.{key}", "the Responses API has results, and no turn around them")
    for index, part in enumerate(message.parts):
        place = f"{where}.parts[{index}]"
        if isinstance(part, Unknown) and is_item(part.raw):
            yield part.raw
        elif isinstance(part, ToolResult):
            yield _result(part, message if index == last else None, place, to, calls.get(part.call_id))
        else:
            to.report(place, f"a tool's turn holds results of tools only, not {type(part).__name__}")


def _result(
    result: ToolResult, turn: Message | None, where: str, to: Destination, call: ToolCall | None
) -> dict[str, Any]:
    extra = dict(result.extra or {})
    own = extra.pop(ITEM, None) or {}
    kind = "custom_tool_call_output" if call is not None and call.custom else "function_call_output"
    parts = [
        wire
        for index, part in enumerate(result.parts)
        if (wire := content(part, f"{where}.parts[{index}]", "tool", to)) is not None
    ]
    cache = result.cache or (turn.cache if turn is not None else None)
    if cache is not None and parts:
        parts[-1] = dict(parts[-1])  # which may be the caller's
        mark(parts[-1], cache, where, to)
    else:
        to.report_mark(cache, where)
    # a call of the older kind had no id
    call_id = result.call_id or (call.name if call is not None else "")
    wire = {"type": kind, "call_id": call_id, "output": short(parts), **own}
    put(wire, known(extra, where, to, (LAYOUT,)), f"{where}.extra")
    if result.is_error:
        to.leave_out(f"{where}.is_error", "the host has no word for it: the result itself must say that it is one")
    return wire

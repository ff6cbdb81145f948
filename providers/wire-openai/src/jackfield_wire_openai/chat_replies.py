"""Chats in OpenAI's words as our events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define

from jackfield.http import HttpResponse
from jackfield.types import ChatEvent, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta

from .reading import fact, field, objects, written
from .replies import ChoicesReader

__all__ = ["ChatReader"]


@define
class _Call:
    """What must be remembered of a tool call while it streams."""

    index: int
    id: str = ""
    name: str = ""


class _Choice:
    """What must be remembered of a choice while it streams."""

    __slots__ = ("by_id", "by_index", "count", "last")

    def __init__(self) -> None:
        self.by_index: dict[int, _Call] = {}
        self.by_id: dict[str, _Call] = {}
        self.last: _Call | None = None
        self.count = 0

    def call(self, index: int | None, call_id: str, name: str, *, whole: bool) -> _Call:
        """The call that a piece belongs to, which may be new.

        The wire's index may start anywhere, have gaps, be missing, or be used again for a call with another id.
        """
        call: _Call | None = None
        if whole:
            pass  # each is a call of its own, whatever it is numbered
        elif index is not None:
            call = self.by_index.get(index)
            if call is not None and call_id and call.id and call_id != call.id:
                call = None
        elif call_id:
            call = self.by_id.get(call_id)
        elif self.last is not None and not (name and self.last.name):
            call = self.last
        if call is None:
            call = _Call(self.count)
            self.count += 1
        if index is not None:
            self.by_index[index] = call
        if call_id:
            self.by_id[call_id] = call
        self.last = call
        return call


class ChatReader(ChoicesReader):
    """Reads the payloads of one chat, in order."""

    def __init__(self, head: HttpResponse) -> None:
        """Begin a reply with this head."""
        super().__init__(head)
        self._choices: dict[int, _Choice] = {}

    def has_calls(self, index: int) -> bool:
        """Whether a choice holds tool calls."""
        return self._choices[index].count > 0

    def read_choice(self, choice: Mapping[str, Any], index: int, *, whole: bool) -> Iterator[ChatEvent]:
        """The events of a choice's message, or of more of it."""
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = _Choice()
        first, second = ("message", "delta") if whole else ("delta", "message")
        if message := field(choice, first if first in choice else second, dict):
            yield from self._read_message(message, index, state, whole=whole)

    def _read_message(
        self, message: Mapping[str, Any], index: int, state: _Choice, *, whole: bool
    ) -> Iterator[ChatEvent]:
        if thought := fact(message, "reasoning_content", str) or fact(message, "reasoning", str):
            yield ReasoningDelta(thought, index, raw=self.take())
        if type(message.get("content")) is list:
            for part in message["content"]:
                yield from self._read_part(part, index)
        elif text := written(message, "content"):
            yield from self.text(text, index, "text", lambda text: TextDelta(text, index, raw=self.take()))
        if refusal := field(message, "refusal", str):
            yield RefusalDelta(refusal, index, raw=self.take())
        for wire in objects(message, "tool_calls"):
            function = field(wire, "function", dict) or {}
            if function or not wire.get("custom"):  # a custom tool's call stays in raw
                yield self._tool_call(wire, function, index, state, whole=whole)

    def _read_part(self, part: Any, index: int) -> Iterator[ChatEvent]:
        match part:
            case {"type": "text", "text": str(text)} if text:
                yield TextDelta(text, index, raw=self.take())
            case {"type": "thinking", "thinking": [*thoughts]} | {"type": "reasoning", "summary": [*thoughts]}:
                texts = (fact(thought, "text", str) for thought in thoughts if type(thought) is dict)
                if text := "".join(text for text in texts if text):
                    yield ReasoningDelta(text, index, raw=self.take())

    def _tool_call(
        self, wire: Mapping[str, Any], function: Mapping[str, Any], choice: int, state: _Choice, *, whole: bool
    ) -> ToolCallDelta:
        call_id = field(wire, "id", str) or ""
        name = field(function, "name", str) or ""
        call = state.call(fact(wire, "index", int), call_id, name, whole=whole)
        # id and name are given once, though some servers repeat them in every piece
        new_id = call_id if not call.id else ""
        new_name = name if name != call.name else ""
        call.id += new_id
        call.name += new_name
        arguments = written(function, "arguments")
        return ToolCallDelta(call.index, new_id or None, new_name or None, arguments, choice, raw=self.take())

"""What was said, as plain data: redacted, and bounded in length."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import define

from jackfield.types import Audio, File, Image, Message, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown

from .redaction import HIDDEN, Redactor

__all__ = ["content_of", "number"]

SENT: Final = ("messages", "prompt", "suffix", "input")
DEEPEST: Final = 20
# an address that is its own content, or base64 that some field holds
DATA: Final = re.compile(r"\s*[Dd][Aa][Tt][Aa]:|[A-Za-z0-9+/_-]{256}")
WIDEST: Final = 256  # bits of an integer
SHORTEST: Final = 200  # what even a small remainder of the bound still shows, so that a list does not end in crumbs


def content_of(
    request: Any, response: Any, wanted: Collection[str], redactor: Redactor, longest: int
) -> dict[str, Any]:
    """The content of a call, by the names of the setting `content`.

    Args:
        request: what was asked.
        response: what has arrived, or None.
        wanted: which content.
        redactor: takes out what must not be seen.
        longest: characters of each at most.
    """
    found: dict[str, Any] = {}
    if "messages" in wanted:
        for name in SENT:
            if value := getattr(request, name, None):
                found[name] = _Told(redactor, longest).latest(value)
    if response is None:
        return found
    messages = [_message(choice) for choice in getattr(response, "choices", ())]
    for name, parts in (("text", (Text, Refusal)), ("reasoning", (Reasoning,)), ("tool_calls", (ToolCall,))):
        if name in wanted:
            told = _Told(redactor, longest)
            each = [told.joined(part for part in message if isinstance(part, parts)) for message in messages]
            if any(each):
                found[name] = each[0] if len(each) == 1 else each
    return found


def _message(choice: Any) -> tuple[Any, ...]:
    if isinstance(message := getattr(choice, "message", None), Message):
        return message.parts
    return (Text(choice.text),) if getattr(choice, "text", None) else ()


def number(value: Any) -> Any:
    """A number or truth value as JSON can carry it; None for NaN, the infinities and what is no number."""
    if isinstance(value, int):
        # no system has more of them, and Python writes no number of more than 4,300 digits
        return value if value.bit_length() <= WIDEST else f"[integer of {value.bit_length()} bits]"
    return value if isinstance(value, float) and math.isfinite(value) else None


@define
class _Told:
    """Turns values into plain data, until so many characters have been told."""

    _redactor: Redactor
    _left: int

    def latest(self, values: Any) -> Any:
        """A text, or a list of which the last items matter most."""
        if isinstance(values, str):
            return self.text(values)
        items = list(values)
        told: list[Any] = []
        while items and self._left > 0:
            told.append(self.value(items.pop()))
        if items:
            told.append(f"[{len(items)} before]")
        return told[::-1]

    def joined(self, parts: Iterable[Any]) -> Any:
        """Texts as one text, other parts as a list."""
        found = list(parts)
        if all(isinstance(part, Text | Refusal | Reasoning) for part in found):
            return self.text("".join(part.text for part in found))
        return self._each(found, self.value)

    def text(self, text: str) -> str:
        """A text without what must not be seen."""
        told = self._redactor.text(text, max(self._left, SHORTEST))
        self._left -= len(told)
        return told

    def value(self, value: Any, depth: int = 0) -> Any:
        """Anything that a message or JSON can hold."""
        self._left -= 2
        if value is None or isinstance(value, int | float):
            return number(value)
        if isinstance(value, str):
            return f"[data of {len(value)} characters]" if DATA.match(value) else self.text(value)
        if depth > DEEPEST or self._left < 0:
            return "[cut]"
        if isinstance(value, Mapping):
            found: dict[str, Any] = {}
            for count, (key, item) in enumerate(value.items()):
                if self._left < 0:
                    found["[cut]"] = f"[{len(value) - count} more]"
                    break
                found[self.text(str(key))] = self._member(key, item, depth)
            return found
        if isinstance(value, list | tuple):
            return self._each(value, lambda item: self.value(item, depth + 1))
        return self._part(value, depth)

    def _each(self, values: Sequence[Any], tell: Callable[[Any], Any]) -> list[Any]:
        found: list[Any] = []
        for value in values:
            if self._left < 0:
                found.append(f"[{len(values) - len(found)} more]")
                break
            found.append(tell(value))
        return found

    def _part(self, value: Any, depth: int) -> Any:
        told: Any = f"[{type(value).__name__}]"
        match value:
            case Text(text=text) | Refusal(text=text):
                told = self.text(text)
            case Reasoning(text=text):
                told = {"reasoning": self.text(text)}
            case Image(url=url):
                told = f"[image of {len(url)} characters]" if DATA.match(url) else {"image": self.text(url)}
            case Audio(transcript=transcript):
                told = f"[audio] {self.text(transcript or '')}".strip()
            case File(filename=filename):
                told = f"[file] {self.text(filename or '')}".strip()
            case ToolCall(id=call, name=name, arguments=arguments):
                told = {
                    "call": self.text(call),
                    "name": self.text(name),
                    "arguments": self._arguments(arguments, depth),
                }
            case ToolResult(call_id=call, parts=parts):
                each = self._each(parts, lambda part: self._result(part, depth))
                told = {"result_of": self.text(call), "parts": each}
            case Message(role=role, parts=parts):
                each = self._each(parts, lambda part: self.value(part, depth + 1))
                told = {"role": role, "content": each[0] if len(each) == 1 else each}
            case Unknown(raw=raw):
                told = self.value(raw, depth + 1)
        return told

    def _member(self, key: object, value: Any, depth: int) -> Any:
        return HIDDEN if self._redactor.hidden(key) else self.value(value, depth + 1)

    def _arguments(self, arguments: str, depth: int) -> Any:
        """What a tool was given: as data, where it is JSON, so that its fields have names."""
        try:
            return self.value(json.loads(arguments), depth + 1) if arguments.strip() else {}
        except (ValueError, RecursionError):
            return self.text(arguments)

    def _result(self, part: Any, depth: int) -> Any:
        """What a tool gave back is often JSON in a text."""
        if isinstance(part, Text) and part.text[:1] in {"{", "["}:
            return self._arguments(part.text, depth)
        return self.value(part, depth + 1)

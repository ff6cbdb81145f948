"""The content blocks of a reply while they arrive: each begins, gets more, and is closed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

from attrs import define, field as attribute

from jackfield.errors import MalformedReplyError
from jackfield.http import read_json
from jackfield.types import Annotated, ChatEvent, PartAdded, ReasoningDelta, TextDelta, ToolCallDelta, Unknown

from .blocks import THOUGHT
from .citations import read_citation
from .reading import fact, field

__all__ = ["OpenBlock", "Reply", "open_block"]

CALL_FIELDS: Final = ("type", "id", "name", "input")
DIRECT: Final = {"type": "direct"}  # the caller of a call that the model itself makes, as nearly all are


@define
class Reply:
    """What has come of a reply: how many texts, thoughts and calls, and how long its text is."""

    texts: int = 0
    thoughts: int = 0
    calls: int = 0
    length: int = 0


class OpenBlock(Protocol):
    """A block that arrives."""

    def begin(self) -> Iterator[ChatEvent]:
        """The events of its beginning, which may be all of it."""

    def more(self, delta: Mapping[str, Any]) -> Iterator[ChatEvent]:
        """The events of more of it."""

    def close(self) -> Iterator[ChatEvent]:
        """The events of its end."""


def open_block(wire: dict[str, Any], reply: Reply) -> OpenBlock:
    """A block that begins."""
    match wire.get("type"):
        case "text":
            return _Text(wire, reply)
        case "thinking" | "redacted_thinking":
            return _Thought(wire, reply)
        case "tool_use":
            return _Call(wire, reply)
    return _Other(wire)


@define
class _Text:
    _wire: Mapping[str, Any]
    _reply: Reply
    _number: int | None = None
    _length: int = 0
    _citations: list[Any] = attribute(factory=list)

    def begin(self) -> Iterator[ChatEvent]:
        self._citations += fact(self._wire, "citations", list) or ()
        yield from self._said(field(self._wire, "text", str))

    def more(self, delta: Mapping[str, Any]) -> Iterator[ChatEvent]:
        match delta.get("type"):
            case "text_delta":
                yield from self._said(field(delta, "text", str))
            case "citations_delta" if delta.get("citation") is not None:
                self._citations.append(delta["citation"])

    def close(self) -> Iterator[ChatEvent]:
        begin = self._reply.length
        self._reply.length += self._length
        for wire in self._citations:
            yield Annotated(read_citation(wire, self._number, begin, self._reply.length))

    def _said(self, text: str | None) -> Iterator[ChatEvent]:
        if text:
            if self._number is None:
                self._number = self._reply.texts
                self._reply.texts += 1
            self._length += len(text)
            yield TextDelta(text, block=self._number)


@define
class _Thought:
    _wire: Mapping[str, Any]
    _reply: Reply
    _number: int | None = None

    def begin(self) -> Iterator[ChatEvent]:
        yield from self._said(
            field(self._wire, "thinking", str), field(self._wire, "signature", str), field(self._wire, "data", str)
        )

    def more(self, delta: Mapping[str, Any]) -> Iterator[ChatEvent]:
        match delta.get("type"):
            case "thinking_delta":
                yield from self._said(field(delta, "thinking", str))
            case "signature_delta":
                yield from self._said(signature=field(delta, "signature", str))

    def close(self) -> Iterator[ChatEvent]:
        yield from ()

    def _said(self, text: str | None = None, signature: str | None = None, data: str | None = None) -> Iterator[Any]:
        if text or signature or data:
            if self._number is None:
                self._number = self._reply.thoughts
                self._reply.thoughts += 1
            block, signed, sealed = self._number, signature or None, data or None
            yield ReasoningDelta(text or "", block=block, signature=signed, encrypted=sealed, format=THOUGHT)


@define
class _Call:
    _wire: Mapping[str, Any]
    _reply: Reply
    _number: int = 0
    _begun: bool = False

    def begin(self) -> Iterator[ChatEvent]:
        call_id, name = field(self._wire, "id", str), field(self._wire, "name", str)
        if not call_id or not name:
            raise MalformedReplyError(f"tool_use: expected an id and a name, got {call_id!r} and {name!r}")
        self._number = self._reply.calls
        self._reply.calls += 1
        more = self._wire.items()
        extra = {key: value for key, value in more if key not in CALL_FIELDS and value not in (None, DIRECT)}
        yield ToolCallDelta(self._number, call_id, name, extra=extra or None)

    def more(self, delta: Mapping[str, Any]) -> Iterator[ChatEvent]:
        if delta.get("type") == "input_json_delta" and (text := field(delta, "partial_json", str)):
            self._begun = True
            yield ToolCallDelta(self._number, arguments=text)

    def close(self) -> Iterator[ChatEvent]:
        if not self._begun:  # it came whole, or has no arguments
            yield ToolCallDelta(self._number, arguments=_written(field(self._wire, "input", dict) or {}))


def _written(arguments: dict[str, Any]) -> str:
    """Arguments as text, spaced as models space them, so that a stream and a document come to the same."""
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except RecursionError:
        raise MalformedReplyError("tool_use: the input is nested too deeply") from None


@define
class _Other:
    """A block that there is no word for, which is given whole: the use of a tool of the server, its result, ..."""

    _wire: dict[str, Any]
    _input: list[str] = attribute(factory=list)
    _added: dict[str, Any] = attribute(factory=dict)

    def begin(self) -> Iterator[ChatEvent]:
        yield from ()

    def more(self, delta: Mapping[str, Any]) -> Iterator[ChatEvent]:
        match delta.get("type"):
            case "input_json_delta":
                self._input.append(field(delta, "partial_json", str) or "")
            case "compaction_delta":
                self._added |= {key: value for key, value in delta.items() if key != "type" and value is not None}
        yield from ()

    def close(self) -> Iterator[ChatEvent]:
        if text := "".join(self._input):
            with suppress(MalformedReplyError):  # the reply was cut inside of it
                self._added["input"] = read_json(text)
        yield PartAdded(Unknown({**self._wire, **self._added}))

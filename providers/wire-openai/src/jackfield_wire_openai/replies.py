"""Replies in OpenAI's words as our events: one reader for whole replies and for the chunks of a stream.

What comes is not trusted to have any shape, and there are two ways of looking at a field. `_field` is for what
carries the reply: of another kind than it must be, it makes the reply malformed. `_fact` is for what is said about
the reply: of another kind, it is left in `raw`, and the reply is good without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from attrs import define

from jackfield.errors import MalformedReplyError, TruncatedStreamError
from jackfield.http import HttpResponse, read_json
from jackfield.sse import ServerSentEvent, SseDecoder
from jackfield.types import (
    ChatEvent,
    Finish,
    Finished,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    Unrecognized,
    Usage,
    UsageReported,
)

from .errors import in_band_error, said

__all__ = ["ChatReader", "ChatStream"]

K = TypeVar("K")

DONE: Final = "[DONE]"
MAX_BARE: Final = 1024 * 1024

REASONS: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "end_turn": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
}

KINDS: Final[Mapping[type, str]] = {str: "text", int: "a whole number", list: "a list", dict: "an object"}


def _field(holder: Mapping[str, Any], name: str, kind: type[K]) -> K | None:
    value = holder.get(name)
    if type(value) is kind:
        return value
    if not value:
        return None  # null, and what stands for it: PHP writes an empty object as []
    raise MalformedReplyError(f"{name}: expected {KINDS[kind]}, got {type(value).__name__}")


def _fact(holder: Mapping[str, Any], name: str, *kinds: type) -> Any:
    value = holder.get(name)
    return value if type(value) in kinds else None


def _objects(holder: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    items = _field(holder, name, list) or []
    for item in items:
        if type(item) is not dict:
            raise MalformedReplyError(f"{name}: expected objects, got {type(item).__name__}")
    return items


def _written(holder: Mapping[str, Any], name: str) -> str:
    """A field of text. Some servers parse the JSON in it before they send it: that is written again."""
    if type(value := holder.get(name)) is not dict:
        return _field(holder, name, str) or ""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise MalformedReplyError(f"{name}: too deep") from None


@define
class _Call:
    """What must be remembered of a tool call while it streams."""

    index: int
    id: str = ""
    name: str = ""


class _Choice:
    """What must be remembered of a choice while it streams."""

    __slots__ = ("by_id", "by_index", "count", "finished", "last")

    def __init__(self) -> None:
        self.by_index: dict[int, _Call] = {}
        self.by_id: dict[str, _Call] = {}
        self.last: _Call | None = None
        self.count = 0
        self.finished = False

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


class ChatReader:
    """Reads the payloads of one reply, in order."""

    def __init__(self, head: HttpResponse) -> None:
        """Begin a reply with this head."""
        self._head = head
        self._choices: dict[int, _Choice] = {}
        self._started = False
        self._early: list[Any] = []  # payloads that came before anything could be made of one
        self._facts: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._raw: Any = None

    def whole(self, payload: Any) -> Iterator[ChatEvent]:
        """The events of a reply that came as one document.

        Raises:
            JackfieldError: the document is an error, or not a chat completion.
        """
        yield from self.chunk(payload, whole=True)
        if not self._choices:
            raise MalformedReplyError(
                f"the reply has no choices: {said(payload)}",
                status=self._head.status,
                request_id=self._head.headers.get("x-request-id"),
                retryable=True,
                body=payload,
            )
        yield from self.end()

    def chunk(self, payload: Any, *, whole: bool = False) -> Iterator[ChatEvent]:
        """The events of one chunk. A payload with nothing that we know becomes Unrecognized.

        Raises:
            JackfieldError: the payload is an error, or not a chunk. Events before it are given first.
        """
        if type(payload) is not dict:
            raise MalformedReplyError(f"expected an object, got {type(payload).__name__}")
        self._raw = payload
        if not self._started:
            self._learn(payload)
        for event in self._read(payload, whole=whole):
            if not self._started:
                yield from self._begin()
            yield event
        if self._raw is None:
            return
        if self._started:
            yield Unrecognized(raw=self._take())
        else:
            self._early.append(self._take())

    def end(self) -> Iterator[ChatEvent]:
        """The reply has ended: usage that came before its choices were finished."""
        if self._usage is not None:
            if not self._started:
                yield from self._begin()
            yield UsageReported(self._usage)

    def _learn(self, payload: Mapping[str, Any]) -> None:
        # the start waits for content, so that it can hold what later chunks say of the reply
        for name, *kinds in (("id", str), ("model", str), ("created", int, float)):
            if value := _fact(payload, name, *kinds):
                self._facts.setdefault(name, value)

    def _begin(self) -> Iterator[ChatEvent]:
        self._started = True
        first, *others = self._early or [None]
        yield Start(raw=first, **self._facts)
        for raw in others:
            yield Unrecognized(raw=raw)

    def _take(self) -> Any:
        raw, self._raw = self._raw, None
        return raw

    def _read(self, payload: Mapping[str, Any], *, whole: bool) -> Iterator[ChatEvent]:
        failed = payload.get("error") or (payload.get("object") == "error" and not payload.get("choices"))
        for position, choice in enumerate(_objects(payload, "choices")):
            index = _field(choice, "index", int)
            if index is None:
                index = position if whole else 0
            state = self._choices.setdefault(index, _Choice())
            first, second = ("message", "delta") if whole else ("delta", "message")
            if message := _field(choice, first if first in choice else second, dict):
                yield from self._read_message(message, index, state, whole=whole)
            self._read_usage(choice)
            if choice.get("error"):
                raise in_band_error(choice, self._head)
            reason = choice.get("finish_reason")
            if (reason or whole) and not state.finished and not failed:
                state.finished = True
                yield Finished(_finish(reason, has_calls=state.count > 0), index, raw=self._take())
        self._read_usage(payload)
        if failed:
            raise in_band_error(payload, self._head)
        if self._usage is not None and self._choices and all(choice.finished for choice in self._choices.values()):
            usage, self._usage = self._usage, None
            yield UsageReported(usage, raw=self._take())

    def _read_message(
        self, message: Mapping[str, Any], index: int, state: _Choice, *, whole: bool
    ) -> Iterator[ChatEvent]:
        if thought := _fact(message, "reasoning_content", str) or _fact(message, "reasoning", str):
            yield ReasoningDelta(thought, index, raw=self._take())
        if type(message.get("content")) is list:
            for part in message["content"]:
                yield from self._read_part(part, index)
        elif text := _written(message, "content"):
            yield TextDelta(text, index, raw=self._take())
        if refusal := _field(message, "refusal", str):
            yield RefusalDelta(refusal, index, raw=self._take())
        for wire in _objects(message, "tool_calls"):
            function = _field(wire, "function", dict) or {}
            if function or not wire.get("custom"):  # a custom tool's call stays in raw
                yield self._tool_call(wire, function, index, state, whole=whole)

    def _read_part(self, part: Any, index: int) -> Iterator[ChatEvent]:
        match part:
            case {"type": "text", "text": str(text)} if text:
                yield TextDelta(text, index, raw=self._take())
            case {"type": "thinking", "thinking": [*thoughts]} | {"type": "reasoning", "summary": [*thoughts]}:
                texts = (_fact(thought, "text", str) for thought in thoughts if type(thought) is dict)
                if text := "".join(text for text in texts if text):
                    yield ReasoningDelta(text, index, raw=self._take())

    def _tool_call(
        self, wire: Mapping[str, Any], function: Mapping[str, Any], choice: int, state: _Choice, *, whole: bool
    ) -> ToolCallDelta:
        call_id = _field(wire, "id", str) or ""
        name = _field(function, "name", str) or ""
        call = state.call(_fact(wire, "index", int), call_id, name, whole=whole)
        # id and name are given once, though some servers repeat them in every piece
        new_id = call_id if not call.id else ""
        new_name = name if name != call.name else ""
        call.id += new_id
        call.name += new_name
        arguments = _written(function, "arguments")
        return ToolCallDelta(call.index, new_id or None, new_name or None, arguments, choice, raw=self._take())

    def _read_usage(self, holder: Mapping[str, Any]) -> None:
        usage = _fact(holder, "usage", dict)
        if not usage:
            return
        self._usage = Usage(
            _fact(usage, "prompt_tokens", int),
            _fact(usage, "completion_tokens", int),
            _fact(_fact(usage, "completion_tokens_details", dict) or {}, "reasoning_tokens", int),
            _fact(_fact(usage, "prompt_tokens_details", dict) or {}, "cached_tokens", int),
            cost=_fact(usage, "cost", int, float),
        )


def _finish(reason: Any, *, has_calls: bool) -> Finish:
    raw = reason if isinstance(reason, str) else None
    unified = REASONS.get(raw or "", "other")
    # some servers say "stop" when they mean that tools are to be run
    return Finish("tool_calls" if has_calls and unified == "stop" else unified, raw)


class ChatStream:
    """Decodes a stream of chunks."""

    def __init__(self, head: HttpResponse) -> None:
        """Begin a reply with this head."""
        self.done = False
        self._head = head
        self._events = SseDecoder()
        self._reader = ChatReader(head)
        self._bare: bytearray | None = bytearray()  # what came, until the first event shows that it is a stream

    def feed(self, data: bytes) -> Iterator[ChatEvent]:
        """Take the next bytes.

        Raises:
            JackfieldError: a chunk is malformed, or an error.
        """
        if self._bare is not None and len(self._bare) < MAX_BARE:
            self._bare += data
        yield from self._read(self._events.feed(data))

    def end(self) -> Iterator[ChatEvent]:
        """The bytes have ended: what is left.

        Raises:
            JackfieldError: the bytes ended inside an event, or held none.
        """
        try:
            yield from self._read(self._events.end())
        except MalformedReplyError as error:
            raise TruncatedStreamError(f"the reply ended inside an event: {error.message}") from None
        if self._bare is None:
            if not self.done:
                yield from self._reader.end()
        elif self._bare.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            # not a stream at all, whatever its head says: a document, most often an error
            yield from self._reader.whole(read_json(bytes(self._bare)))
        else:
            raise TruncatedStreamError(f"the reply holds no event: {bytes(self._bare[:200])!r}")

    def _read(self, events: Iterable[ServerSentEvent]) -> Iterator[ChatEvent]:
        for event in events:
            self._bare = None
            data = event.data.strip()
            if event.event == "error":
                raise in_band_error(_perhaps_json(data), self._head)
            if data == DONE:
                self.done = True
                yield from self._reader.end()
                return
            if data:
                yield from self._reader.chunk(read_json(data, "chunk"))


def _perhaps_json(text: str) -> Any:
    try:
        return read_json(text)
    except MalformedReplyError:
        return text

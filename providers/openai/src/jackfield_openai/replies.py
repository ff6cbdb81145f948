"""Replies in OpenAI's words as our events: one reader for whole replies and for the chunks of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from jackfield.errors import MalformedReplyError
from jackfield.http import HttpResponse, read_json
from jackfield.sse import SseDecoder
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

from .errors import in_band_error

__all__ = ["ChatReader", "ChatStream"]

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


class _Choice:
    """What must be remembered of a choice while it streams."""

    __slots__ = ("calls", "finished", "last")

    def __init__(self) -> None:
        self.calls: dict[Any, tuple[int, str]] = {}  # the wire's key of a call -> our index, its id
        self.last: Any = None
        self.finished = False

    def call(self, wire: Mapping[str, Any], position: int | None) -> tuple[int, bool]:
        """Our index of a call, and whether it is new.

        The wire's index may start anywhere, have gaps, be missing, or be used again for a call with another id.
        """
        call_id = wire.get("id") or ""
        key = wire.get("index")
        if key is None:
            key = position if position is not None else call_id or self.last
        known = self.calls.get(key)
        if known is not None and (not call_id or not known[1] or call_id == known[1]):
            self.last = key
            if call_id and not known[1]:
                self.calls[key] = (known[0], call_id)
            return known[0], False
        index = 1 + max((index for index, _ in self.calls.values()), default=-1)
        if known is not None:
            self.calls[object()] = known  # its index stays taken
        self.calls[key] = (index, call_id)
        self.last = key
        return index, True


class ChatReader:
    """Reads the payloads of one reply, in order."""

    def __init__(self, head: HttpResponse) -> None:
        """Begin a reply with this head."""
        self._head = head
        self._choices: dict[int, _Choice] = {}
        self._started = False
        self._early: list[ChatEvent] = []
        self._facts: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._raw: Any = None

    def whole(self, payload: Any) -> Iterator[ChatEvent]:
        """The events of a reply that came as one document.

        Raises:
            JackfieldError: the document is an error, or not a chat completion.
        """
        yield from self.chunk(payload, "message")
        yield from self.end()

    def chunk(self, payload: Any, key: str = "delta") -> Iterable[ChatEvent]:
        """The events of one chunk. A payload with nothing that we know becomes Unrecognized.

        Raises:
            JackfieldError: the payload is an error, or not a chunk.
        """
        if not isinstance(payload, dict):
            raise MalformedReplyError(f"expected an object, got {str(payload)[:80]!r}")
        choices = payload.get("choices")
        if payload.get("error") or (choices is None and payload.get("object") == "error"):
            raise in_band_error(payload, self._head)
        if choices is not None and not isinstance(choices, list):
            raise MalformedReplyError(f"choices: expected a list, got {str(choices)[:80]!r}")
        self._raw = payload
        events: list[ChatEvent] = []
        if not self._started:
            self._learn(payload)
        for choice in choices or ():
            self._read_choice(choice, key, events)
        self._read_usage(payload)
        if self._usage is not None and self._choices and all(choice.finished for choice in self._choices.values()):
            events.append(UsageReported(self._usage, raw=self._take()))
            self._usage = None
        return self._begun(events)

    def end(self) -> Iterator[ChatEvent]:
        """The reply has ended: usage that came before its choices were finished."""
        yield from self._begun([UsageReported(self._usage)] if self._usage is not None else [])

    def _begun(self, events: list[ChatEvent]) -> list[ChatEvent]:
        if self._raw is not None and not events:
            events.append(Unrecognized(raw=self._take()))
        if self._started:
            return events
        if all(isinstance(event, Unrecognized) for event in events):
            self._early += events  # the start waits for what later chunks say of the reply
            return []
        self._started = True
        facts = self._facts
        first = self._early.pop(0).raw if self._early else None
        start = Start(id=facts.get("id"), model=facts.get("model"), created=facts.get("created"), raw=first)
        return [start, *self._early, *events]

    def _learn(self, payload: Mapping[str, Any]) -> None:
        for name, kind in (("id", str), ("model", str), ("created", int | float)):
            value = payload.get(name)
            if value and isinstance(value, kind):
                self._facts.setdefault(name, value)

    def _take(self) -> Any:
        raw, self._raw = self._raw, None
        return raw

    def _read_choice(self, choice: Any, key: str, events: list[ChatEvent]) -> None:
        if not isinstance(choice, dict):
            raise MalformedReplyError(f"choices: expected objects, got {str(choice)[:80]!r}")
        index = choice.get("index")
        index = index if isinstance(index, int) else 0
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = _Choice()
        delta = choice.get(key) or choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            self._read_delta(delta, index, state, events, whole=key == "message")
        reason = choice.get("finish_reason")
        if (reason or key == "message") and not state.finished:
            state.finished = True
            finish = _finish(reason, has_calls=bool(state.calls))
            events.append(Finished(finish, index, raw=self._take()))
        self._read_usage(choice)

    def _read_delta(
        self, delta: Mapping[str, Any], index: int, state: _Choice, events: list[ChatEvent], *, whole: bool
    ) -> None:
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning and isinstance(reasoning, str):
            events.append(ReasoningDelta(reasoning, index, raw=self._take()))
        content = delta.get("content")
        if content and isinstance(content, str):
            events.append(TextDelta(content, index, raw=self._take()))
        elif isinstance(content, list):
            for part in content:
                self._read_part(part, index, events)
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            events.append(RefusalDelta(refusal, index, raw=self._take()))
        for position, call in enumerate(delta.get("tool_calls") or ()):
            if not isinstance(call, dict):
                raise MalformedReplyError(f"tool_calls: expected objects, got {str(call)[:80]!r}")
            events.append(self._tool_call(call, index, state, position if whole else None))

    def _read_part(self, part: Any, index: int, events: list[ChatEvent]) -> None:
        match part:
            case {"type": "text", "text": str(text)} if text:
                events.append(TextDelta(text, index, raw=self._take()))
            case {"type": "thinking", "thinking": [*thoughts]}:
                text = "".join(item["text"] for item in thoughts if isinstance(item, dict) and "text" in item)
                if text:
                    events.append(ReasoningDelta(text, index, raw=self._take()))

    def _tool_call(self, call: Mapping[str, Any], choice: int, state: _Choice, position: int | None) -> ToolCallDelta:
        index, new = state.call(call, position)
        function = call.get("function") or {}
        arguments = function.get("arguments")
        if arguments is not None and not isinstance(arguments, str):
            raise MalformedReplyError(f"tool_calls: arguments are not text: {str(arguments)[:80]!r}")
        return ToolCallDelta(
            index,
            (call.get("id") or None) if new else None,
            function.get("name") or None,
            arguments or "",
            choice,
            raw=self._take(),
        )

    def _read_usage(self, holder: Mapping[str, Any]) -> None:
        usage = holder.get("usage")
        if not isinstance(usage, dict):
            return
        inputs = usage.get("prompt_tokens_details") or {}
        outputs = usage.get("completion_tokens_details") or {}
        self._usage = Usage(
            usage.get("prompt_tokens"),
            usage.get("completion_tokens"),
            outputs.get("reasoning_tokens"),
            inputs.get("cached_tokens"),
            usage.get("cost"),
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
        self._events = SseDecoder()
        self._reader = ChatReader(head)
        self._bare: bytearray | None = bytearray()

    def feed(self, data: bytes) -> Iterator[ChatEvent]:
        """Take the next bytes.

        Raises:
            JackfieldError: a chunk is malformed, or an error.
        """
        if self._bare is not None and len(self._bare) < MAX_BARE:
            self._bare += data
        yield from self._read(self._events.feed(data))

    def end(self) -> Iterator[ChatEvent]:
        """The bytes have ended: what is left."""
        yield from self._read(self._events.end())
        if self._bare is not None and self._bare.lstrip().startswith(b"{"):
            # not a stream at all, whatever its head says: a document, most often an error
            yield from self._reader.whole(read_json(bytes(self._bare)))
        elif not self.done:
            yield from self._reader.end()

    def _read(self, events: Iterable[Any]) -> Iterator[ChatEvent]:
        for event in events:
            self._bare = None
            if event.data == DONE:
                self.done = True
                yield from self._reader.end()
                return
            if event.data:
                yield from self._reader.chunk(read_json(event.data, "chunk"))

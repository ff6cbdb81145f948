"""Replies as events: one reader for documents and for the events of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import evolve

from jackfield.errors import MalformedReplyError
from jackfield.http import HttpResponse
from jackfield.types import (
    ChatEvent,
    Finish,
    Finished,
    FinishReason,
    RefusalDelta,
    Start,
    Unrecognized,
    Usage,
    UsageReported,
)

from .errors import in_stream_error
from .headers import rate_limit, request_id
from .open_blocks import OpenBlock, Reply, open_block
from .reading import fact, field

__all__ = ["MessageReader"]

REASONS: Final[Mapping[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class MessageReader:
    """Reads the payloads of one reply, in order. Each is the `raw` of the first event that is made of it."""

    def __init__(self, head: HttpResponse) -> None:
        """Begin a reply with this head."""
        self.done = False
        self._head = head
        self._raw: Any = None
        self._reply = Reply()
        self._open: dict[int, OpenBlock] = {}
        self._usage: dict[str, Any] = {}
        self._started = self._finished = False

    def whole(self, payload: Any) -> Iterator[ChatEvent]:
        """The events of a reply that came as one document.

        Raises:
            JackfieldError: the document is an error, or no message.
        """
        message = self._take(payload)
        if (content := field(message, "content", list)) is None:
            raise MalformedReplyError("the reply has no content", status=self._head.status, body=payload)
        yield self._start(message)
        for index, block in enumerate(content):
            yield from self._with_raw(self._begin(index, block))
            yield from self._close(index)
        yield from self._stop(message)
        self.done = True

    def event(self, payload: Any) -> Iterator[ChatEvent]:
        """The events of one event of a stream. One that says nothing that we know becomes Unrecognized.

        Raises:
            JackfieldError: it is an error, or contradicts what came before. Events before it are given first.
        """
        kind = self._take(payload).get("type")
        if kind == "ping":
            return
        yield from self._with_raw(self._read(str(kind), payload))
        if self._raw is not None:
            yield Unrecognized(raw=payload)

    def broken(self) -> Iterator[ChatEvent]:
        """The reply ended in an error: usage as it was stated until then."""
        if self._usage and not self._finished:
            yield UsageReported(read_usage(self._usage))

    def _take(self, payload: Any) -> dict[str, Any]:
        if type(payload) is not dict:
            raise MalformedReplyError(f"expected an object, got {type(payload).__name__}")
        if payload.get("type") == "error":
            raise in_stream_error(payload, self._head)
        self._raw = payload
        return payload

    def _with_raw(self, events: Iterator[ChatEvent]) -> Iterator[ChatEvent]:
        for event in events:
            if self._raw is not None and event.raw is None:
                yield evolve(event, raw=self._raw)
                self._raw = None
            else:
                yield event

    def _read(self, kind: str, payload: dict[str, Any]) -> Iterator[ChatEvent]:
        match kind:
            case "message_start":
                if self._started:
                    raise MalformedReplyError("message_start: the reply has begun already")
                yield self._start(field(payload, "message", dict) or {})
            case "content_block_start":
                yield from self._begin(_index(payload), field(payload, "content_block", dict))
            case "content_block_delta":
                block = self._open.get(index := _index(payload))
                if block is None:
                    raise MalformedReplyError(f"content_block_delta: block {index} is not open")
                yield from block.more(field(payload, "delta", dict) or {})
            case "content_block_stop":
                yield from self._close(_index(payload))
            case "message_delta":
                delta = field(payload, "delta", dict) or {}
                yield from self._stop({**delta, "usage": payload.get("usage")})
            case "message_stop":
                self.done = True

    def _start(self, message: Mapping[str, Any]) -> Start:
        self._started = True
        self._learn_usage(message)
        headers, raw = self._head.headers, self._raw
        self._raw = None
        name, model = fact(message, "id", str), fact(message, "model", str)
        return Start(name, model, request_id=request_id(headers), rate_limit=rate_limit(headers), raw=raw)

    def _begin(self, index: int, block: Any) -> Iterator[ChatEvent]:
        if type(block) is not dict:
            raise MalformedReplyError(f"content[{index}]: expected an object, got {type(block).__name__}")
        if index in self._open:
            raise MalformedReplyError(f"content_block_start: block {index} is open already")
        self._open[index] = opened = open_block(block, self._reply)
        yield from opened.begin()

    def _close(self, index: int) -> Iterator[ChatEvent]:
        if (block := self._open.pop(index, None)) is not None:
            yield from block.close()

    def _stop(self, said: Mapping[str, Any]) -> Iterator[ChatEvent]:
        learned = self._learn_usage(said)
        reason = fact(said, "stop_reason", str)
        if self._finished:
            if learned:
                yield UsageReported(read_usage(self._usage))
            return
        if reason is None:
            return
        for index in list(self._open):
            yield from self._close(index)
        explanation = fact(fact(said, "stop_details", dict) or {}, "explanation", str)
        if reason == "refusal" and explanation:
            yield RefusalDelta(explanation)
        self._finished = True
        yield Finished(Finish(REASONS.get(reason, "other"), reason))
        if self._usage:
            yield UsageReported(read_usage(self._usage))

    def _learn_usage(self, holder: Mapping[str, Any]) -> bool:
        # later counts are of the whole reply so far; null says nothing
        usage = fact(holder, "usage", dict) or {}
        stated = {name: value for name, value in usage.items() if value is not None}
        self._usage |= stated
        return bool(stated)


def _index(payload: Mapping[str, Any]) -> int:
    index = field(payload, "index", int)
    if index is None:
        raise MalformedReplyError(f"{payload.get('type')}: index is missing")
    return index


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Usage as it is stated. The wire counts what came from the cache, or went into it, beside the input."""
    read, written = fact(usage, "cache_read_input_tokens", int), fact(usage, "cache_creation_input_tokens", int)
    rest = fact(usage, "input_tokens", int)
    return Usage(
        input_tokens=None if rest is None else rest + (read or 0) + (written or 0),
        output_tokens=fact(usage, "output_tokens", int),
        reasoning_tokens=fact(fact(usage, "output_tokens_details", dict) or {}, "thinking_tokens", int),
        cached_tokens=read,
        cache_write_tokens=written,
    )

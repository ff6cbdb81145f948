"""Replies of the Responses API as the events of a chat, whole or streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from jackfield.errors import MalformedReplyError
from jackfield.http import HttpResponse
from jackfield.types import (
    AudioDelta,
    ChatEvent,
    Finish,
    Finished,
    FinishReason,
    MessageExtra,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    UsageReported,
)

from ..errors import in_band_error
from ..payloads import PayloadReader
from ..reading import fact, field, objects, written
from ..usage import find_usage
from .items import LAYOUT
from .output import Output

__all__ = ["PENDING", "ResponseReader"]

TEXT: Final = "response.output_text.delta"
# what a reply says that is not over
PENDING: Final = frozenset({"queued", "in_progress"})
# the events that end a reply, and the word that each stands for
LAST: Final[Mapping[str, str]] = {
    f"response.{word}": word for word in ("completed", "incomplete", "failed", "cancelled")
}
FAILED: Final = ("error", "response.error")
REASONS: Final[Mapping[str, FinishReason]] = {"max_output_tokens": "length", "content_filter": "content_filter"}
# where the text of an event that may be cut within a character stands
TEXTS: Final[Mapping[type, str]] = {
    TextDelta: "text",
    RefusalDelta: "text",
    ReasoningDelta: "text",
    ToolCallDelta: "arguments",
    AudioDelta: "transcript",
}


class ResponseReader(PayloadReader):
    """Reads the payloads of one reply, in order."""

    created = "created_at"

    def __init__(self, head: HttpResponse) -> None:
        """Begin a reply with this head."""
        super().__init__(head)
        self._output = Output()

    def missing(self) -> str | None:
        """Say what makes this no reply."""
        return None if self.done else "has no output"

    def chunk(self, payload: Any, *, whole: bool = False) -> Iterable[Any]:
        """The events of one payload; see `PayloadReader`. Most are more text, and pay for nothing else."""
        if self._started and type(payload) is dict and payload.get("type") == TEXT and not payload.get("logprobs"):
            text = payload.get("delta")
            if type(text) is str and text and self.is_plain(text):
                piece = self._output.text(self._output.find(payload), fact(payload, "content_index", int) or 0)
                piece.add(text)
                return (TextDelta(text, block=piece.block, raw=payload),)
        return super().chunk(payload, whole=whole)

    def _learn(self, payload: Mapping[str, Any]) -> None:
        super()._learn(fact(payload, "response", dict) or payload)

    def _read(self, payload: Mapping[str, Any], *, whole: bool) -> Iterator[Any]:
        kind = None if whole else fact(payload, "type", str)
        if kind in FAILED:
            told = {key: value for key, value in payload.items() if key not in ("type", "sequence_number")}
            raise in_band_error(payload if payload.get("error") else {"error": told}, self._head)
        if kind is not None and kind in LAST:
            response = field(payload, "response", dict)
            if response is None:
                raise MalformedReplyError(f"response: missing in an event of type {kind!r}")
            yield from self._last(response, kind)
        elif kind is not None:
            if (read := READERS.get(kind)) is not None:
                yield from self._told(read(self._output, payload))
        elif payload.get("error"):
            raise in_band_error(payload, self._head)
        elif payload.get("object") == "response" or "output" in payload:
            if (status := fact(payload, "status", str)) not in PENDING:
                yield from self._last(payload, None)
            elif whole:
                raise MalformedReplyError(f"the reply is no whole one: its status is {status!r} still", body=payload)

    def _last(self, response: Mapping[str, Any], kind: str | None) -> Iterator[Any]:
        """The events of a reply that is over; `kind` is the type of the event that says so."""
        self._usage = find_usage(response) or self._usage
        if kind is None and type(response.get("output")) is not list:
            return
        yield from self._told(self._output.last(objects(response, "output")))
        yield from self.halves(0)
        if response.get("error") or "failed" in (LAST.get(kind or ""), response.get("status")):
            raise in_band_error(response if response.get("error") else {"error": {"code": "server_error"}}, self._head)
        finish = _finish(response, kind, called=bool(self._output.calls))
        if finish.unified in ("stop", "tool_calls", "other"):
            self._check()
        if layout := [item.layout for item in self._output.all if item.layout is not None]:
            yield MessageExtra({LAYOUT: layout}, raw=self.take())
        self.done = True
        yield Finished(finish, raw=self.take())
        if self._usage is not None:
            usage, self._usage = self._usage, None
            yield UsageReported(usage, raw=self.take())

    def _check(self) -> None:
        if nameless := [item for item in self._output.calls if not item.name]:
            raise MalformedReplyError(f"output: call {nameless[0].call} has no name")

    def _told(self, events: Iterable[ChatEvent]) -> Iterator[Any]:
        """The events with their `raw`, and with whole characters."""
        for event in events:
            place = TEXTS.get(type(event))
            text = getattr(event, place) if place is not None else ""
            if place is None or not text or self.is_plain(text):
                yield attrs.evolve(event, raw=self.take())
            else:
                key = type(event), getattr(event, "block", getattr(event, "index", 0))
                yield from self.text(text, 0, key, self._made(event, place), _bare(event))

    def _made(self, event: ChatEvent, place: str) -> Callable[[str], Any]:
        of_any: Any = event
        return lambda text: attrs.evolve(of_any, **{place: text}, raw=self.take())


def _bare(event: ChatEvent) -> Callable[[str], Any] | None:
    """What makes an event of text alone, of one that has more to say."""
    match event:
        case ToolCallDelta():
            return lambda text: ToolCallDelta(event.index, arguments=text)
        case ReasoningDelta():
            return lambda text: ReasoningDelta(text, block=event.block)
        case AudioDelta():
            return lambda text: AudioDelta(transcript=text)
    return None


def _finish(response: Mapping[str, Any], kind: str | None, *, called: bool) -> Finish:
    status = fact(response, "status", str) or None
    if status is None or status in PENDING:
        status = kind  # the event itself says that the reply is over
    word = LAST.get(status or "", status)
    reason = fact(fact(response, "incomplete_details", dict) or {}, "reason", str) or None
    if "incomplete" in (word, LAST.get(kind or "")) or (word is None and reason):
        # a call may be half a call, whatever the reason was
        return Finish(REASONS.get(reason or "", "error" if called else "other"), reason or status)
    if word == "completed":
        return Finish("tool_calls" if called else "stop", status)
    return Finish("error" if word == "cancelled" else "other", status)


# --- the events of a stream, by their names; those of tools that the provider runs are told whole with their item

Reader = Callable[[Output, Mapping[str, Any]], Iterator[ChatEvent]]


def _delta(payload: Mapping[str, Any]) -> str:
    return field(payload, "delta", str) or ""


def _content(payload: Mapping[str, Any]) -> int:
    return fact(payload, "content_index", int) or 0


def _more_text(output: Output, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
    return output.spoken(output.find(payload), _content(payload), _delta(payload), payload, more=True)


def _whole_text(output: Output, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
    return output.spoken(output.find(payload), _content(payload), fact(payload, "text", str) or "", payload)


def _more_refusal(output: Output, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
    return output.refusal(output.find(payload), _content(payload), _delta(payload), more=True)


def _whole_refusal(output: Output, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
    return output.refusal(output.find(payload), _content(payload), fact(payload, "refusal", str) or "")


def _whole_part(output: Output, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
    part = payload.get("part")
    if type(part) is dict and part.get("type") not in ("reasoning_text", "summary_text"):
        yield from output.part(output.find(payload), _content(payload), part)


def _annotation(output: Output, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
    return output.annotated(output.find(payload), _content(payload), payload.get("annotation"))


def _more_thought(of: str, index: str) -> Reader:
    def read(output: Output, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
        place = fact(payload, index, int) or 0
        return output.thought(output.find(payload), of, place, _delta(payload), more=True)

    return read


def _whole_thought(of: str, index: str) -> Reader:
    def read(output: Output, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
        place = fact(payload, index, int) or 0
        return output.thought(output.find(payload), of, place, fact(payload, "text", str) or "")

    return read


def _more_arguments(output: Output, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
    return output.argued(output.find(payload), written(payload, "delta"))


def _whole_arguments(place: str) -> Reader:
    def read(output: Output, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
        return output.argued_whole(output.find(payload), written(payload, place))

    return read


def _sound(_: Output, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
    if data := _delta(payload):
        yield AudioDelta(data)


def _transcript(_: Output, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
    if text := _delta(payload):
        yield AudioDelta(transcript=text)


READERS: Final[Mapping[str, Reader]] = {
    TEXT: _more_text,
    "response.output_text.done": _whole_text,
    "response.output_text.annotation.added": _annotation,
    "response.refusal.delta": _more_refusal,
    "response.refusal.done": _whole_refusal,
    "response.content_part.done": _whole_part,
    "response.reasoning_summary_text.delta": _more_thought("summary", "summary_index"),
    "response.reasoning_summary_text.done": _whole_thought("summary", "summary_index"),
    "response.reasoning_text.delta": _more_thought("content", "content_index"),
    "response.reasoning_text.done": _whole_thought("content", "content_index"),
    "response.function_call_arguments.delta": _more_arguments,
    "response.function_call_arguments.done": _whole_arguments("arguments"),
    "response.custom_tool_call_input.delta": _more_arguments,
    "response.custom_tool_call_input.done": _whole_arguments("input"),
    "response.output_item.added": Output.began,
    "response.output_item.done": Output.ended,
    "response.audio.delta": _sound,
    "response.audio.transcript.delta": _transcript,
}

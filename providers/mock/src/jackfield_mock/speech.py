"""Turns a reply into events, as the request wants them: cut into pieces, ended by a stop text or a limit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from attrs import define, frozen

from jackfield.http import write_json
from jackfield.types import (
    Annotated,
    Event,
    Finish,
    Finished,
    Image,
    LogprobsDelta,
    PartAdded,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)

from .replies import Chunk, Reply, ScriptedCall

__all__ = ["Manner", "Speech", "words"]

WORD: Final = re.compile(r"\S+")
TOKEN: Final = re.compile(r"\s*\S+|\s+")
LIKELY: Final = -0.125


def words(*texts: str) -> int:
    """How many words texts have: what the mock calls a token."""
    return sum(len(WORD.findall(text)) for text in texts)


@frozen
class Manner:
    """How a request wants its choices.

    Attributes:
        chunk: how to cut a stream; None is a reply in one piece.
        stop: texts that end it.
        limit: how many words it may have.
        likeliest: how many of the likeliest tokens to give at each place; None is no log probabilities.
        before: what stands before the text, for an echo.
        arguments: makes what a call of this tool is given where the script does not say.
        call: the number of the call, for ids.
    """

    chunk: Chunk | None
    stop: Sequence[str] = ()
    limit: int | None = None
    likeliest: int | None = None
    before: str = ""
    arguments: Callable[[str], Any] = lambda _: {}
    call: int = 1


@define
class Speech:
    """What has been said so far of all choices.

    Attributes:
        manner: how.
        spoken: how many words were said, thoughts included.
        thought: how many of them were thoughts.
        calls: how many tools were called.
    """

    manner: Manner
    spoken: int = 0
    thought: int = 0
    calls: int = 0

    def choice(self, reply: Reply, index: int) -> Iterator[Event]:
        """The events of one choice."""
        said, stopped = _until(reply.said(), self.manner.stop)
        limit = _Limit(self.manner.limit)
        chunk = self.manner.chunk and (reply.chunk or self.manner.chunk)
        thoughts, refusal, text = (limit.cut(one) for one in (reply.reasoning, reply.refusal, said))
        self.thought += words(thoughts)
        for piece in _pieces(thoughts, chunk):
            yield ReasoningDelta(piece, index)
        for piece in _pieces(refusal, chunk):
            yield RefusalDelta(piece, index)
        for piece in self._text(text, reply, chunk):
            yield TextDelta(piece, index)
        text = self.manner.before + text
        called = False
        if not stopped and not limit.reached:
            for image in reply.images:
                yield PartAdded(Image(image), index)
            for citation in reply.citations:
                yield Annotated(citation, index)
            for position, call in enumerate(reply.tool_calls):
                if not limit.reached:
                    called = True
                    yield from self._call(call, position, index, chunk, limit)
        if self.manner.likeliest is not None and text:
            yield LogprobsDelta(tuple(_logprobs(text, self.manner.likeliest)), index)
        self.spoken += limit.used
        finish = reply.finish or ("tool_calls" if called else "stop")
        finish = "length" if limit.reached else "stop" if stopped else finish
        yield Finished(Finish(finish, finish), index)

    def _text(self, text: str, reply: Reply, chunk: Chunk | None) -> Iterator[str]:
        if chunk and reply.pieces:
            yield from _pieces(self.manner.before, chunk)
            yield from _as_cut(text, reply.pieces)
        else:
            yield from _pieces(self.manner.before + text, chunk)

    def _call(
        self, call: ScriptedCall, position: int, choice: int, chunk: Chunk | None, limit: _Limit
    ) -> Iterator[Event]:
        self.calls += 1
        call_id = call.id or f"call-{self.manner.call}-{self.calls}"
        given = self.manner.arguments(call.name) if call.arguments is None else call.arguments
        text = limit.cut(given if isinstance(given, str) else write_json(given).decode())
        if chunk is None:
            yield ToolCallDelta(position, call_id, call.name, text, choice, call.custom)
            return
        yield ToolCallDelta(position, call_id, call.name, choice=choice, custom=call.custom)
        for piece in _pieces(text, chunk):
            yield ToolCallDelta(position, arguments=piece, choice=choice, custom=call.custom)


class _Limit:
    """How many words there may be, and how many there were."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self.used = 0
        self.reached = limit == 0

    def cut(self, text: str) -> str:
        """As much of a text as may be."""
        found = list(WORD.finditer(text))
        if self._limit is not None and (self.reached or self.used + len(found) > self._limit):
            found = found[: self._limit - self.used]
            text = text[: found[-1].end()] if found else ""
            self.reached = True
        self.used += len(found)
        return text


def _until(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    places = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def _pieces(text: str, chunk: Chunk | None) -> Iterable[str]:
    if chunk is None:
        return [text] if text else []
    if chunk == "word":
        return TOKEN.findall(text)
    return (text[start : start + chunk] for start in range(0, len(text), chunk))


def _as_cut(text: str, pieces: Sequence[str]) -> Iterator[str]:
    """The text in pieces of the lengths of these; it may have been cut short."""
    at = 0
    for piece in pieces:
        if at < len(text) or not piece:
            yield text[at : at + len(piece)]
        at += len(piece)


def _logprobs(text: str, likeliest: int) -> Iterator[TokenLogprob]:
    for found in TOKEN.finditer(text):
        token = found.group()
        others = [TokenLogprob(f"{token}{rank}", LIKELY - rank) for rank in range(1, likeliest)]
        top = [TokenLogprob(token, LIKELY), *others] if likeliest else []
        yield TokenLogprob(token, LIKELY, token.encode("utf-8", "replace"), tuple(top), found.start())

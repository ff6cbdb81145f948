"""Folds the events of replies that have choices: chat and text completion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any, cast

from .. import types as t
from ..errors import PluginError
from .base import ResponseFold

__all__ = ["ChoiceFold", "ChoicesFold"]

CUT = frozenset({"length", "content_filter", "error"})


class ChoiceFold:
    """The events of one choice, kept until its message is asked for: joining text piece by piece would be quadratic."""

    def __init__(self) -> None:
        """Begin."""
        self.finish: t.Finish | None = None
        # by part, in the order in which they began: a text, a thought, a call, ...
        self._parts: defaultdict[Hashable, list[Any]] = defaultdict(list)
        self._annotations: list[t.Citation | t.Unknown] = []
        self._extra: dict[str, Any] | None = None
        self._logprobs: defaultdict[str, list[t.TokenLogprob]] = defaultdict(list)

    def add(self, event: t.ChatEvent) -> None:
        """Take an event of this choice."""
        match event:
            case t.TextDelta():
                self._parts[t.Text, event.block].append(event.text)
            case t.ReasoningDelta():
                self._parts[t.Reasoning, event.block].append(event)
            case t.ToolCallDelta():
                self._parts[t.ToolCall, event.index].append(event)
            case t.RefusalDelta():
                self._parts[t.Refusal].append(event.text)
            case t.Finished():
                self.finish = event.finish
            case t.LogprobsDelta():
                self._logprobs[event.of].extend(event.tokens)
            case t.AudioDelta():
                self._parts[t.Audio].append(event)
            case t.PartAdded():
                self._parts[t.Part, len(self._parts)].append(event.part)
            case t.Annotated():
                self._annotations.append(event.annotation)
            case t.MessageExtra():
                self._extra = {**(self._extra or {}), **event.fields}

    def message(self) -> t.Message:
        """The assistant's turn so far."""
        # a limit, a filter or an error can cut a reply inside a call, and nothing tells which call it was
        whole = self.finish is not None and self.finish.unified not in CUT
        parts = [_part(key, pieces, whole=whole) for key, pieces in self._parts.items()]
        return t.Message("assistant", tuple(parts), annotations=tuple(self._annotations), extra=self._extra)

    def logprobs(self) -> t.Logprobs | None:
        """The log probabilities so far; None where none came."""
        return t.Logprobs(**{of: tuple(tokens) for of, tokens in self._logprobs.items()}) if self._logprobs else None


def _tool_call(pieces: list[t.ToolCallDelta], *, whole: bool) -> t.ToolCall:
    call_id, name, arguments = (_text(pieces, name) for name in ("id", "name", "arguments"))
    custom = any(piece.custom for piece in pieces)
    return t.ToolCall(call_id, name, arguments, whole, custom, extra=_merged(pieces))


def _reasoning(pieces: list[t.ReasoningDelta]) -> t.Reasoning:
    text, signature, encrypted = (_text(pieces, name) for name in ("text", "signature", "encrypted"))
    summary = any(piece.summary for piece in pieces)
    name, form = _last(pieces, "id"), _last(pieces, "format")
    return t.Reasoning(text, signature or None, encrypted or None, summary, name, form, extra=_merged(pieces))


def _audio(pieces: list[t.AudioDelta]) -> t.Audio:
    form, name, expires = (_last(pieces, name) for name in ("format", "id", "expires"))
    return t.Audio(_text(pieces, "data") or None, form, name, _text(pieces, "transcript") or None, expires)


def _text(pieces: Iterable[Any], name: str) -> str:
    return "".join(getattr(piece, name) or "" for piece in pieces)


def _last(pieces: list[Any], name: str) -> Any:
    return next((value for piece in reversed(pieces) if (value := getattr(piece, name)) is not None), None)


def _merged(pieces: Iterable[t.ToolCallDelta | t.ReasoningDelta]) -> dict[str, Any] | None:
    return {name: value for piece in pieces for name, value in (piece.extra or {}).items()} or None


def _part(key: Any, pieces: list[Any], *, whole: bool) -> t.Part:
    kind: Any = key[0] if isinstance(key, tuple) else key
    if kind is t.Text or kind is t.Refusal:
        return cast("t.Part", kind("".join(pieces)))
    if kind is t.ToolCall:
        return _tool_call(pieces, whole=whole)
    if kind is t.Reasoning:
        return _reasoning(pieces)
    return _audio(pieces) if kind is t.Audio else cast("t.Part", pieces[0])


class ChoicesFold(ResponseFold):
    """The events of a reply with choices."""

    def __init__(self, request: object = None) -> None:
        """Begin the reply to a request."""
        super().__init__(request)
        self.choices: defaultdict[int, ChoiceFold] = defaultdict(ChoiceFold)

    def add(self, event: t.ChatEvent) -> None:
        """Take the next event."""
        index = getattr(event, "choice", None)
        if index is None:
            if not self.took(event):
                raise PluginError(f"a reply with choices has no {type(event).__name__}")
            return
        if event.raw is not None:
            self._raw.append(event.raw)
        self.choices[index].add(event)

    def missing(self) -> str | None:
        """Say which choice has not finished."""
        if not self.choices:
            return "no choice has arrived"
        open_ = [index for index, choice in self.choices.items() if choice.finish is None]
        return f"choice {', '.join(map(str, sorted(open_)))} has no finish reason" if open_ else None

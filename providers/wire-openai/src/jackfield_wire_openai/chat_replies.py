"""Chats in OpenAI's words as our events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

import attrs

from jackfield.errors import MalformedReplyError
from jackfield.http import HttpResponse
from jackfield.types import (
    Annotated,
    AudioDelta,
    ChatEvent,
    Citation,
    Finished,
    Image,
    LogprobsDelta,
    MessageExtra,
    Part,
    PartAdded,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Unknown,
)

from .logprobs import read_legacy, read_tokens
from .messages import LEGACY
from .reading import fact, field, objects, written
from .reasoning import Thoughts, is_thought
from .replies import ChoicesReader
from .thoughts import DETAILS, PLAIN
from .tool_calls import Piece, ToolCalls

__all__ = ["ChatReader"]

# what must be sent back with a message or a tool call, though we have no word for it
SENT_BACK: Final = ("extra_content", "thought_signature")
# where reasoning stands beside the content
BESIDE: Final = frozenset({*PLAIN, DETAILS})
# what few messages have
RARE: Final = frozenset({"annotations", "audio", "images", *SENT_BACK})
# what says nothing beside the text of a chunk
SPOKEN: Final = frozenset({"content", "role"})
# the finishes that may leave a tool call unfinished
CUT: Final = frozenset({"length", "content_filter", "error"})
LOGPROBS: Final[Mapping[str, Literal["content", "refusal", "reasoning"]]] = {
    "content": "content",
    "refusal": "refusal",
    "reasoning_content": "reasoning",
}
CITATION: Final = ("url", "title", "content", "start_index", "end_index")


class _Choice:
    """What must be remembered of a choice while it streams."""

    __slots__ = ("calls", "pieces", "thoughts")

    def __init__(self) -> None:
        self.pieces = False  # whether a delta came
        self.calls = ToolCalls()
        self.thoughts = Thoughts()

    def message(self, choice: Mapping[str, Any], *, whole: bool) -> dict[str, Any] | None:
        """What a choice says: a message, or a piece of one. Some servers send both, of which either may be empty."""
        if whole:
            return field(choice, "message", dict) or field(choice, "delta", dict)
        if delta := field(choice, "delta", dict):
            self.pieces = True
            return delta
        # behind pieces, a message is what they come to
        return None if self.pieces else field(choice, "message", dict)

    def adds(self, piece: Piece) -> bool:
        """Whether a piece says more of a tool call than white space, or begins one."""
        return not piece.empty and (bool(piece.arguments.strip()) or self.calls.find(piece) is None)


class ChatReader(ChoicesReader):
    """Reads the payloads of one chat, in order."""

    def __init__(self, head: HttpResponse) -> None:
        """Begin a reply with this head."""
        super().__init__(head)
        self._choices: dict[int, _Choice] = {}

    def chunk(self, payload: Any, *, whole: bool = False) -> Iterable[Any]:
        """The events of one chunk; see `ChoicesReader`. Most are more text of one choice, and pay for nothing else."""
        return self._plain(payload) or super().chunk(payload, whole=whole)

    def _plain(self, payload: Any) -> tuple[TextDelta] | None:
        """The event of a chunk that holds more text of a choice and nothing else; None of any other chunk."""
        choices = payload.get("choices") if self.is_under_way and type(payload) is dict else None
        choice = choices[0] if type(choices) is list and len(choices) == 1 else None
        if type(choice) is not dict or payload.get("error") or payload.get("usage") or payload.get("x_groq"):
            return None
        if choice.get("finish_reason") or choice.get("logprobs") or choice.get("error") or choice.get("usage"):
            return None
        index, delta = choice.get("index"), choice.get("delta")
        if type(index) is not int or type(delta) is not dict or "x_groq" in choice:
            return None
        if len(delta) > 1 and any(delta[name] for name in delta if name not in SPOKEN):
            return None
        state, text = self._choices.get(index), delta.get("content")
        if state is None or self.is_finished(index) or type(text) is not str or not text or not self.is_plain(text):
            return None
        state.pieces = True
        state.thoughts.interrupt()
        return (TextDelta(text, index, raw=payload),)

    def has_calls(self, index: int) -> bool:
        """Whether a choice holds tool calls."""
        return bool(self._choices[index].calls.all)

    def goes_on(self, choice: Mapping[str, Any], index: int) -> bool:
        """Whether there is more of a tool call in this, and not white space alone."""
        state = self._choices[index]
        message = state.message(choice, whole=False) or {}
        return any(state.adds(piece) for piece, _ in _pieces(message, whole=False))

    def check(self, finished: Finished) -> None:
        """Look at the tool calls of a choice.

        Raises:
            MalformedReplyError: one has no name, and the reply was not cut before it came.
        """
        calls = self._choices[finished.choice].calls.all
        if finished.finish.unified not in CUT and (nameless := [call for call in calls if not call.name]):
            raise MalformedReplyError(f"tool_calls: call {nameless[0].index} has no name")

    def read_choice(self, choice: Mapping[str, Any], index: int, *, whole: bool) -> Iterator[ChatEvent]:
        """The events of a choice's message, or of more of it."""
        state = self._choices.get(index)
        if state is None:
            state = self._choices[index] = _Choice()
        if message := state.message(choice, whole=whole):
            yield from self._read_message(message, index, state, whole=whole)
        if logprobs := fact(choice, "logprobs", dict):
            for name, of in LOGPROBS.items():
                if tokens := read_tokens(logprobs.get(name)):
                    yield LogprobsDelta(tokens, index, of, raw=self.take())
            if not logprobs.get("content") and (tokens := read_legacy(logprobs)):
                yield LogprobsDelta(tokens, index, raw=self.take())

    def _read_message(
        self, message: Mapping[str, Any], index: int, state: _Choice, *, whole: bool
    ) -> Iterator[ChatEvent]:
        if not BESIDE.isdisjoint(message):
            for thought in state.thoughts.of_message(message, whole=whole):
                yield from self._thought(thought, index)
        # most chunks are text and nothing else, and pay for nothing else
        if content := message.get("content"):
            if type(content) is str and self.is_plain(content):
                state.thoughts.interrupt()
                yield TextDelta(content, index, raw=self.take())
            else:
                yield from self._read_content(message, index, state)
        if message.get("refusal"):
            refusal = field(message, "refusal", str) or ""
            yield from self.text(refusal, index, "refusal", lambda text: RefusalDelta(text, index, raw=self.take()))
        if message.get("tool_calls") or message.get(LEGACY):
            for piece, extra in _pieces(message, whole=whole):
                yield from self._tool_call(piece, extra, index, state)
        if not RARE.isdisjoint(message):
            yield from self._read_rare(message, index)

    def _read_content(self, message: Mapping[str, Any], index: int, state: _Choice) -> Iterator[ChatEvent]:
        if type(message["content"]) is list:
            for part in filter(None, message["content"]):
                yield from self._read_part({"text": part} if type(part) is str else part, index, state)
        else:
            state.thoughts.interrupt()
            text = written(message, "content")
            yield from self.text(text, index, "text", lambda text: TextDelta(text, index, raw=self.take()))

    def _thought(self, thought: ReasoningDelta, index: int) -> Iterator[Any]:
        def make(text: str) -> ReasoningDelta:
            return attrs.evolve(thought, text=text, choice=index, raw=self.take())

        def bare(text: str) -> ReasoningDelta:
            return ReasoningDelta(text, index, thought.block)

        yield from self.text(thought.text, index, ("thought", thought.block), make, bare)

    def _read_part(self, part: Any, index: int, state: _Choice) -> Iterator[ChatEvent]:
        if type(part) is dict and is_thought(part):
            for thought in state.thoughts.of_part(part):
                yield from self._thought(thought, index)
            return
        state.thoughts.interrupt()
        match part:
            case {"text": str(text)} if part.get("type", "text") in ("text", "output_text"):
                yield from self.text(text, index, "text", lambda text: TextDelta(text, index, raw=self.take()))
                if extra := _sent_back(part):
                    yield MessageExtra(extra, index, raw=self.take())
            case {"type": "refusal", "refusal": str(text)}:
                yield from self.text(text, index, "refusal", lambda text: RefusalDelta(text, index, raw=self.take()))
            case {"type": "text" | "output_text", **more} if not any(more.values()):
                pass
            case _:
                yield PartAdded(_image(part) or Unknown(part), index, raw=self.take())

    def _tool_call(
        self, piece: Piece, extra: Mapping[str, Any] | None, choice: int, state: _Choice
    ) -> Iterator[ToolCallDelta]:
        if piece.empty and not extra:
            return
        if self.is_finished(choice):
            if state.adds(piece):
                raise MalformedReplyError("tool_calls: more of a call came behind the finish of its choice")
            return
        call = state.calls.take(piece)
        # id and name are given once, though some servers repeat them in every piece
        new_id = piece.id if not call.id else ""
        new_name = piece.name if piece.name != call.name else ""
        call.id += new_id
        call.name += new_name
        event = ToolCallDelta(
            call.index, new_id or None, new_name or None, choice=choice, custom=piece.custom, extra=extra
        )

        def make(text: str) -> ToolCallDelta:
            return attrs.evolve(event, arguments=text, raw=self.take())

        def bare(text: str) -> ToolCallDelta:
            return ToolCallDelta(call.index, arguments=text, choice=choice)

        yield from self.text(piece.arguments, choice, ("call", call.index), make, bare)

    def _read_rare(self, message: Mapping[str, Any], index: int) -> Iterator[ChatEvent]:
        for image in fact(message, "images", list) or ():
            if (part := _image(image)) is not None:
                yield PartAdded(part, index, raw=self.take())
        if audio := fact(message, "audio", dict):
            yield from self._audio(audio, index)
        for annotation in fact(message, "annotations", list) or ():
            if type(annotation) is dict:
                yield Annotated(_annotation(annotation), index, raw=self.take())
        if extra := _sent_back(message):
            yield MessageExtra(extra, index, raw=self.take())

    def _audio(self, audio: Mapping[str, Any], index: int) -> Iterator[ChatEvent]:
        data, transcript = fact(audio, "data", str) or "", fact(audio, "transcript", str) or ""
        name, expires = fact(audio, "id", str) or None, fact(audio, "expires_at", int, float) or None

        def make(text: str) -> AudioDelta:
            return AudioDelta(data, text, index, name, fact(audio, "format", str), expires, raw=self.take())

        if data or transcript or name or expires:
            yield from self.text(transcript, index, "transcript", make, lambda text: AudioDelta("", text, index))


def _pieces(message: Mapping[str, Any], *, whole: bool) -> Iterator[tuple[Piece, dict[str, Any] | None]]:
    """What a message has of tool calls, each with what must be sent back with it."""
    for wire in objects(message, "tool_calls"):
        function = field(wire, "function", dict) or {}
        custom = {} if function else fact(wire, "custom", dict) or {}
        arguments = written(custom, "input") if custom else written(function, "arguments")
        call_id, name = field(wire, "id", str) or "", field(function or custom, "name", str) or ""
        yield Piece(fact(wire, "index", int), call_id, name, arguments, whole, bool(custom)), _sent_back(wire)
    function = fact(message, LEGACY, dict) or {}
    if any(function.values()) and not message.get("tool_calls"):
        name = field(function, "name", str) or ""
        yield Piece(LEGACY, "", name, written(function, "arguments"), whole), {"type": LEGACY}


def _sent_back(holder: Mapping[str, Any]) -> dict[str, Any] | None:
    return {name: holder[name] for name in SENT_BACK if holder.get(name)} or None


def _image(part: Any) -> Part | None:
    inner = fact(part, "image_url", dict) or {} if type(part) is dict else {}
    url = fact(inner, "url", str)
    if not url:
        return None
    extra = {key: value for key, value in part.items() if key not in ("type", "image_url")}
    return Image(url, fact(inner, "detail", str), extra=extra or None)


def _annotation(wire: Mapping[str, Any]) -> Citation | Unknown:
    inner = fact(wire, "url_citation", dict) or {}
    if type(inner.get("url")) is not str:
        return Unknown(wire)
    title, text = fact(inner, "title", str), fact(inner, "content", str)
    start, end = fact(inner, "start_index", int), fact(inner, "end_index", int)
    extra = {key: value for key, value in inner.items() if key not in CITATION and value is not None}
    return Citation(inner["url"], title, text, start, end, extra=extra or None)

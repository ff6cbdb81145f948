"""Reads the reasoning of a choice, in each of its forms, as thoughts that are told apart."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

from attrs import define

from jackfield.types import ReasoningDelta

from .reading import fact
from .thoughts import CONTENT, DETAILS, PLAIN, kind_of

__all__ = ["Thoughts", "is_thought"]

WORDS: Final = ("type", "text", "summary", "data", "signature", "id", "format")
KINDS: Final = ("reasoning.text", "reasoning.summary", "reasoning.encrypted")
# the types of parts of content that hold a thought, and where its texts stand, which is our word for the form
HOLDERS: Final = {"thinking": "thinking", "reasoning": "summary"}


@define
class _Block:
    """What must be remembered of a thought while it streams."""

    number: int
    id: str | None = None
    encrypted: str = ""


class Thoughts:
    """The thoughts of one choice. What it gives has no number of a choice yet, and no raw."""

    def __init__(self) -> None:
        """Begin a choice."""
        self._blocks: dict[Hashable, _Block] = {}
        self._count = 0
        self._open: _Block | None = None  # a thought among the content, which more of it may follow

    def interrupt(self) -> None:
        """Content of another kind came: what is thought from now on is another thought."""
        self._open = None

    def of_message(self, message: Mapping[str, Any], *, whole: bool) -> Iterator[ReasoningDelta]:
        """The thoughts that stand beside the content; what is said twice is given once."""
        details = [item for item in fact(message, DETAILS, list) or () if type(item) is dict]
        if not any(_text(item) for item in details):
            name = next((name for name in reversed(PLAIN) if fact(message, name, str)), None)
            if name is not None:
                yield ReasoningDelta(message[name], block=self._block(name).number, format=name)
        for item in details:
            if (delta := self._detail(item, whole=whole)) is not None:
                yield delta

    def of_part(self, part: Mapping[str, Any]) -> Iterator[ReasoningDelta]:
        """The thoughts that a part of the content holds: a piece of it that has no word of ours is one of its own."""
        form = HOLDERS[part["type"]]
        text, signature, others = _joined(part.get(form))
        signature = fact(part, "signature", str) or signature
        extra = {key: value for key, value in part.items() if key not in ("type", form, "signature") and value}
        if text or signature or (extra and (self._open or extra.keys() != {"closed"})):
            self._open = self._open or self._new()
            yield ReasoningDelta(text, block=self._open.number, signature=signature, format=form, extra=extra or None)
        for other in others:
            yield ReasoningDelta(block=self._new().number, format=form, extra={form: [other]})
        if others or part.get("closed"):
            self._open = None

    def _detail(self, item: Mapping[str, Any], *, whole: bool) -> ReasoningDelta | None:
        data, signature = fact(item, "data", str), fact(item, "signature", str) or None
        kind, name, form = fact(item, "type", str), fact(item, "id", str), fact(item, "format", str)
        extra = {
            key: value for key, value in item.items() if value is not None and not (key in WORDS and type(value) is str)
        }
        text, summary = fact(item, "text", str) or "", fact(item, "summary", str)
        if text and summary:
            extra["text"] = text
        text, said = summary or text, text or summary or data or signature
        if not said and kind in (None, *KINDS) and not extra.keys() - {"index"}:
            return None
        if form in PLAIN or form in CONTENT:  # which means something else in our words
            extra["format"], form = form, None
        is_summary = bool(summary) or (summary is not None and not text)
        if kind != kind_of(text=text, encrypted=data, summary=is_summary) or not (form or extra):
            extra.setdefault("type", kind)
        index = fact(item, "index", int)
        block = self._block((kind, index), name, fresh=whole or (not said and index is None))
        if data and data == block.encrypted and name == block.id:
            return None  # some hosts give it once more at the end
        block.encrypted += data or ""
        return ReasoningDelta(
            text,
            block=block.number,
            signature=signature,
            encrypted=data,
            summary=is_summary,
            id=name,
            format=form,
            extra=extra or None,
        )

    def _block(self, key: Hashable, name: str | None = None, *, fresh: bool = False) -> _Block:
        block = self._blocks.get(key)
        other = block is not None and None not in (name, block.id) and name != block.id
        if block is None or other or fresh:
            block = self._blocks[key] = self._new()
        block.id = block.id or name
        return block

    def _new(self) -> _Block:
        block = _Block(self._count)
        self._count += 1
        return block


def is_thought(part: Mapping[str, Any]) -> bool:
    """Whether a part of the content holds a thought that can be read."""
    kind = part.get("type")
    form = HOLDERS.get(kind) if type(kind) is str else None
    if form is None or type(part.get(form, "")) not in (str, list):
        return False
    return form in part or part.keys() <= {"type", "signature", "closed"}


def _text(item: Mapping[str, Any]) -> str:
    text: str = fact(item, "text", str) or fact(item, "summary", str) or ""
    return text


def _joined(thoughts: Any) -> tuple[str, str | None, list[Any]]:
    """The texts of a thought, the signature where that stands beside one of them, and what else is among them."""
    if type(thoughts) is not list:
        return thoughts or "", None, []
    texts, others, signature = [], [], None
    for thought in thoughts:
        match thought:
            case {"text": str(text), **more} if more.keys() <= {"type", "signature"}:
                mine = fact(thought, "signature", str)
                if mine and signature:
                    others.append(thought)
                    continue
                texts.append(text)
                signature = signature or mine
            case _ if thought:
                others.append(thought)
    return "".join(texts), signature, others

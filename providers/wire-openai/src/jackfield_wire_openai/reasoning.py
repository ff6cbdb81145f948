"""Reads the reasoning of a choice, in each of its forms, as thoughts that are told apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Final

from attrs import define

from jackfield.types import ReasoningDelta

from .reading import fact
from .thoughts import CONTENT, DETAILS, PLAIN, kind_of

__all__ = ["Thoughts"]

WORDS: Final = ("type", "text", "summary", "data", "signature", "id", "format")
# the types of parts of content that hold a thought: our word for the form, and where its texts stand
HOLDERS: Final = {"thinking": ("thinking", "thinking"), "reasoning": ("summary", "summary")}

Say = Callable[[ReasoningDelta, Hashable], Iterator[Any]]


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
        """The thought that a part of the content holds."""
        form, place = HOLDERS[part["type"]]
        texts, signature = _joined(part.get(place)), fact(part, "signature", str)
        extra = {key: value for key, value in part.items() if key not in ("type", place, "signature") and value}
        if not (texts[0] or signature or texts[1]):
            return
        block = self._open or self._new()
        self._open = None if part.get("closed") else block
        yield ReasoningDelta(
            texts[0], block=block.number, signature=signature or texts[1], format=form, extra=extra or None
        )

    def _detail(self, item: Mapping[str, Any], *, whole: bool) -> ReasoningDelta | None:
        text, data, signature = _text(item), fact(item, "data", str), fact(item, "signature", str) or None
        if not (text or data or signature):
            return None
        kind, name, form = fact(item, "type", str), fact(item, "id", str), fact(item, "format", str)
        extra = {key: value for key, value in item.items() if key not in WORDS and value is not None}
        summary = type(item.get("summary")) is str
        if form in PLAIN or form in CONTENT:  # which means something else in our words
            extra["format"], form = form, None
        if kind != kind_of(text=text, encrypted=data, summary=summary) or not (form or extra):
            extra["type"] = kind
        index = item.get("index")
        block = self._block((kind, index if type(index) is int else None), name, fresh=whole)
        if data and data == block.encrypted and name == block.id:
            return None  # some hosts give it once more at the end
        block.encrypted += data or ""
        return ReasoningDelta(
            text,
            block=block.number,
            signature=signature,
            encrypted=data,
            summary=summary,
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


def _text(item: Mapping[str, Any]) -> str:
    text: str = fact(item, "text", str) or fact(item, "summary", str) or ""
    return text


def _joined(thoughts: Any) -> tuple[str, str | None]:
    """The texts of a thought, and its signature where that stands beside one of them."""
    if type(thoughts) is str:
        return thoughts, None
    inner = [thought for thought in thoughts if type(thought) is dict] if type(thoughts) is list else []
    signed = (fact(thought, "signature", str) for thought in inner)
    return "".join(fact(thought, "text", str) or "" for thought in inner), next(filter(None, signed), None)

"""The items of a reply, whole or in pieces, as events. What is said twice, in pieces and whole, is given once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import define, field

from jackfield.errors import MalformedReplyError
from jackfield.types import (
    Annotated,
    ChatEvent,
    Citation,
    LogprobsDelta,
    PartAdded,
    ReasoningDelta,
    RefusalDelta,
    Text,
    TextDelta,
    ToolCallDelta,
    Unknown,
)

from ..logprobs import read_tokens
from ..reading import fact, objects, written
from .items import CALLS, FORMAT, ITEM, PART, rest

__all__ = ["Item", "Output", "Piece", "annotation"]

# the texts of a thought: the list that holds them, the type that they have there
THOUGHTS: Final[Mapping[str, str]] = {"summary": "summary_text", "content": "reasoning_text"}
TEXTS: Final = ("output_text", "text")
CITATION: Final = ("type", "url", "title", "content", "start_index", "end_index")


@define(eq=False)
class Piece:
    """A text that may come in pieces, and what has come beside it. `block` numbers it among its like."""

    block: int
    logprobs: int = 0
    annotations: int = 0
    added: bool = False  # whether anything was given of a thought, or of a part that is no text
    _pieces: list[str] = field(factory=list)

    def add(self, text: str) -> None:
        """Take more of it."""
        self._pieces.append(text)

    @property
    def so_far(self) -> str:
        """What has come of it."""
        if len(self._pieces) != 1:
            self._pieces = [_mended("".join(self._pieces))]
        return self._pieces[0]

    def left(self, whole: str) -> str:
        """What of the whole text has not come in pieces; nothing where they came to another text."""
        so_far = self.so_far
        if not whole.startswith(so_far):
            return ""
        self._pieces = [whole]
        return whole[len(so_far) :]


@define(eq=False)
class Item:
    """What must be remembered of an item while the reply comes."""

    kind: str | None = None
    wire: Mapping[str, Any] = field(factory=dict)  # as it was when it was last told
    texts: dict[tuple[str, int], Piece] = field(factory=dict)
    whole: bool = False
    call: int | None = None
    call_id: str = ""
    name: str = ""
    thought: int | None = None  # the block that says what the item is
    held: int | None = None  # the same, while none of its texts has come
    layout: dict[str, Any] | None = None


class Output:
    """The items of one reply. The events that it gives have no `raw`."""

    def __init__(self) -> None:
        """Begin a reply."""
        self.all: list[Item] = []
        self._by_index: dict[int, Item] = {}
        self._by_id: dict[str, Item] = {}
        self._blocks = {"text": 0, "thought": 0}
        self.calls: list[Item] = []

    def find(self, payload: Mapping[str, Any]) -> Item:
        """The item that a payload speaks of, by its id or else by its place; a new one where it is not known."""
        name, index = fact(payload, "item_id", str), fact(payload, "output_index", int)
        item = (self._by_id.get(name) if name else None) or self._by_index.get(index)
        if item is None and not name and index is None and self.all:
            item = self.all[-1]
        return item if item is not None else self._new(name, index)

    def began(self, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
        """An item begins: a call says whose it is."""
        wire = fact(payload, "item", dict) or {}
        name = fact(wire, "id", str)
        item = self._by_id.get(name) if name else None
        if item is None:
            item = self._new(name, fact(payload, "output_index", int))
        item.kind, item.wire = fact(wire, "type", str), wire
        if item.kind != "reasoning":
            yield from self._held()
        if item.kind in CALLS:
            yield from self._named(item, fact(wire, "call_id", str) or "", fact(wire, "name", str) or "")

    def _held(self) -> Iterator[ChatEvent]:
        """Hold the places of thoughts that nothing came of yet: they must go back before what they led to."""
        for item in self.all:
            if item.kind == "reasoning" and item.thought is None:
                item.thought = item.held = self._blocks["thought"]
                self._blocks["thought"] += 1
                yield self._thought(item, "", item.held, summary=False, extra=None)

    def ended(self, payload: Mapping[str, Any]) -> Iterator[ChatEvent]:
        """An item is whole."""
        if wire := fact(payload, "item", dict):
            item = self.find({"item_id": wire.get("id"), **payload})
            yield from self.whole(item, wire)

    def last(self, wires: list[dict[str, Any]]) -> Iterator[ChatEvent]:
        """The reply is over: `wires` are its items as it told them last, of which some may be new."""
        seen = list(self.all)
        for index, wire in enumerate(wires):
            yield from self.whole(self._of(wire, index, seen, len(wires)), wire)
        for item in self.all:  # a reply that keeps nothing may not tell them again
            if item.wire and not item.whole:
                yield from self.whole(item, item.wire)

    def whole(self, item: Item, wire: Mapping[str, Any]) -> Iterator[ChatEvent]:
        """The events of what an item holds and was not given yet.

        Raises:
            MalformedReplyError: it is not what its pieces were.
        """
        if item.whole:
            return
        item.whole, item.wire = True, wire
        kind = fact(wire, "type", str)
        item.kind = kind = kind or item.kind or "message"
        if kind == "message":
            yield from self._message(item, wire)
        elif kind == "reasoning":
            yield from self._reasoning(item, wire)
        elif kind in CALLS:
            yield from self._call(item, wire)
        else:
            yield PartAdded(Unknown(wire))

    def add(self, wire: Mapping[str, Any]) -> Iterator[ChatEvent]:
        """The events of an item that stands behind those there are.

        Raises:
            MalformedReplyError: it cannot be read.
        """
        return self.whole(self._new(None, None), wire)

    # --- texts and what is said of them

    def text(self, item: Item, place: int, of: str = "part") -> Piece:
        """A text of an item, which may be new: a part of its content, or one `of` the lists of a thought."""
        piece = item.texts.get((of, place))
        if piece is None:
            kind = "text" if of == "part" else "thought"
            piece = item.texts[of, place] = Piece(self._blocks[kind])
            self._blocks[kind] += 1
        return piece

    def part(self, item: Item, place: int, part: Any) -> Iterator[ChatEvent]:
        """The events of what a part of a message holds and was not given yet."""
        match part:
            case {"type": "refusal", "refusal": str(refusal)}:
                yield from self.refusal(item, place, refusal)
            case {"type": "output_text" | "text", "text": str(text)}:
                yield from self.spoken(item, place, text, part)
                piece = self.text(item, place)
                if not (piece.so_far or piece.added):
                    piece.added = True
                    yield PartAdded(Text(""))  # which is there, if empty, and goes back
                for value in (fact(part, "annotations", list) or [])[self.text(item, place).annotations :]:
                    yield from self.annotated(item, place, value)
            case dict():
                piece = self.text(item, place)
                if not piece.added and not piece.so_far:
                    piece.added = True
                    yield PartAdded(Unknown(part))

    def spoken(
        self, item: Item, place: int, text: str, holder: Mapping[str, Any], *, more: bool = False
    ) -> Iterator[ChatEvent]:
        """Text of a message: `more` of it, or the whole."""
        piece = self.text(item, place)
        if left := text if more else piece.left(text):
            if more:
                piece.add(text)
            yield TextDelta(left, block=piece.block)
        tokens = read_tokens(holder.get("logprobs"))
        if tokens := tokens if more else tokens[piece.logprobs :]:
            piece.logprobs += len(tokens)
            yield LogprobsDelta(tokens)

    def refusal(self, item: Item, place: int, text: str, *, more: bool = False) -> Iterator[ChatEvent]:
        """Text of a refusal: `more` of it, or the whole."""
        piece = self.text(item, place)
        if left := text if more else piece.left(text):
            if more:
                piece.add(text)
            yield RefusalDelta(left)

    def annotated(self, item: Item, place: int, value: Any) -> Iterator[ChatEvent]:
        """A remark on a text."""
        if type(value) is dict:
            self.text(item, place).annotations += 1
            yield Annotated(annotation(value))

    def thought(
        self, item: Item, of: str, place: int, text: str, extra: dict[str, Any] | None = None, *, more: bool = False
    ) -> Iterator[ChatEvent]:
        """Text of a thought: `more` of it, or the whole."""
        if item.held is not None:
            item.texts[of, place], item.held = Piece(item.held), None
        piece = self.text(item, place, of)
        if item.thought is None:
            item.thought = piece.block
        left = text if more else piece.left(text)
        if left or extra or not (piece.added or more):
            piece.added = True
            if more:
                piece.add(text)
            yield self._thought(item, left, piece.block, summary=of == "summary", extra=extra)

    def argued(self, item: Item, text: str) -> Iterator[ChatEvent]:
        """More of the arguments of a call."""
        if text:
            self._arguments(item).add(text)
            yield ToolCallDelta(self._index(item), arguments=text, custom=item.kind == "custom_tool_call")

    def argued_whole(self, item: Item, text: str) -> Iterator[ChatEvent]:
        """The whole arguments of a call, of which pieces may have come.

        Raises:
            MalformedReplyError: the pieces came to something else.
        """
        if left := self._left(item, text):
            yield ToolCallDelta(self._index(item), arguments=left, custom=item.kind == "custom_tool_call")

    # --- items of each kind

    def _message(self, item: Item, wire: Mapping[str, Any]) -> Iterator[ChatEvent]:
        content = wire.get("content")
        spoken = {"type": "output_text", "text": content}
        parts = [spoken] if type(content) is str else objects(wire, "content")
        if not parts:  # of which nothing is left but its place
            yield PartAdded(Unknown(wire))
            return
        layout: list[Any] = []
        for place, part in zip(_places(item, "part", len(parts)), parts, strict=True):
            yield from self.part(item, place, part)
            known = item.texts.get(("part", place))
            layout.append(_part_layout(part, known))
        item.layout = {**rest(wire, "role", "content"), "content": None if type(content) is str else layout}

    def _reasoning(self, item: Item, wire: Mapping[str, Any]) -> Iterator[ChatEvent]:
        known = ["type", "id", "encrypted_content"]
        for of, kind in THOUGHTS.items():
            parts = wire.get(of)
            if type(parts) is not list or not parts:
                continue
            known.append(of)
            for place, part in zip(_places(item, of, len(parts)), parts, strict=True):
                if type(part) is not dict:
                    raise MalformedReplyError(f"{of}: expected objects, got {type(part).__name__}")
                more = rest(part, "text") if type(part.get("text")) is str else dict(part)
                if more.get("type") == kind:
                    del more["type"]
                text = fact(part, "text", str) or ""
                # that there is a part is told by a text, by a summary, or so
                extra = {PART: more} if more or not (text or of == "summary") else None
                yield from self.thought(item, of, place, text, extra)
        if item.thought is None:
            item.thought = self._blocks["thought"]
            self._blocks["thought"] += 1
        known += ["summary"] if wire.get("summary") == [] else []
        encrypted, name = fact(wire, "encrypted_content", str) or None, fact(wire, "id", str)
        extra = {ITEM: rest(wire, *known)}
        yield ReasoningDelta(block=item.thought, encrypted=encrypted, id=name, format=FORMAT, extra=extra)

    def _call(self, item: Item, wire: Mapping[str, Any]) -> Iterator[ChatEvent]:
        place = CALLS[item.kind or ""]
        call_id = fact(wire, "call_id", str) or fact(wire, "id", str) or ""
        yield from self._named(item, call_id, fact(wire, "name", str) or "")
        left = self._left(item, written(wire, place))
        extra = {ITEM: more} if (more := rest(wire, "type", "call_id", "name", place)) else None
        if left or extra:
            custom = item.kind == "custom_tool_call"
            yield ToolCallDelta(self._index(item), arguments=left, custom=custom, extra=extra)

    def _named(self, item: Item, call_id: str, name: str) -> Iterator[ChatEvent]:
        index = self._index(item)
        new_id, new_name = "" if item.call_id else call_id, "" if item.name else name
        item.call_id, item.name = item.call_id or call_id, item.name or name
        if new_id or new_name:
            custom = item.kind == "custom_tool_call"
            yield ToolCallDelta(index, new_id or None, new_name or None, custom=custom)

    def _left(self, item: Item, whole: str) -> str:
        arguments = self._arguments(item)
        if not whole:
            return ""
        so_far = arguments.so_far
        left = arguments.left(whole)
        if not left and so_far != whole and (item.kind != "function_call" or _read(so_far) != _read(whole)):
            raise MalformedReplyError(f"arguments: the pieces of those of {item.name!r} are not what they come to")
        return left

    def _arguments(self, item: Item) -> Piece:
        return item.texts.setdefault(("arguments", 0), Piece(0))

    def _index(self, item: Item) -> int:
        if item.call is None:
            item.call = len(self.calls)
            self.calls.append(item)
        return item.call

    def _thought(
        self, item: Item, text: str, block: int, *, summary: bool, extra: dict[str, Any] | None
    ) -> ReasoningDelta:
        name = fact(item.wire, "id", str)
        return ReasoningDelta(text, block=block, summary=summary, id=name, format=FORMAT, extra=extra)

    def _new(self, name: str | None, index: int | None) -> Item:
        item = Item()
        self.all.append(item)
        if name:
            self._by_id[name] = item
        if index is not None:
            self._by_index[index] = item
        return item

    def _of(self, wire: Mapping[str, Any], index: int, seen: list[Item], count: int) -> Item:
        name, kind = fact(wire, "id", str), fact(wire, "type", str)
        item = self._by_id.get(name) if name else None
        if item is None and len(seen) == count and seen[index].kind in (kind, None):
            item = seen[index]  # some services name an item anew whenever they speak of it
        if item is None and (at := self._by_index.get(index)) is not None and at.kind == kind and not name:
            item = at
        return item if item is not None else self._new(name, None)


def _places(item: Item, of: str, count: int) -> Iterable[int]:
    """The places of so many parts. Some services begin to count the pieces at another number."""
    known = sorted(place for kind, place in item.texts if kind == of)
    return known if len(known) == count else range(count)


def annotation(wire: Mapping[str, Any]) -> Citation | Unknown:
    """A remark on a text."""
    if wire.get("type") != "url_citation" or type(wire.get("url")) is not str:
        return Unknown(wire)
    title, text = fact(wire, "title", str), fact(wire, "content", str)
    start, end = fact(wire, "start_index", int), fact(wire, "end_index", int)
    return Citation(wire["url"], title, text, start, end, extra=rest(wire, *CITATION) or None)


def _part_layout(part: Mapping[str, Any], known: Piece | None) -> dict[str, Any]:
    """What is said of a part beside what has words of ours."""
    if part.get("type") not in (*TEXTS, "refusal"):
        return {"type": part.get("type")}
    found = rest(part, "text", "refusal", "logprobs")
    if "annotations" in found:
        found["annotations"] = known.annotations if known is not None else 0
    if type(part.get("logprobs")) is list:
        found["logprobs"] = []
    return found


def _mended(text: str) -> str:
    """Text whose characters are whole, where one was cut into two surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text

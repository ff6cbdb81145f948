"""A turn of the model's as the items that it was made of: messages, thoughts, calls and whatever else."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

from jackfield.errors import BadRequestError
from jackfield.types import Citation, Message, Part, Reasoning, Refusal, Text, ToolCall, Unknown

from ..destination import Destination, put
from ..messages import known
from .contents import OF_CHATS, mark
from .items import CALLS, FORMAT, ITEM, LAYOUT, PART, is_item

__all__ = ["assistants_items"]

# some services know a turn of the model's by its type alone
PLAIN: Final[Mapping[str, str]] = {"type": "message", "role": "assistant"}


def assistants_items(message: Message, where: str, to: Destination) -> list[dict[str, Any]]:
    """The items of a turn of the model's.

    Raises:
        UnsupportedError: a part cannot be carried, and the caller does not allow that it is left out.
        BadRequestError: the turn holds a call that is incomplete.
    """
    turn = _Turn(message, where, to)
    for index, part in enumerate(message.parts):
        turn.put(part, f"{where}.parts[{index}]")
    return turn.ended()


def _kinds(layout: Any) -> frozenset[Any]:
    """The types of the parts that the messages of a turn are known to hold."""
    told = (one.get("content") for one in layout) if isinstance(layout, list) and all(map(_is_layout, layout)) else ()
    return frozenset(entry.get("type") for content in told for entry in content or ())


def _stands_alone(part: Part, kinds: frozenset[Any]) -> bool:
    """Whether a part is an item of its own; what has no word of ours is one, unless it is told to be content."""
    if not isinstance(part, Unknown):
        return False
    kind = part.raw.get("type") if isinstance(part.raw, Mapping) else None
    if is_item(part.raw) or not isinstance(kind, str):
        return is_item(part.raw)
    return kind not in kinds and kind not in OF_CHATS and not kind.startswith(("input_", "output_"))


class _Turn:
    def __init__(self, message: Message, where: str, to: Destination) -> None:
        self._to = to
        self._where = where
        self._items: list[dict[str, Any]] = []
        self._thought: dict[str, Any] | None = None  # which more of it may follow
        self._kinds = _kinds((message.extra or {}).get(LAYOUT))
        self._layout: list[Mapping[str, Any]] = _layout(message, self._kinds, where, to)  # of the messages to come
        self._wire: dict[str, Any] | None = None  # a message that lacks some of its content
        self._entries: list[Any] = []  # what is said of that content
        self._first: dict[str, Any] | None = None
        self._extra = {key: value for key, value in (message.extra or {}).items() if key != LAYOUT}
        remarks = sum(entry.get("annotations", 0) for one in self._layout for entry in one["content"] or ())
        self._annotations = iter(message.annotations)
        if remarks != len(message.annotations):
            self._annotations = iter(())
            to.leave_out(f"{where}.annotations", "nothing tells which text of the turn they are of")
        to.report_mark(message.cache, where)

    def put(self, part: Part, where: str) -> None:
        match part:
            case Reasoning():
                self._think(part, where)
                return
            case ToolCall():
                self._call(part, where)
            case Unknown() if _stands_alone(part, self._kinds):
                self._items.append(part.raw)
            case Text() | Refusal() | Unknown():
                self._say(part, where)
            case _:
                self._to.report(where, f"the turn of role 'assistant' cannot hold a {type(part).__name__}")
        self._thought = None

    def ended(self) -> list[dict[str, Any]]:
        """The items, when every part was put."""
        while self._layout and not self._wire:
            self._begin()
        extra = known(self._extra, self._where, self._to, (ITEM,))
        if self._first is not None:
            put(self._first, extra, f"{self._where}.extra")
        else:
            for key in extra:
                self._to.leave_out(f"{self._where}.extra.{key}", "the turn has no message that could bear it")
        if self._to.beside("store") is not False:
            return self._items
        return [item for item in self._items if self._is_known(item)]

    def _is_known(self, item: Mapping[str, Any]) -> bool:
        """Whether a service that keeps nothing can know what an item holds."""
        if item.get("type") != "reasoning" or item.get("encrypted_content") or item.get("content"):
            return True
        self._to.leave_out(self._where, "a thought that is neither encrypted nor kept by the service says nothing")
        return False

    # --- messages

    def _say(self, part: Text | Refusal | Unknown, where: str) -> None:
        if not self._layout and self._wire is None:
            self._say_plainly(part, where)
            return
        while self._wire is None:
            self._begin()
        entry = self._entries.pop(0)
        if entry is None:
            self._wire["content"] = getattr(part, "text", "")
        else:
            self._wire["content"].append(self._content(part, entry, where))
        if not self._entries:
            self._wire = None

    def _begin(self) -> None:
        """Begin the next message; one without content is whole."""
        layout = self._layout.pop(0)
        content = layout["content"]
        wire: dict[str, Any] = {"role": "assistant", **layout, "content": []}
        self._add(wire)
        self._entries = [None] if content is None else list(content)
        self._wire = wire if self._entries else None

    def _content(self, part: Text | Refusal | Unknown, entry: Mapping[str, Any], where: str) -> dict[str, Any]:
        if isinstance(part, Unknown):
            raw: dict[str, Any] = part.raw
            return raw
        wire = {**entry, "type": "refusal", "refusal": part.text}
        if isinstance(part, Text):
            kind = "text" if entry.get("type") == "text" else "output_text"
            wire = {**entry, "type": kind, "text": part.text}
        if "annotations" in entry:
            count = entry["annotations"]
            wire["annotations"] = [_annotation(one) for _, one in zip(range(count), self._annotations, strict=False)]
        self._to.report_mark(part.cache, where)
        put(wire, known(part.extra, where, self._to, (ITEM, LAYOUT)), f"{where}.extra")
        return wire

    def _say_plainly(self, part: Text | Refusal | Unknown, where: str) -> None:
        """Put a message of which nothing is known but what it says."""
        if isinstance(part, Unknown):
            self._add({**PLAIN, "content": [part.raw]})
            return
        if isinstance(part, Refusal):
            self._to.call.rewrote(where, "a refusal is sent as text: only one that came from this API can be one")
        wire: dict[str, Any] = {**PLAIN, "content": part.text}
        if extra := known(part.extra, where, self._to, (ITEM, LAYOUT)):
            wire["content"] = [{"type": "output_text", "text": part.text}]
            put(wire["content"][0], extra, f"{where}.extra")
        self._to.report_mark(part.cache, where)
        self._add(wire)

    def _add(self, wire: dict[str, Any]) -> None:
        self._first = self._first or wire
        self._items.append(wire)

    # --- thoughts and calls

    def _think(self, part: Reasoning, where: str) -> None:
        if part.format != FORMAT:
            self._to.leave_out(where, "the Responses API takes back its own reasoning only")
            return
        extra = dict(part.extra or {})
        own, piece = extra.pop(ITEM, None), extra.pop(PART, None)
        wire = self._thought
        if wire is None or own is not None or (part.id or wire.get("id")) != wire.get("id"):
            wire = self._thought = {"type": "reasoning", "summary": [], **copy.deepcopy(own or {})}
            self._items.append(wire)
        for name, value in (("id", part.id), ("encrypted_content", part.encrypted)):
            if value is not None:
                wire[name] = value
        if part.text or part.summary or piece is not None:
            of, kind = ("summary", "summary_text") if part.summary else ("content", "reasoning_text")
            if not isinstance(wire.get(of), list):
                wire[of] = []
            wire[of].append({"type": kind, "text": part.text, **(piece or {})})
        if part.signature is not None:
            self._to.leave_out(f"{where}.signature", "the Responses API has no signatures")
        self._to.report_mark(part.cache, where)
        put(wire, known(extra, where, self._to, (LAYOUT,)), f"{where}.extra")

    def _call(self, call: ToolCall, where: str) -> None:
        if not call.complete:
            raise BadRequestError(f"{where}: the call of tool {call.name!r} is incomplete: its reply broke off")
        extra = dict(call.extra or {})
        own = extra.pop(ITEM, None) or {}
        kind = "custom_tool_call" if call.custom else "function_call"
        # a call of the older kind had no id
        wire = {"type": kind, "call_id": call.id or call.name, "name": call.name, CALLS[kind]: call.arguments, **own}
        mark(wire, call.cache, where, self._to)
        put(wire, known(extra, where, self._to, (LAYOUT, "function")), f"{where}.extra")
        self._items.append(wire)


def _layout(message: Message, kinds: frozenset[Any], where: str, to: Destination) -> list[Mapping[str, Any]]:
    """What is said of the messages of a turn; nothing where the turn has other parts by now."""
    found = (message.extra or {}).get(LAYOUT)
    if found is None:
        return []
    count = sum(1 for part in message.parts if _is_content(part, kinds))
    told = isinstance(found, list) and all(map(_is_layout, found))
    if told and count == sum(_count(one["content"]) for one in found):
        return list(found)
    to.leave_out(f"{where}.extra.{LAYOUT}", "the turn has other parts by now")
    return []


def _is_content(part: Part, kinds: frozenset[Any]) -> bool:
    return isinstance(part, Text | Refusal) or (isinstance(part, Unknown) and not _stands_alone(part, kinds))


def _is_layout(one: Any) -> bool:
    content = one.get("content", ()) if isinstance(one, Mapping) else ()
    return content is None or (isinstance(content, list) and all(isinstance(entry, Mapping) for entry in content))


def _count(content: list[Any] | None) -> int:
    return 1 if content is None else len(content)


def _annotation(one: Citation | Unknown) -> Any:
    if isinstance(one, Unknown):
        return one.raw
    facts = {"url": one.url, "title": one.title, "content": one.text, "start_index": one.start, "end_index": one.end}
    wire = {"type": "url_citation", **{key: value for key, value in facts.items() if value is not None}}
    put(wire, one.extra, "annotation.extra")
    return wire

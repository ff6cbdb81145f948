"""Our messages in OpenAI's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from jackfield.errors import BadRequestError
from jackfield.types import (
    Audio,
    CacheMark,
    Citation,
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)

from .destination import Destination, put
from .responses.items import ITEM, LAYOUT, is_item
from .thoughts import CONTENT, DETAILS, PLAIN, detail, form_of, thinking

__all__ = ["BREAKPOINT", "CACHE", "LEGACY", "known", "mark", "wire_messages"]

CACHE: Final = "cache_control"
BREAKPOINT: Final = "prompt_cache_breakpoint"
# what stands for a call of the older kind, which a turn had one of, without an id
LEGACY: Final = "function_call"
# the parts of content that OpenAI lets mark
MARKED: Final = ("text", "image_url", "input_audio", "file", "input_text", "input_image", "input_file")
# what an assistant's turn can have instead of text
SPEAKING: Final = frozenset({"audio", "refusal", "tool_calls", LEGACY})
# what the Responses API alone wants back
OF_ITEMS: Final = (ITEM, LAYOUT)
EXPLICIT: Final[Mapping[str, str]] = {"mode": "explicit"}


def wire_messages(messages: tuple[Message, ...], to: Destination) -> list[dict[str, Any]]:
    """The messages of a request.

    Raises:
        UnsupportedError: a part cannot be carried, and the caller does not allow that it is left out.
        BadRequestError: a message contradicts itself.
    """
    legacy: dict[str, str] = {}  # the names of calls of the older kind, of which the last one of an id is answered
    wires: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if (text := _plain(message)) is not None:
            wires.append({"role": to.role(message.role, where), "content": text})
            continue
        for call in message.tool_calls:
            legacy.pop(call.id, None)
            if _is_legacy(call):
                legacy[call.id] = call.name
        if message.role == "tool":
            wires += _results(message, where, to, legacy)
        else:
            wires.append(_Turn(message, where, to).wire)
    return wires


def _plain(message: Message) -> str | None:
    """The text of a turn that is nothing but that, as most are; None of any other."""
    part = message.parts[0] if len(message.parts) == 1 and message.role != "tool" else None
    if type(part) is not Text or part.cache or part.extra or message.cache or message.extra:
        return None
    return part.text if message.name is None and not message.annotations else None


def _results(message: Message, where: str, to: Destination, legacy: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    if not message.parts:
        raise BadRequestError(f"{where}: a tool's turn without a result")
    last = max((index for index, part in enumerate(message.parts) if isinstance(part, ToolResult)), default=0)
    for index, part in enumerate(message.parts):
        place = f"{where}.parts[{index}]"
        if not isinstance(part, ToolResult):
            to.report(place, f"a tool's turn holds results of tools only, not {type(part).__name__}")
            continue
        content = list(_contents(part.parts, place, to))
        wire: dict[str, Any] = {"role": "tool", "tool_call_id": part.call_id, "content": content}
        if part.call_id in legacy:
            wire = {"role": "function", "name": legacy[part.call_id], "content": content}
        mark(wire, part.cache or (message.cache if index == last else None), place, to)
        wire["content"] = _short(content)
        put(wire, known(part.extra, place, to), place)
        if part.is_error:
            to.leave_out(f"{place}.is_error", "the host has no word for it: the result itself must say that it is one")
        _finish(wire, message, where, to)
        yield wire


def _contents(parts: Iterable[Part], where: str, to: Destination) -> Iterator[Any]:
    for index, part in enumerate(parts):
        if (wire := _content(part, f"{where}.parts[{index}]", "tool", to)) is not None:
            yield wire


class _Turn:
    """One turn that is not a tool's, and the places where its parts go."""

    def __init__(self, message: Message, where: str, to: Destination) -> None:
        self._to = to
        self._role = message.role
        self._content: list[Any] = []
        self._refusal: list[str] = []
        self._more: dict[str, Any] = {}
        for index, part in enumerate(message.parts):
            self._put(part, f"{where}.parts[{index}]")
        self.wire: dict[str, Any] = {"role": to.role(message.role, where), "content": self._content}
        if self._refusal:
            self.wire["refusal"] = "".join(self._refusal)
        self.wire |= self._more
        mark(self.wire, message.cache, where, to)
        content: str | list[Any] | None = _short(self._content)
        if not content and SPEAKING.intersection((*self.wire, *(message.extra or ()))):
            content = None  # "" is refused beside tool calls, null is refused where there is nothing else
        self.wire["content"] = content
        _finish(self.wire, message, where, to)

    def _put(self, part: Part, where: str) -> None:
        if self._role == "assistant" and self._put_assistants(part, where):
            return
        if (wire := _content(part, where, self._role, self._to)) is not None:
            self._content.append(wire)

    def _put_assistants(self, part: Part, where: str) -> bool:
        """Put what only the assistant's turn can hold; False where the part is content like any."""
        match part:
            case Refusal(cache=None, extra=None):
                self._refusal.append(part.text)
            case Reasoning():
                self._think(part, where)
            case ToolCall():
                self._call(part, where)
            case Audio(id=str()):
                self._speak(part, where)
            case Image() if self._to.profile.images:
                self._more.setdefault("images", []).append(_content(part, where, "user", self._to))
            case _:
                return False
        return True

    def _think(self, thought: Reasoning, where: str) -> None:
        form = form_of(thought, where, self._to)
        if form in CONTENT:
            wire = thinking(thought, form, where)
            mark(wire, thought.cache, where, self._to)
            self._content.append(wire)
            return
        self._to.report_mark(thought.cache, where)
        if form == DETAILS:
            self._more.setdefault(form, []).append(detail(thought, where))
        elif form in PLAIN:
            self._more[form] = self._more.get(form, "") + thought.text

    def _speak(self, sound: Audio, where: str) -> None:
        wire: dict[str, Any] = {"id": sound.id}
        put(wire, sound.extra, f"{where}.extra")
        if self._more.setdefault("audio", wire) != wire:
            self._to.report(where, "the turn of role 'assistant' holds one Audio, and this is the second")
        self._to.report_mark(sound.cache, where)

    def _call(self, call: ToolCall, where: str) -> None:
        if not call.complete:
            raise BadRequestError(f"{where}: the call of tool {call.name!r} is incomplete: its reply broke off")
        extra = known(call.extra, where, self._to)
        if _is_legacy(call):
            wire: dict[str, Any] = {"name": call.name, "arguments": call.arguments}
            del extra["type"]
            put(wire, extra, f"{where}.extra")
            if self._more.setdefault(LEGACY, wire) is not wire:
                self._to.report(where, "a turn holds one call of the older kind, and this is the second")
            self._to.report_mark(call.cache, where)
            return
        if call.custom:
            wire = {"id": call.id, "type": "custom"}
            wire["custom"] = {"name": call.name, "input": call.arguments}
        else:
            function = {"name": call.name, "arguments": call.arguments}
            wire = {"id": call.id, "type": "function", "function": function}
            put(function, extra.pop("function", None), f"{where}.extra.function")
        mark(wire, call.cache, where, self._to)
        put(wire, extra, f"{where}.extra")
        self._more.setdefault("tool_calls", []).append(wire)


def _is_legacy(call: ToolCall) -> bool:
    return call.extra is not None and call.extra.get("type") == LEGACY


def _content(part: Part, where: str, role: str, to: Destination) -> dict[str, Any] | None:
    """A part of content; None where it cannot be carried, which is reported."""
    if to.profile.strict and role != "user" and isinstance(part, Image | Audio | File):
        to.report(where, f"the host takes no {type(part).__name__} in a turn of role {role!r}")
        return None
    match part:
        case Unknown() if is_item(part.raw) and part.raw.get("type") != "reasoning":  # which parts are called too
            to.leave_out(where, "an item of the Responses API, which has no place in a chat")
            return None
        case Unknown():
            raw: dict[str, Any] = part.raw
            return raw
        case Text():
            wire: dict[str, Any] = {"type": "text", "text": part.text}
        case Image():
            wire = {"type": "image_url", "image_url": _given(url=part.url, detail=part.detail)}
        case Audio(data=str(data)):
            wire = {"type": "input_audio", "input_audio": _given(data=data, format=part.format)}
        case File():
            file = _given(file_data=part.data, filename=part.filename, file_id=part.id)
            wire = {"type": "file", "file": file}
        case Refusal() if role == "assistant":
            wire = {"type": "refusal", "refusal": part.text}
        case _:
            to.report(where, f"the turn of role {role!r} cannot hold a {type(part).__name__}")
            return None
    mark(wire, part.cache, where, to)
    put(wire, part.extra, f"{where}.extra")
    return wire


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _short(content: list[Any]) -> str | list[Any]:
    """Content that is one text is sent as that, and none as an empty one."""
    match content:
        case []:
            return ""
        case [{"type": "text", "text": str(text), **more}] if not more:
            return text
    return content


def mark(wire: dict[str, Any], cache: CacheMark | None, where: str, to: Destination) -> None:
    """Mark the end of a part of the prompt for the host's cache.

    Raises:
        UnsupportedError: the host has no such mark, or not here, and the caller does not allow that it is left out.
    """
    if cache is None:
        return
    turn = "role" in wire
    content = wire["content"] if turn else [wire]
    kind = content[-1].get("type") if content and isinstance(content[-1], Mapping) else None
    if to.profile.cache == CACHE:
        control = {CACHE: {"type": "ephemeral", **_given(ttl=cache.ttl)}}
        if not turn or to.profile.cache_turns:
            wire |= control
        elif kind is None:
            to.report(f"{where}.cache", "the host marks parts, and the turn has none that can be marked")
        else:  # a part that may be the caller's own is not changed, and its own mark counts
            content[-1] = control | content[-1]
        return
    if to.profile.cache != BREAKPOINT or "cache" in to.refused or kind not in MARKED:
        to.report(f"{where}.cache", "the host or the model takes no such mark, or not here")
        return
    if cache.ttl is not None:
        to.report(f"{where}.cache.ttl", "the host keeps all that is marked for the same time")
    if turn:  # behind the last part, which may be the caller's own and is not changed
        content[-1] = {**content[-1], BREAKPOINT: EXPLICIT}
    else:
        wire[BREAKPOINT] = EXPLICIT


def _finish(wire: dict[str, Any], message: Message, where: str, to: Destination) -> None:
    """Add what a message says beside its parts."""
    if message.name is not None and wire.setdefault("name", message.name) != message.name:
        to.report(f"{where}.name", f"the result of a call of the older kind bears the call's name, {wire['name']!r}")
    if message.annotations:
        if to.profile.annotations:
            wire["annotations"] = [_annotation(one) for one in message.annotations]
        else:
            to.leave_out(f"{where}.annotations", "the host has no place for remarks on a text")
    put(wire, known(message.extra, where, to), f"{where}.extra")


def known(
    extra: Mapping[str, Any] | None, where: str, to: Destination, others: Iterable[str] = OF_ITEMS
) -> dict[str, Any]:
    """What of a message's own fields goes to this host: not those that only another host, or wire, wants back."""
    kept = dict(extra or {})
    for key in (*others, *(to.profile.foreign or ())):
        if key in kept:
            del kept[key]
            to.leave_out(f"{where}.extra.{key}", "another host's own field, which this one refuses")
    return kept


def _annotation(one: Citation | Unknown) -> Any:
    if isinstance(one, Unknown):
        return one.raw
    inner = _given(url=one.url, title=one.title, content=one.text, start_index=one.start, end_index=one.end)
    put(inner, one.extra, "annotation.extra")
    return {"type": "url_citation", "url_citation": inner}

"""A conversation as the wire has it: instructions before it, then the turns of two speakers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby, takewhile
from typing import Any, Final, Literal, TypeAlias

from jackfield.types import Citation, Message, Text

from .blocks import THOUGHTS, Block, mark, wire_blocks
from .citations import wire_citation
from .settings import Outgoing

__all__ = ["wire_messages"]

Speaker: TypeAlias = Literal["user", "assistant", "system"]

INSTRUCTING: Final = frozenset({"system", "developer"})
NO_PLACE: Final = "the remark is on no text of this turn, or is none of Anthropic's"


def wire_messages(messages: tuple[Message, ...], to: Outgoing) -> tuple[str | list[Block], list[dict[str, Any]]]:
    """The instructions that a conversation begins with, and its turns.

    The results of tools are the user's: with the turns beside them that are the user's, too, they are one turn, of
    which they come first.

    Raises:
        UnsupportedError: something cannot be carried, and the caller does not allow that it is left out.
        BadRequestError: a message contradicts itself.
    """
    numbered = [(message, f"messages[{index}]") for index, message in enumerate(messages)]
    leading = list(takewhile(lambda one: one[0].role in INSTRUCTING, numbered))
    system = [block for message, where in leading for block in _blocks(message, "system", where, to)]
    turns = [(message, where, _speaker(message, where, to)) for message, where in numbered[len(leading) :]]
    wires: list[dict[str, Any]] = []
    for speaker, run in groupby(turns, key=lambda turn: turn[2]):
        contents = [(where, _blocks(message, speaker, where, to)) for message, where, _ in run]
        if any(_is_result(block) for _, blocks in contents for block in blocks):
            contents = [(contents[0][0], [block for _, blocks in contents for block in blocks])]
        for where, blocks in contents:
            if not blocks and speaker == "assistant":
                to.leave_out(where, "nothing of this turn can be sent, and the API refuses an empty one")
                continue
            ordered = sorted(blocks, key=_is_result, reverse=True)
            wires.append({"role": speaker, "content": _short(ordered)})
    return _short(system), wires


def _is_result(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") == "tool_result"


def _speaker(message: Message, where: str, to: Outgoing) -> Speaker:
    if message.role == "assistant":
        return "assistant"
    if message.role not in INSTRUCTING:
        return "user"
    if to.settings.system_turns:
        return "system"
    to.report(
        f"{where}.role",
        f"a turn of role {message.role!r} can only stand at the beginning, unless `system_turns` is set; "
        "it would be sent as the user's",
    )
    return "user"


def _blocks(message: Message, speaker: Speaker, where: str, to: Outgoing) -> list[Block]:
    if message.name is not None:
        to.report(f"{where}.name", "the API has no names of speakers")
    for key in message.extra or ():
        to.leave_out(f"{where}.extra.{key}", "another wire's own field, which this one refuses")
    written = list(wire_blocks(message.parts, speaker, where, to))
    blocks = [block for _, block in written]
    if message.annotations:
        _cite(message, [block for part, block in written if isinstance(part, Text)], where, to)
    if message.cache is not None:
        last = next((block for block in reversed(blocks) if _can_be_marked(block)), None)
        if last is None:
            to.report(f"{where}.cache", "the API marks blocks, and the turn has none that can be marked")
        else:
            mark(last, message.cache, where, to)
    return blocks


def _can_be_marked(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") not in THOUGHTS


def _cite(message: Message, texts: list[Block], where: str, to: Outgoing) -> None:
    """Put each citation back on the text that it came with."""
    spans: dict[tuple[int | None, int | None], Block] = {}
    end = 0
    for block in texts:
        begin, end = end, end + len(block["text"])
        spans[begin, end] = block
    for index, one in enumerate(message.annotations):
        citation, place = wire_citation(one)
        if isinstance(one, Citation):
            text = spans.get((one.start, one.end))
        else:
            text = texts[place] if place is not None and 0 <= place < len(texts) else None
        if citation is None or text is None:
            to.leave_out(f"{where}.annotations[{index}]", NO_PLACE)
        else:
            text.setdefault("citations", []).append(citation)


def _short(blocks: Iterable[Block]) -> str | list[Block]:
    """Content that is one text is sent as that, and none as an empty one."""
    match list(blocks):
        case []:
            return ""
        case [{"type": "text", "text": str(text), **more}] if not more:
            return text
        case several:
            return several

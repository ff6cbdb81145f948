"""Parts of a turn as the content of an item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve

from jackfield.types import CacheMark, File, Image, Part, Text, Unknown

from ..destination import Destination, put
from ..messages import BREAKPOINT, CACHE, mark as mark_of_chats
from ..shapes import message

__all__ = ["OF_CHATS", "content", "mark", "short"]

# what a chat calls its parts of content
OF_CHATS: Final = ("text", "image_url", "file")


def content(part: Part, where: str, role: str, to: Destination) -> dict[str, Any] | None:
    """A part as content of an item that is not the model's; None where it cannot be carried, which is reported."""
    if isinstance(part, Unknown):
        if not isinstance(part.raw, Mapping) or part.raw.get("type") not in OF_CHATS:
            raw: dict[str, Any] = part.raw
            return raw
        part = message({"role": "user", "content": [part.raw]}, where).parts[0]
    match part:
        case Text():
            wire: dict[str, Any] = {"type": "input_text", "text": part.text}
        case Image():
            wire = {"type": "input_image", "image_url": part.url, "detail": part.detail}
        case File():
            wire = {"type": "input_file", "file_data": part.data, "filename": part.filename, "file_id": part.id}
        case Unknown():
            return dict(part.raw)
        case _:
            to.report(where, f"the Responses API takes no {type(part).__name__} in a turn of role {role!r}")
            return None
    wire = {key: value for key, value in wire.items() if value is not None}
    mark(wire, part.cache, where, to)
    put(wire, part.extra, f"{where}.extra")
    return wire


def short(content: list[Any]) -> str | list[Any]:
    """Content that is one text is sent as that, and none as an empty one."""
    match content:
        case []:
            return ""
        case [{"type": "input_text", "text": str(text), **more}] if not more:
            return text
    return content


def mark(wire: dict[str, Any], cache: CacheMark | None, where: str, to: Destination) -> None:
    """Mark the end of a part of the prompt for the host's cache: in one way, at every host.

    Raises:
        UnsupportedError: there is no such mark here, and the caller does not allow that it is left out.
    """
    if cache is not None and to.profile.cache == CACHE:
        to = evolve(to, profile=evolve(to.profile, cache=BREAKPOINT))
    mark_of_chats(wire, cache, where, to)

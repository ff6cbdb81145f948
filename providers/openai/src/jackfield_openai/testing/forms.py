"""Reads forms (RFC 7578), as strictly as a server does that stores what it finds in them."""

from __future__ import annotations

import re
from email.message import Message
from typing import Final

from attrs import field, frozen

__all__ = ["Form", "Part", "read_form"]

HEAD: Final = re.compile(rb"([!-9;-~]+):[ \t]*([^\r\n]*)")


@frozen
class Part:
    """One part: a file where it has a file's name."""

    name: str
    filename: str | None
    media_type: str | None
    content: bytes = field(repr=False)


@frozen
class Form:
    """The parts of a form, in order."""

    parts: tuple[Part, ...] = ()

    def text(self, name: str) -> str | None:
        """The text of a field; None where there is none."""
        found = next((part for part in self.parts if part.name == name and part.filename is None), None)
        return None if found is None else found.content.decode(errors="replace")

    def file(self, name: str) -> Part | None:
        """A part with this name; None where there is none."""
        return next((part for part in self.parts if part.name == name), None)


def read_form(content_type: str, body: bytes) -> Form:
    """The parts of a form; none at all where it is malformed."""
    head = Message()
    head["content-type"] = content_type
    boundary = head.get_param("boundary", unquote=True)
    if head.get_content_type() != "multipart/form-data" or not isinstance(boundary, str) or not boundary:
        return Form()
    line = b"\r\n--" + boundary.encode()
    first, *rest = (b"\r\n" + body).split(line)
    if first or not rest or not rest[-1].startswith(b"--"):
        return Form()
    parts = [_part(piece) for piece in rest[:-1]]
    return Form(tuple(part for part in parts if part is not None)) if None not in parts else Form()


def _part(piece: bytes) -> Part | None:
    head, empty, content = piece.partition(b"\r\n\r\n")
    if not empty or not head.startswith(b"\r\n"):
        return None
    headers = Message()
    for line in head[2:].split(b"\r\n"):
        found = HEAD.fullmatch(line)
        if found is None:
            return None
        headers[found[1].decode()] = found[2].decode("utf-8", errors="replace")
    name = headers.get_param("name", header="content-disposition")
    filename = headers.get_param("filename", header="content-disposition")
    if not isinstance(name, str):
        return None
    return Part(name, filename if isinstance(filename, str) else None, headers.get("content-type"), content)

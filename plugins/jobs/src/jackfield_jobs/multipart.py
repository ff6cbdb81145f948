"""Writes forms with a file in them (RFC 7578, and as browsers escape names), piece by piece."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import define, field

from jackfield.errors import BadRequestError

from .sources import FileSource

__all__ = ["Form", "Progress", "ProgressError", "form_fields"]

Progress: TypeAlias = Callable[[int, int | None], object]
"""Is told how many bytes have passed, and of how many, where that is known."""

ESCAPES: Final = {'"': "%22", "\r": "%0D", "\n": "%0A"}


class ProgressError(BadRequestError):
    """A program's own `progress` has failed.

    Attributes:
        raised: what it raised; the network would forget a cause.
    """

    raised: Exception | None = None


@define(eq=False)
class Form:
    """A form that ends in a file: a `jackfield.http.Body`, whose length is known before it is read.

    The same form gives the same bytes each time.

    Attributes:
        fields: names and texts, in order.
        file: the name of the field that the file is in.
        filename: the name of the file.
        media_type: what kind of bytes it has.
        source: where the file's bytes come from.
        start: which of them is the first.
        stop: and behind which one they end; None for all.
        progress: is told how many of the file's bytes have been sent.

    Raises:
        BadRequestError: a name or a text has half a character; or while it is read: the source cannot be read, has
            changed, or has a line that ends the form.
    """

    fields: Sequence[tuple[str, str]]
    file: str
    filename: str
    media_type: str
    source: FileSource
    start: int = 0
    stop: int | None = None
    progress: Progress | None = field(default=None, kw_only=True)
    _boundary: bytes = field(init=False)
    _before: bytes = field(init=False)
    _after: bytes = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Write what stands around the file."""
        facts = [*self.fields, self.file, self.filename, self.source.size, self.start, self.stop]
        known = hashlib.sha256(ascii(facts).encode() + self.source.head)
        self._boundary = b"jackfield-" + known.hexdigest()[:40].encode()
        line = b"--" + self._boundary + b"\r\n"
        before = b""
        for name, text in self.fields:
            before += line + b"Content-Disposition: form-data; name=" + _quoted(name) + b"\r\n\r\n"
            before += _encoded(text, name) + b"\r\n"
        before += line + b"Content-Disposition: form-data; name=" + _quoted(self.file)
        before += b"; filename=" + _quoted(self.filename) + b"\r\n"
        before += b"Content-Type: " + self.media_type.encode() + b"\r\n\r\n"
        self._before = before
        self._after = b"\r\n--" + self._boundary + b"--\r\n"

    @property
    def content_type(self) -> str:
        """The media type of the form."""
        return f"multipart/form-data; boundary={self._boundary.decode()}"

    @property
    def size(self) -> int:
        """How many bytes of the file are in it."""
        return (self.source.size if self.stop is None else self.stop) - self.start

    def __len__(self) -> int:
        return len(self._before) + self.size + len(self._after)

    def __iter__(self) -> Iterator[bytes]:
        line, seen, done = b"--" + self._boundary, b"", 0
        yield self._before
        for piece in self.source.pieces(self.start, self.stop):
            seen += piece
            if line in seen:
                raise BadRequestError(f"source: {self.source.label} has a line that would end the form: {line!r}")
            seen = seen[-len(line) + 1 :]
            yield piece
            done += len(piece)
            self._tell(done)
        yield self._after

    def _tell(self, done: int) -> None:
        if self.progress is not None:
            try:
                self.progress(done, self.size)
            except Exception as error:
                failed = ProgressError(f"progress: the function failed with {type(error).__name__}")
                failed.raised = error
                raise failed from error


def form_fields(values: Mapping[str, Any], inside: str = "") -> Iterator[tuple[str, str]]:
    """Values as fields of a form: `{"a": {"b": 1}}` is the field `a[b]`, a list is `a[]` several times.

    Raises:
        BadRequestError: a value is none that a form can carry.
    """
    for key, value in values.items():
        name = f"{inside}[{key}]" if inside else str(key)
        for one in value if isinstance(value, list | tuple) else (value,):
            label = f"{name}[]" if isinstance(value, list | tuple) else name
            if isinstance(one, Mapping):
                yield from form_fields(one, label)
            elif isinstance(one, bool):
                yield label, "true" if one else "false"
            elif isinstance(one, str | int | float):
                yield label, str(one)
            elif one is not None:
                raise BadRequestError(
                    f"{name}: a form has texts and numbers, not an object of type {type(one).__name__}"
                )


def _encoded(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadRequestError(f"{name}: {text!r} has half a character, which no form can hold") from None


def _quoted(name: str) -> bytes:
    return b'"' + _encoded("".join(ESCAPES.get(char, char) for char in name), "name") + b'"'

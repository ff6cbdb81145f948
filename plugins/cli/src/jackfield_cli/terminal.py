"""What is written to the terminal: replies to standard output, everything else as lines on standard error."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any, Final, TextIO

__all__ = ["Output", "discard", "say", "visible"]

# what a terminal obeys instead of showing: C0 but newline and tab, DEL, C1, bidi embeddings, overrides and isolates
UNSAFE: Final = (
    *(code for code in range(0x20) if chr(code) not in "\n\t"),
    *range(0x7F, 0xA0),
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
)
IN_TEXT: Final = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in UNSAFE}
LINE_ENDS: Final = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}
IN_JSON: Final = {code: f"\\u{code:04x}" for code in UNSAFE}


def visible(text: str) -> str:
    r"""The text with each character that could drive a terminal shown escaped, as in `\x1b`.

    Characters are looked at one by one, so an escape sequence in two pieces is as harmless as one in a single piece.
    """
    return text.translate(IN_TEXT)


def say(message: str) -> None:
    """Write one line to standard error, `jackfield: <message>`, whatever the message holds."""
    if sys.stderr is None:
        return
    # where standard error is gone too, there is nobody left to tell
    with suppress(OSError, ValueError):
        sys.stderr.write(f"jackfield: {visible(' '.join(message.split()))}\n")
        sys.stderr.flush()


def discard(stream: TextIO | None) -> None:
    """Point a stream whose reader has gone at nothing, or Python complains when it flushes at exit."""
    with suppress(OSError, ValueError, AttributeError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())  # type: ignore[union-attr]
        os.close(nothing)


class Output:
    """Standard output, for what a model wrote: unchanged into a file or pipe, harmless on a terminal.

    Attributes:
        terminal: whether somebody looks at it.

    Raises:
        OSError: nobody reads what is written, or there is no room for it; from every method that writes.
    """

    def __init__(self, stream: TextIO) -> None:
        """Take the stream. From now on what its encoding cannot hold is written escaped."""
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        self._stream = stream
        self.terminal = stream.isatty()
        self._inside_line = False

    def write(self, text: str) -> None:
        """Write a piece of text, at once."""
        if text:
            self._write(visible(text) if self.terminal else text)

    def write_json(self, value: Any, indent: int | None = None) -> None:
        """Write one JSON document, in a form that is valid JSON whatever the terminal and its encoding.

        It is one line unless an indentation is given.
        """
        import json

        # some programs end a line at these, too
        text = json.dumps(value, ensure_ascii=False, indent=indent).translate(LINE_ENDS)
        try:
            text.encode(self._stream.encoding or "utf-8")
        except UnicodeEncodeError:
            text = json.dumps(value, indent=indent)
        if self.terminal:
            text = text.translate(IN_JSON)
        self._write(f"{text}\n")

    def write_drawn(self, text: str) -> None:
        """Write what was drawn for a terminal, its control characters included. Never what somebody else wrote."""
        self._write(text)

    def end_line(self) -> None:
        """End the line that was begun, if any."""
        if self._inside_line:
            self._write("\n")

    def _write(self, text: str) -> None:
        # said first: Ctrl-C may come when the reader has the text and `flush` has not returned
        self._inside_line = not text.endswith("\n")
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._inside_line = False
            raise

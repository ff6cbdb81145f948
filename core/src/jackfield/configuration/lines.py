"""Finds the line of each key of a TOML file, which the standard library's reader does not tell.

It is asked only when there is an error to word or a value to explain, and only about text that was read before:
it takes for granted that the text is valid.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import Final, TypeAlias

__all__ = ["KeyPath", "lines"]

KeyPath: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys of tables and indexes of arrays."""

BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
KEY: Final = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
DOT: Final = re.compile(r"[ \t]*\.[ \t]*")
# the quotes that end a text of several lines may be preceded by up to two that belong to it
TEXT: Final = re.compile(r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\]|\\.)*"|'[^']*\'''', re.DOTALL)
OTHER: Final = re.compile(r"[^,\]}#\r\n]+")


def lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1 on, of each key and each item of an array. A table has that of its header, or is where it began."""
    scanner = _Scanner(text)
    scanner.run()
    ends = [match.start() for match in re.finditer("\n", text)]
    return {path: bisect_right(ends, start - 1) + 1 for path, start in scanner.found.items()}


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[KeyPath, int] = {}
        self._table: KeyPath = ()
        self._counts: dict[KeyPath, int] = {}  # of the tables in each array of tables
        # what is open at this place, from the outside in: its path, and the index of the next item of an array
        self._open: list[tuple[KeyPath, int | None]] = []

    def run(self) -> None:
        while self._skip(BLANK) < len(self.text):
            char = self.text[self.at]
            if not self._open:
                if char == "[":
                    self._header()
                else:
                    self._pair(self._table)
                continue
            path, index = self._open[-1]
            if char in "]},":
                self.at += 1
                if char != ",":
                    self._open.pop()
                elif index is not None:
                    self._open[-1] = (path, index + 1)
            elif index is None:
                self._pair(path)
            else:
                self._value((*path, index))

    def _skip(self, pattern: re.Pattern[str]) -> int:
        if match := pattern.match(self.text, self.at):
            self.at = match.end()
        return self.at

    def _keys(self) -> list[tuple[str, int]]:
        """The parts of a dotted key, and where each begins."""
        parts = []
        while True:
            self._skip(BLANK)
            start = self.at
            written = self.text[start : self._skip(KEY)]
            parts.append((_unquoted(written), start))
            if self._skip(DOT) == start + len(written):
                return parts

    def _header(self) -> None:
        start = self.at
        several = self.text.startswith("[[", start)
        self.at += 2 if several else 1
        path: KeyPath = ()
        parts = self._keys()
        for number, (key, at) in enumerate(parts, start=1):
            path = (*path, key)
            last = number == len(parts)
            if last and not several:
                self.found[path] = at
            self.found.setdefault(path, at)
            if last and several:
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
                self.found.setdefault(path, at)
        self.at = self.text.index("]" * (2 if several else 1), self.at) + (2 if several else 1)
        self._table = path

    def _pair(self, path: KeyPath) -> None:
        for key, at in self._keys():
            path = (*path, key)
            self.found.setdefault(path, at)
        self.at = self.text.index("=", self.at) + 1
        self._skip(BLANK)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        self.found.setdefault(path, self.at)
        char = self.text[self.at]
        if char in "[{":
            self.at += 1
            self._open.append((path, 0 if char == "[" else None))
        elif char in "\"'":
            self._skip(TEXT)
        else:
            self._skip(OTHER)


def _unquoted(key: str) -> str:
    return next(iter(tomllib.loads(f"{key} = 0"))) if key[:1] in {'"', "'"} else key

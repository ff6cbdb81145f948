"""Finds the line of each key of a TOML file, which the standard library's reader does not tell.

It is asked only when there is an error to word or a value to explain, and only about text that was read before:
it takes for granted that the text is valid.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final, TypeAlias

__all__ = ["KeyPath", "lines"]

KeyPath: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys of tables and indexes of arrays."""

# The quotes that end a text of several lines may be preceded by up to two that belong to it.
TOKEN: Final = re.compile(
    r"""[ \t\r]+|\#[^\n]*
    |\"{3}(?:[^\\]|\\.)*?\"{3,5}|'{3}.*?'{3,5}|"(?:[^"\\]|\\.)*"|'[^']*'
    |[][{},=\n]|[^][{},=\s\#"']+""",
    re.DOTALL | re.VERBOSE,
)


def lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1 on, of each key and each item of an array. A table has that of its header, or where it began."""
    reader = _Reader(text)
    reader.pairs((), "")
    ends = [match.start() for match in re.finditer("\n", text)]
    return {path: bisect_right(ends, start - 1) + 1 for path, start in reader.starts.items()}


class _Reader:
    """Reads a text from its beginning to its end. `starts` tells where each value was found."""

    def __init__(self, text: str) -> None:
        self.starts: dict[KeyPath, int] = {}
        self._counts: dict[KeyPath, int] = {}  # of the tables in each array of tables
        self._rest = ((match[0], match.start()) for match in TOKEN.finditer(text) if match[0][0] not in " \t\r#")

    def pairs(self, path: KeyPath, end: str) -> None:
        """Read keys and values up to the end of an inline table, or of the text. What follows a value is no key."""
        keys: list[tuple[str, int]] = []
        brackets = 0
        for part, start in self._rest:
            if part == end:
                return
            if part == "=":
                self._value(self._enter(path, keys), *next(self._rest))
                keys = []
            elif part == "[":
                brackets += 1
            elif part == "]" and brackets:
                path = self._enter((), keys, brackets)
                keys, brackets = [], 0
            elif part in {"]", ",", "\n"}:
                keys = []
            else:
                keys += [(key, start) for key in _keys(part)]

    def _value(self, path: KeyPath, part: str, start: int) -> None:
        self.starts.setdefault(path, start)
        if part == "{":
            self.pairs(path, "}")
        elif part == "[":
            index = 0
            for inner, at in self._rest:
                if inner == "]":
                    return
                index += inner == ","
                if inner not in {",", "\n"}:
                    self._value((*path, index), inner, at)

    def _enter(self, path: KeyPath, keys: list[tuple[str, int]], brackets: int = 0) -> KeyPath:
        """Follow a dotted key. That of a header has one bracket, or two where it begins another table of an array."""
        for number, (key, start) in enumerate(keys, start=1):
            path = (*path, key)
            self.starts.setdefault(path, start)
            if number == len(keys) and brackets == 1:
                self.starts[path] = start
            elif number == len(keys) and brackets:
                self._counts[path] = self._counts.get(path, 0) + 1
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
                self.starts.setdefault(path, start)
        return path


def _keys(part: str) -> list[str]:
    import tomllib

    return list(tomllib.loads(f"{part} = 0")) if part[0] in "\"'" else [key for key in part.split(".") if key]

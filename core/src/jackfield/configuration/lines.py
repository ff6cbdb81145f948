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
    starts: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}  # of the tables in each array of tables
    tokens = ((match[0], match.start()) for match in TOKEN.finditer(text) if match[0][0] not in " \t\r#")

    def enter(path: KeyPath, keys: list[tuple[str, int]], brackets: int = 0) -> KeyPath:
        """Follow a dotted key; each is as it is written in the text. That of a header has one bracket or two."""
        for number, (key, start) in enumerate(keys, start=brackets and 1 - len(keys)):
            path = (*path, key)
            if number == 0 and brackets == 1:
                starts[path] = start
            starts.setdefault(path, start)
            if number == 0 and brackets == 2:
                counts[path] = counts.get(path, 0) + 1
            if path in counts:
                path = (*path, counts[path] - 1)
                starts.setdefault(path, start)
        return path

    def pairs(path: KeyPath, end: str) -> None:
        """Read keys and values up to the end of an inline table, or of the text. What follows a value is no key."""
        keys: list[tuple[str, int]] = []
        brackets = 0
        for token, start in tokens:
            if token == end:
                return
            if token == "=":
                value(enter(path, keys), *next(tokens))
                keys = []
            elif token == "[":
                brackets += 1
            elif token == "]" and brackets:
                path = enter((), keys, brackets)
                keys, brackets = [], 0
            elif token in {"]", ",", "\n"}:
                keys = []
            else:
                keys += [(key, start) for key in _keys(token)]

    def value(path: KeyPath, token: str, start: int) -> None:
        starts.setdefault(path, start)
        if token == "{":
            pairs(path, "}")
        elif token == "[":
            index = 0
            for inner, at in tokens:
                if inner == "]":
                    return
                if inner == ",":
                    index += 1
                elif inner != "\n":
                    value((*path, index), inner, at)

    pairs((), "")
    ends = [match.start() for match in re.finditer("\n", text)]
    return {path: bisect_right(ends, start - 1) + 1 for path, start in starts.items()}


def _keys(token: str) -> list[str]:
    import tomllib

    return list(tomllib.loads(f"{token} = 0")) if token[0] in "\"'" else [key for key in token.split(".") if key]

"""A text that a regular expression matches, for expressions that are simple: without look-around and references."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["matching"]

SPECIAL: Final = {
    "d": "0",
    "w": "a",
    "s": " ",
    "D": "a",
    "W": "-",
    "S": "a",
    "t": "\t",
    "n": "\n",
    "r": "\r",
    "f": "\f",
}
CONTROL: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
PROBES: Final = "a0A-_ .!~é\n"
MOST: Final = 64
LONGEST: Final = 100_000


def matching(pattern: str, least: int = 0) -> Iterator[str]:
    """Texts that the pattern matches, the shortest first; none where it is not simple.

    Some of them have at least so many characters, where the pattern allows it.
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return
    seen: set[str] = set()
    for more in (*range(MOST), *range(max(MOST, least - 8), least + 1)):
        try:
            text = _Writer(pattern, more).whole()
        except (_NotSimpleError, RecursionError):
            return
        if text in seen or len(text) > LONGEST:
            return
        seen.add(text)
        if compiled.search(text):
            yield text


class _NotSimpleError(Exception):
    pass


class _Writer:
    """Reads a pattern from left to right, and writes the least that it asks for, with some repeats more."""

    def __init__(self, pattern: str, more: int) -> None:
        self._pattern = pattern
        self._more = more
        self._at = 0

    def whole(self) -> str:
        text = self._alternatives()
        if self._at < len(self._pattern):
            raise _NotSimpleError
        return text

    def _alternatives(self) -> str:
        first = self._sequence()
        while self._skip("|"):
            self._sequence()
        return first

    def _sequence(self) -> str:
        text = ""
        while (char := self._peek()) and char not in "|)":
            text += self._repeated(self._atom())
        return text

    def _atom(self) -> str:
        char = self._next()
        if char in "^$":
            return ""
        if char == "(":
            if self._skip("?"):
                if self._skip("P"):
                    if self._peek() != "<":
                        raise _NotSimpleError
                    self._next()
                    while self._next() != ">":
                        pass
                elif not self._skip(":"):
                    raise _NotSimpleError
            text = self._alternatives()
            if not self._skip(")"):
                raise _NotSimpleError
            return text
        if char == "[":
            return self._of_class()
        if char == "\\":
            return self._escaped(self._next())
        return "a" if char == "." else char

    def _repeated(self, text: str) -> str:
        least, most = 1, 1
        if self._skip("?"):
            least = 0
        elif self._skip("*"):
            least, most = 0, LONGEST
        elif self._skip("+"):
            most = LONGEST
        elif found := re.compile(r"\{(\d+)(,?)(\d*)\}").match(self._pattern, self._at):
            self._at = found.end()
            least = int(found[1])
            most = int(found[3]) if found[3] else LONGEST if found[2] else least
        else:
            return text
        if self._peek() in {"?", "+"} and self._peek():
            self._next()  # lazy or possessive: the same texts, as far as we write them
        if least > LONGEST:
            raise _NotSimpleError
        return text * min(least + self._more, most)

    def _of_class(self) -> str:
        start = self._at - 1
        self._skip("^")
        self._skip("]")
        while (char := self._next()) != "]":
            if char == "\\":
                self._next()
        source = self._pattern[start : self._at]
        first = source[1]
        found = re.compile(source)
        for probe in ([first] if first not in "^\\[" else []) + list(PROBES) + [chr(code) for code in range(33, 127)]:
            if found.fullmatch(probe):
                return probe
        raise _NotSimpleError

    def _escaped(self, char: str) -> str:
        if char in SPECIAL:
            return SPECIAL[char]
        if char in CONTROL:
            return CONTROL[char]
        if char in "bBAZ":
            return ""
        if char in {"u", "x"}:
            size = 4 if char == "u" else 2
            digits = self._pattern[self._at : self._at + size]
            self._at += size
            try:
                return chr(int(digits, 16))
            except ValueError:
                raise _NotSimpleError from None
        if char.isalnum():
            raise _NotSimpleError
        return char

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._peek()
        if not char:
            raise _NotSimpleError
        self._at += 1
        return char

    def _skip(self, char: str) -> bool:
        if self._peek() != char:
            return False
        self._at += 1
        return True

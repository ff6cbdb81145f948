"""Where a value of the configuration was written, so that an error can say so."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from ..errors import ConfigurationError
from .lines import KeyPath, lines
from .trust import distrust

__all__ = ["DICTIONARY", "NO_FILE", "Document", "Place", "Sourced"]

DICTIONARY: Final = "config"
NO_FILE: Final = "no file"


@frozen
class Sourced:
    """A variable, and the place that it comes from."""

    name: str
    value: str = field(repr=False)
    source: str

    def __str__(self) -> str:
        return f"{self.name} in {self.source}"


@define(eq=False, slots=False)
class Document:
    """What a configuration was read from.

    Attributes:
        name: what it is called: a file, `DICTIONARY` or `NO_FILE`.
        text: the text of the file; None where there is none.
        root: the table of the file that is the configuration.
        variables: the variables that set a value, by the path of that value.
        found: the file, where it was merely found in the working folder rather than named by the program.
        content: the bytes of that file.
        table: what all of it says, variables included.
    """

    name: str
    text: str | None = field(default=None, repr=False)
    root: KeyPath = ()
    variables: Mapping[KeyPath, Sourced] = field(factory=dict)
    found: Path | None = None
    content: bytes = field(default=b"", repr=False)
    table: Mapping[str, Any] = field(factory=dict, repr=False)

    @cached_property
    def distrust(self) -> str | None:
        """Why keys may not go where this says, or None where they may."""
        return None if self.found is None else distrust(self.found, self.content)

    def line(self, path: KeyPath) -> int | None:
        """The line of a value, or of the innermost table around it that was written."""
        path = (*self.root, *path)
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        return {} if self.text is None else lines(self.text)


@frozen
class Place:
    """A value of the configuration. Its text says where that was written: looked up when it is asked for, not before."""

    document: Document
    path: KeyPath = ()

    @classmethod
    def of(cls, where: Place | str) -> Place:
        """A place for something that no document holds, called by a text."""
        return where if isinstance(where, Place) else cls(Document(where))

    def __truediv__(self, key: str | int) -> Place:
        return Place(self.document, (*self.path, key))

    @property
    def key(self) -> str:
        """The path as errors write it: `middleware[0].use`."""
        return dotted(self.path)

    @property
    def variable(self) -> Sourced | None:
        """The variable that sets this value or the table around it, where one does."""
        variables = self.document.variables
        found = (variables.get(self.path[:length]) for length in range(len(self.path), 0, -1))
        return next(filter(None, found), None) if variables else None

    @property
    def origin(self) -> str:
        """Where the value was written, without its key: `jackfield.toml, line 7`."""
        if variable := self.variable:
            return str(variable)
        line = self.document.line(self.path)
        return self.document.name if line is None else f"{self.document.name}, line {line}"

    def __str__(self) -> str:
        document = self.document
        if self.variable or document.text is not None:
            return ": ".join(part for part in (self.origin, self.key) if part)
        name = "" if document.name == NO_FILE else document.name
        return name + (f".{self.key}" if name and self.key else self.key)

    def adopted(self, error: ConfigurationError) -> ConfigurationError:
        """An error about the value here or below, with its place before it. The error may name its key itself."""
        message = error.message
        if message.startswith(f"{self}"):
            return error
        own = self.key
        if own and message.startswith(own) and message[len(own) : len(own) + 1] in {".", "[", ":"}:
            rest, _, message = message[len(own) :].partition(": ")
            return ConfigurationError(f"{self._below(rest)}: {message}")
        return ConfigurationError(f"{self}: {message}")

    def _below(self, rest: str) -> Place:
        """The place that `.replies[0].text` leads to from here."""
        place = self
        for part in rest.replace("[", ".").replace("]", "").split("."):
            if part:
                place /= int(part) if part.isdigit() else part
        return place


def dotted(path: KeyPath) -> str:
    """A path as errors write it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text

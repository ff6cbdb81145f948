"""Where a value of the configuration was written, so that an error can say so."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from attrs import define, field, frozen

from ..errors import ConfigurationError, UntrustedError
from .lines import KeyPath, lines
from .trust import distrust

__all__ = ["DICTIONARY", "NO_FILE", "Document", "Place", "Sourced"]

DICTIONARY: Final = "config"
NO_FILE: Final = "no file"

T = TypeVar("T")


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
        table: what it says, as far as that is the configuration.
        content: the bytes of the file; None where there is none.
        root: the table of the file that is the configuration.
        found: the file, where it was merely found in the working folder rather than named by the program.
        variables: the variables that set a value, by the path of that value.
    """

    name: str
    table: Any = field(factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    root: KeyPath = ()
    found: Path | None = None
    variables: Mapping[KeyPath, Sourced] = field(factory=dict)

    @cached_property
    def distrust(self) -> str | None:
        """Why keys may not go where this says, or None where they may."""
        return None if self.found is None else distrust(self.found, self.content or b"")

    def line(self, path: KeyPath) -> int | None:
        """The line of a value, or of the innermost table around it that was written."""
        path = (*self.root, *path)
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        return {} if self.content is None else lines(self.content.decode("utf-8-sig"))


@frozen
class Place:
    """A value of the configuration. Its text says where that was written, which is looked up when it is asked for."""

    document: Document
    path: KeyPath = ()

    def __truediv__(self, key: str | int) -> Place:
        return Place(self.document, (*self.path, key))

    @property
    def key(self) -> str:
        """The path as errors write it: `middleware[0].use`."""
        return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).removeprefix(".")

    @property
    def variable(self) -> Sourced | None:
        """The variable that sets this value or the table around it, where one does."""
        find = self.document.variables.get
        return next(filter(None, (find(self.path[:length]) for length in range(len(self.path), -1, -1))), None)

    @property
    def origin(self) -> str:
        """Where the value was written, without its key: `jackfield.toml, line 7`."""
        line = self.document.line(self.path)
        return str(self.variable or (self.document.name if line is None else f"{self.document.name}, line {line}"))

    def __str__(self) -> str:
        if self.variable or self.document.content is not None:
            return f"{self.origin}: {self.key}" if self.key else self.origin
        return ".".join(part for part in (self.document.name, self.key) if part and part != NO_FILE)

    def error(self, message: str, cls: type[ConfigurationError] = ConfigurationError) -> ConfigurationError:
        """An error about the value here."""
        error = cls(f"{self}: {message}")
        error.key, error.variable = self.path, self.variable.name if self.variable else None
        return error

    def untrusted(self, what: str) -> ConfigurationError:
        """An error about what only a file may have that is trusted. `what` says what it is."""
        name = self.document.name
        return self.error(
            f"{what}, and {name} was merely found ({self.document.distrust}); if you know it, run `jackfield config "
            f"trust {name}`, or name it yourself (config=..., --config or JACKFIELD_CONFIG)",
            UntrustedError,
        )

    def of_text(self, make: Callable[..., T], text: str) -> T:
        """Make something of the text that stands here, with `make(text, name=...)`.

        Raises:
            ConfigurationError: it cannot be made.
        """
        try:
            return make(text, name=self.key)
        except ConfigurationError as error:
            raise self.adopted(error) from None

    def adopted(self, error: ConfigurationError, known: Container[str] = ()) -> ConfigurationError:
        """An error about the value here or below, with its place before it.

        The error may name its key itself: as this place does, or from here on, where that begins with a known one.
        """
        if error.key is not None:
            return error
        path, colon, message = error.message.partition(": ")
        absolute = path.removeprefix(self.key)[:1] in {"", ".", "["} and path.startswith(self.key or " ")
        parts = re.findall(r"[^.\[\]]+", path.removeprefix(self.key) if absolute else path)
        if not colon or not (absolute or (parts and parts[0] in known)):
            return self.error(error.message)
        return Place(self.document, (*self.path, *(int(one) if one.isdigit() else one for one in parts))).error(message)

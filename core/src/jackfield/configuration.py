"""What a configuration was read from: where each value was written, so that an error can say so, and who trusts it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Container, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from attrs import define, field, frozen

from .errors import ConfigurationError, UntrustedError

__all__ = ["DICTIONARY", "NO_FILE", "Document", "KeyPath", "Place", "Sourced", "state_folder", "trust_record"]

DICTIONARY: Final = "config"
NO_FILE: Final = "no file"

T = TypeVar("T")

KeyPath: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys of tables and indexes of arrays."""

# The quotes that end a text of several lines may be preceded by up to two that belong to it.
TOKEN: Final = re.compile(
    r"""[ \t\r]+|\#[^\n]*
    |\"{3}(?:[^\\]|\\.)*?\"{3,5}|'{3}.*?'{3,5}|"(?:[^"\\]|\\.)*"|'[^']*'
    |[][{},=\n]|[^][{},=\s\#"']+""",
    re.DOTALL | re.VERBOSE,
)
LONGEST: Final = 64 * 1024  # bytes of a record: a sum and a path
OTHERS_WRITE: Final = 0o022
STATE: Final = {"win32": ("LOCALAPPDATA", "AppData/Local"), "darwin": ("", "Library/Application Support")}


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
        return None if self.found is None else _distrust(self.found, self.content or b"")

    def line(self, path: KeyPath) -> int | None:
        """The line of a value, or of the innermost table around it that was written."""
        path = (*self.root, *path)
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        return {} if self.content is None else _lines_of(self.content.decode("utf-8-sig"))


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


# --- the lines of a TOML file, which the library's reader does not tell; the text was read before, and is valid


def _lines_of(text: str) -> dict[KeyPath, int]:
    """The line, from 1 on, where the statement of each key begins; a table has that of its header."""
    found: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}  # of the tables in each array of tables
    table: KeyPath = ()
    keys: list[str] = []
    brackets = depth = 0  # of a header; and of what is open inside a value
    line, begun, assigned = 1, 1, False
    for match in TOKEN.finditer(text + "\n"):
        part = match[0]
        if part == "\n" and not depth:
            path: KeyPath = () if brackets else table
            for number, key in enumerate(keys, start=1):
                path = (*path, key)
                headed = brackets if number == len(keys) else 0
                found[path] = begun if headed == 1 else found.get(path, begun)
                counts[path] = counts.get(path, 0) + (headed == 2)
                if counts[path]:
                    path = (*path, counts[path] - 1)
                    found.setdefault(path, begun)
            table, keys, brackets, assigned = path if brackets else table, [], 0, False
        elif assigned or part == "=":
            assigned = True
            depth += (part in {"[", "{"}) - (part in {"]", "}"})
        elif part[0] not in " \t\r#]\n":
            brackets += part == "["
            begun = begun if keys else line
            keys += [] if part == "[" else _keys(part)
        line += part.count("\n")
    return found


def _keys(part: str) -> list[str]:
    import tomllib

    return list(tomllib.loads(f"{part} = 0")) if part[0] in "\"'" else [key for key in part.split(".") if key]


# --- which files that were merely found are trusted all the same: by their content, as their user once said. Each has a
# record of its own in the user's state folder, a file of one line, as `sha256sum` writes it.


def state_folder() -> Path:
    """The folder for what Jackfield remembers about this user. It need not exist yet.

    Raises:
        ConfigurationError: the user has no home folder.
    """
    variable, below = STATE.get(sys.platform, ("XDG_STATE_HOME", ".local/state"))
    if (named := Path(os.environ.get(variable, ""))).is_absolute():
        return named / "jackfield"
    try:
        return Path.home() / below / "jackfield"
    except RuntimeError:
        raise ConfigurationError(f"there is no home folder to keep state in; set {variable or 'HOME'}") from None


def trust_record(file: Path, content: bytes) -> tuple[Path, bytes]:
    """The record that a file with this content is trusted: where it is kept, and what it says."""
    from hashlib import sha256  # it takes its time to import, and hardly anybody asks

    name = os.fsencode(file.resolve())
    record = state_folder() / "trusted" / sha256(name).hexdigest()
    return record, sha256(content).hexdigest().encode() + b"  " + name + b"\n"


def _distrust(file: Path, content: bytes) -> str | None:
    """Why a file with this content is not trusted, or None where it is."""
    try:
        record, expected = trust_record(file, content)
        with record.open("rb") as source:
            status = os.fstat(source.fileno())
            said = source.read(LONGEST)
    except FileNotFoundError:
        return "nobody has trusted it"
    except (ConfigurationError, OSError, ValueError) as error:
        return f"whether it is trusted cannot be read: {error}"
    if os.name == "posix" and (status.st_mode & OTHERS_WRITE or status.st_uid not in {os.getuid(), 0}):
        return f"others can write the record of its trust, {record}"
    if said == expected:
        return None
    changed = said[64:] == expected[64:]
    return "it changed since it was trusted" if changed else f"the record of its trust, {record}, is broken"

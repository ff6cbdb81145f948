"""Variables: the environment of the process, `.env.local` and `.env`; and which of them set a value of the file.

`JACKFIELD_TIMEOUTS__TOTAL` sets `timeouts.total`: two underscores go one table deeper.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import field, frozen

from .configuration import NO_FILE, Document, KeyPath, Place, Sourced
from .errors import ConfigurationError
from .settings import Written, nearest

__all__ = ["PROCESS", "Environment", "overlay", "read_environment"]

PROCESS: Final = "the environment"
PREFIX: Final = "JACKFIELD_"
# Variables of ours that set no value of the file, and the beginnings of whole families of them.
OTHERS: Final = ("JACKFIELD_CONFIG", "JACKFIELD_OFFLINE")
FAMILIES: Final = ("JACKFIELD_CLI_", "JACKFIELD_TEST_")


@frozen
class Environment:
    """Variables, from the strongest source to the weakest. What is empty counts as unset."""

    layers: tuple[tuple[str, Mapping[str, str | None]], ...] = field(repr=False)

    def get(self, name: str) -> Sourced | None:
        """A variable and where it was found."""
        for source, variables in self.layers:
            if value := variables.get(name):
                return Sourced(name, value, source)
        return None

    def ours(self) -> list[Sourced]:
        """The variables that set a value of the file, those of tables before those of what is in them."""
        names = {name for _, variables in self.layers for name in variables if name.startswith(PREFIX)}
        wanted = sorted(name for name in names if name not in OTHERS and not name.startswith(FAMILIES))
        return [found for name in wanted if (found := self.get(name))]


def read_environment(folder: Path | None) -> Environment:
    """The environment of the process, and the two files of a folder if there is one to look in.

    Raises:
        ConfigurationError: a file cannot be read, or has a line that is none.
    """
    files = () if folder is None else ((name, _dotenv(folder / name)) for name in (".env.local", ".env"))
    return Environment(((PROCESS, os.environ), *files))


def _dotenv(path: Path) -> Mapping[str, str | None]:
    if not path.is_file():
        return {}
    from dotenv.parser import parse_stream

    found: dict[str, str | None] = {}
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line in parse_stream(file):
                if line.error:
                    raise ConfigurationError(f"{path.name}, line {line.original.line}: expected NAME=value")
                if line.key is not None:
                    found[line.key] = line.value
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name}: cannot be read: {type(error).__name__}") from None
    return found


def overlay(document: Document, variables: list[Sourced], kinds: Mapping[str, Any], *, fill: bool) -> None:
    """Put variables into what a document says; the tables that it was made of stay as they are.

    Args:
        document: is changed.
        variables: what to put in.
        kinds: the keys of a configuration, and what each takes.
        fill: whether they only fill what the document leaves open.

    Raises:
        ConfigurationError: there is no such value to set.
    """
    table, used = dict(document.table), {}
    for variable in variables:
        place = Place(Document(NO_FILE, variables={(): variable}))
        parts = variable.name.removeprefix(PREFIX).split("__")
        if parts[0].lower() not in kinds or "" in parts:
            inner = {key: [one.alias for one in attrs.fields(kind)] for key, kind in kinds.items() if attrs.has(kind)}
            names = [*(kinds.keys() - inner), *(f"{key}__{one}" for key in inner for one in inner[key])]
            known = [*OTHERS, *(PREFIX + name.upper() for name in names)]
            raise place.error(f"no such variable; {nearest(variable.name, known)}")
        try:
            if path := _set(table, parts, Written(variable.value), fill=fill):
                used[path] = variable
        except LookupError:
            within = ".".join(parts[:-1]).lower()
            raise place.error(f"it sets nothing, as there is no table {within!r}") from None
    document.table, document.variables = table, used


def _set(node: Any, parts: list[str], value: Written, path: KeyPath = (), *, fill: bool) -> KeyPath | None:
    """Set one value; every table on the way is copied. Gives its path, or None where there was one to be kept."""
    key: Any = _key(node, parts[0])
    path = (*path, key)
    there = node[key] if isinstance(node, list) else node.get(key)
    if len(parts) == 1:
        if fill and there is not None:
            return None
        node[key] = value
        return path
    if isinstance(there, str) and path[:-1] == ("models",):
        there = {"target": there}
    elif there is None:
        there = {}
    elif not isinstance(there, Mapping | list | tuple):
        raise LookupError
    node[key] = dict(there) if isinstance(there, Mapping) else list(there)
    return _set(node[key], parts[1:], value, path, fill=fill)


def _key(node: Any, part: str) -> str | int:
    """The key that a part of a variable's name means: capitals and underscores stand for what is written otherwise."""
    if not isinstance(node, list):
        return next((key for key in node if _upper(key) == part), part.lower())
    uses = [_upper(item.get("use")) if isinstance(item, Mapping) else "" for item in node]
    if part.isdigit() and int(part) < len(node):
        return int(part)
    if uses.count(part) != 1:
        raise LookupError
    return uses.index(part)


def _upper(name: object) -> str:
    return "".join(char if char.isalnum() else "_" for char in str(name)).upper()

"""Variables: the environment of the process, `.env.local` and `.env`; and which of them set a value of the file.

`JACKFIELD_TIMEOUTS__TOTAL` sets `timeouts.total`: two underscores go one table deeper.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from ..errors import ConfigurationError
from ..settings import Written, nearest
from .lines import KeyPath
from .place import Sourced

__all__ = ["PROCESS", "Environment", "overlay", "read_environment", "upper"]

PROCESS: Final = "the environment"
DOTENV: Final = (".env.local", ".env")
PREFIX: Final = "JACKFIELD_"
# Variables of ours that set no value of the file, and the beginnings of whole families of them.
OTHERS: Final = ("JACKFIELD_CONFIG", "JACKFIELD_OFFLINE", "JACKFIELD_WIRE")
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
        names = {name for name in names if name not in OTHERS and not name.startswith(FAMILIES)}
        return [found for name in sorted(names) if (found := self.get(name))]


def read_environment(folder: Path | None) -> Environment:
    """The environment of the process, and the two files of a folder if there is one to look in.

    Raises:
        ConfigurationError: a file cannot be read, or has a line that is none.
    """
    files = () if folder is None else ((name, _dotenv(folder / name)) for name in DOTENV)
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


def overlay(
    table: Mapping[str, Any], variables: Iterable[Sourced], known: Mapping[str, Iterable[str]], *, fill: bool
) -> tuple[dict[str, Any], dict[KeyPath, Sourced], list[ConfigurationError]]:
    """Put variables into a configuration.

    Args:
        table: the configuration, which is left as it is.
        variables: what to put in.
        known: the keys of the whole configuration, each with the keys of its table as far as they are fixed.
        fill: whether they only fill what the configuration leaves open.

    Returns:
        The configuration with the variables in it, which variable each path has its value from, and what is wrong.
    """
    made: dict[str, Any] = dict(table)
    used: dict[KeyPath, Sourced] = {}
    problems = []
    for variable in variables:
        parts = variable.name.removeprefix(PREFIX).split("__")
        if parts[0].lower() not in known or "" in parts:
            names = [*OTHERS, *(f"{PREFIX}{upper(key)}" for key, inner in known.items() if not inner)]
            names += [f"{PREFIX}{upper(key)}__{upper(one)}" for key, inner in known.items() for one in inner]
            problems.append(ConfigurationError(f"{variable}: no such variable; {nearest(variable.name, names)}"))
            continue
        try:
            if path := _put(made, parts, Written(variable.value), fill=fill):
                used[path] = variable
        except ConfigurationError as error:
            problems.append(ConfigurationError(f"{variable}: {error.message}"))
    return made, used, problems


def _put(table: dict[str, Any], parts: list[str], value: Written, *, fill: bool) -> KeyPath | None:
    """Set one value; every table on the way is copied. None where the value is there and only gaps are filled."""
    node: Any = table
    path: KeyPath = ()
    for number, part in enumerate(parts):
        key = _key(node, part, path)
        path = (*path, key)
        there = None if isinstance(node, dict) and key not in node else node[key]
        if number == len(parts) - 1:
            if fill and there is not None:
                return None
            node[key] = value
            return path
        if isinstance(there, Mapping):
            node[key] = dict(there)
        elif isinstance(there, list | tuple):
            node[key] = list(there)
        elif there is None:
            node[key] = {}
        elif path[0] == "models" and len(path) == 2:
            node[key] = {"target": there}
        else:
            raise ConfigurationError(f"{part.lower()!r} is no table, and has nothing in it to set")
        node = node[key]
    return None


def _key(node: Any, part: str, path: KeyPath) -> str | int:
    """The key that a part of a variable's name means: capitals and underscores stand for what is written otherwise."""
    if isinstance(node, list):
        uses = [upper(str(item.get("use"))) if isinstance(item, Mapping) else "" for item in node]
        if part.isdigit() and int(part) < len(node):
            return int(part)
        if uses.count(part) == 1:
            return uses.index(part)
        raise ConfigurationError(f"none of the {path[-1]}, or several, are {part.lower()!r}; name one by its number")
    names: Iterable[str] = node
    if path == ("providers",) and "_" in part:
        from importlib.metadata import entry_points

        names = [*node, *entry_points(group="jackfield.providers").names]
    return next((name for name in names if upper(str(name)) == part), part.lower())


def upper(name: str) -> str:
    """A name as it stands in a variable's name."""
    return "".join(char if char.isalnum() else "_" for char in name).upper()

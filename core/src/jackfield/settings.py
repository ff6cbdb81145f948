"""Turns what is written, in a table or a variable, into attrs classes; errors name the place and what would be right.

Variables are those of the process, of `.env.local` and of `.env`. `JACKFIELD_TIMEOUTS__TOTAL` sets `timeouts.total`:
two underscores go one table deeper.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

import attrs
from attrs import frozen

from .configuration import NO_FILE, Document, KeyPath, Place, Sourced
from .endpoint import Secret
from .errors import ConfigurationError

__all__ = ["PROCESS", "Environment", "Written", "check_keys", "meant", "nearest", "overlay", "read", "read_environment"]
__all__ += ["shown", "structure"]

PROCESS: Final = "the environment"
PREFIX: Final = "JACKFIELD_"
# Variables of ours that set no value of the file, and the beginnings of whole families of them.
OTHERS: Final = ("JACKFIELD_CONFIG", "JACKFIELD_OFFLINE", "JACKFIELD_RECORD")
FAMILIES: Final = ("JACKFIELD_CLI_", "JACKFIELD_TEST_")
QUOTED: Final = 15
SEQUENCES: Final = (tuple, list, Sequence, set, frozenset)
MAPPINGS: Final = (dict, Mapping)
UNIONS: Final = (UnionType, Union)

C = TypeVar("C", bound=attrs.AttrsInstance)


class Written(str):
    """A value from a variable: text, or whatever else the field that it fills takes."""

    __slots__ = ()


def nearest(name: str, known: Iterable[str]) -> str:
    """Half a sentence that helps whoever mistyped a name."""
    from difflib import get_close_matches

    known = sorted(known)
    if close := get_close_matches(name, known, n=1, cutoff=0.65):
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(known)}" if known else "there is none"


def shown(value: object) -> str:
    """A wrong value, as an error may quote it: a long text or a table may hold a key that was misplaced."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str) and len(value) > QUOTED:
        return f"a text of {len(value)} characters"
    return "***" if isinstance(value, Secret) else repr(value)


def check_keys(raw: object, known: Iterable[str], where: Place) -> Mapping[str, Any]:
    """Give back a table that has no key beside the known ones.

    Raises:
        ConfigurationError: names the key and the nearest valid one.
    """
    if not isinstance(raw, Mapping):
        raise where.error(f"expected a table, got {shown(raw)}")
    known = set(known)
    for key in raw:
        if key not in known:
            raise (where / key).error(f"no such key; {nearest(str(key), known)}")
    return raw


def structure(cls: type[C], raw: Mapping[str, Any], where: Place | str) -> C:
    """Make an instance of an attrs class from a table; None is the same as not being there.

    Raises:
        ConfigurationError: a key is unknown or missing, or a value has the wrong type.
    """
    where = where if isinstance(where, Place) else Place(Document(where))
    attrs.resolve_types(cls)
    fields = {field.alias: field for field in attrs.fields(cls) if field.init}
    check_keys(raw, fields, where)
    values = {}
    for key, field in fields.items():
        if raw.get(key) is not None:
            values[key] = read(raw[key], field.type, where / key)
        elif field.default is attrs.NOTHING:
            raise (where / key).error(f"missing; expected {_words(field.type)}")
    try:
        return cls(**values)
    except ConfigurationError as error:
        raise where.adopted(error, fields) from None
    except (TypeError, ValueError) as error:  # of the validators that attrs brings; they quote the value
        quotes = any(len(str(value)) > QUOTED and str(value) in str(error) for value in values.values())
        raise where.error(f"a value is refused by {type(error).__name__}" if quotes else error.args[0]) from None


def read(value: Any, kind: Any, where: Place) -> Any:
    """Read one value as what its field takes: nothing is converted, as a configuration means what it says.

    A field takes text, numbers, true and false, `Secret`, `Any`, a Literal, an attrs class, what TOML has for dates and
    times, and lists, tables and unions of these.

    Raises:
        ConfigurationError: it is something else.
    """
    if isinstance(value, Written) and kind not in {None, Any}:
        value = str(value) if _fits(str(value), kind) else meant(value)
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in UNIONS:
        kinds = [one for one in inner if one is not NoneType]
        fitting = kinds if len(kinds) == 1 else [one for one in kinds if _fits(value, one)]
        if not fitting and isinstance(value, Mapping):
            fitting = [one for one in kinds if attrs.has(one)]  # its error says which key is wrong
        if fitting:
            return read(value, fitting[0], where)
    elif origin in SEQUENCES and inner[1:] in {(), (...,)} and isinstance(value, list | tuple):
        items = [read(item, inner[0] if inner else Any, where / index) for index, item in enumerate(value)]
        return tuple(items) if origin is Sequence else origin(items)
    elif origin in MAPPINGS and isinstance(value, Mapping):
        return {key: read(item, inner[1] if inner else Any, where / key) for key, item in value.items()}
    elif attrs.has(origin) and isinstance(value, Mapping):
        return structure(kind, value, where)
    elif kind is Secret and isinstance(value, str):
        return where.of_text(Secret, value)
    elif _is(value, kind, inner) or (kind is float and _is(value, int, ())):
        return float(value) if kind is float else value
    raise where.error(f"expected {_words(kind)}, got {shown(value)}")


def _is(value: object, kind: Any, choice: tuple[Any, ...]) -> bool:
    if kind in {None, Any} or get_origin(kind) is Literal:
        return value in choice or not choice
    # true is a number to Python, and to nobody else
    return isinstance(kind, type) and isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _fits(value: object, kind: Any) -> bool:
    try:
        read(value, kind, Place(Document("")))
    except ConfigurationError:
        return False
    return True


def meant(text: Written) -> Any:
    """What a variable says where no field tells its type: a number, a truth value, a list or a table, else text."""
    import tomllib

    try:
        table = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return str(text)
    return table["value"] if len(table) == 1 else str(text)


def _words(kind: Any) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Secret: "text"}
    origin = get_origin(kind) or kind
    if kind in names:
        return names[kind]
    if origin in UNIONS:
        return " or ".join(_words(one) for one in get_args(kind) if one is not NoneType)
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if origin in SEQUENCES:
        return "a list"
    return "a table" if origin in MAPPINGS or attrs.has(origin) else f"a {getattr(kind, '__name__', kind)}"


# --- variables


@frozen
class Environment:
    """Variables, from the strongest source to the weakest. What is empty counts as unset."""

    layers: tuple[tuple[str, Mapping[str, str | None]], ...] = attrs.field(repr=False)

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
            raise place.error(f"it sets nothing, as there is no table {'.'.join(parts[:-1]).lower()!r}") from None
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

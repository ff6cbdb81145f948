"""Turns a table of the configuration into an attrs class, with errors that name the place and what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

import attrs
from cattrs import Converter

from .configuration.place import Place
from .endpoint import Secret
from .errors import ConfigurationError

__all__ = ["Written", "examine", "meant", "nearest", "read", "shown", "structure", "unknown_keys"]

QUOTED: Final = 15
SEQUENCES: Final = (tuple, list, Sequence, set, frozenset)
UNIONS: Final = (UnionType, Union)

C = TypeVar("C", bound=attrs.AttrsInstance)


class Written(str):
    """A value from a variable: text, or whatever else the field that it fills takes."""

    __slots__ = ()


def nearest(name: str, known: Iterable[str]) -> str:
    """Half a sentence that helps whoever mistyped a name."""
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


def unknown_keys(raw: Mapping[str, Any], known: Iterable[str], where: Place) -> list[ConfigurationError]:
    """An error for each key of a table that is not among those known, with the nearest that is."""
    known = set(known)
    return [
        ConfigurationError(f"{where / key}: no such key; {nearest(str(key), known)}") for key in raw if key not in known
    ]


def structure(cls: type[C], raw: Mapping[str, Any], where: Place | str) -> C:
    """Make an instance of an attrs class from a table; None is the same as not being there.

    Raises:
        ConfigurationError: a key is unknown or missing, or a value has the wrong type.
    """
    problems: list[ConfigurationError] = []
    made = examine(cls, raw, Place.of(where), problems)
    if problems:
        raise problems[0]
    return made


def examine(cls: type[Any], raw: object, where: Place, problems: list[ConfigurationError]) -> Any:
    """Do what `structure` does, and add all that is wrong to `problems`. What it gives is of use where there is none."""
    if not isinstance(raw, Mapping):
        return _wrong(raw, "a table", where, problems)
    attrs.resolve_types(cls)
    fields = {field.alias: field for field in attrs.fields(cls) if field.init}
    found = unknown_keys(raw, fields, where)
    values = {}
    for key, field in fields.items():
        if raw.get(key) is not None:
            values[key] = read(raw[key], field.type, where / key, found)
        elif field.default is attrs.NOTHING:
            found.append(ConfigurationError(f"{where / key}: missing; expected {_words(field.type)}"))
    problems += found
    if found:
        return None
    try:
        return cls(**values)
    except ConfigurationError as error:
        key, colon, rest = error.message.partition(": ")
        problems.append(
            ConfigurationError(f"{where / key}: {rest}" if colon and key in fields else f"{where}: {error}")
        )
    except (TypeError, ValueError) as error:  # of the validators that attrs brings
        long = any(str(value) in str(error) for value in values.values() if len(str(value)) > QUOTED)
        problems.append(ConfigurationError(f"{where}: {'a value is refused' if long else error.args[0]}"))
    return None


def read(value: object, kind: Any, where: Place, problems: list[ConfigurationError]) -> Any:
    """Read one value as what its field takes; what is wrong is added to `problems`."""
    if isinstance(value, Written):
        value = _typed(value, kind)
    if kind in {None, Any}:
        return value
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in UNIONS:
        return _read_union(value, kind, where, problems)
    if origin in SEQUENCES and isinstance(value, str):
        return _wrong(value, "a list", where, problems)  # a text is a sequence of its letters, and never meant as one
    if origin in SEQUENCES and isinstance(value, list | tuple) and inner[1:] in {(), (...,)} and inner:
        items = [read(item, inner[0], where / index, problems) for index, item in enumerate(value)]
        return tuple(items) if origin is Sequence else origin(items)
    if origin in {dict, Mapping} and isinstance(value, Mapping) and len(inner) == 2:
        return {key: read(item, inner[1], where / key, problems) for key, item in value.items()}
    if isinstance(kind, type) and attrs.has(kind):
        return value if isinstance(value, kind) else examine(kind, value, where, problems)
    try:
        return _converter().structure(value, kind)
    except ConfigurationError as error:
        problems.append(ConfigurationError(f"{where}: {error.message}"))
    except Exception:  # noqa: BLE001 - cattrs raises whatever a hook raises, and groups of it
        _wrong(value, _words(kind), where, problems)
    return None


def meant(text: Written) -> Any:
    """What a variable says where no field tells its type: a number, a truth value, a list or a table, else text."""
    import tomllib

    try:
        table = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return str(text)
    return table["value"] if len(table) == 1 else str(text)


def _typed(text: Written, kind: Any) -> Any:
    problems: list[ConfigurationError] = []
    read(str(text), kind, Place.of(""), problems)
    return meant(text) if problems else str(text)


def _read_union(value: object, kind: Any, where: Place, problems: list[ConfigurationError]) -> Any:
    """What the first kind that fits makes of a value."""
    found: list[list[ConfigurationError]] = []
    for one in get_args(kind):
        if one is NoneType:
            continue
        found.append([])
        made = read(value, one, where, found[-1])
        if not found[-1]:
            return made
    if len(found) == 1:
        problems += found[0]
        return None
    return _wrong(value, _words(kind), where, problems)


def _wrong(value: object, expected: str, where: Place, problems: list[ConfigurationError]) -> None:
    problems.append(ConfigurationError(f"{where}: expected {expected}, got {shown(value)}"))


def _words(kind: Any) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Secret: "text"}
    origin = get_origin(kind) or kind
    if kind in names:
        return names[kind]
    if origin in SEQUENCES:
        return "a list"
    if origin in UNIONS:
        return " or ".join(_words(one) for one in get_args(kind) if one is not NoneType)
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if origin in {dict, Mapping} or attrs.has(origin):
        return "a table"
    return f"a {kind.__name__}" if isinstance(kind, type) else str(kind)


@cache
def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    # cattrs would make a number of "5" and of true: a configuration means what it says
    for kind, accepted in ((str, str), (int, int), (float, (int, float)), (bool, bool)):
        converter.register_structure_hook(kind, _exactly(kind, accepted))
    converter.register_structure_hook(
        Secret, lambda value, _: value if isinstance(value, Secret) else Secret(_text(value))
    )
    return converter


def _exactly(kind: type[Any], accepted: Any) -> Any:
    def check(value: object, _: object) -> object:
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise TypeError
        return kind(value)

    return check


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value

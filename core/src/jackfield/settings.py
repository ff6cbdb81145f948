"""Turns a table of the configuration into an attrs class, with errors that name the place and what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

import attrs

from .configuration import Document, Place
from .endpoint import Secret
from .errors import ConfigurationError

__all__ = ["Written", "check_keys", "meant", "nearest", "read", "shown", "structure"]

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

"""Turns a table of the configuration into an attrs class, with errors that name the key and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, TypeVar, Union, get_args, get_origin

import attrs

from .endpoint import Secret
from .errors import ConfigurationError

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["check_keys", "nearest", "shown", "structure"]

QUOTED: Final = 15
SEQUENCES: Final = (tuple, list, Sequence, set, frozenset)

C = TypeVar("C", bound=attrs.AttrsInstance)


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


def check_keys(raw: object, known: Iterable[str], prefix: str) -> Mapping[str, Any]:
    """Give back a table that has no key beside the known ones; `prefix` stands before a key in an error.

    Raises:
        ConfigurationError: names the key and the nearest valid one.
    """
    if not isinstance(raw, Mapping):
        raise ConfigurationError(f"{prefix.rstrip('.: ')}: expected a table, got {shown(raw)}")
    known = set(known)
    for key in raw:
        if key not in known:
            raise ConfigurationError(f"{prefix}{key}: no such key; {nearest(str(key), known)}")
    return raw


def structure(cls: type[C], raw: Mapping[str, Any], where: str) -> C:
    """Make an instance of an attrs class from a table; None is the same as not being there.

    Raises:
        ConfigurationError: a key is unknown or missing, or a value has the wrong type.
    """
    attrs.resolve_types(cls)
    fields = {field.alias: field for field in attrs.fields(cls) if field.init}
    check_keys(raw, fields, f"{where}.")
    values = {}
    for key, field in fields.items():
        if raw.get(key) is None:
            if field.default is attrs.NOTHING:
                raise ConfigurationError(f"{where}.{key}: missing; expected {_words(field.type)}")
            continue
        values[key] = _value(raw[key], field.type, f"{where}.{key}")
    try:
        return cls(**values)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}.{error.message}") from None


def _value(value: object, kind: Any, where: str) -> object:
    try:
        if isinstance(value, str) and get_origin(kind) in SEQUENCES:
            raise TypeError  # a text is a sequence too, of its letters, and is never meant as one
        plain = PLAIN.get(_one(kind))
        return plain(value) if plain is not None else _converter().structure(value, kind)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error.message}") from None
    except Exception:  # noqa: BLE001 - cattrs raises whatever a hook raises, and groups of it
        raise ConfigurationError(f"{where}: expected {_words(kind)}, got {shown(value)}") from None


def _words(kind: Any) -> str:
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false", Secret: "text"}
    if kind in names:
        return names[kind]
    if get_origin(kind) in SEQUENCES:
        return "a list"
    if get_origin(kind) in {UnionType, Union}:
        return " or ".join(_words(one) for one in get_args(kind) if one is not NoneType)
    return f"a {kind.__name__}" if isinstance(kind, type) else str(kind)


def _one(kind: Any) -> Any:
    """The kind that a field takes beside None, where it takes one."""
    kinds = [one for one in get_args(kind) if one is not NoneType]
    return kinds[0] if get_origin(kind) in {UnionType, Union} and len(kinds) == 1 else kind


def _exactly(kind: type[Any], accepted: Any) -> Callable[[object], object]:
    def check(value: object) -> object:
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise TypeError
        return kind(value)

    return check


def _secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise TypeError
    return Secret(value)


# a configuration means what it says: no number is made of "5" or of true
PLAIN: Final[Mapping[Any, Callable[[object], object]]] = {
    str: _exactly(str, str),
    int: _exactly(int, int),
    float: _exactly(float, (int, float)),
    bool: _exactly(bool, bool),
    Secret: _secret,
}


def _hook(check: Callable[[object], object]) -> Callable[[object, object], object]:
    return lambda value, _: check(value)


@cache
def _converter() -> Converter:
    from cattrs import Converter  # most settings are plain, and importing it takes as long as reading them all

    converter = Converter(forbid_extra_keys=True)
    for kind, check in PLAIN.items():
        converter.register_structure_hook(kind, _hook(check))
    return converter

"""Checks of settings. Each raises a ConfigurationError that begins with the key, and says what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import NOTHING, AttrsInstance, fields

from jackfield.errors import ConfigurationError

__all__ = ["SECONDS", "WHOLE", "at_least", "boolean", "from_table", "instance", "items", "known", "listed", "nearest"]
__all__ += ["one_of", "optional", "share", "textual"]

C = TypeVar("C", bound=AttrsInstance)


def nearest(name: str, known: Iterable[str]) -> str:
    """Half a sentence that helps whoever mistyped a name."""
    from difflib import get_close_matches  # only who mistypes pays for it

    known = sorted(known)
    close = get_close_matches(name, known, n=1, cutoff=0.65)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


def from_table(cls: type[C], value: Mapping[Any, Any], where: str) -> C:
    """An instance of an attrs class from a table that a program wrote.

    Raises:
        ConfigurationError: a key is unknown or missing, or a value is wrong.
    """
    known = {one.alias: one for one in fields(cls)}
    for key in value:
        if key not in known:
            raise ConfigurationError(f"{where}.{key}: no such key; {nearest(str(key), known)}")
    for key, one in known.items():
        if key not in value and one.default is NOTHING:
            raise ConfigurationError(f"{where}.{key}: missing")
    try:
        return cls(**value)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}.{error.message}") from None


def instance(cls: type[C], value: Any, where: str) -> C | None:
    """None, an instance of an attrs class, or one that is made from a table.

    Raises:
        ConfigurationError: it is something else, or the table is wrong.
    """
    if isinstance(value, Mapping):
        return from_table(cls, value, where)
    if value is None or isinstance(value, cls):
        return value
    raise ConfigurationError(f"{where}: expected a {cls.__name__} or a table, got {value!r}")


def _wrong(attribute: Any, what: str, value: object) -> ConfigurationError:
    return ConfigurationError(f"{attribute.alias}: expected {what}, got {value!r}")


def textual(_: object, attribute: Any, value: Any) -> None:
    """Text."""
    if not isinstance(value, str):
        raise _wrong(attribute, "text", value)


def boolean(_: object, attribute: Any, value: object) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise _wrong(attribute, "true or false", value)


def at_least(low: float, what: str, kind: type[Any] | tuple[type[Any], ...] = (int, float)) -> Any:
    """A finite number with a lower bound."""

    def check(_: object, attribute: Any, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, kind) or not low <= value < float("inf"):
            raise _wrong(attribute, what, value)

    return check


SECONDS = at_least(0, "seconds of at least 0")
WHOLE = at_least(0, "a whole number of at least 0", int)


def share(_: object, attribute: Any, value: Any) -> None:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _wrong(attribute, "a number from 0 to 1", value)


def one_of(*words: str) -> Any:
    """One of several words."""

    def check(_: object, attribute: Any, value: object) -> None:
        if value not in words:
            raise _wrong(attribute, f"one of {', '.join(words)}", value)

    return check


def known(words: Iterable[str], what: str) -> Any:
    """One of so many words that an error names the nearest alone."""
    words = frozenset(words)

    def check(_: object, attribute: Any, value: Any) -> None:
        textual(_, attribute, value)
        if value not in words:
            raise ConfigurationError(f"{attribute.alias}: {value!r} is no {what}; {nearest(value, words)}")

    return check


def listed(words: Iterable[str], what: str) -> Any:
    """A list of such words."""
    check = known(words, what)

    def checked(instance: object, attribute: Any, value: object) -> None:
        for word in items(value, attribute.alias, str, "text"):
            check(instance, attribute, word)

    return checked


def optional(check: Any) -> Any:
    """None, or what the check lets pass."""

    def checked(instance: object, attribute: Any, value: object) -> None:
        if value is not None:
            check(instance, attribute, value)

    return checked


def items(value: Any, key: str, kind: type[Any] | tuple[type[Any], ...] = object, what: str = "") -> Sequence[Any]:
    """The items of a list, each of a kind.

    Raises:
        ConfigurationError: it is no list, or an item is of another kind.
    """
    if isinstance(value, str | bytes | bytearray) or not isinstance(value, Sequence):
        raise ConfigurationError(f"{key}: expected a list, got {value!r}")
    found = tuple(value)
    for index, item in enumerate(found):
        if not isinstance(item, kind):
            raise ConfigurationError(f"{key}[{index}]: expected {what}, got {item!r}")
    return found

"""Plain values of JSON: which there are, what they are in Python, and how a value is made of them."""

from __future__ import annotations

import base64
import math
import re
import reprlib
import sys
from collections.abc import Callable, Collection, Mapping, Set as AbstractSet
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from types import NoneType
from typing import Any, Final, NamedTuple, get_origin
from uuid import UUID

from jackfield.errors import BadRequestError
from jackfield.http import write_json

from ._members import members_of, named

DECIMAL: Final = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,9})?$"
BASE64: Final = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

_repr: Final = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = 60


class Misfit(Exception):  # noqa: N818 - it never leaves this room
    """Something is not what it should be. `path` leads to it, from the inside out."""

    def __init__(self, text: str, *path: Any) -> None:
        super().__init__(text)
        self.text = text
        self.path = path

    def __str__(self) -> str:
        steps = (f".{one}" if str(one).isidentifier() else f"[{one!r}]" for one in reversed(self.path))
        return ": ".join(part for part in ("".join(steps).removeprefix("."), self.text) if part)


def unexpected(words: str, value: object) -> Misfit:
    """The error for a value that is something else, which it quotes, shortened."""
    return Misfit(f"expected {words}, got {_repr.repr(value)}")


def inside(step: Any, work: Callable[..., Any], *arguments: Any) -> Any:
    """Do the work on what is found at this step; a misfit says that it was there."""
    try:
        return work(*arguments)
    except Misfit as error:
        raise Misfit(error.text, *error.path, step) from error.__cause__


# --- texts, numbers and what is written as one ------------------------------------------------------------------


class Scalar(NamedTuple):
    """A type that is one plain value in JSON: its words in an error, its schema, and both ways between the two."""

    words: str
    body: Mapping[str, str]
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


def _exactly(kind: Any) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TypeError
        return value

    return check


def _number(value: Any) -> float:
    number = float(_exactly(int | float)(value))
    if not math.isfinite(number):
        raise ValueError
    return number


def _whole(value: Any) -> int:
    # JSON has one kind of number, and 5.0 is a whole one
    number = int(_exactly(int | float)(value))
    if number != value:
        raise ValueError
    return number


def _matching(pattern: str, parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(text: Any) -> Any:
        if not re.fullmatch(pattern, str(text)):
            raise ValueError
        return parse(text)

    return read


def _text(words: str, parse: Callable[[str], Any], write: Callable[[Any], Any] = str, **body: str) -> Scalar:
    return Scalar(words, {"type": "string", **body}, lambda value: parse(_exactly(str)(value)), write)


# a subclass stands before its base
SCALARS: Final[Mapping[Any, Scalar]] = {
    NoneType: Scalar("null", {"type": "null"}, _exactly(NoneType), lambda value: value),
    bool: Scalar("true or false", {"type": "boolean"}, _exactly(bool), bool),
    int: Scalar("a whole number", {"type": "integer"}, _whole, int),
    float: Scalar("a number", {"type": "number"}, _number, _number),
    str: _text("a text", str),
    datetime: _text(
        "a date and time", _matching(".{11,}", datetime.fromisoformat), datetime.isoformat, format="date-time"
    ),
    date: _text("a date", date.fromisoformat, date.isoformat, format="date"),
    time: _text("a time", time.fromisoformat, time.isoformat, format="time"),
    UUID: _text("a UUID", UUID, format="uuid"),
    Decimal: _text("a decimal number as a text", _matching(DECIMAL, Decimal), _matching(DECIMAL, str), pattern=DECIMAL),
    Path: _text("a path", Path),
    PurePath: _text("a path", PurePath),
    bytes: _text(
        "bytes in base64",
        _matching(BASE64, base64.b64decode),
        lambda value: base64.b64encode(value).decode(),
        contentEncoding="base64",
        pattern=BASE64,
    ),
}


def dump(value: Any) -> Any:
    """Write a value of any type that has a schema as JSON: texts, numbers, lists, dictionaries.

    What a dataclass takes as an `InitVar` it does not keep, so that is read and not written.

    Raises:
        BadRequestError: it holds something that JSON cannot carry; names the field.
    """
    try:
        return _dump(value)
    except (Misfit, RecursionError) as error:
        raise BadRequestError(f"{named(type(value))} cannot be written as JSON: {error}") from error.__cause__


def _dump(value: Any) -> Any:
    value = value.value if isinstance(value, Enum) else value
    for kind, scalar in SCALARS.items():
        if isinstance(value, kind):
            try:
                return scalar.write(value)
            except ValueError:
                raise Misfit(f"JSON has no {value}") from None
    if library := library_of(type(value)):
        return _dump(foreign_dump(library, value))
    cls: Any = type(value)
    members = members_of(cls)
    if members is not None:
        return {one.key: inside(one.key, _dump, getattr(value, one.name)) for one in members if one.kept}
    if isinstance(value, Mapping):
        return {inside(key, _dump_key, key): inside(key, _dump, item) for key, item in value.items()}
    if isinstance(value, Collection):
        items = [inside(index, _dump, item) for index, item in enumerate(value)]
        # the order of a set differs from run to run, and the same value must give the same bytes
        return sorted(items, key=write_json) if isinstance(value, AbstractSet) else items
    raise unexpected("a value of JSON or of a class with fields", value)


def _dump_key(key: Any) -> str:
    plain = _dump(key)
    if not isinstance(plain, str):
        raise unexpected("a text as key", key)
    return plain


# --- classes of pydantic and msgspec, which their own libraries describe, read and write -------------------------


def library_of(kind: Any) -> Any:
    """The library whose class this is, or None. Whoever has such a class has imported its library; we never do."""
    cls = get_origin(kind) or kind
    for name, base in (("pydantic", "BaseModel"), ("msgspec", "Struct")):
        library = sys.modules.get(name)
        if library is not None and isinstance(cls, type) and issubclass(cls, getattr(library, base)):
            return library
    return None


def foreign_schema(library: Any, kind: Any, place: str) -> dict[str, Any]:
    """The library's own schema, whose definitions stand at a place.

    Raises:
        BadRequestError: a type in it has no schema.
    """
    try:
        if library.__name__ == "pydantic":
            return dict(kind.model_json_schema(ref_template=f"{place}{{model}}"))
        return dict(library.json.schema(kind, ref_template=f"{place}{{name}}"))
    except (TypeError, RuntimeError, NameError) as error:
        raise BadRequestError(f"{named(kind)} has no JSON Schema: {error}") from error


def foreign_read(library: Any, kind: Any, value: Any) -> Any:
    """The value as the library reads it, as strictly as the class says."""
    try:
        if library.__name__ == "pydantic":
            return kind.model_validate_json(write_json(value))
        return library.convert(value, kind)
    except library.ValidationError as error:
        if library.__name__ == "msgspec":
            raise Misfit(str(error)) from error
        first = error.errors(include_url=False, include_context=False)[0]
        raise Misfit(f"{first['msg']}, got {_repr.repr(first['input'])}", *reversed(first["loc"])) from error
    except Exception as error:  # a class may check its values and raise what it likes
        raise Misfit(f"{named(kind)} cannot be made of it: {type(error).__name__}: {error}") from error


def foreign_dump(library: Any, value: Any) -> Any:
    """What the library makes of a value for JSON."""
    try:
        if library.__name__ == "pydantic":
            return value.model_dump(mode="json", by_alias=True)
        return library.to_builtins(value, str_keys=True)
    except (TypeError, ValueError) as error:
        raise Misfit(str(error)) from error

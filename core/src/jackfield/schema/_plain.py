"""Python values as JSON."""

from __future__ import annotations

import base64
import math
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from ..errors import BadRequestError
from ..http import write_json
from ._foreign import foreign_of
from ._members import members_of
from ._misfit import Misfit, inside, shown

__all__ = ["dump"]


def dump(value: Any) -> Any:
    """Write a value of any type that has a schema as JSON: texts, numbers, lists, dictionaries.

    Raises:
        BadRequestError: it holds something that JSON cannot carry; names the field.
    """
    try:
        return _dump(value)
    except Misfit as error:
        raise BadRequestError(f"{type(value).__name__} cannot be written as JSON: {error}") from error.__cause__
    except RecursionError:
        raise BadRequestError(f"{type(value).__name__} cannot be written as JSON: it is nested too deeply") from None


def _dump(value: Any) -> Any:
    if value is None or type(value) in {bool, int, str}:
        return value
    if isinstance(value, Enum):
        return _dump(value.value)
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        raise Misfit(f"JSON has no {value}")
    for kind, write in WRITERS:
        if isinstance(value, kind):
            return write(value)
    return _dump_parts(value)


def _dump_parts(value: Any) -> Any:
    cls: Any = type(value)
    if foreign := foreign_of(cls):
        try:
            return _dump(foreign.dump(value))
        except (TypeError, ValueError) as error:
            raise Misfit(str(error)) from error
    members = members_of(cls)
    if members is not None:
        return {one.key: inside(one.key, _dump, getattr(value, one.name)) for one in members}
    if isinstance(value, Mapping):
        return {_key(key): inside(str(key), _dump, item) for key, item in value.items()}
    if isinstance(value, Collection):
        items = [inside(index, _dump, item) for index, item in enumerate(value)]
        # the order of a set differs from run to run, and the same value must give the same bytes
        return sorted(items, key=write_json) if isinstance(value, AbstractSet) else items
    raise Misfit(f"expected a value of JSON or of a class with fields, got {shown(value)}")


def _key(key: Any) -> str:
    plain = _dump(key)
    if not isinstance(plain, str):
        raise Misfit(f"a key of a JSON object is a text, not {shown(key)}")
    return plain


# a datetime is a date too, and a subclass of str or int becomes what it is in JSON
WRITERS: Final[tuple[tuple[Any, Any], ...]] = (
    (str, str),
    (int, int),
    (float, float),
    ((date, time), lambda value: value.isoformat()),
    ((UUID, Decimal, PurePath), str),
    (bytes, lambda value: base64.b64encode(value).decode()),
)

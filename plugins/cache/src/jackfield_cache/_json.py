"""JSON as entries hold it: exact, in one line, and in whichever form is the quickest."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, Final

from msgspec import Raw
from msgspec.json import Decoder, Encoder

__all__ = ["SAFE", "dumps", "is_json", "loads", "written"]

SAFE: Final = frozenset({str, int, bool, type(None)})  # a float may be no number, for which JSON has no word


def _plain(value: Any) -> Any:
    if isinstance(value, str):  # a word of a program's own, in what is said of a call
        return str.__str__(value)
    raise TypeError(f"a {type(value).__qualname__} cannot be written")


_encode = Encoder(enc_hook=_plain).encode
_decode = Decoder().decode


def _odd(value: Any) -> Any:
    return _lossless(bytes(value)) if isinstance(value, Raw) else repr(value)


def _lossless(data: bytes) -> Any:
    return json.loads(data.decode("utf-8", "surrogatepass"))


_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_odd).encode


def written(value: Any) -> Raw:
    """A value as it is now, to stand in another that is written later; see `dumps`."""
    return Raw(dumps(value))


def dumps(value: Any) -> bytes:
    """A value as JSON, where it is of what JSON can hold; see `is_json`.

    Raises:
        TypeError: it is of something else. So may a ValueError or a RecursionError say.
    """
    try:
        return _encode(value)
    except UnicodeEncodeError:  # half of a pair of surrogates, as where a stream was cut in an escaped character
        return _text(value).encode("utf-8", "surrogatepass")


def loads(data: bytes) -> Any:
    """The value of JSON.

    Raises:
        ValueError: it is none. So may a RecursionError say.
    """
    try:
        return _decode(data)
    except UnicodeDecodeError:
        return _lossless(data)


def is_json(value: Any) -> bool:
    """Whether a list or a dictionary comes back from JSON as it is."""
    if type(value) is dict:
        for key in value:
            if type(key) is not str:
                return False
        value = value.values()
    elif type(value) is not list:
        return False
    for item in value:
        kind = type(item)
        if kind not in SAFE and not (isfinite(item) if kind is float else is_json(item)):
            return False
    return True

"""An entry as bytes: a line that says what it is, and lines of JSON.

The first of these has the facts and the events, the second what people may see of the request, and the others have the
raw payload of each event.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from math import isfinite
from typing import Final, NamedTuple

import attrs

from jackfield.operations import Notice

from ._codec import Script
from ._json import dumps, loads

__all__ = ["BadEntryError", "Entry", "Facts", "pack", "unpack"]

MAGIC: Final = "jackfield-cache"
VERSION: Final = 2


class BadEntryError(Exception):
    """Bytes that are no entry, or not the one that was asked for."""


class Facts(NamedTuple):
    """What an entry says of itself.

    Attributes:
        key: the whole key that it was kept under.
        operation: the name of the operation.
        targets: the targets that the request named, in order.
        namespace: the namespaces that it belongs to.
        created: when, in seconds since 1970.
        ttl: for how many seconds it is good; None is for ever.
        took: how many seconds the provider took.
        cost: what it cost, in US dollars, where the provider said so.
        notices: what was said of the call: kind, field and message of each.
    """

    key: str
    operation: str
    targets: Sequence[str]
    namespace: Sequence[str]
    created: float
    ttl: float | None
    took: float
    cost: float | None
    notices: Sequence[Sequence[str]] = ()

    def noted(self) -> list[Notice]:
        """The notices."""
        return [Notice(kind, where, message) for kind, where, message in self.notices]  # type: ignore[arg-type]

    def fresh(self, now: float, ttl: float | None) -> bool:
        """Whether it may still be used; `ttl` is what the one who asks allows.

        An entry from the future was written by a clock that is wrong, so its distance counts in both directions.
        """
        age = abs(now - self.created)
        return (self.ttl is None or age < self.ttl) and (ttl is None or age < ttl)


class Entry(NamedTuple):
    """An entry that was read: its facts, JSON of what people may see of the request, and its events."""

    facts: Facts
    request: bytes
    script: Script


def pack(facts: Facts, request: bytes, script: Script) -> bytes:
    """An entry as bytes.

    Raises:
        TypeError: a fact cannot be written. So may a ValueError or a RecursionError say.
    """
    body = b"\n".join((dumps((facts, script.runs)), request, *script.raws))
    return f"{MAGIC} {VERSION} {_checksum(body)}\n".encode() + body


def unpack(value: bytes) -> Entry:
    """The entry of these bytes.

    Raises:
        BadEntryError: they are none, are damaged, or are of a version that is not known here.
    """
    head, _, body = bytes(value).partition(b"\n")
    if head != f"{MAGIC} {VERSION} {_checksum(body)}".encode():
        raise BadEntryError("no entry, a damaged one, or one of another version")
    try:
        told, request, *raws = body.split(b"\n")
        facts, runs = loads(told)
        return Entry(_checked(Facts(*facts)), request, Script(runs, raws))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadEntryError(f"{type(error).__name__}: {error}") from None


def _checked(facts: Facts) -> Facts:
    """The facts, whose types were looked at: whoever can write to a store can make a checksum too.

    Raises:
        TypeError: one is of another type.
    """
    numbers = [facts.created, facts.took, *(one for one in (facts.ttl, facts.cost) if one is not None)]
    texts = [[facts.key, facts.operation], facts.targets, facts.namespace, *facts.notices]
    right = all(type(one) in (int, float) and isfinite(one) for one in numbers)
    right = right and all(type(some) is list and all(type(one) is str for one in some) for some in texts)
    if not right or any(len(one) != len(attrs.fields(Notice)) for one in facts.notices):
        raise TypeError("a fact of another type")
    return facts


def _checksum(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()

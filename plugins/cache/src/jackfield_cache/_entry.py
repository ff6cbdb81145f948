"""An entry as bytes: a line that says what it is, a line of facts, the request, and the events, one a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import isfinite
from typing import Any, Final

import attrs
from attrs import field, frozen

from jackfield.call import Call
from jackfield.operations import Notice

__all__ = ["BadEntryError", "Entry", "Facts", "pack", "unpack"]

MAGIC: Final = "jackfield-cache"
VERSION: Final = 1
# fields whose values may be secrets: of these only the names are written down
MASKED: Final = frozenset({"extra_headers", "extra_body", "options"})


class BadEntryError(Exception):
    """Bytes that are no entry, or not the one that was asked for."""


@frozen
class Facts:
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


@frozen
class Entry:
    """An entry that was read: its facts, the request in a form for people, and the lines of its events."""

    facts: Facts
    request: str
    lines: Sequence[str] = field(repr=False)


def pack(facts: Facts, request: str, lines: Sequence[str]) -> bytes:
    """An entry as bytes.

    Raises:
        ValueError: a fact cannot be written.
    """
    told = json.dumps(attrs.asdict(facts), ensure_ascii=False, separators=(",", ":"))
    body = "\n".join((told, request, *lines)).encode("utf-8", "surrogatepass")
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
        told, request, *lines = body.decode("utf-8", "surrogatepass").split("\n")
        return Entry(_checked(Facts(**json.loads(told))), request, lines)
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


def request_text(call: Call[Any]) -> str:
    """The request in one line, for people: what may hold a secret is left out."""
    request = call.request
    told = {
        field.name: sorted(value) if field.name in MASKED and isinstance(value, Mapping) else value
        for field in attrs.fields(type(request))
        if field.name != "model" and (value := getattr(request, field.name)) is not None and value != {}
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=_plain, skipkeys=True)


def _plain(value: Any) -> Any:
    if attrs.has(type(value)):
        fields = attrs.fields(type(value))
        told = {field.name: item for field in fields if (item := getattr(value, field.name)) not in (None, ())}
        return {"type": type(value).__name__, **told}
    return dict(value) if isinstance(value, Mapping) else f"<{type(value).__name__}>"


def _checksum(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()

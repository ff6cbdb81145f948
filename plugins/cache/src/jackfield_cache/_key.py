"""The canonical form of a request, and the key that is made of it.

Every field counts, whatever it is called, so that a new one can never be forgotten. What is left out is named here.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final, TypeAlias

import attrs

from jackfield.call import Call
from jackfield.operations import Request
from jackfield.types import JsonSchema

__all__ = ["NotCanonicalError", "canonical", "key_of"]

FORMAT: Final = "jackfield-cache 1"
OWN: Final = "cache"  # the key of our own options in a request

# the model is told by `call.identity()`, `unsupported` by what is in force for the call, and `options` without our own
REQUEST: Final = frozenset({"model", "unsupported", "options"})
# the type that the caller wants the answer read into; its schema is beside it
SCHEMA: Final = frozenset({"kind"})

Put: TypeAlias = Callable[[list[str], Any], None]


class NotCanonicalError(Exception):
    """A request holds something that has no canonical form."""


def key_of(call: Call[Any], identity: str, namespace: tuple[str, ...]) -> str:
    """The key of a call: 64 hexadecimal digits.

    Raises:
        NotCanonicalError: the request holds something that has no canonical form.
    """
    request, name = call.request, call.operation.name
    options = request.options
    if OWN in options:
        options = {name: value for name, value in options.items() if name != OWN}
    out = [f"{FORMAT} {len(name)}:{name} {call.unsupported} {len(identity)}:{identity}"]
    try:
        _put_items(out, namespace)
        _put_table(out, options)
        _put(out, request)
    except (RecursionError, TypeError, ValueError) as error:
        raise NotCanonicalError(f"{type(error).__name__}") from None
    return sha256("".join(out).encode("utf-8", "surrogatepass")).hexdigest()


def canonical(value: Any) -> str:
    """The canonical form of a value: no two values that differ have the same.

    Raises:
        NotCanonicalError: it holds something of a type that has none.
    """
    out: list[str] = []
    _put(out, value)
    return "".join(out)


def _put(out: list[str], value: Any) -> None:
    kind = type(value)
    (PUTS.get(kind) or _found(kind))(out, value)


# What follows looks at each value's type by itself, and puts text where it finds it: this runs for every call.


def _put_items(out: list[str], value: Any) -> None:
    out.append(f"l{len(value)}:")
    for item in value:
        kind = type(item)
        if kind is str:
            out.append(f"s{len(item)}:{item}")
        else:
            (PUTS.get(kind) or _found(kind))(out, item)


def _put_table(out: list[str], value: Mapping[Any, Any]) -> None:
    out.append(f"d{len(value)}:")
    for key, item in value.items():  # in its order, since the provider gets it so: answers follow that of a schema
        _put(out, key)
        _put(out, item)


def _put_set(out: list[str], value: Any) -> None:
    out.append(f"z{len(value)}:")
    out += sorted(map(canonical, value))


def _putting_fields(kind: type[Any], names: list[str]) -> Put:
    """A function that puts these fields of an attrs class."""
    head = f"<{kind.__module__}.{kind.__qualname__}"
    labels = tuple(f" {name}=" for name in names)
    # with fewer than two names it would give the value itself, and no tuple
    get: Callable[[Any], tuple[Any, ...]] = (
        attrgetter(*names) if len(names) > 1 else lambda value: tuple(getattr(value, name) for name in names)
    )

    def put(out: list[str], value: Any) -> None:
        out.append(head)
        for label, item in zip(labels, get(value), strict=True):
            if item is None:  # not set; so a field that is added later changes no key until it is used
                continue
            kind = type(item)
            if kind is str:
                out.append(f"{label}s{len(item)}:{item}")
            else:
                out.append(label)
                (PUTS.get(kind) or _found(kind))(out, item)
        out.append(">")

    return put


PUTS: Final[dict[type[Any], Put]] = {
    str: lambda out, value: out.append(f"s{len(value)}:{str.__str__(value)}"),
    bool: lambda out, value: out.append("T" if value else "F"),
    int: lambda out, value: out.append(f"i{int.__repr__(value)};"),
    float: lambda out, value: out.append(f"f{float.__repr__(value)};"),
    type(None): lambda out, _: out.append("N"),
    bytes: lambda out, value: out.append(f"b{value.hex()};"),
    array: lambda out, value: out.append(f"a{value.typecode}{value.itemsize}:{value.tobytes().hex()};"),
    list: _put_items,
    tuple: _put_items,
    dict: _put_table,
    set: _put_set,
    frozenset: _put_set,
}


def _found(kind: type[Any]) -> Put:
    put = PUTS[kind] = _look_up(kind)
    return put


def _look_up(kind: type[Any]) -> Put:
    """How values of a further type are put: an attrs class by its fields, a subclass of a plain type as that."""
    if attrs.has(kind):
        left_out = REQUEST if issubclass(kind, Request) else SCHEMA if issubclass(kind, JsonSchema) else ()
        return _putting_fields(kind, [field.name for field in attrs.fields(kind) if field.name not in left_out])
    for base in (str, int, float):
        if issubclass(kind, base):
            return PUTS[base]
    if issubclass(kind, Mapping):
        return _put_table
    raise NotCanonicalError(f"{kind.__module__}.{kind.__qualname__}")

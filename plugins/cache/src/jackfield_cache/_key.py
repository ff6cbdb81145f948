"""The canonical form of a request, and the key that is made of it.

Every field counts, whatever it is called, so that a new one can never be forgotten. What is left out is named here.

The form is a list of tokens, and can be read back without any doubt. The first of a value tells what follows:

    text            an attrs class, and its fields that are set: the values of the plain ones come next, then the others
    a number        a list of so many values
    a tuple of one  the plain value in it
    a longer tuple  ("dictionary", size), with so many keys and values behind it; ("list", size, ...), of plain values;
                    ("set", size, ...); ("array", ...)
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from marshal import dumps
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

import attrs

from jackfield.call import Call
from jackfield.operations import Request
from jackfield.types import JsonSchema, Message, Text

from ._classes import getting, is_frozen

__all__ = ["SAID", "SECRET", "Form", "NotCanonicalError", "canonical", "key_of"]

FORMAT: Final = "jackfield-cache 2"
OWN: Final = "cache"  # the key of our own options in a request
MARSHAL: Final = 2  # the version of its format that is the same in every Python, and writes equal values equally

# the model is told by `call.identity()`, `unsupported` by what is in force for the call, and `options` without our own
REQUEST: Final = frozenset({"model", "unsupported", "options"})
# what may hold a secret counts, and is written down nowhere
SECRET: Final = frozenset({"extra_headers", "extra_body"})
# the type that the caller wants the answer read into; its schema is beside it
SCHEMA: Final = frozenset({"kind"})

PLAIN: Final = frozenset({str, int, float, bool, bytes})
MOST: Final = 1000  # combinations of types that are kept in mind for one class


class NotCanonicalError(Exception):
    """A request holds something that has no canonical form."""


class Form(list[Any]):
    """The tokens of a form.

    Attributes:
        fixed: whether nothing in it can be changed by whoever has it.
        hidden: the tokens of what may hold a secret, where there is such a thing.
    """

    fixed: bool = True
    hidden: Form | None = None

    def whole(self) -> tuple[Any, ...]:
        """All tokens, the hidden ones behind the others."""
        return tuple(self) if self.hidden is None else (*self, self.hidden.whole())

    def put(self, value: Any) -> None:
        """Add a value."""
        kind = type(value)
        (PUTS.get(kind) or _found(kind))(self, value)


Put: TypeAlias = Callable[[Form, Any], None]


def key_of(call: Call[Any], identity: str, namespace: Sequence[str]) -> tuple[str, Form]:
    """The key of a call, 64 hexadecimal digits, and the form of its request.

    Raises:
        NotCanonicalError: the request holds something that has no canonical form.
    """
    request, out = call.request, Form()
    try:
        out.put(request)
        if request.options and (options := {name: one for name, one in request.options.items() if name != OWN}):
            _put_hidden(out, options)
        said = (call.operation.name, call.unsupported, identity, *namespace)
        return sha256(_written(said, out)).hexdigest(), out
    except (RecursionError, TypeError, ValueError) as error:
        raise NotCanonicalError(f"{type(error).__name__}") from None


def _written(said: tuple[str, ...], out: Form) -> bytes:
    # nothing is ever read with it. It is exact, and takes a tenth of the time that text would
    try:
        return dumps((FORMAT, said, out.whole()), MARSHAL)
    except ValueError:  # one of the texts is a word of a program's own type
        return dumps((FORMAT, tuple(map(str.__str__, said)), out.whole()), MARSHAL)


def canonical(value: Any) -> bytes:
    """The canonical form of a value: no two values that differ have the same.

    Raises:
        NotCanonicalError: it holds something of a type that has none.
    """
    out = Form()
    out.put(value)
    return dumps(out.whole(), MARSHAL)


def _put_items(out: Form, value: Any) -> None:
    if value and PLAIN.issuperset(map(type, value)):
        out.append(("list", len(value), *value))
        return
    out.append(len(value))
    for item in value:
        kind = type(item)
        (PUTS.get(kind) or _found(kind))(out, item)


def _put_list(out: Form, value: Any) -> None:
    out.fixed = False
    _put_items(out, value)


def _put_table(out: Form, value: Mapping[Any, Any]) -> None:
    out.fixed = False
    out.append(("dictionary", len(value)))
    for key, item in value.items():  # in its order, since the provider gets it so: answers follow that of a schema
        out.put(key)
        out.put(item)


def _put_hidden(out: Form, value: Any) -> None:
    out.fixed = False
    if out.hidden is None:
        out.hidden = Form()
    out.hidden.put(value)


def _put_set(out: Form, value: Any) -> None:
    out.fixed = False
    out.append(("set", len(value), *sorted(map(canonical, value))))


def _put_array(out: Form, value: Any) -> None:
    out.fixed = False
    out.append(("array", value.typecode, value.itemsize, value.tobytes()))


class _Way(NamedTuple):
    """How an instance is put whose fields have these types.

    Attributes:
        label: the class, and the names of the fields that are set.
        plain: takes the values of the plain ones, as a tuple.
        others: the places of the others among the fields, and how these are put.
    """

    label: str
    plain: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    others: Sequence[tuple[int, Put]]


def _putting_fields(kind: type[Any], names: Sequence[str]) -> Put:
    """A function that puts these fields of an attrs class."""
    get, frozen, name = getting(attrgetter, names), is_frozen(kind), f"{kind.__module__}.{kind.__qualname__}"
    hidden = SECRET if issubclass(kind, Request) else frozenset()
    ways: dict[tuple[type[Any], ...], _Way] = {}

    def learn(kinds: tuple[type[Any], ...]) -> _Way:
        # None is not set; so a field that is added later changes no key until it is used
        there = [place for place, kind in enumerate(kinds) if kind is not type(None)]
        plain = [place for place in there if kinds[place] in PLAIN and names[place] not in hidden]
        others = [place for place in there if place not in plain]
        told = (",".join(names[place] for place in places) for places in (plain, others))
        putting = [(place, _put_hidden if names[place] in hidden else _found(kinds[place])) for place in others]
        way = _Way(f"{name} {' '.join(told)}", getting(itemgetter, plain), putting)
        if len(ways) < MOST:
            ways[kinds] = way
        return way

    def put(out: Form, value: Any) -> None:
        row = get(value)
        kinds = tuple(map(type, row))
        label, plain, others = ways.get(kinds) or learn(kinds)
        out.append(label)
        out += plain(row)
        for place, put in others:
            put(out, row[place])
        if not frozen:
            out.fixed = False

    return put


# the fields of a turn that is nothing but a role and a text, as nearly all are. Where there are more, none is taken so
TURN: Final = ("role", "parts", "name", "annotations", "cache", "extra")
TEXT: Final = ("text", "cache", "extra")
SAID: Final = f"{Message.__module__}.{Message.__qualname__} role,said "


def _putting_turns(put: Put) -> Put:
    """A function that puts messages: in short where there is no more to them, or else with this one."""
    get, get_text = attrgetter(*TURN), attrgetter(*TEXT)

    def put_turn(out: Form, value: Any) -> None:
        role, parts, name, annotations, cache, extra = get(value)
        if name is cache is extra is None and annotations == () and type(parts) is tuple and len(parts) == 1:
            (part,) = parts
            if type(part) is Text:
                text, cache, extra = get_text(part)
                if cache is extra is None and type(role) is type(text) is str:
                    out += (SAID, role, text)
                    return
        put(out, value)

    return put_turn


def _are(kind: type[Any], names: Sequence[str]) -> bool:
    return {field.name for field in attrs.fields(kind)} == {*names}


def _plain(exactly: Callable[[Any], Any]) -> Put:
    """How a plain value is put, or one of a subclass, as the plain one that it is."""
    return lambda out, value: out.append((exactly(value),))


PUTS: Final[dict[type[Any], Put]] = {
    str: _plain(str.__str__),
    bool: _plain(bool),
    int: _plain(int.__int__),
    float: _plain(float.__float__),
    bytes: _plain(bytes),
    type(None): lambda out, _: out.append((None,)),
    tuple: _put_items,
    list: _put_list,
    array: _put_array,
    dict: _put_table,
    set: _put_set,
    frozenset: _put_set,
}


def _found(kind: type[Any]) -> Put:
    put = PUTS[kind] = PUTS.get(kind) or _look_up(kind)
    return put


def _look_up(kind: type[Any]) -> Put:
    """How values of a further type are put: an attrs class by its fields, a subclass of a plain type as that."""
    if attrs.has(kind):
        left_out = REQUEST if issubclass(kind, Request) else SCHEMA if issubclass(kind, JsonSchema) else ()
        put = _putting_fields(kind, [field.name for field in attrs.fields(kind) if field.name not in left_out])
        return _putting_turns(put) if kind is Message and _are(Message, TURN) and _are(Text, TEXT) else put
    for base in (str, int, float):
        if issubclass(kind, base):
            return PUTS[base]
    if issubclass(kind, Mapping):
        return _put_table
    raise NotCanonicalError(f"{kind.__module__}.{kind.__qualname__}")

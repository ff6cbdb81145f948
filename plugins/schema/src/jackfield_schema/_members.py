"""What a class or a function is made of: names, types, defaults, and what its docstring says about each."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Final, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import attrs
from attrs import NOTHING

from jackfield.errors import BadRequestError

HEADER: Final = r"^(?:Args|Arguments|Attributes|Parameters|Raises|Returns|Yields|Examples?|Notes?):\n"
SECTION: Final = re.compile(r"^(?:Args|Arguments|Attributes|Parameters):\n((?:[ \t]+.*\n|\n)+)", re.MULTILINE)
ENTRY: Final = re.compile(r"^(\w+)(?: \(.*?\))?:((?:.*\n)(?:[ \t]+.*\n|\n)*)", re.MULTILINE)
MARKS: Final = {"Required", "NotRequired", "ReadOnly", "Final"}
PLAIN: Final = (list, dict, set, frozenset, tuple)


class Member(NamedTuple):
    """One field of a class, or one parameter of a function.

    Attributes:
        key: its name in JSON.
        name: the attribute that holds it.
        kind: its type.
        required: whether it must be given.
        default: what it is otherwise, where that is a plain value; else NOTHING.
        description: what the docstring says about it.
        kept: whether the value still has it when it is made.
    """

    key: str
    name: str
    kind: Any
    required: bool
    default: Any
    description: str | None
    kept: bool = True


def named(kind: Any) -> str:
    """A type or a function, as an error or the name of a schema shows it."""
    name = None if get_args(kind) else getattr(kind, "__name__", None)
    return name or re.sub(r"\b(?:\w+\.|<locals>\.)+(?=\w)", "", str(kind))


@lru_cache(maxsize=512)
def members_of(cls: Any) -> tuple[Member, ...] | None:
    """The fields that a class is made from; None where it is of no kind that we know.

    Raises:
        BadRequestError: its annotations cannot be read.
    """
    if attrs.has(cls):
        rows = [(one.alias, one.name, *_default(one.default)) for one in attrs.fields(cls) if one.init]
    elif dataclasses.is_dataclass(cls):
        # `dataclasses.fields` leaves out what is given and not kept; this has what belongs to the class as well
        own = [one for one in cls.__dataclass_fields__.values() if one.init]
        rows = [(one.name, one.name, *_default(one.default, one.default_factory)) for one in own]
    elif issubclass(cls, tuple) and hasattr(cls, "_fields"):
        rows = [(name, name, *_default(cls._field_defaults.get(name, NOTHING))) for name in cls._fields]
    elif issubclass(cls, dict) and hasattr(cls, "__required_keys__"):
        rows = [(key, key, key in cls.__required_keys__, NOTHING) for key in cls.__annotations__]
    else:
        return None
    hints, bound, members = _asked(get_type_hints, cls, include_extras=True), _bound(cls), []
    texts = {name: text for base in reversed(cls.__mro__) for name, text in described(base)[1].items()}
    for key, name, required, default in rows:
        kind, needed = hints.get(name, Any), required
        if kind is ClassVar or get_origin(kind) is ClassVar:
            continue
        kept = kind is not dataclasses.InitVar and not isinstance(kind, dataclasses.InitVar)
        kind = kind if kept else getattr(kind, "type", Any)
        while (mark := getattr(get_origin(kind), "_name", None)) in MARKS:
            kind, needed = get_args(kind)[0], {"Required": True, "NotRequired": False}.get(str(mark), needed)
        kind = Any if kind is Final else substituted(kind, bound)
        members.append(Member(key, name, kind, needed, default, texts.get(name, texts.get(key)), kept))
    return tuple(members)


def _default(value: Any, factory: Any = dataclasses.MISSING) -> tuple[bool, Any]:
    """Whether there is no default, and the default where it is a plain value."""
    factory = value.factory if isinstance(value, attrs.Factory) else factory  # type: ignore[arg-type]
    if factory is not dataclasses.MISSING:
        # any other function may give something else each time, or do something
        return False, factory() if factory in PLAIN else NOTHING
    missing = value is NOTHING or value is dataclasses.MISSING
    return missing, NOTHING if missing else value


def parameters_of(function: Callable[..., Any]) -> tuple[Member, ...]:
    """The parameters of a function or a bound method.

    Raises:
        BadRequestError: a parameter has no type hint, or cannot be given by its name.
    """
    hints = _asked(get_type_hints, function, include_extras=True)
    texts, members = described(function)[1], []
    for name, one in _asked(inspect.signature, function).parameters.items():
        where = f"{named(function)}: parameter {name!r}"
        if one.kind not in {one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY}:
            raise BadRequestError(f"{where} is {one.kind.description}, and a model gives each argument by its name")
        if name not in hints:
            raise BadRequestError(f"{where} has no type hint; `Any` allows anything")
        default = _default(NOTHING if one.default is one.empty else one.default)
        members.append(Member(name, name, hints[name], *default, texts.get(name)))
    return tuple(members)


def _asked(question: Callable[..., Any], thing: Any, **more: Any) -> Any:
    try:
        return question(thing, **more)
    except Exception as error:  # noqa: BLE001 - an annotation is any expression
        why = f"{type(error).__name__}: {error}"
        raise BadRequestError(f"{named(thing)}: its type hints cannot be read: {why}") from None


def _bound(kind: Any) -> dict[Any, Any]:
    """What the type variables of a class and of its bases stand for."""
    origin = get_origin(kind) or kind
    bound = dict(zip(getattr(origin, "__parameters__", ()), get_args(kind), strict=False))
    for base in getattr(origin, "__orig_bases__", ()):
        bound = {variable: substituted(value, bound) for variable, value in _bound(base).items()} | bound
    return bound


def substituted(kind: Any, bound: Mapping[Any, Any]) -> Any:
    """A type with its type variables replaced, where it is known by what."""
    if isinstance(kind, TypeVar):
        return bound.get(kind, kind)
    variables = getattr(kind, "__parameters__", ()) if get_origin(kind) else ()
    return kind[tuple(bound.get(one, one) for one in variables)] if variables else kind


def described(thing: Any) -> tuple[str | None, dict[str, str]]:
    """The first paragraph of a docstring in Google's style, and its text for each field or parameter."""
    doc = thing.__dict__.get("__doc__") if isinstance(thing, type) else thing.__doc__
    # a dataclass or a named tuple without a docstring is given its signature as one
    if not doc or doc.startswith(f"{thing.__name__}("):
        return None, {}
    doc = inspect.cleandoc(doc) + "\n"
    first = re.split(rf"\n\n|{HEADER}", doc, maxsplit=1, flags=re.MULTILINE)[0]
    entries = [entry for section in SECTION.findall(doc) for entry in ENTRY.findall(textwrap.dedent(section))]
    return " ".join(first.split()) or None, {name: " ".join(text.split()) for name, text in entries}

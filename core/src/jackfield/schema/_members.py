"""What a class or a function is made of: names, types, defaults, and what its docstring says about each."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

import attrs
from attrs import NOTHING, frozen

from ..errors import BadRequestError

__all__ = ["Member", "described", "members_of", "named", "parameters_of", "substituted", "summary", "title_of"]

SECTIONS: Final = {"Args:", "Arguments:", "Attributes:", "Parameters:"}
HEADER: Final = re.compile(r"[A-Z]\w*(?: \w+)*:")
ENTRY: Final = re.compile(r"(\w+)(?: \([^)]*\))?:\s*(.*)")
MARKS: Final = {"Required": True, "NotRequired": False, "ReadOnly": None, "Final": None}
PLAIN: Final = (list, dict, set, frozenset, tuple)

# whether it must be given, and what it is otherwise
Default = tuple[bool, Any]


@frozen
class Member:
    """One field of a class, or one parameter of a function.

    Attributes:
        key: its name in JSON.
        name: the attribute that holds it.
        kind: its type.
        required: whether it must be given.
        default: what it is otherwise, where that is a plain value; else NOTHING.
        description: what the docstring says about it.
    """

    key: str
    name: str
    kind: Any
    required: bool
    default: Any
    description: str | None = None


def named(kind: Any) -> str:
    """A type, as an error or the name of a schema shows it."""
    if isinstance(kind, type) and not get_args(kind):
        return kind.__name__
    return re.sub(r"\b(?:\w+\.|<locals>\.)+(?=\w)", "", str(kind))


@lru_cache(maxsize=512)
def members_of(cls: type[Any]) -> tuple[Member, ...] | None:
    """The fields that a class is made from; None where it is of no kind that we know.

    Raises:
        BadRequestError: its annotations cannot be read.
    """
    rows = _fields(cls)
    if rows is None:
        return None
    hints, bound = _hints(cls), _bound(cls)
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        texts |= described(base.__dict__.get("__doc__"))[1]
    made = []
    for key, name, (required, default) in rows:
        kind, mark = _unmarked(hints.get(name, Any))
        needed = required if mark is None else mark
        made.append(Member(key, name, substituted(kind, bound), needed, default, texts.get(name, texts.get(key))))
    return tuple(made)


def _fields(cls: Any) -> Iterable[tuple[str, str, Default]] | None:
    """The key, the attribute and the default of each field."""
    if attrs.has(cls):
        return [(one.alias or one.name, one.name, _default(one.default)) for one in attrs.fields(cls) if one.init]
    if dataclasses.is_dataclass(cls):
        return [(one.name, one.name, _dataclass_default(one)) for one in dataclasses.fields(cls) if one.init]
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        defaults = cls._field_defaults
        return [(name, name, (name not in defaults, defaults.get(name, NOTHING))) for name in cls._fields]
    if issubclass(cls, dict) and hasattr(cls, "__required_keys__"):
        return [(key, key, (key in cls.__required_keys__, NOTHING)) for key in _hints(cls)]
    return None


def _default(default: Any) -> Default:
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return False, _built(default.factory)
    return default is NOTHING, default


def _dataclass_default(one: dataclasses.Field[Any]) -> Default:
    if one.default_factory is not dataclasses.MISSING:
        return False, _built(one.default_factory)
    return (True, NOTHING) if one.default is dataclasses.MISSING else (False, one.default)


def _built(factory: Any) -> Any:
    # any other function may give something else each time, or do something
    return factory() if factory in PLAIN else NOTHING


def parameters_of(function: Callable[..., Any]) -> tuple[Member, ...]:
    """The parameters of a function, a bound method or a partial.

    Raises:
        BadRequestError: a parameter has no type hint, or cannot be given by its name.
    """
    inner = _unwrapped(function)
    hints, texts = _hints(inner), described(inspect.getdoc(inner))[1]
    title = title_of(function)
    made = []
    for name, one in inspect.signature(function).parameters.items():
        where = f"{title}: parameter {name!r}"
        if one.kind not in {one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY}:
            raise BadRequestError(f"{where} is {one.kind.description}, and a model gives each argument by its name")
        if name not in hints:
            raise BadRequestError(f"{where} has no type hint; `Any` allows anything")
        required = one.default is one.empty
        made.append(Member(name, name, hints[name], required, NOTHING if required else one.default, texts.get(name)))
    return tuple(made)


def title_of(function: Any) -> str:
    """The name of a function, for errors."""
    return str(_unwrapped(function).__qualname__.rpartition("<locals>.")[2])


def summary(function: Any) -> str | None:
    """The first paragraph of a function's docstring."""
    return described(inspect.getdoc(_unwrapped(function)))[0]


def _unwrapped(function: Any) -> Any:
    """What holds the hints and the docstring: not a partial, and not an object that can be called."""
    while isinstance(function, partial):
        function = function.func
    if inspect.isclass(function) or not callable(function):
        raise BadRequestError(f"expected a function, got {function!r}")
    return function if inspect.isroutine(function) else function.__call__


def _hints(thing: Any) -> dict[str, Any]:
    try:
        try:
            return get_type_hints(thing, include_extras=True)
        except NameError:
            # a class inside a function may name itself
            return get_type_hints(thing, localns={thing.__name__: thing}, include_extras=True)
    except Exception as error:  # noqa: BLE001 - an annotation is any expression
        title = getattr(thing, "__qualname__", repr(thing))
        raise BadRequestError(f"{title}: its annotations cannot be read: {type(error).__name__}: {error}") from None


def _unmarked(kind: Any) -> tuple[Any, bool | None]:
    """A hint without `Required`, `NotRequired` and the like, and whether they say that it must be given."""
    extras: tuple[Any, ...] = ()
    required = None
    while origin := get_origin(kind):
        inner, *more = get_args(kind) or (kind,)
        if origin is Annotated:
            extras += tuple(more)
        elif not isinstance(origin, type) and getattr(origin, "__name__", "") in MARKS:
            mark = MARKS[origin.__name__]
            required = required if mark is None else mark
        else:
            break
        kind = inner
    return (Annotated[(kind, *extras)] if extras else kind), required


def _bound(kind: Any) -> dict[Any, Any]:
    """What the type variables of a class and of its bases stand for."""
    origin = get_origin(kind) or kind
    bound = dict(zip(getattr(origin, "__parameters__", ()), get_args(kind), strict=False))
    for base in getattr(origin, "__orig_bases__", ()):
        for variable, value in _bound(base).items():
            bound.setdefault(variable, substituted(value, bound))
    return bound


def substituted(kind: Any, bound: Mapping[Any, Any]) -> Any:
    """A type with its type variables replaced, where it is known by what."""
    if isinstance(kind, TypeVar):
        return bound.get(kind, kind)
    variables = getattr(kind, "__parameters__", ()) if get_origin(kind) else ()
    return kind[tuple(bound.get(one, one) for one in variables)] if variables else kind


def described(doc: str | None) -> tuple[str | None, dict[str, str]]:
    """The first paragraph of a docstring in Google's style, and its text for each field or parameter."""
    first: list[str] = []
    entries: dict[str, list[str]] = {}
    entry: list[str] = []
    inside, margin = "first", 0
    for line in inspect.cleandoc(doc or "").splitlines():
        text = line.strip()
        indent = len(line) - len(line.lstrip())
        if HEADER.fullmatch(line):
            inside, margin, entry = "entries" if text in SECTIONS else "prose", 0, []
        elif inside == "first" and text:
            first.append(text)
        elif inside == "entries" and indent:
            margin = margin or indent
            if indent == margin and (found := ENTRY.fullmatch(text)):
                entry = entries[found[1]] = [found[2]] if found[2] else []
            else:
                entry.append(text)
        elif text or first:
            inside = inside if inside == "entries" and not text else "prose"
    return " ".join(first) or None, {name: " ".join(texts) for name, texts in entries.items() if texts}

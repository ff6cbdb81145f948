"""Python types as JSON Schema and back: what a model is asked for, and what is made of its answer.

A type here is an attrs class, a dataclass, a TypedDict, a NamedTuple, an Enum, a Literal, a union, a list, a tuple,
a set, a dictionary with texts as keys, a text, a number, true and false, None, Any, a date, a time, a UUID, a Decimal,
a path, bytes (in base64), and all of these nested, generic, recursive, or `Annotated` with a text for the model;
also a class of pydantic or msgspec, whose own library then does the work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import NOTHING

from ..errors import BadRequestError, MalformedReplyError
from ..http import read_json
from ._kinds import fields_of, shape
from ._members import Member, named, parameters_of, summary, title_of
from ._misfit import Misfit
from ._plain import dump
from ._shapes import Book, Object, Reading, Shape
from ._strict import REF, references, strictly

if TYPE_CHECKING:
    from ..types import ToolCall

__all__ = [
    "arguments",
    "dump",
    "fits_strict",
    "function_schema",
    "json_schema",
    "read_as",
    "read_response",
    "response_schema",
]

T = TypeVar("T")


def json_schema(
    kind: Any, *, strict: bool = False, known: Mapping[Any, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a type.

    Args:
        kind: the type.
        strict: whether to write what OpenAI's structured outputs require: closed objects with every property required,
            no defaults, and null for a field that could be left out (`read_as(..., null_is_absent=True)` reads that).
        known: schemas for types that have none of their own.

    Raises:
        BadRequestError: names the field whose type has no schema, or cannot be strict.
    """
    return _schema(shape(kind, named(kind)), named(kind), strict=strict, known=known)


def fits_strict(kind: Any) -> bool:
    """Whether a type has a strict schema.

    Raises:
        BadRequestError: it has no schema at all.
    """
    return _fits_strict(shape(kind, named(kind)), named(kind))


def read_as(value: Any, kind: type[T], *, null_is_absent: bool = False) -> T:
    """Read a value of JSON into a type. Nothing is converted that is not the same in JSON: "5" and true are no numbers.

    Args:
        value: what a JSON decoder gave.
        kind: the type.
        null_is_absent: whether null may stand for a field that has a default and cannot be null.

    Raises:
        MalformedReplyError: names the field, what was expected and what came.
        BadRequestError: the type cannot be read from JSON.
    """
    read: T = _read(value, shape(kind, named(kind)), named(kind), null_is_absent=null_is_absent)
    return read


def function_schema(function: Callable[..., Any], *, strict: bool = False) -> tuple[str | None, dict[str, Any]]:
    """A function's description, from its docstring, and the JSON Schema of its parameters, from its type hints.

    Raises:
        BadRequestError: names the parameter that a model cannot give, or that cannot be strict.
    """
    return summary(function), _schema(_parameters(function), title_of(function), strict=strict)


def arguments(function: Callable[..., Any], call: ToolCall) -> dict[str, Any]:
    """The arguments of a tool call as the function wants them: `function(**arguments(function, call))`.

    Raises:
        MalformedReplyError: names the argument, what was expected and what came.
    """
    what = f"arguments of tool call {call.name!r}"
    read: dict[str, Any] = _read(call.parsed, _parameters(function), what, null_is_absent=True)
    return read


def response_schema(kind: Any) -> tuple[str, dict[str, Any], bool]:
    """A name, a schema and whether it is strict, with which to ask a model for a type.

    Providers want an object at the top, so anything else is asked for as the `value` of one.

    Raises:
        BadRequestError: names the field whose type has no schema.
    """
    top, title = _answer(kind), named(kind)
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", title).strip("_")[:64] or "value"
    strict = _fits_strict(top, title)
    return name, _schema(top, title, strict=strict), strict


def read_response(text: str, kind: Any) -> Any:
    """Read the text of a reply that was asked for with `response_schema`.

    Raises:
        MalformedReplyError: it is not JSON, or does not fit: names the field, what was expected and what came.
    """
    return _read(read_json(text), _answer(kind), f"the reply is not a {named(kind)}", null_is_absent=True)


def _schema(
    top: Shape, title: str, *, strict: bool, known: Mapping[Any, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    book = Book(known or {})
    body = top.schema(book)
    foreign = False
    for _ in range(len(book.bodies)):
        if "$ref" not in body:
            break
        name = body.pop("$ref").removeprefix(REF)
        foreign = name in book.foreign
        body = {**book.bodies[name], **body}
    if strict:
        body = strictly(body, book, title, foreign=foreign)
    pending, found = references(body), set[str]()
    while pending:
        name = pending.pop()
        found.add(name)
        pending |= references(book.bodies[name]) - found
    return {**body, "$defs": {name: one for name, one in book.bodies.items() if name in found}} if found else body


def _fits_strict(top: Shape, title: str) -> bool:
    _schema(top, title, strict=False)
    try:
        _schema(top, title, strict=True)
    except BadRequestError:
        return False
    return True


def _read(value: Any, top: Shape, what: str, *, null_is_absent: bool) -> Any:
    try:
        return top.read(value, Reading(null_is_absent))
    except Misfit as error:
        raise MalformedReplyError(f"{what}: {error}") from error.__cause__
    except RecursionError:
        raise MalformedReplyError(f"{what}: it is nested too deeply") from None


def _answer(kind: Any) -> Shape:
    """The shape of a reply: the type's own where that is an object, else an object around it."""
    top = shape(kind, named(kind))
    if _schema(top, named(kind), strict=False).get("type") == "object":
        return top
    fields = {"value": (Member("value", "value", kind, required=True, default=NOTHING), top)}
    return Object("the reply", lambda value: value, lambda: fields)


def _parameters(function: Callable[..., Any]) -> Object:
    title = title_of(function)
    return Object(title, dict, lambda: fields_of(title, parameters_of(function), {}))

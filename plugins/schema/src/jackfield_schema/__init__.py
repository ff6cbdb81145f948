"""Python types as JSON Schema and back: what a model is asked for, and what is made of its answer.

A type here is an attrs class, a dataclass, a TypedDict, a NamedTuple, an Enum, a Literal, a union, a list, a tuple,
a set, a dictionary with texts as keys, a text, a number, true and false, None, Any, a date, a time, a UUID, a Decimal,
a path, bytes (in base64), and all of these nested, generic, recursive, or `Annotated` with a text for the model;
also a class of pydantic or msgspec, whose own library then does the work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from attrs import NOTHING

from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.http import read_json
from jackfield.types import ToolCall

from ._members import Member, described, named, parameters_of
from ._plain import Misfit, dump
from ._shapes import REF, Book, Shape, members_shape, shape
from ._strict import Strict, definitions

__all__ = ["arguments", "dump", "fits_strict", "function_schema", "json_schema", "read_as", "read_response"]
__all__ += ["response_schema"]

T = TypeVar("T")


def json_schema(
    kind: Any, *, strict: bool = False, known: Mapping[Any, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a type.

    Args:
        kind: the type.
        strict: whether to write what OpenAI's structured outputs require: closed objects with every property required,
            no defaults, and null for a field that could be left out (which `read_as` takes so).
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


@overload
def read_as(value: Any, kind: type[T]) -> T: ...
@overload
def read_as(value: Any, kind: Any) -> Any: ...
def read_as(value: Any, kind: Any) -> Any:
    """Read a value of JSON into a type. Nothing is converted that is not the same in JSON: "5" and true are no numbers.

    A null stands for a field that was left out, where the field has a default and cannot be null.

    Args:
        value: what a JSON decoder gave.
        kind: the type.

    Raises:
        MalformedReplyError: names the field, what was expected and what came.
        BadRequestError: the type cannot be read from JSON.
    """
    return _read(value, shape(kind, named(kind)), named(kind))


def function_schema(function: Callable[..., Any], *, strict: bool = False) -> tuple[str, str | None, dict[str, Any]]:
    """A function's name, its description, and the JSON Schema of its parameters.

    They come from the docstring, in Google's style, and from the type hints.

    Raises:
        BadRequestError: names the parameter that a model cannot give, or that cannot be strict.
    """
    parameters = _schema(_parameters(function), named(function), strict=strict)
    return named(function), described(function)[0], parameters


def arguments(function: Callable[..., Any], call: ToolCall) -> dict[str, Any]:
    """The arguments of a tool call as the function wants them: `function(**arguments(function, call))`.

    Raises:
        MalformedReplyError: names the argument, what was expected and what came.
    """
    what = f"arguments of tool call {call.name!r}"
    read: dict[str, Any] = _read(call.parsed, _parameters(function), what)
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
    return _read(read_json(text), _answer(kind), f"the reply is not {named(kind)}")


def _schema(
    top: Shape, title: str, *, strict: bool = False, known: Mapping[Any, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    book = Book(known or {})
    body = top.schema(book)
    foreign = False
    for _ in book.bodies:
        # the top is written out; what refers to it finds it among the definitions
        if "$ref" in body:
            name = body["$ref"].removeprefix(REF)
            foreign = name in book.foreign
            body = {**book.bodies[name], **{key: one for key, one in body.items() if key != "$ref"}}
    write: Callable[[str], dict[str, Any]] = book.bodies.__getitem__
    if strict:
        closed = Strict(book)
        if body.get("type") != "object":
            raise BadRequestError(f"{title}: a strict schema is an object at the top")
        body, write = closed.close(body, title, foreign=foreign), closed.definition
    needed = definitions(body, book.bodies, write)
    return {**body, "$defs": needed} if needed else body


def _fits_strict(top: Shape, title: str) -> bool:
    _schema(top, title)
    try:
        _schema(top, title, strict=True)
    except BadRequestError:
        return False
    return True


def _read(value: Any, top: Shape, what: str) -> Any:
    try:
        return top.read(value, {})
    except Misfit as error:
        raise MalformedReplyError(f"{what}: {error}") from error.__cause__
    except RecursionError:
        raise MalformedReplyError(f"{what}: it is nested too deeply") from None


def _answer(kind: Any) -> Shape:
    """The shape of a reply: the type's own where that is an object, else an object around it."""
    top = shape(kind, named(kind))
    if _schema(top, named(kind)).get("type") == "object":
        return top
    member = Member("value", "value", kind, required=True, default=NOTHING, description=None)
    return members_shape("the reply", [member], lambda value: value)


def _parameters(function: Callable[..., Any]) -> Shape:
    return members_shape(named(function), parameters_of(function), dict)

"""What the bodies of completions and embeddings share, in both directions: fields by name, prompts, options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from jackfield.errors import BadRequestError
from jackfield.operations import Prompt, Request

from .destination import Destination

__all__ = ["add_fields", "opened", "read_request", "wire_prompts"]

Q = TypeVar("Q", bound=Request[Any, Any])


def add_fields(body: dict[str, Any], to: Destination, names: Mapping[str, str]) -> None:
    """Add the fields that are set, each under its name on the wire."""
    for name, wire in names.items():
        if (value := to.take(name)) is not None:
            body[to.named(wire)] = value


def wire_prompts(prompts: tuple[Prompt, ...]) -> Any:
    """Texts or tokens as the wire has them: one alone needs no list around it."""
    return prompts[0] if len(prompts) == 1 else prompts


def opened(body: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """What of a body is set, as far as null is not, and whether its reply is to be a stream.

    Raises:
        BadRequestError: it is no object, or does not say so with true or false.
    """
    if not isinstance(body, Mapping):
        raise BadRequestError(f"body: expected an object, got {type(body).__name__}")
    rest = {str(key): value for key, value in body.items() if value is not None}
    stream = rest.pop("stream", False)
    if not isinstance(stream, bool):
        raise BadRequestError(f"stream: expected true or false, got {stream!r}")
    return rest, stream


def read_request(cls: type[Q], chief: str, body: Mapping[str, Any], names: Mapping[str, str], plugin: str) -> Q:
    """A request of this class from a body, by the table that writes it; what has no field of ours is an option.

    `chief` is the field that must be there. What is null is not set.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """
    if not isinstance(body, Mapping):
        raise BadRequestError(f"body: expected an object, got {type(body).__name__}")
    rest = {str(key): value for key, value in body.items() if value is not None}
    if chief not in rest:
        raise BadRequestError(f"{chief}: missing; expected a text, several, or tokens")
    fields = {name: rest.pop(wire) for name, wire in names.items() if wire in rest}
    fields |= {name: rest.pop(name) for name in (chief, "model") if name in rest}
    try:
        return cls(**fields, options={plugin: rest} if rest else {})
    except BadRequestError as error:
        name, colon, why = error.message.partition(":")
        raise BadRequestError(f"{names.get(name, name)}{colon}{why}") from None

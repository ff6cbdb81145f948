"""What the bodies of requests share: options of one provider, fields beyond our words, prompts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jackfield.call import Call
from jackfield.errors import BadRequestError
from jackfield.operations import Prompt
from jackfield.provider import Fields

__all__ = ["add_extra", "add_fields", "add_options", "prompts", "read_fields"]


def add_fields(body: dict[str, Any], fields: Fields, names: Mapping[str, str]) -> None:
    """Add the fields that are set, each under its name on the wire."""
    for name, wire in names.items():
        if (value := fields.take(name)) is not None:
            body[wire] = value


def add_options(body: dict[str, Any], call: Call[Any], namespace: str) -> None:
    """Add the request's options for this provider; one that is None is not set.

    Raises:
        BadRequestError: an option says what a field of the request says already, or whether to stream.
    """
    for name, value in call.request.options.get(namespace, {}).items():
        where = f"options.{namespace}.{name}"
        if name == "stream":
            raise BadRequestError(f"{where}: this is no option; call `stream` to stream, or the operation not to")
        if name in body:
            raise BadRequestError(f"{where}: this is set already, by a field of the request itself")
        if value is not None:
            body[name] = value


def add_extra(body: dict[str, Any], fields: Fields) -> dict[str, Any]:
    """The body with the request's own `extra_body`, as it is, at its end.

    Raises:
        BadRequestError: a field of it is in the body already, or says whether to stream.
    """
    extra = fields.take("extra_body") or {}
    for name in extra:
        if name == "stream":
            raise BadRequestError("extra_body.stream: call `stream` to stream, or the operation not to")
        if name in body:
            raise BadRequestError(f"extra_body.{name}: the body has this already; use the field of the request for it")
    return {**body, **extra}


def prompts(found: tuple[Prompt, ...]) -> Any:
    """Texts or tokens as the wire has them: one alone needs no list around it."""
    return found[0] if len(found) == 1 else list(found)


def read_fields(
    body: Mapping[str, Any], names: Mapping[str, str], namespace: str, known: Iterable[str] = ()
) -> dict[str, Any]:
    """The fields of a request of ours in a body, by the table that writes them; what has no field is an option.

    `known` are keys of the body that are seen to elsewhere. What is null is not set.
    """
    ours = {wire: name for name, wire in names.items()}
    found: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for key, value in body.items():
        if value is None or key in known:
            continue
        if key in ours:
            found[ours[key]] = value
        else:
            options[key] = value
    return {**found, "options": {namespace: options}} if options else found

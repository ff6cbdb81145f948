"""What OpenAI's answers about files and jobs share: lists that page, and fields that may be anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.http import HttpResponse
from jackfield.provider import JsonReply
from jackfield.types import Event, Start
from jackfield_jobs.told import Told
from jackfield_wire_openai.errors import in_band_error, said
from jackfield_wire_openai.headers import rate_limit, request_id
from jackfield_wire_openai.reading import fact

__all__ = ["answer", "number", "object_of", "page", "query", "strings"]

T = TypeVar("T")


def answer(head: HttpResponse, read: Callable[[Any], dict[str, Any]]) -> JsonReply[Event]:
    """A decoder for a document, of which `read` makes the fields of the response.

    Raises:
        JackfieldError: while decoding: the document is an error, or nothing that can be read.
    """

    def events(payload: Any) -> Iterator[Event]:
        if isinstance(payload, Mapping) and payload.get("error") and "id" not in payload:
            raise in_band_error(payload, head)
        fields = read(payload)
        yield Start(raw=payload, request_id=request_id(head.headers), rate_limit=rate_limit(head.headers))
        yield Told(fields)

    return JsonReply(head, events)


def query(path: str, **fields: Any) -> str:
    """A path with those of the fields that are set; a table is one field for each of its keys.

    Raises:
        BadRequestError: a field has half a character.
    """
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        if isinstance(value, Mapping):
            pairs += [(f"{name}[{key}]", one) for key, one in value.items()]
        elif value is not None:
            pairs.append((name, str(value)))
    try:
        return f"{path}?{urlencode(pairs, quote_via=quote)}" if pairs else path
    except UnicodeEncodeError:
        raise BadRequestError(f"{', '.join(fields)}: there is half a character, which no path can hold") from None


def page(read: Callable[[Mapping[str, Any]], T | None]) -> Callable[[Any], dict[str, Any]]:
    """The reading of a page of a list; an item of which `read` makes None stays in `raw`."""

    def fields(payload: Any) -> dict[str, Any]:
        data = payload.get("data") if isinstance(payload, Mapping) else None
        if not isinstance(data, list):
            raise MalformedReplyError(f"data: expected a list: {said(payload)}", body=payload)
        objects = [item for item in data if isinstance(item, Mapping)]
        items = [one for one in map(read, objects) if one is not None]
        named = [name for item in objects if (name := fact(item, "id", str))]
        last = fact(payload, "last_id", str) or (named[-1] if named else None)
        return {"items": tuple(items), "next": last if payload.get("has_more") is True else None}

    return fields


def object_of(name: str, read: Callable[[Mapping[str, Any]], T | None]) -> Callable[[Any], dict[str, Any]]:
    """The reading of one object, as the field of this name; its id and time are those of the response."""

    def fields(payload: Any) -> dict[str, Any]:
        found = read(payload) if isinstance(payload, Mapping) else None
        if found is None:
            raise MalformedReplyError(f"expected a {name} with its id: {said(payload)}", body=payload)
        return {name: found, "id": payload["id"], "created": number(payload, "created_at")}

    return fields


def number(holder: Mapping[str, Any], name: str) -> float | None:
    """A number that is said of something; None where it is none, or too large for one."""
    try:
        found = fact(holder, name, int, float)
        return None if found is None else float(found)
    except OverflowError:
        return None


def strings(value: Any) -> dict[str, str]:
    """The texts of a table, by name; empty where it is none."""
    if not isinstance(value, Mapping):
        return {}
    return {str(name): one for name, one in value.items() if isinstance(one, str)}

"""The part of JSON Schema with which OpenAI and others hold a model to its word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..errors import BadRequestError
from ._shapes import NAMES, Book

__all__ = ["REF", "references", "strictly"]

REF: Final = "#/$defs/"
KEPT: Final = frozenset(
    {"const", "description", "enum", "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maximum"}
    | {"minItems", "minLength", "minimum", "multipleOf", "pattern", "type"}
)
# handled apart, or saying nothing of what a value may be, or checked when the value is read
DROPPED: Final = frozenset(
    {"additionalProperties", "format", "items", "properties", "required"}
    | {"$comment", "default", "deprecated", "discriminator", "examples", "readOnly", "title", "writeOnly"}
    | {"contentEncoding", "contentMediaType", "uniqueItems"}
)
FORMATS: Final = frozenset({"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"})
SAYING: Final = frozenset({"$ref", "allOf", "anyOf", "const", "enum", "oneOf", "type"})
REASONS: Final = {
    "patternProperties": "is an object with any keys",
    "prefixItems": "is a list in which each place has its own type",
}
NULL: Final = {"type": "null"}

Json = Mapping[str, Any]


def references(body: Any) -> set[str]:
    """The names of the definitions that a schema refers to."""
    if isinstance(body, list):
        return set().union(*map(references, body))
    if not isinstance(body, dict):
        return set()
    reference = body.get("$ref")
    found = {reference.removeprefix(REF)} if isinstance(reference, str) else set()
    return found.union(*map(references, body.values()))


def strictly(body: Json, book: Book, where: str, *, foreign: bool) -> dict[str, Any]:
    """The strict form of a schema, whose definitions become strict too.

    Every object is closed and every property required; null stands for one that could be left out.
    Another library would not read such a null, so in its classes a value must be given.

    Raises:
        BadRequestError: names the field that cannot be strict, and why.
    """
    if body.get("type") != "object":
        raise BadRequestError(f"{where}: a strict schema is an object at the top")
    strict = _Strict(book.bodies, book.foreign)
    closed = strict.close(body, where, foreign=foreign)
    pending, bodies = references(closed), {}
    while pending:
        name = pending.pop()
        bodies[name] = strict.close(strict.bodies[name], name, foreign=name in book.foreign)
        pending |= references(bodies[name]) - bodies.keys()
    book.bodies = {name: bodies[name] for name in book.bodies if name in bodies}
    return closed


class _Strict:
    def __init__(self, bodies: Mapping[str, Json], foreign: set[str]) -> None:
        self.bodies = bodies
        self.foreign = foreign
        self._open: list[str] = []

    def close(self, body: Any, where: str, *, foreign: bool) -> dict[str, Any]:
        """One schema, and all in it."""
        if not isinstance(body, Mapping) or not body.keys() & SAYING:
            raise _refusal(where, "may be anything")
        if "$ref" in body:
            return self._reference(body, where)
        if len(body.get("allOf", ())) == 1:
            rest = {key: one for key, one in body.items() if key != "allOf"}
            return self.close({**body["allOf"][0], **rest}, where, foreign=foreign)
        closed: dict[str, Any] = {}
        for key, one in body.items():
            if key in KEPT or (key == "format" and one in FORMATS):
                closed[key] = one
            elif key in {"anyOf", "oneOf"}:
                closed["anyOf"] = [self.close(option, where, foreign=foreign) for option in one]
            elif key not in DROPPED:
                raise _refusal(where, REASONS.get(key, f"uses {key!r}"))
        if body.get("type") == "object":
            closed |= self._properties(body, where, foreign=foreign)
        elif body.get("type") == "array":
            closed["items"] = self.close(body.get("items"), f"{where}[]", foreign=foreign)
        elif "type" not in body and "anyOf" not in closed:
            types = sorted({NAMES[type(one)] for one in body.get("enum", [body.get("const")])})
            closed["type"] = types[0] if len(types) == 1 else types
        return closed

    def _properties(self, body: Json, where: str, *, foreign: bool) -> dict[str, Any]:
        properties = body.get("properties", {} if body.get("additionalProperties") is False else None)
        if properties is None or body.get("additionalProperties", False) is not False:
            raise _refusal(where, "is an object with any keys")
        closed = {key: self.close(one, f"{where}.{key}", foreign=foreign) for key, one in properties.items()}
        for key in closed.keys() - set(body.get("required", ())):
            closed[key] = closed[key] if foreign else _or_null(closed[key])
        return {"properties": closed, "required": list(closed), "additionalProperties": False}

    def _reference(self, body: Json, where: str) -> dict[str, Any]:
        # a reference may have no neighbours, so what has some is written out
        name = body["$ref"].removeprefix(REF)
        more = {key: one for key, one in body.items() if key in KEPT}
        if not more:
            return {"$ref": body["$ref"]}
        if name in self._open:
            return {"anyOf": [{"$ref": body["$ref"]}], **more}
        self._open.append(name)
        closed = self.close({**self.bodies[name], **more}, where, foreign=name in self.foreign)
        self._open.pop()
        return closed


def _or_null(body: dict[str, Any]) -> dict[str, Any]:
    options = body.get("anyOf", [body])
    if NULL in options or None in body.get("enum", ()) or "null" in body.get("type", ()):
        return body
    text = {"description": body["description"]} if "description" in body else {}
    options = [{key: one for key, one in body.items() if key != "description"}] if "anyOf" not in body else options
    return {"anyOf": [*options, NULL], **text}


def _refusal(where: str, reason: str) -> BadRequestError:
    return BadRequestError(f"{where} cannot be strict: it {reason}")

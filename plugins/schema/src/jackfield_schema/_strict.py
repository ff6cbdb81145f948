"""The part of JSON Schema with which OpenAI and others hold a model to its word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from attrs import field, frozen

from jackfield.errors import BadRequestError
from jackfield.http import write_json

from ._shapes import NAMES, REF, Book, Json

REFERENCE: Final = re.compile(rf'"{re.escape(REF)}([^"]*)"')
# what else a schema says is checked when a value is read
KEPT: Final = frozenset(
    {"const", "description", "enum", "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maximum"}
    | {"minItems", "minLength", "minimum", "multipleOf", "pattern", "type"}
)
FORMATS: Final = ("date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid")
NULL: Final = {"type": "null"}


def definitions(body: Json, bodies: Json, write: Callable[[str], Json]) -> Json:
    """The definitions that a schema needs, and those that they need; `write` gives one by its name."""
    pending, found = [body], {}
    while pending:
        for name in REFERENCE.findall(write_json(pending.pop()).decode()):
            if name in bodies and name not in found:
                found[name] = write(name)
                pending.append(found[name])
    return {name: found[name] for name in bodies if name in found}


@frozen
class Strict:
    """Writes the strict form of schemas whose definitions are in a book.

    Every object is closed and every property required; null stands for one that could be left out.
    Another library would not read such a null, so in its classes a value must be given.
    """

    book: Book
    _open: list[str] = field(factory=list)

    def definition(self, name: str) -> Json:
        """The strict form of a definition."""
        return self.close(self.book.bodies[name], name, foreign=name in self.book.foreign)

    def close(self, body: Any, where: str, *, foreign: bool) -> Json:
        """The strict form of a schema.

        Raises:
            BadRequestError: names the field that cannot be strict.
        """
        if not isinstance(body, dict) or not body.keys() & {"$ref", "anyOf", "const", "enum", "oneOf", "type"}:
            raise _refusal(where)
        if "$ref" in body:
            return self._reference(body, where)
        closed = {key: one for key, one in body.items() if key in KEPT or (key == "format" and one in FORMATS)}
        if options := body.get("anyOf", body.get("oneOf")):
            closed["anyOf"] = [self.close(option, where, foreign=foreign) for option in options]
        elif "type" not in body:
            types = sorted({NAMES[type(one)] for one in body.get("enum", [body.get("const")])})
            closed["type"] = types[0] if len(types) == 1 else types
        elif body["type"] == "object":
            closed |= self._properties(body, where, foreign=foreign)
        elif body["type"] == "array":
            closed["items"] = self.close(body.get("items"), f"{where}[]", foreign=foreign)
        return closed

    def _properties(self, body: Json, where: str, *, foreign: bool) -> Json:
        if "properties" not in body or body.get("additionalProperties", False) is not False:
            raise _refusal(where)
        closed = {key: self.close(one, f"{where}.{key}", foreign=foreign) for key, one in body["properties"].items()}
        for key in closed.keys() - set(body.get("required", ())):
            closed[key] = closed[key] if foreign else _or_null(closed[key])
        return {"properties": closed, "required": list(closed), "additionalProperties": False}

    def _reference(self, body: Json, where: str) -> Json:
        name, reference = body["$ref"].removeprefix(REF), {"$ref": body["$ref"]}
        more = {key: one for key, one in body.items() if key in KEPT}
        if not more or name in self._open:
            return {"anyOf": [reference], **more} if more else reference
        # a reference may have no neighbours, so what has some is written out
        self._open.append(name)
        closed = self.close({**self.book.bodies[name], **more}, where, foreign=name in self.book.foreign)
        self._open.pop()
        return closed


def _or_null(body: Json) -> Json:
    options = body.get("anyOf", [{key: one for key, one in body.items() if key != "description"}])
    if NULL in options or None in body.get("enum", ()) or body.get("type") == "null":
        return body
    return {"anyOf": [*options, NULL]} | ({"description": body["description"]} if "description" in body else {})


def _refusal(where: str) -> BadRequestError:
    return BadRequestError(
        f"{where} cannot be strict: a strict schema has no Any, no dictionary and no tuple with a type for each place"
    )

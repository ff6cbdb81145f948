"""Makes a value that fits a JSON Schema: the same value each time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import product
from typing import Any, Final

from jackfield.errors import ConfigurationError

from .fitting import Root, SchemaError, kinds_of
from .patterns import matching

__all__ = ["instance"]

MOST_ITEMS: Final = 1_000
LONGEST: Final = 100_000
FORMATS: Final[Mapping[str, str]] = {
    "date": "2026-01-02",
    "date-time": "2026-01-02T03:04:05Z",
    "duration": "P1D",
    "email": "mock@example.com",
    "hostname": "example.com",
    "idn-email": "mock@example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "iri": "https://example.com/",
    "iri-reference": "https://example.com/",
    "json-pointer": "/mock",
    "regex": "^mock$",
    "relative-json-pointer": "0",
    "time": "03:04:05Z",
    "uri": "https://example.com/",
    "uri-reference": "https://example.com/",
    "uri-template": "https://example.com/{mock}",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
# which type a keyword speaks of, where the schema names none
SPEAKS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("properties", "required", "additionalProperties", "minProperties", "propertyNames"), "object"),
    **dict.fromkeys(("items", "prefixItems", "minItems", "maxItems", "uniqueItems"), "array"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
}


def instance(schema: Any, what: str) -> Any:
    """A value that fits the schema.

    Raises:
        ConfigurationError: the mock can make none; it says where, why, and that a reply can be scripted.
    """
    try:
        return _Maker(schema).make(schema)
    except SchemaError as error:
        why = str(error)
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:
        why = f"the schema is malformed ({type(error).__name__}: {error})"
    except RecursionError:
        why = "the schema is nested too deeply"
    raise ConfigurationError(f"the mock can make nothing that fits {what}: {why}; script a reply for this request")


class _Maker:
    def __init__(self, schema: Any) -> None:
        self._root = Root(schema)

    def make(self, schema: Any, where: str = "$", inside: tuple[str, ...] = (), salt: int = 0) -> Any:
        """A value for a part of the schema.

        `inside` holds the references that led here: none is followed into itself, so that what can end does.
        Another `salt` gives another value, where there are several.

        Raises:
            SchemaError: there is none.
        """
        part = self._root.step(schema)
        if part is False:
            raise SchemaError(f"{where}: nothing is allowed there")
        if part is True:
            return _name(salt)
        why: str | None = None
        for plain, passed in self._plain(part, inside):
            try:
                for value in self._candidates(plain, where, passed, salt):
                    if self._root.fits(value, part):
                        return value
            except SchemaError as error:
                why = why or str(error)
        raise SchemaError(why or f"{where}: {_told(part)}")

    def _plain(self, schema: Any, inside: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
        """The schema without references and choices, once for each way of choosing."""
        part = self._root.step(schema)
        if isinstance(part, bool):
            yield from [({}, inside)] if part else ()
            return
        own = {key: value for key, value in part.items() if key not in {"$ref", "allOf", "anyOf", "oneOf"}}
        parts = list(part.get("allOf", ()))
        if "$ref" in part:
            if part["$ref"] in inside:
                return
            parts.append(self._root.find(part["$ref"]))
            inside = (*inside, part["$ref"])
        for chosen in product(*(part[key] for key in ("anyOf", "oneOf") if key in part)):
            for form, passed in self._joined([*parts, *chosen], inside):
                yield _both(own, form), passed

    def _joined(
        self, parts: Sequence[Any], inside: tuple[str, ...]
    ) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
        if not parts:
            yield {}, inside
            return
        for form, passed in self._plain(parts[0], inside):
            for other, also in self._joined(parts[1:], inside):
                yield _both(form, other), (*passed, *also[len(inside) :])

    def _candidates(self, schema: Mapping[str, Any], where: str, inside: tuple[str, ...], salt: int) -> Iterator[Any]:
        if "const" in schema:
            yield schema["const"]
            return
        if "enum" in schema:
            shift = salt % max(len(schema["enum"]), 1)
            yield from schema["enum"][shift:] + schema["enum"][:shift]
            return
        for kind in kinds_of(schema) or _spoken(schema):
            match kind:
                case "null":
                    yield None
                case "boolean":
                    yield from (salt % 2 == 0, salt % 2 == 1)
                case "integer" | "number":
                    yield from _numbers(schema, salt, whole=kind == "integer")
                case "string":
                    yield from _texts(schema, salt)
                case "array":
                    yield self._list(schema, where, inside, salt)
                case "object":
                    yield self._object(schema, where, inside, salt)

    def _list(self, schema: Mapping[str, Any], where: str, inside: tuple[str, ...], salt: int) -> list[Any]:
        least, most = schema.get("minItems", 0), schema.get("maxItems", MOST_ITEMS)
        first, items = schema.get("prefixItems", []), schema.get("items", True)
        if least > MOST_ITEMS:
            raise SchemaError(f"{where}: the mock makes no list of {least} items")
        wanted = max(least, min(most, max(len(first), 0 if items is False else 1)))
        made: list[Any] = []
        for index in range(wanted):
            part = first[index] if index < len(first) else items
            place = f"{where}[{index}]"
            try:
                made.append(self.make(part, place, inside, salt + index if schema.get("uniqueItems") else salt))
            except SchemaError:
                if index < least:
                    raise
                break  # a list that need not be that long
        return made

    def _object(self, schema: Mapping[str, Any], where: str, inside: tuple[str, ...], salt: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", ())
        others = schema.get("additionalProperties", True)
        least, most = schema.get("minProperties", 0), schema.get("maxProperties", math.inf)
        made: dict[str, Any] = {}
        for key in [*required, *(key for key in properties if key not in required)]:
            place = f"{where}.{key}"
            if key in required:
                made[key] = self.make(properties.get(key, others), place, inside, salt)
            elif len(made) < most:
                with suppress(SchemaError):  # what may be absent is left out
                    made[key] = self.make(properties[key], place, inside, salt)
        if least > MOST_ITEMS:
            raise SchemaError(f"{where}: the mock makes no object of {least} properties")
        number = 0
        while len(made) < least:
            made.setdefault(_name(number), self.make(others, f"{where}.{_name(number)}", inside, salt))
            number += 1
        # in the order in which they are described
        return {key: made[key] for key in [*(key for key in properties if key in made), *made]}


def _name(salt: int) -> str:
    return f"mock{salt or ''}"


def _spoken(schema: Mapping[str, Any]) -> list[str]:
    found = [SPEAKS[key] for key in schema if key in SPEAKS]
    return [*found[:1], "string", "number", "object", "null", "boolean", "array"]


def _numbers(schema: Mapping[str, Any], salt: int, *, whole: bool) -> Iterator[int | float]:
    lows = [schema[key] for key in ("minimum", "exclusiveMinimum") if key in schema]
    highs = [schema[key] for key in ("maximum", "exclusiveMaximum") if key in schema]
    low, high = max(lows, default=-math.inf), min(highs, default=math.inf)
    step = schema.get("multipleOf", 1)
    if low <= 0 <= high:
        start = 0
    elif low > 0:
        start = math.ceil(low / step)
    else:
        start = -math.ceil(-high / step)
    for turn in range(50):
        # upwards, and downwards where the bound is above
        for count in (start + salt + turn, start - salt - turn):
            yield _tidy(count * step)
    if not whole and low > -math.inf and high < math.inf:
        for part in range(salt + 1, salt + 20):
            yield _tidy(low + (high - low) * part / (salt + 20))
            yield _tidy(low + (high - low) / 2**part)
    elif not whole:
        yield from (start * step + salt + 0.5, start * step - salt - 0.5)


def _tidy(number: float) -> int | float:
    return int(number) if number == int(number) else number


def _texts(schema: Mapping[str, Any], salt: int) -> Iterator[str]:
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if least > LONGEST:
        raise SchemaError(f"the mock makes no text of {least} characters")
    if schema.get("format") in FORMATS:
        text = FORMATS[schema["format"]]
        if "email" in schema["format"]:
            text = "mock" * max(0, math.ceil((least - len(text)) / 4)) + text
        yield text
        return
    if "pattern" in schema:
        found = list(matching(schema["pattern"], least))
        yield from found[salt:] + found[:salt]
        return
    text = _name(salt)
    if len(text) > most:
        text = str(salt)[-int(most) :] if salt and most else text[: int(most)]
    yield text + "k" * max(0, least - len(text)) if not salt else "k" * max(0, least - len(text)) + text


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """One schema for what two ask for, as far as it can be said at once: what is made is held against both."""
    joined = {**one, **other}
    for key in one.keys() & other.keys():
        mine, its = one[key], other[key]
        if key == "properties":
            joined[key] = {
                **mine,
                **its,
                **{name: {"allOf": [mine[name], its[name]]} for name in mine.keys() & its.keys()},
            }
        elif key == "required":
            joined[key] = [*mine, *(name for name in its if name not in mine)]
        elif key == "enum":
            joined[key] = [value for value in mine if value in its]
        elif key == "type":
            joined[key] = _kinds(kinds_of(one), kinds_of(other))
        elif key in {"items", "additionalProperties"}:
            joined[key] = {"allOf": [mine, its]}
        elif key == "multipleOf" or key.startswith(("min", "exclusiveMin")):
            joined[key] = max(mine, its)
        elif key.startswith(("max", "exclusiveMax")):
            joined[key] = min(mine, its)
    return joined


def _kinds(mine: list[str], its: list[str]) -> list[str]:
    both = [kind for kind in mine if kind in its]
    if "integer" not in both and {"integer", "number"} <= {*mine, *its}:
        both.append("integer")
    return both


def _told(schema: Mapping[str, Any]) -> str:
    asked = ", ".join(sorted(str(key) for key in schema if key not in {"title", "description", "default", "examples"}))
    return f"the mock finds nothing that fits its {asked}" if asked else "nothing fits"

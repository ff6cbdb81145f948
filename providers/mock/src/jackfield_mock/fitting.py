"""Whether a value fits a JSON Schema (draft 2020-12), as far as the mock knows its keywords."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from attrs import frozen

__all__ = ["REFUSED", "Root", "SchemaError", "equal", "kinds_of"]

# what is not looked at would be dropped in silence
REFUSED: Final = frozenset(
    {
        "$dynamicRef",
        "$recursiveRef",
        "contains",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "if",
        "maxContains",
        "minContains",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
MOST_STEPS: Final = 50_000


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES: Final[Mapping[str, Callable[[Any], bool]]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _number(value) and value == int(value),
    "number": _number,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


class SchemaError(Exception):
    """The schema is none, or asks for more than the mock can make."""


def equal(one: Any, other: Any) -> bool:
    """Equality as JSON has it: true is not 1, but 1.0 is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    return bool(one == other)


def kinds_of(schema: Mapping[str, Any]) -> list[str]:
    """The types that a schema names; none where it names none."""
    kind = schema.get("type", [])
    kinds = [kind] if isinstance(kind, str) else kind
    if not isinstance(kinds, list) or not all(isinstance(one, str) and one in TYPES for one in kinds):
        raise SchemaError(f"{kind!r} is no type of JSON")
    return kinds


class Root:
    """A whole schema, in which references are looked up. The work that it may cause is bounded."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._steps = 0

    def step(self, schema: Any) -> Mapping[str, Any] | bool:
        """Look at a part of the schema.

        Raises:
            SchemaError: it is none, or there is too much of it.
        """
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise SchemaError("the schema is too large")
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            raise SchemaError(f"expected a schema, got {schema!r}")
        if refused := sorted(REFUSED & schema.keys()):
            raise SchemaError(f"the mock does not know the keyword {refused[0]!r}")
        return schema

    def find(self, reference: object) -> Any:
        """What a `$ref` points to.

        Raises:
            SchemaError: it does not point into this schema.
        """
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise SchemaError(f"the reference {reference!r} leads out of the schema")
        found = self._schema
        for step in reference.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~").replace("%25", "%")
            if isinstance(found, Mapping) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
                found = found[int(key)]
            else:
                raise SchemaError(f"the reference {reference!r} leads nowhere")
        return found

    def fits(self, value: Any, schema: Any) -> bool:
        """Whether a value fits a part of the schema. Formats are taken as said, not looked at."""
        schema = self.step(schema)
        if isinstance(schema, bool):
            return schema
        return _Fitting(self, schema, value).fits()


@frozen
class _Fitting:
    root: Root
    schema: Mapping[str, Any]
    value: Any

    def fits(self) -> bool:
        value = self.value
        if (kinds := kinds_of(self.schema)) and not any(TYPES[kind](value) for kind in kinds):
            return False
        if not self._applied():
            return False
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return self._list(value)
        if isinstance(value, dict):
            return self._object(value)
        return not _number(value) or self._number(value)

    def _applied(self) -> bool:
        schema, value = self.schema, self.value
        fits = partial(self.root.fits, value)
        return (
            ("const" not in schema or equal(schema["const"], value))
            and ("enum" not in schema or any(equal(one, value) for one in schema["enum"]))
            and ("$ref" not in schema or fits(self.root.find(schema["$ref"])))
            and all(map(fits, schema.get("allOf", ())))
            and ("anyOf" not in schema or any(map(fits, schema["anyOf"])))
            and ("oneOf" not in schema or sum(map(fits, schema["oneOf"])) == 1)
            and ("not" not in schema or not fits(schema["not"]))
        )

    def _within(self, size: float, low: str, high: str) -> bool:
        return bool(self.schema.get(low, size) <= size <= self.schema.get(high, size))

    def _number(self, value: Any) -> bool:
        above, below = self.schema.get("exclusiveMinimum"), self.schema.get("exclusiveMaximum")
        step = self.schema.get("multipleOf")
        return bool(
            self._within(value, "minimum", "maximum")
            and (above is None or value > above)
            and (below is None or value < below)
            and (step is None or (value / step == int(value / step) and not value % step))
        )

    def _text(self, value: str) -> bool:
        pattern = self.schema.get("pattern")
        return self._within(len(value), "minLength", "maxLength") and (pattern is None or _searched(pattern, value))

    def _list(self, value: list[Any]) -> bool:
        schema, fits = self.schema, self.root.fits
        first = schema.get("prefixItems", [])
        return (
            self._within(len(value), "minItems", "maxItems")
            and all(map(fits, value, first))
            and all(fits(item, schema.get("items", True)) for item in value[len(first) :])
            and not (
                schema.get("uniqueItems")
                and any(equal(one, other) for index, one in enumerate(value) for other in value[:index])
            )
        )

    def _object(self, value: dict[str, Any]) -> bool:
        schema, fits = self.schema, self.root.fits
        properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        if not self._within(len(value), "minProperties", "maxProperties") or set(schema.get("required", ())) - set(
            value
        ):
            return False
        for key, item in value.items():
            held = [properties[key]] if key in properties else []
            held += [one for pattern, one in patterns.items() if _searched(pattern, key)]
            if not all(fits(item, one) for one in held or [schema.get("additionalProperties", True)]):
                return False
        return all(fits(key, schema["propertyNames"]) for key in value) if "propertyNames" in schema else True


def _searched(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        raise SchemaError(f"{pattern!r} is no regular expression that the mock can read") from None

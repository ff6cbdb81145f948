"""The door to Python types as JSON Schema. What is behind it is a distribution of its own, `jackfield-schema`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Protocol, cast

from .errors import PluginError

__all__ = ["Schemas", "schemas"]


class Schemas(Protocol):
    """What is asked of it."""

    def json_schema(self, kind: Any, *, known: Mapping[Any, Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """The JSON Schema of a type; `known` holds those of types that have none of their own."""
        ...

    def function_schema(
        self, function: Callable[..., Any], *, strict: bool = False
    ) -> tuple[str, str | None, dict[str, Any]]:
        """A function's name, its description, and the JSON Schema of its parameters."""
        ...

    def response_schema(self, kind: Any) -> tuple[str, dict[str, Any], bool]:
        """A name, a schema and whether it is strict, with which to ask a model for a type."""
        ...

    def read_response(self, text: str, kind: Any) -> Any:
        """Read the text of a reply that was asked for with `response_schema`."""
        ...


@cache
def schemas() -> Schemas:
    """The plugin that knows Python types.

    Raises:
        PluginError: it is not installed.
    """
    for point in entry_points(group="jackfield.schemas", name="python"):
        return cast("Schemas", point.load())
    raise PluginError("Python types as tools and response formats need jackfield-schema: install it")

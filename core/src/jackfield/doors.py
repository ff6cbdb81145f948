"""Doors to what distributions of their own bring, so that the core stays small: found by entry point, when wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol, cast

from .errors import PluginError

if TYPE_CHECKING:
    from . import types as t

__all__ = ["Schemas", "Shapes", "schemas", "shapes"]


class Schemas(Protocol):
    """What is asked of whoever knows Python types as JSON Schema."""

    def json_schema(self, kind: Any, *, known: Mapping[Any, Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """The JSON Schema of a type; `known` holds those of types that have none of their own."""

    def function_schema(
        self, function: Callable[..., Any], *, strict: bool = False
    ) -> tuple[str, str | None, dict[str, Any]]:
        """A function's name, its description, and the JSON Schema of its parameters."""

    def response_schema(self, kind: Any) -> tuple[str, dict[str, Any], bool]:
        """A name, a schema and whether it is strict, with which to ask a model for a type."""

    def read_response(self, text: str, kind: Any) -> Any:
        """Read the text of a reply that was asked for with `response_schema`."""


class Shapes(Protocol):
    """What is asked of whoever reads dictionaries in OpenAI's shape; `where` is what errors call one."""

    def message(self, value: Mapping[str, Any], where: str) -> t.Message:
        """Read a message."""

    def tool(self, value: Mapping[str, Any], where: str) -> t.Tool | t.Unknown:
        """Read a tool."""

    def tool_choice(self, value: Mapping[str, Any]) -> t.ToolChoice | None:
        """Read a tool choice; None where it is none."""

    def response_format(self, value: Mapping[str, Any]) -> t.ResponseFormat | None:
        """Read a response format; None where it is none."""


def schemas() -> Schemas:
    """Who knows Python types.

    Raises:
        PluginError: nobody is installed.
    """
    return cast("Schemas", _behind("schemas", "python", "Python types as tools and response formats", "schema"))


def shapes() -> Shapes:
    """Who reads dictionaries in OpenAI's shape.

    Raises:
        PluginError: nobody is installed.
    """
    return cast("Shapes", _behind("shapes", "openai", "dictionaries in OpenAI's shape", "wire-openai"))


@cache
def _behind(group: str, name: str, what: str, distribution: str) -> object:
    for point in entry_points(group=f"jackfield.{group}", name=name):
        found: object = point.load()
        return found
    raise PluginError(f"{what} need jackfield-{distribution}: install it")

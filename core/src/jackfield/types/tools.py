"""Tools that a model may ask for, and the forms that its answer can be asked to take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, TypeAlias

from attrs import field, frozen

from ..doors import schemas
from ..errors import BadRequestError
from .content import Brief, Content, Unknown

__all__ = ["ForcedTool", "JsonSchema", "ResponseFormat", "Tool", "ToolChoice"]


@frozen(repr=False)
class Tool(Content):
    """A function that the model may ask for. `parameters` is a JSON Schema of an object."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None

    @classmethod
    def from_function(
        cls,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        strict: bool | None = None,
    ) -> Self:
        """A tool of a Python function, described by its type hints and its docstring. It takes `jackfield-schema`.

        Args:
            function: plain or async; a method must be bound.
            name: in place of the function's own.
            description: in place of the first paragraph of the docstring.
            strict: whether the provider must hold the model to the parameters; None leaves that to the provider.

        Raises:
            BadRequestError: names the parameter that a model cannot give, or that cannot be strict.
            PluginError: `jackfield-schema` is not installed.
        """
        own, text, parameters = schemas().function_schema(function, strict=bool(strict))
        if name is None and not own.isidentifier():
            raise BadRequestError(f"tool: {own} has no name of its own, so give it one")
        return cls(name or own, text if description is None else description, parameters, strict)


@frozen
class ForcedTool:
    """A tool choice: the model must call the tool of this name."""

    name: str


ToolChoice: TypeAlias = Literal["auto", "none", "required"] | ForcedTool | Unknown


@frozen(repr=False)
class JsonSchema(Brief):
    """A form for the answer: JSON that fits a schema.

    Attributes:
        schema: the JSON Schema.
        name: what providers call it.
        strict: whether the provider must hold to the schema, where it can.
        description: what the answer is for.
        kind: the Python type that the schema was made of, which the answer is read into.
    """

    schema: Mapping[str, Any]
    name: str = "response"
    strict: bool | None = None
    description: str | None = None
    kind: Any = field(default=None, eq=False)


ResponseFormat: TypeAlias = Literal["text", "json"] | JsonSchema | Unknown

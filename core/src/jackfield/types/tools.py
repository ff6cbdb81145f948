"""Tools that a model may ask for, and the forms that its answer can be asked to take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from .content import Brief, Content, Unknown

__all__ = ["ForcedTool", "JsonSchema", "ResponseFormat", "Tool", "ToolChoice"]


@frozen(repr=False)
class Tool(Content):
    """A function that the model may ask for. `parameters` is a JSON Schema of an object."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None


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

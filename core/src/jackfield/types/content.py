"""What a conversation is made of: messages, their parts, the tools that a model may ask for, the forms of an answer."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, Self, TypeAlias, cast, get_args

import attrs
from attrs import field, frozen

from ..doors import schemas
from ..errors import BadRequestError, MalformedReplyError

__all__ = ["Audio", "CacheMark", "Citation", "Content", "File", "ForcedTool", "Image", "JsonSchema", "Message", "Part"]
__all__ += ["Reasoning", "Refusal", "ResponseFormat", "Role", "Text", "Tool", "ToolCall", "ToolChoice", "ToolResult"]
__all__ += ["Unknown"]

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
ROLES: Final = get_args(Role)


class Brief:
    """A value whose repr leaves out what was not set."""

    __slots__ = ()

    def __repr__(self) -> str:
        values = ((one, getattr(self, one.name)) for one in attrs.fields(cast("Any", type(self))) if one.repr)
        told = [f"{one.name}={_shown(one.repr, value)}" for one, value in values if value != one.default]
        return f"{type(self).__name__}({', '.join(told)})"


@frozen
class CacheMark:
    """Asks the provider to keep the prompt up to here in its cache; `ttl` says for how long, as in "5m" or "1h"."""

    ttl: str | None = None


@frozen(kw_only=True, repr=False)
class Content(Brief):
    """Base of the parts of a message.

    Attributes:
        cache: a mark for the provider's prompt cache, behind this part.
        extra: what the wire that the part came from says of it beyond our words; it goes back the same way.
    """

    cache: CacheMark | None = None
    extra: Mapping[str, Any] | None = None


@frozen(repr=False)
class Text(Content):
    """Plain text."""

    text: str


@frozen(repr=False)
class Image(Content):
    """A picture, by its address or as a `data:` URL. `detail` is how closely to look: "low", "high", "auto"."""

    url: str = field(repr=lambda url: repr(url if len(url) < 100 else f"{url[:60]}... ({len(url)} characters)"))
    detail: str | None = None

    @classmethod
    def of(cls, data: bytes, media_type: str, detail: str | None = None) -> Self:
        """A picture from its bytes; `media_type` is one like "image/png"."""
        return cls(_data_url(data, media_type), detail)


@frozen(repr=False)
class Audio(Content):
    """Sound, in base64. A reply's sound has an `id`, by which a later request can name it, and a `transcript`."""

    data: str | None = field(default=None, repr=False)
    format: str | None = None
    id: str | None = None
    transcript: str | None = None
    expires: float | None = None

    @classmethod
    def of(cls, data: bytes, format: str) -> Self:  # noqa: A002 - the field's own name
        """Sound from its bytes; `format` is one like "wav" or "mp3"."""
        return cls(b64encode(data).decode(), format)


@frozen(repr=False)
class File(Content):
    """A document: its content as a `data:` URL or in base64, or the id of a file that the provider has."""

    data: str | None = field(default=None, repr=False)
    filename: str | None = None
    id: str | None = None

    @classmethod
    def of(cls, data: bytes, media_type: str, filename: str) -> Self:
        """A document from its bytes; `media_type` is one like "application/pdf"."""
        return cls(_data_url(data, media_type), filename)


@frozen(repr=False)
class Reasoning(Content):
    """What a model thought before it answered.

    Attributes:
        text: the thought, or a summary of it; empty where it is encrypted.
        signature: the provider's proof that it thought so, to be sent back with it.
        encrypted: the thought in a form that only the provider reads, to be sent back.
        summary: whether the text is a summary.
        id: the provider's id of it.
        format: whose form it is, in the words of the wire that it came from.
    """

    text: str = ""
    signature: str | None = None
    encrypted: str | None = None
    summary: bool = False
    id: str | None = None
    format: str | None = None


@frozen(repr=False)
class Refusal(Content):
    """A model's explanation of why it does not answer."""

    text: str


@frozen(repr=False)
class ToolCall(Content):
    """A model's wish that a tool be run.

    `arguments` is the text as the model wrote it: JSON, or whatever a `custom` tool takes. `complete` is False where
    the reply broke off, or was cut by a limit, a filter or an error: such a call must not be run.
    """

    id: str
    name: str
    arguments: str
    complete: bool = True
    custom: bool = False

    @property
    def parsed(self) -> dict[str, Any]:
        """The arguments as a dictionary; a tool without parameters may send none.

        Raises:
            MalformedReplyError: the call is incomplete, or its arguments are not a JSON object.
        """
        if not self.complete:
            raise MalformedReplyError(f"tool call {self.name!r} is incomplete: the reply broke off inside it")
        if not self.arguments.strip():
            return {}
        try:
            value = json.loads(self.arguments)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise MalformedReplyError(f"arguments of tool call {self.name!r} are not a JSON object")
        return value


@frozen(repr=False)
class Unknown(Brief):
    """Something that this version has no word for, kept as it came."""

    raw: Any


def _parts(content: str | Part | Iterable[Part]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content),)
    parts = content if type(content) is tuple else tuple(content) if isinstance(content, Iterable) else (content,)
    for part in parts:
        if not isinstance(part, Part):
            raise BadRequestError(f"message.parts: expected text or parts of a message, got {part!r}")
    return parts


@frozen(repr=False)
class ToolResult(Content):
    """What a tool gave back, for the call with this id. `ToolResult(id, "22")` is short for one `Text` part.

    `is_error` says that the tool failed, and that the parts tell how.
    """

    call_id: str
    parts: tuple[Part, ...] = field(converter=_parts)
    is_error: bool = False

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return _joined(self.parts)


Part: TypeAlias = Text | Image | Audio | File | Reasoning | Refusal | ToolCall | ToolResult | Unknown


@frozen(repr=False)
class Citation(Brief):
    """Where a statement of a reply comes from. `start` and `end` are positions in its text, `text` is a quotation."""

    url: str
    title: str | None = None
    text: str | None = None
    start: int | None = None
    end: int | None = None
    extra: Mapping[str, Any] | None = None


def _role(_: object, __: object, value: object) -> None:
    if value not in ROLES:
        raise BadRequestError(f"message.role: expected one of {', '.join(ROLES)}, got {value!r}")


@frozen(repr=False)
class Message(Brief):
    """One turn. `Message("user", "Hello")` is short for one `Text` part.

    Attributes:
        role: whose turn it is.
        parts: what it holds, in order.
        name: who speaks, where several share a role.
        annotations: what is remarked on the text: citations, and what else a provider remarks.
        cache: a mark for the provider's prompt cache, behind the whole turn.
        extra: what the wire that the turn came from says of it beyond our words; it goes back the same way.
    """

    role: Role = field(validator=_role)
    parts: tuple[Part, ...] = field(converter=_parts)
    name: str | None = None
    annotations: tuple[Citation | Unknown, ...] = field(default=(), kw_only=True)
    cache: CacheMark | None = field(default=None, kw_only=True)
    extra: Mapping[str, Any] | None = field(default=None, kw_only=True)

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return _joined(self.parts)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))


def _joined(parts: Iterable[Part]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text))


def _shown(how: Any, value: object) -> str:
    return str(how(value)) if callable(how) else repr(value)


def _data_url(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{b64encode(data).decode()}"


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

"""What a scripted reply may be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

from attrs import field, fields, frozen

from jackfield.call import Call
from jackfield.errors import BadRequestError, ConfigurationError
from jackfield.http import write_json
from jackfield.types import Citation, Event, FinishReason, ToolCall, Usage

from .checks import SECONDS, WHOLE, at_least, boolean, from_table, instance, items, one_of, optional, textual
from .faults import Fault, read_fault

__all__ = ["Chunk", "Reply", "ReplyLike", "Responder", "Script", "ScriptedCall", "chunk_check", "read_reply"]
__all__ += ["replies_check"]

Chunk: TypeAlias = int | Literal["word"]
Script: TypeAlias = Sequence[Event | Exception | float]
"""A reply event by event: an exception is raised where it stands, a number is a pause in seconds."""

EXPECTED = "text, a table, a Reply, a list of events, an exception or a function"
DOLLARS = at_least(0, "dollars of at least 0")


def chunk_check(_: object, attribute: Any, value: object) -> None:
    """Characters in each piece, or "word"."""
    if value != "word" and (type(value) is not int or value < 1):
        raise ConfigurationError(f"{attribute.alias}: expected at least 1, or 'word', got {value!r}")


def _arguments(_: object, attribute: Any, value: object) -> None:
    try:
        if value is None or (isinstance(value, str | Mapping) and write_json(value)):
            return
    except BadRequestError:
        pass
    raise ConfigurationError(f"{attribute.alias}: expected text or a table that JSON can carry, got {value!r}")


@frozen
class ScriptedCall:
    """A tool call of a reply.

    Attributes:
        name: the tool.
        arguments: a table, or text that is sent as it stands, so that it may be broken; without it, arguments that fit
            the tool's parameters are made where the request offers the tool.
        id: the call's id; by default one that no other call has.
        custom: whether the tool is one that takes text instead of JSON.
    """

    name: str = field(validator=textual)
    arguments: Mapping[str, Any] | str | None = field(default=None, validator=_arguments)
    id: str | None = field(default=None, validator=optional(textual))
    custom: bool = field(default=False, validator=boolean)


def _calls(value: Any) -> Sequence[ScriptedCall]:
    return tuple(_call(call, f"tool_calls[{index}]") for index, call in enumerate(items(value, "tool_calls")))


def _call(value: object, where: str) -> ScriptedCall:
    match value:
        case ScriptedCall():
            return value
        case ToolCall():
            return ScriptedCall(value.name, value.arguments, value.id, value.custom)
        case Mapping():
            return from_table(ScriptedCall, value, where)
    raise ConfigurationError(f"{where}: expected a table with a name, got {value!r}")


def _texts(_: object, attribute: Any, value: Any) -> None:
    items(value, attribute.alias, str, "text")


def _citations(_: object, attribute: Any, value: Any) -> None:
    items(value, attribute.alias, Citation, "a Citation")


def _choices(value: Sequence[str | Reply | Mapping[str, Any]]) -> Sequence[str | Reply]:
    return tuple(_choice(one, f"choices[{index}]") for index, one in enumerate(items(value, "choices")))


def _choice(value: Any, where: str) -> str | Reply:
    if isinstance(value, str):
        return value
    reply = from_table(Reply, value, where) if isinstance(value, Mapping) else value
    if not isinstance(reply, Reply):
        raise ConfigurationError(f"{where}: expected text, a Reply or a table, got {value!r}")
    for name in OF_THE_WHOLE:
        if getattr(reply, name) not in (None, ()):
            raise ConfigurationError(f"{where}.{name}: belongs to the reply as a whole")
    return reply


def _usage(value: Usage | Mapping[str, Any] | None) -> Usage | None:
    usage = instance(Usage, value, "usage")
    for one in fields(Usage) if usage is not None else ():
        try:
            optional(DOLLARS if one.name == "cost" else WHOLE)(usage, one, getattr(usage, one.name))
        except ConfigurationError as error:
            raise ConfigurationError(f"usage.{error.message}") from None
    return usage


@frozen
class Reply:
    """One scripted reply.

    Attributes:
        text: what it says.
        reasoning: what it thought first.
        tool_calls: the tools that it asks for.
        finish: why it ends; "tool_calls" where it has any, else "stop".
        delay: seconds before each of its events, the start aside; None is the provider's own.
        refusal: why it does not answer.
        citations: where its statements come from.
        images: pictures, by their addresses or as `data:` URLs.
        usage: what it cost; by default, words are counted.
        choices: what each choice says, the last one for all further ones; in place of the fields above.
        first_delay: seconds before its first event; None is the provider's own.
        chunk: characters in each piece of a stream, or "word"; None is the provider's own.
        pieces: the text, cut as it is to be streamed; in place of `text` and `chunk`.
        fault: what goes wrong with it.

    Raises:
        ConfigurationError: a value is wrong.
    """

    text: str = field(default="", validator=textual)
    reasoning: str = field(default="", validator=textual)
    tool_calls: Sequence[ScriptedCall] = field(default=(), converter=_calls)
    finish: FinishReason | None = field(default=None, validator=optional(one_of(*get_args(FinishReason))))
    delay: float | None = field(default=None, validator=optional(SECONDS))
    refusal: str = field(default="", validator=textual, kw_only=True)
    citations: Sequence[Citation] = field(default=(), validator=_citations, kw_only=True)
    images: Sequence[str] = field(default=(), validator=_texts, kw_only=True)
    usage: Usage | None = field(default=None, converter=_usage, kw_only=True)
    choices: Sequence[str | Reply] = field(default=(), converter=_choices, kw_only=True)
    first_delay: float | None = field(default=None, validator=optional(SECONDS), kw_only=True)
    chunk: Chunk | None = field(default=None, validator=optional(chunk_check), kw_only=True)
    pieces: Sequence[str] = field(default=(), validator=_texts, kw_only=True)
    fault: Fault | None = field(default=None, converter=read_fault, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if self.pieces and self.text:
            raise ConfigurationError("pieces: they are the text, so there can be no `text` beside them")
        if self.choices and (told := self.told()):
            raise ConfigurationError(f"choices: each has its own, so there can be no `{told[0]}` beside them")

    def told(self) -> list[str]:
        """Which fields say something that only a choice can carry."""
        return [name for name in TOLD if getattr(self, name)]

    def said(self) -> str:
        """The text."""
        return self.text or "".join(self.pieces)


TOLD = ("text", "pieces", "reasoning", "refusal", "tool_calls", "citations", "images", "finish")
# what a choice cannot have of its own
OF_THE_WHOLE = ("delay", "first_delay", "usage", "choices", "fault")

Responder: TypeAlias = Callable[[Call[Any]], Any | Awaitable[Any]]
"""Answers a call with text, a `Reply`, a list of events or an exception; with None, as the mock would without it."""

ReplyLike: TypeAlias = str | Reply | Script | Exception | Responder


def read_reply(value: Any, where: str) -> str | Reply | Script | Responder:
    """A reply, in whatever form it was given.

    Raises:
        ConfigurationError: it is none.
    """
    if isinstance(value, str | Reply):
        return value
    if isinstance(value, Exception):
        return [value]
    if isinstance(value, Mapping):
        return from_table(Reply, value, where)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return tuple(_played(one, f"{where}[{index}]") for index, one in enumerate(value))
    if callable(value):
        return value  # type: ignore[no-any-return] # what it gives is looked at when it has
    raise ConfigurationError(f"{where}: expected {EXPECTED}, got {value!r}")


def replies_check(_: object, attribute: Any, value: Any) -> None:
    """A list of replies."""
    for index, reply in enumerate(items(value, attribute.alias)):
        read_reply(reply, f"{attribute.alias}[{index}]")


def _played(value: Any, where: str) -> Event | Exception | float:
    if isinstance(value, Event | Exception):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(f"{where}: expected an event, an exception or seconds, got {value!r}")
    if not 0 <= value < float("inf"):
        raise ConfigurationError(f"{where}: expected seconds of at least 0, got {value!r}")
    return value

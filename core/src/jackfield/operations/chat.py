"""Chat: messages in, one or more choices out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from attrs import field, frozen

from ..errors import BadRequestError
from ..types import (
    ChatEvent,
    Finish,
    Finished,
    Message,
    Part,
    Reasoning,
    ReasoningDelta,
    Refusal,
    RefusalDelta,
    Start,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    Unrecognized,
    Usage,
    UsageReported,
)
from .base import Operation, Request
from .messages import ToolChoiceLike, ToolLike, read_messages, read_tool_choice, read_tools

__all__ = ["CHAT", "ChatOptions", "ChatRequest", "ChatResponse", "Choice"]


@frozen
class Choice:
    """One of the answers. `finish` is None only in the partial response of an error."""

    index: int
    message: Message
    finish: Finish | None


@frozen
class ChatResponse:
    """A whole reply. The short names (`text`, `tool_calls`, ...) speak of the first choice.

    `raw` is the provider's payload, or a tuple of them for a stream; it takes no part in equality.
    """

    provider: str | None
    model: str | None
    id: str | None
    created: float | None
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    raw: Any = field(default=None, eq=False, repr=False)

    @property
    def message(self) -> Message:
        """The assistant's turn, to put into the next request."""
        return self.choices[0].message if self.choices else Message("assistant", ())

    @property
    def finish(self) -> Finish | None:
        """Why the first choice ended."""
        return self.choices[0].finish if self.choices else None

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return self.message.text

    @property
    def reasoning(self) -> str:
        """The reasoning of the first choice."""
        return "".join(part.text for part in self.message.parts if isinstance(part, Reasoning))

    @property
    def refusal(self) -> str:
        """The refusal of the first choice; empty where it did not refuse."""
        return "".join(part.text for part in self.message.parts if isinstance(part, Refusal))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls of the first choice."""
        return self.message.tool_calls


class _ChoiceFold:
    """The parts of one choice, each kind where it first appeared."""

    def __init__(self) -> None:
        self.texts: dict[type[Text | Reasoning | Refusal], list[str]] = {}
        self.order: list[type[Text | Reasoning | Refusal] | int] = []
        self.calls: dict[int, tuple[list[str], list[str], list[str]]] = {}
        self.finish: Finish | None = None

    def write(self, kind: type[Text | Reasoning | Refusal], text: str) -> None:
        pieces = self.texts.get(kind)
        if pieces is None:
            pieces = self.texts[kind] = []
            self.order.append(kind)
        pieces.append(text)

    def call(self, event: ToolCallDelta) -> None:
        call = self.calls.get(event.index)
        if call is None:
            call = self.calls[event.index] = ([], [], [])
            self.order.append(event.index)
        for pieces, piece in zip(call, (event.id, event.name, event.arguments), strict=True):
            if piece:
                pieces.append(piece)

    def choice(self, index: int) -> Choice:
        parts: list[Part] = []
        # a limit, a filter or an error can cut a reply inside a call, and nothing tells which call it was
        whole = self.finish is not None and self.finish.unified not in {"length", "content_filter", "error"}
        for key in self.order:
            if isinstance(key, int):
                call_id, name, arguments = ("".join(pieces) for pieces in self.calls[key])
                parts.append(ToolCall(call_id, name, arguments, complete=whole))
            else:
                parts.append(key("".join(self.texts[key])))
        return Choice(index, Message("assistant", parts), self.finish)


class _ChatFold:
    def __init__(self) -> None:
        self.start = Start()
        self.usage: Usage | None = None
        self.choices: dict[int, _ChoiceFold] = {}
        self.raw: list[Any] = []

    def add(self, event: ChatEvent) -> None:
        if event.raw is not None:
            self.raw.append(event.raw)
        match event:
            case TextDelta():
                self._at(event.choice).write(Text, event.text)
            case ReasoningDelta():
                self._at(event.choice).write(Reasoning, event.text)
            case ToolCallDelta():
                self._at(event.choice).call(event)
            case RefusalDelta():
                self._at(event.choice).write(Refusal, event.text)
            case Finished():
                self._at(event.choice).finish = event.finish
            case UsageReported():
                self.usage = event.usage
            case Start():
                self.start = event
            case Unrecognized():
                pass

    def _at(self, index: int) -> _ChoiceFold:
        choice = self.choices.get(index)
        if choice is None:
            choice = self.choices[index] = _ChoiceFold()
        return choice

    def response(self) -> ChatResponse:
        raw = self.raw[0] if len(self.raw) == 1 else tuple(self.raw) or None
        choices = tuple(self.choices[index].choice(index) for index in sorted(self.choices))
        start = self.start
        return ChatResponse(start.provider, start.model, start.id, start.created, choices, self.usage, raw)

    def missing(self) -> str | None:
        if not self.choices:
            return "no choice has arrived"
        open_ = [str(index) for index, choice in sorted(self.choices.items()) if choice.finish is None]
        return f"choice {', '.join(open_)} has no finish reason" if open_ else None


CHAT: Operation[ChatEvent, ChatResponse] = Operation("chat", _ChatFold)


def _stop(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    stop = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not all(isinstance(text, str) for text in stop):
        raise BadRequestError(f"stop: expected a text or several, got {value!r}")
    return stop


def _number(low: float, high: float, what: str) -> Any:
    def check(_: object, attribute: Any, value: object) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise BadRequestError(f"{attribute.name}: expected {what}, got {value!r}")

    return check


def _whole(low: int | None = None) -> Any:
    def check(_: object, attribute: Any, value: object) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int) or (low is not None and value < low):
            bound = "" if low is None else f" of at least {low}"
            raise BadRequestError(f"{attribute.name}: expected a whole number{bound}, got {value!r}")

    return check


def _a(kind: type[Any], what: str) -> Any:
    def check(_: object, attribute: Any, value: object) -> None:
        if value is not None and not isinstance(value, kind):
            raise BadRequestError(f"{attribute.name}: expected {what}, got {value!r}")

    return check


def _options(_: object, __: object, value: object) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(item, Mapping) for item in value.values()):
        raise BadRequestError(f"options: expected a dictionary for each plugin, by its name, got {value!r}")


@frozen(kw_only=True)
class ChatRequest(Request[ChatEvent, ChatResponse]):
    """A request for a chat. What is None is not set, and is not sent.

    Attributes:
        messages: the conversation so far; a string is one user message.
        model: `provider:model`, an alias from the configuration, a provider's name, or None for the default.
        tools: functions that the model may ask for.
        tool_choice: "auto", "none", "required", or `ForcedTool(name)`.
        parallel_tool_calls: whether one reply may hold several tool calls.
        temperature: 0 to 2; 0 is the least random.
        top_p: 0 to 1: the share of probability to sample from.
        max_output_tokens: the most tokens that a reply may have, reasoning included.
        stop: text or texts that end the reply.
        seed: for sampling that can be repeated, where the provider supports it.
        n: how many choices to give.
        options: settings that only one plugin understands, by the plugin's name: `{"openai": {"store": True}}`.
            Those of other plugins are left alone, so that a program can hold the options of each provider it uses.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """

    operation = CHAT

    messages: tuple[Message, ...] = field(converter=read_messages)
    model: str | None = field(default=None, validator=_a(str, "'provider:model' or an alias"))
    tools: tuple[Tool, ...] | None = field(default=None, converter=read_tools)
    tool_choice: ToolChoice | None = field(default=None, converter=read_tool_choice)
    parallel_tool_calls: bool | None = field(default=None, validator=_a(bool, "true or false"))
    temperature: float | None = field(default=None, validator=_number(0, 2, "a number from 0 to 2"))
    top_p: float | None = field(default=None, validator=_number(0, 1, "a number from 0 to 1"))
    max_output_tokens: int | None = field(default=None, validator=_whole(1))
    stop: tuple[str, ...] | None = field(default=None, converter=_stop)
    seed: int | None = field(default=None, validator=_whole())
    n: int | None = field(default=None, validator=_whole(1))
    options: Mapping[str, Mapping[str, Any]] = field(factory=dict, validator=_options)


class ChatOptions(TypedDict, total=False):
    """The fields of `ChatRequest` beside its messages, as keyword arguments."""

    model: str | None
    tools: Iterable[ToolLike] | None
    tool_choice: ToolChoiceLike
    parallel_tool_calls: bool | None
    temperature: float | None
    top_p: float | None
    max_output_tokens: int | None
    stop: str | Iterable[str] | None
    seed: int | None
    n: int | None
    options: Mapping[str, Mapping[str, Any]]

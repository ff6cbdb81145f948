"""Chat: messages in, one or more choices out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from .. import types as t
from ..doors import schemas
from ..errors import MalformedReplyError
from ..http import read_json
from ..types.content import Brief
from .asking import read_messages, read_response_format, read_tool_choice, read_tools
from .base import Operation, Response, Sampled, a, whole
from .folding import ChoicesFold

__all__ = ["CHAT", "ChatRequest", "ChatResponse", "Choice"]


@frozen(repr=False)
class Choice(Brief):
    """One of the answers. `finish` is None only in the partial response of an error."""

    index: int
    message: t.Message
    finish: t.Finish | None
    logprobs: t.Logprobs | None = None


@frozen(kw_only=True, repr=False)
class ChatResponse(Response):
    """A whole reply. The short names (`text`, `tool_calls`, ...) speak of the first choice."""

    choices: tuple[Choice, ...] = ()
    format: t.ResponseFormat | None = field(default=None, eq=False, repr=False)

    @property
    def message(self) -> t.Message:
        """The assistant's turn, to put into the next request."""
        return self.choices[0].message if self.choices else t.Message("assistant", ())

    @property
    def finish(self) -> t.Finish | None:
        """Why the first choice ended."""
        return self.choices[0].finish if self.choices else None

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return self.message.text

    @property
    def reasoning(self) -> str:
        """The reasoning of the first choice."""
        return "".join(part.text for part in self.message.parts if isinstance(part, t.Reasoning))

    @property
    def refusal(self) -> str:
        """The refusal of the first choice; empty where it did not refuse."""
        return "".join(part.text for part in self.message.parts if isinstance(part, t.Refusal))

    @property
    def tool_calls(self) -> tuple[t.ToolCall, ...]:
        """The tool calls of the first choice."""
        return self.message.tool_calls

    @property
    def annotations(self) -> tuple[t.Citation | t.Unknown, ...]:
        """What is remarked on the first choice's text."""
        return self.message.annotations

    @property
    def logprobs(self) -> t.Logprobs | None:
        """The log probabilities of the first choice, where they were asked for."""
        return self.choices[0].logprobs if self.choices else None

    @property
    def parsed(self) -> Any:
        """The text of the first choice as what `response_format` asked for: a JSON value, or the Python type.

        Raises:
            MalformedReplyError: the model refused, the reply was cut, or its text does not fit.
        """
        if self.refusal and not self.text:
            raise MalformedReplyError(f"there is nothing to parse: the model refused: {self.refusal[:200]}")
        if self.finish is None or self.finish.unified in {"length", "content_filter", "error"}:
            why = "it broke off" if self.finish is None else f"it was cut off ({self.finish.unified})"
            raise MalformedReplyError(f"the reply cannot be parsed: {why}")
        if isinstance(self.format, t.JsonSchema) and self.format.kind is not None:
            return schemas().read_response(self.text, self.format.kind)
        return read_json(self.text)


class _ChatFold(ChoicesFold):
    def response(self) -> ChatResponse:
        folds = sorted(self.choices.items())
        choices = tuple([Choice(index, fold.message(), fold.finish, fold.logprobs()) for index, fold in folds])
        return ChatResponse(choices=choices, format=getattr(self.request, "response_format", None), **self.facts())


CHAT: Operation[t.ChatEvent, ChatResponse] = Operation("chat", _ChatFold, t.ChatEvent)


@frozen(kw_only=True)
class ChatRequest(Sampled[t.ChatEvent, ChatResponse]):
    """A request for a chat. What is None is not set, and is not sent. See `Sampled` and `Request` for further fields.

    Attributes:
        messages: the conversation so far; a string is one user message.
        tools: functions that the model may ask for: `Tool`, an OpenAI-shaped dictionary, or a Python function.
        tool_choice: "auto", "none", "required", or `ForcedTool(name)`.
        parallel_tool_calls: whether one reply may hold several tool calls.
        response_format: "text", "json", a `JsonSchema`, a JSON Schema as a dictionary, or a Python type (attrs class,
            dataclass, TypedDict, pydantic or msgspec model); `reply.parsed` gives the answer in it.
        top_k: how many of the likeliest tokens to sample from.
        logprobs: whether to give the log probability of each token.
        top_logprobs: how many of the likeliest tokens to give at each place.
        reasoning_effort: how much to think: "none", "minimal", "low", "medium", "high", ... as the model has it.
        reasoning_budget: the most tokens to think with.
        metadata: texts that the provider keeps beside the request.
        service_tier: the class of service to pay for.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """

    operation = CHAT

    messages: tuple[t.Message, ...] = field(converter=read_messages)
    tools: tuple[t.Tool | t.Unknown, ...] | None = field(default=None, converter=read_tools)
    tool_choice: t.ToolChoice | None = field(default=None, converter=read_tool_choice)
    parallel_tool_calls: bool | None = field(default=None, validator=a(bool, "true or false"))
    response_format: t.ResponseFormat | None = field(default=None, converter=read_response_format)
    top_k: int | None = field(default=None, validator=whole(0))
    logprobs: bool | None = field(default=None, validator=a(bool, "true or false"))
    top_logprobs: int | None = field(default=None, validator=whole(0))
    reasoning_effort: str | None = field(default=None, validator=a(str, "a word like 'low' or 'high'"))
    reasoning_budget: int | None = field(default=None, validator=whole(0))
    metadata: Mapping[str, Any] | None = field(default=None, validator=a(Mapping, "a dictionary"))
    service_tier: str | None = field(default=None, validator=a(str, "text"))

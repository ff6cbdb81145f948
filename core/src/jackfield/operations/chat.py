"""Chat: messages in, one or more choices out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from .. import types as t
from ..errors import MalformedReplyError
from ..types.content import Brief
from .asking import (
    ResponseFormatLike,
    ToolChoiceLike,
    ToolLike,
    read_response_format,
    read_tool_choice,
    read_tools,
)
from .base import Operation, Request, RequestOptions, Response
from .checks import a, mapping_of_numbers, number, stop as read_stop, whole
from .folding import ChoiceFold, ChoicesFold
from .messages import read_messages

__all__ = ["CHAT", "ChatOptions", "ChatRequest", "ChatResponse", "Choice"]


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
        from ..schema import read_response  # only who asks for structure pays for it

        if self.refusal and not self.text:
            raise MalformedReplyError(f"there is nothing to parse: the model refused: {self.refusal[:200]}")
        if self.finish is not None and self.finish.unified in {"length", "content_filter", "error"}:
            raise MalformedReplyError(f"the reply cannot be parsed: it was cut off ({self.finish.unified})")
        return read_response(self.text, self.format.kind if isinstance(self.format, t.JsonSchema) else None)


class _ChatFold(ChoicesFold):
    def __init__(self, request: ChatRequest | None = None) -> None:
        super().__init__()
        self._format = None if request is None else request.response_format

    def response(self) -> ChatResponse:
        choices = tuple(_choice(index, self.choices[index]) for index in sorted(self.choices))
        return ChatResponse(choices=choices, format=self._format, **self.facts())


def _choice(index: int, fold: ChoiceFold) -> Choice:
    return Choice(index, fold.message(), fold.finish, fold.logprobs())


CHAT: Operation[t.ChatEvent, ChatResponse] = Operation("chat", _ChatFold)


@frozen(kw_only=True)
class ChatRequest(Request[t.ChatEvent, ChatResponse]):
    """A request for a chat. What is None is not set, and is not sent.

    Attributes:
        messages: the conversation so far; a string is one user message.
        tools: functions that the model may ask for: `Tool`, an OpenAI-shaped dictionary, or a Python function.
        tool_choice: "auto", "none", "required", or `ForcedTool(name)`.
        parallel_tool_calls: whether one reply may hold several tool calls.
        response_format: "text", "json", a `JsonSchema`, a JSON Schema as a dictionary, or a Python type (attrs class,
            dataclass, TypedDict, pydantic or msgspec model); `reply.parsed` gives the answer in it.
        temperature: 0 to 2; 0 is the least random.
        top_p: 0 to 1: the share of probability to sample from.
        top_k: how many of the likeliest tokens to sample from.
        frequency_penalty: -2 to 2: above 0, a token is less likely the more often it came.
        presence_penalty: -2 to 2: above 0, a token that came once is less likely.
        max_output_tokens: the most tokens that a reply may have, reasoning included.
        stop: text or texts that end the reply.
        seed: for sampling that can be repeated, where the provider supports it.
        n: how many choices to give.
        logprobs: whether to give the log probability of each token.
        top_logprobs: how many of the likeliest tokens to give at each place.
        logit_bias: what to add to a token's logit, by the provider's number of the token.
        reasoning_effort: how much to think: "none", "minimal", "low", "medium", "high", ... as the model has it.
        reasoning_budget: the most tokens to think with.
        metadata: texts that the provider keeps beside the request.
        user: the provider's sign for whoever the request is made for.
        service_tier: the class of service to pay for.
        model: see `Request`, as for the fields that every request has.
        options: as above.
        extra_headers: as above.
        extra_body: as above.
        unsupported: as above.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """

    operation = CHAT

    messages: tuple[t.Message, ...] = field(converter=read_messages)
    tools: tuple[t.Tool | t.Unknown, ...] | None = field(default=None, converter=read_tools)
    tool_choice: t.ToolChoice | None = field(default=None, converter=read_tool_choice)
    parallel_tool_calls: bool | None = field(default=None, validator=a(bool, "true or false"))
    response_format: t.ResponseFormat | None = field(default=None, converter=read_response_format)
    temperature: float | None = field(default=None, validator=number(0, 2, "a number from 0 to 2"))
    top_p: float | None = field(default=None, validator=number(0, 1, "a number from 0 to 1"))
    top_k: int | None = field(default=None, validator=whole(0))
    frequency_penalty: float | None = field(default=None, validator=number(-2, 2, "a number from -2 to 2"))
    presence_penalty: float | None = field(default=None, validator=number(-2, 2, "a number from -2 to 2"))
    max_output_tokens: int | None = field(default=None, validator=whole(1))
    stop: tuple[str, ...] | None = field(default=None, converter=read_stop)
    seed: int | None = field(default=None, validator=whole())
    n: int | None = field(default=None, validator=whole(1))
    logprobs: bool | None = field(default=None, validator=a(bool, "true or false"))
    top_logprobs: int | None = field(default=None, validator=whole(0))
    logit_bias: Mapping[str, float] | None = field(default=None, validator=mapping_of_numbers)
    reasoning_effort: str | None = field(default=None, validator=a(str, "a word like 'low' or 'high'"))
    reasoning_budget: int | None = field(default=None, validator=whole(0))
    metadata: Mapping[str, Any] | None = field(default=None, validator=a(Mapping, "a dictionary"))
    user: str | None = field(default=None, validator=a(str, "text"))
    service_tier: str | None = field(default=None, validator=a(str, "text"))


class ChatOptions(RequestOptions, total=False):
    """The fields of `ChatRequest` beside its messages, as keyword arguments."""

    tools: Iterable[ToolLike] | None
    tool_choice: ToolChoiceLike
    parallel_tool_calls: bool | None
    response_format: ResponseFormatLike
    temperature: float | None
    top_p: float | None
    top_k: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    max_output_tokens: int | None
    stop: str | Iterable[str] | None
    seed: int | None
    n: int | None
    logprobs: bool | None
    top_logprobs: int | None
    logit_bias: Mapping[str, float] | None
    reasoning_effort: str | None
    reasoning_budget: int | None
    metadata: Mapping[str, Any] | None
    user: str | None
    service_tier: str | None

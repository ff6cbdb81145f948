"""The pieces of a reply, in the order in which they come.

The grammar of every reply, streamed or not:

    Start, then deltas, then one Finished for each choice, UsageReported where the provider states it, then the end

The end is the end of the iteration. Operations without choices have no Finished.
Unrecognized may stand anywhere after Start: it holds what this version has no word for.
`raw` is the provider's payload that an event was read from, on the first event of each payload;
it takes no part in equality.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from .content import Brief, Citation, Part, Unknown

__all__ = ["Annotated", "AudioDelta", "ChatEvent", "CompleteEvent", "EmbedEvent", "Embedded", "Event", "Finish"]
__all__ += ["FinishReason", "Finished", "Logprobs", "LogprobsDelta", "MessageExtra", "ModelInfo", "ModelListed"]
__all__ += ["ModelsEvent", "PartAdded", "RateLimit", "ReasoningDelta", "RefusalDelta", "Start", "TextDelta"]
__all__ += ["TokenLogprob", "ToolCallDelta", "Unrecognized", "Usage", "UsageReported"]


FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "error", "other"]


@frozen
class Finish:
    """Why a choice ended: in our word, and in the provider's (None where it gave none)."""

    unified: FinishReason
    raw: str | None


@frozen(repr=False)
class Usage(Brief):
    """Tokens and cost as the provider states them; None is what it does not state.

    Attributes:
        input_tokens: tokens of the request, `cached_tokens` included.
        output_tokens: tokens of the reply; most providers include `reasoning_tokens`.
        reasoning_tokens: tokens of thought.
        cached_tokens: tokens of the request that came from the provider's prompt cache.
        cache_write_tokens: tokens of the request that were put into that cache.
        input_audio_tokens: tokens of the request that were sound.
        output_audio_tokens: tokens of the reply that were sound.
        cost: what was charged, in US dollars.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    cost: float | None = None


@frozen(repr=False)
class TokenLogprob(Brief):
    """One token and the natural logarithm of its probability, None where the provider gave none.

    `bytes` are those of the token in UTF-8, `offset` its place in the text, `top` the likeliest tokens at that place.
    """

    token: str
    logprob: float | None
    bytes: bytes | None = None
    top: tuple[TokenLogprob, ...] = ()
    offset: int | None = None


@frozen(repr=False)
class Logprobs(Brief):
    """The log probabilities of a choice's tokens: of its text, its refusal and its reasoning."""

    content: tuple[TokenLogprob, ...] = ()
    refusal: tuple[TokenLogprob, ...] = ()
    reasoning: tuple[TokenLogprob, ...] = ()


@frozen(repr=False)
class RateLimit(Brief):
    """What is left of the provider's limits; None is what it does not state. A reset is in seconds from the reply."""

    requests_limit: int | None = None
    requests_remaining: int | None = None
    requests_reset: float | None = None
    tokens_limit: int | None = None
    tokens_remaining: int | None = None
    tokens_reset: float | None = None


@frozen(repr=False)
class ModelInfo(Brief):
    """A model, as its provider describes it; None is what it does not state.

    Attributes:
        id: the name to use in a request.
        name: what people call it.
        owner: who made it.
        created: when, in seconds since 1970.
        context_length: the most tokens that a request and its reply may have together.
        max_output_tokens: the most tokens that a reply may have.
    """

    id: str
    name: str | None = None
    owner: str | None = None
    created: float | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None
    raw: object = field(default=None, eq=False, repr=False)


@frozen(kw_only=True, repr=False)
class Event(Brief):
    """One piece of a reply, of whatever operation."""

    raw: Any = field(default=None, eq=False, repr=False)


@frozen(repr=False)
class Start(Event):
    """A reply begins.

    Attributes:
        id: the provider's id of the reply.
        model: the model that answers.
        created: when, in seconds since 1970.
        provider: the name of the instance; the core fills it in.
        request_id: the provider's id of the request, which its support asks for.
        rate_limit: what is left of the provider's limits.
        cached: whether the reply comes from a cache of ours.
    """

    id: str | None = None
    model: str | None = None
    created: float | None = None
    provider: str | None = None
    request_id: str | None = field(default=None, kw_only=True)
    rate_limit: RateLimit | None = field(default=None, kw_only=True)
    cached: bool = field(default=False, kw_only=True)


@frozen(repr=False)
class TextDelta(Event):
    """More text of a choice. `block` counts its texts from 0, where the provider tells several apart."""

    text: str
    choice: int = 0
    block: int = 0


@frozen(repr=False)
class ReasoningDelta(Event):
    """More of a choice's reasoning. `block` counts its thoughts from 0; the rest is as in `Reasoning`."""

    text: str = ""
    choice: int = 0
    block: int = 0
    signature: str | None = None
    encrypted: str | None = None
    summary: bool = False
    id: str | None = None
    format: str | None = None
    extra: Mapping[str, Any] | None = None


@frozen(repr=False)
class RefusalDelta(Event):
    """More of a choice's refusal."""

    text: str
    choice: int = 0


@frozen(repr=False)
class ToolCallDelta(Event):
    """More of a tool call. `index` counts the calls of a choice from 0; `id` and `name` come once, whole."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    choice: int = 0
    custom: bool = False
    extra: Mapping[str, Any] | None = None


@frozen(repr=False)
class AudioDelta(Event):
    """More of a choice's sound: `data` is base64 that may be cut anywhere, `transcript` what it says."""

    data: str = field(default="", repr=False)
    transcript: str = ""
    choice: int = 0
    id: str | None = None
    format: str | None = None
    expires: float | None = None


@frozen(repr=False)
class PartAdded(Event):
    """A part of a choice's message that comes whole: an image, or one that we have no word for."""

    part: Part
    choice: int = 0


@frozen(repr=False)
class Annotated(Event):
    """A remark on a choice's text."""

    annotation: Citation | Unknown
    choice: int = 0


@frozen(repr=False)
class MessageExtra(Event):
    """Fields of a choice's message beyond our words, which must be sent back with it."""

    fields: Mapping[str, Any]
    choice: int = 0


@frozen(repr=False)
class LogprobsDelta(Event):
    """Log probabilities of more tokens of a choice: of its text, its refusal or its reasoning."""

    tokens: tuple[TokenLogprob, ...]
    choice: int = 0
    of: Literal["content", "refusal", "reasoning"] = "content"


@frozen(repr=False)
class Finished(Event):
    """A choice is complete, and with it every tool call that it holds."""

    finish: Finish
    choice: int = 0


@frozen(repr=False)
class Embedded(Event):
    """The vector of the input with this index, as an array of floats."""

    index: int
    vector: array[float] = field(repr=lambda vector: f"<{len(vector)} numbers>")


@frozen(repr=False)
class ModelListed(Event):
    """One model that the provider has."""

    model: ModelInfo


@frozen(repr=False)
class UsageReported(Event):
    """What the reply cost so far; the last one counts."""

    usage: Usage


@frozen(repr=False)
class Unrecognized(Event):
    """A payload of which nothing else was made."""


_Delta: TypeAlias = TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta | AudioDelta | LogprobsDelta
_Remark: TypeAlias = PartAdded | Annotated | MessageExtra
ChatEvent: TypeAlias = Start | _Delta | _Remark | Finished | UsageReported | Unrecognized
CompleteEvent: TypeAlias = Start | TextDelta | LogprobsDelta | Finished | UsageReported | Unrecognized
EmbedEvent: TypeAlias = Start | Embedded | UsageReported | Unrecognized
ModelsEvent: TypeAlias = Start | ModelListed | Unrecognized

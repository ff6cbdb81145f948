"""What a reply says about itself: why it ended, what it cost, how sure the model was, what is left of a limit."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import field, frozen

from .content import Brief

__all__ = ["Finish", "FinishReason", "Logprobs", "ModelInfo", "RateLimit", "TokenLogprob", "Usage"]

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

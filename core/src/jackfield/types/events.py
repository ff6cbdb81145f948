"""The pieces of a reply, in the order in which they come.

The grammar of every reply, streamed or not:

    Start, then deltas, then one Finished for each choice, UsageReported where the provider states it, then the end

The end is the end of the iteration.
Unrecognized may stand anywhere after Start: it holds what this version has no word for.
`raw` is the provider's payload that an event was read from, on the first event of each payload;
it takes no part in equality.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from attrs import field, frozen

__all__ = [
    "ChatEvent",
    "Event",
    "Finish",
    "FinishReason",
    "Finished",
    "ReasoningDelta",
    "RefusalDelta",
    "Start",
    "TextDelta",
    "ToolCallDelta",
    "Unrecognized",
    "Usage",
    "UsageReported",
]

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "error", "other"]


@frozen
class Finish:
    """Why a choice ended: in our word, and in the provider's (None where it gave none)."""

    unified: FinishReason
    raw: str | None


@frozen
class Usage:
    """Tokens and cost as the provider states them; None is what it does not state.

    `input_tokens` includes `cached_tokens`, `output_tokens` includes `reasoning_tokens` at most providers.
    `cost` is in US dollars.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cost: float | None = None


@frozen(kw_only=True)
class Event:
    """One piece of a reply, of whatever operation."""

    raw: Any = field(default=None, eq=False, repr=False)


@frozen
class Start(Event):
    """A reply begins. `created` is in seconds since 1970; `provider` is filled in by the core."""

    id: str | None = None
    model: str | None = None
    created: float | None = None
    provider: str | None = None


@frozen
class TextDelta(Event):
    """More text of a choice."""

    text: str
    choice: int = 0


@frozen
class ReasoningDelta(Event):
    """More of a choice's reasoning."""

    text: str
    choice: int = 0


@frozen
class RefusalDelta(Event):
    """More of a choice's refusal."""

    text: str
    choice: int = 0


@frozen
class ToolCallDelta(Event):
    """More of a tool call. `index` counts the calls of a choice from 0; `id` and `name` come once, whole."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    choice: int = 0


@frozen
class Finished(Event):
    """A choice is complete, and with it every tool call that it holds."""

    finish: Finish
    choice: int = 0


@frozen
class UsageReported(Event):
    """What the reply cost so far; the last one counts."""

    usage: Usage


@frozen
class Unrecognized(Event):
    """A payload of which nothing else was made."""


ChatEvent: TypeAlias = (
    Start | TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta | Finished | UsageReported | Unrecognized
)

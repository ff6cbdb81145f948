"""Replies that are played behind a middleware: of every kind of event, and another for each call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args

import attrs

from jackfield.call import Call
from jackfield.operations import Request
from jackfield.types import (
    Annotated,
    AudioDelta,
    Citation,
    Event,
    Finished,
    Image,
    LogprobsDelta,
    MessageExtra,
    PartAdded,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    TokenLogprob,
    Unrecognized,
    UsageReported,
)

from ..player import Player

__all__ = ["NumberedPlayer", "numbered", "with_every_event"]

MORE: Final[tuple[Event, ...]] = (
    ReasoningDelta("So.", signature="signed"),
    TextDelta("more", block=1),
    RefusalDelta("No."),
    AudioDelta("AAAA", "sound"),
    PartAdded(Image("https://pictures.example/one.gif")),
    Annotated(Citation("https://pages.example/", "A page")),
    MessageExtra({"extra": "kept"}),
    LogprobsDelta((TokenLogprob("He", -0.1),)),
    Unrecognized(raw={"type": "unheard-of"}),
)


def with_every_event(request: Request[Any, Any], events: tuple[Event, ...]) -> list[Event]:
    """The reply with one event of each further kind that the operation has, before it finishes."""
    kinds = get_args(request.operation.events)
    more = [event for event in MORE if type(event) in kinds]
    at = next((at for at, one in enumerate(events) if isinstance(one, Finished | UsageReported)), len(events))
    return [*events[:at], *more, *events[at:]]


def numbered(request: Request[Any, Any], number: int) -> Request[Any, Any]:
    """A request that tells which call it is."""
    return attrs.evolve(request, extra_body={"call": number})


class NumberedPlayer(Player):
    """Plays each call a reply of its own: the model is the number of the call."""

    def _items_for(self, call: Call[Any]) -> Iterator[Any]:
        name = str((call.request.extra_body or {}).get("call"))
        return (attrs.evolve(one, model=name) if isinstance(one, Start) else one for one in self.items)

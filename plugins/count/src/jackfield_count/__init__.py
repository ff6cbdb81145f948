"""Counts calls, events and errors: the smallest middleware that is of use."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

from attrs import frozen

from jackfield.call import Call
from jackfield.errors import JackfieldError
from jackfield.hooks import hookimpl
from jackfield.middleware import Proceed, Slot
from jackfield.types import Event

__all__ = ["Count", "CountSettings"]


class Count:
    """A middleware that counts, by target.

    Attributes:
        calls: calls that were begun.
        completed: calls that were read to their end.
        events: events that passed.
        errors: calls that failed, by target and the name of the error's class.
    """

    slot = Slot.OBSERVE

    def __init__(self) -> None:
        """Begin at zero."""
        self.calls: Counter[str] = Counter()
        self.completed: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.errors: Counter[tuple[str, str]] = Counter()

    async def __call__(self, call: Call[Any], proceed: Proceed) -> AsyncGenerator[Event, None]:
        """Count one call."""
        target = str(call.target)
        self.calls[target] += 1
        try:
            async for event in proceed(call):
                self.events[target] += 1
                yield event
        except JackfieldError as error:
            self.errors[target, type(error).__name__] += 1
            raise
        self.completed[target] += 1


@frozen
class CountSettings:
    """Settings of `use = "count"`: there are none."""


@hookimpl
def jackfield_settings() -> type[CountSettings]:
    """The class of the settings."""
    return CountSettings


@hookimpl
def jackfield_middleware() -> Count:
    """A counter of its own for each client."""
    return Count()

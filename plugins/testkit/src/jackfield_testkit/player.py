"""A provider that plays what it is given, in place of a service: for tests of middleware."""

from __future__ import annotations

from array import array
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, Final

from jackfield.call import Call
from jackfield.errors import ConfigurationError
from jackfield.hooks import hookimpl
from jackfield.operations import ChatRequest, CompleteRequest, EmbedRequest, ModelRequest, ModelsRequest, Request
from jackfield.provider import Provider
from jackfield.types import (
    Embedded,
    Event,
    Finish,
    Finished,
    ModelInfo,
    ModelListed,
    Start,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)

__all__ = ["NAME", "PLAYS", "Player", "playing"]

NAME: Final = "played"
MODEL_NAME: Final = "a-model"

_STOP: Final = Finished(Finish("stop", "stop"))
_COUNTED: Final = UsageReported(Usage(3, 5, cost=0.25))

PLAYS: Final[Mapping[str, tuple[Request[Any, Any], tuple[Event, ...]]]] = {
    "chat": (
        ChatRequest(messages="Hello"),
        (
            Start(id="r-1", model=MODEL_NAME, raw={"id": "r-1"}),
            TextDelta("He", raw={"text": "He"}),
            TextDelta("llo"),
            ToolCallDelta(0, "call_1", "look", '{"at":'),
            ToolCallDelta(0, arguments='"it"}'),
            Finished(Finish("tool_calls", "tool_calls")),
            _COUNTED,
        ),
    ),
    "complete": (
        CompleteRequest(prompt="Once"),
        (Start(id="r-2"), TextDelta(" upon"), TextDelta(" a time"), _STOP, _COUNTED),
    ),
    "embed": (
        EmbedRequest(input=["one", "two"]),
        (
            Start(id="r-3"),
            Embedded(0, array("d", [1.0, 0.0])),
            Embedded(1, array("d", [0.0, 1.0])),
            UsageReported(Usage(2)),
        ),
    ),
    "models": (ModelsRequest(), (Start(), ModelListed(ModelInfo("a-model")), ModelListed(ModelInfo("another")))),
    "model": (ModelRequest(), (Start(), ModelListed(ModelInfo("a-model", owner="somebody")))),
}
"""For each operation of the core a request, and the events of a whole reply to it."""


class Player(Provider):
    """Plays the same for each call: events, errors to raise, and seconds to wait in between.

    Attributes:
        items: what is played.
        calls: the calls that came.
        opened: how many plays have begun.
        closed: how many of these have ended, or were closed.
    """

    def __init__(self, items: tuple[Any, ...]) -> None:
        """Play these."""
        super().__init__(NAME)
        for index, item in enumerate(items):
            if not isinstance(item, Event | BaseException | int | float):
                raise ConfigurationError(f"playing[{index}]: expected an event, an error or seconds, got {item!r}")
        self.items: tuple[Any, ...] = items
        self.calls: list[Call[Any]] = []
        self.opened: int = 0
        self.closed: int = 0

    def open(self, call: Call[Any]) -> AsyncGenerator[Event, None]:
        """Play, whatever the operation."""
        return self._play(call)

    async def _play(self, call: Call[Any]) -> AsyncGenerator[Event, None]:
        self.calls.append(call)
        self.opened += 1
        try:
            for item in self._items_for(call):
                if isinstance(item, BaseException):
                    raise item
                if isinstance(item, Event):
                    yield item
                else:
                    await call.runtime.sleep(item)
        finally:
            self.closed += 1

    def _items_for(self, call: Call[Any]) -> Iterable[Any]:
        return self.items


class _Plugin:
    def __init__(self, player: Player) -> None:
        self._player = player

    @hookimpl
    def jackfield_provider(self) -> Player:
        return self._player


def playing(*items: Event | BaseException | float, player: Player | None = None) -> dict[str, Any]:
    """Arguments of a client whose only provider plays these at each call; it is called "played".

    Items are events, errors to raise, and seconds to wait. Give a `player` of your own to look at it afterwards.

    Raises:
        ConfigurationError: an item is none of these.
    """
    plugin = _Plugin(player or Player(items))
    return {"config": {"default": f"{NAME}:{MODEL_NAME}"}, "plugins": {"provider": {NAME: plugin}}}

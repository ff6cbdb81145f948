"""The middleware contract, and how stages are put together and taken down.

Ownership is nested.
What a stage opened with `proceed` is closed as soon as that stage returns, raises or is closed, before control moves
outward; closing runs from the outside in, each stage's own clean-up before what it opened.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, Literal, Protocol, TypeAlias

from attrs import define, field

from .call import Call
from .errors import PluginError
from .runtime import Runtime, begin
from .types import Event

__all__ = ["Layer", "Middleware", "Proceed", "Slot", "SlotName", "Stage", "compose", "in_order"]

SlotName: TypeAlias = Literal["observe", "prepare", "cache", "fallback", "retry", "limit", "attempt"]
CLOSING: Final = 5.0  # seconds that closing may take before it is given up


class Slot(enum.IntEnum):
    """Where a middleware stands, from the outside in."""

    OBSERVE = 10
    PREPARE = 20
    CACHE = 30
    FALLBACK = 40
    RETRY = 50
    LIMIT = 60
    ATTEMPT = 70


@define(eq=False)
class Stage(AsyncIterator[Event]):
    """One layer at work on one call: its generator, and the stages that it opened."""

    _runtime: Runtime
    events: AsyncGenerator[Event, None] | None = None
    _opened: list[Stage] = field(factory=list, init=False)
    _started: bool = field(default=False, init=False)
    done: bool = field(default=False, init=False)

    def own(self, stage: Stage) -> Stage:
        """Take charge of a stage that this one opened."""
        for one in self._opened and [one for one in self._opened if one.done]:  # attempts that are over need no closing
            with suppress(ValueError):  # the two sides of a race may both come by
                self._opened.remove(one)
        self._opened.append(stage)
        return stage

    async def __anext__(self) -> Event:
        if self.done or self.events is None:
            raise StopAsyncIteration
        try:
            if self._started:
                return await anext(self.events)
            self._started = True
            event: Event = await begin(self.events)
        except BaseException:
            self.done = True
            await self._release()
            raise
        return event

    async def aclose(self) -> None:
        """Stop: this layer's own clean-up first, then whatever it had opened."""
        if self.done:
            return
        self.done = True
        try:
            if self._started and self.events is not None:
                await self.events.aclose()
        finally:
            await self._release()

    async def _release(self) -> None:
        self.events = None
        if self._opened:
            stage = self._opened.pop()
            try:
                if not stage.done:
                    await self._runtime.finish(stage.aclose, CLOSING)
            finally:
                await self._release()


Proceed: TypeAlias = Callable[[Call[Any]], Stage]
"""Opens the rest of the chain for a call: an async iterator of its events."""


class Layer(Protocol):
    """An async generator function around the rest of the chain."""

    def __call__(self, call: Call[Any], proceed: Proceed, /) -> AsyncGenerator[Event, None]:
        """Give the events of a call; `async for event in proceed(call)` are those of the rest of the chain."""


class Middleware(Layer, Protocol):
    """A layer with its place in the order."""

    @property
    def slot(self) -> Slot:
        """Where it stands."""


def compose(layers: Iterable[Layer], last: Callable[[Call[Any]], AsyncGenerator[Event, None]]) -> Proceed:
    """Put layers around the innermost stage; the first is the outermost.

    Raises:
        PluginError: a layer is not an async generator function, and so could not serve every kind of client.
    """

    def innermost(call: Call[Any]) -> Stage:
        return Stage(call.runtime, last(call))

    proceed: Proceed = innermost
    for layer in reversed(list(layers)):
        _check(layer)
        proceed = partial(_opened, layer, proceed)
    return proceed


def _opened(layer: Layer, inner: Proceed, call: Call[Any]) -> Stage:
    stage = Stage(call.runtime)
    stage.events = layer(call, lambda call: stage.own(inner(call)))
    return stage


def _check(layer: object) -> None:
    body = layer.func if isinstance(layer, partial) else layer
    if not any(map(inspect.isasyncgenfunction, (body, callable(body) and type(body).__call__))):
        form = "`async def __call__(self, call, proceed)` with a `yield` in it"
        raise PluginError(f"middleware {layer!r} must be an async generator function: {form}")


def in_order(middleware: Iterable[Middleware], slots: Sequence[str] = ()) -> list[Middleware]:
    """Sort by slot; those that are named change places, into this order. Within a slot the order given stays.

    Raises:
        PluginError: one has no slot.
    """
    middleware = list(middleware)
    for one in middleware:
        if not isinstance(getattr(one, "slot", None), Slot):
            raise PluginError(f"middleware {one!r} has no `slot`: set it to one of {', '.join(Slot.__members__)}")
    wanted = [Slot[name.upper()] for name in slots]
    places = dict(zip(wanted, sorted(wanted), strict=True))
    return sorted(middleware, key=lambda one: places.get(one.slot, one.slot))

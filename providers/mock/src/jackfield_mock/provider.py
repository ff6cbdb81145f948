"""The provider itself: finds the reply to a call, and plays it."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from copy import copy
from inspect import isawaitable
from typing import Any, Final, Unpack

from attrs import evolve, frozen

from jackfield.call import Call
from jackfield.errors import ConfigurationError, JackfieldError
from jackfield.hooks import hookimpl
from jackfield.operations import (
    CHAT,
    COMPLETE,
    EMBED,
    MODEL,
    MODELS,
    ChatRequest,
    CompleteRequest,
    EmbedRequest,
    ModelRequest,
    ModelsRequest,
    Request,
)
from jackfield.provider import Provider, serves
from jackfield.registry import Kind
from jackfield.types import (
    ChatEvent,
    CompleteEvent,
    Embedded,
    EmbedEvent,
    Event,
    Finished,
    ModelListed,
    ModelsEvent,
    Start,
)

from .answers import events
from .checks import nearest
from .faults import Fault, Patience, read_fault, strikes
from .replies import Reply, ReplyLike, Script, read_reply
from .rules import TALKING, Playlist, Posted
from .settings import MockOptions, MockSettings

__all__ = ["MockProvider"]

KEPT: Final = 1_000
OPTIONS: Final = ("fault", "reply")


@frozen
class _Plan:
    """What is played: items, the seconds before them, and what goes wrong."""

    items: Script
    first_delay: float = 0.0
    delay: float = 0.0
    faults: tuple[Fault, ...] = ()


class MockProvider(Provider):
    """Answers from a script, and keeps what it was asked.

    In a program's tests it is made by hand, and is its own plugin:

    >>> import jackfield as jf
    >>> mock = MockProvider("Hi.", Reply("Bye.", reasoning="So soon?"))
    >>> client = jf.Client({"default": "mock"}, plugins=mock.plugins())
    >>> client.chat("Hello").text
    'Hi.'
    >>> mock.requests[0].messages[0].text
    'Hello'

    Raises:
        ConfigurationError: a setting is wrong; the message names it.
    """

    def __init__(
        self,
        *replies: ReplyLike,
        name: str = "mock",
        settings: MockSettings | None = None,
        **options: Unpack[MockOptions],
    ) -> None:
        """Make a mock.

        Args:
            *replies: what is answered, one after another: see `Reply`. A function is given the call, and gives a
                reply, or an awaitable of one, or None for what the mock says of itself. One that stands alone is asked
                in every operation; all other replies are for chat and complete.
            name: the name of the instance.
            settings: settings, as a configuration has them.
            **options: the fields of `MockSettings`, in place of those.
        """
        settings = evolve(settings or MockSettings(), **options)
        models = dict.fromkeys(("chat", "complete", "embed", "model"), settings.default_model)
        super().__init__(name, models)
        where = f"providers.{name}"
        self.settings = settings
        self._replies = Playlist(replies or settings.replies, f"{where}.replies", settings.exhausted)
        self._rules = [Posted(rule, f"{where}.rules[{index}]") for index, rule in enumerate(settings.rules)]
        self.reset()

    def reset(self) -> None:
        """Forget what was asked, and begin the script again."""
        self._numbers = itertools.count(1)
        self._calls: deque[Call[Any]] = deque(maxlen=KEPT)
        self._replies.restart()
        for rule in self._rules:
            rule.restart()

    @property
    def calls(self) -> tuple[Call[Any], ...]:
        """The calls that came, in order; of very many, the last thousand."""
        return tuple(self._calls)

    @property
    def requests(self) -> tuple[Request[Any, Any], ...]:
        """The requests of these calls."""
        return tuple(call.request for call in self._calls)

    def plugins(self, *names: str) -> Mapping[Kind, Mapping[str, object]]:
        """What `Client(plugins=...)` takes, so that this very mock stands in for the plugins of these names.

        Without a name it is "mock". What a configuration sets for the plugins that it stands in for is not looked at.
        """
        return {"provider": dict.fromkeys(names or (self.name,), self)}

    @hookimpl
    def jackfield_provider(self, name: str, settings: Any) -> Provider:
        """This very mock, whatever the name."""
        return self

    @serves(CHAT)
    def chat(self, call: Call[ChatRequest]) -> AsyncGenerator[ChatEvent, None]:
        """Play a reply."""
        return self._play(call)

    @serves(COMPLETE)
    def complete(self, call: Call[CompleteRequest]) -> AsyncGenerator[CompleteEvent, None]:
        """Play a reply for each prompt."""
        return self._play(call)

    @serves(EMBED)
    def embed(self, call: Call[EmbedRequest]) -> AsyncGenerator[EmbedEvent, None]:
        """Give a vector for each text."""
        return self._play(call)

    @serves(MODELS)
    def models(self, call: Call[ModelsRequest]) -> AsyncGenerator[ModelsEvent, None]:
        """Give the list of the models."""
        return self._play(call)

    @serves(MODEL)
    def model(self, call: Call[ModelRequest]) -> AsyncGenerator[ModelsEvent, None]:
        """Give one model."""
        return self._play(call)

    async def _play(self, call: Call[Any]) -> AsyncGenerator[Any, None]:
        number = next(self._numbers)
        self._calls.append(call)
        self._report(call)
        patience = Patience(call)
        struck = [
            fault
            for place, fault in enumerate(self.settings.faults)
            if strikes(fault, self.settings.seed, str(place), number)
        ]
        fatal = await self._suffer(struck, patience, number, call)
        plan = await self._plan(call, number, take=fatal is None)
        fatal = await self._suffer(() if fatal else plan.faults, patience, number, call) or fatal
        end = len(plan.items) + 1 if fatal is None else _place(fatal, plan.items, streaming=call.streaming)
        if end:
            yield Start(id=f"mock-{number}", model=call.target.model or None)
        before = plan.first_delay
        for item in plan.items[: max(end - 1, 0)]:
            if isinstance(item, float | int):
                await patience.wait(item)
                continue
            if before:
                await patience.wait(before)
            before = plan.delay
            if isinstance(item, Exception):
                raise _fresh(item)
            yield item
            patience.rewarded()
        if fatal is not None:
            if fatal.kind == "stall":
                await patience.for_ever()
            raise fatal.raised(number, streaming=call.streaming)

    async def _suffer(self, faults: Sequence[Fault], patience: Patience, number: int, call: Call[Any]) -> Fault | None:
        """Wait for as long as faults say; give the first that ends the reply, unless it prevents it here and now."""
        for fault in faults:
            if fault.kind == "latency":
                await patience.wait(fault.seconds or 0.0)
        fatal = next((fault for fault in faults if fault.kind != "latency"), None)
        if fatal is not None and fatal.early:
            raise fatal.raised(number, streaming=call.streaming)
        return fatal

    def _report(self, call: Call[Any]) -> None:
        for name in self.settings.unsupported:
            if getattr(call.request, name, None) is not None:
                call.report(name, "the mock was told not to carry it")
        for name in call.request.options.get("mock", ()):
            if name not in OPTIONS:
                call.report(f"options.mock.{name}", f"the mock has no such option; {nearest(name, OPTIONS)}")

    async def _plan(self, call: Call[Any], number: int, *, take: bool) -> _Plan:
        reply, faults = self._choose(call, take=take)
        if callable(reply):
            given = reply(call)
            reply = await given if isawaitable(given) else given
            if reply is not None:
                reply = read_reply(reply, "what the function of the mock gave")
            if callable(reply):
                raise ConfigurationError("the function of the mock gave a function: expected a reply, or None")
        if isinstance(reply, str):
            reply = Reply(reply)
        if reply is not None and not isinstance(reply, Reply):
            return _Plan(reply, faults=_struck(faults, self.settings.seed, number))
        items = events(call, reply, number, self.settings)
        delay, first = self.settings.delay, self.settings.first_delay
        if reply is not None:
            delay = delay if reply.delay is None else reply.delay
            first = reply.first_delay if reply.first_delay is not None else first if reply.delay is None else None
            faults = faults if reply.fault is None else [*faults, reply.fault]
        return _Plan(items, delay if first is None else first, delay, _struck(faults, self.settings.seed, number))

    def _choose(self, call: Call[Any], *, take: bool) -> tuple[Any, list[Fault]]:
        """The reply that a call gets, None where none was scripted, and what is to go wrong with it."""
        options = call.request.options.get("mock", {})
        fault = read_fault(options.get("fault"), "options.mock.fault")
        faults = [] if fault is None else [fault]
        if options.get("reply") is not None:
            return read_reply(options["reply"], "options.mock.reply"), faults
        for rule in self._rules:
            if rule.applies(call, take=take):
                faults += [] if rule.rule.fault is None else [rule.rule.fault]
                if rule.replies:
                    return rule.replies.reply(take=take), faults
                break
        if self._replies and call.operation.name in TALKING:
            return self._replies.reply(take=take), faults
        return self._replies.function, faults


def _struck(faults: Sequence[Fault], seed: int, number: int) -> tuple[Fault, ...]:
    return tuple(fault for fault in faults if strikes(fault, seed, "reply", number))


def _place(fault: Fault, items: Script, *, streaming: bool) -> int:
    """How much of the start and the items comes before a fault.

    A reply in one piece is there as a whole or not at all. What would come after the end comes just before it.
    """
    if not streaming:
        return 0
    left = fault.place
    for place, item in enumerate(items):
        if not isinstance(item, Event):
            continue
        last = isinstance(item, Finished) or (isinstance(item, Embedded | ModelListed) and _is_last(items, place))
        if left == 0 or last:
            return place + 1 if fault.place else 0
        left -= 1
    return len(items) + 1


def _is_last(items: Script, place: int) -> bool:
    return not any(isinstance(item, Embedded | ModelListed) for item in items[place + 1 :])


def _fresh(error: Exception) -> Exception:
    """An error of its own for each call: what is known of the call is written into it."""
    return copy(error) if isinstance(error, JackfieldError) else error

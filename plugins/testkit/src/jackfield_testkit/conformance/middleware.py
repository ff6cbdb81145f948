"""The suite for middleware."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import attrs

from jackfield import Client
from jackfield.errors import BadRequestError, DeadlineError, ServerError, TruncatedStreamError
from jackfield.middleware import Slot
from jackfield.operations import Request
from jackfield.registry import Registry
from jackfield.types import Event, Finished, Start

from ..player import PLAYS, Player, playing
from ..simulation import Simulation
from ._cases import Conformance, each, expect, told
from ._exchanges import uncounted
from ._faces import FACES, Heard, read, through
from ._plays import NumberedPlayer, numbered, with_every_event

__all__ = ["MiddlewareConformance"]

Play = tuple[Request[Any, Any], tuple[Event, ...]]
MOMENT = 1.0  # virtual seconds between two events
PATIENCE = 20.0  # real seconds, until a thread counts as stuck


class MiddlewareConformance(Conformance):
    """Whether a middleware keeps what Jackfield promises. Subclass it, name the plugin, run pytest.

    Attributes:
        changes_events: whether it gives other events than it gets; those are then not compared.
        changes_calls: whether it sends on another request than it gets; that is then not compared.
        plays: a request and the events of a whole reply, for each operation to try; those of the core's operations
            where it is not set. Add those of an operation of your own.
    """

    changes_events: ClassVar[bool] = False
    changes_calls: ClassVar[bool] = False
    plays: ClassVar[Mapping[str, Play]] = PLAYS

    # --- what the cases are made of

    def options(self, *items: Any, player: Player | None = None, bare: bool = False) -> dict[str, Any]:
        """Arguments of a client that plays these items behind the middleware, or without it."""
        made = playing(*items, player=player)
        config = made["config"] if bare else {**made["config"], "middleware": [{"use": self.plugin, **self.settings}]}
        return {"config": config, "plugins": {**self.plugins, **made["plugins"]}}

    def _calls(self) -> Iterator[tuple[str, tuple[Play, bool, str]]]:
        for operation, play in self.plays.items():
            for streaming in (False, True):
                for face in FACES:
                    yield f"{operation}-{'stream' if streaming else 'reply'}-{face}", (play, streaming, face)

    def _forms(self) -> Iterator[tuple[str, tuple[Play, bool]]]:
        for operation, play in self.plays.items():
            for streaming in (False, True):
                yield f"{operation}-{'stream' if streaming else 'reply'}", (play, streaming)

    def _streams(self) -> Iterator[tuple[str, tuple[Play, str]]]:
        return ((f"{operation}-{face}", (play, face)) for operation, play in self.plays.items() for face in FACES)

    def _operations(self) -> Iterator[tuple[str, Play]]:
        yield from self.plays.items()

    def _with_finish(self) -> Iterator[tuple[str, Play]]:
        return (pair for pair in self.plays.items() if any(isinstance(event, Finished) for event in pair[1][1]))

    # --- what it is

    def test_is_a_middleware(self) -> None:
        """It is an async generator function with a slot."""
        made = Registry(self.plugins).make("middleware", self.plugin, self.plugin, self.settings, "settings")
        for one in made if isinstance(made, list | tuple) else [made]:
            slots = ", ".join(slot.name for slot in Slot)
            expect(isinstance(getattr(one, "slot", None), Slot), f"{told(one)} has no `slot`: set one of {slots}")
        with Client(**self.options(*PLAYS["chat"][1])):
            pass

    # --- what passes through it

    @each("_calls")
    def test_reply_passes(self, case: tuple[Play, bool, str]) -> None:
        """The events and the response are those that come, in every client."""
        (request, events), streaming, face = case
        player, alone, held = Player(events), Player(events), copy.deepcopy(request)
        found = through(face, self.options(player=player), request, streaming=streaming)
        bare = through(face, self.options(player=alone, bare=True), request, streaming=streaming)
        expect(request == held, f"it changed what the caller holds: {told(request)}, which was {told(held)}")
        expect(found.error is None, f"the call failed: {found.error!r}")
        if not self.changes_events:
            expect(
                found.events == bare.events, f"it gives the events {told(found.events)}; it gets {told(bare.events)}"
            )
            raws = [[event.raw for event in one.events] for one in (found, bare)]
            expect(raws[0] == raws[1], "it gives events with another `raw` than it gets")
            rule = f"the response is {told(found.response)}; without it, it is {told(bare.response)}"
            expect(found.response == bare.response, rule)
        if not self.changes_calls:
            asked, right = ([call.request for call in one.calls] for one in (player, alone))
            rule = f"the provider is asked {told(asked)}, and not once what the caller asked: {told(right)}"
            expect(asked == right, rule)
            streamed = player.calls[0].streaming
            expect(streamed == streaming, f"`call.streaming` is {streaming}, and the provider is asked with {streamed}")
        _check_closed(player, found, "at the end")

    @each("_calls")
    def test_error_passes(self, case: tuple[Play, bool, str]) -> None:
        """An error that comes before the first event reaches the caller as it is."""
        (request, _), streaming, face = case
        player = Player((_refused(),))
        found = through(face, self.options(player=player), request, streaming=streaming)
        bare = through(face, self.options(_refused(), bare=True), request, streaming=streaming)
        _check_error(found, BadRequestError, "it is refused")
        _check_facts(found.error, bare.error)
        expect(not found.events, f"it gives events of its own before an error: {told(found.events)}")
        _check_closed(player, found, "after an error")

    @each("_calls")
    def test_error_in_the_middle_passes(self, case: tuple[Play, bool, str]) -> None:
        """An error after the first events reaches the caller, behind them; nobody asks once more."""
        (request, events), streaming, face = case
        player, alone = (Player((*events[:2], ServerError("it failed", status=500))) for _ in range(2))
        found = through(face, self.options(player=player), request, streaming=streaming)
        bare = through(face, self.options(player=alone, bare=True), request, streaming=streaming)
        _check_error(found, ServerError, "it failed")
        if not self.changes_events:
            _check_facts(found.error, bare.error)
        if streaming and bare.events:
            rule = f"the provider was asked {player.opened} times: never once more after an event was delivered"
            expect(player.opened == 1, rule)
        if streaming and not self.changes_events:
            expect(
                found.events == bare.events, f"before the error it gives {told(found.events)}, not {told(bare.events)}"
            )
        _check_closed(player, found, "after an error")

    @each("_operations")
    def test_every_kind_of_event_passes(self, case: Play) -> None:
        """Events of every kind that the operation has pass, also those that it has no interest in."""
        items = with_every_event(*case)
        for streaming in (False, True):
            found, bare = (
                through("sync", self.options(*items, bare=bare), case[0], streaming=streaming) for bare in (False, True)
            )
            expect(found.error is None, f"with events of every kind, the call failed: {found.error!r}")
            if not self.changes_events:
                rule = f"it gives the events {told(found.events)}; it gets {told(bare.events)}"
                expect(found.events == bare.events, rule)
                expect(
                    found.response == bare.response, f"the response is {told(found.response)}: {told(bare.response)}"
                )

    @each("_operations")
    def test_events_come_as_they_come(self, case: Play) -> None:
        """The events of a stream are there as soon as they come: none is held back until the end."""
        times: list[list[float]] = []
        for bare in (False, True):
            simulation, client, _ = self._world((case, True), bare=bare)
            heard = Timed(simulation)
            simulation.run(read(client, case[0], heard, streaming=True))
            times.append(heard.times)
        if not self.changes_events:
            # it may wait, as a limit does, but not for what comes later
            found, wanted = (one[-1] - one[0] for one in times)
            rule = f"the events of a stream come after {times[0]} s; without it, after {times[1]} s"
            expect(found >= wanted - MOMENT, f"{rule}: give each event as it comes")

    @each("_with_finish")
    def test_truncation_passes(self, case: Play) -> None:
        """A reply that ends without its finish stays an error: nothing is invented."""
        request, events = case
        cut = [event for event in events if not isinstance(event, Finished)]
        for streaming in (False, True):
            found = through("sync", self.options(*cut), request, streaming=streaming)
            _check_error(found, TruncatedStreamError, "the reply ended early")

    @each("_streams")
    def test_left_call_is_closed(self, case: tuple[Play, str]) -> None:
        """A stream that is left after any of its events closes what it had opened, at once."""
        (request, events), face = case
        number = len(through(face, self.options(*events), request, streaming=True).events)
        for leave in range(1, number + 1):
            player = Player(events)
            found = through(face, self.options(player=player), request, streaming=True, leave=leave)
            expect(found.error is None, f"left after {leave} events, it failed: {found.error!r}")
            _check_closed(player, found, f"left after {leave} events")

    # --- virtual time

    def _world(
        self, case: tuple[Play, bool], kind: type[Player] = Player, *, bare: bool = False
    ) -> tuple[Simulation, Any, Player]:
        player = kind(tuple(item for event in case[0][1] for item in (MOMENT, event)))
        simulation = Simulation()
        return simulation, simulation.client(**self.options(player=player, bare=bare)), player

    @each("_forms")
    def test_cancelled_call_is_closed(self, case: tuple[Play, bool]) -> None:
        """A call that is cancelled at any moment ends, and closes what it had opened."""
        for moment in range(len(case[0][1]) + 1):
            simulation, client, player = self._world(case)
            heard = Heard()
            task = simulation.spawn(read(client, case[0][0], heard, streaming=case[1]))
            simulation.run(simulation.runtime.sleep(moment + 0.5))
            if task.ended.happened:
                return
            task.cancel()
            simulation.run(simulation.runtime.sleep(60))
            when = f"cancelled after {moment + 0.5} s"
            expect(task.ended.happened, f"{when}, it goes on: never swallow a cancellation")
            expect(heard.error is None, f"{when}, it gives an error: never swallow a cancellation: {heard.error!r}")
            _check_closed(player, heard, when)

    @each("_forms")
    def test_late_call_is_a_deadline_error(self, case: tuple[Play, bool]) -> None:
        """A call whose deadline passes ends with it, and closes what it had opened."""
        simulation, client, player = self._world(case)
        heard = Heard()
        simulation.run(read(client, case[0][0], heard, streaming=case[1], timeout=1.5))
        expect(
            isinstance(heard.error, DeadlineError), f"a deadline of 1.5 s gave {heard.error!r}, and no DeadlineError"
        )
        expect(simulation.now <= 1.501, f"a deadline of 1.5 s was kept after {simulation.now} s")
        _check_closed(player, heard, "late")

    @each("_operations")
    def test_nothing_is_held_while_a_reader_pauses(self, case: Play) -> None:
        """While the reader of a stream thinks, other calls go on: no lock is held across a `yield`."""
        request, events = case
        for leave in range(1, len(events) + 1):
            with Client(**self.options(*events)) as client, client.stream(request) as stream:
                for number, _ in enumerate(stream, 1):
                    if number == leave:
                        break
                _check_free(client, request, f"while a stream stands at its event {leave}")

    @each("_operations")
    def test_many_at_once(self, case: Play) -> None:
        """Calls that run side by side each get their whole reply."""
        simulation, client, player = self._world((case, True), NumberedPlayer)
        heard = [Heard() for _ in range(20)]
        # in pairs that ask the same, one of them streamed
        requests = [numbered(case[0], number // 2) for number in range(20)]
        pairs = zip(requests, heard, strict=True)
        simulation.gather(
            *(read(client, request, one, streaming=bool(number % 2)) for number, (request, one) in enumerate(pairs))
        )
        for number, one in enumerate(heard):
            expect(one.error is None, f"one of 20 calls failed: {one.error!r}")
            if self.changes_events or not isinstance(case[1][0], Start):
                continue
            wanted = attrs.evolve(uncounted(heard[0].response), model=str(number // 2))
            right = uncounted(one.response) == wanted
            expect(right, f"of 20 calls, one got {told(one.response)}, and its own reply was {told(wanted)}")
        _check_closed(player, heard[0], "after 20 calls")


def _check_free(client: Client, request: Any, when: str) -> None:
    errors: list[BaseException] = []

    def call() -> None:
        try:
            client.call(request)
        except BaseException as error:  # noqa: BLE001 - it is looked at in the other thread
            errors.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    expect(not thread.is_alive(), f"{when}, another call waits for ever: is a lock held across a `yield`?")
    expect(not errors, f"{when}, another call failed: {errors!r}")


def _check_closed(player: Player, heard: Heard, when: str) -> None:
    left = player.opened - player.closed
    expect(left == 0, f"{when}, {left} of what was opened with `proceed` is still open")
    leaks = ", ".join(sorted(heard.leaks))
    expect(not leaks, f"{when}, the caller sees the context variable {leaks} changed: use `call.scoped`")


def _check_error(heard: Heard, kind: type[Exception], text: str) -> None:
    expect(heard.error is not None, f"a {kind.__name__} was swallowed: the caller got {told(heard.response)}")
    right = type(heard.error) is kind and text in str(heard.error)
    expect(right, f"the caller must get the {kind.__name__} {text!r}; it got {heard.error!r}")


def _refused() -> BadRequestError:
    facts: Any = {"code": "no", "request_id": "req-7", "retry_after": 7.0, "body": {"error": "no"}}
    return BadRequestError("it is refused", status=400, **facts)


def _check_facts(found: Any, bare: Any) -> None:
    for name in ("status", "code", "request_id", "retry_after", "body", "partial"):
        one, other = getattr(found, name), getattr(bare, name)
        expect(one == other, f"the error's `{name}` is {told(one)}; without it, it is {told(other)}")


class Timed(Heard):
    """Notes in virtual time when each event came."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self.times: list[float] = []
        self._simulation = simulation

    def take(self, event: Event) -> None:
        """Read one more event."""
        self.times.append(self._simulation.now)
        super().take(event)

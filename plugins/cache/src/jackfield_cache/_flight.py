"""Single flight: of identical calls at the same time, one asks, and the others wait for what it gets.

No lock is held while anybody waits. `setdefault` elects; whoever was elected lands in a `finally`, or when what it was
elected with is dropped, as when its event loop is gone: a finaliser may set a signal.
"""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar
from copy import deepcopy
from typing import Any, Final

from attrs import define, field

from jackfield.call import Call
from jackfield.errors import BlockingAwaitError, DeadlineError, JackfieldError, StreamStateError
from jackfield.runtime import Signal

__all__ = ["ALONE", "Flight", "Flights", "Lead", "leads"]

ALONE: Final = object()  # an outcome that cannot be shared: everybody asks
COPIED: Final = frozenset({"body", "partial"})  # attributes of an error that can be changed
GRACE: Final = 1.0  # seconds past its deadline in which a leader lands
PATIENCE: Final = 10.0  # seconds: a leader with less of them left may have failed for want of time to try again
# the leader's own affair, which says nothing of what others would get
OWN: Final = (BlockingAwaitError, DeadlineError, StreamStateError)

# what this thread or task leads. Not the ledger's affair: a middleware can ask through another client
_led: ContextVar[tuple[Flight, ...]] = ContextVar("jackfield_cache_led", default=())

Key = tuple[bool, str]


@define(eq=False, slots=False)
class Flight:
    """What followers wait for.

    Attributes:
        until: when the leader must be over, by its own deadline; None where it has none.
        outcome: an entry as bytes, an exception, `ALONE`, or None where the leader was cancelled.
        hurried: whether the exception may have come of the leader's deadline.
        over: whether it has landed.
    """

    until: float | None
    outcome: Any = None
    hurried: bool = False
    over: bool = False

    def land(self) -> None:
        """Wake whoever waits."""
        self.over = True
        signal = vars(self).get("signal")
        if signal is not None:
            signal.set()

    def followed(self, made: Signal) -> Signal:
        """The signal of all who follow: hardly any flight has a follower, so the first brings it."""
        signal: Signal = vars(self).setdefault("signal", made)  # one step, whoever else does it at this moment
        if self.over:  # it may have landed before it could see the signal
            signal.set()
        return signal

    def fail(self, error: Exception, now: float) -> None:
        """Make what the leader's error is to others the outcome."""
        if isinstance(error, OWN):
            return
        self.outcome = _copied(error) or ALONE
        if isinstance(error, JackfieldError) and error.retryable and self.until is not None:
            self.hurried = self.until - now < max(PATIENCE, error.retry_after or 0.0)

    def error_for(self, call: Call[Any]) -> Exception | None:
        """The error that a follower raises; None where it had better try for itself, since it has more time."""
        if self.hurried and self.until is not None and (call.deadline is None or call.deadline > self.until + GRACE):
            return None
        copy: Exception = _copied(self.outcome) or self.outcome
        return copy


@define(eq=False)
class Lead:
    """What the one has who was elected: a context in which to ask. To leave it or to drop it lands the flight."""

    flight: Flight
    _key: Key
    _flights: Flights = field(repr=False)
    _before: Any = field(default=None, init=False)

    def __enter__(self) -> None:
        """Lead."""
        self._before = _led.set((*_led.get(), self.flight))

    def __exit__(self, *_: object) -> None:
        """Land, however it went."""
        self.land()
        with suppress(ValueError):  # it is closed elsewhere; a flight that has landed does no harm where it stands
            _led.reset(self._before)

    def land(self) -> None:
        """Let the next be elected, and wake whoever waits. It waits for nothing."""
        self._flights.latest = object()
        self._flights.forget(self._key, self.flight)
        self.flight.land()

    def __del__(self) -> None:
        if not self.flight.over:
            self.land()


class Flights:
    """The flights of one cache.

    A blocking call and an async one never wait for one another: they may be in the same thread.

    Attributes:
        latest: another object each time that one has landed.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.latest = object()
        self._flights: dict[Key, Flight] = {}

    def elect(self, call: Call[Any], key: str) -> Lead | Flight:
        """Lead the flight of this key, or be told which one to follow."""
        whole = (call.runtime.blocking, key)
        mine = Flight(call.deadline)
        found = self._flights.setdefault(whole, mine)
        return Lead(mine, whole, self) if found is mine else found

    def forget(self, key: Key, flight: Flight) -> None:
        """Let the next be elected."""
        if self._flights.get(key) is flight:
            self._flights.pop(key, None)

    async def landed(self, call: Call[Any], flight: Flight) -> None:
        """Wait until a flight has landed, or its leader should have been over: its event loop may be gone.

        Raises:
            JackfieldError: the call's own deadline came first, or it was closed.
        """
        bound = None if flight.until is None else max(0.0, flight.until - call.runtime.now()) + GRACE
        if not await call.runtime.wait(flight.followed(call.runtime.signal()), bound):
            for key in [key for key, one in list(self._flights.items()) if one is flight]:
                self._flights.pop(key, None)
            flight.land()


def leads() -> bool:
    """Whether a call that this one is a part of leads: one that waited then could wait for itself."""
    return any(not flight.over for flight in _led.get())


def _copied(error: Exception) -> Exception | None:
    """A copy of an error that shares nothing that can be changed; None where it cannot be copied."""
    try:
        made = type(error).__new__(type(error), *error.args)
        made.args = error.args
        vars(made).update({name: deepcopy(value) if name in COPIED else value for name, value in vars(error).items()})
    except Exception:  # noqa: BLE001 - whatever its class does, the followers then ask for themselves
        return None
    made.__cause__ = error.__cause__
    return made

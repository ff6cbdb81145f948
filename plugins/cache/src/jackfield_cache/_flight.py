"""Single flight: of identical calls at the same time, one asks, and the others wait for what it gets.

No lock is held while anybody waits. `setdefault` elects; whoever was elected lands in a `finally`, or when what it was
elected with is dropped, as when its event loop is gone: a finaliser may set a signal.
"""

from __future__ import annotations

import os
from copy import deepcopy
from typing import Any, Final

from attrs import define, field

from jackfield.call import Call, Ledger
from jackfield.errors import BlockingAwaitError, DeadlineError, StreamStateError
from jackfield.runtime import Signal

__all__ = ["ALONE", "Flight", "Flights", "Lead", "ancestor_leads", "copied"]

LEADS: Final = object()  # the key in `Ledger.kept` under which a call that leads says so
ALONE: Final = object()  # an outcome that cannot be shared: everybody asks
GRACE: Final = 1.0  # seconds past its deadline in which a leader lands
# the leader's own affair, which says nothing of what others would get
OWN: Final = (BlockingAwaitError, DeadlineError, StreamStateError)

Key = tuple[int, bool, str]


@define(eq=False)
class Flight:
    """What followers wait for.

    Attributes:
        landed: set when it is over.
        until: when the leader must be over, by its own deadline; None where it has none.
        outcome: an entry as bytes, an exception, `ALONE`, or None where the leader was cancelled.
    """

    landed: Signal
    until: float | None
    outcome: Any = None


@define(eq=False)
class Lead:
    """What the one has who was elected. Dropping it lands the flight."""

    flight: Flight
    _key: Key
    _flights: dict[Key, Flight] = field(repr=False)

    def land(self) -> None:
        """Let the next be elected, and wake whoever waits. It waits for nothing."""
        if self._flights.get(self._key) is self.flight:
            self._flights.pop(self._key, None)
        self.flight.landed.set()

    def __del__(self) -> None:
        if not self.flight.landed.happened:
            self.land()


class Flights:
    """The flights of one cache.

    A blocking call and an async one never wait for one another: they may be in the same thread. A child that was
    forked has flights of its own: the leaders of its parent are not there.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._flights: dict[Key, Flight] = {}

    def elect(self, call: Call[Any], key: str) -> Lead | Flight:
        """Lead the flight of this key, or be told which one to follow."""
        whole = (os.getpid(), call.runtime.blocking, key)
        mine = Flight(call.runtime.signal(), call.deadline)
        found = self._flights.setdefault(whole, mine)
        return Lead(mine, whole, self._flights) if found is mine else found

    async def landed(self, call: Call[Any], flight: Flight) -> None:
        """Wait until a flight has landed, or its leader should have been over: its event loop may be gone.

        Raises:
            JackfieldError: the call's own deadline came first, or it was closed.
        """
        bound = None if flight.until is None else max(0.0, flight.until - call.runtime.now()) + GRACE
        if not await call.runtime.wait(flight.landed, bound):
            for key in [key for key, one in list(self._flights.items()) if one is flight]:
                self._flights.pop(key, None)
            flight.landed.set()


def ancestor_leads(ledger: Ledger) -> bool:
    """Whether a call that this one is a part of leads: one that waited then could wait for itself."""
    above = ledger.parent
    while above is not None:
        if above.kept.get(LEADS):
            return True
        above = above.parent
    return False


def leading(call: Call[Any], change: int) -> None:
    """Count the flights that a call leads."""
    call.ledger.kept[LEADS] = call.ledger.kept.get(LEADS, 0) + change


def copied(error: Exception) -> Exception | None:
    """A copy of an error for a follower; None where it is the leader's own affair, or cannot be copied."""
    if isinstance(error, OWN):
        return None
    try:
        made = type(error).__new__(type(error), *error.args)
        made.args = error.args
        vars(made).update({name: deepcopy(value) if name == "body" else value for name, value in vars(error).items()})
    except Exception:  # noqa: BLE001 - whatever its class does, the follower is then elected itself
        return None
    made.__cause__ = error.__cause__
    return made

"""How targets fare, for all calls of a client: kept here, decided by others.

A middleware that guards a target (a circuit breaker) says when it is shut, and another (a fallback) reads that.
No method waits, so that a finaliser may use it too.
"""

from __future__ import annotations

from typing import Literal

from attrs import Factory, define, field

from .runtime import Lock

__all__ = ["Health", "Visit"]


@define(eq=False)
class Visit:
    """One attempt at a target. What an attempt tells that began in an earlier state of the target is not heeded.

    Attributes:
        health: the target's.
        since: None, or for the probe of a half open target, `health.until` as it was; NaN once another state has begun.
    """

    health: Health = field(repr=False)
    since: float | None = None
    _place: Lock | None = field(default=None, repr=False)

    def worked(self) -> None:
        """The target has answered: from now on all may pass. A probe has done its part with that, and leaves."""
        if self.health.until == self.since:
            self.health.failures, self.health.until = 0, None
            self.leave()

    def failed(self, until: float | None = None) -> None:
        """The target has failed; `until` shuts it until then, in seconds of `runtime.now()`. A probe leaves, too."""
        if self.health.until == self.since:
            self.health.failures += 1
            self.health.until = until if until is not None else self.since
            self.leave()

    def leave(self) -> None:
        """The attempt is over, however it ended: the place of a probe is free again. Any number of times."""
        place, self._place = self._place, None
        if place is not None:
            place.release()

    __del__ = leave  # a stream that nobody could close any more, its event loop being gone


@define(eq=False)
class Health:
    """How one target fares, for all calls of a client and of those derived from it.

    Attributes:
        failures: how many attempts have failed in a row.
        until: when a target that was shut may be tried again, in seconds of `runtime.now()`; None where it is not shut.
    """

    failures: int = 0
    until: float | None = None
    _probing: Lock = field(factory=Lock, init=False, repr=False)
    _usual: Visit = field(default=Factory(Visit, takes_self=True), init=False, repr=False)

    def state(self, now: float) -> Literal["closed", "open", "half_open"]:
        """Closed: all calls may pass. Open: none may. Half open: one may, to see how the target fares."""
        return "closed" if (until := self.until) is None else "open" if now < until else "half_open"

    def enter(self, now: float) -> Visit | None:
        """Begin an attempt; None where the target is to be left alone. Of all who ask, half open lets one in."""
        while (until := self.until) is not None:
            if now < until or not self._probing.acquire(blocking=False):
                return None
            if self.until == until:
                # all who have the old one came before the target was shut, and are not heeded when it is well again
                self._usual.since, self._usual = float("nan"), Visit(self)
                return Visit(self, until, self._probing)
            self._probing.release()  # the probe before this one has just ended, and changed the state
        return self._usual  # it has nothing of its own, and every call has one

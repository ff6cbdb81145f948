"""Hands records to a sink, from any thread, and bears with a sink that fails."""

from __future__ import annotations

import logging
import warnings
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from attrs import define, field

from jackfield.runtime import Lock, drive

from .records import Record

__all__ = ["Outlet", "RecordsNotWrittenWarning", "SinkError", "Writes", "say"]

BACKLOG: Final = 1_000  # records that wait for a sink to come back
PAUSE: Final = 5.0  # seconds for which a sink that failed is left alone


class RecordsNotWrittenWarning(UserWarning):
    """Records of calls cannot be written; the calls themselves go on. It is said once, until writing works again."""


class SinkError(Exception):
    """A sink cannot be written to now; it may work later. `done` is how many of the records it has all the same."""

    def __init__(self, message: str, done: int = 0) -> None:
        super().__init__(message)
        self.done: int = done


class Writes(Protocol):
    """A place for records.

    Attributes:
        name: what it is called when something is wrong with it.
        immediate: whether each record must be written by whoever made it, for the sake of its context.
        healed: what was mended since it was last asked, for a person, or empty.
    """

    name: str
    immediate: bool
    healed: str

    @property
    def quick(self) -> bool:
        """Whether `write` takes so little time that an event loop can wait for it."""

    @property
    def active(self) -> bool:
        """Whether it may take any record now."""

    def wants(self, record: str, outcome: str) -> bool:
        """Whether it takes a record ("call" or "attempt") with this outcome."""

    def write(self, records: Sequence[Record]) -> None:
        """Write, all or none, so that they survive the end of the process.

        Raises:
            SinkError: it does not work now; the records are offered again.
        """

    def close(self) -> None:
        """Let go of what is open; another `write` opens it again."""

    def forget(self) -> None:
        """Let go of it without touching it: it belongs to the process that this one was forked from."""


@define(eq=False)
class Outlet:
    """One sink, its lock, and the records that wait for it.

    Whoever finds the lock free writes for all who wait. Nothing here raises.

    Attributes:
        sink: where it goes.
        lost: records that were given up.
        troubled: whether the last attempt to write failed.
    """

    sink: Writes
    lost: int = field(default=0, init=False)
    troubled: bool = field(default=False, init=False)
    _waiting: deque[Record] = field(factory=deque, init=False)
    _unsaid: deque[str] = field(factory=deque, init=False)  # what is said runs code of others: not under our lock
    _lock: Lock = field(factory=Lock, init=False)
    _again: float = field(default=0.0, init=False)

    @property
    def pending(self) -> int:
        """Records that wait."""
        return len(self._waiting)

    def write(self, records: Sequence[Record], now: float | None = None) -> None:
        """Write these and whatever waits. When this returns they are written, or the sink is in trouble.

        `now` is the runtime's clock, by which a sink in trouble is left alone for a while; without it none is.
        """
        if self.sink.immediate:
            self._offer(list(records), now)
        else:
            self.add(records)
            # under `drive`, the finaliser of a dropped stream waits: it writes as well, and must not meet our own lock
            drive(self._drain(now))
        with suppress(IndexError):  # another thread may say it first
            while self._unsaid:
                say(self._unsaid.popleft())

    def add(self, records: Sequence[Record]) -> None:
        """Let records wait for the next `write`, of whoever comes first; for a sink that is not immediate."""
        self._waiting.extend(records)

    def close(self) -> None:
        """Write what waits, and close the sink."""
        self.write(())
        drive(self._close())

    def forget(self) -> None:
        """Begin anew in a process that was forked: the other one writes what waits, and may hold the lock."""
        self._lock = Lock()
        self._waiting = deque()
        self.sink.forget()

    async def _drain(self, now: float | None) -> None:
        with self._lock:
            if not self._waiting or (self.troubled and now is not None and now < self._again):
                self._give_up(max(0, len(self._waiting) - BACKLOG))
                return
            self._offer([self._waiting.popleft() for _ in range(len(self._waiting))], now)
            if self.sink.healed:
                self._unsaid.append(f"{self.sink.name}: {self.sink.healed}")
                self.sink.healed = ""

    def _offer(self, batch: list[Record], now: float | None) -> None:
        try:
            self.sink.write(batch)
        except SinkError as error:
            self._waiting.extendleft(reversed(batch[error.done :]))
            self._give_up(max(0, len(self._waiting) - BACKLOG))
            self._again = (now or 0.0) + PAUSE
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - no call fails because of its record
            self.lost += len(batch)
            self._failed(type(error).__name__)
        except BaseException:  # Ctrl-C, in a thread that has no other calls to end
            self._waiting.extendleft(reversed(batch))
            raise
        else:
            self.troubled = False

    async def _close(self) -> None:
        with self._lock:
            self.sink.close()

    def _give_up(self, number: int) -> None:
        for _ in range(number):
            self._waiting.popleft()
        self.lost += number

    def _failed(self, why: str) -> None:
        if not self.troubled:
            self.troubled = True
            self._unsaid.append(
                f"{self.sink.name}: records of calls cannot be written: {why}; calls go on without them"
            )


def say(text: str) -> None:
    """Say it where somebody may hear it; where warnings are errors or cannot be shown, in the log."""
    try:
        # without a registry: what was said of the last outage would silence what is said of the next
        warnings.warn_explicit(text, RecordsNotWrittenWarning, __file__, 1, __name__)
    except Exception:  # noqa: BLE001 - no call fails because of its record
        with suppress(Exception):
            logging.getLogger("jackfield.logging").warning("%s", text)

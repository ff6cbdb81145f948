"""A store that never fails a call: where it is in trouble it is skipped for a while, which is said once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from attrs import define, field

from jackfield.errors import JackfieldError
from jackfield.runtime import Lock, Runtime

from ._store import Store

__all__ = ["Shelf"]

T = TypeVar("T")

log = logging.getLogger("jackfield.cache")

SLOW: Final = 1.0  # seconds of one operation, above which a store is in trouble
FIRST: Final = 1.0  # seconds for which it is skipped, doubled each time
LONGEST: Final = 60.0


@define(eq=False)
class _Way:
    """How reading fares, or writing. Each fails by itself: a full disk can still be read.

    Attributes:
        trouble, relief: what to say at the first failure, and when it works again.
        until: when it may be tried again; None while all is well.
    """

    trouble: str
    relief: str
    until: float | None = None
    _pause: float = FIRST
    _lock: Any = field(factory=Lock, repr=False)

    def enter(self, now: float) -> bool | None:
        """Whether this one tries whether it works again: one at a time. None: it is skipped, its pause is not over."""
        with self._lock:
            if self.until is None:
                return False
            if now < self.until:
                return None
            self.until = now + self._pause  # until it is known how this one fares, nobody else tries
            return True

    def failed(self, now: float, why: str, *, probe: bool) -> None:
        """Skip it for a while: for longer each time that it was tried in vain, however many failed at once."""
        with self._lock:
            first = self.until is None
            if not (first or probe):
                return
            self._pause = FIRST if first else min(self._pause * 2, LONGEST)
            self.until = now + self._pause
        if first:
            log.warning("%s: %s", self.trouble, why)

    def healed(self) -> None:
        """It was tried, and works again."""
        with self._lock:
            was, self.until = self.until, None
        if was is not None:
            log.info(self.relief)

    def after_fork(self) -> None:
        """Begin in the child of a fork."""
        self._lock = Lock()


class Shelf:
    """Guards one store.

    Attributes:
        store: the store.
    """

    def __init__(self, store: Store) -> None:
        """Guard this store."""
        self.store = store
        self._quick = bool(store.quick)
        self._reads = _Way("the cache's store is skipped until it works again", "the cache's store works again")
        self._writes = _Way(
            "the cache's store takes nothing, and is not written until it does", "the cache's store is written again"
        )

    async def get(self, runtime: Runtime, key: str) -> bytes | None:
        """The value, or None."""
        value: object = await self._use(runtime, self._reads, self.store.get, key)
        return value if isinstance(value, bytes) else None

    async def set(self, runtime: Runtime, key: str, value: bytes, ttl: float | None) -> None:
        """Keep a value, where that can be done."""
        await self._write(runtime, self.store.set, key, value, ttl, runtime.wall())

    async def add(self, runtime: Runtime, sums: Mapping[str, float]) -> None:
        """Add to the sums, where that can be done."""
        await self._write(runtime, self.store.add, sums)

    async def close(self, runtime: Runtime) -> None:
        """Give back what the store holds."""
        try:
            await runtime.run(self.store.close)
        except Exception as error:  # noqa: BLE001 - nothing that a store does fails a client
            log.warning("the cache's store cannot be closed: %s", _told(error))

    def after_fork(self) -> None:
        """Begin in the child of a fork: a thread that is not there any more may have held a lock."""
        self._reads.after_fork()
        self._writes.after_fork()

    async def _write(self, runtime: Runtime, function: Callable[..., None], *args: Any) -> None:
        until = self._reads.until
        if until is None or runtime.now() >= until:  # one that cannot be read is most likely gone
            await self._use(runtime, self._writes, function, *args)

    async def _use(self, runtime: Runtime, way: _Way, function: Callable[..., T], *args: Any) -> T | None:
        begun = runtime.now()
        probe = way.until is not None and way.enter(begun)
        if probe is None:
            return None
        # in a blocking call the runtime would do no more than enter its scopes
        in_place = self._quick or (runtime.blocking and not runtime.scopes)
        try:
            result = function(*args) if in_place else await runtime.run(function, *args)
        except Exception as error:  # noqa: BLE001 - nothing that a store does fails a call
            way.failed(runtime.now(), _told(error), probe=probe)
            return None
        if not self._quick and runtime.now() - begun > SLOW:
            way.failed(runtime.now(), f"it took longer than {SLOW:g} s", probe=probe)
        elif probe:
            way.healed()
        return result


def _told(error: Exception) -> str:
    # the text of a foreign error may hold anything, a password included
    return error.message if isinstance(error, JackfieldError) else type(error).__name__

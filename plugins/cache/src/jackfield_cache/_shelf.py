"""A store that never fails a call: where it is in trouble it is skipped for a while, which is said once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from jackfield.errors import JackfieldError
from jackfield.runtime import Lock, Runtime

from ._store import Store

__all__ = ["Shelf"]

T = TypeVar("T")

log = logging.getLogger("jackfield.cache")

SLOW: Final = 1.0  # seconds of one operation, above which a store is in trouble
FIRST: Final = 1.0  # seconds for which it is skipped, doubled each time
LONGEST: Final = 60.0


class Shelf:
    """Guards one store.

    Attributes:
        store: the store.
    """

    def __init__(self, store: Store) -> None:
        """Guard this store."""
        self.store = store
        self._quick = bool(store.quick)
        self._lock = Lock()
        self._until: float | None = None  # when it may be tried again; None while all is well
        self._pause = FIRST

    async def get(self, runtime: Runtime, key: str) -> bytes | None:
        """The value, or None."""
        value: object
        if self._quick and self._until is None:  # as below, for those who come most often
            try:
                value = self.store.get(key)
            except Exception as error:  # noqa: BLE001 - nothing that a store does fails a call
                self._trouble(runtime.now(), _told(error))
                return None
        else:
            value = await self._use(runtime, self.store.get, key)
        return value if isinstance(value, bytes) else None

    async def set(self, runtime: Runtime, key: str, value: bytes, ttl: float | None) -> None:
        """Keep a value, where that can be done."""
        await self._use(runtime, self.store.set, key, value, ttl, runtime.wall())

    async def add(self, runtime: Runtime, sums: Mapping[str, float]) -> None:
        """Add to the sums, where that can be done."""
        await self._use(runtime, self.store.add, sums)

    async def close(self, runtime: Runtime) -> None:
        """Give back what the store holds."""
        try:
            await runtime.run(self.store.close)
        except Exception as error:  # noqa: BLE001 - nothing that a store does fails a client
            log.warning("the cache's store cannot be closed: %s", _told(error))

    async def _use(self, runtime: Runtime, function: Callable[..., T], *args: Any) -> T | None:
        if self._until is not None and not self._probe(runtime.now()):
            return None
        begun = 0.0 if self._quick else runtime.now()
        try:
            result = function(*args) if self._quick else await runtime.run(function, *args)
        except Exception as error:  # noqa: BLE001 - nothing that a store does fails a call
            self._trouble(runtime.now(), _told(error))
            return None
        if not self._quick and runtime.now() - begun > SLOW:
            self._trouble(runtime.now(), f"it took longer than {SLOW:g} s")
        elif self._until is not None:
            self._healed()
        return result

    def _probe(self, now: float) -> bool:
        """Whether this one may try a store that was in trouble: one at a time, and not before its pause is over."""
        with self._lock:
            if self._until is None:
                return True
            if now < self._until:
                return False
            self._until = now + self._pause  # until it is known how this one fares, nobody else tries
            return True

    def _trouble(self, now: float, why: str) -> None:
        with self._lock:
            first = self._until is None
            self._pause = FIRST if first else min(self._pause * 2, LONGEST)
            self._until = now + self._pause
        if first:
            log.warning("the cache's store is skipped until it works again: %s", why)

    def _healed(self) -> None:
        with self._lock:
            was, self._until = self._until, None
        if was is not None:
            log.info("the cache's store works again")


def _told(error: Exception) -> str:
    # the text of a foreign error may hold anything, a password included
    return error.message if isinstance(error, JackfieldError) else type(error).__name__

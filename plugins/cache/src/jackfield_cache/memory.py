"""The store in memory: for one process, gone with it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from jackfield.hooks import hookimpl
from jackfield.runtime import Lock

from ._checks import positive
from ._forks import renew_in_children

__all__ = ["MemorySettings", "MemoryStore"]


@frozen
class MemorySettings:
    """Settings of the store in memory.

    Attributes:
        max_entries: how many entries to keep; the ones that were not used for longest go first.
        max_bytes: how many bytes of entries to keep.
    """

    max_entries: int = field(default=10_000, validator=positive)
    max_bytes: int = field(default=64 * 1024 * 1024, validator=positive)


class MemoryStore:
    """Keeps values in this process, those that were used last.

    Raises:
        ConfigurationError: a bound is not above 0.
    """

    quick: bool = True

    def __init__(self, settings: MemorySettings | None = None) -> None:
        """Begin empty."""
        self._settings = settings or MemorySettings()
        self._values: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._sums: dict[str, float] = {}
        self._lock = Lock()
        renew_in_children(self)

    def get(self, key: str) -> bytes | None:
        """See `Store`."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
        return value

    def set(self, key: str, value: bytes, ttl: float | None, now: float) -> None:
        """See `Store`. A value that is larger than the whole store is not kept."""
        bounds = self._settings
        with self._lock:
            self._forget(key)
            if len(value) > bounds.max_bytes:
                return
            self._values[key] = value
            self._bytes += len(value)
            while self._bytes > bounds.max_bytes or len(self._values) > bounds.max_entries:
                self._forget(next(iter(self._values)))

    def delete(self, key: str) -> None:
        """See `Store`."""
        with self._lock:
            self._forget(key)

    def clear(self) -> None:
        """See `Store`."""
        with self._lock:
            self._values.clear()
            self._sums.clear()
            self._bytes = 0

    def items(self) -> Iterable[tuple[str, bytes]]:
        """See `Store`."""
        with self._lock:
            return list(self._values.items())

    def add(self, sums: Mapping[str, float]) -> None:
        """See `Store`."""
        with self._lock:
            for name, amount in sums.items():
                self._sums[name] = self._sums.get(name, 0) + amount

    def stats(self) -> Mapping[str, float]:
        """See `Store`."""
        with self._lock:
            return {**self._sums, "entries": len(self._values), "bytes": self._bytes}

    def close(self) -> None:
        """See `Store`. What is kept stays, for whoever shares it."""

    def after_fork(self) -> None:
        """Begin in the child of a fork: a thread that is not there any more may have held the lock."""
        self._lock = Lock()
        self._bytes = sum(map(len, self._values.values()))

    def _forget(self, key: str) -> None:
        value = self._values.pop(key, None)
        if value is not None:
            self._bytes -= len(value)


@hookimpl
def jackfield_settings() -> type[MemorySettings]:
    """The class of the settings."""
    return MemorySettings


@hookimpl
def jackfield_store(settings: Any) -> MemoryStore:
    """A store of its own for each cache."""
    return MemoryStore(settings)

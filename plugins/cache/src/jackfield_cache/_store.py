"""The contract of a store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

__all__ = ["Store"]


@runtime_checkable
class Store(Protocol):
    """Keeps values under keys. Its methods block, and may be called from several threads at once.

    A store need not inherit from this: an object with these names is one.
    It bounds its own waits (half a second is plenty) and raises what it likes: no error of a store fails a call.
    It may forget a value at any time, and may never give a part of one.

    Attributes:
        quick: whether every method returns in microseconds, so that it is called in place; one that reaches a disk or
            a network is not quick, and is called in a thread where the client is async.
    """

    quick: bool

    def get(self, key: str) -> bytes | None:
        """The value, or None where there is none."""

    def set(self, key: str, value: bytes, ttl: float | None, now: float) -> None:
        """Keep a value, in the place of the one that was there.

        `ttl` is for how many seconds it is of use (None: for ever) from `now`, seconds since 1970. To give it away
        after that is no harm, since the cache looks at the age itself.
        """

    def delete(self, key: str) -> None:
        """Forget a value; nothing where there is none."""

    def clear(self) -> None:
        """Forget every value and every sum."""

    def items(self) -> Iterable[tuple[str, bytes]]:
        """Every key with its value, as far as that is to be had while others write."""

    def add(self, sums: Mapping[str, float]) -> None:
        """Add to the sums, which begin at 0. They are not values, and no bound on these applies to them."""

    def stats(self) -> Mapping[str, float]:
        """The sums, with `entries` and `bytes`: how much is kept now."""

    def close(self) -> None:
        """Give back what it holds. It may be used again, and then opens what it needs."""

"""Starts an async generator so that no event loop adopts it and no finaliser of its own runs.

The stage that owns a generator closes it, in its order; a loop's hooks would close it at a time of their own.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Generator
from functools import partial
from typing import Any, Generic, TypeVar

__all__ = ["Quietly", "begin"]

T = TypeVar("T")


def _leave_alone(generator: object) -> None:
    """Stand in for a loop's finaliser: without one, CPython would throw GeneratorExit into a suspended await."""


def begin(iterator: AsyncIterator[T]) -> Any:
    """The awaitable of the first step; the hooks bind at the call, not at the await."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, _leave_alone)
    try:
        return iterator.__anext__()
    finally:
        sys.set_asyncgen_hooks(*hooks)


class Quietly(Generic[T]):
    """Awaits something under these hooks, so that the generators which start inside it are left alone as well."""

    __slots__ = ("_awaitable",)

    def __init__(self, awaitable: Awaitable[T]) -> None:
        self._awaitable = awaitable

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._awaitable.__await__()
        resume: Any = steps.__next__
        while True:
            hooks = sys.get_asyncgen_hooks()
            sys.set_asyncgen_hooks(None, _leave_alone)
            try:
                waits_for = resume()
            except StopIteration as stop:
                result: T = stop.value
                return result
            finally:
                sys.set_asyncgen_hooks(*hooks)
            try:
                value = yield waits_for
                resume = partial(steps.send, value)
            except BaseException as error:  # noqa: BLE001 - cancellation goes in where the wait is
                resume = partial(steps.throw, error)

"""The blocking runtime: its methods never suspend, so stepping a coroutine once finishes it."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Coroutine, Sequence
from contextvars import copy_context
from typing import Any, NoReturn, TypeVar, cast

from ..errors import BlockingAwaitError
from .base import Runtime, Signal, Start

__all__ = ["ADVICE", "BlockingRuntime", "drive", "wants_loop"]

T = TypeVar("T")

ADVICE = "a synchronous client has no event loop: a middleware or provider may await only proceed(...) and call.runtime"
# what asyncio, trio and anyio say when there is no loop at all, so that nothing is left to suspend
NO_LOOP = ("no running event loop", "async context", "not currently running on any async")


_here = threading.local()  # how deep this thread is inside `drive`, and what was dropped meanwhile


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, here and now.

    Raises:
        BlockingAwaitError: it did suspend; raised first inside it, at that very `await`.
    """
    hooks = sys.get_asyncgen_hooks()
    depth = getattr(_here, "depth", 0)
    try:
        _here.depth = depth + 1
        # a surrounding loop would adopt the generators that start in here, and close them when it pleases
        sys.set_asyncgen_hooks(None, None)
        coroutine.send(None)
        _insist(coroutine)
    except StopIteration as stop:
        return cast("T", stop.value)
    except RuntimeError as error:
        if wants_loop(error):
            raise BlockingAwaitError(ADVICE) from error
        raise
    finally:
        coroutine.close()  # for Ctrl-C before the first step: elsewhere it is over already
        _here.depth = depth
        sys.set_asyncgen_hooks(*hooks)
        if not depth and _here.__dict__.get("dropped"):
            _reap_dropped()


def drive_dropped(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run the clean-up of something that was dropped: now, or when the step that it interrupted is over.

    A finaliser can run at any moment, also inside a lock of the connection pool that the clean-up would want.
    """
    _here.__dict__.setdefault("dropped", []).append(close)
    if not getattr(_here, "depth", 0):
        _reap_dropped()


def _reap_dropped() -> None:
    while dropped := _here.__dict__.get("dropped"):
        close = dropped.pop()
        try:
            drive(close())
        except Exception as error:  # noqa: BLE001 - nobody waits for it
            warnings.warn(f"closing a dropped stream failed: {error!r}", ResourceWarning, stacklevel=1)


def wants_loop(error: BaseException) -> bool:
    """Whether this is what asyncio, trio or anyio raise where no event loop runs."""
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in NO_LOOP)


def _insist(coroutine: Coroutine[Any, Any, Any]) -> NoReturn:
    # it may catch the error and await again: each such await gets the same answer, but not for ever
    for _ in range(100):
        coroutine.throw(BlockingAwaitError(ADVICE))
    coroutine.close()
    raise BlockingAwaitError(ADVICE)


class BlockingRuntime(Runtime):
    """For `Client`: blocks the thread that calls."""

    __slots__ = ()

    blocking = True

    async def _wait(self, signal: Signal, seconds: float | None) -> None:
        woken = threading.Event()
        self.control.attach(woken.set)
        signal.attach(woken.set)
        try:
            woken.wait(None if seconds is None else min(seconds, threading.TIMEOUT_MAX))
        finally:
            signal.detach(woken.set)
        self.control.attach(None)

    async def _run(self, function: Callable[[], T]) -> T:
        return function()

    async def _together(self, starts: Sequence[Start], stop: Callable[[], None]) -> None:
        from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait  # hardly anybody races

        with ThreadPoolExecutor(len(starts)) as pool:
            # a context cannot be entered twice at once
            futures = [pool.submit(copy_context().run, lambda start=start: drive(start())) for start in starts]
            try:
                wait(futures, return_when=FIRST_COMPLETED)
            finally:
                stop()
        for future in futures:
            future.result()

    async def finish(self, close: Callable[[], Any], seconds: float, *, apart: bool = False) -> None:
        """Run the clean-up in place, for as long as it takes: nothing can interrupt it."""
        await close()

    def reaper(self) -> Callable[[Callable[[], Any]], None]:
        """A finaliser runs the clean-up in its own thread."""
        return drive_dropped

"""The async runtime, on anyio: asyncio and trio."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, ParamSpec, TypeVar

import anyio
import anyio.to_thread
import sniffio
from anyio.lowlevel import RunVar

from .base import Runtime, Signal, Start

__all__ = ["AnyioRuntime", "reaper"]

P = ParamSpec("P")
T = TypeVar("T")

_threads: RunVar[anyio.CapacityLimiter] = RunVar("jackfield_threads")
_reaping: set[Any] = set()  # a loop holds its tasks weakly


class AnyioRuntime(Runtime):
    """For `AsyncClient`: whatever loop runs the caller."""

    __slots__ = ()

    blocking = False

    async def _wait(self, signal: Signal, seconds: float | None) -> None:
        woken = anyio.Event()
        wake = _in_loop(woken.set)
        self.control.attach(wake)
        signal.attach(wake)
        try:
            with anyio.move_on_after(seconds):
                await woken.wait()
        finally:
            signal.detach(wake)
        self.control.attach(None)

    async def _run(self, function: Callable[[], T]) -> T:
        try:
            threads = _threads.get()
        except LookupError:  # of its own: a program may use up anyio's, and wait in each of them for us
            _threads.set(threads := anyio.CapacityLimiter(40))
        return await anyio.to_thread.run_sync(function, limiter=threads)

    async def _together(self, starts: Sequence[Start], stop: Callable[[], None]) -> None:
        async def enter(start: Start) -> None:
            await start()
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for start in starts:
                group.start_soon(enter, start)

    async def finish(self, close: Callable[[], Any], seconds: float, *, apart: bool = False) -> None:
        """Run the clean-up where cancellation of this task does not cut it."""

        async def bounded() -> None:
            with anyio.move_on_after(seconds, shield=True):
                await close()

        # anyio shields from its own scopes and from trio's, but a task of asyncio can be cancelled all the same
        if apart and sniffio.current_async_library() == "asyncio":
            await _unreachable(bounded())
        else:
            await bounded()

    def reaper(self) -> Callable[[Callable[[], Any]], None]:
        """A finaliser can run in any thread: the clean-up is handed to the loop that runs now."""
        return reaper()


def reaper() -> Callable[[Callable[[], Any]], None]:
    """A function that has an async clean-up run in the loop that runs now, callable from any thread."""
    if sniffio.current_async_library() == "trio":
        import trio

        return _in_loop(lambda close: trio.lowlevel.spawn_system_task(_in_peace, close))

    import asyncio

    loop = asyncio.get_running_loop()

    def spawn(close: Callable[[], Any]) -> None:
        task = loop.create_task(_in_peace(close))
        _reaping.add(task)
        task.add_done_callback(_reaping.discard)

    return _in_loop(spawn)


def _in_loop(function: Callable[P, object]) -> Callable[P, None]:
    """The function, run in the loop that runs now, callable from any thread; nothing where that loop is over."""
    schedule: Callable[[Callable[[], object]], object]
    if sniffio.current_async_library() == "trio":
        import trio

        schedule = trio.lowlevel.current_trio_token().run_sync_soon
    else:
        import asyncio

        schedule = asyncio.get_running_loop().call_soon_threadsafe

    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        with suppress(RuntimeError):  # trio's is one too
            schedule(partial(function, *args, **kwargs))

    return call


async def _in_peace(close: Callable[[], Any]) -> None:
    """A clean-up that nobody waits for must not take the loop down with it."""
    try:
        await close()
    except Exception as error:  # noqa: BLE001 - it has nowhere else to go
        warnings.warn(f"closing a dropped stream failed: {error!r}", ResourceWarning, stacklevel=1)


async def _unreachable(clean_up: Coroutine[Any, Any, None]) -> None:
    import asyncio

    task = asyncio.get_running_loop().create_task(clean_up)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()

"""The async runtime, on anyio: asyncio and trio."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ParamSpec, TypeVar

import anyio
import anyio.to_thread
import sniffio

from .base import Runtime

__all__ = ["AnyioRuntime"]

P = ParamSpec("P")
T = TypeVar("T")

_reaping: set[Any] = set()  # a loop holds its tasks weakly


class AnyioRuntime(Runtime):
    """For `AsyncClient`: whatever loop runs the caller."""

    __slots__ = ()

    blocking = False

    async def _wait(self, seconds: float) -> None:
        woken = anyio.Event()
        self.control.attach(woken.set)
        with anyio.move_on_after(seconds):
            await woken.wait()
        self.control.attach(None)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call the function in a worker thread."""
        return await anyio.to_thread.run_sync(partial(function, *args, **kwargs))

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
        if sniffio.current_async_library() == "trio":
            import trio

            token = trio.lowlevel.current_trio_token()

            def reap_trio(close: Callable[[], Any]) -> None:
                token.run_sync_soon(trio.lowlevel.spawn_system_task, _in_peace, close)

            return reap_trio

        import asyncio

        loop = asyncio.get_running_loop()

        def spawn(close: Callable[[], Any]) -> None:
            task = loop.create_task(_in_peace(close))
            _reaping.add(task)
            task.add_done_callback(_reaping.discard)

        def reap(close: Callable[[], Any]) -> None:
            loop.call_soon_threadsafe(spawn, close)

        return reap


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

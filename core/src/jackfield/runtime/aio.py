"""The async runtime, on anyio: asyncio and trio."""

from __future__ import annotations

from collections.abc import Callable
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

    async def finish(self, close: Callable[[], Any], seconds: float) -> None:
        """Run the clean-up where cancellation of this task does not reach it."""
        with anyio.move_on_after(seconds, shield=True):
            await close()

    def reaper(self) -> Callable[[Callable[[], Any]], None]:
        """A finaliser can run in any thread: the clean-up is handed to the loop that runs now."""
        if sniffio.current_async_library() == "trio":
            import trio

            token = trio.lowlevel.current_trio_token()

            def reap_trio(close: Callable[[], Any]) -> None:
                token.run_sync_soon(trio.lowlevel.spawn_system_task, close)

            return reap_trio

        import asyncio

        loop = asyncio.get_running_loop()

        def spawn(close: Callable[[], Any]) -> None:
            task = loop.create_task(close())
            _reaping.add(task)
            task.add_done_callback(_reaping.discard)

        def reap(close: Callable[[], Any]) -> None:
            loop.call_soon_threadsafe(spawn, close)

        return reap

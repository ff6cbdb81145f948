"""The two pools behind one face: a blocking one with awaitable methods that never suspend, and an async one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from contextlib import suppress
from os import getpid
from typing import Any, Final, TypeAlias

from ..runtime import Quietly, begin
from .work import Backend, BlockingBackend, wrap, wrap_later

CLOSING: Final = 5.0  # seconds

__all__ = ["BlockingPool", "Pool", "SuspendingPool"]


class BlockingPool:
    """A blocking pool with awaitable methods, none of which suspends."""

    def __init__(self, core: Any, **options: Any) -> None:
        self._home = getpid()
        self._pool = core.ConnectionPool(network_backend=BlockingBackend(core.SyncBackend(), wrap), **options)

    @staticmethod
    def here() -> object:
        """What the pool is bound to: the process, whose children must not write into its connections."""
        return getpid()

    def gone(self) -> bool:
        """Whether nobody can use the pool any more."""
        return self._home != getpid()

    def abandon(self) -> None:
        """Let go of the connections of a parent process, which goes on with them. Its locks may be held for ever."""
        for connection in self._pool.connections:
            connection.close()

    async def handle(self, request: Any) -> Any:
        """Send a request; the head of its reply."""
        return self._pool.handle_request(request)

    def pieces(self, response: Any) -> Callable[[], Awaitable[bytes | None]]:
        """A function that reads the next piece of the body; None at its end."""
        pieces = iter(response.stream)

        async def following() -> bytes | None:
            return next(pieces, None)

        return following

    async def close(self, response: Any) -> None:
        """Give the connection of a reply back, or drop it."""
        response.close()

    async def aclose(self) -> None:
        """Close every connection."""
        self._pool.close()


class SuspendingPool:
    """The same face on an async pool."""

    def __init__(self, core: Any, **options: Any) -> None:
        self._pool = core.AsyncConnectionPool(network_backend=Backend(core.AnyIOBackend(), wrap_later), **options)
        from ..runtime.aio import reaper  # who blocks does without anyio

        token = self.here()
        self._loop_closed: Callable[[], bool] = getattr(getattr(token, "native_token", token), "is_closed", bool)
        self._over = False
        self._reap = reaper()
        self._keeper = self._keep()
        # this generator the loop shall adopt: it closes the connections of a loop that ends before the client does
        with suppress(StopIteration):
            self._keeper.__anext__().send(None)

    async def _keep(self) -> AsyncGenerator[None, None]:
        from anyio import move_on_after

        try:
            yield
        finally:
            self._over = True
            with move_on_after(CLOSING, shield=True):
                await self._pool.aclose()

    @staticmethod
    def here() -> object:
        """What the pool is bound to: the event loop that runs now."""
        from anyio.lowlevel import current_token

        return current_token()

    def gone(self) -> bool:
        """Whether nobody can use the pool any more, as far as that can be known."""
        return self._over or self._loop_closed()

    def abandon(self) -> None:
        """Close every connection, from outside the loop that they belong to; one that is gone holds up nobody."""
        self._reap(self._keeper.aclose)

    async def handle(self, request: Any) -> Any:
        """Send a request; the head of its reply."""
        if not isinstance(request.stream, AsyncIterable):
            request.stream = _pieces(request.stream)
        # the pool starts generators that it does not close: an event loop must not adopt them
        return await Quietly(self._pool.handle_async_request(request))

    def pieces(self, response: Any) -> Callable[[], Awaitable[bytes | None]]:
        """A function that reads the next piece of the body; None at its end."""
        pieces = aiter(response.stream)
        begun = False

        async def following() -> bytes | None:
            nonlocal begun
            try:
                if begun:
                    return await anext(pieces)
                begun = True
                # the pool nests generators, and closes the outermost alone: an event loop must not adopt the others
                return await Quietly(begin(pieces))
            except StopAsyncIteration:
                return None

        return following

    async def close(self, response: Any) -> None:
        """Give the connection of a reply back, or drop it."""
        await response.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._keeper.aclose()


async def _pieces(body: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    """A body for an async pool: each piece is read in a thread."""
    from anyio import to_thread

    pieces = iter(body)
    while (piece := await to_thread.run_sync(next, pieces, None)) is not None:
        yield piece


Pool: TypeAlias = BlockingPool | SuspendingPool

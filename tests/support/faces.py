"""One test body for both clients and every event loop: the blocking client behind an async face."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from jackfield import AsyncClient, Client
from jackfield.runtime import drive

COLOURS = ["sync", "asyncio", "trio"]


class _Stream:
    def __init__(self, stream: Any) -> None:
        self.inner = stream

    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            return next(self.inner)
        except StopIteration:
            raise StopAsyncIteration from None

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc):
        self.inner.close()

    async def aclose(self):
        self.inner.close()

    def __getattr__(self, name):
        return getattr(self.inner, name)


class _Face:
    def __init__(self, client: Client) -> None:
        self.inner = client

    def stream(self, *args, **kwargs):
        return _Stream(self.inner.stream(*args, **kwargs))

    def __getattr__(self, name):
        method = getattr(self.inner, name)

        async def called(*args, **kwargs):
            return method(*args, **kwargs)

        return called


def run(colour: str, body: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
    """Run a test body with a client of this colour, built with the options."""
    if colour == "sync":
        with Client(**options) as client:
            return drive(body(_Face(client)))

    async def main() -> Any:
        async with AsyncClient(**options) as client:
            return await body(client)

    return anyio.run(main, backend=colour)

"""What a provider has beside the core's operations, in each kind of client: one test body for all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio

import jackfield as jf
from jackfield.runtime import drive

Body = Callable[[Any, Callable[[Any], Awaitable[Any]], Callable[[Any], Awaitable[list[Any]]]], Awaitable[Any]]


def in_colour(colour: str, part: str, body: Body, config: Any, **options: Any) -> Any:
    """Run a test body with a part of the provider `openai`'s accessor, and functions that await results and lists."""

    async def settled(value: Any) -> Any:
        return value if colour == "sync" else await value

    async def every(items: Any) -> list[Any]:
        if colour == "sync":
            return [one for one in items]  # noqa: C416 - as a user does
        return [one async for one in items]

    if colour == "sync":
        with jf.Client(config, **options) as client:
            return drive(body(getattr(client.provider("openai"), part), settled, every))

    async def main() -> Any:
        async with jf.AsyncClient(config, **options) as client:
            return await body(getattr(client.provider("openai"), part), settled, every)

    return anyio.run(main, backend=colour)

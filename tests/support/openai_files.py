"""Clients of a fake OpenAI, of each colour, in process and on loopback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio

import jackfield as jf
from jackfield.runtime import drive
from jackfield_testkit import FunctionNetwork

COLOURS = ["sync", "asyncio", "trio"]


def options(fake: Any, **more: Any) -> dict[str, Any]:
    """Arguments of a client whose network is a fake, in process."""
    config = {"default": "openai", "providers": {"openai": {"api_key": "sk-secret"}}, **more}
    return {"config": config, "transport": FunctionNetwork(fake)}


def local(base: str) -> dict[str, Any]:
    """Arguments of a client of a server on this machine."""
    return {"config": {"default": "openai", "providers": {"openai": {"api_key": "k", "base_url": base}}}}


def through(colour: str, body: Callable[..., Any], where: dict[str, Any]) -> Any:
    """Run a body with the accessor and with a function that waits for what it gives."""
    if colour == "sync":

        async def same(value):
            return value

        with jf.Client(**where) as client:
            return drive(body(client.provider("openai"), same))

    async def main():
        async with jf.AsyncClient(**where) as client:
            return await body(client.provider("openai"), lambda value: value)

    return anyio.run(main, backend=colour)

"""Jackfield with its OpenAI provider.

Options: `engine` is the HTTP library, `layers` how many middlewares that only pass events on, `use` a middleware
of the configuration: `logging` discards its records, `logging:jsonl` and `logging:journal` write to a file that goes.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import Any

import jackfield as jf

from .common import EMBEDDING_MODEL, INPUTS, KEY, MESSAGES, MODEL

IMPORTS = "jackfield"
OPTIONS: Any = {"temperature": 0.2, "max_output_tokens": 256}


class PassOn:
    """A middleware that does nothing."""

    @property
    def slot(self) -> jf.Slot:
        return jf.Slot.OBSERVE

    async def __call__(self, call: Any, proceed: Any) -> AsyncIterator[Any]:
        async for event in proceed(call):
            yield event


def used(use: str, folder: str) -> list[dict[str, Any]]:
    """Tables of `[[middleware]]`."""
    plugin, _, sink = use.partition(":")
    sinks = [{"kind": sink, "path": f"{folder}/records"}] if sink else ["logging"]
    return [{"use": plugin, "sinks": sinks}] if plugin else []


def arguments(base: str, engine: str, layers: str, use: str) -> dict[str, Any]:
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    config = {
        "middleware": used(use, folder),
        "default": f"openai:{MODEL}",
        "engine": engine,
        "providers": {"openai": {"base_url": base, "api_key": KEY}},
    }
    return {"config": config, "middleware": [PassOn() for _ in range(int(layers))]}


class Sync:
    def __init__(self, base: str, engine: str = "httpx", layers: str = "0", use: str = "") -> None:
        self._client = jf.Client(**arguments(base, engine, layers, use))

    def chat(self) -> str:
        return self._client.chat(MESSAGES, **OPTIONS).text

    def stream(self) -> Iterator[Any]:
        """Typed events, not only their text."""
        with self._client.stream(MESSAGES, **OPTIONS) as stream:
            yield from stream
            assert stream.response.text

    # there once the operation is
    if hasattr(jf.Client, "embed"):

        def embed(self) -> Any:
            return self._client.embed(INPUTS, model=f"openai:{EMBEDDING_MODEL}").vectors


class Async:
    def __init__(self, base: str, engine: str = "httpx", layers: str = "0", use: str = "") -> None:
        self._client = jf.AsyncClient(**arguments(base, engine, layers, use))

    async def chat(self) -> str:
        return (await self._client.chat(MESSAGES, **OPTIONS)).text

    async def stream(self) -> AsyncIterator[Any]:
        async with self._client.stream(MESSAGES, **OPTIONS) as stream:
            async for event in stream:
                yield event
            assert stream.response.text

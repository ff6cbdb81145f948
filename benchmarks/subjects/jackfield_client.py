"""Jackfield with its OpenAI provider.

Options: `engine` is the HTTP library, `layers` how many middlewares that only pass events on, `use` others, by
names joined by "+". "logging" discards records; "logging:jsonl" and "logging:journal" write them to a file that goes.
"cache" keeps replies in memory, "cache:sqlite" in such a file; "replay" gives what came first again, and asks nobody.
With `vary`, no request is the same as an earlier one.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import Any

import attrs

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


class Replay:
    """What a cache cannot do without: the events of a reply, given again."""

    @property
    def slot(self) -> jf.Slot:
        return jf.Slot.CACHE

    def __init__(self) -> None:
        self._events: list[Any] = []

    async def __call__(self, call: Any, proceed: Any) -> AsyncIterator[Any]:
        if not self._events:
            events = [event async for event in proceed(call)]
            self._events = [attrs.evolve(events[0], cached=True), *events[1:]]
        for event in self._events:
            yield event


def table(name: str, folder: str) -> dict[str, Any]:
    """A table of `[[middleware]]`."""
    plugin, _, kind = name.partition(":")
    if plugin == "logging":
        return {"use": plugin, "sinks": [{"kind": kind, "path": f"{folder}/records"}] if kind else ["logging"]}
    if plugin == "cache":
        return {"use": plugin, "store": {"use": kind, "path": f"{folder}/cache.sqlite"} if kind else "memory"}
    return {"use": plugin}


def arguments(base: str, engine: str, layers: str, use: str) -> dict[str, Any]:
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    names = use.split("+") if use else []
    config = {
        "middleware": [table(name, folder) for name in names if name != "replay"],
        "default": f"openai:{MODEL}",
        "engine": engine,
        "providers": {"openai": {"base_url": base, "api_key": KEY}},
    }
    passing = [PassOn() for _ in range(int(layers))]
    return {"config": config, "middleware": [*passing, *([Replay()] if "replay" in names else [])]}


def messages(vary: str) -> Iterator[list[dict[str, str]]]:
    """What to send, call by call."""
    system, user = MESSAGES
    for number in count():
        yield [system, {**user, "content": f"{user['content']} {number}"}] if vary else MESSAGES


class Sync:
    def __init__(self, base: str, engine: str = "httpx", layers: str = "0", use: str = "", vary: str = "") -> None:
        self._client = jf.Client(**arguments(base, engine, layers, use))
        self._messages = messages(vary)

    def chat(self) -> str:
        return self._client.chat(next(self._messages), **OPTIONS).text

    def cached(self) -> str:
        return self.chat()

    def stream(self) -> Iterator[Any]:
        """Typed events, not only their text."""
        with self._client.stream(next(self._messages), **OPTIONS) as stream:
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

    async def cached(self) -> str:
        return await self.chat()

    async def stream(self) -> AsyncIterator[Any]:
        async with self._client.stream(MESSAGES, **OPTIONS) as stream:
            async for event in stream:
                yield event
            assert stream.response.text

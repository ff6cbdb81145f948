"""One subject at one kind of work, in a process of its own. It does nothing until it is told to.

usage: python worker.py SUBJECT KIND URL [OPTION=VALUE ...]

Each line on standard input is a number of rounds to work; each answer is a line of JSON with the seconds of processor
and of wall-clock time that they took and the units of work that were done: calls, chunks or batches.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from replies import CHUNKS, VECTORS, WIDTH

IN_FLIGHT = 50

Work = Callable[[int], int]
"""Works so many rounds, and gives the units of work that were done."""


def chats(subject: Any, url: str, options: dict[str, str]) -> Work:
    client = subject.Sync(f"{url}/chat/v1", **options)

    def work(rounds: int) -> int:
        for _ in range(rounds):
            assert len(client.chat()) > 100
        return rounds

    return work


def streams(subject: Any, url: str, options: dict[str, str]) -> Work:
    client = subject.Sync(f"{url}/stream/v1", **options)

    def work(rounds: int) -> int:
        for _ in range(rounds):
            came = sum(1 for _ in client.stream())
            assert came >= CHUNKS - 2, came
        return rounds * CHUNKS

    return work


def async_streams(subject: Any, url: str, options: dict[str, str]) -> Work:
    runner = asyncio.Runner()
    client: Any = None

    async def all_of_it(rounds: int) -> None:
        nonlocal client
        client = client or subject.Async(f"{url}/stream/v1", **options)
        for _ in range(rounds):
            came = 0
            async for _ in client.stream():
                came += 1
            assert came >= CHUNKS - 2, came

    def work(rounds: int) -> int:
        runner.run(all_of_it(rounds))
        return rounds * CHUNKS

    return work


def at_once(subject: Any, url: str, options: dict[str, str]) -> Work:
    runner = asyncio.Runner()
    client: Any = None

    async def one_of_many(calls: int) -> None:
        for _ in range(calls):
            assert len(await client.chat()) > 100

    async def all_of_them(rounds: int) -> None:
        nonlocal client
        client = client or subject.Async(f"{url}/chat/v1", **options)
        await asyncio.gather(*(one_of_many(rounds) for _ in range(IN_FLIGHT)))

    def work(rounds: int) -> int:
        runner.run(all_of_them(rounds))
        return rounds * IN_FLIGHT

    return work


def embeddings(subject: Any, url: str, options: dict[str, str]) -> Work:
    client = subject.Sync(f"{url}/{getattr(subject, 'ENCODING', 'base64')}/v1", **options)

    def work(rounds: int) -> int:
        for _ in range(rounds):
            vectors = client.embed()
            assert len(vectors) == VECTORS
            assert len(vectors[0]) == WIDTH
        return rounds

    return work


def cached(subject: Any, url: str, options: dict[str, str]) -> Work:
    client = subject.Sync(f"{url}/chat/v1", **options)

    def work(rounds: int) -> int:
        for _ in range(rounds):
            assert len(client.cached()) > 100
        return rounds

    return work


def async_cached(subject: Any, url: str, options: dict[str, str]) -> Work:
    runner = asyncio.Runner()
    client: Any = None

    async def one_by_one(rounds: int) -> None:
        nonlocal client
        client = client or subject.Async(f"{url}/chat/v1", **options)
        for _ in range(rounds):
            assert len(await client.cached()) > 100

    def work(rounds: int) -> int:
        runner.run(one_by_one(rounds))
        return rounds

    return work


KINDS = {
    "chat": ("Sync", "chat", chats),
    "stream": ("Sync", "stream", streams),
    "async-stream": ("Async", "stream", async_streams),
    "at-once": ("Async", "chat", at_once),
    "cached": ("Sync", "cached", cached),
    "async-cached": ("Async", "cached", async_cached),
    "embed": ("Sync", "embed", embeddings),
}


def main(name: str, kind: str, url: str, *options: str) -> None:
    # what the libraries print must not stand between the answers
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    sys.path.insert(0, str(Path(__file__).parent))
    subject = importlib.import_module(f"subjects.{name}")
    face, method, prepare = KINDS[kind]
    if not hasattr(getattr(subject, face, None), method):
        print(json.dumps({"cannot": f"has no {kind}"}), file=answers)
        return
    work = prepare(subject, url, dict(option.split("=", 1) for option in options))
    print(json.dumps({"ready": kind}), file=answers)
    for line in sys.stdin:
        gc.collect()  # or one round pays for the rubbish of another
        cpu, wall = time.process_time(), time.perf_counter()
        units = work(int(line))
        spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        print(json.dumps({**spent, "units": units}), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What one writes without any library for language models: httpx and json. Every other subject is compared with it.

Options: `library=httpx2` is the same on httpx2. `tls=no` leaves out the certificates, which `httpx.Client()` reads
even where it never speaks TLS.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from .common import HEADERS, chat_body, embedding_body, unpacked

IMPORTS = "httpx"


class Sync:
    def __init__(self, base: str, library: str = "httpx", tls: str = "yes") -> None:
        self._base = base
        self._client: Any = importlib.import_module(library).Client(headers=HEADERS, timeout=60, verify=tls == "yes")

    def chat(self) -> str:
        response = self._client.post(self._base + "/chat/completions", json=chat_body())
        response.raise_for_status()
        text: str = json.loads(response.content)["choices"][0]["message"]["content"]
        return text

    def stream(self) -> Iterator[str]:
        body = chat_body(stream=True)
        with self._client.stream("POST", self._base + "/chat/completions", json=body) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                if (text := _text(line)) is not None:
                    yield text

    def embed(self) -> list[Any]:
        response = self._client.post(self._base + "/embeddings", json=embedding_body("base64"))
        response.raise_for_status()
        return unpacked(json.loads(response.content)["data"])


class Async:
    def __init__(self, base: str, library: str = "httpx") -> None:
        module = importlib.import_module(library)
        limits = module.Limits(max_connections=1000, max_keepalive_connections=1000)
        self._base = base
        self._client: Any = module.AsyncClient(headers=HEADERS, timeout=60, limits=limits)

    async def chat(self) -> str:
        response = await self._client.post(self._base + "/chat/completions", json=chat_body())
        response.raise_for_status()
        text: str = json.loads(response.content)["choices"][0]["message"]["content"]
        return text

    async def stream(self) -> AsyncIterator[str]:
        body = chat_body(stream=True)
        async with self._client.stream("POST", self._base + "/chat/completions", json=body) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if (text := _text(line)) is not None:
                    yield text


def _text(line: str) -> str | None:
    """The text of a line, or None where it is not one of a chunk."""
    if not line.startswith("data:") or (data := line[5:].strip()) == "[DONE]":
        return None
    choices: list[Any] = json.loads(data)["choices"]
    return choices[0]["delta"].get("content") or "" if choices else ""

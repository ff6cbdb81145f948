"""The official SDK of OpenAI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai

from .common import EMBEDDING_MODEL, INPUTS, KEY, MESSAGES, MODEL

IMPORTS = "openai"
CHAT: Any = {"model": MODEL, "messages": MESSAGES, "temperature": 0.2, "max_tokens": 256}


class Sync:
    def __init__(self, base: str) -> None:
        self._client = openai.OpenAI(base_url=base, api_key=KEY)

    def chat(self) -> Any:
        return self._client.chat.completions.create(**CHAT).choices[0].message.content

    def stream(self) -> Iterator[Any]:
        for chunk in self._client.chat.completions.create(stream=True, **CHAT):
            if chunk.choices:
                yield chunk.choices[0].delta.content or ""

    def embed(self) -> list[Any]:
        return [row.embedding for row in self._client.embeddings.create(model=EMBEDDING_MODEL, input=INPUTS).data]


class Async:
    def __init__(self, base: str) -> None:
        self._client = openai.AsyncOpenAI(base_url=base, api_key=KEY)

    async def chat(self) -> Any:
        return (await self._client.chat.completions.create(**CHAT)).choices[0].message.content

    async def stream(self) -> AsyncIterator[Any]:
        async for chunk in await self._client.chat.completions.create(stream=True, **CHAT):
            if chunk.choices:
                yield chunk.choices[0].delta.content or ""

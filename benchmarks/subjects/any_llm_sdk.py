"""any-llm, at its best: one provider object that is kept, rather than one made for each call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from any_llm import AnyLLM

from .common import KEY, MESSAGES, MODEL

IMPORTS = "any_llm"
CHAT: Any = {"model": MODEL, "messages": MESSAGES, "temperature": 0.2, "max_tokens": 256}


class Sync:
    def __init__(self, base: str) -> None:
        self._client: Any = AnyLLM.create("openai", api_key=KEY, api_base=base)

    def chat(self) -> Any:
        return self._client.completion(**CHAT).choices[0].message.content

    def stream(self) -> Iterator[Any]:
        for chunk in self._client.completion(stream=True, **CHAT):
            if chunk.choices:
                yield chunk.choices[0].delta.content or ""


class Async:
    def __init__(self, base: str) -> None:
        self._client: Any = AnyLLM.create("openai", api_key=KEY, api_base=base)

    async def chat(self) -> Any:
        return (await self._client.acompletion(**CHAT)).choices[0].message.content

    async def stream(self) -> AsyncIterator[Any]:
        async for chunk in await self._client.acompletion(stream=True, **CHAT):
            if chunk.choices:
                yield chunk.choices[0].delta.content or ""

"""litellm, used as a library."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it downloads a list of prices when it is imported

import litellm

from .common import EMBEDDING_MODEL, INPUTS, KEY, MESSAGES, MODEL

IMPORTS = "litellm"
ENCODING = "floats"
CHAT: Any = {"model": f"openai/{MODEL}", "messages": MESSAGES, "temperature": 0.2, "max_tokens": 256}
litellm.suppress_debug_info = True
litellm.telemetry = False


class Sync:
    def __init__(self, base: str) -> None:
        self._where: Any = {"api_base": base, "api_key": KEY}

    def chat(self) -> Any:
        return litellm.completion(**CHAT, **self._where).choices[0].message.content

    def stream(self) -> Iterator[Any]:
        for chunk in litellm.completion(stream=True, **CHAT, **self._where):
            if chunk.choices:
                yield chunk.choices[0].delta.content or ""

    def embed(self) -> list[Any]:
        model = f"openai/{EMBEDDING_MODEL}"
        reply = litellm.embedding(model=model, input=INPUTS, encoding_format="float", **self._where)
        return [row["embedding"] for row in reply.data]


class Async:
    def __init__(self, base: str) -> None:
        self._where: Any = {"api_base": base, "api_key": KEY}

    async def chat(self) -> Any:
        return (await litellm.acompletion(**CHAT, **self._where)).choices[0].message.content

    async def stream(self) -> AsyncIterator[Any]:
        async for chunk in await litellm.acompletion(stream=True, **CHAT, **self._where):
            if chunk.choices:
                yield chunk.choices[0].delta.content or ""

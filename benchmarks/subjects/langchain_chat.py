"""langchain-openai. Option: `store` is where `cached` keeps replies, "memory" or "sqlite" (of langchain-community)."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import Any

os.environ["LANGSMITH_TRACING"] = "false"

from langchain_core.caches import InMemoryCache
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from .common import EMBEDDING_MODEL, INPUTS, KEY, MODEL, SYSTEM, USER

IMPORTS = "langchain_openai"
MESSAGES = [("system", SYSTEM), ("user", USER)]


def model(base: str) -> Any:
    settings: Any = {"temperature": 0.2, "max_tokens": 256, "use_responses_api": False}
    return ChatOpenAI(model=MODEL, api_key=KEY, base_url=base, **settings)


def store_of(kind: str) -> Any:
    if kind == "memory":
        return InMemoryCache()
    from langchain_community.cache import SQLiteCache

    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return SQLiteCache(f"{folder}/cache.sqlite")


class Sync:
    def __init__(self, base: str, store: str = "memory") -> None:
        self._base = base
        self._model = model(base)
        self._kept = model(base).model_copy(update={"cache": store_of(store)})

    def cached(self) -> Any:
        return self._kept.invoke(MESSAGES).content

    def chat(self) -> Any:
        return self._model.invoke(MESSAGES).content

    def stream(self) -> Iterator[Any]:
        for chunk in self._model.stream(MESSAGES):
            yield chunk.content

    def embed(self) -> list[Any]:
        settings: Any = {"check_embedding_ctx_length": False, "chunk_size": len(INPUTS)}
        client: Any = OpenAIEmbeddings(model=EMBEDDING_MODEL, api_key=KEY, base_url=self._base, **settings)
        return list(client.embed_documents(INPUTS))


class Async:
    def __init__(self, base: str) -> None:
        self._model = model(base)
        self._kept = model(base).model_copy(update={"cache": InMemoryCache()})

    async def cached(self) -> Any:
        return (await self._kept.ainvoke(MESSAGES)).content

    async def chat(self) -> Any:
        return (await self._model.ainvoke(MESSAGES)).content

    async def stream(self) -> AsyncIterator[Any]:
        async for chunk in self._model.astream(MESSAGES):
            yield chunk.content

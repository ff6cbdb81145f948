"""pydantic-ai, by its direct requests: no agent in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from pydantic_ai.direct import model_request, model_request_stream, model_request_stream_sync, model_request_sync
from pydantic_ai.messages import ModelRequest, PartDeltaEvent, PartStartEvent, SystemPromptPart, UserPromptPart
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from .common import KEY, MODEL, SYSTEM, USER

IMPORTS = "pydantic_ai, pydantic_ai.models.openai"
SETTINGS: Any = {"temperature": 0.2, "max_tokens": 256}


def messages() -> list[Any]:
    return [ModelRequest(parts=[SystemPromptPart(SYSTEM), UserPromptPart(USER)])]


def text(event: Any) -> Any:
    if isinstance(event, PartDeltaEvent):
        return event.delta.content_delta
    return event.part.content if isinstance(event, PartStartEvent) else None


class Sync:
    def __init__(self, base: str) -> None:
        self._model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=base, api_key=KEY))

    def chat(self) -> Any:
        return model_request_sync(self._model, messages(), model_settings=SETTINGS).parts[0].content

    def stream(self) -> Iterator[Any]:
        with model_request_stream_sync(self._model, messages(), model_settings=SETTINGS) as stream:
            for event in stream:
                if (piece := text(event)) is not None:
                    yield piece


class Async:
    def __init__(self, base: str) -> None:
        self._model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=base, api_key=KEY))

    async def chat(self) -> Any:
        return (await model_request(self._model, messages(), model_settings=SETTINGS)).parts[0].content

    async def stream(self) -> AsyncIterator[Any]:
        async with model_request_stream(self._model, messages(), model_settings=SETTINGS) as stream:
            async for event in stream:
                if (piece := text(event)) is not None:
                    yield piece

"""The provider itself: its settings, and what OpenRouter has beside what OpenAI-like services share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from attrs import frozen

from jackfield.operations import CHAT, COMPLETE, EMBED
from jackfield_wire_openai.provider import WireProvider, WireSettings

__all__ = ["OpenRouterProvider", "OpenRouterSettings"]

BASE_URL: Final = "https://openrouter.ai/api/v1"


@frozen
class OpenRouterSettings(WireSettings):
    """Settings of `[providers.openrouter]`, or of any instance with `plugin = "openrouter"`.

    Attributes:
        api_key: the key.
        base_url: where the API is, up to and without `/chat/completions`.
        default_model: the model of a chat where none is named.
        default_models: the same by operation: `chat`, `complete`, `embed`.
        referer: the address of your application, under which OpenRouter counts its use; none is sent unless set.
        title: the name of your application; none is sent unless set.
        categories: the categories under which your application is listed; none is sent unless set.
        headers: further headers of each request.
        profile: what the host takes, where that differs from what is known of it.
        models: what models take and refuse; these rules count before those that are known.
    """

    base_url: str = BASE_URL
    referer: str | None = None
    title: str | None = None
    categories: tuple[str, ...] = ()


class OpenRouterProvider(WireProvider):
    """Chats, completions, embeddings and models at OpenRouter, as its API description of August 2026 has them.

    Raises:
        ConfigurationError: the base URL is not one, or OpenRouter itself is to be called without a key.
    """

    plugin = "openrouter"
    variable = "OPENROUTER_API_KEY"
    home = BASE_URL
    host = "openrouter.ai"
    known_models: ClassVar[Mapping[str, str]] = {
        CHAT.name: "openrouter/auto",
        COMPLETE.name: "openai/gpt-3.5-turbo-instruct",
        EMBED.name: "openai/text-embedding-3-small",
    }
    header_settings: ClassVar[Mapping[str, str]] = {
        "referer": "HTTP-Referer",
        "title": "X-OpenRouter-Title",
        "categories": "X-OpenRouter-Categories",
    }

"""The OpenAI provider: chat completions, at OpenAI or at any server that speaks its language."""

from __future__ import annotations

from jackfield.hooks import hookimpl

from .account import OpenAIAccount
from .provider import OpenAIProvider, OpenAISettings

__all__ = ["OpenAIAccount", "OpenAIProvider", "OpenAISettings"]


@hookimpl
def jackfield_settings() -> type[OpenAISettings]:
    """The class of the settings."""
    return OpenAISettings


@hookimpl
def jackfield_provider(name: str, settings: OpenAISettings) -> OpenAIProvider:
    """A provider of this name."""
    return OpenAIProvider(name, settings)

"""Anthropic's Messages API as a provider: a package of its own, written with nothing but Jackfield's public names."""

from __future__ import annotations

from jackfield.hooks import hookimpl

from .provider import AnthropicProvider
from .settings import AnthropicSettings

__all__ = ["AnthropicProvider", "AnthropicSettings"]


@hookimpl
def jackfield_settings() -> type[AnthropicSettings]:
    """The class of the settings."""
    return AnthropicSettings


@hookimpl
def jackfield_provider(name: str, settings: AnthropicSettings) -> AnthropicProvider:
    """A provider of this name."""
    return AnthropicProvider(name, settings)

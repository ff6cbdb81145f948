"""Embeddings in this process, by a small model: a provider without HTTP."""

from __future__ import annotations

from jackfield.hooks import hookimpl

from .provider import MiniLMProvider, MiniLMSettings

__all__ = ["MiniLMProvider", "MiniLMSettings"]


@hookimpl
def jackfield_settings() -> type[MiniLMSettings]:
    """The class of the settings."""
    return MiniLMSettings


@hookimpl
def jackfield_provider(name: str, settings: MiniLMSettings) -> MiniLMProvider:
    """A provider of this name."""
    return MiniLMProvider(name, settings)

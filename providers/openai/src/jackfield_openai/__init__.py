"""The OpenAI provider: chat completions, at OpenAI or at any server that speaks its language."""

from __future__ import annotations

from typing import Any

from jackfield.hooks import hookimpl
from jackfield.operations import Operation
from jackfield_jobs.moderations import MODERATE

from .accessor import OpenAI
from .provider import OpenAIProvider, OpenAISettings

__all__ = ["OpenAI", "OpenAIProvider", "OpenAISettings"]


@hookimpl
def jackfield_operations() -> list[Operation[Any, Any]]:
    """The operations beyond the core's that this plugin serves."""
    return [MODERATE]


@hookimpl
def jackfield_settings() -> type[OpenAISettings]:
    """The class of the settings."""
    return OpenAISettings


@hookimpl
def jackfield_provider(name: str, settings: OpenAISettings) -> OpenAIProvider:
    """A provider of this name."""
    return OpenAIProvider(name, settings)

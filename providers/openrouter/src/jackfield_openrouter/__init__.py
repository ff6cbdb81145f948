"""The OpenRouter provider: one key for the models of many providers, and what OpenRouter has beside them."""

from __future__ import annotations

from jackfield.hooks import hookimpl

from .failures import Availability, Failure, failure
from .options import ChatOptions, CompleteOptions, EmbedOptions, ReasoningOptions
from .provider import OpenRouterProvider, OpenRouterSettings
from .routing import MaxPrice, Percentiles, ProviderPreferences, ProviderSort
from .served import Served, served

__all__ = ["Availability", "ChatOptions", "CompleteOptions", "EmbedOptions", "Failure", "MaxPrice"]
__all__ += ["OpenRouterProvider", "OpenRouterSettings", "Percentiles", "ProviderPreferences", "ProviderSort"]
__all__ += ["ReasoningOptions", "Served", "failure", "served"]


@hookimpl
def jackfield_settings() -> type[OpenRouterSettings]:
    """The class of the settings."""
    return OpenRouterSettings


@hookimpl
def jackfield_provider(name: str, settings: OpenRouterSettings) -> OpenRouterProvider:
    """A provider of this name."""
    return OpenRouterProvider(name, settings)

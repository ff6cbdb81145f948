"""The OpenRouter provider: one key for the models of many providers, and what OpenRouter has beside them."""

from __future__ import annotations

from jackfield.hooks import hookimpl

from .account import (
    CreditsRequest,
    CreditsResponse,
    EndpointsRequest,
    EndpointsResponse,
    GenerationRequest,
    GenerationResponse,
    KeyRequest,
    KeyResponse,
    OffersRequest,
    OffersResponse,
    OpenRouterAccount,
)
from .failures import Availability, Failure, failure
from .offers import Endpoint, Offer, Prices
from .options import ChatOptions, CompleteOptions, EmbedOptions, ReasoningOptions
from .provider import OpenRouterProvider, OpenRouterSettings
from .routing import MaxPrice, Percentiles, ProviderPreferences, ProviderSort
from .served import Served, served

__all__ = ["Availability", "ChatOptions", "CompleteOptions", "CreditsRequest", "CreditsResponse", "EmbedOptions"]
__all__ += ["Endpoint", "EndpointsRequest", "EndpointsResponse", "Failure", "GenerationRequest"]
__all__ += ["GenerationResponse", "KeyRequest", "KeyResponse", "MaxPrice", "Offer", "OffersRequest"]
__all__ += ["OffersResponse", "OpenRouterAccount", "OpenRouterProvider", "OpenRouterSettings", "Percentiles"]
__all__ += ["Prices", "ProviderPreferences", "ProviderSort", "ReasoningOptions", "Served", "failure", "served"]


@hookimpl
def jackfield_settings() -> type[OpenRouterSettings]:
    """The class of the settings."""
    return OpenRouterSettings


@hookimpl
def jackfield_provider(name: str, settings: OpenRouterSettings) -> OpenRouterProvider:
    """A provider of this name."""
    return OpenRouterProvider(name, settings)

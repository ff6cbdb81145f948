"""Which of the providers behind OpenRouter may serve a request, and which of them is asked first."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import field, frozen

from .checks import within

__all__ = ["MaxPrice", "Percentiles", "ProviderPreferences", "ProviderSort"]

Quantization: TypeAlias = Literal[
    "int4", "int8", "fp4", "mxfp4", "nvfp4", "fp6", "fp8", "mxfp8", "fp16", "bf16", "fp32", "unknown"
]
Order: TypeAlias = Literal["price", "throughput", "latency", "exacto"]
Names: TypeAlias = tuple[str, ...] | None
Price: TypeAlias = int | float | str | None


@frozen(kw_only=True)
class MaxPrice:
    """The most that a provider may ask; a request that none serves at that price is refused.

    Attributes:
        prompt: US dollars for a million tokens of the request.
        completion: US dollars for a million tokens of the reply.
        image: US dollars for a picture.
        audio: US dollars for a million tokens of sound.
        request: US dollars for a request.
    """

    prompt: Price = field(default=None, validator=within(0))
    completion: Price = field(default=None, validator=within(0))
    image: Price = field(default=None, validator=within(0))
    audio: Price = field(default=None, validator=within(0))
    request: Price = field(default=None, validator=within(0))


@frozen(kw_only=True)
class Percentiles:
    """Bounds that hold for a half, or for a larger part, of the requests to a provider."""

    p50: int | float | None = field(default=None, validator=within(0))
    p75: int | float | None = field(default=None, validator=within(0))
    p90: int | float | None = field(default=None, validator=within(0))
    p99: int | float | None = field(default=None, validator=within(0))


@frozen(kw_only=True)
class ProviderSort:
    """What comes first.

    Attributes:
        by: what the providers are ordered by.
        partition: "model" tries all providers of a model before the next model, "none" orders those of all models.
    """

    by: Order | None = None
    partition: Literal["model", "none"] | None = None


@frozen(kw_only=True)
class ProviderPreferences:
    """Which of the providers behind OpenRouter may serve a request, and which of them is asked first.

    The name of a provider, as "deepinfra", means each of its endpoints, and "deepinfra/turbo" that one.

    Attributes:
        order: providers to ask first, in this order.
        allow_fallbacks: whether others may serve where these cannot; true where it is not said.
        require_parameters: whether only those may serve that know every parameter of the request.
        data_collection: "deny" leaves out those that keep what they are sent.
        zdr: whether only those may serve that keep no data at all.
        enforce_distillable_text: whether only those models may serve whose text may be used to train others.
        only: the providers that may serve.
        ignore: the providers that may not.
        quantizations: the quantizations that may serve.
        sort: what the providers are ordered by, instead of OpenRouter's own balance.
        preferred_min_throughput: tokens a second; slower ones come last.
        preferred_max_latency: seconds to the first token; slower ones come last.
        max_price: the most that one may ask.
    """

    order: Names = None
    allow_fallbacks: bool | None = None
    require_parameters: bool | None = None
    data_collection: Literal["allow", "deny"] | None = None
    zdr: bool | None = None
    enforce_distillable_text: bool | None = None
    only: Names = None
    ignore: Names = None
    quantizations: tuple[Quantization, ...] | None = None
    sort: Order | ProviderSort | None = None
    preferred_min_throughput: int | float | Percentiles | None = field(default=None, validator=within(0))
    preferred_max_latency: int | float | Percentiles | None = field(default=None, validator=within(0))
    max_price: MaxPrice | None = None

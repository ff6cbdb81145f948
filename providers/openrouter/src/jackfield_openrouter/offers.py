"""What OpenRouter offers: models with their prices, their bounds and what they support, and who serves them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import field, frozen

from jackfield.errors import MalformedReplyError
from jackfield_wire_openai.reading import fact, texts

__all__ = ["Endpoint", "Offer", "Prices", "read_endpoint", "read_endpoints", "read_offer", "read_offers"]

NUMBERS: Final = (int, float)


@frozen
class Prices:
    """US dollars for one piece of each kind; None where OpenRouter states no price, or one that depends on who serves.

    Attributes:
        prompt: for a token of the request.
        completion: for a token of the reply.
        request: for a request.
        image: for a picture in the request.
        cache_read: for a token of the request that comes from the provider's prompt cache.
        cache_write: for a token that is put into it.
        reasoning: for a token of thought.
        web_search: for a search.
    """

    prompt: float | None = None
    completion: float | None = None
    request: float | None = None
    image: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    reasoning: float | None = None
    web_search: float | None = None

    @property
    def free(self) -> bool:
        """Whether neither the request's tokens nor the reply's cost anything."""
        return self.prompt == 0 and self.completion == 0


@frozen
class Offer:
    """A model that OpenRouter has. What it does not state is None or empty.

    Attributes:
        id: the name to use in a request: "author/slug", with a variant behind a colon where it has one.
        name: what people call it.
        created: when it was added, in seconds since 1970.
        context_length: the most tokens that a request and its reply may have together.
        max_output_tokens: the most tokens that a reply may have.
        prices: what it costs.
        input_modalities: what it takes: "text", "image", "file", "audio", ...
        output_modalities: what it gives.
        parameters: the parameters that at least one of its providers supports, in OpenRouter's words.
        moderated: whether the first of its providers has requests moderated.
        raw: the entry as it came.
    """

    id: str
    name: str | None = None
    created: float | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None
    prices: Prices = Prices()
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()
    parameters: frozenset[str] = frozenset()
    moderated: bool | None = None
    raw: Any = field(default=None, eq=False, repr=False)


@frozen
class Endpoint:
    """One provider behind OpenRouter that serves a model. What OpenRouter does not state is None or empty.

    Attributes:
        provider: the provider's name.
        tag: its slug, as `provider.order` and `provider.only` take it.
        context_length: the most tokens that a request and its reply may have together.
        max_output_tokens: the most tokens that a reply may have.
        prices: what it costs there.
        quantization: how the weights are kept: "fp8", "int4", ...
        parameters: the parameters that it supports.
        uptime: how much of the last half hour it was there, in per cent.
        raw: the entry as it came.
    """

    provider: str
    tag: str | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None
    prices: Prices = Prices()
    quantization: str | None = None
    parameters: frozenset[str] = frozenset()
    uptime: float | None = None
    raw: Any = field(default=None, eq=False, repr=False)


def read_offers(payload: Any) -> Iterator[Offer]:
    """The models of a list; an entry without a name is left out.

    Raises:
        MalformedReplyError: the payload is no list of models.
    """
    items = fact(payload, "data", list) if isinstance(payload, Mapping) else None
    if items is None:
        raise MalformedReplyError("data: expected a list of models", body=payload)
    for item in items:
        if isinstance(item, Mapping) and fact(item, "id", str):
            yield read_offer(item)


def read_offer(item: Mapping[str, Any]) -> Offer:
    """One model."""
    shape, top = fact(item, "architecture", dict) or {}, fact(item, "top_provider", dict) or {}
    return Offer(
        id=item["id"],
        name=fact(item, "name", str),
        created=fact(item, "created", *NUMBERS),
        context_length=fact(item, "context_length", int) or fact(top, "context_length", int),
        max_output_tokens=fact(top, "max_completion_tokens", int),
        prices=_prices(item),
        input_modalities=texts(shape, "input_modalities"),
        output_modalities=texts(shape, "output_modalities"),
        parameters=frozenset(texts(item, "supported_parameters")),
        moderated=fact(top, "is_moderated", bool),
        raw=item,
    )


def read_endpoints(payload: Any) -> tuple[Offer, tuple[Endpoint, ...]]:
    """A model, and who serves it.

    Raises:
        MalformedReplyError: the payload is no such list.
    """
    data = fact(payload, "data", dict) if isinstance(payload, Mapping) else None
    if data is None or not fact(data, "id", str) or fact(data, "endpoints", list) is None:
        raise MalformedReplyError("data: expected a model with its endpoints", body=payload)
    return read_offer(data), tuple(read_endpoint(item) for item in data["endpoints"] if isinstance(item, Mapping))


def read_endpoint(item: Mapping[str, Any]) -> Endpoint:
    """One provider that serves a model."""
    return Endpoint(
        provider=fact(item, "provider_name", str) or fact(item, "name", str) or "",
        tag=fact(item, "tag", str),
        context_length=fact(item, "context_length", int),
        max_output_tokens=fact(item, "max_completion_tokens", int),
        prices=_prices(item),
        quantization=fact(item, "quantization", str),
        parameters=frozenset(texts(item, "supported_parameters")),
        uptime=fact(item, "uptime_last_30m", *NUMBERS),
        raw=item,
    )


def _prices(item: Mapping[str, Any]) -> Prices:
    stated = fact(item, "pricing", dict) or {}
    names = {"cache_read": "input_cache_read", "cache_write": "input_cache_write", "reasoning": "internal_reasoning"}
    own = ("prompt", "completion", "request", "image", "web_search")
    return Prices(**{name: _price(stated.get(key)) for name, key in (*names.items(), *((one, one) for one in own))})


def _price(stated: object) -> float | None:
    if not isinstance(stated, str | int | float) or isinstance(stated, bool):
        return None
    try:
        price = float(stated)
    except (ValueError, OverflowError):
        return None
    return price if 0 <= price < float("inf") else None  # -1 is a price that depends on who serves

"""What OpenRouter has beside the core's operations: offers, who serves a model, generations, credits and the key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from attrs import field, frozen

from jackfield.errors import BadRequestError
from jackfield.operations import Operation, Request, Response, ResponseFold
from jackfield.types import Event

from .offers import Endpoint, Offer

__all__ = ["CreditsRequest", "CreditsResponse", "EndpointsRequest", "EndpointsResponse", "GenerationRequest"]
__all__ += ["GenerationResponse", "KeyRequest", "KeyResponse", "OffersRequest", "OffersResponse", "OpenRouterAccount"]
__all__ += ["Told"]

R = TypeVar("R", bound=Response)


@frozen(repr=False)
class Told(Event):
    """What a reply says, by the fields of its response."""

    fields: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, repr=False)
class OffersResponse(Response):
    """The models that OpenRouter has, in its order."""

    offers: tuple[Offer, ...] = ()

    def __iter__(self) -> Iterator[Offer]:
        return iter(self.offers)

    def __len__(self) -> int:
        return len(self.offers)


@frozen(kw_only=True, repr=False)
class EndpointsResponse(Response):
    """A model, and the providers that serve it."""

    offer: Offer | None = None
    endpoints: tuple[Endpoint, ...] = ()


@frozen(kw_only=True, repr=False)
class CreditsResponse(Response):
    """US dollars that were bought, and that were used."""

    total: float = 0.0
    used: float = 0.0

    @property
    def remaining(self) -> float:
        """US dollars that are left."""
        return self.total - self.used


@frozen(kw_only=True, repr=False)
class KeyResponse(Response):
    """What the key in use may spend, and has spent, in US dollars.

    Attributes:
        label: the key's beginning and end.
        limit: the most that it may spend; None for no limit.
        limit_remaining: what is left of that.
        limit_reset: when the limit begins anew: "daily", "weekly", "monthly".
        used: what it has spent, and so by the day, week and month.
        is_free_tier: whether the account has never bought credits.
        expires: when it ends, as OpenRouter writes a date.
    """

    label: str | None = None
    limit: float | None = None
    limit_remaining: float | None = None
    limit_reset: str | None = None
    used: float | None = None
    used_daily: float | None = None
    used_weekly: float | None = None
    used_monthly: float | None = None
    is_free_tier: bool | None = None
    expires: str | None = None


@frozen(kw_only=True, repr=False)
class GenerationResponse(Response):
    """What OpenRouter keeps of one generation.

    Attributes:
        served_by: the provider that served it.
        cost: US dollars that were charged.
        streamed: whether it was streamed.
        cancelled: whether its reader went away.
        finish_reason: why it ended, and so in that provider's own words.
        prompt_tokens: tokens of the request, and of the reply, as that provider counts them.
        reasoning_tokens: tokens of thought.
        cached_tokens: tokens of the request that came from the provider's prompt cache.
        latency: seconds until the first token.
        seconds: how long it took.
    """

    served_by: str | None = None
    cost: float | None = None
    streamed: bool | None = None
    cancelled: bool | None = None
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    latency: float | None = None
    seconds: float | None = None


class _Fold(ResponseFold):
    def __init__(self, response: Callable[..., Response]) -> None:
        super().__init__()
        self._response = response
        self._told: Mapping[str, Any] | None = None

    def add(self, event: Event) -> None:
        if not self.took(event) and isinstance(event, Told):
            self._told = event.fields

    def response(self) -> Any:
        return self._response(**{**self.facts(), **(self._told or {})})

    def missing(self) -> str | None:
        return "no answer has arrived" if self._told is None else None


def _operation(name: str, response: type[R], *, of_model: bool = False) -> Operation[Event, R]:
    return Operation(f"openrouter.{name}", lambda _: _Fold(response), of_model=of_model)


@frozen(kw_only=True)
class OffersRequest(Request[Event, OffersResponse]):
    """A request for the models that OpenRouter has; `model` names the provider."""

    operation: ClassVar[Operation[Any, Any]] = _operation("offers", OffersResponse)


@frozen(kw_only=True)
class EndpointsRequest(Request[Event, EndpointsResponse]):
    """A request for the providers that serve a model."""

    operation: ClassVar[Operation[Any, Any]] = _operation("endpoints", EndpointsResponse, of_model=True)


@frozen(kw_only=True)
class CreditsRequest(Request[Event, CreditsResponse]):
    """A request for the account's credits; it may take a key that manages keys."""

    operation: ClassVar[Operation[Any, Any]] = _operation("credits", CreditsResponse)


@frozen(kw_only=True)
class KeyRequest(Request[Event, KeyResponse]):
    """A request for what the key in use may spend, and has spent."""

    operation: ClassVar[Operation[Any, Any]] = _operation("key", KeyResponse)


def _named(_: object, __: Any, value: Any) -> None:
    if not isinstance(value, str) or not value:
        raise BadRequestError(f"generation: expected the id of a reply, as 'gen-...', got {value!r}")


@frozen(kw_only=True)
class GenerationRequest(Request[Event, GenerationResponse]):
    """A request for what OpenRouter keeps of a generation; it is there some seconds after the reply.

    Raises:
        BadRequestError: the generation is no id.
    """

    operation: ClassVar[Operation[Any, Any]] = _operation("generation", GenerationResponse)

    generation: str = field(validator=_named)


class OpenRouterAccount:
    """What an instance of the provider has beside the core's operations: `client.provider("openrouter")`.

    With an `AsyncClient` each method is awaited.
    """

    def __init__(self, client: Any, name: str) -> None:
        """Ask by this client, and under this provider's name."""
        self._client = client
        self._name = name

    def offers(self) -> Any:
        """The models that OpenRouter has, with prices, bounds and what they support: an `OffersResponse`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self._client.call(OffersRequest(model=self._name))

    def endpoints(self, model: str) -> Any:
        """The providers that serve a model, "author/slug": an `EndpointsResponse`.

        Raises:
            JackfieldError: see `jackfield.errors`; `NotFoundError` where there is no such model.
        """
        return self._client.call(EndpointsRequest(model=f"{self._name}:{model}"))

    def generation(self, generation: str) -> Any:
        """What OpenRouter keeps of a generation, by the id that `served(reply)` tells: a `GenerationResponse`.

        Raises:
            JackfieldError: see `jackfield.errors`; `NotFoundError` where there is none yet.
        """
        return self._client.call(GenerationRequest(model=self._name, generation=generation))

    def credits(self) -> Any:
        """The account's credits in US dollars: a `CreditsResponse`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self._client.call(CreditsRequest(model=self._name))

    def key(self) -> Any:
        """What the key in use may spend, and has spent: a `KeyResponse`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self._client.call(KeyRequest(model=self._name))

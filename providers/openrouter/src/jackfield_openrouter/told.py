"""How an account is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from jackfield.call import Call
from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.operations import Request
from jackfield.provider import Exchange, JsonReply, serves
from jackfield.types import Event, Start
from jackfield_wire_openai.errors import in_band_error
from jackfield_wire_openai.headers import request_id
from jackfield_wire_openai.models import part_of_path
from jackfield_wire_openai.provider import WireProvider
from jackfield_wire_openai.reading import fact

from .account import (
    CreditsRequest,
    EndpointsRequest,
    GenerationRequest,
    KeyRequest,
    OffersRequest,
    OpenRouterAccount,
    Told,
)
from .offers import read_endpoints, read_offers

__all__ = ["AccountExchanges"]

NUMBERS: Final = (int, float)


def _path_of(request: Request[Any, Any], model: str) -> str:
    """Where to GET what a request asks for."""
    match request:
        case EndpointsRequest():
            author, _, slug = model.partition("/")
            if not (author.strip(".") and slug.strip(".")):
                raise BadRequestError(f"model: expected 'author/slug', got {model!r}")
            return f"/models/{part_of_path(author)}/{part_of_path(slug, safe=':')}/endpoints"
        case GenerationRequest():
            return f"/generation?id={part_of_path(request.generation, field='generation')}"
        case CreditsRequest():
            return "/credits"
        case KeyRequest():
            return "/key"
    return "/models"


def _data(payload: Any) -> Mapping[str, Any]:
    data = payload.get("data") if isinstance(payload, Mapping) else None
    if not isinstance(data, Mapping):
        raise MalformedReplyError("data: expected an object", body=payload)
    return data


def _credits(payload: Any) -> dict[str, Any]:
    data = _data(payload)
    total, used = _number(data, "total_credits"), _number(data, "total_usage")
    if total is None or used is None:
        raise MalformedReplyError("data: expected the numbers total_credits and total_usage", body=payload)
    return {"total": total, "used": used}


def _key(payload: Any) -> dict[str, Any]:
    data = _data(payload)
    spent = {f"used_{period}": _number(data, f"usage_{period}") for period in ("daily", "weekly", "monthly")}
    limits = {name: _number(data, name) for name in ("limit", "limit_remaining")}
    texts = {name: fact(data, name, str) for name in ("label", "limit_reset")}
    texts["expires"] = fact(data, "expires_at", str)
    tier = {"is_free_tier": fact(data, "is_free_tier", bool)}
    return {**texts, **limits, **spent, **tier, "used": _number(data, "usage")}


def _generation(payload: Any) -> dict[str, Any]:
    data = _data(payload)
    counts = {name: fact(data, f"native_tokens_{key}", int) for name, key in (
        ("prompt_tokens", "prompt"), ("completion_tokens", "completion"),
        ("reasoning_tokens", "reasoning"), ("cached_tokens", "cached"),
    )}  # fmt: skip
    texts = {name: fact(data, name, str) for name in ("id", "model", "finish_reason", "native_finish_reason")}
    told = {name: fact(data, name, bool) for name in ("streamed", "cancelled")}
    times = {"latency": _number(data, "latency"), "seconds": _number(data, "generation_time")}
    return {
        **{name: text for name, text in texts.items() if text is not None},
        **counts,
        **told,
        **{name: None if value is None else value / 1000 for name, value in times.items()},
        "served_by": fact(data, "provider_name", str),
        "cost": _number(data, "total_cost"),
    }


def _offers(payload: Any) -> dict[str, Any]:
    return {"offers": tuple(read_offers(payload))}


def _endpoints(payload: Any) -> dict[str, Any]:
    offer, endpoints = read_endpoints(payload)
    return {"offer": offer, "endpoints": endpoints, "model": offer.id}


FIELDS: Final[Mapping[str, Callable[[Any], dict[str, Any]]]] = {
    OffersRequest.operation.name: _offers,
    EndpointsRequest.operation.name: _endpoints,
    CreditsRequest.operation.name: _credits,
    KeyRequest.operation.name: _key,
    GenerationRequest.operation.name: _generation,
}


class AccountExchanges(WireProvider):
    """The exchanges of a provider for what an account is told."""

    accessor = OpenRouterAccount

    @serves(OffersRequest.operation)
    def offers(self, call: Call[Any]) -> Exchange[Event]:
        """GET /models, with all that is said of them."""
        return self._told(call)

    @serves(EndpointsRequest.operation)
    def endpoints(self, call: Call[Any]) -> Exchange[Event]:
        """GET /models/{author}/{slug}/endpoints."""
        return self._told(call)

    @serves(GenerationRequest.operation)
    def generation(self, call: Call[Any]) -> Exchange[Event]:
        """GET /generation."""
        return self._told(call)

    @serves(CreditsRequest.operation)
    def credits(self, call: Call[Any]) -> Exchange[Event]:
        """GET /credits."""
        return self._told(call)

    @serves(KeyRequest.operation)
    def key(self, call: Call[Any]) -> Exchange[Event]:
        """GET /key."""
        return self._told(call)

    def _told(self, call: Call[Any]) -> Exchange[Event]:
        self.report_all(call, "generation")
        head = yield self.get(_path_of(call.request, call.target.model))

        def read(payload: Any) -> Iterator[Event]:
            if isinstance(payload, Mapping) and payload.get("error"):
                raise in_band_error(payload, head)
            yield Start(raw=payload, request_id=request_id(head.headers))
            yield Told(FIELDS[call.operation.name](payload))

        return JsonReply(head, read)


def _number(holder: Mapping[str, Any], name: str) -> float | None:
    found = fact(holder, name, *NUMBERS)
    try:
        return None if found is None else float(found)
    except OverflowError:
        return None

"""Rerank at OpenRouter, or at any service that has its `POST /rerank` (OpenRouter's API description)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Final

from attrs import frozen

from jackfield.call import Call
from jackfield.errors import BadRequestError, ConfigurationError, JackfieldError, MalformedReplyError
from jackfield.http import HttpResponse, read_json
from jackfield.provider import (
    Credential,
    Endpoint,
    Exchange,
    HttpProvider,
    JsonReply,
    Secret,
    error_class,
    retry_after,
    serves,
    should_retry,
)
from jackfield.types import Start, Usage, UsageReported

from .operation import RERANK, Ranked, RerankEvent, RerankRequest

__all__ = ["RerankProvider", "RerankSettings"]

PLUGIN: Final = "rerank"
HOME: Final = "https://openrouter.ai/api/v1"


@frozen
class RerankSettings:
    """Settings of an instance.

    Attributes:
        api_key: the key, which the variable RERANK_API_KEY fills in too; a service of your own may do without.
        base_url: where the API is.
        default_model: the model where none is named.
    """

    api_key: Secret | None = None
    base_url: str = HOME
    default_model: str = "cohere/rerank-v3.5"


class RerankProvider(HttpProvider):
    """Serves the operation rerank, and no other.

    Raises:
        ConfigurationError: the base URL is not one, or OpenRouter itself is to be called without a key.
    """

    def __init__(self, name: str, settings: RerankSettings) -> None:
        """Make an instance of this name."""
        credential = None if settings.api_key is None else Credential(settings.api_key)
        endpoint = Endpoint.parse(settings.base_url, credential, name=f"providers.{name}.base_url")
        if credential is None and endpoint.origin == Endpoint.parse(HOME).origin:
            raise ConfigurationError(f"providers.{name}.api_key: missing; set it, or RERANK_API_KEY in the environment")
        super().__init__(name, endpoint, {RERANK.name: settings.default_model})

    @serves(RERANK)
    def rerank(self, call: Call[RerankRequest]) -> Exchange[RerankEvent]:
        """POST /rerank."""
        fields = self.fields(call)
        body: dict[str, Any] = {"model": call.target.model, "query": fields.take("query")}
        documents = fields.take("documents")
        body["documents"] = [one if isinstance(one, str) else dict(one) for one in documents]
        if (top_n := fields.take("top_n")) is not None:
            body["top_n"] = top_n
        body.update(_options(call))
        body.update(fields.take("extra_body") or {})
        fields.report_rest()
        head = yield self.post("/rerank", body)
        request_id = head.headers.get("x-request-id")
        return JsonReply(head, lambda payload: read_ranking(payload, len(documents), request_id))

    def error(self, response: HttpResponse) -> JackfieldError:
        """The error for a reply that is not 2xx."""
        try:
            body = read_json(response.body or b"")
            return refusal(body, response.status, response.headers)
        except MalformedReplyError:
            return super().error(response)


def refusal(payload: Any, status: int, headers: Mapping[str, str]) -> JackfieldError:
    """The error that a payload tells of.

    Raises:
        MalformedReplyError: it tells of none.
    """
    told = take(payload, "error", dict)
    message, code = take(told, "message", str), take(told, "code", int, str)
    again, wait = should_retry(headers), retry_after(headers)
    code = None if code is None else str(code)
    what = message or "the service gave no reason"
    return error_class(status)(what, status=status, code=code, retryable=again, retry_after=wait, body=payload)


def _options(call: Call[Any]) -> dict[str, Any]:
    """What the request says to this plugin alone.

    Raises:
        BadRequestError: names the option, the value and what would be right.
    """
    options = dict(call.request.options.get(PLUGIN, {}))
    for name, value in options.items():
        if name != "provider":
            raise BadRequestError(f"options.{PLUGIN}.{name}: no such option; the one that there is, is 'provider'")
        if not isinstance(value, Mapping):
            raise BadRequestError(f"options.{PLUGIN}.provider: expected a dictionary of preferences, got {value!r}")
    return options


def read_ranking(payload: Any, expected: int, request_id: str | None) -> Iterator[RerankEvent]:
    """The events of a reply.

    Raises:
        MalformedReplyError: it is no ranking of so many documents.
        JackfieldError: it is a 200 around an error, which states the status that it would have had.
    """
    if take(payload, "error", dict):
        stated = payload["error"].get("code")
        raise refusal(payload, stated if type(stated) is int and 400 <= stated < 600 else 500, {})
    results = take(payload, "results", list)
    if results is None:
        raise MalformedReplyError("results: missing")
    start = {"id": take(payload, "id", str), "model": take(payload, "model", str)}
    yield Start(**start, request_id=request_id, raw=payload)
    left = set(range(expected))
    for number, result in enumerate(results):
        index, score = take(result, "index", int), number_of(result, "relevance_score")
        if index not in left or score is None:
            what = f"the place of a document that was not ranked yet, of {expected}, and a score"
            raise MalformedReplyError(f"results[{number}]: expected {what}, got {str(result)[:80]}")
        left.remove(index)
        yield Ranked(index, score, take(result, "document", dict, str))
    usage = take(payload, "usage", dict)
    if usage is not None:
        yield UsageReported(Usage(input_tokens=take(usage, "total_tokens", int), cost=number_of(usage, "cost")))


def number_of(payload: Any, name: str) -> float | None:
    """A field of a JSON object that is a number, or None where there is none.

    Raises:
        MalformedReplyError: it is something else, or too large to be counted with.
    """
    value = take(payload, name, float, int)
    try:
        number = None if value is None else float(value)
    except OverflowError:  # JSON has whole numbers of any length
        number = float("inf")
    if number is not None and not isfinite(number):
        raise MalformedReplyError(f"{name}: expected a number, got {str(value)[:80]}")
    return number


def take(payload: Any, name: str, *kinds: type[Any]) -> Any:
    """A field of a JSON object, or None where there is none.

    Raises:
        MalformedReplyError: it is of another type, or there is no object.
    """
    if not isinstance(payload, Mapping):
        raise MalformedReplyError(f"expected a JSON object around {name}, got {str(payload)[:80]!r}")
    value = payload.get(name)
    if value is not None and type(value) not in kinds:
        raise MalformedReplyError(f"{name}: expected {kinds[0].__name__}, got {str(value)[:80]!r}")
    return value

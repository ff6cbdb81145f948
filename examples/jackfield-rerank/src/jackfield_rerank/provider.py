"""Rerank at OpenRouter, or at any service that has its `POST /rerank` (OpenRouter's API description)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from jackfield.call import Call
from jackfield.errors import JackfieldError, MalformedReplyError
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
)
from jackfield.types import Start, Usage, UsageReported

from .operation import RERANK, Ranked, RerankEvent, RerankRequest

__all__ = ["RerankProvider", "RerankSettings"]


@frozen
class RerankSettings:
    """Settings of an instance.

    Attributes:
        api_key: the key; RERANK_API_KEY fills it in.
        base_url: where the API is.
        default_model: the model where none is named.
    """

    api_key: Secret | None = None
    base_url: str = "https://openrouter.ai/api/v1"
    default_model: str = "cohere/rerank-v3.5"


class RerankProvider(HttpProvider):
    """Serves the operation rerank, and no other."""

    def __init__(self, name: str, settings: RerankSettings) -> None:
        """Make an instance of this name."""
        credential = None if settings.api_key is None else Credential(settings.api_key)
        endpoint = Endpoint.parse(settings.base_url, credential, name=f"providers.{name}.base_url")
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
        body.update(fields.take("extra_body") or {})
        fields.report_rest()
        head = yield self.post("/rerank", body)
        request_id = head.headers.get("x-request-id")
        return JsonReply(head, lambda payload: read_ranking(payload, len(documents), request_id))

    def error(self, response: HttpResponse) -> JackfieldError:
        """The error for a reply that is not 2xx."""
        try:
            body = read_json(response.body or b"")
            told = take(body, "error", dict) or {}
            message, code = take(told, "message", str), told.get("code")
        except MalformedReplyError:
            return super().error(response)
        made = error_class(response.status)(message or "it gave no reason", status=response.status, body=body)
        made.code = None if code is None else str(code)
        made.retry_after = retry_after(response.headers)
        return made


def read_ranking(payload: Any, expected: int, request_id: str | None) -> Iterator[RerankEvent]:
    """The events of a reply.

    Raises:
        MalformedReplyError: it is no ranking of so many documents.
    """
    results = take(payload, "results", list)
    if results is None:
        raise MalformedReplyError("results: missing")
    start = {"id": take(payload, "id", str), "model": take(payload, "model", str)}
    yield Start(**start, request_id=request_id, raw=payload)
    for number, result in enumerate(results):
        index, score = take(result, "index", int), take(result, "relevance_score", int, float)
        if index is None or score is None or not 0 <= index < expected:
            raise MalformedReplyError(
                f"results[{number}]: expected a place below {expected} and a score, got {result!r}"
            )
        yield Ranked(index, float(score), take(result, "document", dict, str))
    usage = take(payload, "usage", dict)
    if usage is not None:
        yield UsageReported(Usage(input_tokens=take(usage, "total_tokens", int), cost=take(usage, "cost", int, float)))


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

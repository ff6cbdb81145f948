"""What OpenRouter says of how it served a reply, beside what every provider says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import frozen

from jackfield.operations import Response
from jackfield_wire_openai.reading import fact

__all__ = ["Served", "served"]

GENERATION: Final = "gen-"
NUMBERS: Final = (int, float)


@frozen
class Served:
    """How a reply was served. What OpenRouter does not say is None.

    Attributes:
        generation_id: the id under which OpenRouter keeps the statistics of the reply.
        provider: the provider behind OpenRouter that answered, by its name, as "Amazon Bedrock".
        model: the model that answered, which may be a fallback; it is what is charged.
        native_finish_reasons: why each choice ended in the words of that provider, by the number of the choice.
        service_tier: the class of service that was given.
        system_fingerprint: what the provider ran on.
        is_byok: whether the provider was paid with a key of your own.
        cost: what OpenRouter charged, in US dollars.
        upstream_cost: what the provider asked for; with a key of your own, it charges you itself.
        upstream_prompt_cost: of that, what was asked for the request.
        upstream_completions_cost: of that, what was asked for the reply.
        image_tokens: tokens of the reply that were pictures.
        video_tokens: tokens of the request that were moving pictures.
        server_tools: how often tools of OpenRouter's own were used, as OpenRouter counts it.
        metadata: what OpenRouter says of the way a request took, where a header asks for it.
    """

    generation_id: str | None = None
    provider: str | None = None
    model: str | None = None
    native_finish_reasons: Mapping[int, str] = {}
    service_tier: str | None = None
    system_fingerprint: str | None = None
    is_byok: bool | None = None
    cost: float | None = None
    upstream_cost: float | None = None
    upstream_prompt_cost: float | None = None
    upstream_completions_cost: float | None = None
    image_tokens: int | None = None
    video_tokens: int | None = None
    server_tools: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None


def served(response: Response) -> Served:
    """Read how OpenRouter served a reply: of a chat, a completion or embeddings, streamed or not."""
    payloads = list(_payloads(response.raw))
    usage = _last(payloads, "usage", dict) or {}
    costs, prompt = fact(usage, "cost_details", dict) or {}, fact(usage, "prompt_tokens_details", dict) or {}
    completion = fact(usage, "completion_tokens_details", dict) or {}
    ids = (one for one in (response.id, response.request_id) if one and one.startswith(GENERATION))
    return Served(
        generation_id=next(ids, None),
        provider=_last(payloads, "provider", str),
        model=_last(payloads, "model", str),
        native_finish_reasons=dict(_native(payloads)),
        service_tier=_last(payloads, "service_tier", str),
        system_fingerprint=_last(payloads, "system_fingerprint", str),
        is_byok=fact(usage, "is_byok", bool),
        cost=fact(usage, "cost", *NUMBERS),
        upstream_cost=fact(costs, "upstream_inference_cost", *NUMBERS),
        upstream_prompt_cost=fact(costs, "upstream_inference_prompt_cost", *NUMBERS),
        upstream_completions_cost=fact(costs, "upstream_inference_completions_cost", *NUMBERS),
        image_tokens=fact(completion, "image_tokens", int),
        video_tokens=fact(prompt, "video_tokens", int),
        server_tools=fact(usage, "server_tool_use_details", dict) or fact(usage, "server_tool_use", dict),
        metadata=_last(payloads, "openrouter_metadata", dict),
    )


def _payloads(raw: Any) -> Iterator[Mapping[str, Any]]:
    for payload in raw if isinstance(raw, list | tuple) else (raw,):
        if isinstance(payload, Mapping):
            yield payload


def _last(payloads: list[Mapping[str, Any]], name: str, *kinds: type) -> Any:
    """What the last payload says that says anything of it."""
    return next((found for payload in reversed(payloads) if (found := fact(payload, name, *kinds))), None)


def _native(payloads: list[Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
    for payload in payloads:
        for place, choice in enumerate(fact(payload, "choices", list) or ()):
            if isinstance(choice, Mapping) and (reason := fact(choice, "native_finish_reason", str)):
                index = fact(choice, "index", int)
                yield place if index is None else index, reason

"""What OpenRouter says of why it refused or failed, beside what every error says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from jackfield.errors import JackfieldError
from jackfield_wire_openai.gateways import availability, behind, detail_of, metadata_of
from jackfield_wire_openai.reading import fact, texts

__all__ = ["Availability", "Failure", "failure"]

NUMBERS: Final = (int, float)


@frozen
class Availability:
    """Whether, when and in whose stead a model can be had. What OpenRouter does not say is None or empty.

    Attributes:
        code: why it cannot: "no_endpoints", "capacity_exhausted", "privacy_restricted", ...
        retryable: whether the same request may succeed later.
        retry_after: seconds to wait first.
        requested_models: the models that were asked for.
        affected_providers: the providers that this concerns.
        excluded_by: what of the request or of the account's settings left them out.
        fallback_models: models that could be asked in its stead.
        docs_url: where OpenRouter explains it.
    """

    code: str | None = None
    retryable: bool | None = None
    retry_after: float | None = None
    requested_models: tuple[str, ...] = ()
    affected_providers: tuple[str, ...] = ()
    excluded_by: Any = None
    fallback_models: tuple[str, ...] = ()
    docs_url: str | None = None


@frozen
class Failure:
    """Why OpenRouter refused or failed. What it does not say is None or empty.

    Attributes:
        error_type: OpenRouter's type of the error: "context_length_exceeded", "provider_overloaded", ...
        provider: the provider behind OpenRouter that failed, by its name.
        provider_code: that provider's own code.
        raw: what that provider has said itself, parsed where it is JSON.
        model: the model that it was asked for.
        reasons: why content was refused, by moderation.
        flagged_input: the beginning of what was refused.
        patterns: what a guardrail has found.
        previous_errors: the errors of the providers that were asked before.
        availability: whether, when and in whose stead the model can be had.
    """

    error_type: str | None = None
    provider: str | None = None
    provider_code: str | None = None
    raw: Any = None
    model: str | None = None
    reasons: tuple[str, ...] = ()
    flagged_input: str | None = None
    patterns: tuple[str, ...] = ()
    previous_errors: tuple[Any, ...] = ()
    availability: Availability | None = None


def failure(error: JackfieldError) -> Failure:
    """Read why a call to OpenRouter failed; of an error that says nothing of it, everything is None or empty."""
    detail = detail_of(error.body)
    metadata, hints = metadata_of(detail), availability(detail)
    provider, raw = behind(metadata)
    return Failure(
        error_type=fact(metadata, "error_type", str) or fact(detail, "error_type", str),
        provider=provider,
        provider_code=_code(metadata.get("provider_code")),
        raw=raw,
        model=fact(metadata, "model_slug", str),
        reasons=texts(metadata, "reasons"),
        flagged_input=fact(metadata, "flagged_input", str),
        patterns=texts(metadata, "patterns"),
        previous_errors=tuple(fact(metadata, "previous_errors", list) or ()),
        availability=_availability(hints) if hints else None,
    )


def _availability(hints: Mapping[str, Any]) -> Availability:
    return Availability(
        code=fact(hints, "code", str),
        retryable=fact(hints, "retryable", bool),
        retry_after=fact(hints, "retry_after", *NUMBERS),
        requested_models=texts(hints, "requested_models"),
        affected_providers=texts(hints, "affected_providers"),
        excluded_by=hints.get("excluded_by"),
        fallback_models=texts(hints, "fallback_models"),
        docs_url=fact(hints, "docs_url", str),
    )


def _code(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None

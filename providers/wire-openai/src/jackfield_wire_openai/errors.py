"""Reads errors in the shapes that OpenAI and its imitators send, with a status of their own or inside a reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jackfield.errors import (
    AuthenticationError,
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    JackfieldError,
    MalformedReplyError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    ServerError,
)
from jackfield.http import HttpResponse, read_json
from jackfield.provider import error_class, retry_after

__all__ = ["in_band_error", "read_error", "said"]

MAX_SAID: Final = 500

# what a status says as well is listed only for errors that come without one
CODES: Final[Mapping[str, type[JackfieldError]]] = {
    "insufficient_quota": QuotaError,
    "quota_exceeded": QuotaError,
    "billing_hard_limit_reached": QuotaError,
    "billing_not_active": QuotaError,
    "context_length_exceeded": ContextLengthError,
    "exceed_context_size_error": ContextLengthError,
    "too_many_prompt_tokens": ContextLengthError,
    "content_filter": ContentFilterError,
    "content_policy_violation": ContentFilterError,
    "rate_limit_exceeded": RateLimitError,
    "rate_limit_error": RateLimitError,
    "overloaded_error": OverloadedError,
    "invalid_api_key": AuthenticationError,
    "authentication_error": AuthenticationError,
    "permission_error": PermissionDeniedError,
    "model_not_found": NotFoundError,
    "not_found_error": NotFoundError,
    "invalid_request_error": BadRequestError,
    "BadRequestError": BadRequestError,
    "server_error": ServerError,
}
# these say more than any status does
TELLING: Final = (QuotaError, ContextLengthError, ContentFilterError, RateLimitError)


def read_error(response: HttpResponse) -> JackfieldError:
    """The error for a reply that is not 2xx, whose body is there."""
    body = response.body or b""
    try:
        payload = read_json(body)
    except MalformedReplyError:
        payload = body.decode(errors="replace")
    return _error(payload, response.status, response.headers)


def in_band_error(payload: Any, head: HttpResponse) -> JackfieldError:
    """The error inside a reply that began as a success; it may name the status that it would have had."""
    detail = _detail(payload)
    stated = (detail.get(name) for name in ("code", "status", "status_code", "http_status"))
    return _error(payload, next(filter(None, map(_status, stated)), None), head.headers)


def said(payload: Any) -> str:
    """What a payload that is no reply has to say, for a person."""
    detail = _detail(payload)
    outer = payload if isinstance(payload, Mapping) else {}
    candidates = (detail.get("message"), outer.get("error"), detail.get("detail"), outer.get("message"), payload)
    text = next((text.strip() for text in candidates if isinstance(text, str) and text.strip()), None)
    if text is None and not payload:
        return "the provider gave no reason"
    return (text or _shown(payload))[:MAX_SAID]


def _error(payload: Any, status: int | None, headers: Mapping[str, str]) -> JackfieldError:
    detail = _detail(payload)
    code, kind = detail.get("code"), detail.get("type")
    by_word = [CODES[word] for word in (code, kind) if isinstance(word, str) and word in CODES]
    cls = next((cls for cls in by_word if status is None or issubclass(cls, TELLING)), None)
    if cls is None:
        cls = error_class(status) if status is not None else ServerError
    if status == 429 and cls is not QuotaError:
        cls = RateLimitError
    return cls(
        said(payload),
        status=status,
        code=next((str(word) for word in (code, kind) if word and type(word) in (str, int)), None),
        request_id=headers.get("x-request-id"),
        retryable={"true": True, "false": False}.get(headers.get("x-should-retry", "").lower()),
        retry_after=retry_after(headers),
        body=payload,
    )


def _detail(payload: Any) -> Mapping[str, Any]:
    """The part of a payload that speaks of the error: most put it under `error`, some leave it at the top."""
    if not isinstance(payload, Mapping):
        return {}
    error = payload.get("error")
    return error if isinstance(error, Mapping) else payload


def _shown(payload: Any) -> str:
    try:
        return str(payload)
    except RecursionError:
        return "the provider's reason is nested too deeply to be shown"


def _status(code: object) -> int | None:
    text = str(code) if type(code) in (str, int) else ""
    return int(text) if len(text) == 3 and text.isascii() and text.isdecimal() and text[0] in "45" else None

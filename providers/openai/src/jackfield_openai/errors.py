"""Reads errors in the shapes that OpenAI and its imitators send, with a status of their own or inside a reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jackfield.errors import (
    BadRequestError,
    ContentFilterError,
    ContextLengthError,
    JackfieldError,
    MalformedReplyError,
    QuotaError,
    RateLimitError,
    ServerError,
)
from jackfield.http import HttpResponse, read_json
from jackfield.provider import error_class, retry_after

__all__ = ["in_band_error", "read_error"]

CODES: Final[Mapping[str, type[JackfieldError]]] = {
    "insufficient_quota": QuotaError,
    "quota_exceeded": QuotaError,
    "billing_hard_limit_reached": QuotaError,
    "billing_not_active": QuotaError,
    "context_length_exceeded": ContextLengthError,
    "exceed_context_size_error": ContextLengthError,
    "content_filter": ContentFilterError,
    "content_policy_violation": ContentFilterError,
    "rate_limit_exceeded": RateLimitError,
    "invalid_request_error": BadRequestError,
    "server_error": ServerError,
}


def read_error(response: HttpResponse) -> JackfieldError:
    """The error for a reply that is not 2xx, whose body is there."""
    body = response.body or b""
    try:
        payload = read_json(body)
    except MalformedReplyError:
        payload = body[:500].decode(errors="replace")
    return _error(payload, response.status, response.headers)


def in_band_error(payload: Any, head: HttpResponse) -> JackfieldError:
    """The error inside a reply that began as a success; its code may be an HTTP status."""
    return _error(payload, None, head.headers)


def _error(payload: Any, status: int | None, headers: Mapping[str, str]) -> JackfieldError:
    error = payload.get("error") if isinstance(payload, Mapping) else None
    detail = error if isinstance(error, Mapping) else payload if isinstance(payload, Mapping) else {}
    message = next(
        (text for text in (detail.get("message"), error, detail.get("detail"), payload) if _said(text)), None
    )
    code, kind = detail.get("code"), detail.get("type")
    if status is None:
        status = _status(code)
    by_word = next((CODES[word] for word in (code, kind) if isinstance(word, str) and word in CODES), None)
    cls = error_class(status) if status is not None else ServerError
    if by_word is not None and (status is None or by_word not in (BadRequestError, ServerError)):
        cls = by_word
    if status == 429 and by_word is not QuotaError:
        cls = RateLimitError
    said = headers.get("x-should-retry", "")
    return cls(
        str(message or "the provider gave no reason"),
        status=status,
        code=str(code) if code is not None else kind if isinstance(kind, str) else None,
        request_id=headers.get("x-request-id"),
        retryable={"true": True, "false": False}.get(said),
        retry_after=retry_after(headers),
        body=payload,
    )


def _said(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip())


def _status(code: object) -> int | None:
    try:
        number = int(str(code))
    except ValueError:
        return None
    return number if 400 <= number < 600 else None

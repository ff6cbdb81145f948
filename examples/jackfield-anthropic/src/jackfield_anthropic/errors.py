"""Reads errors, with a status of their own or inside a stream."""

from __future__ import annotations

import re
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
from jackfield.provider import error_class, retry_after, should_retry

from .headers import request_id
from .reading import fact

__all__ = ["in_stream_error", "read_error"]

MAX_SAID: Final = 500
TYPES: Final[Mapping[str, type[JackfieldError]]] = {
    "invalid_request_error": BadRequestError,
    "authentication_error": AuthenticationError,
    "billing_error": QuotaError,
    "permission_error": PermissionDeniedError,
    "not_found_error": NotFoundError,
    "request_too_large": BadRequestError,
    "rate_limit_error": RateLimitError,
    "api_error": ServerError,
    "timeout_error": ServerError,
    "overloaded_error": OverloadedError,
}
# what only the message of a bad request tells
TELLING: Final[tuple[tuple[re.Pattern[str], type[JackfieldError]], ...]] = (
    (re.compile(r"prompt is too long|context (window|limit)", re.IGNORECASE), ContextLengthError),
    (re.compile(r"credit balance is too low", re.IGNORECASE), QuotaError),
    (re.compile(r"blocked by content filter", re.IGNORECASE), ContentFilterError),
)


def read_error(response: HttpResponse) -> JackfieldError:
    """The error for a reply that is not 2xx, whose body is there."""
    body = response.body or b""
    payload: Any
    try:
        payload = read_json(body)
    except MalformedReplyError:
        payload = body.decode(errors="replace").strip() or None
    if 300 <= response.status < 400:
        message = "redirected, and redirects are not followed: base_url is probably wrong"
        return BadRequestError(message, status=response.status, request_id=request_id(response.headers), body=payload)
    return _error(payload, response.headers, response.status)


def in_stream_error(payload: Mapping[str, Any], head: HttpResponse) -> JackfieldError:
    """The error inside a reply that began as a success, which states no status."""
    return _error(payload, head.headers, None)


def _error(payload: Any, headers: Mapping[str, str], status: int | None) -> JackfieldError:
    outer = payload if isinstance(payload, Mapping) else {}
    detail = fact(outer, "error", dict) or {}
    code = fact(detail, "type", str)
    message = fact(detail, "message", str) or _shown(payload)
    fallback = ServerError if status is None else error_class(status)
    cls = TYPES.get(code or "", fallback)
    if cls is BadRequestError:
        cls = next((kind for pattern, kind in TELLING if pattern.search(message)), cls)
    if status == 429 and cls is not QuotaError:
        cls = RateLimitError
    return cls(
        message,
        status=status,
        code=code,
        request_id=request_id(headers) or fact(outer, "request_id", str),
        retryable=should_retry(headers),
        retry_after=retry_after(headers),
        body=payload,
    )


def _shown(payload: Any) -> str:
    """What an error says that is not of the wire's shape: most often a page of whatever stands in front of it."""
    text = payload if isinstance(payload, str) else "the provider gave no reason" if payload is None else repr(payload)
    # cut between words: a whole key is taken out of errors, half a one would not be known
    return text if len(text) <= MAX_SAID else text[: MAX_SAID + 1].rsplit(maxsplit=1)[0][:MAX_SAID]

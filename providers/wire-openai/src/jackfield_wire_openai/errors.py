"""Reads errors in the shapes that OpenAI and its imitators send, with a status of their own or inside a reply."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

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
    UnsupportedError,
)
from jackfield.http import HttpResponse, read_json
from jackfield.provider import error_class, retry_after, should_retry

from .gateways import availability, behind, detail_of, limit_reset, metadata_of, moderated
from .headers import request_id

__all__ = ["check_reply", "in_band_error", "lacking", "quoted", "read_error", "said"]

MAX_SAID: Final = 500
LONGEST: Final = 366 * 86400  # seconds
# what a key is made of: anything else stands between words
OF_KEYS: Final = "".join(map(chr, range(ord("!"), ord("~") + 1)))

# what a status says as well is listed only for errors that come without one
CODES: Final[Mapping[str, type[JackfieldError]]] = {
    "insufficient_quota": QuotaError,
    "quota_exceeded": QuotaError,
    "billing_hard_limit_reached": QuotaError,
    "billing_not_active": QuotaError,
    "payment_required": QuotaError,
    "context_length_exceeded": ContextLengthError,
    "exceed_context_size_error": ContextLengthError,
    "too_many_prompt_tokens": ContextLengthError,
    "content_filter": ContentFilterError,
    "content_policy_violation": ContentFilterError,
    "rate_limit_exceeded": RateLimitError,
    "rate_limit_error": RateLimitError,
    "model_not_found": NotFoundError,
    "model_decommissioned": NotFoundError,
    "invalid_model": NotFoundError,
    "overloaded_error": OverloadedError,
    "provider_overloaded": OverloadedError,
    "invalid_api_key": AuthenticationError,
    "authentication_error": AuthenticationError,
    "authentication": AuthenticationError,
    "permission_error": PermissionDeniedError,
    "permission_denied": PermissionDeniedError,
    "not_found_error": NotFoundError,
    "not_found": NotFoundError,
    "not_supported_error": UnsupportedError,
    "invalid_request_error": BadRequestError,
    "invalid_request": BadRequestError,
    "BadRequestError": BadRequestError,
    "server_error": ServerError,
    # what a response can fail with
    **dict.fromkeys(("bio_policy", "cyber_policy", "image_content_policy_violation"), ContentFilterError),
    **dict.fromkeys(("data_residency_mismatch", "vector_store_timeout"), ServerError),
    **dict.fromkeys((f"image_{what}" for what in ("too_large", "too_small", "parse_error")), BadRequestError),
    **dict.fromkeys(("image_file_too_large", "image_file_not_found", "empty_image_file"), BadRequestError),
    **dict.fromkeys(("invalid_image_format", "invalid_image_mode", "invalid_image_url"), BadRequestError),
    **dict.fromkeys(("invalid_base64_image", "unsupported_image_media_type"), BadRequestError),
    "failed_to_download_image": BadRequestError,
    # OpenRouter's types of errors, and its words for why a model cannot be had
    "token_limit_exceeded": ContextLengthError,
    "refusal": ContentFilterError,
    **dict.fromkeys(("max_tokens_exceeded", "string_too_long", "invalid_prompt", "invalid_image"), BadRequestError),
    **dict.fromkeys(("precondition_failed", "payload_too_large", "unprocessable"), BadRequestError),
    **dict.fromkeys(("server", "timeout", "unmapped", "provider_unavailable"), ServerError),
    **dict.fromkeys(("capacity_exhausted", "temporarily_unavailable", "model_unavailable_upstream"), OverloadedError),
    **dict.fromkeys(("no_endpoints", "wrong_endpoint", "constraint_filtered"), NotFoundError),
    **dict.fromkeys(("model_deprecated", "free_variant_ended"), NotFoundError),
    **dict.fromkeys(("region_restricted", "privacy_restricted"), PermissionDeniedError),
}
# these say more than any status does
TELLING: Final = (QuotaError, ContextLengthError, ContentFilterError, RateLimitError, UnsupportedError)
MISSING: Final = ("model_not_found", "model_decommissioned", "invalid_model", "model_deprecated", "free_variant_ended")
# some servers say it in the message alone
TOO_LONG: Final = re.compile(
    r"(maximum|max|available) context (length|size|window)|context (length|window|size) (is )?exceeded"
    r"|exceeds? (the )?(model'?s )?(maximum )?context|prompt (is )?too long",
    re.IGNORECASE,
)


def read_error(response: HttpResponse) -> JackfieldError:
    """The error for a reply that is not 2xx, whose body is there."""
    body = response.body or b""
    try:
        payload = read_json(body)
    except MalformedReplyError:
        payload = body.decode(errors="replace")
    message = _redirected(response) if 300 <= response.status < 400 else None
    return _error(payload, response.status, response.headers, message)


def _redirected(response: HttpResponse) -> str:
    """What to make of a redirect. Of where it leads only the origin is told: the rest may hold anything."""
    where = "another place"
    with suppress(ValueError):
        place = urlsplit(response.headers.get("location", ""))
        if place.hostname and place.port != 0:  # a port that is none is a ValueError
            where = f"{place.scheme or 'https'}://{place.netloc.rpartition('@')[2]}"[:MAX_SAID]
    return f"redirected to {where}, and redirects are not followed: base_url is probably wrong"


def in_band_error(payload: Any, head: HttpResponse) -> JackfieldError:
    """The error inside a reply that began as a success; it may name the status that it would have had."""
    detail = detail_of(payload)
    stated = (detail.get(name) for name in ("code", "status", "status_code", "http_status"))
    return _error(payload, next(filter(None, map(_status, stated)), None), head.headers)


def check_reply(payload: Any, head: HttpResponse) -> None:
    """See that a document is an object that tells of no error.

    Raises:
        JackfieldError: the error that it tells of; a MalformedReplyError where it is no object.
    """
    if type(payload) is not dict:
        raise MalformedReplyError(f"expected an object, got {type(payload).__name__}")
    if payload.get("error") or payload.get("object") == "error":
        raise in_band_error(payload, head)


def lacking(what: str, payload: Any, head: HttpResponse) -> MalformedReplyError:
    """The error for a reply that has nothing of what it is for."""
    return MalformedReplyError(
        f"the reply has no {what}: {said(payload)}",
        status=head.status,
        request_id=request_id(head.headers),
        retryable=True,
        body=payload,
    )


def said(payload: Any) -> str:
    """What a payload that is no reply has to say, for a person."""
    detail = detail_of(payload)
    first = payload[0] if isinstance(payload, list) and payload else payload
    outer = first if isinstance(first, Mapping) else {}
    candidates: tuple[Any, ...] = (detail.get("message"), outer.get("error"), detail.get("detail"))
    candidates = (*candidates, outer.get("message"), detail.get("msg"), payload)
    text = next((text.strip() for text in candidates if isinstance(text, str) and text.strip()), None)
    if text is None and not payload:
        return "the provider gave no reason"
    return quoted(text or _shown(payload), MAX_SAID)


def quoted(text: str, limit: int) -> str:
    """At most this many characters of a text, cut between words.

    A server may quote the key that it was sent. A whole key is taken out of errors, half a one would not be known.
    """
    if len(text) <= limit:
        return text
    return text[: limit + 1].rstrip(OF_KEYS)[:limit].rstrip() or f"{len(text)} characters without a space"


def _error(payload: Any, status: int | None, headers: Mapping[str, str], message: str | None = None) -> JackfieldError:
    detail = detail_of(payload)
    metadata, hints = metadata_of(detail), availability(detail)
    name, upstream = behind(metadata)
    words = _words(detail)
    # of what the service behind a gateway says, its own quota is not the caller's
    theirs = _words(detail_of(upstream)) if isinstance(upstream, Mapping) else []
    telling = (*words, *(word for word in theirs if CODES.get(word) is not QuotaError))
    cls = next((CODES[word] for word in telling if word in CODES and _tells(word, status)), None)
    if cls is None:
        cls = error_class(status) if status is not None else ServerError
    if status == 429 and cls is not QuotaError:
        cls = RateLimitError
    message = _attributed(message or said(payload), name, upstream)
    if cls is PermissionDeniedError and moderated(metadata):
        cls = ContentFilterError
    if cls is BadRequestError and TOO_LONG.search(message):
        cls = ContextLengthError
    return cls(
        message,
        status=status,
        code=next(iter(words), None),
        request_id=request_id(headers) or _request_id(payload),
        retryable=next((one for one in (should_retry(headers), hints.get("retryable")) if type(one) is bool), None),
        retry_after=_wait(cls, detail, headers),
        body=payload,
    )


def _attributed(message: str, name: str | None, upstream: Any) -> str:
    """A gateway's message with what the service behind it has said: "Provider returned error" alone helps nobody."""
    told = upstream if isinstance(upstream, str) else ""
    if isinstance(upstream, Mapping | list) and (detail := detail_of(upstream)):
        told = said(upstream) if any(isinstance(detail.get(key), str) for key in ("message", "error", "msg")) else ""
    told = quoted(told.strip(), MAX_SAID)
    if told and told not in message:
        return f"{message} ({name}: {told})" if name else f"{message} ({told})"
    return f"{message} ({name})" if name and name not in message else message


def _wait(cls: type[JackfieldError], detail: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    if (asked := retry_after(headers)) is not None:
        return asked
    hinted = availability(detail).get("retry_after")
    if isinstance(hinted, int | float) and not isinstance(hinted, bool) and 0 <= hinted <= LONGEST:
        return float(hinted)
    return limit_reset(detail, headers) if cls is RateLimitError else None


def _words(detail: Mapping[str, Any]) -> list[str]:
    """The words that an error has for its kind, the most exact first."""
    types = (holder.get("error_type") for holder in (detail, metadata_of(detail)))
    found = (detail.get("code"), detail.get("type"), *types, availability(detail).get("code"))
    return [str(word) for word in found if word and type(word) in (str, int)]


def _tells(word: str, status: int | None) -> bool:
    return status is None or issubclass(CODES[word], TELLING) or (word in MISSING and status in {400, 422})


def _request_id(payload: Any) -> str | None:
    found = payload.get("request_id") if isinstance(payload, Mapping) else None
    return found if isinstance(found, str) and found else None


def _shown(payload: Any) -> str:
    try:
        return str(payload)
    except RecursionError:
        return "the provider's reason is nested too deeply to be shown"


def _status(code: object) -> int | None:
    text = str(code) if type(code) in (str, int) else ""
    return int(text) if len(text) == 3 and text.isascii() and text.isdecimal() and text[0] in "45" else None

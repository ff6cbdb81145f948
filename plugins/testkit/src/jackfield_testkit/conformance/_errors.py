"""What an error of the service must become, whatever its body."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

from jackfield.errors import (
    AuthenticationError,
    JackfieldError,
    NotFoundError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    ServerError,
)
from jackfield.http import HttpResponse

from ._cases import expect, told

__all__ = ["STATUSES", "check_status"]

STATUSES: Final[Mapping[int, tuple[type[JackfieldError], ...]]] = {
    400: (JackfieldError,),
    401: (AuthenticationError, PermissionDeniedError),
    402: (QuotaError,),
    403: (PermissionDeniedError, AuthenticationError),
    404: (NotFoundError,),
    409: (JackfieldError,),
    413: (JackfieldError,),
    422: (JackfieldError,),
    429: (RateLimitError, QuotaError),
    500: (ServerError,),
    502: (ServerError,),
    503: (ServerError,),
    504: (JackfieldError,),
    529: (ServerError,),
}
BODIES: Final[Mapping[str, bytes]] = {
    "empty": b"",
    "text": b"it failed",
    "html": b"<!doctype html><title>502</title>",
    "object": b"{}",
    "null": b"null",
    "list": b'[{"error": 1}]',
    "odd": b'{"error": {"message": {"a": [1]}, "code": {}, "type": 7}}',
    "odd message": b'{"error": {"message": {"a": [1]}}}',
    "odd code": b'{"error": {"message": "it failed", "code": 7}}',
    "flat": b'{"error": "it failed", "message": 5, "detail": []}',
    "cut": b'{"error": {"mess',
    "binary": b"\xff\xfe\x00",
    "deep": b'{"error":' * 20_000,
}
DATES: Final = {"date": "Tue, 15 Nov 1994 08:12:31 GMT", "retry-after": "Tue, 15 Nov 1994 08:14:31 GMT"}
NONSENSE: Final = ("soon", "nan", "inf", "-7", "")


def check_status(provider: Any, status: int, usual: bytes) -> None:
    """See that a status is a typed error, whatever the body, and the time to wait with a body as the service has it."""
    for name, body in BODIES.items():
        what = f"status {status} with {name} body"
        error = _error(provider, status, body, {"retry-after": "7"}, what)
        expect(error.status == status, f"{what}: the error's status is {error.status!r}")
        names = ", ".join(one.__name__ for one in STATUSES[status])
        expect(isinstance(error, STATUSES[status]), f"{what} must be {names}; it is {error!r}")
        _check_wait(error, 7.0, f"{what}: Retry-After is 7")
        for fact, value in {"message": error.message, "code": error.code or "none"}.items():
            expect(value and type(value) is str, f"{what}: the error's {fact} must be a text; it is {told(value)}")
    for value in NONSENSE:
        what = f"status {status} with Retry-After {value!r}"
        wait = _error(provider, status, usual, {"retry-after": value}, what).retry_after
        expect(wait is None or (isfinite(wait) and wait >= 0), f"{what}: the error says {wait!r}")
    what = f"status {status} with Retry-After 120 s after its Date"
    _check_wait(_error(provider, status, usual, DATES, what), 120.0, what)


def _error(provider: Any, status: int, body: bytes, headers: Mapping[str, str], what: str) -> JackfieldError:
    try:
        error = provider.error(HttpResponse(status, {"content-type": "application/json", **headers}, body))
    except Exception as failed:
        raise AssertionError(f"{what}: `error` failed with {failed!r}") from failed
    expect(isinstance(error, JackfieldError), f"{what}: {told(error)} is no JackfieldError")
    made: JackfieldError = error
    return made


def _check_wait(error: JackfieldError, seconds: float, what: str) -> None:
    right = error.retry_after == seconds or not error.retryable
    expect(right, f"{what}; the error says {error.retry_after!r}: use `jackfield.provider.retry_after`")

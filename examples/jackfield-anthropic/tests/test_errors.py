"""Errors by type and status, and what the headers of a reply say."""

import json

import pytest

from jackfield import errors
from jackfield.http import HttpResponse
from jackfield.types import RateLimit
from jackfield_anthropic.errors import read_error
from jackfield_anthropic.headers import rate_limit

DATE = {"date": "Sat, 28 Nov 2026 12:00:00 GMT"}


def error_of(status, kind=None, message="What happened.", headers=None, **more):
    detail = {"type": "error", "error": {"type": kind, "message": message}, **more}
    return read_error(HttpResponse(status, headers or {}, json.dumps(detail).encode()))


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected", "retryable"),
    [
        (400, "invalid_request_error", "max_tokens: Field required", "BadRequestError", False),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 5 maximum", "ContextLengthError", False),
        (
            400,
            "invalid_request_error",
            "input length and `max_tokens` exceed context limit",
            "ContextLengthError",
            False,
        ),
        (400, "invalid_request_error", "Your credit balance is too low to use it", "QuotaError", False),
        (400, "invalid_request_error", "Output blocked by content filtering policy", "ContentFilterError", False),
        (401, "authentication_error", "invalid x-api-key", "AuthenticationError", False),
        (402, "billing_error", "Pay.", "QuotaError", False),
        (403, "permission_error", "No.", "PermissionDeniedError", False),
        (404, "not_found_error", "model: x", "NotFoundError", False),
        (413, "request_too_large", "Too large.", "BadRequestError", False),
        (429, "rate_limit_error", "Slowly.", "RateLimitError", True),
        (429, "unheard_of", "Slowly.", "RateLimitError", True),
        (429, "api_error", "Slowly.", "RateLimitError", True),
        (429, "billing_error", "Pay.", "QuotaError", False),
        (500, "api_error", "Oh.", "ServerError", True),
        (504, "timeout_error", "Oh.", "ServerError", True),
        (529, "overloaded_error", "Overloaded", "OverloadedError", True),
        (503, "unheard_of", "Oh.", "OverloadedError", True),
        (418, "unheard_of", "Oh.", "BadRequestError", False),
    ],
)
def test_errors_by_type_and_status(status, kind, message, expected, retryable):
    error = error_of(status, kind, message, request_id="req_1")
    assert type(error).__name__ == expected
    assert (error.status, error.code, error.message, error.request_id) == (status, kind, message, "req_1")
    assert error.retryable is retryable
    assert error.body["error"]["message"] == message


def test_headers_say_when_to_ask_again_and_under_which_id():
    headers = {"retry-after": "7", "x-should-retry": "false", "request-id": "req_h"}
    error = error_of(429, "rate_limit_error", headers=headers, request_id="req_b")
    assert (error.retry_after, error.retryable, error.request_id) == (7.0, False, "req_h")


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", b"", b"[1, 2]", b'{"error": "no"}', b'{"error": {}}'])
def test_errors_of_what_stands_in_front_are_shown(body):
    error = read_error(HttpResponse(502, {}, body))
    assert type(error) is errors.ServerError
    assert error.message in (body.decode(), str(error.body), "the provider gave no reason")
    assert error.code is None


def test_a_long_page_is_cut_between_words():
    key = "sk-ant-" + "k" * 40
    error = read_error(HttpResponse(500, {}, ("x " * 240 + key).encode()))
    assert len(error.message) <= 500
    assert "sk-ant" not in error.message


def test_a_redirect_is_not_followed():
    error = read_error(HttpResponse(302, {"location": "https://elsewhere.example"}, b""))
    assert type(error) is errors.BadRequestError
    assert "redirects are not followed" in error.message


def limits(**given):
    return rate_limit(
        {**DATE, **{f"anthropic-ratelimit-{name.replace('_', '-')}": text for name, text in given.items()}}
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"unheard_of": "5"}, None),
        ({"requests_limit": "many"}, None),
        (
            {"requests_limit": "50", "requests_remaining": "0", "requests_reset": "2026-11-28T12:01:00Z"},
            RateLimit(50, 0, 60.0),
        ),
        ({"requests_reset": "2026-11-28T11:59:00Z"}, RateLimit(requests_reset=0.0)),
        ({"requests_limit": "5", "requests_reset": "soon"}, RateLimit(5)),
        ({"requests_limit": "5", "requests_reset": "2030-11-28T12:00:00Z"}, RateLimit(5)),
        (
            {
                "tokens_limit": "90",
                "tokens_remaining": "80",
                "output_tokens_limit": "8",
                "output_tokens_remaining": "2",
                "output_tokens_reset": "2026-11-28T13:00:03+01:00",
            },
            RateLimit(tokens_limit=8, tokens_remaining=2, tokens_reset=3.0),
        ),
        ({"input_tokens_limit": "70"}, RateLimit(tokens_limit=70)),
    ],
)
def test_limits(given, expected):
    assert limits(**given) == expected


def test_a_reset_without_the_replys_own_date_is_not_guessed():
    headers = {"anthropic-ratelimit-requests-limit": "5", "anthropic-ratelimit-requests-reset": "2026-11-28T12:01:00Z"}
    assert rate_limit(headers) == RateLimit(5)
    assert rate_limit({**headers, "date": "today"}) == RateLimit(5)

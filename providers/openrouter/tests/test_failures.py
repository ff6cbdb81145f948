"""Why OpenRouter refused or failed: every shape of its errors, unary and inside replies that began as a success."""

import json

import pytest
from exchanges import Outcome, chat_call, decoder, lines
from hypothesis import given, strategies as st
from wire_folder import beside

from jackfield import Secret
from jackfield.errors import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ContentFilterError,
    ContextLengthError,
    JackfieldError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    QuotaError,
    RateLimitError,
    ServerError,
)
from jackfield.http import HttpResponse
from jackfield_openrouter import Availability, Failure, OpenRouterProvider, OpenRouterSettings, failure

PROVIDER = OpenRouterProvider("openrouter", OpenRouterSettings(Secret("sk-or-1")))
CLASSES = {
    400: BadRequestError,
    401: AuthenticationError,
    402: QuotaError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ServerError,
    409: ConflictError,
    410: BadRequestError,
    412: BadRequestError,
    413: BadRequestError,
    422: BadRequestError,
    429: RateLimitError,
    500: ServerError,
    502: ServerError,
    503: OverloadedError,
    504: ServerError,
    524: ServerError,
    529: OverloadedError,
}
TYPES = {
    "context_length_exceeded": (400, ContextLengthError),
    "token_limit_exceeded": (400, ContextLengthError),
    "max_tokens_exceeded": (400, BadRequestError),
    "string_too_long": (400, BadRequestError),
    "authentication": (401, AuthenticationError),
    "permission_denied": (403, PermissionDeniedError),
    "payment_required": (402, QuotaError),
    "rate_limit_exceeded": (429, RateLimitError),
    "provider_overloaded": (503, OverloadedError),
    "provider_unavailable": (502, ServerError),
    "invalid_request": (400, BadRequestError),
    "invalid_prompt": (400, BadRequestError),
    "not_found": (404, NotFoundError),
    "precondition_failed": (412, BadRequestError),
    "payload_too_large": (413, BadRequestError),
    "unprocessable": (422, BadRequestError),
    "content_policy_violation": (403, ContentFilterError),
    "refusal": (400, ContentFilterError),
    "invalid_image": (400, BadRequestError),
    "server": (500, ServerError),
    "timeout": (504, ServerError),
    "unmapped": (500, ServerError),
}


def refused(status, detail, **more):
    return PROVIDER.error(HttpResponse(status, {}, json.dumps({"error": detail, **more}).encode()))


def in_band(payload, *, streamed, before=()):
    """The error that a reply ends in, which began as a success."""
    call = chat_call(streaming=streamed)
    kind = {"content-type": "text/event-stream" if streamed else "application/json"}
    body = lines(*before, payload, done=False) if streamed else json.dumps(payload).encode()
    return Outcome(decoder(PROVIDER, call, kind), [body])


@pytest.mark.parametrize(("status", "cls"), CLASSES.items())
def test_each_status(status, cls):
    found = refused(status, {"code": status, "message": "No."}, user_id="user_1")
    assert (type(found), found.status, found.message) == (cls, status, "No.")
    assert failure(found) == Failure()


@pytest.mark.parametrize(("word", "status", "cls"), [(word, *rest) for word, rest in TYPES.items()])
@pytest.mark.parametrize("streamed", [True, False])
def test_each_type_of_error_with_its_status_and_inside_a_reply(word, status, cls, streamed):
    found = refused(status, {"code": status, "message": "No.", "metadata": {"error_type": word}})
    assert type(found) is cls
    assert failure(found).error_type == word
    # a page of the documentation has a word where another has a number
    for detail in ({"code": word, "message": "No."}, {"code": status, "message": "No.", "error_type": word}):
        late = in_band({"id": "gen-1", "error": detail}, streamed=streamed)
        assert type(late.error) is cls


CHUNK = {"id": "gen-1", "provider": "X", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hey"}}]}
LATE = {
    "id": "gen-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "m",
    "provider": "X",
    "error": {"code": 502, "message": "Provider disconnected", "metadata": {"provider_name": "X"}},
    "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
}


@pytest.mark.parametrize("code", [502, "server_error"])
def test_an_error_after_the_first_token_keeps_what_had_arrived(code):
    payload = {**LATE, "error": {**LATE["error"], "code": code}}
    outcome = in_band(payload, streamed=True, before=[CHUNK])
    assert type(outcome.error) is ServerError
    assert outcome.error.retryable
    assert str(outcome.error.message) == "Provider disconnected (X)"
    assert outcome.response.text == "Hey"
    assert outcome.response.finish is None  # no finish is made up
    assert failure(outcome.error).provider == "X"


def test_an_error_of_a_choice_in_a_whole_reply():
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": "Hey"},
        "finish_reason": "error",
        "error": {"code": 502, "message": "Error processing stream", "metadata": {"provider_name": "X", "raw": {}}},
    }
    outcome = in_band({"id": "gen-1", "choices": [choice]}, streamed=False)
    assert (type(outcome.error), outcome.error.status) == (ServerError, 502)
    assert outcome.response.text == "Hey"


def test_moderation_says_what_it_refused():
    metadata = {
        "reasons": ["violence", 5],
        "flagged_input": "how",
        "provider_name": "OpenAI",
        "model_slug": "openai/o1",
    }
    found = refused(403, {"code": 403, "message": "Flagged.", "metadata": metadata})
    assert type(found) is ContentFilterError
    assert failure(found) == Failure(provider="OpenAI", model="openai/o1", reasons=("violence",), flagged_input="how")


def test_a_guardrail_says_what_it_found():
    found = refused(403, {"code": 403, "message": "Blocked.", "metadata": {"patterns": ["ignore all"]}})
    assert type(found) is ContentFilterError
    assert failure(found).patterns == ("ignore all",)


def test_the_provider_behind_it_is_heard():
    raw = json.dumps({"error": {"message": "Unsupported parameter: 'temperature'.", "code": None}})
    metadata = {"provider_name": "OpenAI", "raw": raw, "provider_code": 400, "previous_errors": [{"code": 429}]}
    found = refused(400, {"code": 400, "message": "Provider returned error", "metadata": metadata})
    assert found.message == "Provider returned error (OpenAI: Unsupported parameter: 'temperature'.)"
    told = failure(found)
    assert (told.provider, told.provider_code, told.raw) == ("OpenAI", "400", json.loads(raw))
    assert told.previous_errors == ({"code": 429},)


def test_hints_on_what_can_be_had():
    hints = {
        "code": "no_endpoints",
        "retryable": False,
        "retry_after": 3,
        "requested_models": ["a/b"],
        "affected_providers": ["x"],
        "excluded_by": {"provider.only": ["x"]},
        "fallback_models": ["a/c"],
        "docs_url": "https://openrouter.ai/docs",
    }
    found = refused(404, {"message": "None.", "error_type": "not_found", "http_status": 404, "availability": hints})
    assert (type(found), found.retryable, found.retry_after) == (NotFoundError, False, 3.0)
    assert failure(found).availability == Availability(
        "no_endpoints", False, 3, ("a/b",), ("x",), {"provider.only": ["x"]}, ("a/c",), "https://openrouter.ai/docs"
    )
    late = in_band({"error": {"message": "Busy.", "http_status": 503, "availability": hints}}, streamed=True)
    assert (type(late.error), late.error.status) == (OverloadedError, 503)


def test_every_example_of_every_error_is_typed():
    seen = 0
    for row in json.loads(beside("openrouter", "examples.json").read_text(encoding="utf-8")):
        response = row.get("response")
        if not str(row["status"]).isdigit() or int(row["status"]) < 400 or response is None:
            continue
        found = PROVIDER.error(HttpResponse(int(row["status"]), {}, json.dumps(response).encode()))
        expected = CLASSES[int(row["status"])]
        assert isinstance(found, expected) or (expected is PermissionDeniedError and failure(found).patterns)
        assert found.message
        assert "provider gave no reason" not in found.message
        seen += 1
    assert seen > 300


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = ["provider_name", "raw", "reasons", "flagged_input", "patterns", "headers", "error_type", "previous_errors"]


@given(
    metadata=st.dictionaries(st.sampled_from(NAMES), TREES),
    hints=TREES | st.dictionaries(st.sampled_from(["code", "retryable", "retry_after", "fallback_models"]), TREES),
    status=st.sampled_from(sorted(CLASSES)),
)
def test_whatever_the_metadata_are_the_error_is_typed(metadata, hints, status):
    found = refused(status, {"code": status, "message": "No.", "metadata": metadata, "availability": hints})
    assert isinstance(found, JackfieldError)
    assert isinstance(failure(found), Failure)
    assert str(found).count("No.") >= 1


def test_an_error_of_something_else_has_nothing_to_say():
    assert failure(JackfieldError("x")) == Failure()
    assert failure(JackfieldError("x", body=[1])) == Failure()


def test_a_quota_upstream_is_not_the_callers():
    raw = json.dumps({"error": {"message": "Pay.", "code": "insufficient_quota"}})
    found = refused(502, {"code": 502, "message": "No.", "metadata": {"provider_name": "X", "raw": raw}})
    assert (type(found), found.retryable) == (ServerError, True)


@pytest.mark.parametrize("native", [{}, ["length"], 5, None])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_native_finish_of_another_shape_is_none(native, streamed):
    calls = [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    part = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, "finish_reason": "tool_calls", "native_finish_reason": native}
    choice["delta" if streamed else "message"] = part
    outcome = in_band({"id": "gen-1", "choices": [choice]}, streamed=streamed)
    assert outcome.error is None
    assert outcome.response.tool_calls[0].name == "f"

"""Errors in every shape that was seen: what class, code and message they get, and whether a retry can help."""

import gzip
import json

import pytest
from exchanges import JSON, SSE, Outcome, chat_call, decoder, lines
from hypothesis import given, strategies as st
from wire_folder import beside

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
    UnsupportedError,
)
from jackfield.http import HttpResponse
from jackfield.provider import Secret
from jackfield_openai import OpenAIProvider, OpenAISettings
from jackfield_wire_openai.errors import CODES, in_band_error

PROVIDER = OpenAIProvider("openai", OpenAISettings(api_key=Secret("sk-test")))


def error(status, body, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return PROVIDER.error(HttpResponse(status, names, data))


def openai(message, kind="invalid_request_error", code=None):
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


INVALID, NO_CREDIT, POLICY = "invalid_request_error", "insufficient_quota", "content_policy_violation"
QUOTA = openai("You exceeded your current quota, please check your plan and billing details.", code="quota_exceeded")
LONG = "This model's maximum context length is 8192 tokens."
HTML = b"<html>\r\n<head><title>502 Bad Gateway</title></head></html>"

WRONG_URL = ", and redirects are not followed: base_url is probably wrong"

TABLE = {
    # name: status, body, class, code, message, retryable
    "bad request": (400, openai("Bad."), BadRequestError, INVALID, "Bad.", False),
    "bad key": (401, openai("Bad.", code="invalid_api_key"), AuthenticationError, "invalid_api_key", "Bad.", False),
    "no right": (403, openai("No."), PermissionDeniedError, INVALID, "No.", False),
    "no model": (404, openai("None.", code="model_not_found"), NotFoundError, "model_not_found", "None.", False),
    "conflict": (409, openai("Busy."), ConflictError, INVALID, "Busy.", True),
    "too large": (413, openai("Big."), BadRequestError, INVALID, "Big.", False),
    "not processable": (422, openai("Odd."), BadRequestError, INVALID, "Odd.", False),
    "too long": (
        400, openai(LONG, code="context_length_exceeded"), ContextLengthError, "context_length_exceeded", LONG, False,
    ),
    "refused content": (
        400, openai("No.", code=POLICY), ContentFilterError, POLICY, "No.", False,
    ),
    "rate limit": (
        429, openai("Slow.", "tokens", "rate_limit_exceeded"), RateLimitError, "rate_limit_exceeded", "Slow.", True,
    ),
    "quota": (429, QUOTA, QuotaError, "quota_exceeded", QUOTA["error"]["message"], False),
    "quota as OpenAI calls it": (
        429, openai("Pay.", NO_CREDIT, NO_CREDIT), QuotaError, NO_CREDIT, "Pay.", False,
    ),
    "quota named by its type alone": (429, openai("Pay.", NO_CREDIT), QuotaError, NO_CREDIT, "Pay.", False),
    "server": (500, openai("Oops.", "server_error"), ServerError, "server_error", "Oops.", True),
    "server that blames the request": (500, openai("Oops."), ServerError, INVALID, "Oops.", True),
    "overloaded": (503, openai("Later.", "server_error"), OverloadedError, "server_error", "Later.", True),
    "overloaded, 529": (529, openai("Later.", "overloaded_error"), OverloadedError, "overloaded_error", "Later.", True),
    "request timeout": (408, openai("Slow.", "timeout"), ServerError, "timeout", "Slow.", True),
    "OpenRouter": (
        402, {"error": {"code": 402, "message": "Credits."}, "user_id": "u"}, QuotaError, "402", "Credits.", False,
    ),
    "OpenRouter, rate limit upstream": (
        429,
        {"error": {"code": 429, "message": "Provider returned error", "metadata": {"provider_name": "X", "raw": "{}"}}},
        RateLimitError, "429", "Provider returned error (X)", True,
    ),
    "OpenRouter, refused upstream": (
        400,
        {"error": {"code": 400, "message": "Provider returned error", "metadata": {
            "provider_name": "OpenAI", "raw": '{"error": {"message": "Bad temperature.", "code": null}}'}}},
        BadRequestError, "400", "Provider returned error (OpenAI: Bad temperature.)", False,
    ),
    "OpenRouter, too long upstream": (
        400,
        {"error": {"code": 400, "message": "Provider returned error", "metadata": {
            "provider_name": "X", "raw": '{"error": {"message": "Long.", "code": "context_length_exceeded"}}'}}},
        ContextLengthError, "400", "Provider returned error (X: Long.)", False,
    ),
    "OpenRouter, plain words upstream": (
        429, {"error": {"code": 429, "message": "No.", "metadata": {"provider_name": "X", "raw": "m is busy."}}},
        RateLimitError, "429", "No. (X: m is busy.)", True,
    ),
    "OpenRouter, something else upstream": (
        502, {"error": {"code": 502, "message": "No.", "metadata": {"provider_name": "X", "raw": {"retryable": True}}}},
        ServerError, "502", "No. (X)", True,
    ),
    "OpenRouter, JSON that is none upstream": (
        502, {"error": {"code": 502, "message": "No.", "metadata": {"raw": "{cut"}}},
        ServerError, "502", "No. ({cut)", True,
    ),
    "OpenRouter, names what is behind it": (
        502, {"error": {"code": 502, "message": "Upstream error from X: No.", "metadata": {"provider_name": "X"}}},
        ServerError, "502", "Upstream error from X: No.", True,
    ),
    "OpenRouter, nobody behind it": (
        400, {"error": {"code": 400, "message": "Bad.", "metadata": {"provider_name": None}}},
        BadRequestError, "400", "Bad.", False,
    ),
    "OpenRouter, by its guardrail": (
        403, {"error": {"code": 403, "message": "Blocked.", "metadata": {"patterns": ["ignore all"]}}},
        ContentFilterError, "403", "Blocked.", False,
    ),
    "OpenRouter, a model that is gone": (
        404,
        {"error": {"message": "Gone.", "http_status": 404, "error_type": "not_found",
                   "availability": {"code": "model_deprecated", "retryable": False, "fallback_models": ["m2"]}}},
        NotFoundError, "not_found", "Gone.", False,
    ),
    "OpenRouter, one that comes back": (
        404,
        {"error": {"message": "Wait.", "error_type": "not_found",
                   "availability": {"code": "temporarily_unavailable", "retryable": True}}},
        NotFoundError, "not_found", "Wait.", True,
    ),
    "OpenRouter, bad gateway": (
        502, {"error": {"code": 502, "message": "Down.", "metadata": {}}}, ServerError, "502", "Down.", True,
    ),
    "OpenRouter without a code": (
        404, {"error": {"message": "None.", "error_type": "not_found"}}, NotFoundError, "not_found", "None.", False,
    ),
    "llama.cpp": (
        400,
        {"error": {"code": 400, "message": "too many", "type": "exceed_context_size_error", "n_ctx": 512}},
        ContextLengthError, "400", "too many", False,
    ),
    "vLLM": (
        400,
        {"object": "error", "message": "Bad.", "type": "BadRequestError", "param": None, "code": 400},
        BadRequestError, "400", "Bad.", False,
    ),
    "Mistral": (
        400, {"object": "error", "message": "Bad.", "code": "3051"}, BadRequestError, "3051", "Bad.", False,
    ),
    "xAI": (400, {"code": "Bad argument", "error": "Not known."}, BadRequestError, "Bad argument", "Not known.", False),
    "detail": (401, {"detail": "Invalid API Key"}, AuthenticationError, None, "Invalid API Key", False),
    "Google": (
        400, [{"error": {"code": 400, "message": "Bad.", "status": "INVALID"}}], BadRequestError, "400", "Bad.", False,
    ),
    "OpenRouter, by its metadata": (
        400, {"error": {"code": 400, "message": "Long.", "metadata": {"error_type": "context_length_exceeded"}}},
        ContextLengthError, "400", "Long.", False,
    ),
    "OpenRouter, by its moderation": (
        403, {"error": {"code": 403, "message": "No.", "metadata": {"reasons": ["x"], "flagged_input": "y"}}},
        ContentFilterError, "403", "No.", False,
    ),
    "Ollama, by its message": (
        400, openai("prompt too long; exceeded max context length by 9 tokens"), ContextLengthError, INVALID,
        "prompt too long; exceeded max context length by 9 tokens", False,
    ),
    "a message that speaks of context": (400, openai("No context."), BadRequestError, INVALID, "No context.", False),
    "a model that is gone": (
        400, openai("Gone.", code="model_decommissioned"), NotFoundError, "model_decommissioned", "Gone.", False,
    ),
    "llama.cpp, what it does not do": (
        501, {"error": {"code": 501, "message": "No.", "type": "not_supported_error"}}, UnsupportedError, "501", "No.",
        False,
    ),
    "a model that may not be used": (
        403, openai("No.", code="model_not_found"), PermissionDeniedError, "model_not_found", "No.", False,
    ),
    "Mistral, a model": (
        400, {"object": "error", "message": "None.", "type": "invalid_model", "code": "1500"}, NotFoundError, "1500",
        "None.", False,
    ),
    "detail in pieces": (
        422, {"detail": [{"loc": ["body", "n"], "msg": "too small"}]}, BadRequestError, None,
        "{'detail': [{'loc': ['body', 'n'], 'msg': 'too small'}]}", False,
    ),
    "message at the top": (404, {"message": "no Route matched"}, NotFoundError, None, "no Route matched", False),
    "error that is text": (400, {"error": "Bad."}, BadRequestError, None, "Bad.", False),
    "message that is no text": (
        400, {"error": {"message": ["Bad."]}}, BadRequestError, None, "{'error': {'message': ['Bad.']}}", False,
    ),
    "plain text": (500, b"upstream connect error\n", ServerError, None, "upstream connect error", True),
    "HTML": (502, HTML, ServerError, None, HTML.decode(), True),
    "not UTF-8": (500, b"\xff\xfe", ServerError, None, "\ufffd\ufffd", True),
    "empty": (503, b"", OverloadedError, None, "the provider gave no reason", True),
    "an empty object": (400, {}, BadRequestError, None, "the provider gave no reason", False),
    "null": (400, None, BadRequestError, None, "the provider gave no reason", False),
    "a list": (400, ["Bad."], BadRequestError, None, "['Bad.']", False),
    "a status nobody knows": (418, b"teapot", BadRequestError, None, "teapot", False),
    "a redirect": (302, b"", BadRequestError, None, f"redirected to another place{WRONG_URL}", False),
    "a redirect that talks": (301, HTML, BadRequestError, None, f"redirected to another place{WRONG_URL}", False),
}  # fmt: skip


@pytest.mark.parametrize(("status", "body", "cls", "code", "message", "retryable"), TABLE.values(), ids=TABLE)
def test_errors(status, body, cls, code, message, retryable):
    found = error(status, body)
    assert type(found) is cls
    assert (found.status, found.code, found.message, found.retryable) == (status, code, message, retryable)
    assert found.body == (body if not isinstance(body, bytes) else body.decode(errors="replace"))
    assert found.retry_after is None


def test_quota_is_not_a_rate_limit():
    found = error(429, QUOTA, retry_after="1")
    assert type(found) is QuotaError
    assert not found.retryable


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after_ms": "250"}, 0.25),
        ({"x_ms_retry_after_ms": "250"}, 0.25),
        ({"retry_after_ms": "250", "retry_after": "7"}, 0.25),
        ({"retry_after_ms": "soon", "retry_after": "7"}, 7.0),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "1e999"}, None),
        ({"retry_after": "1e300"}, None),
        ({"retry_after": "31536000"}, 31536000.0),
        ({"retry_after": "31708800"}, None),
        ({"retry_after_ms": "nan", "x_ms_retry_after_ms": "-5", "retry_after": "3"}, 3.0),
        ({"retry_after": "Tue, 07 Oct 2025 13:57:16 GMT", "date": "Tue, 07 Oct 2025 13:56:16 GMT"}, 60.0),
        ({"retry_after": "Tue, 07 Oct 2025 13:55:16 GMT", "date": "Tue, 07 Oct 2025 13:56:16 GMT"}, 0.0),
        ({"retry_after": "Tue, 07 Oct 2225 13:55:16 GMT", "date": "Tue, 07 Oct 2025 13:56:16 GMT"}, None),
        ({"retry_after": "Tue, 07 Oct 2025 13:57:16 GMT"}, None),
        ({"retry_after": "Tue, 07 Oct 2025 13:57:16 GMT", "date": "soon"}, None),
        ({"retry_after": ""}, None),
        ({"retry_after": "soon"}, None),
        ({"x_ratelimit_reset_requests": "6m0s"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers, seconds):
    found = error(429, openai("Slow."), **headers)
    assert found.retry_after == pytest.approx(seconds)
    assert found.retryable


def test_how_long_to_wait_by_a_gateways_hints():
    hints = {"code": "capacity_exhausted", "retryable": True, "retry_after": 7}
    body = {"error": {"message": "Full.", "availability": hints}}
    assert error(503, body).retry_after == 7.0
    assert error(503, body, retry_after="2").retry_after == 2.0
    for wrong in (-1, True, "soon", 1e12):
        hints["retry_after"] = wrong
        assert error(503, body).retry_after is None


@pytest.mark.parametrize(("remaining", "seconds"), [("0", 20.0), ("3", None)])
@pytest.mark.parametrize("quoted", [True, False])
def test_a_limit_that_is_used_up_says_when_it_is_whole_again(quoted, remaining, seconds):
    told = {"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": "1759845420000"}
    body = {"error": {"code": 429, "message": "Slow.", "metadata": {"headers": told} if quoted else {}}}
    own = {} if quoted else {name.lower().replace("-", "_"): value for name, value in told.items()}
    found = error(429, body, date="Tue, 07 Oct 2025 13:56:40 GMT", **own)
    assert type(found) is RateLimitError
    assert found.retry_after == seconds


@pytest.mark.parametrize(
    ("status", "said", "retryable"),
    [
        (400, "true", True),
        (500, "false", False),
        (429, "false", False),
        (400, "TRUE", True),
        (500, "", True),
        (400, "x", False),
    ],
)
def test_the_provider_has_the_last_word_on_whether_to_retry(status, said, retryable):
    assert error(status, openai("x"), x_should_retry=said).retryable is retryable


def test_the_id_of_the_request_is_kept():
    assert error(500, b"", x_request_id="req_1").request_id == "req_1"
    assert error(500, {"error": {}, "request_id": "gen-1"}).request_id == "gen-1"
    assert error(500, {"error": {}, "request_id": 5}).request_id is None


@pytest.mark.parametrize("status", [None, 400, 500])
@pytest.mark.parametrize("place", ["code", "type"])
@pytest.mark.parametrize("word", CODES)
def test_every_word_for_an_error_has_its_class(word, place, status):
    payload = {"error": {place: word, "message": "x"}}
    found = in_band_error(payload, HttpResponse(200)) if status is None else error(status, payload)
    tell = (QuotaError, ContextLengthError, ContentFilterError, RateLimitError, UnsupportedError)
    telling = status is None or CODES[word] in tell
    gone = ("model_not_found", "model_decommissioned", "invalid_model", "model_deprecated", "free_variant_ended")
    missing = status == 400 and word in gone
    assert type(found) is (CODES[word] if telling or missing else {400: BadRequestError, 500: ServerError}[status])
    assert (found.code, found.status) == (word, status)


def test_the_introductory_example_of_a_quota_error():
    body = (
        b'{"error": {"message": "You exceeded your current quota, please check your plan and billing details.", '
        b'"type": "invalid_request_error", "param": null, "code": "quota_exceeded"}}'
    )
    found = error(429, body, retry_after="20", x_should_retry="")
    assert type(found) is QuotaError
    assert (found.retryable, found.code, found.status) == (False, "quota_exceeded", 429)
    assert found.message == "You exceeded your current quota, please check your plan and billing details."


def test_a_long_message_is_cut_between_words_and_the_body_is_not():
    found = error(400, openai("four " * 1000))
    assert found.message == ("four " * 100).rstrip()
    assert found.body == openai("four " * 1000)
    assert error(400, openai("日" * 501)).message == "日" * 500
    assert error(400, openai("x" * 500)).message == "x" * 500
    assert error(400, openai("x" * 501)).message == "501 characters without a space"


KEY = "sk-0123456789abcdefghij"


@pytest.mark.parametrize("before", ["Wrong key: ", "Wrong key:", '{"key":"', "日本"])
def test_a_cut_leaves_no_half_of_a_key(before):
    """Errors are rid of the whole key; half a one would not be known."""
    for place in range(160, 520):
        text = "a " * (place // 2) + before + KEY + " z" * 400
        stream = Outcome(decoder(PROVIDER, chat_call(streaming=True), SSE), [text.encode()])
        document = {"choices": [], "message": text}
        whole = Outcome(decoder(PROVIDER, chat_call(), JSON), [json.dumps(document).encode()])
        for found in (error(401, openai(text)), error(500, text.encode()), stream.error, whole.error):
            assert "a a a" in found.message
            assert KEY[:4] not in found.message.replace(KEY, "***"), (place, found.message)


IN_BAND = {
    "OpenRouter": ({"error": {"code": 502, "message": "Down.", "metadata": {"raw": 1}}}, ServerError, 502, "502", True),
    "a code as text": ({"error": {"code": "503", "message": "Down."}}, OverloadedError, 503, "503", True),
    "rate limit": ({"error": {"code": 429, "message": "Down."}}, RateLimitError, 429, "429", True),
    "a word": ({"error": {"code": "server_error", "message": "Down."}}, ServerError, None, "server_error", True),
    "a type": ({"error": {"type": INVALID, "message": "Down."}}, BadRequestError, None, INVALID, False),
    "quota": ({"error": {"code": NO_CREDIT, "message": "Down."}}, QuotaError, None, NO_CREDIT, False),
    "Groq": (
        {"error": {"message": "Down.", "type": INVALID, "code": "tool_use_failed", "status_code": 400}},
        BadRequestError, 400, "tool_use_failed", False,
    ),
    "vLLM": ({"object": "error", "message": "Down.", "type": "B", "code": 400}, BadRequestError, 400, "400", False),
    "text": ({"error": "Down."}, ServerError, None, None, True),
    "a code that is no status": ({"error": {"code": 1234, "message": "Down."}}, ServerError, None, "1234", True),
    "a code of another kind": ({"error": {"code": {"a": 1}, "message": "Down."}}, ServerError, None, None, True),
    "odd digits": ({"error": {"code": "4\u0660\u0660", "message": "Down."}}, ServerError, None, "4\u0660\u0660", True),
}  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("payload", "cls", "status", "code", "retryable"), IN_BAND.values(), ids=IN_BAND)
def test_an_error_inside_a_reply_that_began_as_a_success(payload, cls, status, code, retryable, streamed):
    reading = decoder(PROVIDER, chat_call(streaming=streamed), SSE if streamed else JSON)
    outcome = Outcome(reading, [lines(payload) if streamed else json.dumps(payload).encode()])
    found = outcome.error
    assert type(found) is cls
    assert (found.status, found.code, found.message, found.retryable) == (status, code, "Down.", retryable)
    assert found.body == payload
    assert outcome.events == []


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "type", "detail", "object", "status", "x"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)


@given(json_like | st.binary(max_size=30), st.sampled_from([302, 400, 401, 404, 429, 500, 503]))
def test_every_body_is_a_typed_error_with_a_message(body, status):
    found = error(status, body)
    assert isinstance(found, JackfieldError)
    assert found.status == status
    assert found.message
    assert found.code is None or isinstance(found.code, str)


def test_a_message_nested_too_deeply_to_be_shown_is_still_an_error():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    found = in_band_error({"error": {"message": nested}}, HttpResponse(200))
    assert found.message == "the provider's reason is nested too deeply to be shown"


def test_a_body_nested_without_end_is_a_typed_error():
    assert type(error(500, b'{"error":' * 100_000)) is ServerError
    assert type(error(500, b'{"error":' * 900 + b"1" + b"}" * 900)) is ServerError


# what a recorded refusal is, by its status and what it says
RIGHT = [
    (lambda status, text: "model_not_found" in text and status in (400, 404), NotFoundError),
    (lambda status, text: "invalid_model" in text or "model_decommissioned" in text, NotFoundError),
    (lambda status, text: "exceed_context_size" in text or "context length" in text, ContextLengthError),
    (lambda status, text: "too_many_prompt_tokens" in text, ContextLengthError),
    (lambda status, text: status == 401, AuthenticationError),
    (lambda status, text: status == 403, PermissionDeniedError),
    (lambda status, text: status == 404, NotFoundError),
    (lambda status, text: status == 429, RateLimitError),
    (lambda status, text: status == 400, BadRequestError),
    (lambda status, text: status == 500, ServerError),
]


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://other.example/v1/chat/completions?key=sk-secret#x", "https://other.example"),
        ("http://me:sk-secret@other.example:8080/sk-secret", "http://other.example:8080"),
        ("//other.example/x", "https://other.example"),
        ("https://[::1]:8080/x", "https://[::1]:8080"),
        ("/v2/chat/completions", "another place"),
        ("https://[broken", "another place"),
        ("https://other.example:port/", "another place"),
        ("", "another place"),
    ],
)
def test_a_redirect_names_the_origin_that_it_leads_to_and_nothing_else_of_it(location, told):
    found = error(307, b"", location=location)
    assert (found.status, found.message) == (307, f"redirected to {told}{WRONG_URL}")
    assert not found.retryable


@given(st.text(), st.integers(300, 399))
def test_whatever_a_redirect_names_becomes_a_message_of_a_bounded_length(location, status):
    found = error(status, b"", location=location)
    assert found.message.endswith(WRONG_URL)
    assert len(found.message) < 700


def test_every_recorded_refusal_is_the_right_error_and_keeps_its_message():
    path = beside("recordings.jsonl.gz")
    seen = set()
    count = 0
    with gzip.open(path, "rt", encoding="utf-8") as rows:
        for row in map(json.loads, rows):
            if row["status"] < 300:
                continue
            count += 1
            found = error(row["status"], row["response_body"].encode())
            where = (row["id"], row["status"], found)
            right = next((cls for fits, cls in RIGHT if fits(row["status"], row["response_body"])), None)
            assert type(found) is right or (right is None and isinstance(found, JackfieldError)), where
            seen.add(right)
            assert found.status == row["status"], where
            payload = json.loads(row["response_body"])
            inner = payload.get("error")
            message = inner.get("message") if isinstance(inner, dict) else inner
            message = message or payload.get("message") or payload["detail"]
            message = message if isinstance(message, str) else str(payload)
            told = found.message
            if isinstance(inner, dict) and (inner.get("metadata") or {}).get("provider_name"):  # who is behind it
                assert inner["metadata"]["provider_name"] in told
                told = told.partition(f" ({inner['metadata']['provider_name']}")[0]
            assert message.strip().startswith(told), where
            assert told == message.strip() or 400 < len(told) <= 500, where
            assert found.retryable is (row["status"] in (409, 429) or row["status"] >= 500), where
            assert found.body == payload
    assert count >= 188
    assert seen == {cls for _, cls in RIGHT}


def test_every_example_of_an_error_in_the_specifications_is_typed():
    files = [beside("openai", "examples", "all_examples.json"), beside("openrouter", "examples.json")]
    count = 0
    for example in (one for file in files for one in json.loads(file.read_text(encoding="utf-8"))):
        reply = example.get("response")
        if not isinstance(reply, dict) or not isinstance(reply.get("error"), dict) or not reply["error"].get("message"):
            continue
        count += 1
        code = reply["error"].get("code")
        status = code if isinstance(code, int) else reply.get("status")
        found = error(status, reply) if isinstance(status, int) else in_band_error(reply, HttpResponse(200))
        assert found.message == reply["error"]["message"]
        if isinstance(status, int):
            expected = {402: QuotaError, 408: ServerError, 409: ConflictError, 503: OverloadedError}
            expected |= {401: AuthenticationError, 403: PermissionDeniedError, 404: NotFoundError, 529: OverloadedError}
            other = ServerError if status >= 500 else RateLimitError if status == 429 else BadRequestError
            moderated = "patterns" in (reply["error"].get("metadata") or {})
            assert type(found) is (ContentFilterError if moderated else expected.get(status, other)), reply
    assert count > 25

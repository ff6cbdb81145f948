"""No secret reaches a cassette, wherever it stood; and what is no secret stays."""

import itertools
import json
import re
import time

import pytest
from hypothesis import given, strategies as st

from jackfield.errors import ConfigurationError
from jackfield.http import HttpRequest
from jackfield_testkit.cassettes import SCRUBBED, Cassette, RecordedExchange, Scrub

NAMED = "Tr0ub4dor-and-3"  # looks like nothing in particular
LIKE_KEYS = [
    "sk-proj-0123456789abcdef",
    "sk-12345678",
    "ghp_0123456789abcdef0123",
    "org-0123456789abcdef01234567",
    "AIzaSyA0123456789abcdef0123456789abcdef0",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "-----BEGIN PRIVATE KEY-----\nMIIE0123\n-----END PRIVATE KEY-----",
]


def request(path="/v1/chat", headers=None, body=b""):
    return HttpRequest("POST", path, headers or {}, body, origin="https://far.test:443")


def written(scrub=None, **parts):
    """The text of a cassette with one exchange, and its bodies put together, as they may be no text or be cut."""
    asked = request(**{name: parts.pop(name) for name in ("path", "headers", "body") if name in parts})
    replied = {"headers": parts.get("reply_headers", {}), "pieces": parts.get("pieces", ())}
    one = (scrub or Scrub()).exchange(RecordedExchange(asked, 200, **replied))
    return f"{Cassette([one])}{(one.request.body + one.body).decode('latin-1')}"


def places(secret):
    """A text with a secret in every place of an exchange, alone and amid others."""
    in_json = json.dumps({"deep": [{"note": f"it is {secret}!", f"{secret}": 1}]}).encode()
    tool = json.dumps({"arguments": json.dumps({"inner": secret})}).encode()
    stream = f"data: {json.dumps({'x': f'is {secret} so'})}\n\ndata: [DONE]\n\n".encode()
    yield {"headers": {"x-note": f"my {secret}"}}
    yield {"reply_headers": {"x-note": f"{secret}; more"}}
    yield {"path": f"/v1/x?a=1&note={secret.replace(' ', '+')}"}
    yield {"path": f"/v1/{secret}/x".replace("\n", "%0A").replace(" ", "%20")}
    for body in (in_json, tool, stream, f"plain {secret}".encode(), b"\xff " + secret.encode()):
        yield {"body": body}
        yield {"pieces": (body,)}
        for size in (1, 3, 7):
            yield {"pieces": tuple(body[at : at + size] for at in range(0, len(body), size))}


@pytest.mark.parametrize("secret", LIKE_KEYS, ids=lambda text: text[:6])
def test_what_looks_like_a_key_is_found_in_every_place(secret):
    core = max(re.split(r"[-_.\n ]", secret), key=len)
    for place in places(secret):
        text = written(**place)
        assert core not in text, place
        assert SCRUBBED in text, place


@pytest.mark.parametrize("spelled", [NAMED, "a/b+c=with/slashes", 'quo"ted-secret'])
def test_a_secret_that_is_known_is_found_in_every_place(spelled):
    scrub = Scrub(values=[spelled])
    for place in places(spelled):
        text = written(scrub, **place)
        assert spelled not in text, place
        assert json.dumps(spelled)[1:-1] not in text, place
    as_php = spelled.replace("/", "\\/").encode()
    assert as_php.decode() not in written(scrub, pieces=(b"data: " + as_php, b"\n")).replace("\\\\", "\\")


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-goog-api-key"),
        *("openai-organization", "openai-project", "anthropic-organization-id", "cf-account-id", "x-auth-token"),
        "x-amz-security-token",
    ],
)
def test_headers_by_name(name):
    assert NAMED not in written(headers={name.title(): NAMED})
    assert NAMED not in written(reply_headers={name.title(): f"{NAMED}; path=/"})
    assert f'"{name}": "{SCRUBBED}"' in written(headers={name: NAMED})


def test_headers_that_are_nobody_s_secret_stay():
    kept = {
        "content-type": "application/json",
        "x-ratelimit-remaining-tokens": "149984",
        "x-request-id": "req_0123456789abcdef",
        "openai-version": "2020-10-01",
    }
    text = written(reply_headers=kept, headers={"set-cookie": "a=b"})
    for name, value in kept.items():
        assert f'"{name}": "{value}"' in text


@pytest.mark.parametrize("name", ["api_key", "apiKey", "password", "client_secret", "access_token", "organization_id"])
def test_fields_by_name(name):
    table = {"a": {name: NAMED, "b": [{name: f'{NAMED} "and more'}]}}
    whole = {**table, "list": {name: [NAMED]}, "number": {name: 12345678}, "none": {name: None}}
    inner = {"tool": json.dumps(whole), "twice": json.dumps(json.dumps(table))}
    streamed = {"tool": json.dumps(table), "twice": json.dumps(json.dumps(table))}
    for place in (
        {"body": json.dumps(whole).encode()},
        {"pieces": (json.dumps(inner).encode(),)},
        {"pieces": (b"data: ", json.dumps(table).encode(), b"\n\n")},
        {"pieces": (b"data: ", json.dumps(streamed).encode(), b"\n\n")},
        {"path": f"/x?b=1&{name}={NAMED}&c=2"},
        {"pieces": (f"you sent {name}: {NAMED}, which is wrong".encode(),)},
    ):
        text = written(**place)
        assert NAMED not in text, place
        assert "and more" not in text, place
        assert "12345678" not in text, place
        assert SCRUBBED in text, place


def test_replies_that_speak_of_tokens_and_keys_stay_as_they_are():
    body = {
        "choices": [{"logprobs": {"content": [{"token": " secret", "logprob": -0.1}]}, "key": "value"}],
        "usage": {"prompt_tokens": 12345678},
        "text": "A basic principle: the bearer of a password, sk-8, or https://far.test/?page=2",
        "id": "chatcmpl-0123456789abcdefghij",
        "schema": {"properties": {"password": {"type": "string"}}},
    }
    for data in (json.dumps(body, indent=1).encode(), f"data: {json.dumps(body)}\n\n".encode()):
        asked = request("/v1/models?page=2&limit=5", {"accept": "text/event-stream"}, data)
        one = RecordedExchange(asked, 200, {}, (data[:9], data[9:]))
        assert Scrub().exchange(one) == one


def test_the_beginning_of_a_secret_that_a_quotation_cuts_is_found_too():
    scrub = Scrub(values=["secret-0123456789"])
    assert scrub.text("Incorrect key: secret-012... and secret-01") == f"Incorrect key: {SCRUBBED}... and {SCRUBBED}"
    assert scrub.text("secret") == "secret"
    assert Scrub(values=["none"]).text("none of them") == "none of them"


def test_cuts_stay_where_they_were():
    pieces = (b"data: a\n\ndata: sk-pr", b"oj-01234567", b"89abcdef b\n\n", "data: é".encode()[:-1], "é".encode()[-1:])
    one = RecordedExchange(request(), 200, {}, pieces)
    assert Scrub().exchange(one).pieces == (b"data: a\n\ndata: SCRUBBED", b" b\n\n", b"data: \xc3", b"\xa9")


def test_an_author_names_more(tmp_path):
    def find(text):
        return re.findall(r"tenant \w+", text)

    scrub = Scrub(
        headers=["X-Tenant"], fields=["tenantName"], patterns=[r"T-\d+", r"of (?P<secret>\w+)ville"], find=find
    )
    body = {"tenantname": "acme", "text": "T-42 of Springville, tenant blue", "count": {"tenantName": 7}}
    text = written(
        scrub,
        path="/x?tenantName=acme",
        headers={"x-tenant": "acme"},
        body=json.dumps(body).encode(),
        pieces=(b'data: {"tenantName": "ac', b'me"} T-42 tenant blue\n'),
    )
    for secret in ("acme", "T-42", "Spring", "blue", "ac"):
        assert not re.search(rf"\b{secret}\b", text), secret
    assert "of SCRUBBEDville" in text
    assert '"count": {"tenantName": 0}' in text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"headers": "x-tenant"}, "scrub: expected a list of texts, got 'x-tenant'"),
        ({"fields": [3]}, r"scrub: expected a list of texts, got \[3\]"),
        ({"patterns": ["("]}, r"scrub: '\(' is not a regular expression"),
    ],
)
def test_a_wrong_scrub_is_told(wrong, message):
    with pytest.raises(ConfigurationError, match=message):
        Scrub(**wrong)


texts = st.lists(
    st.sampled_from(["a", " ", '"', "\\", "sk-", "12345678", "api_key", ":", "=", "é", "?", "&", "@", "://"])
).map("".join)


@given(texts, st.lists(st.integers(0, 40)))
def test_scrubbing_twice_changes_nothing_more_and_cuts_change_nothing(text, cuts):
    scrub = Scrub()
    once = scrub.text(text)
    assert scrub.text(once) == once
    data = text.encode()
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in itertools.pairwise(places)]
    assert b"".join(scrub.pieces(pieces)) == b"".join(scrub.pieces([data]))
    path = scrub.path("/x?note=" + text.replace("&", "%26"))
    assert scrub.path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        *("\\" * 60_000, '"' * 60_000, "api_key:" * 8_000, "sk-" * 20_000, "://" * 20_000, "bearer " * 9_000),
        *("eyJ" * 20_000, '\\"api_key\\":\\"' * 4_000, '"api_key":"' * 6_000, "a" * 60_000),
        "-----BEGIN PRIVATE KEY-----" * 2_000,
    ],
    ids=lambda text: text[:8],
)
def test_patterns_take_time_that_is_linear_in_the_text(text):
    started = time.perf_counter()
    Scrub().text(text)
    assert time.perf_counter() - started < 10

"""Secrets are in no record, wherever they were; other things are taken out by pattern and by the name of a field."""

import json
import re
import time
from contextlib import suppress

import pytest
from fakes import STOP, Player, hello, playing
from hypothesis import given, strategies as st
from recorded import heard, lines_of

import jackfield as jf
from jackfield.errors import BadRequestError
from jackfield.http import HttpResponse
from jackfield.types import (
    Audio,
    File,
    Image,
    Message,
    ReasoningDelta,
    RefusalDelta,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    ToolResult,
    Unknown,
)
from jackfield_logging import LoggingSettings, Sink, logged
from jackfield_logging.records import Writer
from jackfield_logging.redaction import MARGIN, PATTERNS, Redactor

KEYS = [
    "sk-proj-abcdefghijklmnop",
    "sk-or-v1-0123456789abcdef0123456789abcdef",
    "sk-ant-api03-AbCdEf_gh-12",
    "sk_live_0123456789abcdef",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "github_pat_11ABCDEFG0123456789abcdef",
    "hf_abcdefghijklmnopqrstuvwxyz0123456789",
    "gsk_abcdefghijklmnopqrstuvwx",
    "xoxb-1234567890-abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA-0123456789abcdefghijklmnopqrstu",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJl",
    "Bearer abcdef0123456789",
    "Basic dXNlcjpwYXNzd29yZA==",
]
NAMED = [
    "Authorization: Token s3cr3t-value",
    "authorization=s3cr3t-value",
    "'Authorization': 'Bearer s3cr3t-value'",
    '"x-api-key": "s3cr3t-value"',
    '\\"api_key\\": \\"s3cr3t-value\\"',
    "api key = s3cr3t-value",
    "API_KEY=s3cr3t-value",
    "password: s3cr3t-value",
    "client_secret => s3cr3t-value",
    "access_token=s3cr3t-value&x=1",
    "https://example.org/?key=s3cr3t-value&x=1",
    "postgres://me:s3cr3t-value@db.example.org/x",
    "Set-Cookie: s3cr3t-value; Path=/",
    '{"password":"s3cr3t-value \\" s3cr3t-value"}',
    "-----BEGIN RSA PRIVATE KEY-----\nMIIs3cr3t-value\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIs3cr3t-value",
]
NAMED += [
    "Cookie: a=1; session=s3cr3t-value",
    "Set-Cookie: a=1; Path=/; sid=s3cr3t-value",
    "Authorization: Key s3cr3t-value",
    "Authorization: Api-Key s3cr3t-value",
    "Authorization: SSWS s3cr3t-value",
    "Authorization: AWS4-HMAC-SHA256 Scope=us, SignedHeaders=host, Signature=s3cr3t-value",
    '"password": ["s3cr3t-value", "s3cr3t"]',
    '"credentials": {"user": "u", "pass": "s3cr3t-value"}',
    "dbPassword=s3cr3t-value",
    "openaiApiKey=s3cr3t-value",
    "SECRET_KEY=s3cr3t-value",
    "passphrase=s3cr3t-value",
    "token=s3cr3t-value",
    "Ocp-Apim-Subscription-Key: s3cr3t-value",
    "https://example.org/x?X-Amz-Signature=s3cr3t-value&x=1",
    "https://s3cr3t-value@example.org/x",
    "https://user:p@s3cr3t-value@example.org/x",
]
PLAIN = [
    "gpt-4o-mini-2024-07-18",
    "task-force risk-averse",
    "the key: patience",
    "sk-learn",
    "https://example.org/a:b@c",
]
PLAIN += [
    "a token of love",
    "my password is gone",
    "basic income",
    "2026-01-31T12:00:00Z",
    "1,234,567.89",
    "ask_questions",
]


def redactor(**settings):
    return Writer(LoggingSettings(**settings)).redactor


def redacted(text, longest=10_000, **settings):
    return redactor(**settings).text(text, longest)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("around", ["{}", "Incorrect API key provided: {}.", '{{"a":"{}"}}', "x {}\ny", "({})", "k={}"])
def test_a_key_is_known_by_its_shape(key, around):
    assert key.split()[-1] not in redacted(around.format(key))
    assert key.split()[-1] not in redactor().name(around.format(key))


@pytest.mark.parametrize("text", NAMED)
def test_a_key_is_known_by_what_stands_before_it(text):
    assert "s3cr3t" not in redacted(f"before {text} after")
    assert redacted(f"before {text} after").startswith("before ")


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_key_stays(text):
    assert redacted(text) == redactor().name(text) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("email", "me.too+x@mail.example.org"),
        ("card", "4111 1111 1111 1111"),
        ("card", "4111-1111-1111-1111"),
        ("card", "4111111111111111"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("iban", "GB29NWBK60161331926819"),
        ("ip", "192.168.10.1"),
        ("ip", "2001:db8:0:1:1:1:1:1"),
        ("phone", "+49 30 901820"),
        ("phone", "(555) 123-4567"),
    ],
)
def test_the_ready_made_patterns_find_what_they_are_for(name, text):
    assert redacted(f"it is {text}, yes", redact=[name]) == f"it is [{name}], yes"
    assert redacted(f"it is {text}, yes", redact=[]) == f"it is {text}, yes"


def test_a_card_s_number_may_end_a_sentence_but_not_be_part_of_a_number():
    assert redacted("It is 4111 1111 1111 1111.") == "It is [card]."
    assert redacted("It is 4111111111111111.5") == "It is 4111111111111111.5"


@pytest.mark.parametrize("name", ["db_password", "OPENAI_API_KEY", "proxy-authorization", "dbPassword", "secret_keys"])
def test_a_field_that_is_named_like_a_key_is_hidden_whatever_hide_says(name):
    arguments = json.dumps({name: "hush-hush", "max_tokens": 5, "secretary": "Ann"})
    call = told(ToolCallDelta(0, "c1", "save", arguments), hide=["pin"])["tool_calls"][0]
    assert call["arguments"] == {name: "[hidden]", "max_tokens": 5, "secretary": "Ann"}


def test_a_list_under_a_hidden_name_is_hidden_in_text():
    assert "hush" not in redacted('{"ssn": ["hush-hush"], "city": "Paris"', hide=["ssn"])


def test_what_follows_the_scheme_of_an_extra_header_is_hidden():
    player = Player([BadRequestError("opaque-17 is no good", status=400)])
    with heard() as log, jf.Client(middleware=logged(), **playing(player)) as client, suppress(BadRequestError):
        client.chat("x", extra_headers={"Authorization": "Token opaque-17"})
    assert [one["error_message"] for one in log.records] == ["[hidden] is no good"] * 2


@pytest.mark.parametrize(
    "parts",
    [
        (Unknown({str(number): "x" * 100 for number in range(1_000)}),),
        (Unknown([["x" * 100] * 50 for _ in range(50)]),),
        tuple(Text("x y " * 30) for _ in range(1_000)),
    ],
    ids=["mapping", "lists", "parts"],
)
def test_everything_is_bounded(parts):
    with (
        heard() as log,
        jf.Client(middleware=logged(content=True, max_chars=2_000), **playing(Player(hello()))) as client,
    ):
        client.chat([Message("user", parts)])
    assert len(json.dumps(log.call["content"])) < 4_000
    assert " more]" in json.dumps(log.call["content"])


def test_data_is_named_and_not_kept_wherever_it_is():
    data = "QUJD" * 100
    parts = (Image(f"DATA:image/png;base64,{data}"), Unknown({"audio": {"data": data}, "url": f"data:x;base64,{data}"}))
    with heard() as log, jf.Client(middleware=logged(content=True), **playing(Player(hello()))) as client:
        client.chat([Message("user", parts)])
    assert "QUJD" not in str(log.call["content"])


def test_a_number_that_is_no_card_stays():
    assert redacted("4111 1111 1111 1112") == "4111 1111 1111 1112"


def test_patterns_of_one_s_own():
    assert redacted("see ACME-12 and \\1", patterns={"ticket": r"ACME-\d+"}) == "see [ticket] and \\1"


# --- however it is cut ----------------------------------------------------------------------------------------

WORDS = st.text(st.sampled_from("ab cd.:=\"'\\{}\n-_@/"), max_size=40)


@given(WORDS, st.sampled_from(KEYS + NAMED), WORDS, st.integers(1, 300))
def test_no_part_of_a_key_is_left_at_a_cut(before, key, after, longest):
    secret = "s3cr3t" if "s3cr3t" in key else key.split()[-1][4:]
    told = redacted(f"{before} {key} {after}", longest)
    assert secret not in told
    assert len(told) <= longest + len("[cut, 1000000 characters]")


@given(st.integers(0, 400), st.integers(1, 200), st.sampled_from(KEYS[:8]))
def test_no_half_key_is_left_where_the_text_is_longer_than_what_is_looked_at(shift, longest, key):
    text = f"{'a ' * ((longest + MARGIN - shift) // 2)}{key} {'b ' * 5_000}"
    told = redacted(text, longest)
    assert key[:12] not in told
    assert told.endswith(f"[cut, {len(text)} characters]")


@given(st.text(), st.integers(1, 50))
def test_any_text_can_be_told(text, longest):
    told = redactor(hide=["password"], redact=list(PATTERNS)).text(text, longest)
    told.encode()
    assert len(told) <= longest + 30
    redactor().name(text).encode()


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "@",
        "a.",
        "1",
        "1 ",
        "AB12",
        "-",
        "sk-",
        "key",
        "key=",
        'key="',
        "\\",
        ":",
        "1.",
        "1:",
        "+1 ",
        "://",
        "eyJa.",
    ],
)
def test_time_is_linear_in_the_text(piece):
    def taken(size):
        text = (piece * size)[:size]
        begun = time.process_time()
        redactor(redact=list(PATTERNS)).text(text, size)
        return time.process_time() - begun

    taken(1_000)
    assert taken(80_000) < max(40 * min(taken(10_000) for _ in range(3)), 0.2)


# --- by the name of a field -----------------------------------------------------------------------------------

NAMES = st.sampled_from(["password", "Pass-Word", "PASSWORD", "ssn"])
VALUES = st.recursive(
    st.sampled_from(["hush-hush", 'quo"ted hush-hush', "hush-hush\\"]) | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=5,
)
HIDE = ["password", "ssn"]


def told(*parts, **settings):
    player = Player([*parts, STOP])
    with heard() as log, jf.Client(middleware=logged(content=True, **settings), **playing(player)) as client:
        client.chat("x")
    return log.call["content"]


@given(NAMES, VALUES)
def test_a_hidden_field_is_hidden_in_the_arguments_of_tools(name, value):
    arguments = json.dumps({"outer": [{name: value}], "city": "Paris"})
    call = told(ToolCallDelta(0, "c1", "save", arguments), hide=HIDE)["tool_calls"][0]
    assert call["arguments"] == {"outer": [{name: "[hidden]"}], "city": "Paris"}


@given(NAMES, st.sampled_from(["hush-hush", 'quo"ted hush-hush', "hush-hush\\"]), st.integers(1, 60))
def test_a_hidden_field_is_hidden_in_json_that_broke_off(name, value, end):
    text = json.dumps({"city": "Paris", name: value, "more": 1})
    for shown in (redacted(text[:end], hide=HIDE), redacted(text, hide=HIDE), redacted(json.dumps(text), hide=HIDE)):
        assert "hush" not in shown
    assert "Paris" in redacted(text, hide=HIDE)


def test_a_field_of_the_record_can_be_hidden():
    with (
        heard() as log,
        jf.Client(middleware=logged(hide=["alias", "response_id", "call_id"]), **playing(Player(hello()))) as client,
    ):
        client.chat("x")
    assert log.call["response_id"] == "[hidden]"
    assert log.call["call_id"] != "[hidden]"


# --- content --------------------------------------------------------------------------------------------------

TALK = [
    Message("system", "Be brief."),
    Message("user", (Text("Look"), Image("data:image/png;base64,AAAA"), Image("https://example.org/a.png"))),
    Message("user", (Audio("AAAA", "wav"), File("AAAA", "a.pdf"))),
    Message("assistant", (ToolCall("c1", "find", '{"q": [1, null]}'),)),
    Message("tool", ToolResult("c1", '{"found": true}')),
]
REPLY = [
    ReasoningDelta("Hm. "),
    ReasoningDelta("So."),
    TextDelta("Yes"),
    ToolCallDelta(0, "c2", "add", '{"a"'),
    RefusalDelta("!"),
]


def test_content_is_off_unless_asked_for():
    with heard() as log, jf.Client(middleware=logged(), **playing(Player([*REPLY, STOP]))) as client:
        client.chat(TALK)
    assert "content" not in log.call
    assert "Be brief" not in str(log.records)


def test_all_content_in_its_shape():
    with heard() as log, jf.Client(middleware=logged(content=True), **playing(Player([*REPLY, STOP]))) as client:
        client.chat(TALK)
    assert log.call["content"] == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": ["Look", "[image of 26 characters]", {"image": "https://example.org/a.png"}]},
            {"role": "user", "content": ["[audio]", "[file] a.pdf"]},
            {"role": "assistant", "content": {"call": "c1", "name": "find", "arguments": {"q": [1, None]}}},
            {"role": "tool", "content": {"result_of": "c1", "parts": [{"found": True}]}},
        ],
        "text": "Yes!",
        "reasoning": "Hm. So.",
        "tool_calls": [{"call": "c2", "name": "add", "arguments": '{"a"'}],
    }


@pytest.mark.parametrize("wanted", ["messages", "text", "reasoning", "tool_calls"])
def test_each_content_can_be_had_alone(wanted):
    with heard() as log, jf.Client(middleware=logged(content=[wanted]), **playing(Player([*REPLY, STOP]))) as client:
        client.chat(TALK)
    assert list(log.call["content"]) == [wanted]


def test_content_is_bounded_and_the_latest_messages_stay():
    messages = [Message("user", f"{number} {'x' * 500}") for number in range(100)]
    with (
        heard() as log,
        jf.Client(middleware=logged(content=True, max_chars=2_000), **playing(Player(hello("y" * 9_000)))) as client,
    ):
        client.chat(messages)
    content = log.call["content"]
    assert len(json.dumps(content)) < 6_000
    assert re.fullmatch(r"\[9\d before\]", content["messages"][0])
    assert content["messages"][-1]["content"].startswith("99 ")
    assert content["text"].endswith("[cut, 9000 characters]")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.binary(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=8,
    )
)
def test_anything_that_a_message_holds_can_be_told(raw):
    with heard() as log, jf.Client(middleware=logged(content=True), **playing(Player(hello()))) as client:
        client.chat([Message("user", (Unknown(raw),))])
    json.dumps(log.call, allow_nan=False).encode()


def test_what_is_nested_too_deeply_is_cut():
    arguments = "[" * 500 + "]" * 500
    assert "[cut]" in json.dumps(told(ToolCallDelta(0, "c", "f", arguments)))


# --- secrets, seeded in every place -----------------------------------------------------------------------------

SECRET = "sk-seeded-0123456789abcdef"
HEADER = "opaque-header-value-17"
CONFIGURED = "kept-for-the-credential-only-42"


def everywhere():
    """An error and a reply in which each text is, or holds, a secret."""
    error = BadRequestError(
        f"key {SECRET} is wrong, headers were {{'x-tenant': '{HEADER}'}}, Authorization: Bearer {CONFIGURED}",
        status=400,
        code=SECRET,
        request_id=SECRET,
        body={"key": SECRET, "header": HEADER},
    )
    start = Start(id=SECRET, model=f"m {SECRET}", request_id=SECRET)
    reply = [
        start,
        TextDelta(f"You said {SECRET[:9]}"),
        TextDelta(SECRET[9:]),
        ToolCallDelta(0, SECRET, SECRET, f'"{SECRET}"'),
    ]
    return [[*reply, error], [*reply, STOP]]


@pytest.mark.parametrize("content", [False, True])
def test_no_secret_is_in_any_record(tmp_path, content, capsys):
    path, journal = tmp_path / "calls.jsonl", tmp_path / "calls.db"
    sinks = [
        Sink(kind="logging"),
        Sink(kind="jsonl", path=str(path)),
        Sink(kind="jsonl"),
        Sink(kind="journal", path=str(journal)),
    ]
    tools = [jf.Tool("f", SECRET)]
    with (
        heard() as log,
        jf.Client(middleware=logged(sinks=sinks, content=content), **playing(Player(*everywhere()))) as client,
    ):
        for _ in range(2):
            with suppress(BadRequestError):
                client.chat(
                    [
                        Message("user", f"my key is {SECRET}", name=SECRET),
                        Message("tool", ToolResult(SECRET, f'{{"k": "{SECRET}"}}')),
                    ],
                    model=f"fake:{SECRET}",
                    extra_headers={"x-tenant": HEADER, "x-other": SECRET},
                    extra_body={"key": SECRET},
                    options={"fake": {"key": SECRET}},
                    user=SECRET,
                    metadata={"key": SECRET},
                    tools=tools,
                )
    assert [record["outcome"] for record in lines_of(path)] == ["error", "error", "complete", "complete"]
    written = [path.read_bytes(), *(file.read_bytes() for file in tmp_path.glob("calls.db*"))]
    written += [capsys.readouterr().err.encode(), *(line.getMessage().encode() for line in log.lines)]
    written += [str(log.records).encode()]
    for data in written:
        for secret in (SECRET, HEADER, CONFIGURED, SECRET[9:]):
            assert secret.encode() not in data


def test_a_credential_that_a_server_quotes_is_in_no_record(tmp_path):
    pytest.importorskip("jackfield_openai")
    from scripted import Scripted, reply

    quoted = json.dumps({"error": {"message": f"Incorrect key: {CONFIGURED}", "code": CONFIGURED}})
    with Scripted([reply(quoted, 401, headers={"x-request-id": CONFIGURED})]) as server:
        table = {"base_url": server.url, "api_key": CONFIGURED}
        config = {"default": "openai:m", "providers": {"openai": table}}
        with heard() as log, jf.Client(config, middleware=logged(content=True)) as client:
            with pytest.raises(jf.errors.AuthenticationError):
                client.chat("x")
    assert [record["status"] for record in log.records] == [401, 401]
    assert CONFIGURED not in str(log.records)
    assert CONFIGURED not in str([line.getMessage() for line in log.lines])


def test_a_transport_s_reply_is_recorded_like_any_other():
    pytest.importorskip("jackfield_openai")
    testkit = pytest.importorskip("jackfield_testkit")
    body = {"id": "c1", "model": "m", "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}
    answer = HttpResponse(200, {"content-type": "application/json", "x-request-id": "r9"}, json.dumps(body).encode())
    config = {"default": "openai:m", "providers": {"openai": {"api_key": CONFIGURED}}}
    network = testkit.FunctionNetwork(lambda _: answer)
    with heard() as log, jf.Client(config, middleware=logged(), transport=network) as client:
        client.chat("x")
    assert (log.call["response_id"], log.call["request_id"], log.call["finish"]) == ("c1", "r9", "stop")


def test_hidden_names_are_compared_without_case_dashes_and_underscores():
    one = Redactor({}, ["api_key"])
    assert all(one.hidden(name) for name in ("api_key", "API-KEY", "apiKey"))
    assert not one.hidden("key")

"""What headers say of limits and of the request, as hosts were recorded to say it: never an error, whatever comes."""

import gzip
import json
import re

import pytest
from hypothesis import given, strategies as st
from wire_folder import beside

from jackfield.types import RateLimit
from jackfield_wire_openai.headers import rate_limit, request_id

NOW = "Tue, 07 Oct 2025 13:56:16 GMT"
IN_44_SECONDS = "1759845420"  # and it is a minute that begins
X = "x-ratelimit-{}"


def named(pattern, limit=None, remaining=None, reset=None):
    given_ = {"limit": limit, "remaining": remaining, "reset": reset}
    return {pattern.format(name): value for name, value in given_.items() if value is not None}


HOSTS = {
    "OpenAI": (
        named(X + "-requests", "5000", "4999", "12ms") | named(X + "-tokens", "160000", "159975", "1m6.779s"),
        RateLimit(5000, 4999, 0.012, 160000, 159975, 66.779),
    ),
    "OpenAI, with a limit of its project that is lower": (
        named(X + "-tokens", "180000000", "179999992", "0s")
        | named(X + "-project-tokens", "150000000", "149999212", "0s"),
        RateLimit(None, None, None, 150000000, 149999212, 0.0),
    ),
    "Groq": (
        named(X + "-requests", "14400", "14398", "1h27m50.4s") | named(X + "-tokens", "6000", "3407", "20.4s"),
        RateLimit(14400, 14398, 5270.4, 6000, 3407, 20.4),
    ),
    "Azure, with placeholders and no limit": (
        named(X + "-requests", "X-RATELIMIT-LIMIT-REQUESTS-XXX", "31", "500") | named(X + "-tokens", "-1", "-1", "0"),
        RateLimit(None, 31, 500.0, None, None, 0.0),
    ),
    "Cerebras": (
        {
            "x-ratelimit-limit-requests-day": "1440000",
            "x-ratelimit-remaining-requests-day": "1439972",
            "x-ratelimit-reset-requests-day": "24477.360426187515",
            "x-ratelimit-limit-tokens-minute": "1000000",
            "x-ratelimit-remaining-tokens-minute": "995153",
            "x-ratelimit-reset-tokens-minute": "0.032625675201416016",
        },
        RateLimit(1440000, 1439972, 24477.360426187515, 1000000, 995153, 0.032625675201416016),
    ),
    "Mistral": (
        {
            "x-ratelimit-limit-req-minute": "360",
            "x-ratelimit-remaining-req-minute": "352",
            "x-ratelimit-limit-tokens-minute": "5000000",
            "x-ratelimit-remaining-tokens-minute": "4996041",
            "x-ratelimit-tokens-query-cost": "2396",
        },
        RateLimit(360, 352, None, 5000000, 4996041, None),
    ),
    "Mistral, by size": (
        {
            "ratelimitbysize-limit": "2000000",
            "ratelimitbysize-query-cost": "32008",
            "ratelimitbysize-remaining": "1903986",
            "ratelimitbysize-reset": "54",
            "x-ratelimitbysize-limit-month": "10000000000",
            "x-ratelimitbysize-remaining-month": "9998719622",
        },
        RateLimit(None, None, None, 2000000, 1903986, 54.0),
    ),
    "Kong": (
        named("ratelimit-{}", "400", "398", "18") | {"x-ratelimit-limit-minute": "400"},
        RateLimit(400, 398, 18.0),
    ),
    "Hugging Face, of several periods the one with the least left": (
        {
            "x-ratelimit-remaining-requests-day": "2879997",
            "x-ratelimit-remaining-requests-hour": "119997",
            "x-ratelimit-remaining-requests-minute": "1997",
            "x-ratelimit-remaining-tokens-minute": "9223372036854767616",
        },
        RateLimit(None, 1997, None),
    ),
    "OpenRouter": (named(X, "20", "0", IN_44_SECONDS + "000") | {"date": NOW}, RateLimit(20, 0, 44.0)),
    "Together": (
        named(X, "30", "59", "2") | named(X + "-tokens", "3000", "3000") | {"x-ratelimit": "false"},
        RateLimit(30, 59, 2.0, 3000, 3000, None),
    ),
    "Anthropic": (
        named("anthropic-ratelimit-requests-{}", "50", "49", "2025-10-07T13:57:16Z")
        | named("anthropic-ratelimit-tokens-{}", "40000", "39000", "2025-10-07T13:56:46Z")
        | {"date": NOW},
        RateLimit(50, 49, 60.0, 40000, 39000, 30.0),
    ),
    "nothing": ({"content-type": "application/json", "x-ratelimit": "false"}, None),
    "nothing that can be read": (named(X, "many", "some", "soon"), None),
}


@pytest.mark.parametrize(("headers", "expected"), HOSTS.values(), ids=HOSTS)
def test_what_hosts_say_of_their_limits(headers, expected):
    assert rate_limit(headers) == expected


RESETS = {
    "6m0s": 360.0,
    "1s": 1.0,
    "20ms": 0.02,
    "1d2h3m4.5s": 93784.5,
    "500us": 0.0005,
    "5ns": 5e-9,
    "0": 0.0,
    "1.5": 1.5,
    " 7 ": 7.0,
    "2s, 6m0s": 360.0,
    "30, 60": 60.0,
    "30;w=60": 30.0,
    "[1s]": 1.0,
    IN_44_SECONDS: 44.0,
    IN_44_SECONDS + ".5": 44.5,
    IN_44_SECONDS + "000": 44.0,
    "2025-10-07T13:57:00Z": 44.0,
    "2025-10-07T13:57:00": 44.0,
    "2025-10-07T15:57:00+02:00": 44.0,
    "Tue, 07 Oct 2025 13:57:00 GMT": 44.0,
    "Tue, 07 Oct 2025 13:55:00 GMT": 0.0,
    "1759845000": 0.0,
    "": None,
    "-1": None,
    "-1s": None,
    "nan": None,
    "inf": None,
    "1e5": None,
    "9" * 30: None,
    "9" * 300: None,
    "9" * 12 + "h": None,
    "40000000": None,  # more than a year, and no date
    "1m2": None,
    "1 m": None,
    "m": None,
    "٣s": None,
    "soon": None,
    "X-RATELIMIT-RESET-TOKENS-XXX": None,
}


@pytest.mark.parametrize(("text", "seconds"), RESETS.items(), ids=RESETS)
def test_when_a_limit_is_whole_again(text, seconds):
    found = rate_limit(named(X + "-tokens", "1", "1", text) | {"date": NOW})
    assert found.tokens_reset == (None if seconds is None else pytest.approx(seconds))
    assert found.tokens_limit == 1


@pytest.mark.parametrize("text", [IN_44_SECONDS, "2025-10-07T13:57:00Z", "Tue, 07 Oct 2025 13:57:00 GMT"])
@pytest.mark.parametrize("date", [None, "", "today"])
def test_a_date_means_nothing_where_the_reply_does_not_say_what_time_it_is(text, date):
    headers = named(X + "-tokens", "1", "1", text) | ({} if date is None else {"date": date})
    assert rate_limit(headers) == RateLimit(None, None, None, 1, 1, None)


@pytest.mark.parametrize(
    ("text", "count"),
    [("5", 5), ("5.0", 5), ("100, 100;w=60", 100), ("7, 5", 5), ("0", 0), ("-1", None), ("many", None), ("", None),
     ("1e3", None), ("9" * 19, None), ("9" * 400, None), ("nan", None), ("inf", None)],
)  # fmt: skip
def test_how_many(text, count):
    found = rate_limit({"x-ratelimit-limit-requests": text, "x-ratelimit-remaining-requests": "1"})
    assert found == RateLimit(count, 1)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"x-request-id": "a", "cf-ray": "b"}, "a"),
        ({"apim-request-id": "a", "cf-ray": "b"}, "a"),
        ({"mistral-correlation-id": "a", "x-kong-request-id": "b"}, "a"),
        ({"x-request-id": " ", "request-id": "b"}, "b"),
        ({"cf-ray": "b"}, "b"),
        ({"x-amz-cf-id": "b"}, None),
        ({}, None),
    ],
)
def test_the_id_of_the_request(headers, found):
    assert request_id(headers) == found


names = st.sampled_from(
    ["x-ratelimit", "ratelimit", "anthropic-ratelimit", "x-ratelimitbysize", "date", "limit", "remaining", "reset",
     "requests", "tokens", "req", "minute", "day", "project"]
)  # fmt: skip
values = st.text(max_size=30) | st.from_regex(r"[0-9.,;:\-+TZdhmsunµ eE]{0,70}", fullmatch=True)
values |= st.datetimes().map(str) | st.floats().map(str) | st.integers().map(str)
headers = st.dictionaries(st.lists(names, min_size=1, max_size=4).map("-".join), values, max_size=8)


@given(headers, values)
def test_whatever_comes_is_a_limit_or_none(headers, date):
    for found in (rate_limit(headers), rate_limit(headers | {"date": date}), rate_limit(headers | {"date": NOW})):
        if found is None:
            continue
        for name in ("requests", "tokens"):
            for count in (getattr(found, f"{name}_limit"), getattr(found, f"{name}_remaining")):
                assert count is None or (type(count) is int and count >= 0)
            reset = getattr(found, f"{name}_reset")
            assert reset is None or (type(reset) is float and 0 <= reset <= 366 * 86400)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_duration_is_the_sum_of_its_pieces(hours, minutes, seconds, thousandths):
    text = f"{hours}h{minutes}m{seconds}.{thousandths:03}s"
    found = rate_limit({"x-ratelimit-reset-requests": text})
    assert found.requests_reset == pytest.approx(hours * 3600 + minutes * 60 + seconds + thousandths / 1000)


def test_the_headers_of_every_recording():
    path = beside("recordings.jsonl.gz")
    limited = identified = 0
    with gzip.open(path, "rt", encoding="utf-8") as rows:
        for row in map(json.loads, rows):
            headers = {name.lower(): value for name, value in row["response_headers"].items()}
            identified += request_id(headers) is not None
            found = rate_limit(headers)
            limited += found is not None
            for kind in ("requests", "tokens"):
                remaining = headers.get(f"x-ratelimit-remaining-{kind}", "")
                if remaining.isdecimal() and f"x-ratelimit-remaining-project-{kind}" not in headers:
                    assert getattr(found, f"{kind}_remaining") <= int(remaining), row["id"]
                reset = headers.get(f"x-ratelimit-reset-{kind}", "")
                if match := re.fullmatch(r"([0-9.]+)(m?)s", reset):
                    seconds = float(match[1]) * (0.001 if match[2] else 1)
                    assert getattr(found, f"{kind}_reset") == pytest.approx(seconds), row["id"]
    print(f"{limited} with limits, {identified} with an id")
    assert limited >= 428
    assert identified > 1500

"""Secrets stay in their place; base URLs are what they should be."""

import copy
import json
import pickle
import re
import traceback

import pytest
from hypothesis import given, strategies as st

from jackfield import Secret
from jackfield.errors import ConfigurationError
from jackfield.provider import Credential, Endpoint

KEY = "sk-0123456789abcdef"


def test_a_secret_shows_itself_to_nobody_who_does_not_ask():
    secret = Secret(KEY)
    endpoint = Endpoint.parse("https://api.example.com/v1", Credential(secret), {"x-key": KEY})
    for text in (
        repr(secret),
        str(secret),
        f"{secret!s:>40}",
        repr([secret]),
        repr(endpoint),
        repr(endpoint.credential),
    ):
        assert KEY not in text
    assert secret.reveal() == KEY
    for attempt in (pickle.dumps, json.dumps, lambda value: vars(value)):
        with pytest.raises(TypeError) as caught:
            attempt(secret)
        assert KEY not in "".join(traceback.format_exception(caught.value))
    assert copy.deepcopy(secret) is copy.copy(secret) is secret
    assert secret == Secret(KEY)
    assert secret != Secret("other")
    assert len({secret, Secret(KEY)}) == 1


@given(st.text())
def test_a_secret_is_what_a_header_can_carry_or_an_error_that_does_not_quote_it(text):
    good = bool(text) and all("!" <= char <= "~" for char in text)
    try:
        assert Secret(text).reveal() == text
        assert good
    except ConfigurationError as error:
        assert not good
        told = re.sub(r"\d+", "N", error.message)
        assert told in {
            "secret: expected a value, got an empty string",
            (
                "secret: character N of N is a space, a control character or not ASCII; "
                "was it pasted with a line break or quotes?"
            ),
        }


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("api.example.com", "expected one like 'https://host/v1'"),
        ("ftp://x/v1", "expected one like 'https://host/v1'"),
        ("https://", "expected one like 'https://host/v1'"),
        ("https://user:pw@host:abc/v1", "user name or password is refused"),
        ("https://user:pw@host/v1", "user name or password is refused"),
        ("https://host/v1?key=1", "must not have a query"),
        ("https://host/v1#x", "must not have a query"),
        ("https://host/a b", "must not have a query, a fragment or white space"),
        ("https://host/v1\r\nx: y", ""),
        ("https://host:99999/v1", "not a valid URL"),
        ("https://höst/v1", "not a valid URL"),
        ("https://[::1/v1", "not a valid URL"),
    ],
)
def test_a_base_url_that_is_none(url, says):
    with pytest.raises(ConfigurationError) as caught:
        Endpoint.parse(url, name="providers.x.base_url")
    assert says in str(caught.value)
    assert str(caught.value).startswith("providers.x.base_url: ")
    assert len(url) < 10 or url not in str(caught.value)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "origin", "path", "loopback"),
    [
        ("https://api.example.com/v1/", "https://api.example.com:443", "/v1", False),
        ("http://LOCALHOST:8080", "http://localhost:8080", "", True),
        ("http://127.0.0.1/v1", "http://127.0.0.1:80", "/v1", True),
        ("http://[::1]:1234/v1", "http://[::1]:1234", "/v1", True),
        ("http://127.evil.example/v1", "http://127.evil.example:80", "/v1", False),
    ],
)
def test_a_base_url_is_taken_apart(url, origin, path, loopback):
    endpoint = Endpoint.parse(url)
    assert (endpoint.origin, endpoint.path, endpoint.loopback) == (origin, path, loopback)

"""A request is held against the recorded one: what differs is told, and what means nothing is not."""

import pytest
from faces import run
from lines import options
from taped import Far, asking, exchange, played

from jackfield.errors import ConfigurationError
from jackfield.http import HttpRequest
from jackfield_testkit.cassettes import Cassette, CassetteError, CassetteSession, Replay, Scrub


def refused(cassette, *requests, match="order", scrub=None, **more):
    """What is said of requests that are not the recorded ones."""
    replay = Replay(Cassette(cassette), match=match, scrub=scrub)
    with pytest.raises(CassetteError) as caught:
        run("sync", lambda client: client.chat("x"), transport=replay, **options(Far, steps=asking(*requests), **more))
    assert caught.value.retryable is False
    assert replay.problems[0] in str(caught.value)
    with pytest.raises(CassetteError) as again:
        replay.check()
    assert str(again.value) == "\n".join(replay.problems)
    return replay.problems[0].splitlines()


BODY = (
    b'{"model": "m", "n": 1, "stream": false, "messages": [{"role": "user", "content": "Hello there, how are you?"}]}'
)


def test_a_difference_is_shown_where_it_is():
    other = BODY.replace(b"how are", b"who are").replace(b'"n": 1', b'"n": 2, "x": [1]').replace(b"false", b"0")
    lines = refused([exchange(body=BODY)], HttpRequest("POST", "/chat", {}, other))
    assert lines == [
        "cassette: exchange 1 is not what was asked, POST https://far.test:443/v1/chat:",
        "  body.n: recorded 1, asked 2",
        "  body.stream: recorded false, asked 0",
        '  body.messages[0].content: recorded "Hello there, how are you?", asked "Hello there, who are you?"',
        "  body.x: not recorded, asked [1]",
        "(to record anew: pytest --jackfield-record=rewrite)",
    ]


@pytest.mark.parametrize(
    ("recorded", "asked", "told"),
    [
        (exchange("GET"), HttpRequest("PUT", "/chat"), 'method: recorded "GET", asked "PUT"'),
        (exchange(path="/v1/other"), HttpRequest("POST", "/chat"), 'path: recorded "/v1/other", asked "/v1/chat"'),
        (
            exchange(origin="https://near.test:443"),
            HttpRequest("POST", "/chat"),
            'origin: recorded "https://near.test:443", asked "https://far.test:443"',
        ),
        (exchange(accept="a"), HttpRequest("POST", "/chat", {"accept": "b"}), 'header accept: recorded "a", asked "b"'),
        (exchange(accept="a"), HttpRequest("POST", "/chat"), 'header accept: recorded "a", asked nothing'),
        (exchange(), HttpRequest("POST", "/chat", {"accept": "b"}), 'header accept: recorded nothing, asked "b"'),
        (exchange(body=b"plain"), HttpRequest("POST", "/chat", {}, b"plane"), 'body: recorded "plain", asked "plane"'),
        (exchange(body=b"[1]"), HttpRequest("POST", "/chat", {}, b"\xff"), r'body: recorded "[1]", asked "\\xff"'),
        (exchange(body=b"[1, 2]"), HttpRequest("POST", "/chat", {}, b"[1]"), "body: recorded 2 items, asked 1"),
        (exchange(body=b"[1, 2]"), HttpRequest("POST", "/chat", {}, b"[1, true]"), "body[1]: recorded 2, asked true"),
        (exchange(body=b'{"a":null}'), HttpRequest("POST", "/chat", {}, b"{}"), "body.a: recorded null, not asked"),
        (
            exchange(body=b"a" * 200 + b"b" * 100),
            HttpRequest("POST", "/chat", {}, b"a" * 200 + b"c" * 100),
            f'body: recorded "...{"a" * 20}{"b" * 40}"..., asked "...{"a" * 20}{"c" * 40}"...'.replace(
                '"...a', '..."a'
            ),
        ),
    ],
)
def test_each_part_of_a_request_counts(recorded, asked, told):
    assert refused([recorded], asked)[1:-1] == [f"  {told}"]


def test_no_difference_that_means_nothing_counts():
    headers = {
        "user-agent": "jackfield/9",
        "idempotency-key": "abc",
        "x-api-key": "another-key-1234",
        "traceparent": "x",
    }
    asked = HttpRequest("POST", "/chat", headers, b'{ "b" : 2.0, "a":[1]}')
    told = exchange(body=b'{"a":[1],"b":2}', x_api_key="SCRUBBED", authorization="SCRUBBED", idempotency_key="xyz")
    assert played("sync", Cassette([told]), steps=asking(asked)).text == "1"


def test_servers_on_this_machine_are_alike():
    class Near:
        url = "http://127.0.0.1:4321/v1"

    told = exchange(origin="http://localhost:80")
    replay = Replay(Cassette([told]))
    given = options(Near, steps=asking(HttpRequest("POST", "/chat")))
    assert run("sync", lambda client: client.chat("x"), transport=replay, **given).text == "1"


def test_of_very_many_differences_the_first_are_shown():
    body = b'{"many": [0,0,0,0,0,0,0,0,0,0,0,0,0]}'
    lines = refused([exchange(body=body)], HttpRequest("POST", "/chat", {}, body.replace(b"0", b"1")))
    assert lines[-2] == "  and 3 more"
    assert len(lines) == 13


def test_what_is_scrubbed_is_compared_as_it_was_written():
    secret = "tenant-blue"
    scrub = Scrub(patterns=[r"tenant-\w+"])
    told = scrub.exchange(exchange(path=f"/v1/chat?t={secret}", body=b'{"t": "tenant-blue"}', x_t=secret))
    asked = HttpRequest("POST", "/chat?t=tenant-red", {"x-t": "tenant-green"}, b'{"t": "tenant-grey"}')
    replay = Replay(Cassette([told]), scrub=scrub)
    given = options(Far, steps=asking(asked))
    assert run("sync", lambda client: client.chat("x"), transport=replay, **given).text == "1"
    lines = refused([told], asked)
    assert [line.split(":")[0] for line in lines[1:-1]] == ["  path", "  body.t"]


def test_the_order_counts_unless_any_will_do():
    first, second = exchange(path="/v1/a", told=b"1"), exchange(path="/v1/b", told=b"2")
    asked = (HttpRequest("POST", "/b"), HttpRequest("POST", "/a"))
    assert 'path: recorded "/v1/a", asked "/v1/b"' in refused([first, second], *asked)[1]
    assert played("sync", Cassette([first, second]), match="any", steps=asking(*asked)).text == "1"
    lines = refused([first, second], HttpRequest("POST", "/c"), match="any")
    assert lines[0].endswith("none of those left is what was asked, POST https://far.test:443/v1/c, the nearest by:")
    twice = [exchange(told=b"1"), exchange(told=b"2")]
    assert played("sync", Cassette(twice), match="any", steps=asking(*[HttpRequest("POST", "/chat")] * 2)).text == "2"


def test_what_is_asked_once_too_often_and_what_is_not_asked(tmp_path):
    asked = HttpRequest("POST", "/chat")
    lines = refused([exchange()], asked, asked)
    assert lines[0] == "cassette: all 1 exchanges were played, and another was asked: POST https://far.test:443/v1/chat"
    path = Cassette([exchange(), exchange(path="/v1/b"), exchange(path="/v1/c")]).save(tmp_path / "one.json")
    replay = Replay(path)
    run("sync", lambda client: client.chat("x"), transport=replay, **options(Far, steps=asking(asked)))
    assert [one.request.path for one in replay.unplayed] == ["/v1/b", "/v1/c"]
    with pytest.raises(CassetteError) as caught:
        replay.check()
    assert str(caught.value).splitlines() == [
        f"{path}: not played:",
        "  POST https://far.test:443/v1/b",
        "  POST https://far.test:443/v1/c",
        "(to record anew: pytest --jackfield-record=rewrite)",
    ]


def test_a_wrong_match_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="match: expected one of order, any, got 'some'"):
        Replay(Cassette(), match="some")
    with pytest.raises(ConfigurationError, match="match: expected one of order, any, got 'some'"):
        CassetteSession(tmp_path / "x.json", "once", match="some", scrub=Scrub())
    with pytest.raises(ConfigurationError, match="mode: expected one of replay, once, rewrite, got 'never'"):
        CassetteSession(tmp_path / "x.json", "never", scrub=Scrub())

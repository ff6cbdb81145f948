"""Recording and replaying, in every colour, over a network that is a function or a script."""

from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from faces import COLOURS, run
from lines import STOP, options

from jackfield import Client, Secret
from jackfield.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectTimeoutError,
    DeadlineError,
    ReadTimeoutError,
    StreamInterruptedError,
    TruncatedStreamError,
)
from jackfield.http import HttpRequest, HttpResponse
from jackfield.provider import Credential, JsonReply
from jackfield.runtime import Network, Reply
from jackfield.types import TextDelta
from jackfield_testkit import Answer, FunctionNetwork, Simulation
from jackfield_testkit.cassettes import (
    Cassette,
    CassetteError,
    CassetteSession,
    RecordedExchange,
    Recorder,
    Replay,
    Scrub,
)

KEY = "key-0123456789abcdef"
LINES = HttpResponse(200, {"date": "today", "content-encoding": "gzip", "x-request-id": "r1"}, b"a\nb\n.\n")


class Far:
    url = "https://far.test/v1"


class Over:
    """A recorder over a network of the test's own, in the place of the engine."""

    def __init__(self, recorder, network):
        self.recorder, self.network = recorder, network

    def wrap(self, _):
        return self.recorder.wrap(self.network)


class Pieces(Network):
    """Gives each reply in its pieces; an error among them is raised."""

    name = "pieces"

    def __init__(self, *pieces, status=200):
        self.pieces, self.status, self.closed = pieces, status, 0

    async def send(self, target, request, limits, control, *, repeatable):
        return Piecemeal(self.pieces, self.status)

    async def aclose(self):
        self.closed += 1


class Piecemeal(Reply):
    def __init__(self, pieces, status):
        self.status, self.headers, self._pieces = status, {}, iter(pieces)

    async def read(self):
        piece = next(self._pieces, None)
        if isinstance(piece, BaseException):
            raise piece
        return piece

    async def drain(self):
        pass

    async def aclose(self):
        pass


def recorded(colour, network, body=lambda client: client.chat("x"), **more):
    """What a recorder has after this."""
    recorder = Recorder()
    run(colour, body, transport=Over(recorder, network), **options(Far, **more))
    return recorder.cassette()


def played(colour, cassette, body=lambda client: client.chat("x"), match="order", **more):
    replay = Replay(cassette, match=match)
    try:
        return run(colour, body, transport=replay, **options(Far, **more))
    finally:
        replay.check()


async def texts(client):
    async with client.stream("x") as stream:
        return [event.text async for event in stream if isinstance(event, TextDelta)]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("back", COLOURS)
def test_what_one_client_records_each_can_replay(colour, back, tmp_path):
    network = Pieces(b"a\nb", b"c\n", b".\n")
    path = recorded(colour, network, texts, credential=Credential(Secret(KEY))).save(tmp_path / "one.json")
    assert network.closed == 1
    assert KEY not in path.read_text()
    cassette = Cassette.load(path)
    (one,) = cassette.exchanges
    assert one.request == HttpRequest(
        "POST",
        "/v1/chat",
        {"accept": "application/json", "content-type": "application/json"},
        '{"hello":"wörld"}'.encode(),
        origin="https://far.test:443",
    )
    assert (one.status, one.pieces, one.fault) == (200, (b"a\nb", b"c\n", b".\n"), None)
    assert played(back, path, texts) == ["a", "bc"]
    assert played(back, cassette, lambda client: client.chat("x")).text == "abc"


@pytest.mark.parametrize("colour", COLOURS)
def test_heads_are_kept_but_for_what_belongs_to_a_connection(colour):
    cassette = recorded(colour, FunctionNetwork(lambda _: LINES))
    assert cassette.exchanges[0].headers == {"x-request-id": "r1"}


@pytest.mark.parametrize("colour", COLOURS)
def test_refusals_are_recorded_with_their_bodies(colour):
    def refuse(request):
        return HttpResponse(401, {"set-cookie": "a=b"}, f'{{"error": "not {KEY}"}}'.encode())

    def asks(client):
        return client.chat("x")

    recorder = Recorder()
    with pytest.raises(AuthenticationError):
        given = options(Far, credential=Credential(Secret(KEY)))
        run(colour, asks, transport=Over(recorder, FunctionNetwork(refuse)), **given)
    cassette = recorder.cassette()
    assert KEY not in str(cassette)
    assert '"set-cookie": "SCRUBBED"' in str(cassette)
    assert '"error": "not SCRUBBED"' in str(cassette)
    with pytest.raises(AuthenticationError, match="not SCRUBBED"):
        played(colour, cassette)


@pytest.mark.parametrize("colour", COLOURS)
def test_what_one_reply_quotes_of_another_call_is_scrubbed_too(colour):
    recorder = Recorder()
    for key, text in ((KEY, "x"), ("key-fedcba9876543210", KEY)):
        network = FunctionNetwork(lambda _, text=text: HttpResponse(200, {}, f"{text}\n.\n".encode()))
        given = options(Far, credential=Credential(Secret(key)))
        run(colour, lambda client: client.chat("x"), transport=Over(recorder, network), **given)
    assert KEY not in str(recorder.cassette())


@pytest.mark.parametrize("colour", COLOURS)
def test_an_exchange_of_several_requests(colour):
    def steps(provider, call):
        first = yield HttpRequest("GET", "/first", read=True)
        last = yield provider.post("/last", {"n": 1})
        return JsonReply(last, lambda body: [TextDelta(f"{first.body}{body}"), STOP])

    bodies = {"/v1/first": b"1", "/v1/last": b"3"}
    network = FunctionNetwork(lambda request: HttpResponse(200, body=bodies[request.path]))
    cassette = recorded(colour, network, steps=steps)
    assert [one.request.path for one in cassette.exchanges] == ["/v1/first", "/v1/last"]
    assert played(colour, cassette, steps=steps).text == "b'1'3"


# --- ends that are none ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("error", "fault", "raised"),
    [
        (StreamInterruptedError("broke"), "reset", StreamInterruptedError),
        (ReadTimeoutError("silence"), "stall", ReadTimeoutError),
        (DeadlineError("late"), "deadline", DeadlineError),
        (TruncatedStreamError("gzip"), "truncated", TruncatedStreamError),
    ],
)
def test_faults_inside_a_reply(colour, error, fault, raised):
    recorder = Recorder()
    with pytest.raises(raised):
        run(colour, texts, transport=Over(recorder, Pieces(b"a\n", error)), **options(Far))
    cassette = recorder.cassette()
    assert [(one.pieces, one.fault) for one in cassette.exchanges] == [((b"a\n",), fault)]
    with pytest.raises(raised, match="recorded") as caught:
        played(colour, cassette, texts)
    assert caught.value.partial.text == "a"


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("error", "fault", "sent"),
    [
        (ConnectionFailedError("refused"), "refused", False),
        (ConnectionFailedError("lost"), "lost", True),
        (ConnectTimeoutError("nobody"), "unreachable", False),
        (ReadTimeoutError("silence"), "silent", True),
        (DeadlineError("late"), "deadline", True),
    ],
)
def test_faults_before_a_reply(colour, error, fault, sent):
    error.sent = sent

    def fail(request):
        raise error

    recorder = Recorder()
    with pytest.raises(type(error)):
        run(colour, texts, transport=Over(recorder, FunctionNetwork(fail)), **options(Far))
    cassette = recorder.cassette()
    assert [(one.status, one.pieces, one.fault) for one in cassette.exchanges] == [(0, (), fault)]
    with pytest.raises(type(error), match="recorded") as caught:
        played(colour, cassette)
    assert caught.value.sent is sent


def test_what_was_never_sent_is_not_recorded():
    def fail(request):
        raise ConfigurationError("no")

    recorder = Recorder()
    with pytest.raises(ConfigurationError):
        run("sync", texts, transport=Over(recorder, FunctionNetwork(fail)), **options(Far))
    assert recorder.cassette().exchanges == []


@pytest.mark.parametrize("colour", COLOURS)
def test_a_stream_that_is_left_early_keeps_what_was_read(colour):
    async def first(client):
        async with client.stream("x") as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    return event.text
        return None

    cassette = recorded(colour, Pieces(b"a\n", b"b\n", b".\n"), first)
    (one,) = cassette.exchanges
    assert (one.pieces, one.fault) == ((b"a\n",), "left")
    assert played(colour, cassette, first) == "a"
    with pytest.raises(
        CassetteError, match="was left inside the reply when it was recorded: nothing is known of the rest"
    ):
        played(colour, cassette, texts)


def test_what_is_still_under_way_is_marked():
    recorder = Recorder()
    with Client(transport=Over(recorder, Pieces(b"a\n", b".\n")), **options(Far)) as client:
        stream = client.stream("x")
        next(stream)
        next(stream)
        assert recorder.cassette().exchanges[0].fault == "left"
        assert [event.text for event in stream if isinstance(event, TextDelta)] == []
        assert recorder.cassette().exchanges[0].fault is None


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("begun", [False, True])
def test_a_cancelled_call_keeps_what_was_read(backend, begun):
    async def for_ever(*_):
        await anyio.sleep_forever()

    class Silent(Piecemeal):
        async def read(self):
            return await super().read() or await anyio.sleep_forever()

    class Slow(Pieces):
        async def send(self, *args, **more):
            return Silent([b"a\n"], 200)

    network = Slow() if begun else FunctionNetwork(for_ever)
    recorder = Recorder()

    async def body(client):
        with anyio.move_on_after(0.05):
            await client.chat("x")

    run(backend, body, transport=Over(recorder, network), **options(Far))
    cassette = recorder.cassette()
    (one,) = cassette.exchanges
    assert (one.status, one.pieces, one.fault) == ((200, (b"a\n",), "left") if begun else (0, (), "left"))
    where = "inside the" if begun else "before a"
    with pytest.raises(CassetteError, match=f"POST https://far.test:443/v1/chat was left {where} reply"):
        played(backend, cassette)


def test_a_simulated_network_can_be_recorded():
    simulation = Simulation([Answer(body=[b"a\n", 30.0, b".\n"]), Answer(fault="silent")])
    recorder = Recorder()
    simulation.network = recorder.wrap(simulation.network)
    client = simulation.client(**options(Far))
    assert simulation.run(client.chat("x")).text == "a"
    with pytest.raises(DeadlineError):
        simulation.run(client.chat("x", timeout=5))
    cassette = recorder.cassette()
    assert [(one.pieces, one.fault) for one in cassette.exchanges] == [((b"a\n", b".\n"), None), ((), "deadline")]


# --- requests that differ -------------------------------------------------------------------------------------


def asking(*requests):
    """Each is a request of one call; the reply is its text."""

    def steps(provider, call):
        for request in requests:
            head = yield request
        return JsonReply(head, lambda body: [TextDelta(str(body)), STOP])

    return steps


def exchange(method="POST", path="/v1/chat", body=b"", status=200, told=b"1", origin="https://far.test:443", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return RecordedExchange(HttpRequest(method, path, names, body, origin=origin), status, {}, (told,))


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


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_requests_at_once(backend):
    class Numbers:
        def __init__(self):
            self.left = iter(range(100))

        def __call__(self, provider, call):
            head = yield HttpRequest("POST", "/chat", {}, call.request.messages[-1].text.encode())
            return JsonReply(head, lambda body: [TextDelta(str(body)), STOP])

    async def later(request):
        await anyio.sleep(0.001 * (10 - int(request.body)))
        return HttpResponse(200, {}, str(int(request.body) * 10).encode())

    async def many(client):
        found = {}

        async def one(number):
            found[number] = (await client.chat(str(number))).text

        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(one, number)
        return found

    cassette = recorded(backend, FunctionNetwork(later), many, steps=Numbers())
    assert sorted(one.request.body for one in cassette.exchanges) == [str(number).encode() for number in range(10)]
    assert all(one.body == str(int(one.request.body) * 10).encode() for one in cassette.exchanges)
    expected = {number: str(number * 10) for number in range(10)}
    assert played(backend, cassette, many, match="any", steps=Numbers()) == expected


def test_threads_share_a_recorder_and_a_replay():
    def steps(provider, call):
        head = yield HttpRequest("POST", "/chat", {}, call.request.messages[-1].text.encode())
        return JsonReply(head, lambda body: [TextDelta(str(body)), STOP])

    def many(transport):
        with Client(transport=transport, **options(Far, steps=steps)) as client, ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda number: client.chat(str(number)).text, range(40)))

    recorder = Recorder()
    live = many(Over(recorder, FunctionNetwork(lambda request: HttpResponse(200, {}, request.body + b"0"))))
    assert live == [f"{number}0" for number in range(40)]
    replay = Replay(recorder.cassette(), match="any")
    assert many(replay) == live
    replay.check()


# --- a session ------------------------------------------------------------------------------------------------


def session(path, mode, answer=lambda request: LINES):
    made = CassetteSession(path, mode, scrub=Scrub())
    if made.recording:
        made._network.wrap = lambda _, wrap=made._network.wrap: wrap(FunctionNetwork(answer))
    return made


def test_modes(tmp_path):
    path = tmp_path / "deep" / "one.json"
    with pytest.raises(CassetteError, match="one.json: there is no such cassette; .* pytest --jackfield-record=once"):
        session(path, "replay")
    unused = session(path, "once")
    unused.finish()
    assert not path.exists()
    for mode, recording in (("once", True), ("once", False), ("replay", False), ("rewrite", True)):
        made = session(path, mode)
        assert made.recording is recording
        client = made.client(**options(Far))
        assert client.chat("x").text == "ab"
        made.finish()
        with pytest.raises(Exception, match="closed"):
            client.chat("x")
        assert len(Cassette.load(path).exchanges) == 1
    made = session(path, "rewrite")
    made.finish()
    assert len(Cassette.load(path).exchanges) == 1
    made = session(path, "replay")
    with pytest.raises(CassetteError, match="not played"):
        made.finish()


def test_a_key_is_needed_to_record_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAR_API_KEY", raising=False)
    made = session(tmp_path / "one.json", "once")
    with pytest.raises(CassetteError, match="FAR_API_KEY is not set, which recording .*one.json needs"):
        made.key("FAR_API_KEY")
    (tmp_path / ".env.local").write_text(f"FAR_API_KEY={KEY}\n")
    assert made.key("FAR_API_KEY") == KEY
    Cassette([]).save(made.path)
    assert KEY != session(made.path, "once").key("FAR_API_KEY") != ""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_session_serves_both_kinds_of_client(backend, tmp_path):
    async def main(made):
        async with made.async_client(**options(Far)) as client:
            return (await client.chat("x")).text

    for mode in ("rewrite", "replay"):
        made = session(tmp_path / "one.json", mode)
        assert anyio.run(main, made, backend=backend) == "ab"
        with Client(transport=made.transport, **options(Far)) as client:
            assert client.chat("x").text == "ab"
        made.finish()

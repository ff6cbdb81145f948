"""Recording and replaying, in every colour, over a network that is a function or a script."""

from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from faces import COLOURS, run
from lines import STOP, options
from taped import Far, Over, Piecemeal, Pieces, played

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
from jackfield.types import TextDelta
from jackfield_testkit import Answer, FunctionNetwork, Simulation
from jackfield_testkit.cassettes import Cassette, CassetteError, CassetteSession, Recorder, Replay, Scrub

KEY = "key-0123456789abcdef"
LINES = HttpResponse(200, {"date": "today", "content-encoding": "gzip", "x-request-id": "r1"}, b"a\nb\n.\n")


def recorded(colour, network, body=lambda client: client.chat("x"), **more):
    """What a recorder has after this."""
    recorder = Recorder()
    run(colour, body, transport=Over(recorder, network), **options(Far, **more))
    return recorder.cassette()


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
    live = many(Over(recorder, FunctionNetwork(lambda request: HttpResponse(200, {}, b"1" + request.body))))
    assert live == [f"1{number}" for number in range(40)]
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

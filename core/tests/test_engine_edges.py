"""What happens at the edges of the engine: one call's end beside another's work, bounds, broken errors, keys."""

import asyncio
import gzip
import sys
import threading
import time
import traceback

import anyio
import pytest
from faces import COLOURS, run
from fakes import Player, hello, playing
from lines import STOP, WHOLE, chat, lines, options
from scripted import CLOSE, HOLD, Scripted, part, reply, stream_head

from jackfield import AsyncClient, Client, Slot
from jackfield.errors import (
    AuthenticationError,
    ConnectionFailedError,
    DeadlineError,
    JackfieldError,
    MalformedReplyError,
    PluginError,
    ServerError,
    StreamStateError,
)
from jackfield.http import HttpRequest
from jackfield.provider import Credential, JsonReply, Secret
from jackfield.types import TextDelta

KEY = "sk-0123456789abcdef"


class Busy:
    """Goes on working after the reply is over, so that its stream is still being read."""

    slot = Slot.OBSERVE

    def __init__(self):
        self.working = threading.Event()

    async def __call__(self, call, proceed):
        async for event in proceed(call):
            yield event
        if call.alias == "slow":
            self.working.set()
            await call.runtime.run(time.sleep, 0.4)


def test_closing_one_stream_leaves_the_connection_that_another_call_uses():
    busy = Busy()
    models = {"slow": "fake:m", "quick": "fake:m"}
    slow_reply = [*lines("a"), 0.6, part(b".\n"), part(b"")]
    with Scripted(lambda _: WHOLE if len(server.requests) == 1 else slow_reply) as server:
        with Client(middleware=[busy], **options(server, models=models)) as client:
            first = client.stream("x", model="slow")
            reader = threading.Thread(target=lambda: list(first))
            reader.start()
            busy.working.wait()
            texts = []
            second = threading.Thread(target=lambda: texts.append(client.chat("x", model="quick").text))
            second.start()
            time.sleep(0.1)
            first.close()
            reader.join()
            second.join()
        assert texts == ["a"]
        assert (server.accepted, len(server.requests)) == (1, 2)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    "steps",
    [[reply("{}", headers={"content-encoding": "br"})], [reply("", 200, headers={"content-encoding": "zstd"}) + b"x"]],
)
def test_a_reply_that_can_not_be_unpacked_gives_its_connection_back(colour, steps):
    async def body(client):
        for _ in range(3):
            with pytest.raises(MalformedReplyError):
                await client.chat("x")

    with Scripted(steps) as server:
        run(colour, body, **options(server))
        assert server.settled(0)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    "steps",
    [
        [reply("no", 401, headers={"content-encoding": "br"})],
        [reply("no such key", 401)[:-4], CLOSE],
        [reply(gzip.compress(b"no")[:-4], 401, headers={"content-encoding": "gzip"})],
    ],
)
def test_an_error_whose_body_is_broken_keeps_its_status(colour, steps):
    with Scripted(steps) as server, pytest.raises(AuthenticationError) as caught:
        chat(colour, server)
    assert caught.value.status == 401
    assert caught.value.partial is None


@pytest.mark.parametrize("colour", COLOURS)
def test_nothing_at_all_is_good_gzip(colour):
    def steps(provider, call):
        head = yield HttpRequest("POST", "/", read=True)
        yield HttpRequest("POST", "/")
        return JsonReply(head, lambda body: [TextDelta(repr(head.body)), STOP])

    replies = iter([reply(b"", headers={"content-encoding": "gzip"}), reply("{}")])
    with Scripted(lambda request: [next(replies)]) as server:
        assert run(colour, lambda client: client.chat("x"), **options(server, steps=steps)).text == "b''"


def test_gzip_may_have_several_members_and_nothing_behind_them():
    halves = gzip.compress(b'{"text": ') + gzip.compress(b'"hi"}')
    with Scripted([reply(halves, headers={"content-encoding": "gzip"})]) as server:
        assert chat("sync", server).text == "hi"
    padded = gzip.compress(b"{}") + b"\0" * 20_000_000
    with Scripted([reply(padded, headers={"content-encoding": "gzip"})]) as server:
        with pytest.raises(MalformedReplyError, match="goes on after its gzip encoding"):
            chat("sync", server)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_server_that_drips_after_the_marker_does_not_hold_the_call(colour):
    drip = [step for _ in range(400) for step in (part(b": x\n"), 0.02)]
    with Scripted([*lines("a", "."), *drip]) as server:
        begun = time.monotonic()
        assert chat(colour, server).text == "a"
        assert time.monotonic() - begun < 4


@pytest.mark.parametrize("colour", COLOURS)
def test_a_deadline_holds_while_a_request_is_sent(colour):
    def steps(provider, call):
        head = yield HttpRequest("POST", "/", body=b"x" * 50_000_000)
        return JsonReply(head, lambda body: [TextDelta("x"), STOP])

    with Scripted([HOLD]) as server:
        server.slow = 0.05  # between two reads of a request
        begun = time.monotonic()
        with pytest.raises(DeadlineError):
            run(colour, lambda client: client.chat("x", timeout=0.3), **options(server, steps=steps))
        assert time.monotonic() - begun < 3


def test_a_client_that_is_closed_wakes_its_readers_and_stays_closed():
    with Scripted([*lines("a"), HOLD]) as server:
        client = Client(**options(server))
        stream = client.stream("x")
        next(stream)
        threading.Timer(0.1, client.close).start()
        begun = time.monotonic()
        with pytest.raises(StreamStateError, match="the client was closed under this call"):
            list(stream)
        assert time.monotonic() - begun < 20
        with pytest.raises(StreamStateError, match="the client is closed"):
            client.chat("x")
        assert server.settled(0)
    assert len(server.requests) == 1


class Failing:
    slot = Slot.OBSERVE

    async def __call__(self, call, proceed):
        try:
            async for event in proceed(call):
                yield event
        finally:
            raise ZeroDivisionError


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_dropped_stream_whose_clean_up_fails_does_not_take_the_loop_down(backend):
    async def body(client):
        with pytest.warns(ResourceWarning) as caught:
            stream = client.stream("x")
            await stream.__anext__()
            del stream
            await anyio.sleep(0.05)
        assert any("closing a dropped stream failed: ZeroDivisionError" in str(one.message) for one in caught)

    run(backend, body, middleware=[Failing()], **playing(Player(hello())))


def test_a_dropped_stream_whose_clean_up_fails_says_so_in_sync():
    stream = Client(middleware=[Failing()], **playing(Player(hello()))).stream("x")
    next(stream)
    with pytest.warns(ResourceWarning, match="closing a dropped stream failed: ZeroDivisionError"):
        del stream


def test_a_stream_that_is_dropped_inside_a_step_is_closed_when_the_step_is_over():
    dropped = []
    player = Player(hello("a", "b"))
    client = Client(**playing(player))

    def drop(call):
        dropped.clear()  # the finaliser runs here, in the middle of another call's step
        return seen.append(player.closed)

    seen = []
    dropped.append(client.stream("x"))
    next(dropped[0])
    player.scripts = [[drop, *hello("c")]]
    assert client.chat("x").text == "c"
    assert seen == [0]
    assert player.closed == 2


@pytest.mark.parametrize("colour", COLOURS)
def test_a_middleware_that_gives_no_event_leaves_nothing_open(colour):
    async def layer(call, proceed):
        async for _ in proceed(call):
            yield 5

    layer.slot = Slot.OBSERVE

    async def body(client):
        stream = client.stream("x")
        with pytest.raises(PluginError):
            await stream.__anext__()
        assert server.settled(0)

    with Scripted([*lines("a"), HOLD]) as server:
        run(colour, body, middleware=[layer], **options(server))


def test_one_cancellation_in_the_middle_of_closing_does_not_cut_it():
    async def body(client):
        for delay in range(12):
            task = asyncio.ensure_future(client.chat("x"))
            await asyncio.sleep(0.02)
            task.cancel()
            for _ in range(delay):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        pools = client._dispatcher.runtime.network._pools.values()
        if sys.modules.get("httpcore2") and client.engine == "httpx2":
            assert [pool._pool.connections for pool in pools] == [[]]
        assert len(asyncio.all_tasks()) == 1

    with Scripted([*lines("a"), HOLD]) as server:
        run("asyncio", body, **options(server))
        assert server.settled(0)


def shown(error):
    """Everything that a report of an error could show, the variables of each frame included."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(told.format()) + repr(error.__dict__)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    "steps", [[CLOSE], [HOLD], [reply("nope", 500)], [*lines("a"), CLOSE], [b"junk\r\n\r\n", CLOSE]]
)
def test_no_key_in_any_frame_of_an_error(colour, steps):
    credential = Credential(Secret(KEY))
    with (
        Scripted(steps) as server,
        pytest.raises((ConnectionFailedError, ServerError, DeadlineError, JackfieldError)) as caught,
    ):
        run(colour, lambda client: client.chat("x", timeout=0.3), **options(server, credential=credential))
    assert KEY not in shown(caught.value)
    assert KEY.encode() in server.requests[0]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_key_that_is_quoted_inside_a_reply_does_not_leak(colour):
    def steps(provider, call):
        head = yield provider.post("/chat", {})

        def read(body):
            raise AuthenticationError(f"bad: {body['error']}", body={"all": [body]})

        return JsonReply(head, read)

    with (
        Scripted([reply(f'{{"error": "key {KEY} is unknown"}}')]) as server,
        pytest.raises(AuthenticationError) as caught,
    ):
        chat(colour, server, credential=Credential(Secret(KEY)), steps=steps)
    assert str(caught.value) == "fake:m: bad: key *** is unknown"
    assert caught.value.body == {"all": [{"error": "key *** is unknown"}]}


def test_a_stream_head_alone_is_no_reply():
    with Scripted([stream_head(), part(b"")]) as server, pytest.raises(JackfieldError) as caught:
        chat("sync", server)
    assert caught.value.partial is None


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_client_that_is_closed_under_a_call_says_so(backend):
    async def main():
        client = AsyncClient(**options(server))
        async with anyio.create_task_group() as group:

            async def closing():
                await anyio.sleep(0.1)
                await client.aclose()

            group.start_soon(closing)
            with pytest.raises(StreamStateError, match="the client was closed under this call"):
                await client.chat("x")

    with Scripted([*lines("a"), HOLD]) as server:
        anyio.run(main, backend=backend)

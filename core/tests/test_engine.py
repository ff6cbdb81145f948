"""The engine against a real server on loopback that misbehaves on purpose."""

import asyncio
import gzip
import sys
import threading
import time
import tracemalloc

import anyio
import pytest
from attrs import evolve
from faces import COLOURS, run
from lines import ENGINE, STOP, WHOLE, chat, lines, options
from scripted import CLOSE, HOLD, Scripted, part, reply, stream_head

from jackfield import Client, Slot
from jackfield.call import Timeouts
from jackfield.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    LimitExceededError,
    StreamStateError,
)
from jackfield.http import HttpRequest
from jackfield.provider import Credential, JsonReply, Secret
from jackfield.types import TextDelta


@pytest.mark.parametrize("colour", COLOURS)
def test_a_call_is_sent_as_the_provider_wrote_it(colour):
    with Scripted([reply('{"text": "hi"}')]) as server:
        assert chat(colour, server).text == "hi"
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/chat HTTP/1.1\r\n")
    assert body.decode() == '{"hello":"wörld"}'
    assert f"content-length: {len(body)}".encode() in head
    assert f"host: 127.0.0.1:{server.port}".encode() in head
    assert b"authorization" not in head.lower()


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("tail", [[part(b"")], [0.03, part(b"")], [part(b"more\n"), part(b"")]])
def test_a_connection_serves_again_after_a_stream_that_ended(colour, tail):
    async def body(client):
        for _ in range(3):
            assert (await client.chat("x")).text == "ab"

    with Scripted([*lines("a", "b", "."), *tail]) as server:
        run(colour, body, **options(server))
        assert server.accepted == 1
        assert server.settled(0)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_server_that_holds_on_after_the_marker_does_not_hold_the_call(colour):
    with Scripted([*lines("a", "."), HOLD]) as server:
        begun = time.monotonic()
        assert chat(colour, server).text == "a"
        assert time.monotonic() - begun < 20
        assert server.settled(0)


@pytest.mark.parametrize("colour", COLOURS)
def test_early_exit_leaves_no_connection_open(colour):
    async def body(client):
        async with client.stream("x") as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    break
        assert server.settled(0)

    with Scripted([*lines("a", "b"), HOLD]) as server:
        run(colour, body, **options(server))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("steps", [[HOLD], [stream_head(), HOLD], [*lines("a"), HOLD]])
def test_cancellation_leaves_no_connection_open(backend, steps):
    async def body(client):
        with anyio.move_on_after(0.1):
            async for _ in client.stream("x"):
                pass
        assert await anyio.to_thread.run_sync(server.settled, 0)

    with Scripted(steps) as server:
        run(backend, body, **options(server))


def test_many_cancelled_calls_leave_no_connection_and_no_task():
    async def body(client):
        tasks = [asyncio.ensure_future(client.chat("x")) for _ in range(30)]
        await asyncio.sleep(0.1)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(one, asyncio.CancelledError) for one in results) == 15
        assert [one.text for one in results[1::2]] == ["ab"] * 15
        assert (await client.chat("x")).text == "ab"
        assert len(asyncio.all_tasks()) == 1

    with Scripted(lambda _: [0.3, *WHOLE]) as server:
        run("asyncio", body, **options(server))
        assert server.settled(0)


@pytest.mark.parametrize("steps", [[HOLD], [stream_head(), HOLD], [*lines("a"), HOLD]])
def test_closing_from_another_thread_aborts_the_socket(steps):
    with Scripted(steps) as server, Client(**options(server)) as client:
        stream = client.stream("x")
        timer = threading.Timer(0.1, stream.close)
        timer.start()
        with pytest.raises(StreamStateError):
            for _ in stream:
                pass
        timer.join()
        assert stream.state == "closed"
        assert server.settled(0)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("steps", [[HOLD], [*lines("a"), HOLD]])
def test_closing_from_another_task_aborts_the_socket(backend, steps):
    async def body(client):
        stream = client.stream("x")
        async with anyio.create_task_group() as group:

            async def read():
                with pytest.raises(StreamStateError):
                    async for _ in stream:
                        pass

            group.start_soon(read)
            await anyio.sleep(0.1)
            await stream.aclose()
        assert stream.state == "closed"
        assert await anyio.to_thread.run_sync(server.settled, 0)

    with Scripted(steps) as server:
        run(backend, body, **options(server))


@pytest.mark.parametrize("colour", COLOURS)
def test_gzip_is_understood(colour):
    body = gzip.compress(b'{"text": "hi"}')
    with Scripted([reply(body, headers={"content-encoding": "gzip"})]) as server:
        assert chat(colour, server).text == "hi"


@pytest.mark.parametrize("colour", COLOURS)
def test_a_bomb_meets_the_limit_before_it_fills_the_memory(colour):
    bomb = gzip.compress(b" " * 200_000_000, 9)
    with Scripted([reply(bomb, headers={"content-encoding": "gzip"})]) as server:
        with pytest.raises(LimitExceededError, match="larger than 1000000 bytes"):
            chat(colour, server)


def test_a_bomb_is_unpacked_in_small_pieces():
    bomb = gzip.compress(b" " * 100_000_000, 9)
    with Scripted([reply(bomb, headers={"content-encoding": "gzip"})]) as server, Client(**options(server)) as client:
        tracemalloc.start()
        try:
            with pytest.raises(LimitExceededError):
                client.chat("x")
            assert tracemalloc.get_traced_memory()[1] < 8_000_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(colour, status):
    with Scripted([reply('{"text": "stolen"}')]) as thief:
        moved = reply("moved", status, headers={"location": f"{thief.url}/chat"})
        with Scripted([moved]) as server, pytest.raises(Exception, match="moved") as caught:
            chat(colour, server, credential=Credential(Secret("sk-test")))
        assert caught.value.status == status
    assert thief.requests == []


def test_proxy_variables_are_not_read(monkeypatch):
    with Scripted([reply('{"text": "proxied"}')]) as proxy, Scripted([reply('{"text": "direct"}')]) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert chat("sync", server).text == "direct"
    assert proxy.requests == []


@pytest.mark.parametrize("colour", COLOURS)
def test_a_credential_is_attached_last_and_asked_for_again_at_each_call(colour):
    tokens = iter(["sk-1", "sk-2"])
    credential = Credential(lambda: Secret(next(tokens)))

    async def body(client):
        await client.chat("x")
        await client.chat("x")

    with Scripted([reply('{"text": "hi"}')]) as server:
        run(colour, body, **options(server, credential=credential))
    assert [b"Bearer sk-1" in server.requests[0], b"Bearer sk-2" in server.requests[1]] == [True, True]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_server_that_quotes_the_key_does_not_leak_it(colour):
    with Scripted([reply("Incorrect API key provided: sk-very-secret", 401)]) as server:
        with pytest.raises(AuthenticationError) as caught:
            chat(colour, server, credential=Credential(Secret("sk-very-secret")))
    error = caught.value
    assert "sk-very-secret" not in f"{error} {error!r} {error.body!r} {error.__dict__}"
    assert "***" in str(error)


@pytest.mark.parametrize("colour", COLOURS)
def test_an_exchange_of_several_requests(colour):
    def steps(provider, call):
        first = yield HttpRequest("GET", "/first", read=True)
        unread = yield HttpRequest("GET", "/second")
        assert unread.body is None
        try:
            yield HttpRequest("GET", "/missing")
        except Exception as error:
            status = error.status
        last = yield provider.post("/last", {"after": status}, read=False)
        return JsonReply(last, lambda body: [TextDelta(first.body.decode() + body["text"]), STOP])

    def answer(request):
        path = request.split(b" ")[1]
        if path == b"/v1/last":
            assert server.settled(1)  # the reply that nobody read was closed when the exchange went on
        return {
            b"/v1/first": [reply("one ")],
            b"/v1/second": [*lines("unread"), HOLD],
            b"/v1/missing": [reply("no", 404)],
            b"/v1/last": [reply('{"text": "two"}')],
        }[path]

    with Scripted(answer) as server:
        assert chat(colour, server, steps=steps).text == "one two"
        assert server.settled(0)
    assert server.requests[-1].endswith(b'{"after":404}')


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_event_loop_gets_hold_of_our_generators(backend):
    adopted = []

    async def body(client):
        await client.chat("x")  # what closes the connections when the loop ends is adopted, and on purpose
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(adopted.append, hooks.finalizer)
        try:
            async with client.stream("x") as stream:
                async for _ in stream:
                    pass
        finally:
            sys.set_asyncgen_hooks(*hooks)

    async def layer(call, proceed):
        async for event in proceed(call):
            yield event

    layer.slot = Slot.OBSERVE
    with Scripted(WHOLE) as server:
        run(backend, body, middleware=[layer], **options(server))
    assert adopted == []


@pytest.mark.parametrize("colour", COLOURS)
def test_fifty_at_once(colour):
    if colour == "sync":
        with Scripted(lambda _: [0.05, *WHOLE]) as server, Client(**options(server)) as client:
            texts = []
            threads = [threading.Thread(target=lambda: texts.append(client.chat("x").text)) for _ in range(50)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert texts == ["ab"] * 50
        return

    async def body(client):
        texts = []

        async def one():
            texts.append((await client.chat("x")).text)

        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(one)
        assert texts == ["ab"] * 50

    with Scripted(lambda _: [0.05, *WHOLE]) as server:
        run(colour, body, **options(server))


def test_an_engine_that_is_not_there_is_a_clear_error():
    with pytest.raises(ConfigurationError, match="engine: expected one of auto, httpx, httpx2, got 'curl'"):
        Client(config={"default": "fake", "engine": "curl"})


def test_the_engine_that_was_asked_for_is_used():
    if ENGINE == "auto":
        pytest.skip("JACKFIELD_TEST_ENGINE names none")
    with Scripted([]) as server, Client(**options(server)) as client:
        assert client.engine == ENGINE


def test_timeouts_have_defaults_that_end():
    defaults = Timeouts()
    assert all(value is not None for value in (defaults.connect, defaults.total, defaults.first, defaults.silence))


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("repeatable", [True, False])
def test_a_kept_connection_that_the_server_closes_is_not_the_callers_trouble(colour, repeatable):
    async def body(client):
        assert (await client.chat("x")).text == "ab"
        if repeatable:
            assert (await client.chat("x")).text == "ab"
            return
        with pytest.raises(ConnectionFailedError, match=f"no reply from http://127.0.0.1:{server.port}"):
            await client.chat("x")

    async def once(call, proceed):
        async for event in proceed(call.evolve(operation=evolve(call.operation, repeatable=repeatable))):
            yield event

    once.slot = Slot.PREPARE
    with Scripted(lambda _: [CLOSE] if len(server.requests) == 2 else WHOLE) as server:
        run(colour, body, middleware=[once], **options(server))
    assert (len(server.requests), server.accepted) == ((3, 2) if repeatable else (2, 1))


@pytest.mark.parametrize("colour", COLOURS)
def test_a_connection_whose_end_has_come_is_not_used_again(colour):
    async def body(client):
        for _ in range(3):
            assert (await client.chat("x")).text == "ab"
            wait_until_closed()

    def wait_until_closed():
        while server.open:
            time.sleep(0.001)

    async def once(call, proceed):
        async for event in proceed(call.evolve(operation=evolve(call.operation, repeatable=False))):
            yield event

    once.slot = Slot.PREPARE
    with Scripted([*WHOLE, CLOSE]) as server:
        run(colour, body, middleware=[once], **options(server))
    assert (len(server.requests), server.accepted) == (3, 3)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_new_connection_that_fails_is_tried_once(colour):
    with Scripted([CLOSE]) as server, pytest.raises(ConnectionFailedError):
        chat(colour, server)
    assert len(server.requests) == 1

"""The life of a client: closing, deriving, threads, forks, event loops."""

import asyncio
import gc
import os
import socket
import threading
import traceback

import anyio
import pytest
from faces import COLOURS, run
from fakes import Player, Plugin, hello, playing
from lines import WHOLE, lines, options
from scripted import HOLD, Scripted

from jackfield import AsyncClient, Client, Slot
from jackfield.errors import (
    BadRequestError,
    ConfigurationError,
    ConnectTimeoutError,
    DeadlineError,
    PluginError,
    StreamStateError,
)
from jackfield.hooks import hookimpl
from jackfield.types import TextDelta

BACKENDS = ["asyncio", "trio"]


class Mark:
    slot = Slot.PREPARE

    def __init__(self, mark):
        self.mark = mark

    async def __call__(self, call, proceed):
        async for event in proceed(call):
            yield TextDelta(event.text + self.mark) if isinstance(event, TextDelta) else event


# --- closing and deriving -----------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_a_client_that_is_closed_says_so_whatever_its_provider(colour):
    async def body(client):
        await client.chat("x")
        close = client.inner.close if colour == "sync" else client.aclose
        for _ in range(2):
            result = close()
            if result is not None:
                await result
        with pytest.raises(StreamStateError, match="the client is closed"):
            await client.chat("x")
        with pytest.raises(StreamStateError, match="the client is closed"):
            client.stream("x")

    run(colour, body, **playing(Player(hello())))


@pytest.mark.parametrize("colour", COLOURS)
def test_a_derived_client_shares_connections_and_leaves_them_open(colour):
    async def body(client):
        whole = client.inner if colour == "sync" else client

        async def chat(one):
            return one.chat("x").text if colour == "sync" else (await one.chat("x")).text

        async def close(one):
            one.close() if colour == "sync" else await one.aclose()

        derived = whole.with_options(middleware=[Mark("+")])
        further = derived.with_options(middleware=[Mark("!")])
        assert [await chat(one) for one in (whole, derived, further)] == ["ab", "a+b+", "a!+b!+"]
        assert server.accepted == 1
        await close(derived)
        for closed in (derived, further):
            with pytest.raises(StreamStateError, match="the client is closed"):
                await chat(closed)
        assert await chat(whole) == "ab"
        assert server.accepted == 1
        again = whole.with_options()
        await close(whole)
        with pytest.raises(StreamStateError, match="the client is closed"):
            await chat(again)

    with Scripted(WHOLE) as server:
        run(colour, body, **options(server))
        assert server.settled(0)


def test_closing_a_derived_client_lets_its_streams_go_on():
    with Scripted([*lines("a"), 0.1, *WHOLE[2:]]) as server, Client(**options(server)) as client:
        with client.with_options() as derived:
            stream = derived.stream("x")
            next(stream)
        assert "".join(stream.text) == "ab"


@pytest.mark.parametrize("colour", COLOURS)
def test_a_derived_client_s_timeout_is_for_calls_that_have_none(colour):
    deadlines = []
    player = Player([lambda call: deadlines.append(call.deadline and call.deadline - call.runtime.now()), *hello()])

    async def body(client):
        whole = client.inner if colour == "sync" else client
        derived = whole.with_options(timeout=30).with_options(middleware=[Mark("")])
        for chat in (derived.chat("x"), derived.chat("x", timeout=5), whole.chat("x")):
            if colour != "sync":
                await chat
        stream = derived.stream("x")
        next(stream) if colour == "sync" else await anext(stream)
        stream.close() if colour == "sync" else await stream.aclose()

    run(colour, body, **playing(player))
    assert [deadline is not None and round(deadline, -1) for deadline in deadlines] == [30, 0, 600, 30]


def test_a_derived_client_s_timeout_holds():
    with Client(**playing(Player([60]))) as client, pytest.raises(DeadlineError):
        client.with_options(timeout=0.05).chat("x")


def test_a_derived_client_has_the_same_providers_and_another_default():
    made = []

    def make(name, settings):
        made.append(name)
        return Player(hello(name), name=name)

    plugins = {"provider": {"fake": Plugin(make)}}
    config = {"default": "one", "providers": {"one": {"plugin": "fake"}, "two": {"plugin": "fake"}}}
    with Client(config, plugins=plugins) as client:
        derived = client.with_options(default="two")
        assert [one.chat("x").text for one in (client, derived, client, derived)] == ["one", "two", "one", "two"]
    assert made == ["one", "two"]


def test_wrong_options_are_clear_errors():
    with Client(**playing(Player(hello()))) as client:
        with pytest.raises(BadRequestError, match="timeout: expected seconds above 0"):
            client.with_options(timeout=-1)
        with pytest.raises(ConfigurationError, match="unsupported: expected error, warn or drop, got 'ignore'"):
            client.with_options(unsupported="ignore")
        with pytest.raises(ConfigurationError, match="middleware: expected a list"):
            client.with_options(middleware=Mark(""))
        with pytest.raises(PluginError, match="has no `slot`"):
            client.with_options(middleware=[object()])
        with pytest.raises(ConfigurationError, match="'nowhere' is neither an alias nor"):
            client.with_options(default="nowhere").chat("x")
        client.with_options(unsupported="drop").chat("x")


def test_plugins_see_a_derived_client_too():
    seen = []

    class Seeing:
        @hookimpl
        def jackfield_middleware(self, name, settings):
            return Mark("~")

        @hookimpl
        def jackfield_client(self, client):
            seen.append(client)

    more = playing(Player(hello()))
    more["config"]["middleware"] = [{"use": "seeing"}]
    more["plugins"]["middleware"] = {"seeing": Seeing()}
    with Client(**more) as client:
        derived = client.with_options()
        assert seen == [client, derived]
        assert derived.chat("x").text == "He~llo~"


# --- threads and event loops --------------------------------------------------------------------------------


def test_a_sync_client_works_inside_a_running_loop():
    async def main(client):
        return client.chat("x").text

    with Scripted(WHOLE) as server, Client(**options(server)) as client:
        assert asyncio.run(main(client)) == "ab"
        assert anyio.run(main, client, backend="trio") == "ab"


@pytest.mark.parametrize("first", BACKENDS)
@pytest.mark.parametrize("second", BACKENDS)
def test_an_async_client_serves_one_event_loop_after_another(first, second):
    async def chat():
        return (await client.chat("x")).text

    async def close():
        await client.aclose()

    with Scripted(WHOLE) as server:
        client = AsyncClient(**options(server))
        assert anyio.run(chat, backend=first) == "ab"
        assert server.settled(0)  # the loop closed them when it ended
        assert anyio.run(chat, backend=second) == "ab"
        assert server.accepted == 2
        anyio.run(close, backend=first)
        with pytest.raises(StreamStateError, match="the client is closed"):
            anyio.run(chat, backend=second)
        gc.collect()


def test_an_async_client_serves_two_event_loops_at_once():
    async def both():
        for _ in range(3):
            assert (await client.chat("x")).text == "ab"
            await asyncio.to_thread(met.wait, 30)

    met = threading.Barrier(2)
    with Scripted(WHOLE) as server:
        client = AsyncClient(**options(server))
        threads = [threading.Thread(target=asyncio.run, args=(both(),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.requests) == 6
        assert server.accepted == 2
        assert server.settled(0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_closing_in_another_loop_closes_the_connections_of_one_that_runs(backend):
    asked, closed = threading.Event(), threading.Event()

    async def stay():
        await client.chat("x")
        asked.set()
        await anyio.to_thread.run_sync(closed.wait, 30)
        assert await anyio.to_thread.run_sync(server.settled, 0)

    failed = []

    def elsewhere():
        try:
            anyio.run(stay, backend=backend)
        except BaseException as error:
            failed.append(error)

    async def close():
        await client.aclose()

    with Scripted(WHOLE) as server:
        client = AsyncClient(**options(server))
        thread = threading.Thread(target=elsewhere)
        thread.start()
        assert asked.wait(30)
        assert server.open == 1
        asyncio.run(close())
        closed.set()
        thread.join()
    assert failed == []


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_loop_that_was_torn_down_does_not_hold_up_closing():
    with Scripted(WHOLE) as server:
        client = AsyncClient(**options(server))
        loop = asyncio.new_event_loop()
        loop.run_until_complete(client.chat("x"))
        loop.close()  # without shutdown_asyncgens: nothing in it was closed
        gc.collect()

        async def again():
            assert (await client.chat("x")).text == "ab"
            await client.aclose()

        asyncio.run(again())
        del loop
        gc.collect()
        assert server.settled(0)


# --- forks --------------------------------------------------------------------------------------------------


def forked(body):
    """Run a body in a child process; its outcome as text."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "nothing"
        try:
            os.close(reading)
            said = body() or "well"
        except BaseException:
            said = traceback.format_exc()
        finally:
            os.write(writing, said.encode()[-4000:])
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as file:
        said = file.read()
    os.waitpid(child, 0)
    return said


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
# servers of these tests run in threads, which a child does not have and does not need
quiet_fork = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@needs_fork
@quiet_fork
def test_a_child_process_has_connections_of_its_own():
    with Scripted(WHOLE) as server, Client(**options(server)) as client:
        client.chat("x")

        def child():
            assert client.chat("x").text == "ab"
            assert client.chat("x").text == "ab"
            client.close()

        assert forked(child) == "well"
        assert client.chat("x").text == "ab"
        assert (len(server.requests), server.accepted) == (4, 2)


@needs_fork
@quiet_fork
def test_a_child_that_closes_what_its_parent_opened_does_the_parent_no_harm():
    with Scripted(lambda _: [*lines("a"), 1.0, *WHOLE[2:]]) as server, Client(**options(server)) as client:
        with client.stream("x") as stream:
            next(stream)

            def child():
                stream.close()
                client.close()

            assert forked(child) == "well"
            assert "".join(stream.text) == "ab"


@needs_fork
@quiet_fork
def test_a_child_cannot_read_its_parent_s_stream():
    with Scripted([*lines("a"), HOLD]) as server, Client(**options(server)) as client:
        with client.stream("x") as stream:
            while not isinstance(next(stream), TextDelta):
                pass

            def child():
                with pytest.raises(StreamStateError, match="belongs to the parent process"):
                    next(stream)

            assert forked(child) == "well"
            assert stream.state == "open"
            assert server.open == 1


@needs_fork
@quiet_fork
def test_an_async_client_serves_in_a_child_process():
    async def chat():
        return (await client.chat("x")).text

    with Scripted(WHOLE) as server:
        client = AsyncClient(**options(server))
        assert asyncio.run(chat()) == "ab"
        assert forked(lambda: asyncio.run(chat())) == "ab"
        assert asyncio.run(chat()) == "ab"


# --- looking a name up --------------------------------------------------------------------------------------


def named(server):
    server.url = server.url.replace("127.0.0.1", "far-away.test")
    return server


@pytest.fixture
def slow_names(monkeypatch):
    """A name service that does not answer before it is released."""
    released = threading.Event()
    real = socket.getaddrinfo

    def look_up(host, port, *args, **more):
        if host == "far-away.test":
            if more.get("flags"):
                raise socket.gaierror("a name is no number")
            released.wait(30)
            return real("127.0.0.1", port, *args, **more)
        return real(host, port, *args, **more)

    monkeypatch.setattr("jackfield.engine.work.getaddrinfo", look_up)
    yield released
    released.set()


def test_a_look_up_that_takes_too_long_meets_the_limit(slow_names):
    with Scripted(WHOLE) as server:
        more = options(named(server), timeouts={"connect": 0.05})
        with (
            Client(**more) as client,
            pytest.raises(ConnectTimeoutError, match="no connection to http://far-away.test"),
        ):
            client.chat("x")
        with Client(**options(server)) as client, pytest.raises(DeadlineError):
            client.chat("x", timeout=0.05)


def test_closing_wakes_who_waits_for_a_look_up(slow_names):
    with Scripted(WHOLE) as server, Client(**options(named(server))) as client:
        stream = client.stream("x")
        threading.Timer(0.1, stream.close).start()
        with pytest.raises(StreamStateError):
            next(stream)


def test_a_look_up_that_comes_back_is_used(slow_names):
    with Scripted(WHOLE) as server, Client(**options(named(server))) as client:
        threading.Timer(0.1, slow_names.set).start()
        assert client.chat("x").text == "ab"

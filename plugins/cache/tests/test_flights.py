"""Single flight: any number of identical calls at once ask once, and nobody waits for what cannot come."""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from fakes import Player, hello, playing

import jackfield as jf
from jackfield.errors import CallTimeoutError, DeadlineError, RateLimitError
from jackfield.types import Finish, Finished, Start, TextDelta
from jackfield_cache import Cache, CacheSettings, MemoryStore

MANY = 100
SLOW = [0.3, *hello()]


def caches(*middleware, **settings):
    return [*middleware, Cache(CacheSettings(**settings))]


class Ledgers:
    slot = jf.Slot.OBSERVE

    def __init__(self):
        self.all = []
        self.arrived = lambda: None

    async def __call__(self, call, proceed):
        self.all.append(call.ledger)
        self.arrived()
        async for event in proceed(call):
            yield event

    def count(self, state):
        return [ledger.cache for ledger in self.all].count(state)


class Broken:
    """A store that never works."""

    quick = True

    def __getattr__(self, name):
        raise OSError("no")

    def get(self, *args):
        raise OSError("no")

    set = delete = clear = items = add = stats = close = get


@pytest.mark.parametrize("store", [None, Broken()], ids=["memory", "broken"])
def test_threads_ask_once(store):
    player, ledgers = Player([lambda _: everybody.wait(20), *SLOW]), Ledgers()
    everybody = threading.Event()
    ledgers.arrived = lambda: len(ledgers.all) == MANY and everybody.set()
    chain = caches(ledgers, store=store or "memory")
    with jf.Client(middleware=chain, **playing(player)) as client, ThreadPoolExecutor(MANY) as pool:
        replies = list(pool.map(lambda _: client.chat("x"), range(MANY)))
    assert len(player.calls) == 1
    assert {reply.text for reply in replies} == {"Hello"}
    assert sum(reply.attempts for reply in replies) == 1
    assert ledgers.count("miss") == 1
    assert ledgers.count("joined") + ledgers.count("hit") == MANY - 1
    assert sum(not reply.cached for reply in replies) == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("store", ["memory", "sqlite", "broken"])
def test_tasks_ask_once(backend, store, tmp_path):
    player = Player(SLOW)
    stores = {"memory": "memory", "sqlite": {"use": "sqlite", "path": str(tmp_path / "c")}, "broken": Broken()}
    replies = []

    async def main():
        async with jf.AsyncClient(middleware=caches(store=stores[store]), **playing(player)) as client:

            async def one():
                replies.append(await client.chat("x"))

            async with anyio.create_task_group() as group:
                for _ in range(MANY):
                    group.start_soon(one)

    anyio.run(main, backend=backend)
    assert len(player.calls) == 1
    assert len(replies) == MANY
    assert {reply.text for reply in replies} == {"Hello"}


def test_followers_do_not_share_what_can_be_changed():
    player = Player([0.2, Start(raw={"a": [1]}), *hello()[1:]])
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: client.chat("x"), range(4)))
    replies[0].raw["a"].append(2)
    assert [reply.raw for reply in replies[1:]] == [{"a": [1]}] * 3


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_leader_hands_over(backend):
    player = Player(SLOW)
    replies = []

    async def main():
        async with jf.AsyncClient(middleware=caches(), **playing(player)) as client:

            async def one():
                replies.append(await client.chat("x"))

            async with anyio.create_task_group() as group:
                for _ in range(MANY):
                    group.start_soon(one)
                # this one asks before any of those has begun
                with anyio.move_on_after(0.1):
                    await client.chat("x")

    anyio.run(main, backend=backend)
    assert len(replies) == MANY
    assert len(player.calls) == 2


def test_a_leader_that_is_closed_by_another_thread_hands_over():
    player = Player(SLOW)
    begun = threading.Event()
    player.scripts = [[lambda _: begun.set(), *SLOW], SLOW]
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(2) as pool:
        # a call is a stream inside; a short deadline ends this one alone
        first = pool.submit(lambda: client.chat("x", timeout=0.1))
        begun.wait()
        second = pool.submit(lambda: client.chat("x"))
        with pytest.raises(DeadlineError):
            first.result()
        assert second.result().text == "Hello"
    assert len(player.calls) == 2


def test_an_error_goes_to_followers_as_a_copy():
    error = RateLimitError("slow down", status=429, retry_after=5.0, body={"a": [1]})
    player = Player([0.3, Start(), TextDelta("Go"), error])

    def ask(client):
        with pytest.raises(RateLimitError) as caught:
            client.chat("x")
        return caught.value

    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(20) as pool:
        errors = list(pool.map(lambda _: ask(client), range(20)))
        assert len(player.calls) == 1
        assert len(set(map(id, errors))) == 20
        for one in errors:
            assert (one.message, one.status, one.retry_after, one.body) == ("slow down", 429, 5.0, {"a": [1]})
            assert (one.provider, one.model, one.partial.text) == ("fake", "m", "Go")
        assert len({id(one.body) for one in errors}) == 20
        # nothing was kept of it
        ask(client)
    assert len(player.calls) == 2


def test_a_reply_that_is_not_kept_is_shared_all_the_same():
    player = Player([0.3, Start(), TextDelta("x"), Finished(Finish("content_filter", "f"))])
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: client.chat("x"), range(20)))
        assert len(player.calls) == 1
        assert {reply.finish.unified for reply in replies} == {"content_filter"}
        client.chat("x")
    assert len(player.calls) == 2


def test_where_a_reply_cannot_be_written_down_everybody_asks_at_once():
    player = Player([0.3, Start(raw=object()), *hello()[1:]])
    begun = time.monotonic()
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(20) as pool:
        assert len(list(pool.map(lambda _: client.chat("x"), range(20)))) == 20
    assert time.monotonic() - begun < 3
    assert len(player.calls) == 20


@pytest.mark.parametrize("kind", ["refresh", "bypass"])
def test_whoever_wants_a_fresh_reply_does_not_wait(kind):
    player = Player(SLOW)
    options = {"cache": {"mode": kind}}
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: client.chat("x", options=options), range(5)))
    assert len(player.calls) == 5


def test_a_stream_neither_leads_nor_waits():
    player = Player(hello())
    with jf.Client(middleware=caches(), **playing(player)) as client, client.stream("x") as stream:
        next(stream)  # and now the consumer takes a pause
        assert client.chat("x").text == "Hello"
        with client.stream("x") as other:
            assert "".join(other.text) == "Hello"
    assert len(player.calls) == 2


class Asking:
    """Asks for other texts from within, where the cache has let the call through."""

    slot = jf.Slot.RETRY

    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, call, proceed):
        text = call.request.messages[-1].text
        if (asked := self.inner.get(text)) and call.depth < 2:
            await call.runtime.sleep(0.1)
            await call.ask(jf.ChatRequest(messages=asked))
        async for event in proceed(call):
            yield event


@pytest.mark.parametrize("inner", [{"a": "b", "b": "a"}, {"a": "a", "b": "b"}], ids=["crossed", "itself"])
def test_calls_within_calls_do_not_wait_for_one_another(inner):
    player = Player(hello())
    with jf.Client(middleware=caches(Asking(inner)), **playing(player)) as client, ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(client.chat, text, timeout=5) for text in ("a", "b")]
        assert [future.result().text for future in futures] == ["Hello", "Hello"]


def test_a_follower_keeps_to_its_own_deadline():
    player = Player([1.0, *hello()])
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(2) as pool:
        leader = pool.submit(client.chat, "x")
        time.sleep(0.2)
        begun = time.monotonic()
        with pytest.raises(CallTimeoutError) as caught:
            client.chat("x", timeout=0.1)
        assert time.monotonic() - begun < 0.6
        assert caught.value.provider == "fake"
        assert leader.result().text == "Hello"


def test_clients_of_both_kinds_share_a_cache():
    cache, player = Cache(), Player(SLOW)

    async def main():
        async with jf.AsyncClient(middleware=[cache], **playing(player)) as client:
            task = asyncio.ensure_future(client.chat("x"))
            await asyncio.sleep(0.1)
            # it blocks the loop that the other one needs
            with jf.Client(middleware=[cache], **playing(player)) as blocking:
                assert blocking.chat("x", timeout=5).text == "Hello"
            assert (await task).text == "Hello"

    asyncio.run(main())
    assert len(player.calls) == 2


def test_a_loop_that_is_gone_leaves_nobody_waiting():
    cache, player = Cache(CacheSettings(store=MemoryStore())), Player([60.0, *hello()], hello())
    client = jf.AsyncClient(middleware=[cache], **playing(player))
    loop = asyncio.new_event_loop()
    task = loop.create_task(client.chat("x", timeout=0.3))
    loop.run_until_complete(asyncio.sleep(0.1))
    loop.close()  # as a crash of its thread would leave it
    task._log_destroy_pending = False
    assert asyncio.run(_again(client)).text == "Hello"
    assert len(player.calls) == 2


async def _again(client):
    return await client.chat("x", timeout=5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_does_not_wait_for_a_leader_of_its_parent():
    player = Player([1.0, *hello()], hello())
    begun = threading.Event()
    player.scripts[0].insert(0, lambda _: begun.set())
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(1) as pool:
        leader = pool.submit(client.chat, "x")
        begun.wait()
        child = os.fork()
        if not child:
            os._exit(0 if client.chat("x", timeout=0.5).text == "Hello" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert leader.result().text == "Hello"


def test_a_leader_whose_call_is_closed_hands_over():
    cache, player = Cache(), Player([lambda call: call.runtime.control.stop(), 5.0], hello())
    with jf.Client(middleware=[cache], **playing(player)) as client:
        with pytest.raises(jf.StreamStateError):
            client.chat("x")
        assert client.chat("x", timeout=2).text == "Hello"

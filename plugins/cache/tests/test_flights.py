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
from jackfield_cache._flight import Flights

MANY = 100
SLOW = [0.3, *hello()]


def caches(*middleware, **settings):
    return [*middleware, Cache(CacheSettings(**settings))]


class Ledgers:
    slot = jf.Slot.OBSERVE

    def __init__(self):
        self.all = []

    async def __call__(self, call, proceed):
        self.all.append(call.ledger)
        async for event in proceed(call):
            yield event

    def count(self, state):
        return [ledger.cache for ledger in self.all].count(state)


@pytest.fixture
def following(monkeypatch):
    """Makes an item of a script: it goes on when so many wait for a leader, however slow this machine is."""
    count, landed = [], Flights.landed

    async def counted(self, call, flight):
        count.append(call)
        await landed(self, call, flight)

    def until(number):
        async def wait(call):
            end = call.runtime.now() + 20
            while len(count) < number:
                assert call.runtime.now() < end, f"only {len(count)} follow"
                await call.runtime.sleep(0.01)

        return wait

    monkeypatch.setattr(Flights, "landed", counted)
    return until


class Broken:
    """A store that never works."""

    quick = True

    def __getattr__(self, name):
        raise OSError("no")

    def get(self, *args):
        raise OSError("no")

    set = delete = clear = items = add = stats = close = get


@pytest.mark.parametrize("store", [None, Broken()], ids=["memory", "broken"])
def test_threads_ask_once(store, following):
    ledgers = Ledgers()
    player, chain = Player([following(MANY - 1), *hello()]), caches(ledgers, store=store or "memory")
    with jf.Client(middleware=chain, **playing(player)) as client, ThreadPoolExecutor(MANY) as pool:
        replies = list(pool.map(lambda _: client.chat("x"), range(MANY)))
    assert len(player.calls) == 1
    assert {reply.text for reply in replies} == {"Hello"}
    assert sum(reply.attempts for reply in replies) == 1
    assert ledgers.count("miss") == 1
    assert ledgers.count("joined") == MANY - 1
    assert sum(not reply.cached for reply in replies) == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("store", ["memory", "sqlite", "broken"])
def test_tasks_ask_once(backend, store, tmp_path, following):
    player = Player([following(MANY - 1), *hello()])
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


def test_followers_do_not_share_what_can_be_changed(following):
    player = Player([following(3), Start(raw={"a": [1]}), *hello()[1:]])
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: client.chat("x"), range(4)))
    replies[0].raw["a"].append(2)
    assert [reply.raw for reply in replies[1:]] == [{"a": [1]}] * 3


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_leader_hands_over(backend, following):
    player = Player([following(MANY), lambda _: leaders[0].cancel(), 60.0], hello())
    replies, leaders = [], []

    async def main():
        async with jf.AsyncClient(middleware=caches(), **playing(player)) as client:

            async def one():
                replies.append(await client.chat("x"))

            async with anyio.create_task_group() as group:
                for _ in range(MANY):
                    group.start_soon(one)
                # this one asks before any of those has begun
                with anyio.CancelScope() as leader:
                    leaders.append(leader)
                    await client.chat("x")

    anyio.run(main, backend=backend)
    assert len(replies) == MANY
    assert len(player.calls) == 2


def test_a_leader_whose_deadline_passes_hands_over():
    begun = threading.Event()
    player = Player([lambda _: begun.set(), 60.0], hello())
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: client.chat("x", timeout=0.5))
        assert begun.wait(20)
        second = pool.submit(lambda: client.chat("x"))
        with pytest.raises(DeadlineError):
            first.result()
        assert second.result().text == "Hello"
    assert len(player.calls) == 2


def test_an_error_goes_to_followers_as_a_copy(following):
    error = RateLimitError("slow down", status=429, retry_after=5.0, body={"a": [1]})
    player = Player([following(19), Start(raw={"a": [1]}), TextDelta("Go"), error])

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
        for kind in (lambda one: one.body, lambda one: one.partial.raw["a"]):
            assert len({id(kind(one)) for one in errors}) == 20
        # nothing was kept of it
        ask(client)
    assert len(player.calls) == 2


def test_a_reply_that_is_not_kept_is_shared_all_the_same(following):
    player = Player([following(19), Start(), TextDelta("x"), Finished(Finish("content_filter", "f"))])
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: client.chat("x"), range(20)))
        assert len(player.calls) == 1
        assert {reply.finish.unified for reply in replies} == {"content_filter"}
        client.chat("x")
    assert len(player.calls) == 2


@pytest.mark.parametrize(
    "ending",
    [[Start(raw=object()), *hello()[1:]], [RateLimitError("slow down", body=threading.Lock())]],
    ids=["reply", "error"],
)
def test_where_it_cannot_be_copied_everybody_asks_at_once(ending, following):
    together = threading.Barrier(19)
    player = Player([following(19), *ending], [lambda _: together.wait(60), *hello()])
    ended = []

    def ask(client):
        try:
            ended.append(client.chat("x").text)
        except RateLimitError:
            ended.append("error")

    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: ask(client), range(20)))
    # all but the first are with the provider at one time, or they would have waited in vain for one another
    assert sorted(ended) == sorted([*["Hello"] * 19, "error" if len(ending) == 1 else "Hello"])
    assert len(player.calls) == 20


class Trying:
    """Asks a second time, where the deadline leaves half a minute."""

    slot = jf.Slot.RETRY

    async def __call__(self, call, proceed):
        try:
            async for event in proceed(call):
                yield event
        except RateLimitError:
            if call.deadline - call.runtime.now() < 30:
                raise
            async for event in proceed(call):
                yield event


@pytest.mark.parametrize(("timeout", "calls"), [(60, 3), (2.2, 1)])
def test_an_error_for_want_of_time_is_for_those_who_have_none_either(timeout, calls, following):
    begun = threading.Event()
    slow = RateLimitError("slow down", status=429)
    player = Player([lambda _: begun.set(), following(1), slow], [slow], hello())
    with jf.Client(middleware=caches(Trying()), **playing(player)) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: client.chat("x", timeout=2))
        assert begun.wait(20)
        second = pool.submit(lambda: client.chat("x", timeout=timeout))
        with pytest.raises(RateLimitError):
            first.result()
        if calls == 1:
            with pytest.raises(RateLimitError):
                second.result()
        else:
            assert second.result().text == "Hello"
    assert len(player.calls) == calls


class Landing(MemoryStore):
    """A store in which, while somebody looks for the first time, something else happens before the answer."""

    quick = False

    def __init__(self):
        super().__init__()
        self.meanwhile = []
        self.looks = []

    def get(self, key):
        found = super().get(key)
        self.looks.append(key)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return found


def test_a_lead_that_is_interrupted_before_it_asks_hands_over():
    def interrupt():
        raise KeyboardInterrupt

    store = Landing()
    with jf.Client(middleware=caches(store=store), **playing(Player(hello()))) as client:
        # another lands while it looks, so that it looks again
        store.meanwhile = [lambda: client.chat("y"), lambda: None, interrupt]
        with pytest.raises(KeyboardInterrupt) as kept:  # as `sys.last_value` is, with all its frames
            client.chat("x")
        assert client.chat("x", timeout=20).text == "Hello"
    assert kept.traceback


@pytest.mark.parametrize(("other", "calls", "looks"), [(None, 1, 1), ("y", 2, 3), ("x", 1, 3)])
def test_who_is_elected_looks_again_where_another_has_landed_meanwhile(other, calls, looks):
    store, player = Landing(), Player(hello())
    with jf.Client(middleware=caches(store=store), **playing(player)) as client:
        store.meanwhile = [lambda: other and client.chat(other)]
        assert client.chat("x").cached is (other == "x")
    assert (len(player.calls), len(store.looks)) == (calls, looks)


def test_what_was_changed_meanwhile_is_neither_kept_nor_shared(following):
    body, seen = {"seed": 1}, []

    def change(call):
        body["seed"] = 2
        seen.append(dict(call.request.extra_body))

    player = Player(
        [following(1), change, *hello("two")], [lambda call: seen.append(call.request.extra_body), *hello()]
    )
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: client.chat("x", extra_body=body))
        while not player.calls:
            time.sleep(0.01)
        second = pool.submit(lambda: client.chat("x", extra_body={"seed": 1}))
        assert (first.result().text, second.result().text) == ("two", "Hello")
        assert seen == [{"seed": 2}, {"seed": 1}]
        again = client.chat("x", extra_body={"seed": 1})
        assert (again.cached, again.text) == (True, "Hello")


def test_a_stream_that_was_changed_meanwhile_is_not_kept():
    body = {"seed": 1}
    player = Player([lambda _: body.update(seed=2), *hello("two")], hello())
    with jf.Client(middleware=caches(), **playing(player)) as client:
        assert "".join(client.stream("x", extra_body=body).text) == "two"
        assert client.chat("x", extra_body={"seed": 1}).text == "Hello"


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


def test_a_follower_keeps_to_its_own_deadline():
    begun, over = threading.Event(), threading.Event()
    player = Player([lambda _: begun.set(), lambda _: over.wait(20), *hello()])
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(2) as pool:
        leader = pool.submit(client.chat, "x")
        assert begun.wait(20)
        with pytest.raises(CallTimeoutError) as caught:
            client.chat("x", timeout=0.1)
        assert not leader.done()
        over.set()
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
    begun, over = threading.Event(), threading.Event()
    player = Player([lambda _: begun.set(), lambda _: over.wait(20), *hello()], hello())
    with jf.Client(middleware=caches(), **playing(player)) as client, ThreadPoolExecutor(1) as pool:
        leader = pool.submit(client.chat, "x")
        begun.wait()
        child = os.fork()
        if not child:
            code = 2
            try:
                code = 0 if client.chat("x", timeout=5).text == "Hello" else 1
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        over.set()
        assert code == 0
        assert leader.result().text == "Hello"


def test_a_leader_whose_call_is_closed_hands_over():
    cache, player = Cache(), Player([lambda call: call.runtime.control.stop(), 5.0], hello())
    with jf.Client(middleware=[cache], **playing(player)) as client:
        with pytest.raises(jf.StreamStateError):
            client.chat("x")
        assert client.chat("x", timeout=2).text == "Hello"

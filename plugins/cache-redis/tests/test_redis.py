"""The store in Redis, with a real server: restarts, black holes, evictions, forks, and commands that were cut short."""

import asyncio
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from fakes import STOP, Player, playing
from redis_server import Proxy, RedisServer

import jackfield as jf
from jackfield.errors import ConfigurationError, JackfieldError
from jackfield.operations import CHAT
from jackfield.provider import serves
from jackfield.types import Start, TextDelta
from jackfield_cache import Cache, CacheSettings
from jackfield_cache_redis import RedisSettings

NOW = 1_800_000_000.0


class Echo(Player):
    """Says what it is told."""

    @serves(CHAT)
    async def chat(self, call):
        self.calls.append(call)
        text = call.request.messages[-1].text
        yield Start(id=text)
        yield TextDelta(text)
        yield STOP


@pytest.fixture
def proxy(server):
    made = Proxy(server.port)
    yield made
    made.close()


def caching(store, player=None):
    return {**playing(player or Echo([])), "middleware": [Cache(CacheSettings(store=store))]}


def test_it_is_configured_by_name(url):
    player = Echo([])
    for place in ({"store": {"use": "redis", "url": url}}, {"store": "redis", "url": url}):
        options = playing(player)
        options["config"] = {**options["config"], "middleware": [{"use": "cache", **place}]}
        with jf.Client(**options) as client:
            client.chat("configured", options={"cache": {"mode": "refresh"}})
            assert client.chat("configured").cached
            client.middleware[0].store.clear()


def test_a_variable_can_hold_the_address(url, monkeypatch):
    monkeypatch.setenv("REDIS_URL", url)
    options = playing(Echo([]))
    table = {"use": "cache", "store": "redis", "url": {"env": "REDIS_URL"}}
    options["config"] = {**options["config"], "middleware": [table]}
    with jf.Client(**options) as client:
        client.chat("by variable", options={"cache": {"mode": "refresh"}})
        assert client.chat("by variable").cached
        client.middleware[0].store.clear()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"url": "http://host:word@x"}, "url: expected redis://host:port/number, rediss:// or unix://"),
        ({"url": "redis://host:port"}, "url: expected redis://"),
        ({"timeout": 0}, "timeout: expected seconds above 0, got 0"),
        ({"timeout": float("inf")}, "timeout: expected seconds above 0"),
        ({"prefix": "a*"}, "prefix: expected text without"),
        ({"prefix": ""}, "prefix: expected text without"),
        ({"max_bytes": 0}, "max_bytes: expected a whole number above 0"),
        ({"max_connections": 1.5}, "max_connections: expected a whole number"),
        ({"db": 1}, "db: no such key"),
    ],
)
def test_wrong_settings_are_told_when_the_client_is_built(settings, told):
    options = playing(Echo([]))
    table = {"use": "cache", "store": {"use": "redis", **settings}}
    options["config"] = {**options["config"], "middleware": [table]}
    with pytest.raises(ConfigurationError) as caught:
        jf.Client(**options)
    assert told in str(caught.value)
    assert "word" not in str(caught.value)


def test_a_password_shows_itself_to_nobody(make):
    store = make("redis://:word@127.0.0.1:1/0")
    assert "word" not in repr(store._settings)
    with pytest.raises(JackfieldError) as caught:
        store.get("a")
    assert "word" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"


def test_the_server_forgets_what_is_too_old(url, make):
    store = make(url)
    store.set("a", b"x", 0.05, NOW)
    store.set("b", b"x", 1e12, NOW)
    time.sleep(0.2)
    assert (store.get("a"), store.get("b")) == (None, b"x")
    store.clear()


def test_a_value_that_is_too_large_is_not_kept(url, make):
    store = make(url, max_bytes=10)
    store.set("a", b"small", None, NOW)
    store.set("a", bytes(11), None, NOW)
    assert store.get("a") is None


def test_a_server_that_begins_anew_is_used_again(server, make):
    store = make(server.url)
    store.set("a", b"x", None, NOW)
    server.stop()
    with pytest.raises(JackfieldError, match="redis: ConnectionError"):
        store.get("a")
    server.start()
    assert store.get("a") is None
    store.set("a", b"y", None, NOW)
    server.stop()
    server.start()
    # the connection that was kept is dead, and this call does not suffer for it
    assert store.get("a") is None


def test_a_black_hole_takes_the_timeout_and_no_longer(proxy, make):
    store = make(proxy.url, timeout=0.2)
    store.set("a", b"x", None, NOW)
    proxy.mode = "hole"
    begun = time.monotonic()
    with pytest.raises(JackfieldError, match="TimeoutError"):
        store.get("a")
    assert time.monotonic() - begun < 1.5
    proxy.mode = "pass"
    assert store.get("a") == b"x"


def test_a_reply_that_comes_too_late_answers_nobody_else(proxy, make):
    store, failed = make(proxy.url, timeout=0.4), []
    for name in "abcdef":
        store.set(name, name.encode(), None, NOW)
    proxy.delay = 0.6
    for turn in range(12):
        name = "abcdef"[turn % 6]
        proxy.mode = "slow" if turn % 3 == 0 else "pass"
        try:
            assert store.get(name) == name.encode()
        except JackfieldError:
            failed.append(proxy.mode)
    assert "slow" in failed


def at_once(store, work, many=4):
    """Have so many connections in use at one time."""
    together = threading.Barrier(many)

    def one(number):
        def command(server):
            together.wait(20)
            return server.ping()

        assert store._ask(command)
        together.wait(20)
        work(number)

    with ThreadPoolExecutor(many) as pool:
        list(pool.map(one, range(many)))


def test_a_silent_connection_takes_all_that_are_idle_with_it(proxy, make):
    store = make(proxy.url, timeout=1)
    at_once(store, lambda _: None)
    assert len(store._idle) == 4
    proxy.mode = "hole"
    with pytest.raises(JackfieldError, match="TimeoutError"):
        store.get("a")
    assert store._idle == []


def test_a_store_has_no_more_connections_than_it_uses_at_once(server, make):
    store = make(server.url, timeout=5)
    store.set("a", b"123", None, NOW)
    at_once(store, lambda _: (store.add({"hits": 1, "cost": 0.25}), store.stats()))
    assert store.stats() == {"hits": 4, "cost": 1, "entries": 1, "bytes": 3}
    clients = store._ask(lambda one: one.client_list())
    assert len(clients) == len(store._idle) <= 4


def test_a_key_that_the_server_gives_twice_is_there_once(url, make, monkeypatch):
    import redis

    store, scan = make(url), redis.Redis.scan
    store.set("a", b"x", None, NOW)

    def twice(self, cursor, **options):
        # all that there is, as other tests may have filled the server
        found = scan(self, 0, **{**options, "count": 1_000_000})
        return int(not cursor), [*found[1], *found[1]]

    monkeypatch.setattr(redis.Redis, "scan", twice)
    assert list(store.items()) == [("a", b"x")]
    assert store.stats()["entries"] == 1


class Interrupt(BaseException):
    pass


def test_a_command_that_was_interrupted_leaves_no_reply_behind(url, make, monkeypatch):
    from redis.connection import AbstractConnection

    store = make(url)
    store.set("a", b"mine", None, NOW)
    store.set("b", b"yours", None, NOW)
    read = AbstractConnection.read_response
    armed = []

    def interrupted(self, *args, **options):
        if armed:
            raise armed.pop()
        return read(self, *args, **options)

    monkeypatch.setattr(AbstractConnection, "read_response", interrupted)
    for _ in range(5):
        armed.append(Interrupt())
        # sent, and not read: as when Ctrl-C comes
        with pytest.raises(Interrupt):
            store.get("a")
        assert store.get("b") == b"yours"
        assert store.get("a") == b"mine"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_fork_has_connections_of_its_own(url, make):
    store = make(url)
    for name in "ab":
        store.set(name, name.encode() * 1000, None, NOW)
    children = []
    for name in "ab":
        child = os.fork()
        if not child:
            code = 2
            try:
                code = 0 if all(store.get(name) == name.encode() * 1000 for _ in range(200)) else 1
            finally:
                os._exit(code)
        children.append(child)
    assert all(store.get("a") == b"a" * 1000 for _ in range(200))
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]


def test_what_the_server_evicts_is_a_miss(tmp_path, make):
    server = RedisServer(tmp_path, "--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru")
    try:
        player = Echo([])
        with jf.Client(**caching(make(server.url), player)) as client:
            for number in [*range(400), *range(400)]:
                text = f"{number} " + "x" * 4000
                assert client.chat(text).text == text
        assert 400 < len(player.calls) <= 800
    finally:
        server.stop()


def test_a_server_without_room_fails_no_call(tmp_path, make):
    server = RedisServer(tmp_path, "--maxmemory", "2mb", "--maxmemory-policy", "noeviction")
    try:
        with jf.Client(**caching(make(server.url))) as client:
            for number in range(300):
                text = f"{number} " + "x" * 4000
                assert client.chat(text).text == text
    finally:
        server.stop()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancelled_calls_never_answer_another(backend, proxy, make):
    """As in CVE-2023-28858: half of the calls are cancelled while a command of theirs is under way."""
    chance, wrong, right = random.Random(1), [], []
    proxy.mode, proxy.delay = "slow", 0.005

    async def main():
        async with jf.AsyncClient(**caching(make(proxy.url, timeout=2))) as client:

            async def one(number):
                text = f"user {number % 20}"
                with anyio.move_on_after(chance.random() * 0.05 if number % 2 else 60):
                    reply = await client.chat(text)
                    (right if reply.text == reply.id == text else wrong).append(reply)

            for _ in range(5):
                async with anyio.create_task_group() as group:
                    for number in range(60):
                        group.start_soon(one, number)

    anyio.run(main, backend=backend)
    assert wrong == []
    assert len(right) >= 150


def test_threads_under_trouble_get_no_wrong_reply(server, make):
    """The server is killed and begun again, and the way to it is cut, while eight threads go on asking."""
    proxy = Proxy(server.port)
    over = threading.Event()

    def disturb():
        chance = random.Random(2)
        for _ in range(6):
            time.sleep(0.2)
            proxy.mode = chance.choice(["pass", "hole", "slow"])
            proxy.delay = 0.08
            if chance.random() < 0.5:
                server.stop()
                server.start()
        proxy.mode = "pass"
        over.set()

    def ask(number):
        chance, asked = random.Random(number), 0
        while not over.is_set():
            text = f"question {chance.randrange(40)}"
            reply = client.chat(text)
            assert reply.text == reply.id == text
            asked += 1
        return asked

    try:
        with jf.Client(**caching(make(proxy.url, timeout=0.05))) as client, ThreadPoolExecutor(9) as pool:
            disturbing = pool.submit(disturb)
            assert sum(pool.map(ask, range(8))) > 100
            disturbing.result()
    finally:
        proxy.close()


def test_without_a_server_calls_go_on(make, caplog):
    with jf.Client(**caching(make("redis://127.0.0.1:1/0"))) as client:
        for number in range(50):
            assert client.chat(f"{number}").text == f"{number}"
    assert caplog.text.count("is skipped until it works again") == 1


def test_many_tasks_share_one_store(url, make):
    store, player = make(url), Echo([])

    async def main():
        async with jf.AsyncClient(**caching(store, player)) as client:
            replies = await asyncio.gather(*(client.chat(f"{number % 10}") for number in range(100)))
            assert [reply.text for reply in replies] == [f"{number % 10}" for number in range(100)]

    asyncio.run(main())
    assert len(player.calls) == 10
    assert len(store._idle) <= RedisSettings().max_connections
    store.clear()

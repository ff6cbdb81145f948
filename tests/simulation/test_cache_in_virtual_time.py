"""A cache in virtual time: ages, a store in trouble that is probed by one call at a time, and many calls at once."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import Player, hello, playing

from jackfield.runtime import drive
from jackfield_cache import Cache, CacheSettings, MemoryStore, Rule
from jackfield_testkit.simulation import Simulation


class Troubled(MemoryStore):
    """Fails while `broken`, and takes `slow` seconds of virtual time; `asked` holds when it was asked."""

    def __init__(self, simulation, *, quick=True):
        super().__init__()
        self.simulation = simulation
        self.quick = quick
        self.broken = False
        self.full = False
        self.slow = 0.0
        self.asked = []

    def _look(self):
        self.asked.append(self.simulation.now)
        self.simulation.now += self.slow
        if self.broken:
            raise OSError("redis://:word@host")

    def get(self, key):
        self._look()
        return super().get(key)

    def set(self, key, value, ttl, now):
        self._look()
        if self.full:
            raise OSError("no room")
        super().set(key, value, ttl, now)

    def add(self, sums):
        if self.broken or self.full:
            raise OSError("no")
        super().add(sums)


def caching(simulation, player, **settings):
    cache = Cache(CacheSettings(**settings))
    options = playing(player)
    return cache, simulation.client(options.pop("config"), middleware=[cache], **options)


def states(simulation, client, times, **options):
    """Whether calls at these times were answered from the cache."""

    async def ask():
        found = []
        for time in times:
            await simulation.runtime.sleep(time - simulation.now)
            found.append((await client.chat("x", **options)).cached)
        return found

    return simulation.run(ask())


@pytest.mark.parametrize(
    ("settings", "wishes", "expected"),
    [
        ({}, {}, [False, True, True, True]),
        ({"ttl": 10}, {}, [False, True, False, True]),
        ({"rules": [Rule(ttl=10, model="fake:*")]}, {}, [False, True, False, True]),
        ({"rules": [Rule(ttl=10, model="x*")]}, {}, [False, True, True, True]),
        ({}, {"ttl": 10}, [False, True, False, True]),
        ({"ttl": 10}, {"ttl": 1000}, [False, True, True, True]),
    ],
)
def test_an_entry_is_good_for_its_time(settings, wishes, expected):
    with Simulation() as simulation:
        _, client = caching(simulation, Player(hello()), **settings)
        assert states(simulation, client, [0, 9, 11, 13], options={"cache": wishes}) == expected


def test_whoever_allows_less_gets_no_older_entry():
    with Simulation() as simulation:
        _, client = caching(simulation, Player(hello()))
        assert states(simulation, client, [0, 100]) == [False, True]
        assert states(simulation, client, [101], options={"cache": {"ttl": 50}}) == [False]


@pytest.mark.parametrize("quick", [True, False])
def test_a_store_that_fails_is_skipped_and_heals(quick, caplog):
    caplog.set_level(logging.INFO, "jackfield.cache")
    with Simulation() as simulation:
        store = Troubled(simulation, quick=quick)
        player = Player(hello())
        _, client = caching(simulation, player, store=store)
        store.broken = True
        assert states(simulation, client, [number / 10 for number in range(1000)]) == [False] * 1000
        # once at the beginning, and then after 1, 2, 4, 8, 16 and 32 seconds
        assert len(store.asked) < 12
        store.broken = False
        healed = states(simulation, client, [100 + number for number in range(100)])
        assert healed.index(True) <= 61
        assert all(healed[healed.index(True) :])
    assert caplog.text.count("is skipped until it works again") == 1
    assert caplog.text.count("works again\n") >= 1
    assert "word" not in caplog.text
    assert len(player.calls) > 1000


def test_of_many_calls_one_tries_a_store_that_was_in_trouble():
    with Simulation() as simulation:
        store = Troubled(simulation, quick=False)
        _, client = caching(simulation, Player(hello()), store=store)
        store.broken = True
        simulation.run(client.chat("first"))
        simulation.run(simulation.runtime.sleep(2))
        store.asked.clear()
        replies = simulation.gather(*(client.chat(f"{number}") for number in range(100)))
        assert {reply.text for reply in replies} == {"Hello"}
        assert len(store.asked) == 1


def test_many_failures_at_once_are_one_trouble():
    with Simulation() as simulation:
        store = Troubled(simulation)
        _, client = caching(simulation, Player(hello()), store=store)
        shelf_gets = threading.Barrier(8)

        def fail(key):
            shelf_gets.wait(20)  # all of them are on their way when the first fails
            raise OSError("no")

        store.get = fail
        runtime = simulation.runtime
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda _: drive(client.middleware[0]._shelf.get(runtime, "k")), range(8)):
                pass
        del store.get
        assert states(simulation, client, [0.5, 1.1, 1.2]) == [False, False, True]


def test_a_store_that_cannot_be_written_goes_on_answering(caplog):
    caplog.set_level(logging.INFO, "jackfield.cache")
    with Simulation() as simulation:
        store = Troubled(simulation)
        _, client = caching(simulation, Player(hello()), store=store)
        simulation.run(client.chat("x"))
        store.full = True
        simulation.run(client.chat("y"))
        for number in range(100):
            simulation.run(simulation.runtime.sleep(1))
            assert simulation.run(client.chat("x")).cached
            assert not simulation.run(client.chat(f"{number}")).cached
        assert caplog.messages == ["the cache's store takes nothing, and is not written until it does: OSError"]
        store.full = False
        simulation.run(simulation.runtime.sleep(61))
        simulation.run(client.chat("y"))
        assert simulation.run(client.chat("y")).cached
        assert caplog.messages[1:] == ["the cache's store is written again"]


def test_a_store_that_is_slow_is_skipped(caplog):
    with Simulation() as simulation:
        store = Troubled(simulation, quick=False)
        _, client = caching(simulation, Player(hello()), store=store)
        store.slow = 5.0
        replies = [simulation.run(client.chat(f"{number}")) for number in range(20)]
        assert {reply.text for reply in replies} == {"Hello"}
        assert len(store.asked) < 4
    assert "it took longer than 1 s" in caplog.text


@pytest.mark.parametrize("seed", range(20))
def test_many_at_once_ask_once_in_any_order(seed):
    with Simulation(seed=seed) as simulation:
        player = Player([1.0, *hello()])
        _, client = caching(simulation, player, store=Troubled(simulation, quick=bool(seed % 2)))
        replies = simulation.gather(*(client.chat("x") for _ in range(100)))
        assert len(player.calls) == 1
        assert sum(not reply.cached for reply in replies) == 1


@pytest.mark.parametrize("seed", range(20))
def test_with_a_cancelled_leader_at_most_two_ask(seed):
    with Simulation(seed=seed) as simulation:
        player = Player([1.0, *hello()])
        _, client = caching(simulation, player, store=Troubled(simulation, quick=bool(seed % 2)))
        leader = simulation.spawn(client.chat("x"))
        simulation.run(simulation.runtime.sleep(0.25))
        others = [simulation.spawn(client.chat("x")) for _ in range(100)]
        simulation.run(simulation.runtime.sleep(0.25))
        leader.cancel()
        simulation.finish()
        assert [task.result().text for task in others] == ["Hello"] * 100
        assert len(player.calls) == 2


def test_time_and_money_that_were_saved_are_counted():
    from jackfield.types import Usage, UsageReported

    with Simulation() as simulation:
        player = Player([2.0, *hello()[:-1], UsageReported(Usage(1, 2, cost=0.25))])
        cache, client = caching(simulation, player)
        simulation.run(client.chat("x"))
        simulation.gather(*(client.chat("x") for _ in range(4)))
        simulation.run(client.aclose())
        stats = cache.store.stats()
        assert (stats["hits"], stats["misses"], stats["entries"]) == (4, 1, 1)
        assert (stats["seconds"], stats["cost"]) == (pytest.approx(8.0), pytest.approx(1.0))

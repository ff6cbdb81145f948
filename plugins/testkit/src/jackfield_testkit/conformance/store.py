"""The suite for stores of the cache."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from jackfield.registry import Registry

from ..player import PLAYS, Player, playing
from ..simulation import Simulation
from . import _dying
from ._cases import Conformance, expect, told
from ._dying import value_of
from ._exchanges import uncounted
from ._faces import FACES, through

__all__ = ["CacheStoreConformance"]

NOW = 1_800_000_000.0
KEY, OTHER = "a" * 64, "b" * 64
VALUE = b"\n \x00\xff\r\n" + "\N{SNOWMAN}".encode() + b"\r\n "
METHODS = ("get", "set", "delete", "clear", "items", "add", "stats", "close")
PATIENCE = 10.0  # real seconds, until a method counts as stuck
DEATHS = 5
ADDING = 0.2  # real seconds


class CacheStoreConformance(Conformance):
    """Whether a store keeps what the cache needs of it. Subclass it, name the plugin, run pytest.

    The cases that ask a cache need `jackfield-cache`.

    Attributes:
        persistent: whether a second store with the same settings, in this process or another, finds what the first
            has kept.
    """

    persistent: ClassVar[bool] = False

    def settings_in(self, folder: Path) -> Mapping[str, Any]:
        """Settings of a store that is empty; the folder is new and the store's own."""
        return self.settings

    def broken_settings_in(self, folder: Path) -> Mapping[str, Any] | None:
        """Settings of a store that cannot work: nobody listens, or the folder is a file. None where there are none."""
        return None

    def damage(self, folder: Path) -> None:
        """Damage what a persistent store has kept, as a failing disk would; or skip the case."""
        pytest.skip("the suite does not say how to damage it: override `damage`")

    @pytest.fixture
    def store(self, tmp_path: Path) -> Any:
        """An empty store."""
        return self._make(self.settings_in(tmp_path))

    def _make(self, settings: Mapping[str, Any]) -> Any:
        return Registry(self.plugins).make("store", self.plugin, self.plugin, settings, "settings")

    # --- the contract

    def test_has_the_methods(self, store: Any) -> None:
        """It has each method of a store, and says whether it is quick."""
        for name in METHODS:
            expect(callable(getattr(store, name, None)), f"a store has a method `{name}`")
        expect(isinstance(getattr(store, "quick", None), bool), "`quick` is True or False")

    def test_values_come_back_as_they_were(self, store: Any) -> None:
        """What is set is what is got, every byte of it, under its own key."""
        rule = "what was never set is None"
        expect(keeps(rule, store.get, KEY) is None, rule)
        keeps("to delete what was never set is no error", store.delete, KEY)
        store.set(KEY, VALUE, None, NOW)
        store.set(OTHER, b"other", 3600.0, NOW)
        found = store.get(KEY)
        expect(type(found) is bytes, f"a value is `bytes`; this is {told(found)}")
        expect(found == VALUE, f"a value comes back as it was, every byte of it: {VALUE!r}; this is {told(found)}")
        expect(store.get(OTHER) == b"other", "each key has a value of its own")
        store.set(KEY, b"second", None, NOW + 1)
        expect(store.get(KEY) == b"second", "a second value takes the place of the first")
        store.set(KEY, b"", None, NOW + 1)
        expect(store.get(KEY) in {b"", None}, "an empty value is kept, or not; it is not another one")
        store.delete(KEY)
        expect(store.get(KEY) is None, "what was deleted is gone")
        expect(store.get(OTHER) == b"other", "what was not deleted is still there")
        large = bytes(range(256)) * 4000
        store.set(KEY, large, None, NOW)
        expect(store.get(KEY) in {large, None}, "a large value is kept whole, or not at all")

    def test_values_are_of_use_for_their_time(self, store: Any) -> None:
        """A value with a time to live is there until it has passed; afterwards the store may forget it."""
        now = time.time()
        store.set(KEY, VALUE, 60.0, now)  # milliseconds would have passed below
        store.set(OTHER, VALUE, 0.05, now)
        expect(store.get(KEY) == VALUE, "a value that lives for a minute is gone at once")
        time.sleep(0.1)
        expect(store.get(OTHER) in {VALUE, None}, "a value whose time has passed is itself, or gone")
        expect(store.get(KEY) == VALUE, "a value that lives for a minute is gone after 0.1 s: `ttl` is in seconds")

    def test_items_and_stats(self, store: Any) -> None:
        """It lists what it has, counts it, and adds up what it is told."""
        store.clear()
        many = {f"{number:064x}": b"%d" % number for number in range(250)}
        for key, value in many.items():
            store.set(key, value, None, NOW)
        expect(dict(store.items()) == many, "`items` gives every key with its value")
        stats = store.stats()
        expect(stats["entries"] == len(many), f"`stats` counts {len(many)} entries; it says {stats['entries']}")
        expect(stats["bytes"] >= sum(map(len, many.values())), f"`stats` adds up their bytes; it says {stats['bytes']}")
        store.add({"hits": 2, "seconds": 0.5})
        store.add({"hits": 1})
        stats = store.stats()
        found = (stats.get("hits"), stats.get("seconds"))
        expect(found == (3, 0.5), f"`add` adds to the sums that `stats` gives: 3 and 0.5; it says {found}")
        store.clear()
        expect(not list(store.items()), "`clear` leaves no entry")
        expect(not store.stats().get("hits", 0), "`clear` leaves no sum")
        expect(store.stats()["entries"] == 0, "`stats` of an empty store says 0")

    def test_works_after_close(self, store: Any) -> None:
        """It may be used again after `close`, and closed twice."""
        store.close()
        rule = "it works after `close`, too, and opens again what it needs"
        keeps(rule, store.set, KEY, VALUE, 60.0, NOW)
        expect(keeps(rule, store.get, KEY) == VALUE, rule)
        keeps(rule, store.clear)
        for _ in range(2):
            keeps("`close` may be called twice", store.close)

    def test_threads(self, store: Any) -> None:
        """Several threads at once never see a part of a value, or another's."""
        wrong: list[str] = []

        def work(number: int) -> None:
            try:
                for turn in range(60):
                    key = f"{turn % 4:064x}"
                    store.set(key, value_of(key, number * 1000 + turn), None, NOW)
                    found = store.get(key)
                    if found is not None and not _whole(key, found):
                        wrong.append(told(found))
                    store.add({"turns": 1})
                    if turn % 20 == 19:
                        store.delete(key)
            except Exception as error:  # noqa: BLE001 - it is told below
                wrong.append(repr(error))

        threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE * 6)
        expect(not any(thread.is_alive() for thread in threads), "with four threads at once, one is stuck")
        expect(not wrong, f"with four threads at once: {'; '.join(wrong[:3])}")
        turns = store.stats().get("turns")
        expect(turns == 240, f"240 additions of 1, from four threads, make {turns}")

    def test_sums_of_threads(self, store: Any) -> None:
        """No addition is lost where several threads add at once."""
        added = [0] * 4
        end = time.monotonic() + ADDING

        def add(number: int) -> None:
            while time.monotonic() < end:
                store.add({"turns": 1})
                added[number] += 1

        threads = [threading.Thread(target=add, args=(number,), daemon=True) for number in range(4)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)  # or two threads are hardly ever inside one addition
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
        finally:
            sys.setswitchinterval(interval)
        turns = store.stats().get("turns")
        expect(turns == sum(added), f"{sum(added)} additions of 1, from four threads, make {turns}: is there a lock?")

    # --- what outlives a store

    def test_another_store_finds_the_values(self, tmp_path: Path) -> None:
        """A persistent store's values are there for the next one, and for one beside it."""
        if not self.persistent:
            pytest.skip("it is not `persistent`")
        settings = self.settings_in(tmp_path)
        one, beside = self._make(settings), self._make(settings)
        one.set(KEY, VALUE, None, NOW)
        expect(beside.get(KEY) == VALUE, "a second store beside it does not find what the first has kept")
        beside.set(KEY, b"second", None, NOW)
        expect(one.get(KEY) == b"second", "a store does not see what a second one beside it has set")
        one.close()
        again = self._make(settings)
        expect(again.get(KEY) == b"second", "after `close`, a new store does not find the value")
        again.clear()
        left = beside.get(KEY), list(again.items())
        expect(left == (None, []), f"`clear` leaves what another store has kept: {told(left)}")

    def test_death_of_a_process_tears_nothing(self, tmp_path: Path) -> None:
        """A process that is killed while it writes leaves whole values or none."""
        if not self.persistent or self.plugins:
            pytest.skip("it is not `persistent`, or the plugin is not installed")
        settings = self.settings_in(tmp_path)
        # as a file, since the package around it would import all the suites
        command = [sys.executable, "-P", _dying.__file__, self.plugin, json.dumps(settings)]
        chance = random.Random(1)  # noqa: S311 - moments to kill at
        for _ in range(DEATHS):
            process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - it is our own
            try:
                expect(process.stdout and process.stdout.readline() == b"ready\n", "a process cannot make the store")
                time.sleep(chance.uniform(0.0, 0.1))
            finally:
                process.kill()
                process.communicate()
            store = self._make(settings)
            for key, value in store.items():
                expect(_whole(key, value), f"after a process was killed, a value is {told(value)}")
            store.set(KEY, VALUE, None, NOW)
            expect(store.get(KEY) == VALUE, "after a process was killed, the store keeps nothing any more")
            store.delete(KEY)
            store.close()

    def test_damage_gives_no_wrong_value(self, tmp_path: Path) -> None:
        """Damaged data is an error or a miss, and the store works again after `clear`."""
        if not self.persistent:
            pytest.skip("it is not `persistent`")
        settings = self.settings_in(tmp_path)
        store = self._make(settings)
        store.set(KEY, VALUE, None, NOW)
        store.close()
        self.damage(tmp_path)
        player = Player(PLAYS["chat"][1])
        for _ in range(2):
            found = through("sync", self._options(settings, player), PLAYS["chat"][0], streaming=False)
            expect(found.error is None and found.response.text == "Hello", f"a call failed: {found.error!r}")

    def test_broken_store_answers_soon(self, tmp_path: Path) -> None:
        """A store that cannot work says so, or has nothing; it keeps nobody waiting."""
        settings = self.broken_settings_in(tmp_path)
        if settings is None:
            pytest.skip("the suite does not say how to break it: override `broken_settings_in`")
        begun = time.monotonic()
        try:
            store = self._make(settings)
            found = store.get(KEY)
        except Exception:  # noqa: BLE001 - it raises what it likes
            found = None
        expect(found is None, f"a store that cannot work has a value: {told(found)}")
        seconds = time.monotonic() - begun
        expect(seconds < PATIENCE, f"a store that cannot work takes {seconds:.0f} s to say so: bound its waits")

    # --- behind a cache

    def _options(self, settings: Mapping[str, Any], player: Player, **more: Any) -> dict[str, Any]:
        pytest.importorskip("jackfield_cache")
        made = playing(player=player)
        cache = {"use": "cache", "store": {"use": self.plugin, **settings}, **more}
        plugins = {**self.plugins, **made["plugins"]}
        return {"config": {**made["config"], "middleware": [cache]}, "plugins": plugins}

    def test_cache_hits(self, tmp_path: Path) -> None:
        """A cache that keeps its entries here gives them back, to every client, whole and streamed."""
        hits = []
        for operation, (request, events) in PLAYS.items():
            folder = tmp_path / operation
            folder.mkdir()
            player = Player(events)
            simulation = Simulation()
            client = simulation.client(**self._options(self.settings_in(folder), player))
            first = simulation.run(client.call(request))
            second = simulation.run(client.call(request))
            if second.cached:
                hits.append(operation)
                expect(player.opened == 1, f"{operation}: the provider was asked {player.opened} times for one request")
                same = uncounted(first) == uncounted(second)
                expect(same, f"{operation}: the hit is {told(second)}, and the reply was {told(first)}")
        expect(
            "chat" in hits, "a second call for the same is no hit: the store has not kept the entry, or not found it"
        )

    def test_cache_forgets_in_time(self, tmp_path: Path) -> None:
        """An entry is of use until its time has passed, and not after it."""
        request, events = PLAYS["chat"]
        player = Player(events)
        simulation = Simulation()
        client = simulation.client(**self._options(self.settings_in(tmp_path), player, ttl=60))

        async def calls() -> list[bool]:
            found = []
            for seconds in (0, 30, 31):
                await simulation.runtime.sleep(seconds)
                found.append((await client.call(request)).cached)
            return found

        found = simulation.run(calls())
        expect(found == [False, True, False], f"after 0, 30 and 61 s of 60, the replies are cached: {found}")

    def test_broken_store_fails_no_call(self, tmp_path: Path) -> None:
        """A cache whose store cannot work is no cache, and the calls go on."""
        settings = self.broken_settings_in(tmp_path)
        if settings is None:
            pytest.skip("the suite does not say how to break it: override `broken_settings_in`")
        request, events = PLAYS["chat"]
        for face in FACES:
            found = through(face, self._options(settings, Player(events)), request, streaming=True)
            expect(found.error is None, f"a store that cannot work failed the call: {found.error!r}")


def keeps(rule: str, function: Any, *arguments: Any) -> Any:
    """What a method gives; an error of it breaks the rule."""
    __tracebackhide__ = True
    try:
        return function(*arguments)
    except Exception as error:
        raise AssertionError(f"{rule}; it raised {error!r}") from error


def _whole(key: str, value: bytes) -> bool:
    number, _, _ = value.partition(b" ")
    return number.isdigit() and value == value_of(key, int(number))

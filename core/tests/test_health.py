"""How a target fares: what is kept for all calls of a client, and the one probe."""

import threading

import pytest
from fakes import Player, hello, playing

import jackfield as jf
from jackfield.health import Health, Visit
from jackfield.operations import CHAT


def shut(until=10.0):
    health = Health()
    visit = health.enter(0.0)
    visit.failed(until)
    visit.leave()
    return health


def test_it_begins_closed_and_lets_everybody_in():
    health = Health()
    visits = [health.enter(0.0) for _ in range(3)]
    assert all(visit.since is None for visit in visits)
    assert (health.state(0.0), health.failures, health.until) == ("closed", 0, None)


def test_failures_are_counted_until_one_attempt_works():
    health = Health()
    for _ in range(3):
        health.enter(0.0).failed()
    assert (health.failures, health.state(5.0)) == (3, "closed")
    health.enter(0.0).worked()
    assert health.failures == 0


def test_while_it_is_shut_nobody_comes_in_and_then_one():
    health = shut(10.0)
    assert (health.state(9.9), health.enter(9.9)) == ("open", None)
    assert health.state(10.0) == "half_open"
    probe = health.enter(10.0)
    assert probe.since == 10.0
    assert [health.enter(10.0), health.enter(99.0)] == [None, None]


def test_a_probe_that_works_opens_the_way():
    health = shut()
    probe = health.enter(10.0)
    probe.worked()
    assert (health.state(10.0), health.failures) == ("closed", 0)
    assert health.enter(10.0).since is None  # also before the probe has left
    probe.leave()
    assert health.enter(10.0).since is None


def test_a_probe_that_fails_shuts_it_again():
    health = shut()
    probe = health.enter(10.0)
    probe.failed(40.0)
    probe.leave()
    assert (health.state(39.0), health.failures, health.enter(39.0)) == ("open", 2, None)
    assert health.enter(40.0).since == 40.0


def test_a_probe_that_tells_nothing_gives_its_place_back():
    health = shut()
    probe = health.enter(10.0)
    probe.leave()
    probe.leave()
    second = health.enter(10.0)
    assert second is not None
    assert health.enter(10.0) is None


def test_a_probe_that_is_forgotten_gives_its_place_back():
    health = shut()
    probe = health.enter(10.0)
    assert health.enter(10.0) is None
    del probe
    assert health.enter(10.0) is not None


@pytest.mark.parametrize("tell", [Visit.worked, lambda visit: visit.failed(99.0)])
def test_what_began_before_it_was_shut_changes_nothing_any_more(tell):
    health = Health()
    early = health.enter(0.0)
    health.enter(0.0).failed(10.0)
    tell(early)
    assert (health.until, health.failures) == (10.0, 1)
    probe = health.enter(10.0)
    tell(early)
    assert health.until == 10.0
    probe.worked()
    assert health.state(10.0) == "closed"


@pytest.mark.parametrize("tell", [Visit.worked, Visit.failed, lambda visit: visit.failed(99.0)])
def test_what_began_before_it_was_shut_changes_nothing_after_it_was_opened_again(tell):
    health = Health()
    early = health.enter(0.0)
    health.enter(0.0).failed(10.0)
    health.enter(10.0).worked()
    health.enter(10.0).failed()
    tell(early)
    assert (health.until, health.failures) == (None, 1)


@pytest.mark.parametrize("tell", [Visit.worked, lambda visit: visit.failed(40.0)])
def test_a_probe_that_has_told_how_it_fared_keeps_nobody_out(tell):
    health = shut()
    probe = health.enter(10.0)
    tell(probe)
    health.until = 40.0  # shut again, while the reply of that probe is still being read
    second = health.enter(40.0)
    assert second.since == 40.0
    probe.leave()
    assert health.enter(40.0) is None  # the place is not the first one's to give back any more


def test_of_many_threads_one_is_the_probe():
    for _ in range(20):
        health, ready, found = shut(), threading.Barrier(16), []

        def enter(health=health, ready=ready, found=found):
            ready.wait()
            found.append(health.enter(10.0))

        threads = [threading.Thread(target=enter) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len([visit for visit in found if visit is not None]) == 1


class Noting:
    slot = jf.Slot.RETRY

    def __init__(self):
        self.seen = []

    async def __call__(self, call, proceed):
        self.seen.append((call.target, call.health(), call.health(jf.Target("other", "m"))))
        async for event in proceed(call):
            yield event


def test_the_calls_of_a_client_share_the_health_of_a_target():
    noting = Noting()
    with jf.Client(middleware=[noting], **playing(Player(hello()))) as client:
        for options in ({}, {"model": "fake:n"}, {}):
            client.chat("x", **options)
        client.with_options(timeout=5).chat("x")
    (_, first, other), (_, second, _), (_, third, _), (_, derived, _) = noting.seen
    assert first is third is derived
    assert len({id(one) for one in (first, second, other)}) == 3
    assert isinstance(first, Health)


def test_another_client_has_its_own():
    noting = Noting()
    for _ in range(2):
        with jf.Client(middleware=[noting], **playing(Player(hello()))) as client:
            client.chat("x")
    assert noting.seen[0][1] is not noting.seen[1][1]


def test_a_call_that_no_client_began_has_a_target_that_fares_well():
    call = jf.Call(CHAT, jf.ChatRequest(messages="x"), jf.Target("fake", "m"), runtime=None)
    assert call.health().state(0.0) == "closed"


def test_a_probe_that_ends_while_another_call_asks_lets_that_one_pass():
    health = shut()

    class Racing:
        """The place of a probe that works, and leaves at the very moment at which somebody asks for it."""

        def acquire(self, *, blocking):
            health.failures, health.until = 0, None
            return True

        def release(self):
            self.released = True

    health._probing = place = Racing()
    assert health.enter(10.0).since is None
    assert place.released


def test_targets_that_fare_well_are_forgotten_where_there_are_many():
    class Looking:
        slot = jf.Slot.OBSERVE

        async def __call__(self, call, proceed):
            health = call.health(jf.Target("fake", "bad"))
            health.failures = health.failures or 1
            kept.append((health, call.health()))
            async for event in proceed(call):
                yield event

    kept = []
    with jf.Client(middleware=[Looking()], **playing(Player(hello()))) as client:
        for number in range(1100):
            client.chat("x", model=f"fake:{number}")
        client.chat("x", model="fake:0")
    assert len({id(bad) for bad, _ in kept}) == 1
    assert kept[-1][1] is not kept[0][1]

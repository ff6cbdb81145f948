"""More than one `retry` around a call: the outermost acts, and a target's circuit hears of each attempt once."""

import threading

import pytest
from again import raised, same, streamed
from faces import COLOURS, run
from fakes import Player, hello, playing

import jackfield as jf
from jackfield.errors import ServerError
from jackfield.types import Finished, TextDelta
from jackfield_retry import CircuitOpenError, Retry, RetrySettings
from jackfield_testkit import Simulation

DOWN = ServerError("down", status=500)
SETTINGS = RetrySettings(attempts=1, circuit_failures=3, circuit_seconds=30)


class Looking:
    """Reads what a middleware further out can know of the target."""

    slot = jf.Slot.FALLBACK
    health = None

    async def __call__(self, call, proceed):
        if call.depth == 0:
            self.health = call.health()
        async for event in proceed(call):
            yield event


class Asking:
    """Asks something of its own within each attempt, of the same target or another."""

    slot = jf.Slot.LIMIT

    def __init__(self, model):
        self.model = model

    async def __call__(self, call, proceed):
        if call.depth == 0:
            await call.ask(jf.ChatRequest(messages="inner", model=self.model))
        async for event in proceed(call):
            yield event


def world(player, *middleware):
    simulation, looking, more = Simulation(), Looking(), playing(player)
    client = simulation.client(more["config"], plugins=more["plugins"], middleware=[looking, *middleware])
    return simulation, client, looking


def pair(*, same=False, inner=SETTINGS, outer=SETTINGS):
    retry = Retry(outer)
    return [retry, retry if same else Retry(inner)]


def fail(simulation, client, times=3):
    for _ in range(times):
        assert same(raised(simulation, client.chat("x")), DOWN)


@pytest.mark.parametrize("same", [False, True], ids=["two", "one twice"])
@pytest.mark.parametrize("streaming", [False, True], ids=["unary", "stream"])
def test_a_circuit_that_opened_closes_again(same, streaming):
    player = Player([DOWN], [DOWN], [DOWN], hello())
    simulation, client, looking = world(player, *pair(same=same))
    fail(simulation, client)
    assert isinstance(raised(simulation, client.chat("x")), CircuitOpenError)
    simulation.run(simulation.runtime.sleep(30))
    reply = simulation.run(streamed(client, "x") if streaming else client.chat("x"))
    assert (reply.text, looking.health.until, looking.health.failures) == ("Hello", None, 0)


@pytest.mark.parametrize("same", [False, True], ids=["two", "one twice"])
def test_each_failure_counts_once(same):
    simulation, client, looking = world(Player([DOWN]), *pair(same=same))
    for count in (1, 2):
        fail(simulation, client, 1)
        assert (looking.health.failures, looking.health.until) == (count, None)


def test_each_attempt_counts():
    settings = RetrySettings(attempts=3, circuit_failures=9)
    simulation, client, looking = world(Player([DOWN]), *pair(inner=settings, outer=settings))
    fail(simulation, client, 1)
    assert looking.health.failures == 3


def test_a_probe_that_fails_is_not_followed_by_another():
    several = RetrySettings(attempts=3, circuit_failures=3, circuit_seconds=30)
    player = Player([DOWN])
    simulation, client, _ = world(player, *pair(inner=several, outer=several))
    fail(simulation, client, 1)
    simulation.run(simulation.runtime.sleep(31))
    fail(simulation, client, 1)
    assert len(player.calls) == 4


def test_the_settings_of_the_outer_one_hold_whatever_those_of_the_inner_are():
    outer, inner = Retry(RetrySettings(attempts=2, circuit=False)), Retry(RetrySettings(attempts=9, circuit_failures=1))
    player = Player([DOWN])
    simulation, client, looking = world(player, outer, inner)
    fail(simulation, client, 20)
    assert (len(player.calls), looking.health.until) == (40, None)
    assert (outer.tokens("fake").left, inner.tokens("fake").left) == (400, 500)


def test_a_client_that_was_given_another_has_the_first_ones():
    player = Player([DOWN], [DOWN], [DOWN], hello())
    simulation, client, looking = world(player, Retry(SETTINGS))
    derived = client.with_options(middleware=[Retry(RetrySettings(attempts=3, circuit_failures=1))])
    fail(simulation, derived)
    assert looking.health.until == 30
    simulation.run(simulation.runtime.sleep(30))
    assert simulation.run(derived.chat("x")).text == "Hello"


@pytest.mark.parametrize("colour", COLOURS)
def test_in_every_colour(colour):
    player = Player([DOWN], [DOWN], [DOWN], hello())
    quick = RetrySettings(attempts=1, circuit_failures=3, circuit_seconds=0.001)

    async def body(client):
        for _ in range(3):
            with pytest.raises(ServerError):
                await client.chat("x")
        threading.Event().wait(0.01)
        return [(await client.chat("x")).text, (await streamed(client, "x")).text]

    chain = pair(inner=quick, outer=quick)
    assert run(colour, body, middleware=chain, **playing(player)) == ["Hello", "Hello"]


def test_those_of_clients_that_know_nothing_of_each_other_shut_the_same_target_each_for_its_own_time():
    simulation, client, looking = world(Player([DOWN]))
    strict = client.with_options(middleware=[Retry(SETTINGS)])
    patient = client.with_options(middleware=[Retry(RetrySettings(attempts=1, circuit_failures=99, circuit_seconds=7))])
    fail(simulation, strict)
    simulation.run(simulation.runtime.sleep(30))
    fail(simulation, patient, 1)  # a probe that fails shuts it again, however many failures it would have borne
    assert looking.health.until == simulation.now + 7
    assert isinstance(raised(simulation, strict.chat("x")), CircuitOpenError)


# --- calls within an attempt -------------------------------------------------------------------------------


def test_a_call_within_a_probe_belongs_to_it():
    player = Player([DOWN], [DOWN], [DOWN], hello())
    simulation, client, looking = world(player, Asking(None), Retry(SETTINGS))
    fail(simulation, client)
    simulation.run(simulation.runtime.sleep(30))
    assert simulation.run(client.chat("x")).text == "Hello"
    assert (looking.health.until, len(player.calls)) == (None, 5)


def test_a_call_within_an_attempt_is_not_asked_again_apart_from_it():
    player = Player([DOWN])
    simulation, client, _ = world(player, Asking(None), Retry(RetrySettings(attempts=3)))
    assert same(raised(simulation, client.chat("x")), DOWN)
    assert len(player.calls) == 3


def test_a_call_within_an_attempt_at_another_target_is_asked_again_by_itself():
    player = Player([DOWN], [DOWN], hello())
    simulation, client, _ = world(player, Asking("fake:other"), Retry(RetrySettings(attempts=3)))
    assert simulation.run(client.chat("x")).attempts == 1
    assert [call.target.model for call in player.calls] == ["other", "other", "other", "m"]


class InParts:
    """Serves a call as a provider does that asks for the parts of it."""

    slot = jf.Slot.ATTEMPT

    async def __call__(self, call, proceed):
        if call.depth:
            async for event in proceed(call):
                yield event
            return
        call.ledger.kept["parts"] = True
        try:
            for number in range(3):
                reply = await call.ask(jf.ChatRequest(messages=f"part {number}", model=str(call.target)))
                yield TextDelta(reply.text)
        finally:
            del call.ledger.kept["parts"]
        yield Finished(jf.Finish("stop", None))


@pytest.mark.parametrize("streaming", [False, True], ids=["unary", "stream"])
def test_each_part_of_a_call_has_attempts_of_its_own(streaming):
    player = Player(hello(), [DOWN], [DOWN], hello(), [DOWN], hello())
    simulation, client, looking = world(player, Retry(RetrySettings(attempts=3)), InParts())
    reply = simulation.run(streamed(client, "x") if streaming else client.chat("x"))
    assert (reply.text, len(player.calls), looking.health.failures) == ("HelloHelloHello", 6, 0)


@pytest.mark.parametrize("before", [0, 1])
def test_the_whole_is_not_asked_again_after_a_part_has_failed_for_good(before):
    retry = Retry(RetrySettings(attempts=3))
    player = Player(*[hello()] * before, [DOWN])
    simulation, client, looking = world(player, retry, InParts())
    error = raised(simulation, client.chat("x"))
    assert same(error, DOWN)
    assert (len(player.calls), looking.health.failures) == (before + 3, 3)
    assert retry.tokens("fake").left == 490


def test_a_part_is_the_probe_of_a_circuit():
    player = Player([DOWN], [DOWN], [DOWN], hello())
    simulation, client, looking = world(player, Retry(SETTINGS), InParts())
    fail(simulation, client)
    assert isinstance(raised(simulation, client.chat("x")), CircuitOpenError)
    simulation.run(simulation.runtime.sleep(30))
    assert simulation.run(client.chat("x")).text == "HelloHelloHello"
    assert (looking.health.until, len(player.calls)) == (None, 6)


def test_the_open_circuit_of_another_target_is_no_failure_of_this_one():
    player = Player([DOWN], [DOWN], [DOWN], hello())
    simulation, client, looking = world(player, Asking("fake:other"), Retry(SETTINGS))
    for _ in range(3):
        with pytest.raises(ServerError):
            simulation.run(client.chat("x", model="fake:other"))
    for _ in range(5):
        error = raised(simulation, client.chat("x"))
        assert isinstance(error, CircuitOpenError)
        assert error.model == "other"
    assert (looking.health.failures, looking.health.until) == (0, None)


def test_two_attempts_of_one_call_at_the_same_time_leave_nothing_behind():
    class Twice:
        """Asks twice at once, and takes the reply of the first."""

        slot = jf.Slot.FALLBACK

        async def __call__(self, call, proceed):
            async def ask(runtime):
                return [event async for event in proceed(call.evolve(runtime=runtime))]

            for event in await call.runtime.race(ask, ask):
                yield event

    player = Player([1.0, *hello()], [2.0, *hello()], [2.0, *hello()], [1.0, *hello()])
    simulation, client, looking = world(player, Twice(), Retry(SETTINGS))
    assert [simulation.run(client.chat("x")).text for _ in range(2)] == ["Hello", "Hello"]
    assert simulation.now == 2
    assert player.opened == player.closed == 4
    assert looking.health.failures == 0


def test_a_target_that_is_tried_once_more_later_is_guarded_again():
    class Stubborn:
        """Falls back to the same target."""

        slot = jf.Slot.FALLBACK

        async def __call__(self, call, proceed):
            try:
                async for event in proceed(call):
                    yield event
            except ServerError:
                call.ledger.budget += 3
                async for event in proceed(call):
                    yield event

    player = Player(*[[DOWN]] * 5, hello())
    simulation, client, looking = world(player, Stubborn(), Retry(RetrySettings(attempts=3)))
    assert simulation.run(client.chat("x")).attempts == 6
    assert looking.health.failures == 0

"""The tokens that retries cost: who takes them, who gets them back, and that they bound what all calls do."""

import threading

import anyio
import pytest
from again import failing, raised, world
from faces import run
from fakes import Player, hello, playing

import jackfield as jf
from jackfield.errors import DeadlineError, ReadTimeoutError, ServerError, StreamStateError
from jackfield_retry import Retry, RetrySettings, Tokens

LATER = ServerError("no", status=503, retry_after=30)
PATIENT = RetrySettings(circuit=False)


def test_retries_cost_tokens_and_a_success_gives_them_back():
    retry = Retry(RetrySettings(tokens=12, circuit=False))
    simulation, client, player = world(*failing(1, hello()), retry=retry)
    simulation.run(client.chat("x"))
    assert retry.tokens("fake").left == 12
    player.scripts = [[ServerError("no")]]
    raised(simulation, client.chat("x"))
    assert retry.tokens("fake").left == 2
    error = raised(simulation, client.chat("x"))
    assert (len(player.calls), retry.tokens("fake").left) == (6, 2)
    assert "tokens" in error.__notes__[-1]
    player.scripts = [hello()]
    for _ in range(3):
        simulation.run(client.chat("x"))
    assert retry.tokens("fake").left == 5
    assert retry.tokens("other").left == 12


def test_a_timeout_costs_more():
    retry = Retry(RetrySettings(tokens=100))
    simulation, client, _ = world([ReadTimeoutError("slow")], retry=retry)
    raised(simulation, client.chat("x"))
    assert retry.tokens("fake").left == 80


def test_derived_clients_share_the_tokens():
    retry = Retry(RetrySettings(tokens=10, backoff=0))
    player = Player([ServerError("no")])
    with jf.Client(middleware=[retry], **playing(player)) as client:
        for one in (client, client.with_options(timeout=5)):
            with pytest.raises(ServerError):
                one.chat("x")
    assert (len(player.calls), retry.tokens("fake").left) == (4, 0)


def test_many_threads_take_no_more_tokens_than_there_are():
    retry = Retry(RetrySettings(tokens=40, backoff=0, circuit=False))
    player = Player([ServerError("no")])
    with jf.Client(middleware=[retry], **playing(player)) as client:

        def call():
            with pytest.raises(ServerError):
                client.chat("x")

        threads = [threading.Thread(target=call) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert player.opened == 30 + 40 // 5
    assert retry.tokens("fake").left == 0


def test_tokens_that_another_call_takes_meanwhile_are_gone():
    class Contested(Tokens):
        """Another thread takes all of them between the look and the grasp."""

        def take(self, count):
            self.left = 0
            return super().take(count)

    retry = Retry()
    retry._tokens["fake"] = Contested(500)
    simulation, client, player = world([ServerError("no")], retry=retry)
    assert raised(simulation, client.chat("x")).__notes__[-1].startswith("not tried again: too many calls")
    assert (len(player.calls), retry.tokens("fake").left) == (1, 0)


# --- retries that are never made ---------------------------------------------------------------------------


def test_a_cancelled_pause_gives_its_tokens_back():
    retry = Retry(PATIENT)
    simulation, client, player = world([LATER], retry=retry)
    tasks = [simulation.spawn(client.chat("x")) for _ in range(5)]
    simulation.run(simulation.runtime.sleep(1))
    assert retry.tokens("fake").left == 475
    for task in tasks:
        task.cancel()
    simulation.finish()
    assert (len(player.calls), retry.tokens("fake").left) == (5, 500)


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
def test_and_so_it_does_on_an_event_loop(colour):
    retry = Retry(PATIENT)
    player = Player([LATER])

    async def body(client):
        with anyio.move_on_after(0.05):
            await client.chat("x")

    run(colour, body, middleware=[retry], **playing(player))
    assert (len(player.calls), retry.tokens("fake").left) == (1, 500)


def test_a_stream_that_is_closed_in_its_pause_gives_them_back():
    retry = Retry(PATIENT)
    simulation, client, player = world([LATER], retry=retry)
    stream = client.stream("x")

    async def read():
        with pytest.raises(StreamStateError):
            await anext(stream)

    simulation.spawn(read())
    simulation.run(simulation.runtime.sleep(1))
    assert retry.tokens("fake").left == 495
    simulation.run(stream.aclose())
    simulation.finish()
    assert (len(player.calls), retry.tokens("fake").left) == (1, 500)


def test_one_that_finds_the_circuit_open_after_its_pause_gives_them_back():
    retry = Retry(RetrySettings(attempts=3, circuit_failures=2))
    simulation, client, player = world([LATER], [ServerError("no", status=500)], retry=retry)
    task = simulation.spawn(client.chat("x"))
    simulation.run(simulation.runtime.sleep(29))
    raised(simulation, client.chat("y", options={"retry": {"attempts": 1}}))
    with pytest.raises(ServerError):
        simulation.finish()
    assert "left alone" in task.error.__notes__[-1]
    assert (len(player.calls), retry.tokens("fake").left) == (2, 500)


def test_one_that_was_made_and_left_keeps_them():
    retry = Retry(PATIENT)
    simulation, client, player = world([ServerError("no")], [50.0, *hello()], retry=retry)
    raised(simulation, client.chat("x", timeout=20))
    assert (len(player.calls), retry.tokens("fake").left) == (2, 495)
    assert isinstance(raised(simulation, client.chat("x", timeout=20)), DeadlineError)


def test_those_who_wait_at_the_same_time_wait_for_no_more_retries_than_there_are_tokens_for():
    retry = Retry(RetrySettings(circuit=False, tokens=40))
    simulation, client, player = world([LATER], retry=retry)
    simulation.gather(*(client.chat("x") for _ in range(100)))
    assert (len(player.calls), retry.tokens("fake").left) == (108, 0)

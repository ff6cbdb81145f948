"""The circuit of a target: when it opens, who may try, and what becomes of a place that is not used."""

import threading

import anyio
import pytest
from again import asked, raised, same, streamed, world
from fakes import STOP, Player, hello, playing

import jackfield as jf
from jackfield.errors import (
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    DeadlineError,
    JackfieldError,
    MalformedReplyError,
    OverloadedError,
    RateLimitError,
    ReadTimeoutError,
    ServerError,
    TruncatedStreamError,
)
from jackfield.types import TextDelta
from jackfield_retry import CircuitOpenError, Retry, RetrySettings
from jackfield_testkit import Cancelled

ONE = {"attempts": 1, "circuit_failures": 3, "circuit_seconds": 30}
DOWN = ServerError("down", status=500)


class Looking:
    """Reads what a middleware further out can know of the target."""

    slot = jf.Slot.FALLBACK

    def __init__(self):
        self.health = None

    async def __call__(self, call, proceed):
        self.health = call.health()
        async for event in proceed(call):
            yield event


def opened(*then, **settings):
    """A simulation whose target has just been shut, and what its provider plays from then on."""
    retry = Retry(RetrySettings(**{**ONE, **settings}))
    simulation, client, player = world([DOWN], retry=retry)
    for _ in range(retry.settings.circuit_failures):
        raised(simulation, client.chat("x"))
    player.scripts = [[DOWN]] * len(player.calls) + list(then or [hello()])
    return simulation, client, player


def test_it_opens_after_so_many_failures_in_a_row_and_says_when_it_will_be_tried_again():
    simulation, client, player = opened()
    simulation.run(simulation.runtime.sleep(10))
    error = raised(simulation, client.chat("x"))
    assert isinstance(error, CircuitOpenError)
    assert isinstance(error, OverloadedError)
    assert (error.retryable, error.retry_after, error.sent, error.status) == (True, 20.0, False, None)
    assert str(error) == "fake:m: left alone after 3 failures in a row, may be tried again in 20.0 s"
    assert (error.operation, len(player.calls)) == ("chat", 3)


def test_a_success_in_between_begins_the_count_again():
    scripts = [[DOWN], [DOWN], hello(), [DOWN], [DOWN], hello()]
    simulation, client, player = world(*scripts, retry=Retry(RetrySettings(**ONE)))
    for script in scripts:
        if script == [DOWN]:
            raised(simulation, client.chat("x"))
        else:
            simulation.run(client.chat("x"))
    assert len(player.calls) == 6


@pytest.mark.parametrize("streaming", [False, True])
def test_a_probe_that_works_closes_it(streaming):
    simulation, client, player = opened()
    simulation.run(simulation.runtime.sleep(30))
    for _ in range(3):
        assert simulation.run(asked(client, streaming, "x")).text == "Hello"
    assert len(player.calls) == 6


def test_a_probe_that_fails_is_not_followed_by_another_and_opens_it_for_as_long_again():
    simulation, client, player = opened([DOWN], hello(), attempts=3, circuit_failures=2)
    simulation.run(simulation.runtime.sleep(31))
    before = len(player.calls)
    assert same(raised(simulation, client.chat("x")), DOWN)
    assert len(player.calls) == before + 1
    error = raised(simulation, client.chat("x"))
    assert (type(error), round(error.retry_after)) == (CircuitOpenError, 30)
    simulation.run(simulation.runtime.sleep(30))
    assert simulation.run(client.chat("x")).text == "Hello"


def test_a_call_whose_own_failure_opens_it_ends_with_that():
    simulation, client, player = world([DOWN], retry=Retry(RetrySettings(circuit_failures=2, attempts=9)))
    error = raised(simulation, client.chat("x"))
    assert same(error, DOWN)
    assert len(player.calls) == 2
    assert "left alone" in error.__notes__[-1]


def test_a_call_that_finds_it_open_after_its_pause_ends_with_its_own_error():
    mine = ServerError("mine", status=500, retry_after=5)
    simulation, client, player = world([mine], [DOWN], retry=Retry(RetrySettings(**{**ONE, "attempts": 3})))

    async def others():
        for _ in range(2):
            with pytest.raises(ServerError):
                await client.chat("y", options={"retry": {"attempts": 1}})

    task = simulation.spawn(client.chat("x"))
    simulation.run(simulation.runtime.sleep(1))
    simulation.run(others())
    with pytest.raises(ServerError) as caught:
        simulation.run(_result(simulation, task))
    assert caught.value is mine
    assert "left alone" in mine.__notes__[-1]
    assert (len(player.calls), simulation.now) == (3, 5)


async def _result(simulation, task):
    while not task.ended.happened:
        await simulation.runtime.sleep(0.5)
    return task.result()


@pytest.mark.parametrize(
    ("error", "opens"),
    [
        (ServerError("x", status=500), True),
        (ServerError("x"), True),
        (OverloadedError("x", status=503), True),
        (ConnectionFailedError("x"), True),
        (ReadTimeoutError("x"), True),
        (TruncatedStreamError("x"), True),
        (ServerError("x", status=408), False),
        (RateLimitError("x", status=429), False),
        (BadRequestError("x", status=400), False),
        (DeadlineError("x"), False),
        (jf.UnsupportedError("x"), False),
    ],
)
def test_what_counts_as_a_failure(error, opens):
    simulation, client, player = world([error], retry=Retry(RetrySettings(**ONE)))
    for _ in range(4):
        raised(simulation, client.chat("x"))
    assert len(player.calls) == (3 if opens else 4)


def test_rate_limits_count_where_that_is_wished():
    settings = RetrySettings(**ONE, circuit_rate_limits=True)
    simulation, client, player = world([RateLimitError("x", status=429)], retry=Retry(settings))
    for _ in range(4):
        raised(simulation, client.chat("x"))
    assert len(player.calls) == 3


@pytest.mark.parametrize(("timeout", "calls"), [(9, 4), (10, 3)])
def test_a_deadline_counts_that_gave_the_target_time_enough(timeout, calls):
    simulation, client, player = world([60.0, *hello()], retry=Retry(RetrySettings(**ONE)))
    for _ in range(4):
        raised(simulation, client.chat("x", timeout=timeout))
    assert len(player.calls) == calls


def test_a_stream_that_breaks_counts_although_it_began():
    simulation, client, player = world([TextDelta("x"), ConnectionFailedError("x")], retry=Retry(RetrySettings(**ONE)))
    for _ in range(4):
        raised(simulation, streamed(client, "x"))
    assert len(player.calls) == 3


@pytest.mark.parametrize("local", [jf.UnsupportedError("x"), ConfigurationError("x"), MalformedReplyError("x")])
def test_what_tells_nothing_of_the_target_leaves_a_probe_undecided(local):
    simulation, client, player = opened([local], [1.0, *hello()])
    simulation.run(simulation.runtime.sleep(30))
    raised(simulation, client.chat("x"))
    before = len(player.calls)
    outcomes = simulation.gather(*(client.chat("x") for _ in range(5)))
    assert [type(one) for one in outcomes].count(CircuitOpenError) == 4  # still half open: one may pass
    assert len(player.calls) == before + 1


def test_an_undecided_probe_keeps_nobody_out_while_it_pauses():
    simulation, client, _ = opened([RateLimitError("x", retry_after=5)], hello(), attempts=2, circuit_failures=4)
    simulation.run(simulation.runtime.sleep(30))
    first = simulation.spawn(client.chat("x"))
    simulation.run(simulation.runtime.sleep(1))
    assert simulation.run(client.chat("x")).attempts == 1
    assert simulation.run(_result(simulation, first)).attempts == 2


def test_a_refusal_is_an_answer_to_a_probe():
    simulation, client, _ = opened([BadRequestError("x", status=400)], [1.0, *hello()])
    simulation.run(simulation.runtime.sleep(30))
    raised(simulation, client.chat("x"))
    assert [one.text for one in simulation.gather(*(client.chat("x") for _ in range(5)))] == ["Hello"] * 5


def test_it_is_kept_for_each_target():
    simulation, client, _ = opened()
    assert simulation.run(client.chat("x", model="fake:other")).text == "Hello"
    assert isinstance(raised(simulation, client.chat("x")), CircuitOpenError)


def test_it_can_be_switched_off():
    simulation, client, player = world([DOWN], retry=Retry(RetrySettings(**ONE, circuit=False)))
    for _ in range(20):
        assert same(raised(simulation, client.chat("x")), DOWN)
    assert len(player.calls) == 20


def test_derived_clients_share_it_and_others_can_read_it():
    looking = Looking()
    player = Player([DOWN])
    with jf.Client(middleware=[looking, Retry(RetrySettings(**ONE))], **playing(player)) as client:
        for one in (client, client.with_options(timeout=9), client):
            with pytest.raises(ServerError):
                one.chat("x")
        assert looking.health.failures == 3
        assert looking.health.until is not None
        with pytest.raises(CircuitOpenError):
            client.with_options(timeout=3).chat("x")


# --- one probe ---------------------------------------------------------------------------------------------


def test_of_a_hundred_calls_at_once_one_is_the_probe_in_virtual_time():
    simulation, client, player = opened([1.0, *hello()])
    simulation.run(simulation.runtime.sleep(30))
    before = len(player.calls)
    outcomes = simulation.gather(*(client.chat("x") for _ in range(100)))
    assert len(player.calls) == before + 1
    refused = [one for one in outcomes if isinstance(one, CircuitOpenError)]
    assert len(refused) == 99
    assert {one.retry_after for one in refused} == {1.0}


def shut(client):
    """Fail often enough, with a client whose circuit is open for a moment only."""
    for _ in range(3):
        with pytest.raises(ServerError):
            client.chat("x")


def test_of_a_hundred_threads_at_once_one_is_the_probe():
    # the probe waits until all others have asked, so that whoever else got in would be seen
    others = threading.Semaphore(0)
    player = Player([DOWN], [DOWN], [DOWN], [lambda call: [others.acquire() for _ in range(99)] and None, *hello()])
    settings = RetrySettings(**{**ONE, "circuit_seconds": 0.001})
    ready = threading.Barrier(100)
    outcomes = []
    with jf.Client(middleware=[Retry(settings)], **playing(player)) as client:
        shut(client)
        threading.Event().wait(0.01)

        def call():
            ready.wait()
            try:
                outcomes.append(client.chat("x").text)
            except JackfieldError as error:
                outcomes.append(type(error))
                others.release()

        threads = [threading.Thread(target=call) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert player.opened == 4
    assert outcomes.count("Hello") == 1
    assert outcomes.count(CircuitOpenError) == 99


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_of_a_hundred_tasks_at_once_one_is_the_probe(backend):
    player = Player([DOWN], [DOWN], [DOWN], [0.2, *hello()])
    settings = RetrySettings(**{**ONE, "circuit_seconds": 0.001})
    outcomes = []

    async def main():
        async with jf.AsyncClient(middleware=[Retry(settings)], **playing(player)) as client:
            for _ in range(3):
                with pytest.raises(ServerError):
                    await client.chat("x")
            await anyio.sleep(0.01)

            async def call():
                try:
                    outcomes.append((await client.chat("x")).text)
                except JackfieldError as error:
                    outcomes.append(type(error))

            async with anyio.create_task_group() as group:
                for _ in range(100):
                    group.start_soon(call)

    anyio.run(main, backend=backend)
    assert player.opened == 4
    assert outcomes.count("Hello") == 1
    assert outcomes.count(CircuitOpenError) == 99


def test_a_probe_that_is_cancelled_gives_its_place_back():
    simulation, client, _ = opened([50.0, *hello()], hello())
    simulation.run(simulation.runtime.sleep(30))
    task = simulation.spawn(client.chat("x"))
    simulation.run(simulation.runtime.sleep(1))
    assert isinstance(raised(simulation, client.chat("x")), CircuitOpenError)
    task.cancel()
    with pytest.raises(Cancelled):
        simulation.finish()
        raise task.error
    assert simulation.run(client.chat("x")).text == "Hello"


def test_a_probe_that_is_closed_gives_its_place_back():
    simulation, client, _ = opened([50.0, *hello()], hello())
    simulation.run(simulation.runtime.sleep(30))
    stream = client.stream("x")

    async def read():
        await anext(stream)

    simulation.spawn(read())
    simulation.run(simulation.runtime.sleep(1))
    assert isinstance(raised(simulation, client.chat("x")), CircuitOpenError)
    simulation.run(stream.aclose())
    simulation.run(simulation.runtime.sleep(1))
    assert simulation.run(client.chat("x")).text == "Hello"


def test_a_probe_whose_consumer_takes_its_time_does_not_keep_others_out():
    simulation, client, _ = opened([TextDelta("x"), 1.0, STOP], hello())
    simulation.run(simulation.runtime.sleep(30))

    async def body():
        async with client.stream("x") as stream:
            await anext(stream)
            return (await client.chat("x")).text

    assert simulation.run(body()) == "Hello"


def test_a_probe_whose_stream_outlives_the_next_opening_keeps_nobody_out():
    simulation, client, player = opened([TextDelta("x"), STOP], [DOWN], [DOWN], [DOWN], [1.0, *hello()])
    simulation.run(simulation.runtime.sleep(30))

    async def body():
        async with client.stream("x") as probe:
            await anext(probe)
            for _ in range(3):
                with pytest.raises(ServerError):
                    await client.chat("x")
            await simulation.runtime.sleep(31)
            second = simulation.spawn(client.chat("x"))
            await simulation.runtime.sleep(0.5)
            async for _ in probe:  # its end, and its place, have nothing to do with the second one's
                pass
            with pytest.raises(CircuitOpenError):
                await client.chat("x")
            await simulation.runtime.sleep(1)
            return second.result().text

    assert simulation.run(body()) == "Hello"
    assert len(player.calls) == 8


def test_failures_from_before_it_opened_are_not_counted_when_it_is_closed_again():
    slow = [100.0, ReadTimeoutError("x")]
    simulation, client, _ = world(*[slow] * 3, *[[DOWN]] * 3, hello(), retry=Retry(RetrySettings(**ONE)))
    old = [simulation.spawn(client.chat("x")) for _ in range(3)]
    simulation.run(simulation.runtime.sleep(1))
    for _ in range(3):
        raised(simulation, client.chat("x"))
    simulation.run(simulation.runtime.sleep(30))
    assert simulation.run(client.chat("x")).text == "Hello"
    with pytest.raises(ReadTimeoutError):
        simulation.finish()
    assert [type(task.error) for task in old] == [ReadTimeoutError] * 3
    assert simulation.run(client.chat("x")).text == "Hello"


def test_a_probe_whose_stream_is_dropped_gives_its_place_back():
    # it was asked for its first event in a thread that died of something else
    class Interrupted(BaseException):
        """As Ctrl-C."""

    def interrupt(call):
        raise Interrupted

    player = Player([DOWN], [DOWN], [DOWN], [interrupt], hello())
    with jf.Client(middleware=[Retry(RetrySettings(**{**ONE, "circuit_seconds": 0.001}))], **playing(player)) as client:
        shut(client)
        threading.Event().wait(0.01)
        stream = client.stream("x")
        with pytest.raises(Interrupted):
            next(stream)
        del stream
        assert client.chat("x").text == "Hello"

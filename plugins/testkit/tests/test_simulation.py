"""The simulated world: time, order, chance, cancellation, and who waits when nothing can happen."""

import asyncio
from contextvars import ContextVar

import pytest
from fakes import Player, hello, playing
from hypothesis import given, settings, strategies as st

from jackfield import ChatRequest, Slot
from jackfield.errors import DeadlineError, ServerError, StreamStateError
from jackfield.types import TextDelta
from jackfield_testkit import Cancelled, DeadlockError, Simulation, SimulationError


def middleware(function, slot=Slot.PREPARE):
    async def layer(call, proceed):
        await function(call)
        async for event in proceed(call):
            yield event

    layer.slot = slot
    return layer


def test_an_hour_passes_at_once():
    async def pause(call):
        before = call.runtime.wall()
        await call.runtime.sleep(3600)
        assert call.runtime.wall() - before == 3600

    simulation = Simulation()
    client = simulation.client(middleware=[middleware(pause)], **playing(Player(hello())))
    assert simulation.run(client.chat("x", timeout=4000)).text == "Hello"
    assert simulation.now == 3600
    assert client.engine == "simulation"


def test_the_deadline_holds_in_virtual_time():
    simulation = Simulation()
    client = simulation.client(**playing(Player([TextDelta("half"), 60.0])))
    with pytest.raises(DeadlineError) as caught:
        simulation.run(client.chat("x", timeout=10))
    assert simulation.now == 10
    assert caught.value.partial.text == "half"


def test_a_stream_is_read_and_left():
    player = Player([TextDelta("a"), 5.0, *hello("b")])
    simulation = Simulation()
    client = simulation.client(**playing(player))

    async def body():
        async with client.stream("x") as stream:
            return await anext(stream.text), stream

    text, stream = simulation.run(body())
    assert (text, stream.state, player.closed, simulation.now) == ("a", "closed", 1, 0)


def test_several_at_once_and_each_by_its_own_time():
    async def wait(seconds):
        await simulation.runtime.sleep(seconds)
        ended.append(seconds)
        return seconds * 10

    ended = []
    simulation = Simulation()
    assert simulation.gather(*map(wait, (3, 1, 2))) == [30, 10, 20]
    assert ended == [1, 2, 3]
    assert simulation.now == 3


def test_gather_gives_errors_and_finish_raises_them():
    async def fails():
        raise ServerError("no")

    async def works():
        return 1

    simulation = Simulation()
    failed, worked = simulation.gather(fails(), works())
    assert (str(failed), worked) == ("no", 1)
    simulation.spawn(fails())
    with pytest.raises(ServerError):
        simulation.finish()


def test_a_task_is_awaited_by_another():
    async def part():
        await simulation.runtime.sleep(1)
        return "part"

    async def fails():
        raise ServerError("no")

    async def whole():
        task = simulation.spawn(part())
        with pytest.raises(SimulationError, match="has not ended yet"):
            task.result()
        with pytest.raises(ServerError):
            await simulation.spawn(fails())
        return await task + await task

    simulation = Simulation()
    assert simulation.run(whole()) == "partpart"


def test_cancelling_closes_what_was_open_and_the_clean_up_is_not_cut():
    cleaned = []

    async def layer(call, proceed):
        try:
            async for event in proceed(call):
                yield event
        finally:
            await call.runtime.sleep(1)
            cleaned.append(simulation.now)

    layer.slot = Slot.ATTEMPT

    async def pausing(call, proceed):
        async for event in proceed(call):
            yield event
            await call.runtime.sleep(60)

    pausing.slot = Slot.OBSERVE
    player = Player(hello())
    simulation = Simulation()
    client = simulation.client(middleware=[layer, pausing], **playing(player))
    task = simulation.spawn(client.chat("x"), "call")

    async def cancel():
        await simulation.runtime.sleep(5)
        task.cancel()
        task.cancel()

    simulation.run(cancel())
    simulation.finish()
    assert isinstance(task.error, Cancelled)
    assert (cleaned, player.closed) == ([6], 1)
    with pytest.raises(Cancelled):
        task.result()


def test_a_clean_up_that_does_not_end_is_given_up():
    async def layer(call, proceed):
        try:
            async for event in proceed(call):
                yield event
        finally:
            await call.runtime.wait(call.runtime.signal())

    async def outer(call, proceed):
        async for event in proceed(call):
            yield event
            return

    layer.slot, outer.slot = Slot.ATTEMPT, Slot.OBSERVE
    simulation = Simulation()
    client = simulation.client(middleware=[layer, outer], **playing(Player(hello())))
    simulation.gather(client.chat("x"))
    assert simulation.now == 5


def test_closing_a_stream_wakes_its_reader():
    async def read():
        with pytest.raises(StreamStateError):
            await anext(stream)
        return simulation.now

    async def close():
        await simulation.runtime.sleep(3)
        await stream.aclose()

    simulation = Simulation()
    stream = simulation.client(**playing(Player([60.0, *hello()]))).stream("x")
    assert simulation.gather(read(), close()) == [3, None]
    assert stream.state == "closed"


def test_a_race():
    async def body(call):
        async def slow(runtime):
            try:
                await runtime.sleep(60)
            finally:
                ended.append(simulation.now)

        async def quick(runtime):
            await runtime.sleep(2)
            return "quick"

        assert await call.runtime.race(slow, quick) == "quick"
        with pytest.raises(ServerError):
            await call.runtime.race(slow, lambda mine: call.runtime.run(fail))

    def fail():
        raise ServerError("no")

    ended = []
    simulation = Simulation()
    simulation.run(simulation.client(middleware=[middleware(body)], **playing(Player(hello()))).chat("x"))
    assert ended == [2, 2]
    assert simulation.tasks == []


def test_a_race_that_is_cancelled_cancels_everybody():
    async def body(call):
        async def slow(runtime):
            try:
                await runtime.sleep(60)
            finally:
                ended.append(simulation.now)

        await call.runtime.race(slow, slow)

    ended = []
    simulation = Simulation()
    client = simulation.client(middleware=[middleware(body)], **playing(Player(hello())))
    task = simulation.spawn(client.chat("x"))

    async def cancel():
        await simulation.runtime.sleep(1)
        task.cancel()

    simulation.run(cancel())
    simulation.finish()
    assert ended == [1, 1]


def test_an_inner_call():
    async def ask(call):
        if call.depth == 0:
            assert (await call.ask(ChatRequest(messages="inner"))).text == "inner"

    simulation = Simulation()
    client = simulation.client(middleware=[middleware(ask)], **playing(Player(hello("inner"), hello("outer"))))
    assert simulation.run(client.chat("x")).text == "outer"


def test_a_deadlock_says_who_waits_and_where():
    async def stuck(call):
        await call.runtime.wait(call.runtime.signal())

    simulation = Simulation()
    client = simulation.client(middleware=[middleware(stuck)], **playing(Player(hello())))

    async def body():
        async with client.stream("x") as stream:
            await anext(stream)

    with pytest.raises(DeadlockError, match=r"at 0 s nothing .*: main waits in .*test_simulation.py:\d+ \(.*stuck\)"):
        simulation.run(body())
    simulation.close()
    assert simulation.tasks == []


def test_what_awaits_an_event_loop_is_a_clear_error():
    async def body(call):
        await asyncio.sleep(0)

    simulation = Simulation()
    client = simulation.client(middleware=[middleware(body)], **playing(Player(hello())))
    with pytest.raises(SimulationError, match="in a simulation there is only call.runtime"):
        simulation.run(client.chat("x"))


def test_running_for_ever_is_an_error(monkeypatch):
    monkeypatch.setattr("jackfield_testkit.simulation.STEPS", 1_000)  # a million of them takes a while

    async def spin():
        while True:
            await simulation.runtime.sleep(0)

    simulation = Simulation()
    with pytest.raises(SimulationError, match="still running after 1000 steps"):
        simulation.run(spin())
    simulation.close()


def test_it_does_not_run_within_itself_nor_wait_outside():
    async def body():
        async def nothing():
            return None

        inner = nothing()
        with pytest.raises(SimulationError, match="runs already"):
            simulation.run(inner)
        inner.close()

    simulation = Simulation()
    simulation.run(body())
    sleeping = simulation.runtime.sleep(1)
    with pytest.raises(SimulationError, match="works inside"):
        sleeping.send(None)
    with Simulation() as other:
        task = other.spawn(other.runtime.sleep(9))
    assert isinstance(task.error, Cancelled)


def test_context_variables_are_each_task_s_own():
    where = ContextVar("where", default="outside")

    async def sets(value):
        where.set(value)
        await simulation.runtime.sleep(1)
        return where.get()

    simulation = Simulation()
    assert simulation.gather(sets("a"), sets("b")) == ["a", "b"]
    assert where.get() == "outside"


def world(seed):
    """A busy simulation; what it leaves behind."""

    async def jitter(call):
        for _ in range(3):
            await call.runtime.sleep(call.runtime.random())
            order.append(call.request.messages[0].text)
        await call.runtime.run(order.append, "ran")

    order = []
    simulation = Simulation(seed=seed)
    client = simulation.client(middleware=[middleware(jitter)], **playing(Player(hello())))
    simulation.gather(*(client.chat(str(number)) for number in range(5)))
    return order, simulation.trace, simulation.now


@settings(max_examples=20)  # a world has much in it
@given(st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_run(seed):
    assert world(seed) == world(seed)


def test_another_seed_gives_another_run():
    assert len({str(world(seed)) for seed in range(5)}) == 5


def test_what_could_run_at_once_runs_in_every_order():
    def order(seed):
        async def go(name):
            await simulation.runtime.sleep(1)
            seen.append(name)

        seen = []
        simulation = Simulation(seed=seed)
        simulation.gather(go("a"), go("b"), go("c"))
        return "".join(seen)

    assert len({order(seed) for seed in range(100)}) == 6


def test_a_dropped_stream_is_closed():
    player = Player(hello())

    async def body():
        stream = client.stream("x")
        await anext(stream)
        with pytest.warns(ResourceWarning, match="was dropped"):
            del stream
        await simulation.runtime.sleep(1)
        assert player.closed == 1

    simulation = Simulation()
    client = simulation.client(**playing(player))
    simulation.run(body())

"""What `call.runtime` offers: signals, waiting, racing, scopes and deadlines, in each colour."""

import random
import threading
from contextlib import contextmanager
from contextvars import ContextVar

import anyio
import pytest
from faces import COLOURS, run
from fakes import Player, hello, playing
from lines import lines, options
from scripted import HOLD, Scripted, part, reply

from jackfield import AsyncClient, Client, Slot
from jackfield.errors import BlockingAwaitError, DeadlineError, ServerError, StreamStateError
from jackfield.http import HttpRequest
from jackfield.provider import Credential, JsonReply, Secret
from jackfield.types import Finish, Finished, TextDelta

WHERE: ContextVar[str] = ContextVar("where", default="outside")


def middleware(function, slot=Slot.PREPARE):
    """A middleware that awaits the function before it goes on with the call that this returns, or with its own."""

    async def layer(call, proceed):
        changed = await function(call)
        async for event in proceed(call if changed is None else changed):
            yield event

    layer.slot = slot
    return layer


def awaiting(colour, function, **more):
    """What a middleware that awaits this function of a call gets."""
    got = []

    async def keep(call):
        got.append(await function(call))

    run(colour, lambda client: client.chat("x", **more), middleware=[middleware(keep)], **playing(Player(hello())))
    return got[0]


# --- signals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_a_signal_that_came_before_is_not_waited_for(colour):
    async def body(call):
        signal = call.runtime.signal()
        signal.set()
        signal.set()
        return signal.happened, await call.runtime.wait(signal), await call.runtime.wait(signal, 0)

    assert awaiting(colour, body) == (True, True, True)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_signal_that_does_not_come_is_false(colour):
    async def body(call):
        signal = call.runtime.signal()
        return await call.runtime.wait(signal, 0.01), await call.runtime.wait(signal, 0), signal.happened

    assert awaiting(colour, body) == (False, False, False)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_signal_is_set_from_another_thread_and_wakes_everybody(colour):
    async def body(call):
        signal = call.runtime.signal()
        threading.Timer(0.05, signal.set).start()
        both = [await call.runtime.wait(signal) for _ in range(2)]
        assert not signal._wakes  # nobody is kept
        return both

    assert awaiting(colour, body) == [True, True]


@pytest.mark.parametrize("waits", COLOURS)
@pytest.mark.parametrize("sets", COLOURS)
def test_a_signal_belongs_to_no_colour(waits, sets):
    shared = []
    there = threading.Event()

    async def wait(call):
        shared.append(call.runtime.signal())
        there.set()
        return await call.runtime.wait(shared[0], 30)

    async def release(call):
        shared[0].set()

    woken = []
    waiter = threading.Thread(target=lambda: woken.append(awaiting(waits, wait)))
    waiter.start()
    there.wait(30)
    awaiting(sets, release)
    waiter.join(30)
    assert woken == [True]


def test_a_signal_may_outlive_the_loop_of_who_waited():
    signals = []

    async def body(call):
        signals.append(call.runtime.signal())
        with anyio.move_on_after(0.01):
            await call.runtime.wait(signals[0])

    for colour in ("asyncio", "trio"):
        awaiting(colour, body)
    for signal in signals:
        signal.set()


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("seconds", [None, 60.0])
def test_the_deadline_ends_a_wait(colour, seconds):
    async def body(call):
        await call.runtime.wait(call.runtime.signal(), seconds)

    with pytest.raises(DeadlineError):
        awaiting(colour, body, timeout=0.05)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("how", ["sleep", "wait", "race"])
def test_closing_the_stream_wakes_who_waits(colour, how):
    waits = threading.Event()

    async def body(call):
        waits.set()
        if how == "sleep":
            await call.runtime.sleep(60)
        elif how == "wait":
            await call.runtime.wait(call.runtime.signal())
        else:
            await call.runtime.race(lambda mine: mine.sleep(60), lambda mine: mine.wait(mine.signal()))

    async def read(client):
        stream = client.stream("x")
        if colour == "sync":
            closer = threading.Thread(target=lambda: (waits.wait(30), stream.inner.close()))
            closer.start()
            with pytest.raises(StreamStateError):
                await anext(stream)
            closer.join()
        else:
            async with anyio.create_task_group() as group:

                async def close():
                    await anyio.to_thread.run_sync(waits.wait, 30)
                    await stream.aclose()

                group.start_soon(close)
                with pytest.raises(StreamStateError):
                    await anext(stream)
        assert stream.state == "closed"

    run(colour, read, middleware=[middleware(body)], **playing(Player(hello())))


# --- races --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_the_first_to_finish_wins_and_the_others_have_ended(colour):
    ended = []

    async def body(call):
        async def slow(runtime):
            try:
                await runtime.sleep(60)
            finally:
                ended.append("slow")

        async def quick(runtime):
            await runtime.sleep(0.01)
            return "quick"

        return await call.runtime.race(slow, quick, slow)

    assert awaiting(colour, body) == "quick"
    assert ended == ["slow", "slow"]


@pytest.mark.parametrize("colour", COLOURS)
def test_the_error_of_the_first_to_finish_is_raised(colour):
    async def body(call):
        async def fails(runtime):
            raise ServerError("first")

        return await call.runtime.race(lambda mine: mine.sleep(60), fails)

    with pytest.raises(ServerError, match="first"):
        awaiting(colour, body)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_race_of_one_and_of_none(colour):
    async def one(call):
        async def alone(runtime):
            return runtime.deadline == call.deadline

        return await call.runtime.race(alone)

    assert awaiting(colour, one) is True

    async def none(call):
        with pytest.raises(ValueError, match="nothing"):
            await call.runtime.race()

    awaiting(colour, none)


@pytest.mark.parametrize("colour", COLOURS)
def test_the_deadline_holds_in_a_race(colour):
    async def body(call):
        await call.runtime.race(lambda mine: mine.sleep(60), lambda mine: mine.sleep(60))

    with pytest.raises(DeadlineError):
        awaiting(colour, body, timeout=0.05)


@pytest.mark.parametrize("colour", COLOURS)
def test_context_variables_go_into_a_race_and_not_out_of_it(colour):
    async def body(call):
        token = WHERE.set("before")

        async def sets(runtime):
            seen = WHERE.get()
            WHERE.set("within")
            return seen

        try:
            return await call.runtime.race(sets), WHERE.get()
        finally:
            WHERE.reset(token)

    assert awaiting(colour, body) == ("before", "before")


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_what_stops_a_program_is_not_lost_in_a_thread(error):
    async def body(call):
        async def stops(runtime):
            raise error

        await call.runtime.race(stops, lambda mine: mine.sleep(60))

    with pytest.raises(error):
        awaiting("sync", body)


def test_a_race_in_a_sync_client_has_no_event_loop_either():
    async def body(call):
        await call.runtime.race(lambda mine: anyio.sleep(1))

    with pytest.raises(BlockingAwaitError):
        awaiting("sync", body)


class Hedge:
    """Asks a second time where the first event takes too long, and goes on with whichever comes first."""

    slot = Slot.FALLBACK

    async def __call__(self, call, proceed):
        async def attempt(runtime, delay):
            await runtime.sleep(delay)
            stage = proceed(call.evolve(runtime=runtime))
            return stage, await anext(stage)

        stage, event = await call.runtime.race(lambda mine: attempt(mine, 0), lambda mine: attempt(mine, 0.1))
        yield event
        async for event in stage:
            yield event


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streaming", [False, True])
def test_a_hedge_leaves_no_connection_of_the_loser_open(colour, streaming):
    def answer(request):
        return [HOLD] if len(server.requests) == 1 else [*lines("a", "b"), 0.2, part(b"c\n.\n"), part(b"")]

    async def body(client):
        if not streaming:
            return (await client.chat("x")).text
        texts = []
        async with client.stream("x") as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    texts.append(event.text)
                    assert server.open == 1 or server.settled(1)
        return "".join(texts)

    with Scripted(answer) as server:
        assert run(colour, body, middleware=[Hedge()], **options(server)) == "abc"
        assert len(server.requests) == 2
        assert server.settled(0)


@pytest.mark.parametrize("colour", COLOURS)
def test_closing_a_stream_that_won_a_race_aborts_its_socket(colour):
    async def body(client):
        stream = client.stream("x")
        while not isinstance(await anext(stream), TextDelta):
            pass
        if colour == "sync":
            threading.Timer(0.1, stream.inner.close).start()
            with pytest.raises(StreamStateError):
                await anext(stream)
        else:
            async with anyio.create_task_group() as group:

                async def read():
                    with pytest.raises(StreamStateError):
                        await anext(stream)

                group.start_soon(read)
                await anyio.sleep(0.1)
                await stream.aclose()

    with Scripted([*lines("a"), HOLD]) as server:
        run(colour, body, middleware=[Hedge()], **options(server))
        assert server.settled(0)


# --- scopes -------------------------------------------------------------------------------------------------


@contextmanager
def inside(name):
    token = WHERE.set(f"{WHERE.get()} {name}")
    try:
        yield
    finally:
        WHERE.reset(token)


@pytest.mark.parametrize("colour", COLOURS)
def test_scopes_are_entered_around_each_step_and_leak_to_nobody(colour):
    seen = []

    async def body(call):
        call = call.scoped(lambda: inside("one")).scoped(lambda: inside("two"))
        seen.append(await call.runtime.run(WHERE.get))
        seen.append(await call.runtime.race(lambda mine: mine.run(WHERE.get)))
        await call.runtime.sleep(0)
        seen.append(WHERE.get())
        return call

    player = Player([lambda call: seen.append(WHERE.get()), *hello()])

    async def read(client):
        async with client.stream("x") as stream:
            seen.extend([WHERE.get() async for _ in stream])

    run(colour, read, middleware=[middleware(body)], **playing(player))
    assert seen == ["outside one two"] * 2 + ["outside"] * 7


@pytest.mark.parametrize("colour", COLOURS)
def test_scopes_are_there_when_credentials_are_resolved_and_bytes_are_read(colour):
    entered = []

    @contextmanager
    def scope():
        entered.append(1)
        with inside("scope"):
            yield

    seen = []

    def credential():
        seen.append(WHERE.get())
        return Secret("sk-1")

    def steps(provider, call):
        seen.append(WHERE.get())
        head = yield HttpRequest("GET", "/x")
        return JsonReply(head, lambda body: [TextDelta("a"), Finished(Finish("stop", None))])

    async def scoped(call):
        return call.scoped(scope)

    with Scripted([reply("{}")]) as server:
        more = options(server, Credential(credential), steps)
        run(colour, lambda client: client.chat("x"), middleware=[middleware(scoped)], **more)
    assert seen == ["outside", "outside scope"]
    assert len(entered) == 4  # the credential, the request with the head, the body, its end


def test_an_error_leaves_the_scopes():
    async def body(call):
        with pytest.raises(ZeroDivisionError):
            await call.scoped(lambda: inside("x")).runtime.run(lambda: 1 / 0)
        return WHERE.get()

    assert awaiting("sync", body) == "outside"


# --- deadlines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_a_call_with_another_deadline_sleeps_and_reads_by_it(colour):
    async def sooner(call):
        with pytest.raises(DeadlineError):
            await call.evolve(deadline=call.runtime.now()).runtime.sleep(60)
        await call.evolve(deadline=None).runtime.sleep(0)
        return call.evolve(deadline=call.runtime.now() + 0.1)

    with Scripted([HOLD]) as server:
        with pytest.raises(DeadlineError):
            run(colour, lambda client: client.chat("x"), middleware=[middleware(sooner)], **options(server))
        assert server.settled(0)


@pytest.mark.parametrize("colour", COLOURS)
def test_the_caller_s_own_deadline_is_there_from_the_first_event_on(colour):
    async def body(call):
        return call.runtime.deadline == call.deadline, call.deadline - call.runtime.now()

    same, left = awaiting(colour, body, timeout=1000)
    assert same
    assert 0 < left <= 1000


def test_a_middleware_made_with_partial_is_a_middleware():
    from functools import partial

    async def layer(word, call, proceed):
        async for event in proceed(call):
            yield TextDelta(word) if isinstance(event, TextDelta) else event

    class Shout:
        async def __call__(self, word, call, proceed):
            async for event in proceed(call):
                yield TextDelta(event.text + word) if isinstance(event, TextDelta) else event

    first, second = partial(layer, "ho"), partial(partial(Shout()), "!")
    first.slot = second.slot = Slot.PREPARE
    with Client(middleware=[second, first], **playing(Player(hello("a")))) as client:
        assert client.chat("x").text == "ho!"


def test_a_program_that_seeds_its_own_randomness_does_not_repeat_ours():
    async def body(call):
        return call.runtime.random()

    found = []
    for _ in range(2):
        random.seed(42)
        found.append(awaiting("sync", body))
    assert found[0] != found[1]
    assert all(0 <= one < 1 for one in found)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_program_may_have_used_up_its_threads(backend):
    ran = []

    async def body(call):
        ran.append(await call.runtime.run(lambda: "ran"))

    async def main():
        limiter = anyio.to_thread.current_default_thread_limiter()
        limiter.total_tokens = 1
        async with limiter, AsyncClient(middleware=[middleware(body)], **playing(Player(hello()))) as client:
            with anyio.fail_after(10):
                await client.chat("x")

    anyio.run(main, backend=backend)
    assert ran == ["ran"]

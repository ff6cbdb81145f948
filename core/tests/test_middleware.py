"""One body of middleware on every colour: order, ownership, closing, and what it may await."""

import asyncio
import gc

import anyio
import pytest
import trio
from faces import COLOURS, run
from fakes import STOP, Player, hello, playing

from jackfield import AsyncClient, Client, ConfigurationError, JackfieldError, Slot, TruncatedStreamError
from jackfield.errors import BlockingAwaitError, PluginError, ServerError
from jackfield.types import Start, TextDelta


class Layer:
    """Writes down when it opens, sees, cleans up."""

    def __init__(self, name, log, slot=Slot.OBSERVE):
        self.name, self.log, self.slot = name, log, slot

    async def __call__(self, call, proceed):
        self.log.append(f"open {self.name}")
        try:
            async for event in proceed(call):
                yield event
        finally:
            self.log.append(f"clean {self.name}")


class Counting:
    slot = Slot.OBSERVE

    def __init__(self):
        self.calls = self.events = self.ends = 0

    async def __call__(self, call, proceed):
        self.calls += 1
        async for event in proceed(call):
            self.events += 1
            yield event
        self.ends += 1


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streaming", [False, True])
def test_one_body_serves_every_colour_and_shape(colour, streaming):
    count = Counting()

    async def body(client):
        if not streaming:
            return (await client.chat("x")).text
        async with client.stream("x") as stream:
            async for _ in stream:
                pass
            return stream.response.text

    assert run(colour, body, middleware=[count], **playing(Player(hello()))) == "Hello"
    assert (count.calls, count.events, count.ends) == (1, 5, 1)


@pytest.mark.parametrize("colour", COLOURS)
def test_slots_order_the_chain_and_within_a_slot_the_order_given(colour):
    log = []
    middleware = [
        Layer("attempt", log, Slot.ATTEMPT),
        Layer("first", log, Slot.OBSERVE),
        Layer("retry", log, Slot.RETRY),
        Layer("second", log, Slot.OBSERVE),
    ]
    run(colour, lambda client: client.chat("x"), middleware=middleware, **playing(Player(hello())))
    assert log[:4] == ["open first", "open second", "open retry", "open attempt"]


@pytest.mark.parametrize("colour", COLOURS)
def test_early_exit_closes_from_the_outside_in_and_each_before_what_it_opened(colour):
    log = []
    player = Player(hello("a", "b", "c"))

    async def body(client):
        async with client.stream("x") as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    break
            assert player.closed == 0
        assert stream.state == "closed"
        assert player.closed == 1

    middleware = [Layer(name, log) for name in "abcd"]
    run(colour, body, middleware=middleware, **playing(player))
    assert log == [f"open {n}" for n in "abcd"] + [f"clean {n}" for n in "abcd"]


@pytest.mark.parametrize("colour", COLOURS)
def test_an_exception_in_the_consumer_passes_through_and_closes_everything(colour):
    log = []
    player = Player(hello("a", "b"))

    async def body(client):
        async with client.stream("x") as stream:
            async for _ in stream:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(colour, body, middleware=[Layer(name, log) for name in "abcd"], **playing(player))
    assert player.closed == player.opened == 1
    assert log[-4:] == [f"clean {n}" for n in "abcd"]


@pytest.mark.parametrize("colour", COLOURS)
def test_what_an_attempt_opened_is_closed_before_the_next_one_begins(colour):
    closed = []
    player = Player([TextDelta("half"), STOP, ServerError("no")], hello())

    class Again:
        slot = Slot.RETRY

        async def __call__(self, call, proceed):
            try:
                async for event in proceed(call):
                    if isinstance(event, TextDelta):
                        raise ServerError("given up")
            except ServerError:
                pass
            closed.append(player.closed)
            async for event in proceed(call):
                yield event

    class Dropping:
        slot = Slot.ATTEMPT

        async def __call__(self, call, proceed):
            async for event in proceed(call):
                yield event
                if player.opened == 1:
                    raise ServerError("the attempt fails")

    reply = run(colour, lambda client: client.chat("x"), middleware=[Again(), Dropping()], **playing(player))
    assert reply.text == "Hello"
    assert closed == [1]
    assert player.closed == player.opened == 2


@pytest.mark.parametrize("colour", COLOURS)
def test_a_layer_that_leaves_its_inner_stage_open_has_it_closed_when_it_returns(colour):
    player = Player(hello("a"))
    seen = []

    class Impatient:
        slot = Slot.CACHE

        async def __call__(self, call, proceed):
            async for event in proceed(call):
                yield event
                if isinstance(event, TextDelta):
                    break
            yield STOP

    class Outer:
        slot = Slot.OBSERVE

        async def __call__(self, call, proceed):
            async for event in proceed(call):
                yield event
            seen.append(player.closed)

    reply = run(colour, lambda client: client.chat("x"), middleware=[Impatient(), Outer()], **playing(player))
    assert reply.text == "a"
    assert seen == [1]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancellation_in_mid_stream_closes_every_stage(backend):
    log = []
    player = Player([Start(), TextDelta("a"), 30.0, *hello("b")])

    async def body(client):
        with anyio.move_on_after(0.05) as scope:
            async with client.stream("x") as stream:
                async for _ in stream:
                    pass
        assert scope.cancelled_caught
        assert stream.state == "failed"
        assert player.closed == 1

    run(backend, body, middleware=[Layer(name, log) for name in "abcd"], **playing(player))
    assert sorted(log[-4:]) == [f"clean {n}" for n in "abcd"]


def test_a_task_that_is_cancelled_natively_closes_every_stage():
    player = Player([Start(), TextDelta("a"), 30.0])
    log = []

    async def body(client):
        task = asyncio.ensure_future(client.chat("x"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert player.closed == 1
        assert len(asyncio.all_tasks()) == 1

    run("asyncio", body, middleware=[Layer(name, log) for name in "abcd"], **playing(player))


async def _asyncio_sleep():
    await asyncio.sleep(0.01)


async def _asyncio_bare():
    await asyncio.sleep(0)


async def _trio_sleep():
    await trio.sleep(0.01)


async def _anyio_sleep():
    await anyio.sleep(0.01)


async def _thread():
    await asyncio.to_thread(print)


@pytest.mark.parametrize("wait", [_asyncio_sleep, _asyncio_bare, _trio_sleep, _anyio_sleep, _thread])
@pytest.mark.parametrize("where", ["middleware", "provider"])
@pytest.mark.parametrize("in_loop", [False, True])
def test_awaiting_an_event_loop_in_a_sync_client_is_a_clear_error(wait, where, in_loop):
    player = Player([TextDelta("a"), (lambda _: wait()) if where == "provider" else STOP, STOP])
    seen = []

    class Waiting:
        slot = Slot.LIMIT

        async def __call__(self, call, proceed):
            async for event in proceed(call):
                yield event
                if where == "middleware":
                    try:
                        await wait()
                    except BaseException as error:
                        seen.append(error)
                        raise

    def call():
        log = []
        with Client(
            middleware=[Waiting(), Layer("a", log), Layer("b", log), Layer("c", log)], **playing(player)
        ) as client:
            with pytest.raises(BlockingAwaitError, match="may await only proceed") as caught:
                client.chat("x")
        assert player.closed == player.opened == 1
        assert [line for line in log if "clean" in line] != []
        return caught.value

    if in_loop:

        async def main():
            return call()

        error = asyncio.run(main())
    else:
        error = call()
    if where == "middleware":
        assert seen  # raised at the very await
    else:
        assert error.provider == "fake"


def test_a_sync_client_inside_a_loop_leaves_no_generator_to_it():
    player = Player(hello("a", "b"))

    async def main():
        client = Client(middleware=[Layer("a", [])], **playing(player))
        for event in client.stream("x"):
            if isinstance(event, TextDelta):
                break
        del event
        gc.collect()
        assert player.closed == 1
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


@pytest.mark.parametrize("colour", COLOURS)
def test_a_middleware_that_stops_halfway_is_a_truncation_not_an_end(colour):
    class Half:
        slot = Slot.PREPARE

        async def __call__(self, call, proceed):
            async for event in proceed(call):
                yield event
                if isinstance(event, TextDelta):
                    return

    with pytest.raises(TruncatedStreamError) as caught:
        run(colour, lambda client: client.chat("x"), middleware=[Half()], **playing(Player(hello("a", "b"))))
    assert caught.value.partial.text == "a"


def test_context_variables_and_locks_are_not_held_across_a_yield():
    # a layer that is closed in another context than it began in must not fail
    player = Player(hello("a"))
    client = Client(middleware=[Layer("a", [])], **playing(player))
    stream = client.stream("x")
    next(stream)

    async def elsewhere():
        stream.close()

    asyncio.run(elsewhere())
    assert player.closed == 1


async def _not_a_generator(call, proceed):
    return proceed(call)


def _plain(call, proceed):
    return proceed(call)


@pytest.mark.parametrize("layer", [_not_a_generator, _plain])
def test_what_is_no_async_generator_function_is_refused(layer):
    layer.slot = Slot.OBSERVE
    with pytest.raises(PluginError, match="must be an async generator function"):
        Client(middleware=[layer], **playing(Player(hello())))


def test_a_middleware_without_a_slot_is_refused():
    async def layer(call, proceed):
        yield

    with pytest.raises(PluginError, match="has no `slot`"):
        Client(middleware=[layer], **playing(Player(hello())))


def test_a_function_can_be_a_middleware():
    async def shout(call, proceed):
        async for event in proceed(call):
            yield TextDelta(event.text.upper()) if isinstance(event, TextDelta) else event

    shout.slot = Slot.PREPARE
    assert Client(middleware=[shout], **playing(Player(hello("hi")))).chat("x").text == "HI"


def test_errors_of_a_middleware_pass_unchanged():
    class Guard:
        slot = Slot.PREPARE

        async def __call__(self, call, proceed):
            raise JackfieldError("not today")
            yield

    with pytest.raises(JackfieldError, match="not today"):
        Client(middleware=[Guard()], **playing(Player(hello()))).chat("x")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancellation_does_not_cut_the_clean_up_of_what_is_closed(backend):
    log = []

    class Slow:
        slot = Slot.ATTEMPT

        async def __call__(self, call, proceed):
            try:
                async for event in proceed(call):
                    yield event
            finally:
                await call.runtime.sleep(0.01)
                log.append("clean")

    class Pausing:
        slot = Slot.OBSERVE

        async def __call__(self, call, proceed):
            async for event in proceed(call):
                yield event
                await call.runtime.sleep(30)

    async def body(client):
        with anyio.move_on_after(0.05):
            await client.chat("x")

    player = Player(hello())
    run(backend, body, middleware=[Slow(), Pausing()], **playing(player))
    assert log == ["clean"]
    assert player.closed == 1


def test_generators_of_a_middleware_in_a_sync_client_are_not_adopted_by_a_surrounding_loop():
    closed = []

    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    async def layer(call, proceed):
        async for _ in numbers():
            break
        gc.collect()
        assert closed == [True]
        async for event in proceed(call):
            yield event

    layer.slot = Slot.PREPARE

    async def main():
        Client(middleware=[layer], **playing(Player(hello()))).chat("x")

    asyncio.run(main())


def test_what_a_dead_loop_left_behind_is_dropped_without_being_run():
    class Awaiting:
        slot = Slot.OBSERVE

        async def __call__(self, call, proceed):
            try:
                async for event in proceed(call):
                    yield event
            finally:
                await call.runtime.sleep(0)

    kept = []

    async def main():
        stream = AsyncClient(middleware=[Awaiting()], **playing(Player(hello()))).stream("x")
        await stream.__anext__()
        kept.append(stream)

    asyncio.run(main())
    with pytest.warns(ResourceWarning, match="was dropped"):
        kept.clear()
        gc.collect()  # an error in a finaliser would be a warning, and so a failure


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ([], ["observe", "cache", "retry", "attempt"]),
        (["retry", "cache"], ["observe", "retry", "cache", "attempt"]),
        (["attempt", "retry", "cache", "observe"], ["attempt", "retry", "cache", "observe"]),
        (["fallback", "prepare"], ["observe", "cache", "retry", "attempt"]),
    ],
)
def test_slots_change_places_as_the_configuration_says(slots, expected):
    log = []
    chain = [Layer(slot.name.lower(), log, slot) for slot in (Slot.ATTEMPT, Slot.RETRY, Slot.OBSERVE, Slot.CACHE)]
    given = playing(Player(hello()))
    given["config"] = {**given["config"], "slots": slots}
    with Client(middleware=chain, **given) as client:
        client.chat("x")
        assert [layer.name for layer in client.middleware] == expected
    assert [line.removeprefix("open ") for line in log if line.startswith("open")] == expected


def test_a_slot_that_is_none_is_told():
    given = playing(Player(hello()))
    given["config"] = {**given["config"], "slots": ["retry", "cash"]}
    with pytest.raises(ConfigurationError, match=r"config.slots\[1\]: expected one of observe, .*, got 'cash'"):
        Client(**given)


def test_a_slot_that_stands_twice_is_told():
    given = playing(Player(hello()))
    given["config"] = {**given["config"], "slots": ["cache", "retry", "cache"]}
    with pytest.raises(ConfigurationError, match="config.slots: a slot stands here twice"):
        Client(**given)

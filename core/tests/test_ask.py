"""`call.ask`: a call that is a part of another."""

import asyncio
import threading
from contextlib import contextmanager

import anyio
import pytest
from faces import COLOURS, run
from fakes import Player, hello, playing
from lines import lines, options
from scripted import HOLD, Scripted

from jackfield import Call, ChatRequest, Slot, Target
from jackfield.errors import DeadlineError, PluginError, ServerError, StreamStateError
from jackfield.operations import CHAT
from jackfield.runtime import drive
from jackfield.types import TextDelta


class Asking:
    """Asks a question of its own before each call that is not such a question itself."""

    slot = Slot.PREPARE

    def __init__(self, prepare=lambda call: call):
        self.calls = []
        self.prepare = prepare

    async def __call__(self, call, proceed):
        self.calls.append(call)
        if call.depth == 0:
            answer = await self.prepare(call).ask(ChatRequest(messages="inner"))
            yield TextDelta(f"[{answer.text}] ")
        async for event in proceed(call):
            yield event


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streaming", [False, True])
def test_an_inner_call_goes_through_the_same_chain(colour, streaming):
    async def body(client):
        if not streaming:
            return (await client.chat("outer", timeout=100)).text
        async with client.stream("outer", timeout=100) as stream:
            async for _ in stream:
                pass
            return stream.response.text

    asking = Asking()
    player = Player(hello("inner"), hello("outer"))
    assert run(colour, body, middleware=[asking], **playing(player)) == "[inner] outer"
    outer, inner = asking.calls
    assert (outer.depth, inner.depth) == (0, 1)
    assert inner.deadline == outer.deadline
    assert (outer.streaming, inner.streaming) == (streaming, False)
    assert inner.request.messages[0].text == "inner"
    assert player.opened == player.closed == 2


@pytest.mark.parametrize("colour", COLOURS)
def test_an_inner_call_has_the_scopes_and_the_deadline_of_who_asks(colour):
    entered = []

    @contextmanager
    def scope():
        entered.append(1)
        yield

    def prepare(call):
        return call.scoped(scope).evolve(deadline=call.runtime.now() + 0.1)

    player = Player([lambda call: call.runtime.sleep(60), *hello()])
    with pytest.raises(DeadlineError) as caught:
        run(colour, lambda client: client.chat("x"), middleware=[Asking(prepare)], **playing(player))
    assert entered == [1]
    assert caught.value.provider == "fake"


@pytest.mark.parametrize("colour", COLOURS)
def test_an_inner_call_of_a_stream_that_has_no_deadline_has_one(colour):
    asking = Asking()

    async def body(client):
        async with client.stream("x") as stream:
            async for _ in stream:
                pass

    run(colour, body, middleware=[asking], **playing(Player(hello())))
    outer, inner = asking.calls
    assert outer.deadline is None
    assert inner.deadline is not None


@pytest.mark.parametrize("colour", COLOURS)
def test_the_error_of_an_inner_call_reaches_who_asks(colour):
    class Catching(Asking):
        async def __call__(self, call, proceed):
            if call.depth == 0:
                with pytest.raises(ServerError, match="inner") as caught:
                    await call.ask(ChatRequest(messages="inner"))
                assert caught.value.partial.text == "half"
            async for event in proceed(call):
                yield event

    player = Player([TextDelta("half"), ServerError("inner")], hello("outer"))
    assert run(colour, lambda client: client.chat("x"), middleware=[Catching()], **playing(player)).text == "outer"
    assert player.closed == 2


@pytest.mark.parametrize("colour", COLOURS)
def test_asking_without_end_is_a_clear_error(colour):
    class Endless:
        slot = Slot.PREPARE
        deepest = 0

        async def __call__(self, call, proceed):
            self.deepest = max(self.deepest, call.depth)
            await call.ask(call.request)
            yield

    endless = Endless()
    with pytest.raises(PluginError, match="nested 8 deep"):
        run(colour, lambda client: client.chat("x"), middleware=[endless], **playing(Player(hello())))
    assert endless.deepest == 8


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("steps", [[HOLD], [*lines("a"), HOLD]])
def test_closing_the_outer_call_closes_the_inner_one(colour, steps):
    async def body(client):
        stream = client.stream("x")
        if colour == "sync":
            closer = threading.Thread(target=lambda: (server.asked(1), stream.inner.close()))
            closer.start()
            with pytest.raises(StreamStateError):
                await anext(stream)
            closer.join()
        else:
            async with anyio.create_task_group() as group:

                async def read():
                    with pytest.raises(StreamStateError):
                        await anext(stream)

                group.start_soon(read)
                await anyio.to_thread.run_sync(server.asked, 1)
                await stream.aclose()
        assert stream.state == "closed"
        assert server.settled(0)

    with Scripted(steps) as server:
        run(colour, body, middleware=[Asking()], **options(server))
    assert len(server.requests) == 1


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
def test_cancelling_the_outer_call_closes_the_inner_one(colour):
    async def body(client):
        async with anyio.create_task_group() as group:
            group.start_soon(client.chat, "x")
            await anyio.to_thread.run_sync(server.asked, 1)
            group.cancel_scope.cancel()
        assert await anyio.to_thread.run_sync(server.settled, 0)

    with Scripted([*lines("a"), HOLD]) as server:
        run(colour, body, middleware=[Asking()], **options(server))
    assert len(server.requests) == 1


def test_a_task_that_is_cancelled_twice_leaves_no_inner_call():
    player = Player([lambda call: call.runtime.sleep(60), *hello()])

    async def body(client):
        task = asyncio.ensure_future(client.chat("x"))
        await asyncio.sleep(0.05)
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert player.closed == player.opened == 1

    run("asyncio", body, middleware=[Asking()], **playing(player))


@pytest.mark.parametrize("colour", COLOURS)
def test_an_inner_call_that_is_over_is_not_kept(colour):
    async def body(call, proceed):
        if call.depth == 0:
            for _ in range(3):
                await call.ask(call.request)
            await call.runtime.race(lambda mine: mine.sleep(0), lambda mine: mine.sleep(0))
            assert len(call.runtime.control._inner) == 1  # the winner's: what it opened may still be read
        async for event in proceed(call):
            yield event

    body.slot = Slot.PREPARE
    run(colour, lambda client: client.chat("x"), middleware=[body], **playing(Player(hello())))


def test_a_call_that_no_client_began_cannot_ask():
    call = Call(CHAT, ChatRequest(messages="x"), Target("p", "m"), runtime=None)
    with pytest.raises(PluginError, match="no client began"):
        drive(call.ask(call.request))

"""Streams: states, one reader, closing from elsewhere, being dropped."""

import asyncio
import gc
import threading
import time

import anyio
import pytest
from faces import COLOURS, run
from fakes import STOP, Player, hello, playing

from jackfield import AsyncClient, Client, Slot, StreamStateError, TruncatedStreamError
from jackfield.errors import DeadlineError, MalformedReplyError, PluginError, ServerError
from jackfield.operations import CHAT
from jackfield.provider import serves
from jackfield.types import Finish, Finished, Start, TextDelta, ToolCallDelta, Unrecognized, Usage, UsageReported


@pytest.mark.parametrize("colour", COLOURS)
def test_a_stream_read_to_its_end_is_complete_and_folds(colour):
    async def body(client):
        stream = client.stream("x")
        assert stream.state == "open"
        with pytest.raises(StreamStateError, match="the stream is open"):
            _ = stream.response
        events = [event async for event in stream]
        assert stream.state == "complete"
        assert stream.response == await client.chat("x")
        with pytest.raises(StreamStateError, match="complete: it can be read once"):
            await stream.__anext__()
        return events

    events = run(colour, body, **playing(Player(hello())))
    assert isinstance(events[0], Start)
    assert (events[0].provider, events[0].model) == ("fake", "m")


@pytest.mark.parametrize("colour", COLOURS)
def test_text_is_the_first_choices_alone(colour):
    player = Player([TextDelta("a"), TextDelta("z", 1), TextDelta("b"), STOP, STOP.__class__(STOP.finish, 1)])

    async def body(client):
        return [text async for text in _aiter(client.stream("x").text)]

    assert run(colour, body, **playing(player)) == ["a", "b"]


async def _aiter(texts):
    if hasattr(texts, "__anext__"):
        async for text in texts:
            yield text
    else:
        for text in texts:
            yield text


@pytest.mark.parametrize("colour", COLOURS)
def test_the_start_is_held_back_until_something_follows(colour):
    player = Player([Start(id="r1"), ServerError("down")])

    async def body(client):
        async with client.stream("x") as stream:
            with pytest.raises(ServerError) as caught:
                await stream.__anext__()
            assert stream.state == "failed"
        return caught.value

    error = run(colour, body, **playing(player))
    assert error.partial.id == "r1"
    assert (error.provider, error.model, error.operation) == ("fake", "m", "chat")


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("script", "says"),
    [
        ([], "no choice has arrived"),
        ([Start()], "no choice has arrived"),
        ([TextDelta("a")], "choice 0 has no finish reason"),
        ([TextDelta("a"), STOP, TextDelta("b", 2)], "choice 2 has no finish reason"),
    ],
)
def test_an_end_without_every_finish_is_a_truncation(colour, script, says):
    async def body(client):
        stream = client.stream("x")
        with pytest.raises(TruncatedStreamError, match=says) as caught:
            async for _ in stream:
                pass
        assert stream.state == "truncated"
        with pytest.raises(StreamStateError, match="truncated"):
            _ = stream.response
        with pytest.raises(TruncatedStreamError):
            await client.chat("x")
        return caught.value.partial

    partial = run(colour, body, **playing(Player(script)))
    if script:
        assert any(choice.finish is None for choice in partial.choices) or not partial.choices
    else:
        assert partial is None


def test_half_a_tool_call_can_not_be_run():
    player = Player([ToolCallDelta(0, "c1", "delete", '{"all": true}'), TextDelta("x")])
    with pytest.raises(TruncatedStreamError) as caught:
        Client(**playing(player)).chat("x")
    (call,) = caught.value.partial.tool_calls
    assert not call.complete
    with pytest.raises(Exception, match="is incomplete"):
        _ = call.parsed


@pytest.mark.parametrize("colour", COLOURS)
def test_a_bug_in_a_provider_is_a_typed_error_with_its_cause(colour):
    player = Player([TextDelta("a"), KeyError("sk-secret")])

    async def body(client):
        with pytest.raises(PluginError, match="failed with KeyError") as caught:
            await client.chat("x")
        return caught.value

    error = run(colour, body, **playing(player))
    assert error.partial.text == "a"
    assert "sk-secret" not in str(error)
    assert isinstance(error.__cause__, KeyError)


@pytest.mark.parametrize("colour", COLOURS)
def test_closing_twice_and_after_the_end_does_nothing(colour):
    player = Player(hello())

    async def body(client):
        stream = client.stream("x")
        await stream.aclose()
        await stream.aclose()
        assert stream.state == "closed"
        with pytest.raises(StreamStateError, match="closed"):
            await stream.__anext__()
        done = client.stream("x")
        async for _ in done:
            pass
        await done.aclose()
        assert done.state == "complete"

    run(colour, body, **playing(player))
    assert player.opened == 1  # the first stream never began


def test_closing_from_another_thread_wakes_the_reader_who_does_the_closing():
    player = Player([TextDelta("a"), 60.0, STOP])
    stream = Client(**playing(player)).stream("x")
    assert isinstance(next(stream), Start)
    assert next(stream) == TextDelta("a")
    timer = threading.Timer(0.05, stream.close)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(StreamStateError, match="closed while it was being read"):
        next(stream)
    assert time.monotonic() - begun < 30
    timer.join()
    assert stream.state == "closed"
    assert player.closed == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_closing_from_another_task_wakes_the_reader(backend):
    player = Player([TextDelta("a"), 60.0, STOP])

    async def body(client):
        stream = client.stream("x")
        await stream.__anext__()
        await stream.__anext__()
        async with anyio.create_task_group() as group:

            async def read():
                with pytest.raises(StreamStateError):
                    await stream.__anext__()

            group.start_soon(read)
            await anyio.sleep(0.05)
            await stream.aclose()
        assert stream.state == "closed"
        assert player.closed == 1

    run(backend, body, **playing(player))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_second_reader_is_refused(backend):
    player = Player([TextDelta("a"), 60.0, STOP])

    async def body(client):
        async with client.stream("x") as stream:
            await stream.__anext__()
            await stream.__anext__()
            async with anyio.create_task_group() as group:
                group.start_soon(stream.__anext__)
                await anyio.sleep(0.02)
                with pytest.raises(StreamStateError, match="it has one reader"):
                    await stream.__anext__()
                group.cancel_scope.cancel()

    run(backend, body, **playing(player))


def test_two_threads_can_not_read_one_stream():
    player = Player([TextDelta("a"), 0.2, STOP])
    stream = Client(**playing(player)).stream("x")
    next(stream)
    next(stream)
    errors = []

    def read():
        try:
            next(stream)
        except StreamStateError as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 1


def test_a_dropped_stream_closes_itself_in_sync():
    player = Player(hello("a", "b"))
    client = Client(**playing(player))
    for _ in client.stream("x").text:
        break
    gc.collect()
    assert player.closed == player.opened == 1


def test_a_dropped_stream_in_a_cycle_closes_itself():
    player = Player(hello("a", "b"))
    stream = Client(**playing(player)).stream("x")
    next(stream)
    cycle = [stream]
    cycle.append(cycle)
    del stream, cycle
    gc.collect()
    assert player.closed == player.opened == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_dropped_async_stream_is_closed_by_its_loop_with_a_warning(backend):
    player = Player(hello("a", "b"))

    async def body(client):
        with pytest.warns(ResourceWarning, match="AsyncStream was dropped"):
            async for _ in client.stream("x").text:
                break
            gc.collect()
        await anyio.sleep(0.05)
        assert player.closed == player.opened == 1

    run(backend, body, **playing(player))


def test_an_async_stream_that_outlives_its_loop_is_dropped_in_peace():
    player = Player(hello("a", "b"))
    kept = []

    async def main():
        stream = AsyncClient(**playing(player)).stream("x")
        await stream.__anext__()
        kept.append(stream)

    asyncio.run(main())
    with pytest.warns(ResourceWarning):
        kept.clear()
        gc.collect()


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streaming", [False, True])
def test_a_deadline_ends_a_wait(colour, streaming):
    player = Player([TextDelta("a"), 60.0, STOP])

    async def body(client):
        with pytest.raises(DeadlineError) as caught:
            if streaming:
                async for _ in client.stream("x", timeout=0.05):
                    pass
            else:
                await client.chat("x", timeout=0.05)
        return caught.value

    error = run(colour, body, **playing(player))
    assert error.partial.text == "a"
    assert not error.retryable
    assert player.closed == 1


def test_unrecognized_payloads_keep_their_raw_and_change_nothing():
    player = Player([Start(raw={"a": 1}), Unrecognized(raw={"b": 2}), TextDelta("x"), STOP])
    reply = Client(**playing(player)).chat("x")
    assert reply.raw == ({"a": 1}, {"b": 2})
    assert reply.text == "x"


@pytest.mark.parametrize("colour", COLOURS)
def test_a_reply_begins_once(colour):
    player = Player([TextDelta("a"), Start(id="late", raw={"late": True}), *hello("b")])
    reply = run(colour, lambda client: client.chat("x"), **playing(player))
    assert (reply.text, reply.provider, reply.id) == ("ab", "fake", None)
    assert reply.raw == {"late": True}


class Wrong(Player):
    @serves(CHAT)
    def chat(self, call):
        return [TextDelta("a")]


class Later(Player):
    @serves(CHAT)
    async def chat(self, call):
        return TextDelta("a")


@pytest.mark.parametrize(("provider", "kind"), [(Wrong, "list"), (Later, "coroutine")])
def test_a_provider_that_gives_something_else_is_told(provider, kind):
    with pytest.raises(PluginError, match=f"'fake' serves 'chat' with a {kind}: expected an async generator"):
        Client(**playing(provider([]))).chat("x")


def test_a_middleware_that_gives_something_else_is_told():
    player = Player(hello())

    async def layer(call, proceed):
        async for _ in proceed(call):
            yield "text"

    layer.slot = Slot.PREPARE
    with pytest.raises(PluginError, match="a middleware gave 'text', which is no event"):
        Client(middleware=[layer], **playing(player)).chat("x")
    assert player.closed == 1


@pytest.mark.parametrize("colour", COLOURS)
def test_usage_alone_is_not_yet_content(colour):
    player = Player(
        [UsageReported(Usage(1, 0)), ServerError("down")], [UsageReported(Usage(1, 0)), TextDelta("a"), STOP]
    )

    async def body(client):
        async with client.stream("x") as stream:
            with pytest.raises(ServerError) as caught:
                await stream.__anext__()
            assert caught.value.partial.usage == Usage(1, 0)
        return [type(event) async for event in client.stream("x")]

    assert run(colour, body, **playing(player))[:3] == [Start, UsageReported, TextDelta]


@pytest.mark.parametrize("reason", ["length", "content_filter", "error"])
def test_a_call_that_may_have_been_cut_can_not_be_run(reason):
    player = Player([ToolCallDelta(0, "c1", "delete"), Finished(Finish(reason, reason))])
    (call,) = Client(**playing(player)).chat("x").tool_calls
    with pytest.raises(MalformedReplyError, match="is incomplete"):
        _ = call.parsed


def test_a_stream_that_is_closed_while_an_event_is_made_still_closes():
    streams = []
    player = Player([TextDelta("a"), lambda _: streams[0].close(), TextDelta("b"), STOP])
    stream = Client(**playing(player)).stream("x")
    streams.append(stream)
    next(stream)
    assert next(stream) == TextDelta("a")
    assert next(stream) == TextDelta("b")  # it was on its way
    assert stream.state == "closed"
    assert player.closed == 1

"""Count through both clients, on every loop, with a provider that lives in memory."""

import pytest
from faces import COLOURS, run
from fakes import Player, hello, playing

import jackfield as jf
from jackfield.errors import RateLimitError
from jackfield.hooks import hookimpl
from jackfield.types import Start, TextDelta
from jackfield_count import Count

pytestmark = pytest.mark.parametrize("colour", COLOURS)

TARGET = "fake:m"
# a start, two pieces of text, a finish, usage
EVENTS = 5


def counting(player):
    count = Count()
    return count, {**playing(player), "middleware": [count]}


async def read(stream):
    async for _ in stream:
        pass


def test_a_whole_reply_is_counted(colour):
    count, options = counting(Player(hello()))

    async def body(client):
        assert (await client.chat("x")).text == "Hello"
        await client.chat("x")

    run(colour, body, **options)
    assert count.calls == {TARGET: 2}
    assert count.completed == {TARGET: 2}
    assert count.events == {TARGET: 2 * EVENTS}
    assert count.errors == {}


def test_a_stream_is_counted_as_it_is_read(colour):
    count, options = counting(Player(hello()))

    async def body(client):
        stream = client.stream("x")
        assert count.calls == {}
        async with stream:
            async for event in stream:
                assert sum(count.events.values()) >= 1
                assert count.completed == {}
                last = event
        assert last == hello()[-1]

    run(colour, body, **options)
    assert count.calls == count.completed == {TARGET: 1}
    assert count.events == {TARGET: EVENTS}


def test_a_stream_that_is_left_is_begun_but_not_completed(colour):
    count, options = counting(Player(hello()))

    async def body(client):
        async with client.stream("x") as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    break

    run(colour, body, **options)
    assert count.calls == {TARGET: 1}
    assert count.completed == {}
    assert count.events == {TARGET: 2}
    assert count.errors == {}


@pytest.mark.parametrize("streamed", [False, True])
def test_errors_are_counted_and_pass(colour, streamed):
    count, options = counting(Player([Start(), TextDelta("Good"), RateLimitError("slow down", status=429)]))

    async def body(client):
        asked = read(client.stream("x")) if streamed else client.chat("x")
        with pytest.raises(RateLimitError) as caught:
            await asked
        assert caught.value.partial.text == "Good"

    run(colour, body, **options)
    assert count.calls == {TARGET: 1}
    assert count.completed == {}
    assert count.events == {TARGET: 2}
    assert count.errors == {(TARGET, "RateLimitError"): 1}


def test_a_truncation_is_an_error(colour):
    count, options = counting(Player([Start(), TextDelta("Good")]))

    async def body(client):
        with pytest.raises(jf.TruncatedStreamError):
            await client.chat("x")

    run(colour, body, **options)
    assert count.errors == {(TARGET, "TruncatedStreamError"): 1}


def test_each_target_has_its_own_counters(colour):
    count, options = counting(Player(hello()))

    async def body(client):
        await client.chat("x", model="fake:one")
        await client.chat("x", model="fake:two")

    run(colour, body, **options)
    assert count.calls == {"fake:one": 1, "fake:two": 1}


def test_it_is_loaded_by_its_entry_point(colour, monkeypatch):
    made = []
    original = Count.__init__

    def remembered(self):
        original(self)
        made.append(self)

    monkeypatch.setattr(Count, "__init__", remembered)
    options = playing(Player(hello()))
    options["config"] = {**options["config"], "middleware": [{"use": "count"}]}

    async def body(client):
        assert len(made) == 1
        await client.chat("x")

    run(colour, body, **options)
    assert made[0].calls == made[0].completed == {TARGET: 1}


def test_each_client_counts_for_itself(colour):
    made = []

    class Twice:
        @hookimpl
        def jackfield_middleware(self, name, settings):
            made.append((name, settings, Count()))
            return made[-1][2]

    options = playing(Player(hello()))
    options["plugins"] = {**options["plugins"], "middleware": {"twice": Twice()}}
    options["config"] = {**options["config"], "middleware": [{"use": "twice"}]}

    async def body(client):
        await client.chat("x")

    run(colour, body, **options)
    run(colour, body, **options)
    assert [(name, settings) for name, settings, _ in made] == [("twice", {})] * 2
    assert [count.calls for _, _, count in made] == [{TARGET: 1}, {TARGET: 1}]

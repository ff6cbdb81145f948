"""Calls within calls, and several caches: nobody waits for what itself must come first."""

import asyncio
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes import Player, hello, playing

import jackfield as jf
from jackfield_cache import Cache


class Asking:
    """Asks for other texts from within, where the cache has let the call through."""

    slot = jf.Slot.RETRY

    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, call, proceed):
        text = call.request.messages[-1].text
        if (asked := self.inner.get(text)) and call.depth < 2:
            await call.runtime.sleep(0.1)
            await call.ask(jf.ChatRequest(messages=asked))
        async for event in proceed(call):
            yield event


@pytest.mark.parametrize("inner", [{"a": "b", "b": "a"}, {"a": "a", "b": "b"}], ids=["crossed", "itself"])
def test_calls_within_calls_do_not_wait_for_one_another(inner):
    player = Player(hello())
    with jf.Client(middleware=[Asking(inner), Cache()], **playing(player)) as client, ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(client.chat, text, timeout=5) for text in ("a", "b")]
        assert [future.result().text for future in futures] == ["Hello", "Hello"]


class Meeting:
    """Lets a call on when another has come as far."""

    slot = jf.Slot.CACHE

    def __init__(self, barrier):
        self.barrier = barrier

    async def __call__(self, call, proceed):
        self.barrier.wait(20)
        async for event in proceed(call):
            yield event


def test_two_caches_in_either_order_do_not_wait_for_one_another():
    one, other, player, barrier = Cache(), Cache(), Player(hello()), threading.Barrier(2)
    chains = [[one, Meeting(barrier), other], [other, Meeting(barrier), one]]
    with ThreadPoolExecutor(2) as pool:
        futures = [
            pool.submit(jf.Client(middleware=chain, **playing(player)).chat, "x", timeout=20) for chain in chains
        ]
        assert [future.result().text for future in futures] == ["Hello", "Hello"]


class Judging:
    """Asks the same through another client."""

    slot = jf.Slot.RETRY

    def __init__(self):
        self.other = None

    async def __call__(self, call, proceed):
        reply = self.other.chat(call.request.messages, timeout=20)
        assert (await reply if inspect.isawaitable(reply) else reply).text == "Hello"
        async for event in proceed(call):
            yield event


@pytest.mark.parametrize("make", [jf.Client, jf.AsyncClient])
def test_a_call_through_another_client_does_not_wait_for_the_one_it_is_a_part_of(make):
    cache, judging, player = Cache(), Judging(), Player(hello())

    async def main():
        judging.other = make(middleware=[cache], **playing(player))
        reply = make(middleware=[cache, judging], **playing(player)).chat("x", timeout=40)
        assert (await reply if inspect.isawaitable(reply) else reply).text == "Hello"

    asyncio.run(main())
    assert len(player.calls) == 2

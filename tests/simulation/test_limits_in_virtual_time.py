"""The core's bounds in time and its ownership, over many seeds, in virtual time."""

import pytest
from hypothesis import given, strategies as st
from lines import options

from jackfield import Slot
from jackfield.errors import ConnectionFailedError, JackfieldError, ServerError
from jackfield.types import TextDelta
from jackfield_testkit import Answer, Cancelled, Simulation

BODY = b"a\nb\nc\n.\n"
SECONDS = st.floats(0, 100)


class Far:
    url = "https://far.test/v1"


class Retry:
    """Tries three times, with a pause that grows."""

    slot = Slot.RETRY

    async def __call__(self, call, proceed):
        for attempt in range(3):
            delivered = False
            try:
                async for event in proceed(call):
                    delivered = True
                    yield event
                return
            except JackfieldError as error:
                if delivered or not error.retryable or attempt == 2:
                    raise
            await call.runtime.sleep(2**attempt + call.runtime.random())


class Hedge:
    slot = Slot.FALLBACK

    async def __call__(self, call, proceed):
        async def attempt(runtime, delay):
            await runtime.sleep(delay)
            stage = proceed(call.evolve(runtime=runtime))
            return stage, await anext(stage)

        stage, event = await call.runtime.race(lambda mine: attempt(mine, 0), lambda mine: attempt(mine, 2.0))
        yield event
        async for event in stage:
            yield event


answers = st.builds(
    Answer,
    status=st.sampled_from([200, 200, 200, 429, 500]),
    body=st.one_of(
        st.just(BODY),
        st.lists(SECONDS, min_size=1, max_size=4).map(
            lambda pauses: [piece for pause in pauses for piece in (pause, b"a\n")] + [b".\n"]
        ),
    ),
    latency=SECONDS,
    fault=st.sampled_from([None, None, "refused", "unreachable", "silent", "lost", "stall", "reset", "end"]),
    after=st.sampled_from([None, 0, 1, 3]),
)


@given(
    st.lists(answers, min_size=1, max_size=6),
    st.floats(1, 300),
    st.integers(0, 1000),
    st.sampled_from([[], [Retry()], [Hedge()], [Retry(), Hedge()]]),
    st.booleans(),
)
def test_whatever_the_network_does_a_call_ends_in_time_and_leaves_nothing_open(
    script, deadline, seed, chain, streaming
):
    async def call():
        if not streaming:
            return (await client.chat("x", timeout=deadline)).text
        async with client.stream("x", timeout=deadline) as stream:
            return "".join([text async for text in stream.text])

    simulation = Simulation(script, seed=seed)
    client = simulation.client(middleware=chain, **options(Far))
    outcomes = simulation.gather(call(), call(), call())
    assert simulation.open == []
    assert simulation.tasks == []
    assert simulation.now <= deadline + 1e-6
    assert all(isinstance(one, str | JackfieldError) for one in outcomes)


@given(st.lists(answers, min_size=1, max_size=4), st.integers(0, 1000), st.floats(0, 60), st.booleans())
def test_a_call_that_is_cancelled_anywhere_leaves_nothing_open(script, seed, when, twice):
    async def cancel():
        await simulation.runtime.sleep(when)
        task.cancel()
        if twice:
            task.cancel()

    simulation = Simulation(script, seed=seed)
    client = simulation.client(middleware=[Retry(), Hedge()], **options(Far))
    task = simulation.spawn(client.chat("x", timeout=200))
    simulation.run(cancel())
    while simulation.tasks:
        simulation.gather(*simulation.tasks)
    assert simulation.open == []
    assert task.error is None or isinstance(task.error, Cancelled | JackfieldError)


def test_retries_share_the_deadline():
    simulation = Simulation(Answer(500, latency=4.0))
    client = simulation.client(middleware=[Retry()], **options(Far))
    with pytest.raises(ServerError):
        simulation.run(client.chat("x", timeout=60))
    assert [int(asked.at) for asked in simulation.requests] in ([0, 5, 11], [0, 5, 12])
    (failed,) = simulation.gather(client.chat("x", timeout=10))
    assert type(failed).__name__ == "DeadlineError"
    assert len(simulation.requests) == 5


def test_what_was_delivered_is_not_asked_for_again():
    async def read():
        async with client.stream("x") as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    seen.append(event.text)  # noqa: PERF401 - what comes before the error counts

    seen = []
    simulation = Simulation([Answer(fault="refused"), Answer(body=BODY, fault="reset", after=4), Answer(body=BODY)])
    client = simulation.client(middleware=[Retry()], **options(Far))
    with pytest.raises(JackfieldError) as caught:
        simulation.run(read())
    assert not isinstance(caught.value, ConnectionFailedError)
    assert seen == ["a", "b"]
    assert caught.value.partial.text == "ab"
    assert len(simulation.requests) == 2

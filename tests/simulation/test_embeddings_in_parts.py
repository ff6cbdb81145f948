"""Embeddings in parts, behind a retry and a cache: each part has its own attempts and its own place in the store."""

from collections import Counter

import pytest
from again import raised, streamed
from embedding_host import KEY, EmbeddingHost, numbered, refusal, told

import jackfield as jf
from jackfield.errors import BadRequestError, RateLimitError, ServerError
from jackfield_cache import Cache, CacheSettings
from jackfield_retry import CircuitOpenError, Retry, RetrySettings
from jackfield_testkit import Simulation

SETTINGS = RetrySettings(attempts=3, backoff=0.01)


def failing(*numbers, status=503, **headers):
    """A host at which the requests of these numbers fail."""
    return EmbeddingHost(lambda number: refusal(status, **headers) if number in numbers else None)


def world(host, *middleware, **more):
    simulation = Simulation(host)
    return simulation, simulation.client(KEY, middleware=middleware, **more)


@pytest.mark.parametrize("streaming", [False, True], ids=["unary", "stream"])
def test_only_the_part_that_failed_is_asked_again(streaming):
    host = failing(1, 2, status=429, **{"retry-after": "7"})
    simulation, client = world(host, Retry(SETTINGS))
    request = jf.EmbedRequest(input=numbered(5000))
    found = simulation.run(streamed(client, request) if streaming else client.call(request))
    assert told(found) == [float(number) for number in range(5000)]
    assert (host.sizes, found.attempts) == ([2048, 2048, 2048, 2048, 904], 5)
    assert simulation.now == 14


@pytest.mark.parametrize("first", [0, 1, 2])
def test_retries_of_a_part_do_not_multiply(first):
    host = EmbeddingHost(lambda number: refusal(500, "broken") if number >= first else None)
    retry = Retry(SETTINGS)
    simulation, client = world(host, retry)
    error = raised(simulation, client.embed(numbered(9000)))
    assert isinstance(error, ServerError)
    assert len(host.requests) == first + 3
    assert error.message == f"part {first + 1} of 5 (inputs {first * 2048} to {first * 2048 + 2047} of 9000): broken"
    assert error.__notes__ == [
        "3 attempts were made (ServerError 500, ServerError 500, ServerError 500); no attempts are left"
    ]
    assert retry.tokens("openai").left == 490
    assert len(error.partial.vectors if error.partial else ()) == first * 2048


def test_two_retries_in_the_chain_do_not_multiply_either():
    host = failing(*range(9))
    simulation, client = world(host, Retry(SETTINGS), Retry(SETTINGS))
    raised(simulation, client.embed(numbered(9000)))
    assert len(host.requests) == 3


def test_what_cannot_help_is_not_tried_again():
    host = failing(1, status=400)
    simulation, client = world(host, Retry(SETTINGS))
    assert isinstance(raised(simulation, client.embed(numbered(5000))), BadRequestError)
    assert host.sizes == [2048, 2048]


def test_each_part_counts_once_for_the_circuit_and_the_whole_does_not():
    settings = RetrySettings(attempts=1, circuit_failures=2, circuit_seconds=30)
    host = failing(0, 1, 2)
    simulation, client = world(host, Retry(settings))
    for _ in range(2):
        assert not isinstance(raised(simulation, client.embed(numbered(3000))), CircuitOpenError)
    assert isinstance(raised(simulation, client.embed(numbered(3000))), CircuitOpenError)
    assert len(host.requests) == 2
    # the first part is the probe that the circuit lets in, and it fails
    simulation.run(simulation.runtime.sleep(30))
    assert not isinstance(raised(simulation, client.embed(numbered(3000))), CircuitOpenError)
    assert isinstance(raised(simulation, client.embed(numbered(3000))), CircuitOpenError)
    # and the next succeeds, so that the second part may pass
    simulation.run(simulation.runtime.sleep(30))
    assert len(simulation.run(client.embed(numbered(3000))).vectors) == 3000
    assert len(host.requests) == 5


def test_a_middleware_that_asks_within_a_part_belongs_to_that_part():
    class Asking:
        """Asks something of the same target within each attempt."""

        slot = jf.Slot.LIMIT

        async def __call__(self, call, proceed):
            if call.depth == 1:
                await call.ask(jf.EmbedRequest(input="text 7", model=str(call.target)))
            async for event in proceed(call):
                yield event

    host = failing(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    simulation, client = world(host, Retry(SETTINGS), Asking())
    raised(simulation, client.embed(numbered(3000)))
    assert host.sizes == [1, 1, 1]


def test_a_whole_that_is_no_parts_afterwards_is_retried_as_ever():
    host = failing(1, 2)
    simulation, client = world(host, Retry(SETTINGS))
    simulation.run(client.embed(numbered(2000)))
    assert simulation.run(client.embed(numbered(2000))).attempts == 3


def test_what_arrived_before_a_failure_comes_from_the_cache_the_next_time():
    host = failing(2)
    simulation, client = world(host, Cache(CacheSettings()))
    raised(simulation, client.embed(numbered(5000)))
    found = simulation.run(client.embed(numbered(5000)))
    assert (host.sizes, found.attempts, found.cached) == ([2048, 2048, 904, 904], 1, False)
    assert told(found) == [float(number) for number in range(5000)]
    again = simulation.run(client.embed(numbered(5000)))
    assert (again.cached, again.attempts, len(host.requests)) == (True, 0, 4)
    assert again.vectors == found.vectors
    # a longer list begins with parts that are there
    longer = simulation.run(client.embed(numbered(6000)))
    assert (host.sizes[4:], longer.attempts) == ([1904], 1)


def test_many_at_once():
    host = EmbeddingHost(lambda number: refusal(503) if number % 5 == 0 else None)
    simulation, client = world(host, Cache(CacheSettings()), Retry(SETTINGS))
    results = simulation.gather(*(client.embed(numbered(4096), user=str(number)) for number in range(8)))
    assert Counter(type(one).__name__ for one in results) == {"EmbedResponse": 8}
    assert all(told(one)[-1] == 4095.0 for one in results)


def test_a_part_that_is_limited_longer_than_may_be_waited_is_the_end():
    host = failing(1, status=429, **{"retry-after": "3600"})
    simulation, client = world(host, Retry(SETTINGS))
    error = raised(simulation, client.embed(numbered(5000)))
    assert isinstance(error, RateLimitError)
    assert (error.retry_after, len(error.partial.vectors)) == (3600, 2048)
    assert error.__notes__ == ["not tried again: the provider asks to wait longer than max_wait allows"]

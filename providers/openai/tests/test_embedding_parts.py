"""Embeddings of more inputs than one request may have, through a whole client."""

import json
import os

import attrs
import pytest
from embedding_host import KEY, EmbeddingHost, numbered, refusal, told
from faces import COLOURS, run
from scripted import HOLD, Scripted, reply

import jackfield as jf
from jackfield.errors import (
    BadRequestError,
    DeadlineError,
    MalformedReplyError,
    RateLimitError,
    ServerError,
    StreamStateError,
    UnsupportedError,
    UnsupportedWarning,
)
from jackfield.types import Embedded, Start, Usage, UsageReported
from jackfield_testkit import Answer, Simulation

ENGINE = os.environ.get("JACKFIELD_TEST_ENGINE", "auto")
SIZES = [2048, 2048, 2048, 2048, 1808]


def world(host, config=KEY, **more):
    simulation = Simulation(host)
    return simulation, simulation.client(config, **more)


def small(**limits):
    provider = {"api_key": "sk-test", "profile": limits}
    return {**KEY, "providers": {"openai": provider}}


def raised(simulation, awaitable, kind):
    with pytest.raises(kind) as caught:
        simulation.run(awaitable)
    return caught.value


def test_ten_thousand_texts():
    host = EmbeddingHost()
    simulation, client = world(host)
    texts = numbered(10_000)
    found = simulation.run(client.embed(texts, dimensions=1, user="u", options={"openai": {"input_type": "query"}}))
    assert told(found) == [float(number) for number in range(10_000)]
    assert host.sizes == SIZES
    assert {(one["dimensions"], one["user"], one["input_type"]) for one in host.bodies} == {(1, "u", "query")}
    assert found.usage == Usage(sum(map(len, texts)))
    assert (found.attempts, found.provider, found.model) == (5, "openai", "text-embedding-3-small")
    assert [len(payload["data"]) for payload in found.raw] == SIZES
    assert not simulation.open


def test_as_many_as_one_request_may_have_are_one_request():
    host = EmbeddingHost()
    simulation, client = world(host)
    found = simulation.run(client.embed(numbered(2048)))
    assert (host.sizes, found.attempts, len(found.raw["data"])) == ([2048], 1, 2048)


def test_tokens_count_too():
    host = EmbeddingHost()
    simulation, client = world(host)
    tokens = [[*range(8000), number] for number in range(50)]
    found = simulation.run(client.embed(tokens))
    assert (host.sizes, told(found)) == ([37, 13], [float(number) for number in range(50)])


def test_a_stream_shows_how_far_it_is():
    host = EmbeddingHost()
    simulation, client = world(host)
    seen = []

    async def read():
        async with client.stream(jf.EmbedRequest(input=numbered(5000))) as stream:
            seen.extend([(len(host.requests), event) async for event in stream])
        return stream.response

    found = simulation.run(read())
    events = [event for _, event in seen]
    assert isinstance(events[0], Start)
    assert [isinstance(one, Start) for one in events].count(True) == 1
    # the vectors of a part are there before the next one is asked for
    assert [(asked, one.index) for asked, one in seen if isinstance(one, Embedded)] == [
        (1 + number // 2048, number) for number in range(5000)
    ]
    costs = [one.usage.input_tokens for one in events if isinstance(one, UsageReported)]
    assert len(costs) == 3
    assert costs == sorted(costs)
    assert (costs[-1], told(found)[-1]) == (found.usage.input_tokens, 4999.0)


def test_a_stream_that_is_left_asks_for_no_more():
    host = EmbeddingHost()
    simulation, client = world(host)

    async def read():
        async with client.stream(jf.EmbedRequest(input=numbered(9000))) as stream:
            async for event in stream:
                if isinstance(event, Embedded) and event.index == 2048:
                    break
        return stream.state

    assert simulation.run(read()) == "closed"
    assert (host.sizes, simulation.open) == ([2048, 2048], [])


def test_a_part_that_fails_says_which_and_what_there_is():
    host = EmbeddingHost(
        lambda number: refusal(400, "input too long", "context_length_exceeded") if number == 2 else None
    )
    simulation, client = world(host)
    error = raised(simulation, client.embed(numbered(10_000)), BadRequestError)
    assert error.message == "part 3 of 5 (inputs 4096 to 6143 of 10000): input too long"
    assert str(error).startswith("openai:text-embedding-3-small: 400 context_length_exceeded: part 3 of 5")
    assert (error.status, error.code, error.operation) == (400, "context_length_exceeded", "embed")
    assert told(error.partial) == [float(number) for number in range(4096)]
    assert error.partial.attempts == 3
    assert "openai" not in error.message
    # and what is missing can be asked for
    rest = simulation.run(client.embed(numbered(10_000)[len(error.partial.vectors) :]))
    assert told(rest)[0] == 4096.0


def test_the_first_part_fails():
    simulation, client = world(EmbeddingHost(lambda number: refusal(500)))
    error = raised(simulation, client.embed(numbered(3000)), ServerError)
    assert (error.partial, error.retryable) == (None, True)


def test_a_part_without_all_its_vectors_is_an_error():
    class Short(EmbeddingHost):
        def reply(self, inputs):
            return super().reply(inputs[: len(inputs) - (len(self.requests) == 2)])

    simulation, client = world(Short())
    error = raised(simulation, client.embed(numbered(4096)), jf.errors.JackfieldError)
    assert "part 2 of 2 (inputs 2048 to 4095 of 4096)" in error.message
    assert len(error.partial.vectors) == 2048


def test_a_field_that_cannot_be_carried_is_told_once_and_before_anything_is_sent():
    @attrs.frozen(kw_only=True)
    class Younger(jf.EmbedRequest):
        task: str | None = None

    host = EmbeddingHost()
    simulation, client = world(host)
    error = raised(simulation, client.call(Younger(input=numbered(3000), task="t")), UnsupportedError)
    assert (error.message.partition(":")[0], host.sizes) == ("task", [])
    with pytest.warns(UnsupportedWarning, match="task is left out"):
        found = simulation.run(client.call(Younger(input=numbered(3000), task="t", unsupported="warn")))
    assert [(one.kind, one.field) for one in found.warnings] == [("unsupported", "task")]
    derived = client.with_options(unsupported="drop")
    assert simulation.run(derived.call(Younger(input=numbered(3000), task="t"))).warnings == found.warnings


def test_what_a_part_does_not_state_is_not_made_up():
    class Silent(EmbeddingHost):
        def reply(self, inputs):
            payload = json.loads(super().reply(inputs))
            if len(self.requests) == self.silent:
                del payload["usage"]
            return json.dumps(payload).encode()

    for silent, expected in ((1, Usage()), (2, Usage()), (9, Usage(sum(map(len, numbered(4096)))))):
        host = Silent()
        host.silent = silent
        simulation, client = world(host)
        assert simulation.run(client.embed(numbered(4096))).usage == expected


def test_the_cost_is_the_sum():
    host = EmbeddingHost(usage={"prompt_tokens": 3, "total_tokens": 3, "cost": 0.5})
    simulation, client = world(host)
    assert simulation.run(client.embed(numbered(4096))).usage == Usage(6, cost=1.0)


def test_another_model_for_a_part_is_told():
    class Changing(EmbeddingHost):
        def reply(self, inputs):
            payload = json.loads(super().reply(inputs))
            return json.dumps({**payload, "model": f"m-{len(self.requests)}"}).encode()

    simulation, client = world(Changing())
    found = simulation.run(client.embed(numbered(4096)))
    assert found.model == "m-1"
    assert [(one.kind, one.field) for one in found.warnings] == [("note", "model")]


def test_a_key_by_which_the_host_knows_a_request_again_is_another_for_each_part():
    host = EmbeddingHost()
    simulation, client = world(host)
    simulation.run(client.embed(numbered(4096), extra_headers={"Idempotency-Key": "k", "X-Trace": "t"}))
    assert [(one["idempotency-key"], one["x-trace"]) for one in host.headers] == [("k-0", "t"), ("k-1", "t")]


def test_the_deadline_is_one_for_all_parts():
    simulation, client = world(
        lambda request: Answer(200, body=EmbeddingHost().reply(json.loads(request.body)["input"]), latency=4.0)
    )
    error = raised(simulation, client.embed(numbered(10_000), timeout=10), DeadlineError)
    assert (simulation.now, len(error.partial.vectors)) == (10, 4096)
    assert error.message.startswith("part 3 of 5")
    assert not simulation.open


def test_a_call_that_is_cancelled_ends_between_its_parts():
    simulation, client = world(
        lambda request: Answer(200, body=EmbeddingHost().reply(json.loads(request.body)["input"]), latency=4.0)
    )
    task = simulation.spawn(client.embed(numbered(10_000)))
    simulation.run(simulation.runtime.sleep(6))
    task.cancel()
    simulation.run(simulation.runtime.sleep(20))
    assert (len(simulation.requests), simulation.open) == (2, [])


def test_a_part_goes_where_the_whole_goes():
    host = EmbeddingHost()
    config = {
        "default": "openai:other",
        "models": {"e": {"target": "openai:text-embedding-3-large", "dimensions": 1}},
        "providers": KEY["providers"],
    }
    simulation, client = world(host, config)
    simulation.run(client.embed(numbered(3000), model="e"))
    assert [(one["model"], one["dimensions"]) for one in host.bodies] == [("text-embedding-3-large", 1)] * 2


def test_limits_from_a_configuration():
    host = EmbeddingHost()
    simulation, client = world(host, small(embed_inputs=2, embed_tokens=0))
    assert told(simulation.run(client.embed(numbered(5)))) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert host.sizes == [2, 2, 1]
    near = {"plugin": "openai", "base_url": "http://127.0.0.1:1/v1"}
    host = EmbeddingHost(most=3000)
    simulation, client = world(host, {"default": "near:m", "providers": {"near": near}})
    simulation.run(client.embed(numbered(3000)))
    assert host.sizes == [3000]


def test_each_part_is_seen_by_middleware_as_a_part():
    class Seeing:
        slot = jf.Slot.OBSERVE

        def __init__(self):
            self.seen = []

        async def __call__(self, call, proceed):
            self.seen.append((call.depth, len(call.request.input), call.ledger.parent is not None))
            async for event in proceed(call):
                yield event

    seeing = Seeing()
    simulation, client = world(EmbeddingHost(), middleware=[seeing])
    simulation.run(client.embed(numbered(3000)))
    assert seeing.seen == [(0, 3000, False), (1, 2048, True), (1, 952, True)]


# --- over sockets, in every colour --------------------------------------------------------------------------


def near(server, **profile):
    provider = {"plugin": "openai", "base_url": server.url, "profile": {"embed_inputs": 2, **profile}}
    return {"config": {"default": "near:m", "engine": ENGINE, "providers": {"near": provider}}}


def answering(*answers):
    """A server that gives one reply after another."""
    left = [*answers]
    return Scripted(lambda _: left.pop(0))


def said(*texts):
    return [reply(EmbeddingHost().reply([*texts]))]


@pytest.mark.parametrize("colour", COLOURS)
def test_in_every_colour(colour):
    async def body(client):
        whole = await client.embed(numbered(5))
        stream = client.stream(jf.EmbedRequest(input=numbered(3)))
        async with stream:
            indexes = [event.index async for event in stream if isinstance(event, Embedded)]
        with pytest.raises(RateLimitError) as caught:
            await client.embed(numbered(3))
        return told(whole), indexes, caught.value

    answers = [said(*part) for part in (numbered(5)[:2], numbered(5)[2:4], numbered(5)[4:])]
    answers += [said(*part) for part in (numbered(3)[:2], numbered(3)[2:])]
    answers += [said(*numbered(2)), [reply('{"error": {"message": "slow down"}}', 429)]]
    with answering(*answers) as server:
        vectors, indexes, error = run(colour, body, **near(server))
    assert (vectors, indexes) == ([0.0, 1.0, 2.0, 3.0, 4.0], [0, 1, 2])
    assert error.message == "part 2 of 2 (inputs 2 to 2 of 3): slow down"
    assert told(error.partial) == [0.0, 1.0]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_stream_that_is_left_in_every_colour(colour):
    async def body(client):
        stream = client.stream(jf.EmbedRequest(input=numbered(9)))
        async with stream:
            async for event in stream:
                if isinstance(event, Embedded):
                    break
        with pytest.raises(StreamStateError):
            await stream.__anext__()
        return (await client.embed("text 7")).vectors

    with answering(said(*numbered(2)), said("text 7")) as server:
        assert run(colour, body, **near(server))[0][0] == 7.0
        assert len(server.requests) == 2


@pytest.mark.parametrize("colour", COLOURS)
def test_a_deadline_in_every_colour(colour):
    async def body(client):
        with pytest.raises(DeadlineError) as caught:
            await client.embed(numbered(4), timeout=0.4)
        return caught.value

    with answering(said(*numbered(2)), [HOLD]) as server:
        error = run(colour, body, **near(server))
    assert told(error.partial) == [0.0, 1.0]


def test_a_document_that_is_none_is_the_part_s_error():
    simulation, client = world(EmbeddingHost(lambda number: Answer(200, body=b'{"data": 7}')), small(embed_inputs=1))
    error = raised(simulation, client.embed(numbered(2)), MalformedReplyError)
    assert error.message.startswith("part 1 of 2 (inputs 0 to 0 of 2): ")

"""Logging, cache and retry in one chain: what each makes of a call that the two others have a hand in.

A flaky service speaks OpenAI's wire, in virtual time and in process for both clients on every loop.
"""

import json
import threading

import anyio
import pytest
from again import raised
from faces import COLOURS, run
from fakes import Player, hello, playing
from recorded import heard

import jackfield as jf
from jackfield.errors import (
    BadRequestError,
    ConnectionFailedError,
    OverloadedError,
    ServerError,
    StreamInterruptedError,
    StreamStateError,
    TruncatedStreamError,
)
from jackfield.http import HttpResponse
from jackfield.types import TextDelta
from jackfield_cache import Cache, CacheSettings, Rule
from jackfield_logging import logged
from jackfield_retry import CircuitOpenError, Retry, RetrySettings
from jackfield_testkit import Answer, FunctionNetwork, Simulation

CONFIG = {"default": "openai:gpt-x", "providers": {"openai": {"api_key": "sk-x"}}}
JSON, SSE = {"content-type": "application/json"}, {"content-type": "text/event-stream"}
REQUESTS = {
    "chat": jf.ChatRequest(messages="x"),
    "complete": jf.CompleteRequest(prompt="x", model="openai:gpt-x"),
    "embed": jf.EmbedRequest(input="x", model="openai:gpt-x"),
    "models": jf.ModelsRequest(),
    "model": jf.ModelRequest(),
}
WHOLE = {
    "/chat/completions": {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]},
    "/completions": {"choices": [{"index": 0, "text": "Hi", "finish_reason": "stop"}]},
    "/embeddings": {"data": [{"index": 0, "embedding": [0.5, 0.25]}]},
    "/models": {"object": "list", "data": [{"id": "gpt-x", "object": "model"}]},
    "/models/gpt-x": {"id": "gpt-x", "object": "model"},
}
PIECES = {
    "/chat/completions": [{"delta": {"content": "Hi"}}, {"delta": {}, "finish_reason": "stop"}],
    "/completions": [{"text": "Hi"}, {"text": "", "finish_reason": "stop"}],
}

worlds = pytest.mark.parametrize("world", ["virtual", *COLOURS])
operations = pytest.mark.parametrize("operation", REQUESTS)
both = pytest.mark.parametrize("streaming", [False, True], ids=["unary", "stream"])


class Flaky:
    """Answers with what it is given, one after another, and then well. `asked` counts the requests."""

    def __init__(self, *faults):
        self.faults = list(faults)
        self.asked = 0

    def __call__(self, request):
        self.asked += 1
        fault = self.faults.pop(0) if self.faults else None
        return fault(request) if callable(fault) else fault or well(request)


def well(request):
    path = request.path.removeprefix("/v1")
    if b'"stream":true' not in (request.body or b""):
        return HttpResponse(200, JSON, json.dumps({"id": "r1", "model": "gpt-x", **WHOLE[path]}).encode())
    chunks = [{"id": "r1", "model": "gpt-x", "choices": [{"index": 0, **piece}]} for piece in PIECES[path]]
    data = [b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks]
    return HttpResponse(200, SSE, b"".join(data) + b"data: [DONE]\n\n")


def broken(fault, after):
    """The fault in the body of what would have been well."""

    def answer(request):
        whole = well(request)
        return Answer(whole.status, dict(whole.headers), whole.body, fault=fault, after=after)

    return answer


def refusal(status):
    return HttpResponse(status, JSON, b'{"error": {"message": "no", "type": "x"}}')


def chain(**settings):
    rules = [Rule(operation=name, ttl=60) for name in ("models", "model")]
    retry = Retry(RetrySettings(**{"backoff": 0.001, **settings}))
    return [*logged(), Cache(CacheSettings(rules=rules)), retry]


def together(world, network, body, **settings):
    """Run a body with a client that has all three, and give what was recorded. Nothing is open when it has ended."""
    with heard() as log:
        if world == "virtual":
            with Simulation(network) as simulation:
                simulation.run(body(simulation.client(CONFIG, middleware=chain(**settings))))
                assert simulation.open == []
        else:
            run(world, body, config=CONFIG, middleware=chain(**settings), transport=FunctionNetwork(network))
    return log


async def ask(client, request, streaming):
    if not streaming:
        return await client.call(request)
    async with client.stream(request) as stream:
        async for _ in stream:
            pass
        return stream.response


def told(log):
    """How each call ended, how often somebody was asked for it, and what the cache did."""
    return [(one["outcome"], one["attempts"], one.get("cache")) for one in log.of("call")]


def tries(log):
    """The attempts of each call, in order."""
    calls = [one["call_id"] for one in log.of("call")]
    return [[one["outcome"] for one in log.of("attempt") if one["call_id"] == call] for call in calls]


# --- every operation, everywhere ---------------------------------------------------------------------------


@worlds
@operations
@both
@pytest.mark.parametrize("status", [429, 503])
def test_what_fails_once_is_asked_again_and_then_known(world, operation, streaming, status):
    network, request, replies = Flaky(refusal(status)), REQUESTS[operation], []

    async def body(client):
        replies.extend([await ask(client, request, form) for form in (streaming, not streaming, streaming)])

    log = together(world, network, body)
    assert [(reply.attempts, reply.cached) for reply in replies] == [(2, False), (0, True), (0, True)]
    assert len({repr(getattr(reply, "text", None) or reply.raw) for reply in replies}) == 1
    assert told(log) == [("complete", 2, "miss"), ("complete", 0, "hit"), ("complete", 0, "hit")]
    assert tries(log) == [["error", "complete"], [], []]
    assert [one["attempt"] for one in log.of("attempt")] == [1, 2]
    assert (log.of("attempt")[0]["status"], network.asked) == (status, 2)


@worlds
@operations
@both
def test_an_error_after_all_attempts_is_recorded_and_not_kept(world, operation, streaming):
    network, request = Flaky(*[refusal(503)] * 3), REQUESTS[operation]

    async def body(client):
        with pytest.raises(OverloadedError) as caught:
            await ask(client, request, streaming)
        assert any(note.startswith("3 attempts were made") for note in caught.value.__notes__)
        assert (await ask(client, request, streaming)).attempts == 1

    log = together(world, network, body)
    assert told(log) == [("error", 3, "miss"), ("complete", 1, "miss")]
    assert tries(log) == [["error"] * 3, ["complete"]]
    first = log.of("call")[0]
    assert (first["error"], first["status"], first["operation"]) == ("OverloadedError", 503, operation)


@worlds
@both
def test_a_refusal_is_neither_asked_again_nor_kept(world, streaming):
    network, request = Flaky(refusal(400)), REQUESTS["chat"]

    async def body(client):
        with pytest.raises(BadRequestError):
            await ask(client, request, streaming)
        assert not (await ask(client, request, streaming)).cached

    log = together(world, network, body)
    assert told(log) == [("error", 1, "miss"), ("complete", 1, "miss")]


@worlds
def test_what_is_known_is_given_while_the_circuit_is_open(world):
    network = Flaky(well, *[refusal(500)] * 2)
    known, new = REQUESTS["chat"], jf.ChatRequest(messages="y")

    async def body(client):
        await client.call(known)
        for kind in (ServerError, CircuitOpenError, CircuitOpenError):
            with pytest.raises(kind):
                await client.call(new)
        assert (await client.call(known)).cached

    log = together(world, network, body, circuit_failures=2)
    closed = ("error", 0, "miss")
    assert told(log) == [("complete", 1, "miss"), ("error", 2, "miss"), closed, closed, ("complete", 0, "hit")]
    assert tries(log) == [["complete"], ["error", "error"], [], [], []]
    assert network.asked == 3


# --- what a network does -----------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("fault", ["refused", "lost", "unreachable"])
def test_a_connection_that_fails_once(streaming, fault):
    network = Flaky(Answer(fault=fault, latency=1))

    async def body(client):
        for attempts in (2, 0):
            assert (await ask(client, REQUESTS["chat"], streaming)).attempts == attempts

    log = together("virtual", network, body)
    assert told(log) == [("complete", 2, "miss"), ("complete", 0, "hit")]
    assert tries(log) == [["error", "complete"], []]


@pytest.mark.parametrize(
    ("fault", "kind"), [("reset", StreamInterruptedError), ("end", TruncatedStreamError), ("stall", None)]
)
@pytest.mark.parametrize(("after", "attempts"), [(5, 2), (150, 1)], ids=["before", "after an event"])
def test_a_stream_that_breaks(fault, kind, after, attempts):
    network = Flaky(broken(fault, after))

    async def body(client):
        if attempts == 2:
            assert (await ask(client, REQUESTS["chat"], True)).attempts == 2
        else:
            with pytest.raises(kind or jf.errors.ReadTimeoutError) as caught:
                await ask(client, REQUESTS["chat"], True)
            assert caught.value.partial.text == "Hi"
        again = await client.call(REQUESTS["chat"])
        assert (again.text, again.cached) == ("Hi", attempts == 2)  # half a reply was not kept

    log = together("virtual", network, body)
    outcome = ("complete", 2, "miss") if attempts == 2 else ("error", 1, "miss")
    assert told(log)[0] == outcome
    assert tries(log)[0] == ["error", "complete"][:attempts]


def test_a_reply_in_one_piece_that_breaks():
    network = Flaky(broken("reset", 40))

    async def body(client):
        for attempts in (2, 0):
            reply = await client.call(REQUESTS["chat"])
            assert (reply.text, reply.attempts) == ("Hi", attempts)

    assert told(together("virtual", network, body)) == [("complete", 2, "miss"), ("complete", 0, "hit")]


# --- at the same time --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("failures", [1, 3])
def test_of_many_identical_calls_one_is_asked_again_for_all(seed, failures):
    def slow(request):
        return Answer(*[getattr(refusal(503), name) for name in ("status", "headers", "body")], latency=1.0)

    network = Flaky(*[slow] * failures)
    with heard() as log, Simulation(network, seed=seed) as simulation:
        client = simulation.client(CONFIG, middleware=chain())
        outcomes = simulation.gather(*(client.call(REQUESTS["chat"]) for _ in range(20)))
        assert simulation.open == []
    if failures == 1:
        assert sorted(told(log)) == [("complete", 0, "joined")] * 19 + [("complete", 2, "miss")]
        assert {reply.text for reply in outcomes} == {"Hi"}
    else:
        assert {type(one) for one in outcomes} == {OverloadedError}
        assert len({id(one) for one in outcomes}) == 20
        assert sorted(one[:2] for one in told(log)) == [("error", 0)] * 19 + [("error", 3)]
    assert (network.asked, len(log.of("attempt"))) == (failures + (failures == 1), network.asked)


# --- given up ----------------------------------------------------------------------------------------------

LATER = ServerError("no", status=503, retry_after=30)


def given_up(colour, player, body):
    """What was recorded of a body; its client plays scripts, and none of them is under way when it has ended."""
    layers = chain()
    with heard() as log:
        run(colour, body, middleware=layers, **playing(player))
    assert player.opened == player.closed
    assert layers[-1].tokens("fake").left == 500
    return log


@pytest.mark.parametrize("colour", COLOURS)
def test_a_stream_that_is_left_early_leaves_nothing_open_and_is_not_kept(colour):
    player = Player([ServerError("no", status=503)], hello())

    async def body(client):
        async with client.stream("x") as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    break
        assert player.opened == player.closed == 2
        assert (await client.chat("x")).attempts == 1

    log = given_up(colour, player, body)
    assert told(log) == [("closed", 2, "miss"), ("complete", 1, "miss")]
    assert tries(log) == [["error", "closed"], ["complete"]]


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
@both
@pytest.mark.parametrize("script", [[LATER], [30.0, *hello()]], ids=["pause", "attempt"])
def test_a_call_that_is_cancelled_leaves_nothing_open_and_is_not_kept(colour, streaming, script):
    player = Player(script, hello())

    async def body(client):
        with anyio.move_on_after(0.05) as scope:
            await ask(client, REQUESTS["chat"], streaming)
        assert scope.cancelled_caught
        assert player.opened == player.closed == 1
        assert (await client.chat("x")).attempts == 1

    log = given_up(colour, player, body)
    assert told(log) == [("cancelled", 1, "miss"), ("complete", 1, "miss")]


def test_a_stream_that_another_thread_closes_in_its_pause_leaves_nothing_open():
    player = Player([LATER], hello())
    layers = chain()
    with heard() as log, jf.Client(middleware=layers, **playing(player)) as client:
        stream = client.stream("x")
        timer = threading.Timer(0.05, stream.close)
        timer.start()
        with pytest.raises(StreamStateError):
            next(stream)
        timer.join()
        assert client.chat("x").attempts == 1
    assert player.opened == player.closed == 2
    assert layers[-1].tokens("fake").left == 500
    assert told(log) == [("closed", 1, "miss"), ("complete", 1, "miss")]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("at", [0.5, 1.5], ids=["attempt", "pause"])
def test_when_the_call_that_asks_for_others_is_cancelled_another_asks(seed, at):
    first = Answer(503, {"retry-after": "5"}, b"{}", latency=1.0)
    network = Flaky(first)
    with heard() as log, Simulation(network, seed=seed) as simulation:
        client = simulation.client(CONFIG, middleware=chain())
        leader = simulation.spawn(client.call(REQUESTS["chat"]))
        simulation.run(simulation.runtime.sleep(0.25))
        others = [simulation.spawn(client.call(REQUESTS["chat"])) for _ in range(10)]
        simulation.run(simulation.runtime.sleep(at - 0.25))
        leader.cancel()
        simulation.finish()
        assert simulation.open == []
    assert {task.result().text for task in others} == {"Hi"}
    assert sorted(told(log)) == [("cancelled", 1, "miss"), *[("complete", 0, "joined")] * 9, ("complete", 1, "miss")]
    assert network.asked == 2


def test_what_fails_for_good_is_raised_as_it_was():
    with heard() as log, Simulation(Answer(fault="refused")) as simulation:
        client = simulation.client(CONFIG, middleware=chain())
        error = raised(simulation, client.call(REQUESTS["chat"]))
    assert isinstance(error, ConnectionFailedError)
    assert (error.sent, error.provider, error.operation) == (False, "openai", "chat")
    assert (log.call["error"], log.call["attempts"]) == ("ConnectionFailedError", 3)

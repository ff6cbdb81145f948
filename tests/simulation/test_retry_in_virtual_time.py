"""Retries against OpenAI's wire on a scripted network: an outage, random failures, and every fault that there is."""

import json
from random import Random

import pytest
from again import asked, raised
from exhaustive import examples
from hypothesis import given, settings as hypothesis_settings, strategies as st

from jackfield.errors import (
    ConnectionFailedError,
    ConnectTimeoutError,
    DeadlineError,
    JackfieldError,
    OverloadedError,
    ServerError,
    StreamInterruptedError,
    TruncatedStreamError,
)
from jackfield_retry import CircuitOpenError, Retry, RetrySettings
from jackfield_testkit import Answer, Simulation

JSON, SSE = {"content-type": "application/json"}, {"content-type": "text/event-stream"}
WHOLE = json.dumps({"id": "c1", "model": "m", "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]})
CHUNKS = [
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]},
    {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
]
STREAM = b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in CHUNKS) + b"data: [DONE]\n\n"
CONFIG = {"default": "openai:gpt-x", "providers": {"openai": {"api_key": "sk-x"}}}


def success(request, **more):
    if b'"stream":true' in request.body:
        return Answer(200, SSE, STREAM, **more)
    return Answer(200, JSON, WHOLE, **more)


def failure(status=500, **headers):
    body = json.dumps({"error": {"message": "no", "type": "x"}})
    return Answer(status, {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}, body)


def world(network, settings=None, config=None, seed=0):
    simulation = Simulation(network, seed=seed)
    return simulation, simulation.client({**CONFIG, **(config or {})}, middleware=[Retry(settings)])


# --- much traffic ------------------------------------------------------------------------------------------


def calls(simulation, client, count, at_once):
    """So many calls, a number of them at any time: how many succeeded, and what the others raised."""
    outcomes = []

    async def worker(number):
        for _ in range(number):
            try:
                outcomes.append((await client.chat("x")).text)
            except JackfieldError as error:
                outcomes.append(type(error))

    simulation.gather(*(worker(count // at_once) for _ in range(at_once)))
    return outcomes


def test_a_total_outage_of_ten_thousand_calls_is_left_alone():
    simulation, client = world(Answer(fault="refused"))
    outcomes = calls(simulation, client, 10_000, 50)
    assert "Hi" not in outcomes
    assert outcomes.count(CircuitOpenError) > 9_000
    assert len(simulation.requests) < 1_000
    assert simulation.open == []


def test_without_circuits_it_sends_at_most_1_05_requests_a_call():
    simulation, client = world(failure(503), RetrySettings(circuit=False))
    outcomes = calls(simulation, client, 10_000, 50)
    assert outcomes == [OverloadedError] * 10_000
    assert len(simulation.requests) == 10_000 + 500 // 5
    assert simulation.open == []


def test_at_ten_percent_failures_99_8_percent_succeed():
    chance = Random(1)

    def network(request):
        return failure(500) if chance.random() < 0.1 else success(request, latency=0.1)

    simulation, client = world(network)
    outcomes = calls(simulation, client, 5_000, 20)
    assert outcomes.count("Hi") >= 4_990
    assert 5_300 < len(simulation.requests) < 5_700


def test_after_an_outage_one_probe_and_then_all_is_well():
    down = True

    def network(request):
        return failure(503) if down else success(request, latency=2.0)

    simulation, client = world(network)
    calls(simulation, client, 100, 10)
    before = len(simulation.requests)
    down = False
    simulation.run(simulation.runtime.sleep(31))
    outcomes = simulation.gather(*(client.chat("x") for _ in range(100)))
    assert len([one for one in outcomes if isinstance(one, CircuitOpenError)]) == 99
    assert len(simulation.requests) == before + 1
    assert set(calls(simulation, client, 100, 10)) == {"Hi"}


# --- what the wire says ------------------------------------------------------------------------------------


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(
    ("refusal", "attempts", "at"),
    [
        (failure(429, retry_after="3"), 2, 3),
        (failure(429, retry_after_ms="1500"), 2, 1.5),
        (failure(503, x_ms_retry_after_ms="20"), 2, 0.02),
        (failure(429, retry_after="Sun, 06 Nov 1994 08:49:40 GMT", date="Sun, 06 Nov 1994 08:49:37 GMT"), 2, 3),
        (failure(429, retry_after="61"), 1, 0),
        (failure(429, retry_after="Tue, 08 Nov 1994 08:49:40 GMT", date="Sun, 06 Nov 1994 08:49:37 GMT"), 1, 0),
        (failure(500, x_should_retry="false", retry_after="1"), 1, 0),
        (failure(400, x_should_retry="true", retry_after="1"), 2, 1),
        (failure(400, retry_after="1"), 1, 0),
        (failure(401, retry_after="1"), 1, 0),
        (failure(404, retry_after="1"), 1, 0),
        (failure(409, retry_after="1"), 2, 1),
    ],
)
def test_the_provider_says_whether_and_when(refusal, attempts, at, streaming):
    answers = [refusal]
    simulation, client = world(lambda request: answers.pop() if answers else success(request))
    if attempts == 2:
        reply = simulation.run(asked(client, streaming, "x"))
        assert (reply.text, reply.attempts) == ("Hi", 2)
    else:
        assert raised(simulation, asked(client, streaming, "x")).status == refusal.status
    assert len(simulation.requests) == attempts
    assert simulation.now == pytest.approx(at)


@pytest.mark.parametrize("said", ["nan", "-1", "1e400", "soon", "", "99999999999", "Sun, 06 Nov 1994 08:49:37 GMT"])
def test_nonsense_is_a_pause_of_ones_own(said):
    answers = [failure(429, retry_after=said, date="Sun, 06 Nov 1994 08:49:37 GMT")]
    simulation, client = world(lambda request: answers.pop() if answers else success(request))
    assert simulation.run(client.chat("x")).attempts == 2
    assert 0 <= simulation.now <= 0.5


# --- every fault -------------------------------------------------------------------------------------------

EARLY = [
    (Answer(fault="refused", latency=1), ConnectionFailedError),
    (Answer(fault="lost", latency=1), ConnectionFailedError),
    (Answer(fault="unreachable"), ConnectTimeoutError),
    (failure(500), ServerError),
    (Answer(502, {"content-type": "text/html"}, "<html>"), ServerError),
]


@pytest.mark.parametrize("streaming", [False, True], ids=["unary", "stream"])
@pytest.mark.parametrize(("fault", "error"), EARLY, ids=lambda one: getattr(one, "fault", None) or "")
def test_a_fault_before_the_reply(fault, error, streaming):
    answers = [fault, fault]
    simulation, client = world(lambda request: answers.pop() if answers else success(request))
    assert simulation.run(asked(client, streaming, "x")).attempts == 3
    answers += [fault] * 3
    assert type(raised(simulation, asked(client, streaming, "x"))) is error
    assert simulation.open == []


@pytest.mark.parametrize(
    ("fault", "error"), [("reset", StreamInterruptedError), ("end", TruncatedStreamError), ("stall", None)]
)
def test_a_fault_inside_a_reply_in_one_piece(fault, error):
    broken = [True]
    simulation, client = world(
        lambda request: success(request, fault=fault, after=20) if broken and broken.pop() else success(request)
    )
    if error is None:
        # nothing ends the silence of a reply in one piece but the deadline, and after that there is no time
        assert isinstance(raised(simulation, client.chat("x", timeout=60)), DeadlineError)
    elif error is TruncatedStreamError:
        assert "JSON" in str(raised(simulation, client.chat("x")))  # half a document is no truncation that one can see
    else:
        assert simulation.run(client.chat("x")).attempts == 2
    assert simulation.open == []


@pytest.mark.parametrize("fault", ["reset", "end", "stall"])
@pytest.mark.parametrize(("after", "attempts"), [(5, 2), (len(STREAM) - 40, 1)], ids=["before", "after an event"])
def test_a_fault_inside_a_stream(fault, after, attempts):
    broken = [True]
    simulation, client = world(
        lambda request: success(request, fault=fault, after=after) if broken and broken.pop() else success(request)
    )
    if attempts == 2:
        assert simulation.run(asked(client, True, "x")).attempts == 2
    else:
        assert raised(simulation, asked(client, True, "x")).partial.text == "Hi"
    assert len(simulation.requests) == attempts
    assert simulation.open == []


ANSWERS = st.one_of(
    st.just(None),
    st.builds(
        Answer,
        status=st.sampled_from([200, 400, 408, 429, 500, 503]),
        headers=st.sampled_from([{}, {"retry-after": "2"}, {"retry-after": "90"}, {"x-should-retry": "true"}]),
        latency=st.floats(0, 30),
        fault=st.sampled_from([None, "refused", "unreachable", "silent", "lost", "stall", "reset", "end"]),
        after=st.sampled_from([None, 0, 30]),
    ),
)


@given(
    st.lists(ANSWERS, min_size=1, max_size=5), st.floats(0.5, 200), st.booleans(), st.integers(0, 99), st.integers(1, 4)
)
@hypothesis_settings(max_examples=examples(60), deadline=None)
def test_whatever_the_network_does_a_call_ends_in_time_with_few_requests(script, deadline, streaming, seed, attempts):
    answers = [*script]

    def network(request):
        return (answers.pop(0) if answers else None) or success(request)

    simulation, client = world(network, RetrySettings(attempts=attempts), seed=seed)
    try:
        reply = simulation.run(asked(client, streaming, "x", timeout=deadline))
    except JackfieldError:
        pass
    else:
        assert reply.attempts == len(simulation.requests)
    assert simulation.now <= deadline + 1e-6
    assert len(simulation.requests) <= attempts
    assert simulation.open == []

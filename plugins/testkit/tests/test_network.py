"""The scripted network: answers, delays, faults, and the record of what was asked."""

import pytest
from lines import LineProvider, options

from jackfield.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectTimeoutError,
    DeadlineError,
    ReadTimeoutError,
    ServerError,
    StreamInterruptedError,
    TruncatedStreamError,
)
from jackfield.http import HttpResponse
from jackfield.provider import Credential, JsonReply, Secret
from jackfield.types import Finish, Finished, TextDelta
from jackfield_testkit import Answer, Simulation

KEY = Secret("sk-0123456789abcdef")
BODY = b"a\nb\n.\n"


class Far:
    url = "https://far.test/v1"


def world(network, seed=0, **more):
    simulation = Simulation(network, seed=seed)
    return simulation, simulation.client(**options(Far, Credential(KEY), **more))


async def read(client, **more):
    async with client.stream("x", **more) as stream:
        return [text async for text in stream.text]


def test_a_request_is_taken_down_without_its_credential():
    simulation, client = world(Answer(body=BODY, latency=1.5))
    assert simulation.run(client.chat("x")).text == "ab"
    (asked,) = simulation.requests
    request = asked.request
    assert (request.method, request.origin, request.path) == ("POST", "https://far.test:443", "/v1/chat")
    assert request.body == '{"hello":"wörld"}'.encode()
    assert request.headers["content-type"] == "application/json"
    assert "sk-" not in repr(asked) + str(request.headers) + str(simulation.trace)
    assert asked.credential == KEY
    assert (asked.at, asked.closed, asked.read, asked.outcome) == (0, 1.5, len(BODY), "whole")
    assert simulation.open == []


def test_answers_come_one_after_another_and_the_last_stays():
    simulation, client = world([HttpResponse(500, body=b"no"), ServerError("script"), Answer(body=BODY)])
    errors = [simulation.gather(client.chat("x"))[0] for _ in range(4)]
    assert [getattr(one, "status", one) for one in errors[:2]] == [500, None]
    assert [one.text for one in errors[2:]] == ["ab", "ab"]


def test_a_function_answers_by_what_was_asked():
    def handler(request):
        return Answer(200 if b"hello" in request.body else 400, {"Content-Type": "text/plain"}, BODY)

    simulation, client = world(handler)
    assert simulation.run(client.chat("x")).text == "ab"


def test_a_server_that_quotes_the_key_does_not_leak_it():
    simulation, client = world(Answer(401, body=f"wrong key {KEY.reveal()}"))
    with pytest.raises(AuthenticationError) as caught:
        simulation.run(client.chat("x"))
    assert "wrong key ***" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error", "at"),
    [
        (Answer(fault="refused", latency=1), ConnectionFailedError, 1),
        (Answer(fault="lost", latency=2), ConnectionFailedError, 2),
        (Answer(fault="unreachable"), ConnectTimeoutError, 10),
        (Answer(fault="silent"), ReadTimeoutError, 20),
        (Answer(body=BODY, latency=21), ReadTimeoutError, 20),
        (Answer(body=BODY, fault="stall", after=2), ReadTimeoutError, 20),
        (Answer(body=[b"a\n", 7, 7, 7, b"b\n"]), ReadTimeoutError, 20),
        (Answer(body=[b"a\n", 3.0, b"b\n.\n"], fault="reset", after=3), StreamInterruptedError, 3),
        (Answer(body=BODY, fault="end", after=2), TruncatedStreamError, 0),
        (Answer(503, body="busy", latency=4), ServerError, 4),
    ],
)
def test_faults(answer, error, at):
    simulation, client = world(answer, timeouts={"connect": 10, "silence": 20})
    with pytest.raises(error):
        simulation.run(read(client))
    assert simulation.now == at
    assert simulation.open == []
    assert len(simulation.requests) == 1


@pytest.mark.parametrize("answer", [Answer(fault="silent"), Answer(fault="stall", after=0), Answer(latency=99)])
def test_the_deadline_and_the_first_event(answer):
    simulation, client = world(answer, timeouts={"first": 30})
    with pytest.raises(DeadlineError):
        simulation.run(client.chat("x", timeout=7))
    assert simulation.now == 7
    with pytest.raises(ReadTimeoutError, match="first event"):
        simulation.run(read(client))
    assert simulation.now == 37
    assert simulation.open == []


@pytest.mark.parametrize("keeps_alive", [False, True])
def test_bytes_without_an_event_are_signs_of_life_where_the_provider_says_so(monkeypatch, keeps_alive):
    monkeypatch.setattr(LineProvider, "keeps_alive", keeps_alive)
    # a line that has not ended is no event yet
    simulation, client = world(
        Answer(body=[piece for _ in range(9) for piece in (10, b"a")] + [b"\n.\n"]),
        timeouts={"first": 30, "silence": 20},
    )
    if keeps_alive:
        assert simulation.run(read(client)) == ["a" * 9]
        assert simulation.now == 90
    else:
        with pytest.raises(ReadTimeoutError, match="first event"):
            simulation.run(read(client))
        assert simulation.now == 30
    assert simulation.open == []


@pytest.mark.parametrize(("fault", "sent"), [("refused", False), ("unreachable", False), ("lost", True)])
def test_an_error_tells_whether_anything_was_sent(fault, sent):
    simulation, client = world(Answer(fault=fault))
    with pytest.raises((ConnectionFailedError, ConnectTimeoutError)) as caught:
        simulation.run(client.chat("x"))
    assert caught.value.sent is sent


def test_slow_bytes():
    simulation, client = world(Answer(body=BODY).slowly(1, 2.0))
    assert simulation.run(read(client)) == ["a", "b"]
    assert simulation.now == 2.0 * len(BODY)
    assert simulation.requests[0].read == len(BODY)


def test_leaving_a_stream_gives_its_connection_back():
    async def leave():
        async with client.stream("x") as stream:
            await anext(stream)
            assert len(simulation.open) == 1

    simulation, client = world(Answer(body=[b"a\n", 60.0, BODY]))
    simulation.run(leave())
    assert (simulation.now, simulation.open, simulation.requests[0].outcome) == (0, [], "left")


def test_cancelling_a_call_gives_its_connection_back():
    async def cancel():
        await simulation.runtime.sleep(5)
        task.cancel()

    for answer in (Answer(fault="silent"), Answer(body=[b"a\n", 60.0, BODY])):
        simulation, client = world(answer)
        task = simulation.spawn(client.chat("x"))
        simulation.run(cancel())
        simulation.finish()
        assert simulation.open == []
        assert simulation.requests[0].closed == 5


def test_an_exchange_of_several_requests_waits_between_them():
    def steps(provider, call):
        first = yield provider.post("/job", {}, read=True)
        from attrs import evolve

        head = yield evolve(provider.post("/result", {"job": first.body.decode()}), after=30.0)
        return JsonReply(head, lambda body: [TextDelta(body["text"]), Finished(Finish("stop", None))])

    simulation, client = world([Answer(body="j1"), Answer(body='{"text": "done"}')], steps=steps)
    assert simulation.run(client.chat("x")).text == "done"
    assert [(asked.at, asked.request.path) for asked in simulation.requests] == [(0, "/v1/job"), (30, "/v1/result")]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Answer("200"), "status: expected an HTTP status from 100 to 599, got '200'"),
        (lambda: Answer(True), "status: expected an HTTP status from 100 to 599, got True"),
        (lambda: Answer(20), "status: expected an HTTP status from 100 to 599, got 20"),
        (lambda: Answer(headers=["a"]), "headers: expected a table of texts, got ['a']"),
        (lambda: Answer(headers={"Retry-After": 5}), "headers: expected a table of texts, got {'Retry-After': 5}"),
        (lambda: Answer(headers={5: "a"}), "headers: expected a table of texts, got {5: 'a'}"),
        (lambda: Answer(body=5), "body: expected bytes, text or a list of bytes and seconds, got 5"),
        (lambda: Answer(body=bytearray(b"a")), "body: expected bytes, text or a list of bytes and seconds, got byte"),
        (lambda: Answer(body=iter([b"a"])), "body: expected bytes, text or a list of bytes and seconds, got <"),
        (lambda: Answer(body=[b"a", "b"]), "body[1]: expected bytes or seconds of at least 0, got 'b'"),
        (lambda: Answer(body=[-1]), "body[0]: expected bytes or seconds of at least 0, got -1"),
        (lambda: Answer(body=[float("nan")]), "body[0]: expected bytes or seconds of at least 0, got nan"),
        (lambda: Answer(latency="1"), "latency: expected seconds of at least 0, got '1'"),
        (lambda: Answer(latency=-0.5), "latency: expected seconds of at least 0, got -0.5"),
        (lambda: Answer(latency=float("nan")), "latency: expected seconds of at least 0, got nan"),
        (
            lambda: Answer(fault="rest"),
            "fault: expected one of refused, unreachable, silent, lost, stall, reset, end, got 'rest'",
        ),
        (lambda: Answer(after=-1), "after: expected a whole number of bytes of at least 0, got -1"),
        (lambda: Answer(after=1.5), "after: expected a whole number of bytes of at least 0, got 1.5"),
        (lambda: Answer(after=True), "after: expected a whole number of bytes of at least 0, got True"),
        (lambda: Answer(body=BODY).slowly(0, 1), "size: expected a whole number of bytes of at least 1, got 0"),
        (lambda: Answer(body=BODY).slowly(1, float("nan")), "seconds: expected seconds of at least 0, got nan"),
        (lambda: Simulation([]), "network: expected at least one answer, got []"),
        (lambda: Simulation("hello"), "network: expected an Answer, an HttpResponse, a JackfieldError, a list of t"),
        (
            lambda: Simulation([Answer(), "x"]),
            "network[1]: expected an Answer, an HttpResponse or a JackfieldError, got 'x'",
        ),
    ],
)
def test_wrong_values_say_what_would_be_right(make, says):
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert str(caught.value).startswith(says)


def test_what_a_function_answers_is_looked_at_too():
    simulation, client = world(lambda _: "hello")
    with pytest.raises(ConfigurationError, match="of the network gave: expected an Answer, .*, got 'hello'"):
        simulation.run(client.chat("x"))
    assert simulation.open == []


def test_a_list_of_pieces_that_changes_later_changes_no_answer():
    pieces = [b"a\n", 1, b".\n"]
    answer = Answer(body=pieces)
    pieces.clear()
    simulation, client = world(answer)
    assert simulation.run(read(client)) == ["a"]
    assert simulation.now == 1

"""Requests that must not take effect twice: when they are repeated, and by what key their provider knows them again."""

import re
from typing import ClassVar

import pytest
from again import raised, same, world
from attrs import frozen
from fakes import Player, Plugin, hello

import jackfield as jf
from jackfield.errors import ConnectionFailedError, ConnectTimeoutError, RateLimitError, ReadTimeoutError, ServerError
from jackfield.http import HttpResponse
from jackfield.operations import CHAT, Operation
from jackfield.provider import Endpoint, HttpProvider, JsonReply, serves
from jackfield_retry import CircuitOpenError, Retry, RetrySettings
from jackfield_testkit import Answer, Simulation

PAY: Operation = Operation("pay", lambda request: CHAT.fold(None), CHAT.events, repeatable=False)


@frozen(kw_only=True)
class PayRequest(jf.Request):
    operation: ClassVar[Operation] = PAY


class Bank(Player):
    @serves(PAY)
    def pay(self, call):
        return self.chat(call)


class KnowingBank(Bank):
    idempotency_header = "Idempotency-Key"


def refused(sent):
    error = ConnectionFailedError("no connection")
    error.sent = sent
    return error


def pay(player, request=None, **settings):
    simulation, client, _ = world(retry=Retry(RetrySettings(**settings)), player=player)
    return simulation, client.call(request or PayRequest(model="fake:m"))


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (ServerError("x", status=500), 1),
        (ServerError("x", status=503, retry_after=1), 1),
        (ReadTimeoutError("x"), 1),
        (refused(sent=True), 1),
        (refused(sent=False), 3),
        (ConnectTimeoutError("x"), 3),
        (RateLimitError("x", status=429), 3),
    ],
)
def test_it_is_repeated_only_where_it_has_had_no_effect(error, attempts):
    player = Bank([error])
    assert same(raised(*pay(player)), error)
    assert len(player.calls) == attempts
    if attempts == 1:
        assert "idempotency key" in error.__notes__[0]


def test_with_a_key_that_the_provider_honours_it_is_repeated_with_the_same_key():
    player = KnowingBank([ServerError("x", status=500)], [ReadTimeoutError("x")], hello())
    simulation, call = pay(player)
    assert simulation.run(call).attempts == 3
    keys = [call.request.extra_headers["Idempotency-Key"] for call in player.calls]
    assert len(set(keys)) == 1
    assert re.fullmatch(r"jackfield-[0-9a-f]{36}", keys[0])


def test_each_call_has_a_key_of_its_own():
    player = KnowingBank(hello())
    simulation, client, _ = world(retry=Retry(), player=player)
    for _ in range(3):
        simulation.run(client.call(PayRequest(model="fake:m", extra_headers={"x-mine": "1"})))
    sent = [call.request.extra_headers for call in player.calls]
    assert len({headers["Idempotency-Key"] for headers in sent}) == 3
    assert {headers["x-mine"] for headers in sent} == {"1"}


def test_the_callers_own_key_serves():
    player = KnowingBank([ServerError("x", status=500)], hello())
    request = PayRequest(model="fake:m", extra_headers={"idempotency-key": "mine"})
    simulation, call = pay(player, request)
    assert simulation.run(call).attempts == 2
    assert [dict(call.request.extra_headers) for call in player.calls] == [{"idempotency-key": "mine"}] * 2


def test_a_request_that_may_be_repeated_has_no_key():
    player = KnowingBank(hello())
    simulation, client, _ = world(retry=Retry(), player=player)
    simulation.run(client.chat("x"))
    assert player.calls[0].request.extra_headers is None


def test_an_open_circuit_sends_nothing():
    player = Bank([ServerError("x", status=500)])
    simulation, client, _ = world(retry=Retry(RetrySettings(circuit_failures=1)), player=player)
    raised(simulation, client.call(PayRequest(model="fake:m")))
    error = raised(simulation, client.call(PayRequest(model="fake:m")))
    assert (type(error), error.sent, len(player.calls)) == (CircuitOpenError, False, 1)


class WebBank(HttpProvider):
    idempotency_header = "idempotency-key"

    @serves(PAY)
    def pay(self, call):
        head = yield self.post("/pay", {})
        return JsonReply(head, lambda reply: hello(reply["id"]))


def test_the_key_goes_over_the_wire():
    seen = []

    def bank(request):
        key = request.headers["idempotency-key"]
        seen.append(key)
        if len(seen) == 1:
            return Answer(fault="lost", latency=1)  # it took effect, and nobody heard of it
        return HttpResponse(200, {}, b'{"id": "%d"}' % seen.index(key))

    simulation = Simulation(bank)
    plugin = Plugin(lambda name, settings: WebBank(name, Endpoint.parse("https://bank.test"), {"pay": "m"}))
    client = simulation.client({"default": "bank"}, plugins={"provider": {"bank": plugin}}, middleware=[Retry()])
    reply = simulation.run(client.call(PayRequest()))
    assert (reply.text, reply.attempts, len(set(seen))) == ("0", 2, 1)

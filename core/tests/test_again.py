"""What the core tells those who would ask again: what was sent, what the provider says, and by what header it knows."""

import pytest
from faces import COLOURS
from fakes import Player, hello, playing
from lines import LineProvider, chat
from scripted import CLOSE, Scripted, reply

import jackfield as jf
from jackfield.errors import ConnectionFailedError, ConnectTimeoutError, ServerError
from jackfield.http import HttpResponse
from jackfield.operations import CHAT
from jackfield.provider import should_retry


def failed(colour, server, **more):
    with pytest.raises(ConnectionFailedError) as caught:
        chat(colour, server, **more)
    return caught.value


@pytest.mark.parametrize("colour", COLOURS)
def test_of_a_refused_connection_nothing_was_sent(colour):
    with Scripted([]) as server:
        pass
    assert failed(colour, server).sent is False


@pytest.mark.parametrize("colour", COLOURS)
def test_of_a_connection_that_was_lost_something_may_have_been_sent(colour):
    with Scripted([CLOSE]) as server:
        assert failed(colour, server).sent is True


@pytest.mark.parametrize("colour", COLOURS)
def test_what_a_first_round_trip_sent_was_sent_although_the_second_was_refused(colour):
    def steps(provider, call):
        yield provider.post("/first", {}, read=True)
        server.__exit__(None, None, None)  # the port is closed now
        yield provider.post("/second", {})

    with Scripted([reply("{}"), CLOSE]) as server:
        assert failed(colour, server, steps=steps).sent is True
    assert len(server.requests) == 1


def test_nothing_was_sent_where_connecting_took_too_long():
    assert ConnectTimeoutError("x").sent is False
    assert ServerError("x").sent is True


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({"x-should-retry": "true"}, True),
        ({"x-should-retry": "False"}, False),
        ({"x-should-retry": "perhaps"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [400, 503])
def test_the_word_of_any_provider_on_another_attempt_is_heard(headers, word, status):
    assert should_retry(headers) is word
    error = LineProvider("x", "https://x.test").error(HttpResponse(status, headers, b"no"))
    assert error.retryable is (status == 503 if word is None else word)


class Known(Player):
    idempotency_header = "idempotency-key"


class Looking:
    slot = jf.Slot.RETRY

    async def __call__(self, call, proceed):
        self.header = call.idempotency_header
        async for event in proceed(call):
            yield event


@pytest.mark.parametrize(("kind", "header"), [(Player, None), (Known, "idempotency-key")])
def test_a_call_tells_by_what_header_its_provider_knows_a_request_again(kind, header):
    looking = Looking()
    with jf.Client(middleware=[looking], **playing(kind(hello()))) as client:
        client.chat("x")
    assert looking.header == header


def test_a_call_that_no_client_began_has_no_such_header():
    assert jf.Call(CHAT, jf.ChatRequest(messages="x"), jf.Target("p", "m"), runtime=None).idempotency_header is None

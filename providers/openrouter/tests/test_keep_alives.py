"""Signs of life: without limit in time while they come, bounded in bytes; a stall without them is a timeout."""

import pytest
from exchanges import JSON, SSE, Outcome, chat_call, decoder, single

from jackfield import Secret
from jackfield.errors import DeadlineError, LimitExceededError, ReadTimeoutError
from jackfield_openrouter import OpenRouterProvider, OpenRouterSettings
from jackfield_openrouter.testing import FakeOpenRouter, Scene
from jackfield_testkit import Answer, Simulation

PROVIDER = OpenRouterProvider("openrouter", OpenRouterSettings(Secret("sk-or-1")))
MODEL = "openrouter:openai/gpt-4o-mini"
DAY = 86_400


def world(*scenes, **more):
    """A client in virtual time whose OpenRouter plays these scenes."""
    fake = FakeOpenRouter(*scenes)

    def answer(request):
        reply = fake.reply(request)
        pieces = [piece for piece in reply.pieces if piece != float("inf")]
        return Answer(reply.status, reply.headers, pieces, fault="stall" if len(pieces) < len(reply.pieces) else None)

    simulation = Simulation(answer)
    config = {"default": MODEL, "providers": {"openrouter": {"api_key": "sk-or-test"}}, **more}
    return simulation, simulation.client(config=config)


async def read(client, **more):
    async with client.stream("Hello", **more) as stream:
        return "".join([text async for text in stream.text])


def test_a_stream_waits_for_a_day_while_comments_come():
    simulation, client = world(Scene(text="At last.", waits=DAY // 60, wait=60.0))
    assert simulation.run(read(client)) == "At last."
    assert simulation.now == pytest.approx(DAY)
    assert simulation.open == []


def test_a_stall_behind_comments_is_a_timeout():
    simulation, client = world(Scene(waits=3, wait=60.0, stall=True))
    with pytest.raises(ReadTimeoutError, match="nothing was received for 120"):
        simulation.run(read(client))
    assert simulation.now == 3 * 60 + 120
    assert simulation.open == []


def test_a_deadline_holds_whatever_comes():
    simulation, client = world(Scene(waits=100, wait=60.0), Scene(waits=100, wait=60.0))
    for ask in (read(client, timeout=90), client.chat("Hello", timeout=90)):
        before = simulation.now
        with pytest.raises(DeadlineError):
            simulation.run(ask)
        assert simulation.now == before + 90


def test_a_whole_reply_comes_behind_white_space():
    simulation, client = world(Scene(text="At last.", waits=9, wait=60.0))
    assert simulation.run(client.chat("Hello")).text == "At last."
    assert simulation.now == pytest.approx(540)


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("cut", [single, lambda data: [data]])
def test_white_space_before_a_document_is_nothing(streaming, cut):
    body = b"\n         " * 40 + b'{"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}]}'
    outcome = Outcome(decoder(PROVIDER, chat_call(streaming=streaming), JSON), cut(body))
    assert (outcome.error, outcome.response.text) == (None, "a")


@pytest.mark.parametrize(
    ("head", "piece"), [(SSE, b": OPENROUTER PROCESSING\n\n"), (JSON, b"\n         "), ({}, b"          ")]
)
def test_signs_of_life_are_bounded_in_bytes(head, piece):
    megabyte = piece * (2**20 // len(piece))
    outcome = Outcome(decoder(PROVIDER, chat_call(streaming=True), head), [megabyte] * 32)
    assert isinstance(outcome.error, LimitExceededError)
    assert "16777216 bytes" in str(outcome.error)

"""The same provider serves the blocking client and the async one, on asyncio and on trio, streamed or not."""

import asyncio

import pytest

import jackfield as jf
from jackfield.errors import OverloadedError, ReadTimeoutError, TruncatedStreamError
from jackfield.http import HttpResponse
from jackfield.types import Finish, TextDelta
from jackfield_testkit import Answer, FunctionNetwork, Simulation

CONFIG = {"default": "anthropic:claude-sonnet-4-6", "providers": {"anthropic": {"api_key": "sk-ant-test"}}}


def run_on_asyncio(function):
    return asyncio.run(function())


def run_on_trio(function):
    return pytest.importorskip("trio").run(function)


@pytest.fixture
def network(kit):
    def answer(request):
        streamed = request.headers["accept"] == "text/event-stream"
        name, kind = ("thinking.sse", "text/event-stream") if streamed else ("thinking.json", "application/json")
        return HttpResponse(200, {**kit.headers, "content-type": kind}, (kit.wire / name).read_bytes())

    return FunctionNetwork(answer)


def test_the_blocking_client(network):
    with jf.Client(CONFIG, transport=network) as client:
        whole = client.chat("27 * 453?")
        with client.stream("27 * 453?") as stream:
            pieces = list(stream.text)
    assert stream.response == whole
    assert pieces == ["27 * 453 = ", "12231."]
    assert (whole.finish, whole.tool_calls[0].parsed) == (Finish("tool_calls", "tool_use"), {"n": 12231})


@pytest.mark.parametrize("run", [run_on_asyncio, run_on_trio])
def test_the_async_client(network, run):
    async def main():
        async with jf.AsyncClient(CONFIG, transport=network) as client:
            whole = await client.chat("27 * 453?")
            async with client.stream("27 * 453?") as stream:
                texts = [event.text async for event in stream if isinstance(event, TextDelta)]
            return whole, stream.response, texts

    whole, streamed, texts = run(main)
    assert streamed == whole
    assert "".join(texts) == whole.text


@pytest.fixture
def streamed(kit):
    """The text of a stream, read in simulated time, and what became of it."""

    def streamed(answer, **config):
        simulation = Simulation(answer)
        client = simulation.client({**CONFIG, **config})
        seen = []

        async def main():
            async with client.stream("Hello") as stream:
                async for text in stream.text:
                    seen.append((simulation.now, text))  # noqa: PERF401 - what came before an error counts
            return stream

        try:
            return seen, simulation.run(main()), simulation
        except jf.JackfieldError as error:
            return seen, error, simulation

    return streamed


def events(kit, name, **given):
    return Answer(headers={"content-type": "text/event-stream"}, body=(kit.wire / f"{name}.sse").read_bytes(), **given)


def test_a_slow_stream_gives_its_text_as_it_comes(kit, streamed):
    seen, stream, simulation = streamed(events(kit, "text").slowly(100, 1.0))
    assert "".join(text for _, text in seen) == "Grüß Gott! It is 5 °C in Zürich. 🌨️"
    assert len({at for at, _ in seen}) > 2
    assert (stream.state, simulation.open) == ("complete", [])


def test_the_stream_ends_with_its_message_and_not_with_its_connection(kit, streamed):
    seen, stream, simulation = streamed(events(kit, "text", fault="stall"))
    assert stream.state == "complete"
    assert simulation.now < 10
    assert seen


def test_a_broken_stream_tells_what_had_arrived(kit, streamed):
    _, error, simulation = streamed(events(kit, "tools", fault="end", after=900))
    assert type(error) is TruncatedStreamError
    assert error.partial.text == "I will look at the weather."
    assert error.partial.usage.input_tokens == 25
    assert (error.provider, error.model, simulation.open) == ("anthropic", "claude-sonnet-4-6", [])


def test_an_overload_inside_a_stream_is_one(kit, streamed):
    _, error, _ = streamed(events(kit, "error_in_stream"))
    assert type(error) is OverloadedError
    assert (error.partial.text, error.retryable) == ("Once upon", True)


def test_pings_show_that_the_model_is_at_work(kit, streamed):
    whole = (kit.wire / "text.sse").read_bytes()
    start, ping = whole[: whole.index(b"\n\n") + 2], b'event: ping\ndata: {"type": "ping"}\n\n'
    pieces = [start, *([50.0, ping] * 10), 50.0, whole[len(start) :]]
    headers = {"content-type": "text/event-stream"}
    timeouts = {"first": 60.0, "silence": 60.0}
    seen, stream, _ = streamed(Answer(headers=headers, body=pieces), timeouts=timeouts)
    assert (stream.state, seen[0][0]) == ("complete", 550.0)
    early, stream, _ = streamed(Answer(headers=headers, body=[*([50.0, ping] * 3), 50.0, whole]), timeouts=timeouts)
    assert (stream.state, early[0][0]) == ("complete", 200.0)
    _, error, simulation = streamed(Answer(headers=headers, body=[start, 70.0, whole]), timeouts=timeouts)
    assert (type(error), simulation.now) == (ReadTimeoutError, 60.0)


def test_a_conversation_with_a_tool_goes_round(kit):
    import json

    bodies = []

    def answer(request):
        bodies.append(json.loads(request.body))
        name = "thinking" if len(bodies) == 1 else "text"
        return HttpResponse(200, kit.headers, (kit.wire / f"{name}.json").read_bytes())

    with jf.Client(CONFIG, transport=FunctionNetwork(answer)) as client:
        first = client.chat("27 * 453?")
        turn = jf.Message("tool", [jf.ToolResult(first.tool_calls[0].id, "right")])
        second = client.chat([jf.Message("user", "27 * 453?"), first.message, turn])
    assert second.text.startswith("Grüß Gott")
    wire = json.loads((kit.wire / "thinking.json").read_bytes())
    assert bodies[1]["messages"] == [
        {"role": "user", "content": "27 * 453?"},
        {"role": "assistant", "content": wire["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_t", "content": "right"}]},
    ]

"""What each operation gives: fields that the mock honors, usage, pieces, and the time between them."""

import math

import pytest
from faces import COLOURS, run
from waiting import Waiting

import jackfield as jf
from jackfield.errors import BadRequestError, ConfigurationError, DeadlineError, ReadTimeoutError
from jackfield.types import (
    Annotated,
    Finish,
    Finished,
    LogprobsDelta,
    PartAdded,
    ReasoningDelta,
    RefusalDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReported,
)
from jackfield_mock import MockProvider, Reply, Rule, ScriptedCall

ECHO = 'Hello! I am the mock provider: you said "{}".'


def client_of(*replies, middleware=(), timeouts=None, **options):
    mock = MockProvider(*replies, **options)
    config = {"default": "mock", "timeouts": timeouts or {}}
    return jf.Client(config, plugins=mock.plugins(), middleware=middleware)


def ask(*replies, **options):
    with client_of(*replies) as client:
        return client.chat("x", **options)


def events(*replies, request="x", settings=None, **options):
    with client_of(*replies, **(settings or {})) as client, client.stream(request, **options) as stream:
        return list(stream)


# --- all operations, in every colour ------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_every_operation(colour):
    async def body(client):
        assert (await client.chat("a")).text == ECHO.format("a")
        assert (await client.complete("b")).text == ECHO.format("b")
        assert len((await client.embed("c")).vector) == 16
        assert [model.id for model in await client.models()] == ["mock"]
        assert (await client.model()).info.id == "mock"

    run(colour, body, config={"default": "mock"})


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    "request_",
    [
        jf.ChatRequest(messages="x", n=2, logprobs=True),
        jf.CompleteRequest(prompt=["x", "y"], echo=True),
        jf.EmbedRequest(input=["x", "y"]),
        jf.ModelsRequest(),
        jf.ModelRequest(),
    ],
    ids=lambda request: request.operation.name,
)
def test_a_stream_folds_into_what_the_whole_reply_is(colour, request_):
    async def body(client):
        whole = await client.call(request_)
        async with client.stream(request_) as stream:
            seen = [event async for event in stream]
        assert isinstance(seen[0], Start)
        assert stream.response.id != whole.id
        for name in ("choices", "vectors", "models", "info", "usage"):
            assert getattr(stream.response, name, None) == getattr(whole, name, None)

    run(colour, body, config={"default": "mock", "providers": {"mock": {"chunk": 3}}})


# --- chat ---------------------------------------------------------------------------------------------------

RICH = Reply(
    "yes, really",
    "hm hm",
    [{"name": "f", "arguments": {"a": 1}}],
    refusal="or no",
    citations=[jf.Citation("https://a.example", "A")],
    images=["https://a.example/b.png"],
)


def test_everything_that_a_reply_can_hold():
    reply = ask(RICH)
    assert (reply.text, reply.reasoning, reply.refusal) == ("yes, really", "hm hm", "or no")
    assert reply.annotations == (jf.Citation("https://a.example", "A"),)
    assert [part.url for part in reply.message.parts if isinstance(part, jf.Image)] == ["https://a.example/b.png"]
    assert reply.tool_calls[0].parsed == {"a": 1}
    assert reply.finish.unified == "tool_calls"
    assert reply.usage == Usage(1, 7, 2)
    assert [type(event) for event in events(RICH, settings={"chunk": 100})] == [
        Start,
        ReasoningDelta,
        RefusalDelta,
        TextDelta,
        PartAdded,
        Annotated,
        ToolCallDelta,
        ToolCallDelta,
        Finished,
        UsageReported,
    ]


def test_arguments_can_be_text_and_broken():
    reply = ask(Reply(tool_calls=[ScriptedCall("f", '{"a": '), jf.ToolCall("mine", "g", "free", custom=True)]))
    assert [(call.name, call.arguments, call.custom) for call in reply.tool_calls] == [
        ("f", '{"a": ', False),
        ("g", "free", True),
    ]
    assert reply.tool_calls[1].id == "mine"
    with pytest.raises(jf.JackfieldError, match="arguments of tool call 'f'"):
        _ = reply.tool_calls[0].parsed


def test_usage_of_ones_own():
    usage = Usage(1, 2, cached_tokens=1, cost=0.25)
    assert ask(Reply("x", usage=usage)).usage == usage


@pytest.mark.parametrize(
    ("options", "texts"), [({}, ["a", "b"]), ({"n": 1}, ["a"]), ({"n": 3}, ["a", "b", "b"]), ({"n": 2}, ["a", "b"])]
)
def test_choices_of_their_own(options, texts):
    reply = ask(Reply(choices=["a", Reply("b", "hm", finish="content_filter")]), **options)
    assert [choice.message.text for choice in reply.choices] == texts
    assert [choice.finish.unified for choice in reply.choices] == ["stop", *["content_filter"] * (len(texts) - 1)]
    assert [choice.index for choice in reply.choices] == list(range(len(texts)))


@pytest.mark.parametrize(
    ("stop", "text", "finish"),
    [
        ("three", "one two ", "stop"),
        (["four", "two"], "one ", "stop"),
        ("none", "one two three", "length"),
        ("", "", ""),
    ],
)
def test_a_stop_text_ends_the_reply(stop, text, finish):
    reply = ask(Reply("one two three", finish="length"), stop=stop)
    assert (reply.text, reply.finish.unified) == (text or "one two three", finish or "length")


def test_after_a_stop_text_there_are_no_calls():
    reply = ask(Reply("one two", tool_calls=[{"name": "f"}]), stop="two")
    assert (reply.text, reply.tool_calls, reply.finish.unified) == ("one ", (), "stop")


@pytest.mark.parametrize(
    ("limit", "reasoning", "text", "calls", "finish"),
    [
        (1, "hm", "", 0, "length"),
        (2, "hm hm", "", 0, "length"),
        (3, "hm hm", "one", 0, "length"),
        (4, "hm hm", "one two", 1, "length"),
        (5, "hm hm", "one two", 1, "tool_calls"),
        (9, "hm hm", "one two", 1, "tool_calls"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 100, "word"])
def test_a_limit_cuts_the_reply(limit, reasoning, text, calls, finish, chunk):
    script = Reply("one two", "hm hm", [{"name": "f", "arguments": {"a": 1}}])
    with client_of(script, chunk=chunk) as client:
        with client.stream("x", max_output_tokens=limit) as stream:
            list(stream)
        for reply in (client.chat("x", max_output_tokens=limit), stream.response):
            assert (reply.reasoning, reply.text, reply.finish.unified) == (reasoning, text, finish)
            assert len(reply.tool_calls) == calls
            assert reply.usage.output_tokens == min(limit, 5)
            assert all(call.complete == (finish == "tool_calls") for call in reply.tool_calls)


def test_log_probabilities():
    reply = ask("one two", logprobs=True)
    assert [(token.token, token.logprob, token.bytes, token.top) for token in reply.logprobs.content] == [
        ("one", -0.125, b"one", ()),
        (" two", -0.125, b" two", ()),
    ]
    top = ask("one", top_logprobs=3).logprobs.content[0].top
    assert [token.token for token in top] == ["one", "one1", "one2"]
    assert [token.logprob for token in top] == [-0.125, -1.125, -2.125]
    assert ask("one").logprobs is None
    assert sum(isinstance(event, LogprobsDelta) for event in events("one two", logprobs=True, n=2)) == 2


@pytest.mark.parametrize("chunk", [1, 3, 7, 100, "word"])
def test_usage_does_not_depend_on_the_pieces(chunk):
    with client_of("one two  three\n", chunk=chunk) as client:
        whole = client.chat("a b", n=2)
        with client.stream("a b", n=2) as stream:
            list(stream)
        assert stream.response.usage == whole.usage == Usage(2, 6)
        assert stream.response.text == "one two  three\n"


@pytest.mark.parametrize(
    ("reply", "settings", "pieces"),
    [
        ("one  two\n", {"chunk": "word"}, ["one", "  two", "\n"]),
        (" \n", {"chunk": "word"}, [" \n"]),
        (Reply("abcd", chunk=3), {"chunk": "word"}, ["abc", "d"]),
        (Reply("ab cd", chunk="word"), {"chunk": 1}, ["ab", " cd"]),
        (Reply(pieces=["a", "", "bcd"]), {"chunk": 1}, ["a", "", "bcd"]),
        (Reply(choices=[Reply(pieces=["a", "b"])]), {}, ["a", "b"]),
    ],
)
def test_how_a_text_is_cut(reply, settings, pieces):
    seen = events(reply, settings=settings)
    assert [event.text for event in seen if isinstance(event, TextDelta)] == pieces
    assert ask(reply).text == "".join(pieces)


def test_pieces_that_a_limit_cuts():
    seen = events(Reply(pieces=["one t", "wo thr", "ee"]), max_output_tokens=2)
    assert [event.text for event in seen if isinstance(event, TextDelta)] == ["one t", "wo"]


# --- completion ---------------------------------------------------------------------------------------------


def test_completions_of_several_prompts():
    with client_of("one two", chunk=4) as client:
        request = jf.CompleteRequest(prompt=["a b", [1, 2, 3]], n=2, echo=True, suffix="c d", logprobs=2)
        reply = client.call(request)
        assert [choice.text for choice in reply.choices] == ["a bone two", "a bone two", *["1 2 3one two"] * 2]
        assert [choice.index for choice in reply.choices] == [0, 1, 2, 3]
        assert reply.usage == Usage(7, 8)
        tokens = reply.logprobs.content
        assert [(token.token, token.offset, len(token.top)) for token in tokens] == [
            ("a", 0, 2),
            (" bone", 1, 2),
            (" two", 6, 2),
        ]
        with client.stream(request) as stream:
            pieces = [event.text for event in stream if isinstance(event, TextDelta) and event.choice == 0]
        assert pieces == ["a bo", "ne t", "wo"]


def test_completions_end_where_they_should():
    with client_of("one two three") as client:
        assert client.complete("x", stop=" two").text == "one"
        cut = client.complete("x", max_output_tokens=2)
        assert (cut.text, cut.finish) == ("one two", Finish("length", "length"))
        none = client.complete("x", max_output_tokens=0, echo=True)
        assert (none.text, none.finish.unified, none.usage) == ("x", "length", Usage(1, 0))
    with client_of(Reply(pieces=["on", "e"], usage=Usage(9))) as client:
        with client.stream(jf.CompleteRequest(prompt="xy", echo=True)) as stream:
            assert [event.text for event in stream if isinstance(event, TextDelta)] == ["xy", "on", "e"]
        assert stream.response.usage == Usage(9)


def test_a_completion_has_text_alone():
    with client_of(Reply("x", reasoning="hm")) as client:
        with pytest.raises(ConfigurationError, match="a reply to 'complete' has no reasoning"):
            client.complete("x")


# --- embeddings ---------------------------------------------------------------------------------------------


def test_vectors_are_of_unit_length_and_depend_on_the_text_alone():
    with client_of() as client, client_of(dimensions=5) as other:
        reply = client.embed(["a", "b", "a", "", [1, 2], "1,2"])
        assert reply.usage == Usage(6)
        vectors = [list(vector) for vector in reply.vectors]
        assert vectors[0] == vectors[2] == list(client.embed("a", model="mock:other").vector)
        assert len({tuple(vector) for vector in vectors}) == 5
        for vector in reply.vectors:
            assert vector.typecode == "f"
            assert len(vector) == 16
            assert math.isclose(math.sqrt(sum(number * number for number in vector)), 1, rel_tol=1e-6)
        assert len(other.embed("a").vector) == 5
        assert len(client.embed("a", dimensions=1536).vector) == 1536
        assert list(map(abs, client.embed("a", dimensions=1).vector)) == [1.0]
        with pytest.raises(BadRequestError, match="dimensions: the mock makes vectors of at most 65536"):
            client.embed("a", dimensions=65_537)


def test_vectors_are_the_same_in_every_run():
    with client_of() as client:
        numbers = client.embed("\u00e9t\u00e9", dimensions=3).vector
    assert [round(number, 6) for number in numbers] == [0.637604, -0.501862, -0.584462]


def test_a_reply_to_other_operations_has_usage_but_no_text():
    with client_of(rules=[Rule(operation="embed", reply=Reply(usage=Usage(7)))]) as client:
        assert client.embed("x").usage == Usage(7)
    for reply, name in ((Reply("x"), "text"), (Reply(choices=["x"]), "choices")):
        with client_of(rules=[Rule(operation="models", reply=reply)]) as client:
            with pytest.raises(ConfigurationError, match=f"a reply to 'models' has no {name}"):
                client.models()


# --- time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "settings", "slept"),
    [
        ("ab", {"delay": 2.0}, [2, 2, 2, 2]),
        ("ab", {"delay": 2.0, "first_delay": 5.0}, [5, 2, 2, 2]),
        ("ab", {"first_delay": 5.0}, [5]),
        (Reply("ab", delay=1.0), {"first_delay": 5.0, "delay": 3.0}, [1, 1, 1, 1]),
        (Reply("ab", delay=1.0, first_delay=0.0), {"delay": 3.0}, [1, 1, 1]),
        (Reply("ab", first_delay=4.0), {"delay": 3.0}, [4, 3, 3, 3]),
        ("ab", {}, []),
        ([7, TextDelta("a"), 0.5, Finished(Finish("stop", None))], {"delay": 3.0}, [7, 0.5]),
    ],
)
def test_the_time_between_events(reply, settings, slept):
    waiting = Waiting()
    with client_of(reply, chunk=1, middleware=[waiting], **settings) as client, client.stream("x") as stream:
        list(stream)
    assert waiting.slept == slept


@pytest.mark.parametrize(
    ("timeouts", "delays", "slept", "says"),
    [
        ({"first": 3.0}, {"first_delay": 4.0}, [3.0], "the first event took too long"),
        ({"silence": 3.0}, {"first_delay": 4.0}, [3.0], "nothing was received for 3.0 s"),
        (
            {"first": 9.0, "silence": 3.0},
            {"first_delay": 2.0, "delay": 3.5},
            [2.0, 3.0],
            "nothing was received for 3.0",
        ),
    ],
)
def test_silence_that_is_too_long_for_the_client(timeouts, delays, slept, says):
    waiting = Waiting()
    with client_of("ab", middleware=[waiting], timeouts=timeouts, **delays) as client:
        with client.stream("x") as stream, pytest.raises(ReadTimeoutError, match=says):
            list(stream)
    assert waiting.slept == slept


def test_a_whole_reply_is_bounded_by_the_deadline_alone():
    waiting = Waiting()
    with client_of("ab", delay=50.0, middleware=[waiting], timeouts={"first": 1.0, "silence": 1.0}) as client:
        assert client.chat("x").text == "ab"
        assert waiting.slept == [50, 50, 50]
        with pytest.raises(DeadlineError):
            client.chat("x", timeout=60)
    assert len(waiting.slept) == 5


@pytest.mark.parametrize("colour", COLOURS)
def test_a_deadline_ends_a_delay(colour):
    async def body(client):
        with pytest.raises(DeadlineError):
            await client.chat("x", timeout=0.02)

    run(colour, body, config={"default": "mock", "providers": {"mock": {"delay": 60.0}}})

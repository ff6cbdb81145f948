"""The mock: what it says without a script, and every kind of script."""

import pytest
from faces import COLOURS, run

import jackfield as jf
from jackfield.errors import PluginError, RateLimitError
from jackfield.types import Finish, Finished, ReasoningDelta, Start, TextDelta, ToolCallDelta, Usage, UsageReported
from jackfield_mock import Reply

ECHO = 'Hello! I am the mock provider: you said "{}".'
STOP = Finished(Finish("stop", "stop"))


def config(**settings):
    return {"default": "mock", "providers": {"mock": settings}}


def ask(prompt="Hello", settings=None, **options):
    with jf.Client(config(**(settings or {}))) as client:
        return client.chat(prompt, **options)


def events(settings, prompt="Hello", **options):
    with jf.Client(config(**settings)) as client, client.stream(prompt, **options) as stream:
        return list(stream)


# --- without a script ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_it_says_what_it_was_told(colour):
    async def body(client):
        whole = await client.chat("Good day")
        assert whole.text == ECHO.format("Good day")
        assert (whole.provider, whole.model, whole.id) == ("mock", "mock", "mock-1")
        assert whole.finish == Finish("stop", "stop")
        assert whole.usage == Usage(input_tokens=2, output_tokens=10)
        stream = client.stream("Good day")
        async with stream:
            pieces = [event async for event in stream]
        assert pieces[0] == Start(id="mock-2", model="mock", provider="mock")
        assert stream.response.text == whole.text
        assert stream.response.usage == whole.usage

    run(colour, body, config=config())


def test_it_answers_the_last_turn_of_the_user():
    conversation = [
        jf.Message("system", "Be kind."),
        jf.Message("user", "one"),
        jf.Message("assistant", "two"),
        jf.Message("user", "three"),
        jf.Message("assistant", "four"),
    ]
    assert ask(conversation).text == ECHO.format("three")
    assert ask(conversation).usage.input_tokens == 6


def test_it_needs_no_table_and_takes_any_model():
    with jf.Client({}) as client:
        assert client.chat("Hello", model="mock").model == "mock"
        assert client.chat("Hello", model="mock:large").model == "large"
    assert ask(settings={"default_model": "small"}).model == "small"


def test_it_gives_as_many_choices_as_are_asked_for():
    reply = ask(settings={"replies": ["one two"]}, n=3)
    assert [(choice.index, choice.message.text) for choice in reply.choices] == [(i, "one two") for i in range(3)]
    assert reply.usage.output_tokens == 6


# --- replies ------------------------------------------------------------------------------------------------


def test_replies_come_one_after_another_and_the_last_for_ever():
    with jf.Client(config(replies=["one", "two"])) as client:
        assert [client.chat("x").text for _ in range(4)] == ["one", "two", "two", "two"]
        assert client.chat("x").id == "mock-5"
    with jf.Client(config(replies=["one", "two"])) as client:
        assert client.chat("x").text == "one"


def test_two_instances_have_two_scripts():
    providers = {name: {"plugin": "mock", "replies": [name]} for name in ("a", "b")}
    with jf.Client({"providers": providers}) as client:
        assert [client.chat("x", model=name).text for name in ("a", "b", "a")] == ["a", "b", "a"]


@pytest.mark.parametrize("reply", [{"text": "yes", "reasoning": "hm"}, Reply("yes", "hm")], ids=["table", "object"])
def test_a_reply_of_several_fields(reply):
    answer = ask(settings={"replies": [reply]})
    assert (answer.text, answer.reasoning) == ("yes", "hm")
    assert answer.usage.output_tokens == 2


@pytest.mark.parametrize("text", ["", " "])
def test_a_reply_without_words(text):
    answer = ask(settings={"replies": [text]})
    assert (answer.text, answer.finish.unified) == (text, "stop")


@pytest.mark.parametrize("finish", ["length", "content_filter", "error", "other"])
def test_a_finish_of_its_own(finish):
    assert ask(settings={"replies": [{"text": "x", "finish": finish}]}).finish == Finish(finish, finish)


# --- streams ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("chunk", "pieces"), [(1, ["a", "b", "c", "d", "e"]), (2, ["ab", "cd", "e"]), (9, ["abcde"])])
def test_text_is_streamed_in_pieces(chunk, pieces):
    assert events({"replies": ["abcde"], "chunk": chunk})[1:] == [
        *map(TextDelta, pieces),
        STOP,
        UsageReported(Usage(1, 1)),
    ]


def test_reasoning_comes_first():
    seen = events({"replies": [{"text": "yes", "reasoning": "hm?"}], "chunk": 2})
    assert seen[1:-2] == [ReasoningDelta("hm"), ReasoningDelta("?"), TextDelta("ye"), TextDelta("s")]


def test_the_choices_of_a_stream():
    seen = events({"replies": ["ab"], "chunk": 1}, n=2)
    assert [event.choice for event in seen[1:-1]] == [0, 0, 0, 1, 1, 1]


# --- tool calls ---------------------------------------------------------------------------------------------

CALLS = [{"name": "weather", "arguments": {"city": "Rome"}}, {"name": "time", "id": "mine"}]


def test_tool_calls_whole():
    answer = ask(settings={"replies": [{"tool_calls": CALLS}]})
    assert answer.finish.unified == "tool_calls"
    assert answer.tool_calls == (
        jf.ToolCall("call-1-1", "weather", '{"city":"Rome"}'),
        jf.ToolCall("mine", "time", "{}"),
    )
    assert [call.parsed for call in answer.tool_calls] == [{"city": "Rome"}, {}]


def test_tool_calls_in_pieces():
    seen = events({"replies": [{"text": "so", "tool_calls": CALLS}], "chunk": 8})
    assert seen[1:-1] == [
        TextDelta("so"),
        ToolCallDelta(0, "call-1-1", "weather"),
        ToolCallDelta(0, arguments='{"city":'),
        ToolCallDelta(0, arguments='"Rome"}'),
        ToolCallDelta(1, "mine", "time"),
        ToolCallDelta(1, arguments="{}"),
        Finished(Finish("tool_calls", "tool_calls")),
    ]


# --- scripts ------------------------------------------------------------------------------------------------


def test_a_script_is_played_as_it_stands():
    script = [TextDelta("a"), 0.01, TextDelta("b"), Finished(Finish("length", "max")), UsageReported(Usage(7))]
    answer = ask(settings={"replies": [script]})
    assert (answer.text, answer.finish, answer.usage) == ("ab", Finish("length", "max"), Usage(7))
    assert events({"replies": [script]})[1:] == [item for item in script if not isinstance(item, float)]


@pytest.mark.parametrize("colour", COLOURS)
def test_an_error_in_the_middle_carries_what_had_arrived(colour):
    script = [TextDelta("Good"), RateLimitError("slow down", status=429, retry_after=2.0)]

    async def body(client):
        with pytest.raises(RateLimitError) as caught:
            await client.chat("x")
        error = caught.value
        assert (error.provider, error.model, error.operation) == ("mock", "mock", "chat")
        assert (error.status, error.retry_after, error.retryable) == (429, 2.0, True)
        assert error.partial.text == "Good"
        assert error.partial.finish is None

        stream = client.stream("x")
        seen = [await anext(stream), await anext(stream)]
        with pytest.raises(RateLimitError):
            await anext(stream)
        assert seen[1:] == [TextDelta("Good")]
        assert stream.state == "failed"

    run(colour, body, config=config(replies=[script]))


def test_a_foreign_error_is_a_fault_of_the_provider():
    with pytest.raises(PluginError, match="ValueError") as caught:
        ask(settings={"replies": [[ValueError("the key is sk-1")]]})
    assert "sk-1" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("script", [[], [TextDelta("Good")]], ids=["nothing", "half"])
def test_a_script_without_a_finish_is_a_truncated_reply(script):
    with pytest.raises(jf.TruncatedStreamError):
        ask(settings={"replies": [script]})

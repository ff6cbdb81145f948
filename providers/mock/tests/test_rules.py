"""Replies by rules on the request and by functions, and what a test sees of the calls."""

import threading

import anyio
import anyio.lowlevel
import pytest
from faces import COLOURS, run

import jackfield as jf
from jackfield.errors import BlockingAwaitError, ConfigurationError, NotFoundError, PluginError, RateLimitError
from jackfield.operations import ModelRequest
from jackfield.types import Embedded, Finish, Finished, TextDelta
from jackfield_mock import Fault, MockProvider, MockSettings, Reply, Rule

ECHO = 'Hello! I am the mock provider: you said "{}".'
LOOK = jf.Tool("look", "Look at something", {"type": "object", "properties": {"at": {"type": "string"}}})


def using(mock, **config):
    return {"config": {"default": "mock", **config}, "plugins": mock.plugins()}


def client_of(*replies, **options):
    return jf.Client(**using(MockProvider(*replies, **options)))


def answers(mock, *requests, **options):
    with jf.Client(**using(mock)) as client:
        return [client.chat(request, **options).text for request in requests]


# --- conditions ---------------------------------------------------------------------------------------------


def test_the_first_rule_that_fits_wins_and_the_replies_are_for_the_rest():
    rules = [
        Rule(contains="rain", reply="wet"),
        Rule(matches=r"^rai?n|sn.w$", reply="cold"),
        Rule(contains="sun", model="big-*", reply="hot"),
    ]
    mock = MockProvider("one", "two", rules=rules)
    assert answers(mock, "rain", "snow", "snows", "sun", "rain") == ["wet", "cold", "one", "two", "wet"]
    assert answers(mock, "sun", model="mock:big-1") == ["hot"]
    assert answers(mock, "sun", model="mock:small") == ["two"]


def test_all_conditions_of_a_rule_must_hold():
    mock = MockProvider(rules=[Rule(contains="a", matches="b", turns=1, reply="both")])
    assert answers(mock, "ab", "a", "b") == ["both", ECHO.format("a"), ECHO.format("b")]


def test_rules_see_the_last_turn_alone():
    mock = MockProvider("other", rules=[Rule(contains="rain", reply="wet")])
    talk = [jf.Message("user", "rain"), jf.Message("assistant", "wet"), jf.Message("user", "and now?")]
    assert answers(mock, talk, [*talk[:2]]) == ["other", "wet"]


def test_turns_are_counted_without_what_the_system_says():
    mock = MockProvider("other", rules=[Rule(turns=3, reply="third")])
    talk = [jf.Message("system", "Be kind."), jf.Message("user", "a"), jf.Message("assistant", "b")]
    assert answers(mock, talk, [*talk, jf.Message("user", "c")]) == ["other", "third"]


def test_a_rule_applies_so_many_times():
    mock = MockProvider("other", rules=[Rule(contains="x", times=2, replies=["a", "b", "c"]), Rule(times=1, reply="d")])
    assert answers(mock, *"xxxxx") == ["a", "b", "d", "other", "other"]
    mock.reset()
    assert answers(mock, "x") == ["a"]


def test_replies_of_a_rule_come_one_after_another_and_the_last_for_ever():
    assert answers(MockProvider(rules=[Rule(replies=["a", "b"])]), *"xxx") == ["a", "b", "b"]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_tool_loop(colour):
    mock = MockProvider(
        rules=[
            Rule(tool_result="look", contains="blue", reply="It is blue."),
            Rule(tool_result="look", reply="I cannot see."),
            Rule(tool="look", reply=Reply(tool_calls=[{"name": "look", "arguments": {"at": "sky"}}])),
        ]
    )

    async def body(client):
        for found, told in (("blue", "It is blue."), ("fog", "I cannot see.")):
            messages = [jf.Message("user", "What colour is the sky?")]
            reply = await client.chat(messages, tools=[LOOK])
            assert reply.finish.unified == "tool_calls"
            call = reply.tool_calls[0]
            assert call.parsed == {"at": "sky"}
            messages += [reply.message, jf.Message("tool", jf.ToolResult(call.id, found))]
            assert (await client.chat(messages, tools=[LOOK])).text == told
        assert (await client.chat("Hello")).text == ECHO.format("Hello")

    run(colour, body, **using(mock))
    assert mock.requests[0].tools == (LOOK,)
    ids = [turn.tool_calls[0].id for request in mock.requests for turn in request.messages if turn.tool_calls]
    assert len(set(ids)) == 2  # each call has an id of its own


def test_without_a_rule_the_mock_says_what_the_tool_said():
    results = [jf.Message("tool", jf.ToolResult(call, text)) for call, text in (("1", "a"), ("2", "b"))]
    asked = jf.Message("assistant", [jf.ToolCall("1", "f", "{}"), jf.ToolCall("2", "g", "{}")])
    said = answers(MockProvider(), [jf.Message("user", "x"), asked, *results])
    assert said == ['Hello! I am the mock provider: the tool said "a\nb".']


@pytest.mark.parametrize(
    ("rule", "chat", "complete"),
    [
        (Rule(contains="x", reply="yes"), "yes", "yes"),
        (Rule(operation="complete", reply="yes"), ECHO.format("x"), "yes"),
        (Rule(operation="chat", reply="yes"), "yes", ECHO.format("x")),
        (Rule(operation="chat", tool="look", reply="yes"), ECHO.format("x"), ECHO.format("x")),
        (Rule(turns=1, reply="yes"), "yes", ECHO.format("x")),
    ],
)
def test_a_rule_with_a_reply_is_for_what_has_text(rule, chat, complete):
    with client_of(rules=[rule]) as client:
        assert client.chat("x").text == chat
        assert client.complete("x").text == complete
        assert len(client.embed("x").vector) == 16


def test_a_rule_with_a_fault_alone_is_for_every_operation():
    slow = Fault(kind="status", status=429)
    with client_of(rules=[Rule(contains="x", fault=slow), Rule(model="gone", fault=slow)]) as client:
        for ask in (client.chat, client.complete, client.embed):
            with pytest.raises(RateLimitError):
                ask("x")
            ask("y")
        with pytest.raises(RateLimitError):
            client.call(ModelRequest(model="mock:gone"))
        assert client.call(ModelRequest(model="mock:here")).info.id == "here"
    with client_of(rules=[Rule(operation="models", fault=slow)]) as client, pytest.raises(RateLimitError):
        client.models()


def test_a_rule_can_be_as_long_as_a_program_wants():
    script = [TextDelta("a"), Finished(Finish("length", "max"))]
    with client_of(rules=[Rule(reply=script)]) as client:
        assert client.chat("x").finish == Finish("length", "max")


# --- functions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("is_async", [False, True])
def test_a_function_answers(colour, is_async):
    def reply(call):
        said = call.request.messages[-1].text
        return {
            "text": said.upper(),
            "reply": Reply(said, "hm"),
            "table": {"text": said, "reasoning": "hm"},
            "events": [TextDelta("ev"), TextDelta("ents"), Finished(Finish("stop", None))],
            "error": RateLimitError("slow down", status=429),
            "nothing": None,
        }[said]

    async def later(call):
        await call.runtime.sleep(0)
        return reply(call)

    async def body(client):
        assert (await client.chat("text")).text == "TEXT"
        assert (await client.chat("reply")).reasoning == "hm"
        assert (await client.chat("table")).reasoning == "hm"
        assert (await client.chat("events")).text == "events"
        assert (await client.chat("nothing")).text == ECHO.format("nothing")
        with pytest.raises(RateLimitError, match="slow down"):
            await client.chat("error")

    run(colour, body, **using(MockProvider(later if is_async else reply)))


def test_a_function_that_raises():
    def fail(call):
        raise RateLimitError("slow down") if call.streaming else ValueError("a secret")

    with client_of(fail) as client:
        with pytest.raises(RateLimitError):
            list(client.stream("x"))
        with pytest.raises(PluginError, match="ValueError") as caught:
            client.chat("x")
        assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize("given", [5, lambda call: "x"])
def test_a_function_that_gives_no_reply_is_told_so(given):
    with (
        client_of(lambda call: given) as client,
        pytest.raises(ConfigurationError, match="the function of the mock gave"),
    ):
        client.chat("x")


def test_a_function_that_needs_a_loop_says_so_in_a_blocking_client():
    async def nap(call):
        await anyio.lowlevel.checkpoint()

    with client_of(nap) as client, pytest.raises(BlockingAwaitError):
        client.chat("x")


def test_functions_and_texts_take_turns():
    with client_of("one", lambda call: "two", ValueError("three")) as client:
        assert [client.chat("x").text, client.chat("x").text] == ["one", "two"]
        with pytest.raises(PluginError, match="ValueError"):
            client.chat("x")


def test_a_function_that_stands_alone_answers_every_operation():
    from array import array

    def reply(call):
        return [Embedded(0, array("f", [1.0, 0.0]))] if call.operation.name == "embed" else None

    with client_of(reply) as client:
        assert list(client.embed("x").vector) == [1.0, 0.0]
        assert client.models()["mock"].id == "mock"
    with client_of(lambda call: "text") as client:
        with pytest.raises(ConfigurationError, match="a reply to 'embed' has no text"):
            client.embed("x")
        assert client.complete("x").text == "text"


# --- what comes after the last reply ------------------------------------------------------------------------


@pytest.mark.parametrize(("exhausted", "texts"), [("repeat", "abbb"), ("cycle", "abab")])
def test_what_comes_after_the_last_reply(exhausted, texts):
    assert answers(MockProvider("a", "b", exhausted=exhausted), *"xxxx") == list(texts)


def test_the_end_of_the_replies_can_be_an_error():
    with client_of("a", exhausted="error") as client:
        client.chat("x")
        client.embed("x")
        with pytest.raises(ConfigurationError, match="providers.mock.replies: all 1 were given"):
            client.chat("x")


def test_only_chat_and_complete_take_replies():
    with client_of("a", "b") as client:
        assert client.chat("x").text == "a"
        client.embed("x")
        client.models()
        client.model()
        assert client.complete("x").text == "b"


def test_threads_get_a_reply_each():
    mock = MockProvider(*map(str, range(40)), rules=[Rule(contains="once", times=3, reply="rule")])
    seen = []
    with jf.Client(**using(mock)) as client:

        def work():
            seen.extend(client.chat("once").text for _ in range(10))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(seen) == sorted([*map(str, range(37)), "rule", "rule", "rule"])
    assert len(mock.requests) == 40


# --- what a test sees ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_what_was_asked_can_be_looked_at(colour):
    mock = MockProvider()

    async def body(client):
        await client.chat("a", temperature=0, extra_headers={"x-a": "b"}, extra_body={"c": 1}, top_k=3)
        async with client.stream("b") as stream:
            async for _ in stream:
                pass
        await client.embed(["c"], model="mock:small")

    run(colour, body, **using(mock))
    first, second, third = mock.calls
    assert mock.requests == (first.request, second.request, third.request)
    assert (first.request.temperature, first.request.top_k) == (0, 3)
    assert (first.request.extra_headers, first.request.extra_body) == ({"x-a": "b"}, {"c": 1})
    assert [call.operation.name for call in mock.calls] == ["chat", "chat", "embed"]
    assert [call.streaming for call in mock.calls] == [False, True, False]
    assert third.target == jf.Target("mock", "small")
    mock.reset()
    assert mock.calls == mock.requests == ()


def test_it_does_not_grow_for_ever():
    mock = MockProvider()
    with jf.Client(**using(mock)) as client:
        for number in range(1_010):
            client.chat(str(number))
    assert len(mock.calls) == 1_000
    assert mock.requests[-1].messages[0].text == "1009"


def test_it_stands_in_for_any_plugin():
    mock = MockProvider("from the mock")
    config = {
        "default": "fast",
        "models": {"fast": "openai:gpt-5-mini", "near": "workstation:llama"},
        "providers": {
            "openai": {"api_key": "sk-none"},
            "workstation": {"plugin": "openai", "base_url": "http://127.0.0.1:9/v1"},
        },
    }
    with jf.Client(config, plugins=mock.plugins("openai", "acme")) as client:
        reply = client.chat("x", options={"openai": {"store": True}})
        assert (reply.text, reply.provider, reply.model) == ("from the mock", "openai", "gpt-5-mini")
        assert client.chat("x", model="near").provider == "workstation"
        assert client.chat("x", model="acme").model == "mock"
    assert [str(call.target) for call in mock.calls] == ["openai:gpt-5-mini", "workstation:llama", "acme:mock"]


def test_clients_can_share_one():
    mock = MockProvider("a", "b")
    with jf.Client(**using(mock)) as one, jf.Client(**using(mock)) as other:
        assert [one.chat("x").text, other.chat("x").text] == ["a", "b"]


# --- what the mock carries ----------------------------------------------------------------------------------


def test_a_request_can_bring_its_own_reply():
    with client_of("a") as client:
        options = {"mock": {"reply": "b"}}
        assert [client.chat("x", options=options).text, client.chat("x").text] == ["b", "a"]
        for fault in (Fault(kind="status", status=429), {"kind": "status", "status": 429}):
            with pytest.raises(RateLimitError):
                client.chat("x", options={"mock": {"fault": fault}})
        with pytest.raises(ConfigurationError, match=r"options.mock.fault.knd: no such key; did you mean 'kind'\?"):
            client.chat("x", options={"mock": {"fault": {"knd": "reset"}}})
        with pytest.raises(ConfigurationError, match="options.mock.fault: expected a Fault or a table, got 'reset'"):
            client.chat("x", options={"mock": {"fault": "reset"}})


def test_options_that_it_does_not_know_are_reported():
    with client_of() as client:
        with pytest.raises(jf.UnsupportedError, match=r"options.mock.replay: .* did you mean 'reply'\?"):
            client.chat("x", options={"mock": {"replay": "b"}})
        reply = client.chat("x", options={"mock": {"replay": "b"}, "openai": {"store": True}}, unsupported="drop")
        assert [notice.field for notice in reply.warnings] == ["options.mock.replay"]


def test_it_can_stand_in_for_a_provider_that_lacks_a_parameter():
    with client_of(settings=MockSettings(unsupported=["top_k", "seed"])) as client:
        with pytest.raises(jf.UnsupportedError, match="top_k: the mock was told not to carry it"):
            client.chat("x", top_k=3)
        assert client.chat("x", top_k=3, unsupported="drop").warnings[0].field == "top_k"
        assert client.chat("x", temperature=0).warnings == ()
        assert client.embed("x").warnings == ()


def test_an_operation_that_it_does_not_serve():
    from attrs import frozen

    from jackfield.operations import CHAT, Operation, Request

    @frozen(kw_only=True)
    class Draw(Request):
        operation = Operation("draw", lambda request: CHAT.fold(None))

    with client_of() as client, pytest.raises(jf.UnsupportedError, match="does not serve 'draw'; it serves chat, com"):
        client.call(Draw(model="mock:m"))


def test_a_model_that_there_is_not():
    with client_of(models=["a"]) as client:
        assert client.model("mock:a").info.id == "a"
        with pytest.raises(NotFoundError) as caught:
            client.model("mock:b")
        assert caught.value.status == 404

"""Wrong settings, from a configuration and from Python: each error names the key and what would be right."""

import pytest

import jackfield as jf
from jackfield.errors import ConfigurationError
from jackfield.types import ModelInfo
from jackfield_mock import Fault, MockProvider, MockSettings, Reply, Rule, ScriptedCall

PLACE = "config.providers.mock."


def first(settings):
    with jf.Client({"default": "mock", "providers": {"mock": settings}}) as client:
        return client.chat("x")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"reply": ["x"]}, "reply: no such key; did you mean 'replies'?"),
        ({"chunk": 0}, "chunk: expected at least 1, or 'word', got 0"),
        ({"chunk": "8"}, "chunk: expected a whole number or one of word, got '8'"),
        ({"delay": "1"}, "delay: expected a number, got '1'"),
        ({"delay": -1}, "delay: expected seconds of at least 0, got -1.0"),
        ({"first_delay": float("nan")}, "first_delay: expected seconds of at least 0, got nan"),
        ({"seed": 1.5}, "seed: expected a whole number, got 1.5"),
        ({"dimensions": 0}, "dimensions: expected a whole number of at least 1, got 0"),
        ({"exhausted": "stop"}, "exhausted: expected one of error, repeat, cycle, got 'stop'"),
        ({"replies": "x"}, "replies: expected a list, got 'x'"),
        ({"replies": [5]}, "replies[0]: expected text or a table or a list, got 5"),
        ({"replies": ["x", {"txt": "y"}]}, "replies[1].txt: no such key; did you mean 'text'?"),
        ({"replies": [{"text": 5}]}, "replies[0].text: expected text, got 5"),
        ({"replies": [{"delay": "1"}]}, "replies[0].delay: expected a number, got '1'"),
        ({"replies": [{"chunk": 0}]}, "replies[0].chunk: expected at least 1, or 'word', got 0"),
        ({"replies": [{"tool_calls": "y"}]}, "replies[0].tool_calls: expected a list, got 'y'"),
        ({"replies": [{"tool_calls": ["y"]}]}, "replies[0].tool_calls[0]: expected a table, got 'y'"),
        ({"replies": [{"tool_calls": [{"arguments": {}}]}]}, "replies[0].tool_calls[0].name: missing; expected text"),
        (
            {"replies": [{"tool_calls": [{"name": "f", "argument": {}}]}]},
            "replies[0].tool_calls[0].argument: no such key; did you mean 'arguments'?",
        ),
        (
            {"replies": [{"finish": "done"}]},
            "replies[0].finish: expected one of stop, length, tool_calls, content_filter, error, other, got 'done'",
        ),
        (
            {"replies": [{"usage": {"input_token": 3}}]},
            "replies[0].usage.input_token: no such key; did you mean 'input_tokens'?",
        ),
        (
            {"replies": [{"usage": {"input_tokens": -3}}]},
            "replies[0].usage.input_tokens: expected a whole number of at least 0, got -3",
        ),
        (
            {"replies": [{"text": "a", "pieces": ["a"]}]},
            "replies[0].pieces: they are the text, so there can be no `text` beside them",
        ),
        (
            {"replies": [{"text": "a", "choices": ["b"]}]},
            "replies[0].choices: each has its own, so there can be no `text` beside them",
        ),
        (
            {"replies": [{"choices": [{"text": "b", "delay": 1.0}]}]},
            "replies[0].choices[0].delay: belongs to the reply as a whole",
        ),
        (
            {"replies": [{"fault": {"kind": "rest"}}]},
            (
                "replies[0].fault.kind: expected one of status, refused, reset, latency, stall, truncated, error, "
                "malformed, empty, got 'rest'"
            ),
        ),
        ({"rules": [{"contain": "x"}]}, "rules[0].contain: no such key; did you mean 'contains'?"),
        ({"rules": [{"contains": "x"}]}, "rules[0].reply: missing; a rule needs a reply, replies or a fault"),
        (
            {"rules": [{"reply": "x", "replies": ["y"]}]},
            "rules[0].replies: there is a `reply` already, and a rule has one or the other",
        ),
        (
            {"rules": [{"matches": "[", "reply": "x"}]},
            "rules[0].matches: '[' is no regular expression: unterminated character set at position 0",
        ),
        (
            {"rules": [{"operation": "chats", "reply": "x"}]},
            "rules[0].operation: 'chats' is no operation; did you mean 'chat'?",
        ),
        ({"rules": [{"times": 0, "reply": "x"}]}, "rules[0].times: expected a whole number of at least 1, got 0"),
        ({"rules": [{"reply": {"txt": "x"}}]}, "rules[0].reply.txt: no such key; did you mean 'text'?"),
        ({"faults": [{"rate": 0.1}]}, "faults[0].kind: missing; expected one of "),
        ({"faults": [{"kind": "status"}]}, "faults[0].status: missing; expected an HTTP status such as 429"),
        (
            {"faults": [{"kind": "status", "status": 200}]},
            "faults[0].status: expected an HTTP status from 300 to 599, got 200",
        ),
        ({"faults": [{"kind": "reset", "rate": 2}]}, "faults[0].rate: expected a number from 0 to 1, got 2.0"),
        (
            {"faults": [{"kind": "reset", "seconds": 1}]},
            "faults[0].seconds: means nothing to a fault of kind 'reset'; it has rate, after",
        ),
        ({"faults": [{"kind": "latency"}]}, "faults[0].seconds: missing; a latency needs to know how long it lasts"),
        (
            {"faults": [{"kind": "error", "error": "RateLimit"}]},
            "faults[0].error: 'RateLimit' is no error of jackfield.errors; did you mean 'RateLimitError'?",
        ),
        ({"models": [{"name": "x"}]}, "models[0].id: missing; expected text"),
        ({"unsupported": ["top_kk"]}, "unsupported: 'top_kk' is no field of a request; did you mean 'top_k'?"),
    ],
)
def test_wrong_settings_say_what_would_be_right(settings, says):
    with pytest.raises(ConfigurationError) as caught:
        first(settings)
    if says.endswith(" "):
        assert str(caught.value).startswith(PLACE + says)
    else:
        assert str(caught.value) == PLACE + says


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: MockProvider(5), "providers.mock.replies[0]: expected text, a table, a Reply, a list of events"),
        (lambda: MockProvider(b"x"), "providers.mock.replies[0]: expected text, a table"),
        (lambda: MockProvider(["a"]), "providers.mock.replies[0][0]: expected an event, an exception or seconds"),
        (lambda: MockProvider({"txt": "a"}), "providers.mock.replies[0].txt: no such key; did you mean 'text'?"),
        (lambda: MockProvider(rules=["x"]), "rules[0]: expected a Rule, got 'x'"),
        (lambda: MockProvider(faults=5), "faults: expected a list, got 5"),
        (lambda: MockSettings(replies="x"), "replies: expected a list, got 'x'"),
        (lambda: MockSettings(replies=[5]), "replies[0]: expected text, a table, a Reply"),
        (lambda: MockSettings(models=[5]), "models[0]: expected text or a ModelInfo, got 5"),
        (lambda: MockSettings(chunk=True), "chunk: expected at least 1, or 'word', got True"),
        (lambda: Reply(5), "text: expected text, got 5"),
        (lambda: Reply("x", 5), "reasoning: expected text, got 5"),
        (lambda: Reply(tool_calls="y"), "tool_calls: expected a list, got 'y'"),
        (lambda: Reply(tool_calls=["y"]), "tool_calls[0]: expected a table with a name, got 'y'"),
        (lambda: Reply(tool_calls=[{"naem": "y"}]), "tool_calls[0].naem: no such key; did you mean 'name'?"),
        (lambda: Reply(tool_calls=[{"id": "y"}]), "tool_calls[0].name: missing"),
        (lambda: Reply(tool_calls=[{"name": 1}]), "tool_calls[0].name: expected text, got 1"),
        (lambda: Reply(citations=["https://a.example"]), "citations[0]: expected a Citation, got 'https://a.example'"),
        (lambda: Reply(images=[5]), "images[0]: expected text, got 5"),
        (lambda: Reply(finish="done"), "finish: expected one of stop, length"),
        (lambda: Reply(images=iter(["a"])), "images: expected a list, got <"),
        (lambda: Reply(usage=5), "usage: expected a Usage or a table, got 5"),
        (lambda: Reply(usage={"input_token": 5}), "usage.input_token: no such key; did you mean 'input_tokens'?"),
        (
            lambda: Reply(usage=jf.Usage(output_tokens="5")),
            "usage.output_tokens: expected a whole number of at least 0, got '5'",
        ),
        (lambda: Reply(usage={"input_tokens": -1}), "usage.input_tokens: expected a whole number of at least 0, got"),
        (lambda: Reply(usage=jf.Usage(True)), "usage.input_tokens: expected a whole number of at least 0, got True"),
        (lambda: Reply(usage=jf.Usage(cost=float("nan"))), "usage.cost: expected dollars of at least 0, got nan"),
        (lambda: Reply(fault="reset"), "fault: expected a Fault or a table, got 'reset'"),
        (lambda: Reply(fault={"kind": "rest"}), "fault.kind: expected one of status"),
        (lambda: Reply(fault={"kind": "reset", "rate": 2}), "fault.rate: expected a number from 0 to 1, got 2"),
        (lambda: Reply(choices=[5]), "choices[0]: expected text, a Reply or a table, got 5"),
        (lambda: Reply(choices=[{"txt": "a"}]), "choices[0].txt: no such key; did you mean 'text'?"),
        (lambda: Reply(choices=[Reply(choices=["a"])]), "choices[0].choices: belongs to the reply as a whole"),
        (lambda: Reply(choices=[Reply(usage={"cost": 1})]), "choices[0].usage: belongs to the reply as a whole"),
        (lambda: MockProvider([1.0, float("nan")]), "providers.mock.replies[0][1]: expected seconds of at least 0"),
        (lambda: MockProvider([-1]), "providers.mock.replies[0][0]: expected seconds of at least 0, got -1"),
        (lambda: MockProvider([float("inf")]), "providers.mock.replies[0][0]: expected seconds of at least 0, got inf"),
        (lambda: MockProvider([True]), "providers.mock.replies[0][0]: expected an event, an exception or seconds"),
        (lambda: MockProvider(one for one in "ab"), "providers.mock.replies[0]: expected text, a table"),
        (lambda: MockProvider(bytearray(b"x")), "providers.mock.replies[0]: expected text, a table"),
        (lambda: MockSettings(replies=iter("ab")), "replies: expected a list, got <"),
        (lambda: ScriptedCall(5), "name: expected text, got 5"),
        (lambda: ScriptedCall("f", 5), "arguments: expected text or a table that JSON can carry, got 5"),
        (lambda: ScriptedCall("f", {"a": {5}}), "arguments: expected text or a table that JSON can carry, got {"),
        (lambda: ScriptedCall("f", id=5), "id: expected text, got 5"),
        (lambda: ScriptedCall("f", custom="no"), "custom: expected true or false, got 'no'"),
        (lambda: Rule(fault="reset"), "fault: expected a Fault or a table, got 'reset'"),
        (lambda: Rule(reply=[float("nan")]), "reply[0]: expected seconds of at least 0, got nan"),
        (lambda: Rule(operation=["chat"], reply="x"), "operation: expected text, got ['chat']"),
        (lambda: Fault(kind="error", error=["RateLimitError"]), "error: expected text, got ['RateLimitError']"),
        (lambda: MockSettings(unsupported=[["a"]]), "unsupported[0]: expected text, got ['a']"),
        (lambda: Rule(contains=5, reply="x"), "contains: expected text, got 5"),
        (lambda: Rule(reply=5), "reply: expected text, a table"),
        (lambda: Fault(kind="rest"), "kind: expected one of status"),
        (lambda: Fault(kind="status", status="429"), "status: expected an HTTP status from 300 to 599, got '429'"),
        (lambda: Fault(kind="error", retryable="yes"), "retryable: expected true or false, got 'yes'"),
    ],
)
def test_wrong_values_from_python_say_the_same(make, says):
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert str(caught.value).startswith(says)


def test_a_pause_that_a_function_gives_is_looked_at_too():
    mock = MockProvider(lambda call: [float("nan")])
    with (
        jf.Client({"default": "mock"}, plugins=mock.plugins()) as client,
        pytest.raises(ConfigurationError, match="expected seconds of at least 0, got nan"),
    ):
        client.chat("x")


def test_a_table_stands_for_what_a_reply_and_a_rule_are_made_of():
    usage, fault = {"input_tokens": 5, "cost": 0.5}, {"kind": "reset", "after": 2}
    assert Reply("a", usage=usage, fault=fault) == Reply("a", usage=jf.Usage(5, cost=0.5), fault=Fault(**fault))
    assert Reply(choices=["a", {"text": "b"}]) == Reply(choices=["a", Reply("b")])
    assert Rule(fault=fault) == Rule(fault=Fault(**fault))
    with jf.Client({"default": "mock"}, plugins=MockProvider({"text": "a", "usage": usage}).plugins()) as client:
        assert client.chat("x").usage == jf.Usage(5, cost=0.5)


def test_a_setting_that_there_is_not_is_a_type_error():
    with pytest.raises(TypeError, match="chnk"):
        MockProvider("x", chnk=3)


def test_a_whole_configuration_of_toml(tmp_path):
    (tmp_path / "jackfield.toml").write_text(
        """
        default = "mock"

        [providers.mock]
        replies = ["one", { text = "two", reasoning = "hm", usage = { input_tokens = 5, cost = 0.5 } }]
        exhausted = "cycle"
        chunk = "word"
        models = ["small", { id = "large", context_length = 1000 }]

        [[providers.mock.rules]]
        contains = "weather"
        tool = "look"
        reply = { tool_calls = [{ name = "look", arguments = { at = "sky" } }] }

        [[providers.mock.rules]]
        model = "slow-*"
        times = 1
        replies = ["slowly", { choices = ["a", { text = "b" }] }]

        [[providers.mock.faults]]
        kind = "status"
        status = 429
        rate = 0.0
        retry_after = 2
        """
    )
    with jf.Client(tmp_path / "jackfield.toml") as client:
        assert [client.chat("x").text for _ in range(3)] == ["one", "two", "one"]
        assert client.chat("x").usage == jf.Usage(input_tokens=5, cost=0.5)
        assert client.chat("x", model="mock:slow-1").text == "slowly"
        assert client.chat("x", model="mock:slow-1").text == "one"
        look = jf.Tool("look", parameters={"type": "object"})
        assert client.chat("the weather?", tools=[look]).tool_calls[0].parsed == {"at": "sky"}
        assert list(client.models()) == [ModelInfo("small"), ModelInfo("large", context_length=1000)]


def test_a_mock_that_is_made_by_hand_takes_the_same_settings():
    mock = MockProvider("a", settings=MockSettings(chunk=1, delay=0.0), default_model="m", name="double")
    assert mock.name == "double"
    assert mock.default_models == dict.fromkeys(("chat", "complete", "embed", "model"), "m")
    assert mock.operations == {"chat", "complete", "embed", "model", "models"}
    assert mock.settings.chunk == 1

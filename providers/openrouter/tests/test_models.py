"""Names of models, with their variants and presets, and what is known of OpenAI's reasoning models under them."""

import pytest
from exchanges import any_call, asked
from openrouter import PROVIDER, body, sent

from jackfield import Secret
from jackfield.errors import UnsupportedError
from jackfield.operations import ModelRequest
from jackfield.types import Message, Tool
from jackfield_openrouter import OpenRouterProvider, OpenRouterSettings
from jackfield_wire_openai.profiles import ModelRule

REASONING = ["openai/o1", "openai/o1:nitro", "openai/o3-mini@preset/brief", "openai/o4-mini", "openai/gpt-5:floor"]
OTHERS = ["openai/gpt-4o", "openai/gpt-oss-120b", "anthropic/claude-sonnet-4.5", "o1", "openrouter/auto", "@preset/o1"]
SAMPLING = {"temperature": 0.5, "top_p": 0.5, "frequency_penalty": 1, "presence_penalty": 1, "logprobs": True}


@pytest.mark.parametrize("model", REASONING)
@pytest.mark.parametrize("field", SAMPLING)
def test_what_openrouter_would_leave_out_in_silence_is_reported(model, field):
    with pytest.raises(UnsupportedError, match=f"{field}: model '{model}' refuses it"):
        body(to=model, **{field: SAMPLING[field]})
    found, notices = sent(to=model, **{field: SAMPLING[field]}, unsupported="drop")
    assert found == body(to=model)
    assert [(one.kind, one.field) for one in notices] == [("unsupported", field)]


def test_what_a_fallback_would_leave_out_is_noted_and_no_error():
    options = {"openrouter": {"models": ["openai/gpt-4o", "openai/o3:nitro", "openai/gpt-5.4"]}}
    found, notices = sent(to="anthropic/claude-sonnet-4.5", temperature=0, stop="x", tools=[], options=options)
    assert (found["temperature"], found["models"]) == (0, options["openrouter"]["models"])
    assert [(one.kind, one.field) for one in notices] == [("note", "options.openrouter.models[1]")]
    assert notices[0].message == "model 'openai/o3:nitro' would answer without stop, temperature, which it refuses"
    thinking = {**options, "openrouter": {**options["openrouter"], "reasoning": {"effort": "high"}}}
    _, notices = sent(to="anthropic/claude-sonnet-4.5", temperature=0, options=thinking)
    assert [one.field[-3:] for one in notices] == ["[1]", "[2]"]


@pytest.mark.parametrize("model", OTHERS)
def test_of_other_models_nothing_is_assumed(model):
    assert body(to=model, **SAMPLING, stop="x").items() >= SAMPLING.items()


def test_the_rules_are_those_of_openai():
    assert body(to="openai/o1", max_output_tokens=9)["max_completion_tokens"] == 9
    assert body(to="openai/gpt-4o", max_output_tokens=9)["max_tokens"] == 9
    with pytest.raises(UnsupportedError, match="tools: model 'openai/o1-mini' refuses it"):
        body(to="openai/o1-mini", tools=[Tool("add")])
    with pytest.raises(UnsupportedError, match="takes no turn of role 'system'"):
        body(to="openai/o1-preview", messages=[Message("system", "x")])
    with pytest.raises(UnsupportedError, match="stop: model 'openai/o3' refuses it"):
        body(to="openai/o3", stop="x")
    with pytest.raises(UnsupportedError, match="tools: model 'openai/gpt-5-chat' refuses it"):
        body(to="openai/gpt-5-chat", tools=[Tool("add")])
    assert body(to="openai/o1", messages=[Message("developer", "x")])["messages"][0]["role"] == "developer"


def test_an_effort_that_a_model_does_not_have_is_reported_wherever_it_is_said():
    assert body(to="openai/o3", reasoning_effort="low")["reasoning_effort"] == "low"
    with pytest.raises(UnsupportedError, match="reasoning_effort: model 'openai/o3' takes one of low, medium, high"):
        body(to="openai/o3", reasoning_effort="minimal")
    options = {"openrouter": {"reasoning": {"effort": "none", "exclude": True}}}
    with pytest.raises(UnsupportedError, match="options.openrouter.reasoning.effort: model 'openai/o3' takes one of"):
        body(to="openai/o3", options=options)
    assert body(to="openai/o3", options=options, unsupported="drop")["reasoning"] == {"exclude": True}


@pytest.mark.parametrize(
    "thought",
    [
        {"reasoning_effort": "low"},
        {"options": {"openrouter": {"reasoning": {"effort": "low"}}}},
        {"extra_body": {"reasoning": {"effort": "low"}}},
    ],
)
def test_a_model_that_thinks_only_when_it_is_told_takes_a_temperature_until_then(thought):
    assert body(to="openai/gpt-5.1", temperature=0.5)["temperature"] == 0.5
    with pytest.raises(UnsupportedError, match="temperature: model 'openai/gpt-5.1' refuses it while it reasons"):
        body(to="openai/gpt-5.1", temperature=0.5, **thought)


def test_a_model_that_is_told_not_to_think_takes_a_temperature():
    for silent in ({"effort": "none"}, {"enabled": False}):
        options = {"openrouter": {"reasoning": silent}}
        assert body(to="openai/gpt-5.5", temperature=0.5, options=options)["temperature"] == 0.5


def test_rules_of_ones_own_come_first_and_hold_for_every_variant():
    rule = ModelRule(match="openai/o1", refuses=("seed",))
    settings = OpenRouterSettings(Secret("sk-or-v1-0"), models=(rule, ModelRule(match="*:free", refuses=("tools",))))
    own = OpenRouterProvider("openrouter", settings)
    assert body(to="openai/o1:nitro", temperature=0.5, provider=own)["temperature"] == 0.5
    with pytest.raises(UnsupportedError, match="seed: model 'openai/o1:nitro' refuses it"):
        body(to="openai/o1:nitro", seed=1, provider=own)
    with pytest.raises(UnsupportedError, match="tools: model 'x/y:free' refuses it"):
        body(to="x/y:free", tools=[Tool("add")], provider=own)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("openai/gpt-4o", "/model/openai/gpt-4o"),
        ("openai/gpt-4:free", "/model/openai/gpt-4%3Afree"),
        ("~anthropic/claude-sonnet-latest", "/model/~anthropic/claude-sonnet-latest"),
        ("a/b/../c?x", "/model/a/b%2F..%2Fc%3Fx"),
        ("../..", "/model/%2E%2E/%2E%2E"),
        ("x", "/model/x"),
    ],
)
def test_one_model_stands_under_its_author(name, path):
    assert asked(PROVIDER, any_call(ModelRequest(), model=name)).path == path


def test_what_openrouter_takes_is_known_wherever_it_is():
    near = OpenRouterProvider("near", OpenRouterSettings(base_url="http://127.0.0.1:1/v1"))
    assert near.profile == PROVIDER.profile
    assert body(to="openai/o1", reasoning_effort="low", provider=near) == body(to="openai/o1", reasoning_effort="low")

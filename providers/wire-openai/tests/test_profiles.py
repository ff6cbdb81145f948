"""What hosts and models take and refuse: known facts, and what a user adds to them."""

import attrs
import pytest
from exchanges import SSE, Outcome, asked, chat_call, decoder, lines
from openai_chats import LOCAL, OFFICIAL, OPENROUTER, Wire, body, chunk, sent
from operations import destination

from jackfield.errors import BadRequestError, ConfigurationError, UnsupportedError, UnsupportedWarning
from jackfield.operations import ChatRequest, CompleteRequest
from jackfield.types import Message
from jackfield_wire_openai.completions import completion_body
from jackfield_wire_openai.profiles import GENERIC, HOSTS, OPENAI_MODELS, ModelRule, Profile, profile_of, rule_for

AZURE = Wire("resource.openai.azure.com")
SYSTEM = Message("system", "Be brief.")
DEVELOPER = Message("developer", "Be brief.")
USER = Message("user", "x")
SAMPLING = {
    "temperature": 0.5,
    "top_p": 0.5,
    "frequency_penalty": 1,
    "presence_penalty": 1,
    "logprobs": True,
    "top_logprobs": 2,
}


def test_a_profile_leaves_nothing_open():
    for host in (*HOSTS, "127.0.0.1", "eu.api.openai.com"):
        profile = profile_of(host)
        assert None not in attrs.astuple(profile, recurse=False), host
    assert profile_of("evil-openrouter.ai") == profile_of("127.0.0.1") == GENERIC


def test_the_name_of_the_limit_depends_on_who_reads_it():
    for host in (OFFICIAL, AZURE):
        found = body(host, max_output_tokens=7)
        assert (found.get("max_completion_tokens"), found.get("max_tokens")) == (7, None)
    for host in (LOCAL, OPENROUTER):
        found, notices = sent(host, max_output_tokens=7)
        assert (found.get("max_completion_tokens"), found.get("max_tokens")) == (None, 7)
        assert not notices


def test_an_option_under_the_older_name_is_renamed_for_models_that_refuse_it():
    options = {"openai": {"max_tokens": 7}}
    found, notices = sent(options=options, to="o3")
    assert (found.get("max_completion_tokens"), found.get("max_tokens")) == (7, None)
    assert [(notice.kind, notice.field) for notice in notices] == [("rewritten", "options.openai.max_tokens")]
    assert sent(options=options, to="gpt-4o") == ({**body(to="gpt-4o"), "max_tokens": 7}, [])


@pytest.mark.parametrize("host", [OFFICIAL, AZURE, OPENROUTER])
def test_hosts_that_know_developers(host):
    found, notices = sent(host, messages=[DEVELOPER, SYSTEM, USER])
    assert [turn["role"] for turn in found["messages"]] == ["developer", "system", "user"]
    assert not notices


def test_for_other_hosts_the_developer_is_the_system():
    found, notices = sent(LOCAL, messages=[USER, DEVELOPER])
    assert [turn["role"] for turn in found["messages"]] == ["user", "system"]
    assert [(notice.kind, notice.field) for notice in notices] == [("rewritten", "messages[1].role")]
    knows = Wire("127.0.0.1", Profile(developer=True))
    assert body(knows, messages=[DEVELOPER])["messages"][0]["role"] == "developer"


@pytest.mark.parametrize("model", ["o1-mini", "o1-mini-2024-09-12", "o1-preview"])
@pytest.mark.parametrize("message", [SYSTEM, DEVELOPER])
def test_the_first_reasoning_models_take_no_instructions(model, message):
    with pytest.raises(UnsupportedError, match=r"messages\[0\].role: model 'o1-.*' takes no turn of role"):
        body(messages=[message], to=model)
    found, notices = sent(messages=[message], to=model, unsupported="drop")
    assert found["messages"] == [{"role": "user", "content": "Be brief."}]
    assert [notice.kind for notice in notices] == ["unsupported"]


@pytest.mark.parametrize(
    "model", ["o1-2024-12-17", "o3-mini", "o3", "o4-mini", "gpt-5", "gpt-5-nano", "ft:o4-mini:org"]
)
@pytest.mark.parametrize("name", SAMPLING)
def test_reasoning_models_refuse_sampling_before_anything_is_sent(model, name):
    fields = {name: SAMPLING[name]}
    with pytest.raises(UnsupportedError, match=f"model '{model}' refuses it"):
        body(**fields, to=model)
    with pytest.warns(UnsupportedWarning, match=f"{name} is left out"):
        found, notices = sent(**fields, to=model, unsupported="warn")
    assert found == body(to=model)
    assert name in [notice.field for notice in notices]


@pytest.mark.parametrize("model", ["gpt-5.1", "gpt-5.2-2025-12-11", "gpt-5.4"])
def test_models_that_do_not_reason_unless_told_to_take_sampling(model):
    assert body(**SAMPLING, to=model).items() >= SAMPLING.items()
    with pytest.raises(UnsupportedError, match="temperature: .* refuses it while it reasons"):
        body(temperature=0.5, reasoning_effort="low", to=model)


@pytest.mark.parametrize("model", ["gpt-5.5", "gpt-5.6"])
def test_models_that_reason_unless_told_not_to(model):
    assert body(**SAMPLING, reasoning_effort="none", to=model).items() >= SAMPLING.items()
    assert body(temperature=1.5, options={"openai": {"reasoning_effort": "none"}}, to=model)["temperature"] == 1.5
    with pytest.raises(UnsupportedError, match="refuses it while it reasons"):
        body(temperature=0.5, to=model)


@pytest.mark.parametrize(
    ("model", "effort", "takes"),
    [
        ("o1", "none", False),
        ("o3", "low", True),
        ("o3", "minimal", False),
        ("gpt-5", "minimal", True),
        ("gpt-5", "none", False),
        ("gpt-5.1", "none", True),
        ("gpt-5.1", "much", False),
        ("o1-mini", "low", False),
        ("o9", "much", True),
        ("gpt-4o", "low", True),
    ],
)
def test_the_efforts_that_a_model_takes(model, effort, takes):
    if takes:
        assert body(reasoning_effort=effort, to=model)["reasoning_effort"] == effort
        return
    with pytest.raises(UnsupportedError, match="reasoning_effort: model"):
        body(reasoning_effort=effort, to=model)
    assert "reasoning_effort" not in sent(reasoning_effort=effort, to=model, unsupported="drop")[0]


TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("o1-mini", {"stop": "x"}),
        ("gpt-5-mini", {"stop": "x"}),
        ("o3", {"stop": "x"}),
        ("o4-mini", {"stop": "x"}),
        ("o1-mini", {"tools": [TOOL]}),
        ("o1-preview", {"tools": [TOOL], "tool_choice": "required", "parallel_tool_calls": False}),
        ("o1-mini", {"response_format": "json"}),
        ("gpt-5-chat-latest", {"tools": [TOOL]}),
    ],
)
def test_what_else_models_refuse(model, fields):
    with pytest.raises(UnsupportedError, match="refuses it"):
        body(**fields, to=model)
    assert sent(**fields, to=model, unsupported="drop")[0] == body(to=model)


@pytest.mark.parametrize("fields", [{"temperature": 1}, {"top_p": 1.0}, {"presence_penalty": 0}, {"logprobs": False}])
def test_the_first_reasoning_models_take_the_defaults(fields):
    assert body(**fields, to="o1-mini").items() >= fields.items()


@pytest.mark.parametrize("model", ["o9", "gpt-6", "gpt-5.7", "gpt-4o", "gpt-4.1-mini", "mine", "openai/o3"])
def test_what_is_not_known_passes(model):
    assert body(**SAMPLING, stop="x", messages=[SYSTEM], to=model).items() >= SAMPLING.items()


def test_elsewhere_a_name_may_mean_another_model():
    assert rule_for("127.0.0.1", "o3") is rule_for("openrouter.ai", "o3") is None
    assert body(LOCAL, temperature=0.5, to="o3")["temperature"] == 0.5


def test_the_first_rule_that_fits_counts_and_a_users_own_come_first():
    own = ModelRule(match="o3*", refuses=("seed",), takes_defaults=True)
    wire = Wire("api.openai.com", rules=[own, ModelRule(match="*", refuses=("n",))])
    assert body(wire, temperature=0.5, to="o3")["temperature"] == 0.5
    for fields in ({"seed": 1, "to": "o3"}, {"n": 2, "to": "gpt-4o"}):
        with pytest.raises(UnsupportedError, match="refuses it"):
            body(wire, **fields)
    assert body(Wire("127.0.0.1", rules=[own]), n=2, to="o3")["n"] == 2


def test_every_rule_names_fields_that_there_are():
    names = {field.name for field in attrs.fields(ChatRequest)} | {"max_tokens", "cache"}
    for rule in OPENAI_MODELS:
        assert {*rule.refuses, *rule.refuses_while_reasoning} <= names, rule


def test_a_marker_of_the_end_that_a_host_always_sends_can_be_asked_for():
    strict = Wire("127.0.0.1", Profile(needs_done=True))
    for wire, done, good in ((LOCAL, False, True), (strict, True, True), (strict, False, False)):
        data = lines(chunk({"content": "a"}, "stop"), done=done)
        outcome = Outcome(decoder(wire, chat_call(streaming=True), SSE), [data])
        assert (outcome.error is None) is good
        assert outcome.response.text == "a"
        assert good or "ended without [DONE]" in str(outcome.error)


def test_a_host_may_refuse_to_be_asked_for_usage():
    quiet = Wire("127.0.0.1", Profile(stream_usage=False))
    assert b"stream_options" not in asked(quiet, chat_call(streaming=True)).body


EMPTY = {"tools": [], "stop": [], "logit_bias": {}, "metadata": {}}


@pytest.mark.parametrize("name", EMPTY)
def test_none_of_what_a_model_refuses_is_asked_of_nobody(name):
    refusing = Wire("127.0.0.1", rules=[ModelRule(match="m", refuses=(name,))])
    assert sent(refusing, **{name: EMPTY[name]}) == sent(refusing)
    # where nothing is refused, what is empty is sent where that says something
    assert (name in body(LOCAL, **{name: EMPTY[name]})) is (name in ("logit_bias", "metadata"))


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 0), ("user", ""), ("seed", 0), ("stop", "x"), ("parallel_tool_calls", False)]
)
def test_falsy_is_not_absent_to_a_model_that_refuses_it(name, value):
    refusing = Wire("127.0.0.1", rules=[ModelRule(match="m", refuses=(name,))])
    with pytest.raises(UnsupportedError, match=f"{name}: model 'm' refuses it"):
        body(refusing, **{name: value})


@pytest.mark.parametrize(("model", "name"), [("o1-mini", "tools"), ("o3", "stop"), ("gpt-5-mini", "stop")])
def test_reasoning_models_are_asked_for_no_tools_and_no_end(model, name):
    assert sent(OFFICIAL, to=model, **{name: []}) == sent(OFFICIAL, to=model)


FEW = Wire("127.0.0.1", Profile(refuses=("seed", "logit_bias", "user"), names={"top_p": "nucleus", "seed": "x"}))


@pytest.mark.parametrize(("name", "value"), [("seed", 0), ("user", ""), ("logit_bias", {"1": 1})])
def test_what_a_host_has_no_parameter_for_is_reported(name, value):
    with pytest.raises(UnsupportedError, match=f"{name}: the host has no such parameter"):
        body(FEW, **{name: value})
    found, notices = sent(FEW, **{name: value}, unsupported="drop")
    assert found == body(FEW)
    assert [(notice.kind, notice.field) for notice in notices] == [("unsupported", name)]
    assert sent(FEW, logit_bias={}) == sent(FEW)


def test_a_parameter_has_the_name_that_the_host_has_for_it():
    assert body(FEW, top_p=0.5) == {**body(FEW), "nucleus": 0.5}
    mistral = destination(CompleteRequest(prompt="x", seed=7), host="api.mistral.ai")
    assert completion_body(mistral, stream=False)["random_seed"] == 7
    with pytest.raises(BadRequestError, match=r"options.openai.nucleus: this is set already"):
        body(FEW, top_p=0.5, options={"openai": {"nucleus": 1}})


@pytest.mark.parametrize("refuses", [("temperatur",), "seeds"])
def test_a_profile_refuses_only_fields_that_there_are(refuses):
    with pytest.raises(ConfigurationError, match="refuses: expected one of "):
        Profile(refuses=refuses)

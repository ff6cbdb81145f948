"""What is known of OpenAI's models, against every recorded request: no rule refuses what the host took."""

import gzip
import json

import pytest
from exchanges import any_call
from openai_chats import OFFICIAL, body, sent
from wire_folder import beside

from jackfield.errors import BadRequestError, UnsupportedError
from jackfield.provider import Fields
from jackfield_wire_openai.destination import Destination
from jackfield_wire_openai.profiles import DEFAULTS, OPENAI_HOSTS, OPENAI_MODELS, ModelRule, profile_of, rule_for
from jackfield_wire_openai.reading_requests import read_chat_request
from jackfield_wire_openai.requests import chat_body

REFUSALS = ("unsupported_parameter", "unsupported_value", "invalid_parameter_combination")
HANDLED = ("model", "options", "unsupported", "extra_headers")
# how hard the models that the API description names may think, as people have measured it
EFFORTS = {
    "o1": "low medium high",
    "o1-2024-12-17": "low medium high",
    "o1-pro": "low medium high",
    "o3": "low medium high",
    "o3-mini": "low medium high",
    "o3-pro-2025-06-10": "low medium high",
    "o3-deep-research": "low medium high",
    "o4-mini-2025-04-16": "low medium high",
    "gpt-5": "minimal low medium high",
    "gpt-5-mini-2025-08-07": "minimal low medium high",
    "gpt-5-nano": "minimal low medium high",
    "gpt-5-pro": "high",
    "gpt-5-codex": "low medium high",
    "gpt-5.1": "none low medium high",
    "gpt-5.1-mini": "none low medium high",
    "gpt-5.1-codex": "low medium high",
    "gpt-5.1-codex-max": "low medium high xhigh",
    "gpt-5.1-chat-latest": "medium",
    "gpt-5.2": "none low medium high xhigh",
    "gpt-5.2-pro-2025-12-11": "medium high xhigh",
    "gpt-5.2-chat-latest": "medium",
    "gpt-5.3-chat-latest": "medium",
    "gpt-5.4-mini-2026-03-17": "none low medium high xhigh",
    "gpt-5.4-pro": "medium high xhigh",
    "gpt-5.5-2026-04-23": "none low medium high xhigh",
    "gpt-5.5-pro": "medium high xhigh",
    "gpt-5.6-sol": "none low medium high xhigh max",
    "gpt-5.6-luna": "none low medium high xhigh max",
}


@pytest.fixture(scope="module")
def rows():
    with gzip.open(beside("recordings.jsonl.gz"), "rt", encoding="utf-8") as file:
        posted = [row for row in map(json.loads, file) if (row["method"], row["request_body_kind"]) == ("POST", "json")]
    return [row for row in posted if row["host"].endswith(OPENAI_HOSTS)]


@pytest.fixture(scope="module")
def chats(rows):
    found = [row for row in rows if "chat/completions" in row["endpoint"] and "messages" in row["request_body"]]
    assert len(found) > 200
    return found


def destination(row):
    request, streaming = read_chat_request(row["request_body"])
    call = any_call(request, streaming=streaming, model=row["request_body"].get("model", ""))
    host = row["host"].split(":")[0]
    return Destination(call, Fields(call, HANDLED), profile_of(host), rule_for(host, call.target.model)), streaming


def test_what_a_host_took_is_not_refused(chats):
    taken, by_rule = 0, set()
    for row in chats:
        if row["status"] >= 300:
            continue
        to, streaming = destination(row)
        chat_body(to, stream=streaming)  # raises where anything of it cannot be carried
        lost = [notice for notice in to.call.ledger.notices if notice.kind == "unsupported"]
        assert not lost, (row["id"], lost)
        taken += 1
        by_rule.add(to.rule and to.rule.match)
    print(f"{taken} requests that were taken, under the rules {sorted(map(str, by_rule))}")
    assert taken > 200
    assert len(by_rule) >= 6


def test_what_a_host_took_of_the_newer_api_is_not_refused_by_the_same_rules(rows):
    taken = 0
    for row in rows:
        asked = row["request_body"]
        rule = rule_for(row["host"], asked.get("model", "")) if row["endpoint"].endswith("/responses") else None
        if rule is None or row["status"] >= 300:
            continue
        taken += 1
        effort = (asked.get("reasoning") or {}).get("effort")
        assert effort is None or effort in (rule.efforts or (effort,)), row["id"]
        present = {name for name, value in asked.items() if value is not None and DEFAULTS.get(name) != value}
        assert not present & rule.refused(effort), row["id"]
    print(f"{taken} requests to /responses that were taken")
    assert taken > 80


def test_what_a_host_refused_for_a_parameter_is_not_sent(chats):
    refused = 0
    for row in chats:
        error = json.loads(row["response_body"]).get("error", {}) if row["status"] == 400 else {}
        if error.get("code") not in REFUSALS:
            continue
        refused += 1
        try:
            to, streaming = destination(row)
            found = chat_body(to, stream=streaming)
        except (UnsupportedError, BadRequestError) as refusal:
            print(f"{row['id']}: {refusal}")
            continue
        assert error["param"] not in found or found[error["param"]] != row["request_body"][error["param"]], row["id"]
    assert refused


@pytest.mark.parametrize("model", EFFORTS)
def test_how_hard_a_model_may_think(model):
    taken = EFFORTS[model].split()
    for effort in ("none", "minimal", "low", "medium", "high", "xhigh", "max"):
        if effort in taken:
            assert body(reasoning_effort=effort, to=model)["reasoning_effort"] == effort
            continue
        with pytest.raises(UnsupportedError, match=f"reasoning_effort: model '{model}' takes one of {taken[0]}"):
            body(reasoning_effort=effort, to=model)


@pytest.mark.parametrize("model", ["gpt-5.1-chat-latest", "gpt-5.2-pro", "gpt-5.4-pro", "gpt-5.5-pro", "gpt-5-pro"])
def test_models_that_always_think_take_no_sampling(model):
    for effort in (None, "high", "medium"):
        with pytest.raises(UnsupportedError, match="temperature|reasoning_effort"):
            body(temperature=0.5, reasoning_effort=effort, to=model)


@pytest.mark.parametrize("model", ["o1", "o3", "o3-mini", "o4-mini"])
def test_the_o_series_takes_no_parallel_tool_calls(model):
    tool = {"type": "function", "function": {"name": "f"}}
    with pytest.raises(UnsupportedError, match="parallel_tool_calls: model 'o.*' refuses it"):
        body(tools=[tool], parallel_tool_calls=False, to=model)
    assert body(tools=[tool], to=model)["tools"]


@pytest.mark.parametrize(
    ("model", "takes"),
    [("gpt-5", False), ("gpt-5-nano", False), ("gpt-5.1", False), ("gpt-5.4", True), ("gpt-5.5", True), ("o1", True)],
)
def test_an_end_of_ones_own(model, takes):
    if takes:
        assert body(stop="x", to=model)["stop"] == ["x"]
        return
    with pytest.raises(UnsupportedError, match="stop: model"):
        body(stop="x", to=model)


def test_a_bias_is_sampling_too():
    bias = {"100": 1}
    assert body(logit_bias=bias, to="gpt-5.4")["logit_bias"] == bias
    for fields in ({"to": "gpt-5"}, {"to": "o3"}, {"to": "gpt-5.4", "reasoning_effort": "low"}):
        with pytest.raises(UnsupportedError, match="logit_bias: "):
            body(logit_bias=bias, **fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", 1), ("temperature", 1.0), ("top_p", 1), ("presence_penalty", 0), ("logprobs", False)],
)
@pytest.mark.parametrize("model", ["o3", "gpt-5", "gpt-5.5", "gpt-5.2-pro"])
def test_what_a_model_does_anyway_is_left_out_where_it_refuses_the_field(model, name, value):
    found, notices = sent(OFFICIAL, to=model, **{name: value})
    assert found == body(to=model)
    assert [(notice.kind, notice.field) for notice in notices] == [("rewritten", name)]


def test_every_model_that_thinks_knows_the_new_name_of_the_limit():
    for rule in OPENAI_MODELS:
        if rule.efforts is not None:
            assert "max_tokens" in rule.refuses, rule


def test_a_rule_that_another_before_it_covers_would_never_count():
    samples = ["o1-mini-x", "o1-preview-x", "o1-x", "o3-mini-x", "o3-x", "o4-mini-x", "gpt-5-chat-x", "gpt-5.2-chat-x"]
    samples += ["gpt-5-pro-x", "gpt-5.4-pro-x", "gpt-5.1-codex-max-x", "gpt-5-codex-x", "gpt-5.1-codex-x", "gpt-5"]
    samples += ["gpt-5-x", "gpt-5.1-x", "gpt-5.4-x", "gpt-5.5-x", "gpt-5.6-x", "gpt-3.5-x", "gpt-4-x", "chatgpt-4o-x"]
    met = [rule_for("api.openai.com", name) for name in samples]
    assert met == [*OPENAI_MODELS]
    assert isinstance(met[0], ModelRule)

"""What a request says to OpenRouter alone: sent as it was said, or refused with the name of what is wrong."""

import pytest
from openrouter import body, sent

from jackfield.errors import BadRequestError, UnsupportedError
from jackfield.operations import CompleteRequest, EmbedRequest
from jackfield.types import CacheMark, Message, Text, Tool, ToolCall, ToolResult, Unknown
from jackfield_openrouter import (
    ChatOptions,
    CompleteOptions,
    EmbedOptions,
    MaxPrice,
    Percentiles,
    ProviderPreferences,
    ProviderSort,
    ReasoningOptions,
)
from jackfield_openrouter.plugins import FileParser, MaxCost, Pdf, Place, StepCountIs, WebSearch

PREFERENCES = {
    "order": ["azure", "deepinfra/turbo"],
    "allow_fallbacks": False,
    "require_parameters": True,
    "data_collection": "deny",
    "zdr": True,
    "enforce_distillable_text": False,
    "only": ["azure"],
    "ignore": ["openai"],
    "quantizations": ["fp8", "unknown"],
    "sort": {"by": "price", "partition": "none"},
    "preferred_min_throughput": {"p50": 20, "p90": 5.5},
    "preferred_max_latency": 3,
    "max_price": {"prompt": 0.3, "completion": "0.5", "image": 1, "audio": 2, "request": 0},
}
OPTIONS = {
    "provider": PREFERENCES,
    "models": ["anthropic/claude-sonnet-4.5", "openai/gpt-4o"],
    "route": "fallback",
    "preset": "brief",
    "plugins": [
        {"id": "web", "engine": "exa", "max_results": 3, "user_location": {"type": "approximate", "city": "Ghent"}},
        {"id": "file-parser", "pdf": {"engine": "native"}},
        {"id": "moderation"},
    ],
    "transforms": ["middle-out"],
    "session_id": "s" * 256,
    "trace": {"trace_id": "t", "own": [1, None]},
    "top_k": 0,
    "min_p": 0.1,
    "top_a": 0,
    "repetition_penalty": 1.1,
    "reasoning": {"effort": "high", "exclude": False, "enabled": True, "summary": "auto", "context": "all"},
    "include_reasoning": True,
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "explicit"},
    "usage": {"include": True},
    "modalities": ["text", "image"],
    "image_config": {"aspect_ratio": "16:9"},
    "audio": {"voice": "alloy", "format": "wav"},
    "verbosity": "low",
    "cache_control": {"type": "ephemeral", "ttl": "1h"},
    "structured_outputs": True,
    "web_search_options": {"search_context_size": "low"},
    "x_search_filter": {"from_date": "2026-01-01"},
    "prediction": {"type": "content", "content": "x"},
    "stop_server_tools_when": [
        {"type": "max_cost", "max_cost_in_dollars": 0.5}, {"type": "step_count_is", "step_count": 2},
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_is_sent_as_it_was_said(name):
    value = OPTIONS[name]
    assert body(options={"openrouter": {name: value}}) == {**body(), name: value}


def test_all_of_them_together_are_sent_and_what_is_none_is_not():
    found = body(options={"openrouter": {**OPTIONS, "debug": None}, "openai": {"store": True}})
    assert found == {**body(), **OPTIONS, "trace": OPTIONS["trace"]}
    assert body(options={"openrouter": {"provider": {"only": None}, "min_p": None}}) == {**body(), "provider": {}}


def test_the_classes_say_the_same():
    options = ChatOptions(
        provider=ProviderPreferences(
            order=("azure",),
            sort=ProviderSort(by="latency"),
            preferred_max_latency=Percentiles(p90=2),
            max_price=MaxPrice(prompt=1),
        ),
        plugins=(WebSearch(user_location=Place(country="BE")), FileParser(pdf=Pdf(engine="mistral-ocr"))),
        reasoning=ReasoningOptions(max_tokens=2000),
        stop_server_tools_when=(StepCountIs(step_count=3), MaxCost(max_cost_in_dollars=1)),
    ).as_options()
    assert options == {
        "openrouter": {
            "provider": {
                "order": ["azure"],
                "sort": {"by": "latency"},
                "preferred_max_latency": {"p90": 2},
                "max_price": {"prompt": 1},
            },
            "plugins": [
                {"id": "web", "user_location": {"type": "approximate", "country": "BE"}},
                {"id": "file-parser", "pdf": {"engine": "mistral-ocr"}},
            ],
            "reasoning": {"max_tokens": 2000},
            "stop_server_tools_when": [
                {"type": "step_count_is", "step_count": 3},
                {"type": "max_cost", "max_cost_in_dollars": 1},
            ],
        }
    }
    assert body(options=options) == {**body(), **options["openrouter"]}


def test_completions_and_embeddings_have_options_of_their_own():
    request = CompleteRequest(prompt="x", options=CompleteOptions(models=("a",), min_p=0.1, top_k=3).as_options())
    assert body(request) == {"model": "m", "prompt": "x", "models": ["a"], "min_p": 0.1, "top_k": 3}
    options = EmbedOptions(input_type="search_query", provider=ProviderPreferences(only=("azure",))).as_options()
    found = body(EmbedRequest(input="x", options=options))
    assert (found["input_type"], found["provider"]) == ("search_query", {"only": ["azure"]})
    for request, name in (
        (CompleteRequest(prompt="x", options={"openrouter": {"modalities": ["text"]}}), "modalities"),
        (EmbedRequest(input="x", options={"openrouter": {"models": ["a"]}}), "models"),
    ):
        with pytest.raises(BadRequestError, match=f"options.openrouter.{name}: no such key"):
            body(request)


WRONG = {
    "provider.ordr: no such key; did you mean 'order'?; what is newer than this can go in extra_body": {
        "provider": {"ordr": ["a"]}
    },
    "provider.order: expected a list, got 'azure'": {"provider": {"order": "azure"}},
    "provider.order[1]: expected text, got 5": {"provider": {"order": ["azure", 5]}},
    "provider.allow_fallbacks: expected true or false, got 'no'": {"provider": {"allow_fallbacks": "no"}},
    "provider.data_collection: expected one of allow, deny, got 'denied'": {"provider": {"data_collection": "denied"}},
    "provider.quantizations[0]: expected one of int4": {"provider": {"quantizations": ["fp7"]}},
    "provider.sort.partition: expected one of model, none, got 'all'": {"provider": {"sort": {"partition": "all"}}},
    "provider.max_price.prompt: expected a number of at least 0, got -1": {"provider": {"max_price": {"prompt": -1}}},
    "provider.preferred_max_latency.p95: no such key": {"provider": {"preferred_max_latency": {"p95": 1}}},
    "provider: expected a table, got 'azure'": {"provider": "azure"},
    "mods: no such key; did you mean 'models'?": {"mods": ["a"]},
    "models: expected a list, got 'a'": {"models": "a"},
    "plugins[1].id: 'wbe' is none; did you mean 'web'?; what is newer": {"plugins": [{"id": "web"}, {"id": "wbe"}]},
    "plugins[0].id: missing; expected one of web, web-fetch,": {"plugins": [{"max_results": 5}]},
    "plugins[0].max_result: no such key; did you mean 'max_results'?": {"plugins": [{"id": "web", "max_result": 5}]},
    "plugins[0].cost_quality_tradeoff: expected a number from 0 to 10, got 11": {
        "plugins": [{"id": "auto-router", "cost_quality_tradeoff": 11}]
    },
    "plugins: expected a list, got dict": {"plugins": {"id": "web"}},
    "stop_server_tools_when[0].type: 'max_costs' is none": {"stop_server_tools_when": [{"type": "max_costs"}]},
    "stop_server_tools_when: expected at least one": {"stop_server_tools_when": []},
    "modalities: expected at least one, got none": {"modalities": []},
    "min_p: expected a number from 0 to 1, got 1.5": {"min_p": 1.5},
    "min_p: expected a number from 0 to 1, got nan": {"min_p": float("nan")},
    "session_id: expected at most 256 characters, got 257": {"session_id": "s" * 257},
    "reasoning.effort: expected one of max, xhigh": {"reasoning": {"effort": "much"}},
    "reasoning: the host takes an effort or max_tokens, not both": {"reasoning": {"effort": "low", "max_tokens": 9}},
    "cache_control.ttl: expected one of 5m, 1h, got '2h'": {"cache_control": {"ttl": "2h"}},
    "temperature: this is a field of the request itself: ChatRequest(temperature=...)": {"temperature": 1},
    "response_format: this is a field of the request itself": {"response_format": {"type": "text"}},
    "stream: no such key": {"stream": True},
}


@pytest.mark.parametrize(("message", "options"), WRONG.items(), ids=WRONG)
def test_what_is_wrong_is_named(message, options):
    with pytest.raises(BadRequestError) as caught:
        body(options={"openrouter": options})
    assert f"options.openrouter.{message}" in str(caught.value)


def test_what_is_newer_than_the_classes_goes_in_extra_body():
    assert body(extra_body={"speed": "ludicrous"}) == {**body(), "speed": "ludicrous"}
    with pytest.raises(BadRequestError, match=r"extra_body.provider: this is set already"):
        body(options={"openrouter": {"provider": {"zdr": True}}}, extra_body={"provider": {"newer": 1}})


def test_an_echo_is_for_streams():
    options = {"openrouter": {"debug": {"echo_upstream_body": True}}}
    assert body(options=options, streaming=True)["debug"] == {"echo_upstream_body": True}
    with pytest.raises(UnsupportedError, match="options.openrouter.debug: only a stream shows it"):
        body(options=options)
    found, notices = sent(options=options, unsupported="drop")
    assert found == body()
    assert [(one.kind, one.field) for one in notices] == [("unsupported", "options.openrouter.debug")]


def test_what_is_said_of_reasoning_stands_in_one_place():
    assert body(reasoning_effort="low") == {**body(), "reasoning_effort": "low"}
    assert body(reasoning_budget=2000) == {**body(), "reasoning": {"max_tokens": 2000}}
    exclude = ChatOptions(reasoning=ReasoningOptions(exclude=True)).as_options()
    assert body(reasoning_effort="low", options=exclude)["reasoning"] == {"effort": "low", "exclude": True}
    assert body(reasoning_budget=2000, options=exclude)["reasoning"] == {"max_tokens": 2000, "exclude": True}
    assert body(reasoning_effort="low", options={"openrouter": {"reasoning": {}}}) == {
        **body(), "reasoning": {"effort": "low"},
    }  # fmt: skip
    with pytest.raises(BadRequestError, match=r"reasoning.effort: this is set already"):
        body(reasoning_effort="low", options={"openrouter": {"reasoning": {"effort": "high"}}})


def test_tools_that_openrouter_runs_stand_among_the_others():
    search = {"type": "openrouter:web_search", "parameters": {"max_results": 2}}
    found = body(tools=[Tool("add"), Unknown(search), {"type": "openrouter:datetime"}])
    assert found["tools"][1:] == [search, {"type": "openrouter:datetime"}]


def test_one_choice_is_all_that_comes():
    assert body(n=1) == {**body(), "n": 1}
    with pytest.raises(UnsupportedError, match="n: the host gives one choice, whatever it is asked for"):
        body(n=2)


def test_a_mark_of_a_turn_stands_on_its_last_part():
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    hour, text = CacheMark("1h"), {"type": "text", "text": "b"}
    found = body(
        messages=[
            Message("system", "b", cache=hour),
            Message("user", [Text("a"), Text("b", cache=CacheMark())], cache=hour),
            Message("user", [Text("a"), Unknown(text)], cache=hour),
            {"role": "user", "content": "b", **mark},
            Message("tool", ToolResult("c", "b", cache=hour)),
        ],
        tools=[Tool("add", cache=hour)],
    )
    first, own, unknown, written, result = (turn["content"] for turn in found["messages"])
    assert first == written == result == [{**text, **mark}]
    assert own == [{"type": "text", "text": "a"}, {**text, "cache_control": {"type": "ephemeral"}}]
    assert unknown == [{"type": "text", "text": "a"}, {**text, **mark}]
    assert text == {"type": "text", "text": "b"}
    assert not any("cache_control" in turn for turn in found["messages"])
    assert found["tools"][0]["cache_control"] == mark["cache_control"]


def test_a_turn_that_has_no_part_cannot_be_marked():
    turn = Message("assistant", [ToolCall("c", "add", "{}")], cache=CacheMark())
    with pytest.raises(UnsupportedError, match=r"messages\[0\].cache: the host marks parts"):
        body(messages=[turn])
    found = body(messages=[turn], unsupported="drop")["messages"][0]
    assert (found["content"], found.get("cache_control")) == (None, None)


def test_a_prefill_is_the_last_turn():
    turns = [{"role": "user", "content": "Name a colour."}, {"role": "assistant", "content": "It is"}]
    assert body(messages=turns)["messages"] == turns

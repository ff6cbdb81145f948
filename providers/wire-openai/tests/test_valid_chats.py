"""Bodies of chats that hypothesis makes: the same bytes for one request, and what OpenAI's description asks for."""

import copy
import functools
import json

import pytest
from exchanges import asked, chat_call
from hypothesis import HealthCheck, given, settings, strategies as st
from openai_chats import LOCAL, OFFICIAL
from wire_folder import beside

from jackfield.operations import ChatRequest
from jackfield.types import (
    Audio,
    CacheMark,
    Citation,
    File,
    ForcedTool,
    Image,
    JsonSchema,
    Message,
    Reasoning,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Unknown,
)

USER = {"role": "user", "content": "x"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
CUSTOM = {"type": "custom", "custom": {"name": "grep"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": ["integer", "null"]}}}

# The whole vocabulary, within the bounds that OpenAI's description sets.

words = st.text(max_size=8)
identifiers = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
marks = st.none() | st.just(CacheMark())
texts = st.builds(Text, words, cache=marks)
names = st.none() | identifiers
extras = st.none() | st.dictionaries(st.sampled_from(["x", "y"]), st.integers(), max_size=2)
calls = st.builds(
    ToolCall,
    identifiers,
    identifiers,
    st.sampled_from(["", "{}", '{"a": 1}', '{"a"']),
    custom=st.booleans(),
    extra=extras,
)
contents = st.one_of(
    texts,
    st.just(Unknown(IMAGE)),
    st.builds(Image, st.just("https://example.com/a.png"), st.sampled_from([None, "low", "high", "auto"]), cache=marks),
    st.builds(Audio, st.just("QQ=="), st.sampled_from(["wav", "mp3"]), cache=marks),
    st.builds(File, st.none() | st.just("QQ=="), names, names, cache=marks),
)
thoughts = st.builds(
    Reasoning,
    words,
    st.none() | words,
    st.none() | words,
    st.booleans(),
    names,
    st.sampled_from([None, "reasoning", "reasoning_content", "thinking", "summary", "anthropic-claude-v1"]),
)
spoken = texts | calls | words.map(Refusal) | thoughts | st.builds(Audio, id=identifiers)
citations = st.lists(st.builds(Citation, words, names) | st.just(Unknown({"type": "file"})), max_size=2).map(tuple)
messages = st.one_of(
    st.builds(Message, st.sampled_from(["system", "developer"]), st.lists(texts, max_size=3), names, extra=extras),
    st.builds(Message, st.just("user"), st.lists(contents, max_size=3), names),
    st.builds(Message, st.just("assistant"), st.lists(spoken, max_size=5), names, annotations=citations, extra=extras),
    st.builds(
        Message,
        st.just("tool"),
        st.lists(st.builds(ToolResult, identifiers, words | st.lists(texts, min_size=1)), min_size=1, max_size=3),
    ),
)
tools = st.builds(
    Tool, identifiers, st.none() | words, st.none() | st.just(SCHEMA), strict=st.none() | st.booleans()
) | st.just(Unknown(CUSTOM))
formats = st.sampled_from(["text", "json"]) | st.builds(
    JsonSchema, st.just(SCHEMA), identifiers, st.none() | st.booleans(), st.none() | words
)
optional = {
    "response_format": formats,
    "temperature": st.floats(0, 2) | st.integers(0, 2),
    "top_p": st.floats(0, 1),
    "frequency_penalty": st.floats(-2, 2),
    "presence_penalty": st.floats(-2, 2),
    "max_output_tokens": st.integers(1, 10**6),
    "stop": st.lists(words, min_size=1, max_size=4) | words,
    "seed": st.integers(-(2**63), 2**63 - 1),
    "n": st.integers(1, 128),
    "logprobs": st.booleans(),
    "top_logprobs": st.integers(0, 20),
    "logit_bias": st.dictionaries(st.integers(0, 99).map(str), st.integers(-100, 100), max_size=3),
    "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    "parallel_tool_calls": st.booleans(),
    "metadata": st.dictionaries(words, words, max_size=2),
    "user": words,
    "service_tier": st.sampled_from(["auto", "default", "flex", "priority"]),
    "options": st.just({"openai": {"store": False, "verbosity": "low"}, "other": {"x": object}}),
    "extra_body": st.just({"prompt_cache_key": "k"}),
}


@st.composite
def requests(draw):
    fields = draw(st.fixed_dictionaries({"messages": st.lists(messages, min_size=1, max_size=4)}, optional=optional))
    if draw(st.booleans()):
        fields["tools"] = draw(st.lists(tools, min_size=1, max_size=3))
        first = getattr(fields["tools"][0], "name", "grep")
        fields["tool_choice"] = draw(st.none() | st.sampled_from(["auto", "none", "required", ForcedTool(first)]))
    return ChatRequest(**fields)


def call_of(request, *, streaming):
    # what cannot be carried is dropped: test_messages and test_requests show that it is reported
    return chat_call(request, streaming=streaming).evolve(unsupported="drop")


@given(requests(), st.booleans(), st.sampled_from([OFFICIAL, LOCAL]))
def test_the_same_request_gives_the_same_bytes_and_is_not_changed(request, streaming, host):
    before = copy.deepcopy(request)
    first = asked(host, call_of(request, streaming=streaming))
    assert (
        first == asked(host, call_of(request, streaming=streaming)) == asked(host, call_of(before, streaming=streaming))
    )
    assert request == before


def nothing_is_null(value):
    if isinstance(value, dict):
        return all(v is not None and nothing_is_null(v) for key, v in value.items() if key != "properties")
    return not isinstance(value, list) or all(item is not None and nothing_is_null(item) for item in value)


@given(requests(), st.sampled_from([OFFICIAL, LOCAL]))
def test_nothing_that_is_sent_is_null_but_the_content_of_a_turn_that_has_none(request, host):
    found = json.loads(asked(host, call_of(request, streaming=False)).body)
    for message in found["messages"]:
        if message["content"] is None:
            assert message["role"] == "assistant"
            assert message.keys() & {"tool_calls", "refusal", "audio"}
            message["content"] = ""
        elif not message["content"]:
            assert not message.get("tool_calls")
    assert nothing_is_null(found)


@functools.cache
def validator():
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema and PyYAML")
    yaml = pytest.importorskip("yaml", reason="needs jsonschema and PyYAML")
    path = beside("openai", "openapi.yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    schemas = yaml.load(path.read_bytes(), loader)["components"]["schemas"]
    schema = {"$ref": "#/components/schemas/CreateChatCompletionRequest", "components": {"schemas": schemas}}
    return jsonschema.Draft202012Validator(schema)


@given(requests(), st.booleans())
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
def test_bodies_are_what_openais_description_asks_for(request, streaming):
    check = validator()
    found = json.loads(asked(OFFICIAL, call_of(request, streaming=streaming)).body)
    errors = [f"{'/'.join(map(str, error.path))}: {error.message[:300]}" for error in check.iter_errors(found)]
    assert not errors


BAD = [
    {"messages": []},
    {"n": 0},
    {"messages": [{"role": "bot"}]},
    {"stop": 5},
    {"response_format": {"type": "json"}},
    {"reasoning_effort": "much"},
    {"tools": [{"type": "function"}]},
    {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
]


@pytest.mark.parametrize("bad", BAD)
def test_the_description_would_notice(bad):
    assert list(validator().iter_errors({"model": "m", "messages": [USER], **bad}))

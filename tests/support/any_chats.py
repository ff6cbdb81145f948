"""Chats that hypothesis makes: the whole vocabulary, and whether a body is what an API description asks for."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import strategies as st
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
}


@st.composite
def requests(draw: Any, **more: Any) -> ChatRequest:
    """Requests of any kind; `more` are strategies of further fields."""
    given = {"messages": st.lists(messages, min_size=1, max_size=4)}
    fields = draw(st.fixed_dictionaries(given, optional={**optional, **more}))
    if draw(st.booleans()):
        fields["tools"] = draw(st.lists(tools, min_size=1, max_size=3))
        first = getattr(fields["tools"][0], "name", "grep")
        fields["tool_choice"] = draw(st.none() | st.sampled_from(["auto", "none", "required", ForcedTool(first)]))
    return ChatRequest(**fields)


def nothing_is_null(value: Any) -> bool:
    """Whether a body says of nothing that it is not there; a JSON Schema may."""
    if isinstance(value, dict):
        return all(v is not None and nothing_is_null(v) for key, v in value.items() if key != "properties")
    return not isinstance(value, list) or all(item is not None and nothing_is_null(item) for item in value)


@functools.cache
def schemas(service: str) -> Any:
    """The schemas of a service's API description, which lies beside the project."""
    yaml = pytest.importorskip("yaml", reason="needs jsonschema and PyYAML")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(beside(service, "openapi.yaml").read_bytes(), loader)["components"]["schemas"]


@functools.cache
def validator(service: str, schema: str) -> Any:
    """What tells whether a value is one of this schema."""
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema and PyYAML")
    whole = {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": schemas(service)}}
    return jsonschema.Draft202012Validator(whole)


def faults(errors: Iterable[Any]) -> Iterator[str]:
    """What a validator says, each with the place of it."""
    return (f"{'/'.join(map(str, error.path))}: {error.message[:300]}" for error in errors)

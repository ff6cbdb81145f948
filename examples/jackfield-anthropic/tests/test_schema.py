"""What is sent fits the published schema of the wire, which OpenRouter speaks as well."""

import json
import os
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import jackfield as jf
from jackfield.types import (
    CacheMark,
    Citation,
    File,
    ForcedTool,
    Image,
    JsonSchema,
    Message,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

FOLDER = Path(os.environ.get("JACKFIELD_TEST_WIRE") or Path(__file__).parents[4] / "shared" / "wire")
TYPED = {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False}


@cache
def validator():
    jsonschema, yaml = pytest.importorskip("jsonschema"), pytest.importorskip("yaml")
    file = FOLDER / "openrouter" / "openapi.yaml"
    if not file.exists():
        pytest.skip("the published schemas are not beside the project (JACKFIELD_TEST_WIRE names their folder)")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with file.open(encoding="utf-8") as opened:
        document = yaml.load(opened, Loader=loader)
    schema = {"$ref": "#/components/schemas/MessagesRequest", "components": document["components"]}
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="module")
def check():
    schema = validator()

    def check(body):
        wrong = next(schema.iter_errors(body), None)
        assert wrong is None, f"{list(wrong.absolute_path)}: {wrong.message[:300]}"

    return check


marks = st.sampled_from([None, CacheMark(), CacheMark("5m"), CacheMark("1h")])
words = st.text(min_size=1, max_size=12)
texts = st.builds(Text, words, cache=marks)
images = st.sampled_from([Image.of(b"a", "image/png"), Image("https://example.org/a.webp", cache=CacheMark())])
files = st.sampled_from(
    [File.of(b"a", "application/pdf", "a.pdf"), File.of(b"a", "text/plain", "a.txt"), File(id="file_1")]
)
arguments = st.dictionaries(words, st.integers() | st.booleans() | words, max_size=3).map(json.dumps)
calls = st.builds(ToolCall, words, words, arguments, cache=marks)
results = st.builds(ToolResult, words, st.lists(texts | images | files, max_size=3), st.booleans(), cache=marks)
thoughts = st.sampled_from(
    [
        Reasoning("hm", "sig", format="anthropic-claude-v1"),
        Reasoning(encrypted="AAAA", format="anthropic-claude-v1"),
        Reasoning("elsewhere", format="reasoning_content"),
    ]
)
web = {"type": "web_search_result_location", "encrypted_index": "AA"}


@st.composite
def answers(draw):
    said = draw(words)
    cited = draw(st.booleans())
    remark = Citation("https://example.org", "A", "b", 0, len(said), extra=web)
    parts = [Text(said), *draw(st.lists(thoughts | calls, max_size=3))]
    return Message("assistant", parts, annotations=(remark,) if cited else (), cache=draw(marks))


messages = st.lists(
    st.builds(Message, st.just("user"), st.lists(texts | images | files, min_size=1, max_size=3), cache=marks)
    | st.builds(Message, st.just("tool"), st.lists(results, min_size=1, max_size=2))
    | answers(),
    min_size=1,
    max_size=5,
)
instructions = st.lists(
    st.builds(Message, st.sampled_from(["system", "developer"]), st.lists(texts, min_size=1, max_size=2), cache=marks),
    max_size=2,
)
tools = st.lists(
    st.builds(Tool, words, st.none() | words, st.none() | st.just(TYPED), st.none() | st.booleans(), cache=marks),
    min_size=1,
    max_size=3,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 1),
        "top_p": st.floats(0, 1),
        "top_k": st.integers(0, 100),
        "stop": st.lists(words, max_size=2),
        "max_output_tokens": st.integers(5000, 9000),
        "user": words,
        "service_tier": st.sampled_from(["auto", "standard_only"]),
        "tools": tools,
        "parallel_tool_calls": st.booleans(),
        "reasoning_effort": st.sampled_from(["low", "medium", "high", "xhigh", "max"]),
        "reasoning_budget": st.integers(0, 4000),
        "response_format": st.just(JsonSchema(TYPED, description="A city.")),
    },
)


@given(instructions, messages, fields, st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
def test_bodies_fit_the_schema(kit, check, instructions, messages, fields, streaming):
    choices = ["auto", "none", "required", ForcedTool("f")] if fields.get("tools") else [None]
    for choice in choices:
        check(kit.body([*instructions, *messages], streaming=streaming, tool_choice=choice, **fields))


def test_the_schema_can_be_broken(check):
    with pytest.raises(AssertionError, match="messages"):
        check({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "text"}]}]})


@pytest.mark.parametrize("name", ["text", "tools", "thinking", "redacted", "citations", "cached"])
def test_the_fixtures_are_turns_that_the_schema_knows(kit, check, name):
    events, _ = kit.decoded((kit.wire / f"{name}.sse").read_bytes())
    message = kit.folded(events).message
    check(kit.body([jf.Message("user", "?"), message, jf.Message("user", "And?")]))

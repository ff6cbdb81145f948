"""Bodies for the Responses API that hypothesis makes: always the same bytes, and what the description asks for."""

import copy
import functools
import json

import pytest
from any_chats import faults, nothing_is_null, requests, schemas
from exchanges import asked, chat_call
from exhaustive import examples
from hypothesis import HealthCheck, given, settings, strategies as st
from openai_responses import LOCAL, OFFICIAL

USER = {"role": "user", "content": "x"}
ours = requests(
    max_output_tokens=st.integers(16, 10**6),  # a smaller one is the service's to refuse
    options=st.just({"openai": {"store": False, "verbosity": "low", "include": ["file_search_call.results"]}}),
    extra_body=st.just({"prompt_cache_key": "k"}),
)


def call_of(request, *, streaming):
    # what cannot be carried is dropped: test_responses_requests shows that it is reported
    return chat_call(request, streaming=streaming).evolve(unsupported="drop")


@given(ours, st.booleans(), st.sampled_from([OFFICIAL, LOCAL]))
def test_the_same_request_gives_the_same_bytes_and_is_not_changed(request, streaming, host):
    before = copy.deepcopy(request)
    first = asked(host, call_of(request, streaming=streaming))
    assert (
        first == asked(host, call_of(request, streaming=streaming)) == asked(host, call_of(before, streaming=streaming))
    )
    assert request == before


@given(ours, st.sampled_from([OFFICIAL, LOCAL]))
def test_nothing_that_is_sent_is_null(request, host):
    assert nothing_is_null(json.loads(asked(host, call_of(request, streaming=False)).body))


def loose(schema):
    """A schema whose `oneOf` is content with any: its forms of a message are not told apart by what they must have."""
    if isinstance(schema, dict):
        return {"anyOf" if key == "oneOf" else key: loose(value) for key, value in schema.items()}
    return [loose(one) for one in schema] if isinstance(schema, list) else schema


@functools.cache
def validator():
    jsonschema = pytest.importorskip("jsonschema", reason="needs jsonschema and PyYAML")
    known = loose(schemas("openai"))
    # recorded requests do without it, and are answered
    known["InputImageContent"]["required"].remove("detail")
    whole = {"$ref": "#/components/schemas/CreateResponse", "components": {"schemas": known}}
    return jsonschema.Draft202012Validator(whole)


@given(ours, st.booleans())
@settings(deadline=None, max_examples=examples(80), suppress_health_check=[HealthCheck.too_slow])
def test_bodies_are_what_openais_description_asks_for(request, streaming):
    found = json.loads(asked(OFFICIAL, call_of(request, streaming=streaming)).body)
    assert not list(faults(validator().iter_errors(found)))


BAD = [
    {"input": [{"role": "bot", "content": "x"}]},
    {"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
    {"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]},
    {"tools": [{"type": "function", "function": {"name": "f"}}]},
    {"text": {"format": {"type": "json"}}},
    {"reasoning": {"effort": "much"}},
    {"max_output_tokens": 5},
    {"include": ["everything"]},
]


@pytest.mark.parametrize("bad", BAD)
def test_the_description_would_notice(bad):
    assert list(validator().iter_errors({"model": "m", "input": [USER], **bad}))

"""Bodies of chats that hypothesis makes: the same bytes for one request, and what OpenAI's description asks for."""

import copy
import json

import pytest
from any_chats import faults, nothing_is_null, requests, validator
from exchanges import asked, chat_call
from exhaustive import examples
from hypothesis import HealthCheck, given, settings, strategies as st
from openai_chats import LOCAL, OFFICIAL

CHAT = "CreateChatCompletionRequest"
USER = {"role": "user", "content": "x"}
any_request = requests(
    options=st.just({"openai": {"store": False, "verbosity": "low"}, "other": {"x": object}}),
    extra_body=st.just({"prompt_cache_key": "k"}),
)


def call_of(request, *, streaming):
    # what cannot be carried is dropped: test_messages and test_requests show that it is reported
    return chat_call(request, streaming=streaming).evolve(unsupported="drop")


@given(any_request, st.booleans(), st.sampled_from([OFFICIAL, LOCAL]))
def test_the_same_request_gives_the_same_bytes_and_is_not_changed(request, streaming, host):
    before = copy.deepcopy(request)
    first = asked(host, call_of(request, streaming=streaming))
    assert (
        first == asked(host, call_of(request, streaming=streaming)) == asked(host, call_of(before, streaming=streaming))
    )
    assert request == before


@given(any_request, st.sampled_from([OFFICIAL, LOCAL]))
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


@given(any_request, st.booleans())
@settings(deadline=None, max_examples=examples(80), suppress_health_check=[HealthCheck.too_slow])
def test_bodies_are_what_openais_description_asks_for(request, streaming):
    check = validator("openai", CHAT)
    found = json.loads(asked(OFFICIAL, call_of(request, streaming=streaming)).body)
    assert not list(faults(check.iter_errors(found)))


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
    assert list(validator("openai", CHAT).iter_errors({"model": "m", "messages": [USER], **bad}))

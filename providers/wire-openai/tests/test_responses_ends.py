"""How responses end, fail and break off, and those that are not what was asked for."""

import json

import pytest
from any_chats import schemas
from exchanges import SSE
from openai_responses import calling, completed, ended, good, streamed, whole
from responses_told import CALL, begun, event, message, spoken, text_of, told, whole as response

from jackfield.errors import (
    BadRequestError,
    ContentFilterError,
    MalformedReplyError,
    RateLimitError,
    ServerError,
    TruncatedStreamError,
)
from jackfield.types import Finish, Refusal, Start, Usage

HELLO = message("msg_1", spoken("Hi, you"))


@pytest.mark.parametrize(
    ("more", "items", "finish"),
    [
        ({"status": "completed"}, [HELLO], Finish("stop", "completed")),
        ({"status": "completed"}, [CALL], Finish("tool_calls", "completed")),
        ({"status": "completed"}, [], Finish("stop", "completed")),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            [HELLO],
            Finish("length", "max_output_tokens"),
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            [HELLO],
            Finish("content_filter", "content_filter"),
        ),
        ({"status": "incomplete", "incomplete_details": {"reason": "new"}}, [HELLO], Finish("other", "new")),
        ({"status": "incomplete", "incomplete_details": {"reason": "new"}}, [CALL], Finish("error", "new")),
        ({"status": "incomplete", "incomplete_details": None}, [HELLO], Finish("other", "incomplete")),
        ({"status": "cancelled"}, [CALL], Finish("error", "cancelled")),
        ({"status": "new"}, [HELLO], Finish("other", "new")),
    ],
)
def test_why_it_ended(more, items, finish):
    payload = response(*items) | more
    outcomes = [whole(payload), streamed(*begun(), event("completed", response=payload))]
    if payload["status"] in ("incomplete", "cancelled"):
        outcomes.append(streamed(*begun(), event(payload["status"], response=payload)))
    for outcome in outcomes:
        assert good(outcome).finish == finish
        assert all(call.complete is (finish.unified == "tool_calls") for call in outcome.response.tool_calls)
        assert outcome.response.usage == Usage(19, 10, 3, 4)


def test_a_reply_that_does_not_say_why():
    payload = response(HELLO)
    del payload["status"]
    assert good(whole(payload)).finish == Finish("other", None)
    assert good(whole({**payload, "incomplete_details": {"reason": "max_output_tokens"}})).finish.unified == "length"
    assert good(streamed(event("completed", response=payload))).finish == Finish("stop", "response.completed")
    assert good(streamed(event("completed", response=payload | {"status": "in_progress"}))).finish.unified == "stop"


WRONG = {"code": "rate_limit_exceeded", "message": "Slow down."}


@pytest.mark.parametrize(
    "last",
    [
        event("failed", response=response(status="failed", error=WRONG)),
        event("completed", response=response(status="failed", error=WRONG)),
        {"type": "error", **WRONG, "param": None, "sequence_number": 4},
        {"type": "error", "error": {"type": "tokens", **WRONG}},
        event("error", **WRONG),
        {"error": WRONG},
    ],
)
def test_a_stream_that_fails(last):
    outcome = streamed(*begun(), *text_of("msg_1", "Hi,")[:3], last)
    assert type(outcome.error) is RateLimitError
    assert (outcome.error.code, outcome.error.message) == ("rate_limit_exceeded", "Slow down.")
    assert outcome.response.text == "Hi,"
    assert outcome.response.finish is None
    assert outcome.response.usage == (None if "response" not in last else Usage(19, 10, 3, 4))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("server_error", ServerError), ("new_error", ServerError), (None, ServerError),
        ("invalid_prompt", BadRequestError), ("image_too_small", BadRequestError), ("bio_policy", ContentFilterError),
    ],
)  # fmt: skip
def test_a_whole_reply_that_failed(code, error):
    outcome = whole(response(status="failed", error=None if code is None else {"code": code, "message": "No."}))
    assert type(outcome.error) is error
    assert outcome.error.retryable is issubclass(error, ServerError)
    assert not outcome.response.text


def test_every_way_to_fail_that_the_description_names_is_known():
    for code in schemas("openai")["ResponseErrorCode"]["enum"]:
        outcome = whole(response(status="failed", error={"code": code, "message": "No."}))
        assert isinstance(outcome.error, ServerError | BadRequestError | RateLimitError), code
        assert outcome.error.code == code
        assert ("image" in code or "prompt" in code or "policy" in code) is isinstance(outcome.error, BadRequestError)


@pytest.mark.parametrize("kind", ["completed", "incomplete"])
def test_an_end_without_a_response_is_no_end(kind):
    outcome = streamed(*begun(), *text_of("msg_1", "Hi,"), event(kind))
    assert isinstance(outcome.error, MalformedReplyError)


def test_a_stream_that_breaks_off_is_truncated():
    for events in (begun(), [*begun(), *text_of("msg_1", "Hi, you")], [*begun(), *calling(done="{}")]):
        outcome = streamed(*events)
        assert isinstance(outcome.error, TruncatedStreamError)
        assert not any(call.complete for call in outcome.response.tool_calls)


def test_what_follows_the_end_is_not_read():
    outcome = streamed(*begun(), completed(HELLO), *begun(), *text_of("msg_2", "more"), completed())
    assert good(outcome).text == "Hi, you"
    assert len([one for one in outcome.events if isinstance(one, Start)]) == 1


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_reply_that_is_not_over_is_no_reply(status):
    outcome = whole(response(status=status))
    assert type(outcome.error) is MalformedReplyError
    assert f"its status is '{status}' still" in outcome.error.message
    assert not outcome.error.retryable


@pytest.mark.parametrize(
    "payload",
    [{}, {"object": "response"}, {"choices": []}, {"output": {"a": 1}}, {"output": [1]}, [], response(message("m", 5))],
)
def test_what_is_no_response_is_malformed(payload):
    outcome = whole(payload)
    assert isinstance(outcome.error, MalformedReplyError)


# --- what was asked for is not always what comes


@pytest.mark.parametrize("headers", [SSE, {}, {"content-type": "application/json"}])
def test_a_stream_may_come_where_none_was_asked_for(headers):
    events = told(*begun(), *text_of("msg_1", "Hi,", " you"), completed(HELLO))
    assert good(whole(events, headers)).text == "Hi, you"


@pytest.mark.parametrize("headers", [SSE, {}, {"content-type": "application/json"}])
def test_a_whole_reply_may_come_where_a_stream_was_asked_for(headers):
    reply = good(whole(json.dumps(response(HELLO, CALL)).encode(), headers, streaming=True))
    assert (reply.text, reply.finish.unified) == ("Hi, you", "tool_calls")


def test_a_response_that_stands_alone_in_an_event_is_the_whole():
    assert good(streamed(response(HELLO))).text == "Hi, you"


def test_facts_of_the_reply():
    outcome = whole(response(HELLO), {"content-type": "application/json", "x-request-id": "req_1"})
    reply = good(outcome)
    assert (reply.id, reply.model, reply.created) == ("resp_1", "gpt-4.1-mini-2025-04-14", 1_750_000_000)
    assert reply.request_id == "req_1"
    usage = {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2}, "cost": 0.5}
    found = good(whole(response(HELLO, usage=usage))).usage
    assert found == Usage(input_tokens=3, cached_tokens=1, cache_write_tokens=2, cost=0.5)


def test_every_event_that_the_description_names_can_stand_in_a_stream():
    known = schemas("openai")
    names = [one["$ref"].rpartition("/")[2] for one in known["ResponseStreamEvent"]["anyOf"]]
    kinds = [known[name]["properties"]["type"]["enum"][0] for name in names]
    ends = {"response.completed", "response.incomplete", "response.failed", "error"}
    assert len(kinds) > 50
    assert ends < set(kinds)
    for kind in kinds:
        if kind in ends:
            continue  # see above
        for more in ({}, {"output_index": 0, "item_id": "ws_1", "delta": "", "item": None, "part": None}):
            odd = {"type": kind, **more}
            outcome = streamed(*begun(), *text_of("msg_1", "Hi, you"), odd, completed(HELLO))
            assert good(outcome).text == "Hi, you", kind
            assert odd in [one.raw for one in outcome.events]


def test_a_refusal_has_its_own_place():
    refused = message("msg_1", {"type": "refusal", "refusal": "No."})
    place = {"item_id": "msg_1", "content_index": 0}
    events = [event("refusal.delta", 0, **place, delta="N"), event("refusal.done", 0, **place, refusal="No.")]
    for reply in (good(whole(response(refused))), ended(*events, items=[refused])):
        assert reply.message.parts == (Refusal("No."),)
        assert (reply.text, reply.refusal) == ("", "No.")

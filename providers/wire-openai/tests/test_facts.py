"""What a reply holds beside text, and what is said of it: sound, remarks, log probabilities, usage, limits."""

import pytest
from exchanges import JSON
from openai_chats import chunk, good, reply, streamed, whole

from jackfield.types import (
    Annotated,
    Audio,
    AudioDelta,
    Citation,
    Logprobs,
    LogprobsDelta,
    MessageExtra,
    RateLimit,
    Text,
    TokenLogprob,
    Unknown,
    Usage,
)

USAGE = {"prompt_tokens": 3, "completion_tokens": 5}


def both(message, *deltas, **more):
    """The response of a reply, and of the stream that says the same: of these deltas, or of one."""
    unary = good(whole(reply(message)))
    assert good(streamed(*map(chunk, deltas or [message]), chunk(finish="stop"))) == unary
    return unary


# usage


def test_reasoning_tokens_may_exceed_output_tokens():
    usage = {**USAGE, "completion_tokens_details": {"reasoning_tokens": 99}}
    assert good(whole(reply({"content": "a"}, usage=usage))).usage == Usage(3, 5, 99)


USAGES = [
    ({"prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 2, "audio_tokens": 3}},
     {"cached_tokens": 0, "cache_write_tokens": 2, "input_audio_tokens": 3}),
    ({"completion_tokens_details": {"audio_tokens": 4, "reasoning_tokens": 0}},
     {"output_audio_tokens": 4, "reasoning_tokens": 0}),
    ({"prompt_cache_hit_tokens": 2, "prompt_cache_miss_tokens": 1}, {"cached_tokens": 2}),
    ({"cache_read_input_tokens": 2, "cache_creation_input_tokens": 1}, {"cached_tokens": 2, "cache_write_tokens": 1}),
    ({"cached_tokens": 2}, {"cached_tokens": 2}),
    ({"num_cached_tokens": 2}, {"cached_tokens": 2}),
    ({"reasoning_tokens": 7}, {"reasoning_tokens": 7}),
    ({"audio_prompt_tokens": 7}, {"input_audio_tokens": 7}),
    ({"cost": 0}, {"cost": 0}),
    ({"cost": 0.25}, {"cost": 0.25}),
    ({"cost": {"total_cost": 0.5, "request_cost": 0.1}}, {"cost": 0.5}),
    ({"estimated_cost": 0.5}, {"cost": 0.5}),
    ({"prompt_tokens_details": None, "completion_tokens_details": {}, "cost": "much", "cached_tokens": True}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("stated", "expected"), USAGES)
def test_usage_in_every_shape(stated, expected):
    for outcome in (
        whole(reply({"content": "a"}, usage={**USAGE, **stated})),
        streamed(chunk({"content": "a"}, "stop"), {"choices": [], "usage": {**USAGE, **stated}}),
    ):
        assert good(outcome).usage == Usage(3, 5, **expected)


def test_usage_and_cost_stand_beside_the_choices_too():
    assert good(whole(reply({"content": "a"}, usage=USAGE, cost={"usd": 0.5, "diem": 0}))).usage == Usage(
        3, 5, cost=0.5
    )
    groq = chunk(finish="stop", x_groq={"id": "r", "usage": USAGE})
    assert good(streamed(chunk({"content": "a"}), groq)).usage == Usage(3, 5)
    null = {"prompt_tokens": 3, "completion_tokens": None, "total_tokens": None}
    assert good(whole(reply({"content": "a"}, usage=null))).usage == Usage(3)


def test_no_usage_is_invented():
    assert good(streamed(chunk({"content": "a"}, "stop"))).usage is None
    assert good(whole(reply({"content": "a"}, usage=None))).usage is None


# sound


def test_sound_whole_and_in_pieces():
    audio = {"id": "audio_1", "data": "QUJD", "transcript": "Hi 日", "expires_at": 1729018505}
    pieces = [{"id": "audio_1", "transcript": "Hi "}, {"data": "QU"}, {"data": "JD", "transcript": "日"},
              {"expires_at": 1729018505}]  # fmt: skip
    found = both({"content": None, "audio": audio}, *({"audio": one} for one in pieces))
    assert found.message.parts == (Audio("QUJD", id="audio_1", transcript="Hi 日", expires=1729018505),)


def test_a_transcript_that_is_cut_inside_a_character():
    pieces = [{"id": "a", "transcript": "\ud83d"}, {"transcript": "\ude00\ud83d"}]
    outcome = streamed(*(chunk({"audio": one}) for one in pieces), chunk(finish="stop"))
    assert outcome.events[1:3] == [AudioDelta(id="a"), AudioDelta(transcript="\U0001f600")]
    assert good(outcome).message.parts == (Audio(id="a", transcript="\U0001f600\ud83d"),)


@pytest.mark.parametrize("audio", [{"id": "", "data": "", "transcript": "", "expires_at": 0}, {}, None, 5, {"id": 5}])
def test_empty_sound_is_none(audio):
    assert both({"content": "a", "audio": audio}).message.parts == (Text("a"),)


# remarks

CITED = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 5}}


def test_remarks_on_a_text():
    other = {"type": "file", "file": {"hash": "h"}}
    odd = {"type": "url_citation", "url_citation": {"url": 5}}
    found = both({"content": "a", "annotations": [CITED, other, odd, 5]})
    assert found.annotations == (Citation("u", "t", None, 0, 5), Unknown(other), Unknown(odd))


def test_remarks_may_come_one_by_one():
    found = both({"content": "a", "annotations": [CITED, CITED]}, {"content": "a"}, *[{"annotations": [CITED]}] * 2)
    assert len(found.annotations) == 2


@pytest.mark.parametrize("annotations", [None, [], {}, 5, "x"])
def test_no_remarks(annotations):
    assert both({"content": "a", "annotations": annotations}).annotations == ()


def test_what_must_be_sent_back_with_a_message():
    fields = {"extra_content": {"google": {"thought_signature": "s"}}, "thought_signature": "s"}
    outcome = whole(reply({"content": "a", **fields}))
    assert outcome.events[2] == MessageExtra(fields)
    assert both({"content": "a", **fields}).message.extra == fields


def test_remarks_alone_are_an_answer():
    assert streamed(chunk({"annotations": [CITED]}, "stop")).events[1] == Annotated(Citation("u", "t", None, 0, 5))


# log probabilities

TOP = {"token": "b", "logprob": -2, "bytes": [98]}
TOKEN = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [TOP]}
READ = TokenLogprob("a", -0.5, b"a", (TokenLogprob("b", -2, b"b"),))


def scored(logprobs):
    payload = reply({"content": "a"})
    payload["choices"][0]["logprobs"] = logprobs
    stream = chunk({"content": "a"}, "stop")
    stream["choices"][0]["logprobs"] = logprobs
    assert good(streamed(stream)) == good(whole(payload))
    return good(whole(payload)).logprobs


@pytest.mark.parametrize(
    ("name", "of"), [("content", "content"), ("refusal", "refusal"), ("reasoning_content", "reasoning")]
)
def test_log_probabilities_say_what_they_are_of(name, of):
    assert scored({name: [TOKEN, TOKEN]}) == Logprobs(**{of: (READ, READ)})


def test_log_probabilities_in_the_older_form():
    older = {"tokens": ["a"], "token_logprobs": [-0.5], "top_logprobs": [{"b": -2}], "text_offset": [0]}
    assert scored(older) == Logprobs((TokenLogprob("a", -0.5, top=(TokenLogprob("b", -2),), offset=0),))
    assert scored({**older, "content": [TOKEN]}) == Logprobs((READ,))


def test_log_probabilities_come_in_pieces():
    chunks = [chunk({"content": text}) for text in "aa"]
    for one in chunks:
        one["choices"][0]["logprobs"] = {"content": [TOKEN], "refusal": None}
    outcome = streamed(*chunks, chunk(finish="stop"))
    assert outcome.events[2] == LogprobsDelta((READ,))
    assert good(outcome).logprobs == Logprobs((READ, READ))


@pytest.mark.parametrize(
    "logprobs", [None, {}, [], 5, {"content": None}, {"content": []}, {"content": [5, {"token": 5}]}]
)
def test_no_log_probabilities(logprobs):
    assert scored(logprobs) is None


def test_a_token_of_which_little_is_said():
    tokens = [
        {"token": "a"},
        {"token": "b", "logprob": "x", "bytes": [256], "top_logprobs": 5},
        {"token": "", "bytes": None},
    ]
    expected = (TokenLogprob("a", None), TokenLogprob("b", None), TokenLogprob("", None))
    assert scored({"content": tokens}) == Logprobs(expected)


# what the head of a reply says


@pytest.mark.parametrize("streaming", [True, False])
def test_the_request_id_and_what_is_left_of_a_limit(streaming):
    head = {"x-request-id": "req_1", "x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-requests": "6m0s"}
    if streaming:
        outcome = streamed(chunk({"content": "a"}, "stop"), headers={"content-type": "text/event-stream", **head})
    else:
        outcome = whole(reply({"content": "a"}), {**JSON, **head})
    assert good(outcome).request_id == "req_1"
    assert outcome.response.rate_limit == RateLimit(requests_remaining=9, requests_reset=360.0)

"""Text completions: what is sent, field by field, and what is made of replies and of streams, whatever comes."""

import json

import attrs
import pytest
from exchanges import JSON, SSE, Outcome, lines, single
from hypothesis import given, strategies as st
from operations import PROMPT, body_of, destination, good, reading, streamed, whole

from jackfield.errors import (
    BadRequestError,
    JackfieldError,
    MalformedReplyError,
    OverloadedError,
    RateLimitError,
    TruncatedStreamError,
    UnsupportedError,
)
from jackfield.http import write_json
from jackfield.operations import CompleteRequest
from jackfield.types import (
    Finish,
    Finished,
    LogprobsDelta,
    RateLimit,
    Start,
    TextDelta,
    TokenLogprob,
    Unrecognized,
    Usage,
)
from jackfield_wire_openai.completions import completion_body, read_completion_request
from jackfield_wire_openai.profiles import Profile

# --- requests -----------------------------------------------------------------------------------------------

# one row for each field of a request: what is given, and what of it is in the body
FIELDS = {
    "prompt": ({"prompt": "a"}, {"prompt": "a"}),
    "model": ({"model": "openai:other"}, {"model": "m"}),  # the call's target has it
    "suffix": ({"suffix": ""}, {"suffix": ""}),
    "max_output_tokens": ({"max_output_tokens": 0}, {"max_tokens": 0}),
    "temperature": ({"temperature": 0}, {"temperature": 0}),
    "top_p": ({"top_p": 0.0}, {"top_p": 0.0}),
    "frequency_penalty": ({"frequency_penalty": 0}, {"frequency_penalty": 0}),
    "presence_penalty": ({"presence_penalty": -2}, {"presence_penalty": -2}),
    "stop": ({"stop": "END"}, {"stop": ["END"]}),
    "seed": ({"seed": 0}, {"seed": 0}),
    "n": ({"n": 2}, {"n": 2}),
    "best_of": ({"best_of": 3}, {"best_of": 3}),
    "echo": ({"echo": False}, {"echo": False}),
    "logprobs": ({"logprobs": 0}, {"logprobs": 0}),
    "logit_bias": ({"logit_bias": {"50256": -100}}, {"logit_bias": {"50256": -100}}),
    "user": ({"user": ""}, {"user": ""}),
    "options": ({"options": {"openai": {"best": True}, "mock": {"x": 1}}}, {"best": True}),
    "extra_body": ({"extra_body": {"top_k": None}}, {"top_k": None}),
}
ELSEWHERE = {"extra_headers", "unsupported"}  # the core sees to both


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(CompleteRequest)])
def test_every_field_of_a_request_is_sent(name):
    if name in ELSEWHERE:
        return
    given_, expected = FIELDS[name]
    assert name in given_
    base = {"model": "m", "prompt": "x"}
    assert body_of(CompleteRequest(**{"prompt": "x", **given_})) == {**base, **expected}


def test_a_field_that_this_wire_does_not_know_is_reported():
    @attrs.frozen(kw_only=True)
    class Younger(CompleteRequest):
        grammar: str | None = None

    with pytest.raises(UnsupportedError, match="grammar: the host has no such parameter"):
        body_of(Younger(prompt="x", grammar="g"))
    call = destination(Younger(prompt="x", grammar="g"), unsupported="drop")
    assert completion_body(call, stream=False) == {"model": "m", "prompt": "x"}
    assert [notice.field for notice in call.call.ledger.sealed(good(whole(reply("a")))).warnings] == ["grammar"]


def test_the_introductory_example():
    request = CompleteRequest(
        prompt="Translate the following English text to French: 'OpenAI is amazing.'", max_output_tokens=60
    )
    sent = completion_body(destination(request, model="gpt-4"), stream=False)
    expected = """{
        "model": "gpt-4",
        "prompt": "Translate the following English text to French: 'OpenAI is amazing.'",
        "max_tokens": 60
    }"""
    assert write_json(sent) == write_json(json.loads(expected))
    answer = b"""{
        "id": "cmpl-5kjkF", "object": "text_completion", "created": 1635230400, "model": "gpt-4",
        "choices": [{"text": "OpenAI est incroyable.", "index": 0, "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 8, "completion_tokens": 7, "total_tokens": 15}
    }"""
    found = good(whole(answer, request))
    assert (found.text, found.id, found.created, found.model) == (
        "OpenAI est incroyable.", "cmpl-5kjkF", 1635230400, "gpt-4",
    )  # fmt: skip
    assert (found.usage, found.finish, found.logprobs) == (Usage(8, 7), Finish("stop", "stop"), None)
    assert found.raw == json.loads(answer)


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("", ""),
        (["a"], "a"),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [1, 2]),
        ([[1, 2]], [1, 2]),
        ([[1, 2], [3]], [[1, 2], [3]]),
        (["a", [1]], ["a", [1]]),
    ],
)
def test_prompts(prompt, sent):
    assert body_of(CompleteRequest(prompt=prompt))["prompt"] == sent


def test_a_stream_asks_for_its_usage_where_the_host_can():
    assert body_of(PROMPT, streaming=True) == {
        "model": "m", "prompt": "x", "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    quiet = body_of(PROMPT, streaming=True, profile=Profile(stream_usage=False))
    assert quiet == {"model": "m", "prompt": "x", "stream": True}


def test_an_empty_list_of_stops_says_that_there_is_none():
    assert body_of(CompleteRequest(prompt="x", stop=[])) == body_of(PROMPT)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"options": {"openai": {"stream": True}}}, "options.openai.stream: this is no option"),
        ({"options": {"openai": {"prompt": "y"}}}, "options.openai.prompt: this is set already"),
        ({"n": 1, "options": {"openai": {"n": 2}}}, "options.openai.n: this is set already"),
        ({"n": 1, "extra_body": {"n": 1}}, "extra_body.n: this is set already"),
    ],
)
def test_a_request_that_contradicts_itself(fields, message):
    with pytest.raises(BadRequestError, match=message):
        body_of(CompleteRequest(prompt="x", **fields))


def test_nothing_of_the_callers_is_changed():
    options, bias, extra = {"openai": {"a": {"b": [1]}}}, {"1": 1}, {"c": {"d": 2}}
    request = CompleteRequest(prompt="x", options=options, logit_bias=bias, extra_body=extra)
    for _ in range(2):
        body_of(request, streaming=True)
    assert (options, bias, extra) == ({"openai": {"a": {"b": [1]}}}, {"1": 1}, {"c": {"d": 2}})


def test_a_request_is_read_back():
    body = {
        "model": "m", "prompt": ["a", "b"], "max_tokens": 3, "n": 2, "best_of": 2, "echo": True, "logprobs": 1,
        "suffix": "s", "stop": ["."], "seed": 0, "temperature": 0, "user": "u", "stream": True, "min_p": 0.1,
        "stream_options": {"include_usage": True}, "top_p": None,
    }  # fmt: skip
    request, stream = read_completion_request(body)
    assert stream
    assert request.max_output_tokens == 3
    assert request.options == {"openai": {"min_p": 0.1}}
    assert body_of(request, streaming=True) == {key: value for key, value in body.items() if value is not None}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "prompt: missing"),
        ({"prompt": None}, "prompt: missing"),
        ({"prompt": 5}, "prompt: expected a text, several, or tokens"),
        ({"prompt": "x", "max_tokens": "9"}, "max_tokens: expected a whole number"),
        ({"prompt": "x", "temperature": 3}, "temperature: expected a number from 0 to 2"),
        ({"prompt": "x", "stream": "yes"}, "stream: expected true or false"),
        ({"prompt": "x", "model": 5}, "model: expected"),
    ],
)
def test_a_body_that_is_no_request(body, message):
    with pytest.raises(BadRequestError, match=message):
        read_completion_request(body)


# --- replies ------------------------------------------------------------------------------------------------


def choice(text, finish="stop", index=0, **more):
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish, **more}


def reply(*texts, **more):
    return {
        "id": "c1",
        "created": 5,
        "model": "m",
        "choices": [choice(t, index=i) for i, t in enumerate(texts)],
        **more,
    }


def chunk(text="", finish=None, index=0, **more):
    return {"id": "c1", "created": 5, "model": "m", "choices": [choice(text, finish, index)], **more}


def test_choices_go_by_their_index():
    document = reply()
    document["choices"] = [choice("b", "length", 1), choice("a", "stop", 0), choice("c", "eos", 2)]
    found = good(whole(document))
    assert [(one.index, one.text, one.finish.unified, one.finish.raw) for one in found.choices] == [
        (0, "a", "stop", "stop"), (1, "b", "length", "length"), (2, "c", "stop", "eos"),
    ]  # fmt: skip
    mixed = streamed(
        chunk("a", index=0), chunk("b", index=1), chunk("A", index=0), chunk("B", index=1),
        chunk(finish="length", index=1), chunk(finish="stop", index=0),
    )  # fmt: skip
    assert [one.text for one in good(mixed).choices] == ["aA", "bB"]


def test_what_the_head_says_is_on_the_response():
    headers = {**JSON, "x-request-id": "r1", "x-ratelimit-remaining-requests": "3"}
    for outcome in (whole(reply("a"), headers=headers), streamed(chunk("a", "stop"), headers={**headers, **SSE})):
        assert (good(outcome).request_id, outcome.response.rate_limit) == ("r1", RateLimit(None, 3))


@pytest.mark.parametrize("odd", [{"text": None}, {}])
def test_a_text_that_is_null_is_no_text(odd):
    document = {"choices": [{"index": 0, "finish_reason": "stop", **odd}]}
    for outcome in (whole(document), streamed(document)):
        assert (good(outcome).text, outcome.response.finish.raw) == ("", "stop")


def test_a_choice_in_the_form_of_a_chat():
    message = {"role": "assistant", "content": "a", "tool_calls": None}
    assert good(whole({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})).text == "a"
    chunks = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in ("", "a", "b")]
    chunks.append({"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "length"}]})
    assert good(streamed(*chunks)).text == "ab"


def test_a_whole_reply_without_a_reason_has_none_of_ours_made_up():
    found = good(whole({"choices": [{"text": "a", "log_probs": None}], "model": "palmyra-x4"}))
    assert (found.text, found.finish) == ("a", Finish("other", None))


LEGACY = {
    "tokens": ["a", "bc"],
    "token_logprobs": [None, -0.5],
    "top_logprobs": [None, {"bc": -0.5, "x": -2}],
    "text_offset": [0, 1],
}
READ = (
    TokenLogprob("a", None, offset=0),
    TokenLogprob("bc", -0.5, top=(TokenLogprob("bc", -0.5), TokenLogprob("x", -2)), offset=1),
)


def test_log_probabilities():
    document = {"choices": [{"text": "abc", "index": 0, "finish_reason": "stop", "logprobs": LEGACY}]}
    for outcome in (whole(document), streamed(document)):
        assert good(outcome).logprobs.content == READ
    pieces = [{name: values[at : at + 1] for name, values in LEGACY.items()} for at in range(2)]
    chunks = [{"choices": [choice(text, logprobs=piece)]} for text, piece in zip("ab", pieces, strict=True)]
    for one in chunks[:-1]:
        one["choices"][0]["finish_reason"] = None
    assert good(streamed(*chunks)).logprobs.content == READ


@pytest.mark.parametrize(
    ("logprobs", "tokens"),
    [
        ({"tokens": ["a"]}, (TokenLogprob("a", None),)),
        ({"tokens": ["a"], "token_logprobs": None, "top_logprobs": 5, "text_offset": "x"}, (TokenLogprob("a", None),)),
        ({"tokens": ["a", 5], "token_logprobs": ["x", 1], "text_offset": [1.5]}, (TokenLogprob("a", None),)),
        (
            {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": [[{"token": "b", "logprob": -2}]]},
            (TokenLogprob("a", -1, top=(TokenLogprob("b", -2),)),),
        ),
        (
            {"content": [{"token": "é", "logprob": -1.5, "bytes": [195, 169], "top_logprobs": [{"token": "é"}]}]},
            (TokenLogprob("é", -1.5, "é".encode(), (TokenLogprob("é", None),)),),
        ),
        ({"content": [{"token": "", "bytes": []}]}, (TokenLogprob("", None, b""),)),
        ({"content": [{"token": "a", "bytes": [300]}, {"logprob": 1}, 5]}, (TokenLogprob("a", None),)),
        ({"tokens": []}, None),
        ([], None),
        ("x", None),
    ],
)
def test_log_probabilities_in_other_forms(logprobs, tokens):
    found = good(whole({"choices": [{"text": "a", "index": 0, "finish_reason": "stop", "logprobs": logprobs}]}))
    assert (found.logprobs and found.logprobs.content) == tokens


def test_the_events_of_a_stream():
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    outcome = streamed(chunk("a"), {"choices": [], "x": 1}, chunk("b", "stop"), usage)
    kinds = [type(event) for event in outcome.events]
    assert kinds[:5] == [Start, TextDelta, Unrecognized, TextDelta, Finished]
    assert good(outcome).usage == Usage(1, 2)
    assert len(outcome.response.raw) == 4


def test_what_comes_behind_the_finish_is_kept_and_finishes_nothing_again():
    outcome = streamed(chunk("a", "length"), chunk("", "length"))
    assert [type(event) for event in outcome.events] == [Start, TextDelta, Finished, Unrecognized]
    assert good(outcome).finish.raw == "length"


def test_a_stream_that_ends_early_is_truncated():
    for outcome in (
        streamed(chunk("a")),
        streamed(chunk("a"), done=False),
        streamed(chunk("a", "stop"), chunk("b", index=1)),
    ):
        assert type(outcome.error) is TruncatedStreamError
        assert outcome.response.text == "a"
    assert good(streamed(chunk("a", "stop"), done=False)).text == "a"


ERROR = {"error": {"message": "Down.", "code": 503}}


def test_an_error_inside():
    assert type(whole(ERROR).error) is OverloadedError
    outcome = streamed(chunk("a"), ERROR)
    assert (type(outcome.error), outcome.error.message, outcome.response.text) == (OverloadedError, "Down.", "a")
    inside = {"choices": [{"index": 0, "text": "b", "finish_reason": "error", "error": {"code": 429, "message": "x"}}]}
    assert type(streamed(inside).error) is RateLimitError
    assert streamed(inside).response.text == "b"


def test_a_stream_under_the_head_of_a_document_and_the_other_way_round():
    data = lines(chunk("a", "stop"))
    for streaming in (True, False):
        for padded in (data, b"\r\n" + data, b"\xef\xbb\xbf" + data, b": hello\n\n" + data):
            for head in (JSON, {}, {"content-type": "text/plain"}):
                outcome = Outcome(reading(PROMPT, head, streaming=streaming), single(padded), PROMPT)
                assert good(outcome).text == "a"
        for head in (JSON, SSE, {}):
            document = b"\n  \n" + json.dumps(reply("a")).encode()
            outcome = Outcome(reading(PROMPT, head, streaming=streaming), single(document), PROMPT)
            assert good(outcome).text == "a"


@pytest.mark.parametrize("data", [b"", b"  ", b"<html>", b"da", b"data", b"{", b"5", b"\xef", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("head", [JSON, SSE, {}])
def test_what_is_neither_is_an_error_of_ours(data, streaming, head):
    for chunks in ([data], single(data)):
        outcome = Outcome(reading(PROMPT, head, streaming=streaming), chunks, PROMPT)
        assert isinstance(outcome.error, MalformedReplyError | TruncatedStreamError)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "expected an object, got list"),
        ({}, "the reply has no choices"),
        ({"choices": None}, "the reply has no choices"),
        ({"choices": [5]}, "choices: expected objects, got int"),
        ({"choices": [{"text": 5}]}, "text: expected text, got int"),
        ({"choices": [{"text": "a", "index": "0"}]}, "index: expected a whole number, got str"),
        ({"choices": [{"message": {"content": ["a"]}}]}, "content: expected text, got list"),
    ],
)
def test_a_reply_that_cannot_be_one(document, message):
    error = whole(document).error
    assert type(error) is MalformedReplyError
    assert message in error.message


# --- whatever comes -----------------------------------------------------------------------------------------

texts = st.text(max_size=6)
scalars = st.none() | st.booleans() | st.integers(-2, 5) | st.floats(allow_nan=False) | texts
NAMES = [
    "text",
    "index",
    "logprobs",
    "finish_reason",
    "choices",
    "error",
    "usage",
    "tokens",
    "token_logprobs",
    "message",
]
NAMES += ["top_logprobs", "text_offset", "content", "delta", "token", "logprob", "bytes", "id", "created"]
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=15,
)
choices = st.lists(st.fixed_dictionaries({"text": texts}, optional={"logprobs": anything, "finish_reason": anything}))
documents = anything | st.fixed_dictionaries({"choices": choices | anything}, optional={"usage": anything})


@given(st.lists(documents, max_size=4), st.integers(1, 40))
def test_any_json_gives_events_or_an_error_of_ours_the_same_for_every_cut(payloads, size):
    data = lines(*payloads)
    together = Outcome(reading(PROMPT, SSE, streaming=True), [data], PROMPT)
    assert together.error is None or isinstance(together.error, JackfieldError), together.error
    cut = (data[at : at + size] for at in range(0, len(data), size))
    assert Outcome(reading(PROMPT, SSE, streaming=True), cut, PROMPT).facts() == together.facts()
    for payload in payloads:
        error = whole(payload).error
        assert error is None or isinstance(error, JackfieldError), error


@given(st.lists(st.text(max_size=8), min_size=1, max_size=3), st.data())
def test_a_reply_and_its_stream_come_to_the_same_response(found, data):
    document = reply(*found, usage={"prompt_tokens": 1})
    chunks = []
    for index, text in enumerate(found):
        place = data.draw(st.integers(0, len(text)))
        chunks += [chunk(text[:place], index=index), chunk(text[place:], "stop", index=index)]
    chunks.append({"choices": [], "usage": {"prompt_tokens": 1}})
    assert good(whole(document)) == good(streamed(*chunks))


@given(st.binary(max_size=60))
def test_any_bytes_give_an_error_of_ours(data):
    for head in (JSON, SSE, {}):
        outcome = Outcome(reading(PROMPT, head, streaming=True), [data], PROMPT)
        assert isinstance(outcome.error, JackfieldError)
        cut = Outcome(reading(PROMPT, head, streaming=True), single(data), PROMPT)
        assert cut.facts() == outcome.facts()


def test_the_log_probabilities_come_behind_their_text():
    document = {"choices": [{"text": "abc", "index": 0, "finish_reason": "stop", "logprobs": LEGACY}]}
    assert [type(event) for event in whole(document).events] == [Start, TextDelta, LogprobsDelta, Finished]

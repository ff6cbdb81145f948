"""What cannot be part of a batch is told before a byte is sent, with the number of the request."""

import pytest
from attrs import evolve

import jackfield as jf
from jackfield.errors import BadRequestError, JackfieldError, NotFoundError, UnsupportedError
from jackfield.operations import ChatRequest, EmbedRequest, ModelsRequest
from jackfield_jobs.asking import Polling
from jackfield_openai.testing import FakeOpenAI
from jackfield_testkit import FunctionNetwork

CONFIG = {"default": "openai", "providers": {"openai": {"api_key": "sk-test"}}}
QUICK = Polling(first=0.001, most=0.001)
HELLOS = [ChatRequest(messages=f"Hello {number}", max_output_tokens=20) for number in range(5)]


def made():
    """A client whose every request is ten seconds of the fake's, and the accessor."""
    fake = FakeOpenAI(tick=10.0)
    client = jf.Client(CONFIG, transport=FunctionNetwork(fake))
    return fake, client, client.provider("openai").batches


def wrong(requests, **options):
    fake, client, batches = made()
    with client:
        try:
            batches.create(requests, **options)
        finally:
            assert fake.lines == []


STREAM = {"openai": {"stream": True}}
LONG = "x" * (1024 * 1024)


@pytest.mark.parametrize(
    ("requests", "options", "error", "says"),
    [
        ([], {}, BadRequestError, "requests: there are none"),
        ("Hello", {}, BadRequestError, "requests: expected several requests, got 'Hello'"),
        (HELLOS[0], {}, BadRequestError, "requests: expected several requests, got ChatRequest"),
        (5, {}, BadRequestError, "requests: expected several requests, got 5"),
        ([HELLOS[0], "Hello"], {}, BadRequestError, r"requests\[1\]: expected a request, as ChatRequest"),
        ([*HELLOS, EmbedRequest(input="a")], {}, BadRequestError, r"requests\[5\].operation: the batch is of 'chat'"),
        (
            [HELLOS[0], evolve(HELLOS[0], model="openai:o4-mini")], {}, BadRequestError,
            r"requests\[1\].model: it is 'o4-mini', the batch's is 'gpt-4.1-mini'; make one for each",
        ),
        ([evolve(HELLOS[0], model="fast")], {}, BadRequestError, r"requests\[0\].model: expected 'openai:...' or none"),
        ([HELLOS[0], ChatRequest(messages="x", top_k=5)], {}, UnsupportedError, r"requests\[1\].top_k: the host"),
        ([ChatRequest(messages="x", extra_headers={"a": "b"})], {}, UnsupportedError, r"requests\[0\].extra_headers"),
        ([ModelsRequest()], {}, JackfieldError, r"requests\[0\]"),
        ([ChatRequest(messages="x", options=STREAM)], {}, BadRequestError, r"requests\[0\].options.openai.stream"),
        (HELLOS, {"ids": ["a"]}, BadRequestError, "ids: there are 1, and more requests"),
        (HELLOS, {"ids": list("abcdef")}, BadRequestError, "ids: there are more than the 5 requests"),
        (HELLOS, {"ids": list("abcda")}, BadRequestError, r"ids\[4\]: 'a' is the id of an earlier request"),
        (HELLOS, {"ids": ["a", "", "c", "d", "e"]}, BadRequestError, r"ids\[1\]: expected text, got ''"),
        (HELLOS, {"ids": "abcde"}, BadRequestError, "ids: expected an id for each request, got 'abcde'"),
        (HELLOS, {"window": 24}, BadRequestError, "window: expected a time like '24h', got 24"),
        (HELLOS, {"metadata": {"a": 1}}, BadRequestError, "metadata: expected a dictionary of texts"),
        ((HELLOS[0] for _ in range(50_001)), {}, BadRequestError, "requests: a batch takes 50000 at most"),
        (
            (ChatRequest(messages=LONG) for _ in range(300)), {}, BadRequestError,
            r"with requests\[199\] the batch has more than 209715200 bytes",
        ),
        (
            (EmbedRequest(input=["x"] * 2000) for _ in range(30)), {}, BadRequestError,
            r"requests\[25\].input: with it, the batch has more than 50000 inputs",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_known_before_a_byte_is_sent(requests, options, error, says):
    with pytest.raises(error, match=says):
        wrong(requests, **options)


def test_what_may_be_left_out_is_told_once_with_the_number_of_the_first():
    _, client, batches = made()
    requests = [*HELLOS[:2], *(ChatRequest(messages="x", top_k=5, unsupported="drop") for _ in range(3))]
    with client:
        batch = batches.create(requests)
        (notice,) = (one for one in batch.warnings if one.kind == "unsupported")
        assert notice.field == "requests[2].top_k"
        assert notice.message.endswith("(and of 2 more)")
        done = batches.wait(batch.id, polling=QUICK)
        assert [one.error for one in batches.results(done.id, requests=requests)] == [None] * 5


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda batches: batches.get(""), BadRequestError, "batch: expected the id of a batch, as 'batch_...', got ''"),
        (lambda batches: batches.get(5), BadRequestError, "batch: expected the id of a batch"),
        (lambda batches: batches.get("batch_none"), NotFoundError, "No batch found with id 'batch_none'"),
        (lambda batches: batches.results("batch_none").all(), NotFoundError, "No batch found"),
        (lambda batches: batches.list(limit=0), BadRequestError, "limit: expected a whole number from 1 to 100"),
        (lambda batches: batches.get("batch\ud800"), BadRequestError, "batch: .* has half a character"),
        (lambda batches: batches.results("b", ids="abc"), BadRequestError, "ids: expected an id for each request"),
        (
            lambda batches: batches.results("b", requests=HELLOS, ids=["a"]),
            BadRequestError,
            "there are 1, and 5 requests",
        ),
    ],
)
def test_wrong_questions_are_told_what_would_be_right(call, error, says):
    _, client, batches = made()
    with client, pytest.raises(error, match=says):
        call(batches)


def test_requests_that_go_over_both_apis_are_two_batches():
    with pytest.raises(BadRequestError, match=r"requests\[1\].options: it would be sent to /responses"):
        wrong([HELLOS[0], ChatRequest(messages="Hello", options={"openai": {"api": "responses"}})])

"""Results of a batch that are not what they should be, and many of them."""

import json
import tracemalloc

import pytest

import jackfield as jf
from jackfield.errors import BadRequestError, JackfieldError, MalformedReplyError, NotFoundError, TruncatedStreamError
from jackfield.http import HttpResponse
from jackfield_jobs.batches import UnansweredError
from jackfield_openai.testing import FakeOpenAI, serve
from jackfield_openai.testing.batches import FakeBatch
from jackfield_testkit import FunctionNetwork

CONFIG = {"default": "openai", "providers": {"openai": {"api_key": "sk-test"}}}


def at(url):
    return {"default": "openai", "providers": {"openai": {"api_key": "sk-test", "base_url": url}}}


def told(lines, **info):
    """A batch that is over, whose results are these lines."""
    fake = FakeOpenAI()
    content = lines if isinstance(lines, bytes) else b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    output = fake.files.add("out.jsonl", content, "batch_output").id
    batch = {
        "id": "batch_1",
        "status": "completed",
        "endpoint": "/v1/chat/completions",
        "output_file_id": output,
        **info,
    }

    def service(request):
        if request.path == "/v1/batches/batch_1":
            return HttpResponse(200, {"content-type": "application/json"}, json.dumps(batch).encode())
        return fake(request)

    client = jf.Client(CONFIG, transport=FunctionNetwork(service))
    return client.provider("openai").batches, fake


def line(name, **more):
    body = {"id": "c", "model": "m", "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}
    reply = {"status_code": 200, "request_id": "r", "body": body}
    return {"id": "x", "custom_id": name, "response": reply, "error": None, **more}


def test_an_id_that_comes_twice_is_an_error():
    batches, _ = told([line("a"), line("b"), line("a")])
    found = []
    with pytest.raises(MalformedReplyError, match="batch batch_1 has two results of 'a'"):
        found.extend(batches.results("batch_1"))


def test_results_that_are_missing_are_noticed():
    batches, _ = told([line("a")], request_counts={"total": 3, "completed": 2, "failed": 0})
    with pytest.raises(TruncatedStreamError, match="batch batch_1 tells of 2 results, and 1 came"):
        batches.results("batch_1").all()
    batches, _ = told([line("a")], request_counts={"total": 2, "completed": 1, "failed": 0})
    results = batches.results("batch_1", ids=["z", "a"], ordered=True).all()
    assert [one.custom_id for one in results] == ["z", "a"]
    assert type(results[0].error) is UnansweredError
    with pytest.raises(BadRequestError, match="ids: batch batch_1 has a result of 'a', which is none of them"):
        batches.results("batch_1", ids=["z"]).all()


def test_an_order_that_is_not_known_is_an_error():
    batches, _ = told([line("b"), line("a")])
    with pytest.raises(BadRequestError, match="ordered: the batch has results like 'b'; their order is not known"):
        batches.results("batch_1", ordered=True).all()
    assert [one.custom_id for one in batches.results("batch_1", ordered=True, ids=["a", "b"])] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"nonsense\n", MalformedReplyError, "line 1 of the reply: the line is not JSON"),
        (b'{"custom_id": "a"', TruncatedStreamError, "the reply ended inside line 1"),
        (b'{"a": 1}\n', MalformedReplyError, "custom_id: expected text in a line of results"),
        (b"[]\n", MalformedReplyError, "custom_id: expected text in a line of results"),
    ],
)
def test_results_that_cannot_be_read(content, error, says):
    batches, _ = told(content)
    with pytest.raises(error, match=says):
        batches.results("batch_1").all()


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"response": None, "error": {"code": "batch_expired", "message": "late"}}, UnansweredError, "late"),
        ({"response": None, "error": None}, UnansweredError, "neither a response nor an error"),
        ({"response": None, "error": {"code": "invalid_api_key", "message": "no"}}, JackfieldError, "no"),
        ({"response": {"status_code": 404, "body": {"error": {"message": "gone"}}}}, NotFoundError, "gone"),
        ({"response": {"status_code": 200, "body": None}}, JackfieldError, ""),
        ({"response": {"status_code": 200, "body": "x"}}, MalformedReplyError, ""),
        ({"response": {"status_code": "200"}}, JackfieldError, ""),
    ],
)
def test_each_line_has_an_outcome_of_its_own(more, error, says):
    batches, _ = told([line("a"), line("b", **more), line("c")])
    first, second, third = batches.results("batch_1")
    assert (first.response.text, third.response.text) == ("Hi", "Hi")
    assert isinstance(second.error, error)
    assert says in second.error.message


def test_blank_lines_a_mark_at_the_beginning_and_no_last_line_end_are_nothing():
    lines = b"\xef\xbb\xbf" + json.dumps(line("a")).encode() + b"\r\n\r\n" + json.dumps(line("b")).encode()
    batches, _ = told(lines)
    assert [one.custom_id for one in batches.results("batch_1")] == ["a", "b"]


def test_a_batch_without_results_has_none():
    batches, _ = told([], output_file_id=None)
    assert batches.results("batch_1").all() == []


def test_a_connection_that_breaks_is_no_end():
    batches, fake = told([line("a"), line("b")])
    fake.fail("GET /files/*/content", cut=300)
    with pytest.raises(TruncatedStreamError):
        batches.results("batch_1").all()


def test_many_results_take_no_more_memory_than_few():
    def peak(count):
        fake = FakeOpenAI()
        lines = b"".join(json.dumps(line(f"r{number}", filler="x" * 4000)).encode() + b"\n" for number in range(count))
        output = fake.files.add("out.jsonl", lines, "batch_output").id
        body = {"endpoint": "/v1/chat/completions", "input_file_id": "f", "completion_window": "24h"}
        fake.batches.kept["b"] = FakeBatch(
            "b", body, fake.now, "completed", total=count, completed=count, output=output
        )
        with serve(fake) as url, jf.Client(at(url)) as client:
            tracemalloc.start()
            try:
                results = client.provider("openai").batches.results("b")
                assert sum(one.error is None for one in results) == count
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    peak(10)
    assert peak(1600) < peak(200) * 1.5 + 1_000_000  # the ids are kept


@pytest.mark.parametrize("ordered", [False, True])
def test_what_was_answered_and_is_missing_is_never_called_unanswered(ordered):
    batches, _ = told([line("a")], request_counts={"total": 3, "completed": 2, "failed": 0})
    with pytest.raises(TruncatedStreamError, match="tells of 2 results, and 1 came"):
        batches.results("batch_1", ids=["a", "b", "c"], ordered=ordered).all()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"ids": ["a", "b", "a"]}, "ids: 'a' is there twice"),
        ({"ids": ["a", 2]}, r"ids\[1\]: expected text, got 2"),
        ({"ids": "ab"}, "ids: expected an id for each request, got 'ab'"),
        ({"ids": 5}, "ids: expected an id for each request, got 5"),
        ({"requests": "ab"}, "requests: expected several requests, got 'ab'"),
        ({"requests": jf.ChatRequest(messages="x")}, "requests: expected several requests, got ChatRequest"),
        ({"requests": [{"messages": "x"}]}, r"requests\[0\]: expected a request, got {'messages': 'x'}"),
    ],
)
def test_what_is_known_of_the_requests_is_checked(given, says):
    batches, _ = told([line("a")])
    with pytest.raises(BadRequestError, match=says):
        batches.results("batch_1", **given)

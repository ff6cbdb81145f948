"""Recorded fine-tuning jobs and batches, and the examples of the description: nothing is lost, every end has a type."""

import collections
import gzip
import json
import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from any_chats import faults, validator
from exchanges import any_call, decoder
from hypothesis import given, strategies as st
from wire_folder import beside

from jackfield import Secret
from jackfield.errors import BadRequestError, JackfieldError, MalformedReplyError, NotFoundError, RateLimitError
from jackfield.http import HttpResponse
from jackfield_jobs.batches import BatchCancelRequest, BatchCreateRequest, BatchesRequest, BatchRequest
from jackfield_openai import OpenAIProvider, OpenAISettings
from jackfield_openai.fine_tuning import (
    CheckpointsRequest,
    FineTuneRequest,
    FineTuningChangeRequest,
    FineTuningEventsRequest,
    FineTuningJobRequest,
    FineTuningJobsRequest,
)
from jackfield_openai.fine_tuning_beside import (
    GraderCheckRequest,
    GraderRunRequest,
    PermissionsRequest,
    PermitRequest,
    RevokeRequest,
)
from jackfield_openai.fine_tuning_wire import read_job

PROVIDER = OpenAIProvider("openai", OpenAISettings(Secret("sk-1")))
JOBS = re.compile(r"/(fine_tuning|fine-tunes|batches)\b")


def request_of(method, endpoint, path, query="", body=None):
    """The request of ours that a row is of; None for what we have no word for, and for the older API."""
    pages = {name: int(value) if name == "limit" else value for name, value in parse_qsl(query or "")}
    parts = [part for part in urlsplit(path).path.removeprefix("/v1").split("/") if part]
    match (method, endpoint):
        case ("POST", "/fine_tuning/jobs"):
            return FineTuneRequest(**body)
        case ("GET", "/fine_tuning/jobs"):
            return FineTuningJobsRequest(**pages)
        case ("GET", "/fine_tuning/jobs/{id}" | "/fine_tuning/jobs/events"):
            return FineTuningJobRequest(job=parts[2])
        case ("GET", "/fine_tuning/jobs/{id}/events"):
            return FineTuningEventsRequest(job=parts[2], **pages)
        case ("GET", "/fine_tuning/jobs/{id}/checkpoints"):
            return CheckpointsRequest(job=parts[2], **pages)
        case ("POST", _) if endpoint.startswith("/fine_tuning/jobs/{id}/"):
            return FineTuningChangeRequest(job=parts[2], change=parts[3])
        case ("POST", "/fine_tuning/alpha/graders/run"):
            given = {"answer" if name == "model_sample" else name: value for name, value in body.items()}
            return GraderRunRequest(**given)
        case ("POST", "/fine_tuning/alpha/graders/validate"):
            return GraderCheckRequest(**body)
        case ("GET", "/fine_tuning/checkpoints/{id}/permissions"):
            return PermissionsRequest(checkpoint=parts[2], **pages)
        case ("POST", "/fine_tuning/checkpoints/{id}/permissions"):
            return PermitRequest(checkpoint=parts[2], projects=body["project_ids"])
        case ("DELETE", "/fine_tuning/checkpoints/{id}/permissions/{id}"):
            return RevokeRequest(checkpoint=parts[2], permission=parts[4])
        case ("POST", "/batches"):
            names = {"input_file_id": "file", "completion_window": "window"}
            return BatchCreateRequest(**{names.get(name, name): value for name, value in body.items()})
        case ("GET", "/batches"):
            return BatchesRequest(**pages)
        case ("GET", "/batches/{id}"):
            return BatchRequest(batch=parts[1])
        case ("POST", "/batches/{id}/cancel"):
            return BatchCancelRequest(batch=parts[1])
    return None


def asked(request):
    """What is sent: method, path, and the body."""
    exchange = PROVIDER.open(any_call(request, model=request.model or ""))
    sent = next(exchange)
    exchange.close()
    return sent.method, sent.path, json.loads(sent.body) if sent.body else None


def answered(request, payload, status=200):
    """The response that a payload comes to."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    if status >= 300:
        raise PROVIDER.error(HttpResponse(status, {}, data))
    reading = decoder(PROVIDER, any_call(request, model=request.model or ""), {"content-type": "application/json"})
    fold = request.operation.fold(request)
    for event in (*reading.feed(data), *reading.end()):
        fold.add(event)
    assert fold.missing() is None
    return fold.response()


@pytest.fixture(scope="module")
def rows():
    with gzip.open(beside("recordings.jsonl.gz"), "rt", encoding="utf-8") as file:
        found = [row for row in map(json.loads, file) if JOBS.match(row["endpoint"])]
    print(dict(collections.Counter(f"{row['method']} {row['endpoint']} {row['status']}" for row in found)))
    assert len(found) > 45
    return found


def row_request(row):
    return request_of(row["method"], row["endpoint"], row["url_path"], row["query"], row["request_body"])


def check_job(job, item):
    assert (job.id, job.status, job.model, job.raw) == (item["id"], item["status"], item["model"], item)
    assert job.created == item["created_at"]
    assert job.finished == item.get("finished_at")
    assert job.fine_tuned_model == item["fine_tuned_model"]
    assert job.hyperparameters == (item.get("hyperparameters") or item.get("hyperparams") or {})
    assert job.suffix == item.get("user_provided_suffix")
    if "training_file" in item:
        assert job.training_file == item["training_file"]
        assert job.validation_file == item["validation_file"]
    said = {name: value for name, value in (item.get("error") or {}).items() if value is not None}
    assert (job.error is None) == (not said)
    assert job.over == (item["status"] in ("succeeded", "failed", "cancelled"))


def test_every_recorded_answer_about_fine_tuning_is_read(rows):
    seen = collections.Counter()
    for row in rows:
        if row["endpoint"].startswith("/fine-tunes") or row["endpoint"].startswith("/batches"):
            continue
        request, plain = row_request(row), json.loads(row["response_body"])
        assert request is not None, row["endpoint"]
        method, path, body = asked(request)
        plain_path = urlsplit(row["url_path"]).path.removeprefix("/v1").replace("//", "/")
        assert (method, path.partition("?")[0]) == (row["method"], plain_path)
        assert parse_qsl(path.partition("?")[2]) == parse_qsl(row["query"] or "")
        if row["request_body"]:
            assert body == row["request_body"] or "hyperparameters" in row["request_body"]
        try:
            response = answered(request, row["response_body"].encode(), row["status"])
        except JackfieldError as error:
            assert row["status"] >= 400
            assert (error.message, error.status) == (plain["error"]["message"], row["status"])
            seen[type(error)] += 1
            continue
        seen[type(request)] += 1
        assert response.raw == plain
        if isinstance(request, FineTuningJobsRequest):
            for job, item in zip(response.items, plain["data"], strict=True):
                check_job(job, item)
            assert response.next == (plain["data"][-1]["id"] if plain["has_more"] else None)
        elif isinstance(request, FineTuningEventsRequest):
            for event, item in zip(response.items, plain["data"], strict=True):
                told = (event.id, event.message, event.level, event.type, event.created, event.data or None)
                expected = (item["id"], item["message"], item["level"], item["type"], item["created_at"])
                assert told == (*expected, item["data"] or None)
            assert response.next == (plain["data"][-1]["id"] if plain["has_more"] else None)
        else:
            check_job(response.job, plain)
            assert (response.id, response.created) == (plain["id"], plain["created_at"])
    assert seen.keys() >= {NotFoundError, RateLimitError, BadRequestError, FineTuneRequest, FineTuningJobsRequest}
    assert seen.keys() >= {FineTuningEventsRequest, FineTuningChangeRequest, FineTuningJobRequest}


def test_jobs_of_the_older_api_are_read_as_jobs(rows):
    seen = collections.Counter()
    for row in rows:
        if not row["endpoint"].startswith("/fine-tunes"):
            continue
        plain = json.loads(row["response_body"])
        if row["status"] >= 400:
            error = PROVIDER.error(HttpResponse(row["status"], {}, row["response_body"].encode()))
            assert (type(error), error.message) == (BadRequestError, plain["error"]["message"])
            seen["error"] += 1
            continue
        job = read_job(plain)
        check_job(job, plain)
        assert job.training_file == plain["training_files"][0]["id"]
        assert answered(FineTuningJobRequest(job=plain["id"]), plain).job == job
        seen["job"] += 1
    assert seen["job"] > 15
    assert seen["error"] > 0


def test_every_example_about_fine_tuning_is_read():
    seen = set()
    for example in json.loads(beside("openai", "examples", "fine_tuning.json").read_text(encoding="utf-8")):
        plain = example["response"]
        path = re.sub(r"\{\w+\}", "ftjob-1", example["path"])
        endpoint = re.sub(r"\{\w+\}", "{id}", example["path"])
        body = (example["request"] or {}).get("json") or {"model": "m", "training_file": "file-1"}
        request = request_of(example["method"], endpoint, path, body=body)
        if request is None or not isinstance(plain, dict):
            continue
        seen.add(example["operation"])
        response = answered(request, plain)
        assert response.raw == plain
        if (example["request"] or {}).get("json"):
            assert asked(request)[2] == example["request"]["json"]
        if isinstance(request, GraderRunRequest):
            assert (response.reward, response.errors) == (plain["reward"], ())
            continue
        if isinstance(request, GraderCheckRequest | RevokeRequest):
            told = response.grader if isinstance(request, GraderCheckRequest) else response.deleted
            assert told == plain.get("grader", True)
            continue
        items = [item for item in plain["data"] if item] if "data" in plain else [plain]
        found = getattr(response, "items", None)
        for one, item in zip(found if found is not None else [response.job], items, strict=True):
            assert (one.id, one.raw, one.created) == (item["id"], item, item["created_at"])
        if isinstance(request, CheckpointsRequest):
            assert [(one.step, one.metrics) for one in found] == [
                (item["step_number"], item["metrics"]) for item in items
            ]
            assert response.next == plain["last_id"]
    assert len(seen) == 13


def check_batch(batch, item):
    assert (batch.id, batch.status, batch.endpoint, batch.raw) == (item["id"], item["status"], item["endpoint"], item)
    counts = item["request_counts"]
    assert (batch.total, batch.completed, batch.failed) == (counts["total"], counts["completed"], counts["failed"])
    assert batch.model == item.get("model")
    assert (batch.created, batch.expires) == (item["created_at"], item["expires_at"])
    ends = [item.get(f"{name}_at") for name in ("completed", "failed", "expired", "cancelled")]
    assert batch.ended == next(filter(None, ends), None)
    assert batch.parts == tuple(filter(None, (item["output_file_id"], item["error_file_id"])))
    assert batch.metadata == (item["metadata"] or {})
    if "usage" in item:
        told = (batch.usage.input_tokens, batch.usage.output_tokens, batch.usage.cached_tokens)
        used = item["usage"]
        assert told == (used["input_tokens"], used["output_tokens"], used["input_tokens_details"]["cached_tokens"])


def test_every_recorded_answer_about_batches_is_read(rows):
    seen = collections.Counter()
    for row in rows:
        if not row["endpoint"].startswith("/batches"):
            continue
        request, plain = row_request(row), json.loads(row["response_body"])
        method, path, body = asked(request)
        assert f"/v1{path}".startswith(row["url_path"]) if "?" in path else f"/v1{path}" == row["url_path"]
        assert (method, parse_qsl(path.partition("?")[2])) == (row["method"], parse_qsl(row["query"] or ""))
        assert body == row["request_body"]
        response = answered(request, row["response_body"].encode(), row["status"])
        seen[type(request)] += 1
        if isinstance(request, BatchesRequest):
            for batch, item in zip(response.items, plain["data"], strict=True):
                check_batch(batch, item)
            assert response.next == (plain["last_id"] if plain["has_more"] else None)
        else:
            check_batch(response.batch, plain)
    assert seen.keys() == {BatchCancelRequest, BatchCreateRequest, BatchesRequest, BatchRequest}


def test_every_example_about_batches_is_read():
    seen = set()
    for example in json.loads(beside("openai", "examples", "batches.json").read_text(encoding="utf-8")):
        plain, body = example["response"], example["request"].get("json")
        path = example["path"].replace("{batch_id}", "batch_1")
        request = request_of(example["method"], example["path"].replace("{batch_id}", "{id}"), path, body=body)
        seen.add(example["operation"])
        response = answered(request, plain)
        for batch, item in zip(
            response.items if "data" in plain else [response.batch],
            [item for item in plain["data"] if item] if "data" in plain else [plain],
            strict=True,
        ):
            check_batch(batch, item)
        if body:
            assert asked(request)[2] == body
        if "data" in plain:
            assert response.next == plain["last_id"]
    assert len(seen) == 4


words = st.text(min_size=1, max_size=8)


@given(
    st.sampled_from(["/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/completions"]),
    st.fixed_dictionaries({}, optional={"metadata": st.dictionaries(words, words), "window": st.just("24h")}),
)
def test_every_body_of_a_batch_fits_the_description(endpoint, fields):
    expiry = {"output_expires_after": {"anchor": "created_at", "seconds": 3600}}
    request = BatchCreateRequest(endpoint=endpoint, file="file-1", options={"openai": expiry}, **fields)
    body = asked(request)[2]
    assert [*faults(validator("openai", "CreateBatchRequest").iter_errors(body))] == []
    assert body["output_expires_after"] == expiry["output_expires_after"]


def test_a_field_of_any_kind_leaves_the_rest_of_a_batch():
    names = ("endpoint", "errors", "request_counts", "metadata", "usage", "output_file_id", "created_at", "model")
    for value in (5, "x", [1], {"data": [1, {"line": "x"}]}, True, 10**400, None, {"total": -1, "input_tokens": "x"}):
        batch = answered(
            BatchRequest(batch="b"), {"id": "b", "status": "dreaming", **dict.fromkeys(names, value)}
        ).batch
        assert (batch.id, batch.status, batch.over, batch.total) == ("b", "dreaming", False, 0)


@pytest.mark.parametrize("payload", [{}, [], {"data": None}, {"data": {}}, {"id": 5, "status": "x"}, 5, None, "x"])
@pytest.mark.parametrize(
    "request_",
    [FineTuningJobRequest(job="j"), FineTuningJobsRequest(), CheckpointsRequest(job="j"), BatchRequest(batch="b")],
)
def test_what_is_no_answer_is_a_malformed_reply(request_, payload):
    with pytest.raises(MalformedReplyError, match="expected a"):
        answered(request_, payload)


def test_a_field_of_any_kind_leaves_the_rest_of_a_job():
    odd = {"id": "ftjob-1", "status": "dreaming"}
    names = ("model", "error", "result_files", "metadata", "hyperparameters", "integrations", "created_at", "seed")
    for value in (5, "x", [1], {"a": [None]}, True, 10**400, None):
        job = answered(FineTuningJobRequest(job="ftjob-1"), {**odd, **dict.fromkeys(names, value)}).job
        assert (job.id, job.status, job.over) == ("ftjob-1", "dreaming", False)


def test_a_page_that_says_that_there_is_more_and_has_nothing_is_the_last():
    assert answered(FineTuningJobsRequest(), {"data": [], "has_more": True}).next is None

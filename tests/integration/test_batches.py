"""Batches and fine-tuning through a chain of middleware, and a service that fails now and then."""

import json

import pytest

import jackfield as jf
from jackfield.errors import ServerError
from jackfield_jobs.asking import Polling
from jackfield_openai.testing import FakeOpenAI
from jackfield_testkit import FunctionNetwork

pytest.importorskip("jackfield_cache")
pytest.importorskip("jackfield_logging")
pytest.importorskip("jackfield_retry")

QUICK = Polling(first=0.001, most=0.001)


def client_of(fake, tmp_path):
    logging = {"use": "logging", "sinks": [{"kind": "jsonl", "path": str(tmp_path / "log.jsonl")}], "content": True}
    return jf.Client(
        {
            "default": "openai",
            "providers": {"openai": {"api_key": "sk-test"}},
            "middleware": [logging, {"use": "cache"}, {"use": "retry"}],
        },
        transport=FunctionNetwork(fake),
    )


def test_a_batch_through_logs_a_cache_and_retries(tmp_path):
    fake = FakeOpenAI(tick=3.0)
    fake.fail("GET /batches/*", status=503, times=2)
    fake.fail("GET /files/*/content", status=500)
    states = []
    with client_of(fake, tmp_path) as client:
        batches = client.provider("openai").batches
        batch = batches.create(jf.ChatRequest(messages=f"Hello {number}") for number in range(4))
        done = batches.wait(batch.id, polling=QUICK, progress=lambda one: states.append(one.status))
        found = batches.results(batch.id, ordered=True).all()
    assert [one.response.text for one in found] == [f"You said: Hello {number}" for number in range(4)]
    assert (done.completed, states[-1]) == (4, "completed")
    assert len(dict.fromkeys(states)) > 1  # no cache has kept what does not stand still


def test_a_batch_is_begun_once(tmp_path):
    fake = FakeOpenAI(tick=10.0)
    fake.fail("POST /batches", lost="reply")
    with client_of(fake, tmp_path) as client:
        batches = client.provider("openai").batches
        with pytest.raises(jf.JackfieldError):
            batches.create([jf.ChatRequest(messages="Hello")])
        assert len(batches.list().all()) == 1


def test_requests_that_fail_to_come_are_read_once(tmp_path):
    begun = []

    def requests():
        begun.append(True)
        yield jf.ChatRequest(messages="Hello")
        raise ServerError("the database is down", status=503)

    with client_of(fake := FakeOpenAI(), tmp_path) as client:
        with pytest.raises(ServerError, match="the database is down"):
            client.provider("openai").batches.create(requests())
    assert (begun, fake.lines) == ([True], [])


def test_a_job_through_logs_a_cache_and_retries(tmp_path):
    fake = FakeOpenAI(tick=40.0)
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    data = tmp_path / "train.jsonl"
    data.write_text(f"{json.dumps({'messages': turns})}\n" * 12, encoding="utf-8")
    fake.fail("GET /fine_tuning/jobs/*/events", status=500)
    with client_of(fake, tmp_path) as client:
        tuning = client.provider("openai").fine_tuning
        seen = []
        job = tuning.wait(tuning.create(data, model="o4-mini").id, polling=QUICK, on_event=seen.append)
    assert job.status == "succeeded"
    assert len({event.id for event in seen}) == len(seen) == 9

"""Batches from requests to results, against a fake with state: in every colour, in virtual time, and going wrong."""

import json

import anyio
import pytest
from accounts import in_colour
from any_chats import requests as any_requests
from attrs import evolve, frozen
from exchanges import any_call
from exhaustive import examples
from faces import COLOURS
from hypothesis import HealthCheck, given, settings

import jackfield as jf
from jackfield.errors import (
    BadRequestError,
    DeadlineError,
    JackfieldError,
    MalformedReplyError,
    RateLimitError,
    ServerError,
    TruncatedStreamError,
)
from jackfield.http import HttpRequest, HttpResponse
from jackfield.operations import ChatRequest, CompleteRequest, EmbedRequest
from jackfield.types import Tool
from jackfield_jobs.asking import Polling
from jackfield_jobs.batches import BatchCreateRequest, BatchFailedError, BatchWriteRequest, UnansweredError
from jackfield_jobs.moderations import ModerateRequest
from jackfield_openai import OpenAIProvider, OpenAISettings
from jackfield_openai.testing import FakeOpenAI
from jackfield_openai.testing.answers import answered
from jackfield_testkit import FunctionNetwork, Simulation

CONFIG = {"default": "openai", "providers": {"openai": {"api_key": "sk-test"}}}
QUICK = Polling(first=0.001, most=0.001)
HELLOS = [ChatRequest(messages=f"Hello {number}", max_output_tokens=20) for number in range(5)]


@frozen
class Said:
    said: str


def made(fake=None, **config):
    """A client whose every request is ten seconds of the fake's, and the accessor."""
    fake = FakeOpenAI(tick=10.0) if fake is None else fake
    client = jf.Client({**CONFIG, **config}, transport=FunctionNetwork(fake))
    return fake, client, client.provider("openai").batches


def through(requests, fake=None, **options):
    """The results of a whole batch, by their ids, and the batch."""
    fake, client, batches = made(fake)
    with client:
        batch = batches.wait(batches.create(requests, **options).id, polling=QUICK)
        return {one.custom_id: one for one in batches.results(batch.id)}, batch, fake


# --- whole lives


@pytest.mark.parametrize("colour", COLOURS)
def test_a_batch_in_every_colour(colour):
    fake, sent, states = FakeOpenAI(tick=3.0), [], []
    fake.batches.refuses["Hello 3"] = (429, "rate_limit_exceeded", "Slow down.")

    async def body(batches, settled, every):
        batch = await settled(batches.create(HELLOS, metadata={"a": "b"}, progress=lambda *told: sent.append(told)))
        assert (batch.status, batch.operation, batch.metadata) == ("validating", "chat", {"a": "b"})
        done = await settled(batches.wait(batch.id, polling=QUICK, progress=lambda one: states.append(one.status)))
        assert (done.total, done.completed, done.failed, done.status) == (5, 4, 1, "completed")
        assert (await settled(batches.get(batch.id))) == done
        assert await every(batches.list()) == [done]
        results = await every(batches.results(batch.id))
        assert [one.custom_id for one in await every(batches.results(batch.id, ordered=True))] == [
            f"request-{number}" for number in range(5)
        ]
        return results

    results = {
        one.custom_id: one for one in in_colour(colour, "batches", body, CONFIG, transport=FunctionNetwork(fake))
    }
    assert [results[f"request-{number}"].response.text for number in (0, 1, 2, 4)] == [
        f"You said: Hello {number}" for number in (0, 1, 2, 4)
    ]
    error = results["request-3"].error
    assert (error.provider, error.model, error.operation) == ("openai", None, "chat")
    assert (type(error), error.code, error.message, error.status) == (
        RateLimitError, "rate_limit_exceeded", "Slow down.", 429,
    )  # fmt: skip
    with pytest.raises(RateLimitError):
        results["request-3"].get()
    assert sent[-1][0] == sent[-1][1] > 0
    assert states[0] in ("validating", "in_progress")
    assert states[-1] == "completed"


def test_a_batch_that_takes_hours_in_virtual_time():
    simulation = Simulation(lambda request: fake(request))
    fake = FakeOpenAI(clock=lambda: 1.7e9 + simulation.now)
    fake.batches.each = 3600.0
    client = simulation.client(CONFIG)

    async def main():
        batches = client.provider("openai").batches
        batch = await batches.create(HELLOS)
        done = await batches.wait(batch.id)
        return done, [one.custom_id async for one in batches.results(done.id, ordered=True)]

    done, names = simulation.run(main())
    assert (done.status, names) == ("completed", [f"request-{number}" for number in range(5)])
    assert 5 * 3600 < simulation.now < 5 * 3600 + 200


def test_a_wait_that_was_given_up_goes_on_by_the_id_alone_after_a_restart():
    fake, client, batches = made(FakeOpenAI(tick=1.0))
    fake.batches.each = 60.0
    with client:
        batch = batches.create(HELLOS)
        with pytest.raises(DeadlineError, match="it goes on, and can be waited for again"):
            batches.wait(batch.id, polling=QUICK, timeout=0.005)
    again = FakeOpenAI.load(json.loads(json.dumps(fake.dump())), tick=100.0)
    _, client, batches = made(again)
    with client:
        assert batches.wait(batch.id, polling=QUICK).status == "completed"
        assert len(batches.results(batch.id).all()) == 5


def test_a_batch_that_expires_has_what_was_answered():
    fake = FakeOpenAI(tick=40_000.0)
    fake.batches.each = 30_000.0
    results, batch, _ = through(HELLOS, fake)
    assert (batch.status, batch.completed, batch.failed, batch.over) == ("expired", 2, 0, True)
    assert [results[f"request-{number}"].response.text for number in range(2)] == [
        "You said: Hello 0", "You said: Hello 1",
    ]  # fmt: skip
    for number in (2, 3, 4):
        error = results[f"request-{number}"].error
        assert (type(error), error.code, error.retryable) == (UnansweredError, "batch_expired", True)


def test_a_batch_that_is_cancelled_has_what_was_answered():
    fake, client, batches = made(FakeOpenAI())
    with client:
        batch = batches.create(HELLOS)
        fake.advance(7.5)
        assert batches.cancel(batch.id).status == "cancelling"
        fake.advance(60)
        assert batches.wait(batch.id).status == "cancelled"
        results = batches.results(batch.id, ordered=True).all()
        with pytest.raises(JackfieldError, match="Cannot cancel a batch with status 'cancelled'"):
            batches.cancel(batch.id)
    assert [one.error is None for one in results] == [True, True, False, False, False]
    assert {one.error.code for one in results if one.error} == {"batch_cancelled"}


def test_a_batch_that_fails_says_why():
    fake, client, batches = made()
    line = json.dumps({"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m"}})
    content = f"{line}\nnonsense\n{line}\n".encode()
    named = fake.files.add("wrong.jsonl", content, "batch").id
    with client:
        request = BatchCreateRequest(model="openai", endpoint="/v1/chat/completions", file=named)
        batch = client.call(request).batch
        with pytest.raises(BatchFailedError, match=r"not parseable as valid JSON. \(line 2\), and 1 more") as caught:
            batches.wait(batch.id, polling=QUICK)
        assert (caught.value.code, caught.value.batch.problems[1].code) == ("invalid_json_line", "duplicate_custom_id")
        assert batches.wait(batch.id, check=False).status == "failed"
        with pytest.raises(BatchFailedError):
            batches.results(batch.id).all()


def test_results_before_the_end_are_an_error_that_says_so():
    _, client, batches = made(FakeOpenAI())
    with client:
        batch = batches.create(HELLOS)
        with pytest.raises(BadRequestError, match="is validating, and has no results yet: wait for it first"):
            batches.results(batch.id).all()


# --- what a direct call gives


def direct(request):
    """What a direct call sends, and what it gives, where the fake's answer to a batch is the reply."""
    sent = []

    def service(asked: HttpRequest):
        sent.append((asked.path, json.loads(asked.body)))
        status, body = answered(asked.path, sent[-1][1])
        return HttpResponse(status, {"content-type": "application/json"}, json.dumps(body).encode())

    with jf.Client(CONFIG, transport=FunctionNetwork(service)) as client:
        return client.call(request), sent[0]


TOOL = Tool("weather", "The weather", {"type": "object", "properties": {}})
REQUESTS = {
    "chat": ChatRequest(messages="Hello", temperature=0.5, max_output_tokens=9, metadata={"a": "b"}),
    "tools": ChatRequest(messages="Hello", tools=[TOOL]),
    "json": ChatRequest(messages="Hello", response_format={"type": "object"}),
    "extra": ChatRequest(
        messages="Hello", extra_body={"new": 1}, options={"openai": {"store": True}, "other": {"a": 1}}
    ),
    "reasoning": ChatRequest(model="openai:o4-mini", messages="Hello", reasoning_effort="low"),
    "embed": EmbedRequest(input=["a", "b"], dimensions=3),
    "one": EmbedRequest(input="a"),
    "responses": ChatRequest(messages="Hello", options={"openai": {"api": "responses"}}),
    "moderate": ModerateRequest(input=["peace", "kill them"]),
    "complete": CompleteRequest(prompt="Once", max_output_tokens=5),
}


@pytest.mark.parametrize("again", [True, False], ids=["given-again", "unknown"])
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_batch_sends_and_gives_what_a_direct_call_does(request_, again):
    response, (path, body) = direct(request_)
    fake, client, batches = made()
    with client:
        batch = batches.wait(batches.create([request_]).id, polling=QUICK)
        (file,) = (file for file in fake.files.kept.values() if file.purpose == "batch")
        line = json.loads(file.content)
        assert line == {"custom_id": "request-0", "method": "POST", "url": path, "body": body}
        (result,) = batches.results(batch.id, requests=[request_] if again else None)
    assert result.error is None
    assert type(result.response) is type(response)
    assert result.response.request_id.startswith("req_batch_")
    assert evolve(result.response, request_id=None, warnings=response.warnings) == response
    assert result.response.raw == response.raw


def test_an_instance_of_the_newer_api_batches_over_it_and_any_instance_reads_it():
    fake = FakeOpenAI(tick=10.0)
    with jf.Client(
        {"default": "openai", "providers": {"openai": {"api_key": "sk-test", "api": "responses"}}},
        transport=FunctionNetwork(fake),
    ) as client:
        batches = client.provider("openai").batches
        batch = batches.wait(batches.create(HELLOS).id, polling=QUICK)
    assert (batch.endpoint, batch.operation) == ("/v1/responses", "chat")
    _, client, batches = made(fake)
    with client:
        for requests in (None, HELLOS):
            (first, *_) = batches.results(batch.id, requests=requests, ordered=True)
            assert (first.response.text, first.response.finish.unified) == ("You said: Hello 0", "stop")


def test_an_answer_is_parsed_as_the_type_that_was_asked_for():
    request = ChatRequest(messages="Hello", response_format=Said)
    _, client, batches = made()
    with client:
        batch = batches.wait(batches.create([request]).id, polling=QUICK)
        (known,) = batches.results(batch.id, requests=[request])
        (unknown,) = batches.results(batch.id)
    assert known.response.parsed == Said("Hello")
    assert unknown.response.parsed == {"said": "Hello"}


def test_a_reply_that_breaks_a_promise_is_the_error_that_a_direct_call_raises():
    fake = FakeOpenAI(tick=10.0)
    fake.batches.answer_with = lambda *_: (200, {"id": "x", "object": "chat.completion", "choices": []})
    results, _, _ = through(HELLOS[:1], fake)
    assert isinstance(results["request-0"].error, TruncatedStreamError | MalformedReplyError)
    fake = FakeOpenAI(tick=10.0)
    fake.batches.answer_with = lambda *_: (200, {"object": "list", "data": [], "model": "m"})
    results, _, _ = through([EmbedRequest(input="a")], fake)
    assert "the reply has no vectors" in results["request-0"].error.message


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
@given(any_requests())
def test_every_chat_is_written_as_it_would_be_sent(request_):
    request_ = evolve(request_, unsupported="drop")
    provider = OpenAIProvider("openai", OpenAISettings(jf.Secret("sk-1")))
    exchange = provider.open(any_call(request_, model="gpt-4.1-mini", unsupported="drop"))
    sent = json.loads(next(exchange).body)
    exchange.close()
    fake, client, _ = made(FakeOpenAI())
    with client:
        written = client.call(BatchWriteRequest(model="openai", requests=[request_])).input
    line = json.loads(b"".join(written.source.pieces()))
    written.close()
    assert (line["body"], line["url"]) == (sent, "/v1/chat/completions")
    assert fake.lines == []


def test_a_reading_that_is_left_early_gives_its_connection_back():
    simulation = Simulation(lambda request: fake(request))
    fake = FakeOpenAI(clock=lambda: 1.7e9 + simulation.now)
    client = simulation.client(CONFIG)

    async def main():
        batches = client.provider("openai").batches
        batch = await batches.wait((await batches.create(HELLOS)).id)
        async with batches.results(batch.id) as results:
            return (await anext(aiter(results))).custom_id

    assert simulation.run(main()) == "request-4"
    assert simulation.open == []


def test_a_wait_that_is_cancelled_leaves_the_batch_alone():
    fake = FakeOpenAI()

    async def main():
        async with jf.AsyncClient(CONFIG, transport=FunctionNetwork(fake)) as client:
            batches = client.provider("openai").batches
            batch = await batches.create(HELLOS)
            with anyio.move_on_after(0.05) as scope:
                await batches.wait(batch.id, polling=QUICK)
            return scope.cancelled_caught, (await batches.get(batch.id)).status

    assert anyio.run(main) == (True, "validating")
    assert not [line for line in fake.lines if line.endswith("/cancel")]


def test_a_wait_between_looks_is_no_part_of_the_time_that_a_call_may_take():
    simulation = Simulation(lambda request: fake(request))
    fake = FakeOpenAI(clock=lambda: 1.7e9 + simulation.now)
    fake.batches.each = 3600.0
    client = simulation.client({**CONFIG, "timeouts": {"total": 5.0}})

    async def main():
        batches = client.provider("openai").batches
        done = await batches.wait((await batches.create(HELLOS)).id)
        began = simulation.now
        fake.fail("GET /batches/*", status=500)
        with pytest.raises(ServerError):
            await batches.wait(done.id)
        return done, simulation.now - began

    done, failing = simulation.run(main())
    assert done.status == "completed"
    assert failing < 5


@pytest.mark.parametrize("colour", COLOURS)
def test_what_a_program_fails_with_while_it_gives_requests_is_its_own_error(colour):
    fake = FakeOpenAI()

    def requests():
        yield HELLOS[0]
        raise KeyError("row 2") from OSError("the table is gone")

    async def body(batches, settled, _):
        with pytest.raises(KeyError, match="row 2") as found:
            await settled(batches.create(requests()))
        return found.value.__cause__

    assert isinstance(in_colour(colour, "batches", body, CONFIG, transport=FunctionNetwork(fake)), OSError)
    assert fake.lines == []


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("status", "kept"), [(400, 0), (429, 0), (500, 1)])
def test_the_file_of_a_batch_that_is_refused_is_not_left_behind(colour, status, kept):
    fake = FakeOpenAI()

    async def body(batches, settled, _):
        fake.fail("POST /batches", status=status)
        with pytest.raises(JackfieldError) as found:
            await settled(batches.create(HELLOS))
        return found.value.status

    assert in_colour(colour, "batches", body, CONFIG, transport=FunctionNetwork(fake)) == status
    assert len(fake.files.kept) == kept  # a server that fails may have begun the batch

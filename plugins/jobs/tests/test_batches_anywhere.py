"""Batches at a provider that is none of ours: it takes the requests along with the one that begins the batch."""

import json
import threading

import anyio
import pytest

import jackfield as jf
from jackfield.errors import BadRequestError, PluginError, RateLimitError, UnsupportedError
from jackfield.hooks import hookimpl
from jackfield.http import HttpRequest, HttpResponse, read_json, write_json
from jackfield.operations import CHAT
from jackfield.provider import Endpoint, HttpProvider, JsonReply, Provider, serves
from jackfield.types import Finish, Finished, Start, TextDelta
from jackfield_jobs.batched import Batches
from jackfield_jobs.batches import (
    BatchCreateRequest,
    BatchInfo,
    BatchRequest,
    BatchResult,
    BatchResultsRequest,
    BatchWriteRequest,
    UnansweredError,
)
from jackfield_jobs.json_lines import JsonLines
from jackfield_jobs.playing import inner_call, read_reply
from jackfield_jobs.told import Told
from jackfield_jobs.writing import BatchLimits, written
from jackfield_testkit import FunctionNetwork


class Along:
    """A body that is read from a source while it is sent."""

    def __init__(self, source):
        self.source = source

    def __len__(self):
        return self.source.size

    def __iter__(self):
        return self.source.pieces()


class Other(HttpProvider):
    """Chats by `/say`, and batches of them."""

    limits = BatchLimits(requests=3)

    @serves(CHAT)
    def chat(self, call):
        fields = self.fields(call)
        asked = fields.take("messages")[-1].text
        fields.report_rest()
        head = yield self.post("/say", {"model": call.target.model, "text": asked})
        return JsonReply(head, self.read)

    def read(self, reply):
        yield Start(id=reply["id"])
        yield TextDelta(reply["said"])
        yield Finished(Finish("stop", "end"))

    @serves(BatchWriteRequest.operation)
    async def write(self, call):
        def line(name, sent):
            return write_json({"name": name, "params": read_json(sent.body)}) + b"\n"

        yield Told({"input": await written(self, call, line, self.limits, "batch.jsonl")})

    @serves(BatchCreateRequest.operation)
    def create(self, call):
        source = call.request.source
        head = yield HttpRequest("POST", "/batches", {"content-type": "application/jsonl"}, Along(source))
        return JsonReply(head, self.read_batch)

    @serves(BatchRequest.operation)
    def get_batch(self, call):
        head = yield self.get(f"/batches/{call.request.batch}")
        return JsonReply(head, self.read_batch)

    def read_batch(self, reply):
        yield Told({"batch": BatchInfo(**{**reply, "parts": tuple(reply.get("parts", ()))})})

    @serves(BatchResultsRequest.operation)
    def results(self, call):
        yield self.get(call.request.part)

        def read(value):
            if value["status"] is None:
                yield BatchResult(value["name"], error=UnansweredError("gone"))
                return
            request = call.request.requests.get(value["name"]) or jf.ChatRequest(messages="-")
            reply = HttpResponse(value["status"], {}, write_json(value["body"]))
            try:
                yield BatchResult(value["name"], read_reply(self, inner_call(call, request, "m"), reply))
            except jf.JackfieldError as error:
                yield BatchResult(value["name"], error=error)

        return JsonLines(read)


class Account:
    def __init__(self, client, name):
        self.batches = Batches(client, name)


Other.accessor = Account


class Plugin:
    @staticmethod
    @hookimpl
    def jackfield_provider(name, settings):
        return Other(name, Endpoint.parse("https://other.example/v1"), {"chat": "m"})


class Service:
    """Answers a batch at once: the second request is refused, the third is lost."""

    def __init__(self):
        self.lines = []

    def __call__(self, request):
        if request.method == "POST":
            body = request.body if isinstance(request.body, bytes) else b"".join(request.body)
            self.lines = [json.loads(line) for line in body.splitlines()]
            return self.reply({"id": "b", "status": "in_progress", "endpoint": "/say"})
        if request.path.endswith("/batches/b"):
            return self.reply({"id": "b", "status": "completed", "endpoint": "/say", "parts": ["/r"], "completed": 2})
        outcomes = [(200, "said"), (429, "no"), (None, "")]
        results = [
            {"name": line["name"], "status": status, "body": {"id": "1", "said": f"{line['params']['text']} {word}"}}
            for line, (status, word) in zip(self.lines, outcomes, strict=False)
        ]
        return HttpResponse(200, {}, b"".join(write_json(result) + b"\n" for result in results))

    @staticmethod
    def reply(payload):
        return HttpResponse(200, {"content-type": "application/json"}, json.dumps(payload).encode())


def built(service):
    return {"config": {"default": "o"}, "plugins": {"provider": {"o": Plugin}}, "transport": FunctionNetwork(service)}


HELLOS = [jf.ChatRequest(messages=text) for text in ("one", "two", "three")]


def check(results, service):
    assert [line["params"] for line in service.lines] == [
        {"model": "m", "text": text} for text in ("one", "two", "three")
    ]
    first, second, third = results
    assert (first.response.text, first.response.provider, first.response.model) == ("one said", "o", "m")
    assert (type(second.error), second.error.provider) == (RateLimitError, "o")
    assert type(third.error) is UnansweredError


def test_a_batch_by_a_client():
    with jf.Client(**built(service := Service())) as client:
        batches = client.provider("o").batches
        batch = batches.wait(batches.create(HELLOS, ids=["a", "b", "c"]).id)
        check(batches.results(batch.id).all(), service)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_batch_by_an_async_client(backend):
    async def main():
        async with jf.AsyncClient(**built(service := Service())) as client:
            batches = client.provider("o").batches
            batch = await batches.wait((await batches.create(iter(HELLOS))).id)
            check(await batches.results(batch.id, requests=HELLOS), service)

    anyio.run(main, backend=backend)


def test_the_requests_of_an_async_client_are_read_where_it_is():
    seen = set()

    def requests():
        for one in HELLOS:
            seen.add(threading.get_ident())
            yield one

    async def main():
        async with jf.AsyncClient(**built(Service())) as client:
            await client.provider("o").batches.create(requests())
        return threading.get_ident()

    here = anyio.run(main)
    assert seen == {here}


def test_bounds_that_a_provider_has_not_are_none():
    with jf.Client(**built(Service())) as client:
        batches = client.provider("o").batches
        batches.create([jf.ChatRequest(messages="x", model=f"o:{name}") for name in "abc"])
        with pytest.raises(BadRequestError, match="requests: a batch takes 3 at most"):
            batches.create(HELLOS * 2)
        with pytest.raises(UnsupportedError, match=r"requests\[0\]\.temperature"):
            batches.create([jf.ChatRequest(messages="x", temperature=1)])


class InProcess(Provider):
    @serves(CHAT)
    async def chat(self, call):
        yield Start()

    write = Other.write
    limits = BatchLimits()


def test_what_has_no_request_over_http_is_no_part_of_a_batch():
    class Here:
        @staticmethod
        @hookimpl
        def jackfield_provider(name, settings):
            return InProcess(name, {"chat": "m"})

    with jf.Client({"default": "o"}, plugins={"provider": {"o": Here}}) as client:
        with pytest.raises(
            UnsupportedError, match="without one request over HTTP, and so it cannot be part of a batch"
        ):
            client.call(BatchWriteRequest(model="o", requests=HELLOS))


class TwoSteps(Other):
    @serves(CHAT)
    def chat(self, call):
        self.fields(call)
        yield self.post("/ask", {})
        head = yield self.post("/say", {})
        return JsonReply(head, self.read)


def test_a_reply_that_needs_a_second_one_is_not_read():
    class Plugin:
        @staticmethod
        @hookimpl
        def jackfield_provider(name, settings):
            return TwoSteps(name, Endpoint.parse("https://other.example/v1"), {"chat": "m"})

    service = Service()
    options = {**built(service), "plugins": {"provider": {"o": Plugin}}}
    with jf.Client(**options) as client:
        batches = client.provider("o").batches
        service.lines = [{"name": name, "params": {"text": "x"}} for name in "ab"]
        first, _ = batches.results("b", ids=["a", "b"])
    assert isinstance(first.error, PluginError)

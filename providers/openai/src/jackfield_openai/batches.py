"""How batches are asked for at OpenAI, and what is answered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Final

from attrs import evolve

from jackfield.call import Call
from jackfield.errors import BadRequestError, JackfieldError, MalformedReplyError, UnsupportedError
from jackfield.http import HttpRequest, HttpResponse, read_json, write_json
from jackfield.operations import CHAT, COMPLETE, EMBED, ChatRequest, CompleteRequest, EmbedRequest, Request
from jackfield.provider import Exchange, serves
from jackfield.types import Event, Start, Usage
from jackfield_jobs.batches import (
    BatchCancelRequest,
    BatchCreateRequest,
    BatchesRequest,
    BatchInfo,
    BatchProblem,
    BatchRequest,
    BatchResult,
    BatchResultsRequest,
    BatchWriteRequest,
    UnansweredError,
)
from jackfield_jobs.json_lines import JsonLines
from jackfield_jobs.moderations import MODERATE, ModerateRequest
from jackfield_jobs.playing import inner_call, read_reply
from jackfield_jobs.told import Told
from jackfield_jobs.writing import BatchLimits, written
from jackfield_wire_openai.destination import put
from jackfield_wire_openai.errors import in_band_error, said
from jackfield_wire_openai.headers import request_id
from jackfield_wire_openai.models import part_of_path
from jackfield_wire_openai.provider import WireProvider
from jackfield_wire_openai.reading import fact

from .lists import answer, number, object_of, page, query, strings

__all__ = ["BatchExchanges", "read_batch"]

PATH: Final = "/batches"
VERSION: Final = "/v1"
# the names of what may be asked for, without the version
OPERATIONS: Final[Mapping[str, str]] = {
    "/chat/completions": CHAT.name,
    "/responses": CHAT.name,
    "/completions": COMPLETE.name,
    "/embeddings": EMBED.name,
    "/moderations": MODERATE.name,
}
MB: Final = 1024 * 1024
LIMITS: Final = BatchLimits(requests=50_000, size=200 * MB, inputs=50_000, one_model=True)
UNANSWERED: Final = ("batch_expired", "batch_cancelled")
WINDOW: Final = "24h"
ENDS: Final = ("completed_at", "failed_at", "expired_at", "cancelled_at")


class BatchExchanges(WireProvider):
    """The exchanges of a provider for batches.

    Attributes:
        batch_limits: what a batch may have.
    """

    batch_limits: ClassVar[BatchLimits] = LIMITS

    @serves(BatchWriteRequest.operation)
    async def batch_write(self, call: Call[BatchWriteRequest]) -> AsyncGenerator[Event, None]:
        """Write each request as the line that says what would be sent."""
        self.report_all(call, "requests", "ids")
        found = await written(self, call, _line, self.batch_limits, "batch.jsonl")
        where = f"{VERSION}{found.endpoint}"
        if found.endpoint not in OPERATIONS:
            raise UnsupportedError(f"requests: no batch takes what is sent to {where}")
        yield Told({"input": evolve(found, endpoint=where)})

    @serves(BatchCreateRequest.operation)
    def batch_create(self, call: Call[BatchCreateRequest]) -> Exchange[Event]:
        """POST /batches."""
        fields = self.fields(call)
        if (file := fields.take("file")) is None:
            raise BadRequestError("file: expected the id of an uploaded file of requests, got None")
        window = fields.take("window") or WINDOW
        body: dict[str, Any] = {"input_file_id": file, "endpoint": fields.take("endpoint"), "completion_window": window}
        if (metadata := fields.take("metadata")) is not None:
            body["metadata"] = dict(metadata)
        put(body, call.request.options.get(self.plugin), f"options.{self.plugin}")
        put(body, fields.take("extra_body"), "extra_body")
        fields.report_rest()
        head = yield self.post(PATH, body)
        return answer(head, object_of("batch", read_batch))

    @serves(BatchRequest.operation)
    def batch(self, call: Call[BatchRequest]) -> Exchange[Event]:
        """GET /batches/{batch}."""
        self.report_all(call, "batch", "wait")
        path = f"{PATH}/{part_of_path(call.request.batch, field='batch')}"
        head = yield evolve(self.get(path), after=call.request.wait)
        return answer(head, object_of("batch", read_batch))

    @serves(BatchesRequest.operation)
    def batches(self, call: Call[BatchesRequest]) -> Exchange[Event]:
        """GET /batches."""
        self.report_all(call, "after", "limit")
        head = yield self.get(query(PATH, after=call.request.after, limit=call.request.limit))
        return answer(head, page(read_batch))

    @serves(BatchCancelRequest.operation)
    def batch_cancel(self, call: Call[BatchCancelRequest]) -> Exchange[Event]:
        """POST /batches/{batch}/cancel."""
        self.report_all(call, "batch")
        path = f"{PATH}/{part_of_path(call.request.batch, field='batch')}/cancel"
        head = yield HttpRequest("POST", path, {"accept": "application/json"})
        return answer(head, object_of("batch", read_batch))

    @serves(BatchResultsRequest.operation)
    def batch_results(self, call: Call[BatchResultsRequest]) -> Exchange[Event]:
        """GET /files/{part}/content, line by line."""
        self.report_all(call, "part", "endpoint", "requests")
        part = part_of_path(call.request.part, field="part")
        head = yield HttpRequest("GET", f"/files/{part}/content", {"accept": "*/*"})
        started = False

        def read(value: object) -> Iterator[Event]:
            nonlocal started
            if not started:
                started = True
                yield Start(request_id=request_id(head.headers))
            yield self._result(call, value)

        return JsonLines(read)

    def _result(self, call: Call[BatchResultsRequest], value: Any) -> BatchResult:
        name = fact(value, "custom_id", str) if isinstance(value, Mapping) else None
        if name is None:
            raise MalformedReplyError(f"custom_id: expected text in a line of results: {said(value)}")
        reply, failed = fact(value, "response", dict), fact(value, "error", dict)
        try:
            if reply is None:
                raise _unanswered(failed, value)
            return BatchResult(name, self._response(call, name, reply))
        except JackfieldError as error:
            error.place(call.target.provider, "", call.operation.name, None)
            return BatchResult(name, error=error)

    def _response(self, call: Call[BatchResultsRequest], name: str, reply: Mapping[str, Any]) -> Any:
        body, endpoint = reply.get("body"), call.request.endpoint
        request = call.request.requests.get(name)
        asked_of = "" if request is None else (request.model or "").partition(":")[2]
        if request is None:
            request = _stand_in(endpoint, _many(body), self.plugin)
        else:
            request = _again(request, endpoint, self.plugin)
        model = fact(body, "model", str) if isinstance(body, Mapping) else None
        status = fact(reply, "status_code", int) or 200
        headers = {"content-type": "application/json"}
        if (asked := fact(reply, "request_id", str)) is not None:
            headers["x-request-id"] = asked
        one = inner_call(call, request, model or asked_of)
        response = read_reply(self, one, HttpResponse(status, headers, write_json(body)))
        # what was left out was told when the batch was made
        return evolve(response, warnings=()) if response.warnings else response


def _line(name: str, sent: HttpRequest) -> bytes:
    body = read_json(sent.body if isinstance(sent.body, bytes) else b"", "request")
    entry = {"custom_id": name, "method": sent.method, "url": f"{VERSION}{sent.path}", "body": body}
    return write_json(entry) + b"\n"


def _again(request: Request[Any, Any], endpoint: str, plugin: str) -> Request[Any, Any]:
    """A request as its reply is read: by the API that it went over, whichever it would go over now."""
    options: Mapping[str, Any] = request.options
    if isinstance(request, ChatRequest):
        api = "responses" if endpoint.endswith("/responses") else "chat"
        options = {**options, plugin: {**options.get(plugin, {}), "api": api}}
    return evolve(request, model=None, unsupported="drop", options=options)


@lru_cache(64)
def _stand_in(endpoint: str, many: int, plugin: str) -> Request[Any, Any]:
    """A request whose reply is read as one to this endpoint, where the request itself is not known."""
    made: Request[Any, Any]
    match OPERATIONS.get(endpoint.removeprefix(VERSION)):
        case CHAT.name:
            made = ChatRequest(messages="-")
        case COMPLETE.name:
            made = CompleteRequest(prompt="-")
        case EMBED.name:
            made = EmbedRequest(input=["-"] * many)
        case MODERATE.name:
            made = ModerateRequest(input=["-"] * many)
        case _:
            raise UnsupportedError(f"batch: nothing is known of replies to {endpoint!r}")
    return _again(made, endpoint, plugin)


def _many(body: Any) -> int:
    """How many inputs a body answers, where it has an answer for each."""
    found = (fact(body, name, list) for name in ("data", "results")) if isinstance(body, Mapping) else ()
    return max(1, *(len(items or ()) for items in found), 0)


def _unanswered(failed: Mapping[str, Any] | None, value: Any) -> JackfieldError:
    code = fact(failed or {}, "code", str)
    if failed is None or code in UNANSWERED:
        message = fact(failed or {}, "message", str) or "the service gave neither a response nor an error"
        return UnansweredError(message, code=code, body=value)
    return in_band_error({"error": failed}, HttpResponse(200))


def read_batch(item: Mapping[str, Any]) -> BatchInfo | None:
    """A batch; None where it has no id."""
    name, status = fact(item, "id", str), fact(item, "status", str)
    if not name or status is None:
        return None
    endpoint = fact(item, "endpoint", str)
    counts = fact(item, "request_counts", dict) or {}
    parts = (fact(item, key, str) for key in ("output_file_id", "error_file_id"))
    return BatchInfo(
        id=name,
        status=status,
        operation=OPERATIONS.get((endpoint or "").removeprefix(VERSION)),
        endpoint=endpoint,
        model=fact(item, "model", str),
        total=_count(counts, "total"),
        completed=_count(counts, "completed"),
        failed=_count(counts, "failed"),
        created=number(item, "created_at"),
        expires=number(item, "expires_at"),
        ended=next((when for key in ENDS if (when := number(item, key)) is not None), None),
        problems=tuple(_problems(item.get("errors"))),
        usage=_usage(item.get("usage")),
        metadata=strings(item.get("metadata")),
        parts=tuple(part for part in parts if part),
        raw=item,
    )


def _problems(errors: Any) -> Iterator[BatchProblem]:
    for one in fact(errors, "data", list) or () if isinstance(errors, Mapping) else ():
        if isinstance(one, Mapping):
            code, message, param = (fact(one, key, str) for key in ("code", "message", "param"))
            yield BatchProblem(code, message, param, fact(one, "line", int))


def _count(counts: Mapping[str, Any], name: str) -> int:
    return max(fact(counts, name, int) or 0, 0)


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, Mapping):
        return None
    inputs, outputs = (fact(usage, f"{key}_tokens_details", dict) or {} for key in ("input", "output"))
    found = Usage(
        fact(usage, "input_tokens", int),
        fact(usage, "output_tokens", int),
        reasoning_tokens=fact(outputs, "reasoning_tokens", int),
        cached_tokens=fact(inputs, "cached_tokens", int),
    )
    return None if found == Usage() else found

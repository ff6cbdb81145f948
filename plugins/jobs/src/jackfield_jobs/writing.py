"""Writes the requests of a batch to a temporary file, as a provider would send each of them."""

from __future__ import annotations

import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import IO, Any, Final, cast

from attrs import define, evolve, field, frozen

from jackfield.call import Call
from jackfield.errors import BadRequestError, JackfieldError
from jackfield.http import HttpRequest, read_json
from jackfield.operations import EmbedRequest, Notice, Request
from jackfield.provider import HttpProvider

from .batches import BatchInput, BatchWriteRequest, custom_id
from .playing import inner_call, request_sent
from .sources import FileSource

__all__ = ["BatchLimits", "written"]

TOGETHER: Final = 100  # requests that are translated at a time


@frozen(kw_only=True)
class BatchLimits:
    """What a service takes of one batch; None is no limit.

    Attributes:
        requests: how many requests.
        size: how many bytes.
        inputs: how many inputs of embeddings, all together.
        one_model: whether all must ask the same model.
    """

    requests: int | None = None
    size: int | None = None
    inputs: int | None = None
    one_model: bool = False


async def written(
    provider: HttpProvider,
    call: Call[BatchWriteRequest],
    line: Callable[[str, HttpRequest], bytes],
    limits: BatchLimits,
    name: str,
) -> BatchInput:
    """The requests of a call, each as the line that `line` makes of its id and of what would be sent.

    The caller's requests are read where the caller is, and translated where it may take its time.

    Raises:
        BadRequestError: a request, or all together, cannot be part of a batch; the message has the request's number.
        UnsupportedError: a request has what the provider cannot carry, and may not go without.
    """
    file = cast("IO[bytes]", tempfile.TemporaryFile(prefix="jackfield-"))  # noqa: SIM115 - it is read later
    writer = _Writer(provider, call, line, limits, file)
    try:
        entries = _entries(call.request)
        while some := [*islice(entries, TOGETHER)]:
            await call.runtime.run(writer.write, some)
        if not writer.total:
            raise BadRequestError("requests: there are none")
        file.seek(0)
    except BaseException:
        file.close()
        raise
    warnings = writer.warnings()
    source = FileSource(file, name)
    close = weakref.finalize(source, file.close)
    return BatchInput(source=source, endpoint=writer.endpoint, total=writer.total, warnings=warnings, close=close)


def _entries(request: BatchWriteRequest) -> Iterator[tuple[str, Request[Any, Any]]]:
    """The requests with their ids, which are checked."""
    ids = None if request.ids is None else iter(request.ids)
    seen: set[str] = set()
    number = -1
    requests: Iterable[Any] = request.requests
    for number, one in enumerate(requests):
        name: Any = custom_id(number) if ids is None else next(ids, None)
        if name is None:
            raise BadRequestError(f"ids: there are {number}, and more requests")
        if not isinstance(name, str) or not name:
            raise BadRequestError(f"ids[{number}]: expected text, got {name!r:.200}")
        if name in seen:
            raise BadRequestError(f"ids[{number}]: {name!r:.200} is the id of an earlier request")
        seen.add(name)
        if not isinstance(one, Request):
            what = "a request, as ChatRequest(messages=...)"
            raise BadRequestError(f"requests[{number}]: expected {what}, got {one!r:.200}")
        yield name, one
    if ids is not None and next(ids, None) is not None:
        raise BadRequestError(f"ids: there are more than the {number + 1} requests")


@define(eq=False)
class _Writer:
    """Translates requests one after another."""

    provider: HttpProvider
    call: Call[BatchWriteRequest]
    line: Callable[[str, HttpRequest], bytes]
    limits: BatchLimits
    file: IO[bytes]
    total: int = 0
    size: int = 0
    inputs: int = 0
    endpoint: str = ""
    _first: Request[Any, Any] | None = None
    _model: str | None = None
    _notices: dict[tuple[str, str, str], tuple[Notice, int]] = field(factory=dict)
    _counts: Counter[tuple[str, str, str]] = field(factory=Counter)

    def write(self, entries: Iterable[tuple[str, Request[Any, Any]]]) -> None:
        """Write some more."""
        for name, request in entries:
            if self.limits.requests is not None and self.total >= self.limits.requests:
                raise BadRequestError(f"requests: a batch takes {self.limits.requests} at most; make several of them")
            try:
                line = self._line(name, request)
            except JackfieldError as error:
                error.message = f"requests[{self.total}].{error.message}"
                error.args = (error.message,)
                raise
            self.size += len(line)
            if self.limits.size is not None and self.size > self.limits.size:
                what = f"with requests[{self.total}] the batch has more than {self.limits.size} bytes"
                raise BadRequestError(f"requests: {what}; make several of them")
            self.file.write(line)
            self.total += 1

    def warnings(self) -> tuple[Notice, ...]:
        """What was left out or sent in another form, once for all requests with the same."""
        found = []
        for key, (notice, number) in self._notices.items():
            more = f" (and of {count} more)" if (count := self._counts[key] - 1) else ""
            where = f"requests[{number}].{notice.field}"
            found.append(evolve(notice, field=where, message=f"{notice.message}{more}"))
        return tuple(found)

    def _line(self, name: str, request: Request[Any, Any]) -> bytes:
        first = self._first = self._first or request
        if request.operation is not first.operation:
            what = f"the batch is of {first.operation.name!r}, and this is {request.operation.name!r}"
            raise BadRequestError(f"operation: {what}; make a batch for each")
        call = inner_call(self.call, request, self._model_of(request))
        if request.extra_headers:
            call.report("extra_headers", "a request of a batch has no headers of its own")
        sent = request_sent(self.provider, call)
        self._check(request, sent)
        for notice in call.ledger.notices:
            key = (notice.kind, notice.field, notice.message)
            self._notices.setdefault(key, (notice, self.total))
            self._counts[key] += 1
        return self.line(name, sent)

    def _model_of(self, request: Request[Any, Any]) -> str:
        own = self.provider.name
        provider, _, model = (request.model or own).partition(":")
        if provider != own:
            what = f"expected '{own}:...' or none, since the batch is for {own!r}"
            raise BadRequestError(f"model: {what}; got {request.model!r:.200}")
        model = model or self.provider.default_models.get(request.operation.name, "")
        if not model:
            raise BadRequestError(f"model: there is none, and {own!r} has none that it uses unasked; write '{own}:...'")
        first = self._model = self._model or model
        if self.limits.one_model and model != first:
            raise BadRequestError(f"model: it is {model!r:.200}, the batch's is {first!r:.200}; make one for each")
        return model

    def _check(self, request: Request[Any, Any], sent: HttpRequest) -> None:
        self.endpoint = self.endpoint or sent.path
        if sent.path != self.endpoint:
            what = f"it would be sent to {sent.path}, and those before it to {self.endpoint}"
            raise BadRequestError(f"options: {what}; make a batch for each")
        if isinstance(request, EmbedRequest):
            self._check_inputs(request, sent)

    def _check_inputs(self, request: EmbedRequest, sent: HttpRequest) -> None:
        body: Mapping[str, Any] = read_json(cast("bytes", sent.body), "request")
        inputs = body.get("input")
        if len(request.input) > 1 and not (isinstance(inputs, list) and len(inputs) == len(request.input)):
            raise BadRequestError("input: there are more than one request may have")
        self.inputs += len(request.input)
        if self.limits.inputs is not None and self.inputs > self.limits.inputs:
            raise BadRequestError(f"input: with it, the batch has more than {self.limits.inputs} inputs")

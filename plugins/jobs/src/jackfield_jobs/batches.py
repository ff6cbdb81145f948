"""Batches: many requests that a service answers in its own time, for less. What is asked, and what is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final

from attrs import field, frozen

from jackfield.errors import BadRequestError, JackfieldError
from jackfield.operations import Notice, Operation, Request, Response, ResponseFold
from jackfield.types import Event, Usage

from .checks import is_id, is_notes, within
from .told import Listed, told

__all__ = ["BatchCancelRequest", "BatchCreateRequest", "BatchFailedError", "BatchInfo", "BatchInput", "BatchProblem"]
__all__ += ["BatchRequest", "BatchResponse", "BatchResult", "BatchResultsRequest", "BatchResultsResponse"]
__all__ += ["BatchWriteRequest", "BatchWriteResponse", "BatchesRequest", "UnansweredError", "custom_id"]

OVER: Final = frozenset({"completed", "failed", "expired", "cancelled"})
MOST_PAGE: Final = 100
BATCH_ID: Final = "the id of a batch, as 'batch_...'"


# --- what batches are


@frozen
class BatchProblem:
    """What was wrong with a batch, before any of it was answered.

    Attributes:
        code: the service's word for it.
        message: what was wrong, for a person.
        param: the parameter that was wrong.
        line: the line of the input that was wrong, counted from 1.
    """

    code: str | None = None
    message: str | None = None
    param: str | None = None
    line: int | None = None


@frozen(kw_only=True)
class BatchInfo:
    """A batch, as it was when it was asked for.

    Attributes:
        id: its id, by which it is asked for again.
        status: "validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling" or
            "cancelled"; a service may have further words.
        operation: the operation of its requests ("chat", "embed", ...), where that is known.
        endpoint: what the service calls it.
        model: the model that answers.
        total: how many requests it has; 0 until they were counted.
        completed: how many of them were answered.
        failed: how many of them came to an error.
        created: when, in seconds since 1970; so with the other times.
        expires: when it will be given up.
        ended: when it was over.
        problems: why it failed as a whole.
        usage: what it cost until now.
        metadata: what its maker has noted on it.
        parts: where the service keeps its results, in the service's own words.
        warnings: what of the requests was left out or sent in another form; only of a batch that was just made.
        raw: all that the service says of it; it takes no part in equality.
    """

    id: str
    status: str
    operation: str | None = None
    endpoint: str | None = None
    model: str | None = None
    total: int = 0
    completed: int = 0
    failed: int = 0
    created: float | None = None
    expires: float | None = None
    ended: float | None = None
    problems: tuple[BatchProblem, ...] = ()
    usage: Usage | None = None
    metadata: Mapping[str, str] = field(factory=dict)
    parts: tuple[str, ...] = ()
    warnings: tuple[Notice, ...] = ()
    raw: Any = field(default=None, eq=False, repr=False)

    @property
    def over(self) -> bool:
        """Whether nothing more will become of it."""
        return self.status in OVER

    @property
    def answered(self) -> int:
        """How many requests have come to an end, either way."""
        return self.completed + self.failed


@frozen
class BatchResult(Event):
    """What became of one request of a batch: a response, or an error.

    Attributes:
        custom_id: the id of the request within the batch.
        response: what a direct call would have given.
        error: what a direct call would have raised; `UnansweredError` where nobody answered.
    """

    custom_id: str
    response: Any = None
    error: JackfieldError | None = field(default=None, eq=lambda error: (type(error), str(error)))

    def get(self) -> Any:
        """The response.

        Raises:
            JackfieldError: the request came to this error.
        """
        if self.error is not None:
            raise self.error
        return self.response


class BatchFailedError(JackfieldError):
    """A batch failed as a whole; code and message are those of its first problem.

    Attributes:
        batch: the batch, with all its problems.
    """

    batch: BatchInfo

    @classmethod
    def of(cls, batch: BatchInfo) -> BatchFailedError:
        """The error of a batch that failed."""
        first = batch.problems[0] if batch.problems else BatchProblem()
        where = f" (line {first.line})" if first.line is not None else ""
        more = f", and {len(batch.problems) - 1} more" if len(batch.problems) > 1 else ""
        why = f"{first.message or 'the service gave no reason'}{where}{more}"
        error = cls(f"batch {batch.id} failed: {why}", code=first.code)
        error.batch = batch
        error.body = batch.raw
        return error


class UnansweredError(JackfieldError):
    """A request of a batch was not answered: the batch expired, was cancelled, or has lost it."""

    retryable: bool = True


def custom_id(number: int) -> str:
    """The id within its batch of the request with this number, counted from 0, where it was given none."""
    return f"request-{number}"


# --- what is asked for


@frozen(kw_only=True)
class BatchInput:
    """Requests as the service takes them, in a temporary file.

    Attributes:
        source: the bytes, which can be read again and again.
        endpoint: what the service calls what is asked for.
        total: how many requests there are.
        warnings: what of them is left out or is sent in another form.
        close: lets go of the file; so does forgetting the source.
    """

    source: Any = field(repr=False)
    endpoint: str
    total: int
    warnings: tuple[Notice, ...] = ()
    close: Callable[[], object] = field(default=lambda: None, repr=False, eq=False)


@frozen(kw_only=True, repr=False)
class BatchWriteResponse(Response):
    """Requests as the service takes them."""

    input: BatchInput | None = None


@frozen(kw_only=True, repr=False)
class BatchResponse(Response):
    """A batch."""

    batch: BatchInfo | None = None


@frozen(kw_only=True, repr=False)
class BatchResultsResponse(Response):
    """How many results there were; they are read from the stream, one by one."""

    count: int = 0


def _several(name: str, what: str) -> Any:
    def check(_: object, __: object, value: object) -> None:
        if value is not None and (
            isinstance(value, str | bytes | Mapping | Request) or not isinstance(value, Iterable)
        ):
            raise BadRequestError(f"{name}: expected {what}, got {value!r:.200}")

    return check


@frozen(kw_only=True)
class BatchWriteRequest(Request[Event, BatchWriteResponse]):
    """A request to write requests as the service takes them; nothing is sent.

    Attributes:
        requests: the requests, of one operation; they are read once.
        ids: an id for each, in their order; without any they are "request-0", "request-1", ...
    """

    # what was read of an iterable is not there a second time
    operation: ClassVar[Operation[Any, Any]] = told("batches.write", BatchWriteResponse, repeatable=False)

    requests: Iterable[Request[Any, Any]] = field(validator=_several("requests", "several requests"), repr=False)
    ids: Iterable[str] | None = field(default=None, validator=_several("ids", "an id for each request"), repr=False)


def _window(_: object, __: object, value: Any) -> None:
    if value is not None and (not isinstance(value, str) or not value):
        raise BadRequestError(f"window: expected a time like '24h', got {value!r:.200}")


@frozen(kw_only=True)
class BatchCreateRequest(Request[Event, BatchResponse]):
    """A request that begins a batch, of requests as the service takes them.

    Attributes:
        endpoint: what the service calls what is asked for.
        file: the id of the file that the requests are in, where they were uploaded.
        source: the requests, where the service takes them along with this one.
        window: how long the service may take.
        metadata: texts that are noted on the batch.
    """

    operation: ClassVar[Operation[Any, Any]] = told("batches.create", BatchResponse, repeatable=False)

    endpoint: str = field(validator=is_id("what is asked for, as '/v1/chat/completions'"))
    file: str | None = None
    source: Any = field(default=None, repr=False)
    window: str | None = field(default=None, validator=_window)
    metadata: Mapping[str, str] | None = field(default=None, validator=is_notes)


@frozen(kw_only=True)
class BatchRequest(Request[Event, BatchResponse]):
    """A request for a batch; `wait` delays it by so many seconds."""

    operation: ClassVar[Operation[Any, Any]] = told("batches.get", BatchResponse)

    batch: str = field(validator=is_id(BATCH_ID))
    wait: float = 0.0


@frozen(kw_only=True)
class BatchesRequest(Request[Event, Listed]):
    """A request for a page of batches, the newest first."""

    operation: ClassVar[Operation[Any, Any]] = told("batches.list", Listed)

    after: str | None = None
    limit: int | None = field(default=None, validator=within(1, MOST_PAGE))


@frozen(kw_only=True)
class BatchCancelRequest(Request[Event, BatchResponse]):
    """A request to end a batch; what was answered by then is kept."""

    operation: ClassVar[Operation[Any, Any]] = told("batches.cancel", BatchResponse, repeatable=False)

    batch: str = field(validator=is_id(BATCH_ID))


class _Results(ResponseFold):
    """Counts results; kept, they would fill the memory."""

    count = 0

    def add(self, event: Event) -> None:
        if not self.took(event) and isinstance(event, BatchResult):
            self.count += 1

    def response(self) -> BatchResultsResponse:
        return BatchResultsResponse(count=self.count, **self.facts())

    def missing(self) -> str | None:
        return None


@frozen(kw_only=True)
class BatchResultsRequest(Request[Event, BatchResultsResponse]):
    """A request for a part of a batch's results, to be streamed.

    Attributes:
        part: one of `BatchInfo.parts`.
        endpoint: that of the `BatchInfo`.
        requests: the requests by their ids, as far as they are known: what their results are read as.
    """

    operation: ClassVar[Operation[Any, Any]] = Operation("batches.results", _Results, of_model=False)

    part: str = field(validator=is_id("one of the parts of a batch's results"))
    endpoint: str = field(validator=is_id("the endpoint of a batch, as '/v1/chat/completions'"))
    requests: Mapping[str, Request[Any, Any]] = field(factory=dict, repr=False)

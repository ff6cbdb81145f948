"""The accessor of batches: `client.provider(name).batches`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from attrs import define, evolve

from jackfield import AsyncClient, Client
from jackfield.errors import JackfieldError, PluginError
from jackfield.operations import Request

from .asking import Asking, Items, Polling, paged, waited
from .batches import (
    BatchCancelRequest,
    BatchCreateRequest,
    BatchesRequest,
    BatchFailedError,
    BatchInfo,
    BatchInput,
    BatchRequest,
    BatchResult,
    BatchWriteRequest,
)
from .files import DeleteFileRequest
from .results import Known, Ordered, Results

__all__ = ["Batches"]


class Batches:
    """Batches of an account. With an `AsyncClient` each result is awaited, and a list is read by `async for`."""

    def __init__(self, client: Client | AsyncClient, name: str, files: Any = None, purpose: str = "batch") -> None:
        """Ask by this client, and under this provider's name.

        With `files`, the provider's accessor of files, requests are uploaded for this purpose.
        """
        self._asking = Asking(client)
        self._name = name
        self._files = files
        self._purpose = purpose

    def create(
        self,
        requests: Iterable[Request[Any, Any]],
        *,
        ids: Iterable[str] | None = None,
        window: str | None = "24h",
        metadata: Mapping[str, str] | None = None,
        progress: Callable[[int, int | None], object] | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Any:
        """Begin a batch of requests, and give it as a `BatchInfo`.

        All requests must be of one operation. Each is translated as it would be if it were sent alone, and what of it
        cannot be carried is an error with its number, before anything is sent.

        Args:
            requests: `ChatRequest`, `EmbedRequest`, `CompleteRequest`, ...; read once, and not kept.
            ids: an id for each, in their order; without any they are "request-0", "request-1", ...
            window: how long the service may take.
            metadata: texts that are noted on the batch.
            progress: is told how many bytes were uploaded, and of how many.
            timeout: the longest that each step may take, in seconds.
            **options: `options`, `extra_body` and `unsupported`, as any request has them.

        Raises:
            BadRequestError: names the request, the field, the value and what would be right.
            UnsupportedError: a request has what the provider cannot carry.
            JackfieldError: see `jackfield.errors`.
        """
        given = {name: options[name] for name in ("unsupported",) if name in options}
        writing = BatchWriteRequest(model=self._name, requests=requests, ids=ids, **given)
        creating: Any = lambda **where: BatchCreateRequest(  # noqa: E731 - checked before anything is written
            model=self._name, window=window, metadata=metadata, **where, **options
        )
        creating(endpoint="-")
        reading = _Reading(writing.requests)
        writing = evolve(writing, requests=reading)

        async def create() -> BatchInfo:
            written = await self._written(writing, reading, timeout)
            try:
                where = await self._sent(written, progress, timeout)
                response = await self._begun(creating(endpoint=written.endpoint, **where), timeout)
            finally:
                written.close()
            made: BatchInfo = response.batch
            return evolve(made, warnings=(*written.warnings, *response.warnings))

        return self._asking.finished(create())

    async def _written(self, writing: BatchWriteRequest, reading: _Reading, timeout: float | None) -> BatchInput:
        try:
            written: BatchInput = (await self._asking.call(writing, timeout=timeout)).input
        except PluginError:
            if reading.failed is None:
                raise
            raise reading.failed from reading.failed.__cause__  # the program's own error, and not the provider's
        return written

    def get(self, batch: str) -> Any:
        """A batch as it is now, as a `BatchInfo`.

        Raises:
            NotFoundError: there is no such batch.
            JackfieldError: see `jackfield.errors`.
        """
        return self._batch(BatchRequest(model=self._name, batch=batch))

    def list(self, *, limit: int | None = None) -> Items[BatchInfo]:
        """All batches, the newest first; `limit` is how many are fetched at a time."""
        return paged(self._asking, BatchesRequest(model=self._name, limit=limit))

    def cancel(self, batch: str) -> Any:
        """End a batch, and give it as a `BatchInfo`. What was answered by then can be had as results.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self._batch(BatchCancelRequest(model=self._name, batch=batch))

    def wait(
        self,
        batch: str,
        *,
        progress: Callable[[BatchInfo], object] | None = None,
        polling: Polling | None = None,
        timeout: float | None = None,
        check: bool = True,
    ) -> Any:
        """Wait until a batch is over, and give it as a `BatchInfo`. Its id is all that this needs.

        One that has expired or was cancelled is over as well, and may have results.

        Args:
            batch: its id.
            progress: is shown the batch at each look.
            polling: how often to look.
            timeout: seconds to wait, in all; None for as long as it takes.
            check: whether a batch that failed is an error.

        Raises:
            BatchFailedError: the batch failed as a whole; it has the code and message of its first problem.
            DeadlineError: the batch was not over in time; it goes on, and can be waited for again.
            JackfieldError: see `jackfield.errors`.
        """
        tell = None if progress is None else (lambda response: progress(response.batch))

        async def wait() -> BatchInfo:
            response = await waited(
                self._asking,
                BatchRequest(model=self._name, batch=batch),
                lambda response: response.batch.over,
                polling=polling,
                timeout=timeout,
                progress=tell,
            )
            found: BatchInfo = response.batch
            if check and found.status == "failed":
                raise BatchFailedError.of(found)
            return found

        return self._asking.finished(wait())

    def results(
        self,
        batch: str,
        *,
        requests: Iterable[Request[Any, Any]] | None = None,
        ids: Iterable[str] | None = None,
        ordered: bool = False,
    ) -> Items[BatchResult]:
        """What became of the requests of a batch that is over, one by one as they are read, and in any order.

        Of a batch that has expired or was cancelled, it is what there is.

        Args:
            batch: its id.
            requests: the requests again, in the same order, for what only they tell: the Python type of an answer, how
                many vectors there must be, and which of them nobody answered.
            ids: the ids that they were given; of each that nobody answered there is an `UnansweredError`.
            ordered: whether to give them in the order of the requests. What comes early is then kept in memory.

        Raises:
            BadRequestError: while reading: the batch is not over, or an id is not known.
            MalformedReplyError: while reading: an id comes twice.
            TruncatedStreamError: while reading: there are fewer than the batch has answered.
            BatchFailedError: while reading: the batch failed as a whole.
            JackfieldError: see `jackfield.errors`.
        """
        known = Known.of(requests, ids)
        if ordered:
            return Items(self._asking, lambda: Ordered(Results(self._asking, self._name, batch, known)))
        return Items(self._asking, lambda: Results(self._asking, self._name, batch, known))

    async def _sent(
        self, written: BatchInput, progress: Callable[[int, int | None], object] | None, timeout: float | None
    ) -> dict[str, Any]:
        if self._files is None:
            return {"source": written.source}
        sending = self._files.upload(written.source, purpose=self._purpose, progress=progress, timeout=timeout)
        return {"file": (sending if self._asking.blocking else await sending).id}

    async def _begun(self, request: BatchCreateRequest, timeout: float | None) -> Any:
        try:
            return await self._asking.call(request, timeout=timeout)
        except JackfieldError as error:
            if request.file is not None and error.status is not None and 400 <= error.status < 500:
                with suppress(JackfieldError):  # nobody else knows of the file
                    await self._asking.call(DeleteFileRequest(model=self._name, file=request.file))
            raise

    def _batch(self, request: Any) -> Any:
        async def ask() -> BatchInfo:
            batch: BatchInfo = (await self._asking.call(request)).batch
            return batch

        return self._asking.finished(ask())


@define(eq=False)
class _Reading:
    """The requests of a program, and what it failed with while it gave them: that is no fault of a plugin's."""

    requests: Iterable[Request[Any, Any]]
    failed: Exception | None = None

    def __iter__(self) -> Iterator[Request[Any, Any]]:
        try:
            yield from self.requests
        except Exception as error:
            self.failed = error
            raise

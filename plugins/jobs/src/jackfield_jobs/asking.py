"""Loops of calls, written once for both kinds of client: lists that page, streams of items, and waits.

A method of an accessor is a coroutine over `Asking`, whose awaitables never suspend under a `Client`; `Asking.finished`
gives what its caller expects: the result under a `Client`, an awaitable under an `AsyncClient`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator, Iterator, Sequence
from functools import cached_property
from inspect import isawaitable
from typing import Any, Generic, Protocol, Self, TypeVar

import attrs
from attrs import define, field, frozen

from jackfield import AsyncClient, Client
from jackfield.call import Call
from jackfield.errors import BadRequestError, DeadlineError, MalformedReplyError
from jackfield.middleware import Proceed, Slot
from jackfield.operations import Request
from jackfield.runtime import drive
from jackfield.types import Event

__all__ = ["Asking", "Items", "Page", "Polling", "Source", "paged", "shown", "streamed", "waited"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Asking:
    """The calls of a client as awaitables, which never suspend under a `Client`."""

    def __init__(self, client: Client | AsyncClient) -> None:
        """Ask by this client."""
        self.client: Any = client
        self.blocking = not isinstance(client, AsyncClient)

    async def call(self, request: Request[Any, Any], *, timeout: float | None = None) -> Any:
        """Send a request, and give the whole reply; see `Client.call`."""
        answer = self.client.call(request, timeout=timeout)
        return answer if self.blocking else await answer

    @cached_property
    def patient(self) -> Asking:
        """The same, where the `wait` of a request is no part of the time that its call may take."""
        return Asking(self.client.with_options(middleware=[_Resting()]))

    async def read(self, request: Request[Any, Any], *, timeout: float | None = None) -> Any:
        """Send a request, and give the whole reply; with the bounds in time of a stream, which has none for the whole.

        So a file of any size has its time, as long as something moves.
        """
        stream = self.client.stream(request, timeout=timeout)
        if self.blocking:
            with stream:
                for _ in stream:
                    pass
        else:
            async with stream:
                async for _ in stream:
                    pass
        return stream.response

    def finished(self, coroutine: Coroutine[Any, Any, T]) -> Any:
        """The result of a coroutine under a `Client`; the coroutine itself, to be awaited, under an `AsyncClient`."""
        return drive(coroutine) if self.blocking else coroutine


class _Resting:
    """Waits as long as a request says, before it is sent: once, however often it is sent then."""

    slot = Slot.PREPARE

    async def __call__(self, call: Call[Any], proceed: Proceed) -> AsyncGenerator[Event, None]:
        """Put the deadline off by the wait."""
        if wait := call.request.wait:
            deadline = None if call.deadline is None else call.deadline + wait
            call = call.evolve(deadline=deadline, request=attrs.evolve(call.request, wait=0.0))
            await call.runtime.sleep(wait)
        async for event in proceed(call):
            yield event


class Source(Protocol[T_co]):
    """Gives items, some at a time."""

    async def next(self) -> Sequence[T_co] | None:
        """The next of them, or None at the end."""

    async def close(self) -> None:
        """Let go of what it holds; any number of times."""


class Items(Generic[T]):
    """Items that are fetched as they are asked for.

    Use `for` with a `Client` and `async for` with an `AsyncClient`; each begins anew. `all()` gives a list, and with an
    `AsyncClient` so does `await items`. `with`, or `async with`, closes what is still open.
    """

    def __init__(self, asking: Asking, begin: Callable[[], Source[T]]) -> None:
        """Take the items of a source that `begin` makes."""
        self._asking = asking
        self._begin = begin
        self._open: set[_Reader[T]] = set()

    def __iter__(self) -> Iterator[T]:
        """Read by a `Client`."""
        if not self._asking.blocking:
            raise TypeError("these items are an AsyncClient's: use `async for`, or await them")
        return self._reader()

    def __aiter__(self) -> AsyncIterator[T]:
        """Read by an `AsyncClient`."""
        if self._asking.blocking:
            raise TypeError("these items are a Client's: use `for`")
        return self._reader()

    def __await__(self) -> Generator[Any, Any, list[T]]:
        """All of them, by an `AsyncClient`."""
        return self._all().__await__()

    def all(self) -> Any:
        """All of them as a list; to be awaited with an `AsyncClient`."""
        return self._asking.finished(self._all())

    def source(self) -> Source[T]:
        """A reading of its own, which whoever takes it closes."""
        return self._begin()

    def close(self) -> Any:
        """Close what is still open; to be awaited with an `AsyncClient`."""
        return self._asking.finished(self._close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        drive(self._close())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    def _reader(self) -> _Reader[T]:
        reader = _Reader(self._begin(), self._open)
        self._open.add(reader)
        return reader

    async def _all(self) -> list[T]:
        found: list[T] = []
        source = self._begin()
        try:
            while (some := await source.next()) is not None:
                found += some
        finally:
            await source.close()
        return found

    async def _close(self) -> None:
        while self._open:
            await self._open.pop().source.close()


@define(eq=False)
class _Reader(Generic[T]):
    """One reading of the items, from the beginning, in either colour."""

    source: Source[T]
    _open: set[_Reader[T]]
    _held: Iterator[T] = field(factory=lambda: iter(()))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        for item in self._held:
            return item
        if drive(self._fetch()):
            return next(self._held)
        raise StopIteration

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        for item in self._held:
            return item
        if await self._fetch():
            return next(self._held)
        raise StopAsyncIteration

    async def _fetch(self) -> bool:
        """Fetch until there is something; False at the end."""
        found = False
        try:
            while not found and (some := await self.source.next()) is not None:
                self._held, found = iter(some), bool(some)
            return found
        finally:
            if not found:  # it is over, or failed
                self._open.discard(self)
                await self.source.close()


class Page(Protocol[T_co]):
    """One page of a list."""

    @property
    def items(self) -> Sequence[T_co]:
        """What is on it."""

    @property
    def next(self) -> str | None:
        """What the next page is asked for with, as `after`; None on the last."""


def paged(asking: Asking, request: Request[Any, Any]) -> Items[Any]:
    """The items of a list whose request has a field `after`, and whose response is a `Page`: a call for each page.

    Raises:
        MalformedReplyError: while reading: a page comes again, so that the list would never end.
    """
    return Items(asking, lambda: _Pages(asking, request))


@define(eq=False)
class _Pages(Source[Any]):
    _asking: Asking
    _request: Any
    _seen: set[str] = field(factory=set)

    async def next(self) -> Sequence[Any] | None:
        if self._request is None:
            return None
        request, self._request = self._request, None
        page = await self._asking.call(request)
        if page.next is not None:
            if page.next in self._seen:
                raise MalformedReplyError(f"the list would never end: it comes to the page after {page.next!r} again")
            self._seen.add(page.next)
            self._request = attrs.evolve(request, after=page.next)
        found: Sequence[Any] = page.items
        return found

    async def close(self) -> None:
        self._request = None


def streamed(
    asking: Asking, request: Request[Any, Any], take: Callable[[Event], Any | None], *, timeout: float | None = None
) -> Items[Any]:
    """What `take` makes of the events of a streamed call; events of which it makes None are left out."""
    return Items(asking, lambda: _Events(asking, request, take, timeout))


@define(eq=False)
class _Events(Source[Any]):
    _asking: Asking
    _request: Request[Any, Any]
    _take: Callable[[Event], Any | None]
    _timeout: float | None
    _stream: Any = None

    async def next(self) -> Sequence[Any] | None:
        if self._stream is None:
            self._stream = self._asking.client.stream(self._request, timeout=self._timeout)
        event = next(self._stream, None) if self._asking.blocking else await anext(self._stream, None)
        if event is None:
            return None
        item = self._take(event)
        return () if item is None else (item,)

    async def close(self) -> None:
        if self._stream is not None:
            if self._asking.blocking:
                self._stream.close()
            else:
                await self._stream.aclose()


@frozen(kw_only=True)
class Polling:
    """How often to look at a job that is not done yet, in seconds.

    Attributes:
        first: before the second look.
        factor: by how much each wait is longer than the one before it.
        most: no wait is longer.

    Raises:
        BadRequestError: a number is out of bounds.
    """

    first: float = 2.0
    factor: float = 1.5
    most: float = 60.0

    def __attrs_post_init__(self) -> None:
        """Check that it goes on."""
        if not (0 < self.first <= self.most and self.factor >= 1):
            raise BadRequestError(f"polling: expected 0 < first <= most and a factor of at least 1, got {self}")

    def after(self, delay: float) -> float:
        """How long to wait next, where the last wait took so long; 0 is none."""
        return min(delay * self.factor, self.most) if delay else self.first


async def shown(tell: Callable[[Any], object], value: Any) -> None:
    """Show a value to a function of the program's; what it gives is awaited, where it can be."""
    if isawaitable(more := tell(value)):
        await more


async def waited(
    asking: Asking,
    request: Any,
    done: Callable[[Any], bool],
    *,
    polling: Polling | None = None,
    timeout: float | None = None,
    progress: Callable[[Any], object] | None = None,
) -> Any:
    """Look at a job until it is done, and give the last response.

    Args:
        asking: the client.
        request: asks for the state of the job; its field `wait` delays it by so many seconds.
        done: whether a response shows a job that is over.
        polling: how often to look.
        timeout: seconds to wait between looks, in all; None for as long as it takes.
        progress: is shown each response; what it gives is awaited, where it can be.

    Raises:
        DeadlineError: the job was not done in time; it goes on, and can be waited for again.
    """
    polling = polling or Polling()
    delay, spent = polling.after(0.0), 0.0
    response = await asking.call(request)
    while True:
        if progress is not None:
            await shown(progress, response)
        if done(response):
            return response
        if timeout is not None and spent + delay > timeout:
            raise DeadlineError(f"not done after {spent:g} seconds of waiting; it goes on, and can be waited for again")
        spent += delay
        response = await asking.patient.call(attrs.evolve(request, wait=delay))
        delay = polling.after(delay)

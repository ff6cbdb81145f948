"""Streams, as a user sees them: one reader, a state, and a folded response."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any, Generic, Literal, Self, TypeAlias, TypeVar

from attrs import define, field

from .call import Ledger
from .errors import JackfieldError, PluginError, StreamStateError, TruncatedStreamError
from .middleware import CLOSING, Stage
from .operations import Fold
from .runtime import Control, Runtime, drive
from .types import Event, TextDelta

__all__ = ["AsyncStream", "Flow", "Stream", "StreamState"]

E = TypeVar("E", bound=Event)
R = TypeVar("R")

StreamState: TypeAlias = Literal["open", "complete", "truncated", "failed", "closed"]


@define(eq=False)
class Flow(Generic[E, R]):
    """A call under way, in the one implementation that both kinds of stream share."""

    runtime: Runtime
    control: Control
    _what: tuple[str, str, str]  # provider, model, operation
    _fold: Fold[E, R]
    _ledger: Ledger
    _open: Callable[[], Stage]
    state: StreamState = field(default="open", init=False)
    stage: Stage | None = field(default=None, init=False)
    _arrived: bool = field(default=False, init=False)

    async def next(self, *, whole: bool = False) -> E | None:
        """The next event, or None at the end; where the whole is wanted, None once all events were taken.

        Raises:
            StreamStateError: the stream is not open, or somebody else is reading it.
        """
        if self.state != "open":
            raise StreamStateError(f"the stream is {self.state}: it can be read once, while it is open")
        if not self.control.claim():
            raise StreamStateError("the stream is being read by another thread or task: it has one reader")
        try:
            stage: Any = self.stage or self._open()
            self.stage = stage
            while True:
                event: E = await stage.__anext__()
                if not isinstance(event, Event):
                    raise PluginError(f"a middleware gave {event!r}, which is no event")
                self._fold.add(event)
                self._arrived = True
                if not whole:
                    return event
        except StopAsyncIteration:
            if missing := self._fold.missing():
                # the provider's reply was whole; a middleware may have stopped halfway all the same
                raise self._failed(TruncatedStreamError(f"the events ended early: {missing}")) from None
            self.state = "complete"
            return None
        except BaseException as error:
            self._failed(error)
            raise
        finally:
            self.control.release()
            if self.control.stopped or self.state not in {"open", "complete"}:
                await self.close()

    def _failed(self, error: BaseException) -> BaseException:
        self.state = "truncated" if isinstance(error, TruncatedStreamError) else "failed"
        if self.control.stopped:
            self.state = "closed"
        if isinstance(error, JackfieldError):
            error.place(*self._what, self._ledger.sealed(self._fold.response()) if self._arrived else None)
        return error

    async def close(self) -> None:
        """Stop reading and give everything back. During a read it wakes the reader, who then does the closing."""
        if self.state != "open" and (self.stage is None or self.stage.done):
            return
        if not self.control.claim():
            self.control.stop()
            # the reader may have left between the two, without having seen that it should close
            if not self.control.claim():
                return
        try:
            if self.state == "open":
                self.state = "closed"
            if self.stage is not None:
                await self.runtime.finish(self.stage.aclose, CLOSING)
        finally:
            self.control.release()

    def response(self) -> R:
        """What the events so far fold into.

        Raises:
            StreamStateError: the stream is not complete.
        """
        if self.state != "complete":
            raise StreamStateError(f"the stream is {self.state}: it has a response once it was read to its end")
        return self._ledger.sealed(self._fold.response())

    async def result(self) -> R:
        """Read to the end and fold."""
        await self.next(whole=True)
        return self.response()


class _Face(Generic[E, R]):
    __slots__ = ("_flow",)

    def __init__(self, flow: Flow[E, R]) -> None:
        self._flow = flow

    @property
    def state(self) -> StreamState:
        """One of open, complete, truncated, failed, closed."""
        return self._flow.state

    @property
    def response(self) -> R:
        """The whole response, once the stream has been read to its end.

        Raises:
            StreamStateError: it has not.
        """
        return self._flow.response()


class Stream(_Face[E, R], Iterator[E]):
    """The events of one call, as they come. The request is sent when the first one is asked for.

    Leave it early by leaving its `with` block or by `close()`; a stream that is merely dropped closes itself.
    """

    __slots__ = ()

    def __next__(self) -> E:
        """The next event.

        Raises:
            JackfieldError: the call failed; `partial` holds what had arrived.
            StreamStateError: the stream is not open any more, or another thread is reading it.
        """
        event = drive(self._flow.next())
        if event is None:
            raise StopIteration
        return event

    @property
    def text(self) -> Iterator[str]:
        """The text of the first choice, piece by piece, instead of the events."""
        return (event.text for event in self if isinstance(event, TextDelta) and event.choice == 0)

    def close(self) -> None:
        """Stop; nothing of the call stays open. May be called from another thread while one reads."""
        drive(self._flow.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        flow = getattr(self, "_flow", None)
        if flow is not None and flow.stage is not None and flow.state == "open":
            flow.control.stop()  # whoever waits at the other end is told at once
            flow.runtime.reaper()(flow.close)


class AsyncStream(_Face[E, R], AsyncIterator[E]):
    """The events of one call, as they come. The request is sent when the first one is asked for.

    Leave it early by leaving its `async with` block or by `aclose()`. A stream that is merely dropped is closed by
    its loop, with a ResourceWarning.
    """

    __slots__ = ("_reap",)

    def __init__(self, flow: Flow[E, R]) -> None:
        super().__init__(flow)
        self._reap: Callable[[Callable[[], Any]], None] | None = None

    async def __anext__(self) -> E:
        """The next event.

        Raises:
            JackfieldError: the call failed; `partial` holds what had arrived.
            StreamStateError: the stream is not open any more, or another task is reading it.
        """
        if self._reap is None:
            self._reap = self._flow.runtime.reaper()
        event = await self._flow.next()
        if event is None:
            raise StopAsyncIteration
        return event

    @property
    def text(self) -> AsyncIterator[str]:
        """The text of the first choice, piece by piece, instead of the events."""
        return _AsyncText(self)

    async def aclose(self) -> None:
        """Stop; nothing of the call stays open. May be called from another task while one reads."""
        await self._flow.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        flow, reap = getattr(self, "_flow", None), getattr(self, "_reap", None)
        if flow is None or reap is None or flow.state != "open":
            return
        with suppress(RuntimeError):  # the loop is gone, and its sockets with it
            reap(flow.close)
        # without `source=`, which would keep the stream alive
        advice = "an open AsyncStream was dropped: use `async with`, or `aclose()` it"
        warnings.warn(advice, ResourceWarning, stacklevel=1)


class _AsyncText(AsyncIterator[str]):
    __slots__ = ("_stream",)

    def __init__(self, stream: AsyncStream[Any, Any]) -> None:
        self._stream = stream

    async def __anext__(self) -> str:
        while True:
            event = await self._stream.__anext__()
            if isinstance(event, TextDelta) and event.choice == 0:
                return event.text

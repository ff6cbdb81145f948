"""The two innermost stages of every call: the reply's own checks, and the exchange with the provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Mapping
from contextlib import suppress
from copy import copy
from typing import Any, Final

from attrs import define, evolve

from . import errors
from .call import Call
from .endpoint import Endpoint
from .http import HttpRequest, HttpResponse, lower_names
from .middleware import CLOSING, Proceed
from .provider import Decoder, Exchange, HttpProvider, Provider
from .runtime import ADVICE, Limits, Reply, wants_loop
from .types import Event, Start, Unrecognized, UsageReported

__all__ = ["last", "settle"]

MAX_ERROR_BODY: Final = 1024 * 1024
MAX_READ_BODY: Final = 64 * 1024 * 1024


async def settle(call: Call[Any], proceed: Proceed) -> AsyncGenerator[Event, None]:
    """Hold the grammar of replies: a start that waits for content, an end that is not a truncation.

    Errors get their place (provider, model, operation) and what had arrived.
    """
    grammar = _Grammar(call)
    try:
        async for event in proceed(call):
            for one in grammar.take(event):
                yield one
        if missing := grammar.fold.missing():
            raise errors.TruncatedStreamError(f"the reply ended early: {missing}")
    except Exception as error:
        placed = _ours(error, call)
        partial = None if grammar.start is None else call.ledger.sealed(grammar.fold.response())
        placed.place(call.target.provider, call.target.model, call.operation.name, partial)
        if placed is error:
            raise
        raise placed from error
    for one in grammar.held():
        yield one


class _Grammar:
    """One reply's events: they begin once, and not before there is content."""

    def __init__(self, call: Call[Any]) -> None:
        self.fold = call.operation.fold(call.request)
        self.start: Start | None = None
        self._call = call
        self._early: list[Event] | None = []  # what is said of a reply before there is any of it

    def take(self, event: object) -> Iterable[Event]:
        """Take the next event, and give what may pass."""
        if not isinstance(event, Event):
            raise errors.PluginError(f"the provider gave an object of type {type(event).__name__}, which is no event")
        if self.start is None:
            self.start = _signed(event if isinstance(event, Start) else Start(), self._call)
            self.fold.add(self.start)
            if isinstance(event, Start):
                return ()
        elif isinstance(event, Start):
            event = Unrecognized(raw=event.raw)
        self.fold.add(event)
        if self._early is None:
            return (event,)
        if isinstance(event, UsageReported | Unrecognized):
            self._early.append(event)
            return ()
        return (*self.held(), event)

    def held(self) -> Iterable[Event]:
        """What was held back until now."""
        early, self._early = self._early, None
        return () if early is None else (self.start or _signed(Start(), self._call), *early)


def _signed(start: Start, call: Call[Any]) -> Start:
    return evolve(start, provider=call.target.provider, model=start.model or call.target.model or None)


def _ours(error: Exception, call: Call[Any]) -> errors.JackfieldError:
    if isinstance(error, errors.JackfieldError):
        if error.operation is not None:  # it was raised before, and whoever caught it may still look at it
            error = copy(error)
            vars(error).update(provider=None, model=None, operation=None, partial=None, __notes__=[])
        return error
    if call.runtime.blocking and wants_loop(error):
        return errors.BlockingAwaitError(ADVICE)
    # the text of a foreign error may hold anything, a key included; the cause keeps it for a traceback
    return errors.PluginError(f"the provider failed with {type(error).__name__}")


def last(find: Callable[[str], Provider]) -> Callable[[Call[Any]], AsyncGenerator[Event, None]]:
    """The innermost stage: asks the provider that the call's target names."""

    def opened(call: Call[Any]) -> AsyncGenerator[Event, None]:
        provider = find(call.target.provider)
        call.ledger.attempts += 1
        source: object = provider.open(call)  # checked here: not every author runs a type checker
        if isinstance(source, AsyncGenerator):
            return source
        if isinstance(source, Generator) and isinstance(provider, HttpProvider):
            return _exchange(call, provider, source)
        if isinstance(source, Coroutine):
            source.close()
        expected = "an async generator of events, or from an HttpProvider a generator of requests"
        what = f"provider {provider.name!r} serves {call.operation.name!r} with a {type(source).__name__}"
        raise errors.PluginError(f"{what}: expected {expected}")

    return opened


async def _exchange(call: Call[Any], provider: HttpProvider, source: Exchange[Event]) -> AsyncGenerator[Event, None]:
    times = call.timeouts
    limits = Limits(times.connect, times.silence if call.streaming else None, call.deadline)
    if call.streaming and times.first is not None:
        limits.first = call.runtime.now() + times.first
    exchange = _Exchange(call, provider, source, limits)
    try:
        decoder, reply = await exchange.settle()
        while not decoder.done:
            with call.runtime.scope():
                data = await reply.read()
            limits.first = None if provider.keeps_alive else limits.first
            for event in decoder.end() if data is None else decoder.feed(data):
                limits.first = None
                yield event
            if data is None:
                break
        else:
            with call.runtime.scope():
                await reply.drain()
    except errors.JackfieldError as error:
        exchange.scrub(error)
        raise
    finally:
        try:
            source.close()
        finally:
            await exchange.release()


@define(eq=False)
class _Exchange:
    """The round trips of one exchange, and the reply that is open."""

    _call: Call[Any]
    _provider: HttpProvider
    _source: Exchange[Event]
    _limits: Limits
    _reply: Reply | None = None

    async def settle(self) -> tuple[Decoder[Event], Reply]:
        """Go back and forth until the provider names a decoder for the reply that is open."""
        answer: Any = None  # begins
        source, failed = self._source, errors.JackfieldError
        while True:
            try:
                request = source.throw(answer) if isinstance(answer, failed) else source.send(answer)
            except StopIteration as stop:
                if self._reply is None:
                    name = self._provider.name
                    raise errors.PluginError(f"provider {name!r} decodes a reply that it never asked for") from None
                return stop.value, self._reply
            await self.release()
            try:
                answer = await self._send(request)
            except errors.JackfieldError as error:
                error.sent = error.sent or answer is not None  # an earlier request of this exchange was
                answer = error

    async def release(self) -> None:
        """Close the reply that is open, if one is."""
        reply, self._reply = self._reply, None
        if reply is not None:
            await self._call.runtime.finish(reply.aclose, CLOSING, apart=True)

    def scrub(self, error: errors.JackfieldError) -> None:
        """Take the credential out of an error: some servers quote the key that they refuse."""
        if (reply := self._reply) is not None:
            for name in ("message", "code", "request_id", "body"):
                setattr(error, name, _scrubbed(getattr(error, name), reply))
            error.args = (error.message,)

    async def _send(self, request: HttpRequest) -> HttpResponse | errors.JackfieldError:
        runtime, headers = self._call.runtime, self._call.request.extra_headers
        if request.after > 0:
            await runtime.sleep(request.after)
        endpoint = await self._provider.endpoint.resolved(runtime.run)
        if headers:
            request = _with_headers(request, headers, endpoint)
        with runtime.scope():
            bounds, repeatable = (self._limits, runtime.control), self._call.operation.repeatable
            reply = self._reply = await runtime.network.send(endpoint, request, *bounds, repeatable=repeatable)
            head = HttpResponse(reply.status, reply.headers)
            good = 200 <= head.status < 300
            if good and not request.read:
                return head
            body, limit = bytearray(), MAX_READ_BODY if good else MAX_ERROR_BODY
            # the status of an error is known, and says more than these
            with suppress(*() if good else (errors.TruncatedStreamError, errors.MalformedReplyError)):
                while len(body) <= limit and (data := await reply.read()) is not None:
                    body += data
        if good and len(body) > limit:
            raise errors.LimitExceededError(f"the reply is larger than {limit} bytes")
        head = evolve(head, body=bytes(body[:limit]))
        return head if good else self._provider.error(head)


def _with_headers(request: HttpRequest, extra: Mapping[str, str], endpoint: Endpoint) -> HttpRequest:
    key = "" if endpoint.credential is None else endpoint.credential.header.lower()
    own = {"host", "content-length", "transfer-encoding", "connection", key}
    for name in extra:
        if name.lower() in own:
            raise errors.BadRequestError(f"extra_headers.{name}: this header is set by connection or credential")
    return evolve(request, headers={**request.headers, **lower_names(extra)})


def _scrubbed(value: Any, reply: Reply) -> Any:
    if isinstance(value, str):
        return reply.scrub(value)
    if isinstance(value, bytes):
        return reply.scrub(value.decode("latin-1")).encode("latin-1")
    if isinstance(value, dict):
        return {_scrubbed(key, reply): _scrubbed(item, reply) for key, item in value.items()}
    if isinstance(value, list):
        return [_scrubbed(item, reply) for item in value]
    return value

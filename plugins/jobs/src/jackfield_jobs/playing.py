"""Has a provider translate a request that is not sent now, and read a reply that came otherwise.

So a batch sends what a direct call would send, and gives what it would give, whatever the provider.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from attrs import evolve

from jackfield.call import Call, Ledger, Target
from jackfield.errors import JackfieldError, PluginError, TruncatedStreamError, UnsupportedError
from jackfield.http import HttpRequest, HttpResponse
from jackfield.operations import Request
from jackfield.provider import HttpProvider
from jackfield.types import Event, Start

__all__ = ["inner_call", "read_reply", "request_sent"]


def inner_call(call: Call[Any], request: Request[Any, Any], model: str) -> Call[Any]:
    """The call that a request would be by itself, as a part of another."""
    return call.evolve(
        operation=request.operation,
        request=request,
        target=Target(call.target.provider, model),
        alias=None,
        streaming=False,
        unsupported=request.unsupported or call.unsupported,
        ledger=Ledger(call.ledger),
    )


def request_sent(provider: HttpProvider, call: Call[Any]) -> HttpRequest:
    """What the provider would send.

    Raises:
        UnsupportedError: the provider does not serve the operation by one request over HTTP.
        JackfieldError: as the call itself.
    """
    exchange = _opened(provider, call)
    try:
        sent = next(exchange)
    finally:
        exchange.close()
    if sent.read or sent.method != "POST" or not isinstance(sent.body, bytes):
        raise UnsupportedError("it takes more than one request, or none with a body, and cannot be part of a batch")
    return sent


def read_reply(provider: HttpProvider, call: Call[Any], reply: HttpResponse) -> Any:
    """The response that a direct call would give for a reply whose body is there.

    Raises:
        JackfieldError: what a direct call would raise.
    """
    call.ledger.attempts = 1
    fold, started = call.operation.fold(call.request), False
    try:
        for event in _events(provider, call, reply):
            if not started:
                started = True
                fold.add(_signed(event if isinstance(event, Start) else Start(), call))
                if isinstance(event, Start):
                    continue
            fold.add(event)
        if missing := fold.missing():
            raise TruncatedStreamError(f"the reply ended early: {missing}")
    except JackfieldError as error:
        partial = call.ledger.sealed(fold.response()) if started else None
        error.place(call.target.provider, call.target.model, call.operation.name, partial)
        raise
    return call.ledger.sealed(fold.response())


def _signed(start: Start, call: Call[Any]) -> Start:
    return evolve(start, provider=call.target.provider, model=start.model or call.target.model or None)


def _events(provider: HttpProvider, call: Call[Any], reply: HttpResponse) -> Iterator[Event]:
    exchange = _opened(provider, call)
    try:
        next(exchange)
        good = 200 <= reply.status < 300
        answer: HttpResponse | JackfieldError = reply if good else provider.error(reply)
        try:
            if isinstance(answer, JackfieldError):
                exchange.throw(answer)
            else:
                exchange.send(HttpResponse(reply.status, reply.headers))
        except StopIteration as stop:
            decoder = stop.value
        else:
            raise PluginError(f"provider {call.target.provider!r} asked for more than one reply")
    finally:
        exchange.close()
    yield from decoder.feed(reply.body or b"")
    if not decoder.done:
        yield from decoder.end()


def _opened(provider: HttpProvider, call: Call[Any]) -> Generator[HttpRequest, HttpResponse, Any]:
    exchange = provider.open(call)
    if not isinstance(exchange, Generator):
        what = f"provider {call.target.provider!r} serves {call.operation.name!r} without one request over HTTP"
        raise UnsupportedError(f"{what}, and so it cannot be part of a batch")
    return exchange

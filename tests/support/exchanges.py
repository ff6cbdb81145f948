"""Drives a provider's exchange by hand, without a client: what it asks for, and what it makes of a reply."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from jackfield.call import Call, Target
from jackfield.errors import TruncatedStreamError
from jackfield.http import HttpRequest, HttpResponse
from jackfield.operations import CHAT, ChatRequest

SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


def chat_call(request: ChatRequest | str = "Hello", *, streaming: bool = False, model: str = "m") -> Call[ChatRequest]:
    """A call that no runtime serves: a provider over HTTP must not need one."""
    request = request if isinstance(request, ChatRequest) else ChatRequest(messages=request)
    return Call(CHAT, request, Target("p", model), runtime=None, streaming=streaming)  # type: ignore[arg-type]


def any_call(request: Any, *, streaming: bool = False, model: str = "m", **more: Any) -> Call[Any]:
    """The same for a request of any operation."""
    return Call(request.operation, request, Target("p", model), runtime=None, streaming=streaming, **more)  # type: ignore[arg-type]


def asked(provider: Any, call: Call[Any]) -> HttpRequest:
    """The request that a provider makes of a call."""
    exchange = provider.open(call)
    try:
        return next(exchange)
    finally:
        exchange.close()


def decoder(provider: Any, call: Call[Any], headers: dict[str, str], status: int = 200) -> Any:
    """The decoder that a provider names for a reply with this head."""
    exchange = provider.open(call)
    next(exchange)
    try:
        exchange.send(HttpResponse(status, headers))
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the provider asked for a second round trip")


class Outcome:
    """What a reply came to: its events, the response as far as it arrived, and the error that ended it."""

    def __init__(self, reading: Any, chunks: Iterable[bytes], request: Any = None) -> None:
        self.events: list[Any] = []
        self.error: Exception | None = None
        fold = (request.operation if request is not None else CHAT).fold(request)
        try:
            for event in _events(reading, chunks):
                self.events.append(event)
                fold.add(event)
            if missing := fold.missing():
                raise TruncatedStreamError(f"the reply ended early: {missing}")
        except Exception as error:
            self.error = error
        self.response = fold.response()

    def facts(self) -> tuple[Any, ...]:
        """What must not depend on how the bytes were cut."""
        error = self.error
        return self.events, [event.raw for event in self.events], type(error), str(error)


def _events(reading: Any, chunks: Iterable[bytes]) -> Iterable[Any]:
    for chunk in chunks:
        yield from reading.feed(chunk)
        if reading.done:
            return
    yield from reading.end()


def lines(*payloads: Any, done: bool = True) -> bytes:
    """A stream of these payloads."""
    texts = [payload if isinstance(payload, str) else json.dumps(payload) for payload in payloads]
    return "".join(f"data: {text}\n\n" for text in [*texts, *(["[DONE]"] if done else [])]).encode()


def single(data: bytes) -> list[bytes]:
    """The bytes one at a time."""
    return [data[i : i + 1] for i in range(len(data))]

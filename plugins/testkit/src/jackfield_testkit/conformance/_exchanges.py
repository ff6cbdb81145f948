"""Drives a provider's exchange by hand, without a client: what it asks for, and what it makes of a reply."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from jackfield.call import Call, Target
from jackfield.errors import (
    BadRequestError,
    JackfieldError,
    LimitExceededError,
    PluginError,
    TruncatedStreamError,
    UnsupportedError,
)
from jackfield.http import HttpRequest, HttpResponse, whole
from jackfield.operations import Notice, Request, Response
from jackfield.types import Event, Finished, Unrecognized, UsageReported

from ._cases import expect, told
from ._samples import Sample

__all__ = [
    "AskedForMoreError",
    "Outcome",
    "Sent",
    "begun",
    "call_of",
    "check_says",
    "comparable",
    "decoder_of",
    "leaves",
]
__all__ += ["sent", "uncounted"]

MAX_READ: Final = 64 * 1024 * 1024


class AskedForMoreError(AssertionError):
    """The exchange goes on where the replies of the sample have ended."""


def call_of(provider: Any, request: Request[Any, Any], *, streaming: bool, unsupported: Any = "error") -> Call[Any]:
    """A call that no client began: a provider over HTTP needs none."""
    model = request.model or provider.default_models.get(request.operation.name, "a-model")
    return Call(
        request.operation,
        request,
        Target(provider.name, model),
        runtime=None,  # type: ignore[arg-type]
        streaming=streaming,
        unsupported=unsupported,
    )


@frozen
class Sent:
    """What became of a request: what was sent for it, or the error, and what was noted on the way."""

    requests: tuple[HttpRequest, ...]
    notices: tuple[Notice, ...]
    error: JackfieldError | None = None

    @property
    def wire(self) -> list[tuple[Any, ...]]:
        """What the service would see."""
        return [(one.method, one.path, dict(one.headers), whole(one.body)) for one in self.requests]

    @property
    def leaves(self) -> list[Any]:
        """Every value of the bodies of JSON, the path and the headers."""
        found: list[Any] = []
        for one in self.requests:
            found += [one.path, *one.headers.values()]
            try:
                found += leaves(json.loads(whole(one.body)))
            except ValueError:
                found.append(whole(one.body).decode(errors="replace"))
        return found

    def speaks_of(self, name: str) -> bool:
        """Whether a notice or the error is about a field."""
        if any(notice.field.split(".")[0].split("[")[0] == name for notice in self.notices):
            return True
        return isinstance(self.error, UnsupportedError | BadRequestError) and name in self.error.message


def leaves(value: Any) -> Iterator[Any]:
    """Every text, number and constant in a JSON value."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield value


def begun(provider: Any, call: Call[Any], first: Sequence[HttpResponse]) -> tuple[Any, list[HttpRequest]]:
    """An exchange that waits for its last reply, and what it has asked for."""
    exchange = provider.open(call)
    requests = [next(exchange)]
    requests += [exchange.send(reply) for reply in first]
    return exchange, requests


def sent(
    provider: Any, request: Request[Any, Any], sample: Sample, *, streaming: bool = False, unsupported: Any = "error"
) -> Sent:
    """What a provider sends for a request."""
    call = call_of(provider, request, streaming=streaming, unsupported=unsupported)
    try:
        exchange, requests = begun(provider, call, sample.first)
    except JackfieldError as error:
        return Sent((), call.ledger.notices, error)
    except StopIteration:
        raise AssertionError("the exchange returned before it had asked for all replies of the sample") from None
    exchange.close()
    return Sent(tuple(requests), call.ledger.notices)


def decoder_of(
    provider: Any, sample: Sample, pieces: Iterable[bytes], *, streaming: bool
) -> tuple[Any, Iterable[bytes]]:
    """The decoder of a reply that comes in pieces, and what of them it is to be fed."""
    call = call_of(provider, sample.request, streaming=streaming)
    exchange, requests = begun(provider, call, sample.first)
    # a list whose last page only its own body tells wants each page whole
    body, pieces = (_whole(pieces), ()) if requests[-1].read else (None, pieces)
    try:
        exchange.send(HttpResponse(200, sample.head(streaming=streaming), body))
    except StopIteration as stop:
        decoder = stop.value
    else:
        exchange.close()
        raise AskedForMoreError("the exchange asked for more replies than the sample has: put the others into `first`")
    for name in ("feed", "end", "done"):
        if not hasattr(decoder, name):  # and only then is it told what there is: that takes long
            raise AssertionError(f"an exchange returns a decoder, with `{name}`; this one gave {told(decoder)}")
    return decoder, pieces


def _whole(pieces: Iterable[bytes]) -> bytes:
    """A reply that was asked for whole, within the bounds of the core."""
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > MAX_READ:
            raise LimitExceededError(f"the reply is larger than {MAX_READ} bytes")
    return bytes(body)


def _events_of(decoder: Any, pieces: Iterable[bytes]) -> Iterator[Any]:
    """The events of a reply that comes in pieces."""
    for piece in pieces:
        yield from decoder.feed(piece)
        if decoder.done:
            return
    yield from decoder.end()


class Outcome:
    """What a reply came to: its events, the response as far as it arrived, and the error that ended it.

    An error of another kind than ours passes: no reply may cause one.
    """

    def __init__(self, provider: Any, sample: Sample, pieces: Iterable[bytes], *, streaming: bool) -> None:
        self.events: list[Event] = []
        self.error: JackfieldError | None = None
        request = sample.request
        fold = request.operation.fold(request)
        try:
            for event in _events_of(*decoder_of(provider, sample, pieces, streaming=streaming)):
                right = isinstance(event, Event)
                if not right:
                    raise AssertionError(f"a decoder gives events; this one gave {told(event)}")
                self.events.append(event)
                fold.add(event)
            if missing := fold.missing():
                raise TruncatedStreamError(missing)
        except JackfieldError as error:
            expect(not isinstance(error, PluginError), f"the provider broke its contract: {error}")
            self.error = error
        self.response: Any = fold.response()

    @property
    def facts(self) -> tuple[Any, ...]:
        """What must not depend on how the bytes were cut."""
        return self.events, [event.raw for event in self.events], type(self.error), str(self.error)

    @property
    def said(self) -> tuple[list[Event], JackfieldError | None]:
        """What must not depend on how the reply was spelled."""
        return self.events, self.error

    def grammar(self) -> str | None:
        """How the events break the grammar of replies, or None."""
        finished: set[int] = set()
        for event in self.events:
            choice = getattr(event, "choice", None)
            if isinstance(event, UsageReported | Unrecognized) or choice is None:
                continue
            if choice in finished:
                return f"{told(event)} comes after choice {choice} has finished"
            if isinstance(event, Finished):
                finished.add(choice)
        return None


def comparable(response: Response) -> Response:
    """A response without what differs between two replies that say the same."""
    facts: dict[str, Any] = dict.fromkeys(("id", "created", "request_id", "rate_limit", "raw"))
    return evolve(response, **facts, warnings=())


def uncounted(response: Response) -> Response:
    """The same without what it cost: a reply from a cache costs nothing."""
    return evolve(comparable(response), usage=None)


def check_says(what: Any, says: Mapping[str, Any], of: str) -> None:
    """See whether a response, or an error, says what it must."""
    for name, wanted in says.items():
        found = what
        for part in name.split("."):
            found = getattr(found, part)
        if callable(wanted):
            expect(wanted(found), f"{of}: `{name}` is not as it must be; it is {told(found)}")
            continue
        same = found == wanted or (
            isinstance(wanted, Sequence) and not isinstance(wanted, str) and _alike(found, wanted)
        )
        expect(same, f"{of}: `{name}` must be {told(wanted)}; it is {told(found)}")


def _alike(found: Any, wanted: Sequence[Any]) -> bool:
    try:
        return list(found) == list(wanted)
    except TypeError:
        return False

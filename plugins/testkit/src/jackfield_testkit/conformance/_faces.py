"""One call through a client of each kind: blocking, and async on every loop that is installed."""

from __future__ import annotations

from contextvars import Context, copy_context
from typing import Any, Final

import anyio
from attrs import define, field

from jackfield import AsyncClient, Client
from jackfield.errors import JackfieldError
from jackfield.operations import Request
from jackfield.types import Event

__all__ = ["FACES", "Heard", "through"]

FACES: Final = ("sync", "asyncio", "trio")


@define
class Heard:
    """What a caller has of a call: the events that it read, the response, or the error.

    `leaks` are the names of context variables that the call has left changed for its reader.
    """

    events: list[Event] = field(factory=list)
    response: Any = None
    error: JackfieldError | None = None
    leaks: set[str] = field(factory=set)
    _before: Context = field(factory=copy_context, init=False)

    def take(self, event: Event) -> None:
        """Read one more event."""
        self.events.append(event)
        self.look()

    def look(self) -> None:
        """See whether the context is still the caller's own."""
        now = copy_context()
        self.leaks |= {one.name for one in {*self._before, *now} if self._before.get(one) is not now.get(one)}


def through(
    face: str, options: dict[str, Any], request: Request[Any, Any], *, streaming: bool, leave: int | None = None
) -> Heard:
    """A call through a client of this kind; a stream can be left after so many events."""
    if face == "sync":
        heard = Heard()
        with Client(**options) as client:
            _blocking(client, request, heard, streaming=streaming, leave=leave)
        return heard
    return anyio.run(_async, options, request, streaming, leave, backend=face)


def _blocking(client: Client, request: Any, heard: Heard, *, streaming: bool, leave: int | None) -> None:
    try:
        if not streaming:
            heard.response = client.call(request)
            heard.look()
            return
        with client.stream(request) as stream:
            for event in stream:
                heard.take(event)
                if len(heard.events) == leave:
                    return
            heard.response = stream.response
    except JackfieldError as error:
        heard.error = error
    heard.look()


async def _async(options: dict[str, Any], request: Any, streaming: bool, leave: int | None) -> Heard:  # noqa: FBT001
    heard = Heard()  # here, since a loop has variables of its own
    async with AsyncClient(**options) as client:
        await read(client, request, heard, streaming=streaming, leave=leave)
    return heard


async def read(
    client: AsyncClient,
    request: Any,
    heard: Heard,
    *,
    streaming: bool,
    leave: int | None = None,
    timeout: float | None = None,
) -> None:
    """One call of an async client."""
    try:
        if not streaming:
            heard.response = await client.call(request, timeout=timeout)
            heard.look()
            return
        async with client.stream(request, timeout=timeout) as stream:
            async for event in stream:
                heard.take(event)
                if len(heard.events) == leave:
                    return
            heard.response = stream.response
    except JackfieldError as error:
        heard.error = error
    heard.look()

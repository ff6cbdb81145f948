"""Records what passes between a client and the network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeAlias

from attrs import define, field

from jackfield.errors import (
    ConnectionFailedError,
    ConnectTimeoutError,
    DeadlineError,
    JackfieldError,
    ReadTimeoutError,
    StreamInterruptedError,
    StreamStateError,
    TruncatedStreamError,
)
from jackfield.http import HttpRequest
from jackfield.provider import Endpoint
from jackfield.runtime import Control, Limits, Network, Reply

from .exchange import Cassette, CassetteFault, RecordedExchange
from .scrubbing import Scrub

__all__ = ["Recorder"]

Faults: TypeAlias = tuple[tuple[type[JackfieldError], CassetteFault], ...]

# what holds of the connection that was recorded, of bytes that are no longer compressed, or of one moment
DROPPED: Final = (
    *("alt-svc", "cf-cache-status", "cf-ray", "connection", "content-encoding", "content-length", "date", "keep-alive"),
    *("nel", "report-to", "reporting-endpoints", "strict-transport-security", "trailer", "transfer-encoding"),
    *("vary", "via"),
)
SENDING: Final[Faults] = (
    (ConnectTimeoutError, "unreachable"),
    (ReadTimeoutError, "silent"),
    (DeadlineError, "deadline"),
    (StreamStateError, "left"),
)
READING: Final[Faults] = (
    (ReadTimeoutError, "stall"),
    (DeadlineError, "deadline"),
    (StreamInterruptedError, "reset"),
    (TruncatedStreamError, "truncated"),
)


@define(eq=False)
class _Entry:
    """An exchange under way."""

    request: HttpRequest
    secret: str | None
    status: int = 0
    headers: dict[str, str] = field(factory=dict)
    pieces: list[bytes] = field(factory=list)
    fault: CassetteFault | None = None
    whole: bool = False

    def made(self, scrub: Scrub) -> RecordedExchange:
        fault = self.fault or (None if self.whole else "left")
        headers = {name: value for name, value in self.headers.items() if name not in DROPPED}
        return scrub.exchange(RecordedExchange(self.request, self.status, headers, tuple(self.pieces), fault))


class Recorder:
    """Records: `Client(transport=recorder)`.

    Requests go to the network that the client would have had, and replies come from there as ever.
    One recorder serves any number of clients, of both kinds.
    """

    def __init__(self, scrub: Scrub | None = None) -> None:
        """Begin with nothing. `scrub` says what must not be written down beside what never is."""
        self._scrub = scrub or Scrub()
        self._entries: list[_Entry] = []

    def wrap(self, network: Network) -> Network:
        """See `jackfield.runtime.NetworkWrapper`."""
        return _Recording(network, self._entries)

    def cassette(self) -> Cassette:
        """What was recorded until now, scrubbed. An exchange that has not come to its end has the fault "left"."""
        entries = self._entries[:]
        # one reply may quote what opened another
        scrub = self._scrub.knowing(dict.fromkeys(entry.secret for entry in entries if entry.secret))
        return Cassette([entry.made(scrub) for entry in entries])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write what was recorded until now.

        Raises:
            CassetteError: it cannot be written.
        """
        return self.cassette().save(path)


class _Recording(Network):
    """See `jackfield.runtime.Network`."""

    def __init__(self, inner: Network, entries: list[_Entry]) -> None:
        self.name = inner.name
        self._inner = inner
        self._entries = entries

    async def send(
        self, target: Endpoint, request: HttpRequest, limits: Limits, control: Control, *, repeatable: bool
    ) -> Reply:
        """Send the request on, and write down what becomes of it."""
        secret = None if target.credential is None else target.credential.resolve().reveal()
        entry = _Entry(target.addressed(request), secret)
        self._entries.append(entry)
        try:
            reply = await self._inner.send(target, request, limits, control, repeatable=repeatable)
        except BaseException as error:
            entry.fault = _before(error)
            if entry.fault is None:  # nothing was sent
                self._entries.remove(entry)
            raise
        entry.status, entry.headers = reply.status, dict(reply.headers)
        return _RecordedReply(reply, entry)

    async def aclose(self) -> None:
        """Close the network."""
        await self._inner.aclose()


class _RecordedReply(Reply):
    """See `jackfield.runtime.Reply`."""

    def __init__(self, inner: Reply, entry: _Entry) -> None:
        self.status = inner.status
        self.headers = inner.headers
        self._inner = inner
        self._entry = entry

    async def read(self) -> bytes | None:
        """The next bytes, which are written down."""
        entry = self._entry
        try:
            data = await self._inner.read()
        except BaseException as error:
            entry.fault = _inside(error)
            raise
        if data is None:
            entry.whole = True
        else:
            entry.pieces.append(data)
        return data

    async def drain(self) -> None:
        """Read what little may follow; nobody looks at it, so that it is not written down."""
        self._entry.whole = True
        await self._inner.drain()

    def scrub(self, text: str) -> str:
        """The text without the credential of the request."""
        return self._inner.scrub(text)

    async def aclose(self) -> None:
        """Give the connection back."""
        await self._inner.aclose()


def _before(error: BaseException) -> CassetteFault | None:
    if isinstance(error, ConnectionFailedError):
        return "lost" if error.sent else "refused"
    # cancellation may come when the request has left; any other error of ours means that it did not
    otherwise: CassetteFault | None = None if isinstance(error, JackfieldError) else "left"
    return next((fault for kind, fault in SENDING if isinstance(error, kind)), otherwise)


def _inside(error: BaseException) -> CassetteFault:
    return next((fault for kind, fault in READING if isinstance(error, kind)), "left")

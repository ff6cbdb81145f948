"""A network that says what it is told, and fails as it is told, in simulated time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from attrs import define, evolve, field, frozen

from jackfield import Secret
from jackfield.errors import (
    CallTimeoutError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectTimeoutError,
    JackfieldError,
    ReadTimeoutError,
    StreamInterruptedError,
)
from jackfield.http import HttpRequest, HttpResponse, lower_names
from jackfield.provider import Endpoint
from jackfield.runtime import Control, Limits, Network, Reply

if TYPE_CHECKING:
    from .simulation import Simulation

__all__ = ["Answer", "Asked", "Fault", "Handler", "Script", "SimulatedNetwork"]

FOREVER = float("inf")

Fault: TypeAlias = Literal["refused", "unreachable", "silent", "lost", "stall", "reset", "end"]


def _check(key: str, what: str, value: object, *, right: bool) -> None:
    if not right:
        raise ConfigurationError(f"{key}: expected {what}, got {value!r}")


def _check_seconds(key: str, value: Any, what: str = "seconds of at least 0") -> None:
    _check(key, what, value, right=isinstance(value, int | float) and not isinstance(value, bool) and value >= 0)


def _check_bytes(key: str, value: Any, least: int) -> None:
    right = type(value) is int and value >= least
    _check(key, f"a whole number of bytes of at least {least}", value, right=right)


def _headers(value: Mapping[str, str]) -> dict[str, str]:
    given: Any = value
    right = isinstance(given, Mapping) and all(isinstance(one, str) for pair in given.items() for one in pair)
    _check("headers", "a table of texts", given, right=right)
    return lower_names(value)


def _body(value: bytes | str | Sequence[bytes | float]) -> bytes | tuple[bytes | float, ...]:
    if isinstance(value, bytes | str):
        return value.encode() if isinstance(value, str) else value
    given: Any = value
    right = isinstance(given, Sequence) and not isinstance(given, bytearray | memoryview)
    _check("body", "bytes, text or a list of bytes and seconds", given, right=right)
    for index, piece in enumerate(value):
        if not isinstance(piece, bytes):
            _check_seconds(f"body[{index}]", piece, "bytes or seconds of at least 0")
    return tuple(value)


@frozen
class Answer:
    """What the network makes of one request.

    Attributes:
        status: the status of the reply.
        headers: its headers.
        body: its bytes; or pieces of it, each one read by itself, with seconds to pause in between.
        latency: seconds until its head is there.
        fault: what goes wrong. Before the head: the connection is "refused", the host is "unreachable" (connecting
            does not end), the server is "silent", the connection is "lost". In the body: a "stall" (nothing more
            comes), a "reset", or a clean "end" of bytes that are not all.
        after: how many bytes of the body still come before its fault; None for all of them.

    Raises:
        ConfigurationError: a value is wrong.
    """

    status: int = 200
    headers: dict[str, str] = field(factory=dict, converter=_headers)
    body: bytes | Sequence[bytes | float] = field(default=b"", converter=_body)
    latency: float = 0.0
    fault: Fault | None = None
    after: int | None = None

    def __attrs_post_init__(self) -> None:
        status, faults = self.status, get_args(Fault)
        _check("status", "an HTTP status from 100 to 599", status, right=type(status) is int and 100 <= status <= 599)
        _check_seconds("latency", self.latency)
        _check("fault", f"one of {', '.join(faults)}", self.fault, right=self.fault is None or self.fault in faults)
        if self.after is not None:
            _check_bytes("after", self.after, 0)

    def slowly(self, size: int, seconds: float) -> Answer:
        """The same bytes, so many at a time, each time after so many seconds.

        Raises:
            ConfigurationError: the size is not at least 1, or the seconds are not at least 0.
        """
        _check_bytes("size", size, 1)
        _check_seconds("seconds", seconds)
        whole = b"".join(piece for piece in self.pieces() if isinstance(piece, bytes))
        parts = [whole[start : start + size] for start in range(0, len(whole), size)]
        return evolve(self, body=[piece for part in parts for piece in (seconds, part)])

    def pieces(self) -> Iterator[bytes | float]:
        """The body as it arrives, before its fault."""
        left = FOREVER if self.after is None else self.after
        for piece in [self.body] if isinstance(self.body, bytes) else self.body:
            if left <= 0:
                return
            if not isinstance(piece, bytes):
                yield piece
            elif piece:
                yield piece if left >= len(piece) else piece[: int(left)]
                left -= len(piece)


Handler: TypeAlias = Callable[[HttpRequest], Answer | HttpResponse | JackfieldError]
"""Answers a request, which shows origin, whole path and headers, but no credential; an error is raised."""

Script: TypeAlias = Handler | Answer | HttpResponse | JackfieldError | Sequence[Answer | HttpResponse | JackfieldError]
"""A handler, one answer for every request, or answers one after another, of which the last stays."""


@define
class Asked:
    """One request that was sent, and what became of it.

    Attributes:
        at: when it was sent, in seconds since the simulation began.
        request: what was sent, without its credential.
        credential: the secret that opened the endpoint, to compare with; it does not show itself.
        read: how many bytes of the reply were read.
        closed: when its connection was given back, or None while it is open.
        outcome: "open", "whole" (read to its end), "left" (given back before), or what went wrong.
    """

    at: float
    request: HttpRequest
    credential: Secret | None
    read: int = 0
    closed: float | None = None
    outcome: str = "open"


class SimulatedNetwork(Network):
    """See `jackfield.runtime.Network`."""

    name = "simulation"

    def __init__(self, simulation: Simulation, script: Script) -> None:
        self._simulation = simulation
        self._handler = script if callable(script) else _in_order(script)

    async def send(
        self, target: Endpoint, request: HttpRequest, limits: Limits, control: Control, *, repeatable: bool
    ) -> SimulatedReply:
        """Ask the script."""
        simulation = self._simulation
        secret = None if target.credential is None else target.credential.resolve()
        asked = Asked(simulation.now, target.addressed(request), secret)
        simulation.requests.append(asked)
        simulation.note(f"{request.method} {target.origin}{asked.request.path}")
        reply = SimulatedReply(simulation, asked, limits, control)
        try:
            given = self._handler(asked.request)
            _check("what the function of the network gave", ONE, given, right=isinstance(given, ANSWERS))
            if isinstance(given, JackfieldError):
                raise given
            if isinstance(given, HttpResponse):
                given = Answer(given.status, dict(given.headers), given.body or b"")
            await reply.head(given)
        except BaseException as error:
            reply.over(type(error).__name__)
            raise
        return reply

    async def aclose(self) -> None:
        """There is nothing to close."""


ANSWERS: Final = (Answer, HttpResponse, JackfieldError)
ONE: Final = "an Answer, an HttpResponse or a JackfieldError"


def _in_order(script: Any) -> Handler:
    if isinstance(script, Sequence) and not isinstance(script, str | bytes | bytearray):
        _check("network", "at least one answer", script, right=bool(script))
        for index, answer in enumerate(script):
            _check(f"network[{index}]", ONE, answer, right=isinstance(answer, ANSWERS))
        answers = list(script)
    else:
        words = "an Answer, an HttpResponse, a JackfieldError, a list of these or a function"
        _check("network", words, script, right=isinstance(script, ANSWERS))
        answers = [script]

    def handler(_: HttpRequest) -> Answer | HttpResponse | JackfieldError:
        answer: Answer | HttpResponse | JackfieldError = answers.pop(0) if len(answers) > 1 else answers[0]
        return answer

    return handler


class SimulatedReply(Reply):
    """See `jackfield.runtime.Reply`."""

    def __init__(self, simulation: Simulation, asked: Asked, limits: Limits, control: Control) -> None:
        self.status: int = 0
        self.headers: dict[str, str] = {}
        self._simulation = simulation
        self._asked = asked
        self._limits = limits
        self._control = control
        self._pieces: Iterator[bytes | float] = iter(())
        self._fault: Fault | None = None

    async def head(self, answer: Answer) -> None:
        """Wait for the head of a reply."""
        origin, silence = self._asked.request.origin, self._limits.silence
        if answer.fault == "unreachable":
            await self._pause(FOREVER, self._limits.connect, ConnectTimeoutError)
        await self._pause(FOREVER if answer.fault == "silent" else answer.latency, silence, ReadTimeoutError)
        if answer.fault in {"refused", "lost"}:
            failed = ConnectionFailedError(f"no reply from {origin}: the connection was {answer.fault}")
            failed.sent = answer.fault == "lost"
            raise failed
        self.status, self.headers, self._fault = answer.status, answer.headers, answer.fault
        self._pieces = answer.pieces()
        self._simulation.note(f"status {answer.status}")

    async def read(self) -> bytes | None:
        """The next bytes of the script."""
        seconds = 0.0
        for piece in self._pieces:
            if isinstance(piece, bytes):
                await self._pause(seconds, self._limits.silence, ReadTimeoutError)
                self._asked.read += len(piece)
                self._simulation.note(f"{len(piece)} bytes")
                return piece
            seconds += piece
        await self._pause(FOREVER if self._fault == "stall" else seconds, self._limits.silence, ReadTimeoutError)
        if self._fault == "reset":
            self.over("reset")
            raise StreamInterruptedError("the connection broke: it was reset")
        self._asked.outcome = "whole"
        return None

    async def drain(self) -> None:
        """Read what follows, where it is there already."""
        for piece in self._pieces:
            if not isinstance(piece, bytes):
                return
        if self._fault is None:
            self._asked.outcome = "whole"

    def scrub(self, text: str) -> str:
        """The text without the credential of the request."""
        secret = self._asked.credential
        return text if secret is None else secret.scrub(text)

    async def aclose(self) -> None:
        """Give the connection back."""
        self.over("left")

    def over(self, outcome: str) -> None:
        """Take down how it ended."""
        asked = self._asked
        if asked.closed is None:
            asked.closed = self._simulation.now
            asked.outcome = outcome if asked.outcome == "open" else asked.outcome
            self._simulation.note(f"{asked.request.path} is over: {asked.outcome}")

    async def _pause(self, seconds: float, bound: float | None, error: type[CallTimeoutError]) -> None:
        simulation, origin = self._simulation, self._asked.request.origin
        allowed = self._limits.allowed(simulation.now, bound, error, origin)
        in_time = allowed is None or seconds < allowed
        await simulation.pause(self._control, None, seconds if in_time else allowed)
        if not in_time:
            raise self._limits.late(simulation.now, error, origin)

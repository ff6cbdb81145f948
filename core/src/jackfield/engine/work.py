"""What an exchange is allowed to take, held at the network: every wait of a connection looks here first.

A read timeout that is taken once per body, as the pools do, lets a deadline be overrun; a context variable tells
each read and write for whom it works, in both colours.
"""

from __future__ import annotations

import select
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from os import getpid
from socket import AI_NUMERICHOST, SHUT_RDWR, SOCK_STREAM, gaierror, getaddrinfo, socket
from threading import Thread
from time import monotonic
from types import SimpleNamespace
from typing import Any, Final

from attrs import define, field

from ..errors import CallTimeoutError, ConnectTimeoutError, JackfieldError, ReadTimeoutError, StreamStateError
from ..runtime import Control, Limits

__all__ = ["Backend", "BlockingBackend", "Work", "current", "wrap", "wrap_later"]

WRITE: Final = 16 * 1024
IDLE: Final = Limits(5.0, 5.0, None)  # for what the pool does on nobody's behalf


@define(eq=False)
class Work:
    """What an exchange is allowed, and the connection that it uses: the network layer looks here."""

    limits: Limits
    control: Control | None = None
    origin: str = ""
    tunnel: bool = False  # whether a proxy has still to open the way
    stream: Any = field(default=None, init=False)
    stopped: bool = field(default=False, init=False)
    connected: bool = field(default=False, init=False)  # by a new connection, rather than an old one used again

    @property
    def opening(self) -> bool:
        """Whether a proxy is being asked to open the way."""
        return self.tunnel and self.connected

    def allowed(self, bound: float | None, error: type[CallTimeoutError]) -> float | None:
        """Seconds that the next wait may take; see `Limits.allowed`."""
        return self.limits.allowed(monotonic(), bound, error, self.origin)

    def late(self, error: type[CallTimeoutError]) -> CallTimeoutError:
        """The error for a wait that took too long."""
        return self.limits.late(monotonic(), error, self.origin)

    def stop(self) -> None:
        """Wake a read or a write, from whatever thread or task: the socket is shut, its reader closes it."""
        self.stopped = True
        if self.stream is not None:
            self.stream.shut()


def _readable(sock: Any) -> bool:
    """Whether an idle connection has something to read, which can only be its end."""
    number = -1 if sock is None else sock.fileno()
    if number < 0:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([number], [], [], 0)[0])
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return bool(poll.poll(0))


def _shut(sock: Any) -> None:
    with suppress(OSError):  # closed already, which is what was wanted
        if isinstance(sock, socket):
            # not SSLSocket's own: it forgets its keys first, and a writer could then send plain text
            socket.shutdown(sock, SHUT_RDWR)
        else:
            sock.shutdown(SHUT_RDWR)


current: ContextVar[Work | None] = ContextVar("jackfield_work", default=None)


class Stream:
    """A network stream of either colour, whose every wait is bounded by the exchange that it serves.

    Its methods are those of `httpcore.NetworkStream`; the pool's own timeouts are looser than ours and not looked at.
    """

    __slots__ = ("_held", "_inner", "_process", "_socket", "_wrap")

    def __init__(self, inner: Any, wrap: Callable[[Any], Any]) -> None:
        self._process = getpid()
        self._socket: Any = None
        self._held = b""
        self._inner = inner
        self._wrap = wrap

    def read(self, max_bytes: int, timeout: float | None = None) -> Any:
        """Read, no longer than allowed."""
        work = self._serve()
        bound = work.limits.connect if work.opening else work.limits.silence
        return self._inner.read(max_bytes, work.allowed(bound, ReadTimeoutError))

    def write(self, buffer: bytes, timeout: float | None = None) -> Any:
        """Write, no longer than allowed. What is short waits for the rest, so that a request leaves in one piece.

        The pool writes nothing behind the end of each request, and that sends what waits.
        """
        if 0 < len(buffer) < WRITE - len(self._held):
            self._held += buffer
            return self._inner.write(b"")
        buffer, self._held = self._held + buffer, b""
        return self._write(buffer)

    def _write(self, buffer: bytes) -> Any:
        work = self._serve()
        return self._inner.write(buffer, work.allowed(work.limits.silence, ReadTimeoutError))

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        """Begin TLS, no longer than allowed."""
        work = self._serve()
        allowed = work.allowed(work.limits.connect, ConnectTimeoutError)
        work.tunnel = False
        return self._wrap(self._inner.start_tls(ssl_context, server_hostname, allowed))

    def close(self) -> Any:
        """Close (blocking); a thread that reads meanwhile is woken."""
        self.shut()
        return self._inner.close()

    def aclose(self) -> Any:
        """Close (async)."""
        return self._inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        """What the stream tells of itself."""
        # the pool asks this of every idle connection, for each request that begins or ends
        if info == "is_readable":
            self._socket = self._socket or self._inner.get_extra_info("socket")
            return _readable(self._socket)
        return self._inner.get_extra_info(info)

    def shut(self) -> None:
        """Shut the connection, so that whoever reads is woken; but not under a parent process, which goes on."""
        if self._process == getpid() and (sock := self._inner.get_extra_info("socket")) is not None:
            _shut(sock)

    def _serve(self) -> Work:
        if self._process != getpid():
            raise StreamStateError("this stream belongs to the parent process: a fork does not share connections")
        work = current.get() or Work(IDLE)
        work.stream = self
        if work.stopped:
            raise StreamStateError("the stream was closed while it was being read")
        return work


@define(eq=False, slots=False)
class Backend:
    """A network backend of either colour that makes such streams; its methods are `httpcore.NetworkBackend`'s."""

    _inner: Any
    _wrap: Callable[[Any], Any]

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any) -> Any:
        """Connect, no longer than allowed."""
        work = current.get() or Work(IDLE)
        work.connected = True
        allowed = work.allowed(work.limits.connect, ConnectTimeoutError)
        return self._wrap(self._inner.connect_tcp(host, port, allowed, *args, **kwargs))


class BlockingStream(Stream):
    """A blocking stream: what its pool would bound once, it bounds at each step."""

    __slots__ = ()

    def _write(self, buffer: bytes) -> None:
        # in pieces, since each one that a slow reader takes may last as long as is allowed
        view = memoryview(buffer)
        for start in range(0, len(view), WRITE):
            super()._write(bytes(view[start : start + WRITE]))


def _look_up(host: str, port: int, work: Work) -> list[Any]:
    """The addresses of a name. Nothing can interrupt a look-up: its thread is left alone when the time is over."""
    with suppress(gaierror):
        return getaddrinfo(host, port, type=SOCK_STREAM, flags=AI_NUMERICHOST)
    from concurrent.futures import CancelledError, Future, InvalidStateError  # it takes its time to import

    found: Future[list[Any]] = Future()

    def look() -> None:
        with suppress(InvalidStateError):  # nobody waits any more
            try:
                found.set_result(getaddrinfo(host, port, type=SOCK_STREAM))
            except OSError as error:
                found.set_exception(error)

    work.stream = SimpleNamespace(shut=found.cancel)
    Thread(target=look, daemon=True).start()
    try:
        return found.result(work.allowed(work.limits.connect, ConnectTimeoutError))
    except TimeoutError:
        raise work.late(ConnectTimeoutError) from None
    except CancelledError:
        raise StreamStateError("the stream was closed while it was being read") from None


class BlockingBackend(Backend):
    """A blocking backend: each address of a host gets what time is left, not all of it."""

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any) -> Any:
        """Connect to the first address that answers."""
        failed: Exception | None = None
        for *_, address in _look_up(host, port, current.get() or Work(IDLE)):
            try:
                return super().connect_tcp(str(address[0]), port, timeout, *args, **kwargs)
            except JackfieldError:
                raise
            except Exception as error:  # noqa: BLE001 - the pool's own errors, which have no name here
                failed = error
        raise failed or OSError(f"{host} has no address")


def wrap(stream: Any) -> Stream:
    """A stream that is there."""
    return BlockingStream(stream, wrap)


async def wrap_later(coming: Awaitable[Any]) -> Stream:
    """A stream that is still to come."""
    return Stream(await coming, wrap_later)

"""The only module that imports the HTTP library: httpx, or httpx2, its maintained continuation.

Both put a client of many conveniences on a connection pool (httpcore, httpcore2) with the same interface.
The engine speaks to the pool: a client in between costs half as much again, follows redirects, reads proxy variables,
and takes a read timeout once per body, so that no deadline can hold.
Sync and async share this one implementation: a blocking pool is given awaitable methods that never suspend.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from attrs import define, field

from .. import __version__, errors
from ..endpoint import PORTS, Endpoint, Secret
from ..http import HttpRequest
from ..runtime import Control, Limits
from ..testing import check
from .gzip import Gzip
from .options import NetworkOptions, Proxy
from .pools import BlockingPool, Pool, SuspendingPool
from .work import Work, current

if TYPE_CHECKING:
    import ssl

__all__ = ["Engine", "EngineName", "NetworkOptions"]

EngineName: TypeAlias = Literal["auto", "httpx", "httpx2"]

CLOSED: Final = "stream was closed while it was being read"
CORES: Final = {"httpx": "httpcore", "httpx2": "httpcore2"}
DEFAULTS: Final = NetworkOptions()
RESENDS: Final = 2
DRAIN_BYTES: Final = 64 * 1024
DRAIN_SECONDS: Final = 0.1
USER_AGENT: Final = f"jackfield/{__version__}"


class Engine:
    """Sends requests over pooled connections, HTTP/1.1, in one colour.

    It follows no redirect, uses no proxy that it was not told of, and attaches a credential last, to requests for
    the credential's own endpoint only. Each event loop, and each process after a fork, has connections of its own.

    Raises:
        ConfigurationError: the library that `name` asks for is not installed, or a certificate cannot be used.
    """

    def __init__(self, *, blocking: bool, name: EngineName = "auto", options: NetworkOptions = DEFAULTS) -> None:
        self.name: str = _choose(name)
        self._colour = BlockingPool if blocking else SuspendingPool
        self._pools: dict[tuple[object, str, Proxy | None], Pool] = {}
        self._options = options
        self.closed: bool = False
        if options.ca or options.client_certificate:
            _ = self._tls

    @cached_property
    def core(self) -> Any:
        """The pools, requests and errors of the library."""
        # importing it takes longer than all of ours: who builds a client may not call at once, or at all
        return importlib.import_module(CORES[self.name])

    async def send(
        self, target: Endpoint, request: HttpRequest, limits: Limits, control: Control, *, repeatable: bool
    ) -> EngineReply:
        """Send a request and wait for the head of the reply; see `jackfield.runtime.Network`.

        A server may close a kept connection at the very moment at which it is used again, and some do so after each
        stream. A request that may be repeated is then sent again, twice at most; one that fails on a new connection is
        not.
        """
        check(target)
        proxy = self._options.proxy_for(target)
        place = target.origin if proxy is None else f"{target.origin} by the proxy {proxy.origin}"
        tunnel = proxy is not None and target.scheme == "https"
        for _ in range(RESENDS if repeatable else 0):
            work = Work(limits, control, place, tunnel=tunnel)
            try:
                return await self._send(target, request, work, proxy)
            except errors.ConnectionFailedError:
                if work.connected or self.closed:
                    raise
        return await self._send(target, request, Work(limits, control, place, tunnel=tunnel), proxy)

    async def _send(self, target: Endpoint, request: HttpRequest, work: Work, proxy: Proxy | None) -> EngineReply:
        if self.closed:
            raise errors.StreamStateError("the client is closed")
        pool = self._pool(target.scheme, proxy)
        secret = target.credential.resolve() if target.credential is not None else None
        scheme, host, path = (text.encode("ascii") for text in (target.scheme, target.host, target.path + request.path))
        url = self.core.URL(scheme=scheme, host=host, port=target.port, target=path)
        bounds = {"timeout": {"pool": work.allowed(None, errors.ConnectTimeoutError)}}
        # the headers stand in no variable: some reports show those of each frame
        message = self.core.Request(request.method, url, content=request.body, extensions=bounds)
        message.headers = _headers(target, request, secret)  # bytes already, which the library would look at one by one
        with AtWork(self, work, "connect"):
            response = await pool.handle(message)
        return EngineReply(self, pool, response, work, secret)

    async def aclose(self) -> None:
        """Close every connection, for good."""
        self.closed = True
        here = self._colour.here()
        while self._pools:
            (home, *_), pool = self._pools.popitem()
            if home == here:
                await pool.aclose()
            else:
                pool.abandon()

    def _pool(self, scheme: str, proxy: Proxy | None) -> Pool:
        key = (self._colour.here(), scheme, proxy)
        pool = self._pools.get(key)
        if pool is None:
            for other, left in list(self._pools.items()):  # other threads add to it meanwhile
                if left.gone() and self._pools.pop(other, None) is not None:
                    left.abandon()
            # reading the certificates takes longer than a call: only who speaks TLS pays
            context = self._tls if scheme == "https" else None
            login = None if proxy is None or proxy.login is None else tuple(part.reveal() for part in proxy.login)
            secure = self._tls if proxy is not None and proxy.origin.startswith("https") else None
            by = None if proxy is None else self.core.Proxy(proxy.origin, auth=login, ssl_context=secure)
            pool = self._colour(self.core, ssl_context=context, proxy=by, **self._options.pool())
            pool = self._pools.setdefault(key, pool)  # another thread may have been quicker
        return pool

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._options.tls(importlib.import_module(self.name).create_ssl_context())


@define(eq=False)
class AtWork:
    """A step of an exchange at the network: says for whom it is, and gives errors our names.

    No generator makes this context manager, since there is one for each read.
    """

    _engine: Engine
    _work: Work
    _phase: Literal["connect", "read", "close"]
    _token: Any = field(default=None, init=False)

    def __enter__(self) -> None:
        work = self._work
        if work.control is not None and self._phase != "close":
            work.control.attach(work.stop)
        self._token = current.set(work)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        current.reset(self._token)
        if self._work.control is not None:
            self._work.control.detach()
        if error is not None and not isinstance(error, errors.JackfieldError):
            self._rename(error)

    def _rename(self, error: BaseException) -> None:
        core, work = self._engine.core, self._work
        if isinstance(error, core.TimeoutException):
            connecting = work.opening or isinstance(error, core.ConnectTimeout | core.PoolTimeout)
            raise work.late(errors.ConnectTimeoutError if connecting else errors.ReadTimeoutError) from None
        if isinstance(error, core.ProxyError):
            status = str(error)[:3]  # the rest is the proxy's own text
            refused = f"no reply from {work.origin}: the proxy answered {status}"
            raise errors.ConnectionFailedError(refused, retryable=status.startswith("5")) from None
        if isinstance(error, core.LocalProtocolError):
            # its text quotes the header that it refused, and that may be the key
            raise errors.BadRequestError("the request is not valid HTTP/1.1: a header or the path is illegal") from None
        if isinstance(error, core.NetworkError | core.ProtocolError | core.UnsupportedProtocol | OSError):
            if work.stopped or self._engine.closed:
                what = "client was closed under this call" if self._engine.closed else CLOSED
                raise errors.StreamStateError(f"the {what}") from None
            text = re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
            error = error.with_traceback(None)  # the pool's frames hold the headers
            if self._phase == "connect":
                failed = errors.ConnectionFailedError(f"no reply from {work.origin}: {text}")
                failed.sent = not isinstance(error, core.ConnectError)
                raise failed from error
            raise errors.StreamInterruptedError(f"the connection broke: {text}") from error


class EngineReply:
    """A reply under way; see `jackfield.runtime.Reply`."""

    def __init__(self, engine: Engine, pool: Pool, response: Any, work: Work, secret: Secret | None) -> None:
        self.status: int = response.status
        self.headers: dict[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
        }
        self._engine = engine
        self._pool = pool
        self._response = response
        self._work = work
        self._reading = AtWork(engine, work, "read")
        self._following = pool.pieces(response)
        self._inflated: Iterator[bytes] = iter(())
        self._secret = secret

    async def read(self) -> bytes | None:
        """The next bytes, decompressed in bounded pieces; None at the clean end."""
        while True:
            for piece in self._inflated:
                return piece
            with self._reading:
                self._work.allowed(None, errors.ReadTimeoutError)
                data = await self._following()
            if data is None:
                self._work.stream = None  # the connection may serve another call from here on
                if (begun := vars(self).get("_gzip")) is not None and not begun.complete:
                    raise errors.TruncatedStreamError("the reply ended inside its gzip encoding")
                return None
            if self._gzip is None:
                return data
            self._inflated = self._gzip.feed(data)

    @cached_property
    def _gzip(self) -> Gzip | None:
        encoding = self.headers.get("content-encoding", "").strip().lower()
        if encoding not in {"", "identity", "gzip", "x-gzip"}:
            raise errors.MalformedReplyError(f"the reply is encoded as {encoding!r}, which was not asked for")
        return Gzip() if "gzip" in encoding else None

    def scrub(self, text: str) -> str:
        """The text without the credential of the request."""
        return text if self._secret is None else self._secret.scrub(text)

    async def drain(self) -> None:
        """Read what little may follow a terminal marker, so that the connection can serve again."""
        limits = self._work.limits
        until = min(monotonic() + DRAIN_SECONDS, limits.deadline or float("inf"))
        self._work.limits = Limits(limits.connect, DRAIN_SECONDS, until)
        left = DRAIN_BYTES
        try:
            while left > 0 and (data := await self.read()) is not None:
                left -= len(data)
        except errors.JackfieldError:
            pass  # the reply was complete; only the connection is lost

    async def aclose(self) -> None:
        """Give the connection back, or drop it where the body was not read to its end."""
        self._work.stream = None
        with AtWork(self._engine, self._work, "close"):
            await self._pool.close(self._response)


def _choose(name: str) -> str:
    if name == "auto":
        return "httpx2" if importlib.util.find_spec("httpx2") else "httpx"
    if importlib.util.find_spec(name) is None:
        raise errors.ConfigurationError(f"engine: {name!r} is not installed")
    return name


def _headers(target: Endpoint, request: HttpRequest, secret: Secret | None) -> list[tuple[bytes, bytes]]:
    host = target.authority if target.port == PORTS[target.scheme] else f"{target.authority}:{target.port}"
    named = {"host": host, "user-agent": USER_AGENT, "accept-encoding": "gzip", **target.headers, **request.headers}
    if request.body or request.method in {"POST", "PUT", "PATCH"}:
        named["content-length"] = str(len(request.body))
    if target.credential is not None and secret is not None:
        named[target.credential.header.lower()] = target.credential.prefix + secret.reveal()
    try:
        return [(name.encode("ascii"), value.encode("ascii")) for name, value in named.items()]
    except UnicodeEncodeError:
        raise errors.BadRequestError("a header of the request is not ASCII") from None

"""The only module that imports the HTTP library: httpx, or httpx2, its maintained continuation.

Both put a client of many conveniences on a connection pool (httpcore, httpcore2) with the same interface.
The engine speaks to the pool: a client in between costs half as much again, follows redirects, reads proxy variables,
and takes a read timeout once per body, so that no deadline can hold.
Sync and async share this one implementation: a blocking pool is given awaitable methods that never suspend.
"""

from __future__ import annotations

import importlib
import importlib.util
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeAlias

from ..endpoint import Endpoint
from ..errors import (
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectTimeoutError,
    JackfieldError,
    MalformedReplyError,
    ReadTimeoutError,
    StreamInterruptedError,
    StreamStateError,
    TruncatedStreamError,
)
from ..http import HttpRequest
from ..runtime import Control, Limits
from .pools import BlockingPool, Pool, SuspendingPool
from .work import Work, current

__all__ = ["Engine", "EngineName"]

EngineName: TypeAlias = Literal["auto", "httpx", "httpx2"]

CORES: Final = {"httpx": "httpcore", "httpx2": "httpcore2"}
CONNECTIONS: Final = 1000
KEEP_ALIVE: Final = 100
KEEP_ALIVE_SECONDS: Final = 30.0
RESENDS: Final = 2
DRAIN_BYTES: Final = 64 * 1024
DRAIN_SECONDS: Final = 0.1
PIECE: Final = 64 * 1024
USER_AGENT: Final = b"jackfield/0.1.0"


class Engine:
    """Sends requests over pooled connections, HTTP/1.1, in one colour.

    It follows no redirect, uses no proxy that it was not told of, and attaches a credential last, to requests for
    the credential's own endpoint only.

    Raises:
        ConfigurationError: the library that `name` asks for is not installed.
    """

    def __init__(self, *, blocking: bool, name: EngineName = "auto") -> None:
        self.name: str = _choose(name)
        self._core = importlib.import_module(CORES[self.name])
        self._colour = BlockingPool if blocking else SuspendingPool
        self._pools: dict[str, Pool] = {}

    async def send(
        self, target: Endpoint, request: HttpRequest, limits: Limits, control: Control, *, repeatable: bool
    ) -> EngineReply:
        """Send a request and wait for the head of the reply; see `jackfield.runtime.Network`.

        A server may close a kept connection at the very moment at which it is used again, and some do so after each
        stream. A request that may be repeated is then sent once more; one that fails on a new connection is not.
        """
        for _ in range(RESENDS if repeatable else 0):
            work = Work(limits, control, target.origin)
            try:
                return await self._send(target, request, work)
            except ConnectionFailedError:
                if work.connected:
                    raise
        return await self._send(target, request, Work(limits, control, target.origin))

    async def _send(self, target: Endpoint, request: HttpRequest, work: Work) -> EngineReply:
        pool = self._pool(target.scheme)
        headers, secret = _headers(target, request)
        message = self._core.Request(
            request.method,
            self._core.URL(
                scheme=target.scheme.encode(),
                host=target.host.encode(),
                port=target.port,
                target=(target.path + request.path).encode("ascii"),
            ),
            headers=headers,
            content=request.body,
            extensions={"timeout": {"pool": work.allowed(work.limits.connect, ConnectTimeoutError)}},
        )
        with self.at_work(work, "connect"):
            response = await pool.handle(message)
        return EngineReply(self, pool, response, work, secret)

    async def aclose(self) -> None:
        """Close every connection."""
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.aclose()

    def _pool(self, scheme: str) -> Pool:
        pool = self._pools.get(scheme)
        if pool is None:
            pool = self._colour(
                self._core,
                # reading the certificates takes longer than a call: only who speaks TLS pays
                ssl_context=importlib.import_module(self.name).create_ssl_context() if scheme == "https" else None,
                max_connections=CONNECTIONS,
                max_keepalive_connections=KEEP_ALIVE,
                keepalive_expiry=KEEP_ALIVE_SECONDS,
            )
            pool = self._pools.setdefault(scheme, pool)  # another thread may have been quicker
        return pool

    @contextmanager
    def at_work(self, work: Work, phase: Literal["connect", "read", "close"]) -> Iterator[None]:
        """Let the network layer know for whom it works, and give its errors our names."""
        core = self._core
        if work.control is not None and phase != "close":
            work.control.attach(work.stop)
        token = current.set(work)
        try:
            yield
        except JackfieldError:
            raise
        except (core.ConnectTimeout, core.PoolTimeout):
            raise work.late(ConnectTimeoutError) from None
        except core.TimeoutException:
            raise work.late(ReadTimeoutError) from None
        except core.LocalProtocolError:
            # its text quotes the header that it refused, and that may be the key
            raise BadRequestError("the request cannot be written as HTTP/1.1: a header has an illegal value") from None
        except (core.NetworkError, core.ProtocolError, core.UnsupportedProtocol, OSError) as error:
            if work.stopped:
                raise StreamStateError("the stream was closed while it was being read") from None
            text = str(error) or type(error).__name__
            if phase == "connect":
                raise ConnectionFailedError(f"no reply from {work.origin}: {text}") from error
            raise StreamInterruptedError(f"the connection broke: {text}") from error
        finally:
            current.reset(token)


class EngineReply:
    """A reply under way; see `jackfield.runtime.Reply`."""

    def __init__(self, engine: Engine, pool: Pool, response: Any, work: Work, secret: str) -> None:
        self.status: int = response.status
        self.headers: dict[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
        }
        self._engine = engine
        self._pool = pool
        self._response = response
        self._work = work
        self._following = pool.pieces(response)
        self._inflated: Iterator[bytes] = iter(())
        self._gzip = _decompressor(self.headers.get("content-encoding", "identity"))
        self._secret = secret.encode()

    async def read(self) -> bytes | None:
        """The next bytes, decompressed in bounded pieces; None at the clean end."""
        for piece in self._inflated:
            return piece
        while True:
            with self._engine.at_work(self._work, "read"):
                self._work.allowed(None, ReadTimeoutError)
                data = await self._following()
            if data is None or self._gzip is None:
                if self._gzip is not None and not self._gzip.eof:
                    raise TruncatedStreamError("the reply ended inside its gzip encoding")
                return data
            self._inflated = _inflate(self._gzip, data)
            for piece in self._inflated:
                return piece

    def scrub(self, text: bytes) -> bytes:
        """The text without the credential of the request: some servers quote the key that they refuse."""
        return text.replace(self._secret, b"***") if self._secret else text

    async def drain(self) -> None:
        """Read what little may follow a terminal marker, so that the connection can serve again."""
        limits = self._work.limits
        self._work.limits = Limits(limits.connect, DRAIN_SECONDS, limits.deadline)
        left = DRAIN_BYTES
        try:
            while left > 0 and (data := await self.read()) is not None:
                left -= len(data)
        except JackfieldError:
            pass  # the reply was complete; only the connection is lost

    async def aclose(self) -> None:
        """Give the connection back, or drop it where the body was not read to its end."""
        with self._engine.at_work(self._work, "close"):
            await self._pool.close(self._response)


def _choose(name: str) -> str:
    if name == "auto":
        return "httpx2" if importlib.util.find_spec("httpx2") else "httpx"
    if name not in CORES:
        raise ConfigurationError(f"engine: expected 'auto', 'httpx' or 'httpx2', got {name!r}")
    if importlib.util.find_spec(name) is None:
        raise ConfigurationError(f"engine: {name!r} is not installed")
    return name


def _headers(target: Endpoint, request: HttpRequest) -> tuple[list[tuple[bytes, bytes]], str]:
    usual = target.port == {"http": 80, "https": 443}[target.scheme]
    named = {
        "host": target.authority if usual else f"{target.authority}:{target.port}",
        "user-agent": USER_AGENT.decode(),
        "accept-encoding": "gzip",
        **target.headers,
        **request.headers,
    }
    if request.body or request.method in {"POST", "PUT", "PATCH"}:
        named["content-length"] = str(len(request.body))
    revealed = ""
    if target.credential is not None:
        revealed = target.credential.resolve().reveal()
        named[target.credential.header.lower()] = target.credential.prefix + revealed
    try:
        return [(name.encode("ascii"), value.encode("ascii")) for name, value in named.items()], revealed
    except UnicodeEncodeError:
        raise BadRequestError("a header of the request is not ASCII") from None


def _decompressor(encoding: str) -> Any:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(wbits=31)
    raise MalformedReplyError(f"the reply is encoded as {encoding!r}, which was not asked for")


def _inflate(gzip: Any, data: bytes) -> Iterator[bytes]:
    # in pieces, so that a bomb meets the bound of whoever reads before it fills the memory
    while True:
        try:
            piece = gzip.decompress(data, PIECE)
        except zlib.error as error:
            raise MalformedReplyError(f"the reply is not valid gzip: {error}") from None
        data = gzip.unconsumed_tail
        if piece:
            yield piece
        if not data and len(piece) < PIECE:
            return

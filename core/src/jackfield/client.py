"""The two faces of Jackfield: `Client` blocks, `AsyncClient` awaits. They repeat signatures, never logic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, overload

from .config import ConfigLike, load
from .dispatch import Dispatcher
from .engine import Engine
from .middleware import Middleware
from .operations import ChatOptions, ChatRequest, ChatResponse, MessagesLike, Request
from .registry import Kind, Registry
from .runtime import BlockingRuntime, Runtime, drive
from .settings import nearest
from .stream import AsyncStream, Stream
from .types import ChatEvent, Event

__all__ = ["AsyncClient", "Client"]

E = TypeVar("E", bound=Event)
R = TypeVar("R")


class _Client:
    _blocking: bool

    def __init__(
        self,
        config: ConfigLike = None,
        *,
        middleware: Iterable[Middleware] = (),
        plugins: Mapping[Kind, Mapping[str, object]] | None = None,
    ) -> None:
        """Build a client.

        Args:
            config: a file, a dictionary, or a loaded `Config`; None finds one, see `jackfield.config.load`.
            middleware: further middleware, put into the chain by slot.
            plugins: plugins that are not installed, by kind and name; see `jackfield.registry.Registry`.

        Raises:
            ConfigurationError: names the key, the value and what would be right.
            PluginError: a plugin is missing, cannot be loaded or does not fit.
        """
        loaded = load(config)
        engine = Engine(blocking=self._blocking, name=loaded.engine)
        runtime: Runtime
        if self._blocking:
            runtime = BlockingRuntime(engine)
        else:
            from .runtime.aio import AnyioRuntime  # a blocking client does without anyio, which takes a while

            runtime = AnyioRuntime(engine)
        registry = Registry(plugins)
        self._dispatcher = Dispatcher(loaded, registry, runtime, middleware)
        registry.announce(self)

    @property
    def engine(self) -> str:
        """The HTTP library in use: "httpx" or "httpx2"."""
        return self._dispatcher.runtime.network.name


class Client(_Client):
    """Talks to providers from ordinary code. Threads may share one.

    >>> with Client(config={"default": "mock"}) as client:
    ...     client.chat("Hello").text
    'Hello! I am the mock provider: you said "Hello".'
    """

    _blocking = True

    def chat(
        self,
        messages: MessagesLike | ChatRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatResponse:
        """Ask, and wait for the whole reply.

        Args:
            messages: a string, messages (ours, or OpenAI-shaped dictionaries), or a `ChatRequest`.
            timeout: the deadline of the whole call, in seconds.
            **options: the fields of `ChatRequest`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self.call(_chat_request(messages, options), timeout=timeout)

    def call(self, request: Request[E, R], *, timeout: float | None = None) -> R:
        """Send any request, and wait for the whole reply."""
        return drive(self._dispatcher.begin(request, streaming=False, timeout=timeout).result())

    @overload
    def stream(
        self,
        request: MessagesLike | ChatRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ChatOptions],
    ) -> Stream[ChatEvent, ChatResponse]: ...
    @overload
    def stream(self, request: Request[E, R], *, timeout: float | None = None) -> Stream[E, R]: ...
    def stream(self, request: Any, *, timeout: float | None = None, **options: Any) -> Stream[Any, Any]:
        """Send a request, of chat or of any operation, and read its events as they come.

        Args:
            request: what `chat` takes, or any request.
            timeout: the deadline of the whole call, your own time between events included; none by default.
            **options: the fields of `ChatRequest`.

        Raises:
            JackfieldError: see `jackfield.errors`; that of the call itself come while reading.
        """
        return Stream(self._dispatcher.begin(_any_request(request, options), streaming=True, timeout=timeout))

    def close(self) -> None:
        """Close every connection."""
        drive(self._dispatcher.runtime.network.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Client):
    """Talks to providers from async code, on asyncio or trio. One event loop may use it."""

    _blocking = False

    async def chat(
        self,
        messages: MessagesLike | ChatRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ChatOptions],
    ) -> ChatResponse:
        """Ask, and wait for the whole reply; see `Client.chat`."""
        return await self.call(_chat_request(messages, options), timeout=timeout)

    async def call(self, request: Request[E, R], *, timeout: float | None = None) -> R:
        """Send any request, and wait for the whole reply."""
        return await self._dispatcher.begin(request, streaming=False, timeout=timeout).result()

    @overload
    def stream(
        self,
        request: MessagesLike | ChatRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncStream[ChatEvent, ChatResponse]: ...
    @overload
    def stream(self, request: Request[E, R], *, timeout: float | None = None) -> AsyncStream[E, R]: ...
    def stream(self, request: Any, *, timeout: float | None = None, **options: Any) -> AsyncStream[Any, Any]:
        """Send a request and read its events as they come; see `Client.stream`. Nothing is awaited yet."""
        return AsyncStream(self._dispatcher.begin(_any_request(request, options), streaming=True, timeout=timeout))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._dispatcher.runtime.network.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _chat_request(messages: MessagesLike | ChatRequest, options: Mapping[str, Any]) -> ChatRequest:
    if not isinstance(messages, ChatRequest):
        for name in options:
            if name not in ChatOptions.__annotations__:
                known = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}
                hint = f"did you mean {known[name]!r}?" if name in known else nearest(name, ChatOptions.__annotations__)
                raise TypeError(f"a chat has no option {name!r}; {hint}")
        return ChatRequest(messages=messages, **options)
    if options:
        raise TypeError(f"a ChatRequest is complete: {', '.join(options)} must be set in it")
    return messages


def _any_request(request: Any, options: Mapping[str, Any]) -> Request[Any, Any]:
    if isinstance(request, Request) and not isinstance(request, ChatRequest):
        if options:
            raise TypeError(f"a request is complete: {', '.join(options)} must be set in it")
        return request
    return _chat_request(request, options)

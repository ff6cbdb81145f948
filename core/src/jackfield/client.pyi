# What a type checker sees of the two clients: what they share gives a result here and an awaitable there.
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Self, TypeVar, Unpack, overload

from . import operations as ops
from .config import ConfigLike
from .engine import NetworkOptions
from .middleware import Middleware
from .registry import Kind
from .runtime import Network, Runtime, TransportFunction
from .stream import AsyncStream, Stream
from .types import ChatEvent, Event

__all__ = ["AsyncClient", "Client"]

_A = TypeVar("_A")
_E = TypeVar("_E", bound=Event)
_R = TypeVar("_R")

class _Client:
    def __init__(
        self,
        config: ConfigLike = None,
        *,
        middleware: Iterable[Middleware] = (),
        plugins: Mapping[Kind, Mapping[str, object]] | None = None,
        network: NetworkOptions | Mapping[str, Any] | None = None,
        transport: Network | TransportFunction | Runtime | None = None,
    ) -> None: ...
    @property
    def engine(self) -> str: ...
    def with_options(
        self,
        *,
        timeout: float | None = None,
        middleware: Iterable[Middleware] = (),
        default: str | None = None,
        unsupported: ops.Unsupported | None = None,
    ) -> Self: ...
    @overload
    def provider(self, name: str) -> Any: ...
    @overload
    def provider(self, name: str, kind: type[_A]) -> _A: ...

class Client(_Client):
    def chat(
        self,
        messages: ops.MessagesLike | ops.ChatRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ops.ChatOptions],
    ) -> ops.ChatResponse: ...
    def complete(
        self,
        prompt: ops.PromptLike | ops.CompleteRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ops.CompleteOptions],
    ) -> ops.CompleteResponse: ...
    def embed(
        self,
        texts: ops.PromptLike | ops.EmbedRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ops.EmbedOptions],
    ) -> ops.EmbedResponse: ...
    def models(
        self, provider: str | None = None, *, timeout: float | None = None, **options: Unpack[ops.CommonOptions]
    ) -> ops.ModelsResponse: ...
    def model(
        self, name: str | None = None, *, timeout: float | None = None, **options: Unpack[ops.CommonOptions]
    ) -> ops.ModelResponse: ...
    def call(self, request: ops.Request[_E, _R], *, timeout: float | None = None) -> _R: ...
    @overload
    def stream(
        self,
        request: ops.MessagesLike | ops.ChatRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ops.ChatOptions],
    ) -> Stream[ChatEvent, ops.ChatResponse]: ...
    @overload
    def stream(self, request: ops.Request[_E, _R], *, timeout: float | None = None) -> Stream[_E, _R]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...

class AsyncClient(_Client):
    def chat(
        self,
        messages: ops.MessagesLike | ops.ChatRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ops.ChatOptions],
    ) -> Coroutine[Any, Any, ops.ChatResponse]: ...
    def complete(
        self,
        prompt: ops.PromptLike | ops.CompleteRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ops.CompleteOptions],
    ) -> Coroutine[Any, Any, ops.CompleteResponse]: ...
    def embed(
        self,
        texts: ops.PromptLike | ops.EmbedRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ops.EmbedOptions],
    ) -> Coroutine[Any, Any, ops.EmbedResponse]: ...
    def models(
        self, provider: str | None = None, *, timeout: float | None = None, **options: Unpack[ops.CommonOptions]
    ) -> Coroutine[Any, Any, ops.ModelsResponse]: ...
    def model(
        self, name: str | None = None, *, timeout: float | None = None, **options: Unpack[ops.CommonOptions]
    ) -> Coroutine[Any, Any, ops.ModelResponse]: ...
    def call(self, request: ops.Request[_E, _R], *, timeout: float | None = None) -> Coroutine[Any, Any, _R]: ...
    @overload
    def stream(
        self,
        request: ops.MessagesLike | ops.ChatRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ops.ChatOptions],
    ) -> AsyncStream[ChatEvent, ops.ChatResponse]: ...
    @overload
    def stream(self, request: ops.Request[_E, _R], *, timeout: float | None = None) -> AsyncStream[_E, _R]: ...
    async def aclose(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...

# What a type checker sees of the two clients: what they share gives a result here and an awaitable there.
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Self, TypedDict, TypeVar, Unpack, overload

from . import operations as ops
from .config import ConfigLike
from .engine import NetworkOptions
from .middleware import Middleware
from .registry import Kind
from .runtime import Network, NetworkWrapper, Runtime
from .stream import AsyncStream, Stream
from .types import ChatEvent, Event

__all__ = ["AsyncClient", "Client"]

_A = TypeVar("_A")
_E = TypeVar("_E", bound=Event)
_R = TypeVar("_R")

# The fields of requests, as keyword arguments. A program that passes them on may import these while type checking.
class CommonOptions(TypedDict, total=False):
    options: Mapping[str, Mapping[str, Any]]
    extra_headers: Mapping[str, str] | None
    extra_body: Mapping[str, Any] | None
    unsupported: ops.Unsupported | None

class RequestOptions(CommonOptions, total=False):
    model: str | None

class SamplingOptions(RequestOptions, total=False):
    temperature: float | None
    top_p: float | None
    frequency_penalty: float | None
    presence_penalty: float | None
    max_output_tokens: int | None
    stop: str | Iterable[str] | None
    seed: int | None
    n: int | None
    logit_bias: Mapping[str, float] | None
    user: str | None

class ChatOptions(SamplingOptions, total=False):
    tools: Iterable[ops.ToolLike] | None
    tool_choice: ops.ToolChoiceLike
    parallel_tool_calls: bool | None
    response_format: ops.ResponseFormatLike
    top_k: int | None
    logprobs: bool | None
    top_logprobs: int | None
    reasoning_effort: str | None
    reasoning_budget: int | None
    metadata: Mapping[str, Any] | None
    service_tier: str | None

class CompleteOptions(SamplingOptions, total=False):
    suffix: str | None
    best_of: int | None
    echo: bool | None
    logprobs: int | None

class EmbedOptions(RequestOptions, total=False):
    dimensions: int | None
    user: str | None

class _Client:
    def __init__(
        self,
        config: ConfigLike = None,
        *,
        middleware: Iterable[Middleware] = (),
        plugins: Mapping[Kind, Mapping[str, object]] | None = None,
        network: NetworkOptions | Mapping[str, Any] | None = None,
        transport: Network | NetworkWrapper | Runtime | None = None,
    ) -> None: ...
    @property
    def engine(self) -> str: ...
    @property
    def middleware(self) -> tuple[Middleware, ...]: ...
    def with_options(
        self,
        *,
        timeout: float | None = None,
        middleware: Iterable[Middleware] = (),
        default: str | None = None,
        unsupported: ops.Unsupported | None = None,
    ) -> Self: ...
    @overload
    def provider(self, name: str, kind: None = None) -> Any: ...
    @overload
    def provider(self, name: str, kind: type[_A]) -> _A: ...

class Client(_Client):
    def chat(
        self,
        messages: ops.MessagesLike | ops.ChatRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ChatOptions],
    ) -> ops.ChatResponse: ...
    def complete(
        self,
        prompt: ops.PromptLike | ops.CompleteRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[CompleteOptions],
    ) -> ops.CompleteResponse: ...
    def embed(
        self, texts: ops.PromptLike | ops.EmbedRequest, *, timeout: float | None = None, **options: Unpack[EmbedOptions]
    ) -> ops.EmbedResponse: ...
    def models(
        self, provider: str | None = None, *, timeout: float | None = None, **options: Unpack[CommonOptions]
    ) -> ops.ModelsResponse: ...
    def model(
        self, name: str | None = None, *, timeout: float | None = None, **options: Unpack[CommonOptions]
    ) -> ops.ModelResponse: ...
    def call(self, request: ops.Request[_E, _R], *, timeout: float | None = None) -> _R: ...
    @overload
    def stream(
        self,
        request: ops.MessagesLike | ops.ChatRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ChatOptions],
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
        **options: Unpack[ChatOptions],
    ) -> Coroutine[Any, Any, ops.ChatResponse]: ...
    def complete(
        self,
        prompt: ops.PromptLike | ops.CompleteRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[CompleteOptions],
    ) -> Coroutine[Any, Any, ops.CompleteResponse]: ...
    def embed(
        self, texts: ops.PromptLike | ops.EmbedRequest, *, timeout: float | None = None, **options: Unpack[EmbedOptions]
    ) -> Coroutine[Any, Any, ops.EmbedResponse]: ...
    def models(
        self, provider: str | None = None, *, timeout: float | None = None, **options: Unpack[CommonOptions]
    ) -> Coroutine[Any, Any, ops.ModelsResponse]: ...
    def model(
        self, name: str | None = None, *, timeout: float | None = None, **options: Unpack[CommonOptions]
    ) -> Coroutine[Any, Any, ops.ModelResponse]: ...
    def call(self, request: ops.Request[_E, _R], *, timeout: float | None = None) -> Coroutine[Any, Any, _R]: ...
    @overload
    def stream(
        self,
        request: ops.MessagesLike | ops.ChatRequest,
        *,
        timeout: float | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncStream[ChatEvent, ops.ChatResponse]: ...
    @overload
    def stream(self, request: ops.Request[_E, _R], *, timeout: float | None = None) -> AsyncStream[_E, _R]: ...
    async def aclose(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...

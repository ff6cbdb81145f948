"""The two faces of Jackfield: `Client` blocks, `AsyncClient` awaits.

What a type checker sees of them stands in the stub beside this file: the methods that they share give a result here
and an awaitable there.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, Final, Self, cast, get_args

from attrs import evolve

from .config import Config, load
from .dispatch import Dispatcher
from .engine import Engine, NetworkOptions
from .errors import ConfigurationError, UnsupportedError
from .middleware import Middleware
from .operations import ChatRequest, CompleteRequest, EmbedRequest, ModelRequest, ModelsRequest, Request, Unsupported
from .operations.base import field_names
from .registry import Registry
from .runtime import BlockingRuntime, Network, NetworkWrapper, Runtime, drive
from .settings import nearest, structure
from .stream import AsyncStream, Stream

__all__ = ["AsyncClient", "Client"]

# what other libraries call our fields
ELSEWHERE: Final = dict.fromkeys(("max_tokens", "max_completion_tokens"), "max_output_tokens")
ELSEWHERE["encoding_format"] = "options={'openai': {'encoding_format': ...}}"


class _Client:
    def __init__(self, config=None, *, middleware=(), plugins=None, network=None, transport=None):
        """Build a client.

        Args:
            config: a file, a dictionary, or a loaded `Config`; None finds one, see `jackfield.config.load`.
            middleware: further middleware, put into the chain by slot.
            plugins: plugins that are not installed, by kind and name; see `jackfield.registry.Registry`.
            network: in place of the configuration's table `network`.
            transport: in place of the network: an object with the methods of `jackfield.runtime.Network`, one that is
                wrapped around the network (`jackfield.runtime.NetworkWrapper`), or a whole runtime.
                `jackfield-testkit` makes one of a function, and of a recording.

        Raises:
            ConfigurationError: names the key, the value and what would be right.
            PluginError: a plugin is missing, cannot be loaded or does not fit.
        """
        loaded = load(config)
        if network is not None:
            given = network if isinstance(network, NetworkOptions) else structure(NetworkOptions, network, "network")
            loaded = evolve(loaded, network=given)
        runtime = _runtime(self._blocking, loaded, transport)
        registry = Registry(plugins, loaded.allow_plugins)
        self._dispatcher = Dispatcher(loaded, registry, runtime, middleware)
        registry.announce(self)

    @property
    def engine(self) -> str:
        """The HTTP library in use: "httpx" or "httpx2"."""
        return self._dispatcher.runtime.network.name

    @property
    def middleware(self) -> tuple[Middleware, ...]:
        """The chain of middleware, from the outside in."""
        return tuple(self._dispatcher.layers)

    def with_options(self, *, timeout=None, middleware=(), default=None, unsupported=None):
        """Make a client over the same connections, with some things changed.

        Closing it closes the middleware that was added, and leaves this one open; closing this one closes both.

        Args:
            timeout: the deadline of each call, streams included, that is given none of its own, in seconds.
            middleware: further middleware, put into the chain by slot.
            default: the model to use where a request names none.
            unsupported: what becomes of a field that a provider cannot carry.

        Raises:
            ConfigurationError: names the option, the value and what would be right.
        """
        if default is not None and not (isinstance(default, str) and default):
            raise ConfigurationError(f"default: expected 'provider:model' or an alias, got {default!r}")
        if unsupported is not None and unsupported not in get_args(Unsupported):
            raise ConfigurationError(f"unsupported: expected error, warn or drop, got {unsupported!r}")
        dispatcher = self._dispatcher.derive(middleware, timeout, default=default, unsupported=unsupported)
        derived = copy(self)
        vars(derived)["_dispatcher"] = dispatcher
        dispatcher.registry.announce(derived)
        return derived

    def chat(self, messages: Any, *, timeout: float | None = None, **options: Any) -> Any:
        """Ask, and wait for the whole reply.

        Args:
            messages: a string, messages (ours, or OpenAI-shaped dictionaries), or a `ChatRequest`.
            timeout: the deadline of the whole call, in seconds.
            **options: the fields of `ChatRequest`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self.call(_built(ChatRequest, "messages", messages, options), timeout=timeout)

    def complete(self, prompt: Any, *, timeout: float | None = None, **options: Any) -> Any:
        """Have a text continued, in the older way that few models still have.

        Args:
            prompt: the text; several, tokens, or a `CompleteRequest`.
            timeout: the deadline of the whole call, in seconds.
            **options: the fields of `CompleteRequest`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self.call(_built(CompleteRequest, "prompt", prompt, options), timeout=timeout)

    def embed(self, texts: Any, *, timeout: float | None = None, **options: Any) -> Any:
        """Turn texts into vectors.

        Args:
            texts: one text, several, tokens, or an `EmbedRequest`.
            timeout: the deadline of the whole call, in seconds.
            **options: the fields of `EmbedRequest`.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self.call(_built(EmbedRequest, "input", texts, options), timeout=timeout)

    def models(self, provider: str | None = None, *, timeout: float | None = None, **options: Any) -> Any:
        """List the models of a provider: of the named one, or of the default model's.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self.call(_built(ModelsRequest, "model", provider, options), timeout=timeout)

    def model(self, name: str | None = None, *, timeout: float | None = None, **options: Any) -> Any:
        """Ask what a provider says of one model.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self.call(_built(ModelRequest, "model", name, options), timeout=timeout)

    def call(self, request: Request[Any, Any], *, timeout: float | None = None) -> Any:
        """Send any request, and wait for the whole reply.

        Raises:
            JackfieldError: see `jackfield.errors`.
        """
        return self._finished(self._dispatcher.begin(request, streaming=False, timeout=timeout).result())

    def stream(self, request: Any, *, timeout: float | None = None, **options: Any) -> Any:
        """Send a request, of chat or of any operation, and read its events as they come.

        Args:
            request: what `chat` takes, or any request.
            timeout: the deadline of the whole call, your own time between events included; none by default.
            **options: the fields of `ChatRequest`.

        Raises:
            JackfieldError: see `jackfield.errors`; that of the call itself come while reading.
        """
        kind = type(request) if isinstance(request, Request) else ChatRequest
        request = _built(kind, "messages", request, options)
        return self._streamed(self._dispatcher.begin(request, streaming=True, timeout=timeout))

    def provider(self, name: str, kind: type[Any] | None = None) -> Any:
        """What a provider has beyond the operations of the core, in its plugin's own words.

        Args:
            name: the name of the instance.
            kind: the class that it should be, for a type checker and for a check.

        Raises:
            UnsupportedError: the provider has nothing beyond them, or something of another class.
        """
        accessor = self._dispatcher.provider(name).accessor
        if accessor is None or (kind is not None and not issubclass(accessor, kind)):
            has = accessor.__name__ if accessor else "nothing beyond the operations that every client has"
            raise UnsupportedError(f"provider {name!r} has {has}" + (f", and no {kind.__name__}" if kind else ""))
        return accessor(self, name)


class Client(_Client):
    """Talks to providers from ordinary code. Threads may share one.

    >>> with Client(config={"default": "mock"}) as client:
    ...     client.chat("Hello").text
    'Hello! I am the mock provider: you said "Hello".'
    """

    _blocking = True
    _finished = staticmethod(drive)
    _streamed = Stream

    def close(self) -> None:
        """Close every connection; that of a client made by `with_options` leaves them to the one it was made of."""
        drive(self._dispatcher.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(_Client):
    """Talks to providers from async code, on asyncio or trio. Each event loop has connections of its own."""

    _blocking = False
    _finished = staticmethod(lambda result: result)  # whoever calls awaits it
    _streamed = AsyncStream

    async def aclose(self) -> None:
        """Close every connection; see `Client.close`. Other event loops close theirs themselves."""
        await self._dispatcher.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _runtime(blocking: bool, config: Config, transport: Network | NetworkWrapper | Runtime | None) -> Runtime:
    if isinstance(transport, Runtime):
        if transport.blocking != blocking:
            raise ConfigurationError("transport: this runtime is of the other kind of client")
        return transport
    wrap = (lambda network: network) if transport is None else getattr(transport, "wrap", None)
    network = wrap(Engine(blocking=blocking, name=config.engine, options=config.network)) if wrap else transport
    if not hasattr(network, "send"):
        what = "jackfield_testkit.FunctionNetwork(...)" if callable(network) else "a Network"
        raise ConfigurationError(f"transport: expected {what}, got {type(network).__name__}")
    if blocking:
        return BlockingRuntime(network)
    from .runtime.aio import AnyioRuntime  # a blocking client does without anyio, which takes a while

    return AnyioRuntime(network)


def _built(cls: type[Request[Any, Any]], name: str, value: Any, options: Mapping[str, Any]) -> Request[Any, Any]:
    """A request of this class, whose chief field has this name and value; or the value, where it is one already."""
    if isinstance(value, Request):
        if not isinstance(value, cls):
            raise TypeError(f"expected a {cls.__name__}, got a {type(value).__name__}; `call` takes any request")
        if options:
            raise TypeError(f"a {cls.__name__} is complete: {', '.join(options)} must be set in it")
        return value
    fields = field_names(cast("Any", cls), (name,))
    for option in options:
        if option not in fields:
            elsewhere = ELSEWHERE.get(option)
            hint = f"did you mean {elsewhere!r}?" if elsewhere else nearest(option, fields)
            raise TypeError(f"{cls.operation.name}: no option {option!r}; {hint}")
    return cls(**{name: value}, **options)

"""Turns requests into calls: finds the target, makes its provider, and opens the chain. Both clients share it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from copy import copy
from typing import Any, Final, TypeVar

import attrs
from attrs import evolve

from .call import Call, Ledger, Target
from .config import Config, Place
from .errors import BadRequestError, ConfigurationError, NothingConfiguredError, StreamStateError
from .exchange import last, settle
from .health import Health
from .instances import Instances
from .middleware import Middleware, Stage, compose, in_order
from .operations import ChatRequest, CompleteRequest, Operation, Request
from .provider import Provider
from .registry import Registry
from .runtime import Control, Runtime
from .settings import nearest
from .stream import Flow
from .types import Event

__all__ = ["Dispatcher"]

LONGEST: Final = 31_536_000
JOINED: Final = ("options", "extra_headers", "extra_body")

E = TypeVar("E", bound=Event)
R = TypeVar("R")


class Dispatcher:
    """What a client is made of, whatever its colour.

    Raises:
        ConfigurationError: the configuration cannot work; `NothingConfiguredError` where there is none.
    """

    def __init__(self, config: Config, registry: Registry, runtime: Runtime, middleware: Iterable[Middleware]) -> None:
        self.config = config
        self.runtime = runtime
        self.registry = registry
        self._instances = instances = Instances(config, registry)
        ambient = instances.ambient() if not config.default else None
        if config.empty and ambient is None:
            if config.environment.get("OPENAI_API_KEY"):
                raise ConfigurationError("OPENAI_API_KEY is set, but its plugin is not there: install jackfield-openai")
            key = "set OPENAI_API_KEY (in the environment or in .env.local), or write a jackfield.toml"
            trial = "to try without a provider, use model='mock' with config={}"
            raise NothingConfiguredError(f"no provider is configured: {key}; {trial}")
        only = next(iter(config.providers)) if len(config.providers) == 1 else ambient
        self.default: str | None = config.default or only
        self.parent: Dispatcher | None = None
        self._healths: dict[Target, Health] = {}  # shared by those derived from this one
        self._closed = False
        self.timeout: float | None = None
        self.layers: list[Middleware] = instances.middleware()
        self.own: list[Middleware] = self.layers
        self.chain(middleware)

    def derive(self, middleware: Iterable[Middleware], timeout: float | None, **changes: Any) -> Dispatcher:
        """Another one over the same connections, providers and plugins, with more middleware and other settings."""
        _check_timeout(timeout)
        derived = copy(self)
        derived.parent, derived.own = self, []
        derived.timeout = timeout if timeout is not None else self.timeout
        derived.config = evolve(self.config, **{key: value for key, value in changes.items() if value is not None})
        derived.default = derived.config.default or self.default
        derived.chain(middleware)
        return derived

    def provider(self, name: str) -> Provider:
        """The provider instance of this name; see `Instances.provider`."""
        return self._instances.provider(name)

    def health(self, target: Target) -> Health:
        """How a target fares; see `Call.health`."""
        if len(self._healths) >= 1000:  # models may come from anybody
            for well in [one for one, health in self._healths.items() if not health.failures and health.until is None]:
                self._healths.pop(well, None)
        return self._healths.get(target) or self._healths.setdefault(target, Health())

    def chain(self, middleware: Iterable[Middleware]) -> None:
        """Put further middleware into the chain."""
        if not isinstance(middleware, Iterable):
            raise ConfigurationError(f"middleware: expected a list of middleware, got {type(middleware).__name__}")
        added = [*middleware]
        self.own = [*self.own, *added]
        self.layers = in_order([*self.layers, *added], self.config.slots)
        self._open = compose([*self.layers, settle], last(self._instances.provider))

    @property
    def closed(self) -> bool:
        """Whether it was closed, or the one that it was derived from."""
        return self._closed or (self.parent is not None and self.parent.closed)

    async def aclose(self) -> None:
        """Serve no more calls; close the middleware and the connections, where they are its own."""
        async with AsyncExitStack() as stack:  # which closes the others where one fails
            if self.parent is None:
                stack.push_async_callback(self.runtime.network.aclose)
            for layer in [] if self._closed else reversed(self.own):
                if close := getattr(layer, "aclose", None):
                    stack.push_async_callback(close, self.runtime)
            self._closed = True

    def begin(
        self, request: Request[E, R], *, streaming: bool, timeout: float | None = None, within: Call[Any] | None = None
    ) -> Flow[E, R]:
        """A call that has not begun: its first event is asked for by whoever reads the flow.

        `within` is the call that asks for it.
        """
        if self.closed:
            raise StreamStateError("the client is closed")
        if not isinstance(request, Request):
            raise BadRequestError(f"expected a request, got {request!r:.80}; `chat` takes texts and messages")
        _check_timeout(timeout)
        timeout = timeout if timeout is not None else self.timeout
        operation = request.operation
        target, alias, settings = self._target(request.model, operation)
        if settings:
            request = _filled(request, settings, self.config.place("models", str(alias)))
        control = Control() if within is None else within.runtime.control.child()
        timeouts = self.config.timeouts
        unsupported = request.unsupported or self.config.unsupported
        ledger = Ledger(None if within is None else within.ledger)
        total = timeout if timeout is not None else None if streaming else timeouts.total

        def opened() -> Stage:
            scopes, depth = ((), 0) if within is None else (within.scopes, within.depth + 1)
            deadline = None if within is None else within.deadline
            if deadline is None and total is not None:
                deadline = self.runtime.now() + total
            runtime = self.runtime.bind(control, deadline, scopes)
            what = (operation, request, target, runtime, alias, streaming, deadline, timeouts)
            return self._open(Call(*what, scopes, depth, self, unsupported, ledger))

        what = (target.provider, target.model, operation.name)
        return Flow(self.runtime, control, what, operation.fold(request), ledger, opened)

    async def ask(self, call: Call[Any], request: Request[Any, R]) -> R:
        """Send another request as a part of a call; see `Call.ask`."""
        flow = self.begin(request, streaming=False, within=call)
        try:
            return await flow.result()
        finally:
            call.runtime.control.part(flow.control)

    def _target(
        self, model: str | None, operation: Operation[Any, Any]
    ) -> tuple[Target, str | None, Mapping[str, Any]]:
        named = model or self.default
        if named is None:
            names = " or ".join(map(repr, sorted(self.config.providers)))
            among = f"set `default` in the configuration{names and f' to a model of {names}'}"
            raise ConfigurationError(f"no model was named, and there is no default: {among}")
        where: Place | str = self.config.place("default") if not model and self.config.default else f"model {named!r}"
        alias: str | None = None
        settings: Mapping[str, Any] = {}
        passed: list[str] = []
        while (found := self.config.models.get(named)) is not None:
            where = self.config.place("models", named)
            if named in passed:
                raise where.error(f"{' -> '.join([*passed, named])} is a circle")
            if len(found.targets) > 1:
                raise where.error("a list of targets needs a fallback middleware, and there is none")
            passed.append(named)
            settings = _joined(found.settings, settings)
            alias, named = alias or named, found.targets[0]
        provider, _, model = named.partition(":")
        if provider not in self._instances.names:
            known = self.config.models.keys() | self._instances.names
            what = f"expected 'provider:model' or an alias, and {provider!r} is neither an alias nor a provider"
            raise ConfigurationError(f"{where}: {what}; {nearest(provider, known)}")
        if not operation.of_model:
            return Target(provider, ""), alias, settings
        model = model or self._instances.provider(provider).default_models.get(operation.name, "")
        if not model:
            what = f"provider {provider!r} has no default model for {operation.name!r}"
            raise ConfigurationError(f"{where}: {what}; write '{provider}:model'")
        return Target(provider, model), alias, settings


def _check_timeout(timeout: object) -> None:
    if timeout is not None and (not isinstance(timeout, int | float) or not 0 < timeout <= LONGEST):
        raise BadRequestError(f"timeout: expected seconds above 0, and at most {LONGEST} (a year), got {timeout!r}")


def _settings(cls: type[Any]) -> set[str]:
    return {field.name for field in attrs.fields(cls) if field.default is not attrs.NOTHING} - {"model"}


def _joined(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables as one, and so with the tables in them; what `over` says goes first."""
    both = {**under, **over}
    for key in under.keys() & over.keys():
        if isinstance(under[key], Mapping) and isinstance(over[key], Mapping):
            both[key] = _joined(under[key], over[key])
    return both


def _filled(request: Any, settings: Mapping[str, Any], where: Place) -> Any:
    fields = _settings(type(request))
    for key in settings:
        # one that chats and completions have may stand there for these, also where texts are to be embedded
        if key not in fields | _settings(ChatRequest) | _settings(CompleteRequest):
            raise (where / key).error(f"no such setting of a request; {nearest(key, fields)}")
    changes = {key: value for key, value in settings.items() if key in fields and getattr(request, key) is None}
    for name in JOINED:
        if isinstance(table := settings.get(name), Mapping) and isinstance(own := getattr(request, name), Mapping):
            changes[name] = _joined(table, own)
    try:
        return evolve(request, **changes)
    except BadRequestError as error:
        raise where.adopted(ConfigurationError(error.message), settings) from None

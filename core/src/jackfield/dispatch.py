"""Turns requests into calls: finds the target, makes its provider, and opens the chain. Both clients share it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import attrs
from attrs import evolve

from .call import Call, Target
from .config import Config, Sourced
from .endpoint import Endpoint
from .errors import BadRequestError, ConfigurationError, NothingConfiguredError
from .exchange import last, settle
from .middleware import Middleware, Stage, compose, in_order
from .operations import Request
from .provider import Provider
from .registry import Registry
from .runtime import Control, Lock, Runtime
from .settings import nearest
from .stream import Flow
from .types import Event

__all__ = ["Dispatcher"]

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
        self._providers: dict[str, Provider] = {}
        self._making = Lock()
        if config.empty and self._ambient() is None:
            raise NothingConfiguredError(
                "no provider is configured: set OPENAI_API_KEY (in the environment or in .env.local), "
                "or write a jackfield.toml; to try without a provider, use model='mock' with config={}"
            )
        if not isinstance(middleware, Iterable):
            raise ConfigurationError(f"middleware: expected a list of middleware, got {middleware!r}")
        layers = in_order([*self._configured(), *middleware])
        self._open = compose([*layers, settle], last(self.provider))

    def begin(self, request: Request[E, R], *, streaming: bool, timeout: float | None = None) -> Flow[E, R]:
        """A call that has not begun: its first event is asked for by whoever reads the flow."""
        _check_timeout(timeout)
        operation = request.operation
        target, alias, settings = self._target(request.model, operation.name)
        if settings:
            request = _filled(request, settings, f"{self.config.prefix}models.{alias}")
        control = Control()
        runtime = self.runtime.bind(control)
        timeouts = self.config.timeouts

        total = timeout if timeout is not None else None if streaming else timeouts.total

        def opened() -> Stage:
            control.deadline = None if total is None else runtime.now() + total
            return self._open(Call(operation, request, target, runtime, alias, streaming, control.deadline, timeouts))

        return Flow(runtime, control, operation, opened)

    def provider(self, name: str) -> Provider:
        """The provider instance of this name, made at its first use.

        Raises:
            ConfigurationError: no such instance, or its settings are wrong.
        """
        made = self._providers.get(name)
        if made is None:
            with self._making:  # threads share a client: a plugin is loaded, and a provider made, once
                made = self._providers.get(name) or self._providers.setdefault(name, self._make(name))
        return made

    def _target(self, model: str | None, operation: str) -> tuple[Target, str | None, Mapping[str, Any]]:
        named = model or self._default()
        alias: str | None = None
        settings: Mapping[str, Any] = {}
        passed: list[str] = []
        while (found := self.config.models.get(named)) is not None:
            if named in passed:
                raise ConfigurationError(f"{self.config.prefix}models: {' -> '.join([*passed, named])} is a circle")
            passed.append(named)
            settings = {**found.settings, **settings}
            alias, named = alias or named, found.target
        provider, _, model = named.partition(":")
        if not self._known(provider):
            known = self.config.models.keys() | self.config.providers.keys() | self.registry.names("provider")
            raise ConfigurationError(
                f"model {named!r}: expected 'provider:model' or an alias, and {provider!r} is neither an alias nor a "
                f"provider; {nearest(provider, known)}"
            )
        model = model or self.provider(provider).default_models.get(operation, "")
        if not model:
            raise ConfigurationError(
                f"model {named!r}: provider {provider!r} has no default model for {operation!r}; "
                f"write '{provider}:model'"
            )
        return Target(provider, model), alias, settings

    def _known(self, provider: str) -> bool:
        return provider in self.config.providers or provider in self.registry.names("provider")

    def _default(self) -> str:
        if self.config.default:
            return self.config.default
        if len(self.config.providers) == 1:
            return next(iter(self.config.providers))
        ambient = self._ambient()
        if ambient is None:
            raise ConfigurationError("no model was named, and there is no default: set `default` in the configuration")
        return ambient

    def _ambient(self) -> str | None:
        """The first installed provider whose own variables are set."""
        find = self.config.environment.get
        for name in sorted(self.registry.names("provider")):
            keys = {key for key in ("api_key", "base_url") if find(_variable(name, key))}
            # only what a plugin has a setting for is its variable: MOCK_BASE_URL chooses nothing
            if keys and keys & {field.alias for field in _fields(self.registry.settings_class("provider", name))}:
                return name
        return None

    def _make(self, name: str) -> Provider:
        config = self.config
        raw = dict(config.providers.get(name, {}))
        plugin = raw.pop("plugin", name)
        where = f"{config.prefix}providers.{name}"
        cls = self.registry.settings_class("provider", plugin)
        sources: dict[str, str] = {}
        for key, value in raw.items():
            found = config.resolved(value, f"{where}.{key}")
            sources[key] = config.source
            if isinstance(found, Sourced):
                raw[key], sources[key] = found.value, found.source
        defaults = {field.alias: field.default for field in _fields(cls)}
        for key in ("api_key", "base_url") if name == plugin else ():
            if key in defaults and raw.get(key) is None and (found := config.environment.get(_variable(name, key))):
                raw[key], sources[key] = found.value, found.source
        if "api_key" in sources and "base_url" in sources:
            self._check_binding(where, raw["base_url"], sources, defaults.get("base_url"))
        made = self.registry.make("provider", plugin, name, raw, where)
        if not isinstance(made, Provider):
            raise ConfigurationError(f"{where}: plugin {plugin!r} made a {type(made).__name__}, which is no Provider")
        return made

    def _check_binding(self, where: str, base_url: Any, sources: Mapping[str, str], own: Any) -> None:
        """A key goes to the origin that its own source names, or that its plugin knows, and to no other."""
        key_from, url_from = sources["api_key"], sources["base_url"]
        if key_from == url_from or (self.config.trusted and url_from == self.config.source):
            return
        endpoint = Endpoint.parse(base_url, name=f"{where}.base_url")
        if endpoint.loopback or (isinstance(own, str) and endpoint.origin == Endpoint.parse(own).origin):
            return
        raise ConfigurationError(
            f"{where}: the key from {key_from} would be sent to {endpoint.origin}, which {url_from} names; "
            "write key and base_url in the same place, or name the configuration file yourself "
            "(config=..., --config or JACKFIELD_CONFIG)"
        )

    def _plain(self, value: Any, where: str) -> Any:
        found = self.config.resolved(value, where)
        return found.value if isinstance(found, Sourced) else found

    def _configured(self) -> list[Middleware]:
        made: list[Middleware] = []
        for index, item in enumerate(self.config.middleware):
            use = item["use"]
            where = f"{self.config.prefix}middleware[{index}]"
            settings = {key: self._plain(value, f"{where}.{key}") for key, value in item.items() if key != "use"}
            found = self.registry.make("middleware", use, use, settings, where)
            made += found if isinstance(found, list | tuple) else [found]
        return made


def _check_timeout(timeout: object) -> None:
    if timeout is not None and (not isinstance(timeout, int | float) or not timeout > 0):
        raise BadRequestError(f"timeout: expected seconds above 0, got {timeout!r}")


def _fields(cls: type[Any] | None) -> tuple[attrs.Attribute[Any], ...]:
    return () if cls is None else attrs.fields(cls)


def _variable(provider: str, key: str) -> str:
    return f"{provider}_{key}".upper().replace("-", "_")


def _filled(request: Any, settings: Mapping[str, Any], where: str) -> Any:
    fields = {field.alias for field in attrs.fields(type(request))} - {"model", "messages"}
    for key in settings:
        if key not in fields:
            raise ConfigurationError(f"{where}.{key}: no such setting of a request; {nearest(key, fields)}")
    changes = {key: value for key, value in settings.items() if getattr(request, key) in (None, {})}
    try:
        return evolve(request, **changes)
    except BadRequestError as error:
        raise ConfigurationError(f"{where}: {error.message}") from None

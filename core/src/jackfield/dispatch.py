"""Turns requests into calls: finds the target, makes its provider, and opens the chain. Both clients share it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import attrs
from attrs import evolve

from .call import Call, Ledger, Target
from .config import Config, Place
from .errors import BadRequestError, ConfigurationError, NothingConfiguredError
from .exchange import last, settle
from .instances import Instances
from .middleware import Middleware, Stage, compose, in_order
from .operations import Operation, Request
from .registry import Registry
from .runtime import Control, Runtime
from .settings import nearest
from .stream import Flow
from .types import Event

__all__ = ["Dispatcher"]

LONGEST: Final = 31_536_000

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
                raise ConfigurationError(
                    "OPENAI_API_KEY is set, but the provider plugin 'openai' is not installed: install jackfield-openai"
                )
            raise NothingConfiguredError(
                "no provider is configured: set OPENAI_API_KEY (in the environment or in .env.local), "
                "or write a jackfield.toml; to try without a provider, use model='mock' with config={}"
            )
        self._default = config.default or (next(iter(config.providers)) if len(config.providers) == 1 else ambient)
        if not isinstance(middleware, Iterable):
            raise ConfigurationError(f"middleware: expected a list of middleware, got {type(middleware).__name__}")
        layers = in_order([*instances.middleware(), *middleware])
        self._open = compose([*layers, settle], last(instances.provider))

    def begin(self, request: Request[E, R], *, streaming: bool, timeout: float | None = None) -> Flow[E, R]:
        """A call that has not begun: its first event is asked for by whoever reads the flow."""
        _check_timeout(timeout)
        operation = request.operation
        target, alias, settings = self._target(request.model, operation)
        if settings:
            request = _filled(request, settings, self.config.place("models", str(alias)))
        control = Control()
        runtime = self.runtime.bind(control)
        timeouts = self.config.timeouts

        unsupported = request.unsupported or self.config.unsupported
        ledger = Ledger()
        total = timeout if timeout is not None else None if streaming else timeouts.total

        def opened() -> Stage:
            control.deadline = None if total is None else runtime.now() + total
            return self._open(
                Call(
                    operation,
                    request,
                    target,
                    runtime,
                    alias,
                    streaming,
                    control.deadline,
                    timeouts,
                    unsupported,
                    ledger,
                )
            )

        return Flow(runtime, control, operation.fold(request), ledger, opened)

    def _target(
        self, model: str | None, operation: Operation[Any, Any]
    ) -> tuple[Target, str | None, Mapping[str, Any]]:
        named = model or self._default
        if named is None:
            among = f", to one of {', '.join(sorted(self.config.providers))} or a model of it" * bool(
                self.config.providers
            )
            raise ConfigurationError(
                f"no model was named, and there is no default: set `default` in the configuration{among}"
            )
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
            settings = {**found.settings, **settings}
            alias, named = alias or named, found.target
        provider, _, model = named.partition(":")
        if provider not in self._instances.names:
            known = self.config.models.keys() | self._instances.names
            raise ConfigurationError(
                f"{where}: expected 'provider:model' or an alias, and {provider!r} is neither an alias nor a "
                f"provider; {nearest(provider, known)}"
            )
        if not operation.of_model:
            return Target(provider, ""), alias, {}
        model = model or self._instances.provider(provider).default_models.get(operation.name, "")
        if not model:
            raise ConfigurationError(
                f"{where}: provider {provider!r} has no default model for {operation.name!r}; write '{provider}:model'"
            )
        return Target(provider, model), alias, settings


def _check_timeout(timeout: object) -> None:
    if timeout is not None and (not isinstance(timeout, int | float) or not 0 < timeout <= LONGEST):
        raise BadRequestError(f"timeout: expected seconds above 0, and at most {LONGEST} (a year), got {timeout!r}")


def _filled(request: Any, settings: Mapping[str, Any], where: Place) -> Any:
    cls = type(request)
    fields = {field.alias for field in attrs.fields(cls) if field.default is not attrs.NOTHING} - {"model"}
    for key in settings:
        if key not in fields:
            raise (where / key).error(f"no such setting of a request; {nearest(key, fields)}")
    changes = {key: value for key, value in settings.items() if getattr(request, key) is None}
    if isinstance(options := settings.get("options"), Mapping):
        changes["options"] = {**options, **request.options}
    try:
        return evolve(request, **changes)
    except BadRequestError as error:
        key, _, rest = error.message.partition(": ")
        raise ((where / key).error(rest) if key in settings else where.error(error.message)) from None

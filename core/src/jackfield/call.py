"""A call: one operation under way."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from attrs import Attribute, Factory, define, evolve, field, frozen

from .errors import ConfigurationError, PluginError, UnsupportedError, UnsupportedWarning
from .health import Health
from .operations import Notice, Operation, Request, Response, Unsupported
from .runtime import Runtime, Scope

if TYPE_CHECKING:
    from .dispatch import Dispatcher

__all__ = ["Call", "Ledger", "Target", "Timeouts"]

DEPTH: Final = 8

E = TypeVar("E")
R = TypeVar("R")
Q_co = TypeVar("Q_co", bound=Request[Any, Any], covariant=True)


@frozen
class Target:
    """Where a call goes: the name of a provider instance, and a model as that provider names it."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}" if self.model else self.provider


def _positive(_: object, attribute: Attribute[Any], value: float | None) -> None:
    if value is not None and not value > 0:
        raise ConfigurationError(f"{attribute.name}: expected seconds above 0, or inf for no bound, got {value!r}")


def _bound(seconds: float) -> Any:
    return field(default=seconds, converter=lambda value: None if value == float("inf") else value, validator=_positive)


@frozen
class Timeouts:
    """Bounds in seconds; None, or inf in a configuration, is no bound.

    Attributes:
        connect: for a connection.
        total: for a call that is not streamed, everything included. It is a deadline: retries share it.
        first: for the first event of a stream.
        silence: for the time between two reads of a stream.

    Raises:
        ConfigurationError: a bound is not above 0.
    """

    connect: float | None = _bound(10.0)
    total: float | None = _bound(600.0)
    first: float | None = _bound(300.0)
    silence: float | None = _bound(120.0)


@define(eq=False)
class Ledger:
    """What one call keeps across its attempts, for all who have a hand in it.

    Attributes:
        parent: that of the call which asked for this one.
        attempts: how often a provider was asked.
        budget: how often one may be asked in all, as the first who minds has set it.
        reserved: how many of these are kept for targets that were not tried yet.
        cache: what a cache did: "hit", "miss", ...
        kept: what a middleware keeps for this call, under a key of its own.
    """

    parent: Ledger | None = None
    attempts: int = 0
    budget: int | None = None
    reserved: int = 0
    cache: str | None = None
    kept: dict[object, Any] = field(factory=dict)
    _notices: dict[tuple[str, str], Notice] = field(factory=dict, init=False)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What was written down."""
        return tuple(self._notices.values())

    def note(self, notice: Notice) -> None:
        """Write something down; what a second attempt says again stands there once."""
        self._notices[notice.kind, notice.field] = notice

    def sealed(self, response: R) -> R:
        """The response that a fold has just made, with what was written down."""
        if isinstance(response, Response):
            # nobody has seen it but the fold that has just made it, and a copy would cost as much as the fold
            object.__setattr__(response, "attempts", self.attempts)
            if self._notices:
                object.__setattr__(response, "warnings", (*response.warnings, *self.notices))
        return response


@frozen
class Call(Generic[Q_co]):
    """What middleware and providers see of a call. It is a value: change it with `evolve`.

    Attributes:
        operation: what is asked for.
        request: the request, with the alias's own settings filled in.
        target: the provider and model that serve it.
        alias: the name that the caller used for the target, or None.
        runtime: the door to the outside.
        streaming: whether the caller reads the events one by one.
        deadline: when the whole call must be over, in seconds of `runtime.now()`, or None.
        timeouts: the bounds that are not the deadline.
        targets: all that the alias names, in order; without a middleware that falls back there is one.
        scopes: context managers around each step that reaches outside; see `scoped`.
        depth: how many calls this one is nested in.
        unsupported: what becomes of a field that the provider cannot carry.
        ledger: what the call keeps across its attempts.
    """

    operation: Operation[Any, Any]
    request: Q_co
    target: Target
    runtime: Runtime = field(repr=False)
    alias: str | None = None
    streaming: bool = False
    deadline: float | None = None
    timeouts: Timeouts = field(factory=Timeouts)
    scopes: tuple[Scope, ...] = field(default=(), repr=False)
    depth: int = 0
    _home: Dispatcher | None = field(default=None, repr=False, eq=False)
    unsupported: Unsupported = "error"
    ledger: Ledger = field(factory=Ledger, repr=False, eq=False)
    targets: tuple[Target, ...] = field(default=Factory(lambda call: (call.target,), takes_self=True), kw_only=True)

    def evolve(self, **changes: Any) -> Self:
        """A copy with some fields changed. Its runtime keeps to the deadline and the scopes that it then has."""
        if "deadline" in changes or "scopes" in changes:
            runtime: Runtime = changes.get("runtime", self.runtime)
            deadline, scopes = changes.get("deadline", self.deadline), changes.get("scopes", self.scopes)
            changes["runtime"] = runtime.bind(runtime.control, deadline, scopes)
        if "target" in changes:
            changes.setdefault("targets", (changes["target"],))
        return evolve(self, **changes)

    def report(self, name: str, why: str) -> None:
        """Say that a field of the request cannot be carried, before it is left out.

        Raises:
            UnsupportedError: unless the caller allows that it is left out.
        """
        if self.unsupported == "error":
            raise UnsupportedError(f"{name}: {why}; with unsupported='warn' or 'drop' it would be left out")
        self.ledger.note(Notice("unsupported", name, why))
        if self.unsupported == "warn":
            warnings.warn(f"{self.target}: {name} is left out: {why}", UnsupportedWarning, stacklevel=2)

    def rewrote(self, name: str, how: str) -> None:
        """Say that a field of the request is sent in another form that means the same."""
        self.ledger.note(Notice("rewritten", name, how))

    def scoped(self, scope: Scope) -> Self:
        """A copy with one more scope: a function that makes a context manager, as `lambda: my_span.activate()`.

        The runtime enters it around each step that reaches outside (sending, reading, `sleep`, `wait`, `run`), and
        leaves it before the step's result goes on. So a context variable that it sets is visible there, and never
        to whoever reads the events.
        """
        return self.evolve(scopes=(*self.scopes, scope))

    async def ask(self, request: Request[E, R]) -> R:
        """Send another request through the same chain, as a part of this call, and wait for the whole reply.

        It has this call's deadline and scopes, and ends when this call is closed or cancelled.

        Raises:
            PluginError: calls are nested too deeply, as when a middleware asks without end.
            JackfieldError: see `jackfield.errors`.
        """
        if self._home is None:
            raise PluginError("a call that no client began cannot ask another")
        if self.depth >= DEPTH:
            raise PluginError(f"calls are nested {DEPTH} deep: does a middleware ask for each of its own calls?")
        return await self._home.ask(self, request)

    def health(self, target: Target | None = None) -> Health:
        """How this call's target fares, or another; the calls of a client and of those derived from it share it."""
        return Health() if self._home is None else self._home.health(target or self.target)

    @property
    def idempotency_header(self) -> str | None:
        """The header by which the target's provider knows a request that comes again; see `Provider`."""
        return None if self._home is None else self._home.provider(self.target.provider).idempotency_header

    async def identity(self) -> str:
        """An opaque fingerprint of who answers and for whom: targets, providers' settings, addresses, credentials.

        Replies to two calls whose fingerprints differ must not stand in for one another.

        Raises:
            ConfigurationError: a provider is not configured.
        """
        if self._home is None:
            raise PluginError("a call that no client began has no provider")
        found = []
        for target in self.targets:
            found += [await self._home.provider(target.provider).identity(self.runtime), target.model]
        return "\n".join(found)

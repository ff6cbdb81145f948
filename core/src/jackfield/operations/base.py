"""What an operation is: a name, how its events fold into a response, whether a repeat is safe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeAlias, TypeVar

from attrs import field, frozen

from ..types import Event, RateLimit, Start, Unrecognized, Usage, UsageReported
from ..types.content import Brief
from .checks import a, headers, one_of, options

__all__ = ["Fold", "Notice", "Operation", "Request", "Response", "ResponseFold", "Unsupported"]

E_contra = TypeVar("E_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
E = TypeVar("E")
R = TypeVar("R")

Unsupported: TypeAlias = Literal["error", "warn", "drop"]


class Fold(Protocol[E_contra, R_co]):
    """Builds a response from events, one at a time, in time linear in their number."""

    def add(self, event: E_contra, /) -> None:
        """Take the next event."""

    def response(self) -> R_co:
        """Give the response as far as it has arrived."""

    def missing(self) -> str | None:
        """Say what keeps the reply from being complete, or None when it is."""


@frozen
class Operation(Generic[E, R]):
    """One thing that a provider can do.

    Attributes:
        name: what it is called: "chat", "embed", ...
        fold: makes a fold for the reply to one request.
        events: the union of the classes of its events, by which a cache keeps them; without it none can.
        repeatable: whether sending the same request twice has no effect beyond its price.
        of_model: whether it asks one model; if not, a request names a provider alone.
    """

    name: str
    fold: Callable[[Any], Fold[E, R]]
    events: Any = None
    repeatable: bool = True
    of_model: bool = True


@frozen(kw_only=True)
class Request(Generic[E, R]):
    """Base of every request. A subclass names its operation, and through it the type of events and response.

    What is None is not set, and is not sent.

    Attributes:
        model: `provider:model`, an alias, a provider's name, or None for the default.
        options: settings that only one plugin understands, by the plugin's name: `{"openai": {"store": True}}`.
            Those of other plugins are left alone, so that a program can hold the options of each provider it uses.
        extra_headers: headers to send beside the provider's own.
        extra_body: fields to add to the body as they are, unchecked.
        unsupported: what becomes of a field that the provider cannot carry: "error", "warn" (left out, with a
            Python warning), "drop" (left out); None is the client's own setting, "error" unless configured. What was
            left out is in the response's `warnings`.
    """

    operation: ClassVar[Operation[Any, Any]]

    model: str | None = field(default=None, validator=a(str, "'provider:model' or an alias"))
    options: Mapping[str, Mapping[str, Any]] = field(factory=dict, validator=options)
    extra_headers: Mapping[str, str] | None = field(default=None, validator=headers, repr=False)
    extra_body: Mapping[str, Any] | None = field(default=None, validator=a(Mapping, "a dictionary"))
    unsupported: Unsupported | None = field(default=None, validator=one_of("error", "warn", "drop"))


@frozen
class Notice:
    """Something about a call that its caller should know.

    `kind` is "unsupported" (a field was left out), "rewritten" (it was sent in another form) or "note".
    """

    kind: Literal["unsupported", "rewritten", "note"]
    field: str
    message: str


@frozen(kw_only=True, repr=False)
class Response(Brief):
    """Base of every response.

    Attributes:
        provider: the name of the instance that answered.
        model: the model that answered, in the provider's words.
        id: the provider's id of the reply.
        created: when, in seconds since 1970.
        usage: what it cost.
        request_id: the provider's id of the request, which its support asks for.
        rate_limit: what is left of the provider's limits.
        warnings: what of the request was left out or sent in another form.
        attempts: how often a provider was asked for it; 0 where it comes from a cache of ours.
        cached: whether it comes from a cache of ours.
        raw: the provider's payload, or a tuple of them for a stream; it takes no part in equality.
    """

    provider: str | None = None
    model: str | None = None
    id: str | None = None
    created: float | None = None
    usage: Usage | None = None
    request_id: str | None = None
    rate_limit: RateLimit | None = None
    warnings: tuple[Notice, ...] = ()
    attempts: int = field(default=1, eq=False)
    cached: bool = field(default=False, eq=False)
    raw: Any = field(default=None, eq=False, repr=False)


class ResponseFold:
    """What the folds of all operations share: the reply's beginning, its usage and its raw payloads."""

    def __init__(self) -> None:
        """Begin."""
        self.start: Start = Start()
        self.usage: Usage | None = None
        self._raw: list[Any] = []

    def took(self, event: Event) -> bool:
        """Take what the replies of all operations have; False where an event is the operation's own."""
        if event.raw is not None:
            self._raw.append(event.raw)
        if isinstance(event, UsageReported):
            self.usage = event.usage
        elif isinstance(event, Start):
            self.start = event
        else:
            return isinstance(event, Unrecognized)
        return True

    def facts(self) -> dict[str, Any]:
        """The fields of `Response`."""
        start, raw = self.start, self._raw
        return {
            "provider": start.provider,
            "model": start.model,
            "id": start.id,
            "created": start.created,
            "usage": self.usage,
            "request_id": start.request_id,
            "rate_limit": start.rate_limit,
            "cached": start.cached,
            "raw": raw[0] if len(raw) == 1 else tuple(raw) or None,
        }

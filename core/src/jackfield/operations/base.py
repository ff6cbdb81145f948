"""What an operation is: a name, how its events fold into a response, whether a repeat is safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, Final, Generic, Literal, Protocol, TypeAlias, TypeVar

from attrs import field, fields, frozen

from ..errors import BadRequestError
from ..types import Event, RateLimit, Start, Unrecognized, Usage, UsageReported
from ..types.content import Brief

__all__ = ["Fold", "Notice", "Operation", "Request", "Response", "ResponseFold", "Sampled", "Unsupported"]

UNSTARTED: Final = Start()
STARTED: Final = ("provider", "model", "id", "created", "request_id", "rate_limit", "cached")

E_contra = TypeVar("E_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
E = TypeVar("E")
R = TypeVar("R")

Unsupported: TypeAlias = Literal["error", "warn", "drop"]


# --- checks of fields: each raises a BadRequestError that names the field, the value and what would be right


def _wrong(name: str, what: str, value: object) -> BadRequestError:
    shown = repr(value)
    return BadRequestError(f"{name}: expected {what}, got {shown if len(shown) < 200 else shown[:200] + '...'}")


def _checked(fits: Callable[[Any], bool], what: str) -> Any:
    def check(_: object, attribute: Any, value: object) -> None:
        if value is not None and not fits(value):
            raise _wrong(attribute.name, what, value)

    return check


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(low: float, high: float, what: str) -> Any:
    """A number within bounds."""
    return _checked(lambda value: _is_number(value) and low <= value <= high, what)


def whole(low: int | None = None) -> Any:
    """A whole number, with a lower bound or none."""
    what = "a whole number" + ("" if low is None else f" of at least {low}")
    return _checked(lambda value: type(value) is int and (low is None or value >= low), what)


def a(kind: type[Any], what: str) -> Any:
    """An instance of a type."""
    return _checked(lambda value: isinstance(value, kind), what)


def one_of(*words: str) -> Any:
    """One of several words."""
    return _checked(words.__contains__, f"one of {', '.join(words)}")


mapping_of_numbers: Any = _checked(
    lambda value: isinstance(value, Mapping) and all(map(_is_number, value.values())), "a number for each token"
)
"""Numbers by name."""


def options(_: object, __: object, value: object) -> None:
    """A table for each plugin."""
    if not isinstance(value, Mapping) or not all(isinstance(item, Mapping) for item in value.values()):
        raise _wrong("options", "a dictionary for each plugin, by its name", value)


def headers(_: object, attribute: Any, value: object) -> None:
    """Names and values of headers; none is quoted in the error, since it may be a secret."""
    if value is None:
        return
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for pair in value.items() for item in pair):
        raise BadRequestError(f"{attribute.name}: expected a dictionary of texts")
    for name, text in value.items():
        if not name or not all("!" <= char <= "~" and char != ":" for char in name):
            raise BadRequestError(f"{attribute.name}: {name!r} is no name of a header")
        if not all(" " <= char <= "~" or char == "\t" for char in text):
            raise BadRequestError(f"{attribute.name}.{name}: the value has characters that no header can carry")


def stops(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Convert one text, or several, to a tuple of them."""
    if value is None:
        return None
    found = (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not all(isinstance(text, str) for text in found):
        raise _wrong("stop", "a text or several", value)
    return found


# --- requests and responses


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


@cache
def field_names(cls: Any, without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The names of the fields of a request class, without some."""
    return tuple(field.name for field in fields(cls) if field.name not in without)


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


@frozen(kw_only=True)
class Sampled(Request[E, R]):
    """Base of requests whose reply is sampled token by token.

    Attributes:
        temperature: 0 to 2; 0 is the least random.
        top_p: 0 to 1: the share of probability to sample from.
        frequency_penalty: -2 to 2: above 0, a token is less likely the more often it came.
        presence_penalty: -2 to 2: above 0, a token that came once is less likely.
        max_output_tokens: the most tokens that a choice may have, reasoning included.
        stop: text or texts that end a choice.
        seed: for sampling that can be repeated, where the provider supports it.
        n: how many choices to give.
        logit_bias: what to add to a token's logit, by the provider's number of the token.
        user: the provider's sign for whoever the request is made for.
    """

    temperature: float | None = field(default=None, validator=number(0, 2, "a number from 0 to 2"))
    top_p: float | None = field(default=None, validator=number(0, 1, "a number from 0 to 1"))
    frequency_penalty: float | None = field(default=None, validator=number(-2, 2, "a number from -2 to 2"))
    presence_penalty: float | None = field(default=None, validator=number(-2, 2, "a number from -2 to 2"))
    max_output_tokens: int | None = field(default=None, validator=whole(1))
    stop: tuple[str, ...] | None = field(default=None, converter=stops)
    seed: int | None = field(default=None, validator=whole())
    n: int | None = field(default=None, validator=whole(1))
    logit_bias: Mapping[str, float] | None = field(default=None, validator=mapping_of_numbers)
    user: str | None = field(default=None, validator=a(str, "text"))


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

    def __init__(self, request: Any = None) -> None:
        """Begin the reply to a request."""
        self.request = request
        self.start: Start = UNSTARTED
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
        raw = self._raw[0] if len(self._raw) == 1 else tuple(self._raw) or None
        return {**{name: getattr(self.start, name) for name in STARTED}, "usage": self.usage, "raw": raw}

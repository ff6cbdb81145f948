"""The provider contract.

A provider over HTTP is pure: for each operation a generator yields `HttpRequest` values and returns a `Decoder`.
A provider without HTTP gives events through an async generator, like a middleware.
Both are methods marked with `serves`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from typing import Any, ClassVar, Final, Generic, Protocol, TypeAlias, TypeVar, cast

from attrs import define, field

from . import errors
from .call import Call
from .endpoint import Credential, Endpoint, Secret, digest
from .http import HttpRequest, HttpResponse, read_json, write_json
from .operations import Operation
from .operations.base import field_names
from .runtime import Runtime
from .types import Event

__all__ = ["Credential", "Decoder", "Endpoint", "Exchange", "Fields", "HttpProvider", "JsonReply", "Provider", "Secret"]
__all__ += ["error_class", "retry_after", "serves", "should_retry"]

E_co = TypeVar("E_co", bound=Event, covariant=True)
F = TypeVar("F", bound=Callable[..., Any])

MAX_REPLY: Final = 256 * 1024 * 1024
LONGEST_WAIT: Final = 366 * 86400


class Decoder(Protocol[E_co]):
    """Turns the bytes of a reply into events. What `feed` gives is used up before the next bytes are read."""

    @property
    def done(self) -> bool:
        """Whether the reply's own terminal marker has come, so that reading can stop."""

    def feed(self, data: bytes, /) -> Iterable[E_co]:
        """Take the next bytes."""

    def end(self) -> Iterable[E_co]:
        """The bytes have ended cleanly: give what is left, or raise TruncatedStreamError."""


Exchange: TypeAlias = Generator[HttpRequest, HttpResponse, Decoder[E_co]]
"""A provider's translation of one call."""


class Fields:
    """The fields of a call's request that are set. A provider takes what it can carry, and the rest is reported.

    So nothing is dropped in silence, also not a field that is younger than the provider.
    """

    def __init__(self, call: Call[Any], handled: Iterable[str]) -> None:
        """Look at the request of a call; `handled` are fields that are seen to elsewhere."""
        names, request = field_names(cast("Any", type(call.request)), tuple(handled)), call.request
        self._call = call
        self._left: dict[str, Any] = {name: value for name in names if (value := getattr(request, name)) is not None}

    def take(self, name: str) -> Any:
        """A field's value, which the provider sends or otherwise heeds; None where it is not set."""
        return self._left.pop(name, None)

    def report_rest(self, why: str = "the provider has no such parameter") -> None:
        """Report every field that nobody took.

        Raises:
            UnsupportedError: there is one, and the caller does not allow that it is left out.
        """
        while self._left:
            name, _ = self._left.popitem()
            self._call.report(name, why)


def serves(operation: Operation[Any, Any]) -> Callable[[F], F]:
    """Mark the method of a provider that serves an operation."""

    def mark(method: F) -> F:
        method.__jackfield_serves__ = operation.name  # type: ignore[attr-defined]
        return method

    return mark


class Provider:
    """Base of every provider.

    Attributes:
        name: the name of this instance, as in `name:model`.
        default_models: the model to use where none is named, by operation.
        idempotency_header: a header by whose value the service knows a request that comes again, and answers as it did
            the first time; None where it honours none. An operation must then send at most one request that has an
            effect.
        made_of: the plugin and the settings that this instance was made of; the core fills it in.
        elsewhere: the fields of requests that `fields` leaves out, as they are seen to elsewhere.
        accessor: a class whose instances, made with a client and this provider's name, offer what the provider has
            beyond the core's operations; `client.provider(name)` makes one.
    """

    name: str
    default_models: Mapping[str, str]
    idempotency_header: str | None = None
    made_of: object = None
    accessor: ClassVar[type[Any] | None] = None
    _identity: tuple[object, str] | None = None
    elsewhere: ClassVar[tuple[str, ...]] = ("model", "options", "unsupported")
    _methods: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        every = [pair for base in reversed(cls.__mro__) for pair in vars(base).items()]
        cls._methods = {served: name for name, one in every if (served := getattr(one, "__jackfield_serves__", None))}

    def __init__(self, name: str, default_models: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.default_models = default_models or {}

    @property
    def operations(self) -> frozenset[str]:
        """The names of the operations that this provider serves."""
        return frozenset(self._methods)

    async def identity(self, runtime: Runtime, *more: object) -> str:
        """An opaque fingerprint of who answers, and for whom, with what `more` makes a difference."""
        known = self._identity  # once: another thread may have another secret
        if known is None or known[0] != more:
            # what is no plain data has a fingerprint by chance, and so the provider has one for all threads and secrets
            own = vars(self).setdefault("_own_identity", digest(self.made_of or self))
            known = self._identity = (more, digest((own, *more)))
        return known[1]

    def fields(self, call: Call[Any]) -> Fields:
        """The fields of the request, of which those that nobody takes are reported."""
        return Fields(call, self.elsewhere)

    def open(self, call: Call[Any]) -> Exchange[Event] | AsyncGenerator[Event, None]:
        """The events of a call, as an exchange or as an async generator.

        Raises:
            UnsupportedError: this provider does not serve the operation.
        """
        method = self._methods.get(call.operation.name)
        if method is None:
            served = ", ".join(sorted(self._methods)) or "nothing"
            what = f"provider {self.name!r} does not serve {call.operation.name!r}"
            raise errors.UnsupportedError(f"{what}; it serves {served}")
        return cast("Exchange[Event] | AsyncGenerator[Event, None]", getattr(self, method)(call))


class HttpProvider(Provider):
    """Base of providers over HTTP: says where requests go and what a refusal means.

    Attributes:
        endpoint: where requests go.
        keeps_alive: whether any bytes of a reply, also such as make no event, show that the service is at work; the
            bound on the time to the first event then holds until the first of them, and the one on silence after it.
    """

    keeps_alive: ClassVar[bool] = False
    elsewhere: ClassVar[tuple[str, ...]] = (*Provider.elsewhere, "extra_headers")

    def __init__(self, name: str, endpoint: Endpoint, default_models: Mapping[str, str] | None = None) -> None:
        super().__init__(name, default_models)
        self.endpoint = endpoint

    async def identity(self, runtime: Runtime, *more: object) -> str:
        """As that of any provider; of a credential that changes, what it is now."""
        endpoint = await self.endpoint.resolved(runtime.run)
        place = (endpoint.origin, endpoint.path, endpoint.headers)
        return await super().identity(runtime, *place, endpoint.credential and endpoint.credential.resolve(), *more)

    def get(self, path: str) -> HttpRequest:
        """A GET that wants JSON."""
        return HttpRequest("GET", path, {"accept": "application/json"})

    def post(self, path: str, body: Any, *, accept: str = "application/json", read: bool = False) -> HttpRequest:
        """A POST of a JSON body. The same value always gives the same bytes."""
        headers = {"content-type": "application/json", "accept": accept}
        return HttpRequest("POST", path, headers, write_json(body), read=read)

    def error(self, response: HttpResponse) -> errors.JackfieldError:
        """The error for a reply that is not 2xx; its body has been read, within bounds."""
        status, body, headers = response.status, response.body or b"", response.headers
        text = body[:500].decode(errors="replace").strip() or "the reply has no body"
        again, wait = should_retry(headers), retry_after(headers)
        return error_class(status)(text, status=status, retryable=again, retry_after=wait, body=body)


@define(eq=False)
class JsonReply(Generic[E_co]):
    """A decoder for a reply that is one JSON document; `read` turns it into events."""

    _head: HttpResponse
    _read: Callable[[Any], Iterable[E_co]]
    _limit: int = MAX_REPLY
    done: bool = field(default=False, init=False)
    _body: bytearray = field(factory=bytearray, init=False)

    def feed(self, data: bytes, /) -> Iterable[E_co]:
        """Collect the bytes.

        Raises:
            LimitExceededError: the reply outgrew the limit.
        """
        self._body += data
        if len(self._body) > self._limit:
            raise errors.LimitExceededError(f"the reply is larger than {self._limit} bytes")
        return ()

    def end(self) -> Iterable[E_co]:
        """Decode the document.

        Raises:
            MalformedReplyError: it is not JSON.
        """
        if not self._body.strip():
            raise errors.MalformedReplyError("the reply is empty", status=self._head.status, retryable=True)
        return self._read(read_json(bytes(self._body)))


STATUS: Final[Mapping[int, type[errors.JackfieldError]]] = {
    401: errors.AuthenticationError,
    402: errors.QuotaError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    408: errors.ServerError,
    409: errors.ConflictError,
    429: errors.RateLimitError,
    **dict.fromkeys((503, 529), errors.OverloadedError),
}


def error_class(status: int) -> type[errors.JackfieldError]:
    """The error that a status stands for where the provider says nothing better."""
    return STATUS.get(status, errors.ServerError if status >= 500 else errors.BadRequestError)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """How many seconds the provider asks to wait, from headers with lower-case names; None where it does not say.

    Understands `retry-after-ms`, and `retry-after` in seconds or as a date, counted from the reply's own `date`
    (RFC 9110, section 10.2.3). A time that has passed is 0; nonsense, and more than a year, is None.
    """
    for name, unit in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if 0 <= seconds <= LONGEST_WAIT:
            return seconds
    return _until(headers.get("retry-after", ""), headers.get("date", ""))


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """What the provider itself says of another attempt (`x-should-retry`), from headers with lower-case names."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").lower())


def _until(then: str, now: str) -> float | None:
    from email.utils import parsedate_to_datetime  # most replies never ask to wait until a date

    try:
        seconds = max((parsedate_to_datetime(then) - parsedate_to_datetime(now)).total_seconds(), 0.0)
        return seconds if seconds <= LONGEST_WAIT else None
    except (ValueError, TypeError):
        return None

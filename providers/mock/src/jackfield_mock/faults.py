"""Faults: what goes wrong with a reply, and the error that the same thing raises when it comes over a network."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, Literal, TypeAlias, get_args

from attrs import field, fields, frozen

from jackfield import errors
from jackfield.call import Call
from jackfield.errors import (
    ConfigurationError,
    ConnectionFailedError,
    JackfieldError,
    MalformedReplyError,
    ReadTimeoutError,
    ServerError,
    StreamInterruptedError,
    TruncatedStreamError,
)
from jackfield.http import read_json
from jackfield.provider import error_class

from .checks import SECONDS, WHOLE, boolean, instance, known, one_of, optional, share, textual

__all__ = ["Fault", "FaultKind", "Patience", "read_fault", "strikes"]

FaultKind: TypeAlias = Literal[
    "status", "refused", "reset", "latency", "stall", "truncated", "error", "malformed", "empty"
]

TOLD: Final = ("message", "code", "status", "error", "retryable", "retry_after")
# which keys mean something to which kind
TAKES: Final[Mapping[str, tuple[str, ...]]] = {
    "status": TOLD,
    "error": (*TOLD, "after"),
    "latency": ("seconds",),
    "reset": ("after",),
    "stall": ("after",),
    "truncated": ("after",),
    "malformed": ("after",),
    "refused": (),
    "empty": (),
}
ERRORS: Final = frozenset(
    name for name, cls in vars(errors).items() if isinstance(cls, type) and issubclass(cls, JackfieldError)
)
BROKEN: Final[Mapping[str, tuple[type[JackfieldError], str]]] = {
    "refused": (ConnectionFailedError, "no reply from the mock: [Errno 111] Connection refused"),
    "reset": (StreamInterruptedError, "the connection broke: [Errno 104] Connection reset by peer"),
    "truncated": (TruncatedStreamError, "the reply ended early: the mock was told so"),
    "empty": (TruncatedStreamError, "the reply holds no event: b''"),
    "stall": (ReadTimeoutError, "nothing was received"),
}
YEAR: Final = 31_536_000.0
HALF: Final = b'{"choices":[{"index":0,"delta":{"content":"Hel'


@frozen(kw_only=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        kind: "status" (the request is answered with `status`), "refused" (there is no connection), "reset" (the
            connection breaks inside the reply), "latency" (it takes `seconds` until anything comes), "stall" (from
            then on nothing comes), "truncated" (the reply ends early), "error" (an error inside the reply),
            "malformed" (a piece of the reply is no JSON), "empty" (a reply without a body).
        rate: how often it strikes, from 0 (never) to 1 (each time); which calls are struck depends on the seed of the
            mock and on the number of the call alone.
        after: how many events come first, the start aside, where the caller streams; by default 1, and 0 for a stall.
        seconds: how long a latency lasts.
        status: the HTTP status; of an error inside a reply, the one that it states.
        retry_after: seconds that the provider asks to wait.
        code: the provider's word for what went wrong.
        message: what the provider says of it.
        error: the class of the error, by its name in `jackfield.errors`; by default that which the status stands for.
        retryable: whether the provider says that a retry can help; by default it does not say.

    Raises:
        ConfigurationError: a value is wrong, or means nothing to this kind.
    """

    kind: FaultKind = field(validator=one_of(*get_args(FaultKind)))
    rate: float = field(default=1.0, validator=share)
    after: int | None = field(default=None, validator=optional(WHOLE))
    seconds: float | None = field(default=None, validator=optional(SECONDS))
    status: int | None = field(default=None)
    retry_after: float | None = field(default=None, validator=optional(SECONDS))
    code: str | None = field(default=None, validator=optional(textual))
    message: str | None = field(default=None, validator=optional(textual))
    error: str | None = field(default=None, validator=optional(known(ERRORS, "error of jackfield.errors")))
    retryable: bool | None = field(default=None, validator=optional(boolean))

    def __attrs_post_init__(self) -> None:
        takes = ("kind", "rate", *TAKES[self.kind])
        for one in fields(type(self)):
            if one.name not in takes and getattr(self, one.name) is not None:
                has = f"it has {', '.join(takes[1:])}"
                raise ConfigurationError(f"{one.name}: means nothing to a fault of kind {self.kind!r}; {has}")
        if self.kind == "latency" and self.seconds is None:
            raise ConfigurationError("seconds: missing; a latency needs to know how long it lasts")
        if self.kind == "status" and self.status is None:
            raise ConfigurationError("status: missing; expected an HTTP status such as 429")
        if self.status is not None and (type(self.status) is not int or not 300 <= self.status <= 599):
            raise ConfigurationError(f"status: expected an HTTP status from 300 to 599, got {self.status!r}")

    @property
    def early(self) -> bool:
        """Whether there is no reply at all."""
        return self.kind in {"status", "refused"}

    @property
    def place(self) -> int:
        """After how many events it strikes."""
        if self.kind == "empty":
            return 0
        return (0 if self.kind == "stall" else 1) if self.after is None else self.after

    def raised(self, number: int, *, streaming: bool) -> JackfieldError:
        """The error that the call with this number gets."""
        if self.kind in {"status", "error"}:
            return self._stated(f"req-mock-{number}")
        if self.kind == "malformed":
            return _malformed("chunk" if streaming else "reply")
        if self.kind == "empty" and not streaming:
            return MalformedReplyError("the reply is empty", status=200, retryable=True)
        # of a reply in one piece, whose length is known, the connection misses what does not come
        kind = "reset" if self.kind == "truncated" and not streaming else self.kind
        cls, words = BROKEN[kind]
        error = cls(words)
        error.sent = kind != "refused"
        return error

    def _stated(self, request_id: str) -> JackfieldError:
        cls = error_class(self.status) if self.status is not None else ServerError
        if self.error is not None:
            cls = getattr(errors, self.error)
        message = self.message or f"the mock was told to fail with {self.status or self.error or 'an error'}"
        return cls(
            message,
            status=self.status,
            code=self.code,
            request_id=request_id,
            retryable=self.retryable,
            retry_after=self.retry_after,
            body={"error": {"message": message, "type": "mock", "code": self.code}},
        )


def read_fault(value: Fault | Mapping[str, Any] | None, where: str = "fault") -> Fault | None:
    """A fault, or a table of its fields; None is none.

    Raises:
        ConfigurationError: it is something else.
    """
    return instance(Fault, value, where)


def _malformed(what: str) -> JackfieldError:
    try:
        read_json(HALF, what)
    except MalformedReplyError as error:
        return error
    raise AssertionError("half a document was read")  # pragma: no cover


def strikes(fault: Fault, seed: int, place: str, number: int) -> bool:
    """Whether a fault strikes the call with this number: the same, whatever else the process does meanwhile.

    `place` keeps several faults of one mock apart.
    """
    if fault.rate in {0, 1}:
        return fault.rate == 1
    digest = blake2b(f"{seed}:{place}:{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64 < fault.rate


class Patience:
    """How long the caller of a call bears silence: the same bounds that hold for a network."""

    def __init__(self, call: Call[Any]) -> None:
        """Begin to wait."""
        times = call.timeouts
        self._runtime = call.runtime
        self._silence = times.silence if call.streaming else None
        self._first: float | None = None
        if call.streaming and times.first is not None:
            self._first = call.runtime.now() + times.first

    def rewarded(self) -> None:
        """The first event has come."""
        self._first = None

    async def wait(self, seconds: float) -> None:
        """Be silent.

        Raises:
            ReadTimeoutError: the caller bears no more.
            DeadlineError: the call's deadline came first.
        """
        bounds = [] if self._silence is None else [(self._silence, f"nothing was received for {self._silence} s")]
        if self._first is not None:
            bounds.append((max(self._first - self._runtime.now(), 0.0), "the first event took too long"))
        patience, words = min(bounds, default=(float("inf"), ""))
        if seconds < patience:
            await self._runtime.sleep(seconds)
            return
        await self._runtime.sleep(patience)
        raise ReadTimeoutError(words)

    async def for_ever(self) -> None:
        """Be silent until the caller gives up.

        Raises:
            CallTimeoutError: it has.
        """
        await self.wait(YEAR)
        raise ReadTimeoutError("nothing was received for a year")

"""The middleware: one async generator that asks again, for every operation and both clients."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from attrs import define, evolve, field

from jackfield.call import Call, Ledger
from jackfield.errors import (
    CallTimeoutError,
    ConnectionFailedError,
    DeadlineError,
    JackfieldError,
    OverloadedError,
    RateLimitError,
    ServerError,
    TruncatedStreamError,
)
from jackfield.health import Visit
from jackfield.middleware import Proceed, Slot
from jackfield.types import Event

from .decision import Reason, State, decide
from .settings import RetrySettings
from .tokens import Tokens

__all__ = ["CircuitOpenError", "Retry"]

FAILURES: Final = (ConnectionFailedError, CallTimeoutError, ServerError, TruncatedStreamError)
PATIENCE: Final = 10.0  # seconds: a deadline that leaves a target less says nothing of the target
PROBING: Final = 1.0  # seconds to wait for whoever is trying the target right now
PARTS: Final = "parts"  # under this key a provider notes that it serves a call by asking for the parts of it
WHY: Final[Mapping[Reason, str]] = {
    "delivered": "a part of the reply was delivered already",
    "final": "another attempt cannot help",
    "effect": "the request may have had its effect, and its provider honours no idempotency key",
    "attempts": "no attempts are left",
    "budget": "the call's attempts are spent, or kept for other targets",
    "circuit": "the target keeps failing and is left alone for now",
    "wait": "the provider asks to wait longer than max_wait allows",
    "deadline": "the call's deadline would come first",
    "tokens": "too many calls to this provider fail: the tokens that retries cost are used up",
}
PLAIN: Final = frozenset({"delivered", "final", "attempts"})  # of one attempt these go without saying


class CircuitOpenError(OverloadedError):
    """The target has failed too often of late and is left alone; `retry_after` says for how long. Nothing was sent."""

    sent: bool = False


class Retry:
    """Asks again where an attempt failed, unless that cannot help or could make an outage worse.

    Of several around a call the outermost acts, and the others let everything pass: attempts have one owner.
    Where a provider serves a call in parts, it is each part that has attempts, and the whole has none beside them.

    The calls of a client, and of those derived from it, share the tokens of a provider and the circuit of a target.

    Attributes:
        settings: those of calls that bring none of their own.
    """

    slot = Slot.RETRY

    def __init__(self, settings: RetrySettings | None = None) -> None:
        """Begin with all tokens; without settings, with the defaults."""
        self.settings: RetrySettings = settings or RetrySettings()
        self._tokens: dict[str, Tokens] = {}

    def tokens(self, provider: str) -> Tokens:
        """The tokens of the provider instance of this name."""
        return self._tokens.get(provider) or self._tokens.setdefault(provider, Tokens(self.settings.tokens))

    async def __call__(self, call: Call[Any], proceed: Proceed) -> AsyncGenerator[Event, None]:
        """Give the events of the first attempt that delivers any."""
        outer = _attempts_around(call)
        if outer is not None:
            if not outer.in_parts:
                async for event in proceed(call):
                    yield event
                return
            outer.hand_over()
        options = call.request.options.get("retry")
        settings = self.settings.with_options(options) if options else self.settings
        tokens = self._tokens.get(call.target.provider) or self.tokens(call.target.provider)
        attempts = _Attempts(call, settings, tokens)
        try:
            attempts.begin()
            while True:
                waiting = True
                try:
                    async for event in proceed(attempts.call):
                        if waiting:
                            waiting = False
                            attempts.deliver()
                        yield event
                except JackfieldError as error:
                    wait = attempts.failed(error)
                    if wait is None:
                        raise
                    await call.runtime.sleep(wait)
                    if not attempts.enter():
                        attempts.note(error, "circuit")
                        raise
                else:
                    attempts.completed()
                    return
        finally:
            attempts.end()


def _attempts_around(call: Call[Any]) -> _Attempts | None:
    """The attempts at its target of which the call is a part, or that it was asked by; None where there are none."""
    ledger: Ledger | None = call.ledger
    while ledger is not None:
        for found in ledger.kept.get(Retry, ()):
            if found.call.target == call.target:
                return found  # type: ignore[no-any-return]
        ledger = ledger.parent
    return None


@define(eq=False)
class _Attempts:
    """The attempts of one call at one target."""

    call: Call[Any]
    _settings: RetrySettings
    _tokens: Tokens
    delivered: bool = field(default=False, init=False)
    _visit: Visit | None = field(default=None, init=False)
    _begun: float = field(default=0.0, init=False)
    _paid: int | None = field(default=None, init=False)
    _aside: int = field(default=0, init=False)
    _errors: list[str] = field(factory=list, init=False)
    _idempotent: bool = field(default=False, init=False)
    _handed: bool = field(default=False, init=False)

    @property
    def in_parts(self) -> bool:
        """Whether the provider asks for the parts of this call, each as a call of its own."""
        return PARTS in self.call.ledger.kept

    def hand_over(self) -> None:
        """A part has attempts of its own from here on: what becomes of it is neither counted twice nor asked again."""
        self._handed = True
        self.leave()  # it may be a probe, and the part is what tries the target

    def begin(self) -> None:
        """Make ready, and enter for the first attempt.

        Raises:
            CircuitOpenError: the target is left alone.
        """
        ledger = self.call.ledger
        ledger.kept.setdefault(Retry, []).append(self)
        if ledger.budget is None:
            ledger.budget = self._settings.attempts
        if not self.call.operation.repeatable:
            self._mark()
        if not self.enter():
            raise self._refused()

    def enter(self) -> bool:
        """Begin an attempt; False where the target is left alone."""
        if self._settings.circuit:
            self._begun = self.call.runtime.now()
            self._visit = self.call.health().enter(self._begun)
            if self._visit is None:
                return False
        if self._errors:
            self._paid, self._aside = self._aside, 0
        return True

    def leave(self) -> None:
        """The attempt is over, or was given up."""
        visit, self._visit = self._visit, None
        if visit is not None and visit.since is not None:  # only a probe has a place of its own
            visit.leave()

    def end(self) -> None:
        """The call is over for this target, however it ended: tokens for an attempt that never began go back."""
        self.leave()
        if self._aside:
            self._tokens.give(self._aside)
        if self in (around := self.call.ledger.kept.get(Retry, ())):  # or it was interrupted before it began
            around.remove(self)

    def deliver(self) -> None:
        """The first event has come: whatever follows, the provider answers."""
        self.delivered = True
        if self._handed:
            return
        self._tokens.give(self._settings.refund if self._paid is None else self._paid)
        if self._visit is not None and self._visit.since is not None:
            self._visit.worked()  # a consumer that takes its time must not keep others out

    def completed(self) -> None:
        """The reply was whole."""
        visit = self._visit
        if visit is not None and (visit.health.failures or visit.since is not None):  # else there is nothing to mend
            visit.worked()

    def failed(self, error: JackfieldError) -> float | None:
        """The seconds to wait before another attempt; None where there is to be none."""
        if self._handed:
            return None
        call, ledger, settings = self.call, self.call.ledger, self._settings
        now = call.runtime.now()
        self._judge(error, now)
        self.leave()
        self._errors.append(type(error).__name__ + ("" if error.status is None else f" {error.status}"))
        verdict = decide(
            settings,
            State(
                attempt=len(self._errors),
                retryable=error.retryable and not isinstance(error, DeadlineError),
                delivered=self.delivered,
                timeout=isinstance(error, CallTimeoutError),
                sent=error.sent,
                status=error.status,
                repeatable=call.operation.repeatable,
                idempotent=self._idempotent,
                retry_after=error.retry_after,
                time_left=None if call.deadline is None else call.deadline - now,
                budget_left=None if ledger.budget is None else ledger.budget - ledger.reserved - ledger.attempts,
                circuit=call.health().state(now) if settings.circuit else "closed",
                tokens=self._tokens.left,
                chance=call.runtime.random(),
            ),
        )
        reason = verdict.reason
        if verdict.retry and not self._tokens.take(verdict.cost):
            reason = "tokens"  # another call has taken them meanwhile
        if reason != "retry":
            self.note(error, reason)
            return None
        self._aside = verdict.cost  # before the wait: all who wait at one time share the bound, too
        return verdict.wait

    def note(self, error: JackfieldError, reason: Reason) -> None:
        """Write on an error how many attempts were made, and why there is no other."""
        if len(self._errors) > 1:
            error.add_note(f"{len(self._errors)} attempts were made ({', '.join(self._errors)}); {WHY[reason]}")
        elif reason not in PLAIN:
            error.add_note(f"not tried again: {WHY[reason]}")

    def _judge(self, error: JackfieldError, now: float) -> None:
        """Let the health of the target know what became of the attempt."""
        visit, settings = self._visit, self._settings
        if visit is None:
            return
        if self._is_failure(error, now):
            # a probe may follow what another middleware, with other settings, has shut
            last = visit.since is not None or visit.health.failures + 1 >= settings.circuit_failures
            visit.failed(now + settings.circuit_seconds if last else None)
        elif error.status is not None:
            visit.worked()

    def _is_failure(self, error: JackfieldError, now: float) -> bool:
        if isinstance(error, CircuitOpenError):
            return False  # it tells of a target that another call asked
        if isinstance(error, DeadlineError):
            return not self.delivered and now - self._begun >= PATIENCE
        if isinstance(error, RateLimitError):
            return self._settings.circuit_rate_limits
        return isinstance(error, FAILURES) and (error.status is None or error.status >= 500)

    def _mark(self) -> None:
        """Give a request that must not take effect twice the key by which its provider knows it again."""
        header, call = self.call.idempotency_header, self.call
        if header is None:
            return
        self._idempotent = True
        extra = call.request.extra_headers or {}
        if header.lower() not in {name.lower() for name in extra}:  # else the caller's own key serves
            key = "".join(f"{int(call.runtime.random() * 2**48):012x}" for _ in range(3))
            self.call = call.evolve(request=evolve(call.request, extra_headers={**extra, header: f"jackfield-{key}"}))

    def _refused(self) -> CircuitOpenError:
        call, health = self.call, self.call.health()
        left = (health.until or 0.0) - call.runtime.now()
        seconds = left if left > 0 else PROBING
        error = CircuitOpenError(
            f"left alone after {health.failures} failures in a row, may be tried again in {seconds:.1f} s",
            retry_after=seconds,
        )
        error.provider, error.model = call.target.provider, call.target.model or None
        error.operation = call.operation.name
        return error

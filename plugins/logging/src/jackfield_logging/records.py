"""One record a call and one an attempt: what is watched while it goes on, and what is made of it at its end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, get_args

from attrs import define, field

from jackfield import Call
from jackfield.call import Ledger
from jackfield.errors import JackfieldError, TruncatedStreamError
from jackfield.operations import Fold
from jackfield.runtime import Runtime
from jackfield.types import Finished, Start, UsageReported

from .content import content_of, number
from .redaction import HIDDEN, LONGEST_NAME, Redactor
from .settings import LoggingSettings

__all__ = ["BEGAN", "FIELDS", "TOLD", "Gathered", "Record", "Watch", "Writer", "call_id"]

Record = dict[str, Any]

ID: Final = "jackfield_logging.id"
BEGAN: Final = "jackfield_logging.began"  # when a call that is watched began, in seconds of `runtime.now()`
TOLD: Final = frozenset({Start, Finished, UsageReported})
LONGEST_MESSAGE: Final = 1_000
# the fields of a record, in their order; one that has nothing to say is left out
FIELDS: Final = (
    *("record", "call_id", "parent_id", "attempt", "round", "depth", "time", "operation", "provider", "model", "alias"),
    *("streaming", "outcome", "duration", "first_event", "answered_by", "answered_model", "attempts", "cache"),
    *("finish", "input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens", "cache_write_tokens", "cost"),
    *("error", "status", "code", "error_message", "retryable", "retry_after", "response_id", "request_id"),
    *("warnings", "content"),
)
KEPT: Final = frozenset({"record", "call_id", "attempt", "round", "time"})  # without these it would be no record
TOKENS: Final = ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens", "cache_write_tokens", "cost")


def call_id(call: Call[Any]) -> str:
    """The id that the records of a call bear. Attempts of one call share it; a nested call has its own.

    It is made of the time and of the runtime's chance, so that it sorts by time, and a simulated run repeats it.
    """
    return _id(call.ledger, call.runtime)


def _id(ledger: Ledger, runtime: Runtime) -> str:
    """Made when it is first asked for, which costs more than to watch a call of which no record is made."""
    kept = ledger.kept
    made: str | None = kept.get(ID)
    if made is None:
        now = runtime.now()
        wall = runtime.wall() - (now - kept.get(BEGAN, now))
        # several attempts may ask at the same time
        made = kept.setdefault(ID, f"{int(wall * 1000):011x}{int(runtime.random() * 2**52):013x}")
    return made


def _parent_id(call: Call[Any]) -> str | None:
    parent = call.ledger.parent
    while parent is not None and parent.kept.keys().isdisjoint((ID, BEGAN)):
        parent = parent.parent
    return None if parent is None else _id(parent, call.runtime)


class Gathered(list[Record]):
    """The records of one call that are made and not written, in the call's ledger. It holds nothing that leads there.

    Attributes:
        attempts: how many have begun.
        over: whether the call has ended, or is recorded by nobody.
        round: which time the call is asked, from 1: a middleware that stands further out may ask again.
    """

    attempts: int = 0  # here, as every call makes one, and hardly any changes more than this
    over: bool = False
    round: int = 1


@define(eq=False)
class Watch:
    """What was seen of a call, or of one of its attempts.

    Attributes:
        call: as this middleware was given it.
        whole: what it shares with the other records of the call.
        number: which attempt it is, from 1; 0 for the call as a whole.
        fold: the reply, where content is wanted.
        began: when it began, in seconds of `runtime.now()`.
        first: when the first event came, or None.
        told: the events that tell of the reply as a whole, those of `TOLD`.
        error: what it ended with.
        outcome: how it ended, see `end`; empty before that.
    """

    call: Call[Any]
    whole: Gathered
    number: int
    fold: Fold[Any, Any] | None
    began: float
    first: float | None
    told: list[Any]
    error: BaseException | None = None
    outcome: str = ""

    def end(self) -> str:
        """How it ended: "complete", "error", "closed" (its reader left) or "cancelled"."""
        if self.error is None and not self.number and (missing := self._missing()):
            self.error = TruncatedStreamError(f"the events ended early: {missing}")
        if self.error is None:
            self.outcome = "complete"
        elif isinstance(self.error, GeneratorExit) or self.call.runtime.control.stopped:
            self.outcome = "closed"
        else:
            self.outcome = "error" if isinstance(self.error, Exception) else "cancelled"
        return self.outcome

    def _missing(self) -> str | None:
        """What keeps the reply from being complete; a middleware may have stopped halfway, for which the call fails."""
        if self.fold is not None:
            return self.fold.missing()
        if Finished in map(type, self.told) or Finished not in get_args(self.call.operation.events):
            return None
        return "no choice has a finish reason"


@define
class Writer:
    """Makes records of what was watched."""

    _settings: LoggingSettings
    redactor: Redactor = field(init=False)
    _hidden: frozenset[str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.redactor = Redactor(self._settings.compiled(), self._settings.hide)
        self._hidden = frozenset(name for name in FIELDS if self.redactor.hidden(name)) - KEPT

    def record(self, watch: Watch) -> Record:
        """The record: plain data that JSON can carry, without what must not be seen."""
        call, told = watch.call, watch.told
        duration = call.runtime.now() - watch.began
        time = datetime.fromtimestamp(call.runtime.wall() - duration, UTC)
        start = next((event for event in told if isinstance(event, Start)), None)
        found: Record = {
            "record": "attempt" if watch.number else "call",
            "call_id": call_id(call),
            "parent_id": _parent_id(call),
            "attempt": watch.number or None,
            "round": watch.whole.round if watch.whole.round > 1 else None,
            "depth": call.depth or None,
            "time": time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "operation": call.operation.name,
            "provider": self._name(call.target.provider),
            "model": self._name(call.target.model or None),
            "alias": self._name(call.alias),
            "streaming": call.streaming,
            "outcome": watch.outcome,
            "duration": round(duration, 6),
            "first_event": None if watch.first is None else round(watch.first - watch.began, 6),
        }
        if start is not None:
            found["answered_by"], found["answered_model"] = self._name(start.provider), self._name(start.model)
        if not watch.number:
            found["attempts"] = call.ledger.attempts
            found["cache"] = self._name(call.ledger.cache or ("hit" if start is not None and start.cached else None))
        found["finish"] = (
            ",".join(dict.fromkeys(one.finish.unified for one in told if isinstance(one, Finished))) or None
        )
        usage = next((event.usage for event in reversed(told) if isinstance(event, UsageReported)), None)
        if usage is not None:
            found.update((name, number(getattr(usage, name))) for name in TOKENS)
        self._add_error(found, watch)
        if start is not None:
            found["response_id"] = self._name(start.id)
            found["request_id"] = self._name(start.request_id) or found.get("request_id")
        if not watch.number:
            found["warnings"] = self._warnings(call) or None
        if watch.fold is not None:
            response = watch.fold.response() if watch.first is not None else None
            settings = self._settings
            content = content_of(call.request, response, settings.content, self.redactor, settings.max_chars)  # type: ignore[arg-type]
            found["content"] = content or None
        for name in self._hidden & found.keys():
            found[name] = found[name] and HIDDEN
        return {name: value for name, value in found.items() if value is not None}

    def _add_error(self, found: Record, watch: Watch) -> None:
        error = watch.error
        if watch.outcome != "error" or error is None:
            return
        found["error"] = type(error).__name__
        if not isinstance(error, JackfieldError):  # its text may hold anything
            return
        headers = getattr(watch.call.request, "extra_headers", None) or {}
        secrets = [str(value) for value in headers.values()]
        # an error may quote what follows "Bearer" or "Token" alone
        secrets += [words[1] for words in map(str.split, secrets) if len(words) == 2]
        for name, text, longest in (
            ("code", error.code, LONGEST_NAME),
            ("error_message", error.message, LONGEST_MESSAGE),
            ("request_id", error.request_id, LONGEST_NAME),
        ):
            found[name] = text and self.redactor.text(self.redactor.exactly(str(text), secrets), longest)
        found["status"], found["retry_after"] = number(error.status), number(error.retry_after)
        found["retryable"] = bool(error.retryable)

    def _warnings(self, call: Call[Any]) -> list[dict[str, str]]:
        return [
            {"kind": one.kind, "field": str(self._name(one.field)), "message": self.redactor.text(one.message, 300)}
            for one in call.ledger.notices
        ]

    def _name(self, value: object) -> str | None:
        """What somebody else wrote, though it should be a plain name or an id."""
        return None if value is None else self.redactor.name(str(value))

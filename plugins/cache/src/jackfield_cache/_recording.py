"""What came of a call that asked, as far as it can be kept."""

from __future__ import annotations

from typing import Any, Final

from jackfield.call import Call
from jackfield.types import Event, Finished, UsageReported

from ._codec import Codec, NotStorableError
from ._entry import Facts, pack, request_text

__all__ = ["Recording"]

# an error is not kept, nor is what a filter cut, nor what ended for a reason that nobody here knows
WHOLE: Final = frozenset({"stop", "length", "tool_calls"})


class Recording:
    """The events of one call, written down as they pass: whoever gets them may change what they hold.

    Attributes:
        events: the events themselves.
    """

    def __init__(self, call: Call[Any], codec: Codec) -> None:
        """Begin, before anybody is asked."""
        self.events: list[Event] = []
        self._lines: list[str] | None = []
        self._codec = codec
        self._begun = call.runtime.now()
        self._noted = call.ledger.notices
        self._value: bytes | None = None

    def add(self, event: Event) -> None:
        """Take the next event."""
        self.events.append(event)
        if self._lines is not None:
            try:
                self._lines.append(self._codec.line(event))
            except NotStorableError:
                self._lines = None

    def whole(self, call: Call[Any]) -> bool:
        """Whether this is a complete and successful reply."""
        fold = call.operation.fold(call.request)
        for event in self.events:
            if isinstance(event, Finished) and event.finish.unified not in WHOLE:
                return False
            fold.add(event)
        return fold.missing() is None

    def packed(self, call: Call[Any], key: str, namespace: tuple[str, str], ttl: float) -> bytes | None:
        """The reply as an entry, or None where it holds what cannot be kept."""
        if self._lines is None or self._value is not None:
            return self._value
        costs = [event.usage.cost for event in self.events if isinstance(event, UsageReported)]
        facts = Facts(
            key,
            call.operation.name,
            [str(target) for target in call.targets],
            namespace,
            call.runtime.wall(),
            None if ttl == float("inf") else ttl,
            call.runtime.now() - self._begun,
            costs[-1] if costs else None,
            [(one.kind, one.field, one.message) for one in call.ledger.notices if one not in self._noted],
        )
        try:
            self._value = pack(facts, request_text(call), self._lines)
        except (ValueError, TypeError, RecursionError):
            self._lines = None
        return self._value

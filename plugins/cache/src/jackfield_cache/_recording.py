"""What came of a call that asked, as far as it can be kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from jackfield.call import Call
from jackfield.operations import CHAT, COMPLETE
from jackfield.types import Event, Finished, UsageReported

from ._codec import UNSTORABLE, Codec, Row, Script
from ._entry import Facts, pack
from ._key import Form
from ._people import request_told

__all__ = ["Recording"]

# an error is not kept, nor is what a filter cut, nor what ended for a reason that nobody here knows
WHOLE: Final = frozenset({"stop", "length", "tool_calls"})


class Recording:
    """The events of one call. What can be changed of them is written down as they pass: whoever gets them may do so.

    Attributes:
        events: the events themselves.
    """

    def __init__(self, call: Call[Any], codec: Codec) -> None:
        """Begin, before anybody is asked."""
        self.events: list[Event] = []
        self._codec = codec
        self._storable = True
        self._runs: list[tuple[str, list[Row]]] = []
        self._raws: list[bytes] = []
        # of the latest run: the class of its events, and the values of each
        self._kind: type[Event] | None = None
        self._rows: list[Row] = []
        self._begun = call.runtime.now()
        self._noted = call.ledger.notices

    def add(self, event: Event) -> None:
        """Take the next event."""
        self.events.append(event)
        kind = type(event)
        try:
            if kind is not self._kind:
                self._kind, self._rows = kind, []
                self._runs.append((self._codec.names(kind), self._rows))
            self._rows.append(self._codec.row(event))
            self._raws.append(b"" if event.raw is None else self._codec.raw(event.raw))
        except UNSTORABLE:
            self._storable = False

    def whole(self, call: Call[Any]) -> bool:
        """Whether this is a complete and successful reply: a middleware may have left something out."""
        ends = [event for event in self.events if isinstance(event, Finished)]
        if any(event.finish.unified not in WHOLE for event in ends):
            return False
        if call.operation is CHAT or call.operation is COMPLETE:  # which miss the end of a choice, and nothing else
            begun = {getattr(event, "choice", None) for event in self.events} - {None}
            return bool(ends) and begun == {event.choice for event in ends}
        fold = call.operation.fold(call.request)
        for event in self.events:
            fold.add(event)
        return fold.missing() is None

    def packed(self, call: Call[Any], key: str, form: Form, namespace: Sequence[str], ttl: float) -> bytes | None:
        """The reply as an entry, or None where it holds what cannot be kept."""
        if not self._storable:
            return None
        costs = [event.usage.cost for event in self.events if isinstance(event, UsageReported)]
        notices = [one for one in call.ledger.notices if one not in self._noted]
        facts = Facts(
            key,
            call.operation.name,
            [str(target) for target in call.targets],
            namespace,
            call.runtime.wall(),
            None if ttl == float("inf") else ttl,
            call.runtime.now() - self._begun,
            costs[-1] if costs else None,
            [(one.kind, one.field, one.message) for one in notices],
        )
        try:
            request = request_told(call.request, form)
            return pack(facts, request, Script(self._runs, self._raws if any(self._raws) else ()))
        except UNSTORABLE:
            return None

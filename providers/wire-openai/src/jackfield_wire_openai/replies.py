"""What replies with choices share, of a chat or of a text completion: one reader for documents and for chunks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from jackfield.errors import MalformedReplyError
from jackfield.http import HttpResponse
from jackfield.types import Event, Finish, Finished, FinishReason, Unrecognized, UsageReported

from .errors import in_band_error
from .payloads import PayloadReader
from .reading import field, objects
from .usage import find_usage

__all__ = ["ChoicesReader"]

REASONS: Final[Mapping[str, FinishReason]] = {
    "stop": "stop",
    "end_turn": "stop",
    "eos": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
}
# how the services behind a router say that a reply was cut, where it says itself that tools are to be run
CUT: Final = frozenset({"length", "max_output_tokens", "max_tokens", "MAX_TOKENS"})
USAGES: Final = frozenset({"usage", "x_groq"})


class ChoicesReader(PayloadReader):
    """Reads the payloads of one reply, in order. A subclass says what a choice holds, in `read_choice`."""

    def __init__(self, head: HttpResponse) -> None:
        """Begin a reply with this head."""
        super().__init__(head)
        self._finished: dict[int, bool] = {}
        self._held: dict[int, Finished] = {}  # of choices with tool calls, until it shows that no other call follows

    def missing(self) -> str | None:
        """Say what makes this no reply."""
        return None if self._finished else "has no choices"

    def end(self) -> Iterator[Any]:
        """The reply has ended: what was held back.

        Raises:
            MalformedReplyError: what a choice came to is not whole.
        """
        yield from self._release()
        yield from self.broken()

    def read_choice(self, choice: Mapping[str, Any], index: int, *, whole: bool) -> Iterator[Event]:
        """The events of what a choice holds, beside its finish; the first of them has `raw=self.take()`."""
        raise NotImplementedError

    def has_calls(self, index: int) -> bool:
        """Whether a choice holds tool calls."""
        return False

    def goes_on(self, choice: Mapping[str, Any], index: int) -> bool:
        """Whether there is more of a choice's tool calls in this."""
        return False

    def check(self, finished: Finished) -> None:
        """Look at what a choice came to.

        Raises:
            MalformedReplyError: it is not whole.
        """

    @property
    def is_under_way(self) -> bool:
        """Whether the start was given, and nothing is held back."""
        return self._started and not self._held

    def is_finished(self, index: int) -> bool:
        """Whether the finish of a choice was given."""
        return self._finished[index]

    def _read(self, payload: Mapping[str, Any], *, whole: bool) -> Iterator[Any]:
        failed = payload.get("error") or (payload.get("object") == "error" and not payload.get("choices"))
        stated = None if USAGES.isdisjoint(payload) else find_usage(payload)
        self._usage = stated or self._usage
        choices = _numbered(payload, whole=whole)
        if self._held:
            yield from self._release([n for n, choice in choices if n in self._held and self.goes_on(choice, n)])
        for index, choice in choices:
            self._finished.setdefault(index, False)
            yield from self.read_choice(choice, index, whole=whole)
            if "usage" in choice:
                self._usage = stated or find_usage(choice) or self._usage
            if choice.get("error"):
                raise in_band_error(choice, self._head)
            reason = choice.get("finish_reason")
            if (reason or whole) and not self._finished[index] and not failed:
                yield from self._finish(reason, choice.get("native_finish_reason"), index, whole=whole)
        if failed:
            raise in_band_error(payload, self._head)
        if self._usage is not None and self._finished and all(self._finished.values()):
            usage, self._usage = self._usage, None
            yield UsageReported(usage, raw=self.take())

    def _finish(self, reason: Any, native: Any, index: int, *, whole: bool) -> Iterator[Any]:
        yield from self.halves(index)
        raw = reason if isinstance(reason, str) else None
        unified = REASONS.get(raw or "", "other")
        called = self.has_calls(index)
        if unified == "stop" and called:
            unified = "tool_calls"  # some servers say "stop" when they mean that tools are to be run
        if unified == "tool_calls" and isinstance(native, str) and native in CUT:
            unified = "length"  # the last call may be half a call
        finished = Finished(Finish(unified, raw), index, raw=self.take())
        if whole or not called:
            yield from self._close(finished)
        else:
            self._held[index] = finished

    def _close(self, finished: Finished) -> Iterator[Any]:
        self.check(finished)
        self._finished[finished.choice] = True
        yield finished

    def _release(self, unfinished: Collection[int] = ()) -> Iterator[Any]:
        """Give each finish that was held back; not of choices that go on, of which another finish must follow.

        Some servers say with each of several calls that the reply is finished.
        """
        held, self._held = self._held, {}
        for index, finished in held.items():
            if index not in unfinished:
                yield from self._close(finished)
            elif finished.raw is not None:
                yield Unrecognized(raw=finished.raw)


def _numbered(payload: Mapping[str, Any], *, whole: bool) -> list[tuple[int, dict[str, Any]]]:
    """The choices of a payload, each with its number; without one, it is its place.

    Raises:
        MalformedReplyError: they are no objects, or two that are whole have one number.
    """
    numbered: list[tuple[int, dict[str, Any]]] = []
    for place, choice in enumerate(objects(payload, "choices")):
        index = field(choice, "index", int)
        numbered.append((place if index is None else index, choice))
    if 1 < len(numbered) > len({index for index, _ in numbered}) and (
        whole or any(choice.get("message") for _, choice in numbered)
    ):
        raise MalformedReplyError("choices: two have one index")
    return numbered

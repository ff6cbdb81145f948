"""What replies with choices share, of a chat or of a text completion: one reader for documents and for chunks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from typing import Any, Final

from jackfield.errors import JackfieldError, MalformedReplyError
from jackfield.http import HttpResponse
from jackfield.types import Event, Finish, Finished, FinishReason, Start, Unrecognized, Usage, UsageReported

from .errors import in_band_error, said
from .headers import rate_limit, request_id
from .reading import fact, field, objects
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


class ChoicesReader:
    """Reads the payloads of one reply, in order. A subclass says what a choice holds, in `read_choice`.

    Each payload is the `raw` of the first event that is made of it, or of an Unrecognized.
    """

    def __init__(self, head: HttpResponse) -> None:
        """Begin a reply with this head."""
        self._head = head
        self._finished: dict[int, bool] = {}
        self._held: dict[int, Finished] = {}  # of choices with tool calls, until it shows that no other call follows
        self._started = False
        self._early: list[Any] = []  # payloads that came before anything could be made of one
        self._facts: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._raw: Any = None
        self._halves: dict[tuple[int, Hashable], tuple[str, Callable[[str], Any]]] = {}

    def whole(self, payload: Any) -> Iterator[Any]:
        """The events of a reply that came as one document.

        Raises:
            JackfieldError: the document is an error, or has no choices.
        """
        try:
            yield from self.chunk(payload, whole=True)
        except JackfieldError:
            yield from self.broken()
            raise
        if not self._finished:
            raise MalformedReplyError(
                f"the reply has no choices: {said(payload)}",
                status=self._head.status,
                request_id=request_id(self._head.headers),
                retryable=True,
                body=payload,
            )
        yield from self.end()

    def chunk(self, payload: Any, *, whole: bool = False) -> Iterable[Any]:
        """The events of one chunk. A payload with nothing that we know becomes Unrecognized.

        Raises:
            JackfieldError: the payload is an error, or not a chunk. Events before it are given first.
        """
        if type(payload) is not dict:
            raise MalformedReplyError(f"expected an object, got {type(payload).__name__}")
        self._raw = payload
        if not self._started:
            self._learn(payload)
        for event in self._read(payload, whole=whole):
            if not self._started:
                yield from self._begin()
            yield event
        if self._raw is None:
            return
        if self._started:
            yield Unrecognized(raw=self.take())
        else:
            self._early.append(self.take())

    def end(self) -> Iterator[Any]:
        """The reply has ended: what was held back.

        Raises:
            MalformedReplyError: what a choice came to is not whole.
        """
        yield from self._release()
        yield from self.broken()

    def broken(self) -> Iterator[Any]:
        """The reply ended in an error: usage that came before the finish."""
        if self._usage is not None:
            if not self._started:
                yield from self._begin()
            usage, self._usage = self._usage, None
            yield UsageReported(usage)

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

    def take(self) -> Any:
        """The payload, for the first event that is made of it; then None."""
        raw, self._raw = self._raw, None
        return raw

    def is_plain(self, text: str) -> bool:
        """Whether text needs no mending: no character of it, or of what came before, is cut in two."""
        return not self._halves and not "\ud800" <= text[-1] <= "\udbff"

    def text(
        self, text: str, index: int, key: Hashable, make: Callable[[str], Any], bare: Callable[[str], Any] | None = None
    ) -> Iterator[Any]:
        """The event of more text. A character that is cut into two surrogates is held back until it is whole.

        `key` tells the texts of a choice apart; `make` makes the event of a text. Where `bare` makes one of text alone,
        `make` has more to say and is asked also where no text is left.
        """
        if self._halves and (held := self._halves.pop((index, key), None)):
            text = held[0] + text
            if "\udc00" <= text[1:2] <= "\udfff":
                text = text[:2].encode("utf-16", "surrogatepass").decode("utf-16") + text[2:]
        if "\ud800" <= text[-1:] <= "\udbff":
            self._halves[index, key] = text[-1], bare or make
            text = text[:-1]
        if text or bare:
            yield make(text)

    def _learn(self, payload: Mapping[str, Any]) -> None:
        # the start waits for content, so that it can hold what later chunks say of the reply
        for name, *kinds in (("id", str), ("model", str), ("created", int, float)):
            if value := fact(payload, name, *kinds):
                self._facts.setdefault(name, value)

    def _begin(self) -> Iterator[Any]:
        self._started = True
        first, *others = self._early or [None]
        headers = self._head.headers
        yield Start(raw=first, request_id=request_id(headers), rate_limit=rate_limit(headers), **self._facts)
        for raw in others:
            yield Unrecognized(raw=raw)

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
        for key in [key for key in self._halves if key[0] == index]:
            half, make = self._halves.pop(key)
            yield make(half)
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

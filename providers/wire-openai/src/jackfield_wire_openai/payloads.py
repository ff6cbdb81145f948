"""What all replies that are read payload by payload share: the start, what is said of the reply, characters in two."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from jackfield.errors import JackfieldError, MalformedReplyError
from jackfield.http import HttpResponse
from jackfield.types import Start, Unrecognized, Usage, UsageReported

from .errors import said
from .headers import rate_limit, request_id
from .reading import fact

__all__ = ["PayloadReader"]


class PayloadReader:
    """Reads the payloads of one reply, in order. A subclass says what a payload holds, in `_read`.

    Each payload is the `raw` of the first event that is made of it, or of an Unrecognized.

    Attributes:
        created: under which name a payload says when the reply was made.
        done: whether the reply has said itself that it is over.
    """

    created: ClassVar[str] = "created"
    done = False

    def __init__(self, head: HttpResponse) -> None:
        """Begin a reply with this head."""
        self._head = head
        self._started = False
        self._early: list[Any] = []  # payloads that came before anything could be made of one
        self._facts: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._raw: Any = None
        self._halves: dict[tuple[int, Hashable], tuple[str, Callable[[str], Any]]] = {}

    def whole(self, payload: Any) -> Iterator[Any]:
        """The events of a reply that came as one document.

        Raises:
            JackfieldError: the document is an error, or no reply.
        """
        try:
            yield from self.chunk(payload, whole=True)
        except JackfieldError:
            yield from self.broken()
            raise
        if missing := self.missing():
            status, name = self._head.status, request_id(self._head.headers)
            what = f"the reply {missing}: {said(payload)}"
            raise MalformedReplyError(what, status=status, request_id=name, retryable=True, body=payload)
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
        """The reply has ended: what was held back."""
        yield from self.broken()

    def missing(self) -> str | None:
        """Say what makes this no reply; None where it is one."""
        return None

    def broken(self) -> Iterator[Any]:
        """The reply ended in an error: usage that came before the finish."""
        if self._usage is not None:
            if not self._started:
                yield from self._begin()
            usage, self._usage = self._usage, None
            yield UsageReported(usage)

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

    def halves(self, index: int) -> Iterator[Any]:
        """The events of characters of a choice whose other half never came."""
        for key in [key for key in self._halves if key[0] == index]:
            half, make = self._halves.pop(key)
            yield make(half)

    def _read(self, payload: Mapping[str, Any], *, whole: bool) -> Iterator[Any]:
        raise NotImplementedError

    def _learn(self, payload: Mapping[str, Any]) -> None:
        # the start waits for content, so that it can hold what later chunks say of the reply
        for name, place, *kinds in (("id", "id", str), ("model", "model", str), ("created", self.created, int, float)):
            if value := fact(payload, place, *kinds):
                self._facts.setdefault(name, value)

    def _begin(self) -> Iterator[Any]:
        self._started = True
        first, *others = self._early or [None]
        headers = self._head.headers
        yield Start(raw=first, request_id=request_id(headers), rate_limit=rate_limit(headers), **self._facts)
        for raw in others:
            yield Unrecognized(raw=raw)

"""Moderation: texts, pictures or a conversation in; out comes whether each may be shown, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from jackfield.errors import BadRequestError
from jackfield.operations import Operation, Request, Response, ResponseFold
from jackfield.types import Event, Message, Part, Start, Text, Unrecognized, UsageReported

__all__ = ["MODERATE", "ModerateEvent", "ModerateRequest", "ModerateResponse", "Moderated", "Moderation"]

Moderated: TypeAlias = str | Part | Message
"""One of what is judged: a text, a part of a content, or a turn of a conversation."""


@frozen(repr=False)
class Moderation(Event):
    """What is said of one input.

    Attributes:
        index: which input it is, from 0.
        flagged: whether it should not be shown. Where the provider leaves that open, whether any category applies.
        categories: what the provider looks for, in its own words, and whether it found it.
        scores: how sure it is, from 0 to 1, by category.
        applied_to: the kinds of input that each category was judged by ("text", "image"); empty where it is not said.
    """

    index: int
    flagged: bool
    categories: Mapping[str, bool] = field(factory=dict)
    scores: Mapping[str, float] = field(factory=dict)
    applied_to: Mapping[str, tuple[str, ...]] = field(factory=dict)

    @property
    def found(self) -> tuple[str, ...]:
        """The categories that apply, the surest first."""
        names = [name for name, applies in self.categories.items() if applies]
        return tuple(sorted(names, key=lambda name: -self.scores.get(name, 0.0)))


ModerateEvent: TypeAlias = Start | Moderation | UsageReported | Unrecognized


@frozen(kw_only=True, repr=False)
class ModerateResponse(Response):
    """A whole reply: what is said of each input, in the order of the inputs."""

    results: tuple[Moderation, ...] = ()

    @property
    def flagged(self) -> bool:
        """Whether any of the inputs should not be shown."""
        return any(one.flagged for one in self.results)


class _Fold(ResponseFold):
    """Builds a response from events, one at a time."""

    def __init__(self, request: ModerateRequest | None = None) -> None:
        super().__init__(request)
        self._results: dict[int, Moderation] = {}

    def add(self, event: ModerateEvent) -> None:
        if not self.took(event) and isinstance(event, Moderation):
            self._results[event.index] = event

    def response(self) -> ModerateResponse:
        results = tuple(self._results[index] for index in sorted(self._results))
        return ModerateResponse(results=results, **self.facts())

    def missing(self) -> str | None:
        expected = self.request.expected if self.request else 1
        absent = [str(index) for index in range(expected) if index not in self._results]
        return f"nothing has arrived about input {', '.join(absent[:5])}" if absent else None


MODERATE: Operation[ModerateEvent, ModerateResponse] = Operation("moderate", _Fold, ModerateEvent)


def _input(value: Moderated | Iterable[Moderated]) -> tuple[str, ...] | tuple[Part, ...] | tuple[Message, ...]:
    items: Any = (value,) if isinstance(value, str | Part | Message | Mapping) else value
    if not isinstance(items, Iterable) or isinstance(items, bytes):
        raise _wrong(value)
    found = tuple(items)
    if found and all(isinstance(one, str) for one in found):
        return found
    if found and all(isinstance(one, Message) for one in found):
        return found
    if not found or not all(isinstance(one, str | Part) for one in found):
        raise _wrong(value)
    return tuple(Text(one) if isinstance(one, str) else one for one in found)


def _wrong(value: object) -> BadRequestError:
    shown = repr(value)
    shown = shown if len(shown) < 200 else f"{shown[:200]}..."
    return BadRequestError(f"input: expected a text or several, the parts of one content, or messages, got {shown}")


@frozen(kw_only=True)
class ModerateRequest(Request[ModerateEvent, ModerateResponse]):
    """A request for a judgement. See `jackfield.operations.Request` for further fields.

    Attributes:
        input: a text or several, each judged by itself; or parts (`Text`, `Image`), which are one content and judged
            together, a text among them as another part; or the messages of a conversation, judged together.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """

    operation = MODERATE

    input: tuple[str, ...] | tuple[Part, ...] | tuple[Message, ...] = field(converter=_input)

    @property
    def expected(self) -> int:
        """How many results there must be."""
        return len(self.input) if isinstance(self.input[0], str) else 1

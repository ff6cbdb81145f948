"""Operations whose reply is one document: what it says, field by field, makes the response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from attrs import field, frozen

from jackfield.operations import Operation, Response, ResponseFold
from jackfield.types import Event

__all__ = ["Listed", "Told", "told"]

R = TypeVar("R", bound=Response)


@frozen(repr=False)
class Told(Event):
    """What a reply says, by the fields of its response."""

    fields: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True, repr=False)
class Listed(Response):
    """A page of a list: its items, and what the next page is asked for with, as `after`; None on the last."""

    items: tuple[Any, ...] = ()
    next: str | None = None


class _Fold(ResponseFold):
    def __init__(self, response: Callable[..., Response]) -> None:
        super().__init__()
        self._response = response
        self._told: Mapping[str, Any] | None = None

    def add(self, event: Event) -> None:
        if not self.took(event) and isinstance(event, Told):
            self._told = event.fields

    def response(self) -> Any:
        return self._response(**{**self.facts(), **(self._told or {})})

    def missing(self) -> str | None:
        return "no answer has arrived" if self._told is None else None


def told(name: str, response: type[R], *, repeatable: bool = True, of_model: bool = False) -> Operation[Event, R]:
    """An operation of this name, whose reply is a `Told` event. No cache keeps it: a job does not stand still."""
    return Operation(name, lambda _: _Fold(response), repeatable=repeatable, of_model=of_model)

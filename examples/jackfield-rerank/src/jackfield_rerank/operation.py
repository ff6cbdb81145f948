"""Rerank: a question and documents in, the documents by how well they answer it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set as AbstractSet
from typing import Any, TypeAlias

from attrs import field, frozen

from jackfield.errors import BadRequestError
from jackfield.operations import Operation, Request, Response, ResponseFold
from jackfield.types import Event, Start, Unrecognized, UsageReported

__all__ = ["RERANK", "Document", "Ranked", "RerankEvent", "RerankRequest", "RerankResponse"]

Document: TypeAlias = str | Mapping[str, str]
"""A text, or a table with `text`, `image` (an address or a `data:` URL), or both."""


@frozen(repr=False)
class Ranked(Event):
    """A document: its place in the request, and how well it answers, where more is better."""

    index: int
    score: float
    document: Document | None = None


RerankEvent: TypeAlias = Start | Ranked | UsageReported | Unrecognized


@frozen(kw_only=True, repr=False)
class RerankResponse(Response):
    """A whole reply: `ranked` has the best first."""

    ranked: tuple[Ranked, ...] = ()

    @property
    def best(self) -> Ranked | None:
        """The document that answers best."""
        return self.ranked[0] if self.ranked else None


class _Fold(ResponseFold):
    """Builds a response from events. A service may rank fewer documents than it was given, and none is no ranking."""

    def __init__(self, request: RerankRequest | None = None) -> None:
        super().__init__()
        self._ranked: list[Ranked] = []

    def add(self, event: RerankEvent) -> None:
        if not self.took(event) and isinstance(event, Ranked):
            self._ranked.append(event)

    def response(self) -> RerankResponse:
        best_first = sorted(self._ranked, key=lambda one: -one.score)
        return RerankResponse(ranked=tuple(best_first), **self.facts())

    def missing(self) -> str | None:
        return None if self._ranked else "no document was ranked"


RERANK: Operation[RerankEvent, RerankResponse] = Operation("rerank", _Fold, RerankEvent)


def _query(_: object, __: object, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise BadRequestError(f"query: expected a text, got {value!r}")


def _documents(value: Iterable[Document]) -> tuple[Document, ...]:
    # neither the keys of a dictionary nor the members of a set have an order that is worth a place
    if isinstance(value, str | bytes | Mapping | AbstractSet) or not isinstance(value, Iterable):
        raise BadRequestError(f"documents: expected several texts, got {value!r}")
    found = tuple(value)
    if not found:
        raise BadRequestError("documents: expected at least one, got none")
    for number, one in enumerate(found):
        table = (
            isinstance(one, Mapping) and {*one} <= {"text", "image"} and all(isinstance(x, str) for x in one.values())
        )
        if not isinstance(one, str) and not (table and one):
            raise BadRequestError(
                f"documents[{number}]: expected a text, or a table of `text` and `image`, got {one!r}"
            )
    return found


def _top_n(_: object, __: object, value: Any) -> None:
    if value is not None and (type(value) is not int or value < 1):
        raise BadRequestError(f"top_n: expected a whole number of at least 1, got {value!r}")


@frozen(kw_only=True)
class RerankRequest(Request[RerankEvent, RerankResponse]):
    """A request for a ranking. See `jackfield.operations.Request` for further fields.

    Attributes:
        query: what the documents should answer.
        documents: texts, or tables with `text` and `image`.
        top_n: how many of the best to give; all where it is not set.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """

    operation = RERANK

    query: str = field(validator=_query)
    documents: tuple[Document, ...] = field(converter=_documents)
    top_n: int | None = field(default=None, validator=_top_n)

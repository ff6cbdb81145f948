"""The results of a batch: those of all its parts, and what nobody has answered, in either order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import define, field

from jackfield.errors import BadRequestError, MalformedReplyError, TruncatedStreamError
from jackfield.operations import Request
from jackfield.types import Event

from .asking import Asking, Source, streamed
from .batches import (
    BatchFailedError,
    BatchInfo,
    BatchRequest,
    BatchResult,
    BatchResultsRequest,
    UnansweredError,
    custom_id,
)

__all__ = ["Known", "Ordered", "Results"]

T = TypeVar("T")


def _checked(name: str, values: Any, several: str, kind: type[T], one_of: str) -> tuple[T, ...] | None:
    if values is None:
        return None
    if isinstance(values, str | bytes | Mapping | Request) or not isinstance(values, Iterable):
        raise BadRequestError(f"{name}: expected {several}, got {values!r:.200}")
    found = tuple(values)
    for number, one in enumerate(found):
        if not isinstance(one, kind):
            raise BadRequestError(f"{name}[{number}]: expected {one_of}, got {one!r:.200}")
    return found


@define(eq=False)
class Known:
    """What is known of the requests of a batch: their ids in order, and themselves."""

    ids: tuple[str, ...] | None = None
    requests: Mapping[str, Request[Any, Any]] = field(factory=dict)

    @classmethod
    def of(cls, requests: Iterable[Request[Any, Any]] | None, ids: Iterable[str] | None) -> Known:
        """Bring requests and ids together.

        Raises:
            BadRequestError: they are something else, or there are not as many of both.
        """
        given = _checked("requests", requests, "several requests", Request, "a request")
        names = _checked("ids", ids, "an id for each request", str, "text")
        if names is not None and (twice := [name for name, count in Counter(names).items() if count > 1]):
            raise BadRequestError(f"ids: {twice[0]!r:.200} is there twice")
        if given is None:
            return cls(names)
        if names is None:
            names = tuple(map(custom_id, range(len(given))))
        if len(names) != len(given):
            raise BadRequestError(f"ids: there are {len(names)}, and {len(given)} requests")
        return cls(names, dict(zip(names, given, strict=True)))


@define(eq=False)
class Results(Source[BatchResult]):
    """The results of all parts, and then what nobody answered."""

    _asking: Asking
    _name: str
    _batch: str
    known: Known
    info: BatchInfo | None = None
    _seen: set[str] = field(factory=set)
    _parts: list[str] = field(factory=list)
    _open: Source[BatchResult] | None = None
    _over: bool = False

    async def next(self) -> Sequence[BatchResult] | None:
        """See `Source`."""
        if self._over:
            return None
        if self.info is None:
            await self._begin()
        while True:
            if self._open is None:
                if not self._parts:
                    self._over = True
                    return self._unanswered()
                self._open = self._part(self._parts.pop(0))
            some = await self._open.next()
            if some is None:
                self._open = None
            elif some:
                self._check(some)
                return some

    async def close(self) -> None:
        """See `Source`."""
        self._over = True
        if self._open is not None:
            await self._open.close()

    async def _begin(self) -> None:
        response = await self._asking.call(BatchRequest(model=self._name, batch=self._batch))
        info: BatchInfo = response.batch
        if info.status == "failed":
            raise BatchFailedError.of(info)
        if not info.over:
            raise BadRequestError(f"batch: {info.id} is {info.status}, and has no results yet: wait for it first")
        self.info, self._parts = info, [*info.parts]

    def _part(self, part: str) -> Source[BatchResult]:
        endpoint = (self.info and self.info.endpoint) or "-"
        request = BatchResultsRequest(model=self._name, part=part, endpoint=endpoint, requests=self.known.requests)
        return streamed(self._asking, request, _result).source()

    def _check(self, some: Sequence[BatchResult]) -> None:
        for one in some:
            if one.custom_id in self._seen:
                raise MalformedReplyError(f"batch {self._batch} has two results of {one.custom_id!r:.200}")
            self._seen.add(one.custom_id)

    def _unanswered(self) -> Sequence[BatchResult]:
        info = self.info or BatchInfo(id=self._batch, status="")
        if len(self._seen) < info.answered:
            what = f"batch {info.id} tells of {info.answered} results, and {len(self._seen)} came"
            raise TruncatedStreamError(what, retryable=True)
        if self.known.ids is None:
            return ()
        if strange := self._seen.difference(self.known.ids):
            raise BadRequestError(f"ids: batch {info.id} has a result of {min(strange)!r:.200}, which is none of them")
        why = f"nobody has answered it: the batch is {info.status}"
        code = f"batch_{info.status}"
        missing = (name for name in self.known.ids if name not in self._seen)
        return [BatchResult(name, error=UnansweredError(why, code=code)) for name in missing]


@define(eq=False)
class Ordered(Source[BatchResult]):
    """Results in the order of the requests; those that come early are kept."""

    _results: Results
    _early: dict[str, BatchResult] = field(factory=dict)
    _at: int = 0
    _over: bool = False

    async def next(self) -> Sequence[BatchResult] | None:
        """See `Source`."""
        if self._over:
            return None
        some = await self._results.next()
        if some is None:
            self._over = True
            return self._rest()
        self._early.update((one.custom_id, one) for one in some)
        return self._due()

    async def close(self) -> None:
        """See `Source`."""
        self._over = True
        await self._results.close()

    def _due(self) -> Sequence[BatchResult]:
        found = []
        while (name := self._name(self._at)) is not None and name in self._early:
            found.append(self._early.pop(name))
            self._at += 1
        return found

    def _rest(self) -> Sequence[BatchResult]:
        """What is left where there are gaps: ids of our own, of which some were never answered."""
        if self._results.known.ids is None and (other := [name for name in self._early if _number(name) is None]):
            what = "their order is not known: give `ids`, or `requests` with the ids that they were given"
            raise BadRequestError(f"ordered: the batch has results like {other[0]!r:.200}; {what}")
        return sorted(self._early.values(), key=lambda one: _number(one.custom_id) or 0)

    def _name(self, place: int) -> str | None:
        ids = self._results.known.ids
        if ids is None:
            return custom_id(place)
        return ids[place] if place < len(ids) else None


def _number(name: str) -> int | None:
    number = name.removeprefix(custom_id(0)[:-1])
    return int(number) if number.isdecimal() and number.isascii() and custom_id(int(number)) == name else None


def _result(event: Event) -> BatchResult | None:
    return event if isinstance(event, BatchResult) else None

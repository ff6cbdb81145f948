"""Which models there are: pages of a list, and single ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from attrs import define, field

from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.http import HttpResponse, read_json
from jackfield.types import ModelInfo, ModelListed, ModelsEvent, Start

from . import reading
from .headers import rate_limit, request_id, seconds_since_1970

__all__ = ["Pages", "model_path", "read_model"]

PATH: Final = "/v1/models"
PAGE: Final = 1000  # the most that a page may hold
MAX_PAGES: Final = 100


def model_path(model: str) -> str:
    """The path of one model, whose name is one part of it, whatever characters it holds.

    Raises:
        BadRequestError: the name cannot be a part of a path.
    """
    try:
        part = quote(model, safe="")
    except UnicodeEncodeError:
        part = ""
    if not part.strip("."):
        raise BadRequestError(f"model: {model!r} is no name of a model")
    return f"{PATH}/{part}"


@define(eq=False)
class Pages:
    """The pages of a list, which become one reply; the decoder of the last of them."""

    done: bool = field(default=False, init=False)
    _events: list[ModelsEvent] = field(factory=list, init=False)
    _count: int = field(default=0, init=False)
    _after: str | None = field(default=None, init=False)

    @property
    def path(self) -> str:
        """The path of the next page."""
        after = {} if self._after is None else {"after_id": self._after}
        return f"{PATH}?{urlencode({'limit': PAGE, **after})}"

    def take(self, page: HttpResponse) -> bool:
        """Read a page, whose body is there; gives whether another follows.

        Raises:
            MalformedReplyError: it is none, or the list does not end.
        """
        payload = read_json(page.body or b"")
        items = payload.get("data") if isinstance(payload, dict) else None
        if not isinstance(items, list):
            raise MalformedReplyError("the reply is not a list of models", status=page.status, body=payload)
        self._events += _events(items, payload, page)
        self._count += 1
        last = reading.fact(payload, "last_id", str)
        if payload.get("has_more") is not True:
            return False
        if last in (None, "", self._after) or self._count >= MAX_PAGES:
            raise MalformedReplyError(f"the list of models does not end: page {self._count} ends at {last!r}")
        self._after = last
        return True

    def feed(self, data: bytes, /) -> Iterable[ModelsEvent]:
        """Nothing follows: the last page was read."""
        return ()

    def end(self) -> Iterable[ModelsEvent]:
        """The models of all pages. Entries without a name stay in `raw`."""
        return self._events


def read_model(payload: Any, head: HttpResponse) -> Iterator[ModelsEvent]:
    """The events of one model.

    Raises:
        MalformedReplyError: it is none.
    """
    events = list(_events([payload], payload, head))
    if len(events) < 2:
        raise MalformedReplyError("the reply is not a model", status=head.status, body=payload)
    yield from events


def _events(items: Iterable[Any], payload: Any, head: HttpResponse) -> Iterator[ModelsEvent]:
    yield Start(raw=payload, request_id=request_id(head.headers), rate_limit=rate_limit(head.headers))
    for item in items:
        if isinstance(item, dict) and (name := reading.fact(item, "id", str)):
            yield ModelListed(_model(name, item))


def _model(name: str, item: Mapping[str, Any]) -> ModelInfo:
    return ModelInfo(
        name,
        reading.fact(item, "display_name", str),
        created=seconds_since_1970(reading.fact(item, "created_at", str) or ""),
        context_length=reading.fact(item, "max_input_tokens", int),
        max_output_tokens=reading.fact(item, "max_tokens", int),
        raw=item,
    )

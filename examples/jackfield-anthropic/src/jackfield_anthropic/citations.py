"""Citations in both directions: those that name a source by its address, and those that point into a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jackfield.types import Citation, Unknown

__all__ = ["read_citation", "wire_citation"]

# where the types that name a source have its address
ADDRESSES: Final[Mapping[str, str]] = {"web_search_result_location": "url", "search_result_location": "source"}
# how a citation that has no address stands among the remarks, with the number of the text that it is on
DELTA: Final = "citations_delta"
PLACE: Final = "block"


def read_citation(wire: Any, text: int | None, start: int, end: int) -> Citation | Unknown:
    """A remark on a reply's text of this number, which reaches from `start` to `end` in all of its text."""
    kind = wire.get("type") if isinstance(wire, Mapping) else None
    address = ADDRESSES.get(kind) if isinstance(kind, str) else None
    if address is not None:
        extra = dict(wire)
        url, title, quoted = extra.pop(address, None), extra.pop("title", None), extra.pop("cited_text", None)
        if isinstance(url, str) and isinstance(title, str | None) and isinstance(quoted, str | None):
            return Citation(url, title, quoted, start, end, extra=extra)
    return Unknown({"type": DELTA, PLACE: text, "citation": wire})


def wire_citation(one: Citation | Unknown) -> tuple[Any, int | None]:
    """A remark as it came, and the number of its text where it has one; None where it is no citation of this wire."""
    if isinstance(one, Unknown):
        match one.raw:
            case {"type": "citations_delta", "block": int(place), "citation": citation}:
                return citation, place
        return None, None
    extra = dict(one.extra or {})
    kind = extra.pop("type", None)
    address = ADDRESSES.get(kind) if isinstance(kind, str) else None
    if address is None:
        return None, None
    return {"type": kind, address: one.url, "title": one.title, "cited_text": one.text, **extra}, None

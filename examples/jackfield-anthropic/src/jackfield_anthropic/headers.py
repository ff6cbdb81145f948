"""Reads what the headers of a reply say beside it. What cannot be understood is None, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from jackfield.types import RateLimit

__all__ = ["rate_limit", "request_id", "seconds_since_1970"]

Headers = Mapping[str, str]
Facts = tuple[int | None, int | None, float | None]

PREFIX: Final = "anthropic-ratelimit-"
# the limit of all tokens first, then those of a kind
TOKENS: Final = ("tokens", "input-tokens", "output-tokens")
LONGEST: Final = 366 * 86400.0


def request_id(headers: Headers) -> str | None:
    """The id of the request; None where no header has one."""
    return headers.get("request-id", "").strip() or None


def rate_limit(headers: Headers) -> RateLimit | None:
    """What is left of the limits; None where the headers say nothing of them.

    Of several limits of tokens, it is the one of which the least is left.
    """
    if not any(name.startswith(PREFIX) for name in headers):
        return None
    tightest = min((_facts(headers, kind) for kind in TOKENS), key=_rank)
    found = (*_facts(headers, "requests"), *tightest)
    return RateLimit(*found) if any(fact is not None for fact in found) else None


def _rank(facts: Facts) -> tuple[bool, float]:
    limit, remaining, _ = facts
    return remaining is None and limit is None, float("inf") if remaining is None else remaining


def _facts(headers: Headers, kind: str) -> Facts:
    limit, remaining = (_count(headers.get(f"{PREFIX}{kind}-{fact}", "")) for fact in ("limit", "remaining"))
    return limit, remaining, _wait(headers.get(f"{PREFIX}{kind}-reset", ""), headers.get("date", ""))


def _count(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else None


def _wait(then: str, date: str) -> float | None:
    """Seconds from the reply until a time, by the clock of the reply itself: that of this machine may be wrong."""
    try:
        now: Any = parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        now = None
    until = seconds_since_1970(then)
    seconds = None if until is None or now is None else max(until - now, 0.0)
    return seconds if seconds is not None and seconds <= LONGEST else None


def seconds_since_1970(text: str) -> float | None:
    """A time as RFC 3339 writes it; None where it is none."""
    try:
        found = datetime.fromisoformat(text.strip())
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None

"""Reads what the headers of a reply say beside it: what is left of the limits, and the id of the request.

Header names are in lower case. What cannot be understood is None, never an error: no reply fails by its headers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import product
from typing import Any, Final

from jackfield.types import RateLimit

__all__ = ["rate_limit", "request_id"]

Headers = Mapping[str, str]

FACTS: Final = ("limit", "remaining", "reset")
# how hosts call a limit of requests, and one of tokens; several may stand side by side, for several periods
REQUESTS: Final = (
    "x-ratelimit-{}-requests",
    "anthropic-ratelimit-requests-{}",
    "x-ratelimit-{}-req",
    "x-ratelimit-{}",
    "ratelimit-{}",
)
TOKENS: Final = (
    "x-ratelimit-{}-tokens",
    "anthropic-ratelimit-tokens-{}",
    "x-ratelimit-{}-project-tokens",
    "x-ratelimit-{}-tokens-usage-based",
    "x-ratelimit-{}-tokens_usage_based",
    "x-ratelimitbysize-{}",
    "ratelimitbysize-{}",
)
PERIODS: Final = ("", "-minute", "-hour", "-day", "-month")

# from the one that the provider's support asks for to those of what stands in front of it
IDS: Final = (
    "x-request-id",
    "request-id",
    "apim-request-id",
    "mistral-correlation-id",
    "x-ds-trace-id",
    "x-log-id",
    "x-kong-request-id",
    "x-litellm-call-id",
    "x-generation-id",
    "cf-ray",
)

UNITS: Final = {
    "d": 86400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ns": 1e-9,
}
PIECE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|us|µs|μs|ns|d|h|m|s)")
DURATION: Final = re.compile(f"(?:{PIECE.pattern})+")
NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]*)?")
UNLIMITED: Final = 1 << 62  # what stands for no limit at all is near the largest number of 64 bits
LONGEST: Final = 366 * 86400.0
SOONEST: Final = 1e9  # a larger number is a date: seconds since 1970, or thousandths of them


def _names(patterns: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(f"{pattern.format(fact)}{period}" for fact in FACTS) for pattern, period in product(patterns, PERIODS)
    )


# of many names that hosts use, a reply has few: each with its limit's place, requests before tokens
LIMITS: Final = (*_names(REQUESTS), *_names(TOKENS))
OF_TOKENS: Final = len(_names(REQUESTS))
PLACES: Final = {name: place for place, names in enumerate(LIMITS) for name in names}


def rate_limit(headers: Headers) -> RateLimit | None:
    """What is left of the provider's limits; None where the headers say nothing of them.

    Where there are several limits of a kind, for a minute and for a day, it is the one of which the least is left.
    """
    places = sorted({PLACES[name] for name in headers if name in PLACES})
    if not places:
        return None
    of_requests = [LIMITS[place] for place in places if place < OF_TOKENS]
    of_tokens = [LIMITS[place] for place in places if place >= OF_TOKENS]
    facts = (*_tightest(headers, of_requests), *_tightest(headers, of_tokens))
    return RateLimit(*facts) if any(fact is not None for fact in facts) else None


def request_id(headers: Headers) -> str | None:
    """The provider's id of the request; None where no header has one."""
    return next((value for name in IDS if (value := headers.get(name, "").strip())), None)


def _tightest(headers: Headers, names: Iterable[tuple[str, ...]]) -> tuple[Any, Any, Any]:
    best: tuple[Any, Any, Any] = (None, None, None)
    for limit, remaining, reset in names:
        found = (_count(headers, limit), _count(headers, remaining), _reset(headers, reset))
        if best == (None, None, None) or (found[1] is not None and (best[1] is None or found[1] < best[1])):
            best = found
    return best


def _count(headers: Headers, name: str) -> int | None:
    plain = headers.get(name, "")
    if len(plain) < 18 and plain.isdecimal() and plain.isascii():  # as nearly all are
        return int(plain)
    counts = (int(float(item)) for item in _items(headers, name) if len(item) < 25 and NUMBER.fullmatch(item))
    return min((count for count in counts if count < UNLIMITED), default=None)


def _reset(headers: Headers, name: str) -> float | None:
    """Seconds from the reply until the limit is whole again: the last of them, where there are several."""
    # as a whole first: a date has a comma of its own
    text = headers.get(name, "").strip()
    found = _seconds(text, headers)
    if found is None and text:
        found = max(
            (one for item in _items(headers, name) if (one := _seconds(item, headers)) is not None), default=None
        )
    return found


def _items(headers: Headers, name: str) -> Iterable[str]:
    # a header that was sent twice comes joined by commas; what stands behind a semicolon is a remark on the value
    return (item.partition(";")[0].strip(" \t[]\"'") for item in headers.get(name, "")[:200].split(","))


def _seconds(text: str, headers: Headers) -> float | None:
    if not text or len(text) > 60:
        return None
    if DURATION.fullmatch(text):
        return _bounded(sum(float(number) * UNITS[unit] for number, unit in PIECE.findall(text)))
    if not NUMBER.fullmatch(text):
        return _until(_read_date(text), headers)
    number = float(text)
    if number < SOONEST:
        return _bounded(number)
    return _until(number if number < SOONEST * 100 else number / 1000, headers)


def _bounded(seconds: float) -> float | None:
    return seconds if seconds <= LONGEST else None


def _until(then: float | None, headers: Headers) -> float | None:
    # the clock of the reply itself: this machine's may be wrong, and reading it is not for a translation
    now = _read_date(headers.get("date", ""))
    return None if then is None or now is None else _bounded(max(then - now, 0.0))


def _read_date(text: str) -> float | None:
    from email.utils import parsedate_to_datetime  # few replies name a date

    readers: tuple[Callable[[str], datetime], ...] = (datetime.fromisoformat, parsedate_to_datetime)
    for read in readers:
        try:
            found = read(text)
            return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None

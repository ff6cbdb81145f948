"""What differs between a request that was recorded and one that is asked, as a person reads it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from jackfield.http import HttpRequest, whole

from .bodies import json_of
from .scrubbing import SCRUBBED, Scrub

__all__ = ["differences"]

# what depends on the machine, on the version or on chance
UNHEEDED: Final = (
    *("accept-encoding", "baggage", "connection", "content-length", "host", "idempotency-key", "traceparent"),
    *("tracestate", "user-agent", "x-client-request-id", "x-idempotency-key", "x-request-id"),
)
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
MOST: Final = 10
LONGEST: Final = 60
BEFORE: Final = 20  # characters shown before the first that differs


def differences(recorded: HttpRequest, asked: HttpRequest, scrub: Scrub) -> list[str]:
    """One line for each thing that differs; none where the request is the one that was recorded."""
    found = [
        _told(name, one, other)
        for name, one, other in (
            ("method", recorded.method, asked.method),
            ("origin", _origin(recorded.origin), _origin(asked.origin)),
            ("path", recorded.path, asked.path),
        )
        if one != other
    ]
    found += _of_headers(recorded.headers, asked.headers, scrub)
    before, now = whole(recorded.body), whole(asked.body)
    if before != now:
        one, other = json_of(before), json_of(now)
        if one is not None and other is not None:
            found += _of_values("body", one, other)
        else:
            found.append(_told("body", _text(before), _text(now)))
    if len(found) > MOST:
        found = [*found[:MOST], f"and {len(found) - MOST} more"]
    return found


def _origin(origin: str) -> str:
    """A server on this machine listens where it can."""
    return "a server on this machine" if urlsplit(origin).hostname in LOOPBACK else origin


def _of_headers(recorded: Mapping[str, str], asked: Mapping[str, str], scrub: Scrub) -> Iterator[str]:
    for name in sorted({*recorded, *asked}.difference(UNHEEDED)):
        one, other = recorded.get(name), asked.get(name)
        if one != other and not scrub.hides(name) and one != SCRUBBED:
            yield _told(f"header {name}", one, other)


def _of_values(path: str, one: Any, other: Any) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in (*one, *(key for key in other if key not in one)):
            where = f"{path}.{key}"
            if key not in other:
                yield f"{where}: recorded {_short(_json(one[key]))}, not asked"
            elif key not in one:
                yield f"{where}: not recorded, asked {_short(_json(other[key]))}"
            else:
                yield from _of_values(where, one[key], other[key])
    elif isinstance(one, list) and isinstance(other, list):
        for index, (left, right) in enumerate(zip(one, other, strict=False)):
            yield from _of_values(f"{path}[{index}]", left, right)
        if len(one) != len(other):
            yield f"{path}: recorded {len(one)} items, asked {len(other)}"
    elif one != other or isinstance(one, bool) is not isinstance(other, bool):
        yield _told(path, one, other)


def _told(what: str, one: Any, other: Any) -> str:
    if isinstance(one, str) and isinstance(other, str):
        start = max(0, _common(one, other) - BEFORE)
        return f"{what}: recorded {_quoted(one, start)}, asked {_quoted(other, start)}"
    words = (
        "nothing" if value is None and what.startswith("header") else _short(_json(value)) for value in (one, other)
    )
    return f"{what}: recorded {next(words)}, asked {next(words)}"


def _common(one: str, other: str) -> int:
    pairs: Iterable[tuple[str, str]] = zip(one, other, strict=False)
    return next((index for index, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def _quoted(text: str, start: int) -> str:
    before, after = "..." if start else "", "..." if len(text) > start + LONGEST else ""
    return f"{before}{_json(text[start : start + LONGEST])}{after}"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "backslashreplace")

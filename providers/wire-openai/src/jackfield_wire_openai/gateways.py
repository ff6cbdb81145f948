"""What a gateway such as OpenRouter says in its errors beside what every service says: who is behind it, and when."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from jackfield.errors import MalformedReplyError
from jackfield.http import lower_names, read_json

from .headers import rate_limit

__all__ = ["availability", "behind", "detail_of", "limit_reset", "metadata_of", "moderated"]

MAX_RAW: Final = 64 * 1024
# what only a refusal of content says: the reasons for it, what was flagged, the patterns that were found
MODERATED: Final = ("reasons", "flagged_input", "patterns")


def detail_of(payload: Any) -> Mapping[str, Any]:
    """The part of a payload that speaks of the error: most put it under `error`, some leave it at the top."""
    if isinstance(payload, list) and payload:
        payload = payload[0]  # Google sends a list of one
    if not isinstance(payload, Mapping):
        return {}
    error = payload.get("error")
    return error if isinstance(error, Mapping) else payload


def metadata_of(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an error says under `metadata`; empty where it says nothing."""
    return _mapping(detail.get("metadata"))


def moderated(metadata: Mapping[str, Any]) -> bool:
    """Whether the metadata speak of content that was refused."""
    return any(name in metadata for name in MODERATED)


def behind(metadata: Mapping[str, Any]) -> tuple[str | None, Any]:
    """The service behind the gateway, by its name, and what that service itself has said, parsed where it is JSON."""
    name, raw = metadata.get("provider_name"), metadata.get("raw")
    if isinstance(raw, str) and raw.lstrip().startswith(("{", "[")) and len(raw) <= MAX_RAW:
        with suppress(MalformedReplyError):  # it only looked like it: it is told as it is
            raw = read_json(raw)
    return name if isinstance(name, str) and name else None, raw


def availability(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """The hints on whether and when the model can be had; empty where there are none."""
    return _mapping(detail.get("availability"))


def limit_reset(detail: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    """Seconds until a limit that is used up is whole again, by the headers or by those that the error quotes."""
    quoted = _mapping(metadata_of(detail).get("headers"))
    told = lower_names({str(name): str(value) for name, value in quoted.items()})
    limits = rate_limit({**told, **headers})
    if limits is None:
        return None
    kinds = ((limits.requests_remaining, limits.requests_reset), (limits.tokens_remaining, limits.tokens_reset))
    resets = [reset for remaining, reset in kinds if remaining == 0 and reset is not None]
    return max(resets, default=None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

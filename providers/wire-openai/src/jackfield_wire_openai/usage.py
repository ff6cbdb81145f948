"""Usage, in every shape in which OpenAI-like services state it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jackfield.types import Usage

from .reading import fact

__all__ = ["find_usage", "read_usage"]

# where each number may stand: an object beside it or none, and its name; the first that is there counts
PLACES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "input_tokens": (("", "prompt_tokens"), ("", "input_tokens")),
    "output_tokens": (("", "completion_tokens"), ("", "output_tokens")),
    "reasoning_tokens": (
        ("completion_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "reasoning_tokens"),
        ("", "reasoning_tokens"),
    ),
    "cached_tokens": (
        ("prompt_tokens_details", "cached_tokens"),
        ("input_tokens_details", "cached_tokens"),
        ("", "prompt_cache_hit_tokens"),
        ("", "cache_read_input_tokens"),
        ("", "cached_tokens"),
        ("", "num_cached_tokens"),
    ),
    "cache_write_tokens": (
        ("prompt_tokens_details", "cache_write_tokens"),
        ("input_tokens_details", "cache_write_tokens"),
        ("", "cache_creation_input_tokens"),
    ),
    "input_audio_tokens": (("prompt_tokens_details", "audio_tokens"), ("", "audio_prompt_tokens")),
    "output_audio_tokens": (("completion_tokens_details", "audio_tokens"),),
}
COSTS: Final = (("", "cost"), ("cost", "total_cost"), ("cost", "usd"), ("", "estimated_cost"))
NUMBERS: Final = (int, float)


def find_usage(holder: Mapping[str, Any]) -> Usage | None:
    """What a payload, or one of its choices, states of its usage; None where it states nothing."""
    usage = fact(holder, "usage", dict) or fact(fact(holder, "x_groq", dict) or {}, "usage", dict)
    return read_usage(usage, holder) if usage else None


def read_usage(usage: Mapping[str, Any], holder: Mapping[str, Any] | None = None) -> Usage:
    """Usage as it is stated; `holder` is the payload around it, which may state the cost."""
    counts = {name: _first(usage, places, int) for name, places in PLACES.items()}
    cost = _first(usage, COSTS, *NUMBERS)
    if cost is None and holder is not None:
        cost = _first(holder, COSTS, *NUMBERS)
    return Usage(cost=cost, **counts)


def _first(holder: Mapping[str, Any], places: tuple[tuple[str, str], ...], *kinds: type) -> Any:
    for outer, name in places:
        inner = holder if not outer else holder.get(outer)
        if type(inner) is dict and type(found := inner.get(name)) in kinds:
            return found
    return None

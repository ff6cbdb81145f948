"""Log probabilities of tokens, in the form of chats and in the older one of completions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jackfield.types import TokenLogprob

from .reading import fact

__all__ = ["read_legacy", "read_tokens"]


def read_tokens(items: Any) -> tuple[TokenLogprob, ...]:
    """The tokens of a list of objects, one for each token; what has another form is left out, and is in `raw`."""
    return tuple(_token(item) for item in _listed(items) if type(item) is dict and type(item.get("token")) is str)


def read_legacy(logprobs: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    """The tokens of an object of parallel lists: `tokens`, `token_logprobs`, `top_logprobs`, `text_offset`.

    The tokens say how many there are: a list that is shorter, or missing, leaves its part of the rest open.
    """
    found: list[TokenLogprob] = []
    rest = zip(_numbers(logprobs, "token_logprobs"), _tops(logprobs), _offsets(logprobs), strict=False)
    for token, (logprob, top, offset) in zip(_listed(logprobs.get("tokens")), rest, strict=False):
        if type(token) is str:
            found.append(TokenLogprob(token, logprob, top=top, offset=offset))
    return tuple(found)


def _token(item: Mapping[str, Any]) -> TokenLogprob:
    numbers = _listed(item.get("bytes"))
    whole = all(type(number) is int and 0 <= number < 256 for number in numbers)
    return TokenLogprob(
        item["token"],
        fact(item, "logprob", int, float),
        bytes(numbers) if whole and type(item.get("bytes")) is list else None,
        read_tokens(item.get("top_logprobs")),
        fact(item, "text_offset", int),
    )


def _listed(value: Any) -> list[Any]:
    return value if type(value) is list else []


def _numbers(holder: Mapping[str, Any], name: str) -> Iterator[float | None]:
    for value in _listed(holder.get(name)):
        yield value if type(value) in (int, float) else None
    while True:
        yield None


def _offsets(holder: Mapping[str, Any]) -> Iterator[int | None]:
    for value in _listed(holder.get("text_offset")):
        yield value if type(value) is int else None
    while True:
        yield None


def _tops(holder: Mapping[str, Any]) -> Iterator[tuple[TokenLogprob, ...]]:
    for value in _listed(holder.get("top_logprobs")):
        if type(value) is dict:
            yield tuple(
                TokenLogprob(token, logprob if type(logprob) in (int, float) else None)
                for token, logprob in value.items()
            )
        else:
            yield read_tokens(value)
    while True:
        yield ()

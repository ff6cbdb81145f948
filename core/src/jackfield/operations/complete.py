"""Text completion, the older way: a prompt in, its continuation out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from ..errors import BadRequestError
from ..types import CompleteEvent, Finish, Logprobs
from ..types.content import Brief
from .base import Operation, Response, Sampled, a, whole
from .folding import ChoicesFold

__all__ = ["COMPLETE", "CompleteRequest", "CompleteResponse", "Completion", "Prompt", "PromptLike"]

Prompt: TypeAlias = str | tuple[int, ...]
PromptLike: TypeAlias = str | Iterable[str] | Iterable[int] | Iterable[Iterable[int]]


@frozen(repr=False)
class Completion(Brief):
    """One of the continuations. `finish` is None only in the partial response of an error."""

    index: int
    text: str
    finish: Finish | None
    logprobs: Logprobs | None = None


@frozen(kw_only=True, repr=False)
class CompleteResponse(Response):
    """A whole reply: `n` choices for each prompt, in the order of the prompts. `text` is that of the first."""

    choices: tuple[Completion, ...] = ()

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return self.choices[0].text if self.choices else ""

    @property
    def finish(self) -> Finish | None:
        """Why the first choice ended."""
        return self.choices[0].finish if self.choices else None

    @property
    def logprobs(self) -> Logprobs | None:
        """The log probabilities of the first choice, where they were asked for."""
        return self.choices[0].logprobs if self.choices else None


class _CompleteFold(ChoicesFold):
    def response(self) -> CompleteResponse:
        folds = sorted(self.choices.items())
        choices = tuple(Completion(index, fold.message().text, fold.finish, fold.logprobs()) for index, fold in folds)
        return CompleteResponse(choices=choices, **self.facts())


COMPLETE: Operation[CompleteEvent, CompleteResponse] = Operation("complete", _CompleteFold, CompleteEvent)


def read_prompts(value: PromptLike, name: str = "prompt") -> tuple[Prompt, ...]:
    """One text, several, the tokens of one, or the tokens of several, as a tuple of prompts.

    Raises:
        BadRequestError: it is none of these.
    """
    if isinstance(value, str):
        return (value,)
    items: tuple[Any, ...] = _listed(value)
    if items and all(type(item) is int for item in items):
        return (items,)
    found = tuple(item if isinstance(item, str) else _tokens(item, name) for item in items)
    if not found:
        raise BadRequestError(f"{name}: expected a text, several, or tokens, got {value!r}")
    return found


def _listed(value: object) -> tuple[Any, ...]:
    # bytes would pass for tokens, and the keys of a dictionary for texts
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray | Mapping) else ()


def _tokens(item: object, name: str) -> tuple[int, ...]:
    tokens = _listed(item)
    if not tokens or not all(type(token) is int for token in tokens):
        raise BadRequestError(f"{name}: expected a text, several, or tokens as whole numbers, got {item!r}")
    return tokens


@frozen(kw_only=True)
class CompleteRequest(Sampled[CompleteEvent, CompleteResponse]):
    """A request for a continuation. See `Sampled` and `Request` for further fields.

    Attributes:
        prompt: the text to continue; several, or token numbers, where the provider takes them.
        suffix: what comes behind the continuation.
        best_of: how many to make, of which the best `n` are given.
        echo: whether to give the prompt before its continuation.
        logprobs: how many of the likeliest tokens to give, with their log probabilities, at each place.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """

    operation = COMPLETE

    prompt: tuple[Prompt, ...] = field(converter=read_prompts)
    suffix: str | None = field(default=None, validator=a(str, "text"))
    max_output_tokens: int | None = field(default=None, validator=whole(0))
    best_of: int | None = field(default=None, validator=whole(1))
    echo: bool | None = field(default=None, validator=a(bool, "true or false"))
    logprobs: int | None = field(default=None, validator=whole(0))

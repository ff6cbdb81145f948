"""What chat and text completion can be asked alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from attrs import field, frozen

from .base import Request
from .checks import a, mapping_of_numbers, number, stop as read_stop, whole

__all__ = ["Sampled"]

E = TypeVar("E")
R = TypeVar("R")


@frozen(kw_only=True)
class Sampled(Request[E, R]):
    """Base of requests whose reply is sampled token by token.

    Attributes:
        temperature: 0 to 2; 0 is the least random.
        top_p: 0 to 1: the share of probability to sample from.
        frequency_penalty: -2 to 2: above 0, a token is less likely the more often it came.
        presence_penalty: -2 to 2: above 0, a token that came once is less likely.
        max_output_tokens: the most tokens that a choice may have, reasoning included.
        stop: text or texts that end a choice.
        seed: for sampling that can be repeated, where the provider supports it.
        n: how many choices to give.
        logit_bias: what to add to a token's logit, by the provider's number of the token.
        user: the provider's sign for whoever the request is made for.
    """

    temperature: float | None = field(default=None, validator=number(0, 2, "a number from 0 to 2"))
    top_p: float | None = field(default=None, validator=number(0, 1, "a number from 0 to 1"))
    frequency_penalty: float | None = field(default=None, validator=number(-2, 2, "a number from -2 to 2"))
    presence_penalty: float | None = field(default=None, validator=number(-2, 2, "a number from -2 to 2"))
    max_output_tokens: int | None = field(default=None, validator=whole(1))
    stop: tuple[str, ...] | None = field(default=None, converter=read_stop)
    seed: int | None = field(default=None, validator=whole())
    n: int | None = field(default=None, validator=whole(1))
    logit_bias: Mapping[str, float] | None = field(default=None, validator=mapping_of_numbers)
    user: str | None = field(default=None, validator=a(str, "text"))

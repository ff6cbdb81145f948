"""Whether, when and at what price a failed attempt is followed by another: a pure function, state in, verdict out.

Nothing here knows of calls, clocks or clients.
`vectors.json`, beside this file, holds what it answers, for implementations in any language.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from attrs import frozen

from .settings import RetrySettings

__all__ = ["Circuit", "Reason", "State", "Verdict", "decide"]

Circuit: TypeAlias = Literal["closed", "open", "half_open"]
Reason: TypeAlias = Literal[
    "retry", "delivered", "final", "effect", "attempts", "budget", "circuit", "wait", "deadline", "tokens"
]

DOUBLINGS: Final = 60
REQUEST_TIMEOUT: Final = 408


@frozen(kw_only=True)
class State:
    """A failed attempt, and how things stand.

    Attributes:
        attempt: the number of the attempt that failed; the first is 1.
        retryable: whether the error says that the same request may succeed later.
        delivered: whether anything of the reply has reached the caller.
        timeout: whether the error is a timeout.
        sent: whether anything of the request may have reached the provider.
        status: the HTTP status of the error, or None.
        repeatable: whether sending the request twice has no effect beyond its price.
        idempotent: whether the request carries a key by which the provider knows it again.
        retry_after: the seconds that the provider asks to wait, or None.
        time_left: the seconds until the call's deadline, or None.
        budget_left: how many attempts the call may still make, other targets included, or None.
        circuit: the state of the target's circuit.
        tokens: the tokens that the calls to this provider have left.
        chance: a random number from 0 up to 1.
    """

    attempt: int = 1
    retryable: bool = True
    delivered: bool = False
    timeout: bool = False
    sent: bool = True
    status: int | None = None
    repeatable: bool = True
    idempotent: bool = False
    retry_after: float | None = None
    time_left: float | None = None
    budget_left: int | None = None
    circuit: Circuit = "closed"
    tokens: int = 500
    chance: float = 0.5


@frozen
class Verdict:
    """What is to be done.

    Attributes:
        retry: whether there is another attempt.
        wait: the seconds before it.
        cost: the tokens that it costs.
        reason: "retry", or what speaks against one.
    """

    retry: bool
    wait: float
    cost: int
    reason: Reason


def decide(rules: RetrySettings, state: State) -> Verdict:
    """Decide on another attempt. Of several reasons against one, the first in the order of `Reason` is given."""
    wait, asked = _wait(rules, state)
    cost = rules.timeout_cost if state.timeout else rules.cost
    against: tuple[tuple[Reason, bool], ...] = (
        ("delivered", state.delivered),
        ("final", not state.retryable),
        ("effect", not (state.repeatable or state.idempotent) and _may_have_effect(state)),
        ("attempts", state.attempt >= rules.attempts),
        ("budget", state.budget_left is not None and state.budget_left <= 0),
        ("circuit", state.circuit == "open"),
        ("wait", asked and wait > rules.max_wait),
        ("deadline", state.time_left is not None and wait >= state.time_left),
        ("tokens", cost > state.tokens),
    )
    reason = next((reason for reason, holds in against if holds), None)
    if reason is not None:
        return Verdict(retry=False, wait=0.0, cost=0, reason=reason)
    return Verdict(retry=True, wait=wait, cost=cost, reason="retry")


def _wait(rules: RetrySettings, state: State) -> tuple[float, bool]:
    """The seconds to wait, and whether the provider asked for them. 0, a negative number and NaN ask for nothing."""
    if state.retry_after is not None and state.retry_after > 0:
        return state.retry_after, True
    longest = rules.backoff * 2.0 ** min(state.attempt - 1, DOUBLINGS)
    return state.chance * min(longest, rules.max_backoff, rules.max_wait), False


def _may_have_effect(state: State) -> bool:
    """A request that was refused (4xx) has none; a server that gave up waiting for it may have begun."""
    refused = state.status is not None and 400 <= state.status < 500 and state.status != REQUEST_TIMEOUT
    return state.sent and not refused

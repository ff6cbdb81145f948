"""For test runs: a switch that forbids real requests."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, ExitStack
from typing import Final

from .endpoint import Endpoint
from .errors import RequestForbiddenError

__all__ = ["allow_requests", "check", "forbid_requests"]

VARIABLE: Final = "JACKFIELD_OFFLINE"

_switches: list[tuple[object, bool]] = []  # who forbade (True) or allowed (False) requests; the last one counts


def forbid_requests() -> AbstractContextManager[object]:
    """Let every request that is not to loopback raise a `RequestForbiddenError`, in all threads of this process.

    One line in `conftest.py` does it for a whole test run: `jackfield.testing.forbid_requests()`.
    In a `with` statement it ends with the block. The variable JACKFIELD_OFFLINE=1 does the same from outside.
    Providers without HTTP, transports and simulations work on: nothing of theirs leaves.
    """
    return _turn(forbidden=True)


def allow_requests() -> AbstractContextManager[object]:
    """Take the prohibition back; in a `with` statement, until the block ends."""
    return _turn(forbidden=False)


def check(target: Endpoint) -> None:
    """See whether a request to an endpoint may leave.

    Raises:
        RequestForbiddenError: requests are forbidden, and this one is not to loopback.
    """
    ambient = os.environ.get(VARIABLE, "").lower() not in {"", "0", "false", "no"}
    if (_switches[-1][1] if _switches else ambient) and not target.loopback:
        why = "jackfield.testing.forbid_requests()" if _switches else VARIABLE
        raise RequestForbiddenError(f"a request to {target.origin} was about to be sent, which {why} forbids")


def _turn(*, forbidden: bool) -> AbstractContextManager[object]:
    entry = (object(), forbidden)
    _switches.append(entry)
    stack = ExitStack()
    stack.callback(_switches.remove, entry)
    return stack

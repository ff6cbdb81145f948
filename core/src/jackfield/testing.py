"""For test runs: a switch that forbids real requests."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack

from .engine.offline import switches

__all__ = ["allow_requests", "forbid_requests"]


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


def _turn(*, forbidden: bool) -> AbstractContextManager[object]:
    entry = (object(), forbidden)
    switches.append(entry)
    stack = ExitStack()
    stack.callback(switches.remove, entry)
    return stack

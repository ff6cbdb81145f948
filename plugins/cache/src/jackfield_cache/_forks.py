"""Stores and forks: in the child, locks may be held by threads that are not there, connections are not its own."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["renew_in_children"]


class _Renewed(Protocol):
    def after_fork(self) -> None:
        """Make ready to be used in the child."""


_all: weakref.WeakSet[_Renewed] = weakref.WeakSet()


def renew_in_children(one: _Renewed) -> None:
    """Have `after_fork` called in every child that this process forks."""
    _all.add(one)


def _after_fork() -> None:
    for one in list(_all):
        one.after_fork()


if hasattr(os, "register_at_fork"):  # Windows forks nothing
    os.register_at_fork(after_in_child=_after_fork)

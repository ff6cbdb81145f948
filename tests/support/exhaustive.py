"""A plugin of pytest: how many examples a test tries, of which one interpreter tries all, and the others fewer.

`JACKFIELD_TEST_EXAMPLES=few`, which tox.ini sets, is for the others. Without it a run is exhaustive.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from hypothesis import HealthCheck, settings

__all__ = ["FEW", "examples"]

FEW: Final = os.environ.get("JACKFIELD_TEST_EXAMPLES") == "few"
SHARE: Final = 5
"""Of so many examples the others try one."""

# no test asserts a time: the machines that run them are noisy
settings.register_profile(
    "jackfield", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100 // (SHARE if FEW else 1)
)
settings.load_profile("jackfield")


def examples(number: int) -> int:
    """How many of these examples this run tries, for a test that says itself how many it wants."""
    return number // SHARE if FEW else number


def pytest_configure() -> None:
    """Have the conformance suites cut, twist and leave replies at fewer places."""
    if not FEW:
        return
    with suppress(ImportError):  # a distribution alone does without them
        from jackfield_testkit.conformance import _journeys, _shapes

        _shapes.EVERY = SHARE
        _journeys.MOMENTS = examples(_journeys.MOMENTS)

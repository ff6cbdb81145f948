"""The switch that forbids real requests, for test runs."""

from __future__ import annotations

import os
from typing import Final

from ..endpoint import Endpoint
from ..errors import RequestForbiddenError

__all__ = ["check", "switches"]

VARIABLE: Final = "JACKFIELD_OFFLINE"

switches: list[tuple[object, bool]] = []
"""Who forbade (True) or allowed (False) requests; the last one counts, and the variable where there is none."""


def check(target: Endpoint) -> None:
    """See whether a request to an endpoint may leave.

    Raises:
        RequestForbiddenError: requests are forbidden, and this one is not to loopback.
    """
    forbidden = switches[-1][1] if switches else os.environ.get(VARIABLE, "").lower() not in {"", "0", "false", "no"}
    if forbidden and not target.loopback:
        why = "jackfield.testing.forbid_requests()" if switches else VARIABLE
        raise RequestForbiddenError(f"a request to {target.origin} was about to be sent, which {why} forbids")

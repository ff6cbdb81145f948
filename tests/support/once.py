"""A plugin of pytest: has what is installed read once.

Every client reads it, which takes several times what the rest of a short test does.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from jackfield import doors, registry


def pytest_configure() -> None:
    """Keep what is installed, as long as nobody adds to it."""
    path, distributions, once = [*sys.path], doors.distributions, cache(doors.installed)

    def installed() -> Any:
        # a test that installs something does so in a folder that it adds to the path
        return once() if (sys.path, doors.distributions) == (path, distributions) else doors.installed()

    registry.installed = installed

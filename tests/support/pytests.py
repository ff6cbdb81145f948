"""Runs pytest on tests in a folder, as their author would, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from llama import clean_environment

UNUSED = ("-p", "no:hypothesispytest", "-p", "no:xdist")  # they take their time to import


def pytest_ran(folder: Path, *arguments: str, passed: bool = True, **variables: str) -> str:
    """What pytest prints; it must have passed, or failed where that is expected."""
    environment = clean_environment(PYTHONPATH=str(Path(__file__).parent), **variables)
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *UNUSED, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode == 0) is passed, done.stdout + done.stderr
    return done.stdout + done.stderr

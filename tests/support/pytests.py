"""Runs pytest on tests in a folder, as their author would, in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

import forked
from llama import clean_environment

# of all that is installed beside it, pytest is to load the kit alone: others take their time, or are imported already
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "jackfield_testkit.pytest_plugin", "-p", "once")
IMPORTED = ("pytest", "_pytest.*", "jackfield.*", "jackfield_testkit.conformance", "httpx", "httpx2", "trio")


def pytest_run(folder: Path, *arguments: str, path: Path | None = None, **variables: str) -> tuple[int, str]:
    """The exit status of pytest, and what it prints; `path` is where modules are found beside ours."""
    support = Path(__file__).parent
    found = os.pathsep.join(map(str, filter(None, (path, support))))
    environment = clean_environment(PYTHONPATH=found, **ALONE, **variables)
    done = forked.run(["pytest", *OPTIONS, *arguments], *IMPORTED, cwd=folder, env=environment)
    return done.returncode, (done.stdout + done.stderr).decode()


def pytest_ran(folder: Path, *arguments: str, path: Path | None = None, passed: bool = True, **variables: str) -> str:
    """What pytest prints; it must have passed, or failed where that is expected."""
    status, told = pytest_run(folder, *arguments, path=path, **variables)
    assert (status == 0) is passed, told
    return told

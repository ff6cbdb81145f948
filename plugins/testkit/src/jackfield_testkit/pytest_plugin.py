"""What pytest gets from this distribution: the fixture `jackfield_cassette`, its marker and its option.

pytest loads this whenever it starts, so that everything else is imported when a test asks for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from .cassettes import CassetteSession, Scrub

__all__ = ["jackfield_cassette", "jackfield_scrub", "pytest_addoption", "pytest_configure"]

VARIABLE: Final = "JACKFIELD_RECORD"
MODES: Final = ("replay", "once", "rewrite")
MARKER: Final = (
    'jackfield_cassette(name=None, match="order"): the file of the fixture, in the folder cassettes/ beside the test, '
    'and whether requests come in the recorded order or in "any"'
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.getgroup("jackfield").addoption(
        "--jackfield-record",
        choices=MODES,
        metavar="MODE",
        help=f"replay cassettes, record those that are missing (once), or all anew (rewrite); also by {VARIABLE}",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def jackfield_scrub() -> Scrub:
    """What must not be written into a cassette beside what never is; a `conftest.py` may have one of its own."""
    from .cassettes import Scrub

    return Scrub()


@pytest.fixture
def jackfield_cassette(request: pytest.FixtureRequest, jackfield_scrub: Scrub) -> Iterator[CassetteSession]:
    """A cassette for this test: clients on it by `client(...)` and `async_client(...)`, or its `transport`.

    The test fails where a request is not the recorded one, or where an exchange was not asked for.
    """
    from jackfield.errors import JackfieldError

    from .cassettes import CassetteSession

    marker = request.node.get_closest_marker("jackfield_cassette")
    name, match = _marked(*marker.args, **marker.kwargs) if marker is not None else _marked()
    path = _file(request.node, name)
    try:
        session = CassetteSession(path, _mode(request.config), match=match, scrub=jackfield_scrub)
    except JackfieldError as error:
        pytest.fail(str(error), pytrace=False)
    failed = request.session.testsfailed
    yield session
    try:
        # what a test that failed has not asked for tells nobody anything
        session.finish(check=request.session.testsfailed == failed)
    except JackfieldError as error:
        pytest.fail(str(error), pytrace=False)


def _marked(name: str | None = None, match: Any = "order") -> tuple[str | None, Any]:
    return name, match


def _mode(config: pytest.Config) -> Any:
    told: Any = config.getoption("--jackfield-record")
    mode = told or os.environ.get(VARIABLE) or "replay"
    if mode not in MODES:
        raise pytest.UsageError(f"{VARIABLE}: expected one of {', '.join(MODES)}, got {mode!r}")
    return mode


def _file(item: pytest.Item, name: str | None) -> Path:
    """The file of a test: by the marker's name, or by those of the module, the class and the function."""
    if name is None:
        parts = (item.path.stem, *item.nodeid.split("::")[1:])
        name = ".".join(re.sub(r"[^\w-]+", "-", part).strip("-") for part in parts)
    return item.path.parent / "cassettes" / (name if name.endswith(".json") else f"{name}.json")

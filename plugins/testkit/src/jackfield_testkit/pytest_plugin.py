"""What pytest loads: the waivers of the conformance suites, and the fixture of cassettes.

pytest loads this whenever it starts, so that everything else is imported when a test asks for it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from .cassettes import CassetteSession, Scrub

SUITES: Final = pytest.StashKey[dict[type[Any], None]]()
WAIVER: Final = "jackfield waiver"  # a property of tests, which comes also from the workers of a distributed run
VARIABLE: Final = "JACKFIELD_RECORD"
MODES: Final = ("replay", "once", "rewrite")
MARKER: Final = (
    'jackfield_cassette(name=None, match="order"): the file of the fixture, in the folder cassettes/ beside the test, '
    'and whether requests come in the recorded order or in "any"'
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the suites and of cassettes."""
    group = parser.getgroup("jackfield")
    group.addoption(
        "--jackfield-record",
        choices=MODES,
        metavar="MODE",
        help=f"replay cassettes, record those that are missing (once), or all anew (rewrite); also by {VARIABLE}",
    )
    group.addoption("--jackfield-support", action="store_true", help="print what the tested providers support")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker of cassettes known."""
    config.addinivalue_line("markers", MARKER)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the cases that there is nothing for, and mark those that are waived."""
    suites = [item for item in items if hasattr(getattr(item, "cls", None), "__jackfield_conformance__")]
    if not suites:
        return
    from .conformance._cases import waiver

    config.stash[SUITES] = dict.fromkeys(item.cls for item in suites)  # type: ignore[attr-defined]
    for item in suites:
        if _is_empty(item):
            items.remove(item)
            continue
        found = waiver(item.cls.waivers, item.name)  # type: ignore[attr-defined]
        if found is not None:
            reason, strict = found
            item.add_marker(pytest.mark.xfail(reason=reason, strict=strict))
            name = item.nodeid if strict else item.nodeid.partition("[")[0]
            item.user_properties.append((WAIVER, f"{name}: {reason}"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count what passes of a case that is waived as a whole as passed: such a waiver need not be for every variant."""
    report = yield
    if report.passed and any(name == WAIVER for name, _ in item.user_properties):
        vars(report).pop("wasxfail", None)
    return report


def _is_empty(item: Any) -> bool:
    return "NOTSET" in item.name and any(mark.name == "skip" for mark in item.iter_markers())


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """List what was waived, and what is supported."""
    reports = [one for found in terminalreporter.stats.values() for one in found if hasattr(one, "user_properties")]
    waived = sorted({text for report in reports for name, text in report.user_properties if name == WAIVER})
    if waived:
        terminalreporter.section("waived cases of the conformance suites")
        for text in waived:
            terminalreporter.line(text)
    for suite in config.stash.get(SUITES, {}) if config.getoption("jackfield_support") else ():
        if hasattr(suite, "support_table"):
            terminalreporter.section(f"what the plugin of {suite.__name__} supports")
            terminalreporter.line(suite().support_table())


# --- cassettes


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

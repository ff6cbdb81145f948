"""What pytest loads: the waivers of the conformance suites."""

from __future__ import annotations

from typing import Any, Final

import pytest

SUITES: Final = pytest.StashKey[dict[type[Any], None]]()
WAIVER: Final = "jackfield waiver"  # a property of tests, which comes also from the workers of a distributed run


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the suites."""
    group = parser.getgroup("jackfield")
    group.addoption("--jackfield-support", action="store_true", help="print what the tested providers support")


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

"""What pytest loads: the waivers of the conformance suites."""

from __future__ import annotations

from typing import Any, Final

import pytest

WAIVED: Final = pytest.StashKey[dict[str, str]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the cases that there is nothing for, and mark those that are waived."""
    suites = [item for item in items if hasattr(getattr(item, "cls", None), "__jackfield_conformance__")]
    if not suites:
        return
    from .conformance._cases import waiver

    waived = config.stash.setdefault(WAIVED, {})
    for item in suites:
        if _is_empty(item):
            items.remove(item)
            continue
        found = waiver(item.cls.waivers, item.name)  # type: ignore[attr-defined]
        if found is not None:
            reason, strict = found
            item.add_marker(pytest.mark.xfail(reason=reason, strict=strict))
            waived[item.nodeid if strict else item.nodeid.partition("[")[0]] = reason


def _is_empty(item: Any) -> bool:
    return "NOTSET" in item.name and any(mark.name == "skip" for mark in item.iter_markers())


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """List what was waived."""
    waived = config.stash.get(WAIVED, {})
    if waived:
        terminalreporter.section("waived cases of the conformance suites")
        for name, reason in waived.items():
            terminalreporter.line(f"{name}: {reason}")

"""What every test of the workspace shares."""

import configparser
import gc
import inspect
import os
import re
import signal
import sys
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest

# the folder of recordings names this variable too, which the library would refuse as one that sets nothing
if named := os.environ.pop("JACKFIELD_WIRE", None):
    os.environ.setdefault("JACKFIELD_TEST_WIRE", named)

# what a shell runs in the background ignores Ctrl-C, and so would every program that a test starts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["exhaustive", "once"]

ROOT = Path(__file__).parent
# tests that need another distribution than their own say so, and are skipped where it is not installed
ANOTHER = re.compile(r'(?:importorskip|find_spec)\("jackfield_')
WITHOUT_ENGINE = pytest.StashKey[tuple[str, ...]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that tox.ini uses."""
    parser.addoption("--together", action="store_true", help="run only what no distribution can test alone")


def pytest_configure(config: pytest.Config) -> None:
    """Read which folders the run on the other engine leaves out."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    config.stash[WITHOUT_ENGINE] = tuple(re.findall(r"--ignore-glob=(\S+/)\*(?=\s)", tox["suite"]["without_engine"]))


def pytest_collection_finish() -> None:
    """Leave thousands of tests, which stay to the end, out of every collection of garbage."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """End what was started to fork from."""
    if forked := sys.modules.get("forked"):
        forked.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a distribution can test alone, where that is wanted."""
    if config.getoption("together"):
        together = [item for item in items if _place(item).startswith("tests/") or _needs_another(item)]
        config.hook.pytest_deselected(items=[*{*items} - {*together}])
        items[:] = together


def _place(item: pytest.Item) -> str:
    return item.path.relative_to(ROOT).as_posix()


def _needs_another(item: Any) -> bool:
    return ANOTHER.search(_top(item.module)) is not None or ANOTHER.search(_source(item.function)) is not None


_source = cache(inspect.getsource)


@cache
def _top(module: Any) -> str:
    """The lines of a module that run when it is imported, decorators aside: those belong to their functions."""
    return "\n".join(line for line in _source(module).splitlines() if not line.startswith((" ", "@")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let a test fail that reaches an engine from a folder that the run on the other engine leaves out."""
    if not _place(item).startswith(item.config.stash[WITHOUT_ENGINE]):
        return (yield)
    from jackfield.engine import Engine

    reached = []

    def refuse(*_: object, **__: object) -> NoReturn:
        reached.append(True)  # the test may expect an error
        raise AssertionError("there is no engine here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "send", refuse)
        result = yield
    if reached:
        pytest.fail("this test reaches an engine, so tox.ini may not leave its folder out on the other one")
    return result

"""A bar that shows how far a long task is, for a person at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress"]


@contextmanager
def progress(total: int, *, wanted: bool = True) -> Iterator[Callable[[int], None]]:
    """Draw a bar on standard error while the block runs; it is gone afterwards.

    Nothing is drawn where standard error is no terminal. What is written there meanwhile stands above the bar; nothing
    else may be written to the same terminal.

    Args:
        total: how many steps there are.
        wanted: whether there is to be a bar at all.

    Yields:
        A function that says that so many more steps are done.
    """
    if not wanted or sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    # imported here: it takes longer than all the rest
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # drawn at each step, so that no thread writes while somebody else does
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task("", total=total)
        bar.refresh()

        def advance(steps: int) -> None:
            bar.advance(task, steps)
            bar.refresh()

        yield advance

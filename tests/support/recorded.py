"""What a log has recorded, as tests look at it."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jackfield_logging.records import FIELDS


class Heard(logging.Handler):
    """Keeps what Python's logging brings."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The fields of each record."""
        return [{name: vars(line)[name] for name in FIELDS if name in vars(line)} for line in self.lines]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Those of calls, or those of attempts."""
        return [record for record in self.records if record["record"] == kind]

    @property
    def call(self) -> dict[str, Any]:
        """The record of the only call."""
        (call,) = self.of("call")
        return call


@contextlib.contextmanager
def heard(name: str = "jackfield", level: int = logging.DEBUG) -> Iterator[Heard]:
    """Listen to a logger, as an application would."""
    logger, handler = logging.getLogger(name), Heard()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines; one that is torn is an error."""
    return [json.loads(line) for line in path.read_text().splitlines() if line]

"""Keeps what was typed in conversations, in a file that only its owner can read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

__all__ = ["HistoryFile"]

KEPT: Final = 1_000  # entries
LARGEST: Final = 4 * 1024 * 1024  # bytes


class HistoryFile:
    """One entry a line, each a JSON string, so that an entry may have several lines of its own.

    Once a file cannot be used, nothing more is kept.

    Attributes:
        trouble: why the file cannot be used, for whoever can say it when the terminal is free.
    """

    def __init__(self, file: Path) -> None:
        self._file: Path | None = file
        self.trouble: str | None = None

    def newest_first(self) -> Iterator[str]:
        """What was kept, the newest first."""
        lines = self._lines()
        for line in reversed(lines):
            with suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, str):
                    yield entry

    def add(self, entry: str) -> None:
        """Keep an entry."""
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._open(self._file, os.O_APPEND) as file:
                file.write(_line(entry))
        except OSError as error:
            self._give_up(error)

    def _lines(self) -> list[str]:
        if self._file is None:
            return []
        try:
            with self._file.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(0, end - LARGEST))
                lines = file.read().decode(errors="replace").splitlines()
            if len(lines) > 2 * KEPT or end > LARGEST:
                lines = lines[-KEPT:]
                self._replace(self._file, lines)
        except FileNotFoundError:
            return []
        except OSError as error:
            self._give_up(error)
            return []
        return lines[-KEPT:]

    def _replace(self, target: Path, lines: list[str]) -> None:
        # beside it, and then in its place: whoever is stopped between the two has lost nothing
        fresh = target.with_name(f"{target.name}.{os.getpid()}")
        with self._open(fresh, os.O_TRUNC) as file:
            file.writelines(f"{line}\n" for line in lines)
        fresh.replace(target)

    def _open(self, target: Path, how: int) -> TextIO:
        file = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | how, 0o600), "a", encoding="utf-8")
        with suppress(OSError, AttributeError):  # it may have been there before, with a mode of its own
            os.fchmod(file.fileno(), 0o600)
        return file

    def _give_up(self, error: OSError) -> None:
        self.trouble = f"what is typed is not kept: {error.filename or self._file}: {error.strerror}"
        self._file = None


def _line(entry: str) -> str:
    # ASCII: no half of a surrogate pair can keep it from being written
    return f"{json.dumps(entry)}\n"

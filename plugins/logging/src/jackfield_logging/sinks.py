"""Sinks that need no library: Python's logging, and JSON lines."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from jackfield.runtime import Lock

from .outlet import SinkError
from .records import Record

__all__ = ["JsonLines", "StandardLogging", "encoded", "locked", "private_folder"]

OUTCOMES: Final = ("complete", "error", "closed", "cancelled")
LEVELS: Final = {
    ("call", "error"): logging.ERROR,
    ("attempt", "error"): logging.WARNING,
    ("attempt", "complete"): logging.DEBUG,
}
MAX_BYTES: Final = 100 * 1024 * 1024
KEEP: Final = 5
TRIES: Final = 5  # looks at a line that another process may be writing, with a millisecond between two


def encoded(record: Record) -> str:
    """A record as JSON, in ASCII: no terminal, no encoding and no splitting of lines can break it."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False)


def private_folder(folder: Path) -> None:
    """Make a folder that only its owner can look into, where there is none."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


class StandardLogging:
    """Python's `logging`: the loggers `<name>.call` and `<name>.attempt`, with the fields of a record as `extra`."""

    immediate = True
    quick = True
    healed = ""

    def __init__(self, name: str = "jackfield") -> None:
        """Take the loggers below this name; where nobody listens to it, nothing is heard."""
        self.name: str = f"logging ({name})"
        parent = logging.getLogger(name)
        self._call, self._attempt = logging.getLogger(f"{name}.call"), logging.getLogger(f"{name}.attempt")
        self._heard = {
            (kind, outcome): (logger, LEVELS.get((kind, outcome), logging.INFO))
            for kind, logger in (("call", self._call), ("attempt", self._attempt))
            for outcome in OUTCOMES
        }
        # the root's handlers are the application's: with any, `basicConfig` would do nothing
        for logger in (self._call, self._attempt) if parent is logging.getLogger() else (parent,):
            if not logger.handlers:
                logger.addHandler(logging.NullHandler())

    @property
    def active(self) -> bool:
        """Whether any level that is used is switched on."""
        return self._call.isEnabledFor(logging.ERROR) or self._attempt.isEnabledFor(logging.WARNING)

    def wants(self, record: str, outcome: str) -> bool:
        """Whether the level is switched on."""
        logger, level = self._heard[record, outcome]
        return logger.isEnabledFor(level)

    def write(self, records: Sequence[Record]) -> None:
        """Log each at its level."""
        for record in records:
            logger, level = self._heard[record["record"], record["outcome"]]
            line = logger.makeRecord(logger.name, level, __file__, 0, "%s", (_Told(record),), None, "write")
            line.__dict__.update(record)  # `extra=` refuses what an application's own factory has set
            logger.handle(line)

    def close(self) -> None:
        """There is nothing to close."""

    def forget(self) -> None:
        """There is nothing to let go of."""


class _Told:
    """A record in one line for a person, made only where a handler formats it."""

    __slots__ = ("_record",)

    def __init__(self, record: Record) -> None:
        self._record = record

    def __str__(self) -> str:
        get = self._record.get
        what = f"{get('operation')} {':'.join(filter(None, (get('provider'), get('model'))))}"
        number = f", attempt {get('attempt')}" if get("attempt") else ""
        duration = get("duration")  # it may be hidden
        text = f"{what}{number}: {get('outcome')}" + (
            f" after {duration:.3f} s" if isinstance(duration, int | float) else ""
        )
        if get("error"):
            told = " ".join(str(get(name)) for name in ("error", "status", "error_message") if get(name) is not None)
            return f"{text}: {told}"
        tokens = [
            f"{get(name)} {word}" for name, word in (("input_tokens", "in"), ("output_tokens", "out")) if get(name)
        ]
        return ", ".join([text, *([f"tokens {' '.join(tokens)}"] if tokens else ())])


class JsonLines:
    """One JSON document a line: into a file, which several processes may share, or to standard error."""

    immediate = False
    active = True

    def __init__(self, path: Path | None, max_bytes: int | None = None, keep: int | None = None) -> None:
        """Nothing is opened before the first record."""
        self.name: str = "standard error" if path is None else str(path)
        self.healed: str = ""
        self._path = path
        self._max = MAX_BYTES if max_bytes is None else max_bytes
        self._keep = KEEP if keep is None else keep
        self._file: int | None = None
        self._regular = path is not None and (path.is_file() or not path.exists())

    @property
    def quick(self) -> bool:
        """Whether it is a regular file: a pipe that nobody reads, or a terminal that is held, takes its time."""
        return self._regular or (self._path is None and _regular(sys.stderr))

    def __del__(self) -> None:
        self.close()

    def wants(self, record: str, outcome: str) -> bool:
        """Every record."""
        return True

    def write(self, records: Sequence[Record]) -> None:
        """Append, in one go: what the system has taken survives this process.

        Raises:
            SinkError: the file cannot be written.
        """
        data = "".join(f"{encoded(record)}\n" for record in records)
        try:
            if self._path is None:
                if sys.stderr is not None:
                    sys.stderr.write(data)
                    sys.stderr.flush()
                return
            self._append(self._path, data.encode())
        except (OSError, ValueError) as error:  # a standard stream that was closed is a ValueError
            self.close()
            raise SinkError(getattr(error, "strerror", None) or str(error)) from error

    def close(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                os.close(file)

    def forget(self) -> None:
        """Open the file anew: what was inherited shares its locks with the process that forked this one."""
        self.close()

    def _append(self, path: Path, data: bytes) -> None:
        file, size = self._opened(path)
        if self._max and size and size + len(data) > self._max:
            self._put_aside(path, file)
            file, size = self._opened(path)
        # a process was killed inside a line, or the disk was full: that line is nobody's
        ended = b"\n" if size and _torn(file) else b""
        done = os.write(file, ended + data) - len(ended)
        if done < len(data):
            self.close()
            # nothing is cut off again: by now another process may have written behind it
            raise SinkError("no space is left", done=data[: max(done, 0)].count(b"\n"))

    def _opened(self, path: Path) -> tuple[int, int]:
        """The file that the path names now, and its size."""
        if self._file is not None:
            mine = os.fstat(self._file)
            with suppress(FileNotFoundError):
                there = path.stat()
                if (there.st_ino, there.st_dev) == (mine.st_ino, mine.st_dev):
                    return self._file, mine.st_size
            self.close()  # it was put aside, by us in another process or by somebody else, or removed
        private_folder(path.parent)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        self._file = os.open(path, flags | getattr(os, "O_NOCTTY", 0), 0o600)
        return self._file, os.fstat(self._file).st_size

    def _put_aside(self, path: Path, file: int) -> None:
        """Rename `calls.jsonl` to `calls.jsonl.1`, that to `.2`, and so on; the oldest goes."""
        if not locked(file) and os.name == "posix":
            return  # another process is at it
        try:
            if path.stat().st_ino != os.fstat(file).st_ino:
                return  # another process was quicker
            aside = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, self._keep + 1))]
            if not self._keep:
                path.unlink()
            for older, newer in zip(aside[:0:-1], aside[-2::-1], strict=True):
                with suppress(FileNotFoundError):
                    newer.replace(older)
        finally:
            self.close()


def _regular(stream: object) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return False


def _torn(file: int) -> bool:
    """Whether a file ends inside a line, and goes on doing so: another process may be writing that line now."""
    if not hasattr(os, "pread"):
        return False
    pause = Lock()
    pause.acquire()
    for _ in range(TRIES):
        size = os.fstat(file).st_size
        if not size or os.pread(file, 1, size - 1) == b"\n":
            return False
        pause.acquire(timeout=0.001)
    return True


def locked(file: int) -> bool | None:
    """Take the lock of an open file, until that is closed; False where another has it, None where locks are unknown."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True

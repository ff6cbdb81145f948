"""A connection to an SQLite file that survives what can happen to the file: damage, removal, a fork."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from attrs import define

from jackfield.errors import JackfieldError
from jackfield.runtime import Lock

from ._forks import renew_in_children

__all__ = ["Connection", "File"]

T = TypeVar("T")

log = logging.getLogger("jackfield.cache")

APPLICATION: Final = 0x4A464B43  # what the file says of whose it is
TABLES: Final = 1  # the version of the tables
SCHEMA: Final = (
    "CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL, size INTEGER NOT NULL, expires REAL)",
    "CREATE INDEX entries_expire ON entries (expires) WHERE expires IS NOT NULL",
    "CREATE TABLE sums (name TEXT PRIMARY KEY, amount REAL NOT NULL)",
    "INSERT INTO sums VALUES (' entries', 0), (' bytes', 0)",
    """CREATE TRIGGER entry_comes AFTER INSERT ON entries BEGIN
        UPDATE sums SET amount = amount + 1 WHERE name = ' entries';
        UPDATE sums SET amount = amount + new.size WHERE name = ' bytes';
    END""",
    """CREATE TRIGGER entry_goes AFTER DELETE ON entries BEGIN
        UPDATE sums SET amount = amount - 1 WHERE name = ' entries';
        UPDATE sums SET amount = amount - old.size WHERE name = ' bytes';
    END""",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {TABLES}",
)
DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
NOWHERE: Final = (0, 0)
BESIDE: Final = ("", "-wal", "-shm")

# connections of a process that forked this one: closing them here would disturb it
_abandoned: list[sqlite3.Connection] = []


@define(eq=False)
class File:
    """A file that connections of one store share.

    Attributes:
        path: where it is.
        timeout: for how many seconds to wait for others.
        number: counts the files that were at that place, as far as one of the connections has seen.
    """

    path: Path
    timeout: float
    number: int = 0


class Connection:
    """One connection, opened when it is needed, used by one thread at a time."""

    def __init__(self, file: File, *, writes: bool = False) -> None:
        """Name the file, and say whether what is done is to be a transaction that writes."""
        self._shared = file
        self._path = file.path
        self._timeout = file.timeout
        self._writes = writes
        self._inner: sqlite3.Connection | None = None
        self._number = 0
        self._file = self._log = NOWHERE
        self._lock = Lock()
        renew_in_children(self)

    def use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do some work, in one transaction where this connection writes.

        Raises:
            JackfieldError: it cannot be done.
        """
        if not self._lock.acquire(timeout=2 * self._timeout):
            raise JackfieldError(f"{self._path}: other threads take too long")
        try:
            return self._tried(work)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise JackfieldError(f"{self._path}: {error}") from error
        except OSError as error:
            raise JackfieldError(f"{self._path}: {error.strerror}") from error
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close it; it is opened again when it is needed."""
        with self._lock:
            self._drop()

    def __del__(self) -> None:
        if hasattr(self, "_inner"):
            self._drop()

    def after_fork(self) -> None:
        """In the child, leave the parent's connection alone, and begin anew."""
        self._lock = Lock()
        if self._inner is not None:
            _abandoned.append(self._inner)
            self._inner = None

    def _tried(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return self._done(work)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter where names in the file are damaged
            code = sqlite3.SQLITE_CORRUPT if isinstance(error, UnicodeDecodeError) else _code(error)
            if code in DAMAGED:
                self._set_aside(error)
            elif code == sqlite3.SQLITE_IOERR:  # what is beside the file may be gone; it is there again for who opens
                self._reopen()
            else:
                raise
        try:
            return self._done(work)
        except sqlite3.DatabaseError as error:
            if _code(error) == sqlite3.SQLITE_IOERR:
                self._reopen()  # the others of this process, which hold what is gone, do so too; then it is well
            raise

    def _reopen(self) -> None:
        self._drop()
        self._shared.number += 1

    def _done(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._inner is not None and not self._writes and self._number == self._shared.number:  # nearly always
            return work(self._inner)
        if self._inner is not None and self._writes and self._moved():
            self._shared.number += 1
        if self._inner is not None and self._number != self._shared.number:
            self._drop()
        if self._inner is None:
            self._number = self._shared.number
            self._inner = self._opened()
            self._file, self._log = self._identity(), self._identity("-wal")
        if not self._writes:
            return work(self._inner)
        return _in_transaction(self._inner, work)

    def _moved(self) -> bool:
        """Whether the file or its log was removed, or another is in its place."""
        return self._identity() != self._file or self._log not in (NOWHERE, self._identity("-wal"))

    def _identity(self, beside: str = "") -> tuple[int, int]:
        try:
            found = Path(f"{self._path}{beside}").stat()
        except FileNotFoundError:
            return NOWHERE
        return found.st_dev, found.st_ino

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):  # what is kept is for its owner alone; the files beside it get the same mode
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        made = sqlite3.connect(self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(made)
        except BaseException:
            made.close()
            raise
        return made

    def _prepare(self, made: sqlite3.Connection) -> None:
        ours = self._is_ours(made)
        if not ours and made.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] and not self._is_ours(made):
            # asked twice, since another process may have filled it meanwhile
            raise JackfieldError(f"{self._path}: it holds something else, or is of another version")
        if made.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            with suppress(sqlite3.OperationalError):  # somebody else is at it, and whoever opens it next looks again
                made.execute("PRAGMA journal_mode = WAL")
        if not ours:
            _in_transaction(made, self._fill)
        # in this mode a crash of the machine loses the last entries, and never damages the file
        made.execute("PRAGMA synchronous = NORMAL")

    def _fill(self, made: sqlite3.Connection) -> None:
        if not self._is_ours(made):  # another may have been quicker
            for statement in SCHEMA:
                made.execute(statement)

    def _is_ours(self, made: sqlite3.Connection) -> bool:
        said = (made.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        return tuple(said) == (APPLICATION, TABLES)

    def _set_aside(self, why: Exception) -> None:
        """Move a damaged file out of the way, unless somebody has done so already."""
        mine = self._inner is None or self._identity() == self._file
        self._reopen()
        if not mine or not self._path.exists():
            return
        aside = self._path.with_name(f"{self._path.name}.damaged")
        for ending in BESIDE:
            with suppress(FileNotFoundError):
                Path(f"{self._path}{ending}").replace(f"{aside}{ending}")
        log.warning("the cache's file was damaged (%s): it is set aside as %s, and a new one begins", why, aside)

    def _drop(self) -> None:
        inner, self._inner = self._inner, None
        if inner is not None:
            with suppress(sqlite3.Error):
                inner.close()


def _code(error: sqlite3.Error) -> int:
    """What kind of error it is, without what SQLite says more of it."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _in_transaction(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    return result

"""The journal: an SQLite file that any number of processes write to, and that heals by itself.

A record is committed before `write` returns: with `synchronous = "normal"` the system has it, so that it survives
`kill -9`; with "full" the disk has it, so that it survives the end of the power too.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from jackfield.config import state_folder
from jackfield.errors import ConfigurationError
from jackfield.runtime import Lock

from .outlet import SinkError
from .records import Record
from .settings import expanded
from .sinks import encoded, locked, private_folder

__all__ = ["Journal", "check_identity", "check_journal", "connected", "journal_path"]

APPLICATION: Final = 0x4A4B4C47  # by which an SQLite file says whose it is
VERSION: Final = 1
BUSY: Final = 2.0  # seconds for which another process may keep us waiting
STEP: Final = 0.02  # seconds between two tries for the lock of a file
SWEEP: Final = 1_000  # records between two looks at those that are too old
CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
DEAD: Final[list[sqlite3.Connection]] = []  # of the process that this one was forked from: never to be closed here
TABLE: Final = (
    "CREATE TABLE records (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, call TEXT NOT NULL, parent TEXT, "
    "record TEXT NOT NULL, time TEXT NOT NULL, operation TEXT, provider TEXT, model TEXT, outcome TEXT, "
    "error TEXT, text TEXT, body TEXT NOT NULL)"
)
INDEXES: Final = (
    "CREATE INDEX by_time ON records (time)",
    "CREATE INDEX by_call ON records (call)",
    "CREATE INDEX by_parent ON records (parent) WHERE parent IS NOT NULL",
)
# its rows are those of the table, so that nothing is kept twice
WORDS: Final = "CREATE VIRTUAL TABLE words USING fts5(text, content = 'records', content_rowid = 'seq')"
COLUMNS: Final = ("call_id", "parent_id", "record", "time", "operation", "provider", "model", "outcome", "error")
INSERT: Final = (
    "INSERT OR IGNORE INTO records "
    "(id, call, parent, record, time, operation, provider, model, outcome, error, text, body) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def journal_path(text: str | None) -> Path:
    """Where a journal is: the file that is named, or `journal.db` in the user's state folder.

    Raises:
        ConfigurationError: there is no such home folder.
    """
    return (state_folder() / "journal.db").absolute() if text is None else expanded(text)


class Journal:
    """A sink that writes to an SQLite file; see `jackfield_logging.outlet.Writes`."""

    immediate = False
    quick = False
    active = True

    def __init__(self, path: Path, synchronous: str | None = None, keep_days: float | None = None) -> None:
        """Nothing is opened before the first record."""
        self.name: str = str(path)
        self.healed: str = ""
        self._path = path
        self._synchronous = synchronous or "normal"
        self._keep_days = keep_days
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._indexed = False
        self._unswept = SWEEP

    def wants(self, record: str, outcome: str) -> bool:
        """Every record."""
        return True

    def write(self, records: Sequence[Record]) -> None:
        """Write records in one transaction, and commit it.

        Raises:
            SinkError: the file cannot be written.
        """
        rows = [_row(record) for record in records]
        try:
            try:
                self._insert(rows)
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in CORRUPT:
                    raise
                self._set_aside()
                self._insert(rows)
        except SinkError:
            self.close()
            raise
        except (OSError, sqlite3.Error, ConfigurationError) as error:
            self.close()
            raise SinkError(getattr(error, "strerror", None) or str(error)) from error

    def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def forget(self) -> None:
        """Leave the connection alone: closing it here would take locks from the process that has it."""
        if self._connection is not None:
            DEAD.append(self._connection)
            self._connection = None

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        connection = self._opened()
        with transaction(connection):
            for row in rows:
                added = connection.execute(INSERT, row)
                if self._indexed and row[-2] and added.rowcount:
                    connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (added.lastrowid, row[-2]))
            self._unswept += len(rows)
            if self._keep_days is not None and self._unswept >= SWEEP:
                self._sweep(connection, rows[-1][4], self._keep_days)
                self._unswept = 0

    def _sweep(self, connection: sqlite3.Connection, now: str, days: float) -> None:
        """Remove what is too old, by the time of the newest record: a simulated clock is as good as any."""
        oldest = datetime.fromisoformat(now) - timedelta(days=days)
        bound = oldest.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        if self._indexed:
            connection.execute(
                "INSERT INTO words (words, rowid, text) "
                "SELECT 'delete', seq, text FROM records WHERE time < ? AND text IS NOT NULL",
                (bound,),
            )
        connection.execute("DELETE FROM records WHERE time < ?", (bound,))

    def _opened(self) -> sqlite3.Connection:
        """The connection to the file that the path names now."""
        there = _identity(self._path)
        if self._connection is not None:
            if there == self._file:
                return self._connection
            self.close()  # the file was removed, or another took its place
        if there is None:
            private_folder(self._path.parent)
            _create(self._path)
        self._file = _identity(self._path)
        connection = connected(self._path)
        try:
            if not check_identity(connection, self._path):
                _fill(connection)
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            self._indexed = bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'words'").fetchone())
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _set_aside(self) -> None:
        """Rename a file that is damaged, with what belongs to it, so that a new one can begin."""
        self.close()
        with _alone(self._path):
            if self._file is None or _identity(self._path) != self._file:
                return  # another process was quicker: what stands there now is new, and good
            aside = _free_name(self._path)
            for ending in ("-wal", "-shm", ""):
                with suppress(FileNotFoundError):
                    Path(f"{self._path}{ending}").rename(f"{aside}{ending}")
        self.healed = f"it was damaged; it is kept as {aside.name}, and a new one was begun"


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that has the right to write from its beginning, so that it cannot fail for it halfway."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def connected(path: Path, mode: str = "rw") -> sqlite3.Connection:
    """A connection to a file that is there. Transactions are begun by hand, and threads may take turns."""
    address = f"{path.as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False)


def check_identity(connection: sqlite3.Connection, path: Path) -> bool:
    """See to it that a file is a journal of ours; False where it is empty still.

    Raises:
        ConfigurationError: it belongs to another program, or to a later version of this one.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if (application, version) == (APPLICATION, VERSION):
        return True
    if application == APPLICATION:
        raise ConfigurationError(f"{path} was written by a later version of this journal ({version})")
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,) or application or version:
        raise ConfigurationError(f"{path} is the SQLite file of another program")
    return False


def _create(path: Path) -> None:
    """Make a journal, whole or not at all: it is filled under another name first."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with _alone(path) as alone:
        if _identity(path) is not None:
            return  # another process was quicker
        try:
            for ending in ("", "-wal", "-shm"):
                Path(f"{new}{ending}").unlink(missing_ok=True)
                if alone and ending:  # left by a file that was removed: SQLite would put its content into the new one
                    Path(f"{path}{ending}").unlink(missing_ok=True)
            os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            with closing(connected(new)) as connection:
                _fill(connection)
            new.rename(path)
        finally:
            new.unlink(missing_ok=True)


def _fill(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = wal")
    with transaction(connection):
        connection.execute(TABLE)
        for index in INDEXES:
            connection.execute(index)
        with suppress(sqlite3.OperationalError):  # an SQLite without full-text search
            connection.execute(WORDS)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _row(record: Record) -> tuple[Any, ...]:
    number = record.get("attempt")
    again = f"~{record['round']}" if "round" in record else ""
    key = f"{record['call_id']}{again}" if number is None else f"{record['call_id']}.{number}"
    return (key, *map(record.get, COLUMNS), _words(record), encoded(record))


def _words(record: Record) -> str | None:
    """What can be searched for: what was said, and what an error says."""
    found: list[str] = []
    queue: list[Any] = [record.get("error_message"), record.get("content")]
    while queue:
        one = queue.pop(0)
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, dict):
            queue[:0] = [value for name, value in one.items() if name != "role"]
        elif isinstance(one, list):
            queue[:0] = one
    return "\n".join(found).replace("\0", " ") or None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return aside


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """The right to make a journal or to set it aside, which one process has at a time; False where locks are unknown.

    The lock is that of a file beside it: whoever closes a database's own file takes SQLite's locks away with that.
    """
    file = os.open(f"{path}-lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        yield _turn(file, path)
    finally:
        os.close(file)


def _turn(file: int, path: Path) -> bool:
    pause = Lock()
    pause.acquire()
    for _ in range(round(BUSY / STEP)):
        if (mine := locked(file)) is not False:
            return bool(mine)
        pause.acquire(timeout=STEP)  # nobody gives it back: it is a wait, as SQLite's own for its lock
    raise SinkError(f"another process has kept {path.name}-lock for {BUSY:g} s")


def check_journal(path: Path, key: str) -> None:
    """See to it that a file, where there is one, is a journal; one that is damaged is set aside when it is written to.

    Raises:
        ConfigurationError: it is the file of another program.
    """
    if not path.exists() or not path.stat().st_size:
        return
    with suppress(sqlite3.Error), closing(connected(path, "ro")) as connection:
        try:
            check_identity(connection, path)
        except ConfigurationError as error:
            raise ConfigurationError(f"{key}: {error.message}") from None

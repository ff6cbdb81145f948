"""The store in a file, shared by processes of one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from jackfield.config import state_folder
from jackfield.hooks import hookimpl

from ._checks import positive, seconds
from ._connection import Connection, File

__all__ = ["SqliteSettings", "SqliteStore"]

OWN_SUMS: Final = (" entries", " bytes")
TOTALS: Final = "SELECT amount FROM sums WHERE name IN (?, ?) ORDER BY name DESC"
RECOUNT: Final = """INSERT OR REPLACE INTO sums
    SELECT ' entries', count(*) FROM entries UNION ALL SELECT ' bytes', coalesce(sum(size), 0) FROM entries"""
BATCH: Final = 100  # entries read in one go


@frozen
class SqliteSettings:
    """Settings of the store in a file.

    Attributes:
        path: the file; by default `cache.sqlite` in the folder where Jackfield keeps its state.
        max_entries: how many entries to keep; the oldest go first.
        max_bytes: how many bytes of entries to keep. The file grows a little larger.
        timeout: how many seconds to wait for another process at most.
    """

    path: str | None = None
    max_entries: int = field(default=100_000, validator=positive)
    max_bytes: int = field(default=1024 * 1024 * 1024, validator=positive)
    timeout: float = field(default=0.25, validator=seconds)


class SqliteStore:
    """Keeps values in an SQLite file. Whoever opens a file that cannot be read sets it aside, and begins a new one.

    Attributes:
        path: the file.

    Raises:
        ConfigurationError: a setting is wrong, or no path is set and there is no home folder.
    """

    quick: bool = False

    def __init__(self, settings: SqliteSettings | None = None) -> None:
        """Begin; the file is opened when it is first needed."""
        self._settings = settings or SqliteSettings()
        self.path = Path(self._settings.path or state_folder() / "cache.sqlite")
        # a reader never waits for a writer, neither in the file nor here
        file = File(self.path, self._settings.timeout)
        self._reader = Connection(file)
        self._writer = Connection(file, writes=True)

    def get(self, key: str) -> bytes | None:
        """See `Store`."""
        query = "SELECT value FROM entries WHERE key = ?"
        row: Any = self._reader.use(lambda connection: connection.execute(query, (key,)).fetchone())
        value: bytes | None = row and row[0]
        return value

    def set(self, key: str, value: bytes, ttl: float | None, now: float) -> None:
        """See `Store`. A value that is larger than the whole store is not kept."""
        row = (key, value, len(value), None if ttl is None else now + ttl)

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM entries WHERE key = ?", (key,))
            connection.execute("DELETE FROM entries WHERE expires < ?", (now,))
            if len(value) <= self._settings.max_bytes:
                connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", row)
                self._make_room(connection)

        self._writer.use(write)

    def delete(self, key: str) -> None:
        """See `Store`."""
        self._writer.use(lambda connection: connection.execute("DELETE FROM entries WHERE key = ?", (key,)))

    def clear(self) -> None:
        """See `Store`."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM entries")
            connection.execute("DELETE FROM sums WHERE name NOT IN (?, ?)", OWN_SUMS)

        self._writer.use(write)

    def items(self) -> Iterable[tuple[str, bytes]]:
        """See `Store`. The oldest come first."""
        query = "SELECT rowid, key, value FROM entries WHERE rowid > ? ORDER BY rowid LIMIT ?"
        last = -1
        while rows := self._reader.use(lambda connection: connection.execute(query, (last, BATCH)).fetchall()):  # noqa: B023
            for _, key, value in rows:
                yield key, value
            last = rows[-1][0]

    def add(self, sums: Mapping[str, float]) -> None:
        """See `Store`."""
        into = "INSERT INTO sums VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET amount = amount + excluded.amount"
        self._writer.use(lambda connection: connection.executemany(into, list(sums.items())))

    def stats(self) -> Mapping[str, float]:
        """See `Store`."""
        query = "SELECT name, amount FROM sums"
        rows = self._reader.use(lambda connection: connection.execute(query).fetchall())
        return {name.strip(): amount for name, amount in rows}

    def close(self) -> None:
        """See `Store`."""
        self._reader.close()
        self._writer.close()

    def _make_room(self, connection: sqlite3.Connection) -> None:
        bounds = self._settings
        while True:
            totals = [amount for (amount,) in connection.execute(TOTALS, OWN_SUMS)]
            if len(totals) != len(OWN_SUMS):  # the file is damaged, though nobody has noticed
                connection.execute(RECOUNT)
                continue
            entries, size = totals
            if entries <= bounds.max_entries and size <= bounds.max_bytes:
                return
            # a hundredth at a time, or every write would have to make room
            many = max(1, entries - bounds.max_entries, entries // 100)
            oldest = "DELETE FROM entries WHERE rowid IN (SELECT rowid FROM entries ORDER BY rowid LIMIT ?)"
            if not connection.execute(oldest, (many,)).rowcount:
                connection.execute(RECOUNT)  # nothing is left, and the sums say otherwise
                return


@hookimpl
def jackfield_settings() -> type[SqliteSettings]:
    """The class of the settings."""
    return SqliteSettings


@hookimpl
def jackfield_store(settings: Any) -> SqliteStore:
    """A store of its own for each cache."""
    return SqliteStore(settings)

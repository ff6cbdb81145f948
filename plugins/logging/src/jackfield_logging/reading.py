"""Reads a journal: what a filter lets through, what was said in it, and what is new."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from jackfield.config import ConfigLike, load
from jackfield.errors import ConfigurationError
from jackfield.settings import structure

from .journal import check_identity, connected, journal_path
from .records import Record
from .settings import LoggingSettings, Sink

__all__ = ["Filter", "Reader", "find_journal", "moment"]

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
AGO: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)([smhdw])")
LIKE: Final = re.compile(r"[%_\\]")  # what has a meaning of its own in a LIKE
# scripts without spaces between words, for which the index has whole sentences: Thai to Khmer, kana, Han, Hangul
UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
PAGE: Final = 500


@frozen(kw_only=True)
class Filter:
    """Which records are wanted.

    Attributes:
        since: the earliest time, as `moment` gives it.
        provider: the name of the provider instance that was asked.
        model: a text that the model's name has in it.
        operation: the name of the operation.
        failed: only what ended with an error.
        attempts: those of attempts, too, not only those of calls.
        words: all of which must have been said.
    """

    since: str | None = None
    provider: str | None = None
    model: str | None = None
    operation: str | None = None
    failed: bool = False
    attempts: bool = False
    words: Sequence[str] = ()

    def where(self, *, indexed: bool) -> tuple[str, list[str]]:
        """The condition in SQL, and its values. `indexed` says that there is a table of words."""
        parts, values = ["1"], []
        for condition, value in (
            ("time >= ?", self.since),
            ("provider = ?", self.provider),
            ("instr(model, ?) > 0", self.model),
            ("operation = ?", self.operation),
        ):
            if value is not None:
                parts.append(condition)
                values.append(value)
        if self.failed:
            parts.append("outcome = 'error'")
        if not self.attempts:
            parts.append("record = 'call'")
        asked = [word for word in self.words if indexed and UNSPACED.search(word) is None]
        if asked:
            parts.append("seq IN (SELECT rowid FROM words WHERE words MATCH ?)")
            values.append(" ".join('"{}"'.format(word.replace('"', '""').replace("\0", " ")) for word in asked))
        for word in self.words:
            if word not in asked:
                parts.append(r"text LIKE ? ESCAPE '\'")
                values.append("%" + LIKE.sub(r"\\\g<0>", word) + "%")
        return " AND ".join(parts), values


def moment(text: str, now: float) -> str:
    """A time as records have it: of "90s", "30m", "2h", "7d" or "1w" before now, or of a date or a time of ISO 8601.

    What names no zone is in that of this machine.

    Raises:
        ValueError: it is none of these.
    """
    if found := AGO.fullmatch(text.strip().lower()):
        seconds = float(found[1]) * UNITS[found[2]]
        earliest = datetime(1970, 1, 1, tzinfo=UTC)
        at = earliest if seconds >= now else datetime.fromtimestamp(now, UTC) - timedelta(seconds=seconds)
    else:
        try:
            at = datetime.fromisoformat(text.strip()).astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            raise ValueError(f"expected a time like 90s, 2h, 7d or 2026-01-31, got {text!r:.60}") from None
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z".rjust(27, "0")


def find_journal(config: ConfigLike = None) -> Path:
    """The journal that a configuration names, or the one that is used where none is named.

    Raises:
        ConfigurationError: the configuration is wrong.
    """
    loaded = load(config)
    for index, table in enumerate(loaded.middleware):
        if table.get("use") != "logging":
            continue
        place = loaded.place("middleware", index)
        meant = {key: (loaded.variable(value, place / key), value) for key, value in table.items() if key != "use"}
        given = {key: value if found is None else found.value for key, (found, value) in meant.items()}
        for sink in structure(LoggingSettings, given, place).sinks:
            if isinstance(sink, Sink) and sink.kind == "journal":
                return journal_path(sink.path)
    return journal_path(None)


class Reader:
    """A journal that is only read. Each question opens it anew, so that it may be replaced meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: tuple[int, Record] | None = None

    def latest(self, wanted: Filter, limit: int) -> list[tuple[int, Record]]:
        """The newest so many, the oldest of them first, each behind its number."""
        return self._page(list(self._select(wanted, "", (), f"ORDER BY seq DESC LIMIT {int(limit)}"))[::-1])

    def after(self, number: int, wanted: Filter, limit: int = PAGE) -> list[tuple[int, Record]]:
        """The next so many that follow the one with this number; from the beginning, where the file is a new one."""
        if self._replaced(number):
            number = 0
        return self._page(list(self._select(wanted, "AND seq > ?", (number,), f"ORDER BY seq LIMIT {int(limit)}")))

    def _page(self, found: list[tuple[int, Record]]) -> list[tuple[int, Record]]:
        self._last = found[-1] if found else self._last
        return found

    def _replaced(self, number: int) -> bool:
        """Whether the record that was read last is not there; a new file may have the number of the old one's inode."""
        if self._last is None or self._last[0] != number:
            return False
        with self._opened() as connection:
            row = connection.execute("SELECT body FROM records WHERE seq = ?", (number,)).fetchone()
            (newest,) = connection.execute("SELECT max(seq) FROM records").fetchone()
        if row is None:  # it may only have become too old
            return newest is None or newest < number
        return bool(json.loads(row[0]) != self._last[1])

    def every(self, wanted: Filter) -> Iterator[Record]:
        """All, the oldest first."""
        number = 0
        while page := self.after(number, wanted):
            yield from (record for _, record in page)
            number = page[-1][0]

    def related(self, beginning: str) -> list[Record]:
        """The call whose id begins so, its attempts, and the calls that it asked for itself.

        Raises:
            LookupError: no call's id begins so, or several do.
        """
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT DISTINCT call FROM records WHERE call >= ? AND call < ? LIMIT 2",
                (beginning, beginning + "\U0010ffff"),
            ).fetchall()
            if len(rows) != 1:
                raise LookupError(f"{'several calls have' if rows else 'no call has'} an id that begins so")
            found = connection.execute(
                "SELECT body FROM records WHERE call = ? OR parent = ? ORDER BY time, seq", (rows[0][0], rows[0][0])
            ).fetchall()
        return [json.loads(body) for (body,) in found]

    def _select(self, wanted: Filter, more: str, values: Sequence[Any], order: str) -> Iterator[tuple[int, Record]]:
        with self._opened() as connection:
            indexed = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'words'").fetchone() is not None
            condition, own = wanted.where(indexed=indexed)
            # what is put together here is our own: the values are bound
            query = f"SELECT seq, body FROM records WHERE {condition} {more} {order}"  # noqa: S608
            for number, body in connection.execute(query, (*own, *values)):
                yield number, json.loads(body)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Open the file.

        Raises:
            ConfigurationError: there is none, or it is no journal.
        """
        if not self._path.exists():
            raise ConfigurationError(f"there is no journal at {self._path}")
        try:
            with closing(connected(self._path)) as connection:
                if not check_identity(connection, self._path):
                    raise ConfigurationError(f"there is no journal at {self._path}: the file is empty")
                connection.execute("PRAGMA query_only = 1")
                yield connection
        except sqlite3.Error as error:
            raise ConfigurationError(f"{self._path} cannot be read: {error}") from error

"""The two middlewares: one around the call as a whole, one around each attempt."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, Unpack
from weakref import WeakSet

from jackfield import Call, Slot
from jackfield.errors import ConfigurationError
from jackfield.middleware import Proceed
from jackfield.runtime import Runtime
from jackfield.types import Event

from .outlet import Outlet, Writes, say
from .records import TOLD, Gathered, Record, Watch, Writer, call_id
from .settings import LoggingOptions, LoggingSettings, Sink, expanded
from .sinks import JsonLines, StandardLogging

__all__ = ["AttemptLog", "Log", "logged"]

WRITING = 30.0  # seconds after which a write that a cancelled call still waits for is left to itself

_outlets: WeakSet[Outlet] = WeakSet()


def logged(**settings: Unpack[LoggingOptions]) -> list[Log | AttemptLog]:
    """The middlewares that record calls and attempts: `Client(middleware=logged(sinks=["journal"]))`.

    Args:
        **settings: see `LoggingSettings`.

    Raises:
        ConfigurationError: names the setting, the value and what would be right.
    """
    return Log(LoggingSettings(**settings)).layers()


class _Watching(ABC):
    """A layer that watches what passes, and has it recorded at its end, however that comes."""

    async def __call__(self, call: Call[Any], proceed: Proceed) -> AsyncGenerator[Event, None]:
        """Pass every event on, untouched."""
        watch = self.begin(call)
        if watch is None:
            async for event in proceed(call):
                yield event
            return
        waiting, fold, tell = True, watch.fold, watch.told.append
        try:
            async for event in proceed(call):
                if waiting:
                    watch.first, waiting = call.runtime.now(), False
                if type(event) in TOLD:
                    tell(event)
                if fold is not None:
                    fold.add(event)
                yield event
            watch.end(None)
        except BaseException as error:
            watch.end(error)
            raise
        finally:
            log, records = self.end(watch)
            if records:
                await log.write(records, call.runtime)

    @abstractmethod
    def begin(self, call: Call[Any]) -> Watch | None:
        """Begin to watch, unless nobody wants a record."""

    @abstractmethod
    def end(self, watch: Watch) -> tuple[Log, list[Record]]:
        """The records that are to be written now."""


class Log(_Watching):
    """Records each call. It stands outermost; `layers` gives it together with what records the attempts."""

    slot = Slot.OBSERVE

    def __init__(self, settings: LoggingSettings) -> None:
        """Check that every sink can be written to; none is opened before the first record.

        Raises:
            ConfigurationError: one cannot.
        """
        self._settings = settings
        self._writer = Writer(settings)
        self._outlets = [Outlet(_sink(sink, f"sinks[{index}]")) for index, sink in enumerate(settings.sinks)]  # type: ignore[arg-type]
        self._unmade = 0
        _outlets.update(self._outlets)

    def layers(self) -> list[Log | AttemptLog]:
        """The middlewares, to be put into a client's chain."""
        return [self, AttemptLog(self)] if self._settings.attempts else [self]

    @property
    def lost(self) -> int:
        """Records that were given up: each counts once for each sink that should have had it."""
        return self._unmade + sum(outlet.lost for outlet in self._outlets)

    @property
    def pending(self) -> int:
        """Records that wait for a sink that cannot be written to now."""
        return sum(outlet.pending for outlet in self._outlets)

    @property
    def active(self) -> bool:
        """Whether any sink may take a record now."""
        for outlet in self._outlets:  # noqa: SIM110 - a generator takes three times as long
            if outlet.sink.active:
                return True
        return False

    def flush(self) -> bool:
        """Write whatever waits, now. Blocks for as long as that takes.

        Returns:
            Whether every record is written that was not given up.
        """
        for outlet in self._outlets:
            outlet.write(())
        return not self.pending

    async def aclose(self, runtime: Runtime) -> None:
        """Write whatever waits, and close files; a further call opens them again."""
        for outlet in self._outlets:
            await runtime.run(outlet.close)

    def begin(self, call: Call[Any]) -> Watch | None:
        """Begin to watch a call."""
        if not self.active:
            return None
        call_id(call)  # those of calls that it asks for name it
        before: Gathered | None = call.ledger.kept.get(self)  # a middleware around us may ask again
        whole = call.ledger.kept[self] = Gathered(before)
        return Watch(call, whole, 0, call.operation.fold(call.request) if self._settings.content else None)

    def end(self, watch: Watch) -> tuple[Log, list[Record]]:
        """The record of a call, behind those of its attempts.

        A call that is nested in others leaves them to the outermost: nothing may be written before its first event.
        """
        watch.whole.over = True
        records = watch.whole.records
        self.record(watch, records)
        outer: Gathered | None = None
        ledger = watch.call.ledger.parent
        while ledger is not None:
            around = ledger.kept.get(self)
            outer = outer if around is None or around.over else around
            ledger = ledger.parent
        if outer is not None:
            outer.records += records
            return self, []
        return self, records

    def record(self, watch: Watch, records: list[Record]) -> None:
        """Make a record, where a sink wants it, and lay it to others."""
        kind = "attempt" if watch.number else "call"
        try:
            for outlet in self._outlets:
                if outlet.sink.wants(kind, watch.outcome):
                    records.append(self._writer.record(watch))
                    break
        except Exception as error:  # noqa: BLE001 - no call fails because of its record
            if not self._unmade:
                say(f"a record cannot be made: {type(error).__name__}; calls go on without")
            self._unmade += 1
        watch.error = None  # its traceback holds everything that is under way

    async def write(self, records: Sequence[Record], runtime: Runtime) -> None:
        """Write records; when this returns, they are where they should be, or are counted."""
        slow: list[Outlet] = []
        now = runtime.now()
        for outlet in self._outlets:
            wants = outlet.sink.wants
            chosen = [record for record in records if wants(record["record"], record["outcome"])]
            if chosen and (runtime.blocking or outlet.sink.quick):
                outlet.write(chosen, now)
            elif chosen:
                outlet.add(chosen)  # here and now: whoever is given up on the way to a thread must not lose them
                slow.append(outlet)

        def write() -> None:
            while slow:
                slow.pop().write((), now)

        if slow:
            try:
                # a call that was cancelled has its record, too
                await runtime.finish(lambda: runtime.run(write), WRITING, apart=True)
            except Exception:  # noqa: BLE001 - there are no threads any more, at the end of the program
                write()


class AttemptLog(_Watching):
    """Records each attempt of a call, for a `Log`.

    Attributes:
        log: the one that writes.
    """

    slot = Slot.ATTEMPT

    def __init__(self, log: Log) -> None:
        self.log: Log = log

    def begin(self, call: Call[Any]) -> Watch | None:
        """Begin to watch an attempt."""
        if not self.log.active:
            return None
        whole = call.ledger.kept.get(self.log)
        if whole is None:
            whole = call.ledger.kept[self.log] = Gathered()
            whole.over = True
        whole.attempts += 1
        return Watch(call, whole, whole.attempts)

    def end(self, watch: Watch) -> tuple[Log, list[Record]]:
        """Nothing yet: the record waits for that of its call, unless this was written already.

        A stream that is left is closed from the outside in, and so its call ends first.
        """
        alone: list[Record] = []
        self.log.record(watch, alone if watch.whole.over else watch.whole.records)
        return self.log, alone


def _sink(settings: Sink, key: str) -> Writes:
    """What writes to a sink; whatever can be wrong with it is found now, and nothing is made yet."""
    if settings.kind == "logging":
        return StandardLogging(settings.logger or "jackfield")
    if settings.kind == "jsonl":
        path = None if settings.path is None else expanded(settings.path)
        if path is not None:
            _check_file(path, f"{key}.path")
        return JsonLines(path, settings.max_bytes, settings.keep)
    try:
        from .journal import Journal, check_journal, journal_path
    except ImportError:
        raise ConfigurationError(f"{key}: this Python has no SQLite") from None

    path = journal_path(settings.path)
    _check_file(path, f"{key}.path")
    check_journal(path, f"{key}.path")
    return Journal(path, settings.synchronous, settings.keep_days)


def _check_file(path: Path, key: str) -> None:
    if path.is_dir():
        raise ConfigurationError(f"{key}: expected a file, and {path} is a folder")
    if path.exists():
        if not os.access(path, os.R_OK | os.W_OK):
            raise ConfigurationError(f"{key}: {path} cannot be written")
        return
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{key}: {path} cannot be made: {folder} is no folder that can be written to")


def _forked() -> None:
    for outlet in _outlets:
        outlet.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)

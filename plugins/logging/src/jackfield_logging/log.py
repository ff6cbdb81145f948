"""The two middlewares: one around the call as a whole, one around each attempt."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, TypeAlias, Unpack
from weakref import WeakSet

from jackfield import Call, Slot
from jackfield.errors import ConfigurationError
from jackfield.middleware import Proceed
from jackfield.operations import Fold
from jackfield.runtime import Runtime
from jackfield.types import Event, Finished, TextDelta

from .outlet import Outlet, Writes, say
from .records import BEGAN, TOLD, Gathered, Record, Watch, Writer
from .settings import LoggingOptions, LoggingSettings, Sink, expanded
from .sinks import JsonLines, StandardLogging

__all__ = ["AttemptLog", "Log", "logged"]

WRITING = 30.0  # seconds after which a write that a cancelled call still waits for is left to itself

# the log, what its records have in common, the number of the attempt or 0, and what folds the content that is wanted
Watching: TypeAlias = "tuple[Log, Gathered, int, Fold[Any, Any] | None]"

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
        now, first, told = call.runtime.now, None, []
        began = now()
        watching = self.begin(call, began)
        if watching is None:
            async for event in proceed(call):
                yield event
            return
        log, whole, number, fold = watching
        try:
            async for event in proceed(call):
                if first is None:
                    first = now()
                if type(event) is not TextDelta and type(event) in TOLD:  # most are one, which is quicker to tell
                    told.append(event)
                if fold is not None:
                    fold.add(event)
                yield event
        except BaseException as error:
            await log.record(Watch(call, whole, number, fold, began, first, told, error))
            raise
        # nearly always it ended well, and mostly nobody hears of that
        heard = fold is not None or log.wants("attempt" if number else "call", "complete")
        if not number:
            whole.over = True
            heard = heard or len(whole) > 0 or Finished not in map(type, told)
        if heard:
            await log.record(Watch(call, whole, number, fold, began, first, told))

    @abstractmethod
    def begin(self, call: Call[Any], began: float) -> Watching | None:
        """Begin to watch, unless nobody wants a record."""


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

    def begin(self, call: Call[Any], began: float) -> Watching | None:
        """Begin to watch a call."""
        if not self.active:
            return None
        kept = call.ledger.kept
        kept.setdefault(BEGAN, began)
        before: Gathered | None = kept.get(self)
        whole = kept[self] = Gathered()
        if before is not None:  # a middleware around us asks again
            whole.attempts, whole.round = before.attempts, before.round + 1
        return self, whole, 0, call.operation.fold(call.request) if self._settings.content else None

    def wants(self, kind: str, outcome: str) -> bool:
        """Whether a sink takes a record ("call" or "attempt") with this outcome now."""
        for outlet in self._outlets:  # noqa: SIM110 - a generator takes three times as long
            if outlet.sink.wants(kind, outcome):
                return True
        return False

    async def record(self, watch: Watch) -> None:
        """Make a record, where a sink wants it. It waits for the end of its call, and then all are written.

        A stream that is left is closed from the outside in, and so its call ends before its attempt.
        """
        whole, records = watch.whole, [] if watch.number and watch.whole.over else watch.whole
        kind = "attempt" if watch.number else "call"
        try:
            if self.wants(kind, watch.end()):
                records.append(self._writer.record(watch))
        except Exception as error:  # noqa: BLE001 - no call fails because of its record
            if not self._unmade:
                say(f"a record cannot be made: {type(error).__name__}; calls go on without")
            self._unmade += 1
        watch.error = None  # its traceback holds everything that is under way
        if not watch.number:
            whole.over = True
            if records and (outer := self._outermost(watch.call)) is not None:
                outer += records
                return
        if records and whole.over:
            await self.write(records, watch.call.runtime)

    def _outermost(self, call: Call[Any]) -> Gathered | None:
        """Of the calls that a call is nested in the outermost: nothing may be written before its first event."""
        outer: Gathered | None = None
        ledger = call.ledger.parent
        while ledger is not None:
            around = ledger.kept.get(self)
            outer = outer if around is None or around.over else around
            ledger = ledger.parent
        return outer

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

    def begin(self, call: Call[Any], began: float) -> Watching | None:
        """Begin to watch an attempt."""
        whole: Gathered | None = call.ledger.kept.get(self.log)
        if whole is None:  # nobody records the call
            if not self.log.active:
                return None
            whole = call.ledger.kept[self.log] = Gathered()
            whole.over = True
        whole.attempts += 1
        return self.log, whole, whole.attempts, None


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

"""Records each call and each attempt: to Python's logging, to JSON lines, and to a journal that can be searched."""

from __future__ import annotations

from jackfield.hooks import hookimpl

from .log import AttemptLog, Log, logged
from .outlet import RecordsNotWrittenWarning
from .records import call_id
from .settings import LoggingOptions, LoggingSettings, Sink

__all__ = ["AttemptLog", "Log", "LoggingOptions", "LoggingSettings", "RecordsNotWrittenWarning", "Sink", "call_id"]
__all__ += ["logged"]


@hookimpl
def jackfield_settings() -> type[LoggingSettings]:
    """The class of the settings."""
    return LoggingSettings


@hookimpl
def jackfield_middleware(settings: LoggingSettings) -> list[Log | AttemptLog]:
    """A log of its own for each table of the configuration."""
    return Log(settings).layers()

"""The settings of `use = "logging"`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, TypedDict, get_args

from attrs import field, frozen

from jackfield.errors import ConfigurationError

from .redaction import PATTERNS, Rule, compiled

__all__ = ["CONTENT", "LoggingOptions", "LoggingSettings", "Sink", "SinkKind", "expanded"]

SinkKind = Literal["logging", "jsonl", "journal"]
Synchronous = Literal["normal", "full"]
LONGEST: Final = 365_000  # days: a thousand years before any record, and still a date
CONTENT: Final = ("messages", "text", "reasoning", "tool_calls")
HIDE: Final = (
    *("password", "passwd", "passphrase", "secret", "client_secret", "token", "access_token", "refresh_token"),
    *("id_token", "auth_token", "session_token", "api_key", "x_api_key", "authorization", "cookie", "set_cookie"),
    *("private_key", "credential", "credentials"),
)
# which of its fields each kind of sink has
OWN: Final[Mapping[str, frozenset[str]]] = {
    "logging": frozenset({"logger"}),
    "jsonl": frozenset({"path", "max_bytes", "keep"}),
    "journal": frozenset({"path", "synchronous", "keep_days"}),
}


def _known(name: object, known: Sequence[str], key: str, what: str) -> None:
    if name in known:
        return
    close = get_close_matches(str(name), known, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
    raise ConfigurationError(f"{key}: no such {what} {name!r:.60}; {advice}")


@frozen(kw_only=True)
class Sink:
    """Where records go.

    Attributes:
        kind: "logging" (Python's), "jsonl" (a file of JSON lines, or standard error) or "journal" (an SQLite file).
        logger: for "logging": the logger whose children `call` and `attempt` are used; "jackfield" by default.
        path: for "jsonl" the file, standard error without one; for "journal" the file, by default `journal.db` in the
            user's state folder.
        max_bytes: for "jsonl": how large the file may become before it is put aside; 100 MiB by default, 0 is no bound.
        keep: for "jsonl": how many files that were put aside are kept; 5 by default.
        synchronous: for "journal": "normal" (a record survives the end of the process) or "full" (the end of the
            machine's power too, at the price of a wait for the disk).
        keep_days: for "journal": how long records are kept; for ever by default.

    Raises:
        ConfigurationError: names the key, and what would be right.
    """

    kind: SinkKind
    logger: str | None = None
    path: str | None = None
    max_bytes: int | None = None
    keep: int | None = None
    synchronous: Synchronous | None = None
    keep_days: float | None = None

    def __attrs_post_init__(self) -> None:
        _known(self.kind, get_args(SinkKind), "kind", "sink")
        for name in ("logger", "path", "max_bytes", "keep", "synchronous", "keep_days"):
            if getattr(self, name) is not None and name not in OWN[self.kind]:
                has = ", ".join(sorted(OWN[self.kind]))
                raise ConfigurationError(f"{name}: a sink of kind {self.kind!r} has no such setting; it has {has}")
        for name in ("logger", "path"):
            if (text := getattr(self, name)) is not None and (not isinstance(text, str) or not text or "\0" in text):
                raise ConfigurationError(f"{name}: expected text, got {text!r:.60}")
        if self.path is not None:
            expanded(self.path)
        for name in ("max_bytes", "keep"):
            if (value := getattr(self, name)) is not None and not (type(value) is int and value >= 0):
                raise ConfigurationError(f"{name}: expected a whole number of at least 0, got {value!r:.60}")
        if (days := self.keep_days) is not None and not (_number(days) and 0.01 <= days <= LONGEST):
            raise ConfigurationError(f"keep_days: expected a number from 0.01 to {LONGEST}, got {days!r:.60}")
        if self.synchronous is not None:
            _known(self.synchronous, get_args(Synchronous), "synchronous", "mode")


def expanded(path: str) -> Path:
    """The file that a setting or an option names, from the root.

    Raises:
        ConfigurationError: it begins with the home folder of nobody.
    """
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise ConfigurationError(f"path: there is no such home folder: {path!r:.200}") from None


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _sinks(value: Any) -> tuple[Sink, ...]:
    if isinstance(value, str | Sink | Mapping) or not isinstance(value, Sequence):
        raise ConfigurationError(f"sinks: expected a list, got {type(value).__name__}")
    return tuple(_sink(one, f"sinks[{index}]") for index, one in enumerate(value))


def _sink(value: Any, key: str) -> Sink:
    if isinstance(value, Sink):
        return value
    if isinstance(value, str):
        _known(value, get_args(SinkKind), key, "sink")
        return Sink(kind=value)  # type: ignore[arg-type]
    raise ConfigurationError(f"{key}: expected the name of a sink or a Sink, got {type(value).__name__}")


def _content(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return CONTENT if value else ()
    for index, one in enumerate(_names(value, "content")):
        _known(one, CONTENT, f"content[{index}]", "content")
    return tuple(value)


def _names(value: Any, key: str) -> tuple[str, ...]:
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise ConfigurationError(f"{key}: expected a list of texts, got {type(value).__name__}")
    for index, one in enumerate(value):
        if not isinstance(one, str) or not one:
            raise ConfigurationError(f"{key}[{index}]: expected text, got {one!r:.60}")
    return tuple(value)


def _redact(value: Any) -> tuple[str, ...]:
    for index, name in enumerate(_names(value, "redact")):
        _known(name, tuple(PATTERNS), f"redact[{index}]", "pattern")
    return tuple(value)


def _hide(value: Any) -> tuple[str, ...]:
    return _names(value, "hide")


@frozen(kw_only=True)
class LoggingSettings:
    """What is recorded, and where it goes.

    Attributes:
        sinks: names or tables of sinks.
        attempts: whether each attempt has a record of its own, beside that of the call.
        content: which content goes into the records: none by default, true for all, or some of "messages" (what was
            sent: messages, prompts, inputs), "text", "reasoning" and "tool_calls".
        max_chars: how many characters of each of these are kept at most.
        redact: what is taken out of content and of errors' messages: "email", "card", "iban", "ip", "phone". Keys
            always are.
        patterns: further regular expressions, by name; what one finds is replaced by its name in brackets. Each is
            tried on text that others wrote, so it should not go back and forth in it.
        hide: names of fields, in content that is JSON too, whose values are never shown; in place of the usual ones.

    Raises:
        ConfigurationError: names the key, and what would be right.
    """

    sinks: Sequence[str | Sink] = field(default=("logging",), converter=_sinks)
    attempts: bool = True
    content: bool | Sequence[str] = field(default=False, converter=_content)
    max_chars: int = 10_000
    redact: Sequence[str] = field(default=("email", "card", "iban"), converter=_redact)
    patterns: Mapping[str, str] = field(factory=dict)
    hide: Sequence[str] = field(default=HIDE, converter=_hide)

    def __attrs_post_init__(self) -> None:
        if type(self.attempts) is not bool:
            raise ConfigurationError(f"attempts: expected true or false, got {self.attempts!r:.60}")
        if type(self.max_chars) is not int or self.max_chars < 1:
            raise ConfigurationError(f"max_chars: expected a whole number of at least 1, got {self.max_chars!r:.60}")
        given: Any = self.patterns
        if not isinstance(given, Mapping) or not all(isinstance(one, str) for one in given.values()):
            raise ConfigurationError("patterns: expected a table of regular expressions by name")
        try:
            self.compiled()
        except ValueError as error:
            raise ConfigurationError(f"patterns.{error}") from None

    def compiled(self) -> dict[str, Rule]:
        """The regular expressions to redact by."""
        return {**{name: PATTERNS[name] for name in self.redact}, **compiled(self.patterns)}


class LoggingOptions(TypedDict, total=False):
    """The settings as keyword arguments."""

    sinks: Sequence[str | Sink]
    attempts: bool
    content: bool | Sequence[str]
    max_chars: int
    redact: Sequence[str]
    patterns: Mapping[str, str]
    hide: Sequence[str]

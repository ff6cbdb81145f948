"""What the commands about jobs share: options, lines that drive no terminal, and a bar for whoever waits.

It is imported by whoever has the command `jackfield`, and so has click.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO, Final, TypeVar

import attrs
import click

import jackfield as jf
from jackfield.errors import ConfigurationError, DeadlineError, UnsupportedError

from .asking import Polling

__all__ = [
    "Bar",
    "common",
    "first",
    "found_in",
    "limit_option",
    "pairs",
    "piped",
    "plain",
    "polling_of",
    "polling_option",
    "same",
    "say",
]
__all__ += ["show", "show_facts", "show_json", "show_table", "timeout_option", "visible", "waiting"]
__all__ += ["write_line"]

WIDTH: Final = 24
CLEAR: Final = "\r\x1b[K"

A = TypeVar("A")

config_option = click.option(
    "--config", "config", metavar="FILE", help="The configuration to use, instead of the one that is found."
)
provider_option = click.option(
    "--provider", "name", metavar="NAME", default="openai", show_default=True, help="The instance to ask by."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


polling_option = click.option(
    "--every", type=click.FloatRange(0.01), metavar="SECONDS", help="Look so often, instead of less and less often."
)
timeout_option = click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Wait no longer than this."
)
limit_option = click.option("--limit", type=click.IntRange(1), metavar="NUMBER", help="At most so many.")


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that all have."""
    return json_option(provider_option(config_option(command)))


def found_in(client: jf.Client, name: str, part: str) -> Any:
    """A part of what a provider's instance has beside the core's operations.

    Raises:
        ConfigurationError: it has no such part.
    """
    try:
        found = getattr(client.provider(name), part, None)
    except UnsupportedError:
        found = None
    if found is None:
        what = part.replace("_", "-")
        raise ConfigurationError(f"provider {name!r} has nothing for {what}; name one that has by --provider")
    return found


def first(items: Iterable[A], limit: int | None) -> list[A]:
    """As many of the items as are wanted; None for all."""
    return [*islice(items, limit)]


def plain(one: Any) -> dict[str, Any]:
    """What is said of something, without all that the service says."""
    return attrs.asdict(one, filter=lambda attribute, _: attribute.name != "raw")


def polling_of(every: float | None) -> Polling | None:
    """How often to look; None for less and less often."""
    return None if every is None else Polling(first=every, most=every)


def pairs(_: click.Context, parameter: click.Parameter, value: Sequence[str]) -> dict[str, str]:
    """Values like `name=text` as a table.

    Raises:
        BadParameter: one has no name or no `=`.
    """
    found = {}
    for one in value:
        key, equals, text = one.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"expected NAME=VALUE, got {one!r}", param=parameter)
        found[key] = text
    return found


class Bar:
    """One line on a terminal's standard error that says how far something is; nothing where that is no terminal."""

    def __init__(self) -> None:
        """Draw nothing yet."""
        self._wanted = sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, done: int, total: int | None, words: str = "") -> None:
        """Draw how far it is."""
        if not self._wanted:
            return
        share = min(done / total, 1.0) if total else 0.0
        drawn = "#" * round(share * WIDTH)
        counted = f"{done:,}/{total:,}" if total else f"{done:,}"
        self._write(f"{CLEAR}[{drawn:<{WIDTH}}] {counted} {visible(words)}".rstrip())

    def clear(self) -> None:
        """Take the line away."""
        if self._wanted:
            self._write(CLEAR)

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def piped() -> BinaryIO:
    """The bytes of standard input.

    Raises:
        UsageError: it is closed.
    """
    if sys.stdin is None:
        raise click.UsageError("standard input is closed")
    return sys.stdin.buffer


def same(name: str, config: str | None) -> str:
    """The options by which another command has this provider and this configuration, as a shell takes them."""
    provider = "" if name == "openai" else f" --provider {shlex.quote(name)}"
    return provider + ("" if config is None else f" --config {shlex.quote(config)}")


@contextmanager
def waiting(how: str) -> Iterator[Bar]:
    """A bar while a block waits for something that goes on without us; `how` says how to take it up again."""
    bar = Bar()
    try:
        yield bar
    except BaseException as error:
        bar.clear()
        if isinstance(error, KeyboardInterrupt | jf.JackfieldError) and not _over(error):
            say(f"it goes on; to wait for it again: {how}")
        raise
    bar.clear()


def _over(error: BaseException) -> bool:
    # a job that failed, or that is not there, needs nobody to wait for it
    return isinstance(error, jf.JackfieldError) and not error.retryable and not isinstance(error, DeadlineError)


def say(text: str) -> None:
    """Say something on standard error."""
    if sys.stderr is not None:
        sys.stderr.write(f"jackfield: {visible(text)}\n")
        sys.stderr.flush()


def show(text: str) -> None:
    """Print a line of standard output that drives no terminal."""
    write_line(visible(text))


def show_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    write_line(json.dumps(value, default=str))


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below a heading."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, *rows):
        show("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def show_facts(facts: Mapping[str, Any]) -> None:
    """Print facts, one a line; what is not known is left out."""
    shown = {name: value for name, value in facts.items() if value not in (None, (), "", {})}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        show(f"{name.replace('_', ' '):<{width}}  {value}")


def visible(text: str) -> str:
    """A text without what could drive a terminal: names and texts come from anybody."""
    return "".join(char if char.isprintable() else "?" for char in text)


def write_line(text: str) -> None:
    """Print a line of standard output as it is."""
    if sys.stdout is None:
        raise click.UsageError("standard output is closed")
    # what a stream of another encoding lacks is no reason to end in the middle
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(f"{text.encode(encoding, 'replace').decode(encoding)}\n")

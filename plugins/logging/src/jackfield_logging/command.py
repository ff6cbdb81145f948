"""The command `jackfield logs`: lists, filters, follows, searches and exports a journal."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from click.core import ParameterSource

from jackfield.errors import ConfigurationError, RequestForbiddenError
from jackfield.runtime import BlockingRuntime, Network, Reply, drive

from .journal import journal_path
from .reading import Filter, Reader, find_journal, moment
from .records import FIELDS, Record
from .sinks import encoded

__all__ = ["logs"]

F = TypeVar("F", bound=Callable[..., Any])

POLL: Final = 0.5  # seconds between two looks at a journal that is followed
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")  # with these a spreadsheet begins to calculate
COLUMNS: Final = ("time", "id", "call", "model", "outcome", "seconds", "tokens", "cost")


class _NoNetwork(Network):
    """A command asks nobody: it wants a runtime for its clock."""

    name = "none"

    async def send(self, *_: Any, **__: Any) -> Reply:
        """Ask nobody."""
        raise RequestForbiddenError("a command that reads records sends no request")

    async def aclose(self) -> None:
        """There is nothing to close."""


_runtime = BlockingRuntime(_NoNetwork())

_FILTERS: Final = (
    click.option("--since", metavar="TIME", help="Not before 90s, 30m, 2h, 7d ago, or a time like 2026-01-31T12:00."),
    click.option("--provider", metavar="NAME", help="Only of this provider instance."),
    click.option("--model", metavar="TEXT", help="Only of models with this text in their name."),
    click.option("--operation", metavar="NAME", help="Only of this operation."),
    click.option("--error", "failed", is_flag=True, help="Only what ended with an error."),
    click.option("--attempts", is_flag=True, help="Attempts, too, not only calls."),
    click.option("--journal", metavar="FILE", help="The journal, instead of the one that the configuration names."),
    click.option("--config", metavar="FILE", help="The configuration to use, instead of the one that is found."),
)
_limit = click.option(
    "--limit", metavar="NUMBER", type=click.IntRange(1, 1_000_000), default=20, help="The newest so many: 20."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print each record as a line of JSON.")


def _filtered(command: F) -> F:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def _filter(options: dict[str, Any], words: Sequence[str] = ()) -> Filter:
    since = options["since"]
    try:
        earliest = None if since is None else moment(since, _runtime.wall())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from None
    given = {name: options[name] for name in ("provider", "model", "operation", "failed", "attempts")}
    texts = {name: _text(value) for name, value in given.items() if isinstance(value, str)}
    return Filter(since=earliest, words=[_text(word) for word in words], **{**given, **texts})


def _text(argument: str) -> str:
    """An argument that SQLite can take, whatever bytes it was made of."""
    return argument.encode("utf-8", "replace").decode()


def _reader(options: dict[str, Any]) -> Reader:
    if options["journal"] is not None:
        return Reader(journal_path(options["journal"]))
    return Reader(find_journal(None if options["config"] is None else Path(options["config"])))


@click.group(invoke_without_command=True)
@_filtered
@_limit
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@_json
@click.pass_context
def logs(context: click.Context, /, *, limit: int, follow: bool, as_json: bool, **options: Any) -> int:
    """List the calls that a journal has, the newest last.

    A journal is written by the middleware `logging` with the sink `journal`.
    Where no call fits, the exit status is 1.
    """
    if context.invoked_subcommand is not None:
        _pass_on(context, context.invoked_subcommand)
        return 0
    reader, wanted = _reader(options), _filter(options)
    page = reader.latest(wanted, limit)
    _write(page, as_json=as_json)
    while follow:
        drive(_runtime.sleep(POLL))
        try:
            last = page[-1][0] if page else 0
            new = reader.after(last, wanted)
        except (FileNotFoundError, ConfigurationError):  # it is being replaced
            continue
        _write(new, as_json=as_json, heading=False)
        page = new or page
    return 0 if page else _nothing("no call fits")


@logs.command()
@click.argument("id")
@click.option("--journal", metavar="FILE")
@click.option("--config", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(*, id: str, as_json: bool, **options: Any) -> int:  # noqa: A002 - what it is
    """Show everything about a call: its record, its attempts, and the calls that it asked for itself.

    The beginning of its ID will do, as long as no other call's id begins so.
    """
    try:
        records = _reader(options).related(_text(id.partition(".")[0]))
    except LookupError as error:
        return _nothing(f"{_visible(id)}: {error}")
    if as_json:
        _print(json.dumps(records))
        return 0
    for number, record in enumerate(records):
        if number:
            _print("")
        for name, value in record.items():
            _print(f"{name}: {_visible(value) if isinstance(value, str) else json.dumps(value, indent=2)}")
    return 0


@logs.command()
@click.argument("words", nargs=-1, required=True)
@_filtered
@_limit
@_json
def search(*, words: Sequence[str], limit: int, as_json: bool, **options: Any) -> int:
    """List the calls in which all WORDS were said, or stand in their error.

    What was said is in a journal only where the setting `content` puts it there.
    """
    page = _reader(options).latest(_filter(options, words), limit)
    _write(page, as_json=as_json)
    return 0 if page else _nothing("no call fits")


@logs.command()
@click.option("--format", "shape", type=click.Choice(["jsonl", "csv"]), default="jsonl", help="jsonl, or csv.")
@_filtered
def export(*, shape: str, **options: Any) -> int:
    """Print all records that fit, the oldest first, as JSON lines or as a table with commas."""
    records = _reader(options).every(_filter(options))
    if shape == "jsonl":
        for record in records:
            _print(encoded(record))
        return 0
    for row in _csv(records):
        _print(row, end="")
    return 0


def _pass_on(context: click.Context, name: str) -> None:
    """Give a command the options that stood before its name; its own go before.

    Raises:
        UsageError: it has no such option.
    """
    command = logs.get_command(context, name)
    known = {parameter.name for parameter in command.params} if command is not None else set()
    given = {}
    for parameter in context.command.params:
        if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE:
            if parameter.name not in known:
                raise click.UsageError(f"{parameter.opts[-1]}: the command {name!r} has no such option", context)
            given[parameter.name] = context.params[parameter.name]
    context.default_map = {name: given}


def _csv(records: Iterable[Record]) -> Iterator[str]:
    lines: list[str] = []
    writer = csv.writer(_Lines(lines), lineterminator="\n")
    writer.writerow(FIELDS)
    for record in records:
        writer.writerow([_cell(record.get(name)) for name in FIELDS])
        yield "".join(lines)
        lines.clear()
    yield "".join(lines)


class _Lines:
    """What `csv` writes to."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, text: str) -> None:
        """Keep it."""
        self._lines.append(text)


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        value = json.dumps(value)
    if isinstance(value, str):
        value = _visible(value)
        return f"'{value}" if value.startswith(FORMULA) else value
    return value


def _write(page: Sequence[tuple[int, Record]], *, as_json: bool, heading: bool = True) -> None:
    """Write records: a table for a person, one line of cells with tabs between them for everything else."""
    if as_json:
        for _, record in page:
            _print(encoded(record))
        return
    rows = [_row(record) for _, record in page]
    if not rows:
        return
    if not _at_terminal():
        for row in rows:
            _print("\t".join(row))
        return
    if heading:
        rows.insert(0, COLUMNS)
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    for row in rows:
        _print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _at_terminal() -> bool:
    return sys.stdout.isatty()


def _row(record: Record) -> tuple[str, ...]:
    get = record.get
    number = get("attempt")
    tokens = [str(get(name, "?")) for name in ("input_tokens", "output_tokens")]
    cells = (
        str(get("time"))[:19].replace("T", " "),
        f"{get('call_id')}" if number is None else f"{get('call_id')}.{number}",
        f"{get('operation')}{' (stream)' if get('streaming') else ''}",
        ":".join(str(part) for part in (get("provider"), get("model")) if part),
        " ".join(str(part) for part in (get("outcome"), get("error"), get("status")) if part),
        f"{get('duration'):.3f}" if isinstance(get("duration"), int | float) else "",
        "" if tokens == ["?", "?"] else "+".join(tokens),
        f"{get('cost'):.6f}" if isinstance(get("cost"), int | float) else "",
    )
    return tuple(map(_visible, cells))


def _visible(text: str) -> str:
    """The text with everything escaped that a terminal could obey, or that would end a line."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _print(text: str, end: str = "\n") -> None:
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper) and stream.errors != "backslashreplace":
        stream.reconfigure(errors="backslashreplace")  # what its encoding cannot hold is escaped
    stream.write(text + end)
    stream.flush()


def _nothing(why: str) -> int:
    click.echo(f"jackfield: {why}", err=True)
    return 1

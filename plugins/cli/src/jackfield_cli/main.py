"""The console script `jackfield`: names of commands from entry points, and one answer to everything that fails."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache, cached_property
from typing import TYPE_CHECKING, Final, NoReturn

import click

from .common import EPILOG
from .failures import FAILED, WRONG_USE, explained, refused
from .terminal import discard, say

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

__all__ = ["jackfield", "main", "run"]

GROUP: Final = "jackfield.commands"
OURS: Final = "jackfield-cli"
CONFIG: Final = "jackfield_cli.config"  # the file that the command line names, before its command is known
INTERRUPTED: Final = 130
READER_GONE: Final = 141
# our own commands, told without importing them
ABOUT: Final = {
    "chat": "ask a model, or hold a conversation",
    "complete": "have a text continued",
    "config": "explain, check, begin and trust a configuration",
    "doctor": "check this set-up, and say what to do",
    "embed": "turn texts into vectors",
    "models": "list the models of a provider",
    "plugins": "list what is installed, and show what it offers",
}


class _LoadError(click.ClickException):
    exit_code = WRONG_USE


def _points() -> Iterable[EntryPoint]:
    from importlib.metadata import entry_points

    try:
        return entry_points(group=GROUP)
    except Exception:  # noqa: BLE001 - some distribution is broken, and its metadata cannot be read
        from jackfield.doors import installed  # slower, since it is of the library

        return [point for brought in installed()["commands"].values() for point in brought.values()]


class _Commands(click.Group):
    """Commands by entry-point name. None is imported before it is run."""

    @cached_property
    def points(self) -> dict[str, list[EntryPoint]]:
        """The entry points of each name: more than one where distributions quarrel about it."""
        found: dict[str, list[EntryPoint]] = {}
        for point in sorted(_points(), key=lambda point: (point.name, point.value)):
            found.setdefault(point.name, []).append(point)
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in order."""
        return list(self.points)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command.

        Raises:
            ClickException: it cannot be imported, or is not one command.
        """
        points = self.points.get(cmd_name)
        if points is None:
            return None
        if [_distribution(point) for point in points] == [OURS]:
            command = points[0].load()
        else:
            command = _foreign(cmd_name, ctx.meta.get(CONFIG))
        if not isinstance(command, click.Command):
            who = f"command {cmd_name!r} of {_distribution(points[0])} ({points[0].value})"
            raise _LoadError(f"{who} is a {type(command).__name__}, not a click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the arguments name.

        Raises:
            UsageError: there is none; names the nearest.
        """
        name = args[0]
        ctx.meta[CONFIG] = _value_of("--config", args)
        if name not in self.points and not name.startswith("-") and not ctx.resilient_parsing:
            from jackfield.settings import nearest

            raise click.UsageError(f"no such command {name!r}; {nearest(name, self.points)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List each name: what our own commands do, and who brings the others. More would need importing them."""
        rows = []
        for name, points in self.points.items():
            brought = ", ".join(map(_distribution, points))
            rows.append((name, ABOUT.get(name, "") if brought == OURS else f"from {brought}"))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def _foreign(name: str, config: str | None) -> object:
    """Load a command of another package, where that is allowed.

    Raises:
        ConfigurationError: it cannot be told what is allowed.
        PluginError: it may not be loaded, or cannot be.
    """
    from pathlib import Path

    from jackfield.doors import installed, load

    from .common import allowed_plugins
    from .listing import allowance

    allow = allowance("command", allowed_plugins(None if config is None else Path(config)))
    return load(f"command {name!r}", installed()["commands"][name], allow)


def _value_of(option: str, args: Sequence[str]) -> str | None:
    """The value of an option of a command that is not loaded yet."""
    for index, one in enumerate(args):
        if one.startswith(f"{option}="):
            return one.partition("=")[2]
        if one == option:
            return next(iter(args[index + 1 :]), None)
    return None


def _distribution(point: EntryPoint) -> str:
    return _name(point.dist) if point.dist else "an unknown package"


@cache
def _name(distribution: Distribution) -> str:
    # by hand, since parsing the whole would import the parser of e-mails, for one line that stands near the top
    lines = (distribution.read_text("METADATA") or "").splitlines()
    named = next((line for line in lines if line.startswith("Name:")), None)
    return named.removeprefix("Name:").strip() if named else distribution.name


jackfield = _Commands(
    "jackfield",
    help="Talk to any language model. `jackfield COMMAND --help` tells what a command does.",
    epilog=EPILOG,
    params=[],
)
click.version_option(package_name="jackfield-cli", prog_name="jackfield", message="%(prog)s %(version)s")(jackfield)


def run(arguments: Sequence[str]) -> int:
    """Run one command and say what went wrong, if anything did.

    Args:
        arguments: the command line, without the program's name.

    Returns:
        The exit status: what the command returned where that is a number, else 0; 1 if it failed, 2 if it was used or
        configured wrongly, 130 if it was interrupted, 141 if nobody reads its output any more.
    """
    try:
        with jackfield.make_context("jackfield", list(arguments) or ["--help"]) as context:
            status = jackfield.invoke(context)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - whatever it was, it is told in one line
        return _failed(error)
    return status if type(status) is int else 0


def _failed(error: BaseException) -> int:
    """Tell what went wrong. Gives the exit status."""
    status = FAILED
    match error:
        case click.exceptions.Exit():
            status = error.exit_code
        case KeyboardInterrupt():
            _leave_line()
            status = INTERRUPTED
        case BrokenPipeError():
            discard(sys.stdout)
            status = READER_GONE
        case click.Abort():
            say("aborted")
        case click.ClickException():
            where = getattr(error, "ctx", None)
            say(error.format_message() + (f" (see `{where.command_path} --help`)" if where else ""))
            status = error.exit_code
        case OSError():
            # what is still buffered would fail once more, at exit
            discard(sys.stdout)
            say(refused(error))
        case _:
            message, status = explained(error)
            say(message)
    return status


def _leave_line() -> None:
    """Put the cursor below the `^C` that the terminal shows."""
    terminal = next((stream for stream in (sys.stdout, sys.stderr) if stream is not None and stream.isatty()), None)
    if terminal is not None:
        with suppress(OSError):
            terminal.write("\n")
            terminal.flush()


def main() -> NoReturn:
    """Run `jackfield` with the arguments of this process, and exit."""
    if "_JACKFIELD_COMPLETE" in os.environ:
        # a shell asks for completions: click answers and exits
        jackfield.main(prog_name="jackfield")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

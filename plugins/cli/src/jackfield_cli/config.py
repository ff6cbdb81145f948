"""The commands `jackfield config ...`: where each setting comes from, whether all is well, and a file to begin with."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Final

import click

from .common import EPILOG, config_option, json_option, standard_output
from .inputs import decoded
from .tables import write_table
from .terminal import say, visible

__all__ = ["config"]

FILE: Final = "jackfield.toml"
SUBCOMMANDS: Final = "explain, check, init, schema or trust"


@click.group(help="Explain, check, begin and trust a configuration.", epilog=EPILOG, invoke_without_command=True)
@click.pass_context
def config(context: click.Context) -> None:
    """Hold the commands together."""
    if context.invoked_subcommand is None:
        raise click.UsageError(f"no command: expected {SUBCOMMANDS}", context)


@config.command(epilog=EPILOG)
@json_option
@config_option
def explain(*, as_json: bool, config: Path | None) -> None:
    """Show each setting that is in force with its origin, and the chain of middleware.

    Secrets are shown as ***.
    """
    from .configuring import explain as explained

    output = standard_output()
    found = explained(config)
    values = [(row.key, row.value, row.origin) for row in found.rows]
    chain = [(link.slot, link.name, link.layer, link.origin) for link in found.chain]
    if as_json:
        output.write_json(
            {
                "source": found.source,
                "values": [dict(zip(("key", "value", "origin"), row, strict=True)) for row in values],
                "chain": [dict(zip(("slot", "name", "layer", "origin"), link, strict=True)) for link in chain],
            }
        )
        return
    if output.terminal:
        write_table(output, ("setting", "value", "origin"), values)
        if chain:
            output.write("\nmiddleware, from the outside in\n")
            write_table(output, ("slot", "plugin", "layer", "origin"), chain)
        return
    links = [(f"chain[{i}]", f"{slot} {name} {layer}", origin) for i, (slot, name, layer, origin) in enumerate(chain)]
    write_table(output, (), [*values, *links])


@config.command(epilog=EPILOG)
@json_option
@config_option
def check(*, as_json: bool, config: Path | None) -> int:
    """Load everything that the configuration names, and tell every problem, a line each.

    Nobody is asked anything. The exit status is 2 where there is a problem.
    """
    from .configuring import check as checked

    output = standard_output()
    report = checked(config)
    problems = [str(problem) for problem in report.problems]
    source = report.config.source if report.config else None
    if as_json:
        output.write_json({"source": source, "problems": problems})
    elif problems:
        for problem in problems:
            say(problem)
    else:
        output.write(f"{source}: no problem\n")
    return 2 if problems else 0


@config.command(epilog=EPILOG)
@click.argument("file", default=FILE)
@click.option("--force", is_flag=True, help="Replace the file if there is one, or hide the other that is read now.")
def init(file: str, *, force: bool) -> None:
    """Write a configuration to begin with, every line of it explained. FILE is jackfield.toml; - is standard output."""
    from .configuring import hidden, starter

    output = standard_output()
    if file == "-":
        output.write(starter())
        return
    path = Path(file)
    if path.is_dir():
        raise click.UsageError(f"{file} is a folder: name a file in it")
    if not force and hidden(path):
        other = path.with_name("pyproject.toml")
        raise click.UsageError(
            f"{other} has a [tool.jackfield], which {file} would hide: --force writes it all the same"
        )
    try:
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as new:
            new.write(starter())
    except FileExistsError:
        raise click.UsageError(f"{file} is there already: --force replaces it") from None
    named = "" if path.absolute() == Path.cwd() / FILE else f" --config {shlex.quote(file)}"
    output.write(f"{file} is written. Take away the # before what you want, then: jackfield config check{named}\n")
    if (read := os.environ.get("JACKFIELD_CONFIG")) and not named:
        say(f"JACKFIELD_CONFIG names {read}, which is read in place of {file}")


@config.command(epilog=EPILOG)
def schema() -> None:
    """Print the JSON Schema of the configuration, with the settings of each plugin that is installed.

    An editor completes and checks jackfield.toml by it.
    """
    from .configuring import schema as described

    standard_output().write_json(described(), indent=2)


@config.command(epilog=EPILOG)
@click.argument("file", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--undo", is_flag=True, help="Trust the file no longer.")
@json_option
def trust(file: str | None, *, yes: bool, undo: bool, as_json: bool) -> int:
    """Trust a configuration that was found, with the content that it has now.

    Shows what that allows, and asks. FILE is the one that is found from here. Any change to the file ends the trust.
    """
    from .configuring import demands, find, trust as trusted

    output = standard_output()
    path = Path(decoded(file)) if file is not None else find()
    if path is None:
        raise click.UsageError("there is no configuration here: name a file")
    if undo:
        return _withdraw(path, as_json=as_json)
    shown = _digest(path)
    wanted = demands(path)
    if not as_json:
        output.write("".join(f"{visible(one)}\n" for one in wanted) or f"{path} asks for nothing that needs trust\n")
    if not yes and not _confirmed(path):
        say("not trusted")
        return 1
    digest = trusted(path)
    if digest != shown:
        _withdraw(path, as_json=as_json)
        say(f"{path} changed while it was looked at: not trusted")
        return 1
    if as_json:
        output.write_json({"file": str(path), "sha256": digest, "demands": wanted})
    else:
        output.write(f"{path} is trusted as it is now (SHA-256 {digest})\n")
    return 0


def _digest(path: Path) -> str | None:
    """The SHA-256 of what is shown, so that nothing else is trusted in its place; None where it cannot be read."""
    from hashlib import sha256

    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _withdraw(path: Path, *, as_json: bool) -> int:
    from .configuring import untrust

    output = standard_output()
    was = untrust(path)
    if as_json:
        output.write_json({"file": str(path), "trusted": False, "was_trusted": was})
    else:
        output.write(f"{path} is trusted no longer\n" if was else f"{path} was not trusted\n")
    return 0


def _confirmed(path: Path) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: --yes says that you trust it")
    # not `click.confirm`, which takes Ctrl-C for an answer
    sys.stderr.write(visible(f"Trust {path}? [y/N]: "))
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}

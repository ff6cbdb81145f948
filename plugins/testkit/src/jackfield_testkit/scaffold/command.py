"""The command `jackfield new`. It is imported by whoever has the command `jackfield`, and so has click."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from jackfield.errors import ConfigurationError

from . import generate

__all__ = ["new"]

HELP: Final = """Write a new plugin: a whole package that installs, works, and passes its tests.

NAME is what a configuration will call it.
"""


@click.command(help=HELP)
@click.argument("kind", type=click.Choice(["provider", "middleware", "store"]))
@click.argument("name")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), metavar="FOLDER", help="Where to; else jackfield-NAME."
)
@click.option("--author", default="The authors", metavar="NAME", help="For the licence and the metadata.")
def new(kind: str, name: str, *, folder: Path | None, author: str) -> None:
    """Write a package; see `HELP`."""
    folder = folder or Path(f"jackfield-{name}")
    try:
        written = generate(kind, name, folder, author=author)  # type: ignore[arg-type]
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None
    for path in written:
        click.echo(path)
    click.echo(f"\nNext:\n  cd {folder}\n  pip install -e '.[test]'\n  pytest", err=True)

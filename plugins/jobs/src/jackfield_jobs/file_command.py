"""The command `jackfield files`: the files that a service keeps.

It is imported by whoever has the command `jackfield`, and so has click.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click

import jackfield as jf

from .files import ContentResponse, StoredFile
from .screen import Bar, common, found_in, piped, same, show, show_facts, show_json, show_table, waiting
from .stored import Files

__all__ = ["files"]

timeout_option = click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="The longest that it may take."
)


@click.group(help="The files that a service keeps.")
def files() -> None:
    """Ask for files; see its commands."""


@files.command(help="Have FILE kept; - is standard input.")
@click.argument("file", type=click.Path(allow_dash=True))
@click.option("--purpose", required=True, metavar="WORD", help="What it is for, in the service's word: batch, ...")
@click.option("--name", "as_name", metavar="NAME", help="The name that it is to have, instead of its own.")
@click.option("--expires-after", type=click.FloatRange(1), metavar="SECONDS", help="Have it forgotten after so long.")
@click.option("--parts/--no-parts", "in_parts", default=None, help="Send it in parts, or in one piece; by its size.")
@click.option("--no-check", is_flag=True, help="Do not look at purpose, size and first lines before.")
@click.option("--wait", "wait_for", is_flag=True, help="Wait until the service is done with it.")
@timeout_option
@common
def upload(
    file: str, *, config: str | None, name: str, as_json: bool, purpose: str, as_name: str | None,
    expires_after: float | None, in_parts: bool | None, no_check: bool, wait_for: bool, timeout: float | None,
) -> None:  # fmt: skip
    """Have a file kept."""
    with _asked(config, name) as kept, _bar() as bar:
        source: Any = piped() if file == "-" else file
        made = kept.upload(
            source,
            purpose=purpose,
            name=as_name,
            expires_after=expires_after,
            in_parts=in_parts,
            check=False if no_check else None,
            progress=bar,
            timeout=timeout,
        )
        if wait_for:
            made = _waited(kept, made.id, same(name, config), timeout)
    _show(made.file, as_json=as_json)


@files.command("list", help="The files, the newest first.")
@click.option("--purpose", metavar="WORD", help="Only those that are for this.")
@click.option("--order", type=click.Choice(["asc", "desc"]), help="What comes first: the oldest, or the newest.")
@click.option("--limit", type=click.IntRange(1), metavar="NUMBER", help="At most so many.")
@common
def list_(*, config: str | None, name: str, as_json: bool, purpose: str | None, order: Any, limit: int | None) -> None:
    """List the files."""
    with _asked(config, name) as kept:
        asked = kept.list(purpose=purpose, order=order, limit=None if limit is None else min(limit, 10_000))
        found = [file for file, _ in zip(asked, range(limit or sys.maxsize), strict=False)]
    if as_json:
        show_json([_plain(file) for file in found])
        return
    rows = [(one.id, one.purpose or "-", _size(one), _when(one.created), one.name or "-") for one in found]
    show_table(("FILE", "PURPOSE", "BYTES", "CREATED", "NAME"), rows)


@files.command(help="What there is to say of a file, by its ID.")
@click.argument("file", metavar="ID")
@common
def get(file: str, *, config: str | None, name: str, as_json: bool) -> None:
    """Tell of a file."""
    with _asked(config, name) as kept:
        told = kept.get(file)
    _show(told.file, as_json=as_json)


@files.command(help="Wait until the service is done with a file, by its ID.")
@click.argument("file", metavar="ID")
@timeout_option
@common
def wait(file: str, *, config: str | None, name: str, as_json: bool, timeout: float | None) -> None:
    """Wait for a file."""
    with _asked(config, name) as kept:
        told = _waited(kept, file, same(name, config), timeout)
    _show(told.file, as_json=as_json)


@files.command(help="Write the content of a file to TO; - is standard output.")
@click.argument("file", metavar="ID")
@click.argument("to", type=click.Path(allow_dash=True))
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@timeout_option
@common
def download(
    file: str, to: str, *, config: str | None, name: str, as_json: bool, force: bool, timeout: float | None
) -> None:
    """Write the content of a file."""
    if to == "-":
        _write_out(file, config, name, timeout)
        return
    if Path(to).exists() and not force:
        raise click.UsageError(f"{to!r} is there already; with --force it is written over")
    with _asked(config, name) as kept, _bar() as bar:
        done: ContentResponse = kept.download(file, to, progress=bar, timeout=timeout)
    if as_json:
        show_json({"file": file, "size": done.size, "media_type": done.media_type, "path": str(done.path)})
    else:
        show(f"{done.path}: {done.size:,} bytes")


@files.command(help="Have files forgotten, by their IDs.")
@click.argument("files", nargs=-1, required=True, metavar="ID...")
@common
def delete(files: tuple[str, ...], *, config: str | None, name: str, as_json: bool) -> None:
    """Have files forgotten."""
    with _asked(config, name) as kept:
        for file in files:
            gone = kept.delete(file).deleted is not False
            if as_json:
                show_json({"id": file, "deleted": gone})
            else:
                show(f"{file} is gone" if gone else f"{file} is still there")


def _waited(kept: Files, file: str, options: str, timeout: float | None) -> Any:
    with waiting(f"jackfield files wait {file}{options}"):
        return kept.wait(file, timeout=timeout)


@contextmanager
def _asked(config: str | None, name: str) -> Iterator[Files]:
    with jf.Client(config) as client:
        yield found_in(client, name, "files")


@contextmanager
def _bar() -> Iterator[Any]:
    bar = Bar()
    try:
        yield lambda done, total: bar(done, total, "bytes")
    finally:
        bar.clear()


def _write_out(file: str, config: str | None, name: str, timeout: float | None) -> None:
    if sys.stdout is None:
        raise click.UsageError("standard output is closed")
    if sys.stdout.isatty():
        raise click.UsageError("what a file holds may drive a terminal: write it to a file or into a pipe")
    with _asked(config, name) as kept, kept.stream(file, timeout=timeout) as pieces:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


def _plain(file: StoredFile) -> dict[str, Any]:
    return attrs.asdict(file, filter=lambda attribute, _: attribute.name != "raw")


def _show(file: StoredFile, *, as_json: bool) -> None:
    plain = _plain(file)
    if as_json:
        show_json(plain)
    else:
        show_facts({**plain, "created": _when(file.created, ""), "expires": _when(file.expires, "")})


def _size(file: StoredFile) -> str:
    return "-" if file.size is None else f"{file.size:,}"


def _when(seconds: float | None, unknown: str = "-") -> str:
    if seconds is None:
        return unknown
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return unknown

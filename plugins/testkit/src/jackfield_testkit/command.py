"""The command `jackfield record`: makes one call against the live service, and a cassette of it.

It is imported by whoever has the command `jackfield`, and so has click.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from jackfield import Client

__all__ = ["record"]

HELP: Final = """Make one call against the live service, and a cassette of it.

CASSETTE is the file to write, for `jackfield_testkit.cassettes.Replay` or for the fixture `jackfield_cassette`.
Keys, cookies and the like are scrubbed from it; look at it before you share it.
What came back is printed. A call that fails is recorded too.
"""

config_option = click.option(
    "--config", metavar="FILE", help="The configuration to use, instead of the one that is found."
)
model_option = click.option(
    "-m", "--model", metavar="MODEL", help="provider:model, or an alias from the configuration."
)


@click.group(help=HELP)
@click.argument("cassette", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace the cassette where it is there already.")
@click.pass_context
def record(context: click.Context, *, cassette: Path, force: bool) -> None:
    """Look at the file before anything is asked."""
    if cassette.exists() and not force:
        raise click.UsageError(f"{cassette} is there already: name another file, or add --force")
    context.obj = cassette


@record.command(help="Ask a model TEXT.")
@click.argument("text")
@click.option("--stream", "streamed", is_flag=True, help="Have the reply in pieces, as it comes.")
@model_option
@config_option
@click.pass_obj
def chat(cassette: Path, /, *, text: str, streamed: bool, model: str | None, config: str | None) -> None:
    """Record a chat."""

    def ask(client: Client) -> None:
        if not streamed:
            _write(f"{client.chat(text, model=model).text}\n")
            return
        with client.stream(text, model=model) as stream:
            for piece in stream.text:
                _write(piece)
        _write("\n")

    _record(cassette, config, ask)


@record.command(help="Turn each TEXT into a vector.")
@click.argument("texts", nargs=-1, required=True, metavar="TEXT...")
@model_option
@config_option
@click.pass_obj
def embed(cassette: Path, /, *, texts: tuple[str, ...], model: str | None, config: str | None) -> None:
    """Record embeddings."""

    def ask(client: Client) -> None:
        for vector in client.embed(list(texts), model=model).vectors:
            _write(json.dumps(list(vector)) + "\n")

    _record(cassette, config, ask)


@record.command(help="List the models of a PROVIDER, or of the default model's.")
@click.argument("provider", required=False)
@config_option
@click.pass_obj
def models(cassette: Path, /, *, provider: str | None, config: str | None) -> None:
    """Record a list of models."""
    _record(cassette, config, lambda client: _write("".join(f"{one.id}\n" for one in client.models(provider))))


def _record(cassette: Path, config: str | None, ask: Callable[[Client], Any]) -> None:
    from jackfield import Client

    from .cassettes import Recorder

    recorder = Recorder()
    try:
        with Client(config, transport=recorder) as client:
            ask(client)
    finally:
        if made := recorder.cassette().exchanges:
            recorder.save(cassette)
            count = f"{len(made)} exchange{'s' if len(made) > 1 else ''}"
            click.echo(f"recorded {count} in {cassette}", err=True)
    if not made:
        raise click.ClickException("nothing was recorded: this provider asks nobody over the network")


def _write(text: str) -> None:
    if sys.stdout is None:
        raise click.UsageError("standard output is closed")
    # what comes from a server is not to drive a terminal, and what a stream of another encoding lacks is no end
    clean = "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(clean.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()

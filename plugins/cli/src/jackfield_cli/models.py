"""The command `jackfield models`: which models a provider has."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .common import EPILOG, config_option, json_option, open_client, standard_output, timeout_option
from .inputs import decoded
from .tables import write_table
from .terminal import say

if TYPE_CHECKING:
    from jackfield.types import ModelInfo

__all__ = ["models"]

HELP: Final = """List the models of a provider: of PROVIDER, or of the default model's.

Where no model matches, the exit status is 1.
"""
FIELDS: Final = ("id", "name", "owner", "created", "context_length", "max_output_tokens")


@click.command(help=HELP, epilog=EPILOG)
@click.argument("provider", required=False)
@click.option("--match", metavar="TEXT", help="Only models with this text in their id or name, in any case.")
@timeout_option
@json_option
@config_option
def models(
    provider: str | None, *, match: str | None, timeout: float | None, as_json: bool, config: Path | None
) -> int:
    """List models; see `HELP`."""
    output = standard_output()
    provider = decoded(provider or "") or None
    wanted = decoded(match or "").casefold()
    from .asking import remarks

    with open_client(config, provider) as client:
        response = client.models(provider, timeout=timeout)
    for remark in remarks(response):
        say(remark)
    found = [model for model in response.models if wanted in f"{model.id}\n{model.name or ''}".casefold()]
    if as_json:
        output.write_json(
            {
                "provider": response.provider,
                "models": [{name: getattr(model, name) for name in FIELDS} for model in found],
            }
        )
    elif found:
        write_table(output, ("id", "owner", "created", "context", "name"), map(_row, found))
    else:
        say(f"no model of {response.provider} matches" if response.models else f"{response.provider} lists no models")
    return 0 if found else 1


def _row(model: ModelInfo) -> tuple[str, ...]:
    return (
        model.id,
        model.owner or "",
        _date(model.created),
        "" if model.context_length is None else str(model.context_length),
        model.name or "",
    )


def _date(created: Any) -> str:
    with suppress(ValueError, OverflowError, OSError, TypeError):  # a provider may say anything
        return datetime.fromtimestamp(created, UTC).date().isoformat()
    return ""

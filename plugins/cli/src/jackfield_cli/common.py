"""What the commands share: options, the exit statuses, the configuration and the client that they open."""

from __future__ import annotations

import math
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from .terminal import Output, say

if TYPE_CHECKING:
    from jackfield import Client
    from jackfield.config import Config

__all__ = ["EPILOG", "allowed_plugins", "config_option", "finite", "json_option", "load_config", "max_tokens_option"]
__all__ += ["model_names", "model_option", "open_client", "standard_output", "temperature_option", "timeout_option"]

EPILOG: Final = """\b
Exit status:
  0    it worked
  1    the call or a check failed, the model refused, or nothing came
  2    wrong use, or wrong configuration
  130  interrupted with Ctrl-C
  141  whoever read the output went away
"""
ALLOW: Final = "JACKFIELD_ALLOW_PLUGINS"
MOCK: Final = (
    "nothing is configured, so this is the mock provider, which only echoes. To ask a real one, set OPENAI_API_KEY "
    "in the environment or in .env.local, write a jackfield.toml, or name a model with -m provider:model"
)


def finite(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """Refuse what is no number; click's ranges let it pass.

    Raises:
        BadParameter: the value is NaN.
    """
    if value is not None and math.isnan(value):
        raise click.BadParameter("expected a number of seconds")
    return value


config_option = click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The configuration to use, instead of the one that is found.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
model_option = click.option(
    "-m", "--model", metavar="MODEL", help="provider:model, or an alias from the configuration."
)
temperature_option = click.option(
    "-t", "--temperature", metavar="NUMBER", type=click.FloatRange(0, 2), help="0 is the least random."
)
max_tokens_option = click.option(
    "--max-tokens", metavar="NUMBER", type=click.IntRange(1), help="The most tokens that the reply may have."
)
timeout_option = click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0, 86_400, min_open=True),
    callback=finite,
    help="How long the whole call may take.",
)


def standard_output() -> Output:
    """Standard output.

    Raises:
        UsageError: it is closed.
    """
    if sys.stdout is None:
        raise click.UsageError("standard output is closed")
    return Output(sys.stdout)


def load_config(config: Path | None) -> Config:
    """The configuration of this file, or the one that is found.

    Raises:
        ConfigurationError: it cannot be read, or is wrong.
    """
    from jackfield.config import load

    return load(config)


def allowed_plugins(config: Path | None) -> tuple[str, ...] | None:
    """The distributions whose plugins may be loaded, None for all; the rest of the configuration may be wrong.

    Raises:
        ConfigurationError: it cannot be told.
    """
    from attrs import evolve

    from jackfield.config import Environment, find_document, read_document, read_environment

    document = find_document(config)
    table = document.table if isinstance(document.table, dict) else {}
    layers = read_environment(Path.cwd()).layers
    alone = Environment(tuple((source, {ALLOW: found.get(ALLOW)}) for source, found in layers))
    written = {key: value for key, value in table.items() if key == "allow_plugins"}
    return read_document(evolve(document, table=written), alone).allow_plugins


def model_names(config: Path | None) -> list[str]:
    """What `-m` can be without a model's own name: the aliases and the providers of a configuration."""
    from jackfield.registry import Registry

    loaded = load_config(config)
    return sorted({*loaded.models, *loaded.providers, *Registry(allow=loaded.allow_plugins).names("provider")})


def open_client(config: Path | None, model: str | None) -> Client:
    """The client of the configuration, or of the mock where there is none and no model was named.

    Raises:
        ConfigurationError: the configuration cannot work.
        PluginError: a plugin cannot be loaded.
    """
    from attrs import evolve

    from jackfield import Client
    from jackfield.errors import NothingConfiguredError, UnsupportedWarning
    from jackfield.registry import Registry

    # what was left out is told from the reply, in a line of its own
    warnings.simplefilter("ignore", UnsupportedWarning)
    loaded = load_config(config)
    try:
        return Client(loaded)
    except NothingConfiguredError:
        if not model and "mock" not in Registry(allow=loaded.allow_plugins).names("provider"):
            raise
    # a file that names no provider may still hold settings of other kinds
    client = Client(evolve(loaded, default=model or "mock"))
    if not model:
        say(MOCK)
    return client

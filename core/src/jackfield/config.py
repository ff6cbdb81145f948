"""Reads the configuration: a TOML file, or a dictionary, and the environment with `.env.local` and `.env`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias, get_args

from attrs import evolve, field, frozen

from .call import Timeouts
from .engine import EngineName, NetworkOptions
from .errors import ConfigurationError
from .operations import Unsupported
from .settings import check_keys, shown, structure

__all__ = ["Alias", "Config", "ConfigLike", "Environment", "Sourced", "load"]

DICTIONARY: Final = "config"
NO_FILE: Final = "no file"
STEERING: Final = ("proxy", "ca", "client_certificate", "client_key", "client_key_password")
KEYS: Final = ("default", "models", "providers", "middleware", "engine", "timeouts", "network")


@frozen
class Sourced:
    """A variable, and the place that it comes from."""

    name: str
    value: str = field(repr=False)
    source: str


@frozen
class Environment:
    """Variables, from the strongest source to the weakest. What is empty counts as unset."""

    layers: tuple[tuple[str, Mapping[str, str | None]], ...] = field(repr=False)

    def get(self, name: str) -> Sourced | None:
        """A variable and where it was found."""
        for source, variables in self.layers:
            if value := variables.get(name):
                return Sourced(name, value, source)
        return None


@frozen
class Alias:
    """A name for a target, with settings for the requests that use it."""

    target: str
    settings: Mapping[str, Any] = field(factory=dict)


@frozen
class Config:
    """What was configured, checked as far as that is possible without loading a plugin.

    Attributes:
        source: the file that it was read from, or what else it is.
        trusted: whether the program named it, rather than the library finding it in the working folder.
        environment: the variables to fill the gaps with.
        default: the model to use where a request names none.
        models: aliases.
        providers: the table of each provider instance, as it was written.
        middleware: the table of each middleware, as it was written.
        engine: which HTTP library to use.
        timeouts: bounds in time.
        network: how requests leave this machine.
        unsupported: what becomes of a field that a provider cannot carry.
    """

    source: str
    trusted: bool
    environment: Environment
    default: str | None = None
    models: Mapping[str, Alias] = field(factory=dict)
    providers: Mapping[str, Mapping[str, Any]] = field(factory=dict, repr=False)
    middleware: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    engine: EngineName = "auto"
    timeouts: Timeouts = field(factory=Timeouts)
    network: NetworkOptions = field(factory=NetworkOptions)
    unsupported: Unsupported = "error"

    @property
    def prefix(self) -> str:
        """What stands before a key in an error, so that it says where the key was written."""
        return {DICTIONARY: "config.", NO_FILE: ""}.get(self.source, f"{self.source}: ")

    @property
    def empty(self) -> bool:
        """Whether nothing was configured at all."""
        return self.source != DICTIONARY and not (self.default or self.models or self.providers)

    def variable(self, value: Any, where: str) -> Sourced | None:
        """The variable that a value of a table refers to by `{ env = "NAME" }`, or None where it does not.

        Raises:
            ConfigurationError: the variable is not set.
        """
        if not (isinstance(value, Mapping) and value.keys() == {"env"}):
            return None
        name = value["env"]
        if not (isinstance(name, str) and name.isidentifier()):
            # not quoted: it may be the key itself, put in the place of its variable's name
            raise ConfigurationError(f"{where}: env: expected the name of an environment variable")
        found = self.environment.get(name)
        if found is None:
            raise ConfigurationError(f"{where}: the environment variable {name} is not set")
        return found


ConfigLike: TypeAlias = str | os.PathLike[str] | Mapping[str, Any] | Config | None


def load(config: ConfigLike = None, folder: Path | None = None) -> Config:
    """Find and read the configuration.

    Args:
        config: a file, or a dictionary in its place, with which no file is read, or what was loaded already.
            None looks at `JACKFIELD_CONFIG`, then for `jackfield.toml`, then for `[tool.jackfield]` in
            `pyproject.toml`.
        folder: where to look for these and for `.env.local` and `.env`; the working folder by default.

    Raises:
        ConfigurationError: names the file, the key, the value and what would be right.
    """
    if isinstance(config, Config):
        return config
    folder = folder or Path.cwd()
    if isinstance(config, Mapping):
        return _read(config, DICTIONARY, trusted=True, environment=Environment((("the environment", os.environ),)))
    dotenv = ((name, _dotenv(folder / name)) for name in (".env.local", ".env"))
    environment = Environment((("the environment", os.environ), *dotenv))
    named = config or os.environ.get("JACKFIELD_CONFIG")
    if named:
        return _read(_table(Path(named)), str(named), trusted=True, environment=environment)
    for name in ("jackfield.toml", "pyproject.toml"):
        if (folder / name).is_file():
            table = _table(folder / name)
            if table is not None:
                return _read(table, name, trusted=False, environment=environment)
    return _read({}, NO_FILE, trusted=True, environment=environment)


def _dotenv(path: Path) -> Mapping[str, str | None]:
    if not path.is_file():
        return {}
    from dotenv.parser import parse_stream

    found: dict[str, str | None] = {}
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line in parse_stream(file):
                if line.error:
                    raise ConfigurationError(f"{path.name}, line {line.original.line}: expected NAME=value")
                if line.key is not None:
                    found[line.key] = line.value
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name}: cannot be read: {type(error).__name__}") from None
    return found


def _table(path: Path) -> Mapping[str, Any] | None:
    import tomllib

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from None
    if path.name == "pyproject.toml":
        tools = table.get("tool")
        found: Mapping[str, Any] | None = tools.get("jackfield") if isinstance(tools, Mapping) else None
        return found
    return table


def _read(raw: Mapping[str, Any] | None, source: str, *, trusted: bool, environment: Environment) -> Config:
    empty = Config(source, trusted, environment)
    at = empty.prefix
    table = check_keys({} if raw is None else raw, KEYS, at)
    engine = table.get("engine", "auto")
    if engine not in get_args(EngineName):
        raise ConfigurationError(f"{at}engine: expected one of {', '.join(get_args(EngineName))}, got {engine!r}")
    written = _text(table.get("default"), f"{at}default")
    ambient = environment.get("JACKFIELD_DEFAULT")
    # an argument of the program wins over the variable, a file does not
    default = written if ambient is None or (written and source == DICTIONARY) else ambient.value
    return evolve(
        empty,
        default=default,
        models={
            name: _alias(name, value, f"{at}models.{name}") for name, value in _tables(table, "models", at).items()
        },
        providers={
            name: _instance(value, f"{at}providers.{name}") for name, value in _tables(table, "providers", at).items()
        },
        middleware=_middleware(table.get("middleware", ()), f"{at}middleware"),
        engine=engine,
        timeouts=structure(Timeouts, table.get("timeouts", {}), f"{at}timeouts"),
        network=_network(_tables(table, "network", at), empty),
    )


def _network(table: Mapping[str, Any], config: Config) -> NetworkOptions:
    where = f"{config.prefix}network"
    for key in table:
        if not config.trusted and key in STEERING:
            raise ConfigurationError(
                f"{where}.{key}: this file was merely found, and may not say by whom requests pass and whom to trust; "
                "name the configuration file yourself (config=..., --config or JACKFIELD_CONFIG)"
            )
    values = {
        key: found.value if (found := config.variable(value, f"{where}.{key}")) else value
        for key, value in table.items()
    }
    return structure(NetworkOptions, values, where)


def _middleware(value: Any, where: str) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        raise ConfigurationError(f"{where}: expected [[middleware]] tables, got {shown(value)}")
    for index, item in enumerate(value):
        if not isinstance(item.get("use"), str):
            raise ConfigurationError(f"{where}[{index}].use: missing; expected the name of a plugin")
    return tuple(value)


def _tables(table: Mapping[str, Any], key: str, at: str) -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{at}{key}: expected a table, got {shown(value)}")
    return value


def _text(value: object, where: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ConfigurationError(f"{where}: expected text, got {shown(value)}")
    return value


def _alias(name: str, value: object, where: str) -> Alias:
    if ":" in name:
        raise ConfigurationError(f"{where}: an alias has no colon, so that it cannot stand in for a 'provider:model'")
    if isinstance(value, str):
        return Alias(value)
    if isinstance(value, Mapping) and isinstance(value.get("target"), str):
        return Alias(value["target"], {key: item for key, item in value.items() if key != "target"})
    if isinstance(value, list | tuple):
        raise ConfigurationError(f"{where}: a list of targets needs a fallback middleware, and there is none yet")
    raise ConfigurationError(f"{where}: expected 'provider:model' or a table with a target, got {shown(value)}")


def _instance(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{where}: expected a table, got {shown(value)}")
    _text(value.get("plugin"), f"{where}.plugin")
    return value

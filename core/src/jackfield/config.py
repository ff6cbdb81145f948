"""Reads the configuration: a TOML file, or a dictionary, and the environment with `.env.local` and `.env`."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from attrs import evolve, field, fields, frozen

from .call import Timeouts
from .configuration.place import DICTIONARY, NO_FILE, Document, Place, Sourced
from .configuration.trust import state_folder, trust, untrust
from .configuration.variables import Environment, overlay, read_environment
from .engine import EngineName
from .errors import ConfigurationError
from .settings import Written, examine, meant, read, shown, unknown_keys

if TYPE_CHECKING:
    from .configuration.explain import Explanation as Explanation
    from .configuration.explain import Link as Link
    from .configuration.explain import Row as Row
    from .errors import JackfieldError
    from .registry import Registry

__all__ = [
    "Alias",
    "Config",
    "ConfigLike",
    "Environment",
    "Explanation",
    "Link",
    "Place",
    "Row",
    "Sourced",
    "Unsupported",
    "check",
    "demands",
    "explain",
    "find",
    "load",
    "schema",
    "starter",
    "state_folder",
    "trust",
    "untrust",
]

Unsupported: TypeAlias = Literal["error", "warn", "drop"]
"""What becomes of a field of a request that a provider or model cannot carry."""

FILES: Final = ("jackfield.toml", "pyproject.toml")
# the keys of a configuration; of those tables whose keys are fixed, these too
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "default": (),
    "engine": (),
    "unsupported": (),
    "models": (),
    "providers": (),
    "middleware": (),
    "timeouts": tuple(one.alias for one in fields(Timeouts)),
}


@frozen
class Alias:
    """A name for a target, or for several to be tried in this order, with settings for the requests that use it."""

    targets: tuple[str, ...]
    settings: Mapping[str, Any] = field(factory=dict)

    @property
    def target(self) -> str:
        """The first target."""
        return self.targets[0]


@frozen
class Config:
    """What was configured, checked as far as that is possible without loading a plugin.

    Attributes:
        document: what it was read from.
        environment: the variables to fill the gaps with.
        default: the model to use where a request names none.
        models: aliases.
        providers: the table of each provider instance, as it was written.
        middleware: the table of each middleware, as it was written.
        engine: which HTTP library to use.
        unsupported: what becomes of a field of a request that cannot be carried.
        timeouts: bounds in time.
    """

    document: Document
    environment: Environment
    default: str | None = None
    models: Mapping[str, Alias] = field(factory=dict)
    providers: Mapping[str, Mapping[str, Any]] = field(factory=dict, repr=False)
    middleware: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    engine: EngineName = "auto"
    unsupported: Unsupported = "error"
    timeouts: Timeouts = field(factory=Timeouts)

    @property
    def source(self) -> str:
        """The file that it was read from, or what else it is."""
        return self.document.name

    @property
    def trusted(self) -> bool:
        """Whether the program named it, or its user trusted it: else it was merely found in the working folder."""
        return self.document.distrust is None

    @property
    def empty(self) -> bool:
        """Whether nothing was configured at all."""
        return self.source != DICTIONARY and not (self.default or self.models or self.providers)

    def place(self, *path: str | int) -> Place:
        """Where a value was written. Its text, as in `jackfield.toml, line 7: timeouts.total`, begins an error."""
        return Place(self.document, path)

    def variable(self, value: Any, where: Place) -> Sourced | None:
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
        ConfigurationError: names the file, the line, the key, the value and what would be right.
    """
    loaded, problems = examined(config, folder)
    if problems:
        raise problems[0]
    return loaded


def find(folder: Path | None = None) -> Path | None:
    """The file that `load` reads where it is given none.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    if named := os.environ.get("JACKFIELD_CONFIG"):
        return Path(named)
    folder = folder or Path.cwd()
    found = (folder / name for name in FILES if (folder / name).is_file())
    return next((path for path in found if path.name != FILES[1] or _table(path, None)[1] is not None), None)


def explain(config: ConfigLike = None, *, folder: Path | None = None, registry: Registry | None = None) -> Explanation:
    """Show each value with its origin, secrets masked, and the chain of middleware. Loads the plugins it names.

    Raises:
        ConfigurationError: the configuration is wrong; `check` tells everything that is.
        PluginError: a plugin cannot be loaded.
    """
    from .configuration.explain import explained

    return explained(load(config, folder), registry)


def check(
    config: ConfigLike = None, *, folder: Path | None = None, registry: Registry | None = None
) -> list[JackfieldError]:
    """Everything that is wrong with a configuration, in the order of its lines. Makes all that it names."""
    from .configuration.check import checked

    return checked(*examined(config, folder), registry)


def demands(path: str | os.PathLike[str], registry: Registry | None = None) -> list[str]:
    """What a file may do only if it is trusted: the keys that it would send elsewhere, the variables that it names."""
    from .configuration.check import demanded

    return demanded(Path(path), registry)


def schema(registry: Registry | None = None) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `jackfield.toml`, with the settings of every plugin that is installed."""
    from .configuration.document import document_schema

    return document_schema(registry)


def starter() -> str:
    """The text of a `jackfield.toml` to begin with: every key, commented out."""
    from .configuration.starter import STARTER

    return STARTER


def examined(config: ConfigLike, folder: Path | None) -> tuple[Config, list[ConfigurationError]]:
    """Read a configuration as far as it can be read, and give all that is wrong with it.

    Raises:
        ConfigurationError: there is nothing that could be read.
    """
    if isinstance(config, Config):
        return config, []
    folder = folder or Path.cwd()
    if isinstance(config, Mapping):
        return _read(config, Document(DICTIONARY), read_environment(None))
    environment = read_environment(folder)
    named = config or os.environ.get("JACKFIELD_CONFIG")
    if named:
        document, table = _table(Path(named), str(named))
        return _read({} if table is None else table, document, environment)
    for name in FILES:
        if (folder / name).is_file():
            document, table = _table(folder / name, None)
            if table is not None:
                return _read(table, document, environment)
    return _read({}, Document(NO_FILE), environment)


def __getattr__(name: str) -> Any:
    if name in {"Explanation", "Link", "Row"}:
        from .configuration import explain

        return getattr(explain, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _table(path: Path, name: str | None) -> tuple[Document, Any]:
    """A file, and the table in it; None where a pyproject.toml has none. `name` is how the program named it."""
    called = name or path.name
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
        table: Any = tomllib.loads(text)
    except OSError as error:
        raise ConfigurationError(f"{called}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{called}, line {line}: not valid TOML: this is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(called, str(error), text) from None
    except RecursionError:
        raise ConfigurationError(f"{called}: not valid TOML: it is nested too deeply") from None
    project = path.name == FILES[1]
    document = Document(
        called, text, ("tool", "jackfield") if project else (), found=None if name else path, content=content
    )
    for key in document.root:
        table = table.get(key) if isinstance(table, Mapping) else None
    return document, table


def _not_toml(called: str, message: str, text: str) -> ConfigurationError:
    what, at, place = message.partition(" (at ")
    where = re.match(r"line (\d+), (column \d+)", place)
    line = where[1] if where else text.count("\n") + 1
    return ConfigurationError(f"{called}, line {line}: not valid TOML: {what}{f' ({where[2]})' if where else ''}")


def _read(raw: Any, document: Document, environment: Environment) -> tuple[Config, list[ConfigurationError]]:
    here = Place(document)
    problems: list[ConfigurationError] = []
    if not isinstance(raw, Mapping):
        return Config(document, environment), [ConfigurationError(f"{here}: expected a table, got {shown(raw)}")]
    table: Mapping[str, Any] = raw
    if variables := environment.ours():
        # an argument of the program wins over a variable, a file does not
        table, document.variables, problems = overlay(raw, variables, KEYS, fill=document.name == DICTIONARY)
    document.table = table
    problems += unknown_keys(table, KEYS, here)
    given = {
        name: read(table[name], kind, here / name, problems)
        for name, kind in (("default", str), ("engine", EngineName), ("unsupported", Unsupported))
        if table.get(name) is not None
    }
    made = Config(
        document,
        environment,
        models={
            name: alias
            for name, value in _tables(table, "models", here, problems).items()
            if (alias := _alias(name, value, here / "models" / name, problems))
        },
        providers={
            name: value
            for name, value in _tables(table, "providers", here, problems).items()
            if _is_instance(value, here / "providers" / name, problems)
        },
        middleware=_middleware(_given(table, "middleware", ()), here / "middleware", problems),
        timeouts=examine(Timeouts, _given(table, "timeouts", {}), here / "timeouts", problems) or Timeouts(),
    )
    return evolve(made, **{name: value for name, value in given.items() if value is not None}), problems


def _given(table: Mapping[str, Any], key: str, otherwise: Any) -> Any:
    return otherwise if table.get(key) is None else table[key]


def _middleware(value: Any, where: Place, problems: list[ConfigurationError]) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
        problems.append(ConfigurationError(f"{where}: expected [[middleware]] tables, got {shown(value)}"))
        return ()
    for index, item in enumerate(value):
        if not isinstance(item.get("use"), str):
            problems.append(ConfigurationError(f"{where / index / 'use'}: missing; expected the name of a plugin"))
    return tuple(value)


def _tables(table: Mapping[str, Any], key: str, where: Place, problems: list[ConfigurationError]) -> Mapping[str, Any]:
    value = _given(table, key, {})
    if isinstance(value, Mapping):
        return value
    problems.append(ConfigurationError(f"{where / key}: expected a table, got {shown(value)}"))
    return {}


def _alias(name: str, value: object, where: Place, problems: list[ConfigurationError]) -> Alias | None:
    wrong = "expected 'provider:model', a list of them, or a table with a target"
    settings: Mapping[str, Any] = {}
    targets = value
    if isinstance(value, Mapping):
        targets = value.get("target")
        settings = {
            key: meant(item) if isinstance(item, Written) else item for key, item in value.items() if key != "target"
        }
    listed = targets if isinstance(targets, list | tuple) else [targets]
    if ":" in name:
        wrong = "an alias has no colon, so that it cannot stand in for a 'provider:model'"
    elif listed and all(isinstance(one, str) for one in listed):
        return Alias(tuple(str(one) for one in listed), settings)
    else:
        wrong += f", got {shown(value)}"
    problems.append(ConfigurationError(f"{where}: {wrong}"))
    return None


def _is_instance(value: object, where: Place, problems: list[ConfigurationError]) -> bool:
    if not isinstance(value, Mapping):
        problems.append(ConfigurationError(f"{where}: expected a table, got {shown(value)}"))
        return False
    plugin = value.get("plugin")
    if plugin is not None and not isinstance(plugin, str):
        problems.append(ConfigurationError(f"{where / 'plugin'}: expected text, got {shown(plugin)}"))
    return True

"""Reads the configuration: a TOML file, or a dictionary, and the environment with `.env.local` and `.env`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen

from .call import Timeouts
from .configuration import DICTIONARY, NO_FILE, Document, Place, Sourced, state_folder, trust_record
from .engine import EngineName, NetworkOptions
from .errors import ConfigurationError
from .middleware import SlotName
from .operations import Unsupported
from .settings import PROCESS, Environment, Written, check_keys, meant, overlay, read, read_environment, shown

# fmt: off
__all__ = ["Alias", "Config", "ConfigLike", "Document", "Environment", "NetworkOptions", "Place", "Sourced"]
__all__ += ["find_document", "load", "read_document", "read_environment", "state_folder", "trust_record"]
# fmt: on

FILES: Final = ("jackfield.toml", "pyproject.toml")
STEERING: Final = ("proxy", "ca", "client_certificate", "client_key", "client_key_password")
KEYS: Final[Mapping[str, Any]] = {
    "default": str,
    "models": Mapping[str, Any],
    "providers": Mapping[str, Mapping[str, Any]],
    "middleware": Sequence[Mapping[str, Any]],
    "slots": Sequence[SlotName],
    "allow_plugins": Sequence[str],
    "engine": EngineName,
    "timeouts": Timeouts,
    "network": NetworkOptions,
    "unsupported": Unsupported,
}


@frozen
class Alias:
    """A name for a target, or for several to be tried in this order, with settings for the requests that use it."""

    targets: tuple[str, ...]
    settings: Mapping[str, Any] = field(factory=dict, repr=False)


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
        slots: those of the middleware that change places, from the outside in.
        allow_plugins: the distributions whose plugins may be loaded; None allows all.
        engine: which HTTP library to use.
        timeouts: bounds in time.
        network: how requests leave this machine.
        unsupported: what becomes of a field that a provider cannot carry.
    """

    document: Document
    environment: Environment
    default: str | None = None
    models: Mapping[str, Alias] = field(factory=dict)
    providers: Mapping[str, Mapping[str, Any]] = field(factory=dict, repr=False)
    middleware: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    slots: tuple[SlotName, ...] = ()
    allow_plugins: tuple[str, ...] | None = None
    engine: EngineName = "auto"
    timeouts: Timeouts = field(factory=Timeouts)
    network: NetworkOptions = field(factory=NetworkOptions)
    unsupported: Unsupported = "error"

    @property
    def source(self) -> str:
        """The file that it was read from, or what else it is."""
        return self.document.name

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
            raise where.error("env: expected the name of an environment variable")
        found = self.environment.get(name)
        if found is None:
            raise where.error(f"the environment variable {name} is not set")
        return found

    def steered(self, key: str, value: Any) -> Any:
        """A value of the table `network`. Only who is trusted may say by whom requests pass, and whom to trust.

        Raises:
            ConfigurationError: a variable is not set; an `UntrustedError` where the file is not trusted.
        """
        place = self.place("network", key)
        referred = self.variable(value, place)
        variable, steers = place.variable, "this says by whom requests pass or whom to trust"
        if key in STEERING and variable and variable.source != PROCESS:
            raise place.error(f"{steers}, and {variable.source} was merely found; set it in {PROCESS}")
        if key in STEERING and not variable and self.document.distrust:
            raise place.untrusted(steers)
        return referred.value if referred else value


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
    if isinstance(config, Config):
        return config
    is_table = isinstance(config, Mapping)
    return read_document(find_document(config, folder), read_environment(None if is_table else folder or Path.cwd()))


def find_document(
    config: str | os.PathLike[str] | Mapping[str, Any] | None = None, folder: Path | None = None
) -> Document:
    """Find and read what `load` reads, without looking at what it says.

    Raises:
        ConfigurationError: a file cannot be read, or is not TOML.
    """
    if isinstance(config, Mapping):
        return Document(DICTIONARY, config)
    if named := config or os.environ.get("JACKFIELD_CONFIG"):
        document = _file(Path(named), str(named))
        document.table = {} if document.table is None else document.table
        return document
    for name in FILES:
        path = (folder or Path.cwd()) / name
        if path.is_file() and (document := _file(path, name)).table is not None:
            document.found = path
            return document
    return Document(NO_FILE)


def _file(path: Path, name: str) -> Document:
    """Read a file. Its table is None where a pyproject.toml has none."""
    import tomllib

    content = b""
    try:
        content = path.read_bytes()
        table: Any = tomllib.loads(content.decode("utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        # what the reader says ends in the line and the column
        why = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise ConfigurationError(f"{name}: not valid TOML: {why}") from None
    root = ("tool", "jackfield") if path.name == FILES[1] else ()
    for key in root:
        table = table.get(key) if isinstance(table, Mapping) else None
    return Document(name, table, content, root)


def read_document(document: Document, environment: Environment) -> Config:
    """Read what a document says, and what variables say in its place.

    Raises:
        ConfigurationError: names the file, the line, the key, the value and what would be right.
    """
    here = Place(document)
    check_keys(document.table, KEYS, here)
    if variables := environment.ours():
        # an argument of the program wins over a variable, a file does not
        overlay(document, variables, KEYS, fill=document.name == DICTIONARY)
    config = Config(document, environment)
    table = {key: value for key, value in document.table.items() if value is not None}
    network = table.get("network")
    # a variable may hold the whole table as text
    if isinstance(network := meant(network) if isinstance(network, Written) else network, Mapping):
        table["network"] = {key: config.steered(key, value) for key, value in network.items()}
    if isinstance(table.get("middleware"), Mapping):
        raise (here / "middleware").error("expected tables, each under [[middleware]], got one [middleware]")
    found = {key: read(value, KEYS[key], here / key) for key, value in table.items()}
    if (variable := (here / "allow_plugins").variable) and variable.source != PROCESS:
        raise (here / "allow_plugins").error(f"{variable.source} was merely found; set this in {PROCESS}")
    for kind, what in (("models", "an alias"), ("providers", "a provider")):
        if name := next((one for one in found.get(kind, ()) if ":" in one), None):
            raise (here / kind / name).error(f"{what} has no colon, so that it cannot stand in for a 'provider:model'")
    if len(slots := found.get("slots", ())) > len(set(slots)):
        raise (here / "slots").error("a slot stands here twice")
    models = {name: _alias(value, here / "models" / name) for name, value in found.pop("models", {}).items()}
    return evolve(config, models=models, **found)


def _alias(value: object, where: Place) -> Alias:
    settings = dict(value) if isinstance(value, Mapping) else {"target": value}
    targets = settings.pop("target", None)
    targets = targets if isinstance(targets, list | tuple) else [targets]
    if not targets or not all(isinstance(one, str) for one in targets):
        raise where.error(f"expected 'provider:model', a list of them, or a table with a target, got {shown(value)}")
    typed = {key: meant(item) if isinstance(item, Written) else item for key, item in settings.items()}
    return Alias(tuple(map(str, targets)), typed)

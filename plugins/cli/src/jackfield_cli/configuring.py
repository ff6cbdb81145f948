"""What can be asked about a configuration: where it is, what it says, what is wrong with it, and who trusts it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from jackfield.config import Config, ConfigLike, find_document, load, read_environment, trust_record
from jackfield.errors import ConfigurationError, UntrustedError
from jackfield.registry import Plugins, Registry

from .common import allowed_plugins

if TYPE_CHECKING:
    from .checking import Report
    from .explaining import Explanation

__all__ = ["check", "demands", "explain", "find", "hidden", "schema", "starter", "trust"]
__all__ += ["untrust"]


FILE: Final = "jackfield.toml"


def find(folder: Path | None = None) -> Path | None:
    """The file that is read where none is named.

    Raises:
        ConfigurationError: a file cannot be read.
    """
    if named := os.environ.get("JACKFIELD_CONFIG"):
        return Path(named)
    return find_document(None, folder).found


def hidden(path: Path) -> bool:
    """Whether a file, once it is there, would hide the table `[tool.jackfield]` of the pyproject.toml beside it."""
    if path.name != FILE:
        return False
    with suppress(ConfigurationError):  # what cannot be read is no configuration now
        return bool(find_document(path.with_name("pyproject.toml")).table)
    return False


def explain(config: ConfigLike = None, *, folder: Path | None = None, plugins: Plugins | None = None) -> Explanation:
    """Each value with its origin, secrets masked, and the chain of middleware. Makes the middleware.

    Raises:
        ConfigurationError: the configuration is wrong; `check` tells everything that is.
        PluginError: a plugin cannot be loaded.
    """
    from .explaining import explained

    loaded = load(config, folder)
    return explained(loaded, Registry(plugins, loaded.allow_plugins))


def check(config: ConfigLike = None, *, folder: Path | None = None, plugins: Plugins | None = None) -> Report:
    """Everything that is wrong with a configuration, and what is left of it. Makes all that a client would use."""
    from .checking import Checker, Report

    try:
        if isinstance(config, Config):
            document, environment = config.document, config.environment
        else:
            document = find_document(config, folder)
            environment = read_environment(None if document.name == "config" else folder or Path.cwd())
    except ConfigurationError as error:
        return Report((error,))
    return Checker(document, environment, plugins).report()


def demands(path: str | os.PathLike[str], plugins: Plugins | None = None) -> list[str]:
    """What a file may do only if it is trusted: keys that it would send elsewhere, variables that it names.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    from .checking import Checker

    file = Path(path)
    # a path below a file, which nobody can have trusted
    document = evolve(find_document(file), found=file / "untrusted")
    found = Checker(document, read_environment(file.parent), plugins).report().problems
    advice = f", and {document.name} was merely found"
    return [str(error).partition(advice)[0] for error in found if isinstance(error, UntrustedError)]


def schema(plugins: Plugins | None = None) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the file, with the settings of every plugin that is installed and allowed.

    Raises:
        PluginError: `jackfield-schema` is not installed.
    """
    from .editor_schema import document_schema

    return document_schema(Registry(plugins, allowed_plugins(None)))


def starter() -> str:
    """The text of a `jackfield.toml` to begin with, every setting commented out."""
    from .starter import STARTER

    return STARTER


def trust(path: str | os.PathLike[str]) -> str:
    """Trust a file as it is now: keys may go where it says, though it was merely found. Any change ends this.

    Returns:
        The SHA-256 of its content.

    Raises:
        ConfigurationError: the file cannot be read, or the record cannot be written.
    """
    file = Path(path)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    record, line = trust_record(file, content)
    try:
        # `parents=True` would give the outer ones whatever mode is usual here, and who can write there can trust
        for folder in [*reversed(record.parent.parents), record.parent]:
            folder.mkdir(mode=0o700, exist_ok=True)
        _replace(record, line)
    except OSError as error:
        raise ConfigurationError(f"{record}: cannot be written: {error.strerror}") from None
    return line[:64].decode()


def _replace(file: Path, content: bytes) -> None:
    """Write a file that nobody ever sees half written, and that only its owner may read."""
    handle, name = mkstemp(dir=file.parent)  # of mode 0600
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def untrust(path: str | os.PathLike[str]) -> bool:
    """Take the trust back. Gives whether there was any.

    Raises:
        ConfigurationError: the record cannot be removed.
    """
    record, _ = trust_record(Path(path), b"")
    try:
        record.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(f"{record}: cannot be removed: {error.strerror}") from None
    return True

"""Makes the store that the settings name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jackfield import Secret
from jackfield.config import load
from jackfield.errors import ConfigurationError
from jackfield.registry import Registry
from jackfield.settings import structure

from ._settings import CacheSettings
from ._store import Store
from .memory import MemorySettings, MemoryStore

__all__ = ["make_store"]


def make_store(settings: CacheSettings, registry: Registry | None = None) -> Store:
    """The store of these settings, of the plugins of this registry; without one, of whatever the environment allows.

    Raises:
        ConfigurationError: there is no such store, or its settings are wrong.
        PluginError: its plugin cannot be loaded, or makes something that is no store.
    """
    wanted = settings.store
    if isinstance(wanted, str):
        wanted = {"use": wanted}
    if isinstance(wanted, Mapping):
        return _named(wanted, settings.url, registry or Registry(allow=load({}).allow_plugins))
    if settings.url is not None:
        raise ConfigurationError("url: a store that is given whole has its own")
    return _checked(wanted, f"a {type(wanted).__name__}")


def _named(table: Mapping[str, Any], url: Secret | None, registry: Registry) -> Store:
    own = {key: value for key, value in table.items() if key != "use"}
    name = table.get("use")
    if not isinstance(name, str):
        raise ConfigurationError("store.use: missing; expected the name of a store")
    if url is not None:
        if "url" in own:
            raise ConfigurationError("store.url: `url` stands beside `store` as well; write one of them")
        own["url"] = url
    try:
        if name == "memory":  # in hand: no other plugin is looked for
            return MemoryStore(structure(MemorySettings, own, "store"))
        made = registry.make("store", name, name, own, "store")
    except ConfigurationError as error:
        # where the store stands in the configuration is for others to say, who know
        raise ConfigurationError(error.message) from None
    return _checked(made, f"plugin {name!r} made something that")


def _checked(made: Any, what: str) -> Store:
    if not isinstance(made, Store) or isinstance(made, type):
        names = [name for name in dir(Store) if not name.startswith("_")]
        lacks = ", ".join(name for name in names if not hasattr(made, name)) or "an instance"
        raise ConfigurationError(f"store: {what} is no store: it lacks {lacks}")
    return made

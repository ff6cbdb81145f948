"""Finds plugins by entry-point name and loads only those that are named. Loading is trust, not a sandbox."""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import cached_property
from types import ModuleType
from typing import Any, Final, Literal, TypeAlias, cast

import pluggy

from . import hooks
from .configuration import Document, Place
from .doors import Brought, allowed, chosen, installed, load
from .errors import ConfigurationError, JackfieldError, PluginError
from .operations import CHAT, COMPLETE, EMBED, MODEL, MODELS, Operation
from .settings import nearest, structure

__all__ = ["Kind", "Plugins", "Registry"]

Kind: TypeAlias = Literal["provider", "middleware", "store"]
Plugins: TypeAlias = Mapping[Kind, Mapping[str, object]]
"""Plugins that are not installed: modules or objects with hook implementations, by kind and name."""

GROUPS: Final[Mapping[Kind, str]] = {"provider": "providers", "middleware": "middleware", "store": "stores"}
OPERATIONS: Final = (CHAT, COMPLETE, EMBED, MODELS, MODEL)


class Registry:
    """The plugins that one client uses.

    `plugins` adds to those that are installed: modules or objects with hook implementations, by kind and name:
    `{"provider": {"acme": acme_module}}`. Of those that are installed, only the distributions that `allow` names are
    loaded; None allows all.
    """

    def __init__(self, plugins: Plugins | None = None, allow: Container[str] | None = None) -> None:
        self._given = plugins or {}
        for kind in self._given.keys() - GROUPS:
            raise ConfigurationError(f"plugins.{kind}: no such kind of plugin; {nearest(kind, GROUPS)}")
        self._allow = allow
        self._manager = pluggy.PluginManager("jackfield")
        self._manager.add_hookspecs(hooks)
        self._loaded: dict[tuple[Kind, str], object] = {}
        self.operations: dict[str, Operation[Any, Any]] = {one.name: one for one in OPERATIONS}

    @cached_property
    def _installed(self) -> Mapping[str, Mapping[str, Brought]]:
        return installed()

    def names(self, kind: Kind, *, every: bool = False) -> frozenset[str]:
        """The names of the plugins of a kind that may be loaded, or of every one; imports none."""
        fit = (name for name, found in self._installed[GROUPS[kind]].items() if every or allowed(found, self._allow))
        return frozenset(fit) | frozenset(self._given.get(kind, ()))

    def origin(self, kind: Kind, name: str) -> object:
        """What tells a plugin from others of its name: where it was installed from, or the module or object given."""
        given = self._given.get(kind, {}).get(name) or chosen(name, self._brought(kind, name), self._allow).value
        return given.__name__ if isinstance(given, ModuleType) else given

    def settings_class(self, kind: Kind, name: str) -> type[Any] | None:
        """The attrs class of a plugin's settings, or None where it has none. Loads the plugin."""
        return cast("type[Any] | None", self._caller("jackfield_settings", self._load(kind, name))())

    def make(self, kind: Kind, plugin: str, name: str, raw: Mapping[str, Any], where: Place | str) -> Any:
        """Load a plugin and have it make its thing.

        Args:
            kind: what is wanted.
            plugin: the plugin's entry-point name.
            name: the name of the instance.
            raw: its settings, as they were written.
            where: the place of the settings in the configuration, for errors.

        Raises:
            ConfigurationError: no such plugin, or wrong settings.
            PluginError: the plugin cannot be loaded or does not do what it should.
        """
        where = where if isinstance(where, Place) else Place(Document(where))
        loaded = self._load(kind, plugin)
        cls = self.settings_class(kind, plugin)
        settings = dict(raw) if cls is None else structure(cls, raw, where)
        hook = self._caller(f"jackfield_{kind}", loaded)
        try:
            made = hook(name=name, kind=name, settings=settings, registry=self)
        except ConfigurationError as error:
            raise where.adopted(error) from error.__cause__
        except JackfieldError:
            raise
        except Exception as error:
            raise PluginError(f"{kind} plugin {plugin!r} failed with {type(error).__name__}") from error
        if made is None:
            raise PluginError(f"plugin {plugin!r} implements no jackfield_{kind}")
        return made

    def announce(self, client: Any) -> None:
        """Let every loaded plugin see a client that was just built."""
        self._manager.hook.jackfield_client(client=client)

    def _caller(self, hook: str, plugin: object) -> Any:
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        return self._manager.subset_hook_caller(hook, others)

    def _load(self, kind: Kind, name: str) -> object:
        if (plugin := self._loaded.get((kind, name))) is not None:
            return plugin
        if (plugin := self._given.get(kind, {}).get(name)) is None:
            plugin = load(f"{kind} plugin {name!r}", self._brought(kind, name), self._allow)
        if not self._manager.is_registered(plugin):
            try:
                self._manager.register(plugin)
                self._manager.check_pending()
            except (pluggy.PluginValidationError, ValueError) as error:
                self._manager.unregister(plugin)  # or whatever is loaded next would be blamed
                raise PluginError(f"{kind} plugin {name!r} does not fit the hooks: {error}") from error
            self._add_operations(name, plugin)
        self._loaded[kind, name] = plugin
        return plugin

    def _brought(self, kind: Kind, name: str) -> Brought:
        if brought := self._installed[GROUPS[kind]].get(name):
            return brought
        raise ConfigurationError(f"no {kind} plugin {name!r} is installed; {nearest(name, self.names(kind))}")

    def _add_operations(self, name: str, plugin: object) -> None:
        for operations in self._caller("jackfield_operations", plugin)():
            for operation in operations:
                if self.operations.setdefault(operation.name, operation) is not operation:
                    raise PluginError(f"plugin {name!r} brings an operation {operation.name!r}, a name that is taken")

"""Makes the providers and the middleware that a configuration names, and sees to it whose key goes where."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import attrs
from attrs import define, evolve, field

from .config import Config, Document, Place, Sourced
from .configuration import NO_FILE
from .endpoint import Endpoint, Secret
from .errors import ConfigurationError
from .middleware import Middleware
from .provider import Provider
from .registry import Kind, Registry
from .runtime import Lock
from .settings import read

__all__ = ["Instances", "Settings"]

OWN: Final = ("api_key", "base_url")


@define
class Settings:
    """What a plugin is to be given, as it was found.

    Attributes:
        where: the table that it stands in.
        plugin: the entry-point name of the plugin.
        fields: the fields of the class of its settings.
        values: the values; those of fields that are secrets are `Secret`.
        variables: the variable that a value comes from, where it does.
        references: the keys whose variable the table itself names, by `{ env = ... }`.
    """

    where: Place
    plugin: str
    fields: Mapping[str, attrs.Attribute[Any]]
    values: dict[str, Any] = field(factory=dict)
    variables: dict[str, Sourced] = field(factory=dict)
    references: set[str] = field(factory=set)

    def source(self, key: str) -> str:
        """The source that a value comes from: the configuration, the environment or one of its files."""
        return self.variables[key].source if key in self.variables else self.where.document.name

    def place(self, key: str) -> Place:
        """Where a value was written; that of a variable is the variable."""
        place, variable = self.where / key, self.variables.get(key)
        if place.variable or not variable:
            return place
        return evolve(place, document=Document(NO_FILE, variables={(): variable}))

    def is_secret(self, key: str) -> bool:
        """Whether a value is one that may go only where it belongs."""
        return isinstance(self.values.get(key), Secret) or key == "api_key" or not self.fields

    def put(self, key: str, value: Any, variable: Sourced | None) -> None:
        """Add a value."""
        if variable:
            self.variables[key] = variable
        if isinstance(value, str) and key in self.fields and "Secret" in str(self.fields[key].type):
            # from here on it shows itself to nobody, whatever fails
            value = self.place(key).of_text(Secret, value)
        self.values[key] = value


class Instances:
    """The provider instances and the middleware of one client."""

    def __init__(self, config: Config, registry: Registry) -> None:
        self._config = config
        self._registry = registry
        self._providers: dict[str, Provider] = {}
        self._making = Lock()

    def provider(self, name: str) -> Provider:
        """The provider instance of this name, made at its first use.

        Raises:
            ConfigurationError: no such instance, or its settings are wrong.
        """
        if (made := self._providers.get(name)) is None:
            with self._making:  # threads share a client: a plugin is loaded, and a provider made, once
                made = self._providers.get(name) or self._providers.setdefault(name, self._make(name))
        return made

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that a provider instance can have."""
        return frozenset(self._config.providers) | self._registry.names("provider", every=True)

    def ambient(self) -> str | None:
        """The first installed provider whose own variables are set; what is one of several in a module comes last."""
        own = filter(self.has_own, sorted(self._registry.names("provider")))
        return min(own, key=lambda name: ":" in str(self._registry.origin("provider", name)), default=None)

    def has_own(self, name: str) -> bool:
        """Whether a variable is set that belongs to the provider of this name."""
        keys = {key for key in OWN if self._config.environment.get(_variable(name, key))}
        # only what a plugin has a setting for is its variable: MOCK_BASE_URL chooses nothing
        return bool(keys) and not keys.isdisjoint(_fields(self._registry.settings_class("provider", name)))

    def middleware(self) -> list[Middleware]:
        """The middleware of the configuration, in its order."""
        return [one for index in range(len(self._config.middleware)) for one in self.layers(index)]

    def layers(self, index: int) -> list[Middleware]:
        """What one table of `[[middleware]]` makes."""
        found = self._checked(self.settings("middleware", index))
        made = self._registry.make("middleware", found.plugin, found.plugin, found.values, found.where)
        return list(made) if isinstance(made, list | tuple) else [made]

    def _make(self, name: str) -> Provider:
        found = self._checked(self.settings("provider", name))
        made = self._registry.make("provider", found.plugin, name, found.values, found.where)
        if not isinstance(made, Provider):
            raise found.where.error(f"plugin {found.plugin!r} made a {type(made).__name__}, which is no Provider")
        made.made_of = (self._registry.origin("provider", found.plugin), type(made).__qualname__, name, found.values)
        return made

    def settings(self, kind: Kind, name: str | int) -> Settings:
        """What the plugin of a provider instance, or of a middleware by its number, is to be given.

        Raises:
            ConfigurationError: there is no such plugin, or a variable is not set.
            PluginError: the plugin cannot be loaded.
        """
        config, key = self._config, "plugin" if isinstance(name, str) else "use"
        where = config.place("providers" if isinstance(name, str) else kind, name)
        written = dict(config.providers.get(name, {}) if isinstance(name, str) else config.middleware[name])
        if isinstance(name, int) and written.get(key) is None:
            raise (where / key).error("missing; expected the name of a plugin")
        named = where / key if written.get(key) is not None else where
        plugin = read(value, str, named) if (value := written.pop(key, None)) is not None else str(name)
        try:
            fields = _fields(self._registry.settings_class(kind, plugin))
        except ConfigurationError as error:
            raise named.error(error.message) from None
        found = Settings(where, plugin, fields)
        for key, value in written.items():
            if referred := config.variable(value, where / key):
                found.references.add(key)
            found.put(key, referred.value if referred else value, referred or (where / key).variable)
        for key, variable in self._own(found).items():
            ambient = config.environment.get(variable) if found.values.get(key) is None else None
            if ambient and (key in OWN or self._goes_along(found, ambient)):
                found.put(key, ambient.value, ambient)
        return found

    @staticmethod
    def _own(found: Settings) -> dict[str, str]:
        """The variables of an instance that bears its plugin's name: those of that name, then those that it names."""
        kind, name = found.where.path
        if kind != "providers" or name != found.plugin:
            return {}
        named = {key: str(one.metadata["env"]) for key, one in found.fields.items() if "env" in one.metadata}
        return {**{key: _variable(found.plugin, key) for key in OWN if key in found.fields}, **named}

    def _goes_along(self, found: Settings, ambient: Sourced) -> bool:
        """Whether a variable that only goes with a key may go to where the instance's requests go."""
        if found.values.get("base_url") is None or found.source("base_url") == ambient.source:
            return True
        return "base_url" not in found.variables and not self._config.document.distrust

    def _checked(self, found: Settings) -> Settings:
        """A key goes to the origin that its own source names, or that its plugin knows, and to no other.

        A file that was merely found may name no variable but the instance's own: any other may be a key.
        """
        endpoint, base_url = None, found.values.get("base_url")
        own = self._own(found)
        if found.where.path[0] == "providers" and isinstance(base_url, str):
            endpoint = found.place("base_url").of_text(Endpoint.parse, base_url)
            if endpoint.loopback:
                return found
        document = self._config.document
        beside = any(key not in found.variables for key in found.values)
        for key, variable in found.variables.items():
            place, mine = found.where / key, own.get(key)
            # where a secret goes is said by what stands beside it
            named = key in found.references or (endpoint is None and beside and found.is_secret(key) and place.variable)
            if named and variable.name != mine and document.distrust:
                only = f"only {mine}" if mine else "none here"
                raise place.untrusted(f"of all variables this file may name {only}, not {variable.name}")
        for key in found.values:
            if endpoint and found.is_secret(key) and found.source(key) != found.source("base_url"):
                self._check_binding(found, key, endpoint)
        return found

    def _check_binding(self, found: Settings, key: str, endpoint: Endpoint) -> None:
        usual = getattr(found.fields.get("base_url"), "default", None)
        if isinstance(usual, str) and endpoint.origin == Endpoint.parse(usual).origin:
            return
        place = found.where / "base_url"
        sent = f"the key from {found.variables.get(key, found.source(key))} would be sent to {endpoint.origin}"
        if variable := found.variables.get("base_url"):
            raise place.error(f"{sent}, which {variable} names; write key and base_url in the same place")
        if self._config.document.distrust:
            raise place.untrusted(sent)


def _fields(cls: type[Any] | None) -> dict[str, attrs.Attribute[Any]]:
    return {} if cls is None else {one.alias or one.name: one for one in attrs.fields(cls)}


def _variable(provider: str | int, key: str) -> str:
    return f"{provider}_{key}".upper().replace("-", "_")

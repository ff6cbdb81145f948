"""Makes the providers and the middleware that a configuration names, and sees to it whose key goes where."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import attrs
from attrs import define, field

from .config import Config, Place, Sourced
from .endpoint import Endpoint, Secret
from .errors import ConfigurationError, UntrustedError
from .middleware import Middleware
from .provider import Provider
from .registry import Kind, Registry
from .runtime import Lock

__all__ = ["Found", "Instances"]

OWN: Final = ("api_key", "base_url")


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
        made = self._providers.get(name)
        if made is None:
            with self._making:  # threads share a client: a plugin is loaded, and a provider made, once
                made = self._providers.get(name) or self._providers.setdefault(name, self._make(name))
        return made

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that a provider instance can have."""
        return frozenset(self._config.providers) | self._registry.names("provider")

    def ambient(self) -> str | None:
        """The first installed provider whose own variables are set."""
        return next(filter(self.has_own, sorted(self._registry.names("provider"))), None)

    def has_own(self, name: str) -> bool:
        """Whether one of the variables is set that belong to the provider of this name."""
        keys = {key for key in OWN if self._config.environment.get(_variable(f"{name}_", key))}
        # only what a plugin has a setting for is its variable: MOCK_BASE_URL chooses nothing
        return bool(keys) and bool(
            keys & {field.alias for field in _fields(self._registry.settings_class("provider", name))}
        )

    def middleware(self) -> list[Middleware]:
        """The middleware of the configuration, in its order."""
        return [one for index in range(len(self._config.middleware)) for one in self.layers(index)]

    def layers(self, index: int) -> list[Middleware]:
        """What one table of `[[middleware]]` makes."""
        found = self.read("middleware", index)
        found.check()
        made = self._registry.make("middleware", found.plugin, found.plugin, found.settings, found.where)
        return list(made) if isinstance(made, list | tuple) else [made]

    def read(self, kind: Kind, name: str | int) -> Found:
        """The settings of a provider instance, by its name, or of a middleware, by its index, before a plugin has them.

        Raises:
            ConfigurationError: no such plugin.
            PluginError: it cannot be loaded.
        """
        config = self._config
        if isinstance(name, int):
            where, key = config.place(kind, name), "use"
            written = dict(config.middleware[name])
            named, plugin = True, str(written.pop(key))
        else:
            where, key = config.place("providers", name), "plugin"
            written = dict(config.providers.get(name, {}))
            named = key in written
            plugin = str(written.pop(key, name))
        try:
            cls = self._registry.settings_class(kind, plugin)
        except ConfigurationError as error:
            raise ConfigurationError(f"{where / key if named else where}: {error.message}") from None
        own = f"{name}_" if name == plugin else None
        found = Found(kind, where, plugin, named, cls, {field.alias: field for field in _fields(cls)}, own, config)
        for key, value in written.items():
            found.take(key, value)
        found.fill()
        return found

    def _make(self, name: str) -> Provider:
        found = self.read("provider", name)
        found.check()
        made = self._registry.make("provider", found.plugin, name, found.settings, found.where)
        if not isinstance(made, Provider):
            raise ConfigurationError(
                f"{found.where}: plugin {found.plugin!r} made a {type(made).__name__}, which is no Provider"
            )
        return made


@define
class Found:
    """The settings of one plugin, as they were found, each with its source.

    Attributes:
        kind: what the plugin makes.
        where: the table that they stand in.
        plugin: the entry-point name of the plugin.
        named: whether the table says it.
        cls: the class of its settings, or None.
        fields: the fields of that class.
        own: what the variables begin with that belong to this instance, or None.
        config: what it all stands in.
        settings: the values.
        sources: the name of the source of each.
        variables: the variable that each comes from, where it does.
        references: those that the table itself names by `{ env = ... }`.
        problems: what is wrong with them.
        unread: the keys whose values could not be had.
        demands: what is refused because the file is not trusted.
    """

    kind: Kind
    where: Place
    plugin: str
    named: bool
    cls: type[Any] | None
    fields: Mapping[str, attrs.Attribute[Any]]
    own: str | None
    config: Config
    settings: dict[str, Any] = field(factory=dict)
    sources: dict[str, str] = field(factory=dict)
    variables: dict[str, Sourced] = field(factory=dict)
    references: dict[str, Sourced] = field(factory=dict)
    problems: list[ConfigurationError] = field(factory=list)
    unread: set[str] = field(factory=set)
    demands: list[str] = field(factory=list)

    def take(self, key: str, value: Any) -> None:
        """Add a value as it was written, or from the variable that it refers to."""
        place = self.where / key
        try:
            referred = self.config.variable(value, place)
        except ConfigurationError as error:
            self.problems.append(error)
            self.unread.add(key)
            return
        if referred:
            self.references[key] = referred
        self._set(key, referred.value if referred else value, referred or place.variable)

    def fill(self) -> None:
        """Let the variables that belong to this instance fill what is open."""
        for key in OWN if self.own else ():
            ambient = self.config.environment.get(_variable(self.own, key))
            if ambient is not None and key in self.fields and self.settings.get(key) is None:
                self._set(key, ambient.value, ambient)

    def _set(self, key: str, value: Any, variable: Sourced | None) -> None:
        if self.secret(key) and isinstance(value, str):
            # from here on it shows itself to nobody, whatever fails
            try:
                value = Secret(value, self.where / key)
            except ConfigurationError as error:
                self.problems.append(error)
                self.unread.add(key)
                return
        self.settings[key] = value
        self.sources[key] = variable.source if variable else self.config.source
        if variable:
            self.variables[key] = variable

    def secret(self, key: str) -> bool:
        """Whether the plugin calls this setting a secret."""
        return key in self.fields and "Secret" in str(self.fields[key].type)

    def check(self) -> None:
        """See to it that every key goes where it may go.

        Raises:
            ConfigurationError: it may not, or a variable is not set.
        """
        self.look()
        if self.problems:
            raise self.problems[0]

    def look(self) -> None:
        """Add to the problems what must not be."""
        endpoint = None
        if self.kind == "provider" and isinstance(base_url := self.settings.get("base_url"), str):
            try:
                endpoint = Endpoint.parse(base_url, name=self.where / "base_url")
            except ConfigurationError as error:
                self.problems.append(error)
                return
            if endpoint.loopback:
                return
        for key, variable in self.references.items():
            self._check_reference(key, variable)
        for key in self.sources:
            if not (self.secret(key) or key == "api_key" or self.cls is None):
                continue
            if endpoint is not None:
                self._check_binding(key, endpoint)
            # where it goes is said by what stands beside it
            elif (variable := (self.where / key).variable) and self.config.source in self.sources.values():
                self._check_reference(key, variable)

    def _check_reference(self, key: str, variable: Sourced) -> None:
        """A file that was merely found may name no variable but the instance's own: any other may be a key."""
        own = _variable(self.own, key) if self.own else None
        if variable.name == own or self.config.trusted:
            return
        only = f"only {own}" if own else "none here"
        self._refuse(key, f"of all variables this file may name {only}, not {variable.name}")

    def _check_binding(self, key: str, endpoint: Endpoint) -> None:
        """A key goes to the origin that its own source names, or that its plugin knows, and to no other."""
        key_from, url_from = self.sources[key], self.sources["base_url"]
        if key_from == url_from or (url_from == self.config.source and self.config.trusted):
            return
        own = getattr(self.fields.get("base_url"), "default", None)
        if isinstance(own, str) and endpoint.origin == Endpoint.parse(own).origin:
            return
        sent = f"the key from {self.variables.get(key, key_from)} would be sent to {endpoint.origin}"
        if url_from == self.config.source:
            self._refuse("base_url", sent)
        else:
            self.problems.append(
                ConfigurationError(
                    f"{self.where / 'base_url'}: {sent}, which {self.variables['base_url']} names; "
                    "write key and base_url in the same place"
                )
            )

    def _refuse(self, key: str, what: str) -> None:
        document = self.config.document
        self.demands.append(f"{(self.where / key).key}: {what}")
        self.problems.append(
            UntrustedError(
                f"{self.where / key}: {what}, and the file was merely found ({document.distrust}); if you know it, "
                f"run `jackfield config trust {document.name}`, or name it yourself (config=..., --config or "
                "JACKFIELD_CONFIG)"
            )
        )


def _fields(cls: type[Any] | None) -> tuple[attrs.Attribute[Any], ...]:
    return () if cls is None else attrs.fields(cls)


def _variable(own: str, key: str) -> str:
    return f"{own}{key}".upper().replace("-", "_")

"""Makes the providers and the middleware that a configuration names, and sees to it whose key goes where."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import attrs

from .config import Config, Sourced
from .endpoint import Endpoint, Secret
from .errors import ConfigurationError
from .middleware import Middleware
from .provider import Provider
from .registry import Registry
from .runtime import Lock

__all__ = ["Instances"]

OWN: Final = ("api_key", "base_url")
ADVICE: Final = "name the configuration file yourself (config=..., --config or JACKFIELD_CONFIG)"


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
        find = self._config.environment.get
        for name in sorted(self._registry.names("provider")):
            keys = {key for key in OWN if find(_variable(name, key))}
            # only what a plugin has a setting for is its variable: MOCK_BASE_URL chooses nothing
            if keys and keys & {field.alias for field in _fields(self._registry.settings_class("provider", name))}:
                return name
        return None

    def middleware(self) -> list[Middleware]:
        """The middleware of the configuration, in its order."""
        made: list[Middleware] = []
        for index, item in enumerate(self._config.middleware):
            use = item["use"]
            where = f"{self._config.prefix}middleware[{index}]"
            settings = {key: value for key, value in item.items() if key != "use"}
            for key, value in settings.items():
                if found := self._config.variable(value, f"{where}.{key}"):
                    self._check_reference(f"{where}.{key}", None, found.name)
                    settings[key] = found.value
            found_ones = self._registry.make("middleware", use, use, settings, where)
            made += found_ones if isinstance(found_ones, list | tuple) else [found_ones]
        return made

    def _make(self, name: str) -> Provider:
        config = self._config
        settings = dict(config.providers.get(name, {}))
        plugin = settings.pop("plugin", name)
        where = f"{config.prefix}providers.{name}"
        fields = {str(field.alias): field for field in _fields(self._registry.settings_class("provider", plugin))}
        sources = dict.fromkeys(settings, config.source)
        references: dict[str, str] = {}
        for key, value in settings.items():
            if found := config.variable(value, f"{where}.{key}"):
                settings[key], sources[key], references[key] = found.value, found.source, found.name
        own = _own(name, fields) if name == plugin else {}
        for key, variable in own.items():
            ambient = config.environment.get(variable)
            if ambient is not None and settings.get(key) is None and (key in OWN or self._belongs(ambient, sources)):
                settings[key], sources[key] = ambient.value, ambient.source
        for key, field in fields.items():
            if "Secret" in str(field.type) and isinstance(settings.get(key), str):
                # from here on it shows itself to nobody, whatever fails
                settings[key] = Secret(settings[key], f"{where}.{key}")
        base_url = settings.get("base_url")
        endpoint = Endpoint.parse(base_url, name=f"{where}.base_url") if isinstance(base_url, str) else None
        if endpoint is None or not endpoint.loopback:
            for key, variable in references.items():
                self._check_reference(f"{where}.{key}", own.get(key), variable)
            if endpoint is not None and "api_key" in sources:
                self._check_binding(where, endpoint, sources, getattr(fields.get("base_url"), "default", None))
        made = self._registry.make("provider", plugin, name, settings, where)
        if not isinstance(made, Provider):
            raise ConfigurationError(f"{where}: plugin {plugin!r} made a {type(made).__name__}, which is no Provider")
        return made

    def _belongs(self, ambient: Sourced, sources: Mapping[str, str]) -> bool:
        """Whether a variable that only goes with a key may go to where the instance's requests go."""
        url_from = sources.get("base_url")
        return url_from in (None, ambient.source) or (self._config.trusted and url_from == self._config.source)

    def _check_reference(self, where: str, own: str | None, variable: str) -> None:
        """A file that was merely found may name no variable but the instance's own: any other may be a key."""
        if not self._config.trusted and variable != own:
            only = f"only {own}" if own else "none here"
            raise ConfigurationError(
                f"{where}: this file was merely found, and of all variables may name {only}, not {variable}; {ADVICE}"
            )

    def _check_binding(self, where: str, endpoint: Endpoint, sources: Mapping[str, str], own: Any) -> None:
        """A key goes to the origin that its own source names, or that its plugin knows, and to no other."""
        key_from, url_from = sources["api_key"], sources["base_url"]
        if key_from == url_from or (self._config.trusted and url_from == self._config.source):
            return
        if isinstance(own, str) and endpoint.origin == Endpoint.parse(own).origin:
            return
        raise ConfigurationError(
            f"{where}: the key from {key_from} would be sent to {endpoint.origin}, which {url_from} names; "
            f"write key and base_url in the same place, or {ADVICE}"
        )


def _fields(cls: type[Any] | None) -> tuple[attrs.Attribute[Any], ...]:
    return () if cls is None else attrs.fields(cls)


def _own(name: str, fields: Mapping[str, attrs.Attribute[Any]]) -> dict[str, str]:
    """The variables that belong to an instance, by setting: those of its name, then those that its plugin names."""
    named = {key: str(field.metadata["env"]) for key, field in fields.items() if "env" in field.metadata}
    return {**{key: _variable(name, key) for key in OWN if key in fields}, **named}


def _variable(provider: str, key: str) -> str:
    return f"{provider}_{key}".upper().replace("-", "_")

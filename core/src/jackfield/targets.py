"""From the name of a model to the provider instance and the model that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import evolve

from .call import Target
from .config import Config, Place
from .errors import BadRequestError, ConfigurationError
from .instances import Instances
from .settings import nearest

__all__ = ["check_target", "filled", "follow", "target_of"]


def follow(config: Config, named: str, where: Place | str) -> tuple[str, Place | str, str | None, Mapping[str, Any]]:
    """Follow aliases to their end.

    Args:
        config: holds the aliases.
        named: an alias, or a target.
        where: who named it, for errors.

    Returns:
        The target, where that was written, the outermost alias if any, and the settings on the way, the outer winning.

    Raises:
        ConfigurationError: the aliases go in a circle, or one has several targets.
    """
    alias: str | None = None
    settings: Mapping[str, Any] = {}
    passed: list[str] = []
    while (found := config.models.get(named)) is not None:
        where = config.place("models", named)
        if named in passed:
            raise ConfigurationError(f"{where}: {' -> '.join([*passed, named])} is a circle")
        if len(found.targets) > 1:
            raise ConfigurationError(f"{where}: a list of targets needs a fallback middleware, and there is none")
        passed.append(named)
        settings = {**found.settings, **settings}
        alias, named = alias or named, found.target
    return named, where, alias, settings


def target_of(config: Config, instances: Instances, named: str, where: Place | str, operation: str) -> Target:
    """Take a target apart, and give it its provider's default model where it names none.

    Raises:
        ConfigurationError: there is no such provider, or it has no default model.
    """
    provider, model = check_target(config, instances, named, where)
    model = model or instances.provider(provider).default_models.get(operation, "")
    if not model:
        raise ConfigurationError(
            f"{where}: provider {provider!r} has no default model for {operation!r}; write '{provider}:model'"
        )
    return Target(provider, model)


def check_target(config: Config, instances: Instances, named: str, where: Place | str) -> tuple[str, str]:
    """Take a target apart: the provider, and the model or nothing.

    Raises:
        ConfigurationError: there is no such provider.
    """
    provider, _, model = named.partition(":")
    if provider not in instances.names:
        known = config.models.keys() | instances.names
        raise ConfigurationError(
            f"{where}: expected 'provider:model' or an alias, and {provider!r} is neither an alias nor a provider; "
            f"{nearest(provider, known)}"
        )
    return provider, model


def filled(request: Any, settings: Mapping[str, Any], where: Place) -> Any:
    """A request with the settings of an alias where it leaves them open.

    Raises:
        ConfigurationError: a request has no such setting, or not with this value.
    """
    fields = {field.alias for field in attrs.fields(type(request))} - {"model", "messages"}
    for key in settings:
        if key not in fields:
            raise ConfigurationError(f"{where / key}: no such setting of a request; {nearest(key, fields)}")
    changes = {key: value for key, value in settings.items() if getattr(request, key) is None}
    if isinstance(options := settings.get("options"), Mapping):
        changes["options"] = {**options, **request.options}
    try:
        return evolve(request, **changes)
    except BadRequestError as error:
        key, _, rest = error.message.partition(": ")
        raise ConfigurationError(f"{where / key}: {rest}" if key in settings else f"{where}: {error.message}") from None

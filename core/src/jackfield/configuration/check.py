"""Finds everything that is wrong with a configuration, not only the first thing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs

from ..config import Config, examined
from ..errors import ConfigurationError, JackfieldError
from ..instances import Found, Instances
from ..operations import ChatRequest, Request
from ..registry import Registry
from ..settings import examine, nearest
from ..targets import check_target, filled, follow
from .place import Place

__all__ = ["checked", "demanded"]


def checked(config: Config, problems: Iterable[ConfigurationError], registry: Registry | None) -> list[JackfieldError]:
    """What reading a configuration found wrong, and what its plugins find wrong with it, in the order of its lines."""
    instances = Instances(config, registry or Registry())
    found: dict[str, JackfieldError] = {str(error): error for error in problems}
    for error in _all(config, instances):
        found.setdefault(str(error), error)
    head = re.compile(re.escape(config.source) + r", line (\d+): ")
    return sorted(found.values(), key=lambda error: int(at[1]) if (at := head.match(str(error))) else 0)


def demanded(path: Path, registry: Registry | None) -> list[str]:
    """What a file may do only if it is trusted.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    config, _ = examined(path, path.parent)
    # as if it had been found, and not named; and with no content that anyone trusted
    config = attrs.evolve(config, document=attrs.evolve(config.document, found=path, content=b""))
    instances = Instances(config, registry or Registry())
    return [demand for found in _found(config, instances) if isinstance(found, Found) for demand in found.demands]


def _all(config: Config, instances: Instances) -> Iterator[JackfieldError]:
    for found in _found(config, instances):
        if isinstance(found, Found):
            yield from _plugin(instances, found)
        else:
            yield found
    for name, alias in config.models.items():
        place = config.place("models", name)
        yield from _settings(alias.settings, place)
        for target in alias.targets:
            yield from _tried(lambda target=target, place=place: _target(config, instances, target, place))
        yield from _tried(lambda name=name, place=place: follow(config, name, place))
    if (default := config.default) and default not in config.models:
        yield from _tried(lambda: _target(config, instances, default, config.place("default")))


def _found(config: Config, instances: Instances) -> Iterator[Found | JackfieldError]:
    """The settings of every plugin that is named, looked through, or why there are none."""
    uses = [index for index, item in enumerate(config.middleware) if isinstance(item.get("use"), str)]
    for kind, names in (("provider", config.providers), ("middleware", uses)):
        for name in names:
            try:
                found = instances.read(kind, name)
            except JackfieldError as error:
                yield error
            else:
                found.look()
                yield found


def _plugin(instances: Instances, found: Found) -> list[JackfieldError]:
    problems: list[ConfigurationError] = []
    if found.cls is not None:
        examine(found.cls, found.settings, found.where, problems)
    unread = tuple(f"{found.where / key}: missing" for key in found.unread)
    problems = [*found.problems, *(error for error in problems if not error.message.startswith(unread))]
    if problems:
        return list(problems)
    name = found.where.path[-1]
    return _tried(lambda: instances.layers(name) if isinstance(name, int) else instances.provider(name))


def _settings(settings: Any, place: Place) -> Iterator[ConfigurationError]:
    """What is wrong with the settings of an alias, as far as that does not depend on the request."""
    known = {field.alias for kind in _requests(Request) for field in attrs.fields(kind)} - {"model", "messages"}
    chat = {field.alias for field in attrs.fields(ChatRequest)}
    for key in settings:
        if key not in known:
            yield ConfigurationError(f"{place / key}: no such setting of a request; {nearest(key, known)}")
        elif key in chat:
            yield from _tried(lambda key=key: filled(ChatRequest(messages="x"), {key: settings[key]}, place))


def _requests(base: type[Any]) -> Iterator[Any]:
    for kind in base.__subclasses__():
        if attrs.has(kind):
            yield kind
        yield from _requests(kind)


def _target(config: Config, instances: Instances, named: str, place: Place) -> None:
    if named in config.models:
        return
    provider, model = check_target(config, instances, named, place)
    if not model and not instances.provider(provider).default_models:
        raise ConfigurationError(f"{place}: provider {provider!r} has no default model; write '{provider}:model'")


def _tried(act: Callable[[], object]) -> list[JackfieldError]:
    try:
        act()
    except JackfieldError as error:
        return [error]
    return []

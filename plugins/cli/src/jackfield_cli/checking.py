"""Finds everything that is wrong with a configuration, not only the first thing.

The library tells the first mistake that it meets, and where it is.
So what was complained of is cut out of a copy, and the copy is read again, until nothing is left to complain of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import attrs

from jackfield.config import Config, Document, Environment, read_document
from jackfield.errors import BadRequestError, ConfigurationError, JackfieldError
from jackfield.instances import Instances
from jackfield.operations import ChatRequest, Request
from jackfield.registry import Registry
from jackfield.settings import nearest

__all__ = ["Checker"]


class Checker:
    """Looks through one configuration.

    Attributes:
        found: what is wrong, by its message, in the order in which it was met.
    """

    def __init__(self, document: Document, environment: Environment, registry: Registry) -> None:
        """Take what is to be read; it is left as it is."""
        self.found: dict[str, JackfieldError] = {}
        self._emptied: set[str | int] = set()  # numbers of middleware
        self._document = document
        self._environment = environment
        self._registry = registry

    def problems(self) -> list[JackfieldError]:
        """Everything that is wrong, in the order of the lines of the file."""
        self._try(self._config)
        config = self._readable()
        if config is None:
            return self._sorted()
        written = config.providers.keys()
        for name in written:
            self._try(partial(self._provider, name))
        for index in range(len(config.middleware)):
            self._try(partial(self._layers, index))
        config = self._readable() or config
        names = self._instances().names | written
        for error in _model_errors(config, names):
            self._add(error)
        return self._sorted()

    def _config(self) -> Config:
        return read_document(attrs.evolve(self._document), self._environment)

    def _instances(self) -> Instances:
        return Instances(self._config(), self._registry)

    def _readable(self) -> Config | None:
        try:
            return self._config()
        except ConfigurationError:
            return None

    def _add(self, error: JackfieldError) -> None:
        self.found.setdefault(str(error), error)

    def _sorted(self) -> list[JackfieldError]:
        line = re.compile(re.escape(self._document.name) + r", line (\d+): ")
        return sorted(self.found.values(), key=lambda error: int(at[1]) if (at := line.match(str(error))) else 0)

    def _provider(self, name: str) -> None:
        if name in self._config().providers:
            self._instances().provider(name)

    def _layers(self, index: int) -> None:
        if index not in self._emptied:
            self._instances().layers(index)

    def _try(self, act: Callable[[], object]) -> None:
        while True:
            try:
                act()
            except ConfigurationError as error:
                self._add(error)
                if not self._cut(error):
                    return
            except JackfieldError as error:
                self._add(error)
                return
            else:
                return

    def _cut(self, error: ConfigurationError) -> bool:
        """Take away what an error is about. Tells whether there was anything to take."""
        if error.variable:
            self._environment = Environment(
                tuple(
                    (source, {name: value for name, value in variables.items() if name != error.variable})
                    for source, variables in self._environment.layers
                )
            )
            return True
        if not error.key or not isinstance(self._document.table, dict):
            return False
        # without its plugin, nothing more can be said of a table
        path = error.key[:2] if error.key[2:] in {("plugin",), ("use",)} else error.key
        if path[0] == "middleware" and len(path) == 2:
            self._emptied.add(path[1])
        table = _without(self._document.table, list(path))
        changed = bool(table != self._document.table)
        self._document = attrs.evolve(self._document, table=table)
        return changed


def _without(node: Any, path: list[str | int]) -> Any:
    """A copy of a table without one of its keys.

    An item of an array cannot be taken out, or the others would change their numbers: a table is emptied in its place,
    anything else stays.
    """
    key, *rest = path
    if isinstance(node, dict):
        if key not in node:
            return node
        inner = _without(node[key], rest) if rest else None
        # what cannot be cut deeper down goes as a whole, unless it is a table or holds some
        if rest and (inner != node[key] or isinstance(node[key], dict) or _holds_tables(node[key])):
            return {**node, key: inner}
        return {one: value for one, value in node.items() if one != key}
    if isinstance(node, list) and isinstance(key, int) and key < len(node) and (rest or _holds_tables(node)):
        inner = _without(node[key], rest) if rest else {}
        return [*node[:key], inner, *node[key + 1 :]]
    return node


def _holds_tables(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _model_errors(config: Config, providers: frozenset[str]) -> Iterator[ConfigurationError]:
    """What is wrong with the models, as far as that does not depend on a request."""
    settings = {field.alias for kind in _requests(Request) for field in attrs.fields(kind)} - {"model", "messages"}
    for name, alias in config.models.items():
        place = config.place("models", name)
        for key, value in alias.settings.items():
            if key not in settings:
                yield (place / key).error(f"no such setting of a request; {nearest(key, settings)}")
            elif hasattr(ChatRequest, key):
                try:
                    ChatRequest(messages="x", **{key: value})
                except BadRequestError as error:
                    yield (place / key).error(error.message.removeprefix(f"{key}: "))
        for target in alias.targets:
            yield from _target_errors(config, providers, target, place)
        passed = [name]
        while (found := config.models.get(passed[-1])) and passed[-1] not in passed[:-1]:
            passed.append(found.targets[0])
        if passed[-1] == name and len(passed) > 1:
            yield place.error(f"{' -> '.join(passed)} is a circle")
    if config.default:
        yield from _target_errors(config, providers, config.default, config.place("default"))


def _target_errors(config: Config, providers: frozenset[str], named: str, place: Any) -> Iterator[ConfigurationError]:
    provider = named.partition(":")[0]
    if named not in config.models and provider not in providers:
        known = config.models.keys() | providers
        yield place.error(
            f"expected 'provider:model' or an alias, and {provider!r} is neither an alias nor a provider; "
            f"{nearest(provider, known)}"
        )


def _requests(base: type[Any]) -> Iterator[Any]:
    for kind in base.__subclasses__():
        if attrs.has(kind):
            yield kind
        yield from _requests(kind)

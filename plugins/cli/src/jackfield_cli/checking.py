"""Finds everything that is wrong with a configuration, not only the first thing.

The library tells the first mistake that it meets, and where it is.
So what was complained of is cut out of a copy, and the copy is read again, until nothing is left to complain of.
What is looked at is what a client would use, and a client is made of it to say the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

import attrs
from attrs import evolve, frozen

from jackfield import ChatRequest, Client, CompleteRequest, EmbedRequest
from jackfield.config import Alias, Config, Document, Environment, NetworkOptions, read_document
from jackfield.errors import BadRequestError, ConfigurationError, JackfieldError, NothingConfiguredError
from jackfield.hooks import hookimpl
from jackfield.instances import Instances
from jackfield.middleware import Middleware
from jackfield.operations import Request
from jackfield.provider import Provider
from jackfield.registry import Plugins, Registry
from jackfield.settings import nearest

__all__ = ["Checker", "Report"]

KeyPath: TypeAlias = tuple[str | int, ...]
T = TypeVar("T")

KEYS: Final = frozenset(field.name for field in attrs.fields(Config)) - {"document", "environment"}
# one of these has to find a model where a target names none
ASKING: Final = (ChatRequest(messages="x"), CompleteRequest(prompt="x"), EmbedRequest(input="x"))


@frozen
class Report:
    """What was found out about a configuration.

    Attributes:
        problems: everything that is wrong, in the order of the lines of the file.
        config: the configuration without what is wrong; None where it cannot be read at all.
        providers: the names of the provider instances with which nothing is wrong, of those that have a table or a
            variable of their own, or that a model names.
        default: the model of requests that name none.
    """

    problems: tuple[JackfieldError, ...]
    config: Config | None = None
    providers: tuple[str, ...] = ()
    default: str | None = None


class _StandIn:
    """Takes the place of a plugin of which all has been said, so that who refers to it is not blamed."""

    @hookimpl
    def jackfield_provider(self, name: str) -> Provider:
        return Provider(name, {"chat": "any"})


class Checker:
    """Looks through one configuration."""

    def __init__(self, document: Document, environment: Environment, plugins: Plugins | None = None) -> None:
        """Take what is to be read; it is left as it is. `plugins` are those that are not installed."""
        self._document = document
        self._environment = environment
        self._plugins = plugins or {}
        self._registry = Registry(plugins)  # until it is known what is allowed
        self._found: dict[str, JackfieldError] = {}
        self._gone: set[KeyPath] = set()  # what was cut out
        self._made: dict[str, Provider] = {}
        self._layers: list[Middleware] = []

    def report(self) -> Report:
        """Look at everything. Makes all that a client would use, and asks nobody anything."""
        if (read := self._try(self._config)) is None:
            return Report(self._problems())
        self._registry = Registry(self._plugins, read.allow_plugins)
        self._try(self._client)
        for name in self._providers(self._config()):
            if made := self._try(partial(self._provider, name)):
                self._made[name] = made
        for index in range(len(self._config().middleware)):
            self._layers += self._try(partial(self._middleware, index)) or ()
        config = self._config()
        for error in _setting_errors(config):
            self._add(error)
        if not self._gone & {("models",), ("providers",)}:
            self._models(config)
        # without what was cut out, an instance is not the one that was meant
        sound = tuple(name for name in self._made if not any(path[:2] == ("providers", name) for path in self._gone))
        return Report(self._problems(), config, sound, self._default(config))

    # --- what is looked at --------------------------------------------------------------------------------------------

    def _config(self) -> Config:
        return read_document(evolve(self._document), self._environment)

    def _client(self) -> None:
        """A client alone, for what it says of the network."""
        config = self._config()
        try:
            Client(evolve(config, middleware=()), plugins=self._plugins).close()
        except NothingConfiguredError:
            pass
        except ConfigurationError as error:
            if re.split(r"[.:]", error.message)[0] in KEYS:
                raise config.place().adopted(error, KEYS) from None
            raise

    def _providers(self, config: Config) -> list[str]:
        """The names of all that could be asked."""
        own = []
        for name in sorted(self._registry.names("provider")):
            with suppress(JackfieldError):  # a plugin that nobody configured may be as broken as it likes
                own += [name] if Instances(config, self._registry).has_own(name) else []
        targets = [target for alias in config.models.values() for target in alias.targets]
        named = [target.partition(":")[0] for target in [*targets, config.default or ""] if target not in config.models]
        known = Instances(config, self._registry).names
        return list(dict.fromkeys([*config.providers, *own, *(name for name in named if name in known)]))

    def _provider(self, name: str) -> Provider | None:
        config = self._config()
        if ("providers", name) in self._gone:
            return None
        return Instances(config, self._registry).provider(name)

    def _middleware(self, index: int) -> list[Middleware]:
        if ("middleware", index) in self._gone:
            return []
        return Instances(self._config(), self._registry).layers(index)

    def _default(self, config: Config) -> str | None:
        only = next(iter(config.providers)) if len(config.providers) == 1 else None
        with suppress(JackfieldError):
            return config.default or only or Instances(config, self._registry).ambient()
        return None

    def _models(self, config: Config) -> None:
        """Look whether each target leads somewhere: a client is asked, once for each."""
        aliases = {name: Alias(alias.targets) for name, alias in config.models.items()}
        usual = [name for name, made in self._made.items() if _serves_else(made)]
        absent = {str(path[1]) for path in self._gone if path[0] in {"models", "providers"} and len(path) == 2}
        absent |= config.providers.keys() | set(self._providers(config))
        absent = absent.difference(self._made).union(usual)
        tables = {name: table for name, table in config.providers.items() if name not in absent}
        # without a default, a client would look for one among all that is installed
        plain = evolve(config, default=config.default or "none", middleware=(), providers=tables, models=aliases)
        plain = evolve(plain, engine="auto", network=NetworkOptions())  # they were looked at, and nothing is sent
        given = {**self._plugins.get("provider", {}), **dict.fromkeys(absent, _StandIn())}
        probes: list[tuple[Config, str | None]] = [(plain, None)] if config.default else []
        for name, alias in aliases.items():
            probes.append((plain, name))
            if len(alias.targets) > 1:
                probes += [(evolve(plain, models={**aliases, name: Alias((one,))}), name) for one in alias.targets]
        for probe, model in probes:
            try:
                self._aimed({**self._plugins, "provider": given}, probe, model)
            except JackfieldError as error:
                self._add(error)

    def _aimed(self, plugins: Plugins, config: Config, model: str | None) -> None:
        """See to it that some operation finds its target by this model, or by the default."""
        failed: list[JackfieldError] = []
        with Client(config, plugins=plugins, middleware=self._layers) as client:
            for request in ASKING:
                try:
                    return client.stream(evolve(request, model=model)).close()
                except JackfieldError as error:
                    failed.append(error)
        raise failed[0]

    # --- what is found ------------------------------------------------------------------------------------------------

    def _add(self, error: JackfieldError) -> None:
        self._found.setdefault(str(error), error)

    def _problems(self) -> tuple[JackfieldError, ...]:
        line = re.compile(re.escape(self._document.name) + r", line (\d+): ")
        found = self._found.values()
        return tuple(sorted(found, key=lambda error: int(at[1]) if (at := line.match(str(error))) else 0))

    def _try(self, act: Callable[[], T]) -> T | None:
        """Do something until nothing is in its way that could be cut out. Gives None where something remains."""
        while True:
            try:
                return act()
            except ConfigurationError as error:
                # what is missing because it was cut out is told already
                if not any(path == (error.key or ())[: len(path)] for path in self._gone):
                    self._add(error)
                if not self._cut(error):
                    return None
            except JackfieldError as error:
                self._add(error)
                return None

    def _cut(self, error: ConfigurationError) -> bool:
        """Take away what an error is about. Tells whether there was anything to take."""
        # without its plugin, nothing more can be said of a table
        key = error.key or ()
        path = key[:2] if key[2:] in {("plugin",), ("use",)} else key
        if path:
            self._gone.add(path)
        # a vendor's variable is what makes a provider of a name: without it there would be nobody to look at
        if error.variable and error.variable.startswith("JACKFIELD_"):
            self._environment = Environment(
                tuple(
                    (source, {name: value for name, value in variables.items() if name != error.variable})
                    for source, variables in self._environment.layers
                )
            )
            return True
        if not path or not isinstance(self._document.table, dict):
            return False
        table = _without(self._document.table, list(path))
        changed = bool(table != self._document.table)
        self._document = evolve(self._document, table=table)
        return changed


def _serves_else(provider: Provider) -> bool:
    """Whether a provider has default models, though for none of the operations that are tried."""
    models = provider.default_models.keys()
    return bool(models) and models.isdisjoint(request.operation.name for request in ASKING)


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


def _setting_errors(config: Config) -> Iterator[ConfigurationError]:
    """What is wrong with the settings of aliases, as far as that does not depend on a request."""
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


def _requests(base: type[Any]) -> Iterator[Any]:
    for kind in base.__subclasses__():
        if attrs.has(kind):
            yield kind
        yield from _requests(kind)

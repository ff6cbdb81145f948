"""Shows what is configured: each value with its origin, and the chain of middleware. No secret is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
from attrs import frozen

from jackfield import Secret
from jackfield.config import Config, Place
from jackfield.errors import ConfigurationError, PluginError
from jackfield.instances import Instances, Settings
from jackfield.middleware import Middleware, in_order
from jackfield.registry import Registry
from jackfield.settings import Written, read

__all__ = ["Explanation", "Link", "Row", "explained"]

DEFAULT: Final = "default"
MASK: Final = "***"
# what is called like this is masked, wherever it stands and whatever the plugin calls it
SECRET_NUMBER: Final = re.compile(r"api_?key|secret|passw|credential", re.IGNORECASE)
SECRETIVE: Final = re.compile(r"key|token|secret|passw|credential|auth|cookie|signature|header", re.IGNORECASE)
WITH_PASSWORD: Final = re.compile(r"(?<=://)[^/@\s]+(?=@)")
WITH_QUERY: Final = re.compile(r"(?<=[?#]).+", re.DOTALL)
KEY_LIKE: Final = re.compile(r"\b[a-z]{2,4}[-_][\w-]{16,}")
PLAIN_URL: Final = re.compile(r"https?://[^@?#\s]+")


@frozen
class Row:
    """A value: its key, as text that TOML would take, secrets masked, and where it comes from."""

    key: str
    value: str
    origin: str


@frozen
class Link:
    """A middleware in the chain: the name of its slot, its plugin, the name of what it is, and where it was written."""

    slot: str
    name: str
    layer: str
    origin: str


@frozen
class Explanation:
    """What is configured. The rows are in the order of the documentation, the chain goes from the outside in."""

    config: Config = attrs.field(repr=False)
    rows: tuple[Row, ...]
    chain: tuple[Link, ...]

    @property
    def source(self) -> str:
        """The file that it was read from, or what else it is."""
        return self.config.source


def explained(config: Config, registry: Registry) -> Explanation:
    """Explain a configuration; loads the plugins that it names, and makes its middleware.

    Raises:
        ConfigurationError: the configuration is wrong.
        PluginError: a plugin cannot be loaded.
    """
    instances = Instances(config, registry)
    ambient = {one for one in registry.names("provider") - config.providers.keys() if _has_own(instances, one)}
    rows = [*_top(config)]
    for name, alias in config.models.items():
        place = config.place("models", name)
        target = list(alias.targets) if len(alias.targets) > 1 else alias.targets[0]
        rows.append(Row(place.key, _shown(target), (place / "target").origin))
        rows += [
            Row((place / key).key, _shown(value, key), (place / key).origin) for key, value in alias.settings.items()
        ]
    for name in [*config.providers, *sorted(ambient)]:
        rows += _rows(instances.settings("provider", name))
    links: list[tuple[Middleware, Link]] = []
    for index in range(len(config.middleware)):
        found = instances.settings("middleware", index)
        rows += _rows(found, "use")
        links += [(layer, _link(found, layer)) for layer in instances.layers(index)]
    chain = in_order((layer for layer, _ in links), config.slots)
    return Explanation(config, tuple(rows), tuple(link for layer in chain for one, link in links if one is layer))


def _has_own(instances: Instances, name: str) -> bool:
    """Whether a provider that nobody configured has a variable of its own. It may be as broken as it likes."""
    try:
        return instances.has_own(name)
    except PluginError:
        return False


def _link(found: Settings, layer: Any) -> Link:
    return Link(layer.slot.name, found.plugin, getattr(layer, "__name__", type(layer).__name__), found.where.origin)


def _top(config: Config) -> Iterator[Row]:
    for one in attrs.fields(Config):
        value = getattr(config, one.name)
        if attrs.has(type(value)) and one.name not in {"document", "environment"}:
            usual = type(value)()
            for inner in attrs.fields(type(value)):
                bound = getattr(value, inner.name)
                if bound is not None or getattr(usual, inner.name) is not None:
                    yield _plain(config, config.place(one.name, inner.name), bound, getattr(usual, inner.name))
        elif isinstance(value, str) or (one.name in {"slots", "allow_plugins"} and value != one.default):
            yield _plain(config, config.place(one.name), value, one.default)


def _plain(config: Config, place: Place, value: Any, usual: Any) -> Row:
    """The row of a value that no plugin reads."""
    written: Any = config.document.table
    for key in place.path:
        written = written.get(key) if isinstance(written, Mapping) else None
    origin = place.origin if written is not None else DEFAULT if value == usual else "the program"
    return Row(place.key, "inf" if value is None else _shown(value, place.key), origin)


def _rows(found: Settings, name: str = "plugin") -> Iterator[Row]:
    """The rows of what a plugin is given, in the order of its fields."""
    if name == "use" or found.plugin != found.where.path[-1]:
        yield Row((found.where / name).key, _shown(found.plugin), (found.where / name).origin)
    for key in dict.fromkeys([*found.fields, *found.values]):
        place, field = found.where / key, found.fields.get(key)
        if key in found.values:
            variable, referred = found.variables.get(key), key in found.references
            origin = f"{place.origin}: {variable}" if referred else str(variable or place.origin)
            yield Row(place.key, _shown(_typed(found.values[key], field, place), key, unknown=referred), origin)
        elif field is not None and field.default not in {attrs.NOTHING, None}:
            usual = getattr(field.default, "factory", lambda default=field.default: default)()
            yield Row(place.key, _shown(usual, key), DEFAULT)


def _typed(value: Any, field: Any, place: Place) -> Any:
    """What a variable says, as its field takes it."""
    if isinstance(value, Written) and field is not None:
        try:
            return read(value, field.type, place)
        except ConfigurationError:
            return str(value)
    return value


def _shown(value: Any, key: str = "", *, unknown: bool = False) -> str:
    """A value as TOML writes it. A text is masked where its name or its form says that it is a secret.

    `unknown` masks every text but a plain URL.
    """
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Mapping):
        inner = [
            f"{json.dumps(str(one))} = {_shown(item, f'{key} {one}', unknown=unknown)}" for one, item in value.items()
        ]
        return f"{{ {', '.join(inner)} }}" if inner else "{}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{', '.join(_shown(item, key, unknown=unknown) for item in value)}]"
    if isinstance(value, str):
        return _shown_text(value, hidden=bool(SECRETIVE.search(key)) or (unknown and not PLAIN_URL.fullmatch(value)))
    if not isinstance(value, int | float):
        return f"a {type(value).__name__}"
    # a number there is a key that was written without quotes
    return MASK if SECRET_NUMBER.search(key) else json.dumps(value)


def _shown_text(text: str, *, hidden: bool) -> str:
    if hidden or KEY_LIKE.search(text):
        return MASK
    if "://" in text:
        text = WITH_QUERY.sub(MASK, WITH_PASSWORD.sub(MASK, text))
    return json.dumps(str(text), ensure_ascii=False)

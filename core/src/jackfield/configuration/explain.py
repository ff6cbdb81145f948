"""Shows what is configured: each value with its origin, and the chain of middleware. No secret is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
from attrs import field, frozen

from ..config import Config
from ..endpoint import Secret
from ..instances import Found, Instances
from ..registry import Registry
from ..settings import Written, read
from .place import Place

__all__ = ["Explanation", "Link", "Row", "explained"]

DEFAULT: Final = "default"
MASK: Final = "***"
# what is called like this is masked, wherever it stands and whatever the plugin calls it
SECRETIVE: Final = re.compile(r"key|token|secret|passw|credential|auth|cookie|signature", re.IGNORECASE)
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

    config: Config = field(repr=False)
    rows: tuple[Row, ...]
    chain: tuple[Link, ...]

    @property
    def source(self) -> str:
        """The file that it was read from, or what else it is."""
        return self.config.source


def explained(config: Config, registry: Registry | None) -> Explanation:
    """Explain a configuration; loads the plugins that it names, and makes its middleware.

    Raises:
        ConfigurationError: the configuration is wrong.
        PluginError: a plugin cannot be loaded.
    """
    registry = registry or Registry()
    instances = Instances(config, registry)
    ambient = {one for one in registry.names("provider") if one not in config.providers and instances.has_own(one)}
    rows = [*_top(config)]
    for name, alias in config.models.items():
        place = config.place("models", name)
        target = list(alias.targets) if len(alias.targets) > 1 else alias.target
        rows.append(Row(place.key, _shown(target), (place / "target").origin))
        rows += [
            Row((place / key).key, _shown(value, key), (place / key).origin) for key, value in alias.settings.items()
        ]
    for name in [*config.providers, *sorted(ambient)]:
        rows += _settings(instances.read("provider", name))
    links = []
    for index in range(len(config.middleware)):
        found = instances.read("middleware", index)
        rows += _settings(found)
        links += [(layer.slot, _link(found, layer)) for layer in instances.layers(index)]
    links.sort(key=lambda link: link[0])
    return Explanation(config, tuple(rows), tuple(link for _, link in links))


def _link(found: Found, layer: Any) -> Link:
    return Link(layer.slot.name, found.plugin, getattr(layer, "__name__", type(layer).__name__), found.where.origin)


def _top(config: Config) -> Iterator[Row]:
    for one in attrs.fields(Config):
        value = getattr(config, one.name)
        if attrs.has(type(value)) and one.name not in {"document", "environment"}:
            usual = type(value)()
            for inner in attrs.fields(type(value)):
                bound = getattr(value, inner.name)
                yield _plain(config, config.place(one.name, inner.name), bound, getattr(usual, inner.name))
        elif isinstance(value, str):
            yield _plain(config, config.place(one.name), value, one.default)


def _plain(config: Config, place: Place, value: Any, usual: Any) -> Row:
    """The row of a value that no plugin reads."""
    written: Any = config.document.table
    for key in place.path:
        written = written.get(key) if isinstance(written, Mapping) else None
    origin = place.origin if written is not None else DEFAULT if value == usual else "the program"
    return Row(place.key, "inf" if value is None else _shown(value, place.key), origin)


def _settings(found: Found) -> Iterator[Row]:
    """The rows of what a plugin reads, in the order of its fields."""
    written = "use" if found.kind == "middleware" else "plugin"
    if found.named:
        yield Row((found.where / written).key, _shown(found.plugin), (found.where / written).origin)
    for key in dict.fromkeys([*found.fields, *found.settings]):
        place = found.where / key
        if key in found.settings:
            variable, referred = found.variables.get(key), key in found.references
            origin = f"{place.origin}: {variable}" if referred else str(variable or place.origin)
            value = found.settings[key]
            if isinstance(value, Written) and key in found.fields:
                value = read(value, found.fields[key].type, place, [])
            yield Row(place.key, _shown(value, key, hidden=found.secret(key), unknown=referred), origin)
        elif (usual := found.fields[key].default) is not attrs.NOTHING and usual is not None:
            usual = usual.factory() if isinstance(usual, attrs.Factory) and not usual.takes_self else usual  # type: ignore[arg-type]
            yield Row(place.key, _shown(usual, key), DEFAULT)


def _shown(value: Any, key: str = "", *, hidden: bool = False, unknown: bool = False) -> str:
    """A value as TOML writes it. A text is masked where its name or its form says that it is a secret.

    `hidden` masks it whatever it is; `unknown` masks every text but a plain URL.
    """
    if hidden or isinstance(value, Secret):
        return MASK
    if isinstance(value, bool):
        return str(value).lower()
    hidden = bool(SECRETIVE.search(key))
    if isinstance(value, Mapping):
        inner = [
            f"{json.dumps(str(one))} = {_shown(item, f'{key} {one}', unknown=unknown)}" for one, item in value.items()
        ]
        return f"{{ {', '.join(inner)} }}" if inner else "{}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{', '.join(_shown(item, key, unknown=unknown) for item in value)}]"
    if not isinstance(value, str):
        return repr(value) if isinstance(value, int | float) else f"a {type(value).__name__}"
    if hidden or (unknown and not PLAIN_URL.fullmatch(value)) or KEY_LIKE.search(value):
        return MASK
    if "://" in value:
        value = WITH_QUERY.sub(MASK, WITH_PASSWORD.sub(MASK, value))
    return json.dumps(str(value), ensure_ascii=False)

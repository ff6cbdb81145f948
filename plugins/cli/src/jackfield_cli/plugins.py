"""The command `jackfield plugins`: what is installed, and what one plugin offers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .common import EPILOG, config_option, json_option, load_config, standard_output
from .tables import write_table
from .terminal import say

if TYPE_CHECKING:
    from jackfield.config import Config

    from .terminal import Output

__all__ = ["described", "installed", "plugins"]

HELP: Final = """List the plugins that are installed; none of them is loaded.

With a NAME, load that plugin, and show the operations and the settings that it has.
"""
GROUPS: Final = {
    "provider": "jackfield.providers",
    "middleware": "jackfield.middleware",
    "store": "jackfield.stores",
    "schema": "jackfield.schemas",
    "command": "jackfield.commands",
}
KEYS: Final = ("kind", "name", "package", "version", "entry_point")


@click.command(help=HELP, epilog=EPILOG)
@click.argument("name", required=False)
@click.option("--kind", type=click.Choice(list(GROUPS)), help="Only plugins of this kind.")
@json_option
@config_option
def plugins(name: str | None, *, kind: str | None, as_json: bool, config: Path | None) -> None:
    """List plugins; see `HELP`."""
    output = standard_output()
    found = [point for point in installed() if kind in (None, point["kind"])]
    if name is not None:
        _show(output, _named(name, found), as_json=as_json)
        return
    uses = _uses(config)
    for point in found:
        point["configured"] = uses.get((point["kind"], point["name"]), [])
    if as_json:
        output.write_json(found)
        return
    columns = ("kind", "name", "package", "version", "configured as")
    rows = ([*(point[key] or "" for key in KEYS[:4]), ", ".join(point["configured"])] for point in found)
    write_table(output, columns, rows)


def installed() -> list[dict[str, Any]]:
    """Every plugin that is installed, by kind and name. None is imported."""
    found = []
    for kind, group in GROUPS.items():
        for point in sorted(entry_points(group=group), key=lambda point: (point.name, point.value)):
            package, version = (point.dist.name, point.dist.version) if point.dist else (None, None)
            found.append(dict(zip(KEYS, (kind, point.name, package, version, point.value), strict=True)))
    return found


def _uses(config: Path | None) -> Mapping[tuple[str, str], list[str]]:
    """Under which names the configuration has a plugin, by kind and name of the plugin."""
    from jackfield.errors import JackfieldError

    try:
        loaded = load_config(config)
    except JackfieldError as error:
        if config is not None:
            raise
        # what is installed can be told all the same, and may be what is wrong
        say(f"what is configured cannot be told: {error}")
        return {}
    return _named_by(loaded)


def _named_by(config: Config) -> Mapping[tuple[str, str], list[str]]:
    uses: dict[tuple[str, str], list[str]] = {}
    for instance, table in config.providers.items():
        uses.setdefault(("provider", str(table.get("plugin", instance))), []).append(instance)
    for table in config.middleware:
        uses.setdefault(("middleware", table["use"]), ["middleware"])
    return uses


# --- one plugin -------------------------------------------------------------------------------------------------------


def _named(name: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    same = [point for point in found if point["name"] == name]
    if not same:
        from jackfield.settings import nearest

        known = {point["name"] for point in found}
        raise click.UsageError(f"no plugin {name!r} is installed; {nearest(name, known)}")
    return [{**point, **described(point)} for point in same]


def described(point: Mapping[str, Any]) -> dict[str, Any]:
    """What a plugin says of itself: about, operations (None where it cannot be told) and settings. Loads it.

    Raises:
        PluginError: it cannot be loaded.
    """
    kind, name = point["kind"], point["name"]
    if kind == "command":
        return {"about": f"see `jackfield {name} --help`", "operations": None, "settings": []}
    from jackfield.registry import Registry

    registry = Registry()
    settings = None if kind == "schema" else registry.settings_class(kind, name)
    loaded = EntryPoint(name, point["entry_point"], GROUPS[kind]).load()
    about = (inspect.getdoc(loaded) or "").partition("\n\n")[0].replace("\n", " ")
    operations = _operations(registry, name) if kind == "provider" else None
    return {"about": about, "operations": operations, "settings": _settings(settings)}


def _operations(registry: Any, name: str) -> list[str] | None:
    """What a provider serves. It has to be made for that, which asks nobody anything."""
    from jackfield.errors import JackfieldError
    from jackfield.provider import Secret

    for settings in ({}, {"api_key": Secret("none")}):
        try:
            return sorted(registry.make("provider", name, name, settings, f"providers.{name}").operations)
        except JackfieldError:
            continue
    return None


def _settings(cls: type[Any] | None) -> list[dict[str, Any]]:
    import attrs

    if cls is None:
        return []
    texts = _attribute_texts(inspect.getdoc(cls) or "")
    rows = []
    for field in attrs.fields(cls):
        if not field.init:
            continue
        default = field.default
        if isinstance(default, attrs.Factory) and not default.takes_self:  # type: ignore[arg-type]
            default = default.factory()
        required = default is attrs.NOTHING
        rows.append(
            {
                "name": field.alias,
                "type": _type_text(field.type),
                "required": required,
                "default": None if required else _plain(default),
                "description": texts.get(field.name, ""),
            }
        )
    return rows


def _type_text(kind: Any) -> str:
    """A type as its author wrote it, more or less: without the names of modules."""
    written = kind if isinstance(kind, str) else inspect.formatannotation(kind)
    return re.sub(r"\b(?:[A-Za-z_]\w*\.)+(?=\w)", "", written)


def _plain(value: object) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value if value is None or isinstance(value, str | int | float | bool) else repr(value)


def _attribute_texts(doc: str) -> dict[str, str]:
    """What the section `Attributes:` of a docstring says of each."""
    section = re.search(r"^Attributes:\n((?:[ \t]+.*\n?|\n)*)", doc, re.MULTILINE)
    if section is None:
        return {}
    entries = re.findall(r"^    (\w+)(?: \([^)]*\))?:((?:.*\n?)(?:     +.*\n?)*)", section[1], re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def _show(output: Output, points: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        output.write_json(points)
        return
    import json

    for number, point in enumerate(points):
        package = f"{point['package']} {point['version']}" if point["package"] else "an unknown package"
        output.write(
            "\n" * bool(number) + f"{point['kind']} {point['name']}, from {package} ({point['entry_point']})\n"
        )
        output.write(f"{point['about']}\n" if point["about"] else "")
        if point["operations"] is not None:
            output.write(f"operations: {', '.join(point['operations'])}\n")
        rows = [
            (
                setting["name"],
                setting["type"],
                "required" if setting["required"] else json.dumps(setting["default"], ensure_ascii=False),
                setting["description"],
            )
            for setting in point["settings"]
        ]
        if rows:
            output.write("\n")
            write_table(output, ("setting", "type", "default", "meaning"), rows)

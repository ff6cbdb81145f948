"""The command `jackfield plugins`: what is installed, and what one plugin offers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .common import EPILOG, allowed_plugins, config_option, json_option, load_config, standard_output
from .listing import GROUPS, Allow, installed, together
from .tables import write_table
from .terminal import say

if TYPE_CHECKING:
    from jackfield.config import Config

    from .terminal import Output

__all__ = ["described", "plugins"]

HELP: Final = """List the plugins that are installed, where each comes from, and what keeps it from being loaded.

None of them is loaded for that.

With a NAME, load that plugin, and show the operations and the settings that it has.
"""
COLUMNS: Final = ("kind", "name", "package", "version", "entry point", "origin", "configured as", "problem")


@click.command(help=HELP, epilog=EPILOG)
@click.argument("name", required=False)
@click.option("--kind", type=click.Choice(list(GROUPS)), help="Only plugins of this kind.")
@json_option
@config_option
def plugins(name: str | None, *, kind: str | None, as_json: bool, config: Path | None) -> None:
    """List plugins; see `HELP`."""
    output = standard_output()
    allow, uses = _configured(config)
    found = [point for point in installed(allow) if kind in (None, point["kind"])]
    if name is not None:
        _show(output, _named(name, found, allow), as_json=as_json)
        return
    for point in found:
        point["configured"] = uses.get((point["kind"], point["name"]), [])
    if as_json:
        output.write_json(found)
        return
    if output.terminal:
        _draw(output, found)
        return
    write_table(output, COLUMNS, map(_row, found))


def _row(point: Mapping[str, Any]) -> list[str]:
    told = [point[key] or "" for key in ("kind", "name", "package", "version", "entry_point", "origin")]
    return [*told, ", ".join(point["configured"]), point["problem"] or ""]


def _draw(output: Output, found: list[dict[str, Any]]) -> None:
    """The table for a person: no wider than it must be, and what is wrong stands below it."""
    drawn = []
    for points in together(found):
        kind, name, package, version, entry, origin, uses, _ = _row(points[0])
        if len(points) > 1:
            name, entry = ", ".join(point["name"] for point in points), entry.partition(":")[0]
        drawn.append([kind, name, f"{package} {version}\n{entry}", origin, uses])
    write_table(output, ("kind", "name", "package and entry point", "origin", "configured as"), drawn)
    for problem in dict.fromkeys(point["problem"] for point in found if point["problem"]):
        say(problem)


def _configured(config: Path | None) -> tuple[Allow, Mapping[tuple[str, str], list[str]]]:
    """What the configuration allows, and under which names it has a plugin, by kind and name of the plugin."""
    from jackfield.errors import JackfieldError

    allow = None
    try:
        allow = allowed_plugins(config)
        return allow, _named_by(load_config(config))
    except JackfieldError as error:
        if config is not None:
            raise
        # what is installed can be told all the same, and may be what is wrong
        say(f"what is configured cannot be told: {error}")
        return allow, {}


def _named_by(config: Config) -> Mapping[tuple[str, str], list[str]]:
    uses: dict[tuple[str, str], list[str]] = {}
    for instance, table in config.providers.items():
        uses.setdefault(("provider", str(table.get("plugin", instance))), []).append(instance)
    for table in config.middleware:
        uses.setdefault(("middleware", table["use"]), ["middleware"])
    return uses


# --- one plugin -------------------------------------------------------------------------------------------------------


def _named(name: str, found: list[dict[str, Any]], allow: Allow) -> list[dict[str, Any]]:
    same = [point for point in found if point["name"] == name]
    if not same:
        from jackfield.settings import nearest

        known = {point["name"] for point in found}
        raise click.UsageError(f"no plugin {name!r} is installed; {nearest(name, known)}")
    return [{**point, **described(point, allow)} for point in same]


def described(point: Mapping[str, Any], allow: Allow = None) -> dict[str, Any]:
    """What a plugin says of itself: about, operations (None where it cannot be told) and settings. Loads it.

    Raises:
        PluginError: it may not be loaded, or cannot be.
    """
    kind, name = point["kind"], point["name"]
    if kind == "command":
        return {"about": f"see `jackfield {name} --help`", "operations": None, "settings": []}
    from jackfield.doors import installed as by_group, load
    from jackfield.registry import Registry

    registry = Registry(allow=allow)
    settings = None if kind in {"schema", "shape"} else registry.settings_class(kind, name)
    loaded = load(f"{kind} {name!r}", by_group()[GROUPS[kind]][name], allow)
    about = (inspect.getdoc(loaded) or "").partition("\n\n")[0].replace("\n", " ")
    operations = _operations(registry, name) if kind == "provider" else None
    return {"about": about, "operations": operations, "settings": _settings(settings)}


def _operations(registry: Any, name: str) -> list[str] | None:
    """What a provider serves. It has to be made for that, which asks nobody anything."""
    from jackfield.errors import JackfieldError
    from jackfield.provider import Secret

    key = {"api_key": Secret("none")}
    for settings in ({}, key, {**key, "base_url": "https://nowhere.invalid"}):
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
        output.write(f"origin: {point['origin']}\n")
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

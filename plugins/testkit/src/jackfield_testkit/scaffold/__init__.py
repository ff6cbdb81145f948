"""Writes a new package: a provider, a middleware or a store that works, with tests that it passes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from jinja2 import Environment, StrictUndefined

from jackfield.errors import ConfigurationError

__all__ = ["Made", "generate"]

Made: TypeAlias = Literal["provider", "middleware", "store"]

GROUPS: Final[Mapping[str, str]] = {"provider": "providers", "middleware": "middleware", "store": "stores"}
WHAT: Final[Mapping[str, str]] = {
    "provider": "A provider for Jackfield that talks to {}.",
    "middleware": "A middleware for Jackfield: {}.",
    "store": "A store for Jackfield's cache: {}.",
}
SUFFIX: Final = ".jinja"


def generate(
    kind: Made, name: str, folder: Path, *, author: str = "The authors", year: int | None = None
) -> list[Path]:
    """Write a package `jackfield-NAME` into a folder that is new or empty, and give the files.

    Args:
        kind: "provider", "middleware" or "store".
        name: what a configuration will call it: small letters, digits and hyphens.
        folder: where to.
        author: whose name stands in the licence and the metadata.
        year: of the licence; this year where it is left out.

    Raises:
        ConfigurationError: the kind or the name cannot be, or there is something in the folder.
    """
    if kind not in GROUPS:
        raise ConfigurationError(f"kind: expected one of {', '.join(get_args(Made))}, got {kind!r}")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        what = "small letters, digits and single hyphens, with a letter first, as in 'acme' or 'acme-chat'"
        raise ConfigurationError(f"name: expected {what}, got {name!r}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigurationError(f"{folder}: there is something already; name a folder that is new or empty")
    words = _words(kind, name, author, year or datetime.now(UTC).year)
    environment = Environment(  # noqa: S701 - these are no web pages
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    written = []
    templates = files(__package__) / "templates"
    for part in ("common", kind):
        for place, template in sorted(_files(templates / part)):
            path = folder / environment.from_string(place.replace("MODULE", "<<module>>")).render(words)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(environment.from_string(template.read_text("utf-8")).render(words), "utf-8")
            written.append(path)
    return written


def _words(kind: Made, name: str, author: str, year: int) -> dict[str, Any]:
    major, minor, *_ = version("jackfield").split(".")  # a plugin may rely on what does not change within these
    title = " ".join(word.capitalize() for word in name.split("-"))
    return {
        "plugin": name,
        "project": f"jackfield-{name}",
        "module": f"jackfield_{name.replace('-', '_')}",
        "variable": name.replace("-", "_").upper(),
        "name": title.replace(" ", ""),
        "title": title,
        "description": WHAT[kind].format(title),
        "group": GROUPS[kind],
        "bound": f">={major}.{minor},<{major}.{int(minor) + 1}",
        "author": author,
        "author_quoted": '"' + author.replace("\\", "\\\\").replace('"', '\\"') + '"',
        "year": year,
    }


def _files(folder: Traversable, place: str = "") -> Iterator[tuple[str, Traversable]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _files(one, f"{place}{one.name}/")
        elif one.name.endswith(SUFFIX):
            yield place + one.name.removesuffix(SUFFIX), one

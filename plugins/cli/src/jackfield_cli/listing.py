"""What is installed: each plugin, where it comes from, and what keeps it from being loaded. None is imported."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, EntryPoint
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from jackfield.doors import Brought

__all__ = ["GROUPS", "Allow", "allowance", "installed", "origin", "together"]

Allow: TypeAlias = tuple[str, ...] | None
"""The distributions whose plugins may be loaded; None is all."""

GROUPS: Final = {
    "provider": "providers",
    "middleware": "middleware",
    "store": "stores",
    "schema": "schemas",
    "shape": "shapes",
    "command": "commands",
}
OURS: Final = "jackfield-cli"

LOGIN: Final = re.compile(r"(?<=://)[^/@\s]+@")


def installed(allow: Allow = None) -> list[dict[str, Any]]:
    """Every plugin that is installed, by kind and name. None is imported.

    `problem` is what keeps it from being loaded: it is not allowed, clashes, or is for another version of Jackfield.
    """
    from jackfield.doors import allowed, installed as everything

    groups = everything()
    return [
        {
            "kind": kind,
            "name": name,
            "package": _said(point, "name"),
            "version": _said(point, "version"),
            "entry_point": point.value,
            "origin": origin(point.dist),
            "allowed": point in allowed(brought, allowance(kind, allow)),
            "problem": _problem(kind, name, package, brought, allow),
        }
        for kind, group in GROUPS.items()
        for name, brought in sorted(groups.get(group, {}).items())
        for package, point in sorted(brought.items(), key=lambda item: item[1].value)
    ]


def together(points: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The plugins in the order given, those of one kind that one module brings, and that nothing is wrong with, as one.

    A module may bring dozens, which differ in nothing but the name.
    """
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for number, point in enumerate(points):
        module, _, name = point["entry_point"].partition(":")
        alike = name and point["allowed"] and not point["problem"] and not point.get("configured")
        key = (point["kind"], point["package"], module) if alike else (number,)
        groups.setdefault(key, []).append(point)
    return list(groups.values())


def _said(point: EntryPoint, what: str) -> str | None:
    try:
        return str(getattr(point.dist, what) or "") or None
    except Exception:  # noqa: BLE001 - its metadata is gone, or is none
        return None


def _problem(kind: str, name: str, package: str, brought: Brought, allow: Allow) -> str | None:
    """Why a plugin of this distribution may not be loaded."""
    from jackfield.doors import allowed, chosen
    from jackfield.errors import PluginError

    allow = allowance(kind, allow)
    point = brought[package]
    try:
        # where another distribution is allowed in its place, it is this one that is not
        chosen(f"{kind} {name!r}", brought if point in allowed(brought, allow) else {package: point}, allow)
    except PluginError as error:
        return error.message
    return None


def allowance(kind: str, allow: Allow) -> Allow:
    """What is allowed of a kind: the commands of this package always are."""
    return allow if allow is None or kind != "command" else (OURS, *allow)


# --- where it comes from


def origin(distribution: Distribution | None) -> str:
    """Where a distribution comes from, as its installer noted it (PEP 610).

    That is `index`, or the URL or folder that it was installed from, or else the folder that it lies in. A folder that
    is used in place is `editable`. A user name or password in a URL is left out.
    """
    try:
        if distribution is None:
            return "unknown"
        if noted := distribution.read_text("direct_url.json"):
            return _noted(json.loads(noted))
        # an installer notes nothing where it was asked for a name
        return "index" if distribution.read_text("INSTALLER") else str(distribution.locate_file("")).rstrip("/")
    except Exception:  # noqa: BLE001 - whatever is wrong with it, the list of the others is told
        return "unknown"


def _noted(noted: Mapping[str, Any]) -> str:
    url = LOGIN.sub("", str(noted["url"]))
    if (vcs := noted.get("vcs_info")) is not None:
        revision = vcs.get("commit_id") or vcs.get("requested_revision")
        return f"{vcs['vcs']}+{url}" + (f"@{revision}" if revision else "")
    if not url.startswith("file:"):
        return url
    path = unquote(urlsplit(url).path)
    return f"editable {path}" if noted.get("dir_info", {}).get("editable") else path

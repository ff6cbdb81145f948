"""Doors to what other distributions bring: found by entry point, and loaded when it is wanted. That is trust.

Of what is installed, one distribution must bring a thing, it must be allowed, and fit this version of Jackfield.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import EntryPoint, distributions
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

from . import __version__
from .errors import PluginError

if TYPE_CHECKING:
    from . import types as t

__all__ = ["Brought", "Schemas", "Shapes", "allowed", "chosen", "described", "installed", "load", "schemas", "shapes"]

Brought: TypeAlias = Mapping[str, EntryPoint]
"""All that bring one thing: the entry points of a group and a name, by the distribution."""

FunctionSchema: TypeAlias = tuple[str, str | None, dict[str, Any]]
OURS: Final = r"jackfield *(?:\[[^]]*\])? *\(?[<>=!~][^;\n]*"  # with a version, and without a condition


class Schemas(Protocol):
    """What is asked of whoever knows Python types as JSON Schema."""

    def json_schema(self, kind: Any, *, known: Mapping[Any, Mapping[str, Any]] | None = None) -> dict[str, Any]:
        """The JSON Schema of a type; `known` holds those of types that have none of their own."""

    def function_schema(self, function: Callable[..., Any], *, strict: bool = False) -> FunctionSchema:
        """A function's name, its description, and the JSON Schema of its parameters."""

    def response_schema(self, kind: Any) -> tuple[str, dict[str, Any], bool]:
        """A name, a schema and whether it is strict, with which to ask a model for a type."""

    def read_response(self, text: str, kind: Any) -> Any:
        """Read the text of a reply that was asked for with `response_schema`."""


class Shapes(Protocol):
    """What is asked of whoever reads dictionaries in OpenAI's shape; `where` is what errors call one."""

    def message(self, value: Mapping[str, Any], where: str) -> t.Message:
        """Read a message."""

    def tool(self, value: Mapping[str, Any], where: str) -> t.Tool | t.Unknown:
        """Read a tool."""

    def tool_choice(self, value: Mapping[str, Any]) -> t.ToolChoice | None:
        """Read a tool choice; None where it is none."""

    def response_format(self, value: Mapping[str, Any]) -> t.ResponseFormat | None:
        """Read a response format; None where it is none."""


def schemas() -> Schemas:
    """Who knows Python types.

    Raises:
        PluginError: nobody is installed, or it cannot be loaded.
    """
    return cast("Schemas", _behind("schemas", "python", "Python types as tools and response formats", "schema"))


def shapes() -> Shapes:
    """Who reads dictionaries in OpenAI's shape.

    Raises:
        PluginError: nobody is installed, or it cannot be loaded.
    """
    return cast("Shapes", _behind("shapes", "openai", "dictionaries in OpenAI's shape", "wire-openai"))


@cache
def _behind(group: str, name: str, what: str, distribution: str) -> object:
    from .config import load as configuration  # nobody's, so that the variables of the process decide

    if brought := installed()[group].get(name):
        return load(f"what reads {what}", brought, configuration({}).allow_plugins)
    raise PluginError(f"{what} need jackfield-{distribution}: install it")


# --- what is installed


def installed() -> Mapping[str, Mapping[str, Brought]]:
    """All that is installed, by group of entry points, without `jackfield.`, and name; imports nothing.

    Groups that nobody has are empty. What is broken is left out. It reads every distribution there is: ask once.
    """
    found: dict[str, Any] = defaultdict(lambda: defaultdict(dict))
    for distribution in distributions():
        with suppress(Exception):  # no other suffers from one that is broken, in whatever way
            for point in distribution.entry_points:
                if (group := point.group.removeprefix("jackfield.")) != point.group:
                    # the first on the path hides others of its name
                    found[group][point.name].setdefault(_told(point, "Name"), point)
    return found


def described(point: EntryPoint) -> str:
    """Distribution, version and entry point: `jackfield-openai 0.1.0 (jackfield_openai)`."""
    return f"{_told(point, 'Name') or 'an unknown distribution'} {_told(point, 'Version') or '?'} ({point.value})"


def allowed(brought: Brought, allow: Container[str] | None) -> list[EntryPoint]:
    """Those of distributions that are allowed; None allows all."""
    return [point for name, point in brought.items() if allow is None or name in allow]


def chosen(what: str, brought: Brought, allow: Container[str] | None) -> EntryPoint:
    """The entry point to load; nothing is imported. `what` is what errors call it.

    Raises:
        PluginError: none is allowed, several are, or it needs another version of Jackfield.
    """
    fit = allowed(brought, allow)
    who = " and ".join(map(described, fit or brought.values()))
    if not fit:
        raise PluginError(f"{what}: {who} is not allowed; if you trust it, add {' or '.join(brought)} to allow_plugins")
    if len(fit) > 1:
        raise PluginError(f"{what}: {who} bring it; uninstall all but one, or have allow_plugins name one alone")
    if _unmet(wanted := _told(fit[0], "Requires-Dist", OURS)):
        raise PluginError(f"{what}: {who} needs {wanted}, and this is {__version__}; install versions that fit")
    return fit[0]


def load(what: str, brought: Brought, allow: Container[str] | None) -> Any:
    """Import what an entry point names. `what` is what errors call it.

    Raises:
        PluginError: it is not to be loaded, see `chosen`, or it cannot be imported.
    """
    point = chosen(what, brought, allow)
    try:
        return point.load()
    except (Exception, SystemExit) as error:
        failed = f"cannot be imported: {type(error).__name__}: {error}; reinstall or uninstall it"
        raise PluginError(f"{what}: {described(point)} {failed}") from error


def _told(point: EntryPoint, header: str, form: str = ".+?") -> str:
    """What the metadata of an entry point's distribution first says under a header, in this form."""
    # by hand: parsing the whole would import the parser of e-mails
    text = (point.dist and point.dist.read_text("METADATA")) or ""
    found = re.search(rf"^{header}: *({form}) *$", text.partition("\n\n")[0], re.MULTILINE)
    return found[1] if found else ""


def _unmet(wanted: str) -> bool:
    """Whether a bound of a requirement leaves this version out: `>=`, `~=` or `<`. The rest is for who installs."""
    bounds = re.findall(r"(>=|~=|<(?!=)) *([\d.]+)", wanted)
    return any((_numbers(__version__) < _numbers(version)) == (bound != "<") for bound, version in bounds)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]

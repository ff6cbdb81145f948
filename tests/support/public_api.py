"""The public names of every distribution as text, so that a change of them is seen, and judged by griffe.

A snapshot looks like a stub: each public module below a line `# module`, its names in order, their parameters with
their defaults, no annotations. `python tests/support/public_api.py` brings the files in `tests/compatibility` up to
date, and refuses to where something breaks that no fragment of the changelog tells.
"""

import importlib
import inspect
import pkgutil
import re
import sys
import typing
from collections.abc import Iterable, Iterator
from enum import Enum
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import FunctionType, MethodType

import attrs

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOTS = ROOT / "tests" / "compatibility"
FRAGMENTS = ROOT / "changelog.d"
COMMAND = "python tests/support/public_api.py"

PUBLIC_ROOMS = frozenset(
    {
        "jackfield",
        "jackfield.call",
        "jackfield.config",
        "jackfield.errors",
        "jackfield.health",
        "jackfield.hooks",
        "jackfield.http",
        "jackfield.instances",
        "jackfield.middleware",
        "jackfield.operations",
        "jackfield.provider",
        "jackfield.registry",
        "jackfield.runtime",
        "jackfield.settings",
        "jackfield.sse",
        "jackfield.testing",
        "jackfield.doors",
        "jackfield.types",
    }
)
# libraries, all of whose modules are there to be imported; of a plugin, it is the package and what helps to test it
LIBRARIES = ("jackfield_jobs", "jackfield_testkit", "jackfield_wire_openai")
FOR_TESTS = ("testing", "simulation")
SHOWN = ("__aiter__", "__anext__", "__call__", "__contains__", "__getitem__", "__iter__", "__len__", "__next__")
GROUPS = ("providers", "middleware", "stores", "schemas", "shapes", "commands")
DOOR = re.compile(r"_behind\(\"(\w+)\"")


# --- what there is


def packages() -> list[str]:
    """The import name of every distribution of this repository."""
    return ["jackfield", *sorted(path.parent.name for path in ROOT.glob("p*/*/src/jackfield_*/__init__.py"))]


def modules_of(package: str) -> list[str]:
    """The public modules of a package."""
    if package == "jackfield":
        return sorted(PUBLIC_ROOMS)
    root = importlib.import_module(package)
    below = [one.name for one in pkgutil.walk_packages(root.__path__, f"{package}.")]
    wanted = [name for name in below if package in LIBRARIES or name.split(".")[1] in FOR_TESTS]
    return [package, *sorted(name for name in wanted if "._" not in name)]


def snapshot(package: str) -> str:
    """The public names of a package, as text."""
    modules = modules_of(package)
    seen: dict[int, str] = {}
    parts = []
    for name in modules:
        module = importlib.import_module(name)
        names = {one: getattr(module, one) for one in getattr(module, "__all__", ())}
        if name == "jackfield.hooks":
            names |= {one: value for one, value in vars(module).items() if one.startswith("jackfield_")}
        told = [text for one in sorted(names) for text in _told(one, names[one], name, modules, seen)]
        parts.append("\n".join([f"# {name}", *told]))
    parts.append("\n".join([f"# {package}.entry_points", *_entry_points(package)]))
    parts.append("\n".join([f"# {package}.configuration", *_configuration(package)]))
    return "\n\n".join(parts) + "\n"


def _told(name: str, value: object, module: str, modules: list[str], seen: dict[int, str]) -> Iterator[str]:
    home = getattr(value, "__module__", None) or ""
    homes = [one for one in modules if one != "jackfield" and (home == one or home.startswith(f"{one}."))]
    elsewhere = max(homes, key=len, default=module)
    if isinstance(value, type | FunctionType) and (elsewhere != module or id(value) in seen):
        yield f"{name} = {seen.get(id(value), f'{elsewhere}.{name}')!r}"
        return
    if isinstance(value, type) and not _is_ours(value):
        yield f"{name} = ..."  # another library's: by the version of that it is a class or a function
        return
    if isinstance(value, type | FunctionType):
        seen[id(value)] = f"{module}.{name}"
    yield from described(name, value, hook=hasattr(value, "jackfield_spec"))


def described(name: str, value: object, *, hook: bool = False) -> Iterator[str]:
    """One public name."""
    if hook:  # a plugin takes of its arguments those that it wants, so that one may be added
        yield from _plain_class(name, [f"{one} = ..." for one in inspect.signature(value).parameters])
    elif isinstance(value, type):
        yield from _class(name, value)
    elif isinstance(value, FunctionType | MethodType):
        yield _function(name, value)
    else:
        yield f"{name} = {_default(value)}"


def _plain_class(name: str, lines: list[str]) -> Iterator[str]:
    yield from [f"class {name}:", *(f"    {line}" for line in lines or ["..."])]


def _class(name: str, cls: type) -> Iterator[str]:
    bases = [one.__name__ for one in cls.__bases__ if _is_ours(one) or issubclass(one, BaseException)]
    bases = [one for one in bases if not one.startswith("_")]
    members = dict(_members(cls))
    lines = [members[one] for one in sorted(members)]
    if getattr(cls, "_is_protocol", False) or inspect.isabstract(cls):
        # who implements it has to have all of these: one more breaks that
        required = sorted(getattr(cls, "__abstractmethods__", ()) or members)
        lines.insert(0, f"def __implemented_by__({', '.join(required)}): ...")
    elif _is_made(cls) and (made := _signature(cls)) is not None:
        lines.insert(0, f"def __init__({made}): ...")
    yield from _plain_class(f"{name}({', '.join(bases)})" if bases else name, lines)


def _is_made(cls: type) -> bool:
    """Whether what it is made of is its own affair: an error that adds nothing is made as its base is."""
    return not issubclass(cls, Enum) and ("__init__" in vars(cls) or not issubclass(cls, BaseException))


def _members(cls: type) -> Iterator[tuple[str, str]]:
    """What instances and the class itself offer, inherited from our own classes or not."""
    fields = {field.name: field for field in attrs.fields(cls)} if attrs.has(cls) else {}
    ours = [cls, *(base for base in cls.__mro__ if _is_ours(base) and not issubclass(cls, BaseException))]
    names = {one for base in ours for one in (*vars(base), *vars(base).get("__annotations__", ()))}
    for name in names | fields.keys():
        if name.startswith("_") and name not in SHOWN:
            continue
        value = inspect.getattr_static(cls, name, None)
        value = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if name in fields:
            yield name, f"{name} = {_default(fields[name].default)}"
        elif isinstance(value, FunctionType):
            yield name, _function(name, value)
        elif isinstance(value, Enum):
            yield name, f"{name} = {value.value!r}"
        else:
            yield name, f"{name} = ..."


def _is_ours(cls: type) -> bool:
    return cls.__module__.split(".")[0].split("_")[0] == "jackfield"


def _function(name: str, function: object) -> str:
    prefix = "async def" if inspect.iscoroutinefunction(function) else "def"
    return f"{prefix} {name}({_signature(function)}): ..."


def _signature(function: object) -> str | None:
    try:
        found = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    plain = [
        one.replace(annotation=one.empty, default=one.empty if one.default is one.empty else _Written(one.default))
        for one in found.parameters.values()
    ]
    return str(found.replace(parameters=plain, return_annotation=found.empty))[1:-1]


class _Written:
    """A default, written as the snapshot has it."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return _default(self.value)


def _default(value: object) -> str:
    plain = value is None or type(value) in {bool, int, float, str, bytes}
    if not plain and type(value) in {tuple, frozenset}:
        plain = all(type(one) in {bool, int, float, str} for one in value)
        value = tuple(sorted(value)) if type(value) is frozenset and plain else value
    return repr(value) if plain and repr(value) not in {"inf", "-inf", "nan"} else "..."


def _entry_points(package: str) -> Iterator[str]:
    """The names in each group that the distribution brings; and of the core, the groups that it looks into."""
    if package == "jackfield":
        from jackfield import doors, registry

        groups = {*registry.GROUPS.values(), *DOOR.findall(inspect.getsource(doors))}
        yield from (f"{group} = ..." for group in sorted(groups))
    elif package == "jackfield_cli":
        yield "commands = ..."
    for group in GROUPS:
        if ours := _points(package, group):
            yield from _plain_class(f"{group}_here", [f"{_name(one.name)} = ..." for one in ours])


def _points(package: str, group: str) -> list[EntryPoint]:
    found = sorted(entry_points(group=f"jackfield.{group}"), key=lambda point: point.name)
    return [point for point in found if re.split(r"[.:]", point.value)[0] == package]


def _configuration(package: str) -> Iterator[str]:
    """The keys that a user may write, and the options of the commands."""
    if package == "jackfield":
        from jackfield.config import Config

        hidden = {"document", "environment"}
        yield from _keys("top", {one.name: one.default for one in attrs.fields(Config) if one.name not in hidden})
        for name in ("timeouts", "network"):
            cls = typing.get_type_hints(Config)[name]
            yield from _keys(name, {one.name: one.default for one in attrs.fields(cls)})
        return
    from jackfield.registry import GROUPS as KINDS, Registry

    for kind, group in KINDS.items():
        for point in _points(package, group):
            if cls := Registry().settings_class(kind, point.name):
                fields = [one for one in attrs.fields(cls) if one.init]
                yield from _keys(f"{kind}_{_name(point.name)}", {one.alias: one.default for one in fields})
    for point in _points(package, "commands"):
        yield from _command(f"command_{_name(point.name)}", point.load())


def _command(name: str, command: object) -> Iterator[str]:
    options = sorted({one for parameter in command.params for one in parameter.opts})  # type: ignore[attr-defined]
    yield from _plain_class(name, [f"{_name(one)} = {one!r}" for one in [*options, "--help"]])
    for below, inner in sorted(getattr(command, "commands", {}).items()):
        yield from _command(f"{name}_{_name(below)}", inner)


def _keys(name: str, fields: dict[str, object]) -> Iterator[str]:
    # whether a key may be left out is what a file depends on
    parameters = [f"{key}" if value is attrs.NOTHING else f"{key}={_default(value)}" for key, value in fields.items()]
    yield f"def {name}(*, {', '.join(parameters)}): ..." if parameters else f"def {name}(): ..."


def _name(text: str) -> str:
    return re.sub(r"\W", "_", text.lstrip("-"))


# --- what has changed


def breakages(old: str, new: str) -> dict[str, str]:
    """What of an old snapshot a new one breaks: the path of the name, and what was done to it."""
    from griffe import find_breaking_changes

    before, now = _visited(old), _visited(new)
    found = {f"{name}": "the module was removed" for name in before.keys() - now.keys()}
    for name in before.keys() & now.keys():
        for one in find_breaking_changes(before[name], now[name]):
            path = one.obj.path.replace(":", ".")
            where = getattr(one.old_value, "name", None) or getattr(one.new_value, "name", None)
            inner = f"({where})" if one.kind.name.startswith("PARAMETER") and where else ""
            found[f"{path}{inner}"] = one.kind.value
    # what it does not look at
    was, is_now = _facts(old), _facts(new)
    changed = {path: what for path, what in was.items() if is_now.get(path, what) != what}
    return {**found, **{path: f"It was {what}, and is {is_now[path]}" for path, what in changed.items()}}


def _facts(text: str) -> dict[str, str]:
    """Of each function whether it is to be awaited, and of each constant its value, by their paths."""
    found = {}
    module = cls = ""
    for line in text.splitlines():
        if match := re.match(r"# (\S+)|class (\w+)|( *)(async )?def (\w+)", line):
            module, cls = (match[1], "") if match[1] else (module, match[2] or cls)
            if match[5]:
                path = ".".join(filter(None, (module, cls if match[3] else "", match[5])))
                found[path] = "to be awaited" if match[4] else "not to be awaited"
        elif match := re.match(r"(\w+) = ([^.'\"].*)$", line):
            found[f"{module}.{match[1]}"] = match[2]
    return found


def _visited(text: str) -> dict[str, typing.Any]:
    from griffe import visit

    parts = re.split(r"^# (\S+)$", text, flags=re.MULTILINE)[1:]
    found = {}
    for name, code in zip(parts[::2], parts[1::2], strict=True):
        names = re.findall(r"^(?:class |def |async def )?(\w+)", code, flags=re.MULTILINE)
        # griffe looks only at what is public, and that is all of it
        public = f"__all__ = {sorted(set(names))}\n"
        found[name] = visit(name, filepath=Path(f"{name}.py"), code=public + code)
    return found


def untold(broken: Iterable[str], fragments: Iterable[Path] | None = None) -> list[str]:
    """Those that no fragment of the changelog about changes or removals names, in backquotes."""
    files = fragments if fragments is not None else [*FRAGMENTS.glob("*.change.md"), *FRAGMENTS.glob("*.removal.md")]
    told = {name for file in files for name in re.findall(r"`([^`]+)`", file.read_text(encoding="utf-8"))}
    return sorted(one for one in broken if one not in told)


def main() -> int:
    """Write the snapshots. Gives the exit status."""
    status = 0
    for package in packages():
        file, now = SNAPSHOTS / f"{package}.txt", snapshot(package)
        old = file.read_text(encoding="utf-8") if file.exists() else ""
        broken = breakages(old, now)
        if missing := untold(broken):
            told = "\n".join(f"    `{one}`: {broken[one]}" for one in missing)
            sys.stderr.write(
                f"{package} breaks who uses it; say so in a fragment (+name.removal.md or .change.md):\n{told}\n"
            )
            status = 1
        elif old != now:
            file.write_text(now, encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())

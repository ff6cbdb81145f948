"""Dependencies point one way, and the outside is reached through one door.

The sources are read with `ast`, never imported. So an import counts wherever it stands: at the top, in a
function, under `TYPE_CHECKING`, or as a literal given to `import_module`.
Each rule is a function from sources to complaints.
It is tried on planted violations as well as on the real tree, so it is known that it can fail.
"""

import ast
import graphlib
import importlib
import io
import tokenize
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest
from public_api import PUBLIC_ROOMS

ROOT = Path(__file__).resolve().parents[2]

HTTP_LIBRARIES = (
    "aiohttp",
    "http.client",
    "httpcore",
    "httpcore2",
    "httpx",
    "httpx2",
    "niquests",
    "pyreqwest",
    "requests",
    "urllib.request",
    "urllib3",
)
VENDOR_SDKS = (
    "aisuite",
    "any_llm",
    "anthropic",
    "boto3",
    "botocore",
    "cohere",
    "google.genai",
    "google.generativeai",
    "groq",
    "huggingface_hub",
    "langchain",
    "langchain_core",
    "langchain_openai",
    "litellm",
    "llama_cpp",
    "mistralai",
    "ollama",
    "openai",
    "openrouter",
    "replicate",
    "together",
    "xai_sdk",
)
PICKLES = ("_pickle", "cloudpickle", "dill", "jsonpickle", "pickle", "shelve")
CLOCKS = ("time.sleep", "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter")
CONCURRENCY = ("anyio", "asyncio", "random", "threading", "time.perf_counter_ns", "trio", *CLOCKS)
MAX_CORE_LINES = 4_000
SIMULATION = "jackfield_testkit.simulation"  # a runtime too


# --- reading sources ----------------------------------------------------------------------------------------


class Import(NamedTuple):
    """One imported module, or one name taken from it."""

    module: str
    name: str | None
    line: int

    @property
    def dotted(self) -> str:
        return self.module if self.name is None else f"{self.module}.{self.name}"


class Source:
    """One file below a `src` folder."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text

    @property
    def package_folder(self) -> str:
        """The folder of the distribution: `core`, `providers/openai`, ..."""
        return self.path.split("/src/", 1)[0]

    @property
    def is_core(self) -> bool:
        return self.package_folder == "core"

    @property
    def is_package(self) -> bool:
        return self.path.endswith("/__init__.py")

    @cached_property
    def module(self) -> str:
        parts = PurePosixPath(self.path.split("/src/", 1)[1]).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def room(self) -> str:
        """The first name below `jackfield`; a room may be one module or a folder of them."""
        return ".".join(self.module.split(".")[:2])

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.path)

    @cached_property
    def imports(self) -> list[Import]:
        return list(self._imports_of(ast.walk(self.tree)))

    @cached_property
    def module_level_imports(self) -> list[Import]:
        return list(self._imports_of(_at_module_level(self.tree.body)))

    @cached_property
    def names(self) -> dict[str, str]:
        """What each name bound by an import stands for, as a dotted path."""
        names: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    first = alias.name.split(".")[0]
                    names[alias.asname or first] = alias.name if alias.asname else first
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{self._absolute(node)}.{alias.name}"
        return names

    @cached_property
    def references(self) -> list[tuple[str, int]]:
        """Every dotted expression that begins with an imported name, spelled in full."""
        found = []
        inner = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Attribute)}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute) and id(node) not in inner:
                parts: list[str] = []
                value: ast.expr = node
                while isinstance(value, ast.Attribute):
                    parts.insert(0, value.attr)
                    value = value.value
                if isinstance(value, ast.Name) and value.id in self.names:
                    found.append((".".join([self.names[value.id], *parts]), node.lineno))
        return found

    @cached_property
    def exports(self) -> frozenset[str] | None:
        """`__all__` as it is written, in one list or several, or None where there is none that can be read."""
        found: set[str] | None = None
        for node in self.tree.body:
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id="__all__")], value=value)
                    | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.expr() as value)
                    | ast.AugAssign(target=ast.Name(id="__all__"), value=value)
                ):
                    try:
                        names = ast.literal_eval(value)
                    except ValueError:
                        return None
                    found = (found or set()) | set(names)
        return None if found is None else frozenset(found)

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.module.split(".")
        keep = len(parts) - node.level + (1 if self.is_package else 0)
        return ".".join([*parts[:keep], *([node.module] if node.module else [])])

    def _imports_of(self, nodes: Iterable[ast.AST]) -> Iterator[Import]:
        for node in nodes:
            match node:
                case ast.Import():
                    for alias in node.names:
                        yield Import(alias.name, None, node.lineno)
                case ast.ImportFrom():
                    for alias in node.names:
                        yield Import(self._absolute(node), alias.name, node.lineno)
                case ast.Call(
                    func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                    args=[ast.Constant(value=str(name)), *_],
                ):
                    yield Import(name, None, node.lineno)


def _at_module_level(body: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """What runs when the module is imported; blocks under `TYPE_CHECKING` do not."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(statement, ast.If) and _means_type_checking(statement.test):
            yield from _at_module_level(statement.orelse)
            continue
        yield statement
        for field in ("body", "orelse", "finalbody"):
            yield from _at_module_level(getattr(statement, field, []))
        for handler in getattr(statement, "handlers", []):
            yield from _at_module_level(handler.body)
        if not hasattr(statement, "body"):
            yield from (node for node in ast.walk(statement) if isinstance(node, ast.Call))


def _means_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _within(dotted: str, roots: Iterable[str]) -> str | None:
    """The root that the dotted path is, or lies below."""
    return next((root for root in roots if dotted == root or dotted.startswith(f"{root}.")), None)


def _is_door(source: Source, *doors: str) -> bool:
    return source.is_core and source.module.split(".")[1:2] != [] and source.module.split(".")[1] in doors


# --- the rules ----------------------------------------------------------------------------------------------

Complaints = list[str]
Rule = Callable[[Sequence[Source]], Complaints]


def plugins_use_public_names(sources: Sequence[Source]) -> Complaints:
    """Providers and plugins take from `jackfield` only what `__all__` of a public room lists."""
    exports = {source.module: exported(source, sources) for source in sources if source.is_core}
    complaints = []
    for source in sources:
        if source.is_core:
            continue
        taken = [(found, found.line) for found in source.imports if _within(found.module, ["jackfield"])]
        for found, line in taken:
            where = f"{source.path}:{line}"
            if found.module not in PUBLIC_ROOMS:
                complaints.append(f"{where}: {found.module} is not a public room")
            elif found.name is None or found.dotted in PUBLIC_ROOMS:
                continue
            elif found.name not in (exports.get(found.module) or ()):
                complaints.append(f"{where}: {found.name} is not in __all__ of {found.module}")
        for dotted, line in source.references:
            room = max((room for room in PUBLIC_ROOMS if _within(dotted, [room])), key=len, default=None)
            if room is None or dotted == room:
                continue
            name = dotted.removeprefix(f"{room}.").split(".")[0]
            if name not in (exports.get(room) or ()):
                complaints.append(f"{source.path}:{line}: {name} is not in __all__ of {room}")
    return complaints


def plugins_leave_each_other_alone(sources: Sequence[Source]) -> Complaints:
    """No provider or plugin imports another; a provider may import a wire library, and the words of jobs."""
    complaints = []
    for source in sources:
        own = source.module.split(".")[0]
        for found in source.imports:
            other = found.module.split(".")[0]
            if source.is_core or not other.startswith("jackfield_") or other == own:
                continue
            if other.startswith(("jackfield_wire_", "jackfield_jobs")) and source.path.startswith("providers/"):
                continue
            complaints.append(f"{source.path}:{found.line}: {own} imports {other}")
    return complaints


def core_knows_no_plugin(sources: Sequence[Source]) -> Complaints:
    """The core imports no provider and no plugin."""
    return [
        f"{source.path}:{found.line}: the core imports {found.module}"
        for source in sources
        if source.is_core
        for found in source.imports
        if found.module.startswith("jackfield_")
    ]


def only_the_engine_imports_http(sources: Sequence[Source]) -> Complaints:
    """An HTTP library is imported in `engine`, nowhere else."""
    return [
        f"{source.path}:{found.line}: {found.dotted} outside the engine"
        for source in sources
        if source.room != "jackfield.engine"
        for found in source.imports
        if _within(found.dotted, HTTP_LIBRARIES)
    ]


def no_vendor_sdk(sources: Sequence[Source]) -> Complaints:
    """No vendor's package is imported anywhere."""
    return [
        f"{source.path}:{found.line}: {found.dotted} is a vendor's package"
        for source in sources
        for found in source.imports
        if _within(found.dotted, VENDOR_SDKS)
    ]


def nothing_dangerous(sources: Sequence[Source]) -> Complaints:
    """No pickle, no code from data, no shell, no unchecked certificate."""
    complaints = []
    for source in sources:
        complaints += [
            f"{source.path}:{found.line}: {found.dotted} loads code with data"
            for found in source.imports
            if _within(found.dotted, PICKLES)
        ]
        for node in ast.walk(source.tree):
            where = f"{source.path}:{getattr(node, 'lineno', 0)}"
            match node:
                case ast.Call(func=ast.Name(id="eval" | "exec" as name)):
                    complaints.append(f"{where}: {name}()")
                case ast.Attribute(value=ast.Name(id="yaml"), attr="load" | "unsafe_load" | "full_load"):
                    complaints.append(f"{where}: yaml.load")
                case ast.keyword(arg="shell", value=ast.Constant(value=flag)) if flag:
                    complaints.append(f"{where}: shell=True")
                case ast.keyword(arg="verify", value=ast.Constant(value=flag)) if not flag:
                    complaints.append(f"{where}: verify=False")
                case ast.Dict(keys=keys, values=values):
                    for key, value in zip(keys, values, strict=True):
                        match key, value:
                            case ast.Constant(value="verify"), ast.Constant(value=False):
                                complaints.append(f"{where}: verify=False")
                            case ast.Constant(value="shell"), ast.Constant(value=True):
                                complaints.append(f"{where}: shell=True")
    return complaints


def only_the_runtime_looks_out(sources: Sequence[Source]) -> Complaints:
    """Clock, sleep, randomness, loops and threads belong to the runtime and the engine."""
    complaints = []
    for source in sources:
        if _is_door(source, "runtime", "engine"):
            continue
        # a fake that serves tests, and a suite that tests plugins, stand on the far side of the door
        if source.module == SIMULATION or {"testing", "conformance"} & {*source.module.split(".")[1:-1]}:
            continue
        allowed = ("threading",) if _is_door(source, "client", "middleware") else ()
        used = [(found.dotted, found.line) for found in source.imports] + source.references
        complaints += sorted(
            {
                f"{source.path}:{line}: {door} outside the runtime"
                for dotted, line in used
                if (door := _within(dotted, CONCURRENCY)) and door not in allowed
            }
        )
    return complaints


def rooms_form_no_cycle(sources: Sequence[Source]) -> Complaints:
    """The rooms of the core can be put in an order in which each imports only earlier ones."""
    rooms = {source.room for source in sources if source.is_core}
    edges: dict[str, set[str]] = {room: set() for room in rooms}
    for source in sources:
        if not source.is_core:
            continue
        for found in source.module_level_imports:
            if not _within(found.module, ["jackfield"]):
                continue
            room = ".".join(found.dotted.split(".")[:2])
            edges[source.room].add(room if room in rooms else "jackfield")
        edges[source.room].discard(source.room)
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        return [f"a cycle of imports: {' -> '.join(reversed(error.args[1]))}"]
    return []


def core_stays_small(sources: Sequence[Source]) -> Complaints:
    """The core has at most so many lines of code; comments, docstrings and blank lines are free."""
    total = sum(lines_of_code(source) for source in sources if source.is_core)
    return [f"the core has {total} lines of code"] if total > MAX_CORE_LINES else []


def lines_of_code(source: Source) -> int:
    free = {
        line
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    empty = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type not in empty:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - free)


def exported(source: Source, sources: Sequence[Source]) -> frozenset[str]:
    """What a module exports: its `__all__`, or where it is a folder, what its stub shows of its files."""
    stub = ROOT / f"{source.path}i"
    if not stub.is_file():
        return source.exports or frozenset()
    names: set[str] = set()
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            module = f"{source.module}.{node.module}"
            names.update(*(exported(other, sources) for other in sources if other.module == module))
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names if alias.asname == alias.name}
    return frozenset(names)


def exports_exist(sources: Sequence[Source]) -> Complaints:
    """Each public module of the core has an `__all__`, and each name in it is bound there.

    A folder may show what its files export in a stub.
    """
    complaints = []
    for source in sources:
        private = any(part.startswith("_") for part in source.module.split("."))
        if not source.is_core or private or (ROOT / f"{source.path}i").is_file():
            continue
        if source.exports is None:
            complaints.append(f"{source.path}: no literal __all__")
            continue
        complaints += [
            f"{source.path}: {name} is in __all__ and nowhere else"
            for name in sorted(source.exports - bound_names(source))
        ]
    return complaints


def bound_names(source: Source) -> set[str]:
    """The names that a module has: defined, assigned, imported, or served by its `__getattr__`."""
    names: set[str] = set()
    lazy: set[str] = set()
    statements = list(source.tree.body)
    while statements:
        statement = statements.pop()
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(statement.name)
            continue
        for field in ("body", "orelse", "finalbody"):
            statements += getattr(statement, field, [])
        for handler in getattr(statement, "handlers", []):
            statements += handler.body
        exporting = isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign) and "__all__" in ast.unparse(
            statement
        )
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                names |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not exporting:
                # A module with `__getattr__` keeps its lazy names in a table; `__all__` itself is not one.
                lazy.add(node.value)
    return names | lazy if "__getattr__" in names else names


# --- the real tree ------------------------------------------------------------------------------------------

RULES: tuple[Rule, ...] = (
    plugins_use_public_names,
    plugins_leave_each_other_alone,
    core_knows_no_plugin,
    only_the_engine_imports_http,
    no_vendor_sdk,
    nothing_dangerous,
    only_the_runtime_looks_out,
    rooms_form_no_cycle,
    core_stays_small,
    exports_exist,
)


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    files = [
        file
        for pattern in ("core/src/**/*.py", "providers/*/src/**/*.py", "plugins/*/src/**/*.py")
        for file in sorted(ROOT.glob(pattern))
    ]
    return [Source(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")) for file in files]


def test_there_is_something_to_read(sources: list[Source]) -> None:
    folders = {source.package_folder for source in sources}
    wanted = {
        file.parent.relative_to(ROOT).as_posix()
        for pattern in ("core/pyproject.toml", "providers/*/pyproject.toml", "plugins/*/pyproject.toml")
        for file in ROOT.glob(pattern)
    }
    assert folders == wanted


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps(rule: Rule, sources: list[Source]) -> None:
    complaints = rule(sources)
    assert not complaints, "\n".join(["", *complaints])


def test_exports_can_be_imported(sources: list[Source]) -> None:
    missing = []
    for source in sources:
        if source.is_core and source.exports:
            module = importlib.import_module(source.module)
            missing += [f"{source.module}.{name}" for name in source.exports if not hasattr(module, name)]
    assert not missing


# --- the rules can fail -------------------------------------------------------------------------------------

CORE = "core/src/jackfield/"
PROVIDER = "providers/sample/src/jackfield_sample/__init__.py"
PLUGIN = "plugins/sample/src/jackfield_sample/__init__.py"
ROOMS = (
    Source(CORE + "__init__.py", "__all__ = ['Client']\nclass Client: ...\n"),
    Source(CORE + "types.py", "__all__ = ['Text']\nclass Text: ...\nclass Hidden: ...\n"),
    Source(CORE + "_json.py", "def loads(): ...\n"),
    Source(CORE + "client.py", "__all__ = ['Client']\nclass Client: ...\n"),
)

PLANTED: list[tuple[Rule, str, str]] = [
    (plugins_use_public_names, PROVIDER, "from jackfield.types import Hidden"),
    (plugins_use_public_names, PROVIDER, "from jackfield.types import Absent"),
    (plugins_use_public_names, PROVIDER, "from jackfield.types import *"),
    (plugins_use_public_names, PLUGIN, "from jackfield._json import loads"),
    (plugins_use_public_names, PLUGIN, "from jackfield import _json"),
    (plugins_use_public_names, PLUGIN, "from jackfield.client import Client"),
    (plugins_use_public_names, PLUGIN, "import jackfield.client"),
    (plugins_use_public_names, PLUGIN, "def f():\n    from jackfield.types import Hidden"),
    (plugins_use_public_names, PLUGIN, "if TYPE_CHECKING:\n    from jackfield.types import Hidden"),
    (plugins_use_public_names, PLUGIN, "import jackfield.types as t\nt.Hidden()"),
    (plugins_use_public_names, PLUGIN, "from jackfield import types\ntypes.Hidden()"),
    (plugins_use_public_names, PLUGIN, "import jackfield\njackfield._json.loads()"),
    (plugins_use_public_names, PLUGIN, "import importlib\nimportlib.import_module('jackfield.client')"),
    (plugins_leave_each_other_alone, PLUGIN, "import jackfield_openai"),
    (plugins_leave_each_other_alone, PROVIDER, "def f():\n    from jackfield_openai.wire import body"),
    (plugins_leave_each_other_alone, PLUGIN, "import jackfield_wire_openai"),
    (plugins_leave_each_other_alone, PLUGIN, "import jackfield_jobs"),
    (plugins_leave_each_other_alone, PLUGIN, "from importlib import import_module\nimport_module('jackfield_mock')"),
    (core_knows_no_plugin, CORE + "registry.py", "import jackfield_openai"),
    (core_knows_no_plugin, CORE + "registry.py", "def f():\n    __import__('jackfield_mock')"),
    (only_the_engine_imports_http, CORE + "runtime.py", "import httpx"),
    (only_the_engine_imports_http, CORE + "runtime.py", "def f():\n    from httpcore2 import Request"),
    (only_the_engine_imports_http, CORE + "engines.py", "import httpx2"),
    (only_the_engine_imports_http, PROVIDER, "if TYPE_CHECKING:\n    from httpx import Response"),
    (only_the_engine_imports_http, PROVIDER, "import importlib\nx = importlib.import_module('requests')"),
    (only_the_engine_imports_http, PLUGIN, "import urllib.request"),
    (only_the_engine_imports_http, PLUGIN, "from http import client"),
    (no_vendor_sdk, PROVIDER, "import openai"),
    (no_vendor_sdk, PROVIDER, "from google import genai"),
    (no_vendor_sdk, CORE + "engine.py", "def f():\n    from anthropic import Anthropic"),
    (nothing_dangerous, PLUGIN, "import pickle"),
    (nothing_dangerous, PLUGIN, "from pickle import loads"),
    (nothing_dangerous, PLUGIN, "eval('1')"),
    (nothing_dangerous, PLUGIN, "def f(text):\n    exec(text)"),
    (nothing_dangerous, PLUGIN, "import yaml\nyaml.load('a')"),
    (nothing_dangerous, PLUGIN, "run('ls', shell=True)"),
    (nothing_dangerous, CORE + "engine.py", "Client(verify=False)"),
    (nothing_dangerous, CORE + "engine.py", "Client(**{'verify': False})"),
    (only_the_runtime_looks_out, PLUGIN, "import time\ntime.sleep(1)"),
    (only_the_runtime_looks_out, PLUGIN, "import time as t\nt.monotonic()"),
    (only_the_runtime_looks_out, PLUGIN, "from time import perf_counter"),
    (only_the_runtime_looks_out, PLUGIN, "import time\nfield(factory=time.time)"),
    (only_the_runtime_looks_out, PROVIDER, "def f():\n    import random"),
    (only_the_runtime_looks_out, PROVIDER, "import threading"),
    (only_the_runtime_looks_out, CORE + "types.py", "import threading"),
    (only_the_runtime_looks_out, CORE + "client.py", "import asyncio.events"),
    (only_the_runtime_looks_out, CORE + "client.py", "import anyio"),
    (only_the_runtime_looks_out, CORE + "middleware.py", "from trio import sleep"),
    (rooms_form_no_cycle, CORE + "types.py", "from jackfield.client import Client\nfrom .types import x"),
    (core_stays_small, CORE + "types.py", "x = 1\n" * (MAX_CORE_LINES + 1)),
    (exports_exist, CORE + "types.py", "class Text: ..."),
    (exports_exist, CORE + "types.py", "__all__ = ['Text']"),
    (exports_exist, CORE + "types.py", "__all__ = [name for name in dir()]"),
    (exports_exist, CORE + "types.py", "__all__ = ['Text']\ndef f():\n    Text = 1"),
    (exports_exist, CORE + "types.py", "__all__ = ['Text']\n_LAZY = {'Other': 'x'}\ndef __getattr__(name): ..."),
]

ALLOWED: list[tuple[Rule, str, str]] = [
    (plugins_use_public_names, PLUGIN, "from jackfield.types import Text"),
    (plugins_use_public_names, PLUGIN, "from jackfield import Client, types\ntypes.Text.value"),
    (plugins_use_public_names, PLUGIN, "import jackfield.types\njackfield.types.Text()"),
    (plugins_use_public_names, CORE + "engine.py", "from jackfield._json import loads"),
    (plugins_leave_each_other_alone, PROVIDER, "import jackfield_wire_openai"),
    (plugins_leave_each_other_alone, PROVIDER, "from jackfield_jobs import asking"),
    (plugins_leave_each_other_alone, PROVIDER, "from jackfield_sample.wire import body\nfrom . import wire"),
    (core_knows_no_plugin, CORE + "registry.py", "import jackfield.types"),
    (only_the_engine_imports_http, CORE + "engine.py", "import httpx, httpcore2"),
    (only_the_engine_imports_http, CORE + "engine/blocking.py", "import httpx"),
    (only_the_engine_imports_http, PROVIDER, "from jackfield.http import HttpRequest\nimport http\nimport requests_x"),
    (no_vendor_sdk, PROVIDER, "from . import openai\nimport openai_helpers"),
    (nothing_dangerous, PLUGIN, "model.eval()\nrun(shell=False)\nClient(verify=True)\nyaml.safe_load('a')"),
    (only_the_runtime_looks_out, CORE + "runtime.py", "import anyio, random, threading, time\ntime.sleep(1)"),
    (only_the_runtime_looks_out, CORE + "runtime/simulated.py", "import random"),
    (only_the_runtime_looks_out, CORE + "engine.py", "import threading"),
    (only_the_runtime_looks_out, CORE + "client.py", "import threading"),
    (only_the_runtime_looks_out, PLUGIN, "import time\ntime.strftime('%Y')\ncall.runtime.random()"),
    (rooms_form_no_cycle, CORE + "types.py", "if TYPE_CHECKING:\n    from jackfield.client import Client"),
    (rooms_form_no_cycle, CORE + "types.py", "def f():\n    from jackfield.client import Client"),
    (core_stays_small, CORE + "types.py", '"""Long."""\n# x\n\nx = 1\n' * (MAX_CORE_LINES - 50)),
    (core_stays_small, PLUGIN, "x = 1\n" * (MAX_CORE_LINES + 1)),
    (exports_exist, CORE + "types.py", "__all__ = ['A', 'B', 'C']\nfrom x import A\nB: int = 1\nif B:\n    C = 1"),
    (exports_exist, CORE + "types.py", "__all__ = ['Text']\n_LAZY = {'Text': 'x'}\ndef __getattr__(name): ..."),
    (exports_exist, CORE + "_private.py", "x = 1"),
]


def _with(path: str, text: str) -> list[Source]:
    """The sample rooms with one file more, or one in another's place."""
    client = Source(CORE + "client.py", "from .types import Text\n__all__ = ['Client']\nclass Client: ...\n")
    rooms = [client if room.path == client.path else room for room in ROOMS]
    return [*(room for room in rooms if room.path != path), Source(path, text)]


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _, _ in PLANTED} == {rule for rule, _, _ in ALLOWED} == set(RULES)


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_a_planted_violation_is_found(rule: Rule, path: str, text: str) -> None:
    assert not rule(ROOMS)
    assert rule(_with(path, text))


@pytest.mark.parametrize(("rule", "path", "text"), ALLOWED)
def test_what_is_allowed_passes(rule: Rule, path: str, text: str) -> None:
    assert not rule(_with(path, text))

"""Every distribution of the workspace is whole, and the lists that name them agree."""

import ast
import configparser
import importlib
import itertools
import os
import re
import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs
import pytest
from flit_core import buildapi
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from jackfield import operations

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(
    (
        file.parent
        for pattern in ("core", "providers/*", "plugins/*")
        for file in ROOT.glob(f"{pattern}/pyproject.toml")
    ),
    key=lambda folder: (folder.name != "core", folder),
)
MAX_CLOSURE = 12
VENDOR_SDKS = {"anthropic", "google-genai", "groq", "litellm", "mistralai", "ollama", "openai", "openrouter"}


def project_of(folder: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def module_of(folder: Path) -> str:
    return str(project_of(folder)["name"]).replace("-", "_")


def expand(text: str) -> Iterator[str]:
    """`a-{b, c}` is `a-b` and `a-c`, as tox reads it."""
    for entry in re.findall(r"(?:\{[^}]*\}|[^\s,{}])+", text):
        parts = [
            [choice.strip() for choice in part[1:-1].split(",")] if part.startswith("{") else [part]
            for part in re.findall(r"\{[^}]*\}|[^{}]+", entry)
        ]
        yield from ("".join(choices) for choices in itertools.product(*parts))


def files_of_the_repository() -> list[Path]:
    git = shutil.which("git")
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False) if git else None
    if listed is not None and listed.returncode == 0:
        files = [ROOT / name for name in os.fsdecode(listed.stdout).split("\0") if name]
    else:
        files = [file for file in ROOT.rglob("*") if ".tox" not in file.parts and "__pycache__" not in file.parts]
    return sorted(file for file in set(files) if file.is_file())


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def folder(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


# --- lists --------------------------------------------------------------------------------------------------


def test_requirements_name_every_distribution_and_the_core_first() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").split("\n")
    paths = [line for line in lines if line and not line.startswith("#")]
    assert paths[0] == "./core"
    assert sorted(paths) == sorted(f"./{folder.relative_to(ROOT).as_posix()}" for folder in FOLDERS)


def test_tox_tests_every_distribution_alone() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    environments = set(expand(tox["tox"]["env_list"]))
    wanted = {f"dist-{folder.name}" for folder in FOLDERS}
    assert {name for name in environments if name.startswith("dist-")} == wanted
    section = next(name for name in tox.sections() if name.startswith("testenv:dist-"))
    assert set(expand(section.removeprefix("testenv:"))) == wanted
    lines = re.findall(r"^([\w!-]+): DIST = (\S+)$", tox[section]["set_env"], flags=re.MULTILINE)
    for folder in FOLDERS:
        # a name is made of factors, and of several lines that fit them tox takes the last
        factors = f"dist-{folder.name}".split("-")
        places = [place for condition, place in lines if all(fits(one, factors) for one in condition.split("-"))]
        assert places == [folder.relative_to(ROOT).as_posix()], folder


def fits(condition: str, factors: list[str]) -> bool:
    return (condition.removeprefix("!") in factors) is not condition.startswith("!")


def test_what_one_environment_of_tox_leaves_out_another_runs() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    suite = tox["suite"]
    everywhere = set(re.findall(r"--ignore=(\S+)", suite["options"]))
    assert set(re.findall(r"tests/\w+", tox["testenv:docs"]["commands"])) == everywhere
    engine = set(re.findall(r"--ignore-glob=(\S+)/\*(?=\s)", suite["without_engine"]))
    assert not engine & everywhere
    assert [name for name in sorted(engine | everywhere) if not (ROOT / name).is_dir()] == []
    # the engine itself, what is built on it, and all of it together
    assert not any(name.startswith(("core", "providers/openai", "tests/integration")) for name in engine)
    # what the command line does is done in child processes: only a test that listens can see a request of theirs;
    # and the suites of the conformance kit play on networks of their own
    globs = re.findall(r"--ignore-glob=(\S+\.py)", suite["without_engine"])
    files = [file for glob in globs for file in ROOT.glob(glob)]
    assert [one.name for one in files if re.search(r"\b(?:http\.server|socket|scripted)\b", one.read_text())] == []
    assert all(any(ROOT.glob(glob)) for glob in globs)
    lines = [line for line in tox["testenv"]["commands"].splitlines() if "pytest" in line]
    assert all("{[suite]options}" in line for line in lines)
    # no other option takes a test away, and what --together takes away runs alone on the same interpreter
    options = {option for line in lines for option in re.findall(r"\{\[suite\]\w+\}|(?<= )--?[a-z]\S*", line)}
    assert options == {"-m", "{[suite]options}", "{[suite]without_engine}", "--together"}
    (together,) = [line for line in lines if "--together" in line]
    alone = next(tox[name] for name in tox.sections() if name.startswith("testenv:dist-"))
    assert together.split(":")[0] == alone["base_python"].split(",")[0]


def test_the_newest_interpreter_alone_tries_every_example() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    (conditions,) = re.findall(r"^(\S+): JACKFIELD_TEST_EXAMPLES = few$", tox["testenv"]["set_env"], flags=re.MULTILINE)
    whole = [name for name in expand(tox["tox"]["env_list"]) if re.fullmatch(r"py\d+(-\w+)?", name)]
    every = [name for name in whole if not any(fits(one, name.split("-")) for one in conditions.split(","))]
    assert every == [max(name for name in whole if "-" not in name)]


def test_the_stub_of_the_client_takes_the_fields_of_each_request() -> None:
    tree = ast.parse((ROOT / "core/src/jackfield/client.pyi").read_text(encoding="utf-8"))
    classes = {one.name: one for one in tree.body if isinstance(one, ast.ClassDef)}

    def keys(name: str) -> set[str]:
        own = {one.target.id for one in classes[name].body if isinstance(one, ast.AnnAssign)}
        bases = [base.id for base in classes[name].bases if isinstance(base, ast.Name) and base.id in classes]
        return own.union(*map(keys, bases))

    fields = {
        "ChatOptions": (operations.ChatRequest, {"messages"}),
        "CompleteOptions": (operations.CompleteRequest, {"prompt"}),
        "EmbedOptions": (operations.EmbedRequest, {"input"}),
        "CommonOptions": (operations.ModelsRequest, {"model"}),
    }
    for name, (request, positional) in fields.items():
        assert keys(name) == attrs.fields_dict(request).keys() - positional, name


def test_tools_know_every_module() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    modules = sorted(module_of(folder) for folder in FOLDERS)
    assert sorted(settings["coverage"]["run"]["source_pkgs"]) == modules
    examples = [module_of(file.parent) for file in ROOT.glob("examples/*/pyproject.toml")]
    assert sorted(settings["ruff"]["lint"]["isort"]["known-first-party"]) == sorted([*modules, *examples])


# --- each distribution --------------------------------------------------------------------------------------


def test_it_carries_what_a_distribution_carries(folder: Path) -> None:
    project = project_of(folder)
    core = project_of(ROOT / "core")
    assert project["name"] in (folder / "README.md").read_text(encoding="utf-8")
    assert (folder / "src" / module_of(folder) / "py.typed").is_file()
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert project["license"] == "Apache-2.0"
    assert project["version"] == core["version"]
    assert project["requires-python"] == core["requires-python"]
    assert project["classifiers"] == core["classifiers"]


def test_its_entry_points_exist(folder: Path) -> None:
    project = project_of(folder)
    for group in [*project.get("entry-points", {}).values(), project.get("scripts", {})]:
        for target in group.values():
            module, _, name = target.partition(":")
            base = folder.joinpath("src", *module.split("."))
            file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
            assert file.is_file(), target
            if name:
                tree = ast.parse(file.read_text(encoding="utf-8"))
                bound = {getattr(node, "name", None) for node in tree.body} | {
                    target.id
                    for node in tree.body
                    if isinstance(node, ast.Assign | ast.AnnAssign)
                    for target in ast.walk(node)
                    if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
                }
                # a module may make them of a table
                assert name in bound or hasattr(importlib.import_module(module), name), target


def test_its_dependencies_are_open_and_few(folder: Path) -> None:
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    project = project_of(folder)
    extras = project.get("optional-dependencies", {}).values()
    for requirement in map(Requirement, [*project["dependencies"], *itertools.chain(*extras)]):
        assert canonicalize_name(requirement.name) not in VENDOR_SDKS
        if any(bound.operator in {"<", "<=", "==", "~="} for bound in SpecifierSet(str(requirement.specifier))):
            before = text[: text.index(f'"{requirement.name}')]
            assert "#" in before[before.rindex("dependencies = [") :], f"{requirement}: an upper bound without a reason"


def test_what_is_published_is_whole(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    module = module_of(folder)
    with zipfile.ZipFile(tmp_path / buildapi.build_wheel(str(tmp_path))) as wheel:
        names = wheel.namelist()
        points = next((wheel.read(name).decode() for name in names if name.endswith("/entry_points.txt")), "")
    with tarfile.open(tmp_path / buildapi.build_sdist(str(tmp_path))) as sdist:
        inner = [name.partition("/")[2] for name in sdist.getnames()]
    project = project_of(folder)
    sources = {
        file.relative_to(folder / "src").as_posix()
        for file in (folder / "src" / module).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert sources <= set(names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert {"LICENSE", "README.md", "pyproject.toml", f"src/{module}/py.typed"} <= set(inner)
    for group in project.get("entry-points", {}):
        assert f"[{group}]" in points
    if project.get("scripts"):
        assert "[console_scripts]" in points


def test_the_installed_copy_is_not_stale(folder: Path) -> None:
    try:
        installed = metadata.distribution(project_of(folder)["name"])
    except metadata.PackageNotFoundError:
        pytest.skip(f"{folder.name} is not installed here")
    if "editable" in (installed.read_text("direct_url.json") or ""):
        pytest.skip("installed for development, so it is the source itself")
    there = {
        file.as_posix(): Path(str(installed.locate_file(file))).read_bytes()
        for file in installed.files or []
        if file.parts[0] == module_of(folder) and file.suffix != ".pyc"
    }
    here = {
        file.relative_to(folder / "src").as_posix(): file.read_bytes()
        for file in (folder / "src" / module_of(folder)).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert there == here


# --- the whole ----------------------------------------------------------------------------------------------


def closure(name: str, requires: Callable[[str], Iterable[str]]) -> set[str]:
    """The distributions that come with one, on this interpreter. `requires` gives what a distribution asks for."""
    asked: set[tuple[str, str]] = set()
    queue = [(canonicalize_name(name), "")]
    while queue:
        distribution, extra = queue.pop()
        if (distribution, extra) in asked:
            continue
        asked.add((distribution, extra))
        for requirement in map(Requirement, requires(distribution)):
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                needed = canonicalize_name(requirement.name)
                queue += [(needed, ""), *((needed, wanted) for wanted in requirement.extras)]
    return {distribution for distribution, _ in asked} - {canonicalize_name(name)}


def test_the_core_needs_few_distributions() -> None:
    found = closure("jackfield", lambda name: metadata.distribution(name).requires or [])
    assert project_of(ROOT / "core")["name"] == "jackfield"
    assert {Requirement(text).name for text in project_of(ROOT / "core")["dependencies"]} <= found
    assert len(found) <= MAX_CLOSURE, sorted(found)


def test_a_closure_follows_markers_and_extras() -> None:
    index = {
        "core": ["a", "B_b[fast]>=1", "c; extra == 'more'", "d; python_version < '3'"],
        "a": ["core[more]; extra == 'all'"],
        "b-b": ["e; extra == 'fast'", "f; extra == 'slow'", "a[all]; extra == 'fast'"],
    }
    found = closure("core", lambda name: index.get(name, []))
    assert found == {"a", "b-b", "e", "c"}


# The folders are spelled in pieces here, or this file would be found too.
FOREIGN = re.compile(r"(?<![\w.$)}/\\-])/(?:root|work|home/\w+|Users/\w+)/|\b[A-Z]:\\Users\\")


@pytest.mark.parametrize("folder", ["root", "work", "home/me", "Users/me"])
def test_a_path_of_a_machine_is_seen(folder: str) -> None:
    assert FOREIGN.search(f"cd /{folder}/x")
    assert FOREIGN.search(f'"/{folder}/x"')
    assert not FOREIGN.search(f"https://example.org/{folder}/x")
    assert not FOREIGN.search(f"$ROOT/{folder}/x")


def test_no_path_of_a_machine_is_written_down() -> None:
    mine = [str(path) for path in (ROOT, Path.home()) if len(path.parts) > 2]
    found = []
    for file in files_of_the_repository():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(text.split("\n"), start=1)
            if FOREIGN.search(line) or any(path in line for path in mine)
        ]
    assert not found, "\n".join(["", *found])

"""The package is written with public names of Jackfield and with nothing of any vendor."""

import ast
import importlib
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def imports(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.name)
def test_only_public_names_of_the_core_are_imported(file):
    for module, name in imports(file):
        root = module.partition(".")[0]
        assert root in {"attrs", "jackfield"} or root in sys.stdlib_module_names, module
        if root == "jackfield":
            assert not any(part.startswith("_") for part in module.split("."))
            assert name in importlib.import_module(module).__all__, (module, name)


def test_it_depends_on_the_core_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(one.partition(">")[0] for one in project["dependencies"]) == ["attrs", "jackfield"]
    assert project["entry-points"] == {"jackfield.providers": {"anthropic": "jackfield_anthropic"}}

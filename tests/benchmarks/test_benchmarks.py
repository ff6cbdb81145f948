"""The benchmarks run, each of them, a little. What they measure is asserted nowhere."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "benchmarks" / "run.py"
MEASURES = ["import", "first", "help", "chat", "stream", "async-stream", "at-once", "cached", "async-cached", "embed"]
MEASURES += ["files", "logging-call", "logging-chunk", "async-logging-chunk", "three-call", "three-chunk"]


def benchmarks(*arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTHON"))}
    command = [sys.executable, str(RUN), "--rounds", "1", "--calls", "1", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


def measured(tmp_path, *arguments):
    file = tmp_path / "results.json"
    done = benchmarks("--json", str(file), *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(file.read_text(encoding="utf-8"))


def test_every_measure_is_there():
    (listed,) = re.findall(
        r"--measure MEASURE +which, with commas between them: ([\w\s,-]+?)\n +--", benchmarks("--help").stdout
    )
    assert re.sub(r"-\s+", "-", listed).replace("\n", " ").replace(",", " ").split() == MEASURES


# one by one, so that workers can share them
@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_measures(tmp_path, name):
    printed, results = measured(tmp_path, "--measure", name, "--server", "python")
    (measure,) = results["measures"]
    assert measure["name"] == name
    assert "the server in Python" in results["server"]
    assert results["server"] in printed
    assert f"| {measure['title']} |" in printed
    assert measure["rows"]
    for row in measure["rows"]:
        assert row["median"] > 0 or name == "files"  # so small a file needs no more than one of a megabyte
        assert f"| {row['label']} |" in printed
    # httpx2 may not be installed, and an operation may not be there yet
    left_out = [line for line in results["left_out"] if not line.endswith("httpx2 is not installed")]
    assert set(left_out) <= {"embed: jackfield: has no embed"}
    assert all(f"left out: {line}" in printed for line in left_out)


def test_a_checkout_is_compared_with_this_one(tmp_path):
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        pytest.skip("there is no C compiler")
    printed, results = measured(tmp_path, "--measure", "chat", "--server", "c", "--checkout", f"other={ROOT}")
    rows = {row["label"]: row for row in results["measures"][0]["rows"]}
    assert rows["jackfield (other)"]["promises"][0]["other"] == "jackfield"
    assert "the server in C;" in f"{results['server']};"
    assert "jackfield (other)" in printed


@pytest.mark.skipif(find_spec("openai") is not None, reason="the peer is installed")
def test_a_peer_that_is_not_installed_is_left_out(tmp_path):
    _, results = measured(tmp_path, "--measure", "import", "--peer", f"openai_sdk={sys.executable}")
    assert results["left_out"] == ["import: import openai: ModuleNotFoundError: No module named 'openai'"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--measure", "chta"), "no measure is called chta; there is import, first"),
        (("--peer", "openai_sdk"), "expected NAME=PATH, got 'openai_sdk'"),
        (("--checkout", "=here"), "expected NAME=PATH, got '=here'"),
    ],
)
def test_wrong_arguments_are_refused(arguments, said):
    done = benchmarks(*arguments)
    assert done.returncode == 2
    assert said in done.stderr

"""A key and an address in `.env.local`, and nothing else: the command line talks to that server."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from llama import clean_environment

COMMAND = Path(sys.executable).with_name("jackfield")


def here():
    try:
        return importlib.util.find_spec("jackfield_cli.main") is not None and COMMAND.exists()
    except ModuleNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not here(), reason="jackfield-cli is not installed")


def chat(folder, *arguments):
    return subprocess.run(
        [str(COMMAND), "chat", "Hello", *arguments],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [(), ("--no-stream",)], ids=["stream", "whole"])
def test_env_local_is_enough(server, tmp_path, arguments):
    (tmp_path / ".env.local").write_text(f"OPENAI_API_KEY=invented\nOPENAI_BASE_URL={server}\n")
    done = chat(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "mock" not in done.stdout
    assert done.stderr == ""


def test_without_it_the_mock_answers_and_says_so(tmp_path):
    done = chat(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mock" in done.stdout
    assert "mock" in done.stderr

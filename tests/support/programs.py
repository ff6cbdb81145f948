"""Runs a program of the tests, as a user would, with a configuration of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from llama import clean_environment


def told(program: Path, folder: Path, configuration: str) -> dict[str, str]:
    """What a program prints, by the word before each colon, in a folder with this configuration."""
    (folder / "jackfield.toml").write_text(configuration, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())

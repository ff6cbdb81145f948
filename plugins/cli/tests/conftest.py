"""Runs `jackfield` as people do: a process of its own, in an empty folder, with nothing in its environment."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

KEPT = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START", "SYSTEMROOT", "TMPDIR")

PROVIDER = """
import time
from jackfield.errors import *
from jackfield.hooks import hookimpl
from jackfield.operations import CHAT
from jackfield.provider import Provider, serves
from jackfield.types import *

STOP = Finished(Finish("stop", "stop"))

class Stage(Provider):
    @serves(CHAT)
    async def chat(self, call):
        request, runtime = call.request, call.runtime
        said = "|".join(f"{message.role}={message.text}" for message in request.messages)
        yield Start(id="stage-1", model=call.target.model)
BODY

@hookimpl
def jackfield_provider(name, settings):
    return Stage(name, {"chat": "play"})
"""


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


class Place:
    """A folder to run commands in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "here"
        self.plugins = folder / "plugins"
        self.folder.mkdir()
        self.plugins.mkdir()

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        folders = {"HOME": str(self.folder), "PATH": os.defpath, "PYTHONPATH": str(self.plugins)}
        return {**kept, **folders, "PYTHONUTF8": "1", "PYTHONWARNINGS": "error", "COLUMNS": "100"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "jackfield_cli.main", *arguments]

    def run(self, *arguments: str, given: str | bytes = b"", **variables: str) -> SimpleNamespace:
        """Run `jackfield`; its standard input is a pipe."""
        done = subprocess.run(
            self.command(*arguments),
            input=given.encode() if isinstance(given, str) else given,
            capture_output=True,
            cwd=self.folder,
            env={**self.environment, **variables},
            timeout=60,
            check=False,
        )
        return SimpleNamespace(code=done.returncode, out=_text(done.stdout), err=_text(done.stderr))

    def write(self, text: str, name: str = "jackfield.toml") -> Path:
        file = self.folder / name
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def install(self, module: str, source: str, points: str, dist: str | None = None) -> None:
        """Make a plugin that is as good as installed."""
        dist = dist or module.replace("_", "-")
        (self.plugins / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        info = self.plugins / f"{dist.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(textwrap.dedent(points), encoding="utf-8")

    def stage(self, body: str) -> None:
        """Make a provider that plays these events the default."""
        events = textwrap.indent(textwrap.dedent(body), " " * 8)
        self.install("jf_stage", PROVIDER.replace("BODY", events), "[jackfield.providers]\nstage = jf_stage\n")
        self.write('default = "stage"\n')


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def echo(place: Place) -> Callable[..., SimpleNamespace]:
    """Runs `chat` with a provider that says what it was told."""
    place.stage("yield TextDelta(said)\nyield STOP")
    return lambda *arguments, **more: place.run("chat", *arguments, **more)

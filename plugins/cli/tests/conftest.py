"""Runs `jackfield` as people do: a process of its own, in an empty folder, with nothing in its environment."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from types import SimpleNamespace

import forked
import pytest

KEPT = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START", "SYSTEMROOT", "TMPDIR")

MAIN = "jackfield_cli.main"

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


KEYED = """
from attrs import frozen
from jackfield.errors import ConfigurationError
from jackfield.hooks import hookimpl
from jackfield.provider import Endpoint, HttpProvider, Secret

@frozen
class Settings:
    api_key: Secret | None = None
    base_url: str = "https://api.openai.com/v1"

@hookimpl
def jackfield_settings():
    return Settings

@hookimpl
def jackfield_provider(name, settings):
    return HttpProvider(name, Endpoint.parse(settings.base_url), {"chat": "m"})
"""


@cache
def brought() -> tuple[str, ...]:
    """What `jackfield` may import: all of it, and all that it finds installed."""
    points = (point for distribution in distributions() for point in distribution.entry_points)
    modules = {point.module for point in points if point.group.startswith("jackfield.")}
    return "jackfield.*", "jackfield_cli.*", "httpx", "httpx2", *sorted(modules)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


class Place:
    """A folder to run commands in."""

    anew = False

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
        return [sys.executable, "-m", MAIN, *arguments]

    def run(self, *arguments: str, given: str | bytes = b"", **variables: str) -> SimpleNamespace:
        """Run `jackfield`; its standard input is a pipe."""
        environment = {**self.environment, **variables}
        given = given.encode() if isinstance(given, str) else given
        if not self.anew:
            done = forked.run([MAIN, *arguments], *brought(), cwd=self.folder, env=environment, given=given)
        else:
            done = subprocess.run(
                self.command(*arguments),
                input=given,
                capture_output=True,
                cwd=self.folder,
                env=environment,
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


# the child takes the terminal as its own, so that a key pressed there becomes a signal
ADOPT = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.executable, sys.argv[1:])"


class Terminal:
    """The side of a pseudo-terminal that a person sits at."""

    def __init__(self, place, *arguments, variables=None, **redirected):
        import termios

        self.master, slave = os.openpty()
        termios.tcsetwinsize(slave, (30, 100))
        self.seen = b""
        self.child = subprocess.Popen(
            [sys.executable, "-c", ADOPT, *place.command(*arguments)],
            cwd=place.folder,
            env={**place.environment, **(variables or {})},
            start_new_session=True,
            **{"stdin": slave, "stdout": slave, "stderr": slave, **redirected},
        )
        os.close(slave)

    def read(self, until=None):
        """Read until something is seen, or to the end."""
        limit = self.limit()
        while (until is None or until not in self.seen) and self.more(limit):
            pass
        return self.seen.replace(b"\r\n", b"\n").decode()

    def limit(self):
        """When to give up waiting."""
        return time.monotonic() + 30

    def more(self, limit):
        """Wait for more to be seen. False at the end."""
        while not select.select([self.master], [], [], 1)[0]:
            assert time.monotonic() < limit, self.seen
        try:
            data = os.read(self.master, 4096)
        except OSError:
            data = b""
        self.seen += data
        return bool(data)

    def press(self, keys):
        os.write(self.master, keys)

    def finish(self):
        """Everything that was shown, and the exit status."""
        shown = self.read()
        return shown, self.child.wait(30)

    def close(self):
        os.close(self.master)
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def started(place: Place) -> Place:
    """The same, but each command is a process that starts anew."""
    place.anew = True
    return place


@pytest.fixture
def echo(place: Place) -> Callable[..., SimpleNamespace]:
    """Runs `chat` with a provider that says what it was told."""
    place.stage("yield TextDelta(said)\nyield STOP")
    return lambda *arguments, **more: place.run("chat", *arguments, **more)


@pytest.fixture
def terminal(place):
    opened = []

    def start(*arguments, **more):
        opened.append(Terminal(place, *arguments, **more))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def appears():
    """Waits for a file."""

    def wait(file):
        limit = time.monotonic() + 30
        while not file.exists():
            assert time.monotonic() < limit
            time.sleep(0.02)

    return wait


@pytest.fixture
def keyed_plugin():
    """A provider over HTTP with a key and an address."""
    return KEYED

"""The processes that are measured: workers that wait for their turn, and fresh ones; and the server they all call."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

HERE = Path(__file__).resolve().parent


class NotMeasuredError(Exception):
    """A subject cannot be measured; the text says why."""


class Spent(NamedTuple):
    """Seconds of the processor and of the clock on the wall, and what was done in them."""

    cpu: float
    wall: float
    units: int


class Place(NamedTuple):
    """An interpreter, and where it looks first for modules."""

    python: str = sys.executable
    sources: tuple[str, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "JACKFIELD_"))}
        return {**kept, "PYTHONPATH": os.pathsep.join(self.sources)} if self.sources else kept

    @classmethod
    def checkout(cls, folder: str) -> Self:
        """This interpreter on another checkout of the repository."""
        patterns = ("core/src", "providers/*/src", "plugins/*/src")
        sources = [str(path) for pattern in patterns for path in sorted(Path(folder).resolve().glob(pattern))]
        if not sources:
            raise NotMeasuredError(f"{folder} holds no sources")
        return cls(sys.executable, tuple(sources))


def pin(process: int, *, last: bool = False) -> None:
    """Keep a process, and what it starts from now on, on the first core or on the last, where that can be done."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(process))
        os.sched_setaffinity(process, {cores[-1 if last else 0]})


class Worker:
    """A subject in a process of its own, that works when it is told to."""

    def __init__(self, place: Place, subject: str, kind: str, url: str, options: tuple[str, ...]) -> None:
        command = [place.python, str(HERE / "worker.py"), subject, kind, url, *options]
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it is open for as long as the worker is
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
            env=place.environment,
        )
        try:
            self._answer()
        except BaseException:
            self.close()
            raise

    def work(self, rounds: int) -> Spent:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{rounds}\n")
            self._process.stdin.flush()
        answer = self._answer()
        return Spent(answer["cpu"], answer["wall"], answer["units"])

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._complaints.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._complaints.seek(0)
            raise NotMeasuredError(self._complaints.read().strip().rpartition("\n")[2] or "it ended")
        answer: dict[str, Any] = json.loads(line)
        if "cannot" in answer:
            raise NotMeasuredError(answer["cannot"])
        return answer


def fresh(place: Place, program: str) -> tuple[float, Spent]:
    """Run a program in a new process: the number that it printed last, and what the whole process spent."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [place.python, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=place.environment
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        printed = process.stdout.read().strip().rpartition("\n")[2]
        error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    spent = Spent(usage.ru_utime + usage.ru_stime, time.perf_counter() - begun, 1)
    if process.returncode:
        raise NotMeasuredError(error.strip().rpartition("\n")[2] or f"it ended with {process.returncode}")
    with contextlib.suppress(ValueError):
        return float(printed), spent
    return spent.cpu, spent


@contextlib.contextmanager
def server(replies: Path, scratch: Path, choice: str) -> Iterator[tuple[str, str]]:
    """Run the server: what it is, and its address. `choice` is "c", "python" or "auto"."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if choice == "auto":
        choice = "c" if compiler else "python"
    if choice == "c":
        if compiler is None:
            raise NotMeasuredError("there is no C compiler")
        binary = scratch / "server"
        subprocess.run([compiler, "-O2", "-o", str(binary), str(HERE / "server" / "server.c")], check=True)
        command = [str(binary), str(replies)]
        what = "the server in C"
    else:
        command = [sys.executable, str(HERE / "server" / "server.py"), str(replies)]
        what = (
            "the server in Python, for want of a C compiler: it takes a core of its own, and times on the wall suffer"
        )
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    pin(process.pid, last=True)
    try:
        yield what, f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()

"""Runs `python -m NAME` in a process that need not start anew: one that has imported everything forks it.

To start an interpreter and import what a command needs takes a third of a second, and hundreds of tests do. A forked
process has what a started one has: a folder, an environment, arguments, streams and a path of its own, a `__main__`
that is run from its first line, an exit. What it imports is there already, though: so a test of what is imported, or of
the start itself, starts a process.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any

__all__ = ["close", "run"]

# what an interpreter reads once, when it starts
AT_START = ("PYTHON", "LANG", "LC_", "LD_")
PATH = "PYTHONPATH"
COVERAGE = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")

OPEN: list[Forge] = []


def run(
    command: Sequence[str], *modules: str, cwd: Path, env: Mapping[str, str], given: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """What `subprocess.run` gives for `python -m` and the command; of its modules, these are imported before."""
    if not hasattr(os, "fork"):
        whole = [sys.executable, "-m", *command]
        return subprocess.run(whole, input=given, capture_output=True, cwd=cwd, env=env, timeout=60, check=False)
    start = {name: value for name, value in env.items() if name.startswith(AT_START) and name != PATH}
    return _forge(tuple(sorted(start.items())), modules).run(command, given, cwd, env)


@cache
def _forge(start: tuple[tuple[str, str], ...], modules: tuple[str, ...]) -> Forge:
    OPEN.append(Forge(dict(start), modules))
    return OPEN[-1]


def close() -> None:
    """End all processes that fork."""
    while OPEN:
        OPEN.pop().close()


class Forge:
    """A process that has imported some modules, all of a package for `NAME.*`, and forks others."""

    def __init__(self, start: Mapping[str, str], modules: Sequence[str]) -> None:
        kept = {name: os.environ[name] for name in COVERAGE if name in os.environ}
        self._link, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno()), *modules],
                env={**kept, **start, "PATH": os.defpath},
                # what Python makes of its streams depends on what they are: those of all are pipes
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
            )

    def run(
        self, command: Sequence[str], given: bytes, cwd: Path, env: Mapping[str, str], timeout: float = 60
    ) -> subprocess.CompletedProcess[bytes]:
        """`python -m` with the rest of a command, like `subprocess.run`; standard input is a pipe."""
        limit = time.monotonic() + timeout
        (read_in, write_in), (read_out, write_out), (read_err, write_err) = os.pipe(), os.pipe(), os.pipe()
        asked = json.dumps([list(command), str(cwd), dict(env)]).encode()
        socket.send_fds(self._link, [len(asked).to_bytes(4, "big")], [read_in, write_out, write_err])
        self._link.sendall(asked)
        for one in (read_in, write_out, write_err):
            os.close(one)
        child = self._number()
        try:
            out, err = _talked(write_in, given, (read_out, read_err), limit)
        except TimeoutError:
            os.kill(child, signal.SIGKILL)
            raise
        finally:
            status = self._number()
        return subprocess.CompletedProcess(command, status, out, err)

    def _number(self) -> int:
        return int.from_bytes(self._link.recv(4, socket.MSG_WAITALL), "big", signed=True)

    def close(self) -> None:
        """End the process that forks."""
        self._link.close()
        said = self._process.communicate(timeout=60)
        assert said == (b"", b""), said


def _talked(entry: int, given: bytes, exits: Sequence[int], limit: float) -> list[bytes]:
    """Write what is given, and read what comes, as long as there is somebody at the other ends."""
    said: dict[int, bytes] = dict.fromkeys(exits, b"")
    with selectors.DefaultSelector() as ready:
        os.set_blocking(entry, False)
        ready.register(entry, selectors.EVENT_WRITE)
        for one in exits:
            ready.register(one, selectors.EVENT_READ)
        while ready.get_map():
            found = ready.select(limit - time.monotonic())
            if not found:
                raise TimeoutError(f"the process has not ended; it said {said}")
            for one in (key.fd for key, _ in found):
                over = False
                if one == entry:
                    with suppress(BrokenPipeError):
                        given = given[os.write(entry, given) :] if given else b""
                        over = bool(given)
                    over = not over
                else:
                    said[one] += (piece := os.read(one, 65536))
                    over = not piece
                if over:
                    ready.unregister(one)
                    os.close(one)
    return [*said.values()]


def _named(modules: Sequence[str]) -> Iterator[str]:
    for name in modules:
        package = name.removesuffix(".*")
        yield package
        if package != name:
            yield from (one.name for one in pkgutil.walk_packages(import_module(package).__path__, f"{package}."))


def serve(link: socket.socket, modules: Sequence[str]) -> list[Any]:
    """Fork a process for each that is asked for; in that process, give what it is to be."""
    for name in _named(modules):
        with suppress(ImportError):  # an extra that is not installed
            import_module(name)
    gc.freeze()
    while True:
        size, streams, _, _ = socket.recv_fds(link, 4, 3)
        if not size:
            link.close()
            sys.exit()
        asked: list[Any] = json.loads(link.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
        child = os.fork()
        if child == 0:
            link.close()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
        for stream in streams:
            os.close(stream)
        if child == 0:
            return asked
        link.sendall(child.to_bytes(4, "big", signed=True))
        _, status = os.waitpid(child, 0)
        link.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def become(command: Sequence[str], folder: str, environment: Mapping[str, str]) -> None:
    """Be the process that `python -m` starts with the rest of a command."""
    os.chdir(folder)
    # where the locale is C, the interpreter has set it to another
    locale = {name: os.environ[name] for name in ("LC_CTYPE",) if name in os.environ}
    os.environ.clear()
    os.environ.update(locale | dict(environment))
    time.tzset()
    added = [one for one in environment.get(PATH, "").split(os.pathsep) if one]
    sys.path[:1] = [folder, *added]  # in the place of this file's folder
    invalidate_caches()
    module, *sys.argv[1:] = command
    sys.modules.pop(module, None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    become(*serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:]))

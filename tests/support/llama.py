"""Starts llama.cpp's server with the tiny model of tests/integration, as a child process."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "integration" / "llama_server.py"
MODEL = "tiny-llama"
SECONDS = 60.0


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """A port that is taken for as long as the block, and at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


def clean_environment(**more: str) -> dict[str, str]:
    """The variables of this process without keys, addresses of providers and our own settings."""
    ours = ("_API_KEY", "_BASE_URL")
    kept = {k: v for k, v in os.environ.items() if not k.endswith(ours) and not k.startswith("JACKFIELD_")}
    return kept | more


def engine() -> Mapping[str, Any]:
    """The engine that this run is to test, as configuration."""
    name = os.environ.get("JACKFIELD_TEST_ENGINE")
    return {"engine": name} if name else {}


def config(url: str) -> dict[str, Any]:
    """The configuration of a client that talks to the server at this URL."""
    return {
        **engine(),
        "default": f"workstation:{MODEL}",
        "providers": {"workstation": {"plugin": "openai", "base_url": url}},
        "timeouts": {"total": 300, "silence": 120},
    }


@contextlib.contextmanager
def llama(folder: Path, context: int = 32768, *more: str) -> Iterator[str]:
    """The base URL of a server that runs for as long as the block; its log goes into the folder.

    `more` are further arguments of the server: "embeddings".
    """
    if importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("xllamacpp is not installed: there is no llama.cpp server to talk to")
    log = folder / "llama.log"
    address = folder / "address"
    command = [sys.executable, str(SCRIPT), str(context), str(address), *more]
    with log.open("wb") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield f"{_address(child, address, log)}/v1"
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _address(child: subprocess.Popen[bytes], file: Path, log: Path) -> str:
    until = time.monotonic() + SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < until and child.poll() is None:
        if file.exists():
            address = file.read_text()
            with contextlib.suppress(OSError), opener.open(f"{address}/health", timeout=2) as reply:
                if reply.status == 200:
                    return address
        time.sleep(0.05)
    raise RuntimeError(f"the server does not answer (exit code {child.poll()}):\n{log.read_text()[-2000:]}")

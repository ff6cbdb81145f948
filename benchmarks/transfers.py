"""How much a process grows while a large file goes up or comes down, in a process that does nothing else."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio

import jackfield as jf

MB = 1024 * 1024


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """The server, in a process of its own: its base URL."""
    command = [sys.executable, str(Path(__file__).parent / "server" / "files.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.stdin.close()


def peak() -> float:
    """The most memory that this process has had so far, in MB."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):  # unlike ru_maxrss, it knows nothing of the process that started this one
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (MB if sys.platform == "darwin" else 1024)


def config(base: str, engine: str) -> dict[str, Any]:
    return {"default": "openai", "engine": engine, "providers": {"openai": {"api_key": "k", "base_url": base}}}


def transfer(files: Any, folder: Path, direction: str, size: int) -> Any:
    """Send or fetch so many bytes."""
    if direction == "download":
        return files.download(str(size), folder / "down")
    path = folder / f"{size}.bin"
    with path.open("wb") as file:
        file.truncate(size)  # a hole: nothing but zeros, and no room on the disk
    return files.upload(path, purpose="user_data", check=False, in_parts=direction == "parts")


def growth(direction: str, colour: str, size: int, engine: str = "auto") -> float:
    """By how many MB the peak of this process grows with a file of so many MB, beyond what one of 1 MB needs."""
    with serving() as base, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if colour == "sync":
            with jf.Client(config(base, engine)) as client:
                transfer(client.provider("openai").files, folder, direction, MB)
                before = peak()
                transfer(client.provider("openai").files, folder, direction, size * MB)
        else:
            before = anyio.run(grown, config(base, engine), folder, direction, size, backend=colour)
        return peak() - before


async def grown(options: dict[str, Any], folder: Path, direction: str, size: int) -> float:
    async with jf.AsyncClient(options) as client:
        files = client.provider("openai").files
        await transfer(files, folder, direction, MB)
        before = peak()
        await transfer(files, folder, direction, size * MB)
    return before


if __name__ == "__main__":
    print(growth(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:]))

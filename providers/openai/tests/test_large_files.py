"""Large files cost no memory, up or down, in any kind of client."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from openai_files import COLOURS, local, through

SERVER = Path(__file__).resolve().parents[3] / "benchmarks" / "server" / "files.py"
MB = 1024 * 1024
SIZE = 64 * MB
MOST = 8 * MB


@pytest.fixture(scope="module")
def base():
    command = [sys.executable, str(SERVER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        process.stdin.close()


def peak_of(work):
    """The most memory that is held at once while something is done."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("what", ["upload", "upload in parts", "upload of a stream", "download", "stream"])
def test_a_large_file_is_held_by_nobody(colour, what, base, tmp_path):
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(SIZE)
    seen = []

    async def body(account, wait):
        files = account.files
        if what == "download":
            assert (await wait(files.download(str(SIZE), tmp_path / "down"))).size == SIZE
        elif what == "stream" and colour == "sync":
            seen.append(sum(map(len, files.stream(str(SIZE)))))
        elif what == "stream":
            seen.append(sum([len(piece) async for piece in files.stream(str(SIZE))]))
        elif what == "upload of a stream":
            with path.open("rb") as stream:
                await wait(files.upload(stream, purpose="user_data"))
        else:
            how = {"in_parts": True, "part_size": 16 * MB} if what == "upload in parts" else {}
            await wait(files.upload(path, purpose="user_data", **how))

    assert peak_of(lambda: through(colour, body, local(base))) < MOST
    assert seen == ([SIZE] if what == "stream" else [])


def test_the_bound_would_be_passed_by_who_holds_a_file(base):
    async def body(account, wait):
        assert len(await wait(account.files.content(str(SIZE)))) == SIZE

    assert peak_of(lambda: through("sync", body, local(base))) > MOST

"""Processes that share one file and are killed at any moment: no call fails for it, no reply is a wrong one.

Two processes at a time, killed and begun again; JACKFIELD_TEST_KILLS says how often (20 by default).
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jackfield_cache.sqlite import SqliteSettings, SqliteStore

KILLS = int(os.environ.get("JACKFIELD_TEST_KILLS", "20"))
SUPPORT = Path(__file__).resolve().parents[3] / "tests" / "support"

SLOW = ("it took longer than 1 s", "works again", "is written again")

PROGRAM = """
import logging, random, sys
sys.path.insert(0, {support!r})
from fakes import Player, STOP, playing
import jackfield as jf
from jackfield.operations import CHAT
from jackfield.provider import serves
from jackfield.types import Start, TextDelta
from jackfield_cache import Cache, CacheSettings
from jackfield_cache.sqlite import SqliteSettings, SqliteStore

class Echo(Player):
    @serves(CHAT)
    async def chat(self, call):
        text = call.request.messages[-1].text
        yield Start(id=text)
        for _ in range(20):
            yield TextDelta(text + " " * 50)
        yield STOP

logging.basicConfig(stream=sys.stdout, format="LOG %(message)s")
store = SqliteStore(SqliteSettings(path={path!r}, max_entries=50))
player = Echo([])
player.made_of = ("echo", "the same in every process")
client = jf.Client(middleware=[Cache(CacheSettings(store=store))], **playing(player))
chance = random.Random({seed})
print("ready", flush=True)
while True:
    text = str(chance.randrange(80))
    mode = chance.choice(["default", "default", "refresh"])
    try:
        reply = client.chat(text, options={{"cache": {{"mode": mode}}}})
    except BaseException as error:
        print("FAILED", type(error).__name__, error, flush=True)
        raise
    if reply.id != text or reply.text != (text + " " * 50) * 20:
        print("WRONG", text, reply.text, flush=True)
    print("hit" if reply.cached else "asked", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing can be killed like that here")
def test_processes_that_are_killed_leave_nothing_wrong(tmp_path):
    path, chance = tmp_path / "c.sqlite", random.Random(5)
    logs = []

    def begun(seed):
        program = PROGRAM.format(support=str(SUPPORT), path=str(path), seed=seed)
        log = tmp_path / f"{seed}.log"
        logs.append(log)
        with log.open("wb") as output:
            return subprocess.Popen([sys.executable, "-c", program], stdout=output, stderr=subprocess.STDOUT)

    seeds = iter(range(10_000))
    running = [begun(next(seeds)) for _ in range(2)]
    try:
        for _ in range(KILLS):
            victim = running.pop(0)
            until = time.monotonic() + 30
            while b"hit" not in (logs[-2].read_bytes() if len(logs) > 1 else b"") and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(chance.random() * 0.05)
            assert victim.poll() is None, logs[-2].read_text()
            victim.kill()
            victim.wait()
            running.append(begun(next(seeds)))
    finally:
        for process in running:
            process.kill()
            process.wait()
    said = [line for log in logs for line in log.read_text().splitlines()]
    # a busy machine takes its time, of which a cache says what is true
    said = [line for line in said if not (line.startswith("LOG") and line.endswith(SLOW))]
    assert said.count("ready") >= KILLS
    assert [line for line in said if line.startswith(("FAILED", "WRONG", "LOG", "Traceback"))] == []
    assert said.count("hit") > KILLS
    # what is there is whole, and the file has kept count of it
    store = SqliteStore(SqliteSettings(path=str(path)))
    entries = list(store.items())
    assert store.stats()["entries"] == len(entries) <= 50
    assert store.stats()["bytes"] == sum(len(value) for _, value in entries)

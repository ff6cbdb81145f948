"""The journal: a record is there when its call has returned, whatever happens to the process; it heals itself."""

import os
import random
import select
import signal
import sqlite3
import threading
import time
import warnings
from contextlib import closing

import pytest
from faces import COLOURS, run
from fakes import Player, hello, playing

import jackfield as jf
from jackfield.errors import ServerError
from jackfield.types import TextDelta
from jackfield_logging import Log, LoggingSettings, Sink, logged
from jackfield_logging.journal import Journal
from jackfield_logging.reading import Filter, Reader

pytestmark = pytest.mark.skipif(os.name != "posix", reason="these are promises for POSIX")

KILLS = int(os.environ.get("JACKFIELD_TEST_KILLS", "40"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calls.db"


def to(path, **more):
    return Sink(kind="journal", path=str(path), **more)


def client_of(*sinks, player=None, **options):
    return jf.Client(middleware=logged(sinks=sinks, **options), **playing(player or Player(hello())))


def records(path, **wanted):
    return [record for _, record in Reader(path).latest(Filter(**wanted), 10_000)]


def sound(path):
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
        return found


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streaming", [False, True])
def test_a_record_is_there_when_the_call_has_returned(colour, streaming, path):
    async def body(client):
        for number in (1, 2, 3):
            if streaming:
                async with client.stream("x") as stream:
                    async for event in stream:
                        if number == 3 and isinstance(event, TextDelta):
                            break
            else:
                await client.chat("x")
            assert len(records(path, attempts=True)) == 2 * number

    run(colour, body, **{**playing(Player(hello())), "middleware": logged(sinks=[to(path)])})
    assert [one["outcome"] for one in records(path)] == ["complete", "complete", "closed" if streaming else "complete"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert sound(path)


def test_writing_comes_after_the_last_event(path):
    order = []

    class Noticing(Log):
        async def write(self, records, runtime):
            order.append("written")
            await super().write(records, runtime)

    with jf.Client(middleware=[Noticing(LoggingSettings(sinks=[to(path)]))], **playing(Player(hello()))) as client:
        with client.stream("x") as stream:
            for event in stream:
                order.append(type(event).__name__)  # noqa: PERF401 - a list made at once comes after what it counts
    assert (order[0], order[-1], order.count("written")) == ("Start", "written", 1)
    assert records(path)


@pytest.mark.parametrize("mode", ["normal", "full"])
def test_either_way_of_writing_works(path, mode):
    with client_of(to(path, synchronous=mode)) as client:
        client.chat("x")
    assert len(records(path)) == 1


def test_old_records_go(path):
    with client_of(to(path, keep_days=1), content=True) as client:
        client.chat("ancient words")
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE records SET time = '2020-01-01T00:00:00.000000Z'")
        assert len(records(path)) == 1
    with client_of(to(path, keep_days=1), content=True) as client:  # the first record looks at the old ones
        client.chat("new words")
    assert len(records(path)) == 1
    assert records(path, words=["ancient"]) == []
    assert len(records(path, words=["new"])) == 1
    assert sound(path)


def test_a_task_that_is_cancelled_again_and_again_has_its_record(path):
    import asyncio

    async def main():
        player = Player([TextDelta("a"), 30.0])
        async with jf.AsyncClient(middleware=logged(sinks=[to(path)]), **playing(player)) as client:
            task = asyncio.create_task(client.chat("x"))
            await asyncio.sleep(0.05)
            for _ in range(5):
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert [one["outcome"] for one in records(path, attempts=True)] == ["cancelled"] * 2


def test_without_threads_it_is_written_in_place(path, monkeypatch):
    import anyio

    async def none(*_, **__):
        raise RuntimeError("cannot schedule new futures after shutdown")

    async def main():
        client = jf.AsyncClient(middleware=logged(sinks=[to(path)]), **playing(Player(hello())))
        with monkeypatch.context() as broken:
            broken.setattr("anyio.to_thread.run_sync", none)
            await client.chat("x")
        await client.aclose()

    anyio.run(main)
    assert len(records(path)) == 1


def test_ctrl_c_while_a_record_is_written_leaves_it_to_the_next(path, monkeypatch):
    log = Log(LoggingSettings(sinks=[to(path)]))
    real = Journal.write

    def interrupted(journal, batch):
        raise KeyboardInterrupt

    with jf.Client(middleware=[log], **playing(Player(hello()))) as client:
        with monkeypatch.context() as pressed:
            pressed.setattr("jackfield_logging.journal.Journal.write", interrupted)
            with pytest.raises(KeyboardInterrupt):
                client.chat("x")
        assert Journal.write is real
        assert log.pending == 1
        client.chat("x")
    assert len(records(path)) == 2


def test_a_journal_of_a_later_version_is_left_alone(path):
    with client_of(to(path)) as client:
        client.chat("x")
    with closing(sqlite3.connect(path)) as later:
        later.execute("PRAGMA user_version = 99")
    with pytest.raises(jf.ConfigurationError, match=r"sinks\[0\]\.path: .*later version of this journal \(99\)"):
        client_of(to(path))


# --- it heals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["head", "middle", "all"])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(path, damage):
    with client_of(to(path), content=True) as client:
        for _ in range(50):
            client.chat("words " * 100)
    client = client_of(to(path))
    client.chat("x")  # SQLite has read what it needs, and does not see what happens to the file
    size = path.stat().st_size
    where = {"head": (0, 200), "middle": (4096, size - 4096), "all": (0, size)}[damage]
    with path.open("r+b") as file:
        file.seek(where[0])
        file.write(b"\xa5" * where[1])
    with client, client_of(to(path)) as other:
        with pytest.warns(UserWarning, match=r"calls\.db: it was damaged; it is kept as calls\.db\.damaged-1") as said:
            for _ in range(3):
                assert other.chat("x").text == "Hello"
                assert client.chat("x").text == "Hello"
    assert len(said) == 1
    assert len(records(path)) == 6
    assert sound(path)
    assert path.with_name("calls.db.damaged-1").exists()


@pytest.mark.parametrize("what", ["file", "file and log", "folder"])
def test_a_file_that_is_gone_is_begun_again(tmp_path, what):
    folder = tmp_path / "deep"
    path = folder / "calls.db"
    with client_of(to(path)) as client:
        client.chat("x")
        for file in list(folder.iterdir()):
            if what != "file" or file == path:
                file.unlink()
        if what == "folder":
            folder.rmdir()
        client.chat("x")
        assert len(records(path)) == 1
        client.chat("x")
    assert len(records(path)) == 2
    assert sound(path)


def test_an_empty_file_is_filled(path):
    path.touch()
    with client_of(to(path)) as client:
        client.chat("x")
    assert len(records(path)) == 1


def test_a_file_that_becomes_another_program_s_is_left_alone(path):
    log = Log(LoggingSettings(sinks=[to(path)]))
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE precious (x)")
    with jf.Client(middleware=[log], **playing(Player(hello()))) as client:
        with pytest.warns(UserWarning, match="SQLite file of another program"):
            client.chat("x")
    assert log.pending == 1
    assert sound_of_another(path)


def sound_of_another(path):
    with closing(sqlite3.connect(path)) as other:
        return other.execute("SELECT name FROM sqlite_master").fetchall() == [("precious",)]


def counted(monkeypatch, name):
    """Have each use of a method of the journal noted, with its thread."""
    real, used = getattr(Journal, name), []

    def noting(journal, *args):
        used.append(threading.get_ident())
        return real(journal, *args)

    monkeypatch.setattr(Journal, name, noting)
    return used


def test_a_lock_that_another_holds_delays_no_first_event_and_fails_no_call(path, monkeypatch):
    log = Log(LoggingSettings(sinks=[to(path)]))
    with jf.Client(middleware=log.layers(), **playing(Player(hello()))) as client:
        client.chat("x")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            tried = counted(monkeypatch, "write")
            with client.stream("x") as stream:
                next(stream)
                assert tried == []
                with pytest.warns(UserWarning, match="database is locked") as said:
                    list(stream)
            assert len(tried) == 1
            client.chat("x")
            assert len(tried) == 1, "a sink in trouble is left alone for a while"
            assert not log.flush()
            assert len(said) == 1
            other.execute("ROLLBACK")
        assert log.pending == 4
        assert log.flush()
        assert len(records(path)) == 3


def test_an_event_loop_goes_on_while_the_journal_waits(path, monkeypatch):
    import anyio

    tried = counted(monkeypatch, "write")

    async def main():
        async with jf.AsyncClient(middleware=logged(sinks=[to(path)]), **playing(Player(hello()))) as client:
            await client.chat("x")
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                async with anyio.create_task_group() as group:
                    group.start_soon(client.chat, "x")
                    while len(tried) < 2:  # noqa: ASYNC110 - a thread of the pool counts
                        await anyio.sleep(0.01)
                    other.execute("ROLLBACK")  # the loop lets the other one go on while the journal waits for it

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        anyio.run(main)
    assert threading.get_ident() not in tried
    assert len(records(path)) == 2


def test_what_no_thread_was_free_for_waits(path, monkeypatch):
    import anyio

    log, doors = Log(LoggingSettings(sinks=[to(path)])), []
    monkeypatch.setattr("jackfield_logging.log.WRITING", 0.05)

    class Looking:
        slot = jf.Slot.PREPARE

        async def __call__(self, call, proceed):
            doors.append(call.runtime)
            async for event in proceed(call):
                yield event

    async def main():
        over = threading.Event()
        async with jf.AsyncClient(middleware=[*log.layers(), Looking()], **playing(Player(hello()))) as client:
            await client.chat("x")
            async with anyio.create_task_group() as group:
                for _ in range(40):
                    group.start_soon(doors[0].run, over.wait)
                await anyio.sleep(0.05)
                try:
                    await client.chat("x")
                    assert (log.pending, log.lost) == (2, 0)
                finally:
                    over.set()
        assert (log.pending, log.lost) == (0, 0)

    anyio.run(main)
    assert len(records(path, attempts=True)) == 4


def test_a_lock_that_another_process_keeps_is_not_waited_for_for_ever(path, monkeypatch):
    import fcntl

    monkeypatch.setattr("jackfield_logging.journal.BUSY", 0.1)
    log = Log(LoggingSettings(sinks=[to(path)]))
    with jf.Client(middleware=[log], **playing(Player(hello()))) as client:
        with open(f"{path}-lock", "w") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            with pytest.warns(UserWarning, match=r"another process has kept calls\.db-lock for 0\.1 s"):
                assert client.chat("x").text == "Hello"
        assert log.pending == 1
        assert log.flush()
    assert len(records(path)) == 1


def test_a_full_disk_is_borne(path, monkeypatch):
    log = Log(LoggingSettings(sinks=[to(path)], content=True))
    with jf.Client(middleware=log.layers(), **playing(Player(hello()))) as client:
        client.chat("x")
        (outlet,) = log._outlets
        pages = outlet.sink._connection.execute("PRAGMA page_count").fetchone()[0]
        outlet.sink._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.warns(UserWarning, match="database or disk is full"):
            for _ in range(3):
                assert client.chat("y" * 9_000).text == "Hello"
        assert log.pending > 0
        assert log.flush()
    assert len(records(path)) == 4


def test_threads_share_a_journal(path):
    with client_of(to(path)) as client:
        threads = [threading.Thread(target=lambda: [client.chat("x") for _ in range(20)]) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(records(path)) == 100
    assert len({one["call_id"] for one in records(path)}) == 100


def test_a_process_that_was_forked_writes_for_itself(path):
    with client_of(to(path)) as client:
        client.chat("x")
        child = os.fork()
        if child == 0:
            client.chat("x")
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        client.chat("x")
    assert len(records(path)) == 3
    assert sound(path)


# --- and survives -------------------------------------------------------------------------------------------


def writes_until_it_is_killed(path, number, pipe):
    """Make calls, and say of each that has returned which it was."""
    events = [*hello("a", "b", "c")]
    player = Player(events, [ServerError("no", status=500)], events)
    with jf.Client(middleware=logged(sinks=[to(path)], content=True), **playing(player)) as client:
        count = 0
        while True:
            count += 1
            word = f"p{number}n{count}"
            try:
                if count % 3:
                    client.chat(word)
                else:
                    with client.stream(word) as stream:
                        for _ in zip(range(1 + count % 5), stream, strict=False):
                            pass
            except ServerError:
                pass
            os.write(pipe, f"{word}\n".encode())


def forked(path, number):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            writes_until_it_is_killed(path, number, writing)
        finally:
            os._exit(1)
    os.close(writing)
    return child, reading


def drained(pipe):
    found = b""
    while more := os.read(pipe, 65_536):
        found += more
    os.close(pipe)
    return found.decode().split("\n")[:-1]


def test_what_was_acknowledged_survives_kill_9(path):
    chance = random.Random(20)
    said: set[str] = set()
    alive: list[tuple[int, int]] = []
    killed = number = 0
    while killed < KILLS:
        while len(alive) < 2:
            number += 1
            alive.append(forked(path, number))
        # once it has said something, at any moment
        child, pipe = alive.pop(chance.randrange(2))
        if chance.random() < 0.8:
            select.select([pipe], [], [], 20)
        time.sleep(chance.random() * 0.05)
        os.kill(child, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
        said.update(drained(pipe))
        killed += 1
    for child, pipe in alive:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said.update(drained(pipe))
    assert len(said) > KILLS
    assert sound(path)
    found = []
    for record in Reader(path).every(Filter()):  # reading JSON, so a torn record is an error
        found += [message["content"] for message in record.get("content", {}).get("messages", ())]
    assert said - set(found) == set()
    assert len(found) == len(set(found))
    assert not list(path.parent.glob("*damaged*"))


def test_several_that_begin_at_once_make_one_journal(path):
    children = [forked(path, number) for number in range(4)]
    said: set[str] = set()
    for child, pipe in children:
        select.select([pipe], [], [], 30)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said.update(drained(pipe))
    found = {one["content"]["messages"][0]["content"] for one in Reader(path).every(Filter())}
    assert said
    assert said <= found

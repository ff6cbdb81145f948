"""JSON lines: whole lines, several writers, rotation, and what happens when the disk or the file is gone."""

import errno
import gc
import json
import os
import threading
import warnings
from contextlib import suppress

import pytest
from faces import COLOURS, run
from fakes import Player, hello, playing
from recorded import lines_of

import jackfield as jf
from jackfield_logging import Log, LoggingSettings, Sink, logged

pytestmark = pytest.mark.skipif(os.name != "posix", reason="these are promises for POSIX")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calls.jsonl"


def broken_write(file, data):
    raise OSError(errno.EIO, "broken")


def client_of(*sinks, **options):
    return jf.Client(middleware=logged(sinks=sinks, **options), **playing(Player(hello())))


def to(path, **more):
    return Sink(kind="jsonl", path=str(path), **more)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_line_is_there_when_the_call_has_returned(colour, path):
    async def body(client):
        for number in (1, 2):
            await client.chat("x")
            assert len(lines_of(path)) == 2 * number

    run(colour, body, **{**playing(Player(hello())), "middleware": logged(sinks=[to(path)])})
    assert [line["record"] for line in lines_of(path)] == ["attempt", "call"] * 2
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_in_a_reply_can_break_a_line(path):
    text = 'a\nb\r\u2028\u0085\x1b[2J"\\ \ud800 \u202e'
    with jf.Client(middleware=logged(sinks=[to(path)], content=True), **playing(Player(hello(text)))) as client:
        client.chat(text)
    data = path.read_bytes()
    assert data.isascii()
    assert data.count(b"\n") == 2
    assert b"\x1b" not in data
    assert lines_of(path)[1]["content"]["text"] == text.replace("\ud800", "?")


def test_standard_error_is_the_place_without_a_path(capsys):
    with client_of(Sink(kind="jsonl")) as client:
        client.chat("x")
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["record"] for line in lines] == ["attempt", "call"]


def test_a_file_that_is_full_is_put_aside(path):
    with client_of(to(path, max_bytes=2_000, keep=2), attempts=False) as client:
        for _ in range(40):
            client.chat("x")
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["calls.jsonl", "calls.jsonl.1", "calls.jsonl.2"]
    assert all(file.stat().st_size <= 2_000 for file in files)
    ids = [line["call_id"] for file in reversed(files) for line in lines_of(file)]
    assert ids == sorted(ids, key=ids.index)
    assert len(set(ids)) == len(ids)


def test_none_is_kept_where_none_should_be(path):
    with client_of(to(path, max_bytes=1_000, keep=0), attempts=False) as client:
        for _ in range(20):
            client.chat("x")
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_size <= 1_000


def test_several_writers_lose_no_line_while_the_file_turns(path):
    clients = [client_of(to(path, max_bytes=5_000, keep=500), attempts=False) for _ in range(4)]

    def work(client):
        for _ in range(50):
            client.chat("x")

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in clients:
        client.close()
    assert len({line["call_id"] for file in path.parent.iterdir() for line in lines_of(file)}) == 200
    assert len(list(path.parent.iterdir())) > 2


def test_half_a_line_that_was_left_behind_spoils_no_other(path):
    path.write_bytes(b'{"half":')
    with client_of(to(path)) as client:
        client.chat("x")
    assert path.read_bytes().startswith(b'{"half":\n{"record":"attempt"')


@pytest.mark.parametrize("gone", ["removed", "moved"])
def test_a_file_that_is_gone_is_begun_again(path, gone):
    with client_of(to(path)) as client:
        client.chat("x")
        if gone == "removed":
            path.unlink()
        else:
            path.rename(path.with_name("aside"))
        client.chat("x")
    assert len(lines_of(path)) == 2


def test_what_cannot_be_written_is_kept_counted_and_said_once(path, monkeypatch):
    log = Log(LoggingSettings(sinks=[to(path)], attempts=False))
    real, full = os.write, True

    def write(file, data):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data)

    monkeypatch.setattr("os.write", write)
    with jf.Client(middleware=[log], **playing(Player(hello()))) as client:
        with pytest.warns(UserWarning, match=r"calls\.jsonl: records of calls cannot be written: No space") as said:
            for _ in range(1_005):
                assert client.chat("x").text == "Hello"
            assert not log.flush()
        assert len(said) == 1
        assert (log.pending, log.lost) == (1_000, 5)
        full = False
        assert log.flush()
        assert (log.pending, log.lost) == (0, 5)
        client.chat("x")
        assert len(lines_of(path)) == 1_001


def test_half_a_batch_is_not_written_twice(path, monkeypatch):
    log = Log(LoggingSettings(sinks=[to(path)]))
    real, left = os.write, [400]

    def write(file, data):
        if left:
            return real(file, data[: left.pop()])
        return real(file, data)

    monkeypatch.setattr("os.write", write)
    with jf.Client(middleware=logged(sinks=[to(path)]) and log.layers(), **playing(Player(hello()))) as client:
        with pytest.warns(UserWarning, match="no space is left"):
            client.chat("x")
        assert log.pending == 1
        assert log.flush()
    first, torn, second = path.read_text().splitlines()
    assert [json.loads(line)["record"] for line in (first, second)] == ["attempt", "call"]
    with pytest.raises(ValueError, match="line 1"):
        json.loads(torn)


def test_where_warnings_are_errors_it_is_logged_and_no_call_fails(path, monkeypatch):
    from recorded import heard

    def write(file, data):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.write", write)
    with heard() as log, client_of(to(path)) as client:
        assert client.chat("x").text == "Hello"
    (line,) = log.lines
    assert (line.name, line.levelname) == ("jackfield.logging", "WARNING")
    assert "Input/output error" in line.getMessage()


def test_a_standard_error_that_is_closed_fails_no_call(monkeypatch):
    class Closed:
        def write(self, text):
            raise ValueError("I/O operation on closed file")

    monkeypatch.setattr("sys.stderr", Closed())
    with client_of(Sink(kind="jsonl")) as client, pytest.warns(UserWarning, match="closed file"):
        assert client.chat("x").text == "Hello"
    monkeypatch.setattr("sys.stderr", None)
    with client_of(Sink(kind="jsonl")) as client:
        assert client.chat("x").text == "Hello"


def test_a_warning_that_cannot_be_shown_fails_no_call(path, monkeypatch):
    def shown(*_, **__):
        raise ValueError("I/O operation on closed file")

    log = Log(LoggingSettings(sinks=[to(path)]))
    with monkeypatch.context() as broken, warnings.catch_warnings():
        warnings.simplefilter("always")
        broken.setattr("warnings.showwarning", shown)
        broken.setattr("os.write", broken_write)
        with jf.Client(middleware=[log], **playing(Player(hello()))) as client:
            assert client.chat("x").text == "Hello"
            assert log.pending == 1


def test_whoever_hears_a_warning_may_ask_the_log(path, monkeypatch):
    log = Log(LoggingSettings(sinks=[to(path)]))
    heard = []

    def shown(message, *_, **__):
        thread = threading.Thread(target=lambda: heard.append(log.flush()))
        thread.start()
        thread.join(20)

    with monkeypatch.context() as broken, warnings.catch_warnings():
        warnings.simplefilter("always")
        broken.setattr("warnings.showwarning", shown)
        broken.setattr("os.write", broken_write)
        with jf.Client(middleware=[log], **playing(Player(hello()))) as client:
            client.chat("x")
            assert heard == [False]


def test_each_outage_is_said(path, monkeypatch):
    log = Log(LoggingSettings(sinks=[to(path)]))
    said = []
    with warnings.catch_warnings(), jf.Client(middleware=[log], **playing(Player(hello()))) as client:
        warnings.simplefilter("default")
        monkeypatch.setattr("warnings.showwarning", lambda message, *_, **__: said.append(str(message)))
        for _ in range(2):
            with monkeypatch.context() as broken:
                broken.setattr("os.write", broken_write)
                client.chat("x")
                client.chat("x")
            assert log.flush()
    assert len(said) == 2


def test_a_fork_shares_no_lock_with_its_parent(path):
    with client_of(to(path, max_bytes=2_000, keep=500), attempts=False) as client:
        client.chat("x")
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                for _ in range(100):
                    client.chat("x")
                os._exit(0)
            children.append(child)
        for child in children:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len({line["call_id"] for file in path.parent.iterdir() for line in lines_of(file)}) == 401


def test_a_line_that_another_process_is_writing_is_waited_for(path, monkeypatch):
    path.write_bytes(b'{"half":')
    real = os.pread

    def pread(file, *where):
        found = real(file, *where)
        if found == b":":  # the other one goes on meanwhile
            with path.open("ab") as other:
                other.write(b"1}\n")
        return found

    monkeypatch.setattr("os.pread", pread)
    with client_of(to(path)) as client:
        client.chat("x")
    assert b"\n\n" not in path.read_bytes()
    assert len(lines_of(path)) == 3


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="there is no list of open files")
def test_a_client_that_nobody_closed_leaves_no_file_open(path):
    def work():
        client = client_of(to(path))
        client.chat("x")

    work()
    gc.collect()
    names = [
        os.readlink(f"/proc/self/fd/{name}")
        for name in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{name}")
    ]
    assert str(path) not in names


@pytest.mark.parametrize("colour", [one for one in COLOURS if one != "sync"])
def test_a_pipe_that_nobody_reads_stops_no_event_loop(colour, monkeypatch):
    import anyio

    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)

    async def body(client):
        ended = anyio.Event()

        async def talk():
            await client.chat("x")
            ended.set()

        async with anyio.create_task_group() as group:
            group.start_soon(talk)
            await anyio.sleep(0.1)  # where the loop stands still, this never ends
            assert not ended.is_set()
            os.set_blocking(reading, False)
            while not ended.is_set():
                with suppress(BlockingIOError):
                    os.read(reading, 65_536)
                await anyio.sleep(0.001)

    with os.fdopen(writing, "w") as pipe, monkeypatch.context() as redirected:
        redirected.setattr("sys.stderr", pipe)
        run(colour, body, **{**playing(Player(hello())), "middleware": logged(sinks=[Sink(kind="jsonl")])})
    os.close(reading)


def test_a_client_that_was_closed_leaves_the_log_to_another(path):
    middleware = logged(sinks=[to(path)])
    for _ in range(2):
        with jf.Client(middleware=middleware, **playing(Player(hello()))) as client:
            client.chat("x")
    assert len(lines_of(path)) == 4


def test_a_fork_begins_with_nothing_that_waits(path, monkeypatch):
    log = Log(LoggingSettings(sinks=[to(path)]))
    monkeypatch.setattr("os.write", lambda file, data: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
    with jf.Client(middleware=log.layers(), **playing(Player(hello()))) as client:
        with pytest.warns(UserWarning, match="broken"):
            client.chat("x")
        child = os.fork()
        if child == 0:
            os._exit(0 if log.pending == 0 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert log.pending == 2
        monkeypatch.undo()


@pytest.mark.parametrize("by", ["a call", "flush"])
def test_a_stream_that_is_dropped_while_another_record_is_written_is_recorded_too(path, monkeypatch, by):
    log = Log(LoggingSettings(sinks=[to(path)]))
    real, dropped = os.write, []

    def write(file, data):
        while dropped:
            dropped.pop()  # its finaliser wants to write a record, here and now
        return real(file, data)

    with jf.Client(middleware=[log], **playing(Player(hello()))) as client:
        stream = client.stream("x")
        next(stream)
        dropped.append(stream)
        del stream
        if by == "flush":
            with monkeypatch.context() as broken:
                broken.setattr("os.write", lambda file, data: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
                with pytest.warns(UserWarning, match="broken"):
                    client.chat("x")
        monkeypatch.setattr("os.write", write)
        if by == "flush":
            assert log.flush()
        else:
            client.chat("x")
    assert sorted(line["outcome"] for line in lines_of(path)) == ["closed", "complete"]

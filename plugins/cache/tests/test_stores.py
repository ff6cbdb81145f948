"""The stores that come along: the contract, their bounds, and entries that are not what they say."""

import os
import signal
import sqlite3
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from fakes import Player, hello, playing

import jackfield as jf
from jackfield.errors import JackfieldError
from jackfield_cache import Cache, CacheSettings, MemorySettings, MemoryStore
from jackfield_cache.sqlite import SqliteSettings, SqliteStore

KINDS = ["memory", "sqlite"]
NOW = 1_800_000_000.0


def make(kind, path, **settings):
    if kind == "memory":
        return MemoryStore(MemorySettings(**settings))
    return SqliteStore(SqliteSettings(path=str(path / "c.sqlite"), **settings))


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_is_bounded_by_entries(kind, tmp_path):
    store = make(kind, tmp_path, max_entries=10)
    for number in range(50):
        store.set(f"{number}", b"x", None, NOW)
        assert store.stats()["entries"] <= 10
    assert store.get("49") == b"x"
    assert {key for key, _ in store.items()} <= {f"{number}" for number in range(39, 50)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_is_bounded_by_bytes(kind, tmp_path):
    store = make(kind, tmp_path, max_bytes=1000)
    for number in range(50):
        store.set(f"{number % 20}", bytes(90), None, NOW)
        assert store.stats()["bytes"] <= 1000
    store.set("large", bytes(1001), None, NOW)
    assert store.get("large") is None
    store.set("9", bytes(1001), None, NOW)
    assert store.get("9") is None
    assert store.stats()["bytes"] == sum(len(value) for _, value in store.items())


def test_memory_forgets_what_was_not_used_for_longest():
    store = MemoryStore(MemorySettings(max_entries=2))
    store.set("a", b"", None, NOW)
    store.set("b", b"", None, NOW)
    store.get("a")
    store.set("c", b"", None, NOW)
    assert [key for key, _ in store.items()] == ["a", "c"]


def test_the_file_forgets_what_is_too_old(tmp_path):
    store = make("sqlite", tmp_path)
    store.set("a", b"", 10.0, NOW)
    store.set("b", b"", None, NOW)
    store.set("c", b"", None, NOW + 11)
    assert sorted(key for key, _ in store.items()) == ["b", "c"]


@pytest.mark.parametrize("kind", KINDS)
def test_threads_share_a_store(kind, tmp_path):
    store = make(kind, tmp_path, max_entries=20)

    def work(number):
        for turn in range(20):
            store.set(f"{(number + turn) % 30}", b"%d" % number, None, NOW)
            store.get(f"{turn}")
            store.add({"turns": 1})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    stats = store.stats()
    assert stats["turns"] == 160
    assert stats["entries"] == len(list(store.items())) <= 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_the_child_of_a_fork_uses_a_store(kind, tmp_path):
    store = make(kind, tmp_path)
    store.set("a", b"parent", None, NOW)
    lock = store._lock if kind == "memory" else store._reader._lock
    held, free = threading.Event(), threading.Event()

    def hold():
        with lock:
            held.set()
            free.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if not child:
        try:
            store.set("b", b"child", None, NOW)
            os._exit(0 if store.get("a") == b"parent" else 1)
        except BaseException:
            os._exit(2)
    free.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.get("a") == b"parent"
    assert store.get("b") == (None if kind == "memory" else b"child")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_the_child_of_a_fork_uses_a_cache_and_counts_for_itself(tmp_path):
    store = make("sqlite", tmp_path)
    cache = Cache(CacheSettings(store=store))
    client = jf.Client(middleware=[cache], **playing(Player(hello())))
    client.chat("x")
    client.chat("x")  # this hit is not written down yet
    held, free = threading.Event(), threading.Event()
    locks = [cache._lock, cache._shelf._reads._lock, cache._shelf._writes._lock]

    def hold():
        with locks[0], locks[1], locks[2]:
            held.set()
            free.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if not child:
        code = 2
        try:
            code = 0 if client.chat("x").cached else 1
            client.close()
        finally:
            os._exit(code)
    free.set()
    thread.join()
    assert _ended(child) == 0
    client.close()
    assert store.stats()["hits"] == 2


def _ended(child):
    """The code of a child that has ended by itself within half a minute."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        number, status = os.waitpid(child, os.WNOHANG)
        if number:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "it hangs"


# --- what the file can come to ------------------------------------------------------------------------------


def test_the_file_is_for_its_owner_alone(tmp_path):
    store = make("sqlite", tmp_path / "new" / "folder")
    store.set("a", b"x", None, NOW)
    for file in (tmp_path / "new" / "folder").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


@pytest.mark.parametrize("content", [b"no database at all, " * 90, b"SQLite format 3\0" * 100])
def test_a_file_that_is_no_database_is_set_aside(content, tmp_path, caplog):
    file = tmp_path / "c.sqlite"
    file.write_bytes(content)
    store = make("sqlite", tmp_path)
    assert store.get("a") is None
    store.set("a", b"x", None, NOW)
    assert store.get("a") == b"x"
    assert (tmp_path / "c.sqlite.damaged").read_bytes() == content
    assert "it is set aside" in caplog.text


@pytest.mark.parametrize("use", ["get", "set"])
def test_a_file_that_is_damaged_while_it_is_open_is_set_aside(use, tmp_path, caplog):
    store = make("sqlite", tmp_path)
    entries = {f"{number}": os.urandom(500) for number in range(200)}
    for key, value in entries.items():
        store.set(key, value, None, NOW)
    store.close()
    file = tmp_path / "c.sqlite"
    store.get("1")
    size = file.stat().st_size
    with file.open("r+b") as damaged:
        for place in range(4096, size, 4096):  # every page but the first
            damaged.seek(place)
            damaged.write(os.urandom(4096))
    if use == "get":  # a page that was read before may still be at hand
        assert store.get("5") in (None, entries["5"])
    store.set("new", b"x", None, NOW)
    assert store.get("new") == b"x"
    assert make("sqlite", tmp_path).get("new") == b"x"
    assert (tmp_path / "c.sqlite.damaged").exists()
    assert caplog.text.count("it is set aside") == 1


@pytest.mark.parametrize("wrong", ["UPDATE sums SET amount = 1e9", "DELETE FROM sums"])
def test_sums_that_are_off_hold_nobody_up(wrong, tmp_path):
    store = make("sqlite", tmp_path, max_entries=5)
    store.set("a", b"x", None, NOW)
    with sqlite3.connect(store.path) as other:
        other.execute(wrong)
    other.close()
    for number in range(10):
        store.set(f"{number}", b"x", None, NOW)
    assert store.get("9") == b"x"
    assert store.stats()["entries"] == len(list(store.items())) <= 5


def test_a_damaged_text_of_the_schema_is_damage(tmp_path):
    store = make("sqlite", tmp_path)
    store.set("a", b"x", None, NOW)
    store.close()
    content = store.path.read_bytes()
    place = content.index(b"sums SET amount")
    store.path.write_bytes(content[:place] + b"\xcf" + content[place + 1 :])
    store.set("b", b"y", None, NOW)
    assert store.get("b") == b"y"
    assert (tmp_path / "c.sqlite.damaged").exists()


def test_a_log_that_was_removed_is_made_again(tmp_path):
    store = make("sqlite", tmp_path)
    for number in range(30):
        store.set(f"{number}", os.urandom(1000), None, NOW)
    store.get("1")
    (tmp_path / "c.sqlite-wal").unlink()
    for turn in range(3):  # one call of each connection may suffer for it
        with suppress(JackfieldError):
            store.get("1")
        with suppress(JackfieldError):
            store.set("new", b"%d" % turn, None, NOW)
    assert store.get("new") == b"2"
    assert make("sqlite", tmp_path).get("new") == b"2"


def test_a_file_that_was_removed_is_made_again(tmp_path):
    store = make("sqlite", tmp_path)
    store.set("a", b"x", None, NOW)
    for file in tmp_path.iterdir():
        file.unlink()
    store.set("b", b"y", None, NOW)
    assert make("sqlite", tmp_path).get("b") == b"y"


def test_a_file_of_somebody_else_is_left_alone(tmp_path):
    file = tmp_path / "c.sqlite"
    with sqlite3.connect(file) as theirs:
        theirs.execute("CREATE TABLE entries (something TEXT)")
    theirs.close()
    before = file.read_bytes()
    with pytest.raises(JackfieldError, match="it holds something else, or is of another version"):
        make("sqlite", tmp_path).set("a", b"x", None, NOW)
    assert file.read_bytes() == before


def test_a_file_of_a_later_version_is_left_alone(tmp_path):
    store = make("sqlite", tmp_path)
    store.set("a", b"x", None, NOW)
    store.close()
    with sqlite3.connect(store.path) as later:
        later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(JackfieldError, match="another version"):
        make("sqlite", tmp_path).get("a")
    assert not (tmp_path / "c.sqlite.damaged").exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    store = make("sqlite", tmp_path / "file")
    with pytest.raises(JackfieldError, match=r"c\.sqlite: "):
        store.get("a")


def test_without_a_path_it_is_where_state_is(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert SqliteStore().path == tmp_path / "jackfield" / "cache.sqlite"


# --- entries that are not what they say ---------------------------------------------------------------------


def swapped(store, one, other):
    first, second = store.get(one), store.get(other)
    store.set(one, second, None, NOW)
    store.set(other, first, None, NOW)


DAMAGE = {
    "swapped": swapped,
    "cut": lambda store, one, other: store.set(one, store.get(one)[:-9], None, NOW),
    "changed": lambda store, one, other: store.set(one, store.get(one).replace(b"one", b"two"), None, NOW),
    "empty": lambda store, one, other: store.set(one, b"", None, NOW),
    "foreign": lambda store, one, other: store.set(one, b'{"text": "one"}', None, NOW),
    "later": lambda store, one, other: store.set(
        one, store.get(one).replace(b"jackfield-cache 2", b"jackfield-cache 9"), None, NOW
    ),
}


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("remembered", [True, False])
def test_an_entry_that_is_not_what_it_says_is_a_miss(how, remembered, store):
    player = Player(hello("one"), hello("two"), hello("one again"), hello("two again"))
    options = playing(player)
    with jf.Client(middleware=[Cache(CacheSettings(store=store))], **options) as client:
        client.chat("one")
        one = next(key for key, _ in store.items())
        client.chat("two")
        other = next(key for key, _ in store.items() if key != one)
    middleware = [Cache(CacheSettings(store=store))]
    with jf.Client(middleware=middleware, **playing(player)) as client:
        if remembered:
            assert client.chat("one").text == "one"
        DAMAGE[how](store, one, other)
        reply = client.chat("one")
        assert (reply.cached, reply.text) == (False, "one again")
        assert client.chat("one").text == "one again"


def test_stores_that_begin_one_file_at_the_same_moment_do_not_mind_one_another(tmp_path):
    failed = []

    def begin(store, start):
        start.wait()
        try:
            store.get("k" * 64)
            store.set("k" * 64, b"value", None, 0.0)
        except Exception as error:
            failed.append(error)

    for number in range(40):
        stores = [SqliteStore(SqliteSettings(path=str(tmp_path / f"{number}.sqlite"))) for _ in range(4)]
        start = threading.Barrier(len(stores))
        threads = [threading.Thread(target=begin, args=(store, start)) for store in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stores[0].get("k" * 64) == b"value"
        for store in stores:
            store.close()
    assert failed == []

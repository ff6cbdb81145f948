"""The command `jackfield cache`, as whoever types it sees it."""

import importlib
import json

import pytest
from fakes import STOP, Player, playing

import jackfield as jf
from jackfield.types import Start, TextDelta, Usage, UsageReported
from jackfield_cache import Cache, CacheSettings
from jackfield_cache._words import amount, duration, size, visible
from jackfield_cache.sqlite import SqliteSettings, SqliteStore

CliRunner = pytest.importorskip("click.testing").CliRunner
cache = importlib.import_module("jackfield_cache.command").cache

NASTY = "\x1b]0;owned\x07\u202ered\nnext"


@pytest.fixture
def filled(tmp_path, monkeypatch):
    """A folder whose configuration has a cache with two entries, of which one was used."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jackfield.toml").write_text(
        'default = "mock"\n[[middleware]]\nuse = "cache"\nstore = { use = "sqlite", path = "c.sqlite" }\n'
    )
    script = [0.05, Start(id="r1"), TextDelta(NASTY), STOP, UsageReported(Usage(1, 2, cost=0.5))]
    layer = Cache(CacheSettings(store=SqliteStore(SqliteSettings(path="c.sqlite"))))
    with jf.Client(middleware=[layer], **playing(Player(script))) as client:
        client.chat(f"Hello {NASTY}", extra_headers={"x-key": "hush"})
        client.chat(f"Hello {NASTY}", extra_headers={"x-key": "hush"})
        client.complete("Go on", model="fake:other")
    return tmp_path


def ask(*arguments):
    """Run the command, as `jackfield` runs it."""
    return CliRunner().invoke(cache, arguments)


def told(*arguments):
    done = ask(*arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_stats_tell_what_was_saved(filled):
    out = told("stats")
    assert "sqlite: 2 entries, " in out
    assert "hits    1 (33 %)" in out
    assert "misses  2" in out
    assert "0.1 s of waiting, $0.5000" in out
    (one,) = json.loads(told("stats", "--json"))
    assert (one["hits"], one["misses"], one["entries"], one["cost"]) == (1, 2, 2, 0.5)


def test_list_tells_each_entry_in_a_line(filled):
    lines = told("list").splitlines()
    assert len(lines) == 2
    assert "fake:m" in lines[0]
    assert "Hello \\x1b]0;owned\\x07" in lines[0]
    assert lines[1].endswith("Go on")
    assert len(told("list", "--model", "other").splitlines()) == 1
    assert [one["operation"] for one in json.loads(told("list", "--json"))] == ["chat", "complete"]


def test_show_shows_an_entry_and_drives_no_terminal(filled):
    key = told("list").split()[0]
    out = told("show", key)
    assert "Hello" in out
    assert '"r1"' in out
    assert not set(out) & {"\x1b", "\x07", "\u202e"}
    assert "hush" not in out
    shown = json.loads(told("show", key, "--json"))
    assert shown["request"]["extra_headers"] == ["x-key"]
    assert shown["events"][1] == ["TextDelta", {"text": NASTY}]
    assert shown["targets"] == ["fake:m"]


def test_no_secret_is_in_the_file(filled):
    for file in filled.glob("c.sqlite*"):
        assert b"hush" not in file.read_bytes()


@pytest.mark.parametrize("key", ["", "zz"])
def test_show_wants_one_entry(filled, key):
    done = ask("show", key)
    assert done.exit_code == 2
    assert "entries have a key that begins with" in done.stderr


def test_clear_forgets_what_it_is_told(filled):
    assert ask("clear").exit_code == 2
    assert told("clear", "--model", "other") == "1 forgotten\n"
    assert told("clear", "zz") == "0 forgotten\n"
    assert len(told("list").splitlines()) == 1
    key = told("list").split()[0]
    assert told("clear", key) == "1 forgotten\n"
    assert told("list") == ""
    assert "hits    1" in told("stats")
    assert told("clear", "--all") == "sqlite: everything is forgotten\n"
    assert "hits    0\n" in told("stats")


def test_a_configuration_without_a_cache_is_told(tmp_path, monkeypatch):
    (tmp_path / "other.toml").write_text('default = "mock"\n')
    done = ask("stats", "--config", str(tmp_path / "other.toml"))
    assert "it has no [[middleware]] with use = 'cache'" in str(done.exception)


def test_a_cache_in_memory_cannot_be_looked_into(tmp_path):
    (tmp_path / "other.toml").write_text('default = "mock"\n[[middleware]]\nuse = "cache"\n')
    done = ask("list", "--config", str(tmp_path / "other.toml"))
    assert "middleware[0]: this cache is in the memory of each process" in str(done.exception)


def test_words():
    assert visible("a\u061c\u200e\u200fb") == "a\\u061c\\u200e\\u200fb"
    assert [duration(one) for one in (0, 59.94, 60, 5400, 90_000 * 2)] == [
        "0.0 s",
        "59.9 s",
        "1.0 min",
        "1.5 h",
        "2.1 d",
    ]
    assert [size(one) for one in (0, 1023, 1024, 5 * 1024**2, 3 * 1024**3)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 MiB",
        "3.0 GiB",
    ]
    assert [amount(one) for one in (None, 0, 0.123)] == ["-", "$0.0000", "$0.1230"]
    assert visible("a\u2028\x9b\ud800b") == "a\\u2028\\x9b\\ud800b"

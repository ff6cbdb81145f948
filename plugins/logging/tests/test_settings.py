"""Bad configuration is a clear error when the client is built; what TOML says can be said from Python."""

import sqlite3
from contextlib import closing

import pytest
from fakes import Player, hello, playing

import jackfield as jf
from jackfield_logging import Log, LoggingSettings, Sink, logged

WRONG = {
    "an unknown sink": ({"sinks": ["jsonlines"]}, r"sinks\[0\]: no such sink 'jsonlines'; did you mean 'jsonl'\?"),
    "an unknown kind": ({"sinks": [{"kind": "file"}]}, r"sinks\[0\]\.kind: expected one of logging, jsonl, journal"),
    "no kind": ({"sinks": [{"path": "x"}]}, r"sinks\[0\]\.kind: missing"),
    "no list": ({"sinks": "journal"}, r"sinks: expected a list, got 'journal'"),
    "a path for logging": (
        {"sinks": [{"kind": "logging", "path": "x"}]},
        r"sinks\[0\]\.path: a sink of kind 'logging' has no such setting; it has logger",
    ),
    "a bound for a journal": ({"sinks": [{"kind": "journal", "max_bytes": 1}]}, r"max_bytes: a sink of kind 'journal'"),
    "a negative bound": (
        {"sinks": [{"kind": "jsonl", "path": "x", "max_bytes": -1}]},
        "max_bytes: expected a whole number",
    ),
    "no time to keep": ({"sinks": [{"kind": "journal", "keep_days": 0}]}, "keep_days: expected a number from 0.01"),
    "longer than time": (
        {"sinks": [{"kind": "journal", "keep_days": 1e6}]},
        "keep_days: expected a number from 0.01 to 365000",
    ),
    "no end to keep": ({"sinks": [{"kind": "journal", "keep_days": float("inf")}]}, "keep_days: expected a number"),
    "the home of nobody": (
        {"sinks": [{"kind": "jsonl", "path": "~nobody-of-this-name/x"}]},
        r"sinks\[0\]\.path: there is no such home",
    ),
    "an unknown mode": ({"sinks": [{"kind": "journal", "synchronous": "off"}]}, "synchronous: expected one of normal"),
    "an empty path": ({"sinks": [{"kind": "jsonl", "path": ""}]}, r"path: expected text, got ''"),
    "unknown content": ({"content": ["message"]}, r"content\[0\]: no such content 'message'; did you mean 'messages'"),
    "an unknown pattern": ({"redact": ["emial"]}, r"redact\[0\]: no such pattern 'emial'; did you mean 'email'\?"),
    "no regular expression": ({"patterns": {"ticket": "("}}, r"patterns\.ticket: not a regular expression: missing \)"),
    "a pattern that is none": ({"patterns": {"ticket": 1}}, r"patterns\.ticket: expected text, got 1"),
    "an empty name": ({"hide": [""]}, r"hide\[0\]: expected text, got ''"),
    "a bound of zero": ({"max_chars": 0}, "max_chars: expected a whole number of at least 1, got 0"),
    "text for a number": ({"max_chars": "10"}, "max_chars: expected a whole number, got '10'"),
    "an unknown key": ({"sink": ["journal"]}, r"sink: no such key; did you mean 'sinks'\?"),
    "no truth": ({"attempts": 1}, "attempts: expected true or false, got 1"),
}


def built(settings):
    options = playing(Player(hello()))
    options["config"]["middleware"] = [{"use": "logging", **settings}]
    return jf.Client(**options)


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_an_error_when_the_client_is_built(case):
    settings, message = WRONG[case]
    with pytest.raises(jf.ConfigurationError, match=message) as caught:
        built(settings)
    assert "middleware[0]" in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"sinks": "journal"},
        {"sinks": [1]},
        {"content": "text"},
        {"content": [1]},
        {"redact": "email"},
        {"patterns": ["x"]},
        {"hide": [1]},
        {"attempts": 1},
        {"max_chars": True},
    ],
)
def test_python_is_told_as_well(settings):
    with pytest.raises(jf.ConfigurationError, match=f"^{next(iter(settings))}"):
        logged(**settings)


def test_half_a_file_cannot_be_kept():
    with pytest.raises(jf.ConfigurationError, match=r"^keep: expected a whole number of at least 0, got 1\.5"):
        Sink(kind="jsonl", path="x", keep=1.5)


def test_the_longest_time_to_keep_is_one(tmp_path):
    path = tmp_path / "calls.db"
    log = Log(LoggingSettings(sinks=[Sink(kind="journal", path=str(path), keep_days=365_000)]))
    with jf.Client(middleware=[log], **playing(Player(hello()))) as client:
        client.chat("x")
        assert (log.pending, log.lost) == (0, 0)


def folder_in_place_of_a_file(folder):
    return folder, "expected a file, and .* is a folder"


def file_in_place_of_a_folder(folder):
    (folder / "file").touch()
    return folder / "file" / "calls", r"cannot be made: .*file is no folder that can be written to"


@pytest.mark.parametrize("kind", ["jsonl", "journal"])
@pytest.mark.parametrize("case", [folder_in_place_of_a_file, file_in_place_of_a_folder])
def test_a_place_that_cannot_be_is_an_error_when_the_client_is_built(kind, case, tmp_path):
    path, message = case(tmp_path)
    with pytest.raises(jf.ConfigurationError, match=rf"sinks\[1\]\.path: .*{message}"):
        built({"sinks": ["logging", {"kind": kind, "path": str(path)}]})


@pytest.mark.parametrize("kind", ["jsonl", "journal"])
def test_a_folder_that_cannot_be_written_is_an_error(kind, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(jf.ConfigurationError, match="no folder that can be written to"):
        logged(sinks=[Sink(kind=kind, path=str(tmp_path / "x"))])
    (tmp_path / "there").touch()
    with pytest.raises(jf.ConfigurationError, match="there cannot be written"):
        logged(sinks=[Sink(kind=kind, path=str(tmp_path / "there"))])


def test_a_database_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE precious (x)")
    before = path.read_bytes()
    with pytest.raises(jf.ConfigurationError, match="is the SQLite file of another program"):
        logged(sinks=[Sink(kind="journal", path=str(path))])
    assert path.read_bytes() == before


def test_building_makes_no_file(tmp_path):
    paths = [tmp_path / "deep" / "calls.jsonl", tmp_path / "deep" / "calls.db"]
    sinks = [Sink(kind="jsonl", path=str(paths[0])), Sink(kind="journal", path=str(paths[1]))]
    with jf.Client(middleware=logged(sinks=sinks), **playing(Player(hello()))) as client:
        assert list(tmp_path.iterdir()) == []
        client.chat("x")
        assert all(path.exists() for path in paths)


def test_toml_and_python_say_the_same():
    table = {"sinks": ["logging", {"kind": "jsonl", "path": "x", "keep": 2}], "content": ["text"], "hide": ["ssn"]}
    from jackfield.settings import structure

    read = structure(LoggingSettings, table, "here")
    said = LoggingSettings(sinks=["logging", Sink(kind="jsonl", path="x", keep=2)], content=["text"], hide=["ssn"])
    assert read == said


def test_the_usual_place_of_a_journal_is_the_user_s_state_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    with jf.Client(middleware=logged(sinks=["journal"]), **playing(Player(hello()))) as client:
        client.chat("x")
    assert (tmp_path / "jackfield" / "journal.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "jackfield").stat().st_mode & 0o777 == 0o700

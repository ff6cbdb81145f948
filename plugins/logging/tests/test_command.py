"""`jackfield logs`: what is listed, filtered, shown, followed, searched and exported, and that no terminal obeys it."""

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner
from exhaustive import examples
from fakes import Player, hello, playing
from hypothesis import given, settings, strategies as st

import jackfield as jf
from jackfield.errors import RateLimitError
from jackfield_logging import Sink, logged
from jackfield_logging.command import logs
from jackfield_logging.journal import Journal
from jackfield_logging.reading import Filter, Reader, moment
from jackfield_logging.records import FIELDS

NASTY = "\x1b[2J\x9b1m\u202etxt\x07\r\n\t\u2028"


def record(number, **fields):
    made = {"record": "call", "call_id": f"{number:024x}", "time": f"2026-01-{number % 28 + 1:02}T12:00:00.000000Z"}
    made |= {"operation": "chat", "provider": "openai", "model": "gpt", "outcome": "complete", "duration": 0.5}
    return {**made, "streaming": False, **fields}


def written(path, *records):
    journal = Journal(path)
    journal.write(records)
    journal.close()
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "calls.db"


@pytest.fixture
def run(path):
    """Runs the command with this journal; options of `logs` itself stand before the name of what follows."""

    def command(*arguments, journal=path):
        given = ["--journal", str(journal)] if journal else []
        done = CliRunner().invoke(logs, [*given, *arguments], standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        return done.return_value, done.stdout, done.stderr

    return command


def shown(out):
    return [line.split("\t")[1] for line in out.splitlines()]


@pytest.fixture
def filled(path):
    attempt = record(2, record="attempt", attempt=1, outcome="error", error="ServerError", status=503)
    failed = record(3, outcome="error", error="RateLimitError", status=429, error_message="slow down, please")
    said = record(4, operation="complete", provider="mock", model="tiny", content={"text": "the quick brown fox"})
    return written(path, record(1), attempt, record(2, input_tokens=3, output_tokens=5, cost=0.25), failed, said)


def ids(*numbers):
    return [f"{number:024x}" for number in numbers]


def test_calls_are_listed_the_newest_last(run, filled):
    code, out, err = run()
    assert (code, err) == (0, "")
    assert shown(out) == ids(1, 2, 3, 4)
    assert out.splitlines()[1].split("\t") == [
        "2026-01-03 12:00:00",
        ids(2)[0],
        "chat",
        "openai:gpt",
        "complete",
        "0.500",
        "3+5",
        "0.250000",
    ]
    assert out.splitlines()[2].split("\t")[4] == "error RateLimitError 429"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--limit", "2"], (3, 4)),
        (["--provider", "mock"], (4,)),
        (["--model", "p"], (1, 2, 3)),
        (["--operation", "complete"], (4,)),
        (["--error"], (3,)),
        (["--since", "2026-01-04"], (3, 4)),
        (["--since", "2026-01-04T12:00:00.5Z"], (4,)),
        (["--since", "2026-01-03", "--provider", "openai", "--model", "gpt", "--limit", "1"], (3,)),
        (["--since", "100w"], (1, 2, 3, 4)),
    ],
)
def test_what_is_listed_can_be_chosen(run, filled, arguments, expected, monkeypatch):
    monkeypatch.setattr("time.time", lambda: datetime(2026, 2, 1, tzinfo=UTC).timestamp())
    code, out, _ = run(*arguments)
    assert (code, shown(out)) == (0, ids(*expected))


def test_attempts_are_listed_when_they_are_wanted(run, filled):
    assert shown(run("--attempts", "--error")[1]) == [f"{ids(2)[0]}.1", *ids(3)]


def test_json_has_each_record_whole(run, filled):
    lines = [json.loads(line) for line in run("--json", "--attempts")[1].splitlines()]
    assert len(lines) == 5
    assert lines[4]["content"] == {"text": "the quick brown fox"}


def test_nothing_found_is_said_and_is_status_1(run, filled):
    assert run("--provider", "nobody") == (1, "", "jackfield: no call fits\n")
    assert run("search", "nothing")[0] == 1
    assert run("show", "ffff")[::2] == (1, "jackfield: ffff: no call has an id that begins so\n")
    assert "several calls have" in run("show", "0000")[2]


def test_a_journal_that_is_not_there_is_an_error(run, tmp_path):
    with pytest.raises(jf.ConfigurationError, match="there is no journal at .*none.db"):
        run(journal=tmp_path / "none.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(jf.ConfigurationError, match="the file is empty"):
        run(journal=tmp_path / "empty.db")
    (tmp_path / "text.db").write_text("no database " * 100)
    with pytest.raises(jf.ConfigurationError, match="cannot be read: file is not a database"):
        run(journal=tmp_path / "text.db")
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize("since", ["yesterday", "5", "5y", "-1h", "", "2026-13-01", "1e5s", "9" * 30 + "d"])
def test_a_time_that_is_none_is_refused(run, filled, since):
    import click

    with pytest.raises(click.BadParameter, match="expected a time like 90s, 2h, 7d"):
        run("--since", since)


# --- search, show, export -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["quick"], True),
        (["QUICK", "fox"], True),
        (["quick brown"], True),
        (["brown quick"], False),
        (["quick", "cat"], False),
    ],
)
def test_search_finds_calls_in_which_all_words_were_said(run, filled, words, found):
    code, out, _ = run("search", *words)
    assert (code, shown(out)) == ((0, ids(4)) if found else (1, []))


def test_search_finds_errors_and_takes_filters(run, filled):
    assert shown(run("search", "please")[1]) == ids(3)
    assert run("search", "please", "--provider", "mock")[0] == 1
    assert json.loads(run("search", "please", "--json")[1])["error"] == "RateLimitError"


@pytest.mark.parametrize(
    "word", ['"', "quick OR cat", "NEAR(", "*", "-cat", "(", "text:quick", "'; DROP TABLE records", "%", "\\", "\0"]
)
def test_a_word_is_never_a_query(run, filled, word):
    assert run("search", "--", word)[0] == 1
    assert len(Reader(filled).latest(Filter(), 10)) == 4


@pytest.mark.parametrize("words", [["天気"], ["天気", "today"], ["東京の天気"], ["날씨"]])
def test_search_finds_words_that_no_space_parts(run, path, words):
    written(
        path,
        record(1, content={"text": "today: 東京の天気はどうですか 오늘날씨는"}),
        record(2, content={"text": "today"}),
    )
    assert shown(run("search", *words)[1]) == ids(1)


def test_options_before_a_command_s_name_count_for_it(run, filled):
    assert shown(run("--error", "search", "please")[1]) == ids(3)
    assert run("--provider", "mock", "search", "please")[0] == 1
    assert shown(run("--provider", "mock", "search", "please", "--provider", "openai")[1]) == ids(3)
    assert len(run("--attempts", "export")[1].splitlines()) == 5
    assert [json.loads(line)["call_id"] for line in run("--provider", "mock", "export")[1].splitlines()] == ids(4)
    assert json.loads(run("--json", "show", ids(4)[0])[1])[0]["call_id"] == ids(4)[0]


@pytest.mark.parametrize("arguments", [["--error", "show", "0"], ["-f", "search", "x"], ["--limit", "3", "export"]])
def test_an_option_that_a_command_does_not_have_is_refused_before_its_name(run, filled, arguments):
    with pytest.raises(click.UsageError, match=r"^--\w+: the command '\w+' has no such option"):
        run(*arguments)


def test_a_home_folder_of_nobody_is_an_error(run):
    with pytest.raises(jf.ConfigurationError, match="there is no such home folder"):
        run(journal="~nobody-of-this-name/x")


def test_a_new_file_is_known_by_what_it_holds(path):
    reader = Reader(written(path, record(1), record(2)))
    (*_, (last, _)) = reader.latest(Filter(), 10)
    assert reader.after(last, Filter()) == []
    with closing(sqlite3.connect(path)) as connection, connection:  # as a file that was given the same inode looks
        connection.execute("DELETE FROM records")
    written(path, record(3), record(4), record(5))
    assert [one["call_id"] for _, one in reader.after(last, Filter())] == ids(3, 4, 5)


def test_search_works_without_an_index(run, filled):
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("DROP TABLE words")
    assert shown(run("search", "QUICK", "fox")[1]) == ids(4)
    assert run("search", "qu_ck")[0] == run("search", "%")[0] == run("search", "\\")[0] == 1
    written(filled, record(5, content={"text": "a quick one"}))
    assert shown(run("search", "quick")[1]) == ids(4, 5)


def test_show_tells_everything_about_a_call(run, path):
    inner = record(7, parent_id=ids(2)[0], depth=1)
    written(path, record(2), record(2, record="attempt", attempt=1), inner, record(3, content={"parent_id": ids(2)[0]}))
    records = json.loads(run("show", ids(2)[0][:24], "--json")[1])
    assert [(one["record"], one["call_id"]) for one in records] == [
        ("call", ids(2)[0]),
        ("attempt", ids(2)[0]),
        ("call", ids(7)[0]),
    ]
    out = run("show", f"{ids(2)[0]}.1")[1]
    assert out.startswith(f"record: call\ncall_id: {ids(2)[0]}\n")
    assert out.count("\n\nrecord: ") == 2


def test_export_is_complete_and_in_order(run, path):
    written(path, *(record(number) for number in range(1, 1_201)))
    lines = [json.loads(line) for line in run("export")[1].splitlines()]
    assert [line["call_id"] for line in lines] == ids(*range(1, 1_201))
    assert len(run("export", "--model", "nobody")[1].splitlines()) == 0


def test_a_table_with_commas_calculates_nothing(run, path):
    written(
        path, record(1, model="=HYPERLINK(1)", alias='a,b\n"c"', cost=0.5, content={"text": "@x"}, error_message="-1")
    )
    (row,) = csv.DictReader(io.StringIO(run("export", "--format", "csv")[1]))
    assert list(row) == list(FIELDS)
    assert (row["model"], row["alias"], row["cost"], row["error_message"]) == (
        "'=HYPERLINK(1)",
        'a,b\\n"c"',
        "0.5",
        "'-1",
    )
    assert json.loads(row["content"]) == {"text": "@x"}
    assert len(run("export", "--format", "csv", "--error")[1].splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [[], ["--json"], ["show", "0"], ["show", "0", "--json"], ["export"], ["export", "--format", "csv"]]
)
def test_no_terminal_obeys_what_others_wrote(run, path, arguments):
    nasty = dict.fromkeys(("operation", "provider", "model", "alias", "error", "error_message", "finish"), NASTY)
    written(path, record(1, **nasty, content={"text": NASTY, NASTY: [NASTY]}, warnings=[{"message": NASTY}]))
    out = run(*arguments)[1]
    assert all(char.isprintable() or char == "\n" for char in out.replace("\t", ""))


def test_a_person_at_a_terminal_gets_a_table(run, filled, monkeypatch):
    monkeypatch.setattr("jackfield_logging.command._at_terminal", lambda: True)
    lines = run()[1].splitlines()
    assert lines[0].split() == ["time", "id", "call", "model", "outcome", "seconds", "tokens", "cost"]
    assert len(lines) == 5
    assert lines[2].index("openai:gpt") == lines[0].index("model")


# --- where the journal is, and following it ---------------------------------------------------------------------


def test_the_journal_of_the_configuration_is_found(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "named.db", record(1))
    (tmp_path / "jackfield.toml").write_text(
        '[[middleware]]\nuse = "count"\n[[middleware]]\nuse = "logging"\n'
        'sinks = ["logging", { kind = "journal", path = "named.db" }]\n'
    )
    assert shown(run(journal=None)[1]) == ids(1)
    assert run("show", ids(1)[0], journal=None)[0] == 0
    (tmp_path / "other.toml").write_text('[[middleware]]\nuse = "logging"\nsinks = ["jsonlines"]\n')
    with pytest.raises(jf.ConfigurationError, match=r"other.toml, line 3: middleware\[0\]\.sinks\[0\]: no such"):
        run("--config", "other.toml", journal=None)


def test_the_usual_journal_is_found(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    (tmp_path / "jackfield").mkdir()
    written(tmp_path / "jackfield" / "journal.db", record(1))
    assert shown(run(journal=None)[1]) == ids(1)


PROGRAM = "import sys; from jackfield_logging.command import logs; logs(sys.argv[1:], standalone_mode=False)"


@pytest.mark.skipif(os.name != "posix", reason="a signal that POSIX has")
def test_following_goes_on_with_what_comes_also_in_a_new_file(path):
    written(path, record(1), record(2, provider="mock"))
    command = [sys.executable, "-c", PROGRAM, "--journal", str(path), "-f", "--json", "--provider", "openai"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        watchdog = threading.Timer(60, child.kill)
        watchdog.start()
        try:
            seen = [json.loads(child.stdout.readline())["call_id"]]
            written(path, record(3), record(4, provider="mock"), record(5))
            seen += [json.loads(child.stdout.readline())["call_id"] for _ in range(2)]
            path.rename(path.with_name("aside.db"))
            time.sleep(0.7)
            written(path, record(6))
            seen.append(json.loads(child.stdout.readline())["call_id"])
        finally:
            child.send_signal(signal.SIGINT)
            child.communicate()
            watchdog.cancel()
    assert seen == ids(1, 3, 5, 6)


def test_the_command_is_found_by_the_command_line(tmp_path, path, monkeypatch):
    main = pytest.importorskip("jackfield_cli.main")
    written(path, record(1))
    assert main.run(["logs", "--journal", str(path)]) == 0
    assert main.run(["logs", "--journal", str(path), "--error"]) == 1
    assert main.run(["logs", "--journal", str(tmp_path / "none.db")]) == 2
    assert main.run(["logs", "--since", "never"]) == 2
    assert main.run(["logs", "show", "--help"]) == 0


def test_what_a_client_writes_can_be_read(run, path):
    player = Player(hello(), [RateLimitError("slow down", status=429)])
    with jf.Client(
        middleware=logged(sinks=[Sink(kind="journal", path=str(path))], content=True), **playing(player)
    ) as client:
        client.chat("what is a jackfield?")
        with pytest.raises(RateLimitError):
            client.chat("and a patch bay?")
    assert len(shown(run()[1])) == 2
    assert len(shown(run("--error", "--since", "1h")[1])) == 1
    assert len(shown(run("search", "jackfield")[1])) == 1


# --- the filters, against what they mean ------------------------------------------------------------------------

TEXTS = st.sampled_from(["", "a", "b", "ab", "%", "_", "'", 'a"b', "ä", "A"])
MOMENTS = st.datetimes(datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-01-03")).map(
    lambda at: f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"
)
MADE = st.fixed_dictionaries(
    {
        "provider": TEXTS,
        "model": TEXTS,
        "operation": st.sampled_from(["chat", "embed"]),
        "outcome": st.sampled_from(["complete", "error", "closed"]),
        "time": MOMENTS,
        "attempt": st.sampled_from([None, 1]),
    }
)
WANTED = st.builds(
    Filter,
    since=st.none() | MOMENTS,
    provider=st.none() | TEXTS,
    model=st.none() | TEXTS,
    operation=st.none() | st.sampled_from(["chat", "embed"]),
    failed=st.booleans(),
    attempts=st.booleans(),
)


def fits(one, wanted):
    return (
        (wanted.since is None or one["time"] >= wanted.since)
        and (wanted.provider is None or one["provider"] == wanted.provider)
        and (wanted.model is None or wanted.model in one["model"])
        and (wanted.operation is None or one["operation"] == wanted.operation)
        and (not wanted.failed or one["outcome"] == "error")
        and (wanted.attempts or one["record"] == "call")
    )


@settings(max_examples=examples(60), deadline=None)
@given(made=st.lists(MADE, max_size=12), wanted=WANTED, limit=st.integers(1, 12))
def test_a_filter_lets_through_what_it_says(tmp_path_factory, made, wanted, limit):
    records = [
        record(number, **{name: value for name, value in one.items() if value is not None})
        | ({"record": "attempt"} if one["attempt"] else {})
        for number, one in enumerate(made)
    ]
    path = written(tmp_path_factory.mktemp("filter") / "calls.db", *records)
    expected = [one["call_id"] for one in records if fits(one, wanted)]
    reader = Reader(path)
    assert [one["call_id"] for _, one in reader.latest(wanted, limit)] == expected[-limit:]
    assert [one["call_id"] for one in reader.every(wanted)] == expected


@given(st.integers(1, 10**6), st.sampled_from("smhdw"), st.floats(0, 4e9))
def test_a_time_ago_is_so_long_before_now(number, unit, now):
    seconds = number * {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}[unit]
    expected = datetime.fromtimestamp(max(now - seconds, 0), UTC)
    told = datetime.fromisoformat(moment(f" {number}{unit.upper()} ", now))
    assert abs((told - expected).total_seconds()) < 1e-3


YEARS = datetime.fromisoformat("0002-01-01"), datetime.fromisoformat("9998-12-31")


@given(st.datetimes(*YEARS, timezones=st.just(UTC)))
def test_a_time_of_iso_8601_is_itself(at):
    assert datetime.fromisoformat(moment(at.isoformat(), 0)) == at


@given(st.text(max_size=12))
def test_any_other_text_is_refused_or_is_a_time(text):
    try:
        told = moment(text, 1e9)
    except ValueError as error:
        assert str(error).startswith("expected a time like")
    else:
        assert len(told) == 27

"""The command `jackfield files`, as whoever types it sees it, against the fake on loopback."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jackfield.errors import BadRequestError, ConfigurationError, DeadlineError, NotFoundError
from jackfield_openai.testing import FakeOpenAI, serve

CliRunner = pytest.importorskip("click.testing").CliRunner
UsageError = pytest.importorskip("click").UsageError
piped = importlib.import_module("jackfield_jobs.screen").piped
files = importlib.import_module("jackfield_jobs.file_command").files

LINE = b'{"custom_id": "1", "method": "POST", "url": "/v1/embeddings", "body": {"input": "x"}}\n'


@pytest.fixture
def fake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    service = FakeOpenAI()
    with serve(service) as url:
        provider = f'[providers.openai]\napi_key = "k"\nbase_url = "{url}"\n'
        other = f'[providers.work]\nplugin = "openai"\napi_key = "k"\nbase_url = "{url}"\n'
        text = f'default = "openai:gpt-4.1-mini"\n{provider}{other}[providers.mock]\n'
        (tmp_path / "jackfield.toml").write_text(text, encoding="utf-8")
        yield service


def done(*arguments, **more):
    return CliRunner().invoke(files, arguments, **more)


def told(*arguments, **more):
    """What the command prints, as `jackfield` runs it."""
    found = done(*arguments, **more)
    assert found.exit_code == 0, (found.output, found.exception)
    return found.stdout


def test_a_file_comes_and_goes(fake, tmp_path):
    Path("a.jsonl").write_bytes(LINE)
    made = json.loads(told("upload", "a.jsonl", "--purpose", "batch", "--json"))
    assert (made["name"], made["size"], made["status"]) == ("a.jsonl", len(LINE), "processed")
    named = made["id"]
    assert json.loads(told("get", named, "--json")) == made
    facts = told("get", named).splitlines()
    assert [line.split()[0] for line in facts] == ["id", "name", "size", "purpose", "created", "expires", "status"]
    assert facts[4].split() == ["created", "2026-01-01", "00:00"]
    lines = told("list").splitlines()
    assert lines[0].split() == ["FILE", "PURPOSE", "BYTES", "CREATED", "NAME"]
    assert lines[1].split() == [named, "batch", str(len(LINE)), "2026-01-01", "00:00", "a.jsonl"]
    assert told("download", named, "b.jsonl") == f"b.jsonl: {len(LINE)} bytes\n"
    assert Path("b.jsonl").read_bytes() == LINE
    assert done("download", named, "b.jsonl").exit_code == 2
    saved = json.loads(told("download", named, "b.jsonl", "--force", "--json"))
    assert saved == {"file": named, "size": len(LINE), "media_type": "application/octet-stream", "path": "b.jsonl"}
    assert CliRunner().invoke(files, ["download", named, "-"]).stdout_bytes == LINE
    assert told("delete", named) == f"{named} is gone\n"
    assert isinstance(done("delete", named, "--json").exception, NotFoundError)


def test_lists_are_as_long_as_they_are_asked_for(fake):
    for number in range(5):
        fake.files.add(f"{number}\x1b]0;owned\x07.txt", b"x", "user_data" if number % 2 else "batch")
    names = [one["name"][0] for one in json.loads(told("list", "--json"))]
    assert names == list("43210")
    assert [one["name"][0] for one in json.loads(told("list", "--json", "--limit", "2", "--order", "asc"))] == [
        "0",
        "1",
    ]
    assert [one["name"][0] for one in json.loads(told("list", "--json", "--purpose", "user_data"))] == ["3", "1"]
    assert "\x1b" not in told("list")


def test_standard_input_can_be_sent(fake):
    made = json.loads(told("upload", "-", "--purpose", "batch", "--json", input=LINE))
    assert made["name"] == "data.jsonl"
    made = json.loads(told("upload", "-", "--purpose", "user_data", "--name", "x.txt", "--json", input=b"words"))
    assert (made["name"], made["size"]) == ("x.txt", 5)


def test_options_are_heeded(fake):
    Path("a.txt").write_bytes(b"words")
    made = json.loads(told("upload", "a.txt", "--purpose", "user_data", "--expires-after", "3600", "--parts", "--json"))
    assert made["expires"] - made["created"] == 3600
    assert fake.lines[-1].endswith("/complete")
    told("upload", "a.txt", "--purpose", "batch", "--no-check", "--provider", "work")
    fake.files.processing, fake.tick = 3, 5
    made = json.loads(told("upload", "a.txt", "--purpose", "user_data", "--wait", "--json"))
    assert made["status"] == "processed"


def test_what_is_wrong_is_told(fake):
    Path("a.txt").write_bytes(b"words")
    assert isinstance(done("upload", "none", "--purpose", "batch").exception, BadRequestError)
    assert isinstance(done("upload", "a.txt", "--purpose", "batch").exception, BadRequestError)
    assert isinstance(done("get", "file-none").exception, NotFoundError)
    assert done("upload", "a.txt").exit_code == 2
    found = done("list", "--provider", "mock").exception
    assert isinstance(found, ConfigurationError)
    assert "provider 'mock' has nothing for files" in str(found)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no pseudo-terminals here")
def test_a_bar_is_drawn_on_a_terminal_alone(fake):
    command = Path(sys.executable).with_name("jackfield")
    if not command.exists():
        pytest.skip("jackfield-cli is not installed")
    Path("a.bin").write_bytes(b"x" * 1_000_000)
    arguments = [command, "files", "upload", "a.bin", "--purpose", "user_data", "--json"]
    quiet = subprocess.run(arguments, capture_output=True, check=True)
    assert (json.loads(quiet.stdout)["size"], quiet.stderr) == (1_000_000, b"")
    ours, theirs = os.openpty()
    shown = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=theirs, check=True)
    os.close(theirs)
    drawn = os.read(ours, 100_000)
    os.close(ours)
    assert json.loads(shown.stdout)["size"] == 1_000_000
    assert b"1,000,000/1,000,000 bytes" in drawn
    assert drawn.endswith(b"\r\x1b[K")


def test_a_file_that_takes_a_while_can_be_waited_for_again(fake):
    Path("a.jsonl").write_bytes(LINE)
    fake.files.processing = 1e9
    found = done("upload", "a.jsonl", "--purpose", "batch", "--wait", "--timeout", "0.5", "--provider", "work")
    (named,) = fake.files.kept
    assert isinstance(found.exception, DeadlineError)
    assert f"to wait for it again: jackfield files wait {named} --provider work\n" in found.stderr
    fake.advance(2e6)
    fake.files.kept[named].ready = 0.0
    assert json.loads(told("wait", named, "--json"))["status"] == "processed"


def test_standard_input_that_is_closed_is_told(fake, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="standard input is closed"):
        piped()

"""A file that was merely found, and is trusted by its content."""

import os
import sys
from pathlib import Path

import pytest
from configured import write

from jackfield.config import load, state_folder, trust_record
from jackfield.errors import ConfigurationError, UntrustedError

AWAY = "https://elsewhere.example/v1"
TEXT = f'[providers.fake]\nbase_url = "{AWAY}"\n[[middleware]]\nuse = "marks"\ntoken = {{ env = "ANY_TOKEN" }}\n'


@pytest.fixture
def found(client, monkeypatch):
    monkeypatch.setenv("FAKE_API_KEY", "sk-ambient")
    monkeypatch.setenv("ANY_TOKEN", "sk-foreign")
    write("jackfield.toml", TEXT)
    return Path("jackfield.toml")


def trust(file):
    record, line = trust_record(file, file.read_bytes())
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_bytes(line)
    record.chmod(0o600)
    return record


def refused(client):
    with pytest.raises(UntrustedError) as caught:
        client().chat("x", model="fake:m")
    return str(caught.value)


def test_what_is_trusted_may_send_a_key_where_it_says(client, made, found):
    assert "run `jackfield config trust jackfield.toml`" in refused(client)
    trust(found)
    assert load().document.distrust is None
    client().chat("x", model="fake:m")
    assert (made["fake"].base_url, made["fake"].api_key.reveal()) == (AWAY, "sk-ambient")


def test_it_may_steer_requests_too(client, found):
    write("jackfield.toml", "[network]\nproxy = 'http://mine.test:1'\n")
    with pytest.raises(UntrustedError, match="line 2: network.proxy: this says by whom requests pass"):
        client()
    trust(found)
    assert load().network.proxy.reveal() == "http://mine.test:1"


def test_any_change_of_content_ends_the_trust(client, found):
    trust(found)
    write("jackfield.toml", TEXT + " ")
    assert "was merely found (it changed since it was trusted)" in refused(client)
    write("jackfield.toml", TEXT)
    client().chat("x", model="fake:m")


def test_trust_is_for_one_file_and_not_for_its_copies(client, found, clean_folder, monkeypatch):
    trust(found)
    (clean_folder / "copy").mkdir()
    monkeypatch.chdir(clean_folder / "copy")
    write("jackfield.toml", TEXT)
    assert "nobody has trusted it" in refused(client)


def test_a_pyproject_can_be_trusted(client, clean_folder):
    Path("jackfield.toml").unlink(missing_ok=True)
    file = Path("pyproject.toml")
    write("pyproject.toml", "[tool.jackfield.network]\nca = 'mine.pem'\n")
    with pytest.raises(UntrustedError, match="run `jackfield config trust pyproject.toml`"):
        client()
    trust(file)
    assert load().network.ca == "mine.pem"


def _broken(record):
    record.write_bytes(b"trusted: yes\n")


def _empty(record):
    record.write_bytes(b"")


def _folder(record):
    record.unlink()
    record.mkdir()


def _shared(record):
    record.chmod(0o622)


def _unreadable(record):
    record.unlink()
    record.symlink_to(record)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_broken, "the record of its trust, {record}, is broken"),
        (_empty, "the record of its trust, {record}, is broken"),
        (_folder, "whether it is trusted cannot be read: "),
        (_unreadable, "whether it is trusted cannot be read: "),
        (_shared, "others can write the record of its trust, {record}"),
        (Path.unlink, "nobody has trusted it"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="modes and links are those of POSIX")
def test_a_record_that_cannot_be_relied_on_is_none_and_it_is_said_why(client, found, harm, says):
    record = trust(found)
    harm(record)
    assert f"jackfield.toml was merely found ({says.format(record=record)}" in refused(client)


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {"HOME": "/me"}, "/me/.local/state/jackfield"),
        ("linux", {"HOME": "/me", "XDG_STATE_HOME": "/state"}, "/state/jackfield"),
        ("linux", {"HOME": "/me", "XDG_STATE_HOME": "state"}, "/me/.local/state/jackfield"),
        ("darwin", {"HOME": "/me", "XDG_STATE_HOME": "/state"}, "/me/Library/Application Support/jackfield"),
        ("win32", {"HOME": "/me", "LOCALAPPDATA": "/local"}, "/local/jackfield"),
        ("win32", {"HOME": "/me", "LOCALAPPDATA": ""}, "/me/AppData/Local/jackfield"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="the paths are those of POSIX")
def test_the_folder_is_that_of_the_platform(clean_folder, monkeypatch, platform, variables, folder):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("LOCALAPPDATA")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert state_folder().as_posix() == folder


def test_without_a_home_nothing_is_trusted_and_it_is_said_why(client, found, monkeypatch):
    def homeless():
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("LOCALAPPDATA")
    with pytest.raises(ConfigurationError, match="there is no home folder to keep state in; set "):
        state_folder()
    assert "whether it is trusted cannot be read: there is no home folder" in refused(client)


def test_what_needs_no_trust_asks_for_none(client, monkeypatch):
    monkeypatch.setattr("jackfield.configuration._distrust", lambda *_: pytest.fail("it was asked for"))
    write("jackfield.toml", "default = 'fake:m'\n[providers.fake]\nretries = 2\n[timeouts]\ntotal = 3")
    assert client().chat("x").model == "m"

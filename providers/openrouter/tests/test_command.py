"""The command `jackfield openrouter`, as whoever types it sees it, against a fake on loopback."""

import importlib
import json

import pytest

import jackfield as jf
from jackfield.errors import ConfigurationError, NotFoundError
from jackfield_openrouter.testing import FakeModel, FakeOpenRouter, serve

CliRunner = pytest.importorskip("click.testing").CliRunner
openrouter = importlib.import_module("jackfield_openrouter.command").openrouter

MODELS = [
    FakeModel("acme/big", "Acme", 3e-6, 15e-6, 1_000_000, ("text", "image"), ("tools", "reasoning")),
    FakeModel("acme/small:free", "Acme", 0.0, 0.0, 8_000, parameters=("max_tokens",)),
    FakeModel("zeta/\x1b]0;owned\x07mid", "Zeta", 1e-6, 2e-6, 128_000, parameters=("tools",)),
]


@pytest.fixture
def fake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    service = FakeOpenRouter(models=MODELS)
    with serve(service) as url:
        provider = f'[providers.openrouter]\napi_key = "sk-or-test"\nbase_url = "{url}"\n'
        (tmp_path / "jackfield.toml").write_text(
            f'default = "openrouter:acme/big"\n{provider}\n[providers.mock]\n', encoding="utf-8"
        )
        yield service


def told(*arguments):
    """What the command prints, as `jackfield` runs it."""
    done = CliRunner().invoke(openrouter, arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def names(*arguments):
    return [model["id"].partition("\x1b")[0] for model in json.loads(told("models", "--json", *arguments))]


def test_models_are_a_table_that_drives_no_terminal(fake):
    lines = told("models").splitlines()
    assert lines[0].split() == ["MODEL", "CONTEXT", "$/M", "IN", "$/M", "OUT", "TAKES", "GIVES"]
    assert lines[1].split() == ["acme/big", "1,000,000", "3.00", "15.00", "text,image", "text"]
    assert lines[2].split() == ["acme/small:free", "8,000", "0.00", "0.00", "text", "text"]
    assert lines[3].startswith("zeta/?]0;owned?mid")
    assert (
        len({line.index(cell) + len(cell) for line, cell in zip(lines[1:], ("3.00", "0.00", "1.00"), strict=True)}) == 1
    )


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--sort", "price"), ["acme/small:free", "zeta/", "acme/big"]),
        (("--sort", "context"), ["acme/big", "zeta/", "acme/small:free"]),
        (("--free",), ["acme/small:free"]),
        (("--max-price", "1"), ["acme/small:free", "zeta/"]),
        (("--min-context", "128000"), ["acme/big", "zeta/"]),
        (("--input", "image"), ["acme/big"]),
        (("--output", "image"), []),
        (("--supports", "tools", "--supports", "reasoning"), ["acme/big"]),
        (("ACME", "small"), ["acme/small:free"]),
        (("nothing",), []),
    ],
)
def test_models_are_sorted_and_filtered(fake, arguments, found):
    assert names(*arguments) == found


def test_endpoints(fake):
    lines = told("endpoints", "acme/big").splitlines()
    assert lines[1].split()[:5] == ["Acme", "-", "1,000,000", "3.00", "15.00"]
    (one,) = json.loads(told("endpoints", "acme/big", "--json"))
    assert (one["provider"], one["parameters"]) == ("Acme", ["reasoning", "tools"])


def test_the_account(fake):
    with jf.Client() as client:
        client.chat("Hello")
    assert told("credits").splitlines()[0] == "bought  $10.0000"
    assert json.loads(told("credits", "--json")) == {"bought": 10.0, "used": fake.spent, "left": 10.0 - fake.spent}
    assert "label         sk-or-v1-000...000" in told("key").splitlines()
    assert json.loads(told("key", "--json"))["limit"] is None
    assert "served by          Acme" in told("generation", "gen-fake-1").splitlines()
    assert json.loads(told("generation", "gen-fake-1", "--json"))["cost"] == fake.spent


def test_a_stream_that_lacks_a_letter_gets_all_the_others(fake):
    fake.models["zeta/größe"] = FakeModel("zeta/größe")
    done = CliRunner(charset="ascii").invoke(openrouter, ["models"])
    assert done.exit_code == 0
    assert b"zeta/gr??e" in done.stdout_bytes


def test_errors_name_what_is_wrong(fake):
    done = CliRunner().invoke(openrouter, ["generation", "gen-none"])
    assert isinstance(done.exception, NotFoundError)
    done = CliRunner().invoke(openrouter, ["credits", "--provider", "mock"])
    assert isinstance(done.exception, ConfigurationError)
    assert "provider 'mock' is none of the plugin 'openrouter'; name one by --provider" in str(done.exception)
    assert CliRunner().invoke(openrouter, ["models", "--sort", "colour"]).exit_code == 2
    assert CliRunner().invoke(openrouter, ["models", "--min-context", "0"]).exit_code == 2

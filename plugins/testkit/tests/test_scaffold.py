"""New packages: what is written, and what is refused."""

import tomllib

import pytest

from jackfield.errors import ConfigurationError
from jackfield_testkit.scaffold import generate

KINDS = {"provider": "providers", "middleware": "middleware", "store": "stores"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_is_whole(kind, tmp_path):
    written = generate(kind, "acme-chat", tmp_path / "new", author='Ann "A" Other', year=2031)
    names = {path.relative_to(tmp_path / "new").as_posix() for path in written}
    wanted = {"LICENSE", "README.md", "pyproject.toml", ".github/workflows/tests.yml", "tests/test_conformance.py"}
    assert names >= wanted | {"src/jackfield_acme_chat/__init__.py", "src/jackfield_acme_chat/py.typed"}
    project = tomllib.loads((tmp_path / "new/pyproject.toml").read_text())["project"]
    assert project["name"] == "jackfield-acme-chat"
    assert project["authors"] == [{"name": 'Ann "A" Other'}]
    assert project["entry-points"] == {f"jackfield.{KINDS[kind]}": {"acme-chat": "jackfield_acme_chat"}}
    assert project["dependencies"] == ["attrs>=25.1", "jackfield>=0.1,<0.2"]
    assert '2031 Ann "A" Other' in (tmp_path / "new/LICENSE").read_text()
    for path in written:
        text = path.read_text()
        assert "<<" not in text, path
        assert "MODULE" not in path.name, path
        if path.suffix == ".py":
            compile(text, path.name, "exec")


@pytest.mark.parametrize("name", ["", "Acme", "1acme", "acme_chat", "acme--chat", "-acme", "acme-", "acme chat", "a/b"])
def test_a_name_that_cannot_be_is_refused(name, tmp_path):
    with pytest.raises(ConfigurationError, match="name: expected small letters, digits and single hyphens"):
        generate("provider", name, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_kind_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="kind: expected one of provider, middleware, store, got 'plugin'"):
        generate("plugin", "acme", tmp_path / "new")


def test_nothing_is_written_over(tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(ConfigurationError, match="there is something already"):
        generate("store", "acme", tmp_path)
    with pytest.raises(ConfigurationError, match="there is something already"):
        generate("store", "acme", tmp_path / "mine")


def test_the_command(tmp_path, monkeypatch):
    pytest.importorskip("click")
    from click.testing import CliRunner

    from jackfield_testkit.scaffold.command import new

    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(new, ["middleware", "slow"])
    assert done.exit_code == 0, done.output
    assert "jackfield-slow/pyproject.toml" in done.output
    assert (tmp_path / "jackfield-slow/src/jackfield_slow/__init__.py").exists()
    again = CliRunner().invoke(new, ["middleware", "slow"])
    assert again.exit_code == 2
    assert "there is something already" in again.output
    assert CliRunner().invoke(new, ["widget", "slow"]).exit_code == 2

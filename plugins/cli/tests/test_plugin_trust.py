"""Which plugins may be loaded, where they come from, and what one that is broken or clashes does to the others."""

import json

import pytest

LOUD = "raise SystemExit('imported')"
GREET = """
import click

@click.command()
@click.option("--config")
def greet(config):
    click.echo("hello")
"""
PROVIDER = """
from jackfield.hooks import hookimpl
from jackfield.provider import Provider

@hookimpl
def jackfield_provider(name, settings):
    return Provider(name, {"chat": "m"})
"""
POINTS = "[jackfield.providers]\nacme = jf_acme\n[jackfield.commands]\ngreet = jf_acme:greet\n"


def listed(place, *arguments, **variables):
    done = place.run("plugins", "--json", *arguments, **variables)
    assert done.code == 0
    return {(one["kind"], one["name"], one["package"]): one for one in json.loads(done.out)}


def note(place, name, text, dist="jf_acme"):
    (place.plugins / f"{dist}-1.0.dist-info" / name).write_text(text)


# --- where from


@pytest.mark.parametrize(
    ("noted", "origin"),
    [
        ({"url": "file:///src/my%20acme", "dir_info": {"editable": True}}, "editable /src/my acme"),
        ({"url": "file:///src/acme", "dir_info": {}}, "/src/acme"),
        ({"url": "file:///src/acme.whl", "archive_info": {"hash": "x"}}, "/src/acme.whl"),
        (
            {"url": "https://me:secret@git.example/acme.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}},
            "git+https://git.example/acme.git@abc123",
        ),
        ({"url": "https://host.example/acme.zip", "archive_info": {}}, "https://host.example/acme.zip"),
        ({"archive_info": {}}, "unknown"),
        ([], "unknown"),
    ],
)
def test_where_a_plugin_was_installed_from_is_told(place, noted, origin):
    place.install("jf_acme", LOUD, POINTS)
    note(place, "direct_url.json", json.dumps(noted))
    assert listed(place)["provider", "acme", "jf-acme"]["origin"] == origin
    done = place.run("plugins", "greet")
    assert f"origin: {origin}\n" in done.out
    assert "secret" not in done.out


def test_what_was_installed_by_name_comes_from_an_index_and_anything_else_lies_somewhere(place):
    place.install("jf_acme", LOUD, POINTS)
    assert listed(place)["provider", "acme", "jf-acme"]["origin"] == str(place.plugins)
    note(place, "INSTALLER", "pip\n")
    assert listed(place)["provider", "acme", "jf-acme"]["origin"] == "index"


# --- what is allowed


def test_what_is_not_allowed_is_shown_and_not_loaded(place):
    place.install("jf_acme", LOUD, POINTS)
    place.write('allow_plugins = ["jackfield-mock"]\n')
    found = listed(place)
    for kind, name in (("provider", "acme"), ("command", "greet")):
        one = found[kind, name, "jf-acme"]
        assert one["allowed"] is False
        assert "is not allowed; if you trust it, add jf-acme to allow_plugins" in one["problem"]
    # the commands of this package are what says so
    assert found["command", "plugins", "jackfield-cli"]["allowed"] is True
    assert found["command", "plugins", "jackfield-cli"]["problem"] is None
    shown = place.run("plugins", "acme", "--kind", "provider")
    assert (shown.code, shown.out) == (2, "")
    assert "add jf-acme to allow_plugins" in shown.err


def test_a_command_that_is_not_allowed_is_not_imported(place):
    place.install("jf_acme", LOUD, POINTS)
    place.write('allow_plugins = ["other"]\n')
    done = place.run("greet")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "jackfield: command 'greet': jf-acme 1.0 (jf_acme:greet) is not allowed; if you trust it, "
        "add jf-acme to allow_plugins\n"
    )
    assert place.run("--help").code == 0


def test_a_command_that_is_allowed_runs(place):
    place.install("jf_acme", GREET, POINTS)
    place.write('allow_plugins = ["jf-acme"]\ndefolt = 1\n')  # that it is wrong elsewhere is no matter
    assert place.run("greet").out == "hello\n"
    assert place.run("greet", JACKFIELD_ALLOW_PLUGINS="['x']").code == 2


@pytest.mark.parametrize("arguments", [["--config", "other.toml"], ["--config=other.toml"]], ids=" ".join)
def test_the_list_is_that_of_the_configuration_that_the_command_line_names(place, arguments):
    place.install("jf_acme", GREET, POINTS)
    place.write('allow_plugins = ["jf-acme"]\n')
    place.write("allow_plugins = []\n", "other.toml")
    assert place.run("greet").code == 0
    assert "is not allowed" in place.run("greet", *arguments).err


@pytest.mark.parametrize("text", ["allow_plugins = 5\n", "broken"])
def test_where_nobody_can_tell_what_is_allowed_no_foreign_command_is_imported(place, text):
    place.install("jf_acme", LOUD, POINTS)
    place.write(text)
    done = place.run("greet")
    assert done.code == 2
    assert done.err.startswith("jackfield: jackfield.toml")
    found = json.loads(place.run("doctor", "--json").out)["findings"]
    assert any("provider acme" in one["text"] and "not loaded" in one["text"] for one in found)


def test_doctor_says_what_is_not_allowed_and_what_is_allowed_and_absent(place):
    place.install("jf_good", PROVIDER, "[jackfield.providers]\ngood = jf_good\n")
    place.install("jf_acme", LOUD, POINTS)
    place.write('default = "good"\nallow_plugins = ["jf-good", "jf-gone"]\n')
    done = place.run("doctor", "--json")
    found = [(one["state"], one["text"], one["advice"]) for one in json.loads(done.out)["findings"]]
    advice = "if you trust it, add jf-acme to allow_plugins"
    assert ("note", "provider acme, from jf-acme 1.0: not allowed", advice) in found
    assert ("note", "allow_plugins names jf-gone, which brings no plugin here", "") in found
    assert ("ok", "provider good, from jf-good 1.0", "") in found
    assert done.code == 0


def test_the_list_is_explained_with_its_origin_and_checked(place):
    place.install("jf_good", PROVIDER, "[jackfield.providers]\ngood = jf_good\n")
    place.write('default = "good"\nallow_plugins = ["jf-good"]\n')
    assert 'allow_plugins\t["jf-good"]\tjackfield.toml, line 2\n' in place.run("config", "explain").out
    assert place.run("config", "check").code == 0
    done = place.run("config", "check", JACKFIELD_ALLOW_PLUGINS="[]")
    assert done.code == 2
    assert "add jf-good to allow_plugins" in done.err
    shown = place.run("config", "explain", JACKFIELD_ALLOW_PLUGINS="['x', 'jf-good']").out
    assert 'allow_plugins\t["x", "jf-good"]\tJACKFIELD_ALLOW_PLUGINS in the environment\n' in shown


# --- what clashes, does not fit or is broken


def test_plugins_that_clash_are_shown_as_such_and_others_work(place):
    place.install("jf_good", PROVIDER, "[jackfield.providers]\ngood = jf_good\n")
    place.install("jf_acme", LOUD, "[jackfield.providers]\nacme = jf_acme\n")
    place.install("jf_other", LOUD, "[jackfield.providers]\nacme = jf_other\n")
    found = listed(place)
    for package in ("jf-acme", "jf-other"):
        problem = found["provider", "acme", package]["problem"]
        assert "jf-acme 1.0 (jf_acme) and jf-other 1.0 (jf_other) bring it; uninstall all but one" in problem
    assert found["provider", "good", "jf-good"]["problem"] is None
    place.write('default = "good"\n')
    assert place.run("config", "explain", ACME_API_KEY="k").code == 0
    # a list that names one of them settles it
    found = listed(place, JACKFIELD_ALLOW_PLUGINS="['jf-other']")
    assert found["provider", "acme", "jf-other"]["problem"] is None
    assert "is not allowed" in found["provider", "acme", "jf-acme"]["problem"]


def test_a_plugin_for_another_version_is_shown_as_such(place):
    place.install("jf_acme", LOUD, POINTS)
    note(place, "METADATA", "Metadata-Version: 2.1\nName: jf-acme\nVersion: 1.0\nRequires-Dist: jackfield>=99\n")
    problem = listed(place)["provider", "acme", "jf-acme"]["problem"]
    assert "jf-acme 1.0 (jf_acme) needs jackfield>=99, and this is " in problem
    assert "needs jackfield>=99" in place.run("greet").err


def test_metadata_that_is_gone_or_broken_breaks_nothing_else(place):
    place.install("jf_good", GREET, "[jackfield.commands]\ngreet = jf_good:greet\n")
    place.install("jf_gone", LOUD, "[jackfield.providers]\ngone = jf_gone\n")
    (place.plugins / "jf_gone-1.0.dist-info" / "METADATA").unlink()
    place.install("jf_bad", LOUD, "[jackfield.providers]\nbad\n")
    done = place.run("plugins", "--json")
    assert (done.code, done.err) == (0, "")
    found = {(one["name"], one["package"], one["version"]) for one in json.loads(done.out)}
    assert {("greet", "jf-good", "1.0"), ("gone", None, None)} <= found
    assert "greet" in place.run("--help").out
    assert place.run("greet").out == "hello\n"
    text = place.run("doctor").out
    assert f"warning\tplugins\ta distribution in {place.plugins} cannot be read" in text
    assert "bad" not in {name for name, *_ in found}


def test_a_person_sees_what_is_wrong_below_the_table(place, terminal):
    pytest.importorskip("termios")
    place.install("jf_acme", LOUD, POINTS)
    shown, code = terminal("plugins", variables={"TERM": "xterm", "JACKFIELD_ALLOW_PLUGINS": "[]"}).finish()
    assert code == 0
    assert "jf-acme 1.0" in shown
    assert "jackfield: provider 'acme': jf-acme 1.0 (jf_acme) is not allowed" in shown

"""`jackfield plugins`: what is installed, without importing it, and one plugin, in full."""

import json

import pytest

LOUD = "raise SystemExit('imported')"
POINTS = """
[jackfield.providers]
acme = jf_acme
[jackfield.middleware]
acme = jf_acme
[jackfield.stores]
shelf = jf_acme:shelf
[jackfield.commands]
greet = jf_acme:greet
"""
ACME = '''
"""Acme, for
tests.

More of it.
"""
from collections.abc import Mapping
from attrs import field, frozen
from jackfield.errors import ConfigurationError
from jackfield.hooks import hookimpl
from jackfield.operations import CHAT
from jackfield.provider import Provider, Secret, serves

@frozen
class AcmeSettings:
    """Settings.

    Attributes:
        project: whose it is,
            in two lines.
        api_key: the key.
        levels: how \\x1b[2J loud.

    Raises:
        nothing: at all.
    """

    project: str
    api_key: Secret | None = None
    levels: Mapping[str, list[int]] = field(factory=lambda: {"a": [1]})
    _hidden: float = 0.5
    inner: int = field(default=1, init=False)

class Acme(Provider):
    @serves(CHAT)
    async def chat(self, call):
        yield None

@hookimpl
def jackfield_settings():
    return AcmeSettings

@hookimpl
def jackfield_provider(name, settings):
    if settings.api_key is None:
        raise ConfigurationError("api_key: missing")
    return Acme(name)
'''


def rows(done):
    """Kind, name, package, version and the names in the configuration."""
    assert (done.code, done.err) == (0, "")
    return [[*line.split("\t")[:4], line.split("\t")[6]] for line in done.out.splitlines()]


def test_every_kind_is_listed_and_nothing_imported(place):
    place.install("jf_acme", LOUD, POINTS)
    listed = rows(place.run("plugins"))
    for kind, name in (("provider", "acme"), ("middleware", "acme"), ("store", "shelf"), ("command", "greet")):
        assert [kind, name, "jf-acme", "1.0", ""] in listed
    assert ["command", "chat", "jackfield-cli"] in [row[:3] for row in listed]
    order = ["provider", "middleware", "store", "schema", "shape", "command"]
    assert [row[:2] for row in listed] == sorted(
        (row[:2] for row in listed), key=lambda row: (order.index(row[0]), row[1])
    )


def test_only_one_kind_is_listed_where_asked(place):
    place.install("jf_acme", LOUD, POINTS)
    listed = rows(place.run("plugins", "--kind", "store"))
    assert ["store", "shelf", "jf-acme", "1.0", ""] in listed
    assert {row[0] for row in listed} == {"store"}


def test_the_list_says_what_the_configuration_uses(place):
    place.install("jf_acme", LOUD, POINTS)
    place.write('[providers.one]\nplugin = "acme"\n[providers.acme]\n[[middleware]]\nuse = "acme"\n')
    listed = rows(place.run("plugins"))
    assert ["provider", "acme", "jf-acme", "1.0", "one, acme"] in listed
    assert ["middleware", "acme", "jf-acme", "1.0", "middleware"] in listed


def test_a_broken_configuration_does_not_hide_what_is_installed(place):
    place.install("jf_acme", LOUD, POINTS)
    place.write("defolt = 1")
    done = place.run("plugins")
    assert done.code == 0
    assert done.err.startswith("jackfield: what is configured cannot be told: jackfield.toml")
    assert f"provider\tacme\tjf-acme\t1.0\tjf_acme\t{place.plugins}\t\t\n" in done.out
    done = place.run("plugins", "--config", "jackfield.toml")
    assert (done.code, done.out) == (2, "")


def test_the_list_as_json(place):
    place.install("jf_acme", LOUD, POINTS)
    place.write('[providers.one]\nplugin = "acme"\n')
    found = json.loads(place.run("plugins", "--json").out)
    assert {
        "kind": "provider",
        "name": "acme",
        "package": "jf-acme",
        "version": "1.0",
        "entry_point": "jf_acme",
        "origin": str(place.plugins),
        "allowed": True,
        "problem": None,
        "configured": ["one"],
    } in found


def test_one_plugin_is_shown_with_operations_and_settings(place):
    place.install("jf_acme", ACME.replace("project: str\n", 'project: str = "p"\n'), POINTS)
    done = place.run("plugins", "acme", "--kind", "provider")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "provider acme, from jf-acme 1.0 (jf_acme)",
        f"origin: {place.plugins}",
        "Acme, for tests.",
        "operations: chat",
        "",
        'project\tstr\t"p"\twhose it is, in two lines.',
        "api_key\tSecret | None\tnull\tthe key.",
        'levels\tMapping[str, list[int]]\t{"a": [1]}\thow \\x1b[2J loud.',
        "hidden\tfloat\t0.5\t",
    ]


def test_one_plugin_as_json_of_every_kind_that_has_the_name(place):
    place.install("jf_acme", ACME, POINTS)
    done = place.run("plugins", "acme", "--json")
    assert (done.code, done.err) == (0, "")
    provider, middleware = json.loads(done.out)
    assert (provider["kind"], middleware["kind"]) == ("provider", "middleware")
    # it cannot be made without a project, so that nobody can tell
    assert provider["operations"] is None
    assert provider["settings"] == middleware["settings"]
    assert provider["settings"][0] == {
        "name": "project",
        "type": "str",
        "required": True,
        "default": None,
        "description": "whose it is, in two lines.",
    }


def test_a_command_is_not_loaded_but_points_to_its_help(place):
    place.install("jf_acme", LOUD, POINTS)
    done = place.run("plugins", "greet")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "command greet, from jf-acme 1.0 (jf_acme:greet)",
        f"origin: {place.plugins}",
        "see `jackfield greet --help`",
    ]


def test_what_makes_schemas_is_a_plugin_too(place):
    place.install("jf_shapes", '"""Shapes."""', "[jackfield.schemas]\nshapes = jf_shapes\n")
    assert ["schema", "shapes", "jf-shapes", "1.0", ""] in rows(place.run("plugins"))
    shown = place.run("plugins", "shapes").out.splitlines()
    assert shown == ["schema shapes, from jf-shapes 1.0 (jf_shapes)", f"origin: {place.plugins}", "Shapes."]


def test_an_unknown_name_suggests_the_nearest(place):
    done = place.run("plugins", "xyzzy", "--kind", "command")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jackfield: no plugin 'xyzzy' is installed; known: ")
    assert " chat, complete, " in done.err
    assert "did you mean 'chat'?" in place.run("plugins", "caht").err


def test_a_plugin_that_cannot_be_loaded_is_one_line(place):
    place.install("jf_acme", "import jf_absent", POINTS)
    done = place.run("plugins", "acme")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jackfield: provider plugin 'acme': jf-acme 1.0 (jf_acme) cannot be imported: Module")
    assert done.err.count("\n") == 1


# --- at a terminal ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "styled"), [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, True)]
)
def test_a_table_is_drawn_for_a_person(place, terminal, variables, styled):
    pytest.importorskip("termios")
    place.install("jf_acme", ACME, POINTS)
    shown, code = terminal("plugins", "acme", "--kind", "middleware", variables=variables).finish()
    assert code == 0
    assert "meaning" in shown
    # the only control characters are the table's own, for the names of the columns
    header = next(line for line in shown.splitlines() if "meaning" in line)
    assert ("\x1b[1m" in header) is styled
    assert "\x1b" not in shown.replace(header, "")
    assert "how \\x1b[2J loud." in shown


def test_the_terminals_width_is_kept(place, terminal):
    pytest.importorskip("jackfield_mock")
    shown, code = terminal("plugins", "mock", variables={"TERM": "xterm", "COLUMNS": "60"}).finish()
    assert code == 0
    table = shown.partition("\n\n")[2]
    assert max(map(len, table.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines())) <= 60


MANY = """
from jackfield.hooks import hookimpl
from jackfield.provider import Provider

class Plugin:
    @hookimpl
    def jackfield_provider(self, name):
        return Provider(name)

alpha, beta, gamma = Plugin(), Plugin(), Plugin()
"""
MANY_POINTS = "[jackfield.providers]\n" + "".join(f"{name} = jf_many:{name}\n" for name in ("alpha", "beta", "gamma"))


def test_plugins_that_one_module_brings_stand_together_for_a_person(place, terminal):
    place.install("jf_many", MANY, MANY_POINTS)
    place.write("[providers.gamma]\n")
    shown, code = terminal("plugins", "--kind", "provider", variables={"TERM": "xterm", "COLUMNS": "200"}).finish()
    assert code == 0
    lines = [line for line in shown.splitlines() if line.startswith("provider ")]
    assert [line.split()[1:3] for line in lines if "jf-many" in line] == [["alpha,", "beta"], ["gamma", "jf-many"]]


def test_a_program_gets_a_line_for_each_of_them(place):
    place.install("jf_many", MANY, MANY_POINTS)
    done = place.run("plugins", "--kind", "provider")
    assert [line.split("\t")[1] for line in done.out.splitlines() if "jf_many" in line] == ["alpha", "beta", "gamma"]

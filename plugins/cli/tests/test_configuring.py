"""What can be asked about a configuration: what it says and whence, what is wrong with it, whether it is trusted."""

import os
import re
import stat
from pathlib import Path

import pytest
from configured import clean_folder, made, plugins, unfit, write

from jackfield.config import load, state_folder
from jackfield.errors import ConfigurationError, JackfieldError, UntrustedError
from jackfield_cli.configuring import check, demands, explain, find, starter, trust, untrust

__all__ = ["clean_folder", "made", "plugins"]

pytestmark = pytest.mark.usefixtures("clean_folder")

AWAY = "https://elsewhere.example/v1"
ALL = """\
default = "fast"

[models]
fast = "fake:m"
calm = { target = "fast", temperature = 0, user = "sk-0123456789abcdefgh" }
several = ["fake:a", "fake:b"]

[providers.fake]
api_key = { env = "FAKE_API_KEY" }
default_model = { env = "A_MODEL" }

[providers.mine]
plugin = "fake"
base_url = "http://127.0.0.1:1/v1"
api_key = "sk-in-the-file"

[[middleware]]
use = "marks"
token = "sk-of-a-middleware"
where = ["a", "https://me:word@host.example/path?token=abc"]
"""


@pytest.fixture
def told(clean_folder, plugins):
    """The rows of an explanation, by key."""

    def ask(config=None):
        found = explain(config, plugins=plugins)
        return {row.key: (row.value, row.origin) for row in found.rows}

    return ask


def test_each_value_is_shown_with_its_origin(told, monkeypatch):
    write("jackfield.toml", ALL)
    write(".env.local", "FAKE_API_KEY=sk-local\nOTHER_FAKE_API_KEY=sk-other\n")
    monkeypatch.setenv("A_MODEL", "a-model-from-outside")
    monkeypatch.setenv("JACKFIELD_TIMEOUTS__TOTAL", "5")
    monkeypatch.setenv("JACKFIELD_PROVIDERS__FAKE__RETRIES", "3")
    rows = told()
    expected = {
        "default": ('"fast"', "jackfield.toml, line 1"),
        "engine": ('"auto"', "default"),
        "unsupported": ('"error"', "default"),
        "timeouts.total": ("5.0", "JACKFIELD_TIMEOUTS__TOTAL in the environment"),
        "timeouts.first": ("300.0", "default"),
        "models.fast": ('"fake:m"', "jackfield.toml, line 4"),
        "models.calm": ('"fast"', "jackfield.toml, line 5"),
        "models.calm.temperature": ("0", "jackfield.toml, line 5"),
        "models.calm.user": ("***", "jackfield.toml, line 5"),
        "models.several": ('["fake:a", "fake:b"]', "jackfield.toml, line 6"),
        "providers.fake.api_key": ("***", "jackfield.toml, line 9: FAKE_API_KEY in .env.local"),
        "providers.fake.default_model": ("***", "jackfield.toml, line 10: A_MODEL in the environment"),
        "providers.fake.base_url": ('"https://api.fake.example/v1"', "default"),
        "providers.fake.retries": ("3", "JACKFIELD_PROVIDERS__FAKE__RETRIES in the environment"),
        "providers.fake.fast": ("false", "default"),
        "providers.mine.plugin": ('"fake"', "jackfield.toml, line 13"),
        "providers.mine.base_url": ('"http://127.0.0.1:1/v1"', "jackfield.toml, line 14"),
        "providers.mine.api_key": ("***", "jackfield.toml, line 15"),
        "providers.other-fake.api_key": ("***", "OTHER_FAKE_API_KEY in .env.local"),
        "middleware[0].use": ('"marks"', "jackfield.toml, line 18"),
        "middleware[0].size": ("1", "default"),
        "middleware[0].token": ("***", "jackfield.toml, line 19"),
        "middleware[0].where": ('["a", "https://***@host.example/path?***"]', "jackfield.toml, line 20"),
    }
    assert {key: rows[key] for key in expected} == expected
    assert not re.search("sk-|word|abc|outside", repr(rows))


def test_the_chain_is_shown_from_the_outside_in(clean_folder, plugins):
    write("jackfield.toml", ALL)
    write(".env", "FAKE_API_KEY=sk-1\nA_MODEL=m\n")
    found = explain("jackfield.toml", plugins=plugins)
    assert [(link.slot, link.name, link.layer, link.origin) for link in found.chain] == [
        ("OBSERVE", "marks", "Mark", "jackfield.toml, line 17"),
        ("ATTEMPT", "marks", "Mark", "jackfield.toml, line 17"),
    ]
    assert found.source == "jackfield.toml"
    assert "sk-" not in repr(found)


def test_slots_that_change_places_are_shown_where_they_are(clean_folder, plugins):
    write("jackfield.toml", 'slots = ["attempt", "observe"]\n' + ALL)
    write(".env", "FAKE_API_KEY=sk-1\nA_MODEL=m\n")
    found = explain("jackfield.toml", plugins=plugins)
    assert [link.slot for link in found.chain] == ["ATTEMPT", "OBSERVE"]
    assert ("slots", '["attempt", "observe"]') in {(row.key, row.value) for row in found.rows}


def test_a_dictionary_and_nothing_are_explained_too(told, monkeypatch):
    rows = told({"default": "fake:m", "providers": {"fake": {"api_key": "sk-1"}}, "timeouts": {"first": float("inf")}})
    assert rows["default"] == ('"fake:m"', "config")
    assert rows["providers.fake.api_key"] == ("***", "config")
    assert rows["timeouts.first"] == ("inf", "config")
    monkeypatch.setenv("FAKE_BASE_URL", AWAY)
    assert told()["providers.fake.base_url"] == (f'"{AWAY}"', "FAKE_BASE_URL in the environment")


@pytest.mark.parametrize(
    "settings",
    [
        {"headers": {"X-Api-Key": "hush", "Authorization": "Bearer hush"}},
        {"passwords": ["hush", {"x": "hush"}]},
        {"url": "redis://user:hush@host/0"},
        {"url": "https://host/?x=hush"},
        {"text": "sk-hush0123456789abcdef"},
        {"nested": {"credentials": {"deep": ["hush"]}}},
    ],
)
def test_no_secret_is_shown_wherever_it_stands(clean_folder, plugins, settings):
    from fakes import Player, Plugin, hello

    plain = {"provider": {"plain": Plugin(lambda name, settings: Player(hello()))}}
    found = explain({"providers": {"plain": settings}}, plugins=plain)
    assert "***" in repr(found.rows)
    assert "hush" not in repr(found)


def test_what_a_provider_would_be_refused_is_explained_all_the_same(told, monkeypatch):
    monkeypatch.setenv("FAKE_API_KEY", "sk-1")
    write("jackfield.toml", f'[providers.fake]\nbase_url = "{AWAY}"')
    assert told()["providers.fake.base_url"] == (f'"{AWAY}"', "jackfield.toml, line 2")


# --- check ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def problems(clean_folder, plugins):
    """What is wrong."""
    return lambda config=None: list(check(config, plugins=plugins).problems)


BAD = """\
default = "fsat"
engin = "auto"
unsupported = "maybe"

[models]
fast = "fkae:m"
"a:b" = "fake:m"
calm = { target = "fake:m", temperature = 9, temperatures = 1 }
one = "two"
two = "one"
three = { target = "fake" }

[providers.fake]
bas_url = "x"
retries = "5"
fast = true
api_key = { env = "NOWHERE" }

[providers.mine]
plugin = "fkae"

[providers.away]
plugin = "fake"
base_url = "https://elsewhere.example/v1"
default_model = { env = "FAKE_BASE_URL" }

[[middleware]]
use = "marks"
where = ["a", 2, 3]

[[middleware]]
size = 2

[[middleware]]
use = "mraks"

[[middleware]]
use = "marks"
size = "large"

[timeouts]
total = 0
firsts = 1
"""
TOLD = [
    "JACKFIELD_ENGINES in the environment: no such variable; did you mean 'JACKFIELD_ENGINE'?",
    "JACKFIELD_TIMEOUTS__CONNECT in the environment: timeouts.connect: expected a number, got 'x'",
    "jackfield.toml, line 1: default: expected 'provider:model' or an alias, and 'fsat' is neither",
    "jackfield.toml, line 2: engin: no such key; did you mean 'engine'?",
    "jackfield.toml, line 3: unsupported: expected one of error, warn, drop, got 'maybe'",
    "jackfield.toml, line 6: models.fast: expected 'provider:model' or an alias, and 'fkae' is neither",
    "jackfield.toml, line 7: models.a:b: an alias has no colon",
    "jackfield.toml, line 8: models.calm.temperature: expected a number from 0 to 2, got 9",
    "jackfield.toml, line 8: models.calm.temperatures: no such setting of a request; did you mean 'temperature'?",
    "jackfield.toml, line 9: models.one: one -> two -> one is a circle",
    "jackfield.toml, line 10: models.two: two -> one -> two is a circle",
    "jackfield.toml, line 11: models.three: provider 'fake' has no default model for 'chat'; write 'fake:model'",
    "jackfield.toml, line 14: providers.fake.bas_url: no such key; did you mean 'base_url'?",
    "jackfield.toml, line 15: providers.fake.retries: expected a whole number, got '5'",
    "jackfield.toml, line 17: providers.fake.api_key: the environment variable NOWHERE is not set",
    "jackfield.toml, line 20: providers.mine.plugin: no provider plugin 'fkae' is installed; did you mean 'fake'?",
    "jackfield.toml, line 25: providers.away.default_model: of all variables this file may name none here, not FAKE_",
    "jackfield.toml, line 29: middleware[0].where[1]: expected text, got 2",
    "jackfield.toml, line 31: middleware[1].use: missing; expected the name of a plugin",
    "jackfield.toml, line 35: middleware[2].use: no middleware plugin 'mraks' is installed; did you mean 'marks'?",
    "jackfield.toml, line 39: middleware[3].size: expected a whole number, got 'large'",
    "jackfield.toml, line 42: timeouts.total: expected seconds above 0, or inf for no bound, got 0.0",
    "jackfield.toml, line 43: timeouts.firsts: no such key; did you mean 'first'?",
]


def test_all_that_is_wrong_is_told_in_the_order_of_the_lines(problems, monkeypatch):
    write("jackfield.toml", BAD)
    monkeypatch.setenv("JACKFIELD_ENGINES", "httpx")
    monkeypatch.setenv("JACKFIELD_TIMEOUTS__CONNECT", "x")
    monkeypatch.setenv("FAKE_BASE_URL", "https://x.example")
    found = [str(problem) for problem in problems()]
    assert [line[: len(says)] for line, says in zip(found, TOLD, strict=True)] == TOLD
    assert Path("jackfield.toml").read_text() == BAD


def test_each_of_them_is_an_error_with_its_key(problems):
    write("jackfield.toml", "[timeouts]\ntotal = 0\n")
    (problem,) = problems()
    assert isinstance(problem, ConfigurationError)
    assert problem.key == ("timeouts", "total")


def test_nothing_wrong_is_nothing_told(problems, monkeypatch):
    monkeypatch.setenv("FAKE_API_KEY", "sk-1")
    monkeypatch.setenv("A_MODEL", "m")
    assert problems() == []
    write("jackfield.toml", ALL.replace("several", "# several").replace("sk-0123456789abcdefgh", "me"))
    assert problems("jackfield.toml") == []
    assert problems({"default": "fake:m"}) == []
    assert problems(load({"default": "fake:m"})) == []


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("jackfield.toml", "default = \n", "jackfield.toml: not valid TOML: Invalid value (at line 1, column 11)"),
        ("pyproject.toml", "[tool]\njackfield = 5\n", "pyproject.toml, line 2: expected a table, got 5"),
        (".env", "FAKE_API_KEY='x\n", ".env, line 1: expected NAME=value"),
    ],
)
def test_what_cannot_be_read_is_the_one_thing_that_is_told(problems, name, text, says):
    write(name, text)
    assert [str(problem) for problem in problems()] == [says]


def test_a_plugin_that_cannot_be_loaded_is_told_beside_the_rest(problems, plugins):
    plugins["provider"]["fake"] = unfit("provider plugin 'fake' cannot be imported")
    found = problems({"providers": {"fake": {}}, "timeouts": {"totals": 1}})
    assert sorted(map(str, found)) == [
        "config.timeouts.totals: no such key; did you mean 'total'?",
        "provider plugin 'fake' cannot be imported",
    ]
    assert all(isinstance(one, JackfieldError) for one in found)


def wrong_only(problems, config, *expected):
    found = [str(problem) for problem in problems(config)]
    assert len(found) == len(expected), found
    for says, line in zip(expected, found, strict=True):
        assert says in line


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        # each target of a list, and only the one that is wrong
        ({"models": {"a": ["fake:m", "fkae:m"]}}, ["a list of targets needs a fallback", "'fkae' is neither an alias"]),
        ({"models": {"a": ["fake:m", "fake"]}}, ["a list of targets needs a fallback", "no default model for 'chat'"]),
        ({"models": {"a": ["fake:m", "a"]}}, ["a list of targets needs a fallback", "a -> a is a circle"]),
        ({"models": {"a": "b", "b": "c", "c": "a"}}, ["a -> b -> c", "b -> c -> a", "c -> a -> b"]),
        ({"default": "fake"}, ["config.default: provider 'fake' has no default model for 'chat'"]),
        ({"default": "absent:m"}, ["config.default: expected 'provider:model' or an alias, and 'absent' is neither"]),
        # whoever refers to what is wrong itself is not told apart
        ({"default": "fast", "models": {"fast": 5}}, ["config.models.fast: expected"]),
        ({"default": "b", "models": {"a": 5, "b": "c", "c": "a"}}, ["config.models.a: expected"]),
        ({"default": "x:m", "providers": {"x": 5}}, ["config.providers.x: expected a table, got 5"]),
        ({"default": "x", "providers": {"x": {"plugin": "fkae"}}}, ["no provider plugin 'fkae' is installed"]),
        ({"default": "x:m", "providers": 5}, ["config.providers: expected a table, got 5"]),
        ({"default": "x", "models": 5}, ["config.models: expected a table, got 5"]),
        # what a plugin needs and is cut out for being wrong is not missing as well
        ({"providers": {"strict": {"api_key": {"env": "NOWHERE"}}}}, ["the environment variable NOWHERE is not set"]),
        ({"providers": {"strict": {"api_key": 5}}}, ["providers.strict.api_key: expected text, got 5"]),
        ({"providers": {"strict": {}}}, ["providers.strict.api_key: missing; expected text"]),
        ({"default": "strict:m"}, ["providers.strict.api_key: missing; expected text"]),
        ({"models": {"a": "fake:m", "b": "strict"}}, ["providers.strict.api_key: missing; expected text"]),
        ({"providers": {"a:b": {"plugin": "fake"}}}, ["providers.a:b: a provider has no colon"]),
        ({"network": {"ca": "nowhere.pem"}}, ["config.network.ca: 'nowhere.pem' cannot be used: No such file"]),
    ],
)
def test_what_a_client_would_use_is_looked_at_and_each_thing_told_once(problems, plugins, config, expected):
    wrong_only(problems, {**config}, *expected)


def test_a_provider_of_other_operations_alone_is_no_problem(problems, plugins):
    from fakes import Player, Plugin, hello

    player = Player(hello(), name="voice")
    player.default_models = {"speak": "one"}
    plugins["provider"]["voice"] = Plugin(lambda name, settings: player)
    wrong_only(problems, {"default": "voice", "models": {"a": "voice"}})


def test_providers_that_variables_configure_are_looked_at(problems, monkeypatch):
    monkeypatch.setenv("FAKE_API_KEY", "sk 1")
    wrong_only(problems, None, "providers.fake.api_key: character 3 of 4 is a space")
    monkeypatch.setenv("FAKE_API_KEY", "sk-1")
    monkeypatch.setenv("FAKE_BASE_URL", "ftp://x")
    wrong_only(problems, None, "providers.fake.base_url: not a URL of http or https")


def test_a_broken_plugin_that_nobody_named_hides_no_wrong_target(problems, plugins, monkeypatch):
    monkeypatch.setenv("AAA_API_KEY", "sk-1")
    plugins["provider"]["aaa"] = unfit("it cannot be imported")
    wrong_only(
        problems, {"models": {"a": "fkae:m"}}, "it cannot be imported", "'fkae' is neither an alias nor a provider"
    )


def test_a_wrong_variable_of_a_provider_is_the_one_thing_told_of_it(problems, monkeypatch):
    monkeypatch.setenv("JACKFIELD_PROVIDERS__X__PLUGIN", "fkae")
    monkeypatch.setenv("JACKFIELD_PROVIDERS__X__BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("JACKFIELD_DEFAULT", "x:m")
    wrong_only(
        problems, None, "JACKFIELD_PROVIDERS__X__PLUGIN in the environment: providers.x.plugin: no provider plug"
    )


def test_a_wrong_variable_does_not_hide_what_stands_elsewhere(problems, monkeypatch):
    write("jackfield.toml", '[timeouts]\ntotal = "x"\nfirst = "y"\n')
    monkeypatch.setenv("JACKFIELD_TIMEOUTS__TOTAL", "ten")
    wrong_only(problems, None, "JACKFIELD_TIMEOUTS__TOTAL in the environment", "timeouts.first: expected a number")


def test_an_engine_that_is_not_installed_is_told_with_its_line(problems, monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "httpx2" else real(name, *more)
    )
    write("jackfield.toml", 'default = "fake:m"\nengine = "httpx2"\n')
    wrong_only(problems, None, "jackfield.toml, line 2: engine: 'httpx2' is not installed")


def test_a_key_without_its_plugin_is_told(problems, monkeypatch):
    from jackfield.registry import Registry

    monkeypatch.setattr(Registry, "names", lambda self, kind, every=False: frozenset())
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    wrong_only(problems, None, "OPENAI_API_KEY is set, but its plugin is not there")


# --- trust ----------------------------------------------------------------------------------------------------------

RISKY = f'[providers.fake]\nbase_url = "{AWAY}"\n[[middleware]]\nuse = "marks"\ntoken = {{ env = "ANY_TOKEN" }}\n'


def test_what_trust_would_allow_is_told_before_and_after(plugins, monkeypatch):
    monkeypatch.setenv("FAKE_API_KEY", "sk-1")
    monkeypatch.setenv("ANY_TOKEN", "sk-2")
    write("jackfield.toml", RISKY + "[network]\nca = 'mine.pem'\n")
    expected = [
        (
            "jackfield.toml, line 2: providers.fake.base_url: the key from FAKE_API_KEY in the environment would be "
            "sent to https://elsewhere.example:443"
        ),
        "jackfield.toml, line 5: middleware[0].token: of all variables this file may name none here, not ANY_TOKEN",
        "jackfield.toml, line 7: network.ca: this says by whom requests pass or whom to trust",
    ]
    assert demands("jackfield.toml", plugins) == expected
    trust("jackfield.toml")
    assert demands("jackfield.toml", plugins) == expected
    write("jackfield.toml", "[timeouts]\ntotal = 5\n")
    assert demands("jackfield.toml", plugins) == []


def test_trust_lasts_until_it_is_taken_back_or_the_file_changes(problems, monkeypatch):
    monkeypatch.setenv("FAKE_API_KEY", "sk-1")
    monkeypatch.setenv("ANY_TOKEN", "sk-2")
    write("jackfield.toml", RISKY)
    assert [type(one) for one in problems()] == [UntrustedError, UntrustedError]
    digest = trust(Path.cwd() / "jackfield.toml")
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert problems() == []
    write("jackfield.toml", RISKY + "\n")
    assert "(it changed since it was trusted)" in str(problems()[0])
    assert trust("jackfield.toml") != digest
    assert problems() == []
    assert untrust("jackfield.toml")
    assert not untrust("jackfield.toml")
    assert "(nobody has trusted it)" in str(problems()[0])


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_the_record_is_for_its_owner_alone_and_nothing_is_left_beside_it(clean_folder):
    write("jackfield.toml", RISKY)
    before = os.umask(0)
    try:
        trust("jackfield.toml")
        trust("jackfield.toml")
    finally:
        os.umask(before)
    (record,) = (state_folder() / "trusted").iterdir()
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert stat.S_IMODE(record.parent.stat().st_mode) == 0o700
    assert record.read_text().split() == [trust("jackfield.toml"), str(clean_folder / "jackfield.toml")]


def test_what_cannot_be_trusted_is_said(clean_folder, monkeypatch):
    with pytest.raises(ConfigurationError, match="nowhere.toml: cannot be read: No such file"):
        trust("nowhere.toml")
    write("jackfield.toml", RISKY)
    state_folder().parent.mkdir(parents=True, exist_ok=True)
    state_folder().write_text("a file in the place of the folder")
    with pytest.raises(ConfigurationError, match="cannot be written: "):
        trust("jackfield.toml")
    with pytest.raises(ConfigurationError, match="cannot be removed: "):
        untrust("jackfield.toml")


def test_a_write_that_fails_leaves_the_old_record_and_no_litter(clean_folder, monkeypatch):
    write("jackfield.toml", RISKY)
    digest = trust("jackfield.toml")
    write("jackfield.toml", "")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="cannot be written: No space left on device"):
        trust("jackfield.toml")
    (record,) = (state_folder() / "trusted").iterdir()
    assert record.read_text().startswith(digest)


# --- files ----------------------------------------------------------------------------------------------------------


def test_the_file_that_is_read_is_found(clean_folder, monkeypatch):
    assert find() is None
    write("pyproject.toml", "[tool.other]\n")
    assert find() is None
    write("pyproject.toml", "[tool.jackfield]\n")
    assert find() == clean_folder / "pyproject.toml"
    write("jackfield.toml", "")
    assert find() == clean_folder / "jackfield.toml"
    assert find(clean_folder / "state") is None
    monkeypatch.setenv("JACKFIELD_CONFIG", "mine.toml")
    assert find() == Path("mine.toml")


def test_the_starter_works_as_it_is_and_with_all_of_it_opened(clean_folder, monkeypatch):
    pytest.importorskip("jackfield_openai")
    pytest.importorskip("jackfield_count")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    write("jackfield.toml", starter())
    assert check().problems == ()
    assert load().empty
    opened = re.sub(r"^#(?=[^ ])", "", starter(), flags=re.MULTILINE)
    write("jackfield.toml", opened)
    assert check().problems == ()
    config = load()
    assert (config.default, list(config.models), config.timeouts.total) == ("fast", ["fast", "calm", "local"], 600.0)
    # what stands there without being an example is the default
    empty = load({})
    assert (config.engine, config.unsupported, config.timeouts, config.network) == (
        empty.engine,
        empty.unsupported,
        empty.timeouts,
        empty.network,
    )
    values = ["default", "engine", "unsupported", "allow_plugins"]
    assert [*config.document.table] == [*values, "models", "providers", "middleware", "timeouts", "network"]

"""What may be loaded: one distribution that is allowed, and that this version fits; else there is one clear error."""

import sys

import pytest

import jackfield
from jackfield import Client
from jackfield.doors import described, installed as everything, schemas
from jackfield.errors import ConfigurationError, PluginError
from jackfield.registry import Registry

LOUD = "raise SystemExit('imported')"
POINTS = "[jackfield.providers]\nacme = {}\n"
ACME = """
    from jackfield.hooks import hookimpl
    from fakes import Player, hello

    @hookimpl
    def jackfield_provider(name, settings):
        return Player(hello(__name__), name=name)
"""


def said(config, model="acme:m"):
    with Client(config) as client:
        return client.chat("x", model=model).text


def refusal(config, model="acme:m"):
    with pytest.raises(PluginError) as caught:
        said(config, model)
    return str(caught.value)


# --- two that bring the same


def test_a_name_that_two_distributions_bring_is_an_error_when_it_is_named(installed):
    installed("acme-one", POINTS.format("acme_one"), acme_one=LOUD)
    installed("acme-two", POINTS.format("acme_two") + "other = acme_other\n", acme_two=LOUD, acme_other=ACME)
    told = refusal({})
    for part in ("provider plugin 'acme'", "acme-one 1.0 (acme_one)", "acme-two 1.0 (acme_two)", "uninstall all but"):
        assert part in told
    assert said({}, "other:m") == "acme_other"
    assert {"acme_one", "acme_two"}.isdisjoint(sys.modules)


def test_of_two_that_bring_the_same_the_allowed_one_is_loaded(installed):
    installed("acme-one", POINTS.format("acme_one"), acme_one=LOUD)
    installed("acme-two", POINTS.format("acme_two"), acme_two=ACME)
    assert said({"allow_plugins": ["acme-two"]}) == "acme_two"


def test_a_distribution_that_is_there_twice_is_one_and_the_first_on_the_path_counts(installed, tmp_path, monkeypatch):
    installed("acme", POINTS.format("acme_old"), acme_old=LOUD)
    newer = tmp_path / "newer"
    info = newer / "acme-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(POINTS.format("acme_new"))
    monkeypatch.syspath_prepend(newer)
    assert [*map(described, everything()["providers"]["acme"].values())] == ["acme 2.0 (acme_new)"]


# --- what is allowed


def test_what_is_not_allowed_is_not_loaded_and_the_error_says_what_to_add(installed):
    installed("acme", POINTS.format("acme_one"), acme_one=LOUD)
    installed("other", "[jackfield.providers]\nother = acme_other\n", acme_other=ACME)
    told = refusal({"allow_plugins": ["other"]})
    assert "acme 1.0 (acme_one) is not allowed; if you trust it, add acme to allow_plugins" in told
    assert said({"allow_plugins": ["other"]}, "other:m") == "acme_other"
    assert "acme_one" not in sys.modules


def test_an_empty_list_allows_nothing_but_what_the_program_gives(installed):
    from fakes import Player, Plugin, hello

    installed("acme", POINTS.format("acme_one"), acme_one=LOUD)
    assert "is not allowed" in refusal({"allow_plugins": []})
    given = {"provider": {"mine": Plugin(lambda name, settings: Player(hello("mine"), name=name))}}
    with Client({"allow_plugins": []}, plugins=given) as client:
        assert client.chat("x", model="mine:m").text == "mine"


def test_a_middleware_and_a_store_are_held_to_the_list_too(installed):
    installed("acme", "[jackfield.middleware]\nacme = acme_one\n[jackfield.stores]\nacme = acme_one\n", acme_one=LOUD)
    with pytest.raises(PluginError, match="middleware plugin 'acme': acme 1.0 .* is not allowed"):
        Client({"middleware": [{"use": "acme"}], "allow_plugins": ["x"]})
    with pytest.raises(PluginError, match="store plugin 'acme': acme 1.0 .* is not allowed"):
        Registry(allow=("x",)).make("store", "acme", "acme", {}, "store")


def test_a_provider_that_is_not_allowed_is_not_chosen_for_the_sake_of_its_variable(installed, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    installed("acme", POINTS.format("acme_one"), acme_one=LOUD)
    monkeypatch.setenv("ACME_API_KEY", "k")
    assert Registry(allow=()).names("provider") == frozenset()
    assert "acme" in Registry(allow=()).names("provider", every=True)
    with pytest.raises(ConfigurationError, match="no provider is configured"):
        monkeypatch.setenv("JACKFIELD_ALLOW_PLUGINS", "['nobody']")
        Client()


def test_the_list_comes_from_the_environment_and_wins_over_a_file(installed, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jackfield.toml").write_text('default = "acme:m"\nallow_plugins = ["acme"]\n')
    installed("acme", POINTS.format("acme_one"), acme_one=ACME)
    assert said(None) == "acme_one"
    monkeypatch.setenv("JACKFIELD_ALLOW_PLUGINS", '["other"]')
    assert "is not allowed" in refusal(None)


@pytest.mark.parametrize("file", [".env", ".env.local"])
def test_a_file_of_variables_that_was_merely_found_may_not_say_what_is_allowed(monkeypatch, tmp_path, file):
    monkeypatch.chdir(tmp_path)
    (tmp_path / file).write_text("JACKFIELD_ALLOW_PLUGINS=['evil']\n")
    with pytest.raises(ConfigurationError) as caught:
        Client()
    assert str(caught.value) == (
        f"JACKFIELD_ALLOW_PLUGINS in {file}: allow_plugins: {file} was merely found; set this in the environment"
    )


def test_a_list_is_wanted():
    with pytest.raises(ConfigurationError, match="config.allow_plugins: expected a list, got 'acme'"):
        Client({"allow_plugins": "acme"})


def test_what_the_types_ask_for_is_held_to_the_list_of_the_process(installed, monkeypatch):
    from jackfield import doors

    installed("acme", "[jackfield.schemas]\npython = acme_one\n", acme_one=LOUD)
    monkeypatch.setattr(doors, "distributions", only("acme"))
    monkeypatch.setenv("JACKFIELD_ALLOW_PLUGINS", "[]")
    doors._behind.cache_clear()
    with pytest.raises(PluginError, match=r"acme 1.0 \(acme_one\) is not allowed; .* add acme to allow_plugins"):
        schemas()
    doors._behind.cache_clear()


def only(*names):
    from importlib.metadata import distributions

    return lambda: [one for one in distributions() if one.name in names]


# --- versions


@pytest.mark.parametrize(
    ("requirement", "fits"),
    [
        ("jackfield", True),
        ("jackfield>=0.1", True),
        ("jackfield >=0.1,<0.2", True),
        ("jackfield<0.2,>=0.1.0", True),
        ("jackfield (>=0.1)", True),
        ("jackfield[schema]~=0.1", True),
        ("jackfield!=0.5", True),
        ("jackfield<=0.1", True),
        ("jackfield>=99; python_version < '3'", True),
        ("jackfield-mock>=99", True),
        ("jackfield_mock>=99", True),
        ("attrs>=99", True),
        ("jackfield>=0.1.1", False),
        ("jackfield>=0.2", False),
        ("jackfield[schema] >= 0.2", False),
        ("jackfield (>=1,<2)", False),
        ("jackfield~=0.2", False),
        ("jackfield<0.1", False),
        ("jackfield>=0.0.1, < 0.1", False),
    ],
)
def test_a_plugin_for_another_version_of_jackfield_is_told_so_and_not_imported(installed, requirement, fits):
    assert jackfield.__version__ == "0.1.0"  # what the examples are about
    installed(
        "acme", POINTS.format("acme_one"), more=f"Requires-Dist: {requirement}\n", acme_one=ACME if fits else LOUD
    )
    if fits:
        assert said({}) == "acme_one"
    else:
        told = refusal({})
        assert "provider plugin 'acme': acme 1.0 (acme_one) needs jackfield" in told
        assert "and this is 0.1.0; install versions that fit" in told


def test_a_requirement_among_others_is_found_and_told_alone(installed):
    more = "Requires-Dist: attrs>=99\nRequires-Dist: jackfield>=0.3\nRequires-Dist: click\n"
    installed("acme", POINTS.format("acme_one"), more=more, acme_one=LOUD)
    assert "needs jackfield>=0.3, and this" in refusal({})


def test_what_the_description_says_is_no_requirement(installed):
    installed("acme", POINTS.format("acme_one"), more="\nRequires-Dist: jackfield>=99\n", acme_one=ACME)
    assert said({}) == "acme_one"


# --- what is broken


@pytest.mark.parametrize(
    "broken",
    [
        {"metadata": "", "entry_points": "[jackfield.providers]\nbroken = acme_broken\n"},
        {"metadata": b"Name: \xff\xfe\n", "entry_points": "[jackfield.providers]\nbroken = acme_broken\n"},
        {"metadata": "nothing", "entry_points": "this is\nno = [file of entry points\n"},
        {"entry_points": "[jackfield.providers]\nbroken\n"},
        {"entry_points": None},
        {"entry_points": "[jackfield.providers]\nbroken = not a module\n"},
    ],
    ids=["no metadata", "not text", "no entry points", "a point without a module", "nothing", "nonsense"],
)
def test_a_broken_distribution_breaks_nothing_else(installed, broken):
    installed("acme-broken", **broken)
    installed("acme", POINTS.format("acme_one"), acme_one=ACME)
    assert said({}) == "acme_one"
    assert isinstance(Registry().names("provider"), frozenset)


def test_without_metadata_nobody_is_named(installed):
    installed("acme", POINTS.format("acme_one"), metadata="", acme_one="import no_such")
    assert "an unknown distribution ? (acme_one) cannot be imported" in refusal({})


def test_a_plugin_that_leaves_when_it_is_imported_is_one_error(installed):
    installed("acme", POINTS.format("acme_one"), acme_one=LOUD)
    told = refusal({})
    assert "acme 1.0 (acme_one) cannot be imported: SystemExit: imported; reinstall or uninstall it" in told


def test_one_that_does_not_fit_the_hooks_is_refused_each_time_and_others_are_not_blamed(installed):
    wrong = "from jackfield.hooks import hookimpl\n@hookimpl\ndef jackfield_providr(name): return None\n"
    installed("acme-wrong", "[jackfield.providers]\nwrong = acme_wrong\n", acme_wrong=wrong)
    installed("acme", POINTS.format("acme_one"), acme_one=ACME)
    with Client({}) as client:
        for _ in range(2):
            with pytest.raises(PluginError, match="'wrong' does not fit the hooks"):
                client.chat("x", model="wrong:m")
        assert client.chat("x", model="acme:m").text == "acme_one"

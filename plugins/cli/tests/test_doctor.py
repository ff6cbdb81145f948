"""`jackfield doctor`: what it finds, and what it never shows."""

import json
import sys

import pytest

KEY = "sk-test-0123456789"


@pytest.fixture
def findings(place):
    """What is found, and the exit status."""

    def run(*arguments, **variables):
        done = place.run("doctor", "--json", *arguments, **variables)
        assert done.err == ""
        assert KEY not in done.out
        document = json.loads(done.out)
        assert document["ok"] is (done.code == 0)
        return document["findings"], done.code

    return run


def told(found, area, state=None):
    return [
        f"{one['text']} -> {one['advice']}" for one in found if one["area"] == area and state in (None, one["state"])
    ]


def test_a_good_set_up(place, findings):
    place.stage("yield STOP")
    found, code = findings()
    assert code == 0
    assert {one["state"] for one in found} <= {"ok", "note"}
    assert told(found, "versions")[0].startswith(f"Python {sys.version.split()[0]}")
    assert told(found, "configuration") == ["jackfield.toml, default model stage -> "]
    assert "provider stage, from jf-stage 1.0 -> " in told(found, "plugins", "ok")


def test_without_json_each_finding_is_a_line_of_four_cells(place):
    place.stage("yield STOP")
    done = place.run("doctor")
    assert (done.code, done.err) == (0, "")
    assert {line.count("\t") for line in done.out.splitlines()} == {3}
    assert "ok\tplugins\tprovider stage, from jf-stage 1.0\t\n" in done.out


def test_plugins_that_one_module_brings_are_one_finding(place, findings):
    points = "[jackfield.providers]\none = jf_many:one\nother = jf_many:other\n"
    place.install("jf_many", "one, other = object(), object()", points)
    assert "provider one, other, from jf-many 1.0 -> " in told(findings()[0], "plugins", "ok")
    place.install("jf_few", "one = object()", "[jackfield.providers]\nfew = jf_few:one\ngone = jf_few:gone\n")
    (problem,) = told(findings()[0], "plugins", "problem")
    assert "provider plugin 'gone': jf-few 1.0 (jf_few:gone) cannot be imported" in problem


def test_nothing_configured_is_a_problem(findings):
    found, code = findings()
    assert code == 1
    (problem,) = told(found, "configuration", "problem")
    assert problem.startswith("nothing is configured, so that only the mock can answer -> set OPENAI_API_KEY ")
    assert any("HTTP library" in text for text in told(found, "versions"))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import jf_absent", "cannot be imported: ModuleNotFoundError: No module named 'jf_absent'"),
        ("raise SystemExit('imported')", "SystemExit: imported"),
        ("from jackfield.hooks import hookimpl\n@hookimpl\ndef jackfield_other(): pass", "does not fit the hooks"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_a_problem(place, findings, source, reason):
    place.stage("yield STOP")
    place.install("jf_broken", source, "[jackfield.middleware]\nbroken = jf_broken\n")
    found, code = findings()
    assert code == 1
    (problem,) = told(found, "plugins", "problem")
    assert problem.startswith("middleware broken, from jf-broken 1.0: ")
    assert reason in problem
    assert problem.endswith(" -> reinstall or uninstall jf-broken")


def test_a_command_that_cannot_be_loaded_is_one_too(place, findings):
    place.stage("yield STOP")
    place.install("jf_broken", "", "[jackfield.commands]\nbroken = jf_broken:absent\n")
    (problem,) = told(findings()[0], "plugins", "problem")
    assert "AttributeError" in problem


def test_two_packages_with_one_name_are_a_problem(place, findings):
    place.stage("yield STOP")
    place.install("jf_other", "", "[jackfield.providers]\nstage = jf_other\n")
    found, code = findings()
    assert code == 1
    problems = told(found, "plugins", "problem")
    assert len(problems) == 2
    assert all("jf-other" in one and "jf-stage" in one and "uninstall all but one" in one for one in problems)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("defolt = 1", "jackfield.toml"),
        ("broken", "not valid TOML"),
        ('default = "stage"\n[[middleware]]\nuse = "absent"', "'absent'"),
    ],
)
def test_a_wrong_configuration_is_a_problem(place, findings, text, reason):
    place.stage("yield STOP")
    place.write(text)
    found, code = findings()
    assert code == 1
    assert reason in told(found, "configuration", "problem")[0]
    good = place.write('default = "stage"', "good.toml")
    assert findings("--config", str(good))[1] == 0


def wrong(found):
    return [one for one in found if one["state"] == "problem"]


def test_a_wrong_variable_is_a_finding_and_the_rest_is_looked_at(place, keyed, findings):
    place.write('default = "keyed:m"')
    found, code = findings(JACKFIELD_NOPE="1", JACKFIELD_TIMEOUTS__TOTAL="ten", KEYED_API_KEY=KEY, HTTP_PROXY="x")
    assert code == 1
    assert [one["text"].partition(": ")[0] for one in wrong(found)] == [
        "JACKFIELD_NOPE in the environment",
        "JACKFIELD_TIMEOUTS__TOTAL in the environment",
    ]
    assert told(found, "keys") == ["keyed: a key from KEYED_API_KEY in the environment -> "]
    assert any("HTTP library" in text for text in told(found, "versions"))
    assert told(found, "network") != []


def test_a_line_of_env_that_is_none_is_a_finding(place, keyed, findings):
    place.write("KEYED_API_KEY='x\n", ".env").chmod(0o600)
    found, code = findings()
    assert code == 1
    assert [one["text"] for one in wrong(found)] == [".env, line 1: expected NAME=value"]
    python, library = told(found, "versions")
    assert python.startswith("Python ")
    assert library.startswith("HTTP library: ")


def test_what_variables_alone_configure_is_looked_at_and_told_once(place, keyed, findings):
    found, code = findings(KEYED_API_KEY=KEY, KEYED_BASE_URL="ftp://x")
    assert code == 1
    assert [one["text"] for one in wrong(found)] == [
        (
            "KEYED_BASE_URL in the environment: providers.keyed.base_url: not a URL of http or https; expected one "
            "like 'https://host/v1'"
        )
    ]
    variables = {"JACKFIELD_PROVIDERS__MINE__PLUGIN": "keyed", "JACKFIELD_PROVIDERS__MINE__API_KEY": KEY}
    found, code = findings(**variables)
    assert code == 0
    assert told(found, "keys") == ["mine: a key from JACKFIELD_PROVIDERS__MINE__API_KEY in the environment -> "]
    assert told(found, "configuration") == ["no file, default model mine -> "]


def test_a_plugin_that_is_broken_and_named_is_told_once(place, findings):
    place.install("jf_broken", "import jf_absent", "[jackfield.providers]\nbroken = jf_broken\n")
    place.write('default = "broken:m"')
    found, code = findings()
    assert code == 1
    (problem,) = wrong(found)
    assert "No module named 'jf_absent'" in problem["text"]


def test_no_default_model_among_several_providers_is_a_note(place, keyed, findings):
    place.write('[providers.a]\nplugin = "keyed"\n[providers.b]\nplugin = "keyed"\n')
    found, code = findings()
    assert code == 0
    assert told(found, "configuration", "note") == [
        'jackfield.toml, no default model, so that each request has to name one -> write default = "provider:model"'
    ]


@pytest.mark.parametrize("provider", ["keyed", "mine"])
def test_a_provider_whose_settings_are_wrong_is_not_asked(place, keyed, findings, provider):
    place.write(f'default = "{provider}:m"\n[providers.{provider}]\nplugin = "keyed"\nbase_url = "ftp://x"\n')
    found, _ = findings("--online", KEYED_API_KEY=KEY)
    assert len(wrong(found)) == 1


def test_a_provider_that_does_not_answer_is_a_problem_and_one_that_cannot_is_a_note(place, findings):
    pytest.importorskip("jackfield_openai")
    place.stage("yield STOP")
    place.write('default = "stage"\n[providers.stage]\n[providers.openai]\nbase_url = "http://127.0.0.1:1/v1"\n')
    found, code = findings("--online")
    assert code == 1
    (problem,) = told(found, "network", "problem")
    assert problem.startswith("openai: no reply from http://127.0.0.1:1: ")
    assert told(found, "network", "note") == ["stage: it has no list of models, so it was not asked -> "]


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def keyed(place, keyed_plugin):
    place.install("jf_keyed", keyed_plugin, "[jackfield.providers]\nkeyed = jf_keyed\n")


@pytest.mark.parametrize(
    ("key", "url", "said"),
    [
        (KEY, None, None),
        ("sk-or-v1-0", "https://openrouter.ai/api/v1", None),
        ("anything", "http://127.0.0.1:8080/v1", None),
        (f'"{KEY}"', None, "has a quotation mark at an end"),
        ("sk-or-v1-0", None, "is one of OpenRouter, and would go to api.openai.com"),
        ("sk-ant-0", None, "is one of Anthropic, and would go to api.openai.com"),
        (KEY, "https://openrouter.ai/api/v1", "is none of OpenRouter, whose keys begin with sk-or-"),
    ],
)
def test_the_shape_of_a_key(keyed, findings, key, url, said):
    variables = {"KEYED_API_KEY": key} | ({"KEYED_BASE_URL": url} if url else {})
    found, code = findings(**variables)
    if said is None:
        assert told(found, "keys") == ["keyed: a key from KEYED_API_KEY in the environment -> "]
    else:
        assert code == 1
        (problem,) = told(found, "keys", "problem")
        assert problem.startswith(f"keyed: the key from KEYED_API_KEY in the environment {said}")
    assert not any(key.strip() in f"{one['text']} {one['advice']}" for one in found)


@pytest.mark.parametrize(
    ("url", "hinted"), [("https://openrouter.ai/api/v1", True), ("https://openrouter.ai.example/v1", False)]
)
def test_openai_s_names_with_openrouter_s_address(findings, url, hinted):
    pytest.importorskip("jackfield_openai")
    found, code = findings(OPENAI_API_KEY="sk-or-v1-0", OPENAI_BASE_URL=url)
    assert code == 0
    hints = told(found, "keys", "note")
    assert len(hints) == hinted
    for hint in hints:
        assert hint.startswith("openai: speaks to OpenRouter; the plugin 'openrouter' would add routing and fallbacks")
        assert hint.endswith("-> set OPENROUTER_API_KEY, and write default = 'openrouter:author/model'")


@pytest.mark.parametrize("key", [f" {KEY}", f"{KEY}\n", "sk-a b"])
def test_a_key_that_cannot_be_sent(keyed, findings, key):
    found, code = findings(KEYED_API_KEY=key)
    assert code == 1
    (problem,) = told(found, "configuration", "problem")
    assert "is a space, a control character or not ASCII" in problem
    assert told(found, "keys") == []
    assert not any(key.strip() in f"{one['text']} {one['advice']}" for one in found)


def test_keys_of_instances(place, keyed, findings):
    place.write(
        f"""
        default = "keyed"
        [providers.keyed]
        api_key = {{ env = "KEYED_API_KEY" }}
        [providers.written]
        plugin = "keyed"
        api_key = "{KEY}"
        [providers.bare]
        plugin = "keyed"
        [providers.absent]
        plugin = "keyed"
        api_key = {{ env = "NOT_SET" }}
        """
    )
    place.write(f"KEYED_API_KEY={KEY}", ".env").chmod(0o600)
    found, code = findings()
    assert code == 1
    assert told(found, "keys", "ok") == [
        ".env is there, and only its owner can read it -> ",
        "keyed: a key from KEYED_API_KEY in .env -> ",
        "written: a key from jackfield.toml, line 7 -> ",
    ]
    assert told(found, "keys", "note") == ["bare: no key -> write api_key into [providers.bare] if it needs one"]
    (problem,) = told(found, "configuration", "problem")
    assert told(found, "keys", "problem") == []
    assert "providers.absent.api_key: the environment variable NOT_SET is not set" in problem


def test_an_instance_without_a_key_is_told_where_to_put_it(place, keyed, findings):
    place.write("[providers.keyed]")
    assert told(findings()[0], "keys") == ["keyed: no key -> set KEYED_API_KEY if it needs one"]


def test_a_file_of_keys_that_others_can_read_is_a_warning(place, keyed, findings):
    place.write(f"KEYED_API_KEY={KEY}", ".env.local").chmod(0o640)
    found, code = findings()
    assert code == 0
    assert told(found, "keys", "warning") == [".env.local can be read by other users -> chmod 600 .env.local"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", ", and ignored -> to use it, write trust_env = true under [network]"),
        ("trust_env = true", ", and used, as the configuration says -> "),
        ('proxy = "http://127.0.0.1:3128"', ", and ignored: the configuration names a proxy itself -> "),
    ],
)
def test_variables_of_proxies_are_named_without_their_values(place, findings, table, said):
    place.stage("yield STOP")
    file = place.write(f'default = "stage"\n[network]\n{table}\n')
    found, code = findings("--config", str(file), https_proxy=f"http://me:{KEY}@proxy", HTTP_PROXY="", ALL_PROXY="x")
    assert code == 0
    assert told(found, "network") == [f"ALL_PROXY, https_proxy is set{said}"]


def test_being_offline_is_a_warning(place, findings):
    place.stage("yield STOP")
    found, code = findings(JACKFIELD_OFFLINE="1")
    assert code == 0
    assert told(findings(JACKFIELD_OFFLINE="0")[0], "network") == []
    (warning,) = told(found, "network", "warning")
    assert warning == "JACKFIELD_OFFLINE is set: requests beyond this machine are refused -> unset JACKFIELD_OFFLINE"


# --- at a terminal ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("variables", "colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_person_sees_colors_unless_they_are_unwanted(place, terminal, variables, colored):
    pytest.importorskip("termios")
    place.stage("yield STOP")
    place.write('default = "stage:\\u001b[2J"')
    shown, code = terminal("doctor", variables={"TERM": "xterm-256color", **variables}).finish()
    assert code == 0
    assert ("\x1b[32m" in shown) is colored
    assert "\\x1b[2J" in shown
    assert "\x1b[2J" not in shown

"""Configuration: where it comes from, what wins, and what a mistake is told."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from attrs import evolve, frozen
from configured import Settings, write
from fakes import Player, Plugin, hello

from jackfield import ChatRequest, Client, JackfieldError, Slot
from jackfield.config import load
from jackfield.errors import ConfigurationError, NothingConfiguredError, PluginError
from jackfield.hooks import hookimpl
from jackfield.registry import Registry


def test_with_nothing_at_all_the_error_says_what_to_set(client):
    with pytest.raises(NothingConfiguredError, match="set OPENAI_API_KEY"):
        client()


def test_a_key_alone_is_enough(client, made, monkeypatch):
    monkeypatch.setenv("FAKE_API_KEY", "sk-1")
    assert client().chat("x", model="fake:m").model == "m"
    assert made["fake"].api_key.reveal() == "sk-1"


def test_a_base_url_alone_is_enough(client, made, monkeypatch):
    monkeypatch.setenv("FAKE_BASE_URL", "http://127.0.0.1:1/v1")
    client().chat("x", model="fake:m")
    assert made["fake"] == Settings(base_url="http://127.0.0.1:1/v1")


def test_variables_belong_to_the_instance_that_bears_their_name(client, made, monkeypatch):
    monkeypatch.setenv("OTHER_FAKE_API_KEY", "sk-1")
    monkeypatch.setenv("MINE_API_KEY", "sk-2")
    config = {"providers": {"mine": {"plugin": "fake"}}}
    client(config).chat("x", model="other-fake:m")
    client(config).chat("x", model="mine:m")
    assert made["other-fake"].api_key.reveal() == "sk-1"
    assert made["mine"].api_key is None


@pytest.mark.parametrize("named", ["file", "variable"])
def test_files_and_their_order(client, made, tmp_path, monkeypatch, named):
    write("jackfield.toml", 'default = "fake:found"')
    write("pyproject.toml", '[tool.jackfield]\ndefault = "fake:project"')
    write("mine.toml", 'default = "fake:mine"')
    assert client().chat("x").model == "found"
    os.remove("jackfield.toml")
    assert client().chat("x").model == "project"
    if named == "file":
        assert client("mine.toml").chat("x").model == "mine"
        assert client(tmp_path / "mine.toml").chat("x").model == "mine"
    else:
        monkeypatch.setenv("JACKFIELD_CONFIG", "mine.toml")
        assert client().chat("x").model == "mine"
    monkeypatch.setenv("JACKFIELD_DEFAULT", "fake:variable")
    assert client().chat("x").model == "variable"
    assert client().chat("x", model="fake:argument").model == "argument"


def test_a_dictionary_reads_no_file(client, made):
    write("jackfield.toml", "this is not TOML")
    write(".env", "FAKE_API_KEY=sk-file")
    client({"default": "fake:m"}).chat("x")
    assert made["fake"].api_key is None


def test_dotenv_files_fill_what_is_open_and_stay_out_of_the_environment(client, made, monkeypatch):
    write(".env", "FAKE_API_KEY=sk-env\nFAKE_BASE_URL=https://env.example/v1\n")
    client().chat("x", model="fake:m")
    assert (made["fake"].api_key.reveal(), made["fake"].base_url) == ("sk-env", "https://env.example/v1")
    write(".env.local", "FAKE_API_KEY='sk-local'\nexport FAKE_BASE_URL=https://local.example/v1 # mine\n")
    client().chat("x", model="fake:m")
    assert (made["fake"].api_key.reveal(), made["fake"].base_url) == ("sk-local", "https://local.example/v1")
    assert "FAKE_API_KEY" not in os.environ
    monkeypatch.setenv("FAKE_API_KEY", "sk-real")
    monkeypatch.setenv("FAKE_BASE_URL", "https://real.example/v1")
    client().chat("x", model="fake:m")
    assert (made["fake"].api_key.reveal(), made["fake"].base_url) == ("sk-real", "https://real.example/v1")


def test_an_ambient_variable_overrides_nothing_that_was_written_down(client, made, monkeypatch):
    monkeypatch.setenv("FAKE_API_KEY", "sk-ambient")
    client({"providers": {"fake": {"api_key": "sk-written"}}}).chat("x", model="fake:m")
    assert made["fake"].api_key.reveal() == "sk-written"


def test_what_is_empty_is_unset(client, monkeypatch):
    monkeypatch.setenv("FAKE_API_KEY", "")
    with pytest.raises(NothingConfiguredError):
        client()


def test_a_value_can_name_its_variable(client, made, monkeypatch):
    monkeypatch.setenv("SOMEWHERE", "sk-1")
    config = {"providers": {"mine": {"plugin": "fake", "api_key": {"env": "SOMEWHERE"}}}}
    client(config).chat("x", model="mine:m")
    assert made["mine"].api_key.reveal() == "sk-1"


def test_aliases_carry_settings_and_the_caller_wins(client):
    config = {
        "default": "fast",
        "models": {"fast": "quick", "quick": {"target": "fake:small", "temperature": 0, "stop": ["."]}},
    }
    made = client(config)
    assert made.chat("x").model == "small"
    seen = []

    async def look(call, proceed):
        seen.append(call)
        async for event in proceed(call):
            yield event

    look.slot = Slot.OBSERVE
    client(config, middleware=[look]).chat("x", model="fast", stop=["!"])
    (call,) = seen
    assert (call.alias, str(call.target)) == ("fast", "fake:small")
    assert (call.request.temperature, call.request.stop) == (0, ("!",))


def test_a_name_alone_is_the_providers_default_model(client):
    config = {"providers": {"fake": {"default_model": "big"}}}
    assert client(config).chat("x").model == "big"
    assert client(config).chat("x", model="fake").model == "big"
    assert client(config).chat("x", model="fake:a/b:free").model == "a/b:free"


WRONG = [
    ({"defaults": "x"}, "config.defaults: no such key; did you mean 'default'?"),
    ({"default": 3}, "config.default: expected text, got 3"),
    ({"models": []}, "config.models: expected a table, got a list"),
    ({"models": {"a:b": "fake:x"}}, "config.models.a:b: an alias has no colon"),
    (
        {"models": {"a": 1}},
        "config.models.a: expected 'provider:model', a list of them, or a table with a target, got 1",
    ),
    (
        {"models": {"a": {"temperature": 1}}},
        "config.models.a: expected 'provider:model', a list of them, or a table with a target, got a table",
    ),
    ({"models": {"a": []}}, "config.models.a: expected 'provider:model', a list of them, or a table with a target"),
    (
        {"models": {"a": ["fake:x", "fake:y"]}, "default": "a"},
        "config.models.a: a list of targets needs a fallback middleware, and there is none",
    ),
    ({"models": {"a": "b", "b": "a"}, "default": "a"}, "config.models.a: a -> b -> a is a circle"),
    (
        {"models": {"a": {"target": "fake:x", "temperatures": 1}}, "default": "a"},
        "config.models.a.temperatures: no such setting of a request; did you mean 'temperature'?",
    ),
    (
        {"models": {"a": {"target": "fake:x", "temperature": 9}}, "default": "a"},
        "config.models.a.temperature: expected a number from 0 to 2, got 9",
    ),
    ({"providers": 1}, "config.providers: expected a table, got 1"),
    ({"providers": {"fake": 1}}, "config.providers.fake: expected a table, got 1"),
    ({"providers": {"fake": {"plugin": 1}}}, "config.providers.fake.plugin: expected text, got 1"),
    (
        {"providers": {"x": {"plugin": "fakes"}}, "default": "x:m"},
        "no provider plugin 'fakes' is installed; did you mean 'fake'?",
    ),
    (
        {"providers": {"fake": {"api_kye": "x"}}, "default": "fake:m"},
        "config.providers.fake.api_kye: no such key; did you mean 'api_key'?",
    ),
    (
        {"providers": {"fake": {"api_key": "a b"}}, "default": "fake:m"},
        "config.providers.fake.api_key: character 2 of 3 is a space",
    ),
    ({"providers": {"fake": {"api_key": 5}}, "default": "fake:m"}, "config.providers.fake.api_key: expected"),
    (
        {"providers": {"fake": {"api_key": {"env": "NOPE"}}}, "default": "fake:m"},
        "config.providers.fake.api_key: the environment variable NOPE is not set",
    ),
    (
        {"providers": {"fake": {"retries": "3"}}, "default": "fake:m"},
        "config.providers.fake.retries: expected a whole number, got '3'",
    ),
    (
        {"providers": {"fake": {"retries": True}}, "default": "fake:m"},
        "config.providers.fake.retries: expected a whole number, got True",
    ),
    (
        {"providers": {"fake": {"fast": 1}}, "default": "fake:m"},
        "config.providers.fake.fast: expected true or false, got 1",
    ),
    (
        {"providers": {"fake": {"base_url": 1}}, "default": "fake:m"},
        "config.providers.fake.base_url: expected text, got 1",
    ),
    ({"default": "fkae:m"}, "'fkae' is neither an alias nor a provider; did you mean 'fake'?"),
    ({"default": "gpt-4.1-mini"}, "expected 'provider:model' or an alias"),
    ({"default": "fake"}, "provider 'fake' has no default model for 'chat'; write 'fake:model'"),
    ({}, "no model was named, and there is no default"),
    ({"middleware": "cache"}, "config.middleware: expected a list, got 'cache'"),
    ({"middleware": ["cache"]}, "config.middleware[0]: expected a table, got 'cache'"),
    ({"middleware": [{"ttl": 1}]}, "config.middleware[0].use: missing; expected the name of a plugin"),
    ({"middleware": [{"use": "no-such"}]}, "no middleware plugin 'no-such' is installed"),
    ({"engine": "requests"}, "config.engine: expected one of auto, httpx, httpx2, got 'requests'"),
    ({"timeouts": {"connects": 1}}, "config.timeouts.connects: no such key; did you mean 'connect'?"),
    ({"timeouts": {"connect": "1"}}, "config.timeouts.connect: expected a number, got '1'"),
    ({"timeouts": 1}, "config.timeouts: expected a table, got 1"),
]


@pytest.mark.parametrize(("config", "says"), WRONG, ids=[says[:50] for _, says in WRONG])
def test_a_mistake_is_told_by_key_value_and_what_would_be_right(client, config, says):
    with pytest.raises(ConfigurationError) as caught:
        client(config).chat("x")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("default = ", "jackfield.toml: not valid TOML: Invalid value (at end of document)"),
        ("default = 'a'\nengine = 'x", "jackfield.toml: not valid TOML: Expected"),
        ("default = 'a'\nmodel = 1", "jackfield.toml, line 2: model: no such key; did you mean 'models'?"),
    ],
)
def test_a_mistake_in_a_file_names_the_file(client, text, says):
    write("jackfield.toml", text)
    with pytest.raises(ConfigurationError) as caught:
        client()
    assert says in str(caught.value)


def test_a_file_that_is_not_there_is_said(client):
    with pytest.raises(ConfigurationError, match="nowhere.toml: cannot be read: No such file"):
        client("nowhere.toml")


def test_no_secret_in_the_repr_of_what_was_configured(client):
    write(".env.local", "FAKE_API_KEY=sk-hidden\n")
    config = load()
    assert "sk-hidden" not in repr(config)
    shown = repr(
        load({"providers": {"fake": {"api_key": "sk-hidden"}}, "middleware": [{"use": "x", "token": "sk-hidden"}]})
    )
    assert "sk-hidden" not in shown
    with pytest.raises(JackfieldError) as caught:
        client({"providers": {"fake": {"api_key": "sk-hidden ", "retries": 1}}}).chat("x", model="fake:m")
    assert "sk-hidden" not in str(caught.value)


def test_a_plugin_whose_factory_fails_is_named():
    def make(name, settings):
        raise KeyError("sk-x")

    with pytest.raises(PluginError, match="provider plugin 'fake' failed with KeyError"):
        Client({}, plugins={"provider": {"fake": Plugin(make)}}).chat("x", model="fake:m")


def test_a_plugin_that_makes_no_provider_is_named():
    with pytest.raises(ConfigurationError, match="made a str, which is no Provider"):
        Client({}, plugins={"provider": {"fake": Plugin(lambda name, settings: "x")}}).chat("x", model="fake:m")


def test_threads_that_share_a_client_make_a_provider_once():
    made = []

    def make(name, settings):
        made.append(name)
        time.sleep(0.05)
        return Player(hello(), name=name)

    client = Client({"default": "fake:m"}, plugins={"provider": {"fake": Plugin(make)}})
    with ThreadPoolExecutor(8) as threads:
        texts = list(threads.map(lambda _: client.chat("x").text, range(8)))
    assert texts == ["Hello"] * 8
    assert made == ["fake"]


def test_a_configuration_that_was_loaded_can_be_changed_and_used(client):
    write("jackfield.toml", "[timeouts]\ntotal = 5")
    with pytest.raises(NothingConfiguredError):
        client()
    loaded = evolve(load(), default="fake:m")
    assert client(loaded).chat("x").model == "m"
    assert loaded.timeouts.total == 5


def test_a_variable_that_no_plugin_has_a_setting_for_chooses_nothing(client, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAKE_BASE_URL", "http://127.0.0.1:1")
    plain = Plugin(lambda name, settings: Player(hello()))
    with pytest.raises(NothingConfiguredError):
        Client(plugins={"provider": {"fake": plain}})


def test_an_argument_wins_over_a_variable_and_a_variable_over_a_file(client, monkeypatch):
    monkeypatch.setenv("JACKFIELD_DEFAULT", "fake:variable")
    assert client({"default": "fake:dict"}).chat("x").model == "dict"
    write("jackfield.toml", 'default = "fake:file"')
    assert client().chat("x").model == "variable"


def test_settings_of_a_middleware_can_name_a_variable(monkeypatch):
    monkeypatch.setenv("MARK", "!")
    seen = []

    class Marks:
        @hookimpl
        def jackfield_middleware(self, name, settings):
            seen.append(settings)
            return []

    Client({"middleware": [{"use": "marks", "mark": {"env": "MARK"}}]}, plugins={"middleware": {"marks": Marks()}})
    assert seen == [{"mark": "!"}]


@pytest.mark.parametrize("name", ["connect", "total", "first", "silence"])
def test_bounds_can_be_taken_away_but_not_be_nonsense(client, name):
    assert getattr(load({"timeouts": {name: float("inf")}}).timeouts, name) is None
    for wrong in (0, -1, float("nan")):
        with pytest.raises(ConfigurationError, match=f"config.timeouts.{name}: expected seconds above 0"):
            client({"timeouts": {name: wrong}})


@pytest.mark.parametrize("timeout", [0, -1, "5", float("nan")])
def test_a_timeout_that_is_none_is_refused(client, timeout):
    with pytest.raises(JackfieldError, match="timeout: expected seconds above 0"):
        client({"default": "fake:m"}).chat("x", timeout=timeout)


def test_other_mistakes_of_a_program_are_told(client):
    with pytest.raises(ConfigurationError, match="plugins.providers: no such kind of plugin; did you mean 'provider'?"):
        Client({}, plugins={"providers": {}})
    with pytest.raises(ConfigurationError, match="middleware: expected a list"):
        Client({}, middleware=object())
    with pytest.raises(TypeError, match="chat: no option 'max_tokens'; did you mean 'max_output_tokens'?"):
        client({"default": "fake:m"}).chat("x", max_tokens=5)
    with pytest.raises(TypeError, match="a ChatRequest is complete: model must be set in it"):
        client({"default": "fake:m"}).chat(ChatRequest(messages="x"), model="fake:m")


def test_a_text_is_not_taken_for_a_list():
    @frozen
    class Listing:
        names: tuple[str, ...] = ()

    plugin = Plugin(lambda name, settings: Player(hello()), Listing)
    with pytest.raises(ConfigurationError, match="config.providers.fake.names: expected a list, got 'abc'"):
        Client(
            {"default": "fake:m", "providers": {"fake": {"names": "abc"}}}, plugins={"provider": {"fake": plugin}}
        ).chat("x")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('FAKE_API_KEY="unclosed\n', ".env.local, line 1: expected NAME=value"),
        ("# mine\nFAKE_API_KEY=x\nthis is no line\n", ".env.local, line 3: expected NAME=value"),
    ],
)
def test_a_line_of_a_dotenv_file_that_is_none_is_told(client, content, says):
    write(".env.local", content)
    with pytest.raises(ConfigurationError) as caught:
        client()
    assert str(caught.value) == says


def test_files_may_begin_with_a_byte_order_mark(client, made):
    write(".env.local", "\ufeffFAKE_API_KEY=sk-1\n")
    write("jackfield.toml", "\ufeffdefault = 'fake:m'")
    client().chat("x")
    assert made["fake"].api_key.reveal() == "sk-1"


def test_a_key_without_its_plugin_is_not_called_nothing(client, monkeypatch):
    if "openai" in Registry().names("provider"):
        pytest.skip("the plugin is installed here")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY is set, but its plugin is not there") as caught:
        client()
    assert not isinstance(caught.value, NothingConfiguredError)

"""`JACKFIELD_*` variables: which value each sets, as what, and before whom it comes."""

import pytest
from attrs import frozen
from configured import write
from fakes import Player, Plugin, hello

from jackfield import Client, Slot
from jackfield.config import load
from jackfield.errors import ConfigurationError, UntrustedError

FILE = """\
default = "fake:file"
engine = "auto"
[models]
quick = "fake:quick"
calm = { target = "fake:calm", temperature = 1 }
[providers.fake]
retries = 1
[providers."my.own-server"]
plugin = "fake"
[[middleware]]
use = "marks"
[timeouts]
total = 1
"""


def test_arguments_come_before_variables_and_these_before_the_file(client, made, monkeypatch):
    write("jackfield.toml", FILE)
    write(".env", "JACKFIELD_TIMEOUTS__TOTAL=2\nJACKFIELD_ENGINE=httpx\nJACKFIELD_UNSUPPORTED=drop\n")
    write(".env.local", "JACKFIELD_TIMEOUTS__TOTAL=3\nJACKFIELD_UNSUPPORTED=warn\n")
    monkeypatch.setenv("JACKFIELD_TIMEOUTS__TOTAL", "4")
    monkeypatch.setenv("JACKFIELD_PROVIDERS__FAKE__RETRIES", "4")
    config = load()
    assert (config.timeouts.total, config.engine, config.unsupported) == (4.0, "httpx", "warn")
    client().chat("x")
    assert made["fake"].retries == 4
    given = load({"timeouts": {"total": 5}})
    assert (given.timeouts.total, given.engine) == (5.0, "auto")


def test_a_variable_comes_before_the_vendors(client, made, monkeypatch):
    monkeypatch.setenv("FAKE_API_KEY", "sk-vendor")
    monkeypatch.setenv("JACKFIELD_PROVIDERS__FAKE__API_KEY", "sk-ours")
    client().chat("x", model="fake:m")
    assert made["fake"].api_key.reveal() == "sk-ours"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("FAKE_API_KEY", "sk-v endor", "providers.fake.api_key: character 5 of 10 is a space"),
        ("FAKE_BASE_URL", "nowhere", "providers.fake.base_url: not a URL of http or https"),
    ],
)
def test_a_mistake_in_a_vendors_variable_names_the_variable(client, monkeypatch, name, value, says):
    write(".env.local", f"{name}='{value}'\n")
    with pytest.raises(ConfigurationError) as caught:
        client().chat("x", model="fake:m")
    assert f"{name} in .env.local: {says}" in str(caught.value)
    assert caught.value.variable == name
    assert value not in str(caught.value)


def test_variables_fill_what_a_dictionary_leaves_open(client, made, monkeypatch):
    monkeypatch.setenv("JACKFIELD_PROVIDERS__FAKE__RETRIES", "4")
    monkeypatch.setenv("JACKFIELD_PROVIDERS__FAKE__FAST", "true")
    given = {"default": "fake:m", "providers": {"fake": {"retries": 7}}}
    client(given).chat("x")
    assert (made["fake"].retries, made["fake"].fast) == (7, True)
    assert given == {"default": "fake:m", "providers": {"fake": {"retries": 7}}}


def test_a_variable_alone_is_a_configuration(client, made, monkeypatch):
    monkeypatch.setenv("JACKFIELD_PROVIDERS__FAKE__DEFAULT_MODEL", "big")
    assert client().chat("x").model == "big"
    monkeypatch.setenv("JACKFIELD_MODELS__SMALL", "fake:small")
    assert client().chat("x", model="small").model == "small"


def test_capitals_and_underscores_stand_for_what_is_written_otherwise(client, made, monkeypatch):
    write("jackfield.toml", FILE)
    monkeypatch.setenv("JACKFIELD_PROVIDERS__MY_OWN_SERVER__RETRIES", "9")
    client().chat("x", model="my.own-server:m")
    assert made["my.own-server"].retries == 9


@pytest.mark.parametrize("which", ["MARKS", "0"])
def test_a_middleware_is_named_by_its_plugin_or_its_number(client, monkeypatch, plugins, which):
    write("jackfield.toml", FILE)
    monkeypatch.setenv(f"JACKFIELD_MIDDLEWARE__{which}__SIZE", "12")
    monkeypatch.setenv(f"JACKFIELD_MIDDLEWARE__{which}__WHERE", '["here", "there"]')
    client().chat("x")
    (settings,) = plugins["middleware"]["marks"].seen
    assert (settings.size, settings.where) == (12, ["here", "there"])


def test_two_middlewares_of_one_plugin_are_told_apart_by_number_only(client, monkeypatch):
    write("jackfield.toml", FILE + '[[middleware]]\nuse = "marks"\n')
    monkeypatch.setenv("JACKFIELD_MIDDLEWARE__MARKS__SIZE", "12")
    with pytest.raises(ConfigurationError, match="no table 'middleware.marks'"):
        client()
    monkeypatch.delenv("JACKFIELD_MIDDLEWARE__MARKS__SIZE")
    monkeypatch.setenv("JACKFIELD_MIDDLEWARE__1__SIZE", "12")
    assert client().chat("x").model == "file"


def test_an_alias_can_be_set_and_added_to(client, monkeypatch):
    write("jackfield.toml", FILE)
    seen = []

    async def look(call, proceed):
        seen.append((call.target.model, call.request.temperature, call.request.stop, call.request.user))
        async for event in proceed(call):
            yield event

    look.slot = Slot.OBSERVE
    monkeypatch.setenv("JACKFIELD_MODELS__QUICK__TEMPERATURE", "0.5")
    monkeypatch.setenv("JACKFIELD_MODELS__QUICK__STOP", '[".", "!"]')
    monkeypatch.setenv("JACKFIELD_MODELS__QUICK__USER", '"5"')
    monkeypatch.setenv("JACKFIELD_MODELS__CALM", "fake:other")
    with client(middleware=[look]) as one:
        one.chat("x", model="quick")
        one.chat("x", model="calm")
    assert seen == [("quick", 0.5, (".", "!"), "5"), ("other", None, None, None)]


@frozen
class Kinds:
    text: str = ""
    maybe: str | None = None
    number: float | None = None
    either: int | str = 0
    several: tuple[float, ...] = ()
    table: dict[str, int] | None = None


@pytest.mark.parametrize(
    ("key", "value", "is_read_as"),
    [
        ("text", "5", "5"),
        ("text", "true", "true"),
        ("maybe", "[1]", "[1]"),
        ("number", "5", 5.0),
        ("number", "inf", float("inf")),
        ("either", "5", "5"),
        ("several", "[1, 2.5]", (1.0, 2.5)),
        ("table", "{ a = 1 }", {"a": 1}),
    ],
)
def test_the_field_decides_what_a_variable_is_read_as(clean_folder, monkeypatch, key, value, is_read_as):
    made = []
    plugin = Plugin(lambda name, settings: made.append(settings) or Player(hello()), Kinds)
    monkeypatch.setenv(f"JACKFIELD_PROVIDERS__KINDS__{key.upper()}", value)
    Client({"default": "kinds:m"}, plugins={"provider": {"kinds": plugin}}).chat("x")
    assert getattr(made[0], key) == is_read_as
    assert type(getattr(made[0], key)) is type(is_read_as)


def test_an_empty_variable_sets_nothing_and_other_peoples_are_left_alone(client, monkeypatch):
    write("jackfield.toml", FILE)
    monkeypatch.setenv("JACKFIELD_TIMEOUTS__TOTAL", "")
    for name in ("JACKFIELD_TEST_ENGINE", "JACKFIELD_OFFLINE", "JACKFIELD_RECORD", "JACKFIELD_CLI_HISTORY"):
        monkeypatch.setenv(name, "x")
    assert load().timeouts.total == 1


AWAY = "https://elsewhere.example/v1"


@pytest.mark.parametrize("name", [".env", ".env.local"])
def test_a_file_of_variables_that_was_found_takes_no_key_elsewhere(client, made, monkeypatch, name):
    monkeypatch.setenv("FAKE_API_KEY", "sk-ambient")
    write(name, f"JACKFIELD_PROVIDERS__FAKE__BASE_URL={AWAY}\n")
    with pytest.raises(ConfigurationError, match=f"which JACKFIELD_PROVIDERS__FAKE__BASE_URL in {name} names"):
        client().chat("x", model="fake:m")
    assert made == {}


def test_a_key_from_a_variable_of_ours_does_not_follow_a_file_that_was_found(client, made, monkeypatch):
    monkeypatch.setenv("JACKFIELD_PROVIDERS__FAKE__API_KEY", "sk-ours")
    write("jackfield.toml", f'[providers.fake]\nbase_url = "{AWAY}"')
    with pytest.raises(UntrustedError, match="line 2: providers.fake.base_url: the key from JACKFIELD_PROVIDERS__FAKE"):
        client().chat("x", model="fake:m")
    client("jackfield.toml").chat("x", model="fake:m")
    assert made["fake"].base_url == AWAY


def test_a_secret_from_a_variable_of_ours_does_not_go_into_a_table_that_was_found(client, monkeypatch):
    monkeypatch.setenv("JACKFIELD_MIDDLEWARE__MARKS__TOKEN", "sk-ours")
    write("jackfield.toml", 'default = "fake:m"\n[[middleware]]\nuse = "marks"\nwhere = ["https://elsewhere.example"]')
    with pytest.raises(UntrustedError, match="may name none here, not JACKFIELD_MIDDLEWARE__MARKS__TOKEN"):
        client()
    assert client("jackfield.toml").chat("x").model == "m"


@pytest.mark.parametrize("name", [".env", ".env.local"])
def test_a_file_of_variables_that_was_found_does_not_steer_requests(client, monkeypatch, name):
    write(name, "JACKFIELD_NETWORK__PROXY=http://evil.test:1\n")
    with pytest.raises(ConfigurationError, match=f"{name} was merely found; set it in the environment"):
        load()
    write(name, "")
    monkeypatch.setenv("JACKFIELD_NETWORK__PROXY", "http://mine.test:1")
    assert load().network.proxy.reveal() == "http://mine.test:1"

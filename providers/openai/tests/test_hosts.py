"""The hosts of the table: each is a plugin by its name, and works from a key alone."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import attrs
import pytest
from exchanges import any_call, asked, chat_call

from jackfield import Client, Secret
from jackfield.config import load
from jackfield.errors import ConfigurationError, JackfieldError, UnsupportedError, UntrustedError
from jackfield.instances import Instances
from jackfield.operations import ChatRequest, EmbedRequest, ModelsRequest
from jackfield.registry import Registry
from jackfield_openai import hosts
from jackfield_openai.hosts import HOSTS
from jackfield_wire_openai.profiles import profile_of

NAMES = sorted(HOSTS)
KEYED = [name for name in NAMES if HOSTS[name].needs_key]
HERE = [name for name in NAMES if not HOSTS[name].needs_key]
AWAY = "https://elsewhere.example/v1"


@pytest.fixture
def clean(tmp_path, monkeypatch):
    """An empty folder and an environment without keys."""
    for name in list(os.environ):
        if name.startswith("JACKFIELD_") or re.search("_API_KEY$|_BASE_URL$|_TOKEN$|_SECRET_KEY$", name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(name, config=None):
    """The provider of this name, as a client would have it."""
    loaded = load(config)
    return Instances(loaded, Registry(allow=loaded.allow_plugins)).provider(name)


def variable(name):
    return getattr(hosts, name).variable


# --- the table


def test_the_table_and_the_entry_points_agree():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    written = project["project"]["entry-points"]["jackfield.providers"]
    expected = {name: f"jackfield_openai.hosts:{name}" for name in NAMES}
    found = {name: value for name, value in written.items() if value.startswith("jackfield_openai.hosts:")}
    assert found == expected
    installed = entry_points(group="jackfield.providers")
    assert {point.name: point.value for point in installed if point.name in HOSTS} == expected


def test_a_name_that_is_not_in_the_table_is_none_of_the_module():
    with pytest.raises(AttributeError, match="no attribute 'nobody'"):
        _ = hosts.nobody


@pytest.mark.parametrize("name", NAMES)
def test_what_the_table_says_of_a_host_is_whole(name):
    host = HOSTS[name]
    assert host.title
    assert not host.base_url.endswith("/")
    assert host.base_url.startswith("https://" if host.needs_key else "http://127.0.0.1:")
    provider = getattr(hosts, name).jackfield_provider(name, settings_of(name, api_key=Secret("k")))
    assert None not in attrs.astuple(provider.profile, recurse=False)
    judging = {"moderate"} if host.moderate else set()
    assert provider.operations == {"chat", "complete", "embed", "models", "model"} | judging
    assert host.title in getattr(hosts, name).__doc__


def settings_of(name, **given):
    return getattr(hosts, name).jackfield_settings()(**given)


# --- keys


@pytest.mark.parametrize("name", NAMES)
def test_a_key_alone_is_enough(name, clean, monkeypatch):
    monkeypatch.setenv(variable(name), "a-key")
    provider = made(name)
    assert provider.endpoint.credential.secret.reveal() == "a-key"
    assert provider.endpoint.credential.header == "authorization"
    sent = asked(provider, chat_call("Hello", model="m"))
    assert provider.endpoint.addressed(sent).path.endswith("/chat/completions")
    assert (provider.endpoint.origin + provider.endpoint.path).replace(":443/", "/") in (
        HOSTS[name].base_url, HOSTS[name].base_url + ":443",
    )  # fmt: skip


@pytest.mark.parametrize("name", KEYED)
def test_without_a_key_the_error_names_the_variable(name, clean):
    with pytest.raises(ConfigurationError, match=rf"providers.{name}.api_key: missing; set it, or {variable(name)} in"):
        made(name)


@pytest.mark.parametrize("name", HERE)
def test_a_server_on_this_machine_needs_no_key(name, clean):
    provider = made(name)
    assert provider.endpoint.credential is None
    assert provider.endpoint.loopback


def test_the_variables_are_those_of_the_vendors():
    others = {name: variable(name) for name in NAMES if variable(name) != f"{name.upper()}_API_KEY"}
    assert others == {
        "github": "GITHUB_TOKEN",
        "huggingface": "HF_TOKEN",
        "scaleway": "SCW_SECRET_KEY",
        "vercel": "AI_GATEWAY_API_KEY",
    }
    assert len({variable(name) for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", ["groq", "huggingface", "ollama"])
def test_a_key_of_the_environment_goes_to_no_other_origin_for_a_file_that_was_merely_found(name, clean, monkeypatch):
    monkeypatch.setenv(variable(name), "a-key")
    file = clean / "jackfield.toml"
    file.write_text(f'[providers.{name}]\nbase_url = "{AWAY}"\n')
    with pytest.raises(UntrustedError, match=rf"{variable(name)} in the environment would be sent to https://else"):
        made(name)
    assert made(name, str(file)).endpoint.host == "elsewhere.example"
    file.write_text(f'[providers.{name}]\nbase_url = "{HOSTS[name].base_url}/"\n')
    assert made(name).endpoint.credential.secret.reveal() == "a-key"


def test_another_base_url_comes_from_the_place_of_the_key(clean, monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "a-key")
    monkeypatch.setenv("GROQ_BASE_URL", AWAY)
    provider = made("groq")
    assert provider.endpoint.host == "elsewhere.example"
    assert provider.profile == profile_of("api.groq.com")  # its ways are its own wherever it is
    (clean / ".env").write_text("GROQ_API_KEY=another-key\n")
    monkeypatch.delenv("GROQ_API_KEY")
    with pytest.raises(ConfigurationError, match="write key and base_url in the same place"):
        made("groq")


def test_an_instance_of_another_name_gets_nothing_of_the_variables(clean, monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "a-key")
    with pytest.raises(ConfigurationError, match=r"providers.mine.api_key: missing; set it, or GROQ_API_KEY"):
        made("mine", {"providers": {"mine": {"plugin": "groq"}}})


def test_a_key_alone_makes_a_default(clean, monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "a-key")
    monkeypatch.setenv("JACKFIELD_OFFLINE", "1")
    with Client() as client, pytest.raises(JackfieldError, match=f"^groq:{HOSTS['groq'].chat}: .*api.groq.com"):
        client.chat("Hello")


@pytest.mark.parametrize("name", ["cerebras", "groq", "xai"])
def test_openai_itself_comes_before_the_hosts_of_the_table(name, clean, monkeypatch):
    monkeypatch.setenv(variable(name), "sk-1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-2")
    monkeypatch.setenv("JACKFIELD_OFFLINE", "1")
    with Client() as client, pytest.raises(JackfieldError, match=r"^openai:.*api\.openai\.com"):
        client.chat("Hello")


@pytest.mark.parametrize("name", ["ollama", "voyage"])
def test_a_host_without_a_model_of_its_own_for_chats_says_so(name, clean):
    config = {"default": name, "providers": {name: {"api_key": "k"}}}
    with Client(config) as client, pytest.raises(ConfigurationError, match=f"'{name}' has no default model for 'chat'"):
        client.chat("Hello")


# --- what is sent


@pytest.mark.parametrize("name", NAMES)
def test_options_stand_under_the_hosts_own_name(name):
    provider = getattr(hosts, name).jackfield_provider(name, settings_of(name, api_key=Secret("k")))
    request = ChatRequest(messages="x", options={name: {"own": 1}})
    assert b'"own":1' in asked(provider, chat_call(request)).body
    with pytest.raises(UnsupportedError, match=f"options.{name}.own"):
        asked(provider, any_call(ModelsRequest(options={name: {"own": 1}})))


def test_a_default_model_of_ones_own():
    settings = settings_of("ollama", default_model="llama3.2", default_models={"embed": "e"})
    provider = hosts.ollama.jackfield_provider("ollama", settings)
    assert provider.default_models == {"chat": "llama3.2", "embed": "e", "model": "llama3.2"}


def test_a_profile_of_ones_own_counts_before_that_of_the_host():
    settings = settings_of("groq", api_key=Secret("k"))
    provider = hosts.groq.jackfield_provider("groq", settings)
    with pytest.raises(UnsupportedError, match="logit_bias: the host has no such parameter"):
        asked(provider, chat_call(ChatRequest(messages="x", logit_bias={"1": 1})))
    own = {"providers": {"groq": {"api_key": "k", "profile": {"refuses": []}}}}
    assert b"logit_bias" in asked(made("groq", own), chat_call(ChatRequest(messages="x", logit_bias={"1": 1}))).body


def test_four_lines_of_toml_add_a_host(clean):
    (clean / "jackfield.toml").write_text(
        '[providers.mine]\nplugin = "openai"\nbase_url = "https://api.mine.example/v1"\napi_key = "a-key"\n'
        'profile = { max_tokens = "max_completion_tokens", refuses = ["seed"], names = { user = "end_user" } }\n'
    )
    provider = made("mine")
    body = asked(provider, chat_call(ChatRequest(messages="x", max_output_tokens=5, user="u"))).body
    assert b'"max_completion_tokens":5' in body
    assert b'"end_user":"u"' in body
    with pytest.raises(UnsupportedError, match="seed: the host has no such parameter"):
        asked(provider, chat_call(ChatRequest(messages="x", seed=0)))


def test_a_host_that_is_named_by_its_address_has_its_ways():
    config = {"providers": {"g": {"plugin": "openai", "base_url": HOSTS["groq"].base_url, "api_key": "k"}}}
    assert made("g", config).profile == profile_of("api.groq.com") != profile_of("127.0.0.1")


def test_embeddings_are_asked_for_where_a_host_has_a_model_for_them():
    provider = hosts.voyage.jackfield_provider("voyage", settings_of("voyage", api_key=Secret("k")))
    sent = asked(provider, any_call(EmbedRequest(input="x"), model=provider.default_models["embed"]))
    assert b'"model":"voyage-3.5"' in sent.body


def test_a_list_of_models_is_where_the_host_has_it():
    for name, path in (
        ("perplexity", "/v1/models"),
        ("groq", "/openai/v1/models"),
        ("cohere", "/compatibility/v1/models"),
    ):
        provider = getattr(hosts, name).jackfield_provider(name, settings_of(name, api_key=Secret("k")))
        assert provider.endpoint.addressed(asked(provider, any_call(ModelsRequest()))).path == path


# --- what is imported

PROBE = """
import sys
import jackfield
from jackfield.config import load
from jackfield.instances import Instances
from jackfield.registry import Registry

def make(name):
    config = load({"providers": {name: {"api_key": "k"}}})
    return Instances(config, Registry()).provider(name)

make("openai")
assert "jackfield_openai.hosts" not in sys.modules
make("groq")
made = sys.modules["jackfield_openai.hosts"].__getattr__.cache_info().currsize
assert made == 1, made
"""


def test_only_the_host_that_is_asked_for_is_made():
    subprocess.run([sys.executable, "-c", PROBE], check=True, timeout=60)

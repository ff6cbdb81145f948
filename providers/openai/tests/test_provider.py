"""Settings of the provider: the model where none is named, and what is refused."""

import pytest

from jackfield import Client, Secret
from jackfield.errors import ConfigurationError
from jackfield_openai import OpenAIProvider, OpenAISettings

CHAT, COMPLETE, EMBED = "gpt-4.1-mini", "gpt-3.5-turbo-instruct", "text-embedding-3-small"


@pytest.mark.parametrize(
    ("settings", "chat", "complete", "embed"),
    [
        ({"api_key": Secret("sk-1")}, CHAT, COMPLETE, EMBED),
        ({"base_url": "http://127.0.0.1:1/v1"}, CHAT, COMPLETE, EMBED),
        (
            {"api_key": Secret("sk-1"), "base_url": "https://openrouter.ai/api/v1"},
            "openrouter/auto", f"openai/{COMPLETE}", f"openai/{EMBED}",
        ),
        ({"api_key": Secret("sk-1"), "default_model": "o9"}, "o9", COMPLETE, EMBED),
        ({"api_key": Secret("sk-1"), "default_models": {"chat": "o9", "embed": "e"}}, "o9", COMPLETE, "e"),
        ({"api_key": Secret("sk-1"), "default_model": "o9", "default_models": {"embed": "e"}}, "o9", COMPLETE, "e"),
    ],
)  # fmt: skip
def test_the_models_where_none_is_named(settings, chat, complete, embed):
    provider = OpenAIProvider("openai", OpenAISettings(**settings))
    models = {key: value for key, value in provider.default_models.items() if key != "moderate"}
    assert models == {"chat": chat, "complete": complete, "embed": embed, "model": chat}
    assert provider.operations >= {"chat", "complete", "embed", "moderate", "models", "model"}


WRONG = {
    "providers.x.default_models.caht: expected one of chat, complete, embed, mod": {"default_models": {"caht": "m"}},
    "providers.x.default_models.chat: expected the name of a model": {"default_models": {"chat": ""}},
    "providers.x.default_models.chat: set already, as providers.x.default_model": {
        "default_model": "a", "default_models": {"chat": "b"},
    },
    "providers.x.headers.a b: this is no name of a header": {"headers": {"a b": "c"}},
    "providers.x.headers.: this is no name of a header": {"headers": {"": "c"}},
    "providers.x.headers.a: the value has characters that no header can carry": {"headers": {"a": "secret\n"}},
    "providers.x.headers.Host: this header is set by the connection or the credential": {"headers": {"Host": "c"}},
    "providers.x.headers.Authorization: this header is set": {"headers": {"Authorization": "c"}},
    "providers.x.organization: the value has characters that no header can carry": {"organization": "secret\u00e9"},
    "providers.x.project: the value has characters that no header can carry": {"project": "secret\r\nx: y"},
}  # fmt: skip


@pytest.mark.parametrize(("message", "settings"), WRONG.items(), ids=WRONG)
def test_wrong_settings(message, settings):
    with pytest.raises(ConfigurationError) as caught:
        OpenAIProvider("x", OpenAISettings(api_key=Secret("sk-1"), **settings))
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_header_of_ones_own_may_open_a_server_without_a_key():
    settings = OpenAISettings(base_url="http://127.0.0.1:1/v1", headers={"Authorization": "Basic secret"})
    assert OpenAIProvider("x", settings).endpoint.headers == {"authorization": "Basic secret"}
    assert "secret" not in repr(settings)


def test_openai_itself_wants_a_key_and_the_error_says_where_to_put_it():
    with pytest.raises(ConfigurationError, match="providers.openai.api_key: missing; set it, or OPENAI_API_KEY"):
        OpenAIProvider("openai", OpenAISettings())


def test_a_server_on_this_machine_may_do_without():
    provider = OpenAIProvider("near", OpenAISettings(base_url="http://127.0.0.1:1/v1"))
    assert provider.endpoint.credential is None


def test_it_is_found_by_its_entry_point():
    client = Client(
        {"default": "near:m", "providers": {"near": {"plugin": "openai", "base_url": "http://127.0.0.1:1/v1"}}}
    )
    with pytest.raises(Exception, match="near:m: no reply from http://127.0.0.1:1"):
        client.chat("x")


def test_a_mistake_names_the_key():
    config = {"default": "near:m", "providers": {"near": {"plugin": "openai", "bas_url": "x"}}}
    with pytest.raises(ConfigurationError, match="config.providers.near.bas_url: no such key; did you mean 'base_url'"):
        Client(config).chat("x")


# --- variables of the vendor --------------------------------------------------------------------------------

ORG, PROJECT = "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"
HERE = "http://127.0.0.1:1/v1"


def headers(monkeypatch, folder, config=None, file=None, name="openai", **variables):
    """The headers of an instance, as it is configured in this folder."""
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", ORG, PROJECT, "JACKFIELD_CONFIG", "JACKFIELD_DEFAULT"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.chdir(folder)
    if file is not None:
        (folder / "jackfield.toml").write_text(file)
    client = Client(config)
    return dict(client._dispatcher._instances.provider(name).endpoint.headers)


def test_the_vendors_variables_name_the_organization_and_the_project(monkeypatch, tmp_path):
    ambient = {"OPENAI_API_KEY": "sk-1", ORG: "org-1", PROJECT: "proj_1"}
    both = {"openai-organization": "org-1", "openai-project": "proj_1"}
    assert headers(monkeypatch, tmp_path, **ambient) == both
    assert headers(monkeypatch, tmp_path, {"default": "openai"}, **ambient) == both
    assert headers(monkeypatch, tmp_path, OPENAI_BASE_URL=HERE, **ambient) == both


def test_a_variable_overrides_nothing_that_is_written(monkeypatch, tmp_path):
    config = {"providers": {"openai": {"api_key": "sk-1", "organization": "org-2"}}}
    assert headers(monkeypatch, tmp_path, config, **{ORG: "org-1"}) == {"openai-organization": "org-2"}


def test_another_instance_gets_nothing_of_it(monkeypatch, tmp_path):
    config = {"providers": {"near": {"plugin": "openai", "base_url": HERE}}}
    assert headers(monkeypatch, tmp_path, config, name="near", **{ORG: "org-1", PROJECT: "p"}) == {}


def test_a_file_that_was_merely_found_sends_it_nowhere_else(monkeypatch, tmp_path):
    file = f'[providers.openai]\napi_key = "sk-1"\nbase_url = "{HERE}"\n'
    assert headers(monkeypatch, tmp_path, file=file, **{ORG: "org-1"}) == {}
    named = tmp_path / "jackfield.toml"
    assert headers(monkeypatch, tmp_path, str(named), **{ORG: "org-1"}) == {"openai-organization": "org-1"}


def test_a_file_that_was_merely_found_may_name_its_own_variable(monkeypatch, tmp_path):
    file = '[providers.openai]\napi_key = "sk-1"\norganization = { env = "%s" }\n'
    found = headers(monkeypatch, tmp_path, file=file % ORG, **{ORG: "org-1"})
    assert found == {"openai-organization": "org-1"}
    with pytest.raises(ConfigurationError, match="may name only OPENAI_ORG_ID, not OTHER"):
        headers(monkeypatch, tmp_path, file=file % "OTHER", OTHER="x")

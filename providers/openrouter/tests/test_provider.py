"""Settings of the provider: the key, the models where none is named, and how an application names itself."""

import pytest
from exchanges import any_call, asked, chat_call

import jackfield as jf
from jackfield import Client, Secret
from jackfield.errors import ConfigurationError
from jackfield_openrouter import OpenRouterProvider, OpenRouterSettings

KEY = Secret("sk-or-v1-1")
HERE = "http://127.0.0.1:1/v1"


def test_the_models_where_none_is_named():
    provider = OpenRouterProvider("openrouter", OpenRouterSettings(KEY))
    chat, complete, embed = "openrouter/auto", "openai/gpt-3.5-turbo-instruct", "openai/text-embedding-3-small"
    assert provider.default_models == {"chat": chat, "complete": complete, "embed": embed, "model": chat}
    assert {"chat", "complete", "embed", "models", "model"} <= provider.operations


def test_openrouter_itself_wants_a_key_and_the_error_says_where_to_put_it():
    with pytest.raises(
        ConfigurationError, match="providers.openrouter.api_key: missing; set it, or OPENROUTER_API_KEY"
    ):
        OpenRouterProvider("openrouter", OpenRouterSettings())


def test_a_server_on_this_machine_may_do_without():
    provider = OpenRouterProvider("near", OpenRouterSettings(base_url=HERE))
    assert provider.endpoint.credential is None
    assert provider.profile == OpenRouterProvider("openrouter", OpenRouterSettings(KEY)).profile


def test_an_application_that_does_not_name_itself_is_not_named():
    assert OpenRouterProvider("openrouter", OpenRouterSettings(KEY)).endpoint.headers == {}


def test_an_application_names_itself_in_the_configuration(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-1")
    named = {"referer": "https://example.org", "title": "A title", "categories": ["cli-agent", "ide-extension"]}
    client = Client({"default": "openrouter", "providers": {"openrouter": named}})
    assert client._dispatcher.provider("openrouter").endpoint.headers == {
        "http-referer": "https://example.org",
        "x-openrouter-title": "A title",
        "x-openrouter-categories": "cli-agent,ide-extension",
    }


@pytest.mark.parametrize("key", ["referer", "title", "categories"])
def test_what_no_header_can_carry_is_refused(key):
    wrong = "\u00e9\n"
    settings = OpenRouterSettings(KEY, **{key: (wrong,) if key == "categories" else wrong})
    with pytest.raises(ConfigurationError, match=rf"providers.x.{key}: the value has characters that no header"):
        OpenRouterProvider("x", settings)


@pytest.mark.parametrize(
    "said",
    [
        {"reasoning_budget": 500},
        {"options": {"openrouter": {"reasoning": {"max_tokens": 500}}}},
        {"options": {"openrouter": {"reasoning": {"enabled": True}}}},
    ],
)
def test_a_model_that_is_told_to_think_refuses_sampling(said):
    call = chat_call(jf.ChatRequest(messages="x", temperature=0.5, **said), model="openai/gpt-5.1")
    provider = OpenRouterProvider("openrouter", OpenRouterSettings(KEY))
    with pytest.raises(jf.UnsupportedError, match="temperature: model 'openai/gpt-5.1' refuses it while it reasons"):
        asked(provider, call)


def test_a_completion_asks_for_one_choice():
    with pytest.raises(jf.UnsupportedError, match="n: the host gives one choice"):
        asked(OpenRouterProvider("openrouter", OpenRouterSettings(KEY)), any_call(jf.CompleteRequest(prompt="x", n=3)))

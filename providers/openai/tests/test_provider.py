"""Settings of the provider: the model where none is named, and what is refused."""

import pytest

from jackfield import Client, Secret
from jackfield.errors import ConfigurationError
from jackfield_openai import OpenAIProvider, OpenAISettings


@pytest.mark.parametrize(
    ("settings", "model"),
    [
        ({"api_key": Secret("sk-1")}, "gpt-4.1-mini"),
        ({"base_url": "http://127.0.0.1:1/v1"}, "gpt-4.1-mini"),
        ({"api_key": Secret("sk-1"), "base_url": "https://openrouter.ai/api/v1"}, "openrouter/auto"),
        ({"api_key": Secret("sk-1"), "default_model": "o9"}, "o9"),
    ],
)
def test_the_model_where_none_is_named(settings, model):
    provider = OpenAIProvider("openai", OpenAISettings(**settings))
    assert provider.default_models == {"chat": model}
    assert provider.operations == {"chat"}


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

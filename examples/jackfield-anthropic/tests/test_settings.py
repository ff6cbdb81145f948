"""Settings are checked when the provider is made, and the key goes where it belongs and nowhere else."""

import pytest

import jackfield as jf
from jackfield.errors import ConfigurationError
from jackfield.http import HttpResponse
from jackfield_testkit import FunctionNetwork, Simulation

HELLO = b'{"type": "message", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}'


def made(monkeypatch, tmp_path, settings, **variables):
    monkeypatch.chdir(tmp_path)
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    seen = []

    def answer(request):
        seen.append(request)
        return HttpResponse(200, {"content-type": "application/json"}, HELLO)

    config = {"default": "anthropic", "providers": {"anthropic": settings}}
    with jf.Client(config, transport=FunctionNetwork(answer)) as client:
        return client.chat("Hello"), seen[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "providers.anthropic.api_key: missing; set it, or ANTHROPIC_API_KEY in the environment"),
        ({"api_key": "k", "base_url": "ftp://x"}, "base_url"),
        ({"api_key": "k", "max_output_tokens": 0}, "max_output_tokens: expected at least 1 token, got 0"),
        ({"api_key": "k", "default_model": ""}, "default_model: expected the name of a model"),
        ({"api_key": "k", "beta": ["a b"]}, "beta: 'a b' is no name of a feature"),
        ({"api_key": "k", "version": ""}, "version: expected one like '2023-06-01'"),
        ({"api_key": "k", "headers": {"a b": "c"}}, "this is no name of a header"),
        ({"api_key": "k", "headers": {"X-Api-Key": "c"}}, "this header is set by"),
        ({"api_key": "k", "headers": {"x-a": "\n"}}, "characters that no header can carry"),
        ({"api_key": "k", "max_output_token": 5}, "max_output_token"),
    ],
)
def test_wrong_settings_are_errors_that_name_them(monkeypatch, tmp_path, settings, message):
    with pytest.raises(ConfigurationError) as caught:
        made(monkeypatch, tmp_path, settings)
    assert message in str(caught.value)


def test_the_variable_of_the_vendor_is_the_key(monkeypatch, tmp_path):
    reply, request = made(monkeypatch, tmp_path, {}, ANTHROPIC_API_KEY="sk-ant-1")
    assert (reply.text, request.origin) == ("Hi", "https://api.anthropic.com:443")
    _, request = made(
        monkeypatch, tmp_path, {}, ANTHROPIC_API_KEY="sk-ant-1", ANTHROPIC_BASE_URL="https://gate.example/anthropic"
    )
    assert (request.origin, request.path) == ("https://gate.example:443", "/anthropic/v1/messages")


def test_a_server_on_this_machine_may_do_without_a_key(monkeypatch, tmp_path):
    settings = {"base_url": "http://127.0.0.1:9", "headers": {"X-Team": "a"}, "version": "2099-01-01"}
    _, request = made(monkeypatch, tmp_path, settings)
    assert (request.headers["x-team"], request.headers["anthropic-version"]) == ("a", "2099-01-01")


def test_the_key_is_a_header_of_its_own_and_shows_itself_nowhere(kit):
    simulation = Simulation(HttpResponse(401, {}, b'{"error": {"message": "invalid key sk-ant-secret"}}'))
    config = {"default": "anthropic", "providers": {"anthropic": {"api_key": "sk-ant-secret"}}}
    client = simulation.client(config)
    with pytest.raises(jf.JackfieldError) as caught:
        simulation.run(client.chat("Hello"))
    assert simulation.requests[0].credential.reveal() == "sk-ant-secret"
    assert "sk-ant-secret" not in f"{caught.value}{caught.value.body}{simulation.requests}"
    credential = kit.provider().endpoint.credential
    assert (credential.header, credential.prefix) == ("x-api-key", "")


def test_a_default_model_can_be_chosen(monkeypatch, tmp_path):
    _, request = made(monkeypatch, tmp_path, {"api_key": "k", "default_model": "claude-x", "max_output_tokens": 9})
    assert request.body.startswith(b'{"model":"claude-x","max_tokens":9,')

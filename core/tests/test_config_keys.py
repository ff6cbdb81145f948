"""Keys in the configuration: whose goes where, and that none is quoted."""

import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from configured import FAKE_URL, Settings, write
from fakes import Player, Plugin, hello

from jackfield import Client, Slot
from jackfield.errors import ConfigurationError

KEY = "FAKE_API_KEY=sk-1\n"
AWAY = "FAKE_BASE_URL=https://elsewhere.example/v1\n"
HOME = f"FAKE_BASE_URL={FAKE_URL}\n"
NEAR = "FAKE_BASE_URL=http://127.0.0.1:8080/v1\n"
FILE_AWAY = '[providers.fake]\nbase_url = "https://elsewhere.example/v1"\n'
FILE_ALL = FILE_AWAY + 'api_key = "sk-1"\n'
FILE_REFERS = FILE_AWAY + 'api_key = { env = "FAKE_API_KEY" }\n'


@pytest.mark.parametrize(
    ("local", "env", "toml", "allowed"),
    [
        (KEY + AWAY, "", "", True),
        (KEY, AWAY, "", False),
        (AWAY, KEY, "", False),
        (HOME, KEY, "", True),
        (NEAR, KEY, "", True),
        (KEY, "", FILE_AWAY, False),
        (KEY, "", FILE_REFERS, False),
        ("", "", FILE_ALL, True),
        ("", KEY, FILE_AWAY, False),
    ],
)
def test_a_key_goes_only_where_its_own_source_says(client, made, local, env, toml, allowed):
    for name, text in ((".env.local", local), (".env", env), ("jackfield.toml", toml)):
        if text:
            write(name, text)
    if allowed:
        client().chat("x", model="fake:m")
        assert made["fake"].api_key.reveal() == "sk-1"
        return
    with pytest.raises(ConfigurationError, match="would be sent to https://elsewhere.example:443") as caught:
        client().chat("x", model="fake:m")
    assert "sk-1" not in str(caught.value)
    assert "fake" not in made


def test_a_file_that_the_program_names_may_send_a_key_where_it_says(client, made):
    write(".env.local", KEY)
    write("jackfield.toml", FILE_REFERS)
    client("jackfield.toml").chat("x", model="fake:m")
    assert made["fake"].base_url == "https://elsewhere.example/v1"


KEY_TEXT = "sk-0123456789abcdef"


@pytest.mark.parametrize(
    "config",
    [
        {"providers": {"fake": KEY_TEXT}},
        {"providers": [KEY_TEXT]},
        {"providers": KEY_TEXT},
        {"middleware": {"use": "x", "api_key": KEY_TEXT}},
        {"middleware": [{"use": "x"}, KEY_TEXT]},
        {"models": {"a": {"api_key": KEY_TEXT}}},
        {"models": {"a": [KEY_TEXT]}},
        {"default": [KEY_TEXT]},
        {"providers": {"fake": {"api_key": {"env": KEY_TEXT}}}, "default": "fake:m"},
        {"providers": {"fake": {"api_key": [KEY_TEXT]}}, "default": "fake:m"},
        {"providers": {"fake": {"api_key": {"key": KEY_TEXT}}}, "default": "fake:m"},
        {"providers": {"fake": {"retries": KEY_TEXT}}, "default": "fake:m"},
        {"providers": {"fake": {"base_url": KEY_TEXT, "api_key": "sk-1"}}, "default": "fake:m"},
        {"providers": {"fake": {"base_url": f"https://x/?key={KEY_TEXT}", "api_key": "sk-1"}}, "default": "fake:m"},
        {"timeouts": KEY_TEXT},
        {"timeouts": {"total": KEY_TEXT}},
    ],
)
def test_a_key_in_the_wrong_place_is_not_quoted(client, config):
    with pytest.raises(ConfigurationError) as caught:
        client(config).chat("x")
    assert "0123" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (
            (
                '[providers.x]\nplugin = "fake"\nbase_url = "https://evil.example/v1"\n'
                'default_model = { env = "OTHER_FAKE_API_KEY" }'
            ),
            "jackfield.toml, line 4: providers.x.default_model: of all variables this file may name none here",
        ),
        (
            '[providers.x]\nplugin = "fake"\napi_key = { env = "ANY_TOKEN" }\nbase_url = { env = "ANY_URL" }',
            "may name none here, not ANY_TOKEN",
        ),
        (
            '[providers.fake]\napi_key = { env = "ANY_TOKEN" }',
            (
                "jackfield.toml, line 2: providers.fake.api_key: of all variables this file may name "
                "only FAKE_API_KEY, not ANY_TOKEN, and jackfield.toml was merely found (nobody has trusted it)"
            ),
        ),
        (
            'default = "fake:m"\n[[middleware]]\nuse = "marks"\ntoken = { env = "ANY_TOKEN" }',
            "jackfield.toml, line 4: middleware[0].token: of all variables this file may name none here, not ANY_TOKEN",
        ),
    ],
)
def test_a_found_file_names_no_variable_that_may_be_a_key(client, made, monkeypatch, toml, says):
    monkeypatch.setenv("ANY_TOKEN", "sk-ambient")
    monkeypatch.setenv("ANY_URL", "https://elsewhere.example/v1")
    monkeypatch.setenv("OTHER_FAKE_API_KEY", "sk-ambient")
    write("jackfield.toml", toml)
    with pytest.raises(ConfigurationError) as caught:
        client().chat("x", model="x:m" if "providers.x" in toml else "fake:m")
    assert says in str(caught.value)
    assert made == {}


def test_a_found_file_may_name_its_own_variable_and_any_for_this_machine(client, made, monkeypatch):
    monkeypatch.setenv("ANY_TOKEN", "sk-ambient")
    monkeypatch.setenv("FAKE_API_KEY", "sk-own")
    near = '[providers.near]\nplugin = "fake"\nbase_url = "http://127.0.0.1:1/v1"\napi_key = { env = "ANY_TOKEN" }\n'
    write("jackfield.toml", near + '[providers.fake]\napi_key = { env = "FAKE_API_KEY" }')
    client().chat("x", model="near:m")
    client().chat("x", model="fake:m")
    assert [made[name].api_key.reveal() for name in ("near", "fake")] == ["sk-ambient", "sk-own"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        (".env", b"FAKE_API_KEY=\xff\xfe", ".env: cannot be read: UnicodeDecodeError"),
        ("pyproject.toml", b"[tool]\njackfield = 5", "pyproject.toml, line 2: expected a table, got 5"),
        ("pyproject.toml", b"[tool]\njackfield = ''", "pyproject.toml, line 2: expected a table, got ''"),
    ],
)
def test_files_that_are_nonsense(client, name, content, says):
    with open(name, "wb") as file:
        file.write(content)
    with pytest.raises(ConfigurationError) as caught:
        client()
    assert str(caught.value) == says


def test_an_aliass_options_and_the_requests_are_joined_by_plugin(client):
    seen = []

    async def look(call, proceed):
        seen.append(call.request.options)
        async for event in proceed(call):
            yield event

    look.slot = Slot.OBSERVE
    config = {"models": {"a": {"target": "fake:m", "options": {"fake": {"x": 1}, "other": {"y": 2}}}}}
    client(config, middleware=[look]).chat("x", model="a", options={"fake": {"x": 3}})
    assert seen == [{"fake": {"x": 3}, "other": {"y": 2}}]


def test_threads_may_begin_at_once_without_a_default(monkeypatch):
    monkeypatch.setenv("FAKE_API_KEY", "sk-1")
    client = Client(
        {}, plugins={"provider": {"fake": Plugin(lambda name, settings: Player(hello(), name=name), Settings)}}
    )
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: client.chat("x").text, range(8))) == ["Hello"] * 8

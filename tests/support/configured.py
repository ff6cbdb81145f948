"""A client in an empty folder with a clean environment, for tests of the configuration."""

import os

import pytest
from attrs import frozen
from fakes import Player, Plugin, hello

from jackfield import Client, Secret

FAKE_URL = "https://api.fake.example/v1"


@frozen
class Settings:
    api_key: Secret | None = None
    base_url: str = FAKE_URL
    default_model: str | None = None
    retries: int = 0
    fast: bool = False


@pytest.fixture
def made():
    """The settings that the fake plugin was given, by instance."""
    return {}


@pytest.fixture
def client(tmp_path, monkeypatch, made):
    """Builds a client in an empty folder, with a clean environment and a plugin named fake."""
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL")) or name.startswith("JACKFIELD_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def make(name, settings):
        made[name] = settings
        player = Player(hello(name), name=name)
        player.default_models = {"chat": settings.default_model} if settings.default_model else {}
        return player

    plugin = Plugin(make, Settings)

    def build(config=None, **more):
        return Client(config, plugins={"provider": {"fake": plugin, "other-fake": plugin}}, **more)

    return build


def write(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)

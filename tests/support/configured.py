"""A client in an empty folder with a clean environment, for tests of the configuration."""

import os

import pytest
from attrs import frozen
from fakes import Player, Plugin, hello

from jackfield import Client, Secret, Slot
from jackfield.errors import PluginError
from jackfield.hooks import hookimpl
from jackfield.registry import Registry

FAKE_URL = "https://api.fake.example/v1"


@frozen
class Settings:
    api_key: Secret | None = None
    base_url: str = FAKE_URL
    default_model: str | None = None
    retries: int = 0
    fast: bool = False


@frozen
class StrictSettings:
    api_key: Secret


@frozen
class MarkSettings:
    """Settings of a middleware.

    Attributes:
        size: how large a mark is.
        where: what is marked.
    """

    size: int = 1
    token: Secret | None = None
    where: list[str] | None = None


class Marks:
    """A plugin of two middlewares. `seen` holds the settings that it was given."""

    def __init__(self):
        self.seen = []

    @hookimpl
    def jackfield_settings(self):
        return MarkSettings

    @hookimpl
    def jackfield_middleware(self, name, settings):
        self.seen.append(settings)
        return [Mark(Slot.ATTEMPT, settings), Mark(Slot.OBSERVE, settings)]


class Mark:
    def __init__(self, slot, settings):
        self.slot = slot
        self.settings = settings

    async def __call__(self, call, proceed):
        async for event in proceed(call):
            yield event


def unfit(message):
    """A plugin that raises as soon as anything is wanted of it."""

    class Unfit:
        @hookimpl
        def jackfield_settings(self):
            raise PluginError(message)

    return Unfit()


@pytest.fixture
def made():
    """The settings that the fake plugin was given, by instance."""
    return {}


@pytest.fixture
def plugins(made):
    """Two providers of one kind, one that needs a key, and a middleware."""

    def make(name, settings):
        made[name] = settings
        player = Player(hello(name), name=name)
        player.default_models = {"chat": settings.default_model} if settings.default_model else {}
        return player

    plugin = Plugin(make, Settings)
    strict = Plugin(lambda name, settings: Player(hello(name), name=name), StrictSettings)
    providers = {"fake": plugin, "other-fake": plugin, "strict": strict}
    return {"provider": providers, "middleware": {"marks": Marks()}}


@pytest.fixture
def registry(plugins):
    return Registry(plugins)


@pytest.fixture
def clean_folder(tmp_path, monkeypatch):
    """An empty folder with a clean environment."""
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL")) or name.startswith("JACKFIELD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def client(clean_folder, plugins):
    """Builds a client in an empty folder, with a clean environment and a plugin named fake."""

    def build(config=None, **more):
        return Client(config, plugins=plugins, **more)

    return build


def write(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)

"""Plugins: found by name, loaded when named, refused with a clear error."""

import subprocess
import sys

import pytest
from attrs import frozen
from fakes import Player, Plugin, hello

from jackfield import AsyncClient, Client
from jackfield.errors import ConfigurationError, PluginError
from jackfield.hooks import hookimpl
from jackfield.operations import CHAT, Operation
from jackfield.registry import Registry

ACME = """
    from jackfield.hooks import hookimpl
    from fakes import Player, hello

    @hookimpl
    def jackfield_provider(name, settings):
        return Player(hello(f"{name} {settings}"), name=name)
"""


def test_a_plugin_is_found_by_its_entry_point_and_its_dictionary_of_settings_passed_on(installed):
    installed("acme", "[jackfield.providers]\nacme = acme_plugin\n", acme_plugin=ACME)
    config = {"default": "mine:m", "providers": {"mine": {"plugin": "acme", "speed": 3}}}
    assert Client(config).chat("x").text == "mine {'speed': 3}"


def test_what_is_not_named_is_not_imported(installed):
    installed(
        "acme",
        "[jackfield.providers]\nacme = acme_plugin\nbomb = acme_bomb\n[jackfield.middleware]\nbomb = acme_bomb\n",
        acme_plugin=ACME,
        acme_bomb="raise SystemExit('imported')",
    )
    assert Client({"default": "acme:m"}).chat("x").text == "acme {}"
    assert "acme_bomb" not in sys.modules


def test_a_plugin_that_can_not_be_imported_is_one_clear_error(installed):
    installed(
        "acme",
        "[jackfield.providers]\nbroken = acme_broken\nacme = acme_plugin\n",
        acme_plugin=ACME,
        acme_broken="import no_such_module",
    )
    client = Client({"default": "acme:m"})
    with pytest.raises(
        PluginError, match=r"provider plugin 'broken': acme 1.0 \(acme_broken\) cannot be imported: ModuleNotFoundError"
    ):
        client.chat("x", model="broken:m")
    assert client.chat("x").finish.unified == "stop"


def test_a_hook_that_does_not_exist_is_refused():
    class Typo:
        @hookimpl
        def jackfield_providr(self, name, settings):
            return None

    with pytest.raises(PluginError, match="does not fit the hooks"):
        Client({}, plugins={"provider": {"x": Typo()}}).chat("x", model="x:m")


def test_a_plugin_without_the_hook_is_refused():
    with pytest.raises(PluginError, match="implements no jackfield_provider"):
        Client({}, plugins={"provider": {"x": object()}}).chat("x", model="x:m")


def test_middleware_from_configuration_may_be_several_and_has_checked_settings():
    @frozen
    class Settings:
        mark: str

    class Marks:
        @hookimpl
        def jackfield_settings(self):
            return Settings

        @hookimpl
        def jackfield_middleware(self, name, settings):
            from jackfield import Slot

            def layer(slot):
                async def run(call, proceed):
                    log.append((name, settings.mark, slot.name))
                    async for event in proceed(call):
                        yield event

                run.slot = slot
                return run

            return [layer(Slot.ATTEMPT), layer(Slot.OBSERVE)]

    log = []
    plugins = {"middleware": {"marks": Marks()}, "provider": {"fake": Plugin(lambda name, settings: Player(hello()))}}
    config = {"default": "fake:m", "middleware": [{"use": "marks", "mark": "!"}]}
    Client(config, plugins=plugins).chat("x")
    assert log == [("marks", "!", "OBSERVE"), ("marks", "!", "ATTEMPT")]
    with pytest.raises(ConfigurationError, match=r"config.middleware\[0\].mark: missing; expected text"):
        Client({**config, "middleware": [{"use": "marks"}]}, plugins=plugins)


def test_a_store_is_made_by_kind():
    class Stores:
        @hookimpl
        def jackfield_store(self, kind, settings):
            return (kind, settings)

    registry = Registry({"store": {"shelf": Stores()}})
    assert registry.make("store", "shelf", "shelf", {"size": 1}, "cache") == ("shelf", {"size": 1})
    with pytest.raises(ConfigurationError, match="no store plugin 'shelv' is installed; did you mean 'shelf'"):
        registry.make("store", "shelv", "shelv", {}, "cache")


def test_operations_are_added_and_a_taken_name_is_refused():
    rerank = Operation("rerank", CHAT.fold)

    class Brings:
        def __init__(self, operation):
            self.operation = operation

        @hookimpl
        def jackfield_operations(self):
            return [self.operation]

        @hookimpl
        def jackfield_provider(self, name, settings):
            return Player(hello())

    registry = Registry({"provider": {"a": Brings(rerank), "b": Brings(Operation("chat", CHAT.fold))}})
    registry.make("provider", "a", "a", {}, "x")
    assert registry.operations["rerank"] is rerank
    with pytest.raises(PluginError, match="'b' brings an operation 'chat', a name that is taken"):
        registry.make("provider", "b", "b", {}, "x")


@pytest.mark.parametrize("cls", [Client, AsyncClient])
def test_a_plugin_sees_the_client_that_it_is_part_of(cls):
    seen = []

    class Watching:
        @hookimpl
        def jackfield_client(self, client):
            seen.append(client)

        @hookimpl
        def jackfield_middleware(self, name, settings):
            return []

    client = cls({"middleware": [{"use": "watch"}]}, plugins={"middleware": {"watch": Watching()}})
    assert seen == [client]


def test_importing_the_package_imports_next_to_nothing():
    code = "import sys; before = set(sys.modules); import jackfield; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"attrs", "attr", "cattrs", "pluggy", "httpx", "httpcore", "anyio", "importlib.metadata", "ssl", "asyncio"}
    assert heavy.isdisjoint(loaded)


def test_every_public_name_is_there():
    import jackfield

    for name in jackfield.__all__:
        assert getattr(jackfield, name) is not None
    assert set(jackfield.__all__) <= set(dir(jackfield))
    with pytest.raises(AttributeError, match="no attribute 'Klient'"):
        _ = jackfield.Klient

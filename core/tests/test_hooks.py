"""Each hook, called when and with what its reference says."""

import pytest
from attrs import frozen
from fakes import Player, hello

from jackfield import AsyncClient, Client, Slot
from jackfield.errors import ConfigurationError
from jackfield.hooks import hookimpl
from jackfield.operations import CHAT, Operation
from jackfield.registry import Registry

BOTH = pytest.mark.parametrize("cls", [Client, AsyncClient])


class Observer:
    slot = Slot.OBSERVE

    async def __call__(self, call, proceed):
        async for event in proceed(call):
            yield event


def test_hook_jackfield_provider_is_called_once_for_an_instance_at_its_first_use():
    made = []

    class Plugin:
        @hookimpl
        def jackfield_provider(self, name, settings):
            made.append((name, settings))
            return Player(hello(name), name=name)

    config = {"providers": {"one": {"plugin": "acme", "size": 1}, "two": {"plugin": "acme"}}}
    with Client(config, plugins={"provider": {"acme": Plugin()}}) as client:
        assert made == []
        assert [client.chat("x", model="one:m").text for _ in range(2)] == ["one", "one"]
    assert made == [("one", {"size": 1})]


@BOTH
def test_hook_jackfield_middleware_is_called_for_each_table_and_given_the_registry(cls):
    made = []

    class Plugin:
        @hookimpl
        def jackfield_middleware(self, name, settings, registry):
            store = registry.make("store", "shelf", "shelf", {}, "store")
            made.append((name, settings, store))
            return [Observer(), Observer()]

    class Shelf:
        @hookimpl
        def jackfield_store(self, kind, settings):
            return f"{kind} of this client"

    plugins = {"middleware": {"acme": Plugin()}, "store": {"shelf": Shelf()}}
    client = cls({"middleware": [{"use": "acme"}, {"use": "acme", "size": 2}]}, plugins=plugins)
    assert made == [("acme", {}, "shelf of this client"), ("acme", {"size": 2}, "shelf of this client")]
    assert len(client.middleware) == 4


def test_hook_jackfield_store_makes_a_store_of_a_kind():
    class Shelf:
        @hookimpl
        def jackfield_store(self, kind, settings):
            return kind, settings

    made = Registry({"store": {"shelf": Shelf()}}).make("store", "shelf", "shelf", {"size": 1}, "store")
    assert made == ("shelf", {"size": 1})


def test_hook_jackfield_operations_adds_operations_when_the_plugin_is_loaded():
    rerank = Operation("rerank", CHAT.fold)

    class Plugin:
        @hookimpl
        def jackfield_operations(self):
            return [rerank]

    registry = Registry({"provider": {"acme": Plugin()}})
    assert "rerank" not in registry.operations
    registry.settings_class("provider", "acme")
    assert registry.operations["rerank"] is rerank


@BOTH
def test_hook_jackfield_settings_checks_the_table(cls):
    @frozen
    class Settings:
        size: int = 1

    class Plugin:
        @hookimpl
        def jackfield_settings(self):
            return Settings

        @hookimpl
        def jackfield_middleware(self, settings):
            assert settings == Settings(3)
            return Observer()

    plugins = {"middleware": {"acme": Plugin()}}
    assert cls({"middleware": [{"use": "acme", "size": 3}]}, plugins=plugins).middleware
    with pytest.raises(ConfigurationError, match=r"middleware\[0\].size: expected a whole number, got 'x'"):
        cls({"middleware": [{"use": "acme", "size": "x"}]}, plugins=plugins)


@BOTH
def test_hook_jackfield_client_sees_each_client_that_is_built(cls):
    seen = []

    class Plugin:
        @hookimpl
        def jackfield_middleware(self):
            return Observer()

        @hookimpl
        def jackfield_client(self, client):
            seen.append(client)

    client = cls({"middleware": [{"use": "acme"}]}, plugins={"middleware": {"acme": Plugin()}})
    derived = client.with_options(timeout=1.0)
    assert seen == [client, derived]

"""What a call shares among those who have a hand in it: its ledger, and the fingerprint of who answers."""

from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import pytest
from attrs import frozen
from faces import COLOURS, run
from fakes import Player, Plugin, hello, playing

from jackfield import Client, Secret, Slot, Target
from jackfield.call import Ledger
from jackfield.errors import ServerError
from jackfield.hooks import hookimpl
from jackfield.operations import CHAT
from jackfield.provider import Credential, Endpoint, HttpProvider, serves
from jackfield.registry import Registry
from jackfield.types import Start


class Looking:
    """Keeps what it sees of each call."""

    slot = Slot.OBSERVE

    def __init__(self):
        self.calls = []
        self.identities = []
        self.closed = 0

    async def __call__(self, call, proceed):
        self.calls.append(call)
        self.identities.append(await call.identity())
        async for event in proceed(call):
            yield event

    async def aclose(self, runtime):
        self.closed += 1


class Twice:
    """Asks again after an error, and writes down what it shares with others."""

    slot = Slot.RETRY

    async def __call__(self, call, proceed):
        call.ledger.kept["twice"] = True
        try:
            async for event in proceed(call):
                yield event
        except ServerError:
            async for event in proceed(call):
                yield event


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streaming", [False, True])
def test_a_response_tells_how_often_a_provider_was_asked(colour, streaming):
    looking = Looking()

    async def body(client):
        if not streaming:
            return await client.chat("x")
        async with client.stream("x") as stream:
            async for _ in stream:
                pass
            return stream.response

    chain = [looking, Twice()]
    reply = run(colour, body, middleware=chain, **playing(Player([ServerError("no")], hello())))
    assert (reply.attempts, reply.cached) == (2, False)
    assert looking.calls[0].ledger.attempts == 2
    assert looking.calls[0].ledger.kept == {"twice": True}


def test_one_attempt_is_the_usual():
    with Client(**playing(Player(hello()))) as client:
        assert client.chat("x").attempts == 1


def test_a_reply_that_was_replayed_says_so():
    class Replay:
        slot = Slot.CACHE

        async def __call__(self, call, proceed):
            for event in [Start(id="kept", cached=True), *hello()[1:]]:
                yield event
            if False:
                proceed(call)

    with Client(middleware=[Replay()], **playing(Player(hello()))) as client:
        reply = client.chat("x")
        assert (reply.id, reply.cached, reply.attempts) == ("kept", True, 0)


def test_an_inner_call_knows_the_ledger_of_the_outer_one():
    looking = Looking()

    class Asking:
        slot = Slot.PREPARE

        async def __call__(self, call, proceed):
            if call.depth == 0:
                await call.ask(call.request)
            async for event in proceed(call):
                yield event

    with Client(middleware=[looking, Asking()], **playing(Player(hello()))) as client:
        client.chat("x")
    outer, inner = looking.calls
    assert outer.ledger.parent is None
    assert inner.ledger.parent is outer.ledger


def test_a_ledger_begins_empty():
    ledger = Ledger()
    assert (ledger.attempts, ledger.budget, ledger.reserved, ledger.cache, ledger.kept) == (0, None, 0, None, {})


@pytest.mark.parametrize("colour", COLOURS)
def test_closing_a_client_closes_its_middleware_once(colour):
    looking = Looking()

    async def body(client):
        await client.chat("x")
        assert looking.closed == 0

    run(colour, body, middleware=[looking], **playing(Player(hello())))
    assert looking.closed == 1


def test_a_derived_client_closes_what_was_added_to_it_and_shows_the_chain():
    base, added = Looking(), Looking()
    with Client(middleware=[base], **playing(Player(hello()))) as client:
        derived = client.with_options(middleware=[added])
        assert derived.middleware == (base, added)
        assert client.middleware == (base,)
        derived.close()
        assert (base.closed, added.closed) == (0, 1)


def test_every_middleware_is_closed_once_though_one_fails():
    class Failing(Looking):
        async def aclose(self, runtime):
            await super().aclose(runtime)
            raise OSError("full")

    first, second, added = Failing(), Looking(), Looking()
    client = Client(middleware=[first, second], **playing(Player(hello())))
    derived = client.with_options(middleware=[added])
    with pytest.raises(OSError, match="full"):
        client.close()
    client.close()
    assert (first.closed, second.closed, added.closed) == (1, 1, 0)
    derived.close()
    assert (first.closed, second.closed, added.closed) == (1, 1, 1)


# --- who answers, and for whom -----------------------------------------------------------------------------


@frozen
class Settings:
    api_key: Secret | None = None
    base_url: str = "https://api.example.com/v1"
    style: str = "plain"


class Service(HttpProvider):
    @serves(CHAT)
    def chat(self, call):
        return Player(hello()).chat(call)


class Service2(Service):
    pass


def made(name, settings):
    credential = None if settings.api_key is None else Credential(settings.api_key)
    return Service(name, Endpoint.parse(settings.base_url, credential), {"chat": "m"})


def identities(table, names=("service",), make=made, models=("m",)):
    looking = Looking()
    plugins = {"provider": {"service": Plugin(make, Settings), "plain": Plugin(lambda name, _: Player(hello()))}}
    config = {"providers": table}
    with Client(config, plugins=plugins, middleware=[looking]) as one:
        for name in names:
            for model in models:
                one.chat("x", model=f"{name}:{model}")
    return looking.identities


ONE = {"service": {"api_key": "sk-tenant-one"}}


@pytest.fixture
def installed(monkeypatch):
    """Has the plugins of `identities` installed, rather than given as objects of one client."""
    monkeypatch.setattr(Registry, "origin", lambda self, kind, name: f"the {kind} {name}")


def test_the_same_settings_have_the_same_fingerprint_in_another_client(installed):
    assert identities(ONE) == identities(ONE)


def test_a_plugin_that_a_program_hands_over_is_like_no_other_but_a_module_is_itself():
    assert identities(ONE) != identities(ONE)
    module = ModuleType("acme")
    module.jackfield_provider = hookimpl(lambda name, settings: Player(hello()))
    found = []
    for _ in range(2):
        looking = Looking()
        with Client({"default": "acme:m"}, plugins={"provider": {"acme": module}}, middleware=[looking]) as client:
            client.chat("x")
        found += looking.identities
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "changed",
    [
        {"api_key": "sk-tenant-two"},
        {"api_key": None},
        {"base_url": "https://api.example.com/v2"},
        {"base_url": "https://other.example.com/v1"},
        {"style": "other"},
    ],
)
def test_whatever_differs_gives_another_fingerprint(installed, changed):
    assert identities(ONE) != identities({"service": {**ONE["service"], **changed}})


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("https://other.example.com", {}),
        ("https://api.example.com:8443", {}),
        ("https://api.example.com/v2", {}),
        ("https://api.example.com", {"x-organization": "two"}),
    ],
)
def test_an_address_that_stands_in_no_setting_makes_a_difference_too(installed, url, headers):
    def at(url, headers):
        return lambda name, settings: Service(name, Endpoint.parse(url, headers=headers), {"chat": "m"})

    usual = identities({"service": {}}, make=at("https://api.example.com", {}))
    assert usual == identities({"service": {}}, make=at("https://api.example.com", {}))
    assert usual != identities({"service": {}}, make=at(url, headers))


def test_a_call_that_was_sent_elsewhere_is_known_by_where_it_goes():
    class Router:
        slot = Slot.PREPARE

        async def __call__(self, call, proceed):
            async for event in proceed(call.evolve(target=Target("fake", models.pop()))):
                yield event

    class Inner(Looking):
        slot = Slot.CACHE

    models, inner = ["big", "small"], Inner()
    with Client(middleware=[Router(), inner], **playing(Player(hello()))) as client:
        client.chat("x")
        client.chat("x")
    assert [call.targets for call in inner.calls] == [(Target("fake", "small"),), (Target("fake", "big"),)]
    assert inner.identities[0] != inner.identities[1]


def test_all_targets_count():
    class Wider:
        slot = Slot.PREPARE

        async def __call__(self, call, proceed):
            more = (call.target, Target("fake", "other"))[: call.request.n]
            async for event in proceed(call.evolve(targets=more)):
                yield event

    class Inner(Looking):
        slot = Slot.CACHE

    inner = Inner()
    with Client(middleware=[Wider(), inner], **playing(Player(hello()))) as client:
        client.chat("x", n=1)
        client.chat("x", n=2)
    assert inner.identities[0] != inner.identities[1]


def test_names_and_models_tell_apart_too(installed):
    table = {"service": {"api_key": "k"}, "second": {"api_key": "k", "plugin": "service"}}
    found = identities(table, names=("service", "second"), models=("m", "n"))
    assert len(set(found)) == 4


def test_a_fingerprint_shows_no_key():
    assert "sk-tenant-one" not in str(identities(ONE))


def test_a_credential_that_changes_changes_the_fingerprint(installed):
    keys = iter(["one", "two", "one"])

    def rotating(name, settings):
        return Service(name, Endpoint.parse(settings.base_url, Credential(lambda: Secret(next(keys)))), {"chat": "m"})

    first, second, third = identities({"service": {}}, names=["service"] * 3, make=rotating)
    assert first != second
    assert first == third


def test_what_is_no_plain_data_is_like_nothing_else(installed):
    plain = {"plain": {"function": lambda: None}}
    assert identities(plain, ["plain"]) != identities(plain, ["plain"])
    assert len(set(identities(plain, ["plain", "plain"]))) == 1


def test_a_provider_of_no_plain_data_is_itself_for_all_threads_and_secrets():
    keys = iter(["one", "two", "one", "two"])

    def rotating(name, settings):
        return Service(name, Endpoint.parse(settings.base_url, Credential(lambda: Secret(next(keys)))), {"chat": "m"})

    found = identities({"service": {}}, names=["service"] * 4, make=rotating)
    assert found[:2] == found[2:]
    assert found[0] != found[1]
    looking = Looking()
    with Client(middleware=[looking], **playing(Player(hello()))) as client, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.chat("x"), range(32)))
    assert len(set(looking.identities)) == 1

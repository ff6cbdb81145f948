"""Settings, rules and options: what they do, and what is said of those that are wrong."""

import math
from array import array

import pytest
from fakes import Player, hello, playing

import jackfield as jf
import jackfield_cache
from jackfield.errors import BadRequestError, ConfigurationError, PluginError
from jackfield.hooks import hookimpl
from jackfield_cache import Cache, CacheSettings, MemorySettings, MemoryStore, NotCachedError, Rule
from jackfield_cache.sqlite import SqliteSettings, SqliteStore


def configured(player, **table):
    """Arguments of a client whose configuration has a cache with this table."""
    options = playing(player)
    return {**options, "config": {**options["config"], "middleware": [{"use": "cache", **table}]}}


def asked(times=2, *, changes=None, **table):
    """How often a provider is asked by identical calls through a cache with these settings."""
    player = Player(hello())
    with jf.Client(**configured(player, **table)) as client:
        for _ in range(times):
            client.chat("x", **(changes or {}))
    return len(player.calls)


def test_it_is_found_by_its_name():
    assert asked() == 1


class Shelf:
    """A plugin of one store."""

    store = MemoryStore()

    @hookimpl
    def jackfield_store(self, kind, settings):
        return self.store


def test_a_store_is_one_of_the_plugins_that_the_program_gives():
    arguments = configured(Player(hello()), store="shelf")
    arguments["plugins"] = {**arguments.get("plugins", {}), "store": {"shelf": Shelf()}}
    with jf.Client(**arguments) as client:
        client.chat("x")
    assert Shelf.store.stats()["entries"] == 1


def test_a_store_that_is_not_allowed_is_not_loaded(monkeypatch):
    arguments = configured(Player(hello()), store="sqlite")
    arguments["plugins"] = {**arguments["plugins"], "middleware": {"cache": jackfield_cache}}
    arguments["config"]["allow_plugins"] = ["other"]
    with pytest.raises(PluginError, match="store plugin 'sqlite': jackfield-cache .* is not allowed"):
        jf.Client(**arguments)
    # one that a program makes itself knows the variable alone
    monkeypatch.setenv("JACKFIELD_ALLOW_PLUGINS", "[]")
    with pytest.raises(PluginError, match="store plugin 'sqlite': jackfield-cache .* is not allowed"):
        Cache(CacheSettings(store="sqlite"))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"ttl": "off"}], 2),
        ([{"ttl": "off", "operation": "embed"}], 1),
        ([{"ttl": "off", "operation": "ch*"}], 2),
        ([{"ttl": "off", "model": "fake:m"}], 2),
        ([{"ttl": "off", "model": "fake:*"}], 2),
        ([{"ttl": "off", "model": "other:*"}], 1),
        ([{"ttl": 60, "model": "fake:*"}, {"ttl": "off"}], 1),
        ([{"ttl": math.inf}], 1),
    ],
)
def test_rules_say_what_is_cached(rules, expected):
    assert asked(rules=rules) == expected


def test_a_rule_can_name_an_alias():
    player = Player(hello())
    options = configured(player, rules=[{"ttl": "off", "model": "quick"}])
    options["config"]["models"] = {"quick": "fake:m"}
    with jf.Client(**options) as client:
        for model in ("quick", "quick", "fake:m", "fake:m"):
            client.chat("x", model=model)
    assert len(player.calls) == 3


@pytest.mark.parametrize(
    ("changes", "expected"), [({}, 2), ({"temperature": 0.5}, 2), ({"temperature": 0}, 1), ({"temperature": 0.0}, 1)]
)
def test_replies_that_were_sampled_can_be_left_out(changes, expected):
    assert asked(sampled=False, changes=changes) == expected
    assert asked(changes=changes) == 1


def test_what_is_not_sampled_is_not_left_out():
    player = Player([jf.Start(), jf.Embedded(0, array("f", [0.5]))])
    with jf.Client(**configured(player, sampled=False)) as client:
        client.embed("x")
        assert client.embed("x").cached


@pytest.mark.parametrize("field", ["user", "metadata.tenant"])
def test_a_field_of_the_request_keeps_tenants_apart(field):
    def request(tenant):
        return {"user": tenant} if field == "user" else {"metadata": {"tenant": tenant}}

    assert asked(namespace={"field": field}, changes=request("a")) == 1
    # without one, a call belongs to nobody, and is answered from nothing
    assert asked(namespace={"field": field}) == 2
    assert asked(namespace={"field": field}, changes=request("")) == 2


def test_a_function_keeps_tenants_apart():
    current = ["a"]
    player = Player(hello())
    cache = Cache(CacheSettings(namespace=lambda call: current[0]))
    with jf.Client(middleware=[cache], **playing(player)) as client:
        for tenant, expected in (("a", False), ("a", True), ("b", False), (None, False), (None, False), ("a", True)):
            current[0] = tenant
            assert client.chat("x").cached is expected


def test_a_namespace_function_that_fails_is_told():
    cache = Cache(CacheSettings(namespace=lambda call: 1 / 0))
    with jf.Client(middleware=[cache], **playing(Player(hello()))) as client:
        with pytest.raises(PluginError, match="namespace function failed with ZeroDivisionError"):
            client.chat("x")


def test_namespaces_share_nothing_in_one_store():
    store, player = MemoryStore(), Player(hello())
    for namespace in ("a", "b", None, "a"):
        with jf.Client(
            middleware=[Cache(CacheSettings(store=store, namespace=namespace))], **playing(player)
        ) as client:
            client.chat("x")
            client.chat("x", options={"cache": {"namespace": "inner"}})
    assert len(player.calls) == 6


MODES = [
    ({"mode": "refresh"}, "refresh", 2),
    ({"mode": "bypass"}, "bypass", 2),
    ({"mode": "default"}, "hit", 1),
    ({"mode": None, "ttl": 60}, "hit", 1),
    ({"namespace": "b"}, "miss", 2),
    ({}, "hit", 1),
]


class Ledgers:
    slot = jf.Slot.OBSERVE

    def __init__(self):
        self.states = []

    async def __call__(self, call, proceed):
        try:
            async for event in proceed(call):
                yield event
        finally:
            self.states.append(call.ledger.cache)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("wishes", "state", "expected"), MODES)
def test_a_request_says_what_the_cache_is_to_do(wishes, state, expected, streaming):
    player, ledgers = Player(hello("one"), hello("two")), Ledgers()
    with jf.Client(middleware=[ledgers], **configured(player)) as client:
        client.chat("x")
        options = {"cache": wishes}
        if streaming:
            list(client.stream("x", options=options))
        else:
            client.chat("x", options=options)
        assert ledgers.states == ["miss", state]
        assert len(player.calls) == expected
        # a refresh has replaced the entry, a bypass has not
        assert client.chat("x").text == ("two" if state == "refresh" else "one")
    assert len(player.calls) == expected


@pytest.mark.parametrize(
    ("wishes", "told"),
    [
        ({"mode": "refrsh"}, "options.cache.mode: expected one of default, refresh, bypass, only, got 'refrsh'"),
        ({"mode": ["only"]}, "options.cache.mode: expected"),
        ({"ttl": 0}, "options.cache.ttl: expected seconds above 0, got 0"),
        ({"ttl": "60"}, "options.cache.ttl: expected seconds above 0, got '60'"),
        ({"ttl": True}, "options.cache.ttl: expected seconds above 0, got True"),
        ({"ttl": math.nan}, "options.cache.ttl: expected seconds above 0, got nan"),
        ({"namespace": 5}, "options.cache.namespace: expected text, got 5"),
        ({"tll": 5}, "options.cache.tll: no such option; did you mean 'ttl'?"),
    ],
)
def test_wrong_options_are_refused(wishes, told):
    player = Player(hello())
    with jf.Client(**configured(player)) as client:
        with pytest.raises(BadRequestError) as caught:
            client.chat("x", options={"cache": wishes})
    assert told in caught.value.message
    assert caught.value.provider == "fake"
    assert player.calls == []


@pytest.mark.parametrize("table", [{"rules": [{"ttl": "off"}]}, {"sampled": False}, {"namespace": {"field": "user"}}])
def test_only_is_an_error_where_nothing_is_cached(table):
    player = Player(hello())
    with jf.Client(**configured(player, **table)) as client:
        with pytest.raises(NotCachedError):
            client.chat("x", options={"cache": {"mode": "only"}})
    assert player.calls == []


def test_what_has_no_key_is_not_cached():
    assert asked(changes={"extra_body": {"a": object()}}) == 2


def test_an_operation_that_names_no_events_is_not_cached():
    from attrs import evolve, frozen

    from jackfield.operations import CHAT
    from jackfield.provider import serves
    from jackfield_cache import Cache

    unnamed = evolve(CHAT, name="plain", events=None)

    @frozen(kw_only=True)
    class PlainRequest(jf.ChatRequest):
        operation = unnamed

    class Plain(Player):
        @serves(unnamed)
        def plain(self, call):
            return self.chat(call)

    player = Plain(hello())
    player.default_models = {"plain": "m"}
    ledgers = Ledgers()
    with jf.Client(middleware=[ledgers, Cache()], **playing(player)) as client:
        for _ in range(2):
            assert client.call(PlainRequest(messages="x")).text == "Hello"
    assert (len(player.calls), ledgers.states) == (2, ["bypass", "bypass"])


@pytest.mark.parametrize(("rules", "calls"), [([], 2), ([{"ttl": 60, "operation": "effect"}], 1)])
def test_what_has_an_effect_is_cached_where_a_rule_says_so(rules, calls):
    from attrs import evolve, frozen

    from jackfield.operations import CHAT
    from jackfield.provider import serves

    acting = evolve(CHAT, name="effect", repeatable=False)

    @frozen(kw_only=True)
    class EffectRequest(jf.ChatRequest):
        operation = acting

    class Effect(Player):
        @serves(acting)
        def effect(self, call):
            return self.chat(call)

    player = Effect(hello())
    player.default_models = {"effect": "m"}
    with jf.Client(**configured(player, rules=rules)) as client:
        for _ in range(2):
            assert client.call(EffectRequest(messages="x")).text == "Hello"
    assert len(player.calls) == calls


class Locked(Player):
    """Its credential cannot be had."""

    async def identity(self, runtime, *more):
        raise ValueError("sk-word")


def test_a_credential_that_cannot_be_had_leaves_the_cache_alone():
    player = Locked(hello())
    with jf.Client(**configured(player)) as client:
        assert [client.chat("x").cached for _ in range(2)] == [False, False]
        with pytest.raises(NotCachedError) as caught:
            client.chat("x", options={"cache": {"mode": "only"}})
    error = caught.value
    assert "no key can be made for it: ValueError" in str(error)
    assert "word" not in f"{error} {error.__context__!r} {error.__cause__!r}"


WRONG = [
    ({"store": "nowhere"}, "no store plugin 'nowhere' is installed"),
    ({"store": "sqlit"}, "did you mean 'sqlite'?"),
    ({"store": {}}, "store.use: missing; expected the name of a store"),
    ({"store": {"use": 5}}, "store.use: missing"),
    ({"store": {"use": "memory", "max_entires": 5}}, "store.max_entires: no such key; did you mean 'max_entries'?"),
    ({"store": {"use": "memory", "max_entries": 0}}, "max_entries: expected a whole number above 0, got 0"),
    ({"store": {"use": "memory", "max_bytes": "1"}}, "max_bytes: expected a whole number, got '1'"),
    ({"store": {"use": "sqlite", "timeout": 0}}, "timeout: expected seconds above 0"),
    ({"store": {"use": "sqlite", "path": 5}}, "path: expected text, got 5"),
    ({"store": {"use": "memory"}, "url": "x"}, "store.url: no such key"),
    ({"store": {"use": "memory", "url": "x"}, "url": "x"}, "write one of them"),
    ({"store": 5}, "store: a int is no store: it lacks"),
    ({"store": MemoryStore}, "is no store"),
    ({"store": MemoryStore(), "url": "x"}, "a store that is given whole has its own"),
    ({"ttl": 0}, "ttl: expected seconds above 0, or inf for no end, got 0"),
    ({"ttl": "60"}, "ttl: expected a number, got '60'"),
    ({"ttl": math.nan}, "ttl: expected seconds above 0"),
    ({"rules": [{"model": "x"}]}, "rules[0].ttl: missing"),
    ({"rules": [{"ttl": "of"}]}, "rules[0].ttl: expected a number or one of off, got 'of'"),
    ({"rules": [{"ttl": -1}]}, "rules[0].ttl: expected seconds above 0, inf for no end, or 'off', got -1"),
    ({"rules": [{"ttl": 5, "models": "x"}]}, "rules[0].models: no such key; did you mean 'model'?"),
    ({"rules": {"ttl": 5}}, "rules: expected a list, got a table"),
    ({"sampled": "no"}, "sampled: expected true or false, got 'no'"),
    ({"namespace": 5}, "namespace: expected text, or a table like { field = 'user' }, got int"),
    ({"namespace": {"felid": "user"}}, "namespace: expected text, or a table"),
    ({"namespace": {"field": "usr"}}, "namespace.field: requests have no field 'usr'; did you mean 'user'?"),
    ({"tll": 5}, "tll: no such key; did you mean 'ttl'?"),
]


@pytest.mark.parametrize(("table", "told"), WRONG)
def test_a_wrong_configuration_is_told_when_the_client_is_built(table, told):
    with pytest.raises(ConfigurationError) as caught:
        jf.Client(**configured(Player(hello()), **table))
    assert told in str(caught.value)
    assert "middleware[0]" in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: CacheSettings(ttl=-1),
        lambda: CacheSettings(ttl=True),
        lambda: CacheSettings(rules="chat"),
        lambda: CacheSettings(rules=[{"ttl": 5}]),
        lambda: CacheSettings(sampled=None),
        lambda: Rule(ttl="never"),
        lambda: MemorySettings(max_entries=1.5),
        lambda: SqliteSettings(max_bytes=-1),
        lambda: Cache(CacheSettings(store="nowhere")),
    ],
)
def test_so_is_one_in_python(make):
    with pytest.raises(ConfigurationError):
        make()


def test_the_names_are_the_same_in_python(tmp_path):
    path = str(tmp_path / "c.sqlite")
    for store in ({"use": "sqlite", "path": path}, SqliteStore(SqliteSettings(path=path))):
        settings = CacheSettings(store=store, ttl=60, rules=[Rule(ttl=5, model="x")], sampled=False, namespace="a")
        assert str(Cache(settings).store.path) == path


def test_an_address_shows_itself_to_nobody():
    settings = CacheSettings(url=jf.Secret("redis://:word@host"))
    assert "word" not in repr(settings)

"""What a hit gives: the same events, in every form, through both clients, on every loop."""

from array import array
from copy import deepcopy

import attrs
import pytest
from faces import COLOURS, run
from fakes import STOP, Player, hello

import jackfield as jf
from jackfield.errors import ServerError, TruncatedStreamError, UnsupportedWarning
from jackfield.types import Finish, Finished, Start, TextDelta, ToolCallDelta, Usage, UsageReported
from jackfield_cache import NotCachedError

RICH = [
    Start(id="r1", created=5.0, request_id="q1", raw={"a": [1, {"b": None}]}),
    jf.ReasoningDelta("I think", signature="s", raw={"r": 1}),
    TextDelta("He", raw={"t": "He"}),
    TextDelta("llo"),
    ToolCallDelta(0, "c1", "look", '{"at": '),
    ToolCallDelta(0, arguments='"x"}'),
    Finished(Finish("tool_calls", "tool_calls")),
    UsageReported(Usage(3, 4, reasoning_tokens=2, cost=0.25), raw={"usage": {"cost": 0.25}}),
]


async def streamed(client, *args, **options):
    async with client.stream(*args, **options) as stream:
        return [event async for event in stream], stream.response


def as_first(event):
    """The event without what a hit changes."""
    if isinstance(event, Start):
        return attrs.evolve(event, cached=False)
    if isinstance(event, UsageReported):
        return attrs.evolve(event, usage=attrs.evolve(event.usage, cost=0.25))
    return event


class Looking:
    slot = jf.Slot.OBSERVE

    def __init__(self):
        self.ledgers = []

    async def __call__(self, call, proceed):
        self.ledgers.append(call.ledger)
        async for event in proceed(call):
            yield event

    @property
    def caches(self):
        return [ledger.cache for ledger in self.ledgers]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("first", ["stream", "unary"])
def test_a_hit_gives_the_same_events_in_whichever_form(colour, first, store, caching):
    player, looking = Player(RICH), Looking()
    _, options = caching(player, looking, store=store)

    async def body(client):
        if first == "stream":
            original, response = await streamed(client, "x")
        else:
            response = await client.chat("x")
            original = None
        events, again = await streamed(client, "x")
        whole = await client.chat("x")
        if original is not None:
            assert [as_first(event) for event in events] == original
            assert [event.raw for event in events] == [event.raw for event in original]
        assert [type(event) for event in events] == [type(event) for event in RICH]
        for reply in (again, whole):
            assert (reply.text, reply.reasoning, reply.tool_calls) == ("Hello", "I think", response.tool_calls)
            assert (reply.id, reply.request_id, reply.finish) == ("r1", "q1", response.finish)
            assert reply.raw == response.raw
            assert (reply.cached, reply.attempts, reply.usage.cost) == (True, 0, 0.0)
            assert reply.usage.reasoning_tokens == 2
        assert (response.cached, response.attempts, response.usage.cost) == (False, 1, 0.25)

    run(colour, body, **options)
    assert len(player.calls) == 1
    assert looking.caches == ["miss", "hit", "hit"]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("operation", "events"),
    [("chat", hello()), ("complete", hello()), ("embed", [jf.Start(), jf.Embedded(0, array("f", [0.5, 1.5]))])],
)
def test_every_operation_is_cached(colour, operation, events, store, caching):
    player = Player(events)
    _, options = caching(player, store=store)

    async def body(client):
        first = await getattr(client, operation)("x")
        second = await getattr(client, operation)("x")
        assert (first.cached, second.cached) == (False, True)
        if operation == "embed":
            assert first.vectors == second.vectors
            second.vector[0] = 9.0
            assert (await client.embed("x")).vector[0] == 0.5

    run(colour, body, **options)
    assert len(player.calls) == 1


def test_lists_of_models_are_cached_where_a_rule_says_so(caching):
    from jackfield_cache import Rule

    listed = [Start(), jf.ModelListed(jf.ModelInfo("m1", raw={"id": "m1"}))]
    for rules, asked in (((), 2), ((Rule(operation="models", ttl=60),), 1)):
        player = Player(listed)
        _, options = caching(player, rules=rules)
        with jf.Client(**options) as client:
            assert client.models().models == client.models().models
        assert len(player.calls) == asked


def test_whoever_changes_a_reply_changes_no_other(store, caching):
    player = Player(deepcopy(RICH))
    _, options = caching(player, store=store)
    with jf.Client(**options) as client:
        with client.stream("x") as stream:
            for event in stream:
                if event.raw:
                    event.raw.clear()
        for _ in range(3):
            reply = client.chat("x")
            assert reply.raw[0] == {"a": [1, {"b": None}]}
            reply.raw[0]["a"][1]["b"] = "changed"
            reply.raw[0]["a"].append(2)
    assert len(player.calls) == 1


def test_whoever_changes_what_a_chunk_holds_changes_no_other(store, caching):
    held = [
        jf.ReasoningDelta("I think", extra={"a": [1]}),
        jf.ToolCallDelta(0, "c1", "look", "{}", extra={"b": {"c": 2}}),
        jf.types.MessageExtra({"d": [{"e": 3}], "\ud83d": "\ude00"}),
        jf.types.PartAdded(jf.types.Unknown({"f": [4]}), raw=[5]),
    ]
    player = Player([Start(), *deepcopy(held), STOP])
    _, options = caching(player, store=store)
    with jf.Client(**options) as client:
        for _ in range(3):
            for event in client.stream("x"):
                for one in (getattr(event, "extra", None), getattr(event, "fields", None), event.raw):
                    if one:
                        one.clear()
                if isinstance(event, jf.types.PartAdded):
                    event.part.raw.clear()
        _, *events, _ = client.stream("x")
        assert events == held
        assert events[-1].raw == [5]
    assert len(player.calls) == 1


@pytest.mark.parametrize("streamed_first", [False, True])
@pytest.mark.parametrize(
    "script",
    [
        [Start(), TextDelta("Good"), ServerError("no")],
        [Start(), TextDelta("Good")],
        [Start(), TextDelta("Good"), Finished(Finish("error", "boom"))],
        [Start(), TextDelta("Good"), Finished(Finish("content_filter", "filter"))],
        [Start(), TextDelta("Good"), Finished(Finish("other", "abort"))],
        [Start(), TextDelta("a"), STOP, TextDelta("b", choice=1), Finished(Finish("error", "x"), choice=1)],
    ],
)
def test_what_did_not_succeed_is_not_kept(streamed_first, script, store, caching):
    player = Player(script, hello())
    _, options = caching(player, store=store)

    def ask(client):
        return list(client.stream("x")) if streamed_first else client.chat("x")

    with jf.Client(**options) as client:
        try:
            ask(client)
        except (ServerError, TruncatedStreamError) as error:
            assert error.partial.text == "Good"
        assert store.stats()["entries"] == 0
        assert client.chat("x").text == "Hello"
    assert len(player.calls) == 2


def test_a_reply_that_the_limit_cut_is_kept(caching):
    player = Player([Start(), TextDelta("Good"), Finished(Finish("length", "length"))])
    _, options = caching(player)
    with jf.Client(**options) as client:
        assert client.chat("x").cached is False
        assert client.chat("x").cached is True


@pytest.mark.parametrize("colour", COLOURS)
def test_a_stream_that_is_left_early_keeps_nothing(colour, store, caching):
    player = Player(hello())
    _, options = caching(player, store=store)

    async def body(client):
        async with client.stream("x") as stream:
            async for event in stream:
                if isinstance(event, Finished):
                    break
        assert (await client.chat("x")).cached is False

    run(colour, body, **options)
    assert len(player.calls) == 2
    assert player.opened == player.closed


def test_a_hit_that_is_left_early_harms_nothing(caching):
    player = Player(hello())
    _, options = caching(player)
    with jf.Client(**options) as client:
        client.chat("x")
        with client.stream("x") as stream:
            next(stream)
        assert client.chat("x").text == "Hello"
    assert len(player.calls) == 1


@pytest.mark.parametrize("unsupported", ["warn", "drop"])
def test_what_was_said_of_a_call_is_said_again(unsupported, caching, recwarn):
    def report(call):
        call.report("seed", "no such parameter")
        call.rewrote("max_output_tokens", "as max_tokens")

    player = Player([report, *hello()])
    _, options = caching(player)
    with jf.Client(**options) as client:
        first = client.chat("x", unsupported=unsupported)
        second = client.chat("x", unsupported=unsupported)
        assert second.cached
        assert second.warnings == first.warnings
        assert [notice.kind for notice in second.warnings] == ["unsupported", "rewritten"]
        with pytest.raises(jf.UnsupportedError):
            client.chat("x", unsupported="error")
    warned = [one for one in recwarn.list if issubclass(one.category, UnsupportedWarning)]
    assert bool(warned) == (unsupported == "warn")


def test_what_others_said_of_the_first_call_is_not_said_of_the_second(caching):
    class Noting:
        slot = jf.Slot.PREPARE
        first = True

        async def __call__(self, call, proceed):
            if self.first:
                call.ledger.note(jf.Notice("note", "messages", "shortened"))
            self.first = False
            async for event in proceed(call):
                yield event

    _, options = caching(Player(hello()), Noting())
    with jf.Client(**options) as client:
        assert len(client.chat("x").warnings) == 1
        assert client.chat("x").warnings == ()


def test_an_entry_in_one_store_serves_another_client(tmp_path):
    from fakes import playing

    player = Player(hello())
    for expected in (False, True):
        options = playing(player)
        store = {"use": "sqlite", "path": str(tmp_path / "c.sqlite")}
        options["config"] = {**options["config"], "middleware": [{"use": "cache", "store": store}]}
        with jf.Client(**options) as client:
            # a provider that was made by hand is one of its own each time, so that it keeps its identity only here
            assert client.chat("x").cached is expected


def test_without_an_entry_only_is_an_error(caching):
    player = Player(hello())
    _, options = caching(player)
    with jf.Client(**options) as client:
        with pytest.raises(NotCachedError) as caught:
            client.chat("x", options={"cache": {"mode": "only"}})
        assert (caught.value.provider, caught.value.model, caught.value.operation) == ("fake", "m", "chat")
        assert player.calls == []
        client.chat("x")
        assert client.chat("x", options={"cache": {"mode": "only"}}).cached


@pytest.mark.parametrize("colour", COLOURS)
def test_a_list_where_a_class_has_a_tuple_is_kept_like_everything_else(colour, store, caching):
    tokens = [jf.TokenLogprob("He", -0.5)]
    player = Player([Start(), TextDelta("He"), jf.LogprobsDelta(tokens), STOP])
    _, options = caching(player, store=store)

    async def body(client):
        first = await client.chat("x")
        again = await client.chat("x")
        assert (first.cached, again.cached, again) == (False, True, first)

    run(colour, body, **options)
    assert len(player.calls) == 1

"""Events as lines, and entries as bytes: nothing is lost, and nothing that is damaged is believed."""

import json
import math
from array import array
from contextlib import suppress
from functools import partial

import attrs
import pytest
from attrs import frozen
from exhaustive import examples
from hypothesis import given, settings, strategies as st

import jackfield as jf
from jackfield import types as t
from jackfield.types import Event
from jackfield_cache._codec import Codec, NotStorableError, Script, codec_for, made
from jackfield_cache._entry import BadEntryError, Facts, pack, unpack
from jackfield_cache._json import dumps, loads

EVENTS = t.ChatEvent | t.CompleteEvent | t.EmbedEvent | t.ModelsEvent
CODEC = Codec(EVENTS)

TEXT = st.text(st.characters(), max_size=8)  # halves of surrogate pairs too
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
ODD = st.one_of(JSON, st.binary(max_size=4), st.tuples(JSON, st.binary()), st.dictionaries(st.integers(), TEXT))
NUMBERS = st.lists(st.floats(width=32, allow_nan=False), max_size=5)
EXTRA = st.one_of(st.none(), st.dictionaries(TEXT, ODD, max_size=3))

for kind in (getattr(t, name) for name in t.__all__):
    if isinstance(kind, type) and attrs.has(kind):
        with suppress(TypeError):  # before Python 3.12 some cannot be; these have strategies of their own below
            attrs.resolve_types(kind)
for kind, how in {
    t.Unknown: st.builds(t.Unknown, ODD),
    t.ToolResult: st.builds(t.ToolResult, TEXT, st.lists(st.builds(t.Text, TEXT), max_size=2)),
    t.TokenLogprob: st.builds(
        t.TokenLogprob, TEXT, st.none() | st.floats(allow_nan=False), st.none() | st.binary(), st.just(())
    ),
    t.ModelInfo: st.builds(t.ModelInfo, TEXT, TEXT, created=st.none() | st.floats(allow_nan=False), raw=ODD),
    t.Citation: st.builds(t.Citation, TEXT, TEXT, end=st.integers(), extra=st.none() | st.dictionaries(TEXT, JSON)),
}.items():
    st.register_type_strategy(kind, how)
for kind in (t.Text, t.Image, t.Audio, t.File, t.Reasoning, t.Refusal, t.ToolCall):
    marks = {"cache": st.none() | st.builds(t.CacheMark, TEXT), "extra": st.none() | st.dictionaries(TEXT, ODD)}
    st.register_type_strategy(kind, st.builds(kind, **marks))


def built(kind):
    """Instances of an event class, with anything in the fields that take anything."""
    given_fields = {"raw": ODD}
    if kind is t.Embedded:
        codes = (NUMBERS.map(partial(array, code)) for code in "fd")
        given_fields |= {"index": st.integers(0), "vector": st.one_of(*codes)}
    for name in ("extra", "fields"):
        if name in attrs.fields_dict(kind):
            given_fields[name] = EXTRA if name == "extra" else st.dictionaries(TEXT, ODD)
    return st.builds(kind, **given_fields)


CLASSES = [getattr(t, name) for name in t.__all__ if isinstance(getattr(t, name), type)]
CLASSES = [kind for kind in CLASSES if issubclass(kind, Event) and kind is not Event]


def kept(codec, *events):
    """A script of these events, as one that was read from JSON."""
    runs = [(codec.names(type(event)), [codec.row(event)]) for event in events]
    script = Script(runs, [b"" if event.raw is None else codec.raw(event.raw) for event in events])
    assert not any(b"\n" in raw for raw in script.raws)
    return Script(loads(dumps(script.runs)), script.raws)


def again(codec, script):
    return list(map(made, codec.template(script)))


def as_first(event):
    """An event without what the template changes."""
    if isinstance(event, t.Start):
        return attrs.evolve(event, cached=False)
    return (
        attrs.evolve(event, usage=attrs.evolve(event.usage, cost=None)) if isinstance(event, t.UsageReported) else event
    )


def same(one, other):
    """Whether two values are equal, types and raw payloads included."""
    if type(one) is not type(other):
        return False
    if attrs.has(type(one)):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in attrs.fields(type(one)))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(item, other[key]) for key, item in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other) if isinstance(one, float) else one == other


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_event_comes_back_as_it_was(kind):
    @settings(max_examples=examples(40), deadline=None)
    @given(built(kind))
    def check(event):
        (back,) = map(as_first, again(CODEC, kept(CODEC, event)))
        assert same(back, as_first(event))

    check()


@given(built(t.PartAdded))
@settings(max_examples=examples(40), deadline=None)
def test_what_a_template_gives_twice_shares_nothing(event):
    template = CODEC.template(kept(CODEC, event))
    one, other = (made(item) for item in template for _ in range(2))
    assert same(one, other)
    if isinstance(one.raw, dict | list):
        assert one.raw is not other.raw


@attrs.define
class Box:
    number: int = 0


@frozen(kw_only=True)
class Boxed(Event):
    box: Box
    boxes: tuple[Box, ...] = ()


@pytest.mark.parametrize("event", [Boxed(box=Box(1)), Boxed(box=Box(1), boxes=(Box(2),))])
def test_what_is_not_frozen_is_made_anew_for_each_hit(event):
    codec = codec_for(Boxed)
    (item,) = codec.template(kept(codec, event))
    one, other = made(item), made(item)
    assert one == other == event
    [one.box, *one.boxes][-1].number = 9
    assert other == event == made(item)


def test_a_hit_says_so_and_costs_nothing():
    events = (t.Start(id="r"), t.UsageReported(t.Usage(1, cost=2.0), raw={"a": 1}))
    start, usage = again(CODEC, kept(CODEC, *events))
    assert start == t.Start(id="r", cached=True)
    assert (usage.usage, usage.raw) == (t.Usage(1, cost=0.0), {"a": 1})


@frozen(kw_only=True)
class Mood(Event):
    word: str
    vector: "array[float] | None" = None  # before Python 3.12 this cannot be evaluated, and the others can
    pairs: "tuple[tuple[str, t.Finish], ...]" = ()
    _private: int = 3


def test_events_of_a_plugin_come_back():
    codec = codec_for(t.Start | Mood)
    event = Mood(word="glad", pairs=(("a", t.Finish("stop", None)),), private=4, raw=[1])
    assert same(again(codec, kept(codec, event)), [event])


def test_a_single_class_will_do_for_events():
    codec = codec_for(Mood)
    assert again(codec, kept(codec, Mood(word="x"))) == [Mood(word="x")]


def test_without_named_events_there_is_no_codec():
    assert codec_for(None) is None


def test_two_classes_of_one_name_have_no_codec():
    @frozen
    class Finish:
        word: str

    @frozen(kw_only=True)
    class Other(Event):
        finish: Finish

    Other.__annotations__["finish"] = Finish
    assert codec_for(t.ChatEvent | Other) is None


def test_what_the_operation_does_not_name_is_not_kept():
    codec = codec_for(t.ModelsEvent)
    for event in (t.TextDelta("x"), t.Start(raw=object()), t.Start(raw={"a": t.Text("x")}), t.Start(raw={1, 2})):
        with pytest.raises(NotStorableError):
            kept(codec, event)


def test_events_that_follow_one_another_come_back_in_their_order():
    events = [
        t.Start(),
        *(t.TextDelta(f"{number}", raw={"a": number}) for number in range(3)),
        t.TextDelta("x"),
        t.ReasoningDelta("a"),
        t.ReasoningDelta("b", extra={"c": [1]}),
        t.TextDelta("y", raw=(1, b"2")),
        t.Start(created=math.inf, id="\ud83d", raw=math.nan),
        t.TextDelta("\ude00", raw={"\ud83d": -math.inf, "b": [10**40, 1e300, -0.0]}),
        t.Unrecognized(),
        t.Unrecognized(raw="z"),
    ]
    back = again(CODEC, kept(CODEC, *events))
    assert same([as_first(event) for event in back], events)


def test_what_is_not_as_its_class_says_comes_back_as_it_was_and_as_it_was_when_it_came():
    tokens = [t.TokenLogprob("x", -0.5)]
    events = [t.TextDelta(["x"]), t.LogprobsDelta(tokens), t.Start(rate_limit={"a": 1}), t.UsageReported(t.Usage([1]))]
    script = kept(CODEC, *events)
    before = [t.TextDelta(["x"]), t.LogprobsDelta([*tokens]), t.Start(rate_limit={"a": 1})]
    tokens.clear()
    events[0].text.append("y")
    first, second = (again(CODEC, script) for _ in range(2))
    assert [as_first(event) for event in first[:3]] == before
    first[0].text.append("z")
    assert second[0] == before[0]


TEXT_DELTA = "TextDelta text choice block"


@pytest.mark.parametrize(
    "runs",
    [
        None,
        {},
        [""],
        [[]],
        [["TextDelta", []]],
        [["", [[]]]],
        [["TextDelta", [[]]]],
        [["TextDelta text", [["x", 1]]]],
        [["TextDelta text more", [["x", 1]]]],
        [["Finish unified raw", [["stop", None]]]],
        [["os.system command", [["x"]]]],
        [["TextDelta text", [[["?", "x"]]]]],
        [["TextDelta text", [[{"a": 1}]]]],
        [["TextDelta text", [[["b", "!!"]]]]],
        [["TextDelta text", [[[]]]]],
        [["Embedded index vector", [[0, ["a", "f", 8, "AAAA"]]]]],
        [["Embedded index vector", [[0, ["a", "u", 4, "AAAA"]]]]],
        [["Embedded index vector", [[0, ["a", "f", 4, "AAA="]]]]],
        [["UsageReported usage", [[["@", "Nothing", []]]]]],
        [["UsageReported usage", [[["@", "Usage cost", []]]]]],
        [["UsageReported usage", [[["@", 5, []]]]]],
    ],
)
def test_what_is_no_event_is_refused(runs):
    with pytest.raises(NotStorableError):
        CODEC.template(Script(runs, []))


@pytest.mark.parametrize("raws", [[b"{}", b"{}"], [b"{}"] * 4, [b"{}", b"[", b""], [b"~[1]", b"", b""]])
def test_payloads_that_fit_no_event_are_refused(raws):
    with pytest.raises(NotStorableError):
        CODEC.template(Script([[TEXT_DELTA, [["x", 0, 0]] * 3]], raws))


TREES = st.recursive(
    st.one_of(
        st.none(), st.integers(), st.text(max_size=5), st.sampled_from([TEXT_DELTA, "Start id", "@", "t", "j", "b"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=2)),
    max_leaves=12,
)


@given(TREES, st.lists(st.binary(max_size=5), max_size=3))
def test_nothing_does_anything_but_be_refused(runs, raws):
    with suppress(NotStorableError):
        assert all(isinstance(event, Event) for event in again(CODEC, Script(runs, raws)))


FACTS = Facts("k" * 64, "chat", ["a:m"], ["", ""], 5.0, None, 0.5, 0.25, [["note", "a", "b"]])


def test_an_entry_comes_back_as_it_was():
    script = Script([["TextDelta text", [["x"], ["\u00e9t\u00e9 \ud800"]]]], [b"", b'"z"'])
    entry = unpack(pack(FACTS, b'[["a",1],{}]', script))
    assert entry == (FACTS, b'[["a",1],{}]', script)
    assert entry.facts.noted() == [jf.Notice("note", "a", "b")]


def test_texts_in_the_facts_may_be_of_a_type_of_their_own():
    class Word(str):
        __slots__ = ()

    facts = FACTS._replace(namespace=[Word("a"), ""], notices=[["note", Word("b"), "\ud800"]])
    assert unpack(pack(facts, b"", Script([], []))).facts == facts


@given(st.data())
def test_an_entry_with_any_byte_changed_is_refused(data):
    value = bytearray(pack(FACTS, b"", Script([], [b"one", b"two"])))
    value[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadEntryError):
        unpack(bytes(value))


@given(st.data())
def test_a_part_of_an_entry_is_refused(data):
    value = pack(FACTS, b"", Script([], [b"one", b"two"]))
    with pytest.raises(BadEntryError):
        unpack(value[: data.draw(st.integers(0, len(value) - 1))])


def test_an_entry_of_a_later_version_is_refused():
    value = pack(FACTS, b"", Script([], []))
    assert value.startswith(b"jackfield-cache 2 ")
    with pytest.raises(BadEntryError):
        unpack(value.replace(b"jackfield-cache 2 ", b"jackfield-cache 3 ", 1))


def test_facts_that_do_not_fit_are_refused():
    from jackfield_cache import _entry

    for told in ([["k", "red"], []], [[*FACTS, "more"], []], [FACTS, [], []], {}, [], 5):
        body = f"{json.dumps(told)}\n"
        head = f"{_entry.MAGIC} {_entry.VERSION} {_entry._checksum(body.encode())}\n"
        with pytest.raises(BadEntryError):
            unpack((head + body).encode())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("created", "x"),
        ("created", float("nan")),
        ("created", True),
        ("took", None),
        ("ttl", "x"),
        ("cost", "0.5"),
        ("key", 5),
        ("operation", None),
        ("targets", "a:m"),
        ("targets", [5]),
        ("namespace", None),
        ("notices", [["note", "a"]]),
        ("notices", [5]),
        ("notices", None),
    ],
)
def test_a_fact_of_another_type_is_refused(name, value):
    with pytest.raises(BadEntryError):
        unpack(pack(FACTS._replace(**{name: value}), b"", Script([], [])))


def test_freshness_counts_from_both_sides_of_the_clock():
    facts = FACTS._replace(created=100.0, ttl=10.0)
    assert [facts.fresh(now, None) for now in (89, 91, 100, 109, 110)] == [False, True, True, True, False]
    assert not facts.fresh(105, 5)
    assert facts._replace(ttl=None).fresh(10**9, float("inf"))

"""Events as lines, and entries as bytes: nothing is lost, and nothing that is damaged is believed."""

import json
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
from jackfield_cache._codec import Codec, NotStorableError, codec_for, made
from jackfield_cache._entry import BadEntryError, Facts, pack, unpack

EVENTS = t.ChatEvent | t.CompleteEvent | t.EmbedEvent | t.ModelsEvent
CODEC = Codec(EVENTS)

TEXT = st.text(max_size=8)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT),
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
    return one == other


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_event_comes_back_as_it_was(kind):
    @settings(max_examples=examples(40), deadline=None)
    @given(built(kind))
    def check(event):
        line = CODEC.line(event)
        assert "\n" not in line
        back = CODEC.event(line)
        assert same(back, event)
        assert back == event

    check()


@given(built(t.PartAdded))
@settings(max_examples=examples(40), deadline=None)
def test_what_a_template_gives_twice_shares_nothing(event):
    template = CODEC.template([CODEC.line(event)])
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
    (item,) = codec.template([codec.line(event)])
    one, other = made(item), made(item)
    assert one == other == event
    [one.box, *one.boxes][-1].number = 9
    assert other == event == made(item)


def test_a_hit_says_so_and_costs_nothing():
    lines = [CODEC.line(event) for event in (t.Start(id="r"), t.UsageReported(t.Usage(1, cost=2.0), raw={"a": 1}))]
    start, usage = map(made, CODEC.template(lines))
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
    assert same(codec.event(codec.line(event)), event)


def test_a_single_class_will_do_for_events():
    codec = codec_for(Mood)
    assert codec.event(codec.line(Mood(word="x"))) == Mood(word="x")


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
            codec.line(event)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{}",
        "null",
        '["TextDelta",{}]',
        '["TextDelta",{"text":"x","more":1}]',
        '["Finish",{"unified":"stop","raw":null}]',
        '["os.system",{"command":"x"}]',
        '["TextDelta",{"text":["?","x"]}]',
        '["TextDelta",{"text":{"a":1}}]',
        '["TextDelta",{"text":["b","!!"]}]',
        '["TextDelta",{"text":[]}]',
        '["Embedded",{"index":0,"vector":["a","f",8,"AAAA"]}]',
        '["Embedded",{"index":0,"vector":["a","u",4,"AAAA"]}]',
        '["Embedded",{"index":0,"vector":["a","f",4,"AAA="]}]',
        '["UsageReported",{"usage":["@","Nothing",{}]}]',
        "[" * 100_000,
    ],
)
def test_a_line_that_is_no_event_is_refused(line):
    with pytest.raises(NotStorableError):
        CODEC.event(line)


@given(st.text())
def test_no_text_does_anything_but_be_refused(text):
    with suppress(NotStorableError):
        assert isinstance(CODEC.event(text), Event)


FACTS = Facts("k" * 64, "chat", ["a:m"], ["", ""], 5.0, None, 0.5, 0.25, [["note", "a", "b"]])


def test_an_entry_comes_back_as_it_was():
    entry = unpack(pack(FACTS, '{"a":1}', ["x", "\u00e9t\u00e9 \ud800"]))
    assert entry.facts == FACTS
    assert (entry.request, list(entry.lines)) == ('{"a":1}', ["x", "\u00e9t\u00e9 \ud800"])
    assert entry.facts.noted() == [jf.Notice("note", "a", "b")]


@given(st.data())
def test_an_entry_with_any_byte_changed_is_refused(data):
    value = bytearray(pack(FACTS, "{}", ["one", "two"]))
    value[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadEntryError):
        unpack(bytes(value))


@given(st.data())
def test_a_part_of_an_entry_is_refused(data):
    value = pack(FACTS, "{}", ["one", "two"])
    with pytest.raises(BadEntryError):
        unpack(value[: data.draw(st.integers(0, len(value) - 1))])


def test_an_entry_of_a_later_version_is_refused():
    value = pack(FACTS, "{}", [])
    assert value.startswith(b"jackfield-cache 1 ")
    with pytest.raises(BadEntryError):
        unpack(value.replace(b"jackfield-cache 1 ", b"jackfield-cache 2 ", 1))


def test_facts_that_do_not_fit_are_refused():
    from jackfield_cache import _entry

    body = json.dumps({"key": "k", "colour": "red"}) + "\n{}"
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
        unpack(pack(attrs.evolve(FACTS, **{name: value}), "{}", []))


def test_freshness_counts_from_both_sides_of_the_clock():
    facts = attrs.evolve(FACTS, created=100.0, ttl=10.0)
    assert [facts.fresh(now, None) for now in (89, 91, 100, 109, 110)] == [False, True, True, True, False]
    assert not facts.fresh(105, 5)
    assert attrs.evolve(facts, ttl=None).fresh(10**9, float("inf"))

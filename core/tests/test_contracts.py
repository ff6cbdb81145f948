"""What the contracts offer besides what everybody uses: switches, signals, views of a runtime, and folds."""

import gc
from contextlib import contextmanager

import pytest
from attrs import frozen
from exchanges import chat_call

from jackfield import ChatRequest
from jackfield.doors import schemas
from jackfield.errors import BadRequestError, StreamStateError
from jackfield.operations import CHAT, EMBED, MODELS, ResponseFold
from jackfield.provider import Provider, serves
from jackfield.runtime import BlockingRuntime, Control, Limits, Signal, drive
from jackfield.types import Start, TextDelta, Unrecognized, Usage, UsageReported


@frozen
class Town:
    name: str


class Nothing:
    """A network of which nothing is asked."""

    name = "none"


# --- what a provider serves


class Chats(Provider):
    @serves(CHAT)
    async def chat(self, call):
        yield Start()
        yield TextDelta("base")


class Lists(Provider):
    @serves(MODELS)
    async def models(self, call):
        yield Start()


class Embeds:
    @serves(EMBED)
    async def embed(self, call):
        yield Start()


class All(Chats, Embeds, Lists):
    async def chat(self, call):  # it need not be marked again
        yield TextDelta("own")


class Renamed(All):
    @serves(CHAT)
    async def talk(self, call):
        yield TextDelta("talk")


@pytest.mark.parametrize(("kind", "said"), [(All, "own"), (Renamed, "talk")])
def test_a_provider_serves_what_each_of_its_bases_does(kind, said):
    provider = kind("p")
    assert provider.operations == {"chat", "models", "embed"}
    found = provider.open(chat_call(ChatRequest(messages="x")))
    assert drive(anext(found)).text == said
    drive(found.aclose())


# --- control


def test_a_control_wakes_what_was_attached_and_refuses_the_next():
    control, woken = Control(), []
    control.attach(lambda: woken.append("first"))
    control.detach()
    control.stop()
    assert (woken, control.stopped) == ([], True)
    with pytest.raises(StreamStateError, match="closed while it was being read"):
        control.attach(lambda: woken.append("second"))
    control.stop()
    assert woken == []


def test_a_control_stops_its_parts_but_not_those_that_are_over():
    control, woken = Control(), []
    part, over = control.child(), control.child()
    part.attach(lambda: woken.append("part"))
    over.attach(lambda: woken.append("over"))
    control.part(over)
    control.part(over)  # any number of times
    control.stop()
    assert woken == ["part"]
    assert (part.stopped, over.stopped, control.child().stopped) == (True, False, True)


def test_a_control_has_one_reader():
    control = Control()
    assert control.claim()
    assert not control.claim()
    control.release()
    assert control.claim()


# --- signal


def test_a_signal_wakes_now_and_later_but_not_what_was_detached():
    signal, woken = Signal(), []
    wake, gone = (lambda: woken.append("wake")), (lambda: woken.append("gone"))
    signal.attach(wake)
    signal.attach(gone)
    signal.detach(gone)
    signal.detach(gone)
    assert not signal.happened
    signal.set()
    signal.attach(lambda: woken.append("late"))
    assert (woken, signal.happened) == (["wake", "late"], True)


# --- runtime


def test_a_bound_runtime_is_the_same_door_with_its_own_control_deadline_and_scopes():
    entered = []

    @contextmanager
    def scope():
        entered.append("in")
        yield
        entered.append("out")

    runtime = BlockingRuntime(Nothing())
    control = Control()
    bound = runtime.bind(control, runtime.now() + 60, (scope,))
    assert (bound.network, bound.control, bound.scopes) == (runtime.network, control, (scope,))
    assert (runtime.deadline, runtime.scopes) == (None, ())
    assert bound.deadline > runtime.now()
    assert drive(bound.run(lambda: entered[:])) == ["in"]
    assert entered == ["in", "out"]
    with bound.scope():
        assert entered == ["in", "out", "in"]


def test_a_reaper_runs_a_clean_up_of_the_runtimes_colour():
    closed = []

    async def close():
        closed.append(True)

    reap = BlockingRuntime(Nothing()).reaper()
    reap(close)
    gc.collect()
    assert closed == [True]


def test_limits_give_what_is_left_and_name_the_bound_that_has_passed():
    limits = Limits(connect=1.0, silence=5.0, deadline=10.0, first=4.0)
    assert limits.allowed(1.0, limits.silence, TimeoutError) == 3.0
    limits.first = None
    assert limits.allowed(1.0, limits.silence, TimeoutError) == 5.0
    assert type(limits.late(11.0, TimeoutError)).__name__ == "DeadlineError"


# --- folds and operations


def test_the_fold_of_every_operation_takes_what_all_replies_have():
    fold = ResponseFold(ChatRequest(messages="x"))
    assert fold.request.messages[0].text == "x"
    assert fold.took(Start(id="1", model="m", raw={"a": 1}))
    assert fold.took(UsageReported(Usage(input_tokens=3)))
    assert fold.took(Unrecognized(raw={"b": 2}))
    assert not fold.took(TextDelta("its own"))
    facts = fold.facts()
    assert (facts["id"], facts["model"], facts["usage"].input_tokens) == ("1", "m", 3)
    assert facts["raw"] == ({"a": 1}, {"b": 2})


def test_an_operation_says_whether_it_asks_a_model():
    assert (CHAT.of_model, EMBED.of_model, MODELS.of_model) == (True, True, False)


# --- who knows types


def test_whoever_knows_types_keeps_the_contract():
    pytest.importorskip("jackfield_schema")

    def weather(city: str) -> str:
        """Tell the weather."""

    known = schemas()
    name, text, parameters = known.function_schema(weather)
    assert (name, text, parameters["required"]) == ("weather", "Tell the weather.", ["city"])
    name, schema, strict = known.response_schema(Town)
    assert (name, [*schema["properties"]], strict) == ("Town", ["name"], True)
    assert known.read_response('{"name": "Bern"}', Town) == Town("Bern")
    assert known.json_schema(int) == {"type": "integer"}
    with pytest.raises(BadRequestError):
        known.json_schema(object())

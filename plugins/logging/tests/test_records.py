"""What is recorded of a call and of its attempts, in both clients, on every loop, streamed or not."""

import gc
import logging
import re
from array import array
from contextlib import suppress
from datetime import datetime

import anyio
import pytest
from attrs import evolve
from faces import COLOURS, run
from fakes import STOP, Player, hello, playing
from recorded import heard

import jackfield as jf
from jackfield.errors import RateLimitError, ServerError, TruncatedStreamError
from jackfield.operations import CompleteRequest, EmbedRequest, ModelRequest, ModelsRequest
from jackfield.types import Embedded, ModelInfo, ModelListed, Start, TextDelta, ToolCallDelta, Usage, UsageReported
from jackfield_logging import AttemptLog, Log, LoggingSettings, Sink, call_id, logged
from jackfield_logging.reading import Filter, Reader

colours = pytest.mark.parametrize("colour", COLOURS)
both = pytest.mark.parametrize("streaming", [False, True])


async def ask(client, streaming=False, text="x", **options):
    if not streaming:
        return await client.chat(text, **options)
    async with client.stream(text, **options) as stream:
        async for _ in stream:
            pass
        return stream.response


def recorded(colour, player, body, *, middleware=(), **settings):
    with heard() as log:
        run(colour, body, **{**playing(player), "middleware": [*logged(**settings), *middleware]})
    return log


# --- a call that works --------------------------------------------------------------------------------------


@colours
@both
def test_a_call_and_its_attempt_are_recorded(colour, streaming):
    start = Start(id="r1", model="m-2026", request_id="req-7")
    usage = UsageReported(Usage(3, 5, 2, 1, cost=0.25))
    log = recorded(colour, Player([start, TextDelta("Hello"), STOP, usage]), lambda client: ask(client, streaming))
    (attempt,) = log.of("attempt")
    call = log.call
    assert re.fullmatch(r"[0-9a-f]{24}", call["call_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", call["time"])
    assert 0 <= call["first_event"] <= call["duration"] < 60
    expected = {"operation": "chat", "provider": "fake", "model": "m", "streaming": streaming, "outcome": "complete"}
    expected |= {"answered_by": "fake", "answered_model": "m-2026", "finish": "stop", "response_id": "r1"}
    expected |= {"input_tokens": 3, "output_tokens": 5, "reasoning_tokens": 2, "cached_tokens": 1, "cost": 0.25}
    expected |= {"request_id": "req-7", "call_id": call["call_id"]}
    for record, more in ((call, {"record": "call", "attempts": 1}), (attempt, {"record": "attempt", "attempt": 1})):
        told = {name: value for name, value in record.items() if name not in {"time", "duration", "first_event"}}
        assert told == expected | more
    assert attempt["duration"] <= call["duration"]


OPERATIONS = {
    "complete": (CompleteRequest(prompt="Once"), hello()),
    "embed": (EmbedRequest(input=["a", "b"]), [Start(), *(Embedded(i, array("f", [1])) for i in (0, 1))]),
    "models": (ModelsRequest(), [Start(), ModelListed(ModelInfo("one"))]),
    "model": (ModelRequest(), [Start(), ModelListed(ModelInfo("one"))]),
}


@colours
@both
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_recorded(colour, streaming, name):
    request, events = OPERATIONS[name]

    async def body(client):
        if not streaming:
            await client.call(request)
            return
        async with client.stream(request) as stream:
            async for _ in stream:
                pass

    log = recorded(colour, Player(events), body, content=True)
    assert (log.call["operation"], log.call["outcome"], log.call["attempts"]) == (name, "complete", 1)
    assert len(log.of("attempt")) == 1
    sent = {"complete": {"prompt": ["Once"], "text": "Hello"}, "embed": {"input": ["a", "b"]}}
    assert log.call.get("content") == sent.get(name)


def test_an_alias_is_recorded():
    options = playing(Player(hello()))
    options["config"]["models"] = {"fast": "fake:small"}
    with heard() as log, jf.Client(middleware=logged(), **options) as client:
        client.chat("x", model="fast")
    assert (log.call["alias"], log.call["model"]) == ("fast", "small")


def test_every_finish_of_several_choices_is_recorded_once():
    events = [TextDelta("a"), TextDelta("b", choice=1), TextDelta("c", choice=2)]
    finishes = [evolve(STOP, choice=index) for index in (0, 1)]
    cut = jf.types.Finished(jf.Finish("length", "length"), choice=2)
    log = recorded("sync", Player([*events, *finishes, cut]), ask, content=True)
    assert log.call["finish"] == "stop,length"
    assert log.call["content"]["text"] == ["a", "b", "c"]


def test_what_was_left_out_is_recorded():
    def leave_out(call):
        call.report("top_k", "there is none")

    log = recorded("sync", Player([leave_out, *hello()]), lambda client: ask(client, unsupported="drop"))
    assert log.call["warnings"] == [{"kind": "unsupported", "field": "top_k", "message": "there is none"}]


def test_a_cache_is_recorded():
    class Replay:
        slot = jf.Slot.CACHE

        async def __call__(self, call, proceed):
            for event in [Start(id="kept", cached=True), *hello()[1:]]:
                yield event
            if False:
                proceed(call)

    class Miss:
        slot = jf.Slot.CACHE

        async def __call__(self, call, proceed):
            call.ledger.cache = "miss"
            async for event in proceed(call):
                yield event

    log = recorded("sync", Player(hello()), ask, middleware=[Replay()])
    assert (log.call["cache"], log.call["attempts"], log.of("attempt")) == ("hit", 0, [])
    log = recorded("sync", Player(hello()), ask, middleware=[Miss()])
    assert log.call["cache"] == "miss"


# --- errors, and other ends ---------------------------------------------------------------------------------


@colours
@both
def test_an_error_is_recorded_and_passes(colour, streaming):
    error = RateLimitError("slow down", status=429, code="rate_limited", request_id="req-1", retry_after=2.5)

    async def body(client):
        with pytest.raises(RateLimitError):
            await ask(client, streaming)

    log = recorded(colour, Player([Start(id="r"), TextDelta("Good"), error]), body)
    for record in log.records:
        told = {name: record[name] for name in ("outcome", "error", "status", "code", "error_message", "retry_after")}
        assert told == {
            "outcome": "error",
            "error": "RateLimitError",
            "status": 429,
            "code": "rate_limited",
            "error_message": "slow down",
            "retry_after": 2.5,
        }
        assert (record["request_id"], record["retryable"], record["response_id"]) == ("req-1", True, "r")
    assert [line.levelno for line in log.lines] == [logging.WARNING, logging.ERROR]


@colours
@both
def test_a_truncation_is_an_error(colour, streaming):
    async def body(client):
        with pytest.raises(jf.TruncatedStreamError):
            await ask(client, streaming)

    log = recorded(colour, Player([TextDelta("Once upon")]), body, content=["text"])
    assert (log.call["outcome"], log.call["error"]) == ("error", "TruncatedStreamError")
    assert log.call["content"] == {"text": "Once upon"}
    assert "finish" not in log.call


@colours
def test_a_foreign_error_is_recorded_by_its_name_alone(colour):
    class Breaks:
        slot = jf.Slot.PREPARE

        async def __call__(self, call, proceed):
            raise ValueError("sk-verysecretkey")
            yield

    async def body(client):
        with pytest.raises(ValueError, match="sk-very"):
            await ask(client)

    log = recorded(colour, Player(hello()), body, middleware=[Breaks()])
    assert (log.call["outcome"], log.call["error"], log.call["attempts"]) == ("error", "ValueError", 0)
    assert "error_message" not in log.call


@colours
def test_a_stream_that_is_left_is_closed_and_its_records_are_there(colour):
    async def body(client):
        async with client.stream("x") as stream:
            async for event in stream:
                if isinstance(event, TextDelta):
                    break
        assert len(log.records) == 2

    with heard() as log:
        run(colour, body, **{**playing(Player(hello())), "middleware": logged(content=["text"])})
    assert [record["outcome"] for record in log.records] == ["closed", "closed"]
    assert log.call["content"] == {"text": "He"}
    assert "error" not in log.call


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@both
def test_a_cancelled_call_is_recorded(backend, streaming, tmp_path):
    path = tmp_path / "calls.jsonl"
    journal = tmp_path / "calls.db"
    sinks = [{"kind": "jsonl", "path": str(path)}, {"kind": "journal", "path": str(journal)}, "logging"]
    options = playing(Player([Start(), TextDelta("a"), 30.0, *hello()]))
    options["config"]["middleware"] = [{"use": "logging", "sinks": sinks}]

    async def main():
        async with jf.AsyncClient(**options) as client:
            with anyio.move_on_after(0.1):
                await ask(client, streaming)

    with heard() as log:
        anyio.run(main, backend=backend)
    assert [(record["record"], record["outcome"]) for record in log.records] == [
        ("attempt", "cancelled"),
        ("call", "cancelled"),
    ]
    from jackfield_logging.reading import Filter, Reader

    assert [record["outcome"] for _, record in Reader(journal).latest(Filter(attempts=True), 9)] == ["cancelled"] * 2


@pytest.mark.parametrize("colour", ["sync", "asyncio", "trio"])
@pytest.mark.filterwarnings("ignore:an open AsyncStream")
def test_a_stream_that_is_dropped_is_recorded(colour):
    async def body(client):
        stream = client.stream("x")
        async for event in stream:
            if isinstance(event, TextDelta):
                break
        del stream, event
        for _ in range(100):
            gc.collect()
            if colour == "sync" or len(log.records) == 2:  # nobody but a loop needs a turn
                break
            await anyio.sleep(0.01)

    with heard() as log:
        run(colour, body, **{**playing(Player(hello())), "middleware": logged()})
    assert [record["outcome"] for record in log.records] == ["closed", "closed"]


def test_a_stream_that_another_thread_closes_is_closed():
    import threading

    def late(call):
        threading.Timer(0.05, lambda: stream.close()).start()

    with heard() as log, jf.Client(middleware=logged(), **playing(Player([TextDelta("a"), late, 30.0]))) as client:
        stream = client.stream("x")
        with suppress(jf.StreamStateError):
            for _ in stream:
                pass
    assert {record["outcome"] for record in log.records} == {"closed"}


# --- attempts, and calls within calls -----------------------------------------------------------------------


class Again:
    """Asks once more after an error."""

    slot = jf.Slot.RETRY

    async def __call__(self, call, proceed):
        try:
            async for event in proceed(call):
                yield event
        except ServerError:
            async for event in proceed(call.evolve(target=jf.Target("fake", "second"))):
                yield event


@colours
@both
def test_each_attempt_has_a_record_that_names_its_call(colour, streaming):
    player = Player([ServerError("no", status=503)], hello())
    log = recorded(colour, player, lambda client: ask(client, streaming), middleware=[Again()])
    attempts = log.of("attempt")
    assert [(one["attempt"], one["model"], one["outcome"]) for one in attempts] == [
        (1, "m", "error"),
        (2, "second", "complete"),
    ]
    assert {one["call_id"] for one in log.records} == {log.call["call_id"]}
    assert (log.call["attempts"], log.call["answered_model"], log.call["model"]) == (2, "second", "m")
    assert "error" not in log.call


@colours
def test_a_call_within_a_call_names_it(colour):
    class Asking:
        slot = jf.Slot.PREPARE

        async def __call__(self, call, proceed):
            if call.depth < 2:
                await call.ask(call.request)
                ids.append(call_id(call))
            async for event in proceed(call):
                yield event

    ids = []
    log = recorded(colour, Player(hello()), ask, middleware=[Asking()])
    inmost, inner, outer = log.of("call")
    assert (inmost["depth"], inner["depth"], outer.get("depth")) == (2, 1, None)
    assert (inmost["parent_id"], inner["parent_id"], outer.get("parent_id")) == (
        inner["call_id"],
        outer["call_id"],
        None,
    )
    assert ids == [inner["call_id"], outer["call_id"]]
    assert len({record["call_id"] for record in log.records}) == 3


class Preparing:
    """Asks something of its own first."""

    slot = jf.Slot.PREPARE

    async def __call__(self, call, proceed):
        if not call.depth:
            await call.ask(call.request)
        async for event in proceed(call):
            yield event


@colours
def test_nothing_is_written_before_the_first_event_for_a_call_within(colour):
    async def body(client):
        async with client.stream("x") as stream:
            async for _ in stream:
                assert not log.records
                break

    with heard() as log:
        run(colour, body, **{**playing(Player(hello())), "middleware": [*logged(), Preparing()]})
    assert [(one["record"], one.get("depth")) for one in log.records] == [
        ("attempt", 1),
        ("call", 1),
        ("call", None),
        ("attempt", None),
    ]


@colours
@both
@pytest.mark.parametrize("content", [False, True])
def test_a_reply_that_a_middleware_cut_short_is_recorded_as_the_error_that_it_is(colour, streaming, content):
    class Halving:
        slot = jf.Slot.PREPARE

        async def __call__(self, call, proceed):
            async for event in proceed(call):
                yield event
                if isinstance(event, TextDelta):
                    return

    async def body(client):
        with pytest.raises(TruncatedStreamError):
            await ask(client, streaming)

    call = recorded(colour, Player(hello()), body, middleware=[Halving()], content=content).call
    assert (call["outcome"], call["error"]) == ("error", "TruncatedStreamError")


def test_a_call_that_a_middleware_further_out_asks_twice_has_two_records(tmp_path):
    class Twice:
        slot = jf.Slot.OBSERVE

        async def __call__(self, call, proceed):
            async for _ in proceed(call):
                pass
            async for event in proceed(call):
                yield event

    path = tmp_path / "calls.db"
    middleware = [Twice(), *logged(sinks=[Sink(kind="journal", path=str(path))])]
    with jf.Client(middleware=middleware, **playing(Player(hello()))) as client:
        client.chat("x")
    found = list(Reader(path).every(Filter(attempts=True)))
    assert [(one["record"], one.get("attempt"), one.get("round")) for one in found] == [
        ("attempt", 1, None),
        ("call", None, None),
        ("attempt", 2, 2),
        ("call", None, 2),
    ]
    assert len(Reader(path).related(found[0]["call_id"])) == 4


def test_a_field_that_an_application_s_own_records_have_loses_no_record():
    class Marked(logging.LogRecord):
        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            self.request_id = self.operation = "the application's"

    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Marked)
    try:
        log = recorded("sync", Player([Start(request_id="r1"), TextDelta("x"), STOP]), ask)
    finally:
        logging.setLogRecordFactory(before)
    assert [(one["request_id"], one["operation"]) for one in log.records] == [("r1", "chat")] * 2


def test_a_hidden_duration_breaks_no_line():
    log = recorded("sync", Player(hello()), ask, hide=["duration"])
    assert [line.getMessage().partition(",")[0] for line in log.lines][-1] == "chat fake:m: complete"


def test_the_root_logger_is_left_as_it_was():
    root = logging.getLogger()
    before = list(root.handlers)
    logged(sinks=[Sink(kind="logging", logger="root")])
    assert root.handlers == before


@pytest.mark.parametrize("digits", [200, 400, 5_000])
def test_a_number_of_any_size_in_the_arguments_of_a_tool_loses_no_record(digits):
    arguments = f'{{"n": {"9" * digits}, "city": "Paris"}}'
    log = recorded("sync", Player([Start(), ToolCallDelta(0, "c", "f", arguments), STOP]), ask, content=True)
    assert "Paris" in str(log.call["content"]["tool_calls"])


def test_attempts_can_be_left_out():
    log = recorded("sync", Player(hello()), ask, attempts=False)
    assert [record["record"] for record in log.records] == ["call"]


def test_attempts_alone_are_recorded_too():
    log = Log(LoggingSettings())
    with heard() as lines, jf.Client(middleware=[AttemptLog(log)], **playing(Player(hello()))) as client:
        client.chat("x")
        with client.stream("x") as stream:
            next(stream)
    assert [(one["record"], one["outcome"]) for one in lines.records] == [
        ("attempt", "complete"),
        ("attempt", "closed"),
    ]


def test_two_logs_in_a_chain_agree_on_the_id(tmp_path):
    middleware = [*logged(), *logged(sinks=["logging"], attempts=False)]
    with heard() as log, jf.Client(middleware=middleware, **playing(Player(hello()))) as client:
        client.chat("x")
    assert len(log.records) == 3
    assert len({record["call_id"] for record in log.records}) == 1


def test_a_simulated_run_repeats_its_records():
    simulated = pytest.importorskip("jackfield_testkit.simulation")

    def records(seed):
        simulation = simulated.Simulation(seed=seed)
        client = simulation.client(**playing(Player([1.5, *hello()])), middleware=logged())
        with heard() as log:
            simulation.run(client.chat("x"))
        return log.records

    first, again, other = records(1), records(1), records(2)
    assert first == again
    assert first[-1]["call_id"] != other[-1]["call_id"]
    assert (first[-1]["first_event"], first[-1]["duration"]) == (1.5, 1.5)
    assert first[-1]["time"].startswith("2025-06-15T15:06:40.")
    # made at the end, the id tells the beginning all the same, and so sorts by it
    assert int(first[-1]["call_id"][:11], 16) / 1000 == datetime.fromisoformat(first[-1]["time"]).timestamp()


# --- a good citizen -----------------------------------------------------------------------------------------


def test_an_application_without_logging_hears_nothing(capfd):
    player = Player([ServerError("no", status=500)])
    with jf.Client(middleware=logged(), **playing(player)) as client, pytest.raises(ServerError):
        client.chat("x")
    assert capfd.readouterr() == ("", "")


def test_a_level_that_is_off_is_not_recorded():
    player = Player(hello(), [ServerError("no")])
    with heard(level=logging.WARNING) as log, jf.Client(middleware=logged(), **playing(player)) as client:
        client.chat("x")
        with pytest.raises(ServerError):
            client.chat("x")
    assert [record["outcome"] for record in log.records] == ["error", "error"]
    with heard(level=logging.CRITICAL) as log, jf.Client(middleware=logged(), **playing(player)) as client:
        with pytest.raises(ServerError):
            client.chat("x")
    assert log.records == []


@colours
@both
def test_a_level_that_is_switched_on_meanwhile_is_heeded(colour, streaming):
    def switched_on(call):
        logging.getLogger("jackfield").setLevel(logging.DEBUG)

    options = {**playing(Player([switched_on, *hello()])), "middleware": logged()}
    with heard(level=logging.ERROR) as log:
        run(colour, lambda client: ask(client, streaming), **options)
    assert [(one["record"], one["outcome"], one["finish"]) for one in log.records] == [
        ("attempt", "complete", "stop"),
        ("call", "complete", "stop"),
    ]
    assert 0 <= log.call["first_event"] <= log.call["duration"]


def test_no_field_hides_one_of_python_s_own():
    from jackfield_logging.records import FIELDS

    own = vars(logging.LogRecord("n", 10, "p", 1, "m", (), None)).keys() | {"message", "asctime"}
    assert not own & set(FIELDS)


def test_a_line_for_a_person_says_what_counts():
    player = Player(hello(), [RateLimitError("slow down", status=429)])
    with heard() as log, jf.Client(middleware=logged(), **playing(player)) as client:
        client.chat("x")
        with pytest.raises(RateLimitError):
            client.chat("x")
    lines = [re.sub(r"\d\.\d{3}", "N", line.getMessage()) for line in log.lines]
    assert lines == [
        "chat fake:m, attempt 1: complete after N s, tokens 1 in 2 out",
        "chat fake:m: complete after N s, tokens 1 in 2 out",
        "chat fake:m, attempt 1: error after N s: RateLimitError 429 slow down",
        "chat fake:m: error after N s: RateLimitError 429 slow down",
    ]


def test_another_logger_can_be_named():
    with heard("app.models") as log, heard() as default:
        with jf.Client(
            middleware=logged(sinks=[Sink(kind="logging", logger="app.models")]), **playing(Player(hello()))
        ) as client:
            client.chat("x")
    assert [line.name for line in log.lines] == ["app.models.attempt", "app.models.call"]
    assert default.lines == []


def test_a_handler_that_raises_fails_no_call():
    class Broken(logging.Handler):
        def emit(self, record):
            raise RuntimeError("sk-notforyou")

    broken = Broken()
    log, attempts = logged()
    with heard() as heard_too:
        logging.getLogger("jackfield").addHandler(broken)
        try:
            with jf.Client(middleware=[log, attempts], **playing(Player(hello()))) as client:
                with pytest.warns(UserWarning, match="cannot be written: RuntimeError; calls go on") as said:
                    assert client.chat("x").text == "Hello"
                    client.chat("x")
        finally:
            logging.getLogger("jackfield").removeHandler(broken)
    assert len(said) == 1
    assert heard_too.lines
    assert log.lost == 4


def test_the_log_is_found_in_the_client_s_chain():
    options = playing(Player(hello()))
    options["config"]["middleware"] = [{"use": "logging"}]
    with jf.Client(**options) as client:
        (log,) = (one for one in client.middleware if isinstance(one, Log))
        client.chat("x")
        assert (log.flush(), log.lost, log.pending) == (True, 0, 0)
    assert [type(one).__name__ for one in client.middleware] == ["Log", "AttemptLog"]


def test_a_record_that_cannot_be_made_fails_no_call_and_is_counted(monkeypatch):
    def broken(writer, watch):
        raise ArithmeticError("sk-notforyou")

    monkeypatch.setattr("jackfield_logging.records.Writer.record", broken)
    log, attempts = logged()
    with heard() as lines, jf.Client(middleware=[log, attempts], **playing(Player(hello()))) as client:
        with pytest.warns(UserWarning, match="a record cannot be made: ArithmeticError; calls go on") as said:
            assert client.chat("x").text == "Hello"
            client.chat("x")
    assert (len(said), log.lost, lines.lines) == (1, 4, [])


def test_a_call_leaves_no_garbage_behind():
    player = Player(hello())
    with heard() as log, jf.Client(middleware=logged(content=True), **playing(player)) as client:
        client.chat("x")
        player.calls.clear()
        gc.collect()
        gc.disable()
        try:
            before = {id(one) for one in gc.get_objects()}
            client.chat("x")
            player.calls.clear()
            kinds = {type(one).__name__ for one in gc.get_objects() if id(one) not in before}
        finally:
            gc.enable()
    assert len(log.of("call")) == 2
    assert not kinds & {"Watch", "Gathered", "Ledger"}

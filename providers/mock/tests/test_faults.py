"""Faults: each is the error that the same thing raises over a network, and a seed says which calls it strikes."""

import threading

import pytest
from faces import COLOURS, run
from waiting import Waiting

import jackfield as jf
from jackfield import errors
from jackfield.errors import (
    AuthenticationError,
    BadRequestError,
    ConnectionFailedError,
    ContextLengthError,
    DeadlineError,
    MalformedReplyError,
    OverloadedError,
    QuotaError,
    RateLimitError,
    ReadTimeoutError,
    ServerError,
    StreamInterruptedError,
    TruncatedStreamError,
)
from jackfield.types import Finish, Finished, TextDelta
from jackfield_mock import Fault, MockProvider, Reply, Rule

STOP = Finished(Finish("stop", "stop"))
WORDS = "one two three four"


def client_of(*replies, middleware=(), timeouts=None, **options):
    mock = MockProvider(*replies, chunk="word", **options)
    config = {"default": "mock", "timeouts": timeouts or {}}
    return jf.Client(config, plugins=mock.plugins(), middleware=middleware)


def failing(fault, **options):
    return client_of(Reply(WORDS, fault=fault), **options)


def streamed(client, request="x"):
    """The texts that came, and the error."""
    seen = []
    with pytest.raises(errors.JackfieldError) as caught, client.stream(request) as stream:
        seen.extend(event.text for event in stream if hasattr(event, "text"))
    return seen, caught.value


# --- no reply at all ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (301, BadRequestError, False),
        (400, BadRequestError, False),
        (401, AuthenticationError, False),
        (402, QuotaError, False),
        (403, errors.PermissionDeniedError, False),
        (404, errors.NotFoundError, False),
        (408, ServerError, True),
        (409, errors.ConflictError, True),
        (418, BadRequestError, False),
        (429, RateLimitError, True),
        (500, ServerError, True),
        (503, OverloadedError, True),
        (529, OverloadedError, True),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_a_status(status, kind, retryable, streaming):
    fault = Fault(kind="status", status=status, retry_after=2, code="word", message="no")
    with failing(fault) as client:
        if streaming:
            seen, error = streamed(client)
            assert seen == []
        else:
            with pytest.raises(errors.JackfieldError) as caught:
                client.chat("x")
            error = caught.value
    assert type(error) is kind
    assert (error.status, error.code, error.retry_after, error.retryable) == (status, "word", 2, retryable)
    assert (error.message, error.request_id, error.partial) == ("no", "req-mock-1", None)
    assert error.body == {"error": {"message": "no", "type": "mock", "code": "word"}}
    assert (error.provider, error.model, error.operation) == ("mock", "mock", "chat")


def test_an_error_that_says_more_than_its_status():
    with failing(Fault(kind="status", status=400, error="ContextLengthError")) as client:
        with pytest.raises(ContextLengthError) as caught:
            client.chat("x")
    assert caught.value.status == 400
    with failing(Fault(kind="status", status=429, error="QuotaError", code="insufficient_quota")) as client:
        with pytest.raises(QuotaError) as caught:
            client.chat("x")
    assert (caught.value.status, caught.value.retryable) == (429, False)
    with failing(Fault(kind="status", status=500, retryable=False)) as client:
        with pytest.raises(ServerError) as caught:
            client.chat("x")
    assert caught.value.retryable is False
    assert str(caught.value) == "mock:mock: 500: the mock was told to fail with 500"


@pytest.mark.parametrize("colour", COLOURS)
def test_a_refused_connection(colour):
    mock = MockProvider(Reply("x", fault=Fault(kind="refused")), "y")

    async def body(client):
        with pytest.raises(ConnectionFailedError) as caught:
            await client.chat("x")
        assert (caught.value.status, caught.value.retryable, caught.value.partial) == (None, True, None)
        assert (await client.chat("x")).text == "y"

    run(colour, body, config={"default": "mock"}, plugins=mock.plugins())


# --- within the reply ---------------------------------------------------------------------------------------

INSIDE = [
    ("reset", StreamInterruptedError, "truncated", StreamInterruptedError, True),
    ("truncated", TruncatedStreamError, "truncated", StreamInterruptedError, True),
    ("error", ServerError, "failed", ServerError, True),
    ("malformed", MalformedReplyError, "failed", MalformedReplyError, False),
]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("kind", "streamed_as", "state", "whole_as", "retryable"), INSIDE)
def test_what_breaks_a_reply(colour, kind, streamed_as, state, whole_as, retryable):
    mock = MockProvider(Reply(WORDS, reasoning="hm", fault=Fault(kind=kind, after=3)), chunk="word")

    async def body(client):
        stream = client.stream("x")
        with pytest.raises(errors.JackfieldError) as caught:
            async with stream:
                seen = []
                async for event in stream:
                    seen += [event]
        assert [type(event).__name__ for event in seen] == ["Start", "ReasoningDelta", "TextDelta", "TextDelta"]
        assert type(caught.value) is streamed_as
        assert caught.value.partial.text == "one two"
        assert caught.value.partial.finish is None
        assert caught.value.retryable is retryable
        assert stream.state == state
        # a reply in one piece comes whole, or nothing of it does
        with pytest.raises(errors.JackfieldError) as caught:
            await client.chat("x")
        assert type(caught.value) is whole_as
        assert caught.value.partial is None
        assert caught.value.retryable is retryable

    run(colour, body, config={"default": "mock"}, plugins=mock.plugins())


@pytest.mark.parametrize("kind", ["reset", "truncated", "error", "malformed"])
@pytest.mark.parametrize(
    ("after", "texts"),
    [(0, []), (None, ["one"]), (1, ["one"]), (4, WORDS.split()), (5, WORDS.split()), (99, WORDS.split())],
)
def test_after_how_many_events(kind, after, texts):
    with failing(Fault(kind=kind, after=after)) as client:
        seen, error = streamed(client)
    assert [text.strip() for text in seen] == texts
    assert (error.partial is None) == (after == 0)
    assert error.partial is None or error.partial.finish is None


def test_an_error_within_the_reply_states_what_it_is():
    with failing(Fault(kind="error", status=429, code="slow", retry_after=1, message="slow down")) as client:
        seen, error = streamed(client)
    assert seen == ["one"]
    assert type(error) is RateLimitError
    assert (error.status, error.code, error.retry_after, error.request_id) == (429, "slow", 1, "req-mock-1")
    assert str(error) == "mock:mock: 429 slow: slow down"


def test_an_empty_body():
    with failing(Fault(kind="empty")) as client:
        seen, error = streamed(client)
        assert (seen, type(error), error.partial) == ([], TruncatedStreamError, None)
        with pytest.raises(MalformedReplyError) as caught:
            client.chat("x")
        assert (caught.value.status, caught.value.retryable) == (200, True)


@pytest.mark.parametrize(
    "request_",
    [jf.EmbedRequest(input=["a", "b"]), jf.ModelsRequest(), jf.ModelRequest(), jf.CompleteRequest(prompt="a")],
)
@pytest.mark.parametrize("kind", ["reset", "truncated", "error", "malformed", "empty", "refused"])
@pytest.mark.parametrize("after", [None, 1, 9])
def test_other_operations_fail_too(request_, kind, after):
    fault = Fault(kind=kind) if kind in {"empty", "refused"} else Fault(kind=kind, after=after)
    with client_of(rules=[Rule(fault=fault)]) as client:
        with pytest.raises(errors.JackfieldError):
            client.call(request_)
        with pytest.raises(errors.JackfieldError), client.stream(request_) as stream:
            list(stream)
        assert stream.state in {"truncated", "failed"}


# --- time ---------------------------------------------------------------------------------------------------


def test_latency_comes_before_anything_else():
    waiting = Waiting()
    faults = [Fault(kind="status", status=429), Fault(kind="latency", seconds=3)]
    with client_of("a", faults=faults, middleware=[waiting]) as client:
        with pytest.raises(RateLimitError):
            client.chat("x")
        assert waiting.slept == [3]
    with failing(Fault(kind="latency", seconds=3), middleware=[waiting]) as client:
        assert client.chat("x").text == WORDS
    assert waiting.slept == [3, 3]


def test_latency_can_be_too_long():
    waiting = Waiting()
    with failing(Fault(kind="latency", seconds=301), middleware=[waiting], timeouts={"silence": 400.0}) as client:
        seen, error = streamed(client)
    assert (seen, type(error), error.message) == ([], ReadTimeoutError, "the first event took too long")
    assert waiting.slept == [pytest.approx(300)]


@pytest.mark.parametrize(
    ("after", "timeouts", "texts", "slept", "says"),
    [
        (None, {"silence": 9.0}, [], 9, "nothing was received for 9.0 s"),
        (0, {"first": 5.0}, [], 5, "the first event took too long"),
        (2, {"first": 5.0, "silence": 9.0}, ["one", "two"], 9, "nothing was received for 9.0 s"),
        (2, {"first": 5.0, "silence": float("inf")}, ["one", "two"], 31_536_000, "nothing was received for a year"),
    ],
)
def test_a_stall_lasts_until_the_client_gives_up(after, timeouts, texts, slept, says):
    waiting = Waiting()
    with failing(Fault(kind="stall", after=after), middleware=[waiting], timeouts=timeouts) as client:
        seen, error = streamed(client)
    assert [text.strip() for text in seen] == texts
    assert (type(error), error.message, error.retryable) == (ReadTimeoutError, says, True)
    assert waiting.slept == [pytest.approx(slept)]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_stall_ends_at_the_deadline_or_when_the_stream_is_closed(colour):
    mock = MockProvider(Reply(WORDS, fault=Fault(kind="stall", after=1)), chunk="word")

    async def body(client):
        with pytest.raises(DeadlineError):
            await client.chat("x", timeout=0.02)
        stream = client.stream("x")
        assert type(await stream.__anext__()).__name__ == "Start"
        await stream.aclose()
        assert stream.state == "closed"

    run(colour, body, config={"default": "mock"}, plugins=mock.plugins())


def test_a_stall_is_woken_by_a_close_from_elsewhere():
    with failing(Fault(kind="stall", after=1)) as client:
        stream = client.stream("x")
        assert [next(stream), next(stream)][1].text == "one"
        timer = threading.Timer(0.05, stream.close)
        timer.start()
        with pytest.raises(jf.StreamStateError):
            next(stream)
        timer.join()


# --- by rate ------------------------------------------------------------------------------------------------


def struck(count=200, **options):
    """The numbers of the calls that fail."""
    found = []
    with client_of("a", **options) as client:
        for number in range(1, count + 1):
            try:
                client.chat("x")
            except errors.JackfieldError:
                found.append(number)
    return found


SLOW = Fault(kind="status", status=429, rate=0.1, retry_after=2)


def test_a_rate_strikes_the_same_calls_each_time():
    first = struck(faults=[SLOW])
    assert first == struck(faults=[SLOW])
    assert first != struck(faults=[SLOW], seed=1)
    assert 8 <= len(first) <= 35
    assert struck(faults=[Fault(kind="refused", rate=0.0)]) == []
    assert len(struck(faults=[Fault(kind="refused", rate=1.0)])) == 200


def test_faults_strike_each_at_its_own_rate():
    both = struck(faults=[SLOW, Fault(kind="reset", rate=0.1)])
    assert set(struck(faults=[SLOW])) < set(both)
    assert len(both) < 70


def test_a_rate_in_a_rule_and_in_a_reply():
    for options in ({"rules": [Rule(fault=SLOW)]}, {"rules": [Rule(reply=Reply("a", fault=SLOW))]}):
        assert struck(**options) == struck(**options)
        assert 8 <= len(struck(**options)) <= 35


def test_what_fails_takes_no_reply():
    numbers = iter(range(1, 100))
    for fault in (SLOW, Fault(kind="reset", rate=0.2), Fault(kind="empty", rate=0.2)):
        rules = [Rule(contains="rule", times=3, replies=["r1", "r2", "r3"])]
        with client_of(*"abcde", rules=rules, faults=[fault], seed=next(numbers), exhausted="error") as client:

            def retried(prompt):
                while True:
                    try:
                        return client.chat(prompt).text
                    except errors.JackfieldError as error:
                        assert error.retryable

            assert [retried("x") for _ in range(5)] == list("abcde")
            assert [retried("rule") for _ in range(3)] == ["r1", "r2", "r3"]


def test_threads_do_not_change_which_calls_are_struck():
    alone = struck(count=80, faults=[SLOW])
    found = []
    mock = MockProvider("a", faults=[SLOW])
    with jf.Client({"default": "mock"}, plugins=mock.plugins()) as client:

        def work():
            for _ in range(20):
                try:
                    client.chat("x")
                except RateLimitError as error:
                    found.append(int(error.request_id.removeprefix("req-mock-")))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == alone


def test_faults_of_a_configuration():
    fault = {"kind": "status", "status": 429, "retry_after": 2}
    config = {"default": "mock", "providers": {"mock": {"faults": [{**fault, "rate": 1.0}], "seed": 7}}}
    with jf.Client(config) as client, pytest.raises(RateLimitError) as caught:
        client.chat("x")
    assert caught.value.retry_after == 2
    replies = [{"text": "a", "fault": fault}, "b"]
    with jf.Client({"default": "mock", "providers": {"mock": {"replies": replies}}}) as client:
        with pytest.raises(RateLimitError):
            client.chat("x")
        assert client.chat("x").text == "b"


def test_an_exception_is_raised_anew_for_each_call():
    error = RateLimitError("slow down", status=429)
    with client_of(error) as client:
        with pytest.raises(RateLimitError) as first:
            client.chat("x")
        with pytest.raises(RateLimitError) as second:
            client.chat("x", model="mock:other")
    assert (first.value.model, second.value.model, error.model) == ("mock", "other", None)
    assert second.value.status == 429


@pytest.mark.parametrize(
    ("script", "after", "texts"),
    [
        ([0.0, TextDelta("a"), 0.0, TextDelta("b"), STOP], 1, ["a"]),
        ([TextDelta("a"), TextDelta("b"), STOP], 9, ["a", "b"]),
        ([TextDelta("a"), TextDelta("b")], 9, ["a", "b"]),
        ([0.0, TextDelta("a"), STOP], 0, []),
        ([STOP], 1, []),
    ],
)
def test_a_fault_in_a_list_of_events(script, after, texts):
    rule = Rule(reply=script, fault=Fault(kind="reset", after=after))
    with client_of(rules=[rule]) as client:
        seen, error = streamed(client)
    assert (seen, type(error)) == (texts, StreamInterruptedError)

"""The middleware around a provider that plays scripts: what is asked again, when, and what is told of it."""

import threading
import time
from itertools import pairwise

import anyio
import pytest
from again import asked, failing, raised, same, world
from faces import COLOURS, run
from fakes import STOP, Player, hello, playing

import jackfield as jf
from jackfield.errors import (
    AuthenticationError,
    BadRequestError,
    CallTimeoutError,
    ConnectionFailedError,
    DeadlineError,
    NotFoundError,
    OverloadedError,
    QuotaError,
    RateLimitError,
    ReadTimeoutError,
    ServerError,
    StreamStateError,
    TruncatedStreamError,
)
from jackfield.types import Start, TextDelta
from jackfield_retry import Retry, RetrySettings

QUICK = RetrySettings(backoff=0.001)


# --- which -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streaming", [False, True])
def test_what_may_pass_is_asked_again(colour, streaming):
    player = Player(*failing(2, hello()))
    reply = run(colour, lambda client: asked(client, streaming, "x"), middleware=[Retry(QUICK)], **playing(player))
    assert (reply.text, reply.attempts, len(player.calls)) == ("Hello", 3, 3)
    assert player.opened == player.closed == 3


@pytest.mark.parametrize("operation", ["chat", "complete", "embed", "models", "model"])
@pytest.mark.parametrize("streaming", [False, True])
def test_every_operation_is_asked_again(operation, streaming):
    requests = {
        "chat": jf.ChatRequest(messages="x"),
        "complete": jf.CompleteRequest(prompt="x"),
        "embed": jf.EmbedRequest(input="x"),
        "models": jf.ModelsRequest(),
        "model": jf.ModelRequest(),
    }
    player = Player([ServerError("no")], [RateLimitError("no", status=429)], [ServerError("enough")])
    simulation, client, _ = world(retry=Retry(), player=player)
    request = requests[operation]
    error = raised(simulation, _read(client, request) if streaming else client.call(request))
    assert (error.message, error.operation, len(player.calls)) == ("enough", operation, 3)


async def _read(client, request):
    async with client.stream(request) as stream:
        async for _ in stream:
            pass


@pytest.mark.parametrize(
    ("error", "attempts"),
    [
        (ServerError("x", status=500), 3),
        (OverloadedError("x", status=503), 3),
        (RateLimitError("x", status=429), 3),
        (ConnectionFailedError("x"), 3),
        (ReadTimeoutError("x"), 3),
        (TruncatedStreamError("x"), 3),
        (BadRequestError("x", status=400, retryable=True), 3),
        (ServerError("x", status=500, retryable=False), 1),
        (BadRequestError("x", status=400), 1),
        (NotFoundError("x", status=404), 1),
        (AuthenticationError("x", status=401), 1),
        (QuotaError("x", status=429, retry_after=1), 1),
        (DeadlineError("x"), 1),
        (DeadlineError("x", retryable=True), 1),
        (jf.UnsupportedError("x"), 1),
    ],
)
def test_the_error_says_whether(error, attempts):
    simulation, client, player = world([error], retry=Retry())
    assert same(raised(simulation, client.chat("x")), error)
    assert len(player.calls) == attempts


@pytest.mark.parametrize("colour", COLOURS)
def test_nothing_is_asked_again_once_something_was_delivered(colour):
    broken = ServerError("broken")
    player = Player([Start(), TextDelta("He"), broken], hello())

    async def body(client):
        async with client.stream("x") as stream:
            await anext(stream)
            assert await anext(stream) == TextDelta("He")
            await anext(stream)

    with pytest.raises(ServerError) as caught:
        run(colour, body, middleware=[Retry(QUICK)], **playing(player))
    assert caught.value is broken
    assert (broken.partial.text, len(player.calls)) == ("He", 1)
    assert not hasattr(broken, "__notes__")


def test_a_start_alone_is_no_delivery():
    simulation, client, player = world([Start(), ServerError("no")], hello(), retry=Retry())
    assert simulation.run(asked(client, True, "x")).text == "Hello"
    assert len(player.calls) == 2


def test_a_reply_without_its_end_is_asked_again_only_where_nothing_of_it_was_delivered():
    simulation, client, player = world([Start()], [TextDelta("half")], hello(), retry=Retry())
    assert isinstance(raised(simulation, client.chat("x")), TruncatedStreamError)
    assert len(player.calls) == 2
    assert player.calls[0].ledger.attempts == 2


def test_what_is_no_error_of_ours_passes():
    class BrokenError(Exception):
        pass

    class Breaking:
        slot = jf.Slot.ATTEMPT

        async def __call__(self, call, proceed):
            raise BrokenError
            yield proceed

    player = Player(hello())
    with jf.Client(middleware=[Breaking(), Retry()], **playing(player)) as client, pytest.raises(BrokenError):
        client.chat("x")


# --- when --------------------------------------------------------------------------------------------------


def test_pauses_grow_and_chance_decides_them():
    settings = RetrySettings(attempts=6, backoff=1, max_backoff=4)
    pauses = []
    for seed in range(80):
        simulation, client, player = world([ServerError("no")], retry=Retry(settings), seed=seed)
        times = []
        player.scripts = [[lambda call, times=times: times.append(call.runtime.now()), ServerError("no")]]
        raised(simulation, client.chat("x"))
        pauses.append([later - earlier for earlier, later in pairwise(times)])
    longest = [1, 2, 4, 4, 4]
    for place, bound in enumerate(longest):
        found = [row[place] for row in pauses]
        assert 0 <= min(found) < 0.1 * bound
        assert 0.9 * bound < max(found) <= bound
        assert 0.4 * bound < sum(found) / len(found) < 0.6 * bound


def test_the_provider_says_when():
    simulation, client, _ = world([RateLimitError("no", status=429, retry_after=7.5)], hello(), retry=Retry())
    assert simulation.run(client.chat("x")).attempts == 2
    assert simulation.now == 7.5


@pytest.mark.parametrize(
    ("asked_for", "options", "note"),
    [
        (61.0, {}, "max_wait"),
        (8.0, {"timeout": 5}, "deadline"),
        (5.0, {"options": {"retry": {"max_wait": 4}}}, "max_wait"),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_a_wait_that_is_too_long_gives_up_at_once_with_the_original_error(asked_for, options, note, streaming):
    limited = RateLimitError("slow down", status=429, retry_after=asked_for)
    simulation, client, player = world([limited], hello(), retry=Retry())
    assert raised(simulation, asked(client, streaming, "x", **options)) is limited
    assert (simulation.now, len(player.calls)) == (0, 1)
    assert note in limited.__notes__[0]


def test_all_attempts_share_one_deadline():
    settings = RetrySettings(attempts=50, backoff=2, max_backoff=2)
    simulation, client, player = world([3.0, ServerError("no")], retry=Retry(settings))
    error = raised(simulation, client.chat("x", timeout=20))
    assert isinstance(error, ServerError | DeadlineError)
    assert simulation.now <= 20
    assert 4 <= len(player.calls) <= 7


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
def test_a_cancelled_pause_ends_the_call(colour):
    player = Player([ServerError("no", retry_after=30)])

    async def body(client):
        begun = time.monotonic()
        with anyio.move_on_after(0.05) as scope:
            await client.chat("x")
        assert scope.cancelled_caught
        assert time.monotonic() - begun < 10

    run(colour, body, middleware=[Retry()], **playing(player))
    assert player.opened == player.closed == 1


@pytest.mark.parametrize("colour", ["asyncio", "trio"])
def test_closing_a_stream_wakes_its_pause(colour):
    player = Player([ServerError("no", retry_after=30)])

    async def body(client):
        stream = client.stream("x")

        async def close():
            await anyio.sleep(0.05)
            await stream.aclose()

        async with anyio.create_task_group() as group:
            group.start_soon(close)
            with pytest.raises(StreamStateError):
                await anext(stream)
        assert stream.state == "closed"

    begun = time.monotonic()
    run(colour, body, middleware=[Retry()], **playing(player))
    assert time.monotonic() - begun < 10


def test_closing_a_stream_wakes_its_pause_in_another_thread():
    player = Player([ServerError("no", retry_after=30)])
    begun = time.monotonic()
    with jf.Client(middleware=[Retry()], **playing(player)) as client:
        stream = client.stream("x")
        timer = threading.Timer(0.05, stream.close)
        timer.start()
        with pytest.raises(StreamStateError):
            next(stream)
        timer.join()
        assert stream.state == "closed"
    assert time.monotonic() - begun < 10


# --- how much ----------------------------------------------------------------------------------------------


def test_another_middleware_may_have_set_the_budget_and_keep_some():
    class Keeping:
        slot = jf.Slot.FALLBACK

        async def __call__(self, call, proceed):
            call.ledger.budget, call.ledger.reserved = 4, 2
            async for event in proceed(call):
                yield event

    player = Player([ServerError("no", status=500)])
    with jf.Client(middleware=[Keeping(), Retry(RetrySettings(attempts=9, backoff=0))], **playing(player)) as client:
        with pytest.raises(ServerError) as caught:
            client.chat("x")
    assert len(player.calls) == 2
    assert "kept for other targets" in caught.value.__notes__[0]


@pytest.mark.parametrize("budget", [2, 3, 4])
def test_a_target_that_refuses_by_itself_has_had_one_of_the_attempts_and_the_next_is_tried_all_the_same(budget):
    class Falling:
        slot = jf.Slot.FALLBACK

        async def __call__(self, call, proceed):
            call.ledger.budget, call.ledger.reserved = budget, 1
            with pytest.raises(jf.UnsupportedError):
                await anext(proceed(call))
            call.ledger.reserved = 0
            async for event in proceed(call.evolve(target=jf.Target("fake", "other"))):
                yield event

    player = Player([jf.UnsupportedError("x")], [ServerError("no", status=500)])
    with jf.Client(middleware=[Falling(), Retry(RetrySettings(backoff=0))], **playing(player)) as client:
        with pytest.raises(ServerError):
            client.chat("x")
    assert [call.target.model for call in player.calls] == ["m"] + ["other"] * (budget - 1)


def test_two_of_them_do_not_multiply():
    player = Player([ServerError("no")])
    chain = [Retry(RetrySettings(attempts=3, backoff=0)), Retry(RetrySettings(attempts=5, backoff=0))]
    with jf.Client(middleware=chain, **playing(player)) as client, pytest.raises(ServerError):
        client.chat("x")
    assert len(player.calls) == 3


def test_a_call_within_a_call_has_attempts_of_its_own_and_the_same_deadline():
    class Asking:
        slot = jf.Slot.PREPARE

        async def __call__(self, call, proceed):
            if call.depth == 0:
                self.inner = await call.ask(call.request)
            async for event in proceed(call):
                yield event

    asking, player = Asking(), Player(*failing(2, hello()))
    with jf.Client(middleware=[asking, Retry(QUICK)], **playing(player)) as client:
        outer = client.chat("x")
    assert (asking.inner.attempts, outer.attempts, len(player.calls)) == (3, 1, 4)
    assert len({call.deadline for call in player.calls}) == 1


# --- what is told ------------------------------------------------------------------------------------------


def test_an_error_tells_how_many_attempts_were_made():
    first, last = RateLimitError("wait", status=429), ReadTimeoutError("slow")
    simulation, client, _ = world([first], [first], [last], retry=Retry())
    assert raised(simulation, client.chat("x")) is last
    (note,) = last.__notes__
    made = "3 attempts were made (RateLimitError 429, RateLimitError 429, ReadTimeoutError)"
    assert note == f"{made}; no attempts are left"
    assert isinstance(last, CallTimeoutError)
    assert last.provider == "fake"


def test_an_error_after_another_tells_that_it_cannot_be_helped():
    simulation, client, _ = world(*failing(1, [BadRequestError("bad", status=400)]), retry=Retry())
    error = raised(simulation, client.chat("x"))
    made = "2 attempts were made (ServerError 500, BadRequestError 400)"
    assert error.__notes__ == [f"{made}; another attempt cannot help"]


def test_the_finish_of_a_reply_is_that_of_the_attempt_that_worked():
    simulation, client, _ = world(*failing(1, [TextDelta("x"), STOP]), retry=Retry())
    assert simulation.run(client.chat("x")).finish == STOP.finish

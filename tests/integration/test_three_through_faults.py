"""Logging, cache and retry before a real server and a network that fails: nothing is cut in silence or kept by half."""

import time
from random import Random
from urllib.parse import urlsplit

import pytest
from faces import COLOURS, run
from faulty import Fault, Faulty
from llama import config
from recorded import heard

import jackfield as jf
from jackfield.errors import (
    ConnectionFailedError,
    DeadlineError,
    JackfieldError,
    OverloadedError,
    ReadTimeoutError,
    StreamInterruptedError,
    TruncatedStreamError,
)
from jackfield_cache import Cache, NotCachedError
from jackfield_logging import logged
from jackfield_retry import Retry, RetrySettings

SAME = {"temperature": 0, "seed": 1}
STORY = "Tell me a story about Cairo"
ONLY, REFRESH = ({"cache": {"mode": mode}} for mode in ("only", "refresh"))
WITHIN = 900  # bytes of a stream's body: some pieces of text, and far from all

colours = pytest.mark.parametrize("colour", COLOURS)
both = pytest.mark.parametrize("streaming", [False, True], ids=["unary", "stream"])


@pytest.fixture(scope="module")
def story(server):
    """The whole text, as the server tells it when nothing is in between."""
    with jf.Client(config(server)) as client:
        return client.chat(STORY, **SAME).text


@pytest.fixture
def proxied(server):
    """Makes a proxy with these faults in front of the server."""
    with Faulty(urlsplit(server).port) as proxy:

        def ready(*faults, deaf=False):
            proxy.faults[:] = faults
            return proxy if deaf else proxy.listen()

        yield ready


def through(colour, proxy, body, *more, timeouts=None, **settings):
    """Run a body with all three; what was recorded of its calls. No connection is open afterwards."""
    chain = [*logged(), Cache(), Retry(RetrySettings(**{"backoff": 0.01, **settings})), *more]
    options = config(proxy.url)
    options["timeouts"] = {**options["timeouts"], **(timeouts or {})}
    with heard() as log:
        run(colour, body, config=options, middleware=chain)
    assert proxy.settled(0)
    return [(one["outcome"], one["attempts"], one["cache"]) for one in log.of("call")]


async def ask(client, streaming, **options):
    if not streaming:
        return await client.chat(STORY, **SAME, **options)
    async with client.stream(STORY, **SAME, **options) as stream:
        async for _ in stream:
            pass
        return stream.response


async def unknown(client):
    with pytest.raises(NotCachedError):
        await client.chat(STORY, **SAME, options=ONLY)


@colours
@both
@pytest.mark.parametrize(
    "fault",
    [Fault("reset"), Fault("close"), Fault("status"), Fault("cut", after=20), Fault("tear", after=20), Fault("cut")],
    ids=lambda fault: f"{fault.kind} {fault.after}",
)
def test_what_fails_before_anything_was_delivered_is_asked_again_and_kept_whole(
    proxied, story, colour, streaming, fault
):
    proxy = proxied(fault)

    async def body(client):
        reply = await ask(client, streaming)
        assert (reply.text, reply.attempts, reply.cached) == (story, 2, False)
        for form in (streaming, not streaming):
            known = await ask(client, form)
            assert (known.text, known.attempts, known.cached) == (story, 0, True)

    hit = ("complete", 0, "hit")
    assert through(colour, proxy, body) == [("complete", 2, "miss"), hit, hit]
    assert proxy.asked == 2


@colours
@both
def test_the_server_says_when(proxied, story, colour, streaming):
    proxy = proxied(Fault("status", seconds=1))

    async def body(client):
        begun = time.monotonic()
        assert (await ask(client, streaming)).text == story
        assert time.monotonic() - begun >= 1

    assert through(colour, proxy, body) == [("complete", 2, "miss")]


@colours
@both
def test_a_delay_is_no_failure(proxied, story, colour, streaming):
    proxy = proxied(Fault("delay", seconds=0.3))

    async def body(client):
        assert (await ask(client, streaming)).text == story

    assert through(colour, proxy, body) == [("complete", 1, "miss")]


@colours
@both
def test_nobody_listens_and_then_somebody_does(proxied, story, colour, streaming):
    proxy = proxied(deaf=True)

    class Repairing:
        """Has the proxy listen once it has refused so many connections."""

        slot = jf.Slot.ATTEMPT
        refused = 0

        async def __call__(self, call, proceed):
            try:
                async for event in proceed(call):
                    yield event
            except ConnectionFailedError:
                self.refused += 1
                if self.refused == 4:
                    proxy.listen()
                raise

    async def body(client):
        with pytest.raises(ConnectionFailedError) as caught:
            await ask(client, streaming)
        assert caught.value.sent is False
        await unknown(client)
        reply = await ask(client, streaming)
        assert (reply.text, reply.attempts) == (story, 2)

    records = through(colour, proxy, body, Repairing())
    assert records == [("error", 3, "miss"), ("error", 0, "miss"), ("complete", 2, "miss")]


@colours
@both
def test_an_outage_ends_in_its_error_and_nothing_is_kept(proxied, story, colour, streaming):
    proxy = proxied(*[Fault("status")] * 3)

    async def body(client):
        with pytest.raises(OverloadedError) as caught:
            await ask(client, streaming)
        assert caught.value.status == 503
        await unknown(client)
        assert (await ask(client, streaming)).text == story

    records = through(colour, proxy, body)
    assert records == [("error", 3, "miss"), ("error", 0, "miss"), ("complete", 1, "miss")]


@colours
@pytest.mark.parametrize(
    ("kind", "error"), [("cut", TruncatedStreamError), ("tear", StreamInterruptedError), ("hang", ReadTimeoutError)]
)
def test_a_stream_that_breaks_tells_so_and_is_not_kept(proxied, story, colour, kind, error):
    proxy = proxied(Fault(kind, after=WITHIN))

    async def body(client):
        with pytest.raises(error) as caught:
            await ask(client, True)
        told = caught.value.partial.text
        assert told
        assert story.startswith(told)
        assert told != story
        await unknown(client)
        reply = await ask(client, True)
        assert (reply.text, reply.attempts) == (story, 1)

    records = through(colour, proxy, body, timeouts={"silence": 4.0})
    assert records == [("error", 1, "miss"), ("error", 0, "miss"), ("complete", 1, "miss")]


@colours
def test_silence_before_a_stream_is_borne(proxied, story, colour):
    proxy, replies = proxied(Fault("stall")), []

    async def body(client):
        replies.append(await ask(client, True))

    # a busy machine may take as long without any fault: there are attempts enough for that
    records = through(colour, proxy, body, timeouts={"first": 2.0}, attempts=9)
    (reply,) = replies
    assert reply.text == story
    assert reply.attempts >= 2
    assert records == [("complete", reply.attempts, "miss")]


@colours
@pytest.mark.parametrize("fault", [Fault("stall"), Fault("hang", after=20)], ids=lambda fault: fault.kind)
def test_silence_in_place_of_a_whole_reply_ends_with_the_deadline(proxied, story, colour, fault):
    proxy = proxied(fault)

    async def body(client):
        with pytest.raises(DeadlineError):
            await ask(client, False, timeout=0.5)
        await unknown(client)
        assert (await ask(client, False)).text == story

    records = through(colour, proxy, body)
    assert records == [("error", 1, "miss"), ("error", 0, "miss"), ("complete", 1, "miss")]


ALL = [
    None,
    Fault("reset"),
    Fault("close"),
    Fault("status"),
    Fault("delay", seconds=0.05),
    *[Fault(kind, after=after) for kind in ("cut", "tear") for after in (0, 20, WITHIN, 100_000)],
]
EXPECTED = (ConnectionFailedError, OverloadedError, TruncatedStreamError)


@colours
@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_a_call_succeeds_or_says_what_was_wrong(proxied, story, colour, seed):
    chance = Random(seed)
    proxy = proxied(*[chance.choice(ALL) for _ in range(40)])
    ends = []

    async def body(client):
        for number in range(20):
            try:
                reply = await ask(client, number % 2 == 1, options=REFRESH)
            except EXPECTED as error:
                ends.append(type(error).__name__)
                assert error.partial is None or story.startswith(error.partial.text)
            else:
                ends.append("whole")
                assert reply.text == story
            try:
                kept = await client.chat(STORY, **SAME, options=ONLY)
            except JackfieldError as error:
                assert isinstance(error, NotCachedError)
                assert "whole" not in ends
            else:
                assert kept.text == story

    records = through(colour, proxy, body, circuit=False)
    assert len(records) == 40
    assert "whole" in ends
    assert len(set(ends)) > 1

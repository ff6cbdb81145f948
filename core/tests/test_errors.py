"""Errors say whose they are and what had arrived, wherever in a call they were raised, and quote no key."""

from array import array

import pytest
from faces import COLOURS, run
from fakes import STOP, Player, hello, playing
from hypothesis import given, strategies as st
from lines import chat
from scripted import Scripted, reply

from jackfield import Client, Secret, Slot, TruncatedStreamError
from jackfield.errors import DeadlineError, MalformedReplyError, PluginError, ServerError
from jackfield.provider import Credential
from jackfield.types import Embedded, Finished, Start, TextDelta

KEY = "sk-0123456789abcdef"


class Failing:
    """A middleware that fails by itself, after so many events."""

    slot = Slot.OBSERVE

    def __init__(self, after, error):
        self.after, self.error = after, error

    async def __call__(self, call, proceed):
        left = self.after
        async for event in proceed(call):
            if not left:
                raise self.error
            left -= 1
            yield event


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize(("after", "text"), [(0, None), (2, "He")])
def test_an_error_of_a_middleware_is_placed_too(colour, streaming, after, text):
    async def body(client):
        if not streaming:
            await client.chat("x")
        async with client.stream("x") as stream:
            async for _ in stream:
                pass

    with pytest.raises(ServerError) as caught:
        run(colour, body, middleware=[Failing(after, ServerError("no"))], **playing(Player(hello())))
    error = caught.value
    assert (error.provider, error.model, error.operation) == ("fake", "m", "chat")
    assert (error.partial and error.partial.text) == text
    assert str(error) == "fake:m: no"


@pytest.mark.parametrize("colour", COLOURS)
def test_a_deadline_that_passes_in_a_middleware_is_placed_too(colour):
    class Sleepy:
        slot = Slot.RETRY

        async def __call__(self, call, proceed):
            await call.runtime.sleep(60)
            async for event in proceed(call):
                yield event

    with pytest.raises(DeadlineError) as caught:
        run(colour, lambda client: client.chat("x", timeout=0.02), middleware=[Sleepy()], **playing(Player(hello())))
    assert (caught.value.provider, caught.value.model, caught.value.operation) == ("fake", "m", "chat")


def test_what_was_placed_stays_where_it_was_placed():
    error = ServerError("no")
    error.place("inner", "a", "chat", "part")
    error.place("outer", "b", "embed", "other")
    assert (error.provider, error.model, error.operation, error.partial) == ("inner", "a", "chat", "part")


def test_an_error_that_is_raised_twice_shows_nobody_what_another_call_got():
    shared = ServerError("prepared")
    player = Player([*hello()[:2], shared], [shared])
    with Client(**playing(player)) as client:
        caught = []
        for model in ("fake:one", "fake:two"):
            with pytest.raises(ServerError) as error:
                client.chat("x", model=model)
            caught.append(error.value)
    first, second = caught
    assert (first.model, first.partial.text) == ("one", "He")
    assert (second.model, second.partial) == ("two", None)


def test_events_that_a_middleware_cut_off_are_a_truncation_with_a_place():
    class Short:
        slot = Slot.OBSERVE

        async def __call__(self, call, proceed):
            async for event in proceed(call):
                if isinstance(event, Finished):
                    return
                yield event

    with Client(middleware=[Short()], **playing(Player(hello()))) as client:
        with client.stream("x") as stream, pytest.raises(TruncatedStreamError) as caught:
            list(stream)
    assert stream.state == "truncated"
    assert (caught.value.provider, caught.value.partial.text) == ("fake", "Hello")


@pytest.mark.parametrize("where", ["provider", "middleware"])
def test_an_event_of_another_operation_is_the_plugins_fault(where):
    foreign = Embedded(0, array("d", [1.0]))

    class Foreign:
        slot = Slot.OBSERVE

        async def __call__(self, call, proceed):
            async for event in proceed(call):
                yield event
                yield foreign

    script = [Start(), TextDelta("x"), foreign, STOP] if where == "provider" else hello()
    chain = [] if where == "provider" else [Foreign()]
    with Client(middleware=chain, **playing(Player(script))) as client:
        with pytest.raises(PluginError, match="a reply with choices has no Embedded"):
            client.chat("x")


# --- quotations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [0, 50, 65, 70, 75])
@pytest.mark.parametrize("status", [200, 500])
def test_a_key_that_a_quotation_cuts_is_not_shown_in_part(before, status):
    # a reply that is no JSON is quoted from its beginning: the cut may fall into the key
    body = "<" + "x" * (before - 1) + KEY + "y" * 600 if before else KEY
    with Scripted([reply(body, status)]) as server:
        with pytest.raises((MalformedReplyError, ServerError)) as caught:
            chat("sync", server, credential=Credential(Secret(KEY)))
    error = caught.value
    assert KEY[:8] not in f"{error} {error!r} {error.body!r} {error.__dict__} {error.__cause__!r}"


@given(st.text("abcdefgh", min_size=8, max_size=20), st.integers(0, 20), st.text("xyz ", max_size=9))
def test_a_scrubbed_text_holds_no_part_of_the_secret_that_counts(value, cut, around):
    secret = Secret(value)
    told = secret.scrub(around + value[:cut])
    assert value[:8] not in told
    assert told.startswith(around)
    assert secret.scrub(around) == around


def test_a_short_secret_is_scrubbed_whole():
    assert Secret("k3y").scrub("it is k3y, not k3") == "it is ***, not k3"

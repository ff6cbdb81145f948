"""Every operation goes the same way: one body for both clients and every loop, whole and streamed."""

from array import array

import attrs
import pytest
from faces import COLOURS, run
from fakes import STOP, Player, playing

import jackfield as jf
from jackfield.errors import BadRequestError, ConfigurationError, NotFoundError, ServerError, TruncatedStreamError
from jackfield.operations import Completion, ModelRequest
from jackfield.types import (
    Embedded,
    Finish,
    Finished,
    Logprobs,
    LogprobsDelta,
    ModelListed,
    RateLimit,
    Start,
    TextDelta,
    TokenLogprob,
    UsageReported,
)

START = Start(id="r1", model="m-2", created=5.0, request_id="q1", rate_limit=RateLimit(tokens_remaining=7))
TOKENS = (TokenLogprob("Once", -0.5, b"Once", (TokenLogprob("Once", -0.5), TokenLogprob("A", -2.0)), 0),)
CONTINUED = [
    START,
    TextDelta(" there"),
    LogprobsDelta(TOKENS),
    TextDelta("x", 1),
    TextDelta(" was"),
    STOP,
    Finished(Finish("length", "length"), 1),
    UsageReported(jf.Usage(1, 2)),
]
VECTORS = [START, Embedded(1, array("d", [0.5])), Embedded(0, array("f", [1.0])), UsageReported(jf.Usage(3))]
LISTED = [START, ModelListed(jf.ModelInfo("m-1")), ModelListed(jf.ModelInfo("m-2", owner="us"))]


@pytest.fixture(params=COLOURS)
def colour(request):
    return request.param


def check_facts(reply):
    assert (reply.provider, reply.model, reply.id, reply.created) == ("fake", "m-2", "r1", 5.0)
    assert (reply.request_id, reply.rate_limit, reply.warnings) == ("q1", RateLimit(tokens_remaining=7), ())


def test_a_text_is_continued(colour):
    player = Player(CONTINUED)

    async def body(client):
        reply = await client.complete("Once upon a time", max_output_tokens=60, n=2)
        check_facts(reply)
        assert (reply.text, reply.finish, reply.usage) == (" there was", Finish("stop", "stop"), jf.Usage(1, 2))
        assert reply.logprobs == Logprobs(TOKENS)
        assert reply.choices[1] == Completion(1, "x", Finish("length", "length"))
        async with client.stream(jf.CompleteRequest(prompt="Once")) as stream:
            pieces = [event.text async for event in stream if isinstance(event, TextDelta) and not event.choice]
            assert (pieces, stream.response) == ([" there", " was"], reply)

    run(colour, body, **playing(player))
    first, second = player.calls
    assert (first.request.prompt, first.request.max_output_tokens) == (("Once upon a time",), 60)
    assert not first.streaming
    assert (second.operation.name, str(second.target), second.streaming) == ("complete", "fake:m", True)


def test_texts_become_vectors_in_the_order_of_the_texts(colour):
    player = Player(VECTORS)

    async def body(client):
        reply = await client.embed(["a", "b"], dimensions=1)
        check_facts(reply)
        assert reply.vectors == (array("f", [1.0]), array("d", [0.5]))
        assert (reply.vector, reply.usage) == (array("f", [1.0]), jf.Usage(3))
        async with client.stream(jf.EmbedRequest(input=["a", "b"])) as stream:
            assert [event.index async for event in stream if isinstance(event, Embedded)] == [1, 0]
            assert stream.response == reply

    run(colour, body, **playing(player))
    assert player.calls[0].request.input == ("a", "b")


def test_a_vector_that_did_not_come_is_a_truncation(colour):
    async def body(client):
        with pytest.raises(TruncatedStreamError, match="no vector has arrived for input 2") as caught:
            await client.embed(["a", "b", "c"])
        assert len(caught.value.partial.vectors) == 2

    run(colour, body, **playing(Player(VECTORS)))


def test_the_models_of_a_provider_are_listed(colour):
    player = Player(LISTED)

    async def body(client):
        for reply in (await client.models(), await client.models("fake"), await client.models(provider="fake")):
            assert [model.id for model in reply] == ["m-1", "m-2"]
            assert (len(reply), reply["m-2"].owner) == (2, "us")
            assert ("m-2" in reply, reply["m-2"] in reply, "m-3" in reply) == (True, True, False)
        with pytest.raises(NotFoundError, match="'fake' has no model 'm-3'"):
            reply["m-3"]

    run(colour, body, **playing(player))
    assert [str(call.target) for call in player.calls] == ["fake"] * 3


def test_an_empty_list_of_models_is_a_list(colour):
    async def body(client):
        assert list(await client.models()) == []

    run(colour, body, **playing(Player([Start()])))


def test_a_list_that_never_began_is_a_truncation(colour):
    async def body(client):
        with pytest.raises(TruncatedStreamError, match="no list has arrived"):
            await client.models()
        with pytest.raises(TruncatedStreamError, match="no model has arrived"):
            await client.model("fake:x")

    run(colour, body, **playing(Player([])))


def test_one_model_is_described(colour):
    player = Player(LISTED[:2])

    async def body(client):
        assert (await client.model("fake:m-1")).info == jf.ModelInfo("m-1")
        assert (await client.call(ModelRequest(model="fake:m-1"))).info.id == "m-1"

    run(colour, body, **playing(player))
    assert [str(call.target) for call in player.calls] == ["fake:m-1"] * 2


def away(call):
    raise ServerError("away")


def test_an_error_keeps_what_had_arrived(colour):
    async def body(client):
        with pytest.raises(ServerError) as caught:
            await client.complete("Once")
        assert (caught.value.partial.text, caught.value.operation) == (" there", "complete")
        with pytest.raises(ServerError) as caught:
            await client.models()
        assert (caught.value.operation, caught.value.model) == ("models", None)

    run(colour, body, **playing(Player([*CONTINUED[:2], away])))


def test_a_stream_of_any_operation_may_be_left_early(colour):
    player = Player(VECTORS)

    async def body(client):
        async with client.stream(jf.EmbedRequest(input=["a", "b"])) as stream:
            async for _ in stream:
                break
        assert stream.state == "closed"

    run(colour, body, **playing(player))
    assert player.closed == 1


WRONG = {
    "a whole request of another kind": (
        lambda client: client.embed(jf.CompleteRequest(prompt="x")),
        TypeError,
        "expected a EmbedRequest, got a CompleteRequest; `call` takes any request",
    ),
    "a whole request and an option": (
        lambda client: client.embed(jf.EmbedRequest(input="x"), dimensions=3),
        TypeError,
        "a EmbedRequest is complete: dimensions must be set in it",
    ),
    "a stream of a whole request and an option": (
        lambda client: client.stream(jf.EmbedRequest(input="x"), dimensions=3),
        TypeError,
        "a EmbedRequest is complete: dimensions must be set in it",
    ),
    "an option of another operation": (
        lambda client: client.embed("x", temperature=0),
        TypeError,
        (
            "embed: no option 'temperature'; "
            "known: dimensions, extra_body, extra_headers, model, options, unsupported, user"
        ),
    ),
    "a misspelled option": (
        lambda client: client.complete("x", sufix="y"),
        TypeError,
        "complete: no option 'sufix'; did you mean 'suffix'?",
    ),
    "what others call it": (
        lambda client: client.complete("x", max_tokens=5),
        TypeError,
        "complete: no option 'max_tokens'; did you mean 'max_output_tokens'?",
    ),
    "no prompt": (
        lambda client: client.complete([]),
        BadRequestError,
        "prompt: expected a text, several, or tokens, got []",
    ),
    "a prompt of numbers and texts": (
        lambda client: client.complete([1, "a"]),
        BadRequestError,
        "prompt: expected a text, several, or tokens as whole numbers, got 1",
    ),
    "an input of true": (
        lambda client: client.embed([[True]]),
        BadRequestError,
        "input: expected a text, several, or tokens as whole numbers, got [True]",
    ),
    "an input of None": (
        lambda client: client.embed(None),
        BadRequestError,
        "input: expected a text, several, or tokens, got None",
    ),
    "no dimension": (
        lambda client: client.embed("x", dimensions=0),
        BadRequestError,
        "dimensions: expected a whole number of at least 1, got 0",
    ),
    "logprobs of true": (
        lambda client: client.complete("x", logprobs=True),
        BadRequestError,
        "logprobs: expected a whole number of at least 0, got True",
    ),
    "a bias by list": (
        lambda client: client.complete("x", logit_bias=[5]),
        BadRequestError,
        "logit_bias: expected a number for each token, got [5]",
    ),
    "a bias as text": (
        lambda client: client.complete("x", logit_bias={"5": "a"}),
        BadRequestError,
        "logit_bias: expected a number for each token, got {'5': 'a'}",
    ),
    "what to do with the unsupported": (
        lambda client: client.complete("x", unsupported="ignore"),
        BadRequestError,
        "unsupported: expected one of error, warn, drop, got 'ignore'",
    ),
    "headers by list": (
        lambda client: client.complete("x", extra_headers=["a"]),
        BadRequestError,
        "extra_headers: expected a dictionary of texts",
    ),
    "a header with a line break, whose value is not quoted": (
        lambda client: client.complete("x", extra_headers={"x-key": "sk-1\nx"}),
        BadRequestError,
        "extra_headers.x-key: the value has characters that no header can carry",
    ),
    "a header without a name": (
        lambda client: client.complete("x", extra_headers={"a b": "1"}),
        BadRequestError,
        "extra_headers: 'a b' is no name of a header",
    ),
    "a body that is text": (
        lambda client: client.complete("x", extra_body="{}"),
        BadRequestError,
        "extra_body: expected a dictionary, got '{}'",
    ),
    "a provider that is not there": (
        lambda client: client.models("fak"),
        ConfigurationError,
        (
            "model 'fak': expected 'provider:model' or an alias, and 'fak' is neither an alias nor a provider; "
            "did you mean 'fake'?"
        ),
    ),
}


@pytest.mark.parametrize(("act", "kind", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_request_is_told(act, kind, message):
    with jf.Client(**playing(Player(VECTORS))) as client, pytest.raises(kind) as caught:
        act(client)
    assert str(caught.value) == message


class Library:
    """What a provider may have beyond: here, to lend."""

    def __init__(self, client, name):
        self.client = client
        self.name = name

    def lend(self, title):
        return self.client.call(jf.CompleteRequest(prompt=title, model=self.name))


class Lender(Player):
    accessor = Library


def test_what_only_one_provider_has_sits_under_its_own_accessor(colour):
    player = Lender(CONTINUED)

    async def body(client):
        client = client.inner if colour == "sync" else client
        lent = client.provider("fake", Library).lend("Emma")
        assert (lent if colour == "sync" else await lent).text == " there was"
        with pytest.raises(jf.UnsupportedError, match="provider 'fake' has Library, and no Player"):
            client.provider("fake", Player)

    run(colour, body, **playing(player))
    assert str(player.calls[0].target) == "fake:m"


def test_a_provider_without_an_accessor_says_so():
    with jf.Client(**playing(Player(CONTINUED))) as client, pytest.raises(jf.UnsupportedError) as caught:
        client.provider("fake")
    assert caught.value.message == "provider 'fake' has nothing beyond the operations that every client has"


def aliased(player, **settings):
    given = playing(player)
    outer = {"target": "inner", "options": {"a": {"x": 1}}, "extra_headers": {"x-team": "t"}, **settings}
    inner = {"target": "fake:m", "options": {"a": {"x": 0, "y": 2}, "b": {"z": 3}}, "temperature": 1}
    return {**given, "config": {"default": "outer", "models": {"outer": outer, "inner": inner}}}


def test_the_settings_of_aliases_are_joined_key_by_key_and_the_request_goes_first():
    player = Player(CONTINUED)
    with jf.Client(**aliased(player)) as client:
        client.complete("x", options={"a": {"w": 4}}, extra_headers={"x-mine": "m"}, temperature=0)
        client.models()
        client.stream(jf.EmbedRequest(input="x"))
        assert "x-team" not in repr(client.__dict__)
    request = player.calls[0].request
    assert request.options == {"a": {"x": 1, "y": 2, "w": 4}, "b": {"z": 3}}
    assert (request.extra_headers, request.temperature) == ({"x-team": "t", "x-mine": "m"}, 0)
    assert player.calls[1].request.extra_headers == {"x-team": "t"}


MISTAKES = {
    "a text": (lambda client: client.call("x"), BadRequestError, "expected a request, got 'x'"),
    "a class": (lambda client: client.call(jf.EmbedRequest), BadRequestError, "expected a request, got"),
    "a number as default": (lambda client: client.with_options(default=5), ConfigurationError, "default: expected"),
    "no default": (lambda client: client.with_options(default=""), ConfigurationError, "default: expected"),
    "a list as policy": (lambda client: client.with_options(unsupported=[]), ConfigurationError, "unsupported: "),
}


@pytest.mark.parametrize(("act", "kind", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_plain_mistake_is_no_bare_error(act, kind, says):
    with jf.Client(**playing(Player(CONTINUED))) as client, pytest.raises(kind, match=says):
        act(client)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 99),
        ("n", 0),
        ("unsupported", "bogus"),
        ("extra_headers", {"x-a": "1\r\nx-b: 2"}),
        ("options", 3),
    ],
)
def test_a_request_of_ones_own_with_a_model_is_checked_like_any_other(field, value):
    @attrs.frozen(kw_only=True)
    class House(jf.ChatRequest):
        model: str = "fake:m"

    assert House(messages="hi").model == "fake:m"
    with pytest.raises(BadRequestError, match=field):
        House(messages="hi", **{field: value})

"""A field that a provider cannot carry is refused or reported; its caller says which."""

import pytest
from faces import COLOURS, run
from fakes import Player, hello, playing
from scripted import Scripted, reply

import jackfield as jf
from jackfield.errors import BadRequestError, JackfieldError, UnsupportedWarning
from jackfield.http import read_json
from jackfield.operations import CHAT, Notice
from jackfield.provider import Credential, Endpoint, HttpProvider, JsonReply, Provider, serves
from jackfield.types import Finish, Finished, TextDelta


class Narrow(Player):
    """Knows messages and a temperature, and nothing else."""

    @serves(CHAT)
    def chat(self, call):
        fields = self.fields(call)
        assert fields.take("messages") == call.request.messages
        self.heat = fields.take("temperature")
        fields.report_rest()
        call.rewrote("temperature", "sent as `heat`")
        return super().chat(call)


@pytest.fixture
def narrow():
    return Narrow(hello())


@pytest.mark.parametrize("colour", COLOURS)
def test_it_is_an_error_unless_the_caller_allows_it(colour, narrow):
    async def body(client):
        with pytest.raises(jf.UnsupportedError) as caught:
            await client.chat("Hello", top_k=5, temperature=0)
        assert caught.value.message == (
            "top_k: the provider has no such parameter; with unsupported='warn' or 'drop' it would be left out"
        )
        assert (caught.value.provider, caught.value.operation) == ("fake", "chat")
        with pytest.raises(jf.UnsupportedError):
            async with client.stream("Hello", top_k=5) as stream:
                await stream.__anext__()

    run(colour, body, **playing(narrow))
    assert narrow.opened == 0


@pytest.mark.parametrize("colour", COLOURS)
def test_what_is_left_out_stands_in_the_response(colour, narrow):
    left_out = Notice("unsupported", "top_k", "the provider has no such parameter")
    rewritten = Notice("rewritten", "temperature", "sent as `heat`")

    async def body(client):
        whole = await client.chat("Hello", top_k=5, temperature=0, unsupported="drop")
        assert whole.warnings == (left_out, rewritten)
        with pytest.warns(UnsupportedWarning, match="fake:m: top_k is left out: the provider has no such parameter"):
            assert (await client.chat("Hello", top_k=5, unsupported="warn")).warnings == (left_out, rewritten)
        async with client.stream("Hello", seed=0, unsupported="drop") as stream:
            async for _ in stream:
                pass
        assert [notice.field for notice in stream.response.warnings] == ["seed", "temperature"]

    run(colour, body, **playing(narrow))
    assert narrow.heat is None  # of the last call


def test_falsy_is_not_absent(narrow):
    with jf.Client(**playing(narrow)) as client:
        for field, value in {"seed": 0, "tools": (), "parallel_tool_calls": False, "user": "", "stop": []}.items():
            with pytest.raises(jf.UnsupportedError, match=f"^fake:m: {field}: "):
                client.chat("Hello", **{field: value})
        client.chat("Hello", temperature=0)
    assert narrow.heat == 0


def test_headers_are_reported_by_a_provider_that_has_none(narrow):
    with jf.Client(**playing(narrow)) as client, pytest.raises(jf.UnsupportedError, match="extra_headers"):
        client.chat("Hello", extra_headers={"x-a": "1"})


def test_partial_responses_say_it_too(narrow):
    narrow.scripts = [[*hello()[:2], jf.JackfieldError("broke")]]
    with jf.Client(**playing(narrow)) as client, pytest.raises(jf.JackfieldError) as caught:
        client.chat("Hello", seed=1, unsupported="drop")
    assert [notice.field for notice in caught.value.partial.warnings] == ["seed", "temperature"]


def test_a_second_attempt_says_it_once(narrow):
    narrow.scripts = [[jf.JackfieldError("away")], hello()]

    class Again:
        slot = jf.Slot.RETRY

        async def __call__(self, call, proceed):
            try:
                async for event in proceed(call):
                    yield event
            except jf.JackfieldError:
                async for event in proceed(call):
                    yield event

    with jf.Client(**playing(narrow), middleware=[Again()]) as client:
        whole = client.chat("Hello", seed=1, unsupported="drop")
    assert [notice.field for notice in whole.warnings] == ["seed", "temperature"]


class Web(HttpProvider):
    @serves(CHAT)
    def chat(self, call):
        fields = self.fields(call)
        fields.take("messages")
        fields.report_rest()
        head = yield self.post("/chat", {})
        return JsonReply(head, lambda value: [TextDelta(value["text"]), Finished(Finish("stop", None))])


def test_headers_of_the_request_go_with_it():
    with Scripted([reply('{"text": "hi"}')]) as server:
        endpoint = Endpoint.parse(server.url, Credential(jf.Secret("key"), "X-Key", ""))
        with jf.Client(**playing(Web("fake", endpoint, {"chat": "m"}))) as client:
            assert client.chat("Hello", extra_headers={"X-Trace": "t1"}).text == "hi"
            for name in ("x-key", "Host", "Content-Length", "transfer-encoding"):
                with pytest.raises(BadRequestError, match=f"extra_headers.{name}: this header is set by"):
                    client.chat("Hello", extra_headers={name: "x"})
    (request,) = server.requests
    head = request.lower()
    assert b"\r\nx-trace: t1\r\n" in head
    assert b"\r\nx-key: key\r\n" in head


def test_a_repr_shows_no_header():
    assert "secret-1" not in repr(jf.ChatRequest(messages="x", extra_headers={"x-a": "secret-1"}))


def test_a_provider_need_not_look():
    class Careless(Provider):
        @serves(CHAT)
        async def chat(self, call):
            yield TextDelta("hi")
            yield Finished(Finish("stop", None))

    with jf.Client(**playing(Careless("fake", {"chat": "m"}))) as client:
        assert client.chat("Hello", seed=1).warnings == ()


class Refusing(Web):
    def error(self, response):
        body = read_json(response.body)
        return JackfieldError("refused", code=body["code"], request_id=response.headers["x-request-id"], body=body)


def test_a_key_that_the_server_quotes_shows_nowhere_in_the_error():
    quoting = reply('{"code": "key-12345", "key-12345": [1]}', 400, headers={"x-request-id": "key-12345"})
    with Scripted([quoting]) as server:
        endpoint = Endpoint.parse(server.url, Credential(jf.Secret("key-12345")))
        with jf.Client(**playing(Refusing("fake", endpoint, {"chat": "m"}))) as client:
            with pytest.raises(JackfieldError) as caught:
                client.chat("Hello")
    error = caught.value
    assert (error.code, error.request_id, error.body) == ("***", "***", {"code": "***", "***": [1]})
    assert "key-12345" not in f"{error} {vars(error)}"


def test_what_is_no_json_is_not_kept_by_the_error():
    with pytest.raises(jf.JackfieldError) as caught:
        read_json(b"<html>key-12345" + b" " * 100 + b"key-12345")
    assert caught.value.__context__ is None

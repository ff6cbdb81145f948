"""TLS on loopback: certificates are checked, limits hold in the handshake, and both colours speak it."""

import ssl

import pytest
from faces import COLOURS, run
from lines import STOP, WHOLE, chat, options
from scripted import HOLD, Scripted, reply

from jackfield.errors import BadRequestError, ConnectionFailedError, ConnectTimeoutError
from jackfield.http import HttpRequest
from jackfield.provider import JsonReply
from jackfield.types import TextDelta

trustme = pytest.importorskip("trustme")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def tls(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def trusted(authority, tmp_path, monkeypatch):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.mark.parametrize("colour", COLOURS)
def test_a_call_and_a_stream(colour, tls, trusted):
    async def body(client):
        assert (await client.chat("x")).text == "ab"
        async with client.stream("x") as stream:
            assert [text async for text in _each(stream.text)] == ["a", "b"]

    with Scripted(WHOLE, tls) as server:
        run(colour, body, **options(server))
        assert server.accepted == 1


async def _each(texts):
    if hasattr(texts, "__anext__"):
        async for text in texts:
            yield text
    else:
        for text in texts:
            yield text


class Records(Scripted):
    """Takes down how many bytes of each request came with its first record."""

    def serve(self, connection):
        self.requests.append(connection.recv(65536))
        connection.sendall(reply('{"text": "hi"}'))


@pytest.mark.parametrize("colour", COLOURS)
def test_a_request_leaves_in_one_piece(colour, tls, trusted):
    # what is written at once is one record of TLS, and a server reads one record at a time
    with Records(WHOLE, tls) as server:
        assert chat(colour, server).text == "hi"
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/chat HTTP/1.1\r\n")
    assert body.decode() == '{"hello":"wörld"}'


@pytest.mark.parametrize("colour", COLOURS)
def test_a_certificate_of_an_unknown_authority_is_refused(colour, tls):
    with Scripted(WHOLE, tls) as server, pytest.raises(ConnectionFailedError, match="certificate"):
        chat(colour, server)
    assert server.requests == []


@pytest.mark.parametrize("colour", COLOURS)
def test_a_handshake_that_does_not_end_meets_the_limit(colour, trusted):
    with Scripted([HOLD]) as server:
        server.url = server.url.replace("http:", "https:")
        with pytest.raises(ConnectTimeoutError, match=f"no connection to https://127.0.0.1:{server.port} within 0.1 s"):
            chat(colour, server, timeouts={"connect": 0.1})
        assert server.settled(0)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("value", ["sk-secret\nx: y", "sk-secretö"])
def test_a_header_that_is_none_is_refused_without_being_quoted(colour, value):
    def steps(provider, call):
        head = yield HttpRequest("GET", "/", {"x-thing": value})
        return JsonReply(head, lambda body: [TextDelta("x"), STOP])

    with Scripted([reply("{}")]) as server, pytest.raises(BadRequestError) as caught:
        chat(colour, server, steps=steps)
    assert "sk-secret" not in f"{caught.value} {caught.value.__cause__} {caught.value.__dict__}"
    assert server.requests == []

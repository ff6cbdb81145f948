"""Bodies that are read while they are sent, against a real server."""

import threading

import anyio
import pytest
from faces import COLOURS, run
from lines import STOP, chat, options
from loopback import hold
from scripted import CLOSE, Scripted, reply

from jackfield.errors import BadRequestError, PluginError, StreamStateError
from jackfield.http import HttpRequest, whole
from jackfield.provider import JsonReply
from jackfield.types import TextDelta

SIZE = 100_000


class Counted:
    """A body of several pieces, which tells how often it was begun, how far it was read, and where."""

    def __init__(self, pieces=20, *, fails_at=None, length=None):
        self.pieces, self.fails_at = pieces, fails_at
        self.length = pieces * SIZE if length is None else length
        self.begun, self.read, self.threads = 0, 0, set()

    def __len__(self):
        return self.length

    def __iter__(self):
        self.begun += 1
        for index in range(self.pieces):
            if index == self.fails_at:
                raise BadRequestError("file: 'a.jsonl' became shorter while it was sent")
            self.read += 1
            self.threads.add(threading.current_thread())
            yield bytes([65 + index % 26]) * SIZE


class Early(Scripted):
    """Answers when the head of the request has come, and reads the rest once it is told to."""

    def __init__(self, steps):
        self.may_read = threading.Event()
        super().__init__(steps)

    def serve(self, connection):
        connection.recv(1000)
        for step in self.answer(b""):
            connection.sendall(step)
        self.may_read.wait(30)
        hold(connection)


def sending(body):
    def steps(provider, call):
        head = yield HttpRequest("POST", "/files", body=body)
        return JsonReply(head, lambda told: [TextDelta(told["text"]), STOP])

    return steps


@pytest.mark.parametrize("colour", COLOURS)
def test_a_body_is_sent_piece_by_piece(colour):
    body = Counted()
    with Scripted([reply('{"text": "had it"}')]) as server:
        assert chat(colour, server, steps=sending(body)).text == "had it"
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head
    assert (threading.main_thread() in body.threads) == (colour == "sync")
    assert sent == whole(body)


@pytest.mark.parametrize("colour", COLOURS)
def test_an_empty_body_has_its_length_told(colour):
    with Scripted([reply('{"text": "had it"}')]) as server:
        chat(colour, server, steps=sending(Counted(0)))
    assert b"content-length: 0" in server.requests[0]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_body_begins_anew_when_it_is_sent_again(colour):
    body, answers = Counted(3), [reply('{"text": "one"}'), [CLOSE], reply('{"text": "two"}')]

    async def twice(client):
        first = await client.chat("x")
        return first.text, (await client.chat("x")).text

    # the server closes the kept connection at the moment at which it is used again
    with Scripted(lambda _: [answers.pop(0)] if not isinstance(answers[0], list) else answers.pop(0)) as server:
        assert run(colour, twice, **options(server, steps=sending(body))) == ("one", "two")
    assert body.begun == 3
    assert [request.partition(b"\r\n\r\n")[2] for request in server.requests] == [whole(body)] * 3


@pytest.mark.parametrize("colour", COLOURS)
def test_what_goes_wrong_in_a_body_is_the_call_s_error(colour):
    body = Counted(fails_at=15)
    with Scripted([reply('{"text": "never"}')]) as server:
        with pytest.raises(BadRequestError, match=r"'a\.jsonl' became shorter"):
            chat(colour, server, steps=sending(body))
        assert server.settled(0)


@pytest.mark.parametrize("length", [19 * SIZE, 21 * SIZE])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_body_of_another_length_than_it_says_is_the_plugin_s_fault(colour, length):
    with Scripted([reply('{"text": "never"}')]) as server:
        with pytest.raises(PluginError, match="the provider failed with LocalProtocolError"):
            chat(colour, server, steps=sending(Counted(length=length)))
        assert server.settled(0)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_server_that_refuses_before_it_has_all_is_heard(colour):
    with Early([reply("too large", 413)]) as server:
        server.may_read.set()
        with pytest.raises(BadRequestError) as caught:
            chat(colour, server, steps=sending(Counted(400)))
    assert caught.value.status == 413


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_upload_leaves_nothing_open(backend):
    body = Counted(1000)

    async def cancelled(client):
        with anyio.move_on_after(0.2):
            await client.chat("x")
        server.may_read.set()
        assert await anyio.to_thread.run_sync(server.settled, 0)

    with Early([]) as server:
        run(backend, cancelled, **options(server, steps=sending(body)))
    assert body.read < 1000


def test_closing_the_client_ends_an_upload():
    body = Counted(1000)

    async def closed(client):
        timer = threading.Timer(0.2, client.inner.close)
        timer.start()
        with pytest.raises(StreamStateError):
            await client.chat("x")
        timer.join()
        server.may_read.set()
        assert server.settled(0)

    with Early([]) as server:
        run("sync", closed, **options(server, steps=sending(body)))
    assert body.read < 1000

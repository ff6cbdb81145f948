"""Networks to record from, and exchanges as if they had been recorded."""

from __future__ import annotations

from faces import run
from lines import STOP, options

from jackfield.http import HttpRequest
from jackfield.provider import JsonReply
from jackfield.runtime import Network, Reply
from jackfield.types import TextDelta
from jackfield_testkit.cassettes import RecordedExchange, Replay


class Far:
    url = "https://far.test/v1"


class Over:
    """A recorder over a network of the test's own, in the place of the engine."""

    def __init__(self, recorder, network):
        self.recorder, self.network = recorder, network

    def wrap(self, _):
        return self.recorder.wrap(self.network)


class Pieces(Network):
    """Gives each reply in its pieces; an error among them is raised."""

    name = "pieces"

    def __init__(self, *pieces, status=200):
        self.pieces, self.status, self.closed = pieces, status, 0

    async def send(self, target, request, limits, control, *, repeatable):
        return Piecemeal(self.pieces, self.status)

    async def aclose(self):
        self.closed += 1


class Piecemeal(Reply):
    def __init__(self, pieces, status):
        self.status, self.headers, self._pieces = status, {}, iter(pieces)

    async def read(self):
        piece = next(self._pieces, None)
        if isinstance(piece, BaseException):
            raise piece
        return piece

    async def drain(self):
        pass

    async def aclose(self):
        pass


def played(colour, cassette, body=lambda client: client.chat("x"), match="order", **more):
    replay = Replay(cassette, match=match)
    try:
        return run(colour, body, transport=replay, **options(Far, **more))
    finally:
        replay.check()


def asking(*requests):
    """Each is a request of one call; the reply is its text."""

    def steps(provider, call):
        for request in requests:
            head = yield request
        return JsonReply(head, lambda body: [TextDelta(str(body)), STOP])

    return steps


def exchange(method="POST", path="/v1/chat", body=b"", status=200, told=b"1", origin="https://far.test:443", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return RecordedExchange(HttpRequest(method, path, names, body, origin=origin), status, {}, (told,))

"""A function in the place of the network."""

import pytest
from faces import COLOURS, run
from lines import STOP, options

from jackfield import Secret
from jackfield.errors import AuthenticationError, BlockingAwaitError, ConnectionFailedError, PluginError
from jackfield.http import HttpRequest, HttpResponse
from jackfield.provider import Credential, JsonReply
from jackfield.types import TextDelta
from jackfield_testkit import FunctionNetwork

KEY = "sk-0123456789abcdef"


class Far:
    url = "https://far.test/v1"


def asking(colour, answer, **more):
    network = answer if isinstance(answer, FunctionNetwork) else FunctionNetwork(answer)
    return run(colour, lambda client: client.chat("x"), transport=network, **options(Far, **more))


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("waiting", [False, True])
def test_a_function_answers_and_sees_no_credential(colour, waiting):
    seen = []

    def answer(request):
        seen.append(request)
        return HttpResponse(200, {"Content-Type": "application/json"}, b'{"text": "hi"}')

    async def later(request):
        return answer(request)

    assert asking(colour, later if waiting else answer, credential=Credential(Secret(KEY))).text == "hi"
    (request,) = seen
    assert (request.method, request.origin, request.path) == ("POST", "https://far.test:443", "/v1/chat")
    assert request.body == '{"hello":"wörld"}'.encode()
    assert request.headers["content-type"] == "application/json"
    assert KEY not in f"{request!r} {request.headers}"


@pytest.mark.parametrize("colour", COLOURS)
def test_a_function_s_refusals_and_failures_are_errors_like_any(colour):
    with pytest.raises(AuthenticationError, match="go away"):
        asking(colour, lambda request: HttpResponse(401, body=b"go away"))

    def refuse(request):
        raise ConnectionRefusedError("nobody there")

    with pytest.raises(ConnectionFailedError, match="no reply from https://far.test:443: nobody there"):
        asking(colour, refuse)
    with pytest.raises(PluginError, match="gave an object of type dict: expected HttpResponse"):
        asking(colour, lambda request: {})


def test_a_function_that_waits_for_a_loop_is_a_clear_error_in_sync():
    import asyncio

    async def later(request):
        await asyncio.sleep(0.01)

    with pytest.raises(BlockingAwaitError):
        asking("sync", later)


@pytest.mark.parametrize("colour", COLOURS)
def test_an_exchange_of_several_requests(colour):
    def steps(provider, call):
        first = yield HttpRequest("GET", "/first", read=True)
        empty = yield HttpRequest("GET", "/empty", read=True)
        last = yield provider.post("/last", {})
        return JsonReply(last, lambda body: [TextDelta(f"{first.body}{empty.body}{body}"), STOP])

    bodies = {"/v1/first": b"1", "/v1/empty": None, "/v1/last": b"3"}
    assert asking(colour, lambda request: HttpResponse(200, body=bodies[request.path]), steps=steps).text == "b'1'b''3"


@pytest.mark.parametrize("colour", COLOURS)
def test_a_network_of_one_s_own(colour):
    class Counting(FunctionNetwork):
        name = "counting"
        sent = closed = 0

        async def send(self, *args, **more):
            self.sent += 1
            return await super().send(*args, **more)

        async def aclose(self):
            self.closed += 1

    network = Counting(lambda request: HttpResponse(200, body=b"a\n.\n"))
    assert asking(colour, network).text == "a"
    assert (network.sent, network.closed) == (1, 1)

"""An object or a runtime in the place of the network, and the switch that forbids real requests."""

import os
import subprocess
import sys

import pytest
from faces import COLOURS, run
from fakes import Player, hello, playing
from lines import WHOLE, chat, options
from scripted import Scripted, reply

from jackfield import AsyncClient, Client, ConfigurationError, Secret
from jackfield.errors import RequestForbiddenError
from jackfield.provider import Credential
from jackfield.runtime import BlockingRuntime, Network, Reply
from jackfield.testing import allow_requests, forbid_requests

KEY = "sk-0123456789abcdef"


class Far:
    url = "https://far.test/v1"


def asking(colour, transport, **more):
    return run(colour, lambda client: client.chat("x"), transport=transport, **options(Far, **more))


class Echo(Network):
    """Answers each request with the same lines."""

    name = "echo"
    sent = closed = 0

    async def send(self, target, request, limits, control, *, repeatable):
        self.sent += 1
        return Echoed()

    async def aclose(self):
        self.closed += 1


class Echoed(Reply):
    def __init__(self):
        self.status, self.headers, self._pieces = 200, {}, [b"a\n.\n"]

    async def read(self):
        return self._pieces.pop() if self._pieces else None

    async def drain(self):
        pass

    async def aclose(self):
        pass


@pytest.mark.parametrize("colour", COLOURS)
def test_a_network_of_one_s_own(colour):
    network = Echo()
    assert asking(colour, network).text == "a"
    assert (network.sent, network.closed) == (1, 1)


def test_a_network_that_is_false_is_one_all_the_same():
    class Recording(list, Echo):
        pass

    network = Recording()
    assert not network
    assert asking("sync", network).text == "a"
    assert network.sent == 1


def test_a_runtime_of_one_s_own_must_be_of_the_same_kind():
    runtime = BlockingRuntime(Echo())
    with Client(transport=runtime, **options(Far)) as client:
        assert client.chat("x").text == "a"
        assert client.engine == "echo"
    with pytest.raises(ConfigurationError, match="transport: this runtime is of the other kind"):
        AsyncClient(transport=runtime, **options(Far))
    with pytest.raises(ConfigurationError, match="transport: expected a Network, got int"):
        Client(transport=3, **options(Far))
    with pytest.raises(ConfigurationError, match=r"expected jackfield_testkit.FunctionNetwork\(...\), got function"):
        Client(transport=lambda request: None, **options(Far))


@pytest.mark.parametrize("colour", COLOURS)
def test_a_wrapper_stands_between_the_client_and_the_network_that_it_would_have_had(colour):
    class Counting(Network):
        def __init__(self, inner):
            self.inner, self.name, self.sent, self.closed = inner, f"counted {inner.name}", 0, 0

        async def send(self, *args, **more):
            self.sent += 1
            return await self.inner.send(*args, **more)

        async def aclose(self):
            self.closed += 1
            await self.inner.aclose()

    class Wrapper:
        made = ()

        def wrap(self, network):
            self.made = (*self.made, Counting(network))
            return self.made[-1]

    async def body(client):
        return [(await client.chat("x")).text for _ in range(2)]

    wrapper = Wrapper()
    with Scripted(WHOLE) as server:
        assert run(colour, body, transport=wrapper, **options(server)) == ["ab", "ab"]
    (network,) = wrapper.made
    assert (network.sent, network.closed, network.inner.closed) == (2, 1, True)
    with Client(transport=wrapper, **options(Far)) as client, Client(**options(Far)) as plain:
        assert client.engine == f"counted {plain.engine}"
    with pytest.raises(ConfigurationError, match="transport: expected a Network, got int"):
        Client(transport=type("Wrong", (), {"wrap": lambda _, network: 3})(), **options(Far))


# --- no real requests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_requests_that_would_leave_this_machine_are_refused(colour):
    with forbid_requests(), pytest.raises(RequestForbiddenError, match="https://far.test:443") as caught:
        chat(colour, Far, credential=Credential(Secret(KEY)))
    assert caught.value.retryable is False
    assert "forbid_requests()" in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("colour", COLOURS)
def test_what_stays_here_works_where_requests_are_forbidden(colour):
    with forbid_requests(), Scripted([reply('{"text": "hi"}')]) as server:
        assert chat(colour, server).text == "hi"
        assert run(colour, lambda client: client.chat("x"), **playing(Player(hello()))).text == "Hello"
        assert asking(colour, Echo()).text == "a"


def test_the_innermost_switch_counts_and_ends_with_its_block(monkeypatch):
    monkeypatch.setattr("jackfield.endpoint.LOOPBACK", ())
    with Scripted(WHOLE) as server:
        server.url = server.url.replace("127.0.0.1", "localhost")
        with forbid_requests():
            with allow_requests():
                assert chat("sync", server).text == "ab"
            with pytest.raises(RequestForbiddenError):
                chat("sync", server)
        assert chat("sync", server).text == "ab"


@pytest.mark.parametrize(("value", "refused"), [("1", True), ("true", True), ("0", False), ("", False), ("No", False)])
def test_the_variable_forbids_too(monkeypatch, value, refused):
    monkeypatch.setattr("jackfield.endpoint.LOOPBACK", ())
    monkeypatch.setenv("JACKFIELD_OFFLINE", value)
    with Scripted(WHOLE) as server:
        server.url = server.url.replace("127.0.0.1", "localhost")
        if refused:
            with pytest.raises(RequestForbiddenError, match="which JACKFIELD_OFFLINE forbids"):
                chat("sync", server)
            with allow_requests():
                assert chat("sync", server).text == "ab"
        else:
            assert chat("sync", server).text == "ab"


def test_one_line_forbids_for_a_whole_run(tmp_path):
    (tmp_path / "conftest.py").write_text("import jackfield.testing\n\njackfield.testing.forbid_requests()\n")
    (tmp_path / "test_it.py").write_text(
        """
import jackfield
from jackfield.hooks import hookimpl
from jackfield.operations import CHAT
from jackfield.provider import Endpoint, HttpProvider, JsonReply, serves


class Far(HttpProvider):
    @serves(CHAT)
    def chat(self, call):
        head = yield self.post("/chat", {})
        return JsonReply(head, lambda body: [])


class Plugin:
    @hookimpl
    def jackfield_provider(self, name, settings):
        return Far(name, Endpoint.parse("https://far.test"), {"chat": "m"})


def test_it():
    jackfield.Client({"default": "far"}, plugins={"provider": {"far": Plugin()}}).chat("Hello")
"""
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "RequestForbiddenError: far:m: a request to https://far.test:443 was about to be sent" in ran.stdout

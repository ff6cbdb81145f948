"""Proxies, certificates and connections, as a user sets them: on real sockets, real TLS, a real proxy."""

import ssl
import threading
import traceback

import pytest
from configured import write
from faces import COLOURS, run
from lines import WHOLE, chat, options
from proxies import Proxy
from scripted import Scripted

from jackfield import AsyncClient, Client, ConfigurationError, Secret
from jackfield.config import NetworkOptions, load
from jackfield.errors import ConnectionFailedError, ConnectTimeoutError
from jackfield.provider import Credential, Endpoint

trustme = pytest.importorskip("trustme")

KEY = "sk-0123456789abcdef"


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def ca(authority, tmp_path):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


@pytest.fixture
def tls(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "api.far.test").configure_cert(context)
    return context


def far(server):
    """The server under a name that only a proxy can reach."""
    server.url = server.url.replace("127.0.0.1", "api.far.test")
    return server


def chatting(colour, server, network, **more):
    return run(colour, lambda client: client.chat("x"), network=network, **options(server, **more)).text


# --- certificates -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_an_authority_of_one_s_own(colour, tls, ca):
    with Scripted(WHOLE, tls) as server:
        assert chatting(colour, server, {"ca": ca}) == "ab"
        assert run(colour, lambda client: client.chat("x"), **options(server, network={"ca": ca})).text == "ab"
        with pytest.raises(ConnectionFailedError, match="certificate"):
            chat(colour, server)


def test_a_folder_of_authorities(authority, tls, tmp_path):
    # OpenSSL finds a certificate in a folder by the hash of its subject's name
    write(tmp_path / "plain.pem", authority.cert_pem.bytes().decode())
    import subprocess

    found = subprocess.run(
        ["openssl", "x509", "-noout", "-subject_hash", "-in", str(tmp_path / "plain.pem")],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode:
        pytest.skip("there is no openssl command to name the file with")
    (tmp_path / "plain.pem").rename(tmp_path / f"{found.stdout.strip()}.0")
    with Scripted(WHOLE, tls) as server:
        assert chatting("sync", server, {"ca": str(tmp_path)}) == "ab"


@pytest.fixture
def asking(authority, tls):
    """TLS settings of a server that asks for a certificate."""
    authority.configure_trust(tls)
    tls.verify_mode = ssl.CERT_REQUIRED
    return tls


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("apart", [False, True])
def test_a_client_certificate_for_a_server_that_asks(colour, apart, authority, asking, ca, tmp_path):
    mine = authority.issue_cert("client.test")
    network = {"ca": ca, "client_certificate": str(tmp_path / "client.pem")}
    if apart:
        network["client_key"] = str(tmp_path / "key.pem")
        mine.private_key_pem.write_to_path(network["client_key"])
        mine.cert_chain_pems[0].write_to_path(network["client_certificate"])
    else:
        mine.private_key_and_cert_chain_pem.write_to_path(network["client_certificate"])
    with Scripted(WHOLE, asking) as server:
        assert chatting(colour, server, network) == "ab"
        with pytest.raises(ConnectionFailedError):
            chatting(colour, server, {"ca": ca})
        assert len(server.requests) == 1


def encrypted(pem, password):
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(pem, None)
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(password))


def test_a_key_with_a_password(authority, asking, ca, tmp_path):
    mine = authority.issue_cert("client.test")
    mine.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    (tmp_path / "key.pem").write_bytes(encrypted(mine.private_key_pem.bytes(), b"open sesame"))
    network = {"ca": ca, "client_certificate": str(tmp_path / "client.pem"), "client_key": str(tmp_path / "key.pem")}
    with Scripted(WHOLE, asking) as server:
        for wrong in ({}, {"client_key_password": "opensesame!"}):
            with pytest.raises(ConfigurationError, match="network.client_certificate: .*client.pem.*cannot be used"):
                chatting("sync", server, {**network, **wrong})
        secret = NetworkOptions(**network, client_key_password=Secret("open sesame".replace(" ", "")))
        assert "opensesame" not in repr(secret)
        (tmp_path / "key.pem").write_bytes(encrypted(mine.private_key_pem.bytes(), b"opensesame"))
        assert chatting("sync", server, secret) == "ab"


@pytest.mark.parametrize("key", ["ca", "client_certificate"])
@pytest.mark.parametrize("colour", ["sync", "asyncio"])
def test_a_certificate_that_is_none_is_found_when_the_client_is_built(colour, key, tmp_path):
    write(tmp_path / "junk.pem", "junk")
    for path in (tmp_path / "missing.pem", tmp_path / "junk.pem"):
        with pytest.raises(ConfigurationError, match=rf"network.{key}: '.*{path.name}' cannot be used: "):
            (Client if colour == "sync" else AsyncClient)({"default": "mock"}, network={key: str(path)})


# --- proxies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("login", ["", "me:p%40ss"])
def test_requests_go_by_the_proxy(colour, secure, login, tls, ca):
    with Scripted(WHOLE, tls if secure else None) as server:
        plain = login.replace("%40", "@")
        with Proxy(server.port, plain) as proxy:
            network = {"proxy": proxy.url(login), "ca": ca}
            assert chatting(colour, far(server), network, credential=Credential(Secret(KEY))) == "ab"
            assert len(proxy.seen) == len(server.requests) == 1
            head = proxy.seen[0]
        assert head.startswith(b"CONNECT api.far.test:" if secure else b"POST http://api.far.test:")
        assert (KEY.encode() in head) is not secure
        assert KEY.encode() in server.requests[0]
        assert b"proxy-authorization" not in server.requests[0].lower()


@pytest.mark.parametrize("colour", COLOURS)
def test_a_proxy_that_speaks_tls(colour, tls, ca):
    with Scripted(WHOLE, tls) as server, Proxy(server.port, tls=tls) as proxy:
        assert chatting(colour, far(server), {"proxy": proxy.url(), "ca": ca}) == "ab"
        assert proxy.seen[0].startswith(b"CONNECT api.far.test:")


@pytest.mark.parametrize("colour", COLOURS)
def test_loopback_is_not_reached_by_the_proxy(colour):
    with Scripted(WHOLE) as server, Proxy(server.port) as proxy:
        assert chatting(colour, server, {"proxy": proxy.url()}) == "ab"
        assert proxy.seen == []


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("status", "retryable"), [(407, False), (502, True)])
def test_a_proxy_that_refuses_is_named_and_its_password_is_not(colour, status, retryable, tls):
    with Scripted(WHOLE, tls) as server:
        with Proxy(server.port, "me:secret-word", refuses=status) as proxy:
            with pytest.raises(ConnectionFailedError, match=f"the proxy answered {status}") as caught:
                chatting(colour, far(server), {"proxy": proxy.url("me:secret-word")})
    assert f"by the proxy http://127.0.0.1:{proxy.port}" in str(caught.value)
    assert caught.value.retryable is retryable
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    ours = [frame for frame in frames if "/tests/" not in frame.f_code.co_filename]
    assert "secret-word" not in str([frame.f_locals for frame in ours])
    assert len(ours) > 5


@pytest.mark.parametrize("colour", COLOURS)
def test_a_proxy_that_is_not_there(colour, tls):
    with Proxy(1) as proxy:
        pass
    with Scripted(WHOLE, tls) as server, pytest.raises(ConnectionFailedError, match="no reply from https://api.far"):
        chatting(colour, far(server), {"proxy": proxy.url()})


@pytest.mark.parametrize("colour", COLOURS)
def test_a_proxy_that_does_not_answer_meets_the_limit_of_connecting(colour, tls):
    with Scripted(WHOLE, tls) as server, Proxy(server.port, silent=True) as proxy:
        with pytest.raises(ConnectTimeoutError, match="by the proxy http://127.0.0.1:.* within 0.1 s"):
            chatting(colour, far(server), {"proxy": proxy.url()}, timeouts={"connect": 0.1})


@pytest.mark.parametrize("colour", COLOURS)
def test_ambient_proxies_are_used_when_that_is_wanted(colour, monkeypatch, tls, ca):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with Scripted(WHOLE, tls) as server, Proxy(server.port) as proxy:
        trusting = {"trust_env": True, "ca": ca}
        for name, value in (("all_proxy", proxy.url()), ("https_proxy", proxy.url().removeprefix("http://"))):
            monkeypatch.setenv(name, value)
            assert chatting(colour, far(server), trusting) == "ab"
        assert len(proxy.seen) == 2
        monkeypatch.setenv("no_proxy", "other.test,127.0.0.1")
        server.url = server.url.replace("api.far.test", "127.0.0.1")
        assert chatting(colour, server, trusting) == "ab"
        assert len(proxy.seen) == 2


def test_a_client_with_a_proxy_shows_no_password():
    network = NetworkOptions(proxy=Secret("http://me:secret-word@host:3128"))
    config = load({"default": "mock", "network": {"proxy": "http://me:secret-word@host:3128"}})
    assert config.network == network
    assert "secret-word" not in repr(network) + repr(config)


# --- connections --------------------------------------------------------------------------------------------


def test_there_are_no_more_connections_than_allowed():
    with Scripted(lambda _: [0.05, *WHOLE]) as server:
        with Client(network={"max_connections": 2}, **options(server, timeouts={"connect": 0.01})) as client:
            texts = []
            threads = [threading.Thread(target=lambda: texts.append(client.chat("x").text)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert texts == ["ab"] * 8
        assert server.accepted <= 2


@pytest.mark.parametrize("colour", COLOURS)
def test_an_idle_connection_is_kept_for_as_long_as_was_said(colour):
    async def body(client):
        await client.chat("x")
        await client.chat("x")

    with Scripted(WHOLE) as server:
        run(colour, body, network={"keep_alive": 1e-9}, **options(server))
        assert server.accepted == 2


# --- wrong settings -----------------------------------------------------------------------------------------

WRONG = [
    ({"proxy": "host:3128"}, "network.proxy: not a URL of http or https; expected one like 'https://host/v1'"),
    ({"proxy": "socks5://host:1"}, "network.proxy: not a URL of http or https; expected one like 'https://host/v1'"),
    ({"proxy": "http://host/x"}, "network.proxy: the URL of a proxy has no path; expected one like 'http://host:3128'"),
    ({"proxy": 3}, "network.proxy: expected text, got 3"),
    ({"proxy": "http://ho st"}, "network.proxy: character 10 of 12 is a space, a control character or not "),
    ({"max_connections": 0}, "network.max_connections: expected a number above 0, got 0"),
    ({"max_connections": 1.5}, "network.max_connections: expected a whole number, got 1.5"),
    ({"keep_alive": -1}, "network.keep_alive: expected a number above 0, got -1.0"),
    ({"trust_env": "yes"}, "network.trust_env: expected true or false, got 'yes'"),
    ({"verify": False}, "network.verify: no such key; known: ca, "),
    ({"client_certificat": "x"}, "network.client_certificat: no such key; did you mean 'client_certificate'?"),
]


@pytest.mark.parametrize(("network", "says"), WRONG)
def test_wrong_settings_are_clear_errors(network, says):
    with pytest.raises(ConfigurationError) as given:
        Client({"default": "mock"}, network=network)
    assert says in str(given.value)
    with pytest.raises(ConfigurationError) as written:
        Client({"default": "mock", "network": network})
    assert f"config.{says}" in str(written.value)


def test_a_file_that_was_merely_found_says_neither_by_whom_nor_whom_to_trust(client, monkeypatch):
    monkeypatch.setenv("MY_PROXY", "http://me:word@elsewhere.test:3128")
    for key, value in (("proxy", "'http://evil.test'"), ("ca", "'evil.pem'"), ("client_certificate", "'mine.pem'")):
        write("jackfield.toml", f"default = 'fake:m'\n[network]\n{key} = {value}\n")
        with pytest.raises(ConfigurationError, match=f"jackfield.toml, line 3: network.{key}: this says by whom"):
            client()
    write("jackfield.toml", "default = 'fake:m'\n[network]\nproxy = { env = 'MY_PROXY' }\nkeep_alive = 5\n")
    with pytest.raises(ConfigurationError, match="merely found"):
        client()
    assert client("jackfield.toml").chat("x").text == "fake"
    assert load("jackfield.toml").network.proxy.reveal() == "http://me:word@elsewhere.test:3128"
    write("jackfield.toml", "default = 'fake:m'\n[network]\nkeep_alive = 5\ntrust_env = true\n")
    assert client().chat("x").text == "fake"


def test_a_found_env_file_says_nothing_of_the_network_either_as_a_whole_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("JACKFIELD_NETWORK={proxy='http://elsewhere.example:3128'}\n")
    with pytest.raises(ConfigurationError, match=r"\.env was merely found"):
        load()
    (tmp_path / ".env").write_text("JACKFIELD_NETWORK={keep_alive=5}\n")
    assert load().network.keep_alive == 5


def test_loopback_never_goes_by_a_proxy_of_the_environment(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://elsewhere.example:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    options = NetworkOptions(trust_env=True)
    assert options.proxy_for(Endpoint.parse("http://127.0.0.1:9/v1")) is None
    assert options.proxy_for(Endpoint.parse("http://far.example/v1")).origin == "http://elsewhere.example:3128"


def test_a_proxy_and_a_password_are_secrets_however_they_are_written():
    found = NetworkOptions(proxy="http://user:pass-word@proxy.test:3128", client_key_password="pass-phrase")
    assert found == NetworkOptions(
        proxy=Secret("http://user:pass-word@proxy.test:3128"), client_key_password=Secret("pass-phrase")
    )
    assert "pass-" not in repr(found)

"""Cassettes of a server on loopback, by a real connection, replayed when the server is gone."""

import gzip
import importlib.util
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import anyio
import pytest
from faces import COLOURS, run
from llama import MODEL, clean_environment, config, engine
from pytests import pytest_ran
from scripted import CLOSE, HOLD, RESET, Scripted, completion, delta, event, part, reply, stream_head

from jackfield.errors import (
    AuthenticationError,
    ConnectionFailedError,
    RateLimitError,
    ReadTimeoutError,
    StreamInterruptedError,
)
from jackfield.testing import forbid_requests
from jackfield_testkit.cassettes import Cassette, CassetteError, Recorder, Replay, Scrub

KEY = "sk-live-0123456789abcdef"
ORGANIZATION = "org-SecretSecretSecret00"
HEADERS = {"x-request-id": "req_1", "set-cookie": "session=SecretCookie", "openai-organization": ORGANIZATION}


def options(url, **settings):
    near = {"plugin": "openai", "base_url": url, "api_key": KEY, **settings}
    return {"config": {**engine(), "default": "near:m", "providers": {"near": near}}}


def both(colour, steps, body, tmp_path, raised=None, **settings):
    """What a body gives while it is recorded, and what it gives when nothing but the cassette is there."""
    path = tmp_path / "one.json"

    def outcome(transport, url):
        given = options(url, **settings)
        if raised is None:
            return run(colour, body, transport=transport, **given)
        with pytest.raises(raised) as caught:
            run(colour, body, transport=transport, **given)
        return caught.value.partial and caught.value.partial.text, caught.value.status, caught.value.retry_after

    recorder = Recorder()
    with Scripted(steps) as server:
        live = outcome(recorder, server.url)
    recorder.save(path)
    for secret in (KEY, ORGANIZATION, "SecretCookie"):
        assert secret not in path.read_text()
    replay = Replay(path)
    assert outcome(replay, "http://127.0.0.1:9/v1") == live
    replay.check()
    return live, Cassette.load(path)


async def chat(client):
    return (await client.chat("Hello")).text


async def pieces(client):
    async with client.stream("Hello") as stream:
        return [text async for text in _texts(stream)]


async def _texts(stream):
    async for one in stream:
        if text := getattr(one, "text", None):
            yield text


@pytest.mark.parametrize("colour", COLOURS)
def test_a_chat(colour, tmp_path):
    live, cassette = both(colour, [reply(completion(f"Hi, {KEY}"), headers=HEADERS)], _scrubbed, tmp_path)
    assert live == "Hi, "
    (one,) = cassette.exchanges
    assert one.request.path == "/v1/chat/completions"
    assert json.loads(one.request.body)["messages"] == [{"role": "user", "content": "Hello"}]
    assert "authorization" not in one.request.headers
    assert one.headers["x-request-id"] == "req_1"
    assert not one.headers.keys() & {"content-length", "date"}


@pytest.mark.parametrize("colour", COLOURS)
def test_a_compressed_reply_is_recorded_as_it_reads(colour, tmp_path):
    steps = [reply(gzip.compress(completion("Hi").encode()), headers={"content-encoding": "gzip"})]
    live, cassette = both(colour, steps, chat, tmp_path)
    assert live == "Hi"
    assert json.loads(cassette.exchanges[0].body)["choices"]
    assert "content-encoding" not in cassette.exchanges[0].headers


async def _scrubbed(client):
    text = (await client.chat("Hello")).text
    return text.replace(KEY, "").replace("SCRUBBED", "")


@pytest.mark.parametrize("colour", COLOURS)
def test_a_stream_keeps_its_cuts(colour, tmp_path):
    data = f"data: {json.dumps(delta('Wörld'), ensure_ascii=False)}\n\n".encode()
    cut = data.index("ö".encode()) + 1
    steps = [stream_head(HEADERS), event(delta("Hi")), 0.05, part(data[:cut]), 0.1, part(data[cut:]), 0.05]
    live, cassette = both(colour, [*steps, event(delta(finish="stop")), event("[DONE]"), part(b"")], pieces, tmp_path)
    assert live == ["Hi", "Wörld"]
    (one,) = cassette.exchanges
    assert any(piece.endswith(b"\xc3") for piece in one.pieces)
    assert one.fault is None


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("steps", "raised", "fault"),
    [
        ([reply(f'{{"error": "{KEY}"}}', 429, headers={"retry-after": "2", **HEADERS})], RateLimitError, None),
        ([stream_head(), event(delta("Hi")), 0.1, RESET], StreamInterruptedError, "reset"),
        ([stream_head(), event(delta("Hi")), 0.1, CLOSE], StreamInterruptedError, "reset"),
        ([CLOSE], ConnectionFailedError, "lost"),
    ],
)
def test_failures(colour, steps, raised, fault, tmp_path):
    _, cassette = both(colour, steps, pieces, tmp_path, raised)
    assert cassette.exchanges[-1].fault == fault


@pytest.mark.parametrize("colour", COLOURS)
def test_a_silent_server(colour, tmp_path):
    steps = [stream_head(), event(delta("Hi")), HOLD]
    recorder = Recorder()
    with Scripted(steps) as server, pytest.raises(ReadTimeoutError):
        given = options(server.url)
        given["config"]["timeouts"] = {"silence": 0.3}
        run(colour, pieces, transport=recorder, **given)
    assert recorder.cassette().exchanges[0].fault == "stall"
    with pytest.raises(ReadTimeoutError, match="nothing was received for .* s .recorded."):
        run(colour, pieces, transport=Replay(recorder.cassette()), **options("http://127.0.0.1:9/v1"))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_call_that_is_cancelled_gives_its_connection_back(backend):
    async def body(client):
        with anyio.move_on_after(0.5):
            await pieces(client)
        return await chat(client)

    def answer(request):
        if b'"stream":true' in request:
            return [stream_head(), event(delta("Hi")), HOLD]
        return [reply(completion("Hello"))]

    recorder = Recorder()
    with Scripted(answer) as server:
        assert run(backend, body, transport=recorder, **options(server.url)) == "Hello"
    left, whole = recorder.cassette().exchanges
    assert (left.fault, whole.fault) == ("left", None)
    assert b"Hi" in left.body


@pytest.mark.parametrize("colour", COLOURS)
def test_no_secret_of_any_place_is_written_down(colour, tmp_path):
    secrets = {place: f"{place}-Secret{number}0123" for number, place in enumerate(SEEDED)}
    note = [f"sk-{secrets['looks']}", f"Bearer {secrets['bearer']}", KEY, f"{secrets['mine']} (mine)"]
    chunk = f"data: {json.dumps(delta(' '.join(note), api_key=secrets['streamed']))}\n\n".encode()
    chunks = [step for at in range(0, len(chunk), 9) for step in (part(chunk[at : at + 9]), 0.01)]
    heads = {"x-auth-token": secrets["head"], "set-cookie": secrets["cookie"], "x-note": note[0], "location": note[3]}

    def answer(request):
        if b"fail" in request:
            body = {"error": {"message": f"{note} {KEY[:14]}...", "password": secrets["failed"]}}
            return [reply(json.dumps(body), 401, headers=heads)]
        if b'"stream":true' in request:
            return [stream_head(heads), *chunks, event(delta(finish="stop")), event("[DONE]"), part(b"")]
        return [reply(completion(" ".join(note), session_token=secrets["replied"]), headers=heads)]

    async def body(client):
        more = {
            "extra_headers": {"x-api-key": secrets["header"], "x-note": note[0], "openai-organization": secrets["org"]},
            "extra_body": {
                "api_key": secrets["body"],
                "deep": {"x": note, "args": json.dumps({"secret": secrets["args"]})},
            },
        }
        await client.chat("Hello", **more)
        async with client.stream(f"Hello {note[0]}", **more) as stream:
            assert secrets["mine"] in "".join([text async for text in _texts(stream)])
        with pytest.raises(AuthenticationError):
            await client.chat("fail", **more)

    recorder = Recorder(Scrub(values=[secrets["mine"]]))
    with Scripted(answer) as server:
        run(colour, body, transport=recorder, **options(server.url))
        assert all(KEY.encode() in request for request in server.requests)
    text = recorder.save(tmp_path / "one.json").read_text()
    cassette = Cassette.load(tmp_path / "one.json")
    told = text + "".join(str(part) for one in cassette.exchanges for part in (one.request.body, one.body))
    assert [place for place, secret in secrets.items() if secret in told] == []
    assert KEY[:14] not in told
    assert len(cassette.exchanges[1].pieces) > 5


SEEDED = ("looks", "bearer", "mine", "streamed", "head", "cookie", "failed", "replied", "header", "org", "body", "args")


def test_requests_that_are_forbidden_are_not_recorded_and_a_replay_sends_none():
    recorder = Recorder()
    with forbid_requests():
        with pytest.raises(Exception, match="forbids"):
            run("sync", chat, transport=recorder, **options("https://far.test/v1"))
        assert recorder.cassette().exchanges == []
        with pytest.raises(CassetteError, match="all 0 exchanges were played"):
            run("sync", chat, transport=Replay(Cassette()), **options("https://far.test/v1"))


TEST = """
    import os
    import pytest

    def config():
        url = os.environ.get("NEAR", "http://127.0.0.1:9/v1")
        near = {"plugin": "openai", "base_url": url, "api_key": "sk-0123456789"}
        return {"default": "near:m", "providers": {"near": near}}

    def test_chat(jackfield_cassette):
        assert jackfield_cassette.client(config()).chat("Hello").text == os.environ.get("EXPECTED", "Hi")
"""


def test_a_test_records_itself_once_or_anew(tmp_path):
    (tmp_path / "test_hello.py").write_text(textwrap.dedent(TEST))
    file = tmp_path / "cassettes" / "test_hello.test_chat.json"
    with Scripted([reply(completion("Hi"))]) as server:
        pytest_ran(tmp_path, "--jackfield-record=once", NEAR=server.url)
        pytest_ran(tmp_path, JACKFIELD_RECORD="once", NEAR=server.url)
        assert len(server.requests) == 1
    before = file.read_text()
    pytest_ran(tmp_path)
    with Scripted([reply(completion("Hey"))]) as server:
        pytest_ran(tmp_path, "--jackfield-record=rewrite", NEAR=server.url, EXPECTED="Hey")
    assert file.read_text() != before
    pytest_ran(tmp_path, EXPECTED="Hey")


def test_a_real_server(server, tmp_path):
    async def body(client):
        same = {"temperature": 0, "seed": 1, "max_output_tokens": 8}
        first = await client.chat("Hello", **same)
        async with client.stream("Hello", **same) as stream:
            async for _ in stream:
                pass
        models = [one.id for one in await client.models("workstation")]
        return first.text, first.usage, stream.response.text, models

    recorder = Recorder()
    live = run("sync", body, transport=recorder, config=config(server))
    path = recorder.save(tmp_path / "one.json")
    for colour in COLOURS:
        replay = Replay(path)
        assert run(colour, body, transport=replay, config=config("http://127.0.0.1:9/v1")) == live
        replay.check()
    assert MODEL in live[-1]


# --- the command ----------------------------------------------------------------------------------------------

needs_command = pytest.mark.skipif(
    importlib.util.find_spec("jackfield_cli") is None, reason="the command jackfield is not installed"
)


def jackfield(folder, *arguments, code=0):
    """What `jackfield record` prints, on standard output and on standard error."""
    done = subprocess.run(
        [Path(sys.executable).with_name("jackfield"), "record", *arguments],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout, done.stderr


def answer(request):
    if b"GET" in request[:4]:
        return [reply(json.dumps({"data": [{"id": "m"}, {"id": "n\x1b]0;x"}]}))]
    if b"/embeddings" in request[:40]:
        data = [{"index": index, "embedding": [0.5, index]} for index in range(2)]
        return [reply(json.dumps({"data": data, "model": "m"}))]
    if b'"stream":true' in request:
        chunks = [event(delta("Hi")), event(delta(" there")), event(delta(finish="stop")), event("[DONE]")]
        return [stream_head(), *chunks, part(b"")]
    if b"wrong" in request:
        return [reply('{"error": {"message": "no"}}', 400)]
    return [reply(completion("Hi there"))]


@needs_command
def test_the_command_makes_a_call_and_a_cassette(tmp_path):
    with Scripted(answer) as server:
        table = (
            f'default = "near:m"\n[providers.near]\nplugin = "openai"\nbase_url = "{server.url}"\napi_key = "{KEY}"\n'
        )
        (tmp_path / "jackfield.toml").write_text(table)
        told = jackfield(tmp_path, "chat.json", "chat", "Hello")
        assert told == ("Hi there\n", "recorded 1 exchange in chat.json\n")
        assert (
            "is there already: name another file, or add --force"
            in jackfield(tmp_path, "chat.json", "chat", "Hello", code=2)[1]
        )
        assert (
            jackfield(tmp_path, "--force", "chat.json", "chat", "Hello", "--stream", "-m", "near:x")[0] == "Hi there\n"
        )
        assert jackfield(tmp_path, "embed.json", "embed", "a", "b")[0] == "[0.5, 0.0]\n[0.5, 1.0]\n"
        assert jackfield(tmp_path, "models.json", "models", "near")[0] == "m\nn?]0;x\n"
        out, error = jackfield(tmp_path, "wrong.json", "chat", "wrong", code=1)
        assert "recorded 1 exchange in wrong.json" in error
        assert "no" in error
    assert out == ""
    kinds = {path.name: Cassette.load(path).exchanges for path in tmp_path.glob("*.json")}
    assert sorted(kinds) == ["chat.json", "embed.json", "models.json", "wrong.json"]
    assert all(len(exchanges) == 1 for exchanges in kinds.values())
    assert kinds["wrong.json"][0].status == 400
    assert len(kinds["chat.json"][0].pieces) > 1
    assert not any(KEY in path.read_text() for path in tmp_path.glob("*.json"))


@needs_command
def test_the_command_says_where_nothing_was_recorded(tmp_path):
    (tmp_path / "jackfield.toml").write_text('default = "mock"\n')
    error = jackfield(tmp_path, "one.json", "chat", "Hello", code=1)[1]
    assert "nothing was recorded: this provider asks nobody over the network" in error
    assert not (tmp_path / "one.json").exists()
    assert (
        "from jackfield-testkit"
        in subprocess.run(
            [Path(sys.executable).with_name("jackfield"), "--help"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
    )

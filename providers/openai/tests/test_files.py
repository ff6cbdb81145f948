"""Files at OpenAI: what is sent, what is made of the answers, and what is wrong before anything is sent."""

import io
import os
import threading

import pytest
from hypothesis import given, strategies as st
from openai_files import COLOURS, local, options, through
from openai_forms import form_of
from scripted import Scripted, reply

import jackfield as jf
from jackfield.errors import (
    BadRequestError,
    ConnectionFailedError,
    DeadlineError,
    LimitExceededError,
    NotFoundError,
    ReadTimeoutError,
    ServerError,
    TruncatedStreamError,
)
from jackfield_jobs.asking import Polling
from jackfield_jobs.files import UploadFileRequest
from jackfield_openai import OpenAIAccount
from jackfield_openai.testing import FakeOpenAI, serve

testkit = pytest.importorskip("jackfield_testkit")

LINE = b'{"custom_id": "1", "method": "POST", "url": "/v1/embeddings", "body": {"input": "x"}}\n'
CHAT = b'{"messages": [{"role": "user", "content": "Hi"}]}\n'


def files_of(fake, **more):
    return jf.Client(**options(fake, **more)).provider("openai", OpenAIAccount).files


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("place", ["in process", "on loopback"])
def test_a_file_comes_and_goes(colour, place, tmp_path):
    fake = FakeOpenAI()
    path = tmp_path / "requests.jsonl"
    path.write_bytes(LINE * 3000)
    seen = []

    async def body(account, wait):
        files = account.files
        made = await wait(files.upload(path, purpose="batch", progress=lambda *told: seen.append(told)))
        assert (made.file.name, made.file.size, made.file.purpose) == ("requests.jsonl", path.stat().st_size, "batch")
        assert (made.file.expires - made.created, made.attempts) == (30 * 86_400, 1)
        assert (await wait(files.get(made.id))).file == made.file
        assert await wait(files.content(made.id)) == LINE * 3000
        assert (await wait(files.download(made.id, tmp_path / "back"))).size == path.stat().st_size
        assert (await wait(files.list().all())) == [made.file]
        assert (await wait(files.delete(made.id))).deleted
        with pytest.raises(NotFoundError, match="No such File object"):
            await wait(files.download(made.id, tmp_path / "never"))

    if place == "in process":
        through(colour, body, options(fake))
    else:
        with serve(fake) as base:
            through(colour, body, local(base))
        total = path.stat().st_size
        assert seen[-1] == (total, total)
        assert seen == sorted(seen)
    assert (tmp_path / "back").read_bytes() == path.read_bytes()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["back", "requests.jsonl"]


def test_what_is_sent():
    fake, seen = FakeOpenAI(), []

    def look(request):
        seen.append(request)
        return fake(request)

    files = files_of(look)
    files.upload(CHAT, purpose="fine-tune", expires_after=7200)
    files.upload(b"%PDF", purpose="user_data", name='r"é.pdf')
    files.upload(io.BytesIO(b"any"), purpose="user_data", media_type="text/x-own")
    fields = {"purpose": "fine-tune", "expires_after[anchor]": "created_at", "expires_after[seconds]": "7200"}
    assert form_of(seen[0]) == (fields, "data.jsonl", "text/jsonl", CHAT)
    assert form_of(seen[1])[2:] == ("application/pdf", b"%PDF")
    assert 'filename="r%22é.pdf"'.encode() in b"".join(seen[1].body)
    assert form_of(seen[2]) == ({"purpose": "user_data"}, "data", "text/x-own", b"any")
    assert [(one.method, one.path) for one in seen] == [("POST", "/v1/files")] * 3


def test_what_nobody_knows_is_sent_in_the_form_or_reported():
    seen = []

    def look(request):
        seen.append(request)
        return FakeOpenAI()(request)

    with jf.Client(**options(look)) as client:
        request = UploadFileRequest(
            source=LINE, purpose="batch", options={"openai": {"more": {"of": 1}}}, extra_body={"yet": True}
        )
        client.call(request)
    assert form_of(seen[0])[0] == {"purpose": "batch", "more[of]": "1", "yet": "true"}


def test_lists_are_read_page_by_page():
    fake = FakeOpenAI()
    made = [fake.files.add(f"{number}.txt", b"x", "user_data" if number % 2 else "batch").id for number in range(5)]
    files = files_of(fake)
    assert [one.id for one in files.list()] == made[::-1]
    assert [one.id for one in files.list(order="asc", limit=2)] == made
    assert [one.id for one in files.list(purpose="user_data")] == [made[3], made[1]]
    assert fake.lines == ["GET /files"] * 5
    assert fake.asked[2].query == {"order": "asc", "limit": "2", "after": made[1]}
    items = iter(files.list(limit=1))
    next(items)
    assert len(fake.lines) == 6


@pytest.mark.parametrize(
    ("source", "how", "says"),
    [
        ("no/such.jsonl", {}, "source: there is no file 'no/such.jsonl'"),
        (".", {}, "source: '.' is a folder"),
        (b"", {}, "source: the bytes object is empty"),
        (LINE, {"purpose": "bacth"}, "purpose: OpenAI has none that is called 'bacth'; did you mean 'batch'"),
        (LINE, {"purpose": "fun"}, "known: assistants, batch, evals, fine-tune, user_data, vision"),
        (LINE, {"name": "a.txt"}, "name: for the purpose 'batch' it must end in '.jsonl', and is 'a.txt'"),
        (b"a,b\n1,2\n", {}, "source: line 1 of 'data.jsonl' is no JSON"),
        (LINE + b"[1]\n", {}, "source: line 2 of 'data.jsonl' must be an object of JSON, and is a list"),
        (LINE + b"\n7\n", {}, "line 3 of 'data.jsonl' must be an object of JSON, and is a number"),
        (CHAT, {}, "line 1 of 'data.jsonl' lacks 'custom_id'; a batch wants custom_id, method, url and body"),
        (LINE.replace(b'"POST"', b'"GET"'), {}, "must have 'POST' as 'method'"),
        (LINE.replace(b'"1"', b"1"), {}, "must have a text as 'custom_id'"),
        (LINE.replace(b'{"input": "x"}', b"[]"), {}, "must have an object as 'body'"),
        (LINE, {"purpose": "fine-tune"}, "must have 'messages', or 'prompt' and 'completion', or"),
        (b'{"messages": []}', {"purpose": "fine-tune"}, "must have a list of 'messages', with one at least"),
        (LINE, {"expires_after": 5}, "expires_after: expected whole seconds from 3600"),
        (LINE, {"in_parts": True, "part_size": 10**9}, "part_size: expected a number of bytes from 1 to 67108864"),
        (b"[" * 60_000, {}, "is no JSON"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_sent(source, how, says):
    fake = FakeOpenAI()
    with pytest.raises(BadRequestError) as caught:
        files_of(fake).upload(source, **{"purpose": "batch", **how})
    assert says in caught.value.message
    assert fake.lines == []


def test_good_files_are_good(tmp_path):
    fake = FakeOpenAI()
    files = files_of(fake)
    for content in (
        b'{"prompt": "a", "completion": "b"}',
        b'\xef\xbb\xbf{"messages": [{}]}\r\n\r\n',
        b'{"input": {}, "preferred_output": [], "non_preferred_output": []}\n',
    ):
        files.upload(content, purpose="fine-tune")
    # a line that goes on behind what is looked at is not judged by its half
    files.upload(LINE + b'{"custom_id": "' + b"x" * 100_000, purpose="batch")
    files.upload(b"not looked at", purpose="batch", check=False)
    with pytest.raises(BadRequestError, match=r"'fun' is not one of .*'purpose'"):
        files.upload(b"x", purpose="fun", check=False)


def test_a_file_that_is_too_large_is_told(tmp_path):
    path = tmp_path / "large.jsonl"
    path.write_bytes(LINE)
    for purpose, size, in_parts in (("batch", 201, None), ("user_data", 513, False), ("user_data", 8193, None)):
        with path.open("r+b") as file:
            file.truncate(size * 1024 * 1024)  # a hole, which takes no room
        with pytest.raises(BadRequestError, match=f"source: 'large.jsonl' has {size * 1024 * 1024} bytes; .*at most"):
            files_of(FakeOpenAI()).upload(path, purpose=purpose, in_parts=in_parts)


def test_other_hosts_may_take_what_openai_does_not():
    seen = []

    def look(request):
        seen.append(form_of(request)[0])
        return jf.http.HttpResponse(200, {"content-type": "application/json"}, b'{"id": "file-1"}')

    there = {"default": "openai", "providers": {"openai": {"api_key": "k", "base_url": "https://files.example/v1"}}}
    with jf.Client(there, transport=testkit.FunctionNetwork(look)) as client:
        files = client.provider("openai").files
        assert files.upload(b"a,b", purpose="batch-api", name="a.csv").file.name is None
        with pytest.raises(BadRequestError, match="none that is called 'batch-api'"):
            files.upload(b"a,b", purpose="batch-api", check=True)
    assert seen == [{"purpose": "batch-api"}]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_download_that_is_not_whole_is_an_error_and_leaves_nothing(colour, tmp_path):
    fake = FakeOpenAI()
    named = fake.files.add("a", b"x" * 300_000, "batch").id

    async def body(account, wait):
        for read in (lambda: account.files.download(named, tmp_path / "a"), lambda: account.files.content(named)):
            fake.fail("GET /files/*/content", cut=200_000)
            with pytest.raises(TruncatedStreamError):
                await wait(read())

    through(colour, body, options(fake))
    with serve(fake) as base:
        through(colour, body, local(base))
    assert not list(tmp_path.iterdir())


def test_more_than_was_announced_is_an_error(tmp_path):
    def longer(request):
        return jf.http.HttpResponse(200, {"content-length": "2"}, b"abc")

    with pytest.raises(LimitExceededError, match="2 bytes were announced, and more come"):
        files_of(longer).download("file-1", tmp_path / "a")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("headers", [{}, {"content-length": "x"}, {"content-length": "9", "content-encoding": "zip"}])
def test_what_is_not_announced_is_taken_as_it_comes(headers):
    def answer(request):
        assert request.headers["accept-encoding"] == "identity"
        return jf.http.HttpResponse(200, headers, b"abc")

    assert files_of(answer).content("file-1") == b"abc"


def test_an_empty_file_is_one(tmp_path):
    fake = FakeOpenAI()
    named = fake.files.add("a", b"", "batch").id
    files = files_of(fake)
    assert files.content(named) == b""
    assert files.download(named, tmp_path / "a").size == 0
    assert (tmp_path / "a").read_bytes() == b""
    assert files.stream(named).all() == []


def test_content_has_a_limit_that_can_be_raised():
    fake = FakeOpenAI()
    named = fake.files.add("a", b"x" * 1001, "batch").id
    files = files_of(fake)
    with pytest.raises(LimitExceededError, match="larger than the limit of 1000 bytes"):
        files.content(named, limit=1000)
    assert files.content(named, limit=1001) == b"x" * 1001


def test_ids_of_any_kind_stay_one_part_of_the_path():
    fake = FakeOpenAI()
    files = files_of(fake)
    for named in ("../models", "a b/c?d#e", "..", "é"):
        for ask in (files.get, files.delete, files.content):
            with pytest.raises(NotFoundError):
                ask(named)
    assert {asked.steps[1] for asked in fake.asked} == {"../models", "a b/c?d#e", "..", "é"}


def test_an_upload_whose_reply_is_lost_is_not_sent_again_and_a_list_is():
    pytest.importorskip("jackfield_retry")
    fake = FakeOpenAI()
    files = files_of(fake, middleware=[{"use": "retry", "backoff": 0.001}])
    fake.fail("POST /files", lost="reply")
    with pytest.raises(ConnectionFailedError) as caught:
        files.upload(LINE, purpose="batch")
    assert caught.value.sent
    assert fake.lines == ["POST /files"]
    assert len(fake.files.kept) == 1
    fake.fail("GET /files", lost="reply")
    (kept,) = files.list()
    fake.fail("GET *", status=503)
    assert files.get(kept.id).attempts == 2
    fake.fail("GET *", cut=5)
    assert files.content(kept.id) == LINE
    fake.fail("DELETE *", status=500)
    assert files.delete(kept.id).deleted


def test_waiting_for_a_file_takes_the_time_of_the_runtime():
    simulation = testkit.Simulation(lambda request: fake(request))
    fake = FakeOpenAI(clock=simulation.runtime.wall)
    fake.files.processing = 100
    config = options(fake)["config"]
    files = simulation.client(config=config).provider("openai").files
    made = simulation.run(files.upload(LINE, purpose="batch"))
    assert made.file.pending
    done = simulation.run(files.wait(made.id, polling=Polling(first=30, factor=1)))
    assert (done.file.status, simulation.now) == ("processed", 120.0)


def test_nothing_is_told_of_content_or_key(caplog):
    caplog.set_level(0)
    fake = FakeOpenAI()
    fake.fail("POST /files", status=500)
    files = files_of(fake, middleware=[{"use": "logging", "content": ["messages", "text"]}] if HAS_LOGS else [])
    words = LINE.replace(b'"x"', b'"private words"')
    with pytest.raises(ServerError) as caught:
        files.upload(words, purpose="batch")
    made = files.upload(words, purpose="batch")
    files.content(made.id)
    files.stream(made.id).all()
    shown = f"{caught.value!r} {vars(caught.value)!r} {made!r} {files!r} {caplog.text}"
    assert "private" not in shown
    assert "sk-secret" not in shown


try:
    import jackfield_logging  # noqa: F401

    HAS_LOGS = True
except ImportError:
    HAS_LOGS = False


def test_progress_that_fails_ends_an_upload_with_its_own_error(tmp_path):
    fake = FakeOpenAI()

    def fails(done, total):
        raise LookupError("mine")

    with serve(fake) as base:
        with jf.Client(**local(base)) as client, pytest.raises(LookupError, match="mine"):
            client.provider("openai").files.upload(LINE, purpose="batch", progress=fails)
    assert fake.lines == []


# --- time


def answering(seconds, **bounds):
    """A server that says nothing for so long, and arguments of a client of it with these bounds."""
    server = Scripted(lambda _: [seconds, reply('{"id": "file-1", "object": "file"}')])
    where = local(server.url)
    where["config"]["timeouts"] = bounds
    return server, where


@pytest.mark.parametrize("colour", COLOURS)
def test_an_upload_takes_longer_than_calls_may_and_keeps_to_a_bound_of_its_own(colour):
    async def body(account, wait):
        assert (await wait(account.files.upload(LINE, purpose="batch"))).id == "file-1"
        with pytest.raises(DeadlineError):
            await wait(account.files.upload(LINE, purpose="batch", timeout=0.2))

    server, where = answering(0.6, total=0.3, first=0.3)
    with server:
        through(colour, body, where)


@pytest.mark.parametrize("colour", COLOURS)
def test_silence_ends_an_upload(colour):
    async def body(account, wait):
        with pytest.raises(ReadTimeoutError, match="nothing was received for 0.2 s"):
            await wait(account.files.upload(LINE, purpose="batch"))

    server, where = answering(5, silence=0.2)
    with server:
        through(colour, body, where)


@given(st.binary(min_size=1, max_size=300), st.sampled_from(["batch", "evals", "fine-tune", "user_data"]))
def test_whatever_a_file_holds_it_is_sent_or_refused(content, purpose):
    fake = FakeOpenAI()
    try:
        made = files_of(fake).upload(content, purpose=purpose)
    except BadRequestError as error:
        assert error.message.startswith("source: line ")
        assert fake.lines == []
    else:
        assert fake.files.content(made.id) == content


# --- sources that move


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("change", ["grows", "shrinks"])
def test_a_file_that_changes_while_it_is_sent_is_told_and_not_kept(colour, change, tmp_path):
    fake, path = FakeOpenAI(), tmp_path / "a.bin"
    path.write_bytes(b"x" * 1_000_000)

    def changes(done, total):
        os.truncate(path, 2_000_000 if change == "grows" else done)

    async def body(account, wait):
        with pytest.raises(BadRequestError, match=r"source: '.*a.bin' (has changed|became shorter)"):
            await wait(account.files.upload(path, purpose="user_data", progress=changes))

    with serve(fake) as base:
        through(colour, body, local(base))
    assert fake.lines == []
    assert fake.files.kept == {}


@pytest.mark.parametrize("colour", COLOURS)
def test_a_stream_that_cannot_go_back_is_sent(colour):
    fake = FakeOpenAI()
    reading, writing = os.pipe()
    content = os.urandom(50_000)

    async def body(account, wait):
        return await wait(account.files.upload(pipe, purpose="user_data", name="a.bin"))

    def write():
        with open(writing, "wb") as end:
            end.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    with serve(fake) as base, open(reading, "rb", buffering=0) as pipe:
        made = through(colour, body, local(base))
    writer.join()
    assert fake.files.content(made.id) == content


@pytest.mark.parametrize("colour", COLOURS)
def test_a_download_keeps_a_link_and_spares_what_is_no_file(colour, tmp_path):
    fake = FakeOpenAI()
    named = fake.files.add("a", b"new", "user_data").id
    (tmp_path / "real").write_bytes(b"old and longer")
    (tmp_path / "link").symlink_to("real")
    os.mkfifo(tmp_path / "pipe")

    async def body(account, wait):
        assert (await wait(account.files.download(named, tmp_path / "link"))).path == tmp_path / "link"
        with pytest.raises(BadRequestError, match="pipe' is no file, but a pipe or a device"):
            await wait(account.files.download(named, tmp_path / "pipe"))
        with pytest.raises(BadRequestError, match="to: expected the path of a file, got None"):
            await wait(account.files.download(named, None))

    through(colour, body, options(fake))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "pipe", "real"]


def test_a_list_for_half_a_character_is_told():
    with pytest.raises(BadRequestError, match="half a character, which no path can hold"):
        files_of(FakeOpenAI()).list(purpose="\ud800").all()

"""Uploads in parts: by size or by wish, given up where they fail, and taken up again."""

import hashlib
import io
import json
import socket
import threading
from functools import partial

import anyio
import pytest
from loopback import Loopback, hold
from openai_files import COLOURS, local, options, through

import jackfield as jf
from jackfield.errors import (
    BadRequestError,
    ConnectionFailedError,
    MalformedReplyError,
    NotFoundError,
    ServerError,
    StreamStateError,
)
from jackfield_jobs.stored import Files, Parting
from jackfield_jobs.uploads import UnfinishedUpload
from jackfield_openai.testing import FakeOpenAI, serve

CONTENT = bytes(range(256)) * 10  # ten parts of 256 bytes
PART = {"purpose": "user_data", "name": "a.bin", "part_size": 256}


def parts_of(fake):
    return sum(line.endswith("/parts") for line in fake.lines)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("place", ["in process", "on loopback"])
def test_a_file_goes_in_parts(colour, place, tmp_path):
    fake, seen = FakeOpenAI(), []
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT + b"rest")

    async def body(account, wait):
        how = {"in_parts": True, "part_size": 256, "expires_after": 3600}
        how["progress"] = lambda *told: seen.append(told)
        return await wait(account.files.upload(path, purpose="user_data", **how))

    if place == "in process":
        made = through(colour, body, options(fake))
    else:
        with serve(fake) as base:
            made = through(colour, body, local(base))
    assert (made.id, made.file.name, made.file.size) == (made.file.id, "a.bin", 2564)
    assert made.file.expires == made.file.created + 3600
    assert fake.files.content(made.id) == path.read_bytes()
    assert fake.lines[0] == "POST /uploads"
    assert parts_of(fake) == 11
    assert fake.asked[-1].json()["md5"] == hashlib.md5(path.read_bytes()).hexdigest()
    assert seen == [(256 * number, 2564) for number in range(1, 11)] + [(2564, 2564)]


def test_a_large_file_goes_in_parts_by_itself():
    fake = FakeOpenAI()
    with jf.Client(**options(fake)) as client:
        files = Files(client, "openai", Parting(above=1000, size=600))
        files.upload(CONTENT, purpose="user_data", name="large")
        files.upload(CONTENT[:1000], purpose="user_data", name="small")
        files.upload(CONTENT, purpose="user_data", name="whole", in_parts=False)
    assert parts_of(fake) == 5
    assert fake.lines.count("POST /files") == 2
    assert {file.content for file in fake.files.kept.values()} == {CONTENT, CONTENT[:1000]}


@pytest.mark.parametrize("colour", COLOURS)
def test_an_upload_that_fails_is_given_up(colour):
    fake = FakeOpenAI()
    fake.fail("POST /uploads/*/parts", status=500, skip=3)

    async def body(account, wait):
        with pytest.raises(ServerError):
            await wait(account.files.upload(CONTENT, in_parts=True, **PART))

    through(colour, body, options(fake))
    assert parts_of(fake) == 4
    assert fake.lines[-1].endswith("/cancel")
    assert [upload.status for upload in fake.uploads.kept.values()] == ["cancelled"]
    fake.fail("POST *", status=500, skip=2, times=9)  # it cannot even be given up: what went wrong first is told
    through(colour, body, options(fake))


@pytest.mark.parametrize("colour", COLOURS)
def test_only_the_parts_that_are_missing_are_sent_again(colour, tmp_path):
    fake, unfinished, seen = FakeOpenAI(), UnfinishedUpload(), []
    fake.fail("POST /uploads/*/parts", status=503, skip=3)

    async def body(account, wait):
        with pytest.raises(ServerError):
            await wait(account.files.upload(io.BytesIO(CONTENT), resume=unfinished, **PART))
        assert len(unfinished.parts) == 3
        assert not any(line.endswith("/cancel") for line in fake.lines)
        again = UnfinishedUpload.load(unfinished.dump())
        how = {**PART, "progress": lambda *told: seen.append(told)}
        return await wait(account.files.upload(io.BytesIO(CONTENT), resume=again, **how))

    made = through(colour, body, options(fake))
    assert fake.files.content(made.id) == CONTENT
    assert parts_of(fake) == 4 + 7
    assert [done for done, _ in seen] == [256 * number for number in range(1, 11)]
    assert fake.lines.count("POST /uploads") == 1


def test_what_is_taken_up_again_must_be_the_same():
    fake = FakeOpenAI()
    with jf.Client(**options(fake)) as client:
        files = client.provider("openai").files
        unfinished = UnfinishedUpload("upload_1", {0: "part_1"}, 256, len(CONTENT))
        with pytest.raises(BadRequestError, match="resume: the file had 2560 bytes when .* has 2561"):
            files.upload(CONTENT + b"x", resume=unfinished, **PART)
        with pytest.raises(BadRequestError, match="part_size: the parts that have come have 256 bytes, not 100"):
            files.upload(CONTENT, resume=unfinished, **{**PART, "part_size": 100})
        assert fake.lines == []
        with pytest.raises(NotFoundError, match="No such Upload object: upload_1"):
            files.upload(CONTENT, resume=unfinished, **PART)
        # the same number of other bytes is found out by the checksum
        unfinished = UnfinishedUpload()
        fake.fail("POST /uploads/*/parts", skip=2)
        with pytest.raises(ServerError):
            files.upload(CONTENT, resume=unfinished, **PART)
        with pytest.raises(BadRequestError, match="checksum"):
            files.upload(CONTENT[::-1], resume=unfinished, **PART)


def test_an_upload_goes_on_after_a_restart_of_the_service_and_not_after_its_hour():
    fake, unfinished = FakeOpenAI(), UnfinishedUpload()
    fake.fail("POST /uploads/*/parts", lost="request", skip=5)
    with jf.Client(**options(fake)) as client, pytest.raises(ConnectionFailedError):
        client.provider("openai").files.upload(CONTENT, resume=unfinished, **PART)
    state = fake.dump()
    fake = FakeOpenAI.load(state)
    with jf.Client(**options(fake)) as client:
        made = client.provider("openai").files.upload(CONTENT, resume=unfinished, **PART)
    assert fake.files.content(made.id) == CONTENT
    assert parts_of(fake) == 5
    late = FakeOpenAI.load(state)
    late.advance(3600)
    unfinished.parts.pop(9)
    with jf.Client(**options(late)) as client, pytest.raises(BadRequestError, match="is expired"):
        client.provider("openai").files.upload(CONTENT, resume=unfinished, **PART)


def test_a_part_whose_reply_is_lost_is_sent_again_where_retries_are_asked_for():
    pytest.importorskip("jackfield_retry")
    fake = FakeOpenAI()
    fake.fail("POST /uploads/*/parts", lost="reply", skip=2)
    with jf.Client(**options(fake, middleware=[{"use": "retry", "backoff": 0.001}])) as client:
        made = client.provider("openai").files.upload(CONTENT, in_parts=True, **PART)
    assert fake.files.content(made.id) == CONTENT
    assert parts_of(fake) == 11


def test_step_by_step(tmp_path):
    fake = FakeOpenAI()
    with jf.Client(**options(fake)) as client:
        uploads = client.provider("openai").uploads
        begun = uploads.create("a.bin", purpose="user_data", size=6, expires_after=3600)
        assert (begun.id, begun.upload.status, begun.upload.size) == (begun.upload.id, "pending", 6)
        assert fake.asked[0].json()["mime_type"] == "application/octet-stream"
        two = uploads.part(begun.id, io.BytesIO(b"abcdef"), start=3)
        one = uploads.part(begun.id, b"abcdef", stop=3)
        done = uploads.complete(begun.id, [one.part, two.part])
        assert (done.upload.status, done.upload.file.size) == ("completed", 6)
        assert fake.files.content(done.upload.file.id) == b"abcdef"
        other = uploads.create("b.jsonl", purpose="fine-tune", size=1)
        assert uploads.cancel(other.id).upload.status == "cancelled"
        with pytest.raises(BadRequestError, match="start: expected a part of 6 bytes, got those from 3 to 9"):
            uploads.part(begun.id, b"abcdef", start=3, stop=9)
        with pytest.raises(BadRequestError, match="size: expected how many bytes"):
            uploads.create("a", purpose="batch", size=0)
        with pytest.raises(BadRequestError, match="it must end in '.jsonl'"):
            uploads.create("a", purpose="batch", size=1)


def test_a_part_that_is_too_large_is_told(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    fake = FakeOpenAI()
    with jf.Client(**options(fake)) as client, pytest.raises(BadRequestError, match="a part has at most 67108864"):
        client.provider("openai").uploads.part("upload_1", path)
    assert fake.lines == []


def test_a_complete_upload_without_a_file_is_malformed():
    fake = FakeOpenAI()

    def forgetful(request):
        reply = fake(request)
        if not request.path.endswith("/complete"):
            return reply
        return jf.http.HttpResponse(200, reply.headers, b'{"id": "upload_1", "status": "completed"}')

    with jf.Client(**options(forgetful)) as client, pytest.raises(MalformedReplyError, match="tells of no file"):
        client.provider("openai").files.upload(CONTENT, in_parts=True, **PART)


# --- in the middle


class Slow(Loopback):
    """Takes the head of an upload's parts, and no more; everything else it has a fake answer."""

    def __init__(self, base):
        super().__init__()
        self.base = int(base.rpartition(":")[2].partition("/")[0])
        self.stuck = threading.Event()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.listen()

    def serve(self, connection):
        while head := connection.recv(65536):
            if b"/parts" in head.partition(b"\r\n")[0]:
                self.stuck.set()
                hold(connection)
                return
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            with socket.create_connection(("127.0.0.1", self.base)) as behind:
                length = int((head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]) or 0)
                while len(head.partition(b"\r\n\r\n")[2]) < length:
                    head += connection.recv(65536)
                behind.sendall(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
                while piece := behind.recv(65536):
                    connection.sendall(piece)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("kept", [False, True])
def test_an_upload_that_is_cancelled_in_the_middle_is_given_up_unless_it_is_kept(backend, kept):
    fake, unfinished = FakeOpenAI(), UnfinishedUpload() if kept else None
    big = b"x" * 30_000_000

    async def main(url):
        async with jf.AsyncClient(**local(url)) as client, anyio.create_task_group() as group:
            how = {"purpose": "user_data", "name": "a", "part_size": 20_000_000, "in_parts": True, "resume": unfinished}
            group.start_soon(partial(client.provider("openai").files.upload, big, **how))
            assert await anyio.to_thread.run_sync(slow.stuck.wait, 30)
            group.cancel_scope.cancel()

    with serve(fake) as base, Slow(base) as slow:
        anyio.run(main, slow.url, backend=backend)
        assert slow.settled(0)
    cancels = [line for line in fake.lines if line.endswith("/cancel")]
    assert len(cancels) == (0 if kept else 1)
    assert [upload.status for upload in fake.uploads.kept.values()] == ["pending" if kept else "cancelled"]


def test_closing_a_client_ends_an_upload():
    fake = FakeOpenAI()
    with serve(fake) as base, Slow(base) as slow, jf.Client(**local(slow.url)) as client:

        def close():
            slow.stuck.wait(30)
            client.close()

        closing = threading.Thread(target=close)
        closing.start()
        with pytest.raises(StreamStateError):
            client.provider("openai").files.upload(b"x" * 30_000_000, purpose="user_data", name="a", in_parts=True)
        closing.join()
        assert slow.settled(0)


def test_ctrl_c_gives_an_upload_up():
    fake = FakeOpenAI()

    def stops(done, total):
        raise KeyboardInterrupt

    with serve(fake) as base, jf.Client(**local(base)) as client:
        with pytest.raises(KeyboardInterrupt):
            client.provider("openai").files.upload(CONTENT, in_parts=True, progress=stops, **PART)
    assert [upload.status for upload in fake.uploads.kept.values()] == ["cancelled"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_download_that_is_cancelled_in_the_middle_leaves_nothing(backend, tmp_path):
    fake = FakeOpenAI()
    named = fake.files.add("a", b"x" * 20_000_000, "batch").id

    async def main(base):
        async with jf.AsyncClient(**local(base)) as client:
            with anyio.CancelScope() as scope:
                files = client.provider("openai").files
                await files.download(named, tmp_path / "a", progress=lambda *_: scope.cancel())
            assert scope.cancelled_caught
            async with files.stream(named) as pieces:
                async for _ in pieces:
                    break

    with serve(fake) as base:
        anyio.run(main, base, backend=backend)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"part_size": 0}, "part_size: expected a number of bytes from 1 to 67108864, got 0"),
        ({"part_size": "250"}, "part_size: expected a number of bytes from 1 to 67108864, got '250'"),
        ({"in_parts": "yes"}, "in_parts: expected True, False or None, got 'yes'"),
        ({"resume": {}}, "resume: expected an UnfinishedUpload, got {}"),
    ],
)
def test_how_parts_are_wished_for_is_checked_however_the_file_goes(given, says):
    fake = FakeOpenAI()
    files = jf.Client(**options(fake)).provider("openai").files
    with pytest.raises(BadRequestError, match=says):
        files.upload(CONTENT, purpose="user_data", **given)
    assert fake.lines == []


@pytest.mark.parametrize(
    "told",
    [
        {"upload": 5, "parts": {}, "part_size": 1, "size": 1},
        {"upload": "u", "parts": {"0": None}, "part_size": 1, "size": 1},
        {"upload": "u", "parts": {}, "part_size": "x", "size": 1},
        {"upload": "u", "parts": {}, "part_size": 1},
    ],
)
def test_what_was_kept_of_an_upload_is_checked(told):
    with pytest.raises(BadRequestError, match=r"resume: expected the text that UnfinishedUpload.dump\(\) gave"):
        UnfinishedUpload.load(json.dumps(told))

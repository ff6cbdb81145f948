"""Files of any provider, in both kinds of client."""

import io
from datetime import timedelta

import anyio
import pytest
from shelf import Account, Shelf, shelved

import jackfield as jf
from jackfield.errors import BadRequestError, DeadlineError, NotFoundError, StreamInterruptedError
from jackfield_jobs.asking import Polling
from jackfield_jobs.files import ContentRequest, FileRequest, ListFilesRequest, UploadFileRequest
from jackfield_jobs.uploads import CompleteUploadRequest, UnfinishedUpload
from jackfield_testkit import Simulation

COLOURS = ["sync", "asyncio", "trio"]
WORDS = b"words of no meaning\n" * 500


def through(colour, body, shelf, **more):
    """Run a body with the accessor's files, and with a function that waits for what they give."""
    if colour == "sync":

        async def same(value):
            return value

        with jf.Client(**shelved(shelf, **more)) as client:
            return jf.runtime.drive(body(client.provider("shelf").files, same))

    async def main():
        async with jf.AsyncClient(**shelved(shelf, **more)) as client:
            return await body(client.provider("shelf").files, lambda value: value)

    return anyio.run(main, backend=colour)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_file_comes_and_goes(colour, tmp_path):
    shelf = Shelf()

    async def body(files, wait):
        made = await wait(files.upload(io.BytesIO(WORDS), purpose="any", name="a.txt"))
        assert (made.id, made.file.size, made.file.pending) == ("a.txt", len(WORDS), False)
        assert (await wait(files.get("a.txt"))).file == made.file
        assert await wait(files.content("a.txt")) == WORDS
        told = await wait(files.download("a.txt", tmp_path / "b.txt"))
        assert (told.size, told.path, told.content) == (len(WORDS), tmp_path / "b.txt", None)
        assert (tmp_path / "b.txt").read_bytes() == WORDS
        assert (await wait(files.delete("a.txt"))).deleted
        with pytest.raises(NotFoundError):
            await wait(files.get("a.txt"))

    through(colour, body, shelf)
    assert [one.name for one in tmp_path.iterdir()] == ["b.txt"]


def test_lists_and_streams_in_both_kinds_of_client():
    shelf = Shelf()
    shelf.kept = {f"{number}": WORDS for number in range(5)}
    with jf.Client(**shelved(shelf)) as client:
        files = client.provider("shelf", Account).files
        assert [one.id for one in files.list()] == list("01234")
        assert [one.id for one in files.list(order="desc", limit=3).all()] == list("43210")
        assert b"".join(files.stream("3")) == WORDS
        with files.stream("3") as pieces:
            assert next(iter(pieces)) == WORDS[:1000]

    async def main():
        async with jf.AsyncClient(**shelved(shelf)) as client:
            files = client.provider("shelf").files
            assert [one.id async for one in files.list()] == list("01234")
            assert len(await files.list()) == 5
            assert b"".join([piece async for piece in files.stream("3")]) == WORDS
            async with files.stream("3") as pieces:
                async for piece in pieces:
                    assert piece == WORDS[:1000]
                    break

    anyio.run(main)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_download_that_breaks_off_leaves_what_was_there(colour, tmp_path):
    shelf = Shelf()
    shelf.kept = {"a": WORDS}
    target = tmp_path / "kept.txt"
    target.write_text("before")
    shelf.fails, shelf.after = StreamInterruptedError("it broke"), 3000

    async def body(files, wait):
        with pytest.raises(StreamInterruptedError) as caught:
            await wait(files.download("a", target))
        assert caught.value.partial.content is None
        assert "words" not in f"{caught.value!r} {caught.value.partial!r}"

    through(colour, body, shelf)
    assert [one.name for one in tmp_path.iterdir()] == ["kept.txt"]
    assert target.read_text() == "before"


@pytest.mark.parametrize("colour", COLOURS)
def test_a_download_that_breaks_off_is_made_again_where_retries_are_asked_for(colour, tmp_path):
    pytest.importorskip("jackfield_retry")
    shelf = Shelf()
    shelf.kept = {"a": WORDS}
    shelf.fails, shelf.after = StreamInterruptedError("it broke"), 3000
    seen = []

    async def body(files, wait):
        return await wait(files.download("a", tmp_path / "a", progress=lambda *told: seen.append(told)))

    retries = {"use": "retry", "backoff": 0.001}
    assert through(colour, body, shelf, middleware=[retries]).attempts == 2
    assert (tmp_path / "a").read_bytes() == WORDS
    assert [done for done, _ in seen].count(1000) == 2
    assert seen[-1] == (len(WORDS), len(WORDS))


@pytest.mark.parametrize(
    ("to", "says"), [("", "to: '.*' is a folder"), ("no/such/folder/a", "to: '.*' cannot be written: No such file")]
)
def test_a_place_that_cannot_be_written_is_told_before_anything_is_asked(tmp_path, to, says):
    shelf = Shelf()
    shelf.kept = {"a": WORDS}
    with jf.Client(**shelved(shelf)) as client, pytest.raises(BadRequestError, match=says):
        client.provider("shelf").files.download("a", tmp_path / to)
    assert shelf.calls == []


def test_what_nobody_announces_has_no_total(tmp_path):
    shelf = Shelf()
    shelf.kept, shelf.announces = {"a": WORDS[:500]}, False
    seen = []
    with jf.Client(**shelved(shelf)) as client:
        client.provider("shelf").files.download("a", tmp_path / "a", progress=lambda *told: seen.append(told))
    assert seen == [(500, None)]


@pytest.mark.parametrize("colour", COLOURS)
def test_what_progress_raises_is_raised(colour, tmp_path):
    shelf = Shelf()
    shelf.kept = {"a": WORDS}

    def fails(done, total):
        raise LookupError("mine")

    async def body(files, wait):
        with pytest.raises(LookupError, match="mine"):
            await wait(files.download("a", tmp_path / "a", progress=fails))

    through(colour, body, shelf)
    assert not list(tmp_path.iterdir())


def test_waiting_until_a_file_is_of_use():
    shelf = Shelf()
    shelf.kept, shelf.statuses = {"a": WORDS}, ["uploaded", "uploaded", "processed"]
    simulation = Simulation()
    client = simulation.client(**shelved(shelf))
    seen = []
    files = client.provider("shelf").files
    done = simulation.run(files.wait("a", polling=Polling(first=10), progress=lambda file: seen.append(file.status)))
    assert (done.file.status, seen, simulation.now) == ("processed", ["uploaded", "uploaded", "processed"], 25.0)
    shelf.statuses = ["uploaded"]
    with pytest.raises(DeadlineError, match="not done after"):
        simulation.run(files.wait("a", timeout=60))
    shelf.statuses = ["error"]
    with pytest.raises(BadRequestError, match="the service cannot use the file 'a': torn"):
        simulation.run(files.wait("a"))
    shelf.statuses = [None]  # a service that says nothing is done
    assert simulation.run(files.wait("a")).file.status is None


def test_a_service_that_takes_files_whole_takes_no_parts():
    with jf.Client(**shelved(Shelf())) as client:
        files = client.provider("shelf").files
        for how in ({"in_parts": True}, {"resume": UnfinishedUpload()}):
            with pytest.raises(BadRequestError, match="in one piece alone"):
                files.upload(b"x", purpose="any", name="a", **how)


def test_files_have_the_time_that_they_need_and_keep_to_a_bound_that_is_given(tmp_path):
    slow = Shelf()
    slow.kept = {"a": WORDS}
    simulation = Simulation()
    files = simulation.client(**shelved(slow)).provider("shelf").files
    simulation.run(files.upload(b"x", purpose="any", name="b"))
    simulation.run(files.download("a", tmp_path / "a"))
    assert [(call.deadline, call.timeouts.first) for call in slow.calls] == [(None, None), (None, 300.0)]
    assert all(call.timeouts.silence == 120.0 for call in slow.calls)
    simulation.run(files.upload(b"x", purpose="any", name="b", timeout=7))
    bound = simulation.client(**shelved(slow)).with_options(timeout=9).provider("shelf").files
    simulation.run(bound.download("a", tmp_path / "a"))
    assert [call.deadline for call in slow.calls[2:]] == [7.0, 9.0]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: UploadFileRequest(source=b"x", purpose=""),
        lambda: UploadFileRequest(source=b"x", purpose=None),
        lambda: UploadFileRequest(source=b"x", purpose="any", expires_after=-1),
        lambda: UploadFileRequest(source=b"x", purpose="any", expires_after="1h"),
        lambda: UploadFileRequest(source=object(), purpose="any"),
        lambda: ListFilesRequest(order="up"),
        lambda: ListFilesRequest(limit=0),
        lambda: FileRequest(file=""),
        lambda: FileRequest(file=3),
        lambda: ContentRequest(file="a", limit=0),
        lambda: ContentRequest(file="a", to=""),
        lambda: CompleteUploadRequest(upload="u", parts=[]),
        lambda: CompleteUploadRequest(upload="u", parts=[""]),
        lambda: UnfinishedUpload.load("{}"),
        lambda: UnfinishedUpload.load("no JSON"),
    ],
)
def test_a_wrong_field_is_told(wrong):
    with pytest.raises(BadRequestError, match=r"^(source|purpose|expires_after|order|limit|file|to|parts|resume): exp"):
        wrong()


def test_a_length_of_time_may_be_one():
    assert UploadFileRequest(source=b"x", purpose="any", expires_after=timedelta(hours=1)).expires_after == 3600.0


def test_what_was_sent_so_far_goes_through_text():
    unfinished = UnfinishedUpload("u", {0: "a", 2: "c"}, 5, 14)
    assert UnfinishedUpload.load(unfinished.dump()) == unfinished

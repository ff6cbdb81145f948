"""What is uploaded: paths, bytes and streams, read any number of times; and what is wrong with them."""

import copy
import gc
import io
import os
import threading

import pytest
from hypothesis import given, strategies as st

from jackfield.errors import BadRequestError
from jackfield_jobs.sources import FileSource, media_type_of

BIG = bytes(range(256)) * 4000  # several pieces


class Pipe(io.RawIOBase):
    """A stream that cannot go back, and gives what it has in odd pieces."""

    def __init__(self, content):
        self.left = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        piece = self.left.read(min(len(buffer), 1007))
        buffer[: len(piece)] = piece
        return len(piece)


def file_in(folder, content=BIG, name="a.jsonl"):
    path = folder / name
    path.write_bytes(content)
    return path


def placed(content):
    """A stream that stands behind its beginning."""
    stream = io.BytesIO(b"before" + content)
    stream.seek(6)
    return stream


KINDS = {
    "path": file_in,
    "text": lambda folder: str(file_in(folder)),
    "bytes": lambda _: BIG,
    "bytearray": lambda _: bytearray(BIG),
    "view": lambda _: memoryview(BIG),
    "stream": lambda _: placed(BIG),
    "file": lambda folder: file_in(folder).open("rb", buffering=0),
    "pipe": lambda _: Pipe(BIG),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_read_again_and_again_and_in_part(tmp_path, kind):
    source_of = KINDS[kind](tmp_path)
    with FileSource(source_of) as source:
        assert source.size == len(BIG)
        assert source.head == BIG[: 64 * 1024]
        for _ in range(2):
            pieces = list(source.pieces())
            assert b"".join(pieces) == BIG
            assert all(0 < len(piece) <= 1024 * 1024 for piece in pieces)
        assert b"".join(source.pieces(1000, 700_000)) == BIG[1000:700_000]
        # two readings by turns do not disturb one another
        one, two = source.pieces(), source.pieces(5)
        got = [b"", b""]
        for first, second in zip(one, two, strict=True):
            got = [got[0] + first, got[1] + second]
        assert got == [BIG, BIG[5:]]
    if hasattr(source_of, "close"):
        source_of.close()


def test_a_view_of_every_second_byte_is_read_as_it_is():
    source = FileSource(memoryview(b"axbxcx")[::2])
    assert b"".join(source.pieces()) == b"abc"


def test_names_and_kinds(tmp_path):
    assert FileSource(tmp_path / "puppies.jsonl").name == "puppies.jsonl"
    assert FileSource(b"x").name is None
    assert FileSource(io.BytesIO(b"x")).name is None
    with file_in(tmp_path).open("rb") as file:
        assert FileSource(file).name == "a.jsonl"
        assert FileSource(file, "other.txt").name == "other.txt"
    kinds = ("a.jsonl", "a.JSONL", "a.pdf", "a.png", "a.md", "a", "a.unheard-of")
    assert [media_type_of(name) for name in kinds] == [
        "text/jsonl",
        "text/jsonl",
        "application/pdf",
        "image/png",
        "text/markdown",
        "application/octet-stream",
        "application/octet-stream",
    ]


def test_a_copy_is_closed_with_its_source():
    source = FileSource(Pipe(b"abc"))
    assert source.size == 3
    copied = source.open()._stream
    del source
    gc.collect()
    assert copied.closed


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda _: 5, "expected a path, bytes or a stream that was opened with 'rb', got an object of type int"),
        (lambda _: None, "NoneType"),
        (lambda folder: folder / "none.jsonl", "there is no file '.*none.jsonl'"),
        (lambda folder: folder, "is a folder"),
        (lambda _: b"", "is empty"),
        (lambda folder: file_in(folder, b""), "'.*a.jsonl' is empty"),
        (lambda _: io.BytesIO(b""), "is empty"),
        (lambda _: Pipe(b""), "is empty"),
        (lambda _: "a\0b", "cannot be read"),
        (lambda _: io.StringIO("text"), "is a stream of text: open it with 'rb'"),
    ],
)
def test_what_cannot_be_sent_is_told(tmp_path, wrong, says):
    with pytest.raises(BadRequestError, match=rf"^source: .*{says}"):
        FileSource(wrong(tmp_path)).open()


def test_a_stream_that_is_none_is_told():
    class Words:
        def read(self, size):
            return "words"

    class Nothing:
        def read(self, size):
            return None

    for stream, says in ((Words(), "gives text"), (Nothing(), "gives NoneType")):
        with pytest.raises(BadRequestError, match=says):
            FileSource(stream).open()
    closed = io.BytesIO(b"abc")
    closed.close()
    with pytest.raises(BadRequestError, match="cannot be read"):
        FileSource(closed).open()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="this user may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path):
    path = file_in(tmp_path)
    path.chmod(0)
    with pytest.raises(BadRequestError, match="cannot be read: Permission denied"):
        FileSource(path).open()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_named_pipe_is_copied(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(b"through"))
    writer.start()
    with FileSource(path) as source:
        assert b"".join(source.pieces()) == b"through"
        assert b"".join(source.pieces()) == b"through"
    writer.join()


@pytest.mark.parametrize("change", ["longer", "shorter", "touched", "replaced", "gone"])
def test_a_file_that_changes_is_told(tmp_path, change):
    path = file_in(tmp_path)
    source = FileSource(path)
    assert source.size == len(BIG)
    match change:
        case "longer":
            with path.open("ab") as file:
                file.write(b"more")
        case "shorter":
            os.truncate(path, 10)
        case "touched":
            os.utime(path, ns=(1, 1))
        case "replaced":
            file_in(tmp_path, BIG, "b").replace(path)
        case "gone":
            path.unlink()
    with pytest.raises(BadRequestError, match="there is no file" if change == "gone" else "has changed"):
        list(source.pieces())


@pytest.mark.parametrize("change", ["longer", "shorter"])
def test_a_file_that_changes_while_it_is_read_is_told_before_its_end(tmp_path, change):
    path = file_in(tmp_path)
    pieces = FileSource(path).pieces()
    got = next(pieces)
    os.truncate(path, len(BIG) + 5 if change == "longer" else len(got))
    with pytest.raises(BadRequestError, match="has changed|became shorter"):
        for piece in pieces:
            got += piece
    assert len(got) < len(BIG)


def test_a_stream_that_shrinks_is_told():
    stream = io.BytesIO(BIG)
    source = FileSource(stream)
    assert source.size == len(BIG)
    stream.truncate(100)
    with pytest.raises(BadRequestError, match=f"became shorter while it was sent: {len(BIG) - 100} bytes are missing"):
        list(source.pieces())


def test_a_source_tells_nothing_of_what_it_holds():
    source = FileSource(b"secret words", "a.txt")
    assert source.open()
    assert "secret" not in repr(source)
    assert copy.deepcopy(source) is source


@pytest.mark.parametrize("wrong", [{"name": ""}, {"name": 3}, {"media_type": ""}, {"media_type": "a\r\nb"}])
def test_a_wrong_name_or_kind_is_told(wrong):
    with pytest.raises(BadRequestError, match=next(iter(wrong))):
        FileSource(b"x", **wrong)


def test_a_source_has_its_own_name():
    source = FileSource(b"x", "a")
    assert FileSource.of(source) is source
    with pytest.raises(BadRequestError, match="has a name and a media type of its own"):
        FileSource.of(source, "b")


@given(st.binary(min_size=1, max_size=3000), st.data())
def test_any_part_of_any_bytes(content, data):
    start = data.draw(st.integers(0, len(content)))
    stop = data.draw(st.integers(start, len(content)))
    for source_of in (content, io.BytesIO(content), Pipe(content)):
        with FileSource(source_of) as source:
            assert b"".join(source.pieces(start, stop)) == content[start:stop]

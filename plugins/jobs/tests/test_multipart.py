"""Forms with a file in them, read again by a parser that is not ours."""

import email.policy
from email.parser import BytesParser
from urllib.parse import unquote

import pytest
from hypothesis import given, strategies as st

from jackfield.errors import BadRequestError
from jackfield_jobs.multipart import Form, ProgressError, form_fields
from jackfield_jobs.sources import FileSource

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
# the parser of mail takes blanks away at the ends, and reads words that are encoded for mail
PLAIN = st.text(
    st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='\\%"?'), min_size=1, max_size=20
).filter(lambda text: text == text.strip())


def form_of(content, fields=(), filename="a.bin", media_type="application/octet-stream", **more):
    return Form([*fields], "file", filename, media_type, FileSource(content), **more)


def parsed(form):
    """The parts, as the standard library's reader of mail finds them."""
    body = b"".join(form)
    assert len(body) == len(form)
    head = f"Content-Type: {form.content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    assert message.is_multipart()
    assert not message.defects
    return message.get_payload(), body


def split(form):
    """The parts by their boundary alone: head and content."""
    _, _, boundary = form.content_type.partition("boundary=")
    first, *parts, last = (b"\r\n" + b"".join(form)).split(b"\r\n--" + boundary.encode())
    assert (first, last) == (b"", b"--\r\n")
    return [part.removeprefix(b"\r\n").partition(b"\r\n\r\n")[::2] for part in parts]


@given(st.binary(min_size=1), st.lists(st.tuples(PLAIN, PLAIN), max_size=3), PLAIN)
def test_a_parser_reads_what_was_written(content, fields, filename):
    form = form_of(content, fields, filename)
    parts, _ = parsed(form)
    assert [(part.get_param("name", header="content-disposition"), part.get_payload()) for part in parts[:-1]] == [
        (name, text) for name, text in fields
    ]
    assert parts[-1].get_filename() == filename.strip()  # the parser takes spaces away
    assert parts[-1].get_content_type() == "application/octet-stream"
    assert split(form)[-1][1] == content


@given(NAMES, NAMES, st.text(st.characters(exclude_categories=["Cs"])))
def test_names_of_any_kind_stay_in_their_place(name, filename, text):
    (field, value), (file, content) = split(form_of(b"\r\n--x\r\n\r\n", [(name, text)], filename))
    assert value == text.encode()
    assert content == b"\r\n--x\r\n\r\n"
    assert field.count(b"\r\n") == 0
    assert file.count(b"\r\n") == 1
    shown = file.partition(b'filename="')[2].partition(b'"\r\n')[0].decode()
    assert unquote(shown) == unquote(filename)


def test_the_same_form_gives_the_same_bytes_each_time_and_another_has_another_boundary():
    forms = [form_of(b"abc", [("purpose", "batch")]) for _ in range(2)]
    assert b"".join(forms[0]) == b"".join(forms[0]) == b"".join(forms[1])
    others = [form_of(b"xyz", [("purpose", "batch")]), form_of(b"abc", [("purpose", "evals")])]
    assert len({form.content_type for form in (*forms, *others)}) == 3


def test_a_part_of_a_file():
    form = form_of(b"abcdef", start=2, stop=5)
    assert split(form)[0][1] == b"cde"
    assert form.size == 3


@pytest.mark.parametrize("place", [0, 256 * 1024 - 64 * 1024 - 20, 300_000])  # one lies across two pieces
def test_a_file_cannot_end_its_form(place):
    # the boundary hangs on the beginning of the file and its size, and so a line far inside can know it
    head, size = b"x" * 64 * 1024, 500_000
    line = b"--" + form_of(head + b"y" * size).content_type.partition("boundary=")[2].encode()
    form = form_of(head + (b"y" * place + line).ljust(size, b"y"))
    assert line.decode() in f"--{form.content_type.partition('boundary=')[2]}"
    sent = []
    with pytest.raises(BadRequestError, match="has a line that would end the form"):
        sent.extend(form)
    assert line not in b"".join(sent[1:])


def test_progress_is_told_of_the_file_alone():
    seen = []
    content = b"x" * 600_000
    b"".join(form_of(content, [("purpose", "batch")], progress=lambda done, total: seen.append((done, total))))
    assert seen[-1] == (600_000, 600_000)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert len(seen) > 1


def test_a_progress_that_fails_is_told_with_its_cause():
    def fails(done, total):
        raise KeyError("mine")

    with pytest.raises(ProgressError) as caught:
        b"".join(form_of(b"abc", progress=fails))
    assert isinstance(caught.value.raised, KeyError)


def test_values_become_fields():
    values = {"a": "x", "b": {"c": 1, "d": {"e": True}}, "f": [1, "two", {"g": 3}], "h": None, "i": False, "j": 0.5}
    assert list(form_fields(values)) == [
        ("a", "x"),
        ("b[c]", "1"),
        ("b[d][e]", "true"),
        ("f[]", "1"),
        ("f[]", "two"),
        ("f[][g]", "3"),
        ("i", "false"),
        ("j", "0.5"),
    ]
    with pytest.raises(BadRequestError, match="x: a form has texts and numbers, not an object of type object"):
        list(form_fields({"x": object()}))


@pytest.mark.parametrize("wrong", [{"fields": [("a", "\ud800")]}, {"filename": "\ud800"}])
def test_half_a_character_is_told(wrong):
    with pytest.raises(BadRequestError, match="half a character"):
        form_of(b"x", **wrong)


def test_a_form_tells_nothing_of_the_file():
    assert "words" not in repr(form_of(b"secret words"))

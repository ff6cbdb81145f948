import io
import itertools
import json
import unicodedata

import pytest
from hypothesis import given, strategies as st

from jackfield_cli.terminal import Output, discard, say, visible

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]
BIDI = list("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
TEXT = st.text(st.one_of(st.characters(), st.sampled_from([*CONTROLS, *BIDI, *"\x1b[2J"])))


class Screen(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def __init__(self, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding=encoding, newline="")

    def isatty(self):
        return True

    @property
    def shown(self):
        return self.buffer.getvalue().decode(self.encoding)


class Pipe(Screen):
    def isatty(self):
        return False


@pytest.mark.parametrize("char", [*CONTROLS, *BIDI])
def test_every_control_is_shown_escaped(char):
    code = ord(char)
    assert visible(f"a{char}b") == (f"a\\x{code:02x}b" if code < 256 else f"a\\u{code:04x}b")


@given(TEXT)
def test_what_is_visible_drives_no_terminal(text):
    shown = visible(text)
    assert not [char for char in shown if unicodedata.category(char) == "Cc" and char not in "\n\t"]
    assert not set(shown) & set(BIDI)


@given(st.text(st.characters(exclude_categories=("Cc",), exclude_characters=BIDI, include_characters="\n\t")))
def test_ordinary_text_is_left_alone(text):
    assert visible(text) == text


@given(TEXT, st.lists(st.integers(0, 200)))
def test_pieces_are_as_harmless_as_the_whole(text, cuts):
    whole, pieces = Screen(), Screen()
    Output(whole).write(text)
    output = Output(pieces)
    for start, end in itertools.pairwise([0, *sorted(cuts), None]):
        output.write(text[start:end])
    assert pieces.shown == whole.shown
    assert not set(pieces.shown) & {*CONTROLS, *BIDI}


@given(st.text(st.characters(codec="utf-8")))
def test_a_pipe_gets_the_text_unchanged(text):
    pipe = Pipe()
    Output(pipe).write(text)
    assert pipe.shown == text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "koi8-r"])
@pytest.mark.parametrize("kind", [Screen, Pipe])
@given(text=st.text())
def test_no_text_is_too_much_for_an_encoding(kind, encoding, text):
    stream = kind(encoding)
    output = Output(stream)
    output.write(text)
    output.end_line()
    assert stream.shown.endswith("\n") or not text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("kind", [Screen, Pipe])
@given(value=st.dictionaries(st.text(), TEXT))
def test_json_stays_json_and_says_the_same(kind, encoding, value):
    stream = kind(encoding)
    Output(stream).write_json(value)
    assert json.loads(stream.shown) == value
    assert stream.shown.endswith("}\n")
    assert stream.shown.count("\n") == 1
    assert kind is Pipe or not set(stream.shown) & {*CONTROLS, *BIDI}


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [([], ""), ([""], ""), (["a"], "a\n"), (["a\n"], "a\n"), (["a\n", ""], "a\n"), (["a\n", "b"], "a\nb\n")],
)
def test_a_line_is_ended_once(pieces, shown):
    stream = Pipe()
    output = Output(stream)
    for piece in pieces:
        output.write(piece)
    output.end_line()
    output.end_line()
    assert stream.shown == shown


@given(TEXT)
def test_a_message_is_one_harmless_line(text):
    stream = Screen()
    stream.reconfigure(errors="backslashreplace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr", stream)
        say(text)
    assert stream.shown.startswith("jackfield: ")
    assert stream.shown.endswith("\n")
    assert stream.shown.count("\n") == 1
    assert not set(stream.shown) & {*CONTROLS, *BIDI, "\t"}


def test_nobody_to_tell_is_no_error(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    say("anything")
    discard(None)

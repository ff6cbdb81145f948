"""What a person at a terminal sees: these tests hold the other end of one."""

import os
import signal
import subprocess

import pytest

pytest.importorskip("termios")


@pytest.mark.parametrize("away", ["stdout", "json"])
def test_no_prompt_where_there_can_be_no_conversation_is_wrong_use(terminal, away):
    redirected = {"stdout": subprocess.DEVNULL} if away == "stdout" else {}
    shown, code = terminal("chat", *(["--json"] if away == "json" else []), **redirected).finish()
    assert code == 2
    assert shown.startswith("jackfield: no prompt: write one behind `chat`, or pipe one into it")
    assert shown.count("\n") == 1


def test_a_prompt_at_a_terminal_does_not_wait_for_input(place, terminal):
    place.stage("yield TextDelta(said)\nyield STOP")
    assert terminal("chat", "Hello").finish() == ("user=Hello\n", 0)


@pytest.mark.parametrize(("words", "said"), [(["-"], "typed"), (["Say:", "-"], "Say:\n\ntyped")])
def test_a_dash_reads_what_is_typed(place, terminal, words, said):
    place.stage("yield TextDelta(said)\nyield STOP")
    person = terminal("chat", *words)
    person.press(b"typed\n\x04")
    shown, code = person.finish()
    assert code == 0
    assert shown.endswith(f"user={said}\n")


@pytest.mark.parametrize("more", [[], ["--no-stream"]])
def test_a_reply_cannot_drive_the_terminal(place, terminal, more):
    link = "\x1b]8;;https://x.example\x1b\\here\x1b]8;;\x1b\\\x9d8;;y\x9c\x90q\x9c"
    text = f"a\x1b[2J\x1b]0;title\x07\x9b31m\x7f\x00\u202eb\u2066\r\tc\n\x8f🎉é{link}safe\rlies"
    place.stage(f"for piece in {text!r}: yield TextDelta(piece)\nyield STOP")
    shown, code = terminal("chat", *more, "Hello").finish()
    assert code == 0
    link = r"\x1b]8;;https://x.example\x1b\here\x1b]8;;\x1b\\x9d8;;y\x9c\x90q\x9c"
    plain = "a\\x1b[2J\\x1b]0;title\\x07\\x9b31m\\x7f\\x00\\u202eb\\u2066\\x0d\tc\n\\x8f🎉é"
    assert shown == f"{plain}{link}safe\\x0dlies\n"


def test_json_cannot_drive_it_either(place, terminal):
    place.stage("yield TextDelta('\\x1b\\x9b\\x7f\\u202e é')\nyield STOP")
    shown, code = terminal("chat", "--json", "Hello").finish()
    assert code == 0
    assert '"text": "\\u001b\\u009b\\u007f\\u202e é"' in shown


def test_an_error_cannot_drive_it_either(place, terminal):
    place.stage("yield TextDelta('so far')\nraise ServerError('\\x1b[2J\\x9b\\u202e')")
    assert terminal("chat", "Hello").finish() == ("so far\njackfield: stage:play: \\x1b[2J\\x9b\\u202e\n", 1)


SLOW = """
try:
    yield TextDelta("so far")
    __import__("pathlib").Path("waiting").touch()
    await runtime.sleep(30)
finally:
    __import__("pathlib").Path("closed").touch()
"""


def test_ctrl_c_closes_the_stream_and_leaves_a_fresh_line(place, terminal, appears):
    place.stage(SLOW)
    person = terminal("chat", "Hello")
    person.read(until=b"so far")
    appears(place.folder / "waiting")
    person.press(b"\x03")
    assert person.finish() == ("so far^C\n", 130)
    assert (place.folder / "closed").exists()


@pytest.mark.parametrize("more", [[], ["--no-stream"], ["--json"]])
def test_ctrl_c_while_nothing_has_come_leaves_a_fresh_line(place, terminal, appears, more):
    place.stage(SLOW.replace('yield TextDelta("so far")', "pass"))
    person = terminal("chat", *more, "Hello")
    appears(place.folder / "waiting")
    person.press(b"\x03")
    assert person.finish() == ("^C\n", 130)
    assert (place.folder / "closed").exists()


def test_ctrl_c_with_a_slow_mock(place, terminal):
    pytest.importorskip("jackfield_mock")
    place.write('default = "mock"\n[providers.mock]\ndelay = 0.2')
    person = terminal("chat", "Hello")
    person.read(until=b"Hello! I")
    person.press(b"\x03")
    shown, code = person.finish()
    assert code == 130
    assert shown.startswith("Hello! I")
    assert shown.endswith("^C\n")
    assert shown.count("\n") == 1
    assert "said" not in shown


TELL = """
import pathlib, sys

class Telling:
    def __init__(self, stream):
        self.isatty, self.encoding, self.buffer, self.stream = stream.isatty, stream.encoding, self, stream

    def read(self):
        pathlib.Path("reading").touch()
        return self.stream.buffer.read()

sys.stdin = Telling(sys.stdin)
"""


def test_ctrl_c_while_typing(place, terminal, appears):
    place.install("sitecustomize", TELL, "", "telling")
    person = terminal("chat", "-")
    appears(place.folder / "reading")
    person.press(b"half a prompt")
    person.read(until=b"prompt")
    person.press(b"\x03")
    assert person.finish() == ("half a prompt^C\n", 130)


def test_an_interrupt_ends_the_line_in_a_pipe(place):
    place.stage(SLOW)
    with subprocess.Popen(
        place.command("chat", "Hello"),
        cwd=place.folder,
        env=place.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert os.read(child.stdout.fileno(), 100) == b"so far"
        child.send_signal(signal.SIGINT)
        assert child.stdout.read() == b"\n"
        assert child.stderr.read() == b""
    assert child.returncode == 130
    assert (place.folder / "closed").exists()

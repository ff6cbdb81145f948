"""A conversation, as a person at a terminal has it."""

import json
import os
import re
import stat
from importlib.util import find_spec

import pytest

from jackfield.operations import load_messages
from jackfield_cli.conversation import COMMANDS, KEYS
from jackfield_cli.history import HistoryFile

pytest.importorskip("termios")

# what prompt_toolkit writes when it begins to read, and when it has read
READS, HAS_READ = b"\x1b[?2004h", b"\x1b[?2004l"
STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")

TALK = """
import os, pathlib
last = request.messages[-1].text
if last.startswith("slow"):
    yield TextDelta("so \\x1b[2Jfar")
    pathlib.Path("waiting").touch()
    await runtime.sleep(30)
if last == "silent":
    pathlib.Path("waiting").touch()
    await runtime.sleep(30)
if last == "fail" and not os.path.exists("mended"):
    yield TextDelta("half")
    raise ServerError("broken \\x1b[2J", status=500)
if last == "bug":
    raise ZeroDivisionError
if last == "tools":
    yield ToolCallDelta(0, "call-1", "look", "{}")
yield TextDelta(f"{call.target.model} {said}")
yield STOP
"""


class Person:
    """Types lines, and sees what is shown between one prompt and the next."""

    def __init__(self, terminal):
        self.terminal = terminal
        self.read_from = 0
        self.greeting = self.shown()

    def shown(self):
        """What is shown before the next prompt."""
        terminal = self.terminal
        limit = terminal.limit()
        while READS not in terminal.seen[self.read_from :]:
            terminal.more(limit)
        text, _, _ = terminal.seen[self.read_from :].partition(READS)
        self.read_from += len(text) + len(READS)
        return STYLE.sub("", text.rpartition(HAS_READ)[2].decode().replace("\r", ""))

    def type(self, text, keys=b"\r"):
        self.terminal.press(text.encode() + keys)

    def say(self, text, keys=b"\r"):
        self.type(text, keys)
        return self.shown()

    def complete(self, text, rest, keys=b"\r"):
        """Type a text, have it completed, and send it."""
        self.terminal.press(text.encode() + b"\t")
        limit = self.terminal.limit()
        while rest not in self.terminal.seen[self.read_from :]:
            self.terminal.more(limit)
        self.terminal.press(keys)
        return self.shown()

    def leave(self):
        self.terminal.press(b"\x04")
        return self.terminal.finish()[1]


@pytest.fixture
def person(place, terminal):
    place.stage(TALK)
    variables = {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}

    opened = []

    def start(*arguments, **more):
        opened.append(Person(terminal("chat", *arguments, variables={**variables, **more})))
        return opened[-1]

    yield start
    for one in opened:
        if one.terminal.child.poll() is None:
            # whoever is killed cannot tell which lines of code it ran
            one.say("", b"\x03")
            one.leave()


HOMELESS = """
import pathlib

def home():
    raise RuntimeError("nowhere")

pathlib.Path.home = home
"""


def history(place):
    return place.folder / ".local" / "state" / "jackfield" / "chat-history.jsonl"


# --- questions and replies --------------------------------------------------------------------------------------------


def test_what_was_said_goes_with_each_question(person):
    someone = person()
    assert someone.greeting == (
        "jackfield: a conversation: /help tells what there is beside questions, Ctrl-D leaves\n"
    )
    assert someone.say("Hello") == "play user=Hello\n"
    assert someone.say("And?") == "play user=Hello|assistant=play user=Hello|user=And?\n"
    assert someone.leave() == 0


def test_options_hold_for_every_question(person):
    someone = person("-s", "Be brief.", "-m", "stage:other", "--no-stream")
    assert someone.say("Hello") == "other system=Be brief.|user=Hello\n"
    assert someone.say("/clear").startswith("jackfield: everything that was said is forgotten; the system")
    assert someone.say("Hi") == "other system=Be brief.|user=Hi\n"


def test_the_mock_answers_where_nothing_is_configured(place, person):
    pytest.importorskip("jackfield_mock")
    (place.folder / "jackfield.toml").unlink()
    someone = person()
    assert "nothing is configured, so this is the mock provider" in someone.greeting
    assert someone.say("Hello") == 'Hello! I am the mock provider: you said "Hello".\n'


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (b"one\\\rtwo\r", "one\ntwo"),
        (b"one\x1b\rtwo\r", "one\ntwo"),
        (b"\x1b[200~one\ntwo\n\x1b[201~three\r", "one\ntwo\nthree"),
        (b"tow\x7f\x7fwo\r", "two"),
        (b"b\x01a\r", "ab"),
        (b" /etc is what?\r", "/etc is what?"),
    ],
)
def test_lines_are_edited(person, keys, said):
    someone = person()
    assert someone.say("", keys) == f"play user={said}\n"


def test_an_empty_line_asks_nothing(person):
    someone = person()
    assert someone.say("") == ""
    assert someone.say("   ") == ""
    assert someone.say("Hi") == "play user=Hi\n"


def test_arrow_up_brings_back_what_was_typed(person):
    someone = person()
    someone.say("Hello")
    assert someone.say("", b"\x1b[A\r").endswith("|user=Hello\n")


# --- stopping and failing ---------------------------------------------------------------------------------------------


def test_ctrl_c_at_the_prompt_clears_the_line(person):
    someone = person()
    assert someone.say("half a quest", b"\x03") == ""
    assert someone.say("Hi") == "play user=Hi\n"
    assert someone.leave() == 0


def test_ctrl_c_stops_a_reply_which_counts_as_far_as_it_came(place, person, appears):
    someone = person()
    someone.type("slow")
    appears(place.folder / "waiting")
    someone.terminal.press(b"\x03")
    assert someone.shown() == (
        "so \\x1b[2Jfar^C\n"
        "jackfield: stopped; the reply counts as far as it came (/retry asks again, /undo forgets it)\n"
    )
    assert someone.say("And?").endswith("play user=slow|assistant=so \\x1b[2Jfar|user=And?\n")
    assert someone.leave() == 0


def test_a_question_stopped_before_any_reply_is_not_part_of_what_was_said(place, person, appears):
    someone = person()
    someone.type("silent")
    appears(place.folder / "waiting")
    someone.terminal.press(b"\x03")
    assert someone.shown() == "^C\njackfield: stopped (/retry asks again)\n"
    assert someone.say("And?") == "play user=And?\n"


def test_a_failure_ends_the_reply_and_not_the_conversation(place, person):
    someone = person()
    someone.say("Hello")
    assert someone.say("fail") == "half\njackfield: stage:play: 500: broken \\x1b[2J (/retry asks again)\n"
    (place.folder / "mended").touch()
    assert someone.say("/retry") == "play user=Hello|assistant=play user=Hello|user=fail\n"
    assert (
        someone.say("bug") == "jackfield: stage:play: the provider failed with ZeroDivisionError (/retry asks again)\n"
    )
    assert someone.say("And?").endswith("|user=fail|user=And?\n")


def test_calls_of_tools_are_named_and_not_sent_again(person):
    someone = person()
    assert "the model asked for tools, which this command does not run: look" in someone.say("tools")
    assert someone.say("And?") == "play user=tools|assistant=play user=tools|user=And?\n"


def test_the_terminal_going_away_ends_it(person):
    someone = person()
    os.close(someone.terminal.master)
    someone.terminal.master = os.open(os.devnull, os.O_RDONLY)
    assert someone.terminal.child.wait(30) is not None


# --- commands ---------------------------------------------------------------------------------------------------------


def test_help_names_every_command(person):
    shown = person().say("/help")
    assert [line.split()[0] for line in shown.splitlines() if line.startswith("/")] == [f"/{name}" for name in COMMANDS]
    assert shown.endswith(KEYS)


def test_an_unknown_command_asks_nothing_and_says_how_to(person):
    someone = person()
    assert someone.say("/retri") == (
        "jackfield: no such command '/retri'; did you mean '/retry'? (with a blank before it, it is a question)\n"
    )
    assert "known: /clear, /exit, " in someone.say("/etc/passwd what is it")


@pytest.mark.parametrize("line", ["/exit", "/quit", "/exit "])
def test_exit_leaves(person, line):
    someone = person()
    someone.type(line)
    assert someone.terminal.finish()[1] == 0


def test_model_shows_and_changes_who_answers(person):
    someone = person()
    assert someone.say("/model") == "jackfield: the default model answers\n"
    assert someone.say("/model stage:other") == "jackfield: stage:other answers\n"
    assert someone.say("Hi") == "other user=Hi\n"
    assert someone.say("/model") == "jackfield: stage:other answers; the last reply was by stage:other\n"
    assert "'nope' is neither an alias nor a provider" in someone.say("/model nope:x")
    assert someone.say("Hi").startswith("other ")


def test_system_shows_sets_and_removes(person):
    someone = person()
    assert someone.say("/system") == "jackfield: there is no system message\n"
    assert someone.say("/system Be  brief.") == "jackfield: system: Be brief.\n"
    assert someone.say("Hi") == "play system=Be  brief.|user=Hi\n"
    assert someone.say("/system -") == "jackfield: there is no system message\n"
    assert someone.say("/undo") == "jackfield: forgotten: Hi\n"
    assert someone.say("Hi") == "play user=Hi\n"


def test_retry_undo_and_clear(person):
    someone = person()
    assert someone.say("/retry") == "jackfield: there is no question to ask again\n"
    assert someone.say("/undo") == "jackfield: there is no question to forget\n"
    someone.say("one")
    two = someone.say("two")
    assert someone.say("/retry") == two
    assert someone.say("/undo") == "jackfield: forgotten: two\n"
    assert someone.say("three") == two.replace("two", "three")
    assert someone.say("/clear") == "jackfield: everything that was said is forgotten\n"
    assert someone.say("four") == "play user=four\n"


def test_tab_completes_commands_and_files(place, person):
    place.write("[]", "kept.json")
    (place.folder / "folder").mkdir()
    place.write('default = "stage"\n[providers.twin]\nplugin = "stage"')
    someone = person()
    assert someone.complete("/cl", b"ear") == "jackfield: everything that was said is forgotten\n"
    assert someone.complete("/load ke", b"pt.json") == "jackfield: 0 messages read from kept.json\n"
    assert "folder/x: No such file or directory" in someone.complete("/load fol", b"der/", b"x\r")
    assert someone.complete("/model stag", b"e") == "jackfield: stage answers\n"
    assert someone.complete("/model tw", b"in", b":x\r").startswith("jackfield: twin:x answers")
    someone.terminal.press(b"/\t")
    someone.terminal.read(until=b"/system")


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_conversation_is_saved_and_loaded(place, person):
    someone = person("-s", "Be brief.")
    someone.say("Größe 🎉")
    assert someone.say("/save talk.json") == "jackfield: 3 messages written to talk.json\n"
    saved = json.loads((place.folder / "talk.json").read_text())
    assert [turn["role"] for turn in saved] == ["system", "user", "assistant"]
    other = person()
    assert other.say("/load ~/talk.json") == f"jackfield: 3 messages read from {place.folder}/talk.json\n"
    assert other.say("And?").startswith(
        "play system=Be brief.|user=Größe 🎉|assistant=play system=Be brief.|user=Größe"
    )
    assert "5 messages" in other.say("/save ~/talk.json")
    assert len(json.loads((place.folder / "talk.json").read_text())) == 5


def test_what_was_saved_is_read_by_programs(place, person):
    jackfield = pytest.importorskip("jackfield")
    pytest.importorskip("jackfield_mock")
    someone = person()
    someone.say("Hello")
    someone.say("/save talk.json")
    messages = load_messages(json.loads((place.folder / "talk.json").read_text()))
    with jackfield.Client({"default": "mock"}) as client:
        assert 'you said "Hello"' in client.chat(messages).text


def test_a_question_without_an_answer_is_asked_again_after_loading(place, person):
    place.write('[{"role": "user", "content": "Hello"}]', "talk.json")
    someone = person()
    assert someone.say("/load talk.json").endswith("1 message read from talk.json; /retry asks the last one\n")
    assert someone.say("/retry") == "play user=Hello\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/save", "which file? Write its name behind the command"),
        ("/load", "which file? Write its name behind the command"),
        ("/save there.txt", "there.txt is there already, and no file of this conversation: choose another"),
        ("/save no/where", "no/where: No such file or directory"),
        ("/load no-where", "no-where: No such file or directory"),
        ("/load there.txt", "there.txt: expected a JSON list of messages"),
        ("/load odd.json", "odd.json: "),
        pytest.param(
            "/load wrong.json",
            "wrong.json: messages[0].role: expected one of system, developer, user, assistant, tool",
            marks=pytest.mark.skipif(not find_spec("jackfield_wire_openai"), reason="nobody reads OpenAI's shapes"),
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(place, person, line, said):
    place.write("nothing \x1b[2J", "there.txt")
    place.write('[{"role": "king"}]', "wrong.json")
    place.write('[{"role": "user", "parts": [{"type": "crown"}]}]', "odd.json")
    someone = person()
    someone.say("Hello")
    shown = someone.say(line)
    assert shown.startswith(f"jackfield: {said}")
    assert shown.count("\n") == 1
    assert someone.say("And?").endswith("|user=And?\n")
    assert (place.folder / "there.txt").read_text() == "nothing \x1b[2J"


# --- history ----------------------------------------------------------------------------------------------------------


def test_what_was_typed_is_there_the_next_time_and_only_for_its_owner(place, person):
    someone = person()
    someone.say("", b"one\x1b\rtwo\r")
    someone.say("/clear")
    someone.leave()
    file = history(place)
    assert [json.loads(line) for line in file.read_text().splitlines()] == ["one\ntwo", "/clear"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert person().say("", b"\x1b[A\x1b[A\r") == "play user=one\ntwo\n"


def test_replies_are_not_in_the_history(place, person):
    someone = person()
    someone.say("Hello")
    someone.leave()
    assert history(place).read_text() == '"Hello"\n'


@pytest.mark.parametrize(("options", "variables"), [(["--no-history"], {}), ([], {"JACKFIELD_CLI_NO_HISTORY": "1"})])
def test_history_can_be_switched_off(place, person, options, variables):
    someone = person(*options, **variables)
    someone.say("Hello")
    assert someone.say("", b"\x1b[A\r").endswith("|user=Hello\n")
    someone.leave()
    assert not history(place).exists()


def test_without_a_home_nothing_is_kept(place, person):
    place.install("sitecustomize", HOMELESS, "", "homeless")
    someone = person()
    assert someone.greeting.startswith("jackfield: what is typed is not kept: there is no home folder")
    assert someone.say("one") == "play user=one\n"


def test_a_history_that_cannot_be_kept_is_said_once(place, person):
    (place.folder / ".local").write_text("in the way")
    someone = person()
    assert someone.say("one").startswith("jackfield: what is typed is not kept: ")
    assert someone.say("two") == "play user=one|assistant=play user=one|user=two\n"
    assert someone.leave() == 0


def test_a_long_history_is_cut_to_its_newest(tmp_path):
    file = tmp_path / "state" / "history"
    kept = HistoryFile(file)
    assert list(kept.newest_first()) == []
    for number in range(2001):
        kept.add(f"{number}\n\ud800")
    with file.open("a") as more:
        more.write('{"not": "text"}\nbroken\n')
    file.chmod(0o644)
    assert len(list(HistoryFile(file).newest_first())) == 998
    assert next(HistoryFile(file).newest_first()) == "2000\n\ud800"
    assert len(file.read_text().splitlines()) == 1000
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]

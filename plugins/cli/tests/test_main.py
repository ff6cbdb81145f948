import re
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

from jackfield_cli.common import EPILOG
from jackfield_cli.main import ABOUT

HELP = "from jackfield_cli.main import main; main()"


def test_help_lists_commands_and_imports_none(started):
    started.install("jf_loud", "raise SystemExit('imported')", "[jackfield.commands]\nloud = jf_loud:loud\n")
    for arguments in (["--help"], []):
        done = started.run(*arguments)
        assert (done.code, done.err) == (0, "")
        lines = [line.split(maxsplit=1) for line in done.out.splitlines()]
        assert ["loud", "from jf-loud"] in lines
        for name, about in ABOUT.items():
            assert [name, about] in lines
        assert "130  interrupted with Ctrl-C" in done.out


def test_help_knows_every_command_of_this_package():
    ours = {point.name for point in entry_points(group="jackfield.commands") if point.dist.name == "jackfield-cli"}
    assert ours == ABOUT.keys()


@pytest.mark.parametrize("name", sorted(ABOUT))
def test_every_command_has_help_and_tells_its_exit_statuses(started, name):
    done = started.run(name, "--help")
    assert (done.code, done.err) == (0, "")
    assert "Exit status" in done.out
    assert "--config FILE" in done.out or "Commands:" in done.out


@pytest.mark.parametrize(
    "arguments", [["chat", "Hello"], ["config", "explain"], ["config", "check"], ["doctor"], ["plugins"]], ids=" ".join
)
def test_a_command_imports_all_that_it_needs(started, arguments):
    started.stage("yield TextDelta(said)\nyield STOP")
    done = started.run(*arguments)
    assert (done.code, done.err) == (0, "")
    assert done.out


CONFIG = ["explain", "check", "init", "schema", "trust"]
HELPS = [
    ["--version"],
    ["--help"],
    *([name, "--help"] for name in ABOUT),
    *(["config", one, "--help"] for one in CONFIG),
]
HEAVY = {"httpx", "httpx2", "rich", "prompt_toolkit", "attr", "attrs", "pluggy", "anyio", "asyncio", "jackfield"}


@pytest.mark.parametrize("arguments", HELPS, ids=" ".join)
def test_the_start_imports_little(place, arguments):
    show = "import atexit, sys; atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr)); "
    done = subprocess.run(
        [sys.executable, "-c", show + HELP, *arguments],
        env=place.environment,
        cwd=place.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.split())
    assert not HEAVY & loaded
    ours = {name for name in loaded if name.startswith("jackfield")}
    assert {name.split(".")[0] for name in ours} == {"jackfield_cli"}  # and no plugin
    if len(arguments) == 1:
        assert ours == {
            "jackfield_cli",
            *(f"jackfield_cli.{one}" for one in ("common", "failures", "main", "terminal")),
        }


def test_version(place):
    done = place.run("--version")
    assert (done.code, done.out) == (0, f"jackfield {version('jackfield-cli')}\n")


def test_the_console_script_is_there(place):
    script = Path(sys.executable).with_name("jackfield")
    if not script.exists():
        pytest.skip("scripts are elsewhere on this platform")
    done = subprocess.run([script, "--version"], env=place.environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("jackfield ")


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("caht", "did you mean 'chat'?"),
        ("chats", "did you mean 'chat'?"),
        ("xyzzy", f"known: {', '.join(sorted(entry_points(group='jackfield.commands').names))}"),
    ],
)
def test_an_unknown_command_suggests_the_nearest(place, typed, advice):
    done = place.run(typed)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"jackfield: no such command '{typed}'; {advice} (see `jackfield --help`)\n"


@pytest.mark.parametrize("option", ["--nope", "-x"])
def test_an_unknown_option_is_one_line(place, option):
    done = place.run(option)
    assert (done.code, done.out) == (2, "")
    assert option in done.err
    assert done.err.startswith("jackfield: ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import jf_absent", "ModuleNotFoundError: No module named 'jf_absent'"),
        ("raise ValueError('two\\nlines \\x1b[2J')", "ValueError: two lines \\x1b[2J"),
        ("1 +", "SyntaxError: "),
        ("other = 1", "AttributeError: "),
        ("command = print", "is a builtin_function_or_method, not a click command"),
    ],
)
def test_a_command_that_cannot_be_loaded_is_one_line(place, source, reason):
    place.install("jf_broken", source, "[jackfield.commands]\nbroken = jf_broken:command\n")
    done = place.run("broken", "--flag")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jackfield: command 'broken'")
    assert reason in done.err
    assert "jf-broken" in done.err
    assert "(jf_broken:command)" in done.err
    assert done.err.count("\n") == 1


def test_a_broken_command_does_not_disturb_the_others(place):
    place.install("jf_broken", "import jf_absent", "[jackfield.commands]\nbroken = jf_broken:command\n")
    assert place.run("chat", "--help").code == 0


def test_two_packages_that_bring_one_name_are_named(place):
    place.install("jf_chat", "", "[jackfield.commands]\nchat = jf_chat:chat\n")
    assert "jackfield-cli, jf-chat" in place.run("--help").out
    done = place.run("chat", "Hello")
    assert (done.code, done.out) == (2, "")
    for part in ("jf-chat 1.0 (jf_chat:chat)", "jackfield-cli ", "(jackfield_cli.chat:chat)", "uninstall all but one"):
        assert part in done.err


COMMAND = """
import click
from jackfield.errors import *

@click.command()
@click.argument("how")
def command(how):
    if how == "status":
        return 7
    if how == "exit":
        click.get_current_context().exit(8)
    if how == "flag":
        return True
    if how == "abort":
        raise click.Abort
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "pipe":
        raise BrokenPipeError
    raise {
        "server": ServerError("broken", status=500), "config": ConfigurationError("a.b: wrong"),
        "plugin": PluginError("unfit"), "bug": TypeError("oh"), "file": FileNotFoundError(2, "No such file", "x"),
        "files": OSError(18, "Other device", b"a", None, b"b"),
        "net": ConnectionRefusedError(111, "Connection refused"), "words": OSError("in words"),
        "wordless": TimeoutError(), "empty": JackfieldError(""), "usage": click.UsageError("how?"),
    }[how]
"""


OWN = {7, 8}  # statuses of the command below
RAISED = [
    ("status", 7, ""),
    ("exit", 8, ""),
    ("flag", 0, ""),
    ("abort", 1, "jackfield: aborted\n"),
    ("interrupt", 130, ""),
    ("pipe", 141, ""),
    ("server", 1, "jackfield: 500: broken\n"),
    ("config", 2, "jackfield: a.b: wrong\n"),
    ("plugin", 2, "jackfield: unfit\n"),
    ("bug", 1, "jackfield: internal error: TypeError (jf_command.py:20)\n"),
    ("file", 1, "jackfield: x: No such file\n"),
    ("files", 1, "jackfield: a -> b: Other device\n"),
    ("net", 1, "jackfield: Connection refused\n"),
    ("words", 1, "jackfield: in words\n"),
    ("wordless", 1, "jackfield: TimeoutError\n"),
    ("empty", 1, "jackfield: JackfieldError\n"),
    ("usage", 2, "jackfield: how? (see `jackfield act --help`)\n"),
]


@pytest.mark.parametrize(("how", "code", "line"), RAISED, ids=[how for how, _, _ in RAISED])
def test_whatever_a_command_raises_becomes_a_status_and_a_line(place, how, code, line):
    place.install("jf_command", COMMAND, "[jackfield.commands]\nact = jf_command:command\n")
    done = place.run("act", how)
    assert (done.code, done.out) == (code, "")
    assert done.err == line


def test_the_statuses_that_are_told_are_those_that_there_are():
    documented = {int(status) for status in re.findall(r"^  (\d+) ", EPILOG, re.MULTILINE)}
    assert documented == {code for _, code, _ in RAISED} - OWN
    page = Path(__file__).parents[3] / "docs" / "cli.md"
    assert documented == {int(status) for status in re.findall(r"^\| (\d+) \|", page.read_text(), re.MULTILINE)}


def test_completion_of_command_names(place):
    done = place.run("--help", _JACKFIELD_COMPLETE="bash_complete", COMP_WORDS="jackfield ch", COMP_CWORD="1")
    assert done.code == 0
    assert "chat" in done.out

import json
import os
import subprocess
from importlib.metadata import entry_points

import pytest

# --- the prompt -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        (["Hello"], "", "Hello"),
        (["Hello", "there,", "world"], "", "Hello there, world"),
        (["3", "-", "2"], "", "3 - 2"),
        (["--", "--json", "-x"], "", "--json -x"),
        ([], "from a pipe\n", "from a pipe"),
        (["-"], "from a pipe\n\n", "from a pipe"),
        (["Sum", "up:"], "a\nb\n", "Sum up:\n\na\nb"),
        (["Sum", "up:", "-"], "a\nb\n", "Sum up:\n\na\nb"),
        (["Hello"], " \n", "Hello"),
        (["Hello"], "  indented\n", "Hello\n\n  indented"),
        ([], "\ufeffwith a mark", "with a mark"),
        ([], "a\r\nb\r\n", "a\r\nb"),
        (["Größe", "🎉"], "naïve", "Größe 🎉\n\nnaïve"),
    ],
)
def test_words_and_pipe_make_the_prompt(echo, words, given, said):
    done = echo(*words, given=given)
    assert (done.code, done.out, done.err) == (0, f"user={said}\n", "")


@pytest.mark.parametrize("words", [[], ["-"], [""], ["  "]])
@pytest.mark.parametrize("given", ["", "\n \n"])
def test_no_prompt_is_wrong_use(echo, words, given):
    done = echo(*words, given=given)
    assert (done.code, done.out) == (2, "")
    assert done.err == "jackfield: no prompt: standard input is empty (see `jackfield chat --help`)\n"


def test_input_that_is_no_text_is_wrong_use(echo):
    done = echo(given=b"\xff\xfe\x80")
    assert (done.code, done.out) == (2, "")
    assert done.err == "jackfield: standard input is not text in UTF-8 (see `jackfield chat --help`)\n"


def test_input_in_the_encoding_of_the_locale_is_understood(echo):
    done = echo(given="Größe".encode("latin-1"), PYTHONIOENCODING="latin-1:strict", PYTHONUTF8="0")
    assert (done.code, done.out) == (0, "user=Größe\n")


ASCII = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}


def test_an_ascii_locale_changes_no_prompt_and_stops_no_reply(echo):
    done = echo("Größe", "-s", "naïve", given="🎉", **ASCII)
    assert (done.code, done.err) == (0, "")
    assert done.out == "system=na\\xefve|user=Gr\\xf6\\xdfe\n\n\\U0001f389\n"
    done = echo("Größe", "--json", given="🎉", **ASCII)
    assert done.out.isascii()
    assert json.loads(done.out)["text"] == "user=Größe\n\n🎉"


def test_an_argument_that_is_no_text_is_wrong_use(echo):
    done = echo(os.fsdecode(b"\xff"))
    assert (done.code, done.out) == (2, "")
    assert done.err == "jackfield: an argument is not text in UTF-8 (see `jackfield chat --help`)\n"


def test_closed_standard_streams_are_no_traceback(place):
    place.stage("yield TextDelta(said)\nyield STOP")
    command = subprocess.list2cmdline(place.command("chat", "Hello"))
    for closed, code, out, err in (
        ("<&-", 0, b"user=Hello\n", b""),
        (">&-", 2, b"", b"jackfield: standard output is closed (see `jackfield chat --help`)\n"),
        ("2>&-", 0, b"user=Hello\n", b""),
    ):
        done = subprocess.run(
            ["/bin/sh", "-c", f"{command} {closed}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=place.folder,
            env=place.environment,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (code, out, err), closed


# --- options ----------------------------------------------------------------------------------------------------------


def test_options_reach_the_request(place):
    place.stage(
        "yield TextDelta(repr((call.target.model, request.temperature, request.max_output_tokens, call.streaming,"
        " said)))\nyield STOP"
    )
    done = place.run("chat", "-m", "stage:other", "-s", "Be brief.", "-t", "0.5", "--max-tokens", "9", "Hello")
    assert done.out == "('other', 0.5, 9, True, 'system=Be brief.|user=Hello')\n"
    done = place.run("chat", "--no-stream", "Hello")
    assert done.out == "('play', None, None, False, 'user=Hello')\n"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--temperature", "3"),
        ("--temperature", "nan"),
        ("--temperature", "warm"),
        ("--max-tokens", "0"),
        ("--max-tokens", "1.5"),
        ("--timeout", "0"),
        ("--timeout", "-1"),
        ("--timeout", "nan"),
        ("--timeout", "inf"),
        ("--nope", "1"),
    ],
)
def test_a_wrong_option_is_one_line(echo, option, value):
    done = echo(option, value, "Hello")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jackfield: ")
    assert option.strip("-") in done.err
    assert done.err.count("\n") == 1


def test_the_configuration_can_be_named(place):
    place.stage("yield TextDelta(call.target.model)\nyield STOP")
    place.write('default = "stage:named"', "other.toml")
    assert place.run("chat", "--config", "other.toml", "Hello").out == "named\n"
    for wrong in ("absent.toml", ""):
        done = place.run("chat", "--config", wrong, "Hello")
        assert (done.code, done.out) == (2, "")
        assert "cannot be read" in done.err


def test_the_timeout_is_for_the_whole_call(place):
    pytest.importorskip("jackfield_mock")
    place.write('default = "mock"\n[providers.mock]\ndelay = 5.0')
    done = place.run("chat", "--timeout", "0.2", "--no-stream", "Hello")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1


def test_help_tells_the_exit_statuses(place):
    done = place.run("chat", "--help")
    assert done.code == 0
    for status in ("0 ", "1 ", "2 ", "130 ", "141 "):
        assert f"\n    {status}" in done.out


# --- nothing configured -----------------------------------------------------------------------------------------------


def test_with_nothing_configured_the_mock_answers_and_says_so(place):
    pytest.importorskip("jackfield_mock")
    done = place.run("chat", "Hello")
    assert (done.code, done.out) == (0, 'Hello! I am the mock provider: you said "Hello".\n')
    assert done.err.count("\n") == 1
    for word in ("mock", "OPENAI_API_KEY", ".env.local", "jackfield.toml", "-m provider:model"):
        assert word in done.err


def test_a_model_that_was_named_is_never_replaced_by_the_mock(place):
    done = place.run("chat", "-m", "nowhere:model", "Hello")
    assert (done.code, done.out) == (2, "")
    assert "'nowhere' is neither an alias nor a provider" in done.err
    assert "mock provider" not in done.err


def test_a_model_can_be_named_with_nothing_configured(place):
    place.stage("yield TextDelta(said)\nyield STOP")
    (place.folder / "jackfield.toml").unlink()
    done = place.run("chat", "-m", "stage", "Hello")
    assert (done.code, done.out, done.err) == (0, "user=Hello\n", "")


def test_a_file_without_a_provider_keeps_its_other_settings(place):
    place.stage("yield TextDelta(said)\nyield STOP")
    place.write('[[middleware]]\nuse = "absent"')
    done = place.run("chat", "-m", "stage", "Hello")
    assert (done.code, done.out) == (2, "")
    assert "no middleware plugin 'absent' is installed" in done.err


def test_without_even_the_mock_the_error_says_what_to_set(started):
    if any(point.name == "mock" for point in entry_points(group="jackfield.providers")):
        # hide the mock from the child
        started.install("sitecustomize", HIDE, "", "hide")
    done = started.run("chat", "Hello")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jackfield: no provider is configured: set OPENAI_API_KEY")
    assert done.err.count("\n") == 1


HIDE = """
import importlib.metadata as metadata
found = metadata.distributions
metadata.distributions = lambda: (dist for dist in found() if dist.metadata["Name"] != "jackfield-mock")
"""

# --- the reply --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [[], ["--no-stream"]])
def test_text_passes_a_pipe_unchanged(place, more):
    text = "a\x1b[31m\x07\x9b2J\u202eb\r\n\ttab 🎉"
    place.stage(f"for piece in {text!r}: yield TextDelta(piece)\nyield STOP")
    done = place.run("chat", *more, "Hello")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{text}\n"


@pytest.mark.parametrize("more", [[], ["--no-stream"]])
@pytest.mark.parametrize(("text", "out"), [("a\n", "a\n"), ("a", "a\n"), ("a\n\n", "a\n\n")])
def test_the_last_line_is_ended_once(place, more, text, out):
    place.stage(f"yield TextDelta({text!r})\nyield STOP")
    assert place.run("chat", *more, "Hello").out == out


def test_lone_surrogates_stop_nothing(place):
    place.stage("yield TextDelta('a\\ud83d b')\nyield STOP")
    assert place.run("chat", "Hello").out == "a\\ud83d b\n"
    assert json.loads(place.run("chat", "--json", "Hello").out)["text"] == "a\ud83d b"


def test_pieces_are_written_as_they_come(place):
    place.stage(
        """
        yield TextDelta("first ")
        for _ in range(600):
            if __import__("pathlib").Path("seen").exists():
                break
            await runtime.sleep(0.05)
        else:
            raise ServerError("nobody saw the first piece")
        yield TextDelta("second")
        yield STOP
        """
    )
    with subprocess.Popen(
        place.command("chat", "Hello"),
        cwd=place.folder,
        env=place.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as child:
        assert os.read(child.stdout.fileno(), 100) == b"first "
        (place.folder / "seen").touch()
        assert child.stdout.read() == b"second\n"
    assert child.returncode == 0


def test_reasoning_stays_out_of_the_answer(place):
    place.stage("yield ReasoningDelta('hm')\nyield TextDelta('yes')\nyield STOP")
    done = place.run("chat", "Hello")
    assert (done.out, done.err) == ("yes\n", "")
    assert json.loads(place.run("chat", "--json", "Hello").out)["reasoning"] == "hm"


TOOLS = """
yield ToolCallDelta(0, "c1", "weather", '{"city": ')
yield ToolCallDelta(0, arguments='"Zürich"}')
yield ToolCallDelta(1, "c2", "ti\\x1bme")
yield Finished(Finish("tool_calls", "tool_calls"))
"""


@pytest.mark.parametrize("more", [[], ["--no-stream"]])
def test_tool_calls_are_told_on_standard_error(place, more):
    place.stage(TOOLS)
    done = place.run("chat", *more, "Hello")
    assert (done.code, done.out) == (0, "")
    assert done.err == "jackfield: the model asked for tools, which this command does not run: weather, ti\\x1bme\n"


@pytest.mark.parametrize("more", [[], ["--no-stream"]])
def test_a_refusal_is_told_on_standard_error_and_is_a_failure(place, more):
    place.stage("yield RefusalDelta('I will \\x1b[2J')\nyield RefusalDelta('not.\\nEver.')\nyield STOP")
    done = place.run("chat", *more, "Hello")
    assert (done.code, done.out) == (1, "")
    assert done.err == "jackfield: the model refused: I will \\x1b[2Jnot. Ever.\n"


@pytest.mark.parametrize(
    ("finish", "code", "note"),
    [
        ("stop", 0, ""),
        ("length", 0, "cut off"),
        ("content_filter", 1, "filter"),
        ("error", 1, "error"),
        ("other", 0, ""),
    ],
)
def test_a_reply_that_is_not_whole_is_told(place, finish, code, note):
    place.stage(f"yield TextDelta('a')\nyield Finished(Finish({finish!r}, 'x'))")
    done = place.run("chat", "Hello")
    assert (done.code, done.out, bool(done.err)) == (code, "a\n", bool(note))
    assert note in done.err


@pytest.mark.parametrize("more", [[], ["--no-stream"], ["--json"]])
@pytest.mark.parametrize(
    ("events", "note"),
    [
        ("yield STOP", "the reply is empty; it ended with 'stop'"),
        ("yield TextDelta(' \\n')\nyield STOP", "the reply is empty; it ended with 'stop'"),
        ("yield Finished(Finish('other', 'o\\x1b[2J'))", "the reply is empty; it ended with 'o\\x1b[2J'"),
        ("yield Finished(Finish('other', None))", "the reply is empty; it ended with 'other'"),
        ("yield ReasoningDelta('hm')\nyield STOP", "the reply has no text, only reasoning; it ended with 'stop'"),
    ],
)
def test_an_empty_reply_is_told_and_is_a_failure(place, more, events, note):
    place.stage(events)
    done = place.run("chat", *more, "Hello")
    assert done.code == 1
    assert done.err == ("" if "--json" in more else f"jackfield: {note}\n")
    assert done.out.strip() == "" or "--json" in more


def test_an_empty_reply_that_was_cut_off_says_so_too(place):
    place.stage("yield Finished(Finish('length', 'max_tokens'))")
    done = place.run("chat", "Hello")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "jackfield: the reply is empty; it ended with 'max_tokens'\n"
        "jackfield: the reply was cut off at the limit of tokens\n"
    )


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_json_is_one_document_with_its_keys_in_order(place):
    place.stage(
        "yield ReasoningDelta('hm')\nyield TextDelta('Zürich')\nyield RefusalDelta('no')"
        + TOOLS
        + "yield UsageReported(Usage(1, 2, 3, 4, cost=0.5))"
    )
    done = place.run("chat", "--json", "Hello")
    assert (done.code, done.err) == (1, "")
    assert done.out.count("\n") == 1
    assert done.out.endswith("}\n")
    assert "Zürich" in done.out
    assert list(json.loads(done.out).items()) == [
        ("id", "stage-1"),
        ("provider", "stage"),
        ("model", "play"),
        ("text", "Zürich"),
        ("reasoning", "hm"),
        ("refusal", "no"),
        (
            "tool_calls",
            [
                {"id": "c1", "name": "weather", "arguments": '{"city": "Zürich"}'},
                {"id": "c2", "name": "ti\x1bme", "arguments": ""},
            ],
        ),
        ("finish", {"unified": "tool_calls", "raw": "tool_calls"}),
        ("usage", {"input_tokens": 1, "output_tokens": 2, "reasoning_tokens": 3, "cached_tokens": 4, "cost": 0.5}),
        ("warnings", []),
    ]


def test_json_invents_nothing(place):
    place.stage("yield TextDelta('a')\nyield Finished(Finish('stop', None))")
    document = json.loads(place.run("chat", "--json", "Hello").out)
    assert document["usage"] is None
    assert document["finish"] == {"unified": "stop", "raw": None}


def test_a_pipe_that_nobody_writes_to_is_told_of(place):
    place.stage("yield TextDelta(said)\nyield STOP")
    with subprocess.Popen(
        place.command("chat", "Hello"),
        cwd=place.folder,
        env=place.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        told = child.stderr.readline()
        assert told == b"jackfield: reading standard input to its end; if none is meant, add </dev/null\n"
        child.stdin.close()
        assert b"Hello" in child.stdout.read()
    assert child.returncode == 0

"""What `chat` says and how it ends when something goes wrong."""

import os
import subprocess

import pytest


@pytest.mark.parametrize("more", [[], ["--no-stream"], ["--json"]])
@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        ("ServerError('a\\n\\x1b[2Jb', status=500)", 1, "jackfield: stage:play: 500: a \\x1b[2Jb\n"),
        ("AuthenticationError('who?')", 1, "jackfield: stage:play: who?\n"),
        ("BadRequestError('what?')", 1, "jackfield: stage:play: what?\n"),
        ("ConfigurationError('where?')", 2, "jackfield: stage:play: where?\n"),
        ("ValueError('why?')", 1, "jackfield: stage:play: the provider failed with ValueError\n"),
    ],
)
def test_an_error_is_one_line(place, more, error, code, line):
    place.stage(f"raise {error}")
    done = place.run("chat", *more, "Hello")
    assert (done.code, done.out, done.err) == (code, "", line)


@pytest.mark.parametrize("error", ["ServerError('broken')", "ValueError('broken')", "OSError('broken')"])
def test_text_before_an_error_stays_on_its_line(place, error):
    place.stage(f"yield TextDelta('so far')\nraise {error}")
    done = place.run("chat", "Hello")
    assert (done.code, done.out) == (1, "so far\n")
    assert error.split("(")[0] in done.err or "broken" in done.err
    assert done.err.count("\n") == 1


def test_a_reply_that_ends_too_soon_is_an_error(place):
    place.stage("yield TextDelta('so far')")
    done = place.run("chat", "Hello")
    assert (done.code, done.out) == (1, "so far\n")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "text", ["default = ", "default = 1", "nope = 1", '[models]\na = "stage"\n[[middleware]]\nx = 1']
)
def test_a_wrong_configuration_is_one_line(place, text):
    place.write(text)
    done = place.run("chat", "Hello")
    assert (done.code, done.out) == (2, "")
    assert "jackfield.toml" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("more", [[], ["--no-stream"], ["--json"]])
def test_a_reader_that_goes_away_ends_it_quietly(place, more):
    place.stage("for _ in range(2000): yield TextDelta('line of text\\n' * 10)\nyield STOP")
    with subprocess.Popen(
        place.command("chat", *more, "Hello"),
        cwd=place.folder,
        env=place.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        child.stdout.read(5)
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_one_line(place):
    place.stage("yield TextDelta('text')\nyield STOP")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            place.command("chat", "Hello"),
            cwd=place.folder,
            env=place.environment,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == b"jackfield: No space left on device\n"

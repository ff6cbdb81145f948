"""The command `jackfield moderate`, as whoever types it sees it, with a provider that judges by words."""

import base64
import importlib
import json

import pytest

import jackfield as jf
from jackfield.errors import NotFoundError
from jackfield.hooks import hookimpl
from jackfield.operations import Operation
from jackfield.provider import Provider, serves
from jackfield.types import Image, Start, Text
from jackfield_jobs.moderations import MODERATE, Moderation

testing = pytest.importorskip("click.testing")
command = importlib.import_module("jackfield_jobs.moderate_command")


class Judge(Provider):
    asked: list = []

    @serves(MODERATE)
    async def moderate(self, call):
        fields = self.fields(call)
        given = fields.take("input")
        fields.report_rest()
        self.asked.append((call.target.model, given))
        if call.target.model == "absent":
            raise NotFoundError("no such model", status=404)
        yield Start("m-1", call.target.model)
        for index, one in enumerate(given if isinstance(given[0], str) else [given]):
            bad = "kill" in str(one)
            yield Moderation(
                index, bad, {"violence": bad, "hate\x1b[2J": bad}, {"violence": 0.913, "hate\x1b[2J": 0.5},
                {"violence": ("text",)},
            )  # fmt: skip


class Plugin:
    @hookimpl
    def jackfield_operations(self) -> list[Operation]:
        return [MODERATE]

    @hookimpl
    def jackfield_provider(self, name, settings):
        return Judge(name, {MODERATE.name: "strict"})


@pytest.fixture
def told(monkeypatch):
    """Runs the command."""
    asked = []
    monkeypatch.setattr(Judge, "asked", asked)
    plugins = {"provider": {"judge": Plugin()}}
    monkeypatch.setattr(command.jf, "Client", lambda config: jf_client({"default": "judge"}, plugins=plugins))

    def run(*arguments, given=None, code=0):
        done = testing.CliRunner().invoke(command.moderate, arguments, input=given)
        assert done.exit_code == code, (done.output, done.exception)
        return done.stdout if code == 0 else done.output

    run.asked = asked
    return run


jf_client = jf.Client


def test_a_line_for_each_text(told):
    assert told("-m", "judge", "good\tmorning", "I kill\x07") == (
        "ok\t\tgood\\tmorning\nflagged\tviolence 0.91, hate?[2J 0.50\tI kill?\n"
    )
    assert told.asked == [("strict", ("good\tmorning", "I kill\x07"))]


@pytest.mark.parametrize("arguments", [["-"], []])
def test_standard_input_is_one_text(told, arguments):
    assert told("-m", "judge:mild", *arguments, given="two\nlines\n") == "ok\t\ttwo\\nlines\n"
    assert told.asked == [("mild", ("two\nlines",))]


def test_one_document(told):
    found = json.loads(told("-m", "judge", "--json", "a", "kill"))
    assert (found["id"], found["model"]) == ("m-1", "strict")
    assert [(one["input"], one["flagged"]) for one in found["results"]] == [("a", False), ("kill", True)]
    assert found["results"][1]["scores"]["violence"] == 0.913
    assert found["results"][1]["applied_to"] == {"violence": ["text"]}


def test_pictures_and_texts_are_one_content(told, tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(b"PNG")
    address = "https://example.com/b.jpg"
    assert told("-m", "judge", "look", "--image", str(file), "--image", address).startswith("ok\t\tlook ")
    data = f"data:image/png;base64,{base64.b64encode(b'PNG').decode()}"
    assert told.asked == [("strict", (Text("look"), Image(data), Image(address)))]
    told("-m", "judge", "--image", address)
    assert told.asked[1][1] == (Image(address),)


@pytest.mark.parametrize(
    ("arguments", "given", "reason"),
    [
        (["-"], " \n", "standard input is empty"),
        (["-"], b"\xff\xfe", "standard input is not text in UTF-8"),
        (["--image", "a.txt"], None, "expected a picture by its name"),
    ],
)
def test_wrong_use(told, arguments, given, reason):
    assert reason in told("-m", "judge", *arguments, given=given, code=2)
    assert not told.asked


def test_an_error_is_passed_on(told):
    done = testing.CliRunner().invoke(command.moderate, ["-m", "judge:absent", "x"])
    assert isinstance(done.exception, NotFoundError)

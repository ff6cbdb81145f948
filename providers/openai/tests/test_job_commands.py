"""The commands `batch` and `finetune`, as whoever types them sees them, against a fake on loopback."""

import importlib
import io
import json
import sys

import pytest

from jackfield.errors import BadRequestError, ConfigurationError, NotFoundError
from jackfield_openai.testing import FakeOpenAI, serve
from jackfield_openai.testing.batches import FakeBatch

CliRunner = pytest.importorskip("click.testing").CliRunner
batch = importlib.import_module("jackfield_jobs.batch_command").batch
finetune = importlib.import_module("jackfield_openai.command").finetune
run = pytest.importorskip("jackfield_cli.main").run

EXAMPLE = json.dumps({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]})
QUICK = ("--every", "0.01")


@pytest.fixture
def fake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    service = FakeOpenAI(tick=20.0)
    with serve(service) as url:
        (tmp_path / "jackfield.toml").write_text(
            f'default = "openai"\n[providers.openai]\napi_key = "sk-test"\nbase_url = "{url}"\n[providers.mock]\n',
            encoding="utf-8",
        )
        (tmp_path / "train.jsonl").write_text(f"{EXAMPLE}\n" * 12, encoding="utf-8")
        yield service


def told(command, *arguments, code=0, **more):
    """What a command prints, as `jackfield` runs it."""
    done = CliRunner().invoke(command, arguments, standalone_mode=False, **more)
    assert done.exception is None, (done.output, done.exception)
    assert (done.return_value or 0) == code
    return done.stdout


def failed(command, *arguments, kind):
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert isinstance(done.exception, kind), (done.output, done.exception)
    return done


LINES = [
    json.dumps("Hello"),
    json.dumps({"custom_id": "mine", "messages": "Good day", "temperature": 0, "max_tokens": 5}),
    json.dumps({
        "custom_id": "wire", "method": "POST", "url": "/v1/chat/completions",
        "body": {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "Hey"}], "new_field": 1},
    }),
    "",
]  # fmt: skip


def test_a_batch_from_lines_to_results(fake, tmp_path):
    (tmp_path / "in.jsonl").write_text("\n".join(LINES), encoding="utf-8")
    made = json.loads(told(batch, "create", "in.jsonl", "--metadata", "a=b", "--json"))
    assert (made["status"], made["operation"], made["metadata"]) == ("validating", "chat", {"a": "b"})
    (file,) = fake.files.kept.values()
    bodies = {line["custom_id"]: line["body"] for line in map(json.loads, file.content.splitlines())}
    assert [*bodies] == ["request-0", "mine", "wire"]
    assert bodies["mine"] == {
        "model": "gpt-4.1-mini", "messages": [{"role": "user", "content": "Good day"}], "temperature": 0,
        "max_tokens": 5,
    }  # fmt: skip
    assert bodies["wire"]["new_field"] == 1
    assert "completed" in told(batch, "wait", made["id"], *QUICK)
    assert told(batch, "results", made["id"]).splitlines() == [
        "wire  ok  You said: Hey", "mine  ok  You said: Good day", "request-0  ok  You said: Hello",
    ]  # fmt: skip
    results = [json.loads(line) for line in told(batch, "results", made["id"], "--json").splitlines()]
    assert results[0]["text"] == "You said: Hey"
    assert results[0]["usage"]["input_tokens"] == 1
    assert json.loads(told(batch, "get", made["id"], "--json"))["completed"] == 3
    assert made["id"] in told(batch, "list")
    assert [one["id"] for one in json.loads(told(batch, "list", "--json", "--limit", "1"))] == [made["id"]]


def test_prompts_as_they_stand_from_standard_input_and_a_wait(fake):
    out = told(batch, "create", "-", "--text", "--wait", *QUICK, input="one\ntwo\n\nthree\n")
    assert "completed  3" in out
    fake.batches.refuses["two"] = (400, "bad", "No twos.")
    name = out.splitlines()[0].split()[-1]
    assert told(batch, "results", name, "--ordered").splitlines()[0] == "request-0  ok  You said: one"


def test_embeddings_completions_and_errors(fake, tmp_path):
    (tmp_path / "e.jsonl").write_text(json.dumps({"input": ["a", "b"]}), encoding="utf-8")
    made = json.loads(told(batch, "create", "e.jsonl", "--wait", *QUICK, "--json"))
    assert told(batch, "results", made["id"]) == "request-0  ok  2 vectors\n"
    (result,) = map(json.loads, told(batch, "results", made["id"], "--json").splitlines())
    assert [len(vector) for vector in result["vectors"]] == [4, 4]
    (tmp_path / "c.jsonl").write_text(json.dumps({"prompt": "Once"}), encoding="utf-8")
    made = json.loads(told(batch, "create", "c.jsonl", "--wait", *QUICK, "--json", "-m", "davinci-002"))
    assert "so on after Once" in told(batch, "results", made["id"])
    assert json.loads(told(batch, "results", made["id"], "--json"))["texts"] == [" and so on after Once"]
    fake.batches.refuses["bad"] = (400, "not_good", "No, not\x1b[31m this.")
    made = json.loads(told(batch, "create", "-", "--text", "--wait", *QUICK, "--json", input="bad\n"))
    assert told(batch, "results", made["id"], code=1) == "request-0  error  No, not?[31m this.\n"
    assert json.loads(told(batch, "results", made["id"], "--json", code=1))["error"]["code"] == "not_good"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nonsense", "line 1: the line is not JSON"),
        ("5", "line 1: expected a text or a table, got 5"),
        ("{}", "line 1: expected one of messages, input, prompt, got nothing"),
        (
            '{"messages": "x", "temperatur": 1}',
            "line 1: temperatur: a request has no such field; did you mean 'temperature'",
        ),
        ('{"messages": "x", "temperature": 5}', "line 1: temperature: expected a number from 0 to 2, got 5"),
        ('{"messages": "x", "custom_id": 5}', "line 1: custom_id: expected text, got 5"),
        ('{"messages": "x", "model": 5}', "line 1: model: expected the name of a model, got 5"),
        ("", "requests: there are none"),
        (
            '{"custom_id": "1", "url": "/v1/responses", "body": {"input": "Hi"}}',
            "line 1: url: expected one of /v1/chat/completions, /v1/embeddings, /v1/completions, got '/v1/responses'",
        ),
        ('{"custom_id": "1", "url": "/v1/moderations", "body": {"input": "Hi"}}', "got '/v1/moderations'"),
        (
            '{"custom_id": "1", "url": "/v1/chat/completions", "body": {"input": "Hi"}}',
            "line 1: body: for '/v1/chat/completions' it must have 'messages', and has input",
        ),
        ('{"custom_id": "1", "url": 5, "body": {"input": "Hi"}}', "got 5"),
    ],
)
def test_lines_that_are_none(fake, tmp_path, line, says):
    (tmp_path / "in.jsonl").write_text(line, encoding="utf-8")
    done = failed(batch, "create", "in.jsonl", kind=BadRequestError)
    assert says in str(done.exception)
    assert fake.lines == []


def test_a_job_from_a_file_to_a_model(fake):
    made = json.loads(
        told(
            finetune, "create", "train.jsonl", "-m", "gpt-4.1-mini", "--set", "n_epochs=3", "--set",
            "learning_rate_multiplier=0.5", "--set", "batch_size=auto", "--suffix", "mine", "--seed", "7",
            "--metadata", "a=b", "--json",
        )
    )  # fmt: skip
    assert made["hyperparameters"] == {"n_epochs": 3, "learning_rate_multiplier": 0.5, "batch_size": "auto"}
    assert told(finetune, "pause", made["id"]).splitlines()[1] == "status         paused"
    assert told(finetune, "resume", made["id"]).splitlines()[1] == "status         queued"
    assert "succeeded" in told(finetune, "wait", made["id"], *QUICK)
    lines = told(finetune, "events", made["id"]).splitlines()
    assert lines[0].startswith("2026-01-01 00:00")
    assert lines[-1].endswith("info  The job has successfully completed")
    assert told(finetune, "events", "--follow", made["id"], *QUICK).splitlines() == lines
    assert json.loads(told(finetune, "events", "--json", made["id"]).splitlines()[0])["level"] == "info"
    assert told(finetune, "checkpoints", made["id"]).splitlines()[1].startswith("300   ft:gpt-4.1-mini:fake:mine:")
    assert [one["step"] for one in json.loads(told(finetune, "checkpoints", "--json", made["id"]))] == [300, 200, 100]
    assert "succeeded" in told(finetune, "list", "--limit", "1")
    assert [one["id"] for one in json.loads(told(finetune, "list", "--json"))] == [made["id"]]
    other = json.loads(told(finetune, "create", made["training_file"], "-m", "o4-mini", "--json"))
    assert "cancelled" in told(finetune, "cancel", other["id"])
    assert "succeeded" in told(finetune, "create", "train.jsonl", "-m", "o4-mini", "--wait", *QUICK)


def test_errors_name_what_is_wrong(fake):
    failed(finetune, "get", "ftjob-none", kind=NotFoundError)
    failed(batch, "get", "batch_none", kind=NotFoundError)
    for command, part in ((batch, "batches"), (finetune, "fine-tuning")):
        done = failed(command, "list", "--provider", "mock", kind=ConfigurationError)
        assert f"provider 'mock' has nothing for {part}; name one that has by --provider" in str(done.exception)
    assert CliRunner().invoke(batch, ["create", "-", "--metadata", "ab"], input="x").exit_code == 2
    assert CliRunner().invoke(finetune, ["create", "train.jsonl"]).exit_code == 2


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_wait_that_is_given_up_says_how_to_go_on(fake, monkeypatch):
    fake.batches.each = 1e9
    made = json.loads(told(batch, "create", "-", "--text", "--json", input="x\n"))
    monkeypatch.setattr(sys, "stderr", errors := Terminal())
    assert run(["batch", "wait", made["id"], *QUICK, "--timeout", "0.05"]) == 1
    *_, how, why = errors.getvalue().splitlines()
    assert how.endswith(f"jackfield: it goes on; to wait for it again: jackfield batch wait {made['id']}")
    assert "not done after" in why


@pytest.mark.parametrize("what", ["batch", "finetune"])
def test_ctrl_c_ends_a_wait_alone(fake, monkeypatch, what):
    if what == "batch":
        made = json.loads(told(batch, "create", "-", "--text", "--json", input="x\n"))
        room = fake.batches
    else:
        made = json.loads(told(finetune, "create", "train.jsonl", "-m", "o4-mini", "--json"))
        room = fake.fine_tuning
    asked = []
    shown = room.shown

    def interrupted(one):
        asked.append(one)
        return shown(one)

    monkeypatch.setattr(room, "shown", interrupted)
    monkeypatch.setattr(sys, "stderr", errors := Terminal())
    screen = importlib.import_module("jackfield_jobs.screen")

    def pressed(self, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr(screen.Bar, "__call__", pressed)
    assert run([what, "wait", made["id"], *QUICK]) == 130
    assert f"jackfield: it goes on; to wait for it again: jackfield {what} wait {made['id']}\n" in errors.getvalue()
    assert len(asked) == 1
    assert not [line for line in fake.lines if line.endswith("/cancel")]


def test_a_bar_on_a_terminal_and_nothing_in_a_file(fake, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x\ny\n"), encoding="utf-8"))
    monkeypatch.setattr(sys, "stderr", errors := Terminal())
    assert run(["batch", "create", "-", "--text", "--wait", *QUICK]) == 0
    drawn = errors.getvalue()
    assert "[########################]" in drawn
    assert "2/2 completed" in drawn
    assert drawn.endswith("\r\x1b[K")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x\ny\n"), encoding="utf-8"))
    monkeypatch.setattr(sys, "stderr", errors := io.StringIO())
    assert run(["batch", "create", "-", "--text", "--wait", *QUICK]) == 0
    assert errors.getvalue() == ""


def test_how_to_go_on_names_provider_and_configuration(fake, monkeypatch, tmp_path):
    fake.batches.each = 1e9
    named = tmp_path / "my config.toml"
    named.write_text((tmp_path / "jackfield.toml").read_text(encoding="utf-8"), encoding="utf-8")
    made = json.loads(told(batch, "create", "-", "--text", "--json", input="x\n"))
    monkeypatch.setattr(sys, "stderr", errors := Terminal())
    assert run(["batch", "wait", made["id"], *QUICK, "--timeout", "0.05", "--config", named.name]) == 1
    assert f"batch wait {made['id']} --config 'my config.toml'\n" in errors.getvalue()


def test_a_batch_that_failed_without_a_line_says_why(fake, tmp_path):
    file = fake.files.add("in.jsonl", b"\n", "batch").id
    fake.batches.kept["batch_1"] = FakeBatch("batch_1", {
        "input_file_id": file, "endpoint": "/v1/embeddings", "completion_window": "24h",
    }, fake.now)  # fmt: skip
    assert "problems   The input file is empty.\n" in told(batch, "get", "batch_1")


def test_lines_of_standard_input_that_is_closed_are_told(fake, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr(sys, "stderr", errors := io.StringIO())
    assert run(["batch", "create", "-"]) == 2
    assert "standard input is closed" in errors.getvalue()

"""Fine-tuning from a file to a model, against a fake with state: in every colour, in virtual time, and going wrong."""

import json

import pytest
from accounts import in_colour
from any_chats import faults, validator
from exchanges import any_call
from faces import COLOURS
from hypothesis import given, strategies as st

import jackfield as jf
from jackfield.errors import BadRequestError, DeadlineError, JackfieldError, NotFoundError, RateLimitError
from jackfield_jobs.asking import Polling
from jackfield_jobs.files import StoredFile
from jackfield_openai import OpenAIProvider, OpenAISettings
from jackfield_openai.fine_tuning import FineTuneRequest, FineTuningFailedError
from jackfield_openai.testing import FakeOpenAI
from jackfield_testkit import FunctionNetwork, Simulation

CONFIG = {"default": "openai", "providers": {"openai": {"api_key": "sk-test"}}}
QUICK = Polling(first=0.001, most=0.001)
EXAMPLE = json.dumps({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]})
LIFE = [
    "Created fine-tuning job",
    "Validating training file",
    "Files validated",
    "Fine-tuning job started",
    "Step 100/300",
    "Step 200/300",
    "Step 300/300",
    "New fine-tuned model created",
    "The job has successfully completed",
]


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "train.jsonl"
    file.write_text(f"{EXAMPLE}\n" * 12, encoding="utf-8")
    return file


def made(fake=None):
    fake = FakeOpenAI(tick=10.0) if fake is None else fake
    client = jf.Client(CONFIG, transport=FunctionNetwork(fake))
    return fake, client, client.provider("openai").fine_tuning


def uploaded(fake, content=None, purpose="fine-tune"):
    return fake.files.add("train.jsonl", content or f"{EXAMPLE}\n".encode() * 12, purpose).id


@pytest.mark.parametrize("colour", COLOURS)
def test_a_job_in_every_colour(colour, data):
    fake, sent, seen, states = FakeOpenAI(tick=10.0), [], [], []

    async def body(tuning, settled, every):
        job = await settled(
            tuning.create(
                data,
                model="gpt-4.1-mini",
                validation_file=data,
                hyperparameters={"n_epochs": 3},
                suffix="mine",
                seed=5,
                metadata={"a": "b"},
                progress=lambda *told: sent.append(told),
            )
        )
        assert (job.status, job.suffix, job.seed, job.metadata) == ("validating_files", "mine", 5, {"a": "b"})
        done = await settled(
            tuning.wait(
                job.id, polling=QUICK, progress=lambda one: states.append(one.status),
                on_event=lambda event: seen.append(event.message),
            )
        )  # fmt: skip
        assert (done.status, done.over, done.error) == ("succeeded", True, None)
        assert done.fine_tuned_model.startswith("ft:gpt-4.1-mini:fake:mine:")
        assert await settled(tuning.get(job.id)) == done
        assert await every(tuning.list(metadata={"a": "b"})) == [done]
        assert await every(tuning.list(metadata={"a": "c"})) == []
        assert [one.step for one in await every(tuning.checkpoints(job.id, limit=1))] == [300, 200, 100]
        assert [one.message for one in await every(tuning.events(job.id, limit=2))] == seen[::-1]
        assert [one.message for one in await every(tuning.follow(job.id, polling=QUICK))] == seen

    in_colour(colour, "fine_tuning", body, CONFIG, transport=FunctionNetwork(fake))
    assert [message.startswith(begun) for message, begun in zip(seen, LIFE, strict=True)] == [True] * len(LIFE)
    assert sent[-1] == (data.stat().st_size,) * 2
    assert states[0] == "validating_files" or states[0] == "queued"
    assert [*dict.fromkeys(states)][-2:] == ["running", "succeeded"]


@pytest.mark.parametrize("colour", COLOURS)
def test_following_tells_what_happens_as_it_happens(colour):
    fake = FakeOpenAI(tick=30.0)

    async def body(tuning, settled, every):
        job = await settled(tuning.create(uploaded(fake), model="o4-mini"))
        return [one.message for one in await every(tuning.follow(job.id, polling=QUICK))]

    told = in_colour(colour, "fine_tuning", body, CONFIG, transport=FunctionNetwork(fake))
    assert [message.startswith(begun) for message, begun in zip(told, LIFE, strict=True)] == [True] * len(LIFE)


def test_a_job_in_virtual_time():
    simulation = Simulation(lambda request: fake(request))
    fake = FakeOpenAI(clock=lambda: 1.7e9 + simulation.now)
    fake.fine_tuning.takes["running"] = 7200.0
    client = simulation.client(CONFIG)

    async def main():
        tuning = client.provider("openai").fine_tuning
        job = await tuning.create(uploaded(fake), model="gpt-4.1-mini")
        return await tuning.wait(job.id)

    assert simulation.run(main()).status == "succeeded"
    assert 7230 <= simulation.now <= 7230 + 60


def test_a_job_rests_goes_on_and_survives_a_restart():
    fake, client, tuning = made(FakeOpenAI())
    with client:
        job = tuning.create(uploaded(fake), model="gpt-4.1-mini")
        fake.advance(15)
        assert tuning.pause(job.id).status == "paused"
        fake.advance(100_000)
        assert tuning.get(job.id).status == "paused"
        with pytest.raises(DeadlineError, match="it goes on"):
            tuning.wait(job.id, polling=QUICK, timeout=0.003)
    fake, client, tuning = made(FakeOpenAI.load(json.loads(json.dumps(fake.dump()))))
    with client:
        assert tuning.resume(job.id).status == "queued"
        fake.advance(14)
        assert tuning.get(job.id).status == "queued"
        fake.advance(2)
        assert tuning.get(job.id).status == "running"
        assert tuning.cancel(job.id).status == "cancelled"
        assert tuning.wait(job.id).status == "cancelled"
        with pytest.raises(BadRequestError, match="it is cancelled"):
            tuning.resume(job.id)


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (f"{EXAMPLE}\n".encode() * 3, "invalid_n_examples", "has 3 .*at least 10 .*training_file"),
        (b'{"text": "x"}\n' * 12, "invalid_training_file", "line 1 is no example"),
    ],
)
def test_a_job_that_fails_is_an_error_with_its_code_unless_asked_not_to_be(content, code, says):
    fake, client, tuning = made()
    with client:
        job = tuning.create(uploaded(fake, content), model="gpt-4.1-mini")
        with pytest.raises(FineTuningFailedError, match=says) as caught:
            tuning.wait(job.id, polling=QUICK)
        assert (caught.value.code, caught.value.job.error.param) == (code, "training_file")
        done = tuning.wait(job.id, check=False)
    assert (done.status, done.error.code, done.over, done.fine_tuned_model) == ("failed", code, True, None)


def test_a_job_that_breaks_while_it_runs():
    fake, client, tuning = made(FakeOpenAI(tick=100.0))
    fake.fine_tuning.breaks["gpt-4.1"] = ("server_error", "The machines were out of order.")
    with client, pytest.raises(FineTuningFailedError, match=r"job ftjob-\w+ failed: The machines were out of order\.$"):
        tuning.wait(tuning.create(uploaded(fake), model="gpt-4.1").id, polling=QUICK)


# --- what is wrong, and when it is known


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"file": "nowhere.jsonl"}, "training_file: 'nowhere.jsonl' is no file that is here, nor the id of one"),
        ({"file": "folder"}, "training_file: 'folder' is a folder"),
        ({"file": ""}, "training_file: expected a path, or the id of a file as 'file-...', got ''"),
        ({"file": 5}, "training_file: expected a path, or the id of a file as 'file-...', got 5"),
        ({"file": "data.csv"}, r"must end in '.jsonl', and is 'data.csv'"),
        ({"file": "broken.jsonl"}, "line 2 of 'broken.jsonl' is no JSON"),
        ({"file": "strange.jsonl"}, "line 1 of 'strange.jsonl' must have 'messages', or 'prompt' and 'completion'"),
        ({"file": "empty.jsonl"}, "'empty.jsonl' is empty"),
        ({"file": StoredFile("file-1", purpose="batch")}, "training_file: file-1 was uploaded for 'batch'"),
        ({"validation_file": "nowhere.jsonl"}, "validation_file: 'nowhere.jsonl' is no file that is here"),
        ({"model": ""}, "model: expected the name of the model to tune, got ''"),
        ({"method": "guess"}, "method: expected one of supervised, dpo, reinforcement, or a table"),
        ({"method": {"supervised": {}}}, "method: expected one of supervised, dpo, reinforcement, or a table"),
        ({"hyperparameters": {"epochs": 5}}, "hyperparameters: no such one as 'epochs'; did you mean 'n_epochs'"),
        ({"hyperparameters": {"n_epochs": 0}}, "n_epochs: expected a whole number from 1 to 50, or auto"),
        ({"hyperparameters": {"n_epochs": True}}, "hyperparameters.n_epochs: expected a whole number"),
        ({"hyperparameters": {"batch_size": 257}}, "hyperparameters.batch_size: expected a whole number from 1 to 256"),
        ({"hyperparameters": {"learning_rate_multiplier": 0}}, "expected a number above 0, or auto, got 0"),
        ({"hyperparameters": {"beta": 1}}, "hyperparameters.beta: method 'supervised' has none"),
        ({"hyperparameters": [1]}, "hyperparameters: expected a dictionary"),
        ({"method": "reinforcement"}, "grader: method 'reinforcement': it needs one"),
        ({"method": "dpo", "grader": {"type": "x"}}, "grader: method 'dpo': it has none"),
        ({"suffix": "x" * 65}, "suffix: expected 1 to 64 characters"),
        ({"seed": -1}, "seed: expected a whole number from 0 to 2147483647, got -1"),
        ({"seed": "1"}, "seed: expected a whole number"),
        ({"integrations": ["wandb"]}, "integrations: expected dictionaries like"),
        ({"metadata": {"a": 1}}, "metadata: expected a dictionary of texts"),
    ],
)
def test_what_is_wrong_is_known_before_a_byte_is_sent(options, says, data, monkeypatch):
    monkeypatch.chdir(data.parent)
    (data.parent / "folder").mkdir()
    strange = '{"text": "x"}\n'
    texts = {"data.csv": "a,b\n", "broken.jsonl": f"{EXAMPLE}\nnonsense\n", "strange.jsonl": strange, "empty.jsonl": ""}
    for name, text in texts.items():
        (data.parent / name).write_text(text, encoding="utf-8")
    fake, client, tuning = made()
    given = {"file": data, "model": "gpt-4.1-mini", **options}
    with client, pytest.raises(BadRequestError, match=says):
        tuning.create(given.pop("file"), **given)
    assert fake.lines == []


def test_what_only_the_service_knows_is_its_own_clear_error(data):
    fake, client, tuning = made()
    other = uploaded(fake, purpose="assistants")
    with client:
        for file, model, says in (
            ("file-none", "gpt-4.1-mini", "invalid training_file: file-none"),
            (other, "gpt-4.1-mini", "invalid training_file"),
            (data, "gpt-none", "Model gpt-none is not available for fine-tuning or does not exist"),
        ):
            with pytest.raises(BadRequestError, match=says):
                tuning.create(file, model=model)
        fake.fine_tuning.active = 0
        with pytest.raises(RateLimitError, match="maximum of 0 active requests"):
            tuning.create(data, model="gpt-4.1-mini")


@pytest.mark.parametrize("ask", ["get", "cancel", "pause", "resume", "wait"])
def test_a_job_that_is_not_there(ask):
    _, client, tuning = made()
    with client:
        with pytest.raises(NotFoundError, match="Could not find fine tune: ftjob-none"):
            getattr(tuning, ask)("ftjob-none")
        with pytest.raises(BadRequestError, match="job: expected the id of a job, as 'ftjob-...', got ''"):
            getattr(tuning, ask)("")


@pytest.mark.parametrize("ask", ["events", "checkpoints", "follow"])
def test_lists_of_a_job_that_is_not_there(ask):
    _, client, tuning = made()
    with client, pytest.raises(NotFoundError, match="Could not find fine tune"):
        getattr(tuning, ask)("ftjob-none").all()


def test_a_list_goes_through_its_pages():
    fake, client, tuning = made(FakeOpenAI())
    named = uploaded(fake)
    with client:
        jobs = [tuning.create(named, model="gpt-4.1-mini").id for _ in range(5)]
        assert [job.id for job in tuning.list(limit=2)] == jobs[::-1]
        with pytest.raises(BadRequestError, match="limit: expected a whole number from 1 to 100, got 0"):
            tuning.list(limit=0)
        with pytest.raises(JackfieldError):
            tuning.get("ftjob-\ud800")


# --- bodies

PROVIDER = OpenAIProvider("openai", OpenAISettings(jf.Secret("sk-1")))
auto = st.just("auto")
# the description bounds them as OpenAPI 3.0 does, `exclusiveMinimum: true`, which JSON Schema reads as above 1
rates = st.floats(1, 10, exclude_min=True)
common = {
    "n_epochs": st.integers(1, 50) | auto,
    "batch_size": st.integers(1, 256) | auto,
    "learning_rate_multiplier": rates | auto,
}
hyper = {
    "supervised": common,
    "dpo": {**common, "beta": st.floats(1, 2, exclude_min=True) | auto},
    "reinforcement": {
        **common,
        "compute_multiplier": rates | auto,
        "eval_interval": st.integers(1, 99) | auto,
        "eval_samples": st.integers(1, 99) | auto,
        "reasoning_effort": st.sampled_from(["default", "low", "medium", "high"]),
    },
}
GRADER = {"type": "string_check", "name": "g", "input": "{{a}}", "reference": "{{b}}", "operation": "eq"}
words = st.text(min_size=1, max_size=8)


@st.composite
def jobs(draw):
    method = draw(st.none() | st.sampled_from([*hyper]))
    options = {
        "validation_file": words,
        "suffix": st.text(min_size=1, max_size=64),
        "seed": st.integers(0, 2**31 - 1),
        "metadata": st.dictionaries(words, words, max_size=2),
        "integrations": st.just([{"type": "wandb", "wandb": {"project": "p", "tags": ["a"]}}]),
        "hyperparameters": st.fixed_dictionaries({}, optional=hyper[method or "supervised"]),
    }
    fields = draw(st.fixed_dictionaries({}, optional=options))
    more = {"grader": GRADER} if method == "reinforcement" else {}
    return FineTuneRequest(training_file="file-1", method=method, **fields, **more)


@given(jobs())
def test_every_body_fits_the_description(request):
    exchange = PROVIDER.open(any_call(request, model="gpt-4.1-mini"))
    body = json.loads(next(exchange).body)
    exchange.close()
    assert [*faults(validator("openai", "CreateFineTuningJobRequest").iter_errors(body))] == []
    assert None not in body.values()


def test_a_method_as_the_api_has_it_is_joined_with_what_is_said_beside_it():
    table = {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1}}}
    request = FineTuneRequest(
        training_file="file-1",
        method=table,
        hyperparameters={"n_epochs": 2},
        extra_body={"new": 1},
        options={"openai": {"other": 2}},
    )
    body = json.loads(next(PROVIDER.open(any_call(request, model="m"))).body)
    assert body["method"] == {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1, "n_epochs": 2}}}
    assert (body["new"], body["other"]) == (1, 2)
    assert table == {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1}}}


@pytest.mark.parametrize("colour", COLOURS)
def test_what_a_wait_is_told_by_may_be_awaited(colour, data):
    fake, jobs, events = FakeOpenAI(tick=10.0), [], []

    async def look(job):
        jobs.append(job.status)

    async def hear(event):
        events.append(event.message)

    async def body(tuning, settled, _):
        job = await settled(tuning.create(data, model="gpt-4.1-mini"))
        await settled(tuning.wait(job.id, polling=QUICK, progress=look, on_event=hear))

    in_colour(colour, "fine_tuning", body, CONFIG, transport=FunctionNetwork(fake))
    assert jobs[-1] == "succeeded"
    assert len(events) == len(LIFE)

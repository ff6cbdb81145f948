"""Recorded completions, embeddings and models, of every host: nothing is lost, and every end has a type."""

import base64
import collections
import gzip
import json
import re
import struct

import pytest
from exchanges import Outcome, single
from operations import INPUT, LIST, ONE, PROMPT, body_of, reading, whole
from wire_folder import beside, payloads

from jackfield.errors import BadRequestError, JackfieldError, TruncatedStreamError
from jackfield.http import HttpResponse
from jackfield.operations import COMPLETE, EmbedRequest
from jackfield_wire_openai.completions import read_completion_request
from jackfield_wire_openai.embeddings import read_embed_request
from jackfield_wire_openai.errors import read_error

# agents of Mistral are chats, whatever their path
CHATS = re.compile(r"(chat|agents)/completions")


def kind_of(row):
    """The request of ours whose reply a row is of; None for what is none of these operations."""
    endpoint, method = row["endpoint"], row["method"]
    if method == "POST" and endpoint.endswith("/completions") and not CHATS.search(endpoint):
        return PROMPT
    if method == "POST" and endpoint.endswith("/embeddings"):
        return INPUT
    if method == "GET" and re.search(r"/(models|engines)$", endpoint):
        return LIST
    if method == "GET" and re.search(r"/(models|engines)/\{\w+\}$", endpoint):
        return ONE
    return None


@pytest.fixture(scope="module")
def rows():
    path = beside("recordings.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        found = [row for row in map(json.loads, file) if kind_of(row) is not None]
    print(dict(collections.Counter(f"{row['method']} {row['endpoint']}" for row in found)))
    assert len(found) > 105
    return found


def request_of(row):
    """The request of a row, as ours; the least one of its operation where the row has none."""
    kind, body = kind_of(row), row["request_body"]
    if row["request_body_kind"] == "json" and kind in (PROMPT, INPUT):
        return read_completion_request(body)[0] if kind is PROMPT else read_embed_request(body)
    if kind is INPUT:
        return EmbedRequest(input=["x"] * len(json.loads(row["response_body"])["data"]))
    return kind


def decoded(row, chunks=None):
    request, body = request_of(row), row["response_body"].encode()
    decoder = reading(request, row["response_headers"], streaming=row["streaming"])
    return Outcome(decoder, [body] if chunks is None else chunks(body, row), request)


def succeeded(rows, *kinds):
    found = [row for row in rows if row["status"] < 300 and kind_of(row) in kinds]
    assert found
    return found


def check_facts(response, plain, row):
    for name in ("id", "model", "created"):
        stated = next((payload[name] for payload in plain if isinstance(payload, dict) and payload.get(name)), None)
        assert getattr(response, name) == stated, (row["id"], name)
    said = next((payload["usage"] for payload in reversed(plain) if payload.get("usage")), None)
    if said is None:
        assert response.usage is None, row["id"]
        return
    cached = (said.get("prompt_tokens_details") or {}).get("cached_tokens", said.get("cached_tokens"))
    assert response.usage.input_tokens == said.get("prompt_tokens", said["total_tokens"]), row["id"]
    assert response.usage.output_tokens == said.get("completion_tokens"), row["id"]
    assert response.usage.cached_tokens == cached, row["id"]
    assert response.usage.cost == said.get("cost"), row["id"]


def test_every_completion_decodes_to_what_a_plain_reading_gives(rows):
    ends = collections.Counter()
    for row in succeeded(rows, PROMPT):
        outcome, plain = decoded(row), payloads(row)
        response = outcome.response
        texts, finishes = collections.defaultdict(str), {}
        logprobs = collections.defaultdict(list)
        for payload in plain:
            for position, choice in enumerate(payload["choices"]):
                index = choice.get("index", position)
                message = choice.get("message") or choice.get("delta") or {}
                texts[index] += choice.get("text") or message.get("content") or ""
                finishes[index] = finishes.get(index) or choice.get("finish_reason")
                said = choice.get("logprobs") or {"tokens": []}
                for at, token in enumerate(said["tokens"]):
                    logprobs[index].append((
                        token, said["token_logprobs"][at], said["top_logprobs"][at], said["text_offset"][at],
                    ))  # fmt: skip
        assert {one.index: one.text for one in response.choices} == texts, row["id"]
        if row["streaming"] and None in finishes.values():
            assert type(outcome.error) is TruncatedStreamError, row["id"]
            ends["truncated"] += 1
        else:
            assert outcome.error is None, (row["id"], outcome.error)
            assert {one.index: one.finish.raw for one in response.choices} == finishes, row["id"]
            ends["stream" if row["streaming"] else "reply"] += 1
        for one in response.choices:
            tokens = one.logprobs.content if one.logprobs else ()
            found = [(t.token, t.logprob, {top.token: top.logprob for top in t.top}, t.offset) for t in tokens]
            assert found == logprobs[one.index], row["id"]
        check_facts(response, plain, row)
        if outcome.error is None:
            assert [event.raw for event in outcome.events if event.raw is not None] == plain, row["id"]
    print(dict(ends))
    assert ends["reply"] > 20
    assert ends["stream"] > 10


def numbers(embedding, row):
    if isinstance(embedding, list):
        return "d", [float(number) for number in embedding]
    data = base64.b64decode(embedding, validate=True)
    # the model is known to have 4,096 dimensions, and eight times as many bytes came
    wide = row["request_body"].get("model") == "intfloat/e5-mistral-7b-instruct" and len(data) == 8 * 4096
    kind, size = ("d", 8) if wide else ("f", 4)
    return kind, list(struct.unpack(f"<{len(data) // size}{kind}", data))


def test_every_vector_is_what_a_plain_reading_gives(rows):
    kinds = collections.Counter()
    for row in succeeded(rows, INPUT):
        outcome, (plain,) = decoded(row), payloads(row)
        assert outcome.error is None, (row["id"], outcome.error)
        events = [event for event in outcome.events if hasattr(event, "vector")]
        assert [event.index for event in events] == sorted(item["index"] for item in plain["data"])
        items = sorted(plain["data"], key=lambda item: item["index"])
        for event, item in zip(events, items, strict=True):
            kind, expected = numbers(item["embedding"], row)
            kinds[kind] += 1
            assert (event.vector.typecode, event.vector.tolist()) == (kind, expected), row["id"]
        check_facts(outcome.response, [plain], row)
        assert outcome.response.raw == plain
    print(dict(kinds))
    assert kinds["f"] > 15
    assert kinds["d"] > 35


def test_every_list_and_every_model_is_what_a_plain_reading_gives(rows):
    for row in succeeded(rows, LIST, ONE):
        outcome, (plain,) = decoded(row), payloads(row)
        assert outcome.error is None, (row["id"], outcome.error)
        response = outcome.response
        found = response.models if kind_of(row) is LIST else (response.info,)
        items = plain["data"] if kind_of(row) is LIST else [plain]
        assert [model.id for model in found] == [item["id"] for item in items]
        for model, item in zip(found, items, strict=True):
            assert model.raw == item
            assert model.owner == item.get("owned_by", item.get("owner"))
            assert model.created == item.get("created")
            assert model.name == item.get("name")
            assert model.context_length == item.get("context_length")
            assert model.max_output_tokens == item.get("top_provider", {}).get("max_completion_tokens")


def recorded_reads(body, row):
    at = 0
    for length in row.get("response_chunk_byte_lengths") or ():
        yield body[at : at + length]
        at += length
    yield body[at:]


def test_every_cut_of_a_reply_gives_the_same_events(rows):
    counted = collections.Counter()
    for row in succeeded(rows, PROMPT, INPUT, LIST, ONE):
        together = decoded(row).facts()
        counted["as recorded"] += 1
        assert decoded(row, recorded_reads).facts() == together, row["id"]
        if len(row["response_body"]) < 20_000:
            counted["a byte at a time"] += 1
            assert decoded(row, lambda body, _: single(body)).facts() == together, row["id"]
        chunks = decoded(row, lambda body, _: (body[at : at + 997] for at in range(0, len(body), 997)))
        assert chunks.facts() == together, row["id"]
    assert counted["a byte at a time"] > 50


def test_a_stream_that_breaks_off_is_never_complete(rows):
    seen = 0
    for row in succeeded(rows, PROMPT):
        if not row["streaming"] or decoded(row).error is not None:
            continue
        body = row["response_body"].encode()
        before = body[: re.search(rb'"finish_reason" ?: ?"', body).start()]
        for end in {len(before), len(before) // 2, len(before) - 1}:
            outcome = decoded(row, lambda _, __, end=end, before=before: [before[:end]])
            seen += 1
            assert isinstance(outcome.error, TruncatedStreamError), (row["id"], end, outcome.error)
    assert seen > 30


def test_a_document_that_breaks_off_is_never_complete(rows):
    for row in succeeded(rows, PROMPT, INPUT, LIST, ONE):
        if not row["streaming"]:
            body = row["response_body"].encode().rstrip()
            for end in (0, 1, len(body) // 2, len(body) - 1):
                outcome = decoded(row, lambda _, __, end=end, body=body: [body[:end]])
                assert isinstance(outcome.error, JackfieldError), row["id"]


def test_every_refusal_is_a_typed_error(rows):
    refused = [row for row in rows if row["status"] >= 300]
    for row in refused:
        error = read_error(HttpResponse(row["status"], row["response_headers"], row["response_body"].encode()))
        assert type(error) not in (JackfieldError, Exception), row["id"]
        assert error.status == row["status"]
        assert error.message in row["response_body"]
    assert len(refused) > 15


def test_the_examples_of_the_description_decode():
    folder = beside("openai", "examples")
    kinds = {"createCompletion": PROMPT, "createEmbedding": INPUT, "listModels": LIST, "retrieveModel": ONE}
    seen = set()
    for name in ("completions", "embeddings", "models"):
        for example in json.loads((folder / f"{name}.json").read_text(encoding="utf-8")):
            kind, plain = kinds.get(example["operation"]), example["response"]
            if kind is None:
                continue
            seen.add(example["operation"])
            outcome = whole(plain, kind)
            assert outcome.error is None, outcome.error
            assert outcome.response.raw == plain
            if example["request"].get("json"):
                read = read_completion_request if kind is PROMPT else read_embed_request
                assert read(example["request"]["json"])
    assert seen == kinds.keys()


# --- requests -----------------------------------------------------------------------------------------------

# How a request that was read and is sent again may differ from the one that was recorded:
#     null                 is not sent: it says that nothing is set
#     a list of one prompt is sent as that prompt
#     one text to stop at  is sent as a list of one
#     stream: false        is not sent: it says what is so without it
#     stream_options       ask for usage where the recorded request did not, and the host can be asked
#     encoding_format      asks for base64 where the recorded request names no form, or numbers of another kind
#     model                is named where the path named it
# A request that the service itself must refuse (dimensions of -1) is a BadRequestError of ours.


def by_the_rules(body, request, sent):
    expected = {key: value for key, value in body.items() if value is not None}
    for key in ("prompt", "input"):
        value = expected.get(key)
        if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], int):
            expected[key] = value[0]
    if isinstance(expected.get("stop"), str):
        expected["stop"] = [expected["stop"]]
    if expected.get("stream") is False:
        del expected["stream"]
    if expected.get("stream"):
        expected.setdefault("stream_options", {"include_usage": True})
    if request.operation is not COMPLETE and "encoding_format" not in expected:
        expected["encoding_format"] = "base64"
    expected.setdefault("model", sent["model"])
    return expected


def test_every_recorded_request_comes_back_as_it_was(rows):
    seen = refused = 0
    for row in rows:
        body = row["request_body"]
        if row["request_body_kind"] != "json" or not {"prompt", "input"} & body.keys():
            continue
        before = json.dumps(body)
        try:
            request, stream = (
                read_completion_request(body) if kind_of(row) is PROMPT else (read_embed_request(body), False)
            )
        except BadRequestError as error:
            assert row["status"] == 400, (row["id"], error)
            refused += 1
            continue
        seen += 1
        sent = body_of(request, streaming=stream, model=body.get("model", "of-the-path"))
        assert sent == by_the_rules(body, request, sent), row["id"]
        assert json.dumps(body) == before
    assert seen > 85
    assert refused < 5

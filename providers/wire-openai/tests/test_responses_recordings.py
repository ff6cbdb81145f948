"""Recorded responses of OpenAI, Azure and compatible hosts: nothing is lost, and every end has a type."""

import collections
import gzip
import json
import re

import attrs
import pytest
from exchanges import JSON, Outcome, chat_call, decoder, single
from openai_responses import ResponsesWire, body
from wire_folder import beside

from jackfield.errors import JackfieldError, MalformedReplyError, TruncatedStreamError
from jackfield.http import HttpResponse
from jackfield.operations import ChatRequest
from jackfield.types import Citation, Reasoning, Refusal, Text, TextDelta, ToolCall, Unknown
from jackfield_wire_openai.errors import read_error

SMALL = 8_000
# what asks for a response: the rest are lists, counts, removals, and conversations made shorter
ANSWERS = re.compile(r"/responses(/\{id\})?$")


@pytest.fixture(scope="module")
def recorded():
    path = beside("recordings.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if "/responses" in row["endpoint"]]
    found = [row for row in rows if ANSWERS.search(row["endpoint"]) and row["method"] in ("GET", "POST")]
    print(dict(collections.Counter(f"{row['method']} {row['endpoint']}" for row in rows if row not in found)))
    print(dict(collections.Counter(row["host"] for row in found)))
    return found


@pytest.fixture(scope="module")
def rows(recorded):
    replies = [row for row in recorded if row["status"] < 300]
    assert len(replies) > 340
    return replies


@pytest.fixture(scope="module")
def whole(rows):
    """What each reply comes to that is read in one piece, by its id."""
    return {row["id"]: decoded(row) for row in rows}


def decoded(row, chunks=None):
    call = chat_call(ChatRequest(messages="x"), streaming=row["streaming"])
    data = row["response_body"].encode()
    wire = ResponsesWire(row["host"].split(":")[0].replace("<AWS_REGION>", "region"))
    return Outcome(decoder(wire, call, row["response_headers"]), [data] if chunks is None else chunks(data, row))


def payloads(row):
    if not row["streaming"]:
        return [json.loads(row["response_body"])]
    blocks = re.split(r"(?:\r\n|\n){2,}", row["response_body"])
    found = (re.sub(r"^data: ?", "", line) for block in blocks for line in block.splitlines() if line[:5] == "data:")
    told = [json.loads(data) for data in found if data.strip() != "[DONE]"]
    # one recording holds what four requests came to, one behind the other
    ends = (number for number, one in enumerate(told) if one.get("type") in ("response.completed", "response.failed"))
    return told[: next(ends, len(told)) + 1]


def end_of(told):
    """The response as it was told last, and the items that it came to."""
    last = next((one for one in reversed(told) if "output" in one.get("response", one)), None)
    response = last and last.get("response", last)
    done = {one["output_index"]: one["item"] for one in told if one.get("type") == "response.output_item.done"}
    items = [item for _, item in sorted(done.items())]
    at_last = (response or {}).get("output", [])
    if len(items) != len(at_last):  # what was not told to be whole comes with the whole
        items += [item for item in at_last if item["id"] not in [one["id"] for one in items]]
    return response, items


def parts_of(items):
    """What items say, read without ceremony."""
    for item in items:
        match item:
            case {"type": "message"}:
                for part in item["content"]:
                    yield Text(part["text"]) if part["type"] == "output_text" else Refusal(part["refusal"])
            case {"type": "reasoning"}:
                texts = [(True, one["text"]) for one in item.get("summary") or ()]
                texts += [(False, one["text"]) for one in item.get("content") or ()]
                for number, (summary, text) in enumerate(texts or [(False, "")]):
                    encrypted = item.get("encrypted_content") if number == 0 else None
                    yield Reasoning(text, None, encrypted or None, summary, item["id"], "responses")
            case {"type": "function_call"}:
                yield ToolCall(item["call_id"], item["name"], item["arguments"])
            case {"type": "custom_tool_call"}:
                yield ToolCall(item["call_id"], item["name"], item["input"], custom=True)
            case _:
                yield Unknown(item)


def bare(part):
    return part if isinstance(part, Unknown) else attrs.evolve(part, extra=None)


def test_every_recorded_reply_decodes_to_what_a_plain_reading_gives(rows, whole):
    outcomes = collections.Counter()
    for row in rows:
        where = row["id"], row["host"]
        outcome, told = whole[row["id"]], payloads(row)
        response, items = end_of(told)
        kind = "stream" if row["streaming"] else "reply"
        if (response or {}).get("status") in ("queued", "in_progress"):
            assert isinstance(outcome.error, MalformedReplyError), where
            outcomes[f"{kind}: not over"] += 1
            continue
        failed = next((one for one in told if one.get("type") in ("error", "response.failed")), None)
        if failed is not None:
            assert outcome.error.code == "rate_limit_exceeded", where
            assert outcome.error.message == failed["error"]["message"], where
            outcomes[f"{kind}: {type(outcome.error).__name__}"] += 1
            continue
        assert outcome.error is None, (*where, outcome.error)
        message = outcome.response.message
        assert [bare(part) for part in message.parts] == list(parts_of(items)), where
        check_texts(told, outcome, where)
        check_facts(response, outcome, where)
        check_remarks(items, message, where)
        # whatever has no word of ours is still there
        assert [event.raw for event in outcome.events if event.raw is not None] == told, where
        outcomes[f"{kind}: complete"] += 1
    print(dict(outcomes))
    assert outcomes["reply: complete"] > 200
    assert outcomes["stream: complete"] > 140


def check_texts(told, outcome, where):
    """What comes in pieces is given as it comes, and once."""
    given = [event.text for event in outcome.events if isinstance(event, TextDelta)]
    pieces = [one["delta"] for one in told if one.get("type") == "response.output_text.delta" and one["delta"]]
    if pieces:
        assert given == pieces, where
    assert all(given), where


def check_facts(response, outcome, where):
    reply, usage = outcome.response, response.get("usage")
    for name, place in (("id", "id"), ("model", "model"), ("created", "created_at")):
        assert getattr(reply, name) == (response[place] or None), (*where, name)
    if usage:
        details = usage.get("input_tokens_details") or {}
        assert attrs.asdict(reply.usage) == {
            "input_tokens": usage["input_tokens"],
            "output_tokens": usage["output_tokens"],
            "reasoning_tokens": (usage.get("output_tokens_details") or {}).get("reasoning_tokens"),
            "cached_tokens": details.get("cached_tokens"),
            "cache_write_tokens": details.get("cache_write_tokens"),
            "input_audio_tokens": None,
            "output_audio_tokens": None,
            "cost": usage.get("cost"),
        }, where
    else:
        assert reply.usage is None, where
    called = bool(reply.tool_calls)
    unified = {"completed": "tool_calls" if called else "stop", "incomplete": "length"}
    raw = (response.get("incomplete_details") or {}).get("reason") or response.get("status")
    assert (reply.finish.unified, reply.finish.raw) == (unified.get(response.get("status"), "other"), raw), where
    assert all(call.complete for call in reply.tool_calls), where


def check_remarks(items, message, where):
    annotations = []
    for part in (part for item in items if item["type"] == "message" for part in item["content"]):
        for one in part.get("annotations") or ():
            if one["type"] == "url_citation":
                spans = one.get("start_index"), one.get("end_index")
                annotations.append(Citation(one["url"], one.get("title"), None, *spans))
            else:
                annotations.append(Unknown(one))
    assert list(message.annotations) == annotations, where


def goes_back(value, *, top=True):
    """An item as it must go back: without what is null in it, and without what was reckoned of its tokens."""
    if not isinstance(value, dict) or value.get("type") in ("web_search_call", "mcp_call", "mcp_list_tools"):
        return value
    found = {key: item for key, item in value.items() if item is not None}
    if found.get("type") not in ("message", "reasoning", "function_call", "custom_tool_call", "output_text", "refusal"):
        return value
    if "logprobs" in found:
        found["logprobs"] = []
    if "content" in found:
        found["content"] = [goes_back(part) for part in found["content"]]
    if found["type"] == "reasoning":
        found.setdefault("summary", [])
    return found


def test_every_recorded_reply_goes_back_as_it_came(rows, whole):
    kinds = collections.Counter()
    for row in rows:
        outcome = whole[row["id"]]
        if outcome.error is not None:
            continue
        _, items = end_of(payloads(row))
        written = body(messages=[outcome.response.message])["input"]
        assert written == [goes_back(item) for item in items], (row["id"], row["host"])
        kinds.update(item["type"] for item in items)
    print(dict(kinds))
    assert kinds["reasoning"] > 100
    assert kinds["function_call"] > 100
    assert len(kinds) > 8


def test_every_cut_of_a_recorded_stream_gives_the_same_events(rows, whole):
    cuts, hosts = collections.Counter(), set()
    for row in sorted(rows, key=lambda row: len(row["response_body"])):
        if not row["streaming"]:
            continue
        together = whole[row["id"]].facts()
        if lengths := row.get("response_chunk_byte_lengths"):
            cuts["as recorded"] += 1
            assert decoded(row, lambda data, _, lengths=lengths: pieces(data, lengths)).facts() == together, row["id"]
        # this costs what a stream weighs: the short ones, and of each host the shortest
        if len(row["response_body"]) < SMALL or row["host"] not in hosts:
            cuts["a byte at a time"] += 1
            assert decoded(row, lambda data, _: single(data)).facts() == together, row["id"]
        hosts.add(row["host"])
        cuts["primes"] += 1
        assert decoded(row, lambda data, _: pieces(data, [997] * (len(data) // 997))).facts() == together, row["id"]
    print(dict(cuts))
    assert cuts["a byte at a time"] > 20
    assert cuts["primes"] > 140
    assert len(hosts) > 5


def pieces(data, lengths):
    at = 0
    for length in lengths:
        yield data[at : at + length]
        at += length
    yield data[at:]


def test_a_recorded_stream_that_breaks_off_is_never_complete(rows, whole):
    seen = 0
    for row in rows:
        if not row["streaming"] or whole[row["id"]].error is not None:
            continue
        data = row["response_body"].encode()
        last = data.rindex(b"data:", 0, re.search(rb'"type" ?: ?"response\.(completed|incomplete)"', data).end())
        for end in {last, last // 2, last - 1, last + 40}:
            outcome = decoded(row, lambda _, __, end=end, data=data: [data[:end]])
            seen += 1
            assert isinstance(outcome.error, TruncatedStreamError), (row["id"], end, outcome.error)
            assert not any(call.complete for call in outcome.response.tool_calls), row["id"]
    assert seen > 500


def test_every_recorded_refusal_is_a_typed_error(recorded):
    kinds = collections.Counter()
    for row in recorded:
        if row["status"] < 300:
            continue
        error = read_error(HttpResponse(row["status"], row["response_headers"], row["response_body"].encode()))
        assert type(error) is not JackfieldError
        assert error.status == row["status"]
        assert not error.retryable
        kinds[type(error).__name__] += 1
    print(dict(kinds))
    assert kinds.keys() == {"AuthenticationError", "BadRequestError", "NotFoundError"}


def test_every_example_of_the_description_decodes():
    outcomes = collections.Counter()
    for example in json.loads(beside("openai", "examples", "responses.json").read_text()):
        reply, stream = example.get("response"), example.get("stream")
        if not stream and ("output" not in (reply or {}) or reply["object"] != "response"):
            continue  # no response
        data = stream.encode() if stream else json.dumps(reply).encode()
        reading = decoder(ResponsesWire("api.openai.com"), chat_call(streaming=bool(stream)), {} if stream else JSON)
        outcome = Outcome(reading, [data])
        assert outcome.error is None, (example["title"], outcome.error)
        status = "completed" if stream else reply["status"]
        assert outcome.response.finish.raw == status, example["title"]
        assert outcome.response.finish.unified in (("error",) if status == "cancelled" else ("stop", "tool_calls"))
        if status == "completed":
            assert outcome.response.message.parts, example["title"]
        outcomes[status] += 1
    print(dict(outcomes))
    assert outcomes["completed"] > 15

"""Recorded chats with OpenAI and twenty compatible hosts: nothing is lost, and every end has a type."""

import collections
import gzip
import json
import re

import attrs
import pytest
from exchanges import Outcome, chat_call, decoder, single
from openai_chats import Wire, sent
from wire_folder import beside

from jackfield.errors import JackfieldError, TruncatedStreamError
from jackfield.operations import ChatRequest
from jackfield.types import Audio, Citation, Reasoning, TextDelta, TokenLogprob, Unknown

SMALL = 3_000


@pytest.fixture(scope="module")
def rows():
    path = beside("recordings.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        chats = [row for row in map(json.loads, file) if "chat/completions" in row["endpoint"]]
    # lists of stored completions, their messages, and their removal are not chats
    stored = [row for row in chats if row["method"] != "POST"]
    assert {row["method"] for row in stored} == {"GET", "DELETE"}
    refused = [row for row in chats if row["method"] == "POST" and row["status"] >= 300]  # see test_errors
    replies = [row for row in chats if row["method"] == "POST" and row["status"] < 300]
    print(f"{len(chats)} recordings: {len(replies)} replies, {len(refused)} refusals, {len(stored)} of stored chats")
    assert len(replies) + len(refused) + len(stored) == len(chats)
    assert len(replies) > 900
    return replies


@pytest.fixture(scope="module")
def whole(rows):
    """What each reply comes to that is read in one piece, by its id."""
    return {row["id"]: decoded(row) for row in rows}


def decoded(row, chunks=None):
    call = chat_call(ChatRequest(messages="x"), streaming=row["streaming"])
    body = row["response_body"].encode()
    wire = Wire(row["host"].split(":")[0])
    return Outcome(decoder(wire, call, row["response_headers"]), [body] if chunks is None else chunks(body, row))


class Plain:
    """What a reply says, read without ceremony: the payloads one after the other, everything joined."""

    def __init__(self, row):
        self.error = None
        self.usage = None
        self.cost = None
        self.texts = collections.defaultdict(str)
        self.reasoning = collections.defaultdict(str)
        self.refusals = collections.defaultdict(str)
        self.finishes = {}
        self.calls = collections.defaultdict(list)
        self.details = collections.defaultdict(list)
        self.annotations = collections.defaultdict(list)
        self.audio = {}
        self.extras = collections.defaultdict(dict)
        self.logprobs = collections.defaultdict(list)
        self.payloads = list(self._payloads(row))
        for payload in self.payloads:
            self._read(payload, "delta" if row["streaming"] else "message")

    def _payloads(self, row):
        if not row["streaming"]:
            yield json.loads(row["response_body"])
            return
        for block in re.split(r"(?:\r\n|\n){2,}", row["response_body"]):
            data = [line[5:].strip() for line in block.splitlines() if line.startswith("data:")]
            if data and data != ["[DONE]"]:
                yield json.loads("\n".join(data))

    def _read(self, payload, key):
        self.error = self.error or payload.get("error")
        self.usage = payload.get("usage") or payload.get("x_groq", {}).get("usage") or self.usage
        self.cost = (payload.get("cost") or {}).get("usd", self.cost)
        for choice in payload.get("choices") or []:
            index = choice["index"]
            self.error = self.error or choice.get("error")
            self.finishes.setdefault(index, None)
            if choice.get("finish_reason") or (key == "message" and "finish_reason" in choice):
                self.finishes[index] = choice["finish_reason"]
            message = choice.get(key) or {}
            details = message.get("reasoning_details") or []
            said = "".join(one.get("text") or one.get("summary") or "" for one in details)
            self.reasoning[index] += said or message.get("reasoning_content") or message.get("reasoning") or ""
            self._details(details, self.details[index], key)
            self.annotations[index] += message.get("annotations") or []
            if any((message.get("audio") or {}).values()):
                self.audio[index] = message["audio"]
            signed = {name: message[name] for name in ("extra_content", "thought_signature") if message.get(name)}
            self.extras[index].update(signed)
            for of, tokens in (choice.get("logprobs") or {}).items():
                self.logprobs[index, of] += tokens or []
            self.refusals[index] += message.get("refusal") or ""
            content = message.get("content") or ""
            if isinstance(content, dict):
                content = json.dumps(content, separators=(",", ":"))
            for part in [{"text": content}] if isinstance(content, str) else content:
                self.texts[index] += part.get("text", "")
                self.reasoning[index] += "".join(thought["text"] for thought in part.get("thinking", ()))
            for call in message.get("tool_calls") or []:
                self._call(call, self.calls[index], key)

    def _details(self, details, known, key):
        """What must go back: the pieces of one thought joined, all else as it came."""
        for one in details:
            same = [old for old in known if (old["type"], old["index"]) == (one["type"], one["index"])]
            if key == "message" or not same or (same[-1].get("id") or one.get("id")) != same[-1].get("id"):
                known.append({name: value for name, value in one.items() if value not in (None, "")})
                continue
            for name in ("text", "summary", "signature", "data"):
                if one.get(name):
                    same[-1][name] = same[-1].get(name, "") + one[name]

    def _call(self, call, calls, key):
        function = call.get("function") or {}
        assert function or not call.get("custom"), "the recordings hold no custom call"
        name, arguments = function.get("name") or "", function.get("arguments") or ""
        at = call.get("index", len(calls))
        known = next((known for known in calls if known["at"] == at), None)
        if key == "message" or known is None:
            calls.append({"at": at, "id": call.get("id") or "", "name": name, "arguments": arguments})
        else:
            known["arguments"] += arguments


def test_every_recorded_reply_decodes_to_what_a_plain_reading_gives(rows, whole):
    outcomes = collections.Counter()
    for row in rows:
        where = row["id"], row["host"]
        plain, outcome = Plain(row), whole[row["id"]]
        error, response = outcome.error, outcome.response
        if plain.error:
            assert isinstance(error, JackfieldError), where
            assert not isinstance(error, TruncatedStreamError), where
            message, behind = plain.error["message"], (plain.error.get("metadata") or {}).get("provider_name")
            told = error.message.partition(f" ({behind}")[0]
            assert message.strip().startswith(told), where
            assert told == message.strip() or 400 < len(told) <= 500, where
            outcomes[f"{'stream' if row['streaming'] else 'reply'}: {type(error).__name__}"] += 1
        elif None in plain.finishes.values() and row["streaming"]:
            assert isinstance(error, TruncatedStreamError), where
            outcomes["stream: truncated"] += 1
        else:
            assert error is None, (*where, error)
            outcomes["stream: complete" if row["streaming"] else "reply: complete"] += 1
            assert {choice.index: choice.finish.raw for choice in response.choices} == plain.finishes, where
        for choice in response.choices:
            parts = choice.message.parts
            kinds = collections.defaultdict(str)
            for part in parts:
                kinds[type(part).__name__] += getattr(part, "text", "")
            assert choice.message.text == plain.texts[choice.index], where
            assert kinds["Reasoning"] == plain.reasoning[choice.index], where
            assert kinds["Refusal"] == plain.refusals[choice.index], where
            calls = [(call["id"], call["name"], call["arguments"]) for call in plain.calls[choice.index]]
            assert [(call.id, call.name, call.arguments) for call in choice.message.tool_calls] == calls, where
            check_choice(choice, plain, where)
            cut = error is not None or choice.finish.unified in {"length", "content_filter", "error"}
            assert all(call.complete is not cut for call in choice.message.tool_calls), where
        check_facts(outcome, plain, where)
    print(dict(outcomes))
    assert outcomes["reply: complete"] > 600
    assert outcomes["stream: complete"] > 300


def check_choice(choice, plain, where):
    message, index = choice.message, choice.index
    # OpenRouter takes back all that a thought held
    told, _ = (
        sent(Wire("openrouter.ai"), messages=[message])
        if message.role == "assistant" and is_whole(message)
        else ({}, [])
    )
    details = [one for one in plain.details[index] if one.keys() & {"text", "summary", "data", "signature"}]
    if told and details:
        assert told["messages"][0]["reasoning_details"] == details, where
    signatures = [part.signature for part in message.parts if isinstance(part, Reasoning) and part.signature]
    assert signatures == [one["signature"] for one in details if one.get("signature")], where
    encrypted = [part.encrypted for part in message.parts if isinstance(part, Reasoning) and part.encrypted]
    assert encrypted == [one["data"] for one in details if one.get("data")], where
    annotations = []
    for one in plain.annotations[index]:
        inner = one.get("url_citation")
        spans = (inner.get("content"), inner.get("start_index"), inner.get("end_index")) if inner else ()
        annotations.append(Citation(inner["url"], inner.get("title"), *spans) if inner else Unknown(one))
    assert list(message.annotations) == annotations, where
    sounds = [part for part in message.parts if isinstance(part, Audio)]
    assert [(part.id, part.data, part.transcript, part.expires) for part in sounds] == [
        tuple(audio[name] for name in ("id", "data", "transcript", "expires_at"))
        for audio in ([plain.audio[index]] if index in plain.audio else [])
    ], where
    assert (message.extra or {}) == plain.extras[index], where
    for of, name in (("content", "content"), ("refusal", "refusal"), ("reasoning", "reasoning_content")):
        tokens = [token_of(token) for token in plain.logprobs[index, name]]
        assert list(getattr(choice.logprobs, of, ())) == tokens, where


def is_whole(message):
    return all(call.complete for call in message.tool_calls)


def token_of(wire):
    tops = tuple(token_of(top) for top in wire.get("top_logprobs", ()))
    return TokenLogprob(wire["token"], wire["logprob"], bytes(wire["bytes"]), tops)


def check_facts(outcome, plain, where):
    response, usage = outcome.response, outcome.response.usage
    if plain.usage and not plain.error:
        stated = plain.usage
        output = stated.get("completion_tokens_details") or {}
        prompt = stated.get("prompt_tokens_details") or {}
        cost = stated.get("cost", stated.get("estimated_cost", plain.cost))
        cached = ("prompt_cache_hit_tokens", "cache_read_input_tokens", "cached_tokens", "num_cached_tokens")
        expected = {
            "input_tokens": stated["prompt_tokens"],
            "output_tokens": stated.get("completion_tokens"),
            "reasoning_tokens": output.get("reasoning_tokens", stated.get("reasoning_tokens")),
            "cached_tokens": first(prompt.get("cached_tokens"), *(stated.get(name) for name in cached)),
            "cache_write_tokens": first(prompt.get("cache_write_tokens"), stated.get("cache_creation_input_tokens")),
            "input_audio_tokens": first(prompt.get("audio_tokens"), stated.get("audio_prompt_tokens")),
            "output_audio_tokens": output.get("audio_tokens"),
            "cost": cost["total_cost"] if isinstance(cost, dict) else cost,
        }
        assert attrs.asdict(usage) == expected, where
    elif not plain.usage:
        assert usage is None, where
    if outcome.events:
        for name in ("id", "model", "created"):
            stated = next((payload[name] for payload in plain.payloads if payload.get(name)), None)
            assert getattr(response, name) == stated, (*where, name)
    # whatever has no word of ours is still there
    raws = [event.raw for event in outcome.events if event.raw is not None]
    if outcome.error is None:
        assert raws == plain.payloads, where


def first(*values):
    return next((value for value in values if value is not None), None)


def test_every_event_but_text_and_thoughts_is_given_once(whole):
    for where, outcome in whole.items():
        kinds = collections.Counter((type(event).__name__, getattr(event, "choice", None)) for event in outcome.events)
        assert all(count == 1 for (kind, _), count in kinds.items() if kind in ("Start", "Finished")), where


def recorded_reads(body, row):
    at = 0
    for length in row["response_chunk_byte_lengths"]:
        yield body[at : at + length]
        at += length
    yield body[at:]


def test_every_cut_of_a_recorded_stream_gives_the_same_events(rows, whole):
    cuts, hosts = collections.Counter(), set()
    for row in sorted(rows, key=lambda row: len(row["response_body"])):
        if not row["streaming"]:
            continue
        together = whole[row["id"]].facts()
        if row.get("response_chunk_byte_lengths"):
            cuts["as recorded"] += 1
            assert decoded(row, recorded_reads).facts() == together, row["id"]
        # this costs what a stream weighs: the short ones, and of each host the shortest
        if len(row["response_body"]) < SMALL or row["host"] not in hosts:
            cuts["a byte at a time"] += 1
            assert decoded(row, lambda body, _: single(body)).facts() == together, row["id"]
        hosts.add(row["host"])
        cuts["primes"] += 1
        chunks = decoded(row, lambda body, _: (body[at : at + 997] for at in range(0, len(body), 997)))
        assert chunks.facts() == together, row["id"]
    print(dict(cuts))
    assert all(cuts.values())
    assert cuts["a byte at a time"] > 100
    assert len(hosts) > 20


def test_a_recorded_stream_that_breaks_off_is_never_complete(rows, whole):
    seen = 0
    for row in rows:
        if not row["streaming"] or whole[row["id"]].error is not None:
            continue
        finish = re.search(rb'"finish_reason" ?: ?"', row["response_body"].encode())
        before = row["response_body"].encode()[: finish.start()]
        for end in {len(before), len(before) // 2, len(before) - 1}:
            outcome = decoded(row, lambda _, __, end=end, before=before: [before[:end]])
            seen += 1
            assert isinstance(outcome.error, TruncatedStreamError), (row["id"], end, outcome.error)
            assert not any(call.complete for call in outcome.response.tool_calls), row["id"]
    assert seen > 900


def test_no_text_is_empty(whole):
    for where, outcome in whole.items():
        assert all(event.text for event in outcome.events if isinstance(event, TextDelta)), where

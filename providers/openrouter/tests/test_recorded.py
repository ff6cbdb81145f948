"""Recorded exchanges with OpenRouter, through this provider: requests come back, replies lose nothing."""

import collections
import json

import pytest
from exchanges import Outcome, any_call, asked, chat_call, decoder, single
from openai_chats import Wire
from openrouter import PROVIDER, body, payloads, recordings

from jackfield.errors import BadRequestError, JackfieldError
from jackfield.http import HttpResponse
from jackfield.operations import EmbedRequest
from jackfield_openrouter import served
from jackfield_wire_openai.embeddings import read_embed_request
from jackfield_wire_openai.reading_requests import read_chat_request

WIRE = Wire("openrouter.ai")
# what the models refuse that OpenRouter left out in silence, and of how many choices it gave one
REPORTED = {"temperature", "top_p", "n", "reasoning_effort", "tools", "tool_choice"}


@pytest.fixture(scope="module")
def chats():
    rows = recordings("/chat/completions")
    assert len(rows) > 350
    return rows


def a_mark_stands_on_the_last_part(turn):
    if mark := turn.pop("cache_control", None):
        turn["content"] = [{"type": "text", "text": turn["content"], "cache_control": mark}]


def test_every_recorded_request_comes_back_as_the_wire_has_it(chats):
    outcomes = collections.Counter()
    for row in chats:
        where, given = row["id"], json.dumps(row["request_body"])
        if row["request_body_kind"] != "json":
            outcomes["no body"] += 1
            continue
        try:
            ours, streaming = read_chat_request(row["request_body"], plugin="openrouter")
            plain, _ = read_chat_request(row["request_body"])
        except BadRequestError:
            assert row["status"] >= 400, where
            outcomes["refused"] += 1
            continue
        model = ours.model or "m"
        call = chat_call(ours, streaming=streaming, model=model).evolve(unsupported="drop")
        written = json.loads(asked(PROVIDER, call).body)
        expected = json.loads(asked(WIRE, chat_call(plain, streaming=streaming, model=model)).body)
        reported = {notice.field for notice in call.ledger.notices if notice.kind == "unsupported"}
        assert reported <= REPORTED, where
        for turn in expected["messages"]:
            a_mark_stands_on_the_last_part(turn)
        if model.startswith("openai/"):  # the newer name of the limit is the one that its reasoning models know
            written = {"max_tokens" if key == "max_completion_tokens" else key: one for key, one in written.items()}
        assert written == {key: one for key, one in expected.items() if key not in reported}, where
        assert json.dumps(row["request_body"]) == given, where
        outcomes["with a report" if reported else "equal"] += 1
    print(dict(outcomes))
    assert outcomes["equal"] > 300
    assert outcomes["with a report"] > 10


def replies(rows):
    return [row for row in rows if row["status"] < 300]


def read(provider, row, chunks=None):
    call = chat_call(streaming=row["streaming"])
    data = row["response_body"].encode()
    return Outcome(decoder(provider, call, row["response_headers"]), [data] if chunks is None else chunks(data))


def test_every_recorded_reply_is_what_the_wire_reads(chats):
    """`providers/wire-openai` shows that this is what a plain reading gives."""
    seen = 0
    for row in replies(chats):
        outcome = read(PROVIDER, row)
        assert outcome.facts() == read(WIRE, row).facts(), row["id"]
        if len(row["response_body"]) < 4_000:
            assert read(PROVIDER, row, single).facts() == outcome.facts(), row["id"]
        seen += 1
    assert seen > 340


def last(found, name):
    return next((payload[name] for payload in reversed(found) if payload.get(name)), None)


def check_served(response, row):
    how, found = served(response), payloads(row)
    usage = last(found, "usage") or {}
    costs = usage.get("cost_details") or {}
    name = last(found, "id") or row["response_headers"].get("x-generation-id")
    assert how.generation_id == (name if name and name.startswith("gen-") else None), row["id"]
    assert (how.provider, how.model) == (last(found, "provider"), last(found, "model")), row["id"]
    assert (how.cost, how.is_byok) == (usage.get("cost"), usage.get("is_byok")), row["id"]
    assert how.upstream_cost == costs.get("upstream_inference_cost"), row["id"]
    assert how.upstream_prompt_cost == costs.get("upstream_inference_prompt_cost"), row["id"]
    assert how.upstream_completions_cost == costs.get("upstream_inference_completions_cost"), row["id"]
    assert how.server_tools == (usage.get("server_tool_use_details") or usage.get("server_tool_use")), row["id"]
    natives = {}
    for payload in found:
        for choice in payload.get("choices") or ():
            if choice.get("native_finish_reason"):
                natives[choice["index"]] = choice["native_finish_reason"]
    assert how.native_finish_reasons == natives, row["id"]
    return how


def test_every_reply_tells_how_it_was_served(chats):
    counted = collections.Counter()
    for row in replies(chats):
        outcome = read(PROVIDER, row)
        if outcome.error is None:
            how = check_served(outcome.response, row)
            counted.update(name for name in ("provider", "cost", "is_byok", "generation_id") if getattr(how, name))
            counted["native"] += bool(how.native_finish_reasons)
    print(dict(counted))
    assert min(counted[name] for name in ("provider", "native", "cost")) > 200


def test_every_refusal_is_a_typed_error(chats):
    refused = [row for row in chats if row["status"] >= 300]
    for row in refused:
        error = PROVIDER.error(HttpResponse(row["status"], row["response_headers"], row["response_body"].encode()))
        assert type(error) is not JackfieldError, row["id"]
        assert error.status == row["status"]
    assert len(refused) > 40


def test_every_recorded_embedding_comes_back_and_tells_how_it_was_served():
    rows = recordings("/embeddings")
    for row in rows:
        given, vectors = row["request_body"], json.loads(row["response_body"])["data"]
        if given is None:
            request = EmbedRequest(input=["x"] * len(vectors))
        else:
            request = read_embed_request(given, plugin="openrouter")
            alone = isinstance(given["input"], list) and len(given["input"]) == 1
            expected = {"encoding_format": "base64", **given, "input": given["input"][0] if alone else given["input"]}
            assert body(request, to=given["model"]) == expected, row["id"]
        reading = decoder(PROVIDER, any_call(request), row["response_headers"])
        outcome = Outcome(reading, [row["response_body"].encode()], request)
        assert outcome.error is None, (row["id"], outcome.error)
        ordered = sorted(vectors, key=lambda one: one["index"])
        assert [list(vector) for vector in outcome.response.vectors] == [one["embedding"] for one in ordered]
        check_served(outcome.response, row)
    assert len(rows) > 5

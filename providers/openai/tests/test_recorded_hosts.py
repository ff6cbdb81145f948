"""Recorded traffic of the hosts, each through its own plugin: what would be sent, and what is made of each reply."""

import collections
import gzip
import json
import re

import pytest
from exchanges import Outcome, any_call, asked, decoder
from wire_folder import beside, payloads

from jackfield import Secret
from jackfield.errors import BadRequestError, JackfieldError, TruncatedStreamError, UnsupportedError
from jackfield.http import HttpResponse
from jackfield.operations import ChatRequest, EmbedRequest, ModelsRequest
from jackfield_openai import OpenAIProvider, OpenAISettings, hosts
from jackfield_wire_openai.completions import read_completion_request
from jackfield_wire_openai.embeddings import read_embed_request
from jackfield_wire_openai.reading_requests import read_chat_request

# who is recorded under another name than that of the plugin
NAMES = {
    "crusoecloud": "crusoe",
    "google-openai-compat": "gemini",
    "gpustack": "vllm",
    "local-litellm": "litellm",
    "local-llamacpp": "llamacpp",
    "vercel-gateway": "vercel",
    "voyageai": "voyage",
}
# whose address is not the one of the table, so that a user would write it down
OWN = {"bedrock-mantle", "cloudflare", "copilot", "databricks", "heroku", "local-mistralrs", "local-unknown", "portkey",
       "snowflake-cortex"}  # fmt: skip
OTHERS = {"openai", "openrouter", "azure", "chatgpt-codex"}  # which have tests of their own
CHATS = re.compile(r"/(chat|agents|fim)/completions$")
PATHS = re.compile(r"/(chat/completions|agents/completions|fim/completions|completions|embeddings|models|responses)$")


@pytest.fixture(scope="module")
def rows():
    with gzip.open(beside("recordings.jsonl.gz"), "rt", encoding="utf-8") as file:
        found = [row for row in map(json.loads, file) if row["provider"] not in OTHERS]
    assert {NAMES.get(row["provider"], row["provider"]) for row in found} - OWN <= hosts.HOSTS.keys()
    return [row for row in found if PATHS.search(row["url_path"]) and row["method"] in ("GET", "POST")]


def plugin_of(row):
    return None if row["provider"] in OWN else NAMES.get(row["provider"], row["provider"])


def provider_of(row):
    """The provider with which a user would have sent this request."""
    base_url = f"https://{row['host'].replace('<AWS_REGION>', 'x')}{PATHS.sub('', row['url_path'])}"
    name = plugin_of(row)
    if name is None:
        return OpenAIProvider("own", OpenAISettings(api_key=Secret("k"), base_url=base_url))
    plugin = getattr(hosts, name)
    return plugin.jackfield_provider(name, plugin.jackfield_settings()(api_key=Secret("k"), base_url=base_url))


def request_of(row):
    """The request of a row as ours, and whether it streams; the least one where the row has none."""
    plugin = plugin_of(row) or "openai"
    body = row["request_body"] if row["request_body_kind"] == "json" else None
    if row["method"] == "GET":
        return ModelsRequest(), False
    if row["url_path"].endswith("/responses"):
        return ChatRequest(messages="x", options={plugin: {"api": "responses"}}), row["streaming"]
    if row["url_path"].endswith("/embeddings"):
        count = len(json.loads(row["response_body"]).get("data", "x"))
        return (read_embed_request(body, plugin) if body else EmbedRequest(input=["x"] * count)), False
    if not CHATS.search(row["url_path"]):
        return read_completion_request(body or {"prompt": "x"}, plugin)
    body = body or {"messages": [{"role": "user", "content": "x"}], "stream": row["streaming"]}
    return read_chat_request({"messages": [{"role": "user", "content": body.get("prompt", "x")}], **body}, plugin)


def called(row, *, body=True):
    request, streaming = request_of(row if body else {**row, "request_body_kind": "none"})
    return any_call(request, streaming=streaming, model=getattr(request, "model", None) or "m")


def test_the_table_knows_where_the_hosts_were_reached(rows):
    for row in rows:
        name = plugin_of(row)
        if name is None or not hosts.HOSTS[name].needs_key:
            continue
        host = hosts.HOSTS[name].base_url.partition("://")[2].partition("/")[0]
        same = {"api.together.ai": "api.together.xyz"}
        assert same.get(row["host"], row["host"]) == host, row["id"]


LIMITS = ("max_tokens", "max_completion_tokens")
BY_RULE = {"messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "tools", "tool_choice",
           "parallel_tool_calls", "stop", "model", "input", "prompt", "encoding_format"}  # fmt: skip


def test_what_a_host_took_is_sent_to_it(rows):
    outcomes = collections.Counter()
    for row in rows:
        body = row["request_body"] if row["request_body_kind"] == "json" else None
        if body is None or re.search("/(agents|fim)/|/responses$", row["url_path"]):
            continue
        where = row["id"], row["host"]
        provider = provider_of(row)
        try:
            call = called(row)
            sent = asked(provider, call)
        except BadRequestError as error:
            assert "tool_call_id: expected the id of a tool call" in str(error), (*where, error)
            outcomes["no request of ours"] += 1
            continue
        except UnsupportedError as error:
            assert row["status"] >= 400, (*where, error)  # the host refused it too
            outcomes["reported"] += 1
            continue
        assert provider.endpoint.addressed(sent).path == row["url_path"], where
        written = json.loads(sent.body)
        stated = {key: value for key, value in body.items() if value is not None and key not in BY_RULE}
        assert {key: written.get(key) for key in stated} == stated, where
        limits = ("max_tokens", "max_completion_tokens")
        assert [written[key] for key in limits if key in written] == [body[key] for key in limits if body.get(key)], (
            where
        )
        assert written.get("stream", False) == bool(body.get("stream")), where
        assert len(written.get("messages", ())) == len(body.get("messages", ())), where
        assert not [one for one in call.ledger._notices.values() if one.kind == "unsupported"], where
        outcomes["sent"] += 1
    print(dict(outcomes))
    assert outcomes["sent"] > 380


def test_every_reply_is_whole_or_has_the_error_that_it_should(rows):
    outcomes = collections.Counter()
    for row in rows:
        where, provider = (row["id"], row["host"]), provider_of(row)
        body = row["response_body"].encode()
        if row["status"] >= 300:
            error = provider.error(HttpResponse(row["status"], row["response_headers"], body))
            assert type(error) is not JackfieldError, where
            assert error.status == row["status"], where
            outcomes[f"{row['status']} {type(error).__name__}"] += 1
            continue
        call, plain = called(row, body=not CHATS.search(row["url_path"])), payloads(row)
        outcome = Outcome(decoder(provider, call, row["response_headers"]), [body], call.request)
        text = json.dumps(plain)
        if '"error": {' in text:
            assert isinstance(outcome.error, JackfieldError), where
            assert not isinstance(outcome.error, TruncatedStreamError), where
            outcomes["in band"] += 1
            continue
        if row["streaming"] and not re.search(r'"finish_reason": "|"response.(completed|incomplete)"', text):
            assert isinstance(outcome.error, TruncatedStreamError), where
            outcomes["truncated"] += 1
            continue
        assert outcome.error is None, (*where, outcome.error)
        if row["url_path"].endswith("/responses"):
            outcomes["of the newer API"] += 1
            continue
        assert [event.raw for event in outcome.events if event.raw is not None] == plain, where
        stated = [one.get("usage") or one.get("x_groq", {}).get("usage") for one in plain if isinstance(one, dict)]
        stated += [choice.get("usage") for one in plain for choice in one.get("choices") or ()]
        assert (outcome.response.usage is not None) == any(stated), where
        ended = "[DONE]" in row["response_body"] or not row["streaming"]
        assert ended or not provider.profile.needs_done, where
        outcomes[f"{'stream' if row['streaming'] else 'whole'}{'' if ended else ' without [DONE]'}"] += 1
    print(dict(outcomes))
    assert outcomes["whole"] > 250
    assert outcomes["stream"] > 130
    assert outcomes["stream without [DONE]"] > 5
    assert outcomes["of the newer API"] > 30


def test_whose_stream_was_seen_to_end_without_a_marker_is_known_for_it(rows):
    """A profile that asked for the marker would make each of these replies an error."""
    seen = {
        row["host"].partition(":")[0]
        for row in rows
        if row["streaming"] and "[DONE]" not in row["response_body"] and '"finish_reason":"' in row["response_body"]
    }
    assert {"api.cerebras.ai", "router.huggingface.co", "api.perplexity.ai"} <= seen

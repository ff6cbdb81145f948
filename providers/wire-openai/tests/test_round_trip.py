"""Recorded chat requests, read into our types and translated back: equal, or changed by a rule of the one table."""

import collections
import copy
import gzip
import json

import pytest
from exchanges import asked, chat_call
from openai_chats import Wire
from wire_folder import beside

from jackfield.errors import BadRequestError, UnsupportedError
from jackfield_wire_openai.profiles import profile_of
from jackfield_wire_openai.reading_requests import read_chat_request


@pytest.fixture(scope="module")
def rows():
    path = beside("recordings.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        chats = [row for row in map(json.loads, file) if "chat/completions" in row["endpoint"]]
    return [row for row in chats if row["method"] == "POST" and row["request_body_kind"] == "json"]


def without_null(value):
    if isinstance(value, dict):
        return {key: without_null(item) for key, item in value.items() if item is not None}
    return value


# The rules, which docs/openai.md names. Each says what becomes of a body, or of one of its turns.


def a_limit_has_the_hosts_name_for_it(body, host):
    limit = body.pop("max_completion_tokens", None) or body.pop("max_tokens", None)
    if limit is not None:
        body[profile_of(host).max_tokens] = limit


def a_stream_is_asked_for_its_usage(body, host):
    if body.get("stream"):
        usage = {"include_usage": True} if profile_of(host).stream_usage else {}
        if options := {**usage, **body.get("stream_options", {})}:
            body["stream_options"] = options
    else:
        body.pop("stream", None)


def without_tools_nothing_is_said_of_them(body, host):
    if not body.get("tools"):
        for name in ("tools", "tool_choice", "parallel_tool_calls"):
            body.pop(name, None)


def tool_choices_have_openais_words(body, host):
    match body.get("tool_choice"):
        case "any":
            body["tool_choice"] = "required"
        case {"type": "tool", "name": name}:
            body["tool_choice"] = {"type": "function", "function": {"name": name}}
    for tool in body.get("tools", ()):
        tool.setdefault("type", "function")


def no_text_at_all_ends_nothing(body, host):
    if body.get("stop") == []:
        del body["stop"]
    elif isinstance(body.get("stop"), str):
        body["stop"] = [body["stop"]]


def one_text_is_no_list(turn):
    match turn.get("content"):
        case [{"type": "text", "text": str(text), **more}] if not more:
            turn["content"] = text
        case None | []:
            turn["content"] = ""
    for part in turn["content"] if isinstance(turn["content"], list) else ():
        if isinstance(part.get("image_url"), str):
            part["image_url"] = {"url": part["image_url"]}


def a_refusal_stands_beside_the_content(turn):
    content = turn.get("content")
    if isinstance(content, list) and (said := [part["refusal"] for part in content if part.get("type") == "refusal"]):
        turn["content"] = [part for part in content if part.get("type") != "refusal"]
        turn["refusal"] = "".join(said)


def calls_without_text_have_null(turn):
    if not turn.get("content") and turn.keys() & {"tool_calls", "refusal", "audio", "function_call"}:
        turn["content"] = None


OF_BODIES = (
    a_limit_has_the_hosts_name_for_it,
    a_stream_is_asked_for_its_usage,
    without_tools_nothing_is_said_of_them,
    tool_choices_have_openais_words,
    no_text_at_all_ends_nothing,
)
OF_TURNS = (a_refusal_stands_beside_the_content, one_text_is_no_list, calls_without_text_have_null)


def expected(body, host):
    """The body after every rule; the first of them is that null is not sent."""
    found = without_null(copy.deepcopy(body))
    found.setdefault("model", "m")  # some hosts name it in the address
    for rule in OF_BODIES:
        rule(found, host)
    found["messages"] = [without_null(turn) for turn in found["messages"]]
    for turn in found["messages"]:
        for rule in OF_TURNS:
            rule(turn)
        for call in turn.get("tool_calls", ()):
            call["function"] = without_null(call["function"])
    return found


# what no request of ours can be: the field that the error names
REFUSED = ("messages[0].role", "messages[2].tool_call_id", "temperature")


def test_every_recorded_request_comes_back(rows):
    outcomes = collections.Counter()
    for row in rows:
        where, host = (row["id"], row["host"]), row["host"].split(":")[0]
        before = json.dumps(row["request_body"])
        try:
            request, streaming = read_chat_request(row["request_body"])
        except BadRequestError as error:
            field = error.message.partition(":")[0]
            assert field in REFUSED, (*where, error)
            outcomes[f"refused: {field}"] += 1
            continue
        call = chat_call(request, streaming=streaming, model=request.model or "m")
        try:
            written = json.loads(asked(Wire(host), call).body)
        except UnsupportedError as error:
            assert row["status"] >= 400, (*where, error)  # the host refused it too
            outcomes["reported"] += 1
            continue
        assert written == expected(row["request_body"], host), where
        assert json.dumps(row["request_body"]) == before, where
        assert not [one for one in call.ledger._notices.values() if one.kind == "unsupported"], where
        outcomes["equal"] += 1
    print(dict(outcomes))
    assert outcomes["equal"] > 1000


CASES = {
    "what we have no word for": {"store": False, "reasoning": {"effort": "low"}, "x": [1]},
    "both limits": {"max_tokens": 5},
    "a stream": {"stream": True, "stream_options": {"include_usage": True}},
    "a stream with options": {"stream": True, "stream_options": {"include_obfuscation": False}},
    "options of a stream that is none": {"stream": False, "stream_options": {"include_usage": True}},
    "a format of the host's own": {"response_format": {"type": "grammar", "grammar": "x"}},
    "legacy functions": {"functions": [{"name": "f"}], "function_call": "auto"},
    "falsy": {"user": "", "metadata": {}, "seed": 0, "n": 1, "logprobs": False, "top_logprobs": 0, "temperature": 0},
}


@pytest.mark.parametrize("more", CASES.values(), ids=CASES)
def test_requests_come_back(more):
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], **more}
    request, streaming = read_chat_request(body)
    written = json.loads(asked(Wire("127.0.0.1"), chat_call(request, streaming=streaming)).body)
    assert written == expected(body, "127.0.0.1")


TURNS = {
    "a refusal among the content": {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
    "sound by its id": {"role": "assistant", "audio": {"id": "a"}},
    "a call of the older kind": {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}},
    "a thought among the content": {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}],
    },
    "thoughts in every form": {
        "role": "assistant",
        "content": "a",
        "reasoning": "hm",
        "reasoning_details": [{"type": "reasoning.text", "text": "hm", "id": None}],
    },
    "marks": {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
    "a mark that has no word of ours": {"role": "user", "content": "x", "cache_control": {"type": "forever"}},
    "a document": {"role": "user", "content": [{"type": "document_url", "document_url": "data:x"}]},
}


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_turns_come_back(turn):
    body = {"model": "m", "messages": [turn]}
    request, _ = read_chat_request(body)
    assert json.loads(asked(Wire("127.0.0.1"), chat_call(request)).body) == expected(body, "127.0.0.1")


def test_of_two_limits_the_newer_counts_and_the_other_is_refused():
    body = {"model": "m", "messages": [], "max_tokens": 5, "max_completion_tokens": 6}
    request, _ = read_chat_request(body)
    assert (request.max_output_tokens, request.options) == (6, {"openai": {"max_tokens": 5}})
    with pytest.raises(BadRequestError, match="options.openai.max_tokens: this is set already"):
        asked(Wire("127.0.0.1"), chat_call(request))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "body: expected an object, got list"),
        ({"model": "m"}, "messages: missing"),
        ({"messages": 5}, "messages: expected"),
        ({"messages": [{"invalid": "structure"}]}, r"messages\[0\].role: expected one of"),
        ({"messages": [], "stream": "yes"}, "stream: expected true or false, got 'yes'"),
        ({"messages": [], "temperature": "hot"}, "temperature: expected a number"),
        ({"messages": [], "max_tokens": 0}, "^max_tokens: expected a whole number"),
        ({"messages": [], "max_completion_tokens": "5"}, "^max_completion_tokens: expected a whole number"),
        ({"messages": [], "tools": {}}, "tools: expected a list"),
        ({"messages": [], "tool_choice": 5}, "tool_choice: expected"),
        ({"messages": [], "response_format": 5}, "response_format: expected an object, got 5"),
        ({"messages": [], "model": 5}, "model: expected"),
    ],
)
def test_what_is_no_request_is_a_typed_error(body, says):
    with pytest.raises(BadRequestError, match=says):
        read_chat_request(body)

"""Recorded requests of the Responses API, read into our types and translated back: equal, or changed by a rule."""

import collections
import copy
import gzip
import json

import pytest
from exchanges import asked, chat_call
from openai_chats import Wire
from openai_responses import LOCAL, ResponsesWire
from wire_folder import beside

from jackfield.errors import BadRequestError, UnsupportedError
from jackfield_wire_openai.profiles import rule_for
from jackfield_wire_openai.responses.reading_requests import read_responses_request

USER = {"role": "user", "content": "x"}


@pytest.fixture(scope="module")
def rows():
    path = beside("recordings.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        chats = [row for row in map(json.loads, file) if row["endpoint"].endswith("/responses")]
    return [row for row in chats if row["method"] == "POST" and row["request_body_kind"] == "json"]


def without_null(value):
    return {key: item for key, item in value.items() if item is not None}


# The rules, which docs/responses.md names. Each says what becomes of a body, or of one of its items.


def a_text_is_one_turn(body, host):
    if isinstance(body["input"], str):
        body["input"] = [{"role": "user", "content": body["input"]}]


def what_is_no_stream_does_not_say_so(body, host):
    if not body.get("stream"):
        body.pop("stream", None)


def without_tools_nothing_is_said_of_them(body, host):
    if not body.get("tools"):
        for name in ("tools", "tool_choice", "parallel_tool_calls"):
            body.pop(name, None)


def a_function_says_everything(body, host):
    if body.get("tools"):
        body["tools"] = [whole_tool(tool) for tool in body["tools"]]


def whole_tool(tool):
    if tool["type"] != "function":
        return tool
    inner = tool.pop("function", {})
    return {"strict": False, "parameters": {"type": "object", "properties": {}}} | without_null(tool) | inner


def a_model_that_thinks_tells_its_thoughts(body, host):
    rule = rule_for(host, body["model"])
    if body.get("store") is False and rule is not None and (rule.efforts or rule.refuses_while_reasoning):
        include = body.setdefault("include", [])
        if "reasoning.encrypted_content" not in include:
            include.append("reasoning.encrypted_content")


def objects_say_what_is_set(body, host):
    for name in ("text", "reasoning"):
        if name in body:
            body[name] = without_null(body[name])
            if not body[name]:
                del body[name]
    if "format" in body.get("text", {}):
        body["text"]["format"] = without_null(body["text"]["format"])


def items_say_what_is_set(item):
    if item.get("type") not in READ:
        return  # what we have no word for stays as it came
    for name in [name for name, value in item.items() if value is None]:
        del item[name]
    for name in ("content", "output", "summary"):
        if isinstance(item.get(name), list):
            item[name] = [without_null(part) for part in item[name]]
    if item.get("type") == "reasoning":
        item.setdefault("summary", [])


def one_text_is_no_list(item):
    name = "output" if item.get("type") in ("function_call_output", "custom_tool_call_output") else "content"
    if item.get("type") == "reasoning" or (item.keys() & {"id", "status", "phase"} and item.get("role") == "assistant"):
        return
    match item.get(name):
        case [{"type": "input_text" | "output_text", "text": str(text), **more}] if not more:
            item[name] = text
        case [] if item.get("role") != "assistant":
            item[name] = ""


def only_a_turn_of_the_models_says_its_type(item):
    if item.get("type", "message") != "message" or "role" not in item:
        return
    item.pop("type", None)
    if item["role"] == "assistant":
        item["type"] = "message"


def the_host_may_not_know_developers(item):
    if item.get("role") == "developer" and "type" not in item:
        item["role"] = "system"


OF_BODIES = (
    a_text_is_one_turn,
    what_is_no_stream_does_not_say_so,
    without_tools_nothing_is_said_of_them,
    a_function_says_everything,
    a_model_that_thinks_tells_its_thoughts,
    objects_say_what_is_set,
)
OF_ITEMS = (items_say_what_is_set, one_text_is_no_list, only_a_turn_of_the_models_says_its_type)
READ = (None, "message", "reasoning", "function_call", "custom_tool_call", "function_call_output")
KNOWS_DEVELOPERS = ("api.openai.com", "openai.azure.com", "openrouter.ai")


def expected(body, host):
    """The body after every rule; the first of them is that null is not sent."""
    found = without_null(copy.deepcopy(body))
    for rule in OF_BODIES:
        rule(found, host)
    for item in found["input"]:
        for rule in OF_ITEMS:
            rule(item)
        if not host.endswith(KNOWS_DEVELOPERS):
            the_host_may_not_know_developers(item)
    return found


REFUSED = ("input[2].role",)  # which is a tool's, as in a chat


def test_every_recorded_request_comes_back(rows):
    outcomes = collections.Counter()
    for row in rows:
        where, host = (row["id"], row["host"]), row["host"].split(":")[0]
        before = json.dumps(row["request_body"])
        try:
            request, streaming = read_responses_request(row["request_body"])
        except BadRequestError as error:
            assert row["status"] >= 400, (*where, error)
            assert error.message.partition(":")[0] in REFUSED, (*where, error)
            outcomes["refused"] += 1
            continue
        call = chat_call(request, streaming=streaming, model=request.model)
        try:
            written = json.loads(asked(ResponsesWire(host), call).body)
        except UnsupportedError as error:
            assert row["status"] >= 400, (*where, error)  # the host refused it too
            outcomes["reported"] += 1
            continue
        assert written == expected(row["request_body"], host), where
        assert json.dumps(row["request_body"]) == before, where
        left_out = [one for one in call.ledger.notices if one.kind == "unsupported"]
        assert not left_out, (*where, left_out)
        outcomes["equal"] += 1
    print(dict(outcomes))
    assert outcomes["equal"] > 300


BODIES = {
    "what we have no word for": {"store": False, "truncation": "auto", "background": True, "previous_response_id": "r"},
    "instructions": {"instructions": "Be brief.", "stream": True},
    "a format": {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": None}}},
    "another format, and how much to say": {"text": {"format": {"type": "json_object"}, "verbosity": "low", "x": 1}},
    "thought": {"reasoning": {"effort": "low", "summary": "auto", "context": None}},
    "log probabilities": {"include": ["message.output_text.logprobs", "x"], "top_logprobs": 0},
    "tools": {
        "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}, {"type": "web_search"}],
        "tool_choice": {"type": "custom", "name": "c"},
        "parallel_tool_calls": False,
    },
    "one of several tools": {
        "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": True, "defer_loading": True}],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    },
    "falsy": {"user": "", "metadata": {}, "temperature": 0, "top_p": 0, "store": False},
}


@pytest.mark.parametrize("more", BODIES.values(), ids=BODIES)
def test_requests_come_back(more):
    body = {"model": "m", "input": "x", **more}
    request, streaming = read_responses_request(body)
    written = json.loads(asked(LOCAL, chat_call(request, streaming=streaming)).body)
    assert written == expected(body, "127.0.0.1")


ITEMS = {
    "a thought in all its parts": {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": ""}],
        "content": [{"type": "reasoning_text", "text": "b", "x": 1}],
        "encrypted_content": "e",
        "status": "completed",
    },
    "an empty thought": {"type": "reasoning", "summary": [], "encrypted_content": "e"},
    "a message in parts": {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "phase": "commentary",
        "content": [
            {"type": "output_text", "text": "a", "annotations": [{"type": "file_citation", "file_id": "f"}]},
            {"type": "output_text", "text": "", "annotations": [], "logprobs": []},
            {"type": "refusal", "refusal": "No."},
            {"type": "sketch", "lines": []},
        ],
    },
    "a phase and a text": {"role": "assistant", "content": "a", "phase": "final_answer", "type": "message"},
    "a message without content": {"type": "message", "role": "assistant", "content": [], "id": "msg_1"},
    "a call in a space of names": {
        "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "n", "id": "fc_1"
    },
    "a custom call": {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x <y>"},
    "the result of a call that is elsewhere": {"type": "custom_tool_call_output", "call_id": "c", "output": "x"},
    "a result in parts": {
        "type": "function_call_output",
        "call_id": "d",
        "output": [{"type": "input_image", "image_url": "x", "detail": "low"}, {"type": "input_text", "text": "a"}],
        "status": "completed",
    },
    "files": {
        "role": "user",
        "content": [
            {"type": "input_file", "file_url": "https://a.example/x.pdf"},
            {"type": "input_image", "file_id": "file_1"},
            {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
        ],
    },
    "a turn with an id": {"type": "message", "role": "user", "content": "a", "id": "msg_1", "status": "completed"},
    "an approval": {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True},
    "a reference": {"id": "msg_1"},
    "a search": {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": None},
    "something new": {"type": "dream_call", "id": "d", "x": None},
}  # fmt: skip


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_items_come_back(item):
    body = {"model": "m", "input": [item]}
    request, _ = read_responses_request(body)
    assert json.loads(asked(LOCAL, chat_call(request)).body) == expected(body, "127.0.0.1")


def test_all_items_together_come_back_in_their_order():
    body = {"model": "m", "input": [copy.deepcopy(item) for _ in range(2) for item in ITEMS.values()]}
    request, _ = read_responses_request(body)
    assert json.loads(asked(LOCAL, chat_call(request)).body) == expected(body, "127.0.0.1")


def test_what_the_model_did_is_one_turn_and_its_results_another():
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "x"}
    thought, said = {"type": "reasoning", "summary": []}, {"role": "assistant", "content": "a"}
    request, _ = read_responses_request({"input": [USER, thought, said, call, call, result, result, said, said, USER]})
    told = [(message.role, len(message.parts)) for message in request.messages]
    assert told == [("user", 1), ("assistant", 4), ("tool", 2), ("assistant", 1), ("assistant", 1), ("user", 1)]


def test_a_request_of_this_api_can_be_asked_over_the_other():
    body = {
        "model": "m",
        "instructions": "Be brief.",
        "input": [USER, {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"},
                  {"type": "function_call_output", "call_id": "c", "output": "x", "id": "o"}],
        "text": {"verbosity": "low"},
        "reasoning": {"effort": "low"},
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "max_output_tokens": 20,
    }  # fmt: skip
    request, _ = read_responses_request(body)
    assert json.loads(asked(Wire("127.0.0.1"), chat_call(request)).body) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "x"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "x"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "max_tokens": 20,
        "reasoning_effort": "low",
        "verbosity": "low",
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "body: expected an object, got list"),
        ({"input": 5}, "input: expected a text or a list of items, got int"),
        ({"input": {}}, "input: expected a text or a list of items, got dict"),
        ({"input": ["x"]}, r"input\[0\]: expected an object, got str"),
        ({"input": [{}]}, r"input\[0\].type: expected the type of an item, got None"),
        ({"input": [{"role": "bot", "content": ""}]}, r"input\[0\].role: expected one of system"),
        ({"input": [{"role": "user", "content": 5}]}, r"input\[0\].content: expected text or a list of parts, got int"),
        ({"input": [{"role": "user", "content": [5]}]}, r"input\[0\].content\[0\]: expected an object, got int"),
        ({"input": [{"role": "assistant", "content": [5]}]}, r"input\[0\].content: expected objects, got int"),
        ({"input": [{"type": "reasoning", "summary": [5]}]}, r"input\[0\].summary: expected objects, got int"),
        ({"input": [{"type": "function_call_output", "output": ""}]}, r"input\[0\].call_id: expected the id of a tool"),
        ({"input": [{"type": "function_call", "arguments": 5}]}, r"input\[0\].arguments: expected text, got int"),
        ({"input": "x", "stream": "yes"}, "stream: expected true or false, got 'yes'"),
        ({"input": "x", "text": 5}, "text: expected an object, got 5"),
        ({"input": "x", "text": {"format": 5}}, "text.format: expected an object, got 5"),
        ({"input": "x", "reasoning": "much"}, "reasoning: expected an object, got 'much'"),
        ({"input": "x", "temperature": "hot"}, "temperature: expected a number"),
        ({"input": "x", "max_output_tokens": 0}, "max_output_tokens: expected a whole number"),
        ({"input": "x", "tools": [{"type": "function", "name": 5}]}, r"tools\[0\].name: expected"),
        ({"input": "x", "tool_choice": 5}, "tool_choice: expected"),
    ],
)
def test_what_is_no_request_is_a_typed_error(body, says):
    with pytest.raises(BadRequestError, match=says):
        read_responses_request(body)

"""Recorded requests of the Responses API, read into our types and translated back: equal, or changed by a rule."""

import collections
import copy
import gzip
import json

import pytest
from exchanges import asked, chat_call
from openai_responses import ResponsesWire
from wire_folder import beside

from jackfield.errors import BadRequestError, UnsupportedError
from jackfield_wire_openai.profiles import rule_for
from jackfield_wire_openai.responses.reading_requests import read_responses_request


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
    tools = []
    for tool in body.get("tools", ()):
        if tool["type"] == "function":
            inner = tool.pop("function", {})
            tool = {"strict": False, "parameters": {"type": "object", "properties": {}}} | without_null(tool) | inner
        tools.append(tool)
    if tools:
        body["tools"] = tools


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


def a_turn_needs_no_type(item):
    if item.get("type") == "message" and (item["role"] != "assistant" or item.keys() == {"type", "role", "content"}):
        plain = isinstance(item["content"], str) or (
            len(item["content"]) == 1 and item["content"][0].keys() == {"type", "text"}
        )
        if item["role"] != "assistant" or plain:
            del item["type"]
    elif item.get("role") == "assistant" and "type" not in item and isinstance(item["content"], list):
        item["type"] = "message"


def one_text_is_no_list(item):
    for name in ("content", "output"):
        match item.get(name):
            case [{"type": "input_text" | "output_text", "text": str(text), **more}] if not more:
                if item.keys() <= {"role", "type", "content", "call_id", "output"} or name == "output":
                    item[name] = text
            case [] if item.get("type") != "reasoning" and item.get("role") != "assistant":
                item[name] = ""
    if item.get("role") == "assistant" and item.keys() == {"type", "role", "content"} and type(item["content"]) is str:
        del item["type"]


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
OF_ITEMS = (items_say_what_is_set, a_turn_needs_no_type, one_text_is_no_list)
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


REFUSED = ("input[2].role",)


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

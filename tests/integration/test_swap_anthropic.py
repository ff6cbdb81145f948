"""The same programs run on a service whose wire is a different one, by their configuration alone."""

import json
from pathlib import Path

import pytest
from llama import engine
from programs import told
from scripted import Scripted, part, reply, stream_head

pytest.importorskip("jackfield_anthropic")

HERE = Path(__file__).parent
THOUGHT = {"type": "thinking", "thinking": "Paris is a city.", "signature": "signed"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}
USAGE = {"input_tokens": 10, "output_tokens": 5}


class Service:
    """What Anthropic's service would say, in short, and what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, request):
        head, _, data = request.partition(b"\r\n\r\n")
        assert b"x-api-key: sk-ant-test" in head.lower()
        body = json.loads(data)
        self.asked.append(body)
        content, stop = self.content(body)
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "usage": USAGE}
        if not body.get("stream"):
            return [reply(json.dumps({**message, "content": content, "stop_reason": stop}))]
        events = [
            {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
                for text in content[0]["text"].partition(" ")
            ),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": USAGE},
            {"type": "message_stop"},
        ]
        lines = [part(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()) for event in events]
        return [stream_head(), *lines, part(b"")]

    def content(self, body):
        last = body["messages"][-1]["content"]
        if isinstance(last, list) and last[0]["type"] == "tool_result":
            return [{"type": "text", "text": "It is 22 degrees."}], "end_turn"
        if "tools" in body:
            return [*([THOUGHT] if "thinking" in body else []), CALL], "tool_use"
        if "output_config" in body:
            return [{"type": "text", "text": '{"degrees": 22}'}], "end_turn"
        return [{"type": "text", "text": "One two three."}], "end_turn"


def configuration(url, **more):
    library = [f"{key} = {json.dumps(value)}" for key, value in {**engine(), **more}.items()]
    tables = ["[providers.anthropic]", f'base_url = "{url}"', 'api_key = "sk-ant-test"']
    return "\n".join(['default = "anthropic:claude-haiku-4-5"', *library, *tables])


def test_the_program_with_tools_forms_thoughts_and_streams(tmp_path):
    service = Service()
    with Scripted(service) as server:
        url = server.url.removesuffix("/v1")
        said = told(HERE / "swapped_program.py", tmp_path, configuration(url))
    assert said == {
        "left out": "[]",
        "thought": "Paris is a city.",
        "call": "get_weather {'city': 'Paris'}",
        "answer": "It is 22 degrees.",
        "parsed": "{'degrees': 22}",
        "stream": "One two three.",
        "from": "anthropic claude-haiku-4-5 False",
    }
    # the thought goes back as it came, and the result of the tool stands in the user's turn
    back = service.asked[1]["messages"]
    assert back[1]["content"] == [THOUGHT, CALL]
    assert back[2]["role"] == "user"
    assert back[2]["content"][0]["tool_use_id"] == "toolu_1"


def test_the_program_of_ten_lines(tmp_path):
    with Scripted(Service()) as server:
        url = server.url.removesuffix("/v1")
        # it asks for a seed, which this service does not have: whether that matters is a line of configuration too
        said = told(HERE / "program.py", tmp_path, configuration(url, unsupported="drop"))
    assert said["chat"] == said["stream"] == "One two three."
    assert said["call"] == "tool_calls [('get_weather', ['city'])]"
    assert said["from"] == "anthropic claude-haiku-4-5"

"""Conversations with reasoning and tools over several turns: what the provider needs back is sent back, in order."""

import json

import attrs
import pytest
from exchanges import Outcome, chat_call, decoder
from faces import COLOURS, run
from openrouter import PROVIDER, body, payloads, recordings
from scripted import Scripted, event, part, reply, stream_head

from jackfield.types import Message, ToolResult
from jackfield_wire_openai.reading_requests import read_chat_request

STRINGS = ("text", "summary", "data", "signature", "id", "format")

# --- recorded ones: a request whose history holds the turn of a reply that was recorded before it


def told(row, name):
    """All that a reply says of its thoughts under this name, from its first piece to its last."""
    texts = []
    for payload in payloads(row):
        for choice in payload.get("choices") or ():
            message = choice.get("message") or choice.get("delta") or {}
            texts += [detail.get(name) or "" for detail in message.get("reasoning_details") or ()]
    return texts


def calls_of(turn):
    return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in turn["tool_calls"]]


def turns():
    """Each recorded request, the place of a turn in it, the reply that the turn was, and that as we read it."""
    rows, said = recordings("/chat/completions"), {}
    for row in rows:
        if row["status"] < 300:
            outcome = Outcome(
                decoder(PROVIDER, chat_call(streaming=row["streaming"]), row["response_headers"]),
                [row["response_body"].encode()],
            )
            for call in outcome.response.tool_calls if outcome.error is None else ():
                said[row["path"], call.id, call.arguments] = row, outcome.response.message
    for row in rows:
        history = row["request_body"].get("messages", ()) if isinstance(row["request_body"], dict) else ()
        for place, turn in enumerate(history):
            for call in (turn.get("tool_calls") or ())[:1]:
                found = said.get((row["path"], call["id"], call["function"]["arguments"]))
                if found is not None:
                    yield row, place, *found


# clients that lost a part of what they had been told, which we do not
LOST = {
    "a5bb83ab0cec0f432b19": "made plain text of a summary, and lost what was encrypted",
    "b3c684fe3d0dbc153b40": "lost the first word",
}


def test_a_recorded_turn_goes_back_with_all_that_its_reply_said():
    seen = thoughts = 0
    for row, place, before, message in turns():
        request, _ = read_chat_request(row["request_body"], plugin="openrouter")
        history = [*request.messages[:place], message, *request.messages[place + 1 :]]
        request = attrs.evolve(request, messages=history, unsupported="drop")
        sent = body(request, to=row["request_body"]["model"])["messages"]
        turn, theirs = sent[place], row["request_body"]["messages"][place]
        assert calls_of(turn) == calls_of(theirs), row["id"]
        details = turn.get("reasoning_details", [])
        for name in STRINGS[:4]:
            assert "".join(detail.get(name, "") for detail in details) == "".join(told(before, name)), row["id"]
        for name in STRINGS[4:]:  # each piece of a thought may repeat these
            assert {detail[name] for detail in details if name in detail} == set(filter(None, told(before, name)))
        kept = [
            {key: one for key, one in detail.items() if one is not None}
            for detail in theirs.get("reasoning_details") or ()
        ]
        assert (details == kept) is (row["id"] not in LOST), row["id"]
        seen, thoughts = seen + 1, thoughts + bool(details)
    assert seen >= 11
    assert thoughts >= 5


# --- three turns of our own, of which each asks for a tool

SIGNED = [
    {
        "type": "reasoning.text", "text": "First é, \u2028", "index": 0, "id": "t1", "format": "anthropic-claude-v1",
        "signature": "A+/=",
    },
    {"type": "reasoning.encrypted", "data": "//8=", "index": 1, "id": "e1", "format": "openai-responses-v1"},
    {"type": "reasoning.summary", "summary": "So.", "index": 2, "format": "openai-responses-v1"},
    {"type": "reasoning.server_tool_call", "tool_name": "search", "arguments": "{}", "result": "r", "index": 3},
]  # fmt: skip


def details(number):
    """Signed thoughts that no other turn has."""
    return [
        {**one, **({"signature": f"sig-{number}"} if "signature" in one else {"id": f"{number}"})} for one in SIGNED
    ]


def pieces(detail):
    """A thought in two pieces, of which the last is signed; what is no text comes whole."""
    name = next((name for name in ("text", "summary", "data") if name in detail), None)
    if name is None:
        return [detail]
    first = {key: one for key, one in detail.items() if key != "signature"}
    return [{**first, name: detail[name][:1]}, {**detail, name: detail[name][1:]}]


def answered(number, *, streaming):
    call = {"id": f"call-{number}", "type": "function", "function": {"name": "look", "arguments": '{"n": 1}'}}
    message = {"role": "assistant", "content": None, "reasoning_details": details(number), "tool_calls": [call]}
    facts = {"id": f"gen-{number}", "provider": "P"}
    if not streaming:
        return [reply(json.dumps({**facts, "choices": [{"message": message, "finish_reason": "tool_calls"}]}))]
    steps = [stream_head()]
    for detail in details(number):
        deltas = ({"reasoning_details": [piece]} for piece in pieces(detail))
        steps += (event({**facts, "choices": [{"delta": delta}]}) for delta in deltas)
    steps.append(event({**facts, "choices": [{"delta": {"tool_calls": [{**call, "index": 0}]}}]}))
    steps.append(event({**facts, "choices": [{"delta": {}, "finish_reason": "tool_calls"}]}))
    return [*steps, event("[DONE]"), part(b"")]


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("colour", COLOURS)
def test_thoughts_of_several_turns_go_back_in_order_and_signed(colour, streaming):
    async def talk(client):
        messages = [Message("user", "x")]
        for _ in range(3):
            if streaming:
                async with client.stream(messages) as stream:
                    async for _ in stream:
                        pass
                    turn = stream.response.message
            else:
                turn = (await client.chat(messages)).message
            messages += [turn, Message("tool", [ToolResult(call.id, "seen") for call in turn.tool_calls])]

    numbers = iter(range(3))
    with Scripted(lambda _: answered(next(numbers), streaming=streaming)) as server:
        table = {"openrouter": {"base_url": server.url}}
        run(colour, talk, config={"default": "openrouter:a/b", "providers": table})
        sent = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    last = sent[2]["messages"]
    assert [turn["role"] for turn in last] == ["user", "assistant", "tool", "assistant", "tool"]
    assert [turn.get("reasoning_details") for turn in last] == [None, details(0), None, details(1), None]
    # what was sent once is sent again as it was, so that the provider's prompt cache knows it
    assert sent[1]["messages"] == last[:3]
    assert json.dumps(sent[1]["messages"]) == json.dumps(last[:3])


def test_a_turn_that_is_given_as_it_came_goes_back_as_it_came():
    turn = {"role": "assistant", "content": "a", "reasoning": "First", "reasoning_details": SIGNED}
    found = body(messages=[{"role": "user", "content": "x"}, turn])["messages"][1]
    assert found["reasoning_details"] == SIGNED
    assert json.dumps(found["reasoning_details"]) == json.dumps(SIGNED)

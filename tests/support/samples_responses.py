"""Replies of OpenAI's Responses API, whole and streamed, for the suite that every provider must pass."""

from __future__ import annotations

import json
from typing import Any

import attrs
from samples_openai import REFUSALS, WEATHER, samples as samples_of_chats

from jackfield.errors import BadRequestError, ContentFilterError, RateLimitError, ServerError
from jackfield.operations import ChatRequest
from jackfield.types import Citation, Finish, Reasoning, Text, ToolCall, Unknown, Usage
from jackfield_testkit.conformance import Refusal, Sample

HEAD = {"id": "resp_1", "object": "response", "created_at": 1_750_000_000, "model": "gpt-4.1-mini-2025-04-14"}
USE = {
    "input_tokens": 19,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 10,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 29,
}
USAGE = Usage(input_tokens=19, output_tokens=10, reasoning_tokens=3, cached_tokens=4)
CITED = {"type": "url_citation", "start_index": 0, "end_index": 3, "url": "https://a.example/", "title": "A"}


def whole(*items: Any, status: str = "completed", **more: Any) -> dict[str, Any]:
    """A response that holds these items."""
    return {
        **HEAD,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "output": list(items),
        "usage": USE,
    } | more


def told(*events: dict[str, Any]) -> bytes:
    """A stream of these events, numbered as OpenAI numbers them."""
    numbered = ({**event, "sequence_number": number} for number, event in enumerate(events))
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (event["type"].encode(), json.dumps(event).encode()) for event in numbered
    )


def event(name: str, index: int | None = None, **more: Any) -> dict[str, Any]:
    """An event, of the item at this place."""
    place = {} if index is None else {"output_index": index}
    return {"type": f"response.{name}", **place, **more}


def begun() -> tuple[dict[str, Any], dict[str, Any]]:
    """How each stream begins."""
    response = whole(status="in_progress", usage=None)
    return event("created", response=response), event("in_progress", response=response)


def text_of(item: str, *pieces: str, annotations: list[Any] | None = None, index: int = 0) -> list[dict[str, Any]]:
    """The events of a message of one text."""
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    empty = {"type": "message", "id": item, "status": "in_progress", "role": "assistant", "content": []}
    done = {**part, "text": "".join(pieces), "annotations": annotations or []}
    place = {"item_id": item, "content_index": 0}
    return [
        event("output_item.added", index, item=empty),
        event("content_part.added", index, **place, part=part),
        *(event("output_text.delta", index, **place, delta=piece, logprobs=[]) for piece in pieces),
        *(
            event("output_text.annotation.added", index, **place, annotation_index=number, annotation=one)
            for number, one in enumerate(annotations or ())
        ),
        event("output_text.done", index, **place, text=done["text"], logprobs=[]),
        event("content_part.done", index, **place, part=done),
        event("output_item.done", index, item=message(item, done)),
    ]


def message(name: str, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A message of the model's."""
    return {"type": "message", "id": name, "status": "completed", "role": "assistant", "content": list(parts), **more}


def spoken(text: str, *annotations: Any) -> dict[str, Any]:
    """A part that is text."""
    return {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": []}


CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "weather",
    "arguments": '{"city":"Bath"}',
    "status": "completed",
}
THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "First this."}, {"type": "summary_text", "text": "Then that."}],
    "encrypted_content": "gAAAA",
}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "a"}}
REFUSAL = {"type": "refusal", "refusal": "I cannot do that."}


def _thinking() -> list[dict[str, Any]]:
    place = {"item_id": "rs_1"}
    events = [event("output_item.added", 0, item={"type": "reasoning", "id": "rs_1", "summary": []})]
    for number, part in enumerate(THOUGHT["summary"]):
        at = {**place, "summary_index": number}
        events += [
            event("reasoning_summary_part.added", 0, **at, part={**part, "text": ""}),
            event("reasoning_summary_text.delta", 0, **at, delta=part["text"]),
            event("reasoning_summary_text.done", 0, **at, text=part["text"]),
            event("reasoning_summary_part.done", 0, **at, part=part),
        ]
    return [*events, event("output_item.done", 0, item=THOUGHT)]


def _calling(index: int) -> list[dict[str, Any]]:
    place = {"item_id": "fc_1"}
    return [
        event("output_item.added", index, item={**CALL, "arguments": "", "status": "in_progress"}),
        event("function_call_arguments.delta", index, **place, delta='{"city":'),
        event("function_call_arguments.delta", index, **place, delta='"Bath"}'),
        event("function_call_arguments.done", index, **place, arguments=CALL["arguments"]),
        event("output_item.done", index, item=CALL),
    ]


def _refusing() -> list[dict[str, Any]]:
    place = {"item_id": "msg_1", "content_index": 0}
    return [
        event("output_item.added", 0, item=message("msg_1", status="in_progress")),
        event("content_part.added", 0, **place, part={**REFUSAL, "refusal": ""}),
        event("refusal.delta", 0, **place, delta="I cannot "),
        event("refusal.delta", 0, **place, delta="do that."),
        event("refusal.done", 0, **place, refusal=REFUSAL["refusal"]),
        event("content_part.done", 0, **place, part=REFUSAL),
        event("output_item.done", 0, item=message("msg_1", REFUSAL)),
    ]


def samples() -> list[Sample]:
    """One of each thing that responses are made of, and of the operations beside chats."""
    text = message("msg_1", spoken("Hi, you"))
    cited = message("msg_1", spoken("Hi, you", CITED), phase="final_answer")
    cut = whole(message("msg_1", spoken("Hi,"), status="incomplete"), status="incomplete")
    cut["incomplete_details"] = {"reason": "max_output_tokens"}
    refused = message("msg_1", REFUSAL)
    searching = [event("output_item.added", 0, item={**SEARCH, "status": "in_progress"})]
    searching += [
        event(f"web_search_call.{word}", 0, item_id="ws_1") for word in ("in_progress", "searching", "completed")
    ]
    searching += [event("output_item.done", 0, item=SEARCH)]
    asked = ChatRequest(messages="Hello")
    thoughts = [
        Reasoning("First this.", None, "gAAAA", summary=True, id="rs_1", format="responses", extra={"item": {}}),
        Reasoning("Then that.", summary=True, id="rs_1", format="responses"),
    ]
    call = ToolCall("call_1", "weather", CALL["arguments"], extra={"item": {"id": "fc_1", "status": "completed"}})
    parts = [
        (
            "text",
            asked,
            [text],
            text_of("msg_1", "Hi,", " you"),
            {"text": "Hi, you", "finish": Finish("stop", "completed")},
        ),
        (
            "tools",
            ChatRequest(messages="How is it in Bath?", tools=[WEATHER]),
            [THOUGHT, CALL],
            [*_thinking(), *_calling(1)],
            {"message.parts": (*thoughts, call), "finish": Finish("tool_calls", "completed")},
        ),
        ("refusal", asked, [refused], _refusing(), {"refusal": "I cannot do that.", "text": ""}),
        (
            "search",
            asked,
            [SEARCH, cited],
            [
                *searching,
                *text_of("msg_1", "Hi,", " you", annotations=[CITED], index=1)[:-1],
                event("output_item.done", 1, item=cited),
            ],
            {
                "message.parts": (Unknown(SEARCH), Text("Hi, you")),
                "annotations": (Citation("https://a.example/", "A", None, 0, 3),),
            },
        ),
    ]
    chats = [
        Sample(
            name=name,
            request=request,
            reply=whole(*items),
            stream=told(*begun(), *events, event("completed", response=whole(*items))),
            says={"usage": USAGE, **says},
        )
        for name, request, items, events, says in parts
    ]
    limited = Sample(
        name="limit",
        request=asked,
        reply=cut,
        stream=told(*begun(), *text_of("msg_1", "Hi,")[:3], event("incomplete", response=cut)),
        says={"text": "Hi,", "finish": Finish("length", "max_output_tokens"), "usage": USAGE},
    )
    return [*chats, limited, *(one for one in samples_of_chats() if not isinstance(one.request, ChatRequest))]


def failing(code: str, error: Any, name: str, **says: Any) -> Refusal:
    """A response that failed in the middle of its stream."""
    wrong = {"code": code, "message": "It failed."}
    response = whole(status="failed", error=wrong, usage=None)
    stream = told(*begun(), *text_of("msg_1", "Hi")[:3], event("failed", response=response))
    return Refusal(name=name, stream=stream, error=error, says={"code": code, "message": "It failed.", **says})


REFUSALS = [
    *(attrs.evolve(one) for one in REFUSALS if one.stream is None),
    failing("server_error", ServerError, "failed", retryable=True),
    failing("rate_limit_exceeded", RateLimitError, "limited", retryable=True),
    failing("image_too_large", BadRequestError, "picture", retryable=False),
    failing("image_content_policy_violation", ContentFilterError, "policy", retryable=False),
    Refusal(
        name="event",
        stream=told(*begun(), {"type": "error", "code": "server_error", "message": "It failed.", "param": None}),
        error=ServerError,
        says={"code": "server_error", "message": "It failed."},
    ),
]

"""Replies of OpenAI's Responses API, whole and streamed, for the suite that every provider must pass."""

from __future__ import annotations

from typing import Any

import attrs
from responses_told import CALL, CITED, REFUSAL, SEARCH, THOUGHT, begun, event, message, spoken, text_of, told, whole
from samples_openai import REFUSALS, WEATHER, samples as samples_of_chats

from jackfield.errors import BadRequestError, ContentFilterError, RateLimitError, ServerError
from jackfield.operations import ChatRequest
from jackfield.types import Citation, Finish, Reasoning, Text, ToolCall, Unknown, Usage
from jackfield_testkit.conformance import Refusal, Sample

USAGE = Usage(input_tokens=19, output_tokens=10, reasoning_tokens=3, cached_tokens=4)


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

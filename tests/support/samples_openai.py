"""Replies of OpenAI's API, whole and streamed, for the suite that every provider must pass."""

from __future__ import annotations

import json
from array import array
from typing import Any

from jackfield.errors import (
    AuthenticationError,
    BadRequestError,
    ContextLengthError,
    NotFoundError,
    OverloadedError,
    QuotaError,
    RateLimitError,
    ServerError,
)
from jackfield.operations import ChatRequest, CompleteRequest, EmbedRequest, ModelRequest, ModelsRequest
from jackfield.types import Finish, ModelInfo, Tool, ToolCall, Usage
from jackfield_testkit.conformance import Refusal, Sample

HEAD = {"id": "chatcmpl-1", "created": 1_750_000_000, "model": "gpt-4.1-mini-2025-04-14"}
CHUNK = {**HEAD, "object": "chat.completion.chunk", "service_tier": "default", "system_fingerprint": "fp_1"}
WHOLE = {**HEAD, "object": "chat.completion", "service_tier": "default", "system_fingerprint": "fp_1"}
USE = {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
USAGE = Usage(input_tokens=19, output_tokens=10, reasoning_tokens=3, cached_tokens=4)
WEATHER = Tool("weather", "The weather of a city.", {"type": "object", "properties": {"city": {"type": "string"}}})
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Bath"}'}}


def stream(*payloads: Any) -> bytes:
    """A stream of these, to its own end."""
    return b"".join(b"data: " + json.dumps(payload).encode() + b"\n\n" for payload in payloads) + b"data: [DONE]\n\n"


def delta(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> dict[str, Any]:
    """A chunk of one choice."""
    return {**CHUNK, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}]}


def whole(message: dict[str, Any], finish: str) -> dict[str, Any]:
    """A whole chat completion."""
    message = {"role": "assistant", "content": None, "refusal": None, **message}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return {**WHOLE, "choices": [choice], "usage": USE}


def samples() -> list[Sample]:
    """One of each operation, and of what chats are made of."""
    used = {**CHUNK, "choices": [], "usage": USE}
    first = {"role": "assistant", "content": "", "refusal": None}
    called = [{"index": 0, **CALL, "function": {"name": "weather", "arguments": ""}}]
    pieces = [[{"index": 0, "function": {"arguments": part}}] for part in ('{"city":', '"Bath"}')]
    text = {"text": "Once upon", "index": 0, "logprobs": None, "finish_reason": "length"}
    completion = {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1_750_000_000,
        "model": "gpt-3.5-turbo-instruct",
    }
    model = {"id": "gpt-4.1-mini", "object": "model", "created": 1_744_318_173, "owned_by": "system"}
    return [
        Sample(
            name="text",
            request=ChatRequest(messages="Hello"),
            reply=whole({"content": "Hi, you"}, "stop"),
            stream=stream(
                delta(first), delta({"content": "Hi,"}), delta({"content": " you"}), delta({}, finish="stop"), used
            ),
            says={"text": "Hi, you", "finish": Finish("stop", "stop"), "usage": USAGE},
        ),
        Sample(
            name="tools",
            request=ChatRequest(messages="How is it in Bath?", tools=[WEATHER]),
            reply=whole({"tool_calls": [CALL]}, "tool_calls"),
            stream=stream(
                delta({**first, "content": None, "tool_calls": called}),
                *(delta({"tool_calls": piece}) for piece in pieces),
                delta({}, finish="tool_calls"),
                used,
            ),
            says={
                "tool_calls": [ToolCall("call_1", "weather", '{"city":"Bath"}')],
                "finish": Finish("tool_calls", "tool_calls"),
            },
        ),
        Sample(
            name="completion",
            request=CompleteRequest(prompt="A tale:"),
            reply={**completion, "choices": [text], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
            stream=stream(
                {**completion, "choices": [{**text, "text": "Once", "finish_reason": None}]},
                {**completion, "choices": [{**text, "text": " upon"}]},
                {**completion, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
            ),
            says={"text": "Once upon", "finish": Finish("length", "length"), "usage": Usage(3, 2)},
        ),
        Sample(
            name="embeddings",
            request=EmbedRequest(input=["one", "two"]),
            reply={
                "object": "list",
                "model": "text-embedding-3-small",
                "data": [
                    {"object": "embedding", "index": 0, "embedding": "AACAPwAAAAA="},
                    {"object": "embedding", "index": 1, "embedding": "AAAAAAAAgD8="},
                ],
                "usage": {"prompt_tokens": 2, "total_tokens": 2},
            },
            says={"vectors": [array("f", [1.0, 0.0]), array("f", [0.0, 1.0])], "usage": Usage(2)},
        ),
        Sample(
            name="models",
            request=ModelsRequest(),
            reply={"object": "list", "data": [model, {**model, "id": "gpt-4.1"}]},
            says={
                "models": [
                    ModelInfo("gpt-4.1-mini", owner="system", created=1_744_318_173),
                    ModelInfo("gpt-4.1", owner="system", created=1_744_318_173),
                ]
            },
        ),
        Sample(
            name="model",
            request=ModelRequest(model="gpt-4.1-mini"),
            reply=model,
            says={"info.id": "gpt-4.1-mini", "info.owner": "system"},
        ),
    ]


def refusal(name: str, status: int, error: Any, kind: str, code: str | None = None, **says: Any) -> Refusal:
    """An error with its status."""
    body = {"error": {"message": "It is refused.", "type": kind, "param": None, "code": code}}
    return Refusal(name=name, status=status, error=error, reply=body, says={"code": code or kind, **says})


REFUSALS = [
    refusal("key", 401, AuthenticationError, "invalid_request_error", "invalid_api_key"),
    refusal("model", 404, NotFoundError, "invalid_request_error", "model_not_found"),
    refusal("length", 400, ContextLengthError, "invalid_request_error", "context_length_exceeded"),
    refusal("request", 400, BadRequestError, "invalid_request_error", "unsupported_value"),
    refusal("limit", 429, RateLimitError, "requests", "rate_limit_exceeded", retryable=True),
    refusal("quota", 429, QuotaError, "insufficient_quota", "insufficient_quota", retryable=False),
    refusal("failure", 500, ServerError, "server_error", None, retryable=True),
    refusal("overload", 503, OverloadedError, "server_error", None, retryable=True),
    Refusal(
        name="in-stream",
        stream=stream(
            delta({"content": "Hi"}), {"error": {"message": "It failed.", "type": "server_error", "code": None}}
        ),
        error=ServerError,
        says={"retryable": True},
    ),
]

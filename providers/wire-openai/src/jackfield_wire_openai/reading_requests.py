"""OpenAI-shaped chat requests as ours, so that what speaks OpenAI's language can be answered by anyone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jackfield.errors import BadRequestError
from jackfield.operations import ChatRequest

from .bodies import opened
from .requests import PLAIN

__all__ = ["read_chat_request"]

SAME: Final = (
    *PLAIN,
    "messages",
    "model",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "stop",
    "top_k",
    "reasoning_effort",
)
LIMITS: Final = ("max_completion_tokens", "max_tokens")


def read_chat_request(body: Mapping[str, Any], plugin: str = "openai") -> tuple[ChatRequest, bool]:
    """Read the body of POST /chat/completions: the request, and whether its reply is to be a stream.

    What we have no word for goes to the options of this plugin, as it is. Null is not set. Nothing is changed.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """
    rest, stream = opened(body)
    if "messages" not in rest:
        raise BadRequestError("messages: missing; expected a list of messages")
    form = rest.get("response_format", {})
    if not isinstance(form, Mapping):
        raise BadRequestError(f"response_format: expected an object, got {form!r}")
    fields: dict[str, Any] = {name: rest.pop(name) for name in SAME if name in rest}
    for name in LIMITS:
        if name in rest and "max_output_tokens" not in fields:
            fields["max_output_tokens"] = rest.pop(name)
    if stream and rest.get("stream_options") == {"include_usage": True}:
        del rest["stream_options"]  # which is what we ask of every stream
    try:
        return ChatRequest(**fields, options={plugin: rest} if rest else {}), stream
    except BadRequestError as error:
        limit = next((name for name in LIMITS if name in body and name not in rest), "max_output_tokens")
        raise BadRequestError(error.message.replace("max_output_tokens", limit)) from None

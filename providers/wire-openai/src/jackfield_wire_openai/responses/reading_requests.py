"""Requests of the Responses API as ours, so that what speaks its language can be answered by anyone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jackfield.errors import BadRequestError
from jackfield.operations import ChatRequest
from jackfield.types import Message

from ..bodies import opened
from .items import INSTRUCTIONS, LAYOUT
from .reading_items import read_input
from .requests import LOGPROBS, PLAIN

__all__ = ["read_responses_request"]

SAME: Final = (*PLAIN, "model", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens")


def read_responses_request(body: Mapping[str, Any], plugin: str = "openai") -> tuple[ChatRequest, bool]:
    """Read the body of POST /responses: the request, and whether its reply is to be a stream.

    What we have no word for goes to the options of this plugin, as it is. Null is not set. Nothing is changed.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """
    left, stream = opened(body)
    messages = read_input(left.pop("input", ()))
    if isinstance(left.get("instructions"), str):
        told = Message("system", left.pop("instructions"), extra={LAYOUT: INSTRUCTIONS})
        messages.insert(0, told)
    fields: dict[str, Any] = {name: left.pop(name) for name in SAME if name in left}
    text, reasoning = _object(left, "text"), _object(left, "reasoning")
    if (form := text.pop("format", None)) is not None:
        if not isinstance(form, Mapping):
            raise BadRequestError(f"text.format: expected an object, got {form!r}")
        fields["response_format"] = form
    if isinstance(effort := reasoning.get("effort"), str):
        fields["reasoning_effort"] = effort
        del reasoning["effort"]
    if "verbosity" in text:
        left["verbosity"] = text.pop("verbosity")  # as a chat calls it
    left |= {name: value for name, value in (("text", text), ("reasoning", reasoning)) if value}
    include = left.get("include")
    if isinstance(include, list) and LOGPROBS in include:
        fields["logprobs"] = True
    try:
        return ChatRequest(messages=messages, **fields, options={plugin: left} if left else {}), stream
    except BadRequestError as error:
        raise BadRequestError(error.message.replace("response_format", "text.format")) from None


def _object(left: dict[str, Any], name: str) -> dict[str, Any]:
    """An object that is taken out of a body, without what is null in it.

    Raises:
        BadRequestError: it is none.
    """
    value = left.pop(name, {})
    if not isinstance(value, Mapping):
        raise BadRequestError(f"{name}: expected an object, got {value!r}")
    return {str(key): item for key, item in value.items() if item is not None}

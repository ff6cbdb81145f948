"""Builds requests from what the methods of a client are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

import attrs

from .base import Request
from .chat import ChatRequest

__all__ = ["any_request", "built"]

Q = TypeVar("Q", bound=Request[Any, Any])

# what other libraries call our fields
ELSEWHERE: Final = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "inputs": "input",
    "encoding_format": "options={'openai': {'encoding_format': ...}}",
}


def built(cls: type[Q], name: str, value: Any, options: Mapping[str, Any]) -> Q:
    """A request of this class, whose chief field has this name and value; or the value, where it is one already.

    Raises:
        TypeError: an option is none of the class's fields, or a whole request was given further ones.
        BadRequestError: a value is wrong.
    """
    if isinstance(value, Request):
        return cast("Q", _whole(cls, value, options))
    fields = {field.name for field in attrs.fields(cls)} - {name}
    for option in options:
        if option not in fields:
            raise TypeError(f"{cls.operation.name}: no option {option!r}; {_hint(option, fields)}")
    return cls(**{name: value}, **options)


def any_request(request: Any, options: Mapping[str, Any]) -> Request[Any, Any]:
    """A request of whatever operation; what is none becomes one of chat."""
    if isinstance(request, Request):
        return cast("Request[Any, Any]", _whole(Request, request, options))
    return built(ChatRequest, "messages", request, options)


def _whole(cls: type[Any], request: Any, options: Mapping[str, Any]) -> Any:
    if not isinstance(request, cls):
        raise TypeError(f"expected a {cls.__name__}, got a {type(request).__name__}; `call` takes any request")
    if options:
        raise TypeError(f"a {type(request).__name__} is complete: {', '.join(options)} must be set in it")
    return request


def _hint(option: str, fields: set[str]) -> str:
    if option in ELSEWHERE:
        return f"did you mean {ELSEWHERE[option]!r}?"
    from difflib import get_close_matches  # few programs are wrong

    close = get_close_matches(option, fields, n=1, cutoff=0.65)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(fields))}"

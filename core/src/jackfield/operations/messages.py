"""Reads messages from what people write: strings, our own types, or dictionaries in OpenAI's shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from ..doors import shapes
from ..errors import BadRequestError
from ..types import Message

__all__ = ["MessageLike", "MessagesLike", "read_messages"]

MessageLike: TypeAlias = Message | Mapping[str, Any]
MessagesLike: TypeAlias = str | MessageLike | Iterable[MessageLike]

PLAIN: Final = ("system", "developer", "user", "assistant")


def read_messages(value: MessagesLike) -> tuple[Message, ...]:
    """Turn a string, one message or several into our messages.

    Raises:
        BadRequestError: names the message, the field and what would be right.
        PluginError: a dictionary holds more than a role and a text, and nobody is installed who reads that.
    """
    if isinstance(value, str):
        return (Message("user", value),)
    if isinstance(value, Message | Mapping):
        value = (value,)
    if not isinstance(value, Iterable):
        raise BadRequestError(f"messages: expected a string, a message or several, got {type(value).__name__}")
    # none at all is passed on: some servers answer to it, and those that do not say so
    return tuple(_message(item, f"messages[{index}]") for index, item in enumerate(value))


def _message(value: object, where: str) -> Message:
    match value:
        case Message():
            return value
        case {"role": str(role), "content": str(text), **more} if role in PLAIN and not more:
            return Message(role, text)  # type: ignore[arg-type]
        case Mapping():
            return shapes().message(value, where)
    raise BadRequestError(f"{where}: expected a Message or a dictionary, got {type(value).__name__}")

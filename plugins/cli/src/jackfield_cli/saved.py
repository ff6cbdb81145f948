"""Conversations in files: a JSON list of messages, as `Client.chat` takes it too."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jackfield import ChatRequest, Message
from jackfield.errors import BadRequestError, UnsupportedError
from jackfield.types import Text

__all__ = ["load_turns", "save_turns"]


def save_turns(file: Path, messages: Iterable[Message], *, replace: bool) -> None:
    """Write messages to a file. What was there before stays whole until the new text is there, whole.

    Raises:
        FileExistsError: the file exists, and is not to be replaced.
        OSError: it cannot be written.
        UnsupportedError: a message holds something that has no place in the file.
    """
    text = json.dumps(_dumped(messages), ensure_ascii=False, indent=1) + "\n"
    data = text.encode("utf-8", "surrogatepass")
    if not replace:
        with file.open("xb") as new:
            new.write(data)
        return
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_bytes(data)
    fresh.replace(file)


def load_turns(file: Path) -> list[Message]:
    """Read messages from a file.

    Raises:
        OSError: it cannot be read.
        BadRequestError: it is not a JSON list of messages; names the message and the field.
    """
    try:
        data = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, list):
        raise BadRequestError(f"{file}: expected a JSON list of messages")
    try:
        return list(ChatRequest(messages=data).messages)
    except BadRequestError as error:
        raise BadRequestError(f"{file}: {error.message}") from None


def _dumped(messages: Iterable[Message]) -> list[dict[str, Any]]:
    for message in messages:
        for part in message.parts:
            if not isinstance(part, Text):
                raise UnsupportedError(f"a {type(part).__name__} cannot be written")
    return [{"role": message.role, "content": message.text} for message in messages]

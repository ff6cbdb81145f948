"""Conversations in files: a JSON list of messages, as `jackfield.operations.dump_messages` gives them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from jackfield import ChatRequest, Message
from jackfield.errors import BadRequestError
from jackfield.operations import dump_messages, load_messages

__all__ = ["load_turns", "save_turns"]


def save_turns(file: Path, messages: Iterable[Message], *, replace: bool) -> None:
    """Write messages to a file. What was there before stays whole until the new text is there, whole.

    Raises:
        FileExistsError: the file exists, and is not to be replaced.
        OSError: it cannot be written.
    """
    text = json.dumps(dump_messages(messages), ensure_ascii=False, indent=1) + "\n"
    data = text.encode("utf-8", "surrogatepass")
    if not replace:
        with file.open("xb") as new:
            new.write(data)
        return
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_bytes(data)
    fresh.replace(file)


def load_turns(file: Path) -> list[Message]:
    """Read messages from a file: what `save_turns` wrote, or dictionaries in OpenAI's shape.

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
        if any(isinstance(item, Mapping) and "parts" in item for item in data):
            return list(load_messages(data))
        return list(ChatRequest(messages=data).messages)
    except BadRequestError as error:
        raise BadRequestError(f"{file}: {error.message}") from None

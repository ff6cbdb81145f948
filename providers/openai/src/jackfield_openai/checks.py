"""What OpenAI takes a file for, by which a wrong one is known before it is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final

from jackfield.errors import BadRequestError
from jackfield.settings import nearest
from jackfield_jobs.sources import FileSource

__all__ = ["check_expiry", "check_file", "default_name"]

MB: Final = 1024 * 1024
PURPOSES: Final = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
LINES: Final = ("batch", "evals", "fine-tune")
LARGEST: Final = 8 * 1024 * MB  # in parts
IN_ONE: Final = 512 * MB
BATCH: Final = 200 * MB
EXPIRES: Final = (3600, 30 * 86_400)
CHECKED: Final = 20  # lines
FINE_TUNING: Final = ({"messages"}, {"prompt", "completion"}, {"input", "preferred_output", "non_preferred_output"})
UNCHECKED: Final = "check=False sends it as it is"


def default_name(purpose: str) -> str:
    """The name of bytes that have none: one that the purpose allows."""
    return "data.jsonl" if purpose in LINES else "data"


def check_expiry(seconds: float | None) -> None:
    """See that a file may be forgotten after this time.

    Raises:
        BadRequestError: it may not.
    """
    low, high = EXPIRES
    if seconds is not None and not (low <= seconds <= high and seconds == int(seconds)):
        raise BadRequestError(
            f"expires_after: expected whole seconds from {low} (an hour) to {high} (30 days), got {seconds!r}"
        )


def check_file(purpose: str, name: str, size: int, source: FileSource | None, *, in_parts: bool) -> None:
    """See that a file is one that the purpose allows.

    Raises:
        BadRequestError: it is not; the message says why, and what would be right.
    """
    if purpose not in PURPOSES:
        hint = nearest(purpose, PURPOSES)
        raise BadRequestError(f"purpose: OpenAI has none that is called {purpose!r}; {hint} ({UNCHECKED})")
    most, how = (LARGEST, "in parts") if in_parts else (IN_ONE, "in one piece")
    most, how = (BATCH, "for a batch") if purpose == "batch" else (most, how)
    if size > most:
        raise BadRequestError(f"source: {name!r} has {size} bytes; {how}, at most {most} are taken ({UNCHECKED})")
    if purpose not in LINES:
        return
    if PurePath(name).suffix.lower() != ".jsonl":
        wrong = f"name: for the purpose {purpose!r} it must end in '.jsonl', and is {name!r}"
        raise BadRequestError(f"{wrong} ({UNCHECKED})")
    if source is not None:
        _check_lines(purpose, name, source)


def _check_lines(purpose: str, name: str, source: FileSource) -> None:
    for number, line in _lines(source):
        where = f"source: line {number} of {name!r}"
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise BadRequestError(f"{where} is no JSON; each line must be an object ({UNCHECKED})") from None
        if not isinstance(found, dict):
            raise BadRequestError(f"{where} must be an object of JSON, and is {_kind(found)} ({UNCHECKED})")
        if (wrong := _wrong(purpose, found)) is not None:
            raise BadRequestError(f"{where} {wrong} ({UNCHECKED})")


def _lines(source: FileSource) -> Iterator[tuple[int, bytes]]:
    """The first lines that are whole, as far as they are at hand."""
    head = source.head
    lines = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if len(head) < source.size:
        lines.pop()  # it may go on
    found = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    return (pair for pair, _ in zip(found, range(CHECKED), strict=False))


def _wrong(purpose: str, line: Mapping[str, Any]) -> str | None:
    match purpose:
        case "batch":
            return _wrong_batch(line)
        case "fine-tune":
            if not any(line.keys() >= fields for fields in FINE_TUNING):
                return "must have 'messages', or 'prompt' and 'completion', or 'input' with two outputs"
            if "messages" in line and not (isinstance(line["messages"], list) and line["messages"]):
                return "must have a list of 'messages', with one at least"
    return None


def _wrong_batch(line: Mapping[str, Any]) -> str | None:
    for field in ("custom_id", "method", "url", "body"):
        if field not in line:
            return f"lacks {field!r}; a batch wants custom_id, method, url and body"
    for field in ("custom_id", "url"):
        if not isinstance(line[field], str) or not line[field]:
            return f"must have a text as {field!r}"
    if line["method"] != "POST":
        return "must have 'POST' as 'method'"
    return None if isinstance(line["body"], dict) else "must have an object as 'body'"


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")

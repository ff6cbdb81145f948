"""The items of a conversation as our messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

import attrs

from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.operations import CHAT
from jackfield.types import CacheMark, File, Finish, Finished, Image, Message, Part, Role, Text, ToolResult, Unknown

from .items import ITEM, LAYOUT, OUTPUTS, is_item, rest
from .output import Output

__all__ = ["read_input"]

MARK: Final = "prompt_cache_breakpoint"
ROLES: Final = ("system", "developer", "user", "assistant")
# items that are no work of the model's
OF_USER: Final = ("additional_tools", "compaction_trigger", "item_reference", "mcp_approval_response")


def read_input(value: Any) -> list[Message]:
    """The messages of a request's input: a text, or a list of items.

    Raises:
        BadRequestError: names the item, the field and what would be right.
    """
    if isinstance(value, str):
        return [Message("user", value)]
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise BadRequestError(f"input: expected a text or a list of items, got {type(value).__name__}")
    return list(_grouped((item, f"input[{index}]") for index, item in enumerate(value)))


def _grouped(items: Iterable[tuple[Any, str]]) -> Iterator[Message]:
    """One message for what the model did in one go, one for the results behind it, and one for each other item."""
    work: list[tuple[Mapping[str, Any], str]] = []
    results: list[Part] = []
    for item, where in items:
        if not isinstance(item, Mapping):
            raise BadRequestError(f"{where}: expected an object, got {type(item).__name__}")
        kind = _kind(item, where)
        if results and kind != "tool":
            yield Message("tool", results)
            results = []
        if work and (kind != "assistant" or (_is_message(item) and any(_is_message(one) for one, _ in work))):
            yield _work(work)
            work = []
        if kind == "tool":
            results.append(_result(item, where))
        elif kind == "assistant":
            work.append((item, where))
        else:
            yield _said(item, kind, where)
    if work:
        yield _work(work)
    if results:
        yield Message("tool", results)


def _is_message(item: Mapping[str, Any]) -> bool:
    return item.get("type") in (None, "message") and "role" in item


def _kind(item: Mapping[str, Any], where: str) -> Role:
    """Whose turn an item belongs to.

    Raises:
        BadRequestError: it is no item.
    """
    if _is_message(item):
        role = item["role"]
        if role not in ROLES:
            raise BadRequestError(f"{where}.role: expected one of {', '.join(ROLES)}, got {role!r}")
        return cast("Role", role)
    kind = item.get("type")
    if not isinstance(kind, str) and not is_item(item):
        raise BadRequestError(f"{where}.type: expected the type of an item, got {kind!r}")
    if kind is None or kind in OF_USER:
        return "user"
    return "tool" if kind.endswith("_output") else "assistant"


def _work(items: list[tuple[Mapping[str, Any], str]]) -> Message:
    """What the model did, read as a reply is read."""
    output, fold = Output(), CHAT.fold(None)
    for item, where in items:
        try:
            for event in output.add({"type": "message", **item} if _is_message(item) else item):
                fold.add(event)
        except MalformedReplyError as error:
            raise BadRequestError(f"{where}.{error.message}") from None
    fold.add(Finished(Finish("stop", None)))
    message = fold.response().message
    layout = [_told(one.layout, one.wire) for one in output.all if one.layout is not None]
    return attrs.evolve(message, extra={LAYOUT: layout}) if any(layout) else message


def _told(layout: dict[str, Any], wire: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a message; empty where that is nothing but its text."""
    content = wire.get("content")
    if isinstance(content, list):  # what is asked for is asked as it was
        entries = zip(layout["content"], content, strict=True)
        layout = {**layout, "content": [entry | _logprobs(part) for entry, part in entries]}
    plain = layout["content"] in (None, [{"type": "output_text"}])
    return {} if plain and layout.keys() == {"type", "content"} else layout


def _logprobs(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"logprobs": part["logprobs"]} if part.get("logprobs") else {}


def _said(item: Mapping[str, Any], role: Role, where: str) -> Message:
    if not _is_message(item):
        return Message(role, Unknown(dict(item)))
    more = rest(item, "type", "role", "content")
    parts = _contents(item.get("content"), f"{where}.content")
    return Message(role, parts, extra={LAYOUT: [more]} if more else None)


def _result(item: Mapping[str, Any], where: str) -> Part:
    kind = item["type"]
    if kind not in OUTPUTS:
        return Unknown(dict(item))
    call_id = item.get("call_id")
    if not isinstance(call_id, str):
        raise BadRequestError(f"{where}.call_id: expected the id of a tool call, got {call_id!r}")
    own = rest(item, "type", "call_id", "output") | ({} if kind == OUTPUTS[0] else {"type": kind})
    parts = _contents(item.get("output"), f"{where}.output")
    return ToolResult(call_id, parts, extra={ITEM: own} if own else None)


def _contents(content: Any, where: str) -> list[Part]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)]
    if isinstance(content, Mapping) or not isinstance(content, Iterable):
        raise BadRequestError(f"{where}: expected text or a list of parts, got {type(content).__name__}")
    return [_content(part, f"{where}[{index}]") for index, part in enumerate(content)]


def _content(part: Any, where: str) -> Part:
    if not isinstance(part, Mapping):
        raise BadRequestError(f"{where}: expected an object, got {type(part).__name__}")
    cache = CacheMark() if part.get(MARK) == {"mode": "explicit"} else None
    known = ("type", *((MARK,) if cache else ()))
    match part:
        case {"type": "input_text", "text": str(text)}:
            return Text(text, cache=cache, extra=rest(part, *known, "text") or None)
        case {"type": "input_image", "image_url": str(url)}:
            more, detail = rest(part, *known, "image_url", "detail"), part.get("detail")
            if isinstance(detail, str | None):
                return Image(url, detail, cache=cache, extra=more or None)
        case {"type": "input_file"}:
            names = ("file_data", "filename", "file_id")
            if all(isinstance(part.get(name), str | None) for name in names):
                more = rest(part, *known, *names)
                return File(*(part.get(name) for name in names), cache=cache, extra=more or None)
    return Unknown(dict(part))

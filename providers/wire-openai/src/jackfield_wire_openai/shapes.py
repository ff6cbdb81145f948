"""Reads what people write in OpenAI's shape into our types: messages, tools, tool choices, response formats.

The core finds this module by its entry point. Of a dictionary nothing is lost: what we have no word for goes to
`extra`, a part of an unknown type becomes `Unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, cast, get_args

from jackfield.errors import BadRequestError
from jackfield.types import (
    Audio,
    CacheMark,
    File,
    ForcedTool,
    Image,
    JsonSchema,
    Message,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
)

__all__ = ["message", "response_format", "tool", "tool_choice"]

ROLES: Final = get_args(Role)
# plain text of thought has two names in the wild
THOUGHTS: Final = ("reasoning", "reasoning_content")
KEYS: Final = ("role", "content", "name", "tool_calls", "tool_call_id", "refusal", *THOUGHTS)
# what others say of a message: not a misspelled one of ours
OTHERS: Final = ("annotations", "audio", "cache_control", "function_call", "prefix", "reasoning_details")
FUNCTION: Final[Mapping[str, Any]] = {
    "name": str,
    "description": str | None,
    "parameters": Mapping | None,
    "strict": bool | None,
}


def _rest(value: Any, *known: str) -> dict[str, Any] | None:
    """What of a dictionary is beyond the known keys; what is null is not set."""
    found = {str(key): item for key, item in value.items() if key not in known and item is not None}
    return found or None


def _no_typo(value: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Let pass what we have no word for, but not a word of ours that is misspelled.

    Raises:
        BadRequestError: names the key and the one that was probably meant.
    """
    for key in value:
        if key not in known and key not in OTHERS and (close := get_close_matches(str(key), known, n=1, cutoff=0.7)):
            raise BadRequestError(f"{where}: unknown field {key!r}; did you mean {close[0]!r}?")


def _items(value: object, where: str) -> Iterable[object]:
    if value is None:
        return ()
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise BadRequestError(f"{where}: expected a list, got {value!r}")
    return value


def _cache(value: Mapping[str, Any]) -> tuple[CacheMark | None, tuple[str, ...]]:
    """The prompt-cache mark of a dictionary, and the keys that it took."""
    match value.get("cache_control"):
        case {"type": "ephemeral", "ttl": str(ttl), **more} if not more:
            return CacheMark(ttl), ("cache_control",)
        case {"type": "ephemeral", **more} if not more:
            return CacheMark(), ("cache_control",)
    return None, ()


def message(value: Mapping[str, Any], where: str) -> Message:
    """Our message from a dictionary in OpenAI's shape; `where` is what errors call it.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """
    role = cast("Role", value.get("role"))
    if role not in ROLES:
        raise BadRequestError(f"{where}.role: expected one of {', '.join(ROLES)}, got {role!r}")
    _no_typo(value, KEYS, where)
    if role != "tool" and value.get("tool_call_id") is not None:
        raise BadRequestError(f"{where}.tool_call_id: only a tool's turn has one, and this is of role {role!r}")
    parts = _parts(value, where)
    cache, taken = _cache(value)
    return Message(role, parts, _text(value, "name", where), cache=cache, extra=_rest(value, *KEYS, *taken))


def _parts(value: Mapping[str, Any], where: str) -> list[Part]:
    thoughts = ((name, _text(value, name, where)) for name in THOUGHTS)
    parts: list[Part] = [Reasoning(thought, format=name) for name, thought in thoughts if thought]
    content = _content(value.get("content"), f"{where}.content")
    parts += [ToolResult(_call_id(value, where), content)] if value["role"] == "tool" else content
    if refusal := _text(value, "refusal", where):
        parts.append(Refusal(refusal))
    calls = _items(value.get("tool_calls"), f"{where}.tool_calls")
    parts += (_tool_call(call, f"{where}.tool_calls[{index}]") for index, call in enumerate(calls))
    return parts


def _call_id(value: Mapping[str, Any], where: str) -> str:
    call_id = value.get("tool_call_id")
    if not isinstance(call_id, str):
        raise BadRequestError(f"{where}.tool_call_id: expected the id of a tool call, got {call_id!r}")
    return call_id


def _text(value: Mapping[str, Any], name: str, where: str) -> str | None:
    text = value.get(name)
    if text is not None and not isinstance(text, str):
        raise BadRequestError(f"{where}.{name}: expected text, got {text!r}")
    return text


def _content(content: object, where: str) -> list[Part]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)]
    if not isinstance(content, Iterable):
        raise BadRequestError(f"{where}: expected text or a list of parts, got {type(content).__name__}")
    return [_part(item, f"{where}[{index}]") for index, item in enumerate(content)]


def _part(item: object, where: str) -> Part:
    if isinstance(item, Part):
        return item
    if not isinstance(item, Mapping):
        raise BadRequestError(f"{where}: expected a part or a dictionary, got {type(item).__name__}")
    kind = item.get("type")
    read = PARTS.get(kind) if isinstance(kind, str) else None
    return (read(item) if read is not None else None) or Unknown(dict(item))


def _common(item: Any, *known: str) -> dict[str, Any]:
    cache, taken = _cache(item)
    return {"cache": cache, "extra": _rest(item, "type", *known, *taken)}


def _read_text(item: Mapping[str, Any]) -> Part | None:
    text = item.get("text")
    return Text(text, **_common(item, "text")) if isinstance(text, str) else None


def _read_refusal(item: Mapping[str, Any]) -> Part | None:
    text = item.get("refusal")
    return Refusal(text, **_common(item, "refusal")) if isinstance(text, str) else None


def _read_image(item: Mapping[str, Any]) -> Part | None:
    image: Any = item.get("image_url")
    if isinstance(image, str):
        return Image(image, **_common(item, "image_url"))
    if isinstance(image, Mapping) and isinstance(image.get("url"), str) and not _rest(image, "url", "detail"):
        return Image(image["url"], image.get("detail"), **_common(item, "image_url"))
    return None


def _read_audio(item: Mapping[str, Any]) -> Part | None:
    match item.get("input_audio"):
        case {"data": str(data), "format": str(form), **more} if not more:
            return Audio(data, form, **_common(item, "input_audio"))
    return None


def _read_file(item: Mapping[str, Any]) -> Part | None:
    match item.get("file"):
        case Mapping() as file if not _rest(file, "file_data", "filename", "file_id"):
            return File(file.get("file_data"), file.get("filename"), file.get("file_id"), **_common(item, "file"))
    return None


PARTS: Final[Mapping[str, Callable[[Mapping[str, Any]], Part | None]]] = {
    "text": _read_text,
    "refusal": _read_refusal,
    "image_url": _read_image,
    "input_audio": _read_audio,
    "file": _read_file,
}


def _tool_call(value: Any, where: str) -> ToolCall:
    match value:
        case ToolCall():
            return value
        case {"id": str(call_id), "custom": {"name": str(name), "input": str(text)}} if not value.get("function"):
            return ToolCall(call_id, name, text, custom=True, **_common(value, "id", "custom"))
        case {"id": str(call_id), "function": {"name": str(name), **function}}:
            arguments = function.pop("arguments", None)
            if isinstance(arguments, str | None):
                common = _common(value, "id", "function")
                if more := _rest(function):
                    common["extra"] = {**(common["extra"] or {}), "function": more}
                return ToolCall(call_id, name, arguments or "", **common)
    raise BadRequestError(
        f'{where}: expected {{"id": ..., "function": {{"name": ..., "arguments": ...}}}}, got {value!r}'
    )


def tool(value: Mapping[str, Any], where: str) -> Tool | Unknown:
    """Our tool from a dictionary in OpenAI's shape; `where` is what errors call it.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """
    kind = value.get("type", "function")  # some hosts let it be left out
    if isinstance(kind, str):
        if kind != "function":
            return Unknown(dict(value))  # a tool that the provider runs, or one of a kind of its own
        function: Any = value.get("function")
        if function is None and "name" in value and "type" in value:
            return _flat_tool(value, where)
        if isinstance(function, Mapping) and all(isinstance(function.get(key), FUNCTION[key]) for key in FUNCTION):
            _no_typo(function, FUNCTION, f"{where}.function")
            cache, taken = _cache(value)
            extra = _rest(value, "type", "function", *taken) or {}
            if others := _rest(function, *FUNCTION):
                extra["function"] = others
            facts: Any = {key: function.get(key) for key in FUNCTION}
            return Tool(**facts, cache=cache, extra=extra or None)
    raise BadRequestError(
        f"{where}: expected a Tool, a function, or a dictionary of type 'function' with 'name', 'description', "
        f"'parameters' and 'strict' under 'function', got {value!r}"
    )


def _flat_tool(value: Mapping[str, Any], where: str) -> Tool:
    """A function as the Responses API has it: without an object around what is said of it.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """
    for name, kind in FUNCTION.items():
        if not isinstance(value.get(name), kind):
            raise BadRequestError(f"{where}.{name}: expected what a function has there, got {value.get(name)!r}")
    cache, taken = _cache(value)
    _no_typo(value, (*FUNCTION, "type", *taken), where)
    facts: Any = {key: value.get(key) for key in FUNCTION}
    return Tool(**facts, cache=cache, extra=_rest(value, "type", *FUNCTION, *taken))


def tool_choice(value: Mapping[str, Any]) -> ToolChoice | None:
    """Our tool choice from a dictionary in OpenAI's shape, or None where it is none."""
    match value:
        case {"type": "function", "function": {"name": str(name)}} | {"type": "tool" | "function", "name": str(name)}:
            return ForcedTool(name)
        case {"type": str(kind)} if kind != "function":
            return Unknown(dict(value))
    return None


def response_format(value: Mapping[str, Any]) -> ResponseFormat | None:
    """Our response format from a dictionary in OpenAI's shape, or None where it is none."""
    words: dict[Any, ResponseFormat] = {"text": "text", "json_object": "json"}
    kind = value.get("type")
    if isinstance(kind, str) and kind in words:
        return words[kind]
    if kind == "json_schema":
        inner = value.get("json_schema")
        if inner is None:  # as the Responses API has it
            inner = {key: item for key, item in value.items() if key != "type"}
        if isinstance(inner, Mapping) and isinstance(inner.get("schema"), Mapping):
            known = {key: item for key, item in inner.items() if item is not None}
            if known.keys() <= {"name", "schema", "strict", "description"}:
                return JsonSchema(**known)
        return Unknown(dict(value))
    return Unknown(dict(value)) if isinstance(kind, str) else None

"""Parts of a message as the content blocks of the wire."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from jackfield.errors import BadRequestError, MalformedReplyError
from jackfield.http import read_json
from jackfield.types import CacheMark, File, Image, Part, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown

from .settings import Outgoing

__all__ = ["THOUGHT", "Block", "mark", "wire_blocks"]

Block = dict[str, Any]

# what OpenRouter calls thoughts that Claude has signed, so that they can move between it and Anthropic itself
THOUGHT: Final = "anthropic-claude-v1"
TTLS: Final = ("5m", "1h")
PDF: Final = "application/pdf"
DATA: Final = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),(.*)", re.DOTALL)
ENDINGS: Final[Mapping[str, str]] = {".pdf": PDF, ".txt": "text/plain", ".md": "text/plain"}
THOUGHTS: Final = ("thinking", "redacted_thinking")
FILE_FIELDS: Final = ("title", "context", "citations")
# what may hold parts beside a turn of a role: any of them, and a tool's result
ANY: Final = ""
RESULT: Final = "tool result"


def wire_blocks(parts: Iterable[Part], role: str, where: str, to: Outgoing) -> Iterator[tuple[Part, Block]]:
    """The blocks of a turn, each with the part that it was made of; what cannot be carried is reported.

    Raises:
        UnsupportedError: a part cannot be carried, and the caller does not allow that it is left out.
        BadRequestError: a part contradicts itself.
    """
    for index, part in enumerate(parts):
        place = f"{where}.parts[{index}]"
        if isinstance(part, Text) and not part.text:  # the API refuses a text without any
            if part.cache is not None:
                to.report(f"{place}.cache", "an empty text is not sent, and cannot be marked")
            continue
        if (block := _block(part, role, place, to)) is None:
            continue
        if not isinstance(part, Unknown):
            mark(block, part.cache, place, to)
        yield part, block


def mark(block: Block, cache: CacheMark | None, where: str, to: Outgoing) -> None:
    """Mark the end of a part of the prompt for the API's cache; a mark that a block has already counts.

    Raises:
        UnsupportedError: no mark can stand here, or not for this time, and the caller does not allow to leave it out.
    """
    if cache is None:
        return
    if block.get("type") in THOUGHTS:
        to.report(f"{where}.cache", "a thought cannot be marked; mark what follows it")
        return
    control = {"type": "ephemeral"}
    if cache.ttl in TTLS:
        control["ttl"] = str(cache.ttl)
    elif cache.ttl is not None:
        to.report(f"{where}.cache.ttl", f"the API keeps what is marked for one of {', '.join(TTLS)}, not {cache.ttl!r}")
    block.setdefault("cache_control", control)


def _block(part: Part, role: str, where: str, to: Outgoing) -> Block | None:
    if isinstance(part, Unknown):
        # a copy: a turn's mark may be put on it
        return dict(part.raw) if isinstance(part.raw, Mapping) else part.raw
    write = WRITERS.get((type(part), role)) or WRITERS.get((type(part), ANY))
    if write is None:
        to.report(where, f"the turn of role {role!r} cannot hold a {type(part).__name__}")
        return None
    return write(part, where, to)


def _text(part: Text, where: str, to: Outgoing) -> Block:
    to.report_extra(part.extra, (), where)
    return {"type": "text", "text": part.text}


def _image(part: Image, where: str, to: Outgoing) -> Block:
    if part.detail not in (None, "auto"):
        to.report(f"{where}.detail", "the API looks at every image in the same way")
    to.report_extra(part.extra, (), where)
    kind, data = _data(part.url, f"{where}.url")
    return {"type": "image", "source": {"type": "url", "url": part.url} if kind is None else _base64(kind, data)}


def _base64(kind: str, data: str) -> dict[str, str]:
    return {"type": "base64", "media_type": kind, "data": data}


def _data(url: str, where: str) -> tuple[str | None, str]:
    """The media type and the base64 of a `data:` URL; of any other, None and nothing."""
    if not url.startswith("data:"):
        return None, ""
    found = DATA.fullmatch(url)
    if found is None or not found[2].endswith(";base64"):
        raise BadRequestError(f"{where}: expected an address or 'data:<media type>;base64,<data>', got {url[:60]!r}")
    return found[1], found[3]


def _file(part: File, where: str, to: Outgoing) -> Block | None:
    more = to.report_extra(part.extra, FILE_FIELDS, where)
    if part.id is not None:
        source: dict[str, str] | None = {"type": "file", "file_id": part.id}
    elif part.data is None:
        raise BadRequestError(f"{where}: expected the data of a file or its id, and there is neither")
    elif part.data.startswith(("https://", "http://")):
        source = {"type": "url", "url": part.data}
    else:
        source = _source(part.data, part.filename or "", where, to)
    if source is None:
        return None
    if source.get("media_type", "").startswith("image/"):
        return {"type": "image", "source": source}
    title = {} if part.filename is None else {"title": part.filename}
    return {"type": "document", "source": source, **title, **more}


def _source(data: str, filename: str, where: str, to: Outgoing) -> dict[str, str] | None:
    found = DATA.fullmatch(data)
    kind = found[1] if found else next((ENDINGS[end] for end in ENDINGS if filename.lower().endswith(end)), None)
    if kind is None:
        what = "expected 'data:<media type>;base64,<data>', or a filename that tells the type by its ending"
        raise BadRequestError(f"{where}.data: {what}, got {data[:60]!r}")
    encoded = found is None or found[2].endswith(";base64")
    content = found[3] if found else data
    if kind.startswith("text/"):
        return {"type": "text", "media_type": "text/plain", "data": _plain(content, f"{where}.data", encoded=encoded)}
    if encoded and (kind == PDF or kind.startswith("image/")):
        return _base64(kind, content)
    to.report(where, f"the API takes documents that are PDF or text, in base64, not {kind!r}")
    return None


def _plain(content: str, where: str, *, encoded: bool) -> str:
    try:
        return (b64decode(content, validate=True) if encoded else unquote_to_bytes(content)).decode()
    except ValueError:  # also of an encoding
        raise BadRequestError(f"{where}: expected text in UTF-8{', in base64' if encoded else ''}") from None


def _thought(part: Reasoning, where: str, to: Outgoing) -> Block | None:
    if part.format != THOUGHT:
        to.leave_out(where, "the API takes back only thoughts that Claude has signed")
    elif part.encrypted and not part.text:
        return {"type": "redacted_thinking", "data": part.encrypted}
    elif part.signature:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    else:
        to.leave_out(where, "a thought that nobody signed is refused: its reply broke off")
    return None


def _refusal(part: Refusal, where: str, to: Outgoing) -> Block:
    to.report_extra(part.extra, (), where)
    to.call.rewrote(where, "a refusal is sent as text, which is how the API gives one")
    return {"type": "text", "text": part.text}


def _call(part: ToolCall, where: str, to: Outgoing) -> Block:
    if not part.complete:
        raise BadRequestError(f"{where}: the call of tool {part.name!r} is incomplete: its reply broke off")
    try:
        arguments = read_json(part.arguments) if part.arguments.strip() else {}
    except MalformedReplyError:
        arguments = None
    if not isinstance(arguments, dict):
        what = f"expected the arguments of tool {part.name!r} as a JSON object"
        raise BadRequestError(f"{where}.arguments: {what}, got {part.arguments[:100]!r}")
    block = {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments}
    for key, value in (part.extra or {}).items():
        if key == "caller":
            block[key] = value
        else:
            to.leave_out(f"{where}.extra.{key}", "another wire's own field, which this one refuses")
    return block


def _result(part: ToolResult, where: str, to: Outgoing) -> Block:
    blocks = [block for _, block in wire_blocks(part.parts, RESULT, where, to)]
    block: Block = {"type": "tool_result", "tool_use_id": part.call_id}
    match blocks:
        case []:
            pass
        case [{"type": "text", "text": text, **more}] if not more:
            block["content"] = text
        case _:
            block["content"] = blocks
    if part.is_error:
        block["is_error"] = True
    return block | to.report_extra(part.extra, (), where)


# how a part is written, by what holds it
WRITERS: Final[Mapping[tuple[type, str], Callable[[Any, str, Outgoing], Block | None]]] = {
    (Text, ANY): _text,
    (Image, "user"): _image,
    (Image, RESULT): _image,
    (File, "user"): _file,
    (File, RESULT): _file,
    (ToolResult, "user"): _result,
    (Reasoning, "assistant"): _thought,
    (Refusal, "assistant"): _refusal,
    (ToolCall, "assistant"): _call,
}

"""Bodies as a person reads them: JSON as JSON, text as text, and base64 for the rest."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from jackfield.http import write_json

__all__ = ["document", "json_of", "shown_body", "shown_pieces"]

DEEPEST: Final = 100
WIDEST: Final = 110
OPEN: Final = 4  # so many levels stand on lines of their own, however short they are


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name stands twice")
    return table


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def json_of(data: bytes) -> Any:
    """The table or the list that the bytes are, where JSON says all that they say; None where they are not one."""
    if data[:1] not in {b"{", b"["}:  # white space before it may be what a service sends as a sign of life
        return None
    try:
        value = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_refuse)
        write_json(value)
    except Exception:  # noqa: BLE001 - whatever JSON cannot carry is text
        return None
    return None if _is_deep(value) else value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        within = [one for one in level if isinstance(one, dict | list)]
        level = [inner for one in within for inner in (one.values() if isinstance(one, dict) else one)]
    return bool(level)


def shown_body(data: bytes) -> dict[str, Any]:
    """A body as the file has it: nothing where it is empty."""
    if not data:
        return {}
    value = json_of(data)
    if value is not None:
        return {"json": value}
    text = _text(data)
    return {"text": text} if isinstance(text, str) else text


def shown_pieces(pieces: Sequence[bytes]) -> dict[str, Any]:
    """The pieces of a body as the file has them: JSON in one piece, and all else cut as it was."""
    if len(pieces) < 2 or json_of(b"".join(pieces)) is not None:
        return shown_body(b"".join(pieces))
    return {"pieces": [_text(piece) for piece in pieces]}


def _text(data: bytes) -> str | dict[str, str]:
    try:
        return data.decode()
    except UnicodeDecodeError:  # a cut inside of a character is enough
        return {"base64": b64encode(data).decode()}


def document(value: Any, depth: int = 0) -> str:
    """JSON over several lines: what is short stands in one, and so do vectors."""
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not isinstance(value, dict | list) or not value or _fits(value, flat, depth):
        return flat
    margin = "  " * (depth + 1)
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {document(item, depth + 1)}" for key, item in value.items()]
    else:
        parts = [document(item, depth + 1) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    inner = ",\n".join(f"{margin}{part}" for part in parts)
    return f"{opening}\n{inner}\n{margin[2:]}{closing}"


def _fits(value: Any, flat: str, depth: int) -> bool:
    if isinstance(value, list) and all(isinstance(one, int | float) for one in value):
        return True
    return depth >= OPEN and len(flat) + 2 * depth <= WIDEST

"""What every subject sends, so that all of them send the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

KEY = "sk-benchmark"
MODEL, EMBEDDING_MODEL = "gpt-4o-mini", "text-embedding-3-small"
SYSTEM, USER = "You are a helpful assistant.", "Say something about foxes."
MESSAGES = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": USER}]
INPUTS = [f"document number {index}" for index in range(256)]
HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json", "accept": "application/json"}


def chat_body(**more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": MESSAGES, "temperature": 0.2, "max_tokens": 256, **more}


def embedding_body(encoding: str) -> dict[str, Any]:
    return {"model": EMBEDDING_MODEL, "input": INPUTS, "encoding_format": encoding}


def unpacked(rows: Iterable[dict[str, Any]]) -> list[Any]:
    """Vectors that were sent as base64, as arrays."""
    import array
    import base64

    return [array.array("f", base64.b64decode(row["embedding"])) for row in rows]

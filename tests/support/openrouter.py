"""The OpenRouter provider, made short: what is sent, and what it recorded."""

from __future__ import annotations

import gzip
import json
from typing import Any

from exchanges import any_call, asked
from wire_folder import beside

from jackfield import Secret
from jackfield.operations import ChatRequest, Notice
from jackfield_openrouter import OpenRouterProvider, OpenRouterSettings

PROVIDER = OpenRouterProvider("openrouter", OpenRouterSettings(Secret("sk-or-v1-0")))


def sent(
    request: Any = None, *, to: str = "m", streaming: bool = False, provider: Any = PROVIDER, **fields: Any
) -> tuple[dict[str, Any], list[Notice]]:
    """The body of a request, or of a chat with these fields, after a round through JSON, and what is noted of it."""
    request = request or ChatRequest(**{"messages": "x", **fields})
    call = any_call(request, streaming=streaming, model=to, unsupported=request.unsupported or "error")
    found = json.loads(asked(provider, call).body)
    return found, list(call.ledger.notices)


def body(request: Any = None, **fields: Any) -> dict[str, Any]:
    """The body alone."""
    return sent(request, **fields)[0]


def recordings(endpoint: str) -> list[dict[str, Any]]:
    """The exchanges with OpenRouter that were recorded of this endpoint."""
    with gzip.open(beside("recordings.jsonl.gz"), "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["host"] == "openrouter.ai"]
    return [row for row in rows if row["endpoint"] == endpoint and row["method"] == "POST"]


def payloads(row: dict[str, Any]) -> list[dict[str, Any]]:
    """What a recorded reply holds, one after the other."""
    if not row["streaming"]:
        return [json.loads(row["response_body"])]
    data = (line[5:].strip() for line in row["response_body"].splitlines() if line.startswith("data:"))
    return [json.loads(text) for text in data if text != "[DONE]"]

"""Responses of OpenAI's newer API, and the events of their streams, made short."""

from __future__ import annotations

import json
from typing import Any

HEAD = {"id": "resp_1", "object": "response", "created_at": 1_750_000_000, "model": "gpt-4.1-mini-2025-04-14"}
USE = {
    "input_tokens": 19,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 10,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 29,
}
CITED = {"type": "url_citation", "start_index": 0, "end_index": 3, "url": "https://a.example/", "title": "A"}


def whole(*items: Any, status: str = "completed", **more: Any) -> dict[str, Any]:
    """A response that holds these items."""
    return {
        **HEAD,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "output": list(items),
        "usage": USE,
    } | more


def told(*events: dict[str, Any]) -> bytes:
    """A stream of these events, numbered as OpenAI numbers them."""
    numbered = ({**event, "sequence_number": number} for number, event in enumerate(events))
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (event["type"].encode(), json.dumps(event).encode()) for event in numbered
    )


def event(name: str, index: int | None = None, **more: Any) -> dict[str, Any]:
    """An event, of the item at this place."""
    place = {} if index is None else {"output_index": index}
    return {"type": f"response.{name}", **place, **more}


def begun() -> tuple[dict[str, Any], dict[str, Any]]:
    """How each stream begins."""
    response = whole(status="in_progress", usage=None)
    return event("created", response=response), event("in_progress", response=response)


def text_of(item: str, *pieces: str, annotations: list[Any] | None = None, index: int = 0) -> list[dict[str, Any]]:
    """The events of a message of one text."""
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    empty = {"type": "message", "id": item, "status": "in_progress", "role": "assistant", "content": []}
    done = {**part, "text": "".join(pieces), "annotations": annotations or []}
    place = {"item_id": item, "content_index": 0}
    return [
        event("output_item.added", index, item=empty),
        event("content_part.added", index, **place, part=part),
        *(event("output_text.delta", index, **place, delta=piece, logprobs=[]) for piece in pieces),
        *(
            event("output_text.annotation.added", index, **place, annotation_index=number, annotation=one)
            for number, one in enumerate(annotations or ())
        ),
        event("output_text.done", index, **place, text=done["text"], logprobs=[]),
        event("content_part.done", index, **place, part=done),
        event("output_item.done", index, item=message(item, done)),
    ]


def message(name: str, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A message of the model's."""
    return {"type": "message", "id": name, "status": "completed", "role": "assistant", "content": list(parts), **more}


def spoken(text: str, *annotations: Any) -> dict[str, Any]:
    """A part that is text."""
    return {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": []}


CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "weather",
    "arguments": '{"city":"Bath"}',
    "status": "completed",
}
THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "First this."}, {"type": "summary_text", "text": "Then that."}],
    "encrypted_content": "gAAAA",
}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "a"}}
REFUSAL = {"type": "refusal", "refusal": "I cannot do that."}

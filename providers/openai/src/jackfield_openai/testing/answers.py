"""What the fake says to one request of a batch."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from typing import Any, Final

__all__ = ["answered"]

CREATED: Final = 1_767_225_600
VALUES: Final = 4


def answered(endpoint: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """A status and a body: an echo of what was asked, or JSON where that was asked for; always the same."""
    made = {
        "/v1/chat/completions": _chat,
        "/v1/responses": _response,
        "/v1/completions": _completion,
        "/v1/embeddings": _embeddings,
        "/v1/moderations": _moderations,
    }.get(endpoint)
    if made is None:
        return 404, {"error": {"message": f"Invalid URL (POST {endpoint})", "type": "invalid_request_error"}}
    mark = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]
    return 200, made(body, mark)


def _said(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content or () if isinstance(part, dict))


def _echo(body: dict[str, Any], asked: str) -> str:
    form = body.get("response_format") or (body.get("text") or {}).get("format") or {}
    if form.get("type") in {"json_object", "json_schema"}:
        return json.dumps({"said": asked})
    return f"You said: {asked}"


def _counts(asked: str, said: str) -> tuple[int, int]:
    return len(asked.split()), len(said.split())


def _chat(body: dict[str, Any], mark: str) -> dict[str, Any]:
    asked = _said(body["messages"][-1].get("content"))
    said = _echo(body, asked)
    taken, given = _counts(asked, said)
    message: dict[str, Any] = {"role": "assistant", "content": said, "refusal": None, "annotations": []}
    finish = "stop"
    if body.get("tools"):
        function = {"name": body["tools"][0]["function"]["name"], "arguments": "{}"}
        message |= {"content": None, "tool_calls": [{"id": f"call_{mark}", "type": "function", "function": function}]}
        finish = "tool_calls"
    return {
        "id": f"chatcmpl-{mark}",
        "object": "chat.completion",
        "created": CREATED,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": {"prompt_tokens": taken, "completion_tokens": given, "total_tokens": taken + given},
    }


def _response(body: dict[str, Any], mark: str) -> dict[str, Any]:
    given = body["input"]
    asked = given if isinstance(given, str) else _said(given[-1].get("content"))
    said = _echo(body, asked)
    taken, came = _counts(asked, said)
    content = [{"type": "output_text", "text": said, "annotations": []}]
    item = {"type": "message", "id": f"msg_{mark}", "status": "completed", "role": "assistant", "content": content}
    return {
        "id": f"resp_{mark}",
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": body["model"],
        "output": [item],
        "usage": {"input_tokens": taken, "output_tokens": came, "total_tokens": taken + came},
    }


def _completion(body: dict[str, Any], mark: str) -> dict[str, Any]:
    prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
    texts = [f" and so on after {prompt}" for prompt in prompts]
    return {
        "id": f"cmpl-{mark}",
        "object": "text_completion",
        "created": CREATED,
        "model": body["model"],
        "choices": [
            {"index": index, "text": text, "logprobs": None, "finish_reason": "length"}
            for index, text in enumerate(texts)
        ],
        "usage": {"prompt_tokens": len(prompts), "completion_tokens": 5, "total_tokens": len(prompts) + 5},
    }


def _embeddings(body: dict[str, Any], _: str) -> dict[str, Any]:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vectors = [_vector(str(text), body.get("dimensions") or VALUES) for text in texts]
    packed = body.get("encoding_format") == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() if packed else vector,
        }
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


def _moderations(body: dict[str, Any], mark: str) -> dict[str, Any]:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    results = [
        {"flagged": bad, "categories": {"violence": bad}, "category_scores": {"violence": 0.9 if bad else 0.01}}
        for bad in ("kill" in str(text) for text in texts)
    ]
    return {"id": f"modr-{mark}", "model": body["model"], "results": results}


def _vector(text: str, length: int) -> list[float]:
    digest = hashlib.sha256(text.encode()).digest()
    return [digest[place % len(digest)] / 256 for place in range(length)]

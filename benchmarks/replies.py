"""The replies that the server gives, head and all: the shapes are those of OpenAI's API, the contents are made up."""

from __future__ import annotations

import base64
import json
import random
import struct
from pathlib import Path
from typing import Any

CHUNKS = 2000
VECTORS, WIDTH = 256, 1536
PARTS = [random.Random(index).gauss(0, 1) for index in range(1000)]
WORDS = (
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "seven",
    "wizards",
    "box",
    "xylophones",
)
# the headers that OpenAI sends beside those of HTTP
HEADERS = """\
date: Mon, 20 Jul 2026 10:00:00 GMT
openai-organization: org-benchmark
openai-processing-ms: 412
openai-version: 2020-10-01
x-ratelimit-limit-requests: 10000
x-ratelimit-limit-tokens: 2000000
x-ratelimit-remaining-requests: 9999
x-ratelimit-remaining-tokens: 1999900
x-ratelimit-reset-requests: 6ms
x-ratelimit-reset-tokens: 0s
x-request-id: req_0123456789abcdef0123456789abcdef
"""


def write(folder: Path) -> None:
    """Write each reply into a file of its own. They are the same in every run."""
    chance = random.Random(7)
    (folder / "chat").write_bytes(document(chat(chance), indent=2))
    (folder / "stream").write_bytes(stream(chance))
    # few bits of chance are enough: what counts is how long the numbers are
    vectors = [
        struct.pack(f"{WIDTH}f", *(part / 40 for part in chance.choices(PARTS, k=WIDTH))) for _ in range(VECTORS)
    ]
    (folder / "base64").write_bytes(document(embeddings([base64.b64encode(row).decode() for row in vectors])))
    (folder / "floats").write_bytes(document(embeddings([struct.unpack(f"{WIDTH}f", row) for row in vectors])))


def head(*more: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", *HEADERS.splitlines(), *more, "", ""]
    return "\r\n".join(lines).encode()


def document(value: Any, indent: int | None = None) -> bytes:
    body = json.dumps(value, indent=indent).encode()
    return head("content-type: application/json", f"content-length: {len(body)}") + body


def chat(chance: random.Random) -> dict[str, Any]:
    message = {"role": "assistant", "content": " ".join(chance.choices(WORDS, k=90)), "refusal": None}
    return {
        "id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012",
        "object": "chat.completion",
        "created": 1753000000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": {**message, "annotations": []}, "logprobs": None, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 19,
            "completion_tokens": 110,
            "total_tokens": 129,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_44added55e",
    }


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    value = {
        "id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012",
        "object": "chat.completion.chunk",
        "created": 1753000000,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": "fp_44added55e",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        "usage": None,
    }
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def stream(chance: random.Random) -> bytes:
    """A stream of CHUNKS chunks, each of them a chunk of HTTP too, as servers write them."""
    events = [chunk({"role": "assistant", "content": "", "refusal": None})]
    events += [chunk({"content": f" {chance.choice(WORDS)}"}) for _ in range(CHUNKS - 2)]
    events += [chunk({}, "stop"), b"data: [DONE]\n\n"]
    parts = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    return head("content-type: text/event-stream", "transfer-encoding: chunked") + b"".join(parts) + b"0\r\n\r\n"


def embeddings(vectors: list[Any]) -> dict[str, Any]:
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    usage = {"prompt_tokens": 5 * len(data), "total_tokens": 5 * len(data)}
    return {"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage}

"""A host for embeddings that keeps to OpenAI's limits, and whose vectors say which text they are of."""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from jackfield.http import HttpRequest, HttpResponse

MOST = 2048
MOST_TOKENS = 300_000
KEY = {"default": "openai:text-embedding-3-small", "providers": {"openai": {"api_key": "sk-test"}}}


def tokens_of(value: Any) -> int:
    """As many tokens as there can be: one for each byte."""
    return len(value.encode()) if isinstance(value, str) else len(value)


def vector_of(value: Any) -> list[float]:
    """The number at the end of a text, or the last token."""
    return [float(str(value).rpartition(" ")[2]) if isinstance(value, str) else float(value[-1])]


class EmbeddingHost:
    """Answers POST /embeddings, and keeps the inputs and headers of each request.

    `before` may answer in its place: it gets the number of the request, from 0, and gives None where it does not.
    """

    def __init__(self, before: Callable[[int], Any] = lambda number: None, *, most: int = MOST, **more: Any) -> None:
        self.requests: list[list[Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.before = before
        self.most = most
        self.more = more

    @property
    def sizes(self) -> list[int]:
        """How many inputs each request had."""
        return [len(one) for one in self.requests]

    def __call__(self, request: HttpRequest) -> Any:
        body = json.loads(request.body or b"")  # type: ignore[arg-type]
        inputs = body["input"]
        if isinstance(inputs, str) or isinstance(inputs[0], int):
            inputs = [inputs]
        self.requests.append(inputs)
        self.headers.append(dict(request.headers))
        self.bodies.append(body)
        if (answer := self.before(len(self.requests) - 1)) is not None:
            return answer
        return HttpResponse(200, {"content-type": "application/json"}, self.reply(inputs))

    def reply(self, inputs: list[Any]) -> bytes:
        """The reply's bytes: the vectors, the last first."""
        tokens = sum(map(tokens_of, inputs))
        if len(inputs) > self.most or tokens > MOST_TOKENS:
            raise AssertionError(f"{len(inputs)} inputs of {tokens} tokens are more than the host takes")
        data = [
            {"object": "embedding", "index": index, "embedding": b64encode(struct.pack("<f", *vector_of(one))).decode()}
            for index, one in reversed([*enumerate(inputs)])
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return json.dumps(
            {"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage, **self.more}
        ).encode()


def refusal(status: int, message: str = "no", code: str | None = None, **headers: str) -> HttpResponse:
    """An error as OpenAI words it."""
    body = json.dumps({"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}})
    return HttpResponse(status, {"content-type": "application/json", **headers}, body.encode())


def numbered(count: int) -> list[str]:
    """Texts, each with its number at the end."""
    return [f"text {number}" for number in range(count)]


def told(response: Any) -> list[float]:
    """Which texts the vectors are of, in order."""
    return [vector[0] for vector in response.vectors]

"""A server on loopback that answers as it is told, byte by byte: pauses, resets, silence, half replies."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from loopback import Loopback, comes_about, hold, request_from, reset_on_close

CLOSE = object()
RESET = object()
HOLD = object()  # say nothing more, until the other side closes

Step = Any  # bytes to send, seconds to pause, or one of the above
Answer = Callable[[bytes], Iterable[Step]]


def reply(
    body: bytes | str, status: int = 200, kind: str = "application/json", headers: dict[str, str] | None = None
) -> bytes:
    """A whole reply with its length."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def stream_head(headers: dict[str, str] | None = None) -> bytes:
    """The head of a chunked stream of events."""
    lines = ["HTTP/1.1 200 OK", "content-type: text/event-stream", "transfer-encoding: chunked"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def part(data: bytes) -> bytes:
    """One chunk of a chunked body; empty data ends the body."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def event(value: Any) -> bytes:
    """One event in a chunk of its own."""
    data = value if isinstance(value, str) else json.dumps(value)
    return part(f"data: {data}\n\n".encode())


def delta(text: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a chat completion."""
    content = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": content, "finish_reason": finish}
    return {"id": "c1", "model": "m", "created": 1, "choices": [choice], **more}


def completion(text: str = "Hello", **more: Any) -> str:
    """A whole chat completion."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.dumps({"id": "c1", "model": "m", "created": 1, "choices": [choice], **more})


class Scripted(Loopback):
    """`answer` gets each whole request and gives the steps of the reply. `requests` holds what was received."""

    def __init__(self, answer: Answer | Sequence[Step], tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.answer: Answer = answer if callable(answer) else lambda _: answer
        self.requests: list[bytes] = []
        self.slow = 0.0
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1"
        self.listen()

    def asked(self, number: int, seconds: float = 30.0) -> bool:
        """Wait until so many requests have come; False where that does not come about."""
        return comes_about(lambda: len(self.requests) >= number, seconds)

    def serve(self, connection: socket.socket) -> None:
        while (request := request_from(connection, self.slow)) is not None:
            self.requests.append(request)
            if not _play(connection, self.answer(request)):
                break


def _play(connection: socket.socket, steps: Iterable[Step]) -> bool:
    for step in steps:
        if step is CLOSE:
            return False
        if step is RESET:
            reset_on_close(connection)
            return False
        if step is HOLD:
            hold(connection)
            return False
        if isinstance(step, bytes):
            connection.sendall(step)
        else:
            time.sleep(step)
    return True

"""A server on loopback that answers as it is told, byte by byte: pauses, resets, silence, half replies."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

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


class Scripted:
    """Serves in threads of its own. `answer` gets each whole request and gives the steps of the reply.

    `requests` holds what was received; `open` counts the connections that are open now.
    """

    def __init__(self, answer: Answer | Sequence[Step], tls: ssl.SSLContext | None = None) -> None:
        self.answer: Answer = answer if callable(answer) else lambda _: answer
        self.requests: list[bytes] = []
        self.open = 0
        self.accepted = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self._listener.getsockname()[1]
        self.tls = tls
        self.slow = 0.0
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1"
        self._connections: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.settled(0)

    def settled(self, number: int, seconds: float = 5.0) -> bool:
        """Wait until so many connections are open; False where that does not come about."""
        return _comes_about(lambda: self.open == number, seconds)

    def asked(self, number: int, seconds: float = 30.0) -> bool:
        """Wait until so many requests have come; False where that does not come about."""
        return _comes_about(lambda: len(self.requests) >= number, seconds)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.open += 1
                self.accepted += 1
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError), self._secured(connection) as connection:  # noqa: PLR1704
                while (request := _read(connection, self.slow)) is not None:
                    self.requests.append(request)
                    if not _play(connection, self.answer(request)):
                        break
        finally:
            with self._lock:
                self.open -= 1
                self._connections.discard(connection)

    def _secured(self, connection: socket.socket) -> socket.socket:
        if self.tls is None:
            return connection
        try:
            return self.tls.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            raise


def _comes_about(condition: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def _read(connection: socket.socket, slow: float) -> bytes | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        time.sleep(slow)
        more = connection.recv(65536)
        if not more:
            return None
        body += more
    return head + b"\r\n\r\n" + body


def _play(connection: socket.socket, steps: Iterable[Step]) -> bool:
    for step in steps:
        if step is CLOSE:
            return False
        if step is RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if step is HOLD:
            while connection.recv(65536):
                pass
            return False
        if isinstance(step, bytes):
            connection.sendall(step)
        else:
            time.sleep(step)
    return True

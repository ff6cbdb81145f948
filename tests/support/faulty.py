"""A proxy on loopback, in front of a real server, whose connections fail as they are told."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from loopback import Loopback, hold, request_from, reset_on_close


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    Before the head of the reply the connection is a "reset" or a "close", a "stall" says nothing for ever, a "delay"
    takes `seconds`, and a "status" answers in the server's place, with a Retry-After of so many seconds.
    `after` so many bytes of the reply's body there is a "cut" (a clean end), a "tear" (a reset) or a "hang" (silence).
    """

    kind: Literal["reset", "close", "stall", "delay", "status", "cut", "tear", "hang"]
    status: int = 503
    seconds: float = 0.0
    after: int = 0


class Faulty(Loopback):
    """Forwards one request a connection to `port` on loopback, with the next of the faults, and then without any.

    `asked` counts the requests that came. Until `listen` was called there are none.
    """

    def __init__(self, port: int, *faults: Fault | None) -> None:
        super().__init__()
        self.to = port
        self.faults = list(faults)
        self.asked = 0
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def serve(self, connection: socket.socket) -> None:
        request = request_from(connection)
        if request is None:
            return
        with self.lock:
            self.asked += 1
            fault = self.faults.pop(0) if self.faults else None
        self._answer(connection, request, fault)

    def _answer(self, client: socket.socket, request: bytes, fault: Fault | None) -> None:
        if fault is not None and fault.kind == "status":
            head = f"HTTP/1.1 {fault.status} X\r\nretry-after: {fault.seconds:g}\r\nconnection: close\r\n"
            client.sendall(f"{head}content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        elif fault is not None and fault.kind in {"reset", "close", "stall"}:
            _end(client, fault.kind)
        else:
            if fault is not None and fault.kind == "delay":
                time.sleep(fault.seconds)
                fault = None
            with self.keep(socket.create_connection(("127.0.0.1", self.to))) as server:
                server.sendall(_alone(request))
                for data in _pieces(server, fault):
                    client.sendall(data)
            if fault is not None:
                _end(client, fault.kind)


def _alone(request: bytes) -> bytes:
    """The request as the only one of its connection, so that the reply ends with the connection."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"connection: close", b"", body])


def _pieces(server: socket.socket, fault: Fault | None) -> Iterable[bytes]:
    """The reply as it comes, as far as the fault lets it."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = server.recv(65536)
        if not more:
            return
        head += more
    body = head.index(b"\r\n\r\n") + 4
    left = None if fault is None else body + fault.after
    data = head
    while data:
        yield data if left is None else data[:left]
        if left is not None and (left := left - len(data)) <= 0:
            return
        data = server.recv(65536)


def _end(client: socket.socket, kind: str) -> None:
    """End a connection whose reply is not whole."""
    if kind in {"reset", "tear"}:
        reset_on_close(client)
    elif kind in {"stall", "hang"}:
        hold(client)

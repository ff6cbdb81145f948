"""Serves on loopback, each connection in a thread of its own: what the servers and proxies of tests are built on."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from typing import Any, Self


class Loopback:
    """Serves each connection with `serve`, from `listen` on; before that it refuses them.

    `open` counts the connections that are open now, `accepted` all that there were.
    What `serve` connects to is put down with `keep`, so that it ends with the block.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.open = 0
        self.accepted = 0
        self.lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection to its end; an OSError ends it, too."""
        raise NotImplementedError

    def listen(self) -> Self:
        """Refuse nobody from now on."""
        self._listener.listen(1024)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def keep(self, connection: socket.socket) -> socket.socket:
        """Have a connection end with the block."""
        with self.lock:
            self._connections.add(connection)
        return connection

    def settled(self, number: int = 0, seconds: float = 5.0) -> bool:
        """Wait until so many connections are open; False where that does not come about."""
        return comes_about(lambda: self.open == number, seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self.lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.settled()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self.lock:
                self.open += 1
                self.accepted += 1
            self.keep(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError), self._secured(connection) as secured:
                self.serve(secured)
        finally:
            with self.lock:
                self.open -= 1
                self._connections.discard(connection)

    def _secured(self, connection: socket.socket) -> Any:
        if self.tls is None:
            return connection
        try:
            return self.tls.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            raise


def comes_about(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until something holds; False where it does not within so many seconds."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def request_from(connection: socket.socket, slow: float = 0.0) -> bytes | None:
    """A whole request, read with a pause before each piece of its body; None where the other side has left."""
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


def hold(connection: socket.socket) -> None:
    """Say nothing more, until the other side closes."""
    while connection.recv(65536):
        pass


def reset_on_close(connection: socket.socket) -> None:
    """Let the other side find the connection reset when it is closed here."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

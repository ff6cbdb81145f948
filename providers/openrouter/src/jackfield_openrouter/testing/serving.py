"""The fake on loopback, for programs in any language and for what only a connection shows: pauses, and who hangs up."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from jackfield.http import HttpRequest

from .fake import FakeOpenRouter
from .scenes import FakeReply

__all__ = ["serve"]

POLL: Final = 0.02  # seconds


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, fake: FakeOpenRouter) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake = fake
        self.over = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        # the key that opens it is nobody's business, not even a test's
        headers = {name: value for name, value in self.headers.items() if name.lower() != "authorization"}
        reply = self.server.fake.reply(HttpRequest(self.command, self.path, headers, body))
        try:
            self._send(reply)
        except OSError:
            self.server.fake.cancelled(reply.headers.get("x-generation-id"))
            self.close_connection = True

    do_POST = do_GET  # noqa: N815 - the library calls it so

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _send(self, reply: FakeReply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in reply.pieces:
            if isinstance(piece, bytes):
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            else:
                self._pause(piece)
        self.wfile.write(b"0\r\n\r\n")

    def _pause(self, seconds: float) -> None:
        while seconds > 0:
            if self.server.over.wait(min(seconds, POLL)):
                raise ConnectionAbortedError
            seconds -= POLL
            self.connection.settimeout(0.0)
            try:
                if not self.connection.recv(1):
                    raise ConnectionAbortedError
            except BlockingIOError:
                continue
            finally:
                self.connection.settimeout(None)


@contextlib.contextmanager
def serve(fake: FakeOpenRouter) -> Iterator[str]:
    """Serve a fake on a free port of this machine: gives the base URL to configure."""
    server = _Server(fake)
    threading.Thread(target=server.serve_forever, args=(POLL,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/api/v1"
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()

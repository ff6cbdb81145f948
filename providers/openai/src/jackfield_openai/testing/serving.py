"""The fake on loopback, for programs in any language and for what only a connection shows."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from jackfield.http import HttpRequest

from .fake import FakeOpenAI

__all__ = ["serve"]

POLL: Final = 0.02  # seconds


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, fake: FakeOpenAI) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake = fake

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # its sender has gone: nothing of it counts
            self.close_connection = True
            return
        # the key that opens it is nobody's business, not even a test's
        headers = {name: value for name, value in self.headers.items() if name.lower() != "authorization"}
        reply = self.server.fake.reply(HttpRequest(self.command, self.path, headers, body))
        if reply.lost:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
        if reply.cut is not None:
            self.close_connection = True

    do_POST = do_DELETE = do_GET  # noqa: N815 - the library calls them so

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serve(fake: FakeOpenAI) -> Iterator[str]:
    """Serve a fake on a free port of this machine: gives the base URL to configure."""
    server = _Server(fake)
    threading.Thread(target=server.serve_forever, args=(POLL,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()

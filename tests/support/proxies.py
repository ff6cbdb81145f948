"""A proxy on loopback that forwards, opens tunnels and can ask for a password."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
from urllib.parse import urlsplit

from loopback import Loopback


class Proxy(Loopback):
    """Whatever host is asked for, it connects to `port` on loopback. `seen` holds the first line and headers of each.

    `login` is "user:password" where it asks for one; `refuses` is a status that it answers everything with.
    """

    def __init__(
        self, port: int, login: str = "", refuses: int = 0, tls: ssl.SSLContext | None = None, *, silent: bool = False
    ) -> None:
        super().__init__(tls)
        self.to = port
        self.login = login
        self.refuses = refuses
        self.silent = silent
        self.seen: list[bytes] = []
        self.listen()

    def url(self, login: str = "") -> str:
        """Its address."""
        return f"{'https' if self.tls else 'http'}://{login and login + '@'}127.0.0.1:{self.port}"

    def serve(self, client: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            more = client.recv(65536)
            if not more:
                return
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        self.seen.append(head)
        if self.silent:
            client.recv(1)
            return
        expected = b"Basic " + base64.b64encode(self.login.encode())
        status = self.refuses or (407 if self.login and expected not in head else 0)
        if status:
            client.sendall(f"HTTP/1.1 {status} Refused\r\ncontent-length: 0\r\n\r\n".encode())
            return
        with self.keep(socket.create_connection(("127.0.0.1", self.to))) as server:
            method, target, version = head.split(b"\r\n")[0].split(b" ")
            if method == b"CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = urlsplit(target.decode()).path.encode()
                lines = [line for line in head.split(b"\r\n")[1:] if not line.lower().startswith(b"proxy-")]
                server.sendall(b"\r\n".join([b" ".join([method, path, version]), *lines, b"", rest]))
            other = threading.Thread(target=_copy, args=(server, client), daemon=True)
            other.start()
            _copy(client, server)
            other.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)

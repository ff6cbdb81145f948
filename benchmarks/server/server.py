"""What `server.c` does, in Python, for machines without a compiler. It costs about what a client does.

usage: python server.py FOLDER
"""

import asyncio
import re
import sys
from pathlib import Path

MISSING = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)


class Connection(asyncio.Protocol):
    """Answers each request with the file that the first segment of its path names."""

    def __init__(self, replies: dict[bytes, bytes]) -> None:
        self._replies = replies
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = LENGTH.search(head)
        if length is not None and len(body) < int(length[1]):
            return
        self._received.clear()
        name = head.split(b"/", 2)[1].split(b" ")[0]
        self._transport.write(self._replies.get(bytes(name), MISSING))


async def serve(replies: dict[bytes, bytes]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(replies), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve({file.name.encode(): file.read_bytes() for file in Path(sys.argv[1]).iterdir()}))

"""Takes files of any size and forgets them, and gives files of any size: the name of a file is how many bytes it has.

It answers as OpenAI does, and holds none of it in memory. usage: python files.py
"""

import json
import re
import socket
import sys
import threading

LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)
PIECE = bytes(1024 * 1024)


def answer(path: str) -> dict[str, object]:
    """What a request is told, once its body has come."""
    file = {"id": "file-1", "object": "file", "bytes": 1, "created_at": 1, "filename": "a", "purpose": "user_data"}
    if path.endswith("/parts"):
        return {"id": "part_1", "object": "upload.part", "created_at": 1, "upload_id": "upload_1"}
    if "/uploads" in path:
        return {"id": "upload_1", "object": "upload", "status": "completed", "file": file}
    return file


def serve(connection: socket.socket) -> None:
    """Serve one connection to its end."""
    buffer = memoryview(bytearray(256 * 1024))
    received = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in received:
                if not (data := connection.recv(64 * 1024)):
                    return
                received += data
            head, _, received = received.partition(b"\r\n\r\n")
            length = LENGTH.search(head)
            left = int(length[1]) - len(received) if length else 0
            received = b""
            while left > 0:
                if not (count := connection.recv_into(buffer, min(left, len(buffer)))):
                    return
                left -= count
            method, path, _ = head.decode().split(" ", 2)
            if method == "GET" and path.endswith("/content"):
                size = int(path.split("/")[-2])
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
                for start in range(0, size, len(PIECE)):
                    connection.sendall(PIECE[: size - start])
            else:
                body = json.dumps(answer(path)).encode()
                kind = b"content-type: application/json\r\n"
                connection.sendall(b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n%s" % (kind, len(body), body))


def serve_quietly(connection: socket.socket) -> None:
    """Serve one connection; whoever hangs up has a reason."""
    try:
        serve(connection)
    except OSError:
        return


def main() -> None:
    """Print the port, and serve until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), listener.shutdown(socket.SHUT_RDWR)), daemon=True).start()
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=serve_quietly, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()

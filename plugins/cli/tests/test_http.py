"""`chat` with a provider over HTTP, against a server of this test."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("jackfield_openai")

KEY = "sk-test-0123456789"


def chunk(finish=None, **delta):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def stream(*chunks, done=True):
    lines = [f"data: {json.dumps(one)}\n\n" for one in chunks]
    return "".join([*lines, "data: [DONE]\n\n"] if done else lines).encode()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.asked.append((self.path, self.headers["authorization"], json.loads(body)))
        status, kind, reply, *more = self.server.reply
        self.send_response(status)
        for name, value in dict(*more).items():
            self.send_header(name, value)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(place):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        base_url = f"http://127.0.0.1:{server.server_port}/v1"
        place.write(f'default = "openai:m"\n[providers.openai]\napi_key = "{KEY}"\nbase_url = "{base_url}"')
        yield server
        server.shutdown()
        thread.join()


def test_a_stream(place, server):
    server.reply = (
        200,
        "text/event-stream",
        stream(chunk(role="assistant", content=""), chunk(content="Grüß "), chunk(content="Gott"), chunk("stop")),
    )
    done = place.run("chat", "-t", "0", "Hello")
    assert (done.code, done.out, done.err) == (0, "Grüß Gott\n", "")
    path, key, body = server.asked[0]
    assert (path, key) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert (body["model"], body["temperature"], body["stream"]) == ("m", 0, True)


def test_a_stream_that_breaks_off_keeps_what_came(place, server):
    server.reply = 200, "text/event-stream", stream(chunk(content="so far"), done=False)
    done = place.run("chat", "Hello")
    assert (done.code, done.out) == (1, "so far\n")
    assert done.err.startswith("jackfield: openai:m: ")
    assert done.err.count("\n") == 1


def test_a_refused_key_is_not_shown(place, server):
    error = {"error": {"message": f"Incorrect key: {KEY}\nsee \x1b[1mhelp", "type": "x", "code": "invalid_api_key"}}
    server.reply = 401, "application/json", json.dumps(error).encode()
    done = place.run("chat", "Hello")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("jackfield: openai:m: 401 invalid_api_key: Incorrect key: ")
    assert "see \\x1b[1mhelp" in done.err
    assert KEY not in done.err
    assert done.err.count("\n") == 1


def test_a_redirect_says_where_to_and_that_nobody_follows(place, server):
    server.reply = 302, "text/html", b"<html>Moved</html>", {"location": "https://login.example/?next=x"}
    done = place.run("chat", "Hello")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "jackfield: openai:m: 302: redirected to https://login.example, and redirects are not followed: "
        "base_url is probably wrong\n"
    )


def test_an_empty_completion_is_told(place, server):
    server.reply = 200, "text/event-stream", stream(chunk("stop", role="assistant", content=""))
    done = place.run("chat", "Hello")
    assert (done.code, done.out, done.err) == (1, "", "jackfield: the reply is empty; it ended with 'stop'\n")


def test_a_server_that_is_not_there(place, server):
    place.write('default = "openai:m"\n[providers.openai]\napi_key = "k"\nbase_url = "http://127.0.0.1:1/v1"')
    done = place.run("chat", "Hello")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1


def test_a_key_from_the_environment_is_enough(place, server):
    (place.folder / "jackfield.toml").unlink()
    place.write(f"OPENAI_API_KEY={KEY}\nOPENAI_BASE_URL=http://127.0.0.1:{server.server_port}/v1", ".env.local")
    server.reply = 200, "text/event-stream", stream(chunk(content="yes"), chunk("stop"))
    done = place.run("chat", "Hello", "-m", "openai:other")
    assert (done.code, done.out, done.err) == (0, "yes\n", "")
    assert server.asked[0][2]["model"] == "other"

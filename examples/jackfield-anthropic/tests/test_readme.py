"""Every block of the README runs, against a server on this machine that speaks the wire."""

import io
import json
import threading
import tomllib
from contextlib import redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
SIGNED = {"type": "thinking", "thinking": "27 * 400 is 10800, and 27 * 53 is 1431.", "signature": "EqQB"}
HELLO = {"type": "text", "text": "Hello! How can I help you today?"}


class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert self.headers["x-api-key"] == "your-key"
        assert self.headers["anthropic-version"] == "2023-06-01"
        usage = {"input_tokens": 12, "output_tokens": 11}
        if "system" in body:
            assert body["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
            usage |= {"cache_read_input_tokens": 2048, "cache_creation_input_tokens": 0}
        if len(body["messages"]) > 1:
            assert body["messages"][1]["content"][0] == SIGNED
        content = [SIGNED, HELLO] if "thinking" in body else [HELLO]
        message = {"type": "message", "id": "msg_1", "model": body["model"], "content": content}
        self.answer({**message, "stop_reason": "end_turn", "usage": usage})

    def answer(self, message):
        data = json.dumps(message).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def address():
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_every_block_runs(kit, address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    namespace, printed, ran = {}, "", []
    for language, text in kit.readme_blocks(README):
        ran.append(language)
        if language == "python":
            with redirect_stdout(io.StringIO()) as out:
                exec(compile(text, "README.md", "exec"), namespace)
            printed = out.getvalue()
        elif language == "text":
            assert text == printed
        elif language == "toml":
            tomllib.loads(text)
            (tmp_path / "jackfield.toml").write_text(text, encoding="utf-8")
        elif language == "dotenv":
            (tmp_path / ".env.local").write_text(f"{text}ANTHROPIC_BASE_URL={address}\n", encoding="utf-8")
        else:
            assert language == "console"
            assert all(line.startswith("pip install ./core ") for line in text.splitlines())
    assert (ran.count("python"), ran.count("text"), ran.count("toml")) == (4, 4, 1)


def test_every_setting_is_told():
    attrs = pytest.importorskip("attrs")
    from jackfield_anthropic import AnthropicSettings

    told = README.read_text(encoding="utf-8")
    assert [field.name for field in attrs.fields(AnthropicSettings) if f"| `{field.name}` |" not in told] == []


def test_every_file_is_told():
    told = README.read_text(encoding="utf-8").rpartition("| file |")[2]
    files = {file.stem for file in (README.parent / "src/jackfield_anthropic").glob("*.py")} - {"__init__"}
    assert [name for name in sorted(files) if f"`{name}`" not in told] == []

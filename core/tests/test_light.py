"""What is imported, and when: a program that starts should not pay for what it may never use."""

import subprocess
import sys

import pytest

BUILD = """
from attrs import frozen
from jackfield import Client
from jackfield.hooks import hookimpl
from jackfield.operations import CHAT
from jackfield.provider import Endpoint, HttpProvider, Secret, serves

@frozen
class Settings:
    api_key: Secret | None = None
    base_url: str = "https://api.example.com"
    seconds: float | None = None

class Acme(HttpProvider):
    @serves(CHAT)
    def chat(self, call):
        yield self.post("/chat", {})

class Plugin:
    @hookimpl
    def jackfield_settings(self):
        return Settings

    @hookimpl
    def jackfield_provider(self, name, settings):
        assert settings.seconds == 5.0
        return Acme(name, Endpoint.parse(settings.base_url), {"chat": "m"})

config = {"default": "acme", "providers": {"acme": {"api_key": "sk-x", "seconds": 5}}, "timeouts": {"total": 60}}
client = Client(config, plugins={"provider": {"acme": Plugin()}})
client.stream("Hello")  # its provider is made, and nothing is sent
"""
HTTP = {"h11", "httpcore", "httpcore2", "httpx", "httpx2"}


@pytest.mark.parametrize(
    ("program", "later"),
    [
        ("import jackfield", HTTP | {"anyio", "attrs", "cattrs", "importlib.metadata", "pluggy", "ssl", "tomllib"}),
        (BUILD, HTTP | {"anyio", "cattrs", "difflib", "tomllib", "trio"}),
    ],
    ids=["import", "client"],
)
def test_what_is_needed_later_is_imported_later(program, later):
    watched = f"import sys\nbefore = set(sys.modules)\n{program}\nprint(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-I", "-c", watched], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & later == set()

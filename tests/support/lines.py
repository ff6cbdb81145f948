"""A provider over HTTP of the simplest kind, and a client's arguments for it."""

from __future__ import annotations

import os

from faces import run
from fakes import Plugin
from scripted import part, stream_head

from jackfield.operations import CHAT
from jackfield.provider import Endpoint, HttpProvider, JsonReply, serves
from jackfield.types import Finish, Finished, TextDelta

ENGINE = os.environ.get("JACKFIELD_TEST_ENGINE", "auto")
STOP = Finished(Finish("stop", None))


class Lines:
    """Each line of the body is a piece of text; a line `.` is the terminal marker."""

    def __init__(self):
        self.done = False
        self.rest = b""

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line == b".":
                self.done = True
                yield STOP
                return
            yield TextDelta(line.decode())

    def end(self):
        return ()


class LineProvider(HttpProvider):
    def __init__(self, name, url, credential=None, steps=None):
        super().__init__(name, Endpoint.parse(url, credential), {"chat": "m"})
        self.steps = steps

    @serves(CHAT)
    def chat(self, call):
        if self.steps:
            return (yield from self.steps(self, call))
        head = yield self.post("/chat", {"hello": "wörld"})
        if head.content_type == "application/json":
            return JsonReply(head, lambda body: [TextDelta(body["text"]), STOP], limit=1_000_000)
        return Lines()


def options(server, credential=None, steps=None, **config):
    plugin = Plugin(lambda name, settings: LineProvider(name, server.url, credential, steps))
    return {"config": {"default": "fake", "engine": ENGINE, **config}, "plugins": {"provider": {"fake": plugin}}}


def lines(*texts):
    return [stream_head(), *(part(f"{text}\n".encode()) for text in texts)]


WHOLE = [*lines("a", "b", "."), part(b"")]


def chat(colour, server, **more):
    return run(colour, lambda client: client.chat("x"), **options(server, **more))

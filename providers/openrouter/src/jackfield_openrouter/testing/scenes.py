"""What becomes of one request to the fake, and the reply that comes of it, as bytes and pauses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from jackfield.http import HttpResponse

__all__ = ["FakeReply", "Scene", "Served", "alive", "error_reply", "json_reply", "stream_reply"]

COMMENT: Final = b": OPENROUTER PROCESSING\n\n"
BLANK: Final = b"\n         "
FOREVER: Final = float("inf")


@frozen
class FakeReply:
    """A reply as it arrives: pieces of its body, and seconds to pause in between; `inf` is a stall.

    Attributes:
        status: the HTTP status.
        headers: its headers.
        pieces: bytes and pauses, in order.
    """

    status: int
    headers: Mapping[str, str]
    pieces: tuple[bytes | float, ...]

    @property
    def body(self) -> bytes:
        """The bytes, without the pauses."""
        return b"".join(piece for piece in self.pieces if isinstance(piece, bytes))

    @property
    def response(self) -> HttpResponse:
        """The whole reply at once, for a network without a clock."""
        return HttpResponse(self.status, self.headers, self.body)


@frozen(kw_only=True)
class Scene:
    """What becomes of one request. What is not set goes as it does without a scene.

    Attributes:
        text: what the model says.
        reasoning: what it thinks before, with a signature.
        tool_calls: calls of tools, each a name and its arguments.
        waits: how many signs of life come before the model speaks: comments in a stream, else white space.
        wait: seconds before each of them.
        stall: whether nothing more comes behind them.
        status: a status other than 200, with an error in place of a reply.
        code: the code of an error inside the reply: a number, or a word as one page of the documentation has it.
        after: how many pieces of text come before that error; 0 is an error before the first of them.
        message: what the error says.
        metadata: the error's metadata.
        availability: hints on when and in whose stead the model can be had.
        headers: headers beside the usual ones.
        finish: the finish reason of OpenRouter.
        native_finish: that of the provider behind it.
    """

    text: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[tuple[str, str], ...] = ()
    waits: int = 0
    wait: float = 1.0
    stall: bool = False
    status: int = 200
    code: int | str | None = None
    after: int = 0
    message: str = "Provider returned error"
    metadata: Mapping[str, Any] | None = None
    availability: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(factory=dict)
    finish: str = "stop"
    native_finish: str = "completed"

    @property
    def error(self) -> dict[str, Any]:
        """The error, as it stands in a body or in a chunk."""
        given = {"metadata": self.metadata, "availability": self.availability}
        code = self.code if self.code is not None else self.status
        return {"code": code, "message": self.message, **{key: value for key, value in given.items() if value}}


@frozen
class Served:
    """A generation under way: who serves it, and what it says."""

    scene: Scene
    generation: str
    model: str
    provider: str
    usage: Mapping[str, Any]

    @property
    def head(self) -> dict[str, Any]:
        """What each payload of the reply has."""
        return {"id": self.generation, "provider": self.provider, "model": self.model, "created": 1_767_225_600}

    def message(self) -> dict[str, Any]:
        """The whole turn."""
        message: dict[str, Any] = {"role": "assistant", "content": self.scene.text, "refusal": None}
        if self.scene.reasoning:
            message |= {"reasoning": self.scene.reasoning, "reasoning_details": [self._thought(signed=True)]}
        if self.scene.tool_calls:
            message["tool_calls"] = [self._call(index) for index in range(len(self.scene.tool_calls))]
        return message

    def document(self) -> dict[str, Any]:
        """The reply in one piece; an error of its choice stands in it."""
        failed = self.scene.code is not None
        choice = {"index": 0, "message": self.message(), "logprobs": None}
        choice |= {
            "finish_reason": "error" if failed else self.finish,
            "native_finish_reason": self.scene.native_finish,
        }
        if failed:
            choice["error"] = self.scene.error
        return {**self.head, "object": "chat.completion", "choices": [choice], "usage": self.usage}

    def chunks(self) -> Iterator[dict[str, Any]]:
        """The payloads of a stream; an error inside it ends it."""
        if self.scene.reasoning:
            yield self._chunk({"reasoning": self.scene.reasoning, "reasoning_details": [self._thought(signed=False)]})
            yield self._chunk({"reasoning_details": [{**self._thought(signed=True), "text": ""}]})
        pieces = [word if not index else f" {word}" for index, word in enumerate((self.scene.text or "").split(" "))]
        for piece in pieces[: self.scene.after] if self.scene.code is not None else pieces:
            yield self._chunk({"content": piece})
        if self.scene.code is not None:
            yield {**self._chunk({"content": ""}, "error"), "error": self.scene.error}
            return
        for index in range(len(self.scene.tool_calls)):
            yield self._chunk({"tool_calls": [{**self._call(index), "index": index}]})
        yield self._chunk({"content": ""}, self.finish)
        yield {**self._chunk({"content": ""}, self.finish), "usage": self.usage}

    @property
    def finish(self) -> str:
        """Why the turn ends."""
        return "tool_calls" if self.scene.tool_calls and self.scene.finish == "stop" else self.scene.finish

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish, "logprobs": None}
        choice["native_finish_reason"] = self.scene.native_finish if finish else None
        return {**self.head, "object": "chat.completion.chunk", "choices": [choice]}

    def _thought(self, *, signed: bool) -> dict[str, Any]:
        signature = {"signature": f"signed-{self.generation}"} if signed else {}
        kind = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}
        return {**kind, "text": self.scene.reasoning, **signature}

    def _call(self, index: int) -> dict[str, Any]:
        name, arguments = self.scene.tool_calls[index]
        function = {"name": name, "arguments": arguments}
        return {"id": f"call_{self.generation}_{index}", "type": "function", "function": function}


def alive(scene: Scene, *, streamed: bool) -> Iterator[bytes | float]:
    """The signs of life that come first, and the stall behind them."""
    for _ in range(scene.waits):
        yield scene.wait
        yield COMMENT if streamed else BLANK
    if scene.stall:
        yield FOREVER


def json_reply(
    payload: Any, status: int = 200, headers: Mapping[str, str] | None = None, before: Iterable[bytes | float] = ()
) -> FakeReply:
    """A reply that is one document, behind what keeps the connection alive."""
    own = {"content-type": "application/json", **(headers or {})}
    return FakeReply(status, own, (*before, json.dumps(payload).encode()))


def stream_reply(payloads: Iterable[Any], headers: Mapping[str, str], before: Sequence[bytes | float]) -> FakeReply:
    """A stream of events, each a piece of its own."""
    told = list(payloads)
    events = [f"data: {json.dumps(payload)}\n\n".encode() for payload in told]
    end = [] if any("error" in payload for payload in told) else [b"data: [DONE]\n\n"]
    return FakeReply(200, {"content-type": "text/event-stream", **headers}, (*before, *events, *end))


def error_reply(scene: Scene) -> FakeReply:
    """An error with a status of its own."""
    return json_reply({"error": scene.error, "user_id": "user_fake"}, scene.status, scene.headers)

"""Completions, embeddings and models over OpenAI's wire, without a provider: what is sent, what a reply is read as."""

from __future__ import annotations

import json
from typing import Any

from exchanges import JSON, SSE, Outcome, any_call, lines

from jackfield.http import HttpResponse, write_json
from jackfield.operations import COMPLETE, EMBED, MODELS, CompleteRequest, EmbedRequest, ModelRequest, ModelsRequest
from jackfield.provider import Fields, JsonReply
from jackfield_wire_openai.completions import CompletionReader, completion_body
from jackfield_wire_openai.destination import Destination
from jackfield_wire_openai.embeddings import EmbeddingReader, embedding_body
from jackfield_wire_openai.models import ModelsReader
from jackfield_wire_openai.profiles import Profile, profile_of
from jackfield_wire_openai.streams import decoder

PROMPT = CompleteRequest(prompt="x")
INPUT = EmbedRequest(input="x")
LIST = ModelsRequest()
ONE = ModelRequest(model="m")


def destination(request: Any, *, host: str = "api.openai.com", profile: Profile | None = None, **more: Any):
    """Where a request goes, as a provider would say it."""
    call = any_call(request, **more)
    handled = ("model", "options", "unsupported", "extra_headers")
    return Destination(call, Fields(call, handled), profile_of(host, profile))


def body_of(request: Any, *, streaming: bool = False, **more: Any) -> dict[str, Any]:
    """The body of a request, after a round through JSON."""
    to = destination(request, streaming=streaming, **more)
    body = completion_body(to, stream=streaming) if request.operation is COMPLETE else embedding_body(to)
    found: dict[str, Any] = json.loads(write_json(body))
    return found


def reading(request: Any, headers: dict[str, str], *, streaming: bool = False, status: int = 200) -> Any:
    """The decoder of a reply with this head."""
    head = HttpResponse(status, headers)
    if request.operation is COMPLETE:
        return decoder(head, CompletionReader(head), streaming=streaming)
    if request.operation is EMBED:
        return JsonReply(head, EmbeddingReader(head, len(request.input), request.dimensions).whole)
    reader = ModelsReader(head)
    return JsonReply(head, reader.list if request.operation is MODELS else reader.one)


def whole(payload: Any, request: Any = PROMPT, headers: dict[str, str] = JSON, *, streaming: bool = False) -> Outcome:
    """What a document comes to."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Outcome(reading(request, headers, streaming=streaming), [data], request)


def streamed(*payloads: Any, done: bool = True, headers: dict[str, str] = SSE) -> Outcome:
    """What a stream of these chunks comes to."""
    return Outcome(reading(PROMPT, headers, streaming=True), [lines(*payloads, done=done)], PROMPT)


def good(outcome: Outcome) -> Any:
    """The response, where there was no error."""
    assert outcome.error is None, outcome.error
    return outcome.response

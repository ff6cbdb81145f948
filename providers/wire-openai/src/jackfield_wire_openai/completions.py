"""Text completions in OpenAI's words: requests in both directions, replies as our events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jackfield.call import Call
from jackfield.operations import CompleteRequest
from jackfield.provider import Fields
from jackfield.types import CompleteEvent, LogprobsDelta, TextDelta

from .bodies import add_extra, add_fields, add_options, prompts, read_fields
from .logprobs import read_legacy, read_tokens
from .reading import fact, field
from .replies import ChoicesReader

__all__ = ["CompletionReader", "completion_body", "read_completion_request"]

# our names, and those of the wire
NAMES: Final[Mapping[str, str]] = {
    "suffix": "suffix",
    "max_output_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "stop": "stop",
    "seed": "seed",
    "n": "n",
    "best_of": "best_of",
    "echo": "echo",
    "logprobs": "logprobs",
    "logit_bias": "logit_bias",
    "user": "user",
}


def completion_body(
    call: Call[CompleteRequest], fields: Fields, *, stream: Mapping[str, Any], namespace: str = "openai"
) -> dict[str, Any]:
    """The body of POST /completions.

    Args:
        call: the call.
        fields: the fields of its request; what this wire cannot carry is reported.
        stream: the fields that make the reply a stream; none where it is not to be one.
        namespace: under which name the request's options are meant for this provider.

    Raises:
        BadRequestError: the request contradicts itself.
        UnsupportedError: a field cannot be carried.
    """
    body: dict[str, Any] = {"model": call.target.model, "prompt": prompts(fields.take("prompt"))}
    add_fields(body, fields, NAMES)
    if body.get("stop") == ():  # none is what an empty list says, and the API refuses that
        del body["stop"]
    add_options(body, call, namespace)
    body = add_extra({**body, **{name: value for name, value in stream.items() if name not in body}}, fields)
    fields.report_rest()
    return body


def read_completion_request(body: Mapping[str, Any], namespace: str = "openai") -> tuple[CompleteRequest, bool]:
    """A request from the body of POST /completions, and whether it wants a stream.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """
    found = read_fields(body, NAMES, namespace, ("model", "prompt", "stream"))
    request = CompleteRequest(model=body.get("model"), prompt=body.get("prompt"), **found)  # type: ignore[arg-type]
    return request, bool(body.get("stream"))


class CompletionReader(ChoicesReader):
    """Reads the payloads of one completion, in order."""

    def read_choice(self, choice: Mapping[str, Any], index: int, *, whole: bool) -> Iterator[CompleteEvent]:
        """The events of a choice's text, or of more of it."""
        text = field(choice, "text", str)
        if text is None and "text" not in choice:
            text = _chatted(choice)
        if text:
            yield from self.text(text, index, "text", lambda text: TextDelta(text, index, raw=self.take()))
        if logprobs := fact(choice, "logprobs", dict):
            tokens = read_legacy(logprobs) or read_tokens(logprobs.get("content"))
            if tokens:
                yield LogprobsDelta(tokens, index, raw=self.take())


def _chatted(choice: Mapping[str, Any]) -> str | None:
    """The text of a choice in the form of a chat's, which some servers use for completions too."""
    message = field(choice, "message", dict) or field(choice, "delta", dict)
    return None if message is None else field(message, "content", str)

"""Text completions in OpenAI's words: requests in both directions, replies as our events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jackfield.operations import CompleteRequest
from jackfield.types import CompleteEvent, LogprobsDelta, TextDelta

from .bodies import add_fields, opened, read_request, wire_prompts
from .destination import Destination
from .logprobs import read_legacy, read_tokens
from .reading import fact, field
from .replies import ChoicesReader
from .requests import add_options

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


def completion_body(to: Destination, *, stream: bool) -> dict[str, Any]:
    """The body of POST /completions.

    Args:
        to: the call, and what its host and model take.
        stream: whether the reply is to be a stream.

    Raises:
        BadRequestError: the request contradicts itself.
        UnsupportedError: names what cannot be carried, where the caller does not allow that it is left out.
    """
    body: dict[str, Any] = {"model": to.call.target.model, "prompt": wire_prompts(to.fields.take("prompt"))}
    add_fields(body, to, NAMES)
    if body.get("stop") == ():  # none is what an empty list says, and the API refuses that
        del body["stop"]
    add_options(body, to, stream=stream)
    to.fields.report_rest("the host has no such parameter")
    return body


def read_completion_request(body: Mapping[str, Any], plugin: str = "openai") -> tuple[CompleteRequest, bool]:
    """Read the body of POST /completions: the request, and whether its reply is to be a stream.

    What we have no word for goes to the options of this plugin, as it is. Null is not set. Nothing is changed.

    Raises:
        BadRequestError: names the field, the value and what would be right.
    """
    rest, stream = opened(body)
    if stream and rest.get("stream_options") == {"include_usage": True}:
        del rest["stream_options"]  # which is what we ask of every stream
    return read_request(CompleteRequest, "prompt", rest, NAMES, plugin), stream


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

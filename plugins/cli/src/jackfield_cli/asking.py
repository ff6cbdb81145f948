"""Asks for a reply and shows it: what one question and a conversation have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from jackfield.operations import ChatResponse, CompleteResponse, Request, Response
from jackfield.types import Text

from .terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jackfield import Client
    from jackfield.types import Part

    from .terminal import Output

__all__ = ["answer", "facts", "remarks", "streamed", "verdict", "whole"]

R = TypeVar("R", bound=ChatResponse | CompleteResponse)

COUNTS: Final = ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens", "cost")

# what an answer that is not whole is said to be, and whether that makes a failure of it
UNFINISHED: Final = {
    "length": ("the reply was cut off at the limit of tokens", 0),
    "content_filter": ("the provider's content filter ended the reply", 1),
    "error": ("the provider ended the reply with an error", 1),
}


def answer(
    client: Client,
    request: Request[Any, R],
    timeout: float | None,
    output: Output,
    *,
    stream: bool,
    document: Callable[[R], dict[str, Any]] | None,
) -> int:
    """Ask, show the reply, and say what there is to say beside it.

    Args:
        client: whom to ask through.
        request: what to ask.
        timeout: how long the whole call may take, in seconds.
        output: where the reply goes.
        stream: whether its text is shown as it comes.
        document: makes the JSON to print in place of the text, which says everything itself.

    Returns:
        The exit status.

    Raises:
        JackfieldError: the call failed.
    """
    if document is not None:
        response = client.call(request, timeout=timeout)
        output.write_json(document(response))
        return verdict(response)[1]
    notes, status = verdict((streamed if stream else whole)(client, request, timeout, output))
    for note in notes:
        say(note)
    return status


def streamed(
    client: Client, request: Request[Any, R], timeout: float | None, output: Output, seen: list[str] | None = None
) -> R:
    """Show a reply as it comes.

    Args:
        client: whom to ask through.
        request: what to ask.
        timeout: how long the whole call may take, in seconds.
        output: where the text goes.
        seen: gets each piece of text before it is shown.

    Raises:
        JackfieldError: the call failed.
    """
    with client.stream(request, timeout=timeout) as stream:
        try:
            for piece in stream.text:
                if seen is not None:
                    seen.append(piece)
                output.write(piece)
        except (KeyboardInterrupt, Exception) as error:
            # on a terminal `^C` stands in the line too, and whoever catches it puts the cursor below
            if not (isinstance(error, KeyboardInterrupt) and output.terminal):
                output.end_line()
            raise
        output.end_line()
        return stream.response


def whole(client: Client, request: Request[Any, R], timeout: float | None, output: Output) -> R:
    """Show a reply once it is whole; see `streamed`."""
    response = client.call(request, timeout=timeout)
    output.write(response.text)
    output.end_line()
    return response


def verdict(response: ChatResponse | CompleteResponse) -> tuple[list[str], int]:
    """What there is to say about a reply beside its text, and the exit status that follows."""
    notes = remarks(response)
    status = 0
    message = response.message if isinstance(response, ChatResponse) else None
    if isinstance(response, ChatResponse) and response.refusal:
        notes.append(f"the model refused: {response.refusal}")
        status = 1
    if message and message.tool_calls:
        names = ", ".join(call.name for call in message.tool_calls)
        notes.append(f"the model asked for tools, which this command does not run: {names}")
    elif not status and not response.text.strip():
        notes.append(_emptiness(response, message.parts if message else ()))
        status = 1
    if response.finish and response.finish.unified in UNFINISHED:
        note, failed = UNFINISHED[response.finish.unified]
        notes.append(note)
        status = status or failed
    return notes, status


def _emptiness(response: ChatResponse | CompleteResponse, parts: Iterable[Part]) -> str:
    """What there is in place of a text, and why the reply ended."""
    others = sorted({type(part).__name__.lower() for part in parts if not isinstance(part, Text)})
    what = f"has no text, only {' and '.join(others)}" if others else "is empty"
    finish = response.finish
    why = f"it ended with {finish.raw or finish.unified!r}" if finish else "the provider does not say why it ended"
    return f"the reply {what}; {why}"


def remarks(response: Response) -> list[str]:
    """What was left out of the request, and what else its sender should know."""
    # what was sent in another form has lost nothing
    return [f"{notice.field}: {notice.message}" for notice in response.warnings if notice.kind != "rewritten"]


def facts(response: Response) -> dict[str, Any]:
    """What JSON documents say of a reply in the same words, whatever was asked for."""
    usage = response.usage
    return {
        "usage": usage and {name: getattr(usage, name) for name in COUNTS},
        "warnings": [
            {"kind": notice.kind, "field": notice.field, "message": notice.message} for notice in response.warnings
        ],
    }

"""The command `jackfield chat`: one question, one answer; or a conversation, at a terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .common import (
    EPILOG,
    config_option,
    json_option,
    max_tokens_option,
    model_names,
    model_option,
    open_client,
    standard_output,
    temperature_option,
    timeout_option,
)
from .inputs import decoded, prompt_text

if TYPE_CHECKING:
    from jackfield import ChatResponse

__all__ = ["chat"]

HELP: Final = """Ask a model, and print its reply as it comes. Without a PROMPT, at a terminal: a conversation.

The words of PROMPT are joined with blanks. Piped input follows them after a blank line, or is the prompt where there
are no words; a last word `-` reads standard input even from a terminal. Line ends at the end of it are dropped.

With nothing configured the mock provider answers, and a line on standard error says so.
"""


@click.command(help=HELP, epilog=EPILOG)
@click.argument("prompt", nargs=-1)
@model_option
@click.option("-s", "--system", metavar="TEXT", help="What the model should know or be, before the prompt.")
@temperature_option
@max_tokens_option
@timeout_option
@click.option("--no-stream", is_flag=True, help="Print the reply once it is whole.")
@click.option(
    "--no-history",
    is_flag=True,
    envvar="JACKFIELD_CLI_NO_HISTORY",
    help="Keep no file of what is typed in a conversation; so does JACKFIELD_CLI_NO_HISTORY=1.",
)
@json_option
@config_option
def chat(
    prompt: tuple[str, ...],
    *,
    model: str | None,
    system: str | None,
    config: Path | None,
    timeout: float | None,
    temperature: float | None,
    max_tokens: int | None,
    no_stream: bool,
    no_history: bool,
    as_json: bool,
) -> int:
    """Ask a model; see `HELP`."""
    output = standard_output()
    talk = not prompt and not as_json and output.terminal and sys.stdin is not None and sys.stdin.isatty()
    text = "" if talk else prompt_text(prompt, "chat")
    model = decoded(model or "") or None
    # imported here, so that `chat --help` stays quick
    from jackfield import ChatRequest, Message
    from jackfield.errors import BadRequestError

    from .asking import answer

    messages = [Message("user", text)]
    if system is not None:
        messages.insert(0, Message("system", decoded(system)))
    try:
        request = ChatRequest(messages=messages, model=model, temperature=temperature, max_output_tokens=max_tokens)
    except BadRequestError as error:
        raise click.UsageError(error.message) from None
    with open_client(config, model) as client:
        if talk:
            from .conversation import converse

            names = model_names(config)
            return converse(
                client, request, output, timeout=timeout, stream=not no_stream, keep=not no_history, names=names
            )
        document = _document if as_json else None
        return answer(client, request, timeout, output, stream=not no_stream, document=document)


def _document(response: ChatResponse) -> dict[str, Any]:
    """A reply as JSON holds it. The order of the keys is part of the format."""
    from .asking import facts

    finish = response.finish
    return {
        "id": response.id,
        "provider": response.provider,
        "model": response.model,
        "text": response.text,
        "reasoning": response.reasoning,
        "refusal": response.refusal,
        "tool_calls": [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in response.tool_calls],
        "finish": finish and {"unified": finish.unified, "raw": finish.raw},
        **facts(response),
    }

"""The command `jackfield chat`: one question, one answer."""

from __future__ import annotations

import math
import os
import sys
from contextlib import suppress
from select import select
from typing import TYPE_CHECKING, Any, Final

import click

from .terminal import Output, say

if TYPE_CHECKING:
    from jackfield import ChatRequest, ChatResponse, Client

__all__ = ["chat"]

HELP: Final = """Ask a model, and print its reply as it comes.

The words of PROMPT are joined with blanks. Piped input follows them after a blank line, or is the prompt where there
are no words; a last word `-` reads standard input even from a terminal. Line ends at the end of it are dropped.

With nothing configured the mock provider answers, and a line on standard error says so.
"""
EPILOG: Final = """\b
Exit status:
  0    the model answered, or asked for tools
  1    the call failed, or the model refused
  2    wrong use, or wrong configuration
  130  interrupted with Ctrl-C
  141  whoever read the output went away
"""
PATIENCE: Final = 1.0  # seconds
MOCK: Final = (
    "nothing is configured, so this is the mock provider, which only echoes. To ask a real one, set OPENAI_API_KEY "
    "in the environment or in .env.local, write a jackfield.toml, or name a model with -m provider:model"
)
# what an answer that is not whole is said to be, and whether that makes a failure of it
UNFINISHED: Final = {
    "length": ("the reply was cut off at the limit of tokens", 0),
    "content_filter": ("the provider's content filter ended the reply", 1),
    "error": ("the provider ended the reply with an error", 1),
}


def _finite(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("expected a number of seconds")
    return value


@click.command(help=HELP, epilog=EPILOG)
@click.argument("prompt", nargs=-1)
@click.option("-m", "--model", metavar="MODEL", help="provider:model, or an alias from the configuration.")
@click.option("-s", "--system", metavar="TEXT", help="What the model should know or be, before the prompt.")
@click.option("--no-stream", is_flag=True, help="Print the reply once it is whole.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole reply as one JSON document.")
@click.option("--config", metavar="FILE", help="The configuration to use, instead of the one that is found.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0, 86_400, min_open=True),
    callback=_finite,
    help="How long the whole call may take.",
)
@click.option("-t", "--temperature", metavar="NUMBER", type=click.FloatRange(0, 2), help="0 is the least random.")
@click.option("--max-tokens", metavar="NUMBER", type=click.IntRange(1), help="The most tokens that the reply may have.")
def chat(
    prompt: tuple[str, ...],
    *,
    model: str | None,
    system: str | None,
    config: str | None,
    timeout: float | None,
    temperature: float | None,
    max_tokens: int | None,
    no_stream: bool,
    as_json: bool,
) -> int:
    """Ask a model; see `HELP`."""
    if sys.stdout is None:
        raise click.UsageError("standard output is closed")
    text = _prompt(prompt)
    model = _decoded(model or "") or None
    # imported here, so that `chat --help` stays quick
    from jackfield import ChatRequest, Message
    from jackfield.errors import BadRequestError

    messages = [Message("user", text)]
    if system is not None:
        messages.insert(0, Message("system", _decoded(system)))
    try:
        request = ChatRequest(messages=messages, model=model, temperature=temperature, max_output_tokens=max_tokens)
    except BadRequestError as error:
        raise click.UsageError(error.message) from None
    output = Output(sys.stdout)
    with _client(config, model) as client:
        if as_json:
            response = client.chat(request, timeout=timeout)
            output.write_json(_document(response))
            return _verdict(response)[1]
        response = (_whole if no_stream else _streamed)(client, request, timeout, output)
    notes, status = _verdict(response)
    for note in notes:
        say(note)
    return status


# --- the prompt -------------------------------------------------------------------------------------------------------


def _prompt(words: tuple[str, ...]) -> str:
    asked = words[-1:] == ("-",)
    text = _decoded(" ".join(words[:-1] if asked else words))
    piped = _standard_input(asked=asked)
    found = [part for part in (text, piped) if part and not part.isspace()]
    if found:
        return "\n\n".join(found)
    if piped is None:
        raise click.UsageError("no prompt: write one behind `chat`, or pipe one into it")
    raise click.UsageError("no prompt: standard input is empty")


def _standard_input(*, asked: bool) -> str | None:
    """All of it; None where it is a terminal that nobody asked us to read."""
    stdin = sys.stdin
    if stdin is None or (stdin.isatty() and not asked):
        return None
    # a pipe that nobody writes to looks like one that is slow: whoever waits should know for what
    with suppress(OSError, ValueError):  # on Windows only sockets can be waited for
        if not asked and not select([stdin], [], [], PATIENCE)[0]:
            say("reading standard input to its end; if none is meant, add </dev/null")
    data = stdin.buffer.read()
    # UTF-8 first, whatever the locale: it is what files hold, and hardly anything else passes for it
    for encoding in ("utf-8-sig", stdin.encoding):
        try:
            return data.decode(encoding).rstrip("\r\n")
        except UnicodeDecodeError:
            continue
    raise click.UsageError("standard input is not text in UTF-8")


def _decoded(argument: str) -> str:
    """An argument as it was meant: in an ASCII locale, Python hides the bytes of UTF-8 in lone surrogates."""
    try:
        return os.fsencode(argument).decode() if any("\ud800" <= char <= "\udfff" for char in argument) else argument
    except UnicodeError:
        raise click.UsageError("an argument is not text in UTF-8") from None


# --- the call ---------------------------------------------------------------------------------------------------------


def _client(config: str | None, model: str | None) -> Client:
    """The client of the configuration, or of the mock where there is none and no model was named."""
    from pathlib import Path

    from attrs import evolve

    from jackfield import Client
    from jackfield.config import load
    from jackfield.errors import NothingConfiguredError
    from jackfield.registry import Registry

    loaded = load(None if config is None else Path(config))
    try:
        return Client(loaded)
    except NothingConfiguredError:
        if not model and "mock" not in Registry().names("provider"):
            raise
    # a file that names no provider may still hold settings of other kinds
    client = Client(evolve(loaded, default=model or "mock"))
    if not model:
        say(MOCK)
    return client


def _streamed(client: Client, request: ChatRequest, timeout: float | None, output: Output) -> ChatResponse:
    with client.stream(request, timeout=timeout) as stream:
        try:
            for piece in stream.text:
                output.write(piece)
        except (KeyboardInterrupt, Exception) as error:
            # on a terminal `^C` stands in the line too, and `run` puts the cursor below it
            if not (isinstance(error, KeyboardInterrupt) and output.terminal):
                output.end_line()
            raise
        output.end_line()
        return stream.response


def _whole(client: Client, request: ChatRequest, timeout: float | None, output: Output) -> ChatResponse:
    response = client.chat(request, timeout=timeout)
    output.write(response.text)
    output.end_line()
    return response


# --- the reply --------------------------------------------------------------------------------------------------------


def _verdict(response: ChatResponse) -> tuple[list[str], int]:
    """What there is to say about a reply beside its text, and the exit status that follows."""
    notes: list[str] = []
    status = 0
    if response.refusal:
        notes.append(f"the model refused: {response.refusal}")
        status = 1
    if response.tool_calls:
        names = ", ".join(call.name for call in response.tool_calls)
        notes.append(f"the model asked for tools, which this command does not run: {names}")
    if response.finish and response.finish.unified in UNFINISHED:
        note, failed = UNFINISHED[response.finish.unified]
        notes.append(note)
        status = status or failed
    return notes, status


def _document(response: ChatResponse) -> dict[str, Any]:
    """A reply as JSON holds it. The order of the keys is part of the format."""
    finish, usage = response.finish, response.usage
    counts = ("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens", "cost")
    return {
        "id": response.id,
        "provider": response.provider,
        "model": response.model,
        "text": response.text,
        "reasoning": response.reasoning,
        "refusal": response.refusal,
        "tool_calls": [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in response.tool_calls],
        "finish": finish and {"unified": finish.unified, "raw": finish.raw},
        "usage": usage and {name: getattr(usage, name) for name in counts},
    }

"""The command `jackfield complete`: has a text continued."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .common import (
    EPILOG,
    config_option,
    json_option,
    max_tokens_option,
    model_option,
    open_client,
    standard_output,
    temperature_option,
    timeout_option,
)
from .inputs import decoded, prompt_text

if TYPE_CHECKING:
    from jackfield.operations import CompleteResponse

__all__ = ["complete"]

HELP: Final = """Have a text continued, and print the continuation as it comes.

PROMPT is read as `jackfield chat` reads it: words, then what is piped in. This is the older way of text completion, for
base models and the few others that still have it; to ask a question, use `jackfield chat`.
"""


@click.command(help=HELP, epilog=EPILOG)
@click.argument("prompt", nargs=-1)
@model_option
@click.option("--suffix", metavar="TEXT", help="What comes behind the continuation.")
@click.option("--stop", multiple=True, metavar="TEXT", help="A text that ends the continuation; several may be given.")
@click.option("--echo", is_flag=True, help="Print the prompt before its continuation.")
@temperature_option
@max_tokens_option
@timeout_option
@click.option("--no-stream", is_flag=True, help="Print the continuation once it is whole.")
@json_option
@config_option
def complete(
    prompt: tuple[str, ...],
    *,
    model: str | None,
    suffix: str | None,
    stop: tuple[str, ...],
    echo: bool,
    temperature: float | None,
    max_tokens: int | None,
    timeout: float | None,
    no_stream: bool,
    as_json: bool,
    config: Path | None,
) -> int:
    """Have a text continued; see `HELP`."""
    output = standard_output()
    text = prompt_text(prompt, "complete")
    model = decoded(model or "") or None
    from jackfield.errors import BadRequestError
    from jackfield.operations import CompleteRequest

    from .asking import answer

    try:
        request = CompleteRequest(
            prompt=text,
            model=model,
            suffix=None if suffix is None else decoded(suffix),
            stop=[decoded(one) for one in stop] or None,
            echo=echo or None,
            temperature=temperature,
            max_output_tokens=max_tokens,
        )
    except BadRequestError as error:
        raise click.UsageError(error.message) from None
    with open_client(config, model) as client:
        document = _document if as_json else None
        return answer(client, request, timeout, output, stream=not no_stream, document=document)


def _document(response: CompleteResponse) -> dict[str, Any]:
    """A reply as JSON holds it. The order of the keys is part of the format."""
    from .asking import facts

    finish = response.finish
    return {
        "id": response.id,
        "provider": response.provider,
        "model": response.model,
        "text": response.text,
        "finish": finish and {"unified": finish.unified, "raw": finish.raw},
        **facts(response),
    }

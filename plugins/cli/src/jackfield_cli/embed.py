"""The command `jackfield embed`: turns texts into vectors, or tells how alike they are to another one."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .common import EPILOG, config_option, json_option, model_option, open_client, standard_output, timeout_option
from .inputs import decoded, standard_input
from .progress import progress
from .tables import write_table
from .terminal import say

if TYPE_CHECKING:
    from jackfield.operations import EmbedResponse

__all__ = ["embed"]

HELP: Final = """Turn texts into vectors, or tell how alike they are to another one.

Each TEXT is one text. With --file, each line of a file is one; with neither, or with the one TEXT `-`, each line of
standard input. Blank lines are left out.

Prints a line of JSON for each text, in order: its index, the text, and its vector. With --similar-to, prints the texts
instead, those most like the given one first, each with the cosine of the angle between the two vectors.
"""
BATCH: Final = 256  # texts in one request: most providers take no more than a few hundred


@click.command(help=HELP, epilog=EPILOG)
@click.argument("text", nargs=-1)
@model_option
@click.option("-f", "--file", metavar="FILE", help="Take the texts from the lines of this file.")
@click.option("--similar-to", metavar="TEXT", help="Print how alike the texts are to this one.")
@click.option(
    "--dimensions", metavar="NUMBER", type=click.IntRange(1), help="How long the vectors are, where it can be chosen."
)
@timeout_option
@json_option
@config_option
def embed(
    text: tuple[str, ...],
    *,
    model: str | None,
    file: str | None,
    similar_to: str | None,
    dimensions: int | None,
    timeout: float | None,
    as_json: bool,
    config: Path | None,
) -> None:
    """Turn texts into vectors; see `HELP`."""
    output = standard_output()
    texts = _texts(text, file)
    model = decoded(model or "") or None
    likened = None if similar_to is None else decoded(similar_to)
    if likened is not None and not likened.strip():
        raise click.UsageError("--similar-to: expected a text")
    asked = texts if likened is None else [likened, *texts]
    # lines that come as they are ready show by themselves how far it is, where they go to the same terminal
    as_lines = likened is None and not as_json
    shown = len(asked) > BATCH and not as_json and not (as_lines and output.terminal)
    with open_client(config, model) as client, progress(len(asked), wanted=shown) as advance:
        ask = partial(client.embed, model=model, dimensions=dimensions, timeout=timeout)
        vectors = _vectors(ask, asked, advance)
        if as_lines:
            for index, one in enumerate(vectors):
                output.write_json(_line(index, texts[index], one))
            return
        found = list(vectors)
    if likened is None:
        output.write_json([_line(index, texts[index], one) for index, one in enumerate(found)])
        return
    alike = sorted(((_cosine(found[0], one), index) for index, one in enumerate(found[1:])), key=_most_alike)
    if as_json:
        output.write_json([{"index": index, "text": texts[index], "similarity": value} for value, index in alike])
    else:
        write_table(output, ("similarity", "text"), [(f"{value:.4f}", texts[index]) for value, index in alike])


def _texts(arguments: tuple[str, ...], file: str | None) -> list[str]:
    if file is not None:
        if arguments:
            raise click.UsageError("texts as arguments and --file: expected one of them")
        try:
            lines = Path(file).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise click.UsageError(f"{file} is not text in UTF-8") from None
    elif arguments in ((), ("-",)):
        piped = standard_input(asked=bool(arguments))
        if piped is None:
            raise click.UsageError("no text: write some behind `embed`, pipe lines into it, or name a --file")
        lines = piped
    else:
        texts = [decoded(argument) for argument in arguments]
        if not all(text.strip() for text in texts):
            raise click.UsageError("an argument is empty: expected a text")
        return texts
    # not `splitlines`, which cuts at characters that a line may well have inside it
    found = [line.removesuffix("\r") for line in lines.split("\n")]
    if texts := [line for line in found if line.strip()]:
        return texts
    raise click.UsageError("no text: there is no line with anything in it")


def _vectors(
    ask: Callable[[Sequence[str]], EmbedResponse], texts: Sequence[str], advance: Callable[[int], None]
) -> Iterator[array[float]]:
    """The vectors in order, asked for in batches; what there is to remark is said once."""
    from .asking import remarks

    told: set[str] = set()
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        response = ask(batch)
        for remark in remarks(response):
            if remark not in told:
                told.add(remark)
                say(remark)
        advance(len(batch))
        yield from response.vectors


def _line(index: int, text: str, vector: array[float]) -> dict[str, Any]:
    return {"index": index, "text": text, "vector": _numbers(vector)}


def _most_alike(found: tuple[float, int]) -> tuple[float, int]:
    return -found[0], found[1]


def _cosine(one: array[float], other: array[float]) -> float:
    lengths = math.sqrt(sum(map(mul, one, one)) * sum(map(mul, other, other)))
    return sum(map(mul, one, other)) / lengths if lengths else 0.0


def _numbers(vector: array[float]) -> list[float]:
    if vector.typecode != "f":
        return list(vector)
    # nine digits hold all that single precision has, and Python would print seventeen
    return [float(f"{number:.9g}") for number in vector]

"""The command `jackfield embed`: turns texts into vectors, or tells how alike they are to another one."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from operator import mul
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from .common import EPILOG, config_option, json_option, model_option, open_client, standard_output, timeout_option
from .inputs import decoded, standard_input
from .tables import write_table
from .terminal import say

if TYPE_CHECKING:
    from jackfield import Client

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
    with open_client(config, model) as client:
        vectors = _vectors(client, asked, model, dimensions, timeout)
        if likened is not None:
            first = next(vectors)
            alike = sorted(((_cosine(first, vector), index) for index, vector in enumerate(vectors)), key=_most_alike)
            if as_json:
                rows = [{"index": index, "text": texts[index], "similarity": value} for value, index in alike]
                output.write_json(rows)
            else:
                write_table(output, ("similarity", "text"), [(f"{value:.4f}", texts[index]) for value, index in alike])
            return
        lines = ({"index": index, "text": texts[index], "vector": _numbers(one)} for index, one in enumerate(vectors))
        if as_json:
            output.write_json(list(lines))
        else:
            for line in lines:
                output.write_json(line)


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
    client: Client, texts: Sequence[str], model: str | None, dimensions: int | None, timeout: float | None
) -> Iterator[array[float]]:
    """The vectors in order, asked for in batches; what there is to remark is said once."""
    from .asking import remarks

    told: set[str] = set()
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        response = client.embed(batch, model=model, dimensions=dimensions, timeout=timeout)
        for remark in remarks(response):
            if remark not in told:
                told.add(remark)
                say(remark)
        yield from response.vectors


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

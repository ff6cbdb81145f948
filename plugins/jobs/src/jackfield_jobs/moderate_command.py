"""The command `jackfield moderate`: whether texts and pictures may be shown.

It is imported by whoever has the command `jackfield`, and so has click.
"""

from __future__ import annotations

import json
import mimetypes
import sys
from pathlib import Path
from typing import Any, Final

import click

import jackfield as jf
from jackfield.types import Image

from .moderations import ModerateRequest, Moderation
from .screen import visible, write_line

__all__ = ["moderate"]

HELP: Final = """Tell whether texts may be shown, and what speaks against them.

Each TEXT is judged by itself; with `-`, or with none, standard input is one text. With --image, the pictures and the
texts are one content, and judged together.

Prints a line for each: `ok` or `flagged`, the categories that apply with how sure that is, and the text.
"""
ADDRESSES: Final = ("http://", "https://", "data:")
FLAT: Final = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})


@click.command(help=HELP)
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "-m",
    "--model",
    default="openai",
    show_default=True,
    metavar="MODEL",
    help="Whom to ask: 'provider:model', an alias or a provider.",
)
@click.option(
    "--image", "images", multiple=True, metavar="IMAGE", help="A picture, by its address or file; may be repeated."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--config", "config", metavar="FILE", help="The configuration to use, instead of the one that is found.")
def moderate(texts: tuple[str, ...], *, model: str, images: tuple[str, ...], as_json: bool, config: str | None) -> None:
    """Judge texts and pictures; see `HELP`."""
    given = [_piped() if text == "-" else text for text in texts]
    if not given and not images:
        given = [_piped()]
    pictures = [_picture(one) for one in images]
    shown = given if not pictures else [" ".join((*given, *images))]
    with jf.Client(config) as client:
        response = client.call(ModerateRequest(model=model, input=[*given, *pictures]))
    if as_json:
        results = [{"input": text, **_plain(one)} for text, one in zip(shown, response.results, strict=True)]
        write_line(json.dumps({"id": response.id, "model": response.model, "results": results}, indent=1))
        return
    for text, one in zip(shown, response.results, strict=True):
        reasons = ", ".join(_reason(one, name) for name in one.found)
        write_line("\t".join(("flagged" if one.flagged else "ok", reasons, visible(text.translate(FLAT)))))


def _piped() -> str:
    if sys.stdin is None or sys.stdin.isatty():
        raise click.UsageError("no text: write one behind `moderate`, or pipe one into it")
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.UsageError("standard input is not text in UTF-8") from None
    if not text.strip():
        raise click.UsageError("no text: standard input is empty")
    return text


def _picture(name: str) -> Image:
    if name.startswith(ADDRESSES):
        return Image(name)
    kind, _ = mimetypes.guess_type(name)
    if kind is None or not kind.startswith("image/"):
        raise click.UsageError(f"--image: {name}: expected a picture by its name, as in 'a.png', or an address")
    return Image.of(Path(name).read_bytes(), kind)


def _reason(one: Moderation, name: str) -> str:
    score = one.scores.get(name)
    return visible(name) if score is None else f"{visible(name)} {score:.2f}"


def _plain(one: Moderation) -> dict[str, Any]:
    return {
        "flagged": one.flagged,
        "categories": dict(one.categories),
        "scores": dict(one.scores),
        "applied_to": {name: [*kinds] for name, kinds in one.applied_to.items()},
    }

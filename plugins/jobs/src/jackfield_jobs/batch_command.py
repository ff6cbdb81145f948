"""The command `jackfield batch`: many requests that a service answers in its own time.

It is imported by whoever has the command `jackfield`, and so has click.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TextIO

import attrs
import click

import jackfield as jf
from jackfield.operations import ChatResponse, CompleteResponse, EmbedResponse

from .batch_lines import read_lines
from .batched import Batches
from .batches import BatchInfo, BatchProblem, BatchResult
from .screen import (
    Bar,
    common,
    first,
    found_in,
    limit_option,
    pairs,
    piped,
    plain,
    polling_of,
    polling_option,
    same,
    say,
    show,
    show_facts,
    show_json,
    show_table,
    timeout_option,
    waiting,
)

__all__ = ["batch"]

FILE_HELP: Final = """Begin a batch of the requests in FILE, one a line; - is standard input.

A line is a prompt, as JSON text; a table with the fields of a request, as {"messages": ..., "temperature": 0}; or a
line as OpenAI has it, with "custom_id" and "body". With --text, each line is a prompt as it stands.
"""


class _Lines(click.File):
    """A file of text; `-` is standard input, which may be closed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Open it."""
        if value == "-":
            piped()
        return super().convert(value, param, ctx)


@click.group(help="Batches: many requests that are answered in the service's own time, for less.")
def batch() -> None:
    """Ask for batches; see its commands."""


@batch.command(help=FILE_HELP)
@click.argument("file", type=_Lines(encoding="utf-8-sig"))
@click.option("-m", "--model", metavar="MODEL", help="The model of requests that name none.")
@click.option("--text", is_flag=True, help="Each line is a prompt as it stands.")
@click.option("--window", default="24h", show_default=True, metavar="TIME", help="How long the service may take.")
@click.option("--metadata", multiple=True, callback=pairs, metavar="NAME=TEXT", help="Note this on the batch.")
@click.option("--wait", "wait_for", is_flag=True, help="Wait until it is over.")
@polling_option
@timeout_option
@common
def create(
    file: TextIO, *, config: str | None, name: str, as_json: bool, model: str | None, text: bool, window: str,
    metadata: dict[str, str], wait_for: bool, every: float | None, timeout: float | None,
) -> None:  # fmt: skip
    """Begin a batch."""
    with jf.Client(config) as client:
        batches: Batches = found_in(client, name, "batches")
        split = _Split(read_lines(file, name, model, plain=text))
        bar = Bar()
        try:
            made = batches.create(
                split.requests(), ids=split.ids(), window=window, metadata=metadata or None,
                progress=lambda done, total: bar(done, total, "bytes"),
            )  # fmt: skip
        finally:
            bar.clear()
        for notice in made.warnings:
            say(f"{notice.field}: {notice.message}")
        if wait_for:
            made = _waited(batches, made.id, same(name, config), every, timeout)
    _show(made, as_json=as_json)


@batch.command("list", help="All batches, the newest first.")
@limit_option
@common
def list_(*, config: str | None, name: str, as_json: bool, limit: int | None) -> None:
    """List the batches."""
    with jf.Client(config) as client:
        found = first(found_in(client, name, "batches").list(), limit)
    if as_json:
        show_json([plain(one) for one in found])
        return
    rows = [(one.id, one.status, one.operation or "-", f"{one.answered}/{one.total}", str(one.failed)) for one in found]
    show_table(("ID", "STATUS", "OPERATION", "ANSWERED", "FAILED"), rows)


@batch.command(help="A batch, by its ID.")
@click.argument("batch_id", metavar="ID")
@common
def get(batch_id: str, *, config: str | None, name: str, as_json: bool) -> None:
    """Tell of a batch."""
    with jf.Client(config) as client:
        _show(found_in(client, name, "batches").get(batch_id), as_json=as_json)


@batch.command(help="Wait until a batch is over, by its ID.")
@click.argument("batch_id", metavar="ID")
@polling_option
@timeout_option
@common
def wait(
    batch_id: str, *, config: str | None, name: str, as_json: bool, every: float | None, timeout: float | None
) -> None:
    """Wait for a batch."""
    with jf.Client(config) as client:
        found = _waited(found_in(client, name, "batches"), batch_id, same(name, config), every, timeout)
    _show(found, as_json=as_json)


@batch.command(help="End a batch, by its ID; what was answered by then is kept.")
@click.argument("batch_id", metavar="ID")
@common
def cancel(batch_id: str, *, config: str | None, name: str, as_json: bool) -> None:
    """End a batch."""
    with jf.Client(config) as client:
        _show(found_in(client, name, "batches").cancel(batch_id), as_json=as_json)


@batch.command(help="The results of a batch that is over, by its ID, one a line; with --json, one JSON table a line.")
@click.argument("batch_id", metavar="ID")
@click.option("--ordered", is_flag=True, help="In the order of the requests, where they were given no ids.")
@common
def results(batch_id: str, *, config: str | None, name: str, as_json: bool, ordered: bool) -> int:
    """Print the results. Gives 1 where a request came to an error."""
    failed = False
    with jf.Client(config) as client:
        for one in found_in(client, name, "batches").results(batch_id, ordered=ordered):
            failed = failed or one.error is not None
            if as_json:
                show_json(_result(one))
            else:
                show(_line(one))
    return int(failed)


class _Split:
    """The requests of lines, and the ids of the same lines, which are read one step behind them."""

    def __init__(self, entries: Iterator[tuple[str | None, Any]]) -> None:
        self._entries = entries
        self._named: list[str | None] = []
        self._number = 0

    def requests(self) -> Iterator[Any]:
        for name, request in self._entries:
            self._named.append(name)
            yield request

    def ids(self) -> Iterator[str]:
        while self._named:
            name = self._named.pop(0)
            yield name if name is not None else f"request-{self._number}"
            self._number += 1


def _waited(batches: Batches, batch_id: str, options: str, every: float | None, timeout: float | None) -> BatchInfo:
    with waiting(f"jackfield batch wait {batch_id}{options}") as bar:
        found: BatchInfo = batches.wait(
            batch_id,
            polling=polling_of(every),
            timeout=timeout,
            progress=lambda one: bar(one.answered, one.total or None, one.status),
        )
    return found


def _show(one: BatchInfo, *, as_json: bool) -> None:
    if as_json:
        show_json(plain(one))
        return
    names = ("id", "status", "operation", "model", "total", "completed", "failed")
    problems = "; ".join(map(_problem, one.problems))
    show_facts({**{name: getattr(one, name) for name in names}, "problems": problems})


def _problem(one: BatchProblem) -> str:
    where = "" if one.line is None else f" (line {one.line})"
    return f"{one.message or one.code or 'the service gave no reason'}{where}"


def _result(one: BatchResult) -> dict[str, Any]:
    told: dict[str, Any] = {"custom_id": one.custom_id}
    if one.error is not None:
        return {**told, "error": {"code": one.error.code, "message": one.error.message, "status": one.error.status}}
    response = one.response
    told |= {"model": response.model, "usage": response.usage and attrs.asdict(response.usage)}
    match response:
        case ChatResponse():
            calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in response.tool_calls]
            finish = response.finish and response.finish.unified
            return {**told, "text": response.text, "tool_calls": calls, "finish": finish}
        case CompleteResponse():
            return {**told, "texts": [choice.text for choice in response.choices]}
        case EmbedResponse():
            return {**told, "vectors": [[*vector] for vector in response.vectors]}
    return told


def _line(one: BatchResult) -> str:
    if one.error is not None:
        return f"{one.custom_id}\terror\t{one.error.message}".replace("\t", "  ")
    match one.response:
        case ChatResponse() as response:
            calls = ", ".join(f"{call.name}({call.arguments})" for call in response.tool_calls)
            said = response.text or response.refusal or calls
        case CompleteResponse() as response:
            said = response.text
        case EmbedResponse() as response:
            said = f"{len(response.vectors)} vectors"
        case response:
            said = type(response).__name__
    return f"{one.custom_id}  ok  {said}".replace("\n", " ")

"""The command `jackfield finetune`: jobs that tune a model.

It is imported by whoever has the command `jackfield`, and so has click.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import click

import jackfield as jf
from jackfield_jobs.screen import (
    Bar,
    common,
    first,
    found_in,
    limit_option,
    pairs,
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

from .fine_tuning import FineTuningEvent, FineTuningJob
from .fine_tuning_account import FineTuning
from .hyperparameters import METHODS

__all__ = ["finetune"]

PART: Final = "fine_tuning"


@click.group(help="Jobs that tune a model.")
def finetune() -> None:
    """Ask for jobs; see its commands."""


@finetune.command(help="Begin a job. FILE is a file of JSON lines, which is uploaded, or the id of an uploaded one.")
@click.argument("file")
@click.option("-m", "--model", required=True, metavar="MODEL", help="The model to tune.")
@click.option("--validation", metavar="FILE", help="Validation data, in the same way.")
@click.option("--method", type=click.Choice(METHODS), help="How to tune it.")
@click.option(
    "--set", "hyper", multiple=True, callback=pairs, metavar="NAME=VALUE", help="A hyperparameter: n_epochs=3, ..."
)
@click.option("--suffix", metavar="TEXT", help="What the name of the new model ends in.")
@click.option("--seed", type=int, metavar="NUMBER", help="By which the job can be repeated.")
@click.option("--metadata", multiple=True, callback=pairs, metavar="NAME=TEXT", help="Note this on the job.")
@click.option("--wait", "wait_for", is_flag=True, help="Wait until it is over.")
@polling_option
@timeout_option
@common
def create(
    file: str, *, config: str | None, name: str, as_json: bool, model: str, validation: str | None,
    hyper: dict[str, str], metadata: dict[str, str], wait_for: bool, every: float | None, timeout: float | None,
    **options: Any,
) -> None:  # fmt: skip
    """Begin a job."""
    given = {key: value for key, value in options.items() if value is not None}
    if hyper:
        given["hyperparameters"] = {key: _value(text) for key, text in hyper.items()}
    with jf.Client(config) as client:
        tuning: FineTuning = found_in(client, name, PART)
        bar = Bar()
        try:
            made = tuning.create(
                file, model=model, validation_file=validation, metadata=metadata or None,
                progress=lambda done, total: bar(done, total, "bytes"), **given,
            )  # fmt: skip
        finally:
            bar.clear()
        if wait_for:
            made = _waited(tuning, made.id, same(name, config), every, timeout)
    _show(made, as_json=as_json)


@finetune.command("list", help="All jobs, the newest first.")
@limit_option
@common
def list_(*, config: str | None, name: str, as_json: bool, limit: int | None) -> None:
    """List the jobs."""
    with jf.Client(config) as client:
        found = first(found_in(client, name, PART).list(), limit)
    if as_json:
        show_json([plain(one) for one in found])
        return
    rows = [(one.id, one.status, one.model or "-", one.fine_tuned_model or "-") for one in found]
    show_table(("ID", "STATUS", "MODEL", "TUNED MODEL"), rows)


@finetune.command(help="A job, by its ID.")
@click.argument("job_id", metavar="ID")
@common
def get(job_id: str, *, config: str | None, name: str, as_json: bool) -> None:
    """Tell of a job."""
    with jf.Client(config) as client:
        _show(found_in(client, name, PART).get(job_id), as_json=as_json)


@finetune.command(help="What happened to a job, by its ID; with --follow, until it is over.")
@click.argument("job_id", metavar="ID")
@click.option("--follow", is_flag=True, help="Go on until the job is over.")
@polling_option
@common
def events(job_id: str, *, config: str | None, name: str, as_json: bool, follow: bool, every: float | None) -> None:
    """Tell what happened."""
    with jf.Client(config) as client:
        tuning: FineTuning = found_in(client, name, PART)
        if not follow:
            for one in reversed([*tuning.events(job_id)]):
                _tell(one, as_json=as_json)
            return
        with waiting(f"jackfield finetune events --follow {job_id}{same(name, config)}"):
            for one in tuning.follow(job_id, polling=polling_of(every)):
                _tell(one, as_json=as_json)


@finetune.command(help="Wait until a job is over, by its ID.")
@click.argument("job_id", metavar="ID")
@polling_option
@timeout_option
@common
def wait(
    job_id: str, *, config: str | None, name: str, as_json: bool, every: float | None, timeout: float | None
) -> None:
    """Wait for a job."""
    with jf.Client(config) as client:
        found = _waited(found_in(client, name, PART), job_id, same(name, config), every, timeout)
    _show(found, as_json=as_json)


def _changing(change: str, what: str) -> None:
    @finetune.command(change, help=what)
    @click.argument("job_id", metavar="ID")
    @common
    def changed(job_id: str, *, config: str | None, name: str, as_json: bool) -> None:
        with jf.Client(config) as client:
            _show(getattr(found_in(client, name, PART), change)(job_id), as_json=as_json)


_changing("cancel", "End a job, by its ID.")
_changing("pause", "Let a job rest, by its ID.")
_changing("resume", "Let a job that rests go on, by its ID.")


@finetune.command(help="The models that a job made on its way, by its ID.")
@click.argument("job_id", metavar="ID")
@common
def checkpoints(job_id: str, *, config: str | None, name: str, as_json: bool) -> None:
    """List the checkpoints."""
    with jf.Client(config) as client:
        found = [*found_in(client, name, PART).checkpoints(job_id)]
    if as_json:
        show_json([plain(one) for one in found])
        return
    rows = [(str(one.step), one.model or "-", _metrics(one.metrics)) for one in found]
    show_table(("STEP", "MODEL", "METRICS"), rows)


def _waited(tuning: FineTuning, job_id: str, options: str, every: float | None, timeout: float | None) -> FineTuningJob:
    with waiting(f"jackfield finetune wait {job_id}{options}") as bar:

        def tell(event: FineTuningEvent) -> None:
            bar.clear()
            say(event.message)

        found: FineTuningJob = tuning.wait(
            job_id,
            polling=polling_of(every),
            timeout=timeout,
            progress=lambda one: bar(one.trained_tokens or 0, None, f"tokens, {one.status}"),
            on_event=tell,
        )
    return found


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _show(one: FineTuningJob, *, as_json: bool) -> None:
    if as_json:
        show_json(plain(one))
        return
    names = ("id", "status", "model", "fine_tuned_model", "training_file", "validation_file", "trained_tokens", "seed")
    facts = {name: getattr(one, name) for name in names}
    show_facts({**facts, "error": one.error and one.error.message, "results": ", ".join(one.result_files)})


def _tell(one: FineTuningEvent, *, as_json: bool) -> None:
    if as_json:
        show_json(plain(one))
        return
    when = "-" if one.created is None else datetime.fromtimestamp(one.created, UTC).strftime("%Y-%m-%d %H:%M:%S")
    show(f"{when}  {one.level or '-'}  {one.message}")


def _metrics(metrics: Mapping[str, float]) -> str:
    return " ".join(f"{name}={value:g}" for name, value in metrics.items()) or "-"

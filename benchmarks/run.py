"""Compares Jackfield with bare httpx and json, and with its peers; see README.md.

python benchmarks/run.py
python benchmarks/run.py --measure chat,stream --rounds 100 --json results.json
python benchmarks/run.py --peer openai_sdk=../peers/openai/bin/python --checkout before=../before
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import replies
from measures import FIRST, MEASURES, TIMED, Measure, Promise, Row
from processes import HERE, NotMeasuredError, Place, Spent, Worker, fresh, pin, server

MICRO = 1e6
MILLI = 1e3
WARM_UPS = 3


class Options(NamedTuple):
    """What the command line asks for. `rounds` and `calls` are None where each measure knows best."""

    rounds: int | None
    calls: int | None
    peers: dict[str, Place]
    checkouts: dict[str, Place]


Turn = Callable[[], float]
"""Measures a subject once: seconds for one unit of its work, or units a second."""


def rows_of(measure: Measure, options: Options) -> list[tuple[Row, Place]]:
    """The rows of a measure, those of peers and of other checkouts included."""
    rows = [(row, Place()) for row in measure.rows]
    for name, place in options.checkouts.items():
        rows += [
            (row._replace(label=f"{row.label} ({name})", promises=(Promise(row.label, float("inf")),)), place)
            for row in measure.rows
            if row.ours
        ]
    if measure.name == "import":
        rows += [
            (Row(f"import {imports}", program=TIMED.format(f"import {imports}")), place)
            for name, place in options.peers.items()
            for imports in [imports_of(name)]
        ]
    elif measure.name != "help" and not measure.gauge:
        rows += [(Row(name, name), place) for name, place in options.peers.items()]
        rows += [(row, options.peers[row.subject]) for row in measure.of_peers if row.subject in options.peers]
    return rows


def imports_of(subject: str) -> str:
    """What a subject imports, read rather than run: its library may not be installed here."""
    text = (HERE / "subjects" / f"{subject}.py").read_text(encoding="utf-8")
    return text.partition('\nIMPORTS = "')[2].partition('"')[0]


@contextlib.contextmanager
def turn(measure: Measure, row: Row, place: Place, url: str, options: Options) -> Iterator[Turn]:
    """Make ready to measure a row."""
    if row.needs_httpx2 and importlib.util.find_spec("httpx2") is None:
        raise NotMeasuredError("httpx2 is not installed")
    if measure.fresh:
        given = dict(option.split("=", 1) for option in row.options)
        program = row.program or FIRST.format(here=str(HERE), subject=row.subject, url=url, options=given)
        if measure.gauge:
            program = program.format(calls=options.calls or measure.calls)

        def once() -> float:
            printed, spent = fresh(place, program)
            return printed if measure.kind == "printed" else spent.cpu

        if not measure.gauge:
            once()  # from now on everything is compiled, and in the cache of the file system
        yield once
        return
    calls = options.calls or measure.calls
    worker = Worker(place, row.subject, measure.kind, url, row.options)
    try:
        for _ in range(min(options.rounds or measure.rounds, WARM_UPS)):
            worker.work(calls)
        yield lambda: figure(measure, worker.work(calls))
    finally:
        worker.close()


def figure(measure: Measure, spent: Spent) -> float:
    return spent.units / spent.wall if measure.rate else spent.cpu / spent.units


def take(measure: Measure, url: str, options: Options, left_out: list[str]) -> dict[str, list[float]]:
    """Measure every row of a measure, one after another in each round: the figures of the rounds, by label."""
    with contextlib.ExitStack() as stack:
        turns: dict[str, Turn] = {}
        for row, place in rows_of(measure, options):
            try:
                turns[row.label] = stack.enter_context(turn(measure, row, place, url, options))
            except NotMeasuredError as error:
                left_out.append(f"{measure.name}: {row.label}: {error}")
        figures: dict[str, list[float]] = {label: [] for label in turns}
        for number in range(options.rounds or measure.rounds):
            # the other way round each time, so that no subject always follows the same one
            for label in list(turns)[:: 1 if number % 2 else -1]:
                figures[label].append(turns[label]())
        return figures


def compared(promise: Promise, own: Sequence[float], others: Sequence[float]) -> float:
    """The median over the rounds: each round's own comparison, so that what slows both is in neither."""
    if promise.how == "itself":
        return statistics.median(own)
    if promise.how == "ratio":
        return statistics.median(one / other for one, other in zip(own, others, strict=True))
    return statistics.median(one - other for one, other in zip(own, others, strict=True)) * MICRO


def summary(measure: Measure, figures: dict[str, list[float]], options: Options) -> list[dict[str, Any]]:
    """What is told of each row."""
    told = []
    first = next(iter(figures.values()), [])
    scale = 1 if measure.rate or measure.gauge else MILLI if measure.fresh else MICRO
    for row, _ in rows_of(measure, options):
        if row.label not in figures:
            continue
        own = figures[row.label]
        spread = statistics.quantiles(own, n=4) if len(own) > 1 else own * 3
        told.append(
            {
                "label": row.label,
                "median": statistics.median(own) * scale,
                "quartiles": [spread[0] * scale, spread[-1] * scale],
                "of_the_first": None if measure.gauge else compared(Promise("", 0), own, first),
                "promises": [
                    {**promise._asdict(), "is": compared(promise, own, figures.get(promise.other, own))}
                    for promise in row.promises
                    if promise.other in figures or promise.how == "itself"
                ],
            }
        )
    return told


def table(measure: Measure, told: list[dict[str, Any]]) -> str:
    """The rows of a measure as a table of Markdown."""
    per = measure.gauge or ("ms" if measure.fresh else "µs")
    unit = f"{measure.unit}s a second" if measure.rate else f"{per} a {measure.unit}"
    lines = [f"| {measure.title} | {unit} | of the first | compared |", "|---|---:|---:|---|"]
    for row in told:
        words = [sentence(promise, measure) for promise in row["promises"]]
        first = "" if row["of_the_first"] is None else f"{row['of_the_first']:.2f}"
        lines.append(f"| {row['label']} | {row['median']:.4g} | {first} | {'; '.join(words)} |")
    return "\n".join(lines)


def sentence(promise: dict[str, Any], measure: Measure) -> str:
    if promise["how"] == "itself":
        return f"at most {promise['most']:g} {measure.gauge}"
    if promise["how"] == "ratio":
        text = f"{promise['is']:.2f} of {promise['other']}"
    else:
        text = f"{promise['is']:.2f} µs a {measure.unit} beyond {promise['other']}"
    return text if promise["most"] == float("inf") else f"{text}, at most {promise['most']:g}"


def machine() -> dict[str, str]:
    """What it was measured on."""
    versions = {}
    for name in ("jackfield", "httpx", "httpcore", "httpx2", "httpcore2"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": str(os.cpu_count()),
        **versions,
    }


def named(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise argparse.ArgumentTypeError(f"expected NAME=PATH, got {text!r}")
    return name, value


def parser() -> argparse.ArgumentParser:
    names = [measure.name for measure in MEASURES]
    made = argparse.ArgumentParser(description="Compare Jackfield with bare httpx and json, and with its peers.")
    made.add_argument("--measure", default=",".join(names), help=f"which, with commas between them: {', '.join(names)}")
    made.add_argument("--rounds", type=int, help="how often each subject has its turn")
    made.add_argument("--calls", type=int, help="how much a subject does in one turn")
    made.add_argument("--server", choices=("auto", "c", "python"), default="auto", help="who answers")
    made.add_argument("--json", type=Path, help="where to write everything that was measured")
    made.add_argument(
        "--peer",
        type=named,
        action="append",
        default=[],
        metavar="NAME=PYTHON",
        help="a file of subjects/, and the interpreter that has its library; may be repeated",
    )
    made.add_argument(
        "--checkout",
        type=named,
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="another checkout of this repository, to be compared with this one; may be repeated",
    )
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    asked = parser().parse_args(arguments)
    by_name = {measure.name: measure for measure in MEASURES}
    if unknown := set(asked.measure.split(",")) - by_name.keys():
        parser().error(f"no measure is called {', '.join(sorted(unknown))}; there is {', '.join(by_name)}")
    options = Options(
        asked.rounds,
        asked.calls,
        {name: Place(str(Path(path).absolute())) for name, path in asked.peer},
        {name: Place.checkout(path) for name, path in asked.checkout},
    )
    left_out: list[str] = []
    results = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "replies")
        folder.mkdir()
        replies.write(folder)
        with server(folder, Path(scratch), asked.server) as (what, url):
            pin(0)
            print(", ".join(f"{key} {value}" for key, value in machine().items()), what, sep="; ", flush=True)
            for name in asked.measure.split(","):
                measure = by_name[name]
                figures = take(measure, url, options, left_out)
                told = summary(measure, figures, options)
                results.append({"name": name, "title": measure.title, "rows": told, "rounds": figures})
                print(f"\n{table(measure, told)}", flush=True)
    for line in left_out:
        print(f"\nleft out: {line}", end="")
    print()
    if asked.json:
        whole = {"machine": machine(), "server": what, "measures": results, "left_out": left_out}
        asked.json.write_text(json.dumps(whole, indent=1, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()

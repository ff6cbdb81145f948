"""The command `jackfield doctor`: checks a set-up, and says what to do about it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from .common import EPILOG, config_option, json_option, standard_output
from .tables import write_table

if TYPE_CHECKING:
    from .checks import Finding

__all__ = ["doctor"]

HELP: Final = """Check this set-up, and say what to do about what is wrong.

Looks at versions, plugins (each is loaded), the configuration, keys (never shown), files with keys in them, and
variables that have no effect. No request is made unless --online is given.

The exit status is 1 where there is a problem; warnings and notes leave it at 0.
"""
STYLES: Final = {"ok": "green", "warning": "yellow", "problem": "bold red"}


@click.command(help=HELP, epilog=EPILOG)
@click.option("--online", is_flag=True, help="Ask each configured provider for its models, too.")
@json_option
@config_option
def doctor(*, online: bool, as_json: bool, config: Path | None) -> int:
    """Check a set-up; see `HELP`."""
    from attrs import asdict

    from .checks import everything

    output = standard_output()
    findings = list(everything(config, Path.cwd(), online=online))
    count = Counter(finding.state for finding in findings)
    if as_json:
        output.write_json({"ok": not count["problem"], "findings": [asdict(finding) for finding in findings]})
    else:
        rows = [(one.state, one.area, *_cells(one, together=output.terminal)) for one in findings]
        write_table(output, ("state", "area", "what was found"), rows, STYLES)
    return 1 if count["problem"] else 0


def _cells(finding: Finding, *, together: bool) -> tuple[str, ...]:
    """What was found and what to do: below each other for a person, in two cells for a program."""
    if not together:
        return finding.text, finding.advice
    return (f"{finding.text}\n-> {finding.advice}" if finding.advice else finding.text,)

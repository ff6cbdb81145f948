"""Tables: drawn for a person at a terminal, one tab-separated line a row for everything else."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from .terminal import visible

if TYPE_CHECKING:
    from .terminal import Output

__all__ = ["write_table"]

FLAT: Final = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})


def write_table(
    output: Output, columns: Sequence[str], rows: Iterable[Sequence[str]], styles: Mapping[str, str] | None = None
) -> None:
    """Write rows of text.

    At a terminal they stand below the names of the columns. Elsewhere each row is a line without them, its cells
    separated by tabs, and a tab or line end inside a cell is escaped.

    Args:
        output: where to write.
        columns: the names of the columns.
        rows: the cells of each row.
        styles: how a cell that holds just this text looks at a terminal, in the words of rich.

    Raises:
        OSError: nobody reads what is written.
    """
    if not output.terminal:
        for row in rows:
            output.write("\t".join(visible(cell.translate(FLAT)) for cell in row) + "\n")
        return
    # imported here: it takes longer than all the rest
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(cell), style=(styles or {}).get(cell, "")) for cell in row))
    # what rich writes goes to the terminal as it is: the cells were made harmless, the rest is rich's own
    drawn = io.StringIO()
    width = shutil.get_terminal_size().columns
    Console(file=drawn, width=width, force_terminal=True, highlight=False, legacy_windows=False).print(table)
    output.write_drawn("".join(f"{line.rstrip()}\n" for line in drawn.getvalue().splitlines()))

"""The error that says what did not fit, and where."""

from __future__ import annotations

import reprlib
from typing import Any, Final

__all__ = ["Misfit", "inside", "shown"]

_repr: Final = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = 60


def shown(value: object) -> str:
    """A value as an error quotes it, shortened."""
    return _repr.repr(value)


class Misfit(Exception):  # noqa: N818 - it never leaves this room
    """Something is not what it should be. `path` leads to it, from the inside out."""

    def __init__(self, text: str, *path: str | int) -> None:
        super().__init__(text)
        self.text = text
        self.path = list(path)

    def __str__(self) -> str:
        steps = [
            f"[{step!r}]" if isinstance(step, int) or not step.isidentifier() else f".{step}"
            for step in reversed(self.path)
        ]
        return f"{''.join(steps).removeprefix('.')}: {self.text}" if steps else self.text


def inside(step: str | int, work: Any, *arguments: Any) -> Any:
    """Do the work on what is found at this step; a misfit says that it was there."""
    try:
        return work(*arguments)
    except Misfit as error:
        error.path.append(step)
        raise

"""Vectors of unit length that depend on a text alone: the same on every machine and in every run."""

from __future__ import annotations

from array import array
from hashlib import shake_256
from math import fsum, sqrt
from typing import Final

from jackfield.errors import BadRequestError
from jackfield.operations import Prompt

__all__ = ["vector"]

LONGEST: Final = 65_536


def vector(prompt: Prompt, dimensions: int) -> array[float]:
    """The vector of a text, or of token numbers. Equal ones have equal vectors; nearness means nothing.

    Raises:
        BadRequestError: the vector would be too long.
    """
    if dimensions > LONGEST:
        raise BadRequestError(f"dimensions: the mock makes vectors of at most {LONGEST}, got {dimensions}")
    kind, words = ("text", prompt) if isinstance(prompt, str) else ("tokens", ",".join(map(str, prompt)))
    data = shake_256(f"{kind}:{words}".encode("utf-8", "surrogatepass")).digest(4 * dimensions)
    # odd whole numbers around 0: none is 0, so that no vector is
    raw = [2 * int.from_bytes(data[at : at + 4], "big") + 1 - 2**32 for at in range(0, len(data), 4)]
    length = sqrt(fsum(one * one for one in raw))
    return array("f", (one / length for one in raw))

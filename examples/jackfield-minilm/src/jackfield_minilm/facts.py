"""What is known of the model without reading it."""

from __future__ import annotations

from typing import Final

__all__ = ["LONGEST", "NAME", "SIZE"]

NAME: Final = "all-MiniLM-L6-v2"
SIZE: Final = 384
"""How many numbers a vector has."""
LONGEST: Final = 256
"""How many tokens of a text are read, those that begin and end it included."""

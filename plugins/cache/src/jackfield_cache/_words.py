"""Figures in words, and texts that a terminal shows and does not obey."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

__all__ = ["age", "amount", "duration", "size", "visible"]

# C0, DEL and C1, the marks that turn the direction of text, and what some programs take for the end of a line
UNSAFE: Final = (
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),
)
ESCAPES: Final = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in UNSAFE}
STEPS: Final = ((86_400, "d"), (3600, "h"), (60, "min"))


def visible(text: str) -> str:
    r"""The text in one line, with each character that could drive a terminal shown escaped, as in `\x1b`."""
    return text.translate(ESCAPES)


def duration(seconds: float) -> str:
    """Seconds in the largest unit that they fill."""
    for length, unit in STEPS:
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def age(created: float) -> str:
    """When something was made, in seconds since 1970, as a date and a time."""
    try:
        return datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "?"


def size(number: float) -> str:
    """A number of bytes."""
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


def amount(cost: float | None) -> str:
    """US dollars; a dash where nobody said."""
    return "-" if cost is None else f"${cost:.4f}"

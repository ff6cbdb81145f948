"""What people give to a command: arguments, and standard input."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from select import select
from typing import Final

import click

from .terminal import say

__all__ = ["decoded", "prompt_text", "standard_input"]

PATIENCE: Final = 1.0  # seconds


def decoded(argument: str) -> str:
    """An argument as it was meant: in an ASCII locale, Python hides the bytes of UTF-8 in lone surrogates.

    Raises:
        UsageError: it is not text in UTF-8.
    """
    try:
        return os.fsencode(argument).decode() if any("\ud800" <= char <= "\udfff" for char in argument) else argument
    except UnicodeError:
        raise click.UsageError("an argument is not text in UTF-8") from None


def prompt_text(words: tuple[str, ...], command: str) -> str:
    """The words of a prompt, and what is piped in after them.

    Raises:
        UsageError: there is neither; `command` says behind which the words belong.
    """
    asked = words[-1:] == ("-",)
    text = decoded(" ".join(words[:-1] if asked else words))
    piped = standard_input(asked=asked)
    found = [part for part in (text, piped) if part and not part.isspace()]
    if found:
        return "\n\n".join(found)
    if piped is None:
        raise click.UsageError(f"no prompt: write one behind `{command}`, or pipe one into it")
    raise click.UsageError("no prompt: standard input is empty")


def standard_input(*, asked: bool) -> str | None:
    """All of standard input; None where it is a terminal that nobody asked us to read.

    Raises:
        UsageError: it is not text.
    """
    stdin = sys.stdin
    if stdin is None or (stdin.isatty() and not asked):
        return None
    # a pipe that nobody writes to looks like one that is slow: whoever waits should know for what
    with suppress(OSError, ValueError):  # on Windows only sockets can be waited for
        if not asked and not select([stdin], [], [], PATIENCE)[0]:
            say("reading standard input to its end; if none is meant, add </dev/null")
    data = stdin.buffer.read()
    # UTF-8 first, whatever the locale: it is what files hold, and hardly anything else passes for it
    for encoding in ("utf-8-sig", stdin.encoding):
        try:
            return data.decode(encoding).rstrip("\r\n")
        except UnicodeDecodeError:
            continue
    raise click.UsageError("standard input is not text in UTF-8")

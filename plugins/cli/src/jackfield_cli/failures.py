"""What is said of a failure, and the exit status that follows from it."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Final

__all__ = ["FAILED", "WRONG_USE", "explained", "refused"]

FAILED: Final = 1
WRONG_USE: Final = 2


def explained(error: BaseException) -> tuple[str, int]:
    """What to say of an error, and the exit status: 2 where the set-up is to blame, else 1."""
    from jackfield.errors import ConfigurationError, JackfieldError, PluginError

    if isinstance(error, JackfieldError):
        # a plugin that cannot be loaded is a matter of set-up, one that breaks in a call is not
        unfit = isinstance(error, PluginError) and error.operation is None
        status = WRONG_USE if unfit or isinstance(error, ConfigurationError) else FAILED
        return str(error) or type(error).__name__, status
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" ({PurePath(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})" if trace else ""
    # its text stays out, as in the core: it may hold anything, a key included
    return f"internal error: {type(error).__name__}{place}", FAILED


def refused(error: OSError) -> str:
    """What the operating system said, in words, with the file where there is one. Its numbers tell a person nothing."""
    said = error.strerror or str(error) or type(error).__name__
    files = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    return f"{' -> '.join(files)}: {said}" if files else said

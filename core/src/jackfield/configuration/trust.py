"""Which files that were merely found are trusted all the same: by their content, as their user once said.

Each trusted file has a record of its own in the user's state folder, a file of one line, as `sha256sum` writes it:
so no two writers can undo each other's work, and one broken record spoils no other.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from ..errors import ConfigurationError

__all__ = ["distrust", "state_folder", "trust_record"]

LONGEST: Final = 64 * 1024  # bytes of a record: a sum and a path
OTHERS_WRITE: Final = 0o022
STATE: Final = {"win32": ("LOCALAPPDATA", "AppData/Local"), "darwin": ("", "Library/Application Support")}


def state_folder() -> Path:
    """The folder for what Jackfield remembers about this user. It need not exist yet.

    Raises:
        ConfigurationError: the user has no home folder.
    """
    variable, below = STATE.get(sys.platform, ("XDG_STATE_HOME", ".local/state"))
    if (named := Path(os.environ.get(variable, ""))).is_absolute():
        return named / "jackfield"
    try:
        return Path.home() / below / "jackfield"
    except RuntimeError:
        raise ConfigurationError(f"there is no home folder to keep state in; set {variable or 'HOME'}") from None


def trust_record(file: Path, content: bytes) -> tuple[Path, bytes]:
    """The record that a file with this content is trusted: where it is kept, and what it says."""
    from hashlib import sha256  # it takes its time to import, and hardly anybody asks

    name = os.fsencode(file.resolve())
    record = state_folder() / "trusted" / sha256(name).hexdigest()
    return record, sha256(content).hexdigest().encode() + b"  " + name + b"\n"


def distrust(file: Path, content: bytes) -> str | None:
    """Why a file with this content is not trusted, or None where it is."""
    try:
        record, expected = trust_record(file, content)
        with record.open("rb") as source:
            status = os.fstat(source.fileno())
            said = source.read(LONGEST)
    except FileNotFoundError:
        return "nobody has trusted it"
    except (ConfigurationError, OSError, ValueError) as error:
        return f"whether it is trusted cannot be read: {error}"
    if os.name == "posix" and (status.st_mode & OTHERS_WRITE or status.st_uid not in {os.getuid(), 0}):
        return f"others can write the record of its trust, {record}"
    if said == expected:
        return None
    changed = said[64:] == expected[64:]
    return "it changed since it was trusted" if changed else f"the record of its trust, {record}, is broken"

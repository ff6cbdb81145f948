"""Which files that were merely found are trusted all the same: by their content, as their user once said.

Each trusted file has a file of its own in the user's state folder, with one line, as `sha256sum` writes it:
so no two writers can undo each other's work, and one broken entry spoils no other.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from ..errors import ConfigurationError

__all__ = ["distrust", "state_folder", "trust", "untrust"]

LONGEST: Final = 64 * 1024  # bytes of an entry: a sum and a path
OTHERS_WRITE: Final = 0o022


def state_folder() -> Path:
    """The folder for what Jackfield remembers about this user. It need not exist yet.

    Raises:
        ConfigurationError: the user has no home folder.
    """
    variable = {"win32": "LOCALAPPDATA", "darwin": ""}.get(sys.platform, "XDG_STATE_HOME")
    named = Path(os.environ.get(variable, ""))
    if named.is_absolute():
        return named / "jackfield"
    below = {"win32": "AppData/Local", "darwin": "Library/Application Support"}.get(sys.platform, ".local/state")
    try:
        return Path.home() / below / "jackfield"
    except RuntimeError:
        raise ConfigurationError(f"there is no home folder to keep state in; set {variable or 'HOME'}") from None


def trust(path: str | os.PathLike[str]) -> str:
    """Trust a file as it is now: keys may go where it says, though it was merely found. Any change ends this.

    Returns:
        The SHA-256 of its content.

    Raises:
        ConfigurationError: the file cannot be read, or the entry cannot be written.
    """
    from tempfile import mkstemp

    file = Path(path)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    entry = _entry(file)
    try:
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = mkstemp(dir=entry.parent)  # of mode 0600
        try:
            with open(handle, "wb") as out:
                out.write(_line(file, content))
                out.flush()
                os.fsync(out.fileno())
            os.replace(temporary, entry)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise ConfigurationError(f"{entry}: cannot be written: {error.strerror}") from None
    return sha256(content).hexdigest()


def untrust(path: str | os.PathLike[str]) -> bool:
    """Take the trust back. Gives whether there was any.

    Raises:
        ConfigurationError: the entry cannot be removed.
    """
    entry = _entry(Path(path))
    try:
        entry.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(f"{entry}: cannot be removed: {error.strerror}") from None
    return True


def distrust(file: Path, content: bytes) -> str | None:
    """Why a file with this content is not trusted, or None where it is."""
    try:
        entry = _entry(file)
        with entry.open("rb") as source:
            status = os.fstat(source.fileno())
            line = source.read(LONGEST)
    except FileNotFoundError:
        return "nobody has trusted it"
    except ConfigurationError as error:
        return error.message
    except (OSError, ValueError) as error:
        return f"whether it is trusted cannot be read: {type(error).__name__}"
    if os.name == "posix" and (status.st_mode & OTHERS_WRITE or status.st_uid not in {os.getuid(), 0}):
        return f"the record of its trust, {entry}, can be written by others"
    if line == _line(file, content):
        return None
    known = line.partition(b"  ")[2] == _line(file, content).partition(b"  ")[2]
    return "it changed since it was trusted" if known else f"the record of its trust, {entry}, is broken"


def _entry(file: Path) -> Path:
    return state_folder() / "trusted" / sha256(_name(file)).hexdigest()


def _line(file: Path, content: bytes) -> bytes:
    return sha256(content).hexdigest().encode() + b"  " + _name(file) + b"\n"


def _name(file: Path) -> bytes:
    return os.fsencode(file.resolve())

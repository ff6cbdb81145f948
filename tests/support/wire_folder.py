"""The folder of recorded exchanges and specifications, which lies beside the project or is named by a variable."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("JACKFIELD_TEST_WIRE") or Path(__file__).parents[3] / "shared" / "wire")


def beside(*parts):
    """A file or folder in it; the test is skipped where it is absent."""
    found = FOLDER.joinpath(*parts)
    if not found.exists():
        pytest.skip(f"{'/'.join(parts)} is not beside the project (../shared/wire, or JACKFIELD_TEST_WIRE)")
    return found

"""The folder of recorded exchanges and specifications, which lies beside the project or is named by a variable."""

import json
import os
import re
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("JACKFIELD_TEST_WIRE") or Path(__file__).parents[3] / "shared" / "wire")


def beside(*parts):
    """A file or folder in it; the test is skipped where it is absent."""
    found = FOLDER.joinpath(*parts)
    if not found.exists():
        pytest.skip(f"{'/'.join(parts)} is not beside the project (../shared/wire, or JACKFIELD_TEST_WIRE)")
    return found


def payloads(row):
    """The documents of a recorded reply, read without ceremony."""
    if not row["streaming"]:
        return [json.loads(row["response_body"])]
    found = []
    for block in re.split(r"(?:\r\n|\n){2,}", row["response_body"]):
        data = "\n".join(line[5:].strip() for line in block.splitlines() if line.startswith("data:"))
        if data and data != "[DONE]":
            found.append(json.loads(data))
    return found

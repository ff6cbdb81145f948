"""What a provider sends, told by another process: `python -m jackfield_testkit.conformance._elsewhere`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getfile
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from jackfield.operations import ChatRequest

from ._cases import expect, told
from ._exchanges import sent
from ._probes import TOOL
from ._samples import Sample

__all__ = ["check_elsewhere"]

WORDS: Final = tuple(f"probe-{number}" for number in range(6))
# so many at once that another order of them is seen
MANY: Final[dict[str, Any]] = {
    "stop": WORDS[:4],
    "metadata": {word: word for word in WORDS},
    "logit_bias": {str(371 + number): 1.0 for number in range(6)},
    "tools": tuple(attrs.evolve(TOOL, name=word) for word in WORDS),
    "extra_body": {word: word for word in WORDS},
}
# an operation that is not the core's may have a field of the same name for another thing
TYPES: Final[dict[str, Any]] = {one.name: one.type for one in attrs.fields(ChatRequest)}


def _asked(sample: Sample) -> Iterator[tuple[str, Any]]:
    yield sample.name, sample.request
    for one in attrs.fields(type(sample.request)):
        if one.name in MANY and one.type == TYPES[one.name]:
            yield (
                f"{sample.name} with {one.name}={told(MANY[one.name])}",
                attrs.evolve(sample.request, **{one.name: MANY[one.name]}),
            )


def wires(suite: Any) -> dict[str, str]:
    """What is sent for every sample, alone and with each field that holds many things."""
    provider = suite.provider()
    return {
        name: repr(sent(provider, request, sample, unsupported="drop").wire)
        for sample in suite.samples
        for name, request in _asked(sample)
    }


def check_elsewhere(suite: Any) -> None:
    """See that a process in which sets have another order sends the same bytes."""
    cls = type(suite)
    module = sys.modules[cls.__module__]
    if "<locals>" in cls.__qualname__:
        pytest.skip("the suite's class stands inside a function, where another process does not find it")
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", __name__, getfile(cls), module.__name__, cls.__qualname__]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603 - it is our own
    rule = "another process cannot import the suite"
    expect(done.returncode == 0, f"{rule}: {done.stderr.decode(errors='replace')[-2000:]}")
    here, there = wires(suite), json.loads(done.stdout.splitlines()[-1])
    for name, one in here.items():
        rule = f"{name}: this process sends {told(one)}, and another {told(there.get(name))}"
        expect(one == there.get(name), f"{rule}: give what is in a set an order")


def main(file: str, name: str, suite: str) -> None:
    """Print what the suite of a file sends."""
    spec = spec_from_file_location(name, Path(file))
    if spec is None or spec.loader is None:
        raise SystemExit(f"{file} is no module")
    sys.modules[name] = found = module_from_spec(spec)
    spec.loader.exec_module(found)
    cls: Any = found
    for part in suite.split("."):
        cls = getattr(cls, part)
    print(json.dumps(wires(cls())))  # noqa: T201 - whoever asked reads it


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What a provider supports, as a table for its README: what becomes of each field and of each kind of content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from jackfield.errors import UnsupportedError
from jackfield.provider import HttpProvider, Provider

from ._exchanges import sent
from ._fields import probes_of, what_becomes
from ._probes import MESSAGES
from ._samples import Sample

__all__ = ["support_table"]


def support_table(provider: Provider, samples: Sequence[Sample], probes: Mapping[str, Any]) -> str:
    """Markdown: the operations, and for a provider over HTTP the fields and the contents of messages."""
    firsts = {sample.request.operation.name: sample for sample in reversed(samples)}
    lines = [*_table(("operation", "samples"), _operations(provider, samples))]
    if isinstance(provider, HttpProvider):
        names = sorted(firsts)
        lines += ["", *_table(("field", *names), _fields(provider, firsts, probes, names))]
        if "chat" in firsts:
            lines += ["", *_table(("messages", "chat"), _messages(provider, firsts["chat"]))]
    return "\n".join(lines)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    heads = list(heads)
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---' for _ in heads)} |"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _operations(provider: Provider, samples: Sequence[Sample]) -> Iterator[tuple[str, str]]:
    for name in sorted(provider.operations):
        yield name, ", ".join(sample.name for sample in samples if sample.request.operation.name == name)


def _fields(
    provider: Provider, firsts: Mapping[str, Sample], probes: Mapping[str, Any], names: Sequence[str]
) -> Iterator[list[str]]:
    found: dict[str, dict[str, str]] = {}
    for operation, sample in firsts.items():
        fields = {one.name for one in attrs.fields(type(sample.request))}
        for _, name, probe in probes_of(operation, probes):
            if name in fields and operation not in found.get(name, {}):
                found.setdefault(name, {})[operation] = what_becomes(provider, sample, name, probe)
    for name in sorted(found):
        yield [f"`{name}`", *(found[name].get(operation, "") for operation in names)]


def _messages(provider: Provider, sample: Sample) -> Iterator[tuple[str, str]]:
    request: Any = sample.request
    for name, (_, more) in MESSAGES.items():
        strict = sent(provider, attrs.evolve(request, messages=more), sample)
        noted = any(notice.kind == "unsupported" for notice in strict.notices)
        if isinstance(strict.error, UnsupportedError) or noted:
            yield name, "reported"
        else:
            yield name, "sent" if strict.error is None else "refused"

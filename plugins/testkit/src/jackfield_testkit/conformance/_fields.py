"""Nothing is dropped in silence: what a request holds is sent, or it is reported."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from jackfield.errors import JackfieldError, UnsupportedError
from jackfield.operations import Request
from jackfield.provider import Fields, Provider

from ._cases import expect, told
from ._exchanges import Sent, call_of, sent
from ._probes import EVERY, MESSAGES, PROBES, Probe
from ._samples import Sample

__all__ = ["check_in_process", "check_message", "check_own_option", "check_probe", "probes_of", "what_becomes"]


def probes_of(operation: str, own: Mapping[str, Any]) -> Iterator[tuple[str, str, Probe]]:
    """Each probe of an operation, with the name of its case and of its field."""
    more = {name: (value if isinstance(value, Probe) else Probe(value, literal=False),) for name, value in own.items()}
    for name, probes in {**PROBES.get(operation, EVERY), **more}.items():
        for index, probe in enumerate(probes):
            yield (
                (f"{name}={probe.value}" if index and not probe.value else name + f"-{index + 1}" * bool(index)),
                name,
                probe,
            )


def _pair(sample: Sample, name: str, probe: Probe) -> tuple[Request[Any, Any], Request[Any, Any]]:
    without: dict[str, Any] = {name: None, **probe.beside}
    return attrs.evolve(sample.request, **without), attrs.evolve(sample.request, **{**without, name: probe.value})


def check_probe(provider: Provider, sample: Sample, name: str, probe: Probe) -> None:
    """See that the value of a field is sent, or reported."""
    without, with_it = _pair(sample, name, probe)
    for streaming in sample.forms or [False]:
        # copies, since a provider may change what it is given, which is another case's to find
        strict = sent(provider, copy.deepcopy(with_it), sample, streaming=streaming)
        lenient = sent(provider, copy.deepcopy(with_it), sample, streaming=streaming, unsupported="drop")
        before = sent(provider, without, sample, streaming=streaming, unsupported="drop")
        _check(before, strict, lenient, name, f"{name}={told(probe.value)}")
        literal = probe.value if probe.literal and not lenient.speaks_of(name) else None
        if literal is not None and lenient.error is None:
            rule = f"{name}: the value {literal!r} is in nothing that was sent, and no `call.rewrote` says in what form"
            expect(any(type(one) is type(literal) and one == literal for one in lenient.leaves), rule)


def check_message(provider: Provider, sample: Sample, name: str) -> None:
    """See that what one conversation has beyond another is sent, or reported."""
    request: Any = sample.request
    # a copy, or what a provider changes is changed for all
    less, more = (attrs.evolve(request, messages=messages) for messages in copy.deepcopy(MESSAGES[name]))
    held = copy.deepcopy(more)
    strict = sent(provider, more, sample)
    lenient = sent(provider, more, sample, unsupported="drop")
    before = sent(provider, less, sample, unsupported="drop")
    expect(more == held, f"the provider changed the caller's messages ({name}): they are {told(more.messages)}")
    _check(before, strict, lenient, "messages", f"messages ({name})")


def _check(before: Sent, strict: Sent, lenient: Sent, name: str, what: str) -> None:
    dropped = f"{what} is dropped in silence: what is sent is the same without it, and nothing reports it"
    if isinstance(strict.error, UnsupportedError):
        rule = f"{what}: reported as unsupported, and so it must be left out with unsupported='drop'"
        expect(lenient.error is None or lenient.speaks_of(name), f"{rule}; that raised {lenient.error!r}")
        expect(strict.speaks_of(name), f"{what}: the error does not name the field: {strict.error}")
        return
    if strict.error is not None:
        expect(strict.speaks_of(name), f"{what}: the error does not name the field: {strict.error!r}")
        return
    expect(lenient.error is None, f"{what}: sent, but with unsupported='drop' an error: {lenient.error!r}")
    expect(strict.wire != before.wire or strict.speaks_of(name), dropped)


def _rewritten(found: Sent, name: str) -> bool:
    return any(notice.kind == "rewritten" and notice.field.startswith(name) for notice in found.notices)


def what_becomes(provider: Provider, sample: Sample, name: str, probe: Probe) -> str:
    """What becomes of a field, in a word for a table: sent, rewritten, reported or refused."""
    without, with_it = _pair(sample, name, probe)
    strict = sent(provider, with_it, sample)
    if isinstance(strict.error, UnsupportedError):
        return "reported"
    if strict.error is not None:
        return "refused"
    if _rewritten(strict, name):
        return "rewritten"
    return "sent" if strict.wire != sent(provider, without, sample, unsupported="drop").wire else "dropped"


# --- providers without HTTP: there is nothing to see but which fields they look at


class _Watched(Fields):
    def __init__(self, fields: Fields, looked_at: set[str]) -> None:
        self._fields = fields
        self._looked_at = looked_at

    def take(self, name: str) -> Any:
        self._looked_at.add(name)
        return self._fields.take(name)

    def report_rest(self, why: str = "the provider has no such parameter") -> None:
        self._fields.report_rest(why)


async def check_in_process(provider: Any, sample: Sample, name: str, probe: Probe, runtime: Any) -> None:
    """See that a provider without HTTP takes a field, or reports it."""
    _, with_it = _pair(sample, name, probe)
    looked_at: set[str] = set()
    call = attrs.evolve(call_of(provider, _watched(with_it, looked_at), streaming=False), runtime=runtime)
    own = type(provider).fields

    def fields(call: Any) -> Fields:
        before = set(looked_at)
        made = own(provider, call)
        looked_at.intersection_update(before)  # to list the fields is not to look at them
        return _Watched(made, looked_at)

    provider.fields = fields
    try:
        async for _ in provider.open(call):
            pass
    except UnsupportedError as error:
        expect(name in error.message, f"{name}: the error does not name the field: {error}")
        return
    except JackfieldError as error:
        expect(name in error.message, f"{name}={told(probe.value)}: the error does not name the field: {error!r}")
        return
    finally:
        del provider.fields
    rule = f"{name} is dropped in silence: the provider never looks at it; use `self.fields(call)` and `report_rest()`"
    expect(name in looked_at, rule)


class _WatchedOptions(Mapping[str, Any]):
    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self.looked_at = False

    def __getitem__(self, name: str) -> Any:
        self.looked_at |= name in self._options
        return self._options[name]

    def __iter__(self) -> Iterator[str]:
        self.looked_at = True
        return iter(self._options)

    def __len__(self) -> int:
        return len(self._options)


async def check_own_option(provider: Any, sample: Sample, plugin: str, own: Mapping[str, Any], runtime: Any) -> None:
    """See that a provider without HTTP looks at all options of its own, or reports what it does not know."""
    watched = _WatchedOptions(own)
    request = attrs.evolve(sample.request, options={plugin: watched})
    call = attrs.evolve(call_of(provider, request, streaming=False), runtime=runtime)
    try:
        async for _ in provider.open(call):
            pass
    except JackfieldError as error:
        expect(any(name in str(error) for name in own), f"the error does not name the option {own!r}: {error!r}")
        return
    rule = f"options[{plugin!r}] = {own!r} is dropped in silence: use it, report it or refuse it"
    expect(watched.looked_at or call.ledger.notices, rule)


def _watched(request: Any, looked_at: set[str]) -> Any:
    cls = type(request)

    def look(self: Any, name: str) -> Any:
        looked_at.add(name)
        return object.__getattribute__(self, name)

    watched = type(cls.__name__, (cls,), {"__getattribute__": look, "__slots__": ()})
    found: Any = object.__new__(watched)
    for one in attrs.fields(cls):
        object.__setattr__(found, one.name, getattr(request, one.name))
    return found
